//! What reads give back.

use std::time::Duration;

use postroom_mail::flag::{Keyword, KeywordSet, SpecialUse, SystemFlags};
use postroom_mail::identifier::{
    AccountId, ArrivalId, BlobId, EmailId, MailboxId, ModSeq, Uid, UidValidity,
};
use postroom_mail::mailbox_name::MailboxName;
use postroom_mail::uid_set::UidSet;
use postroom_runtime::clock::Timestamp;

use crate::operation::{DsnWish, EntryId, LeaseToken, NextHop, Rendering};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Which.
    pub id: AccountId,
    /// Lookup key of its own address.
    pub address: Box<str>,
    /// Octets; `None` for no limit.
    pub quota: Option<u64>,
    /// Octets in use.
    pub used: u64,
    /// Placements it has.
    pub messages: u64,
    /// Whether it may sign in and receive.
    pub is_enabled: bool,
}

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Which.
    pub id: MailboxId,
    /// Whose.
    pub account: AccountId,
    /// Its name.
    pub name: MailboxName,
    /// Its epoch.
    pub uid_validity: UidValidity,
    /// The next UID to be given.
    pub uid_next: u32,
    /// Of its last change (HIGHESTMODSEQ).
    pub mod_seq: ModSeq,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Its keywords by number; a number keeps its keyword for ever.
    pub keywords: Vec<Keyword>,
}

/// Counts of a mailbox for STATUS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailboxCounts {
    /// Placements.
    pub messages: u32,
    /// Without `\Seen`.
    pub unseen: u32,
    /// With `\Deleted`.
    pub deleted: u32,
    /// Octets of all.
    pub octets: u64,
}

/// A message in a mailbox: the narrow row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Its UID.
    pub uid: Uid,
    /// Its message.
    pub email: EmailId,
    /// Of its last change.
    pub mod_seq: ModSeq,
    /// Octets of the rendering.
    pub octets: u32,
    /// System flags.
    pub flags: SystemFlags,
    /// Keywords by number.
    pub keywords: KeywordSet,
    /// INTERNALDATE.
    pub received: Timestamp,
}

/// What changed in a mailbox since a MODSEQ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// New or changed, by UID.
    pub placements: Vec<Placement>,
    /// Gone, ascending; not all of them where the changes are asked for from below `floor`.
    pub expunged: Vec<Uid>,
    /// What went up to this MODSEQ is forgotten.
    pub floor: ModSeq,
    /// As it stands after these.
    pub mailbox: Option<Mailbox>,
}

/// What went from a mailbox since a MODSEQ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expunged {
    /// UIDs that went after it, as far as is remembered.
    pub uids: UidSet,
    /// What went up to this MODSEQ is forgotten.
    pub floor: ModSeq,
}

/// A message: the wide row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Which.
    pub email: EmailId,
    /// Its kept bytes.
    pub blob: BlobId,
    /// What is seen of them.
    pub rendering: Rendering,
    /// INTERNALDATE.
    pub received: Timestamp,
    /// ENVELOPE, BODYSTRUCTURE and offsets, encoded by `postroom_mail`.
    pub parsed: Box<[u8]>,
}

/// An entry of the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Which.
    pub id: EntryId,
    /// The plan that made it: its queue id.
    pub arrival: ArrivalId,
    /// Its kept bytes.
    pub blob: BlobId,
    /// Octets of the whole blob.
    pub octets: u64,
    /// Empty for the null path.
    pub reverse_path: Box<str>,
    /// Who it is for.
    pub recipient: Box<str>,
    /// Where it goes.
    pub next_hop: NextHop,
    /// When it came.
    pub created: Timestamp,
    /// When it may be tried.
    pub due: Timestamp,
    /// Attempts so far.
    pub attempts: u32,
    /// Whether an operator or a rule keeps it back.
    pub is_held: bool,
    /// What the last attempt met.
    pub status: Box<str>,
    /// Wishes of the sender.
    pub dsn: DsnWish,
    /// What goes out.
    pub rendering: Rendering,
}

/// On which side of the house a next hop lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Mailboxes and lists of ours.
    Here,
    /// Other servers.
    Elsewhere,
}

/// Which due entries are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueQuery {
    /// Where they go.
    pub side: Side,
    /// Due at this moment and held by nobody.
    pub now: Timestamp,
    /// Only those behind this place.
    pub after: Option<DuePlace>,
    /// Next hops whose entries are passed over. Cheap: an index tells them.
    pub except: Vec<Box<str>>,
    /// At most so many.
    pub limit: usize,
}

/// Due entries: oldest first, and those for one next hop beside each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DuePage {
    /// What can be read.
    pub entries: Vec<Entry>,
    /// What cannot.
    pub damaged: Vec<EntryId>,
    /// Where the page ends; `None` when it is empty.
    pub last: Option<DuePlace>,
}

/// A place in the order of due entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePlace {
    pub(crate) due: Timestamp,
    pub(crate) next_hop: Vec<u8>,
    pub(crate) entry: EntryId,
}

impl DuePlace {
    /// A place before all entries that are due at most `by` earlier.
    #[must_use]
    pub fn earlier(&self, by: Duration) -> Self {
        let by = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        Self {
            due: Timestamp(self.due.0.saturating_sub(by)),
            next_hop: Vec::new(),
            entry: EntryId(0),
        }
    }
}

/// How many entries the queue has, by where they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Their time has come.
    pub due: u64,
    /// Their time will come; those that somebody tries now are among them.
    pub waiting: u64,
    /// The operator must say what becomes of them.
    pub held: u64,
}

/// A row of the queue, for whoever looks after it.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueRow {
    /// Which.
    pub id: EntryId,
    /// Its queue id; zero if that cannot be read.
    pub arrival: ArrivalId,
    /// Of who took it last; zero when nobody holds it. A lease holds until the entry is due.
    pub lease: LeaseToken,
    /// What it says; nothing for one that is damaged.
    pub entry: Option<Entry>,
}
