//! The views that are open, and the task that moves them on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postroom_mail::identifier::{AccountId, MailboxId, ModSeq};
use postroom_runtime::group::{TaskGroup, Token};
use postroom_store::error::ReadError;
use postroom_store::store::{Notice, Store};
use tokio::sync::OnceCell;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::view::{Claim, View};

/// Tasks that read changes for views; a mailbox is always read by the same one.
const FOLLOWERS: u64 = 2;

/// Mailboxes of which it is remembered what is `\Recent`; at the bound all are forgotten.
const RECENT_MAX: usize = 100_000;

/// Bounds of the views of a process.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Octets of memory for views. Above it those that no session holds are dropped, least
    /// recently used first; those that are held stay.
    pub views_octets_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            views_octets_max: 64 * 1024 * 1024,
        }
    }
}

/// The open views. Clones share them.
#[derive(Debug, Clone)]
pub struct Views(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    limits: Limits,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    views: HashMap<MailboxId, Slot>,
    /// Grows with every use of a view.
    uses: u64,
    octets: usize,
    /// Where views that were dropped stood with `\Recent`.
    recent: HashMap<MailboxId, u32>,
}

/// A view that is open or being read.
#[derive(Debug)]
struct Slot {
    view: Arc<OnceCell<Arc<View>>>,
    used: u64,
    /// As last counted.
    octets: usize,
}

impl Views {
    /// No views yet; `group` runs the tasks that follow the store.
    pub fn start(store: &Store, limits: Limits, group: &TaskGroup) -> Self {
        let views = Self(Arc::new(Inner {
            store: store.clone(),
            limits,
            open: Mutex::default(),
        }));
        for shard in 0..FOLLOWERS {
            let follower = Follower {
                views: views.clone(),
                notices: store.follow(),
                shard,
            };
            let token = group.token().clone();
            group.spawn(async move { follower.run(&token).await });
        }
        views
    }

    /// The view of a mailbox, which holds all that was committed before; `None` when the mailbox
    /// is gone. Read once, however many ask at the same time.
    pub async fn open(
        &self,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<Option<Arc<View>>, ReadError> {
        let (slot, recent) = self.slot(mailbox);
        let view = slot
            .get_or_try_init(|| async {
                match View::load(&self.0.store, account, mailbox, recent).await {
                    Ok(Some(view)) => Ok(Arc::new(view)),
                    Ok(None) => Err(None),
                    Err(error) => Err(Some(error)),
                }
            })
            .await;
        let view = match view {
            Ok(view) if view.account() == account => Arc::clone(view),
            Ok(_) => return Ok(None),
            Err(failure) => {
                self.forget(mailbox, &slot);
                return failure.map_or(Ok(None), Err);
            }
        };
        // A view is followed from the moment that someone holds it: read what came before.
        if view.refresh().await?.is_none() {
            self.forget(mailbox, &slot);
            return Ok(None);
        }
        self.count(mailbox, &view);
        Ok(Some(view))
    }

    /// The first UID of a mailbox that no session has been told of.
    pub fn recent_from(&self, mailbox: MailboxId) -> u32 {
        let open = self.lock();
        match open.views.get(&mailbox).and_then(|slot| slot.view.get()) {
            Some(view) => view.recent_from(0, Claim::Look),
            None => open.recent.get(&mailbox).copied().unwrap_or(1),
        }
    }

    /// Views that are open now.
    pub fn len(&self) -> usize {
        self.lock().views.len()
    }

    /// Views that sessions hold.
    pub fn held_len(&self) -> usize {
        self.all_held().len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, mailbox: MailboxId) -> (Arc<OnceCell<Arc<View>>>, u32) {
        let mut open = self.lock();
        open.uses += 1;
        let used = open.uses;
        let recent = open.recent.get(&mailbox).copied().unwrap_or(1);
        let slot = open.views.entry(mailbox).or_insert_with(|| Slot {
            view: Arc::default(),
            used,
            octets: 0,
        });
        slot.used = used;
        (Arc::clone(&slot.view), recent)
    }

    /// Takes a slot away that came to nothing, unless another has taken its place.
    fn forget(&self, mailbox: MailboxId, cell: &Arc<OnceCell<Arc<View>>>) {
        let mut open = self.lock();
        let is_same = |slot: &Slot| Arc::ptr_eq(&slot.view, cell);
        if open.views.get(&mailbox).is_some_and(is_same) {
            open.drop_view(mailbox);
        }
    }

    /// Counts the octets of a view and drops others that nobody holds if it is too much.
    fn count(&self, mailbox: MailboxId, view: &View) {
        let now = view.latest().map_or(0, |version| version.octets());
        let mut open = self.lock();
        let Some(slot) = open.views.get_mut(&mailbox) else {
            return;
        };
        let before = std::mem::replace(&mut slot.octets, now);
        open.octets = open.octets.saturating_sub(before).saturating_add(now);
        if open.octets > self.0.limits.views_octets_max {
            open.shrink(self.0.limits.views_octets_max, mailbox);
        }
    }

    /// The view of a mailbox if a session holds it.
    fn held(&self, mailbox: MailboxId) -> Option<Arc<View>> {
        let open = self.lock();
        let view = open.views.get(&mailbox)?.view.get()?;
        (Arc::strong_count(view) > 1).then(|| Arc::clone(view))
    }

    fn all_held(&self) -> Vec<Arc<View>> {
        let open = self.lock();
        open.views
            .values()
            .filter_map(|slot| slot.view.get())
            .filter(|view| Arc::strong_count(view) > 1)
            .cloned()
            .collect()
    }
}

impl Open {
    fn shrink(&mut self, octets_max: usize, keep: MailboxId) {
        let is_free = |slot: &Slot| slot.view.get().is_some_and(|v| Arc::strong_count(v) == 1);
        let mut free: Vec<(u64, MailboxId)> = self
            .views
            .iter()
            .filter(|(mailbox, slot)| **mailbox != keep && is_free(slot))
            .map(|(mailbox, slot)| (slot.used, *mailbox))
            .collect();
        free.sort_unstable();
        for (_, mailbox) in free {
            if self.octets <= octets_max {
                break;
            }
            self.drop_view(mailbox);
        }
    }

    fn drop_view(&mut self, mailbox: MailboxId) {
        let Some(slot) = self.views.remove(&mailbox) else {
            return;
        };
        self.octets = self.octets.saturating_sub(slot.octets);
        let Some(view) = slot.view.get().filter(|view| view.latest().is_some()) else {
            return;
        };
        if self.recent.len() >= RECENT_MAX {
            self.recent.clear();
        }
        let told = view.recent_from(0, Claim::Look);
        self.recent.insert(mailbox, told);
    }
}

/// Moves views on as the store tells what was committed.
struct Follower {
    views: Views,
    notices: Receiver<Arc<Notice>>,
    shard: u64,
}

impl Follower {
    async fn run(mut self, token: &Token) {
        loop {
            let notice = tokio::select! {
                () = token.cancelled() => return,
                notice = self.notices.recv() => notice,
            };
            match notice {
                Ok(notice) => self.follow(&notice).await,
                Err(RecvError::Lagged(_)) => self.read_all().await,
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn follow(&self, notice: &Notice) {
        for &(_, mailbox, reached) in &notice.mailboxes {
            if self.is_mine(mailbox)
                && let Some(view) = self.views.held(mailbox)
            {
                advance(&view, reached).await;
            }
        }
        if notice.folders.is_empty() {
            return;
        }
        // A mailbox may be gone or have another name.
        for view in self.views.all_held() {
            if self.is_mine(view.mailbox()) && notice.folders.contains(&view.account()) {
                advance(&view, ModSeq(u64::MAX)).await;
            }
        }
    }

    /// Notices were lost: every view that is held is read again.
    async fn read_all(&self) {
        for view in self.views.all_held() {
            if self.is_mine(view.mailbox()) {
                advance(&view, ModSeq(u64::MAX)).await;
            }
        }
    }

    fn is_mine(&self, mailbox: MailboxId) -> bool {
        mailbox.0 % FOLLOWERS == self.shard
    }
}

async fn advance(view: &View, reached: ModSeq) {
    if view
        .latest()
        .is_none_or(|latest| latest.mod_seq() >= reached)
    {
        return;
    }
    if let Err(error) = view.refresh().await {
        // The next notice, or the session's next command, reads the same changes.
        tracing::warn!(mailbox = view.mailbox().0, %error, "a view was not moved on");
    }
}
