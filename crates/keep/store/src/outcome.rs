//! What a durable plan did.

use postroom_mail::identifier::{
    AccountId, ArrivalId, EmailId, MailboxId, ModSeq, Uid, UidValidity,
};
use postroom_mail::uid_set::UidSet;

use crate::operation::{EntryId, LeaseToken};

/// A plan that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The plan's arrival; of an earlier equal arrival if there was one.
    pub arrival: ArrivalId,
    /// Whether an earlier commit did it, so that this one added nothing.
    pub is_repeat: bool,
    /// One for each operation, in order; empty for a repeat.
    pub results: Vec<Done>,
}

/// What one operation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Nothing to tell.
    Nothing,
    /// An account was made.
    Account(AccountId),
    /// A mailbox was made.
    Mailbox {
        /// Which.
        mailbox: MailboxId,
        /// Its epoch.
        uid_validity: UidValidity,
    },
    /// A message was put into a mailbox.
    Delivered {
        /// Which message.
        email: EmailId,
        /// Under which UID.
        uid: Uid,
        /// In which epoch.
        uid_validity: UidValidity,
    },
    /// Flags were changed.
    Flagged {
        /// Changed, or already so.
        changed: UidSet,
        /// Left alone because of `unchanged_since`.
        modified: UidSet,
        /// Of the change.
        mod_seq: ModSeq,
    },
    /// Placements went.
    Expunged {
        /// Which.
        uids: UidSet,
        /// Of the change.
        mod_seq: ModSeq,
    },
    /// Messages were copied or moved; the n-th of `from` became the n-th of `to`.
    Copied {
        /// UIDs there were, ascending.
        from: Vec<Uid>,
        /// UIDs there are now.
        to: Vec<Uid>,
        /// Epoch of the target.
        uid_validity: UidValidity,
    },
    /// An entry was put into the queue.
    Enqueued(EntryId),
    /// Entries were taken.
    Leased(LeaseToken),
}
