//! Changes to mailboxes, each one durable when it returns.

use std::sync::Arc;

use postroom_mail::flag::{FlagChange, Flags, SpecialUse};
use postroom_mail::identifier::{AccountId, MailboxId, ModSeq, Uid, UidValidity};
use postroom_mail::mailbox_name::MailboxName;
use postroom_mail::uid_set::UidSet;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::pool::BlockingPool;
use postroom_store::error::{CommitError, Stopped};
use postroom_store::operation::{Delivery, NewMailbox, Operation, Piece, QuotaRule, Rendering};
use postroom_store::outcome::Done;
use postroom_store::plan::{Body, Plan};
use postroom_store::store::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::incoming::{Incoming, Received};
use crate::views::Views;

/// Octets of messages that all sessions together hold in memory while they parse large ones and
/// search; who wants more waits. A message above it gets all of it.
pub const INSPECT_OCTETS_MAX: u64 = INSPECT_UNITS_MAX as u64 * INSPECT_UNIT;

/// Octets of one unit of that room.
const INSPECT_UNIT: u64 = 4096;

const INSPECT_UNITS_MAX: u32 = 16 * 1024;

/// The mailboxes of all accounts. Clones share them.
#[derive(Clone)]
pub struct Mailboxes {
    store: Store,
    clock: Clock,
    views: Views,
    heavy: BlockingPool,
    inspected: Arc<Semaphore>,
}

/// A mailbox of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub mailbox: MailboxId,
}

/// A message that was appended (RFC 4315 §3, APPENDUID).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its UID.
    pub uid: Uid,
    /// In which epoch.
    pub uid_validity: UidValidity,
}

/// A change of flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagStore {
    /// Of which messages; UIDs that are not there are passed over.
    pub uids: UidSet,
    /// Replace, add or remove.
    pub change: FlagChange,
    /// What.
    pub flags: Flags,
    /// Messages changed after this are left alone (RFC 7162 §3.1.3).
    pub unchanged_since: Option<ModSeq>,
}

/// Messages that were copied or moved (RFC 4315 §3, COPYUID): the n-th of `from` became the n-th
/// of `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// UIDs there were.
    pub from: Vec<Uid>,
    /// UIDs there are now.
    pub to: Vec<Uid>,
    /// Epoch of the target.
    pub uid_validity: UidValidity,
}

/// Which placements an expunge removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpungeRule {
    /// All of the set.
    All,
    /// Those of the set that bear `\Deleted`.
    OnlyDeleted,
}

/// Whether messages stay where they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferKind {
    /// They stay.
    Copy,
    /// They leave in the same change (RFC 6851 §3).
    Move,
}

impl std::fmt::Debug for Mailboxes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailboxes").finish_non_exhaustive()
    }
}

impl Mailboxes {
    /// Mailboxes of a store. `heavy` runs parsing and searching.
    pub fn new(store: Store, clock: Clock, views: Views, heavy: BlockingPool) -> Self {
        Self {
            store,
            clock,
            views,
            heavy,
            inspected: Arc::new(Semaphore::new(INSPECT_UNITS_MAX as usize)),
        }
    }

    /// The store, for reads that need no meaning of ours.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The open views.
    pub fn views(&self) -> &Views {
        &self.views
    }

    /// Where parsing and searching run.
    pub(crate) fn heavy(&self) -> &BlockingPool {
        &self.heavy
    }

    /// Waits for room to hold `octets` of messages in memory, [`INSPECT_OCTETS_MAX`] at most.
    pub(crate) async fn inspect(&self, octets: u64) -> Option<OwnedSemaphorePermit> {
        let units = octets
            .div_ceil(INSPECT_UNIT)
            .clamp(1, INSPECT_UNITS_MAX.into());
        let units = u32::try_from(units).unwrap_or(INSPECT_UNITS_MAX);
        // The semaphore is never closed.
        Arc::clone(&self.inspected)
            .acquire_many_owned(units)
            .await
            .ok()
    }

    /// The time for INTERNALDATE of what comes without.
    pub fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// Begins a message that comes in pieces.
    pub fn incoming(&self) -> Incoming {
        Incoming::new(self.store.clone())
    }

    /// Adds one message to a mailbox and returns the UID it was given.
    ///
    /// Durable when `Ok`; refused when the account has no room for it. Source: RFC 9051 §6.3.12.
    pub async fn append(
        &self,
        place: Place,
        message: Incoming,
        flags: Flags,
        received: Timestamp,
    ) -> Result<Appended, CommitError> {
        let Received { body, parsed } = message.finish(self).await?;
        let rendering = Rendering {
            pieces: vec![Piece::Kept(0..body.octets())],
        };
        let operation = Operation::Deliver(Delivery {
            account: place.account,
            mailbox: place.mailbox,
            flags,
            received,
            rendering,
            quota: QuotaRule::Enforce,
            parsed,
        });
        match self.commit(operation, Some(body)).await? {
            Done::Delivered {
                uid, uid_validity, ..
            } => Ok(Appended { uid, uid_validity }),
            other => mismatch(&other),
        }
    }

    /// Changes flags of messages and returns those that were left alone because they had changed:
    /// each message is judged and changed at once. Source: RFC 9051 §6.4.6, RFC 7162 §3.1.3.
    pub async fn store_flags(&self, place: Place, wish: FlagStore) -> Result<UidSet, CommitError> {
        let operation = Operation::StoreFlags {
            account: place.account,
            mailbox: place.mailbox,
            uids: wish.uids,
            change: wish.change,
            flags: wish.flags,
            unchanged_since: wish.unchanged_since,
        };
        match self.commit(operation, None).await? {
            Done::Flagged { modified, .. } => Ok(modified),
            other => mismatch(&other),
        }
    }

    /// Removes messages for good and returns which went. Source: RFC 9051 §6.4.3.
    pub async fn expunge(
        &self,
        place: Place,
        uids: UidSet,
        rule: ExpungeRule,
    ) -> Result<UidSet, CommitError> {
        let operation = Operation::Expunge {
            account: place.account,
            mailbox: place.mailbox,
            uids,
            only_deleted: rule == ExpungeRule::OnlyDeleted,
        };
        match self.commit(operation, None).await? {
            Done::Expunged { uids, .. } => Ok(uids),
            other => mismatch(&other),
        }
    }

    /// Copies or moves messages to another mailbox of the account, all or none, with flags,
    /// keywords and dates. Source: RFC 9051 §6.4.7, §6.4.8.
    pub async fn transfer(
        &self,
        place: Place,
        uids: UidSet,
        to: MailboxId,
        kind: TransferKind,
    ) -> Result<Copied, CommitError> {
        let operation = Operation::Copy {
            account: place.account,
            from: place.mailbox,
            uids,
            to,
            is_move: kind == TransferKind::Move,
        };
        match self.commit(operation, None).await? {
            Done::Copied {
                from,
                to,
                uid_validity,
            } => Ok(Copied {
                from,
                to,
                uid_validity,
            }),
            other => mismatch(&other),
        }
    }

    /// Makes a mailbox and the parents it lacks. Source: RFC 9051 §6.3.4.
    pub async fn create(
        &self,
        account: AccountId,
        name: MailboxName,
        special_use: Option<SpecialUse>,
    ) -> Result<MailboxId, CommitError> {
        let mailbox = NewMailbox {
            name,
            special_use,
            is_subscribed: false,
        };
        let operation = Operation::CreateMailbox { account, mailbox };
        match self.commit(operation, None).await? {
            Done::Mailbox { mailbox, .. } => Ok(mailbox),
            other => mismatch(&other),
        }
    }

    /// Renames a mailbox and all below it; the inbox gives its messages to the new one and stays.
    /// Source: RFC 9051 §6.3.6.
    pub async fn rename(&self, place: Place, name: MailboxName) -> Result<(), CommitError> {
        let operation = Operation::RenameMailbox {
            account: place.account,
            mailbox: place.mailbox,
            name,
        };
        self.commit(operation, None).await.map(drop)
    }

    /// Removes a mailbox that has none below it, with all in it. Source: RFC 9051 §6.3.5.
    pub async fn delete(&self, place: Place) -> Result<(), CommitError> {
        let operation = Operation::DeleteMailbox {
            account: place.account,
            mailbox: place.mailbox,
        };
        self.commit(operation, None).await.map(drop)
    }

    /// Subscribes to a name, or no longer; it need not exist. Source: RFC 9051 §6.3.7, §6.3.8.
    pub async fn subscribe(
        &self,
        account: AccountId,
        name: MailboxName,
        is_subscribed: bool,
    ) -> Result<(), CommitError> {
        let operation = Operation::Subscribe {
            account,
            name,
            is_subscribed,
        };
        self.commit(operation, None).await.map(drop)
    }

    async fn commit(&self, operation: Operation, body: Option<Body>) -> Result<Done, CommitError> {
        let plan = Plan {
            arrival: self.store.new_arrival(),
            time: self.clock.wall(),
            operations: vec![operation],
            journal: Vec::new(),
            body,
        };
        let mut committed = self.store.commit(plan).await?;
        if committed.is_repeat {
            // Another plan bore this arrival within two days: the client tries again.
            return Err(CommitError::Stopped(Stopped::Database));
        }
        Ok(committed.results.pop().unwrap_or(Done::Nothing))
    }
}

/// The store answers each operation with the outcome of its kind; this is a bug of ours.
fn mismatch(done: &Done) -> ! {
    unreachable!("invariant: the outcome {done:?} does not belong to the operation")
}
