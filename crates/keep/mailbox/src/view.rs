//! A mailbox that is open for reading: its latest version, and news of the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use postroom_mail::identifier::{AccountId, MailboxId, ModSeq, Uid};
use postroom_store::error::ReadError;
use postroom_store::row::{Changes, Mailbox, Placement};
use postroom_store::store::Store;
use tokio::sync::watch;

use crate::version::Version;

/// Placements asked of the store at once while a view is loaded.
const LOAD_PAGE_MAX: usize = 4096;

/// One mailbox open for reading, shared by its sessions. Each holds the [`Version`] that it last
/// announced, and the view the latest.
#[derive(Debug)]
pub struct View {
    store: Store,
    account: AccountId,
    mailbox: MailboxId,
    /// `None` once the mailbox is gone.
    latest: watch::Sender<Option<Arc<Version>>>,
    /// UIDs below this one were told to a session that may claim them.
    recent: AtomicU32,
}

impl View {
    /// Reads a mailbox whole; `None` when it is gone.
    ///
    /// `recent` is the first UID that no session has been told of.
    pub(crate) async fn load(
        store: &Store,
        account: AccountId,
        mailbox: MailboxId,
        recent: u32,
    ) -> Result<Option<Self>, ReadError> {
        let Some((row, placements)) = read_whole(store, account, mailbox).await? else {
            return Ok(None);
        };
        let has_pages = placements.len() >= LOAD_PAGE_MAX;
        let version = Arc::new(Version::new(row, &placements));
        let view = Self {
            store: store.clone(),
            account,
            mailbox,
            latest: watch::Sender::new(Some(version)),
            recent: AtomicU32::new(recent),
        };
        if has_pages {
            view.refresh().await?;
        }
        Ok(Some(view))
    }

    /// Whose mailbox it is.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Which mailbox it is.
    pub fn mailbox(&self) -> MailboxId {
        self.mailbox
    }

    /// The latest version; `None` once the mailbox is gone.
    pub fn latest(&self) -> Option<Arc<Version>> {
        self.latest.borrow().clone()
    }

    /// Follows the view from now on.
    pub fn watch(&self) -> Watch {
        Watch(self.latest.subscribe())
    }

    /// Reads what changed since the latest version. What was committed before the call is in the
    /// version that is returned; `None` when the mailbox is gone.
    ///
    /// No lock is held while the store is read: of two that read at once, one finds its work done.
    pub async fn refresh(&self) -> Result<Option<Arc<Version>>, ReadError> {
        loop {
            let Some(base) = self.latest() else {
                return Ok(None);
            };
            let since = base.mod_seq();
            let changes = self
                .store
                .changes_since(self.account, self.mailbox, since)
                .await?;
            let Some(changes) = changes else {
                self.latest.send_replace(None);
                return Ok(None);
            };
            let Some(row) = &changes.mailbox else {
                return Ok(Some(base));
            };
            if row.mod_seq <= since && *row == *base.mailbox() {
                return Ok(Some(base));
            }
            let changes = if since < changes.floor {
                let whole = read_whole(&self.store, self.account, self.mailbox).await?;
                // A mailbox that went meanwhile is found out by the next look at it.
                whole.map_or(changes, |(row, placements)| {
                    all_changes(&base, row, placements)
                })
            } else {
                changes
            };
            let reached = changes.mailbox.as_ref().map_or(since, |row| row.mod_seq);
            let next = Arc::new(base.after(changes));
            if self.install(&base, next, reached) {
                return Ok(self.latest());
            }
        }
    }

    /// Puts `next` in the place of `base`. False if an older version than `next` has come there
    /// meanwhile.
    fn install(&self, base: &Arc<Version>, next: Arc<Version>, reached: ModSeq) -> bool {
        let mut is_done = true;
        self.latest.send_if_modified(|latest| match latest {
            Some(current) if Arc::ptr_eq(current, base) => {
                *current = next;
                true
            }
            Some(current) => {
                is_done = current.mod_seq() >= reached;
                false
            }
            None => false,
        });
        is_done
    }

    /// The first UID that is `\Recent` to a session that is told of all below `uid_next` now.
    /// With `Claim::Take` no other session finds them recent (RFC 3501 §2.3.2).
    pub fn recent_from(&self, uid_next: u32, claim: Claim) -> u32 {
        match claim {
            Claim::Take => self.recent.fetch_max(uid_next, Ordering::AcqRel),
            Claim::Look => self.recent.load(Ordering::Acquire),
        }
    }
}

/// The placements of a mailbox, and its row as it stood before they were read: what changed after
/// that is found as changes. `None` when the mailbox is gone.
async fn read_whole(
    store: &Store,
    account: AccountId,
    mailbox: MailboxId,
) -> Result<Option<(Mailbox, Vec<Placement>)>, ReadError> {
    let mut first: Option<Mailbox> = None;
    let mut placements = Vec::new();
    loop {
        let after = placements
            .last()
            .map_or(0, |last: &Placement| last.uid.number());
        let page = store.placements(account, mailbox, after, LOAD_PAGE_MAX);
        let Some((row, rows)) = page.await? else {
            return Ok(None);
        };
        // Pages are of different moments: the first row is kept.
        first.get_or_insert(row);
        let is_last = rows.len() < LOAD_PAGE_MAX;
        placements.extend(rows);
        if is_last {
            break;
        }
    }
    Ok(first.map(|row| (row, placements)))
}

/// From `base` to what was read whole, where the store no longer knows what went.
fn all_changes(base: &Version, row: Mailbox, placements: Vec<Placement>) -> Changes {
    let is_there = |uid: &Uid| {
        placements
            .binary_search_by_key(uid, |placement| placement.uid)
            .is_ok()
    };
    let known = base.iter().map(|(_, placement)| placement.uid);
    Changes {
        expunged: known.filter(|uid| !is_there(uid)).collect(),
        placements,
        floor: row.mod_seq,
        mailbox: Some(row),
    }
}

/// Whether a session takes what is `\Recent` or only looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// EXAMINE and STATUS.
    Look,
    /// SELECT.
    Take,
}

/// Tells one session when its view has another version.
#[derive(Debug)]
pub struct Watch(watch::Receiver<Option<Arc<Version>>>);

impl Watch {
    /// Waits for a version other than those seen before; for ever once the view is closed.
    /// Cancel safe.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
