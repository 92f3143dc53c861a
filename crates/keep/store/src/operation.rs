//! What a plan may change.

use std::ops::Range;

use postroom_mail::envelope::{Notify, Ret};
use postroom_mail::flag::{FlagChange, Flags, SpecialUse, SystemFlags};
use postroom_mail::identifier::{AccountId, EmailId, MailboxId, ModSeq, Uid};
use postroom_mail::mailbox_name::MailboxName;
use postroom_mail::uid_set::UidSet;
use postroom_runtime::clock::Timestamp;

/// One change within a plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Adds a domain, or changes its kind.
    PutDomain(Domain),
    /// Removes a domain that no account and no alias uses.
    RemoveDomain {
        /// Canonical name.
        name: Box<str>,
    },
    /// Makes an account with its credentials and mailboxes.
    CreateAccount(NewAccount),
    /// Changes what an account may do.
    SetAccount {
        /// Which.
        account: AccountId,
        /// Quota in octets; `None` for no limit.
        quota: Option<u64>,
        /// Whether it may sign in and receive.
        is_enabled: bool,
    },
    /// Removes an account and all that is its own.
    RemoveAccount {
        /// Which.
        account: AccountId,
    },
    /// Adds a credential, or replaces the one of that name.
    PutCredential {
        /// Whose.
        account: AccountId,
        /// What.
        credential: Credential,
    },
    /// Removes a credential.
    RemoveCredential {
        /// Whose.
        account: AccountId,
        /// Its name.
        name: Box<str>,
    },
    /// Adds an alias, or replaces its members.
    PutAlias(Alias),
    /// Removes an alias.
    RemoveAlias {
        /// Lookup key.
        address: Box<str>,
    },
    /// Makes a mailbox; refused if the name exists.
    CreateMailbox {
        /// Whose.
        account: AccountId,
        /// What.
        mailbox: NewMailbox,
    },
    /// Renames a mailbox and all below it. Renaming the inbox moves its messages to the new
    /// mailbox and leaves it empty (RFC 9051 §6.3.6).
    RenameMailbox {
        /// Whose.
        account: AccountId,
        /// Which.
        mailbox: MailboxId,
        /// Its new name; parents that are missing are made.
        name: MailboxName,
    },
    /// Removes a mailbox and its placements.
    DeleteMailbox {
        /// Whose.
        account: AccountId,
        /// Which.
        mailbox: MailboxId,
    },
    /// Subscribes to a name, or no longer; the mailbox need not exist (RFC 9051 §6.3.7).
    Subscribe {
        /// Whose.
        account: AccountId,
        /// What.
        name: MailboxName,
        /// Whether from now on.
        is_subscribed: bool,
    },
    /// Puts the plan's body into a mailbox: a new message with one placement.
    Deliver(Delivery),
    /// Changes flags of placements.
    StoreFlags {
        /// Whose.
        account: AccountId,
        /// Where.
        mailbox: MailboxId,
        /// Which; UIDs that are not there are passed over.
        uids: UidSet,
        /// How.
        change: FlagChange,
        /// What.
        flags: Flags,
        /// Placements changed after this are left alone and reported (RFC 7162 §3.1.3).
        unchanged_since: Option<ModSeq>,
    },
    /// Removes placements for good.
    Expunge {
        /// Whose.
        account: AccountId,
        /// Where.
        mailbox: MailboxId,
        /// Which.
        uids: UidSet,
        /// Whether only those that bear `\Deleted` go.
        only_deleted: bool,
    },
    /// Places messages in another mailbox too, with flags, keywords and dates.
    Copy {
        /// Whose.
        account: AccountId,
        /// From where.
        from: MailboxId,
        /// Which.
        uids: UidSet,
        /// To where.
        to: MailboxId,
        /// Whether they leave `from` in the same change (RFC 6851).
        is_move: bool,
    },
    /// Puts the plan's body into the queue for one recipient.
    Enqueue(NewEntry),
    /// Takes due entries for an attempt; a settle with an older token is refused.
    Lease {
        /// Which.
        entries: Vec<EntryId>,
        /// Until when nobody else may take them.
        until: Timestamp,
    },
    /// Writes the outcome of an attempt.
    Settle {
        /// Which.
        entry: EntryId,
        /// What the lease gave.
        token: LeaseToken,
        /// How it ended.
        outcome: EntryOutcome,
    },
    /// Does to an entry what an operator asks, whoever holds it.
    Tend {
        /// Which.
        entry: EntryId,
        /// What.
        care: Care,
    },
    /// Remembers a key; with `must_be_new` the plan is refused with
    /// [`crate::error::Refused::Remembered`] if it is remembered already.
    Remember {
        /// Whatever must happen once.
        key: Box<str>,
        /// Given back to whoever asks for the key.
        value: Box<str>,
        /// When it may be forgotten.
        until: Timestamp,
        /// Whether a key that is known refuses the plan.
        must_be_new: bool,
    },
}

/// A domain that mail may be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Canonical name.
    pub name: Box<str>,
    /// What it is to us.
    pub kind: DomainKind,
    /// Local part, or whole address, that takes what no account and no alias does.
    pub catch_all: Option<Box<str>>,
    /// Canonical name of the domain whose addresses an alias has; nothing for other kinds.
    pub target: Option<Box<str>>,
}

/// What a domain is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainKind {
    /// Its mailboxes are here.
    Local,
    /// We pass its mail on.
    Relay,
    /// Its addresses are those of another domain.
    Alias,
}

/// An account to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAccount {
    /// Lookup key of its own address.
    pub address: Box<str>,
    /// Quota in octets; `None` for no limit.
    pub quota: Option<u64>,
    /// How it may sign in.
    pub credentials: Vec<Credential>,
    /// Made with it, the inbox among them.
    pub mailboxes: Vec<NewMailbox>,
}

/// A way to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// `password`, or the name of an app password.
    pub name: Box<str>,
    /// A hash with its scheme in front (`$argon2id$…`, `{SSHA}…`).
    pub hash: Box<str>,
}

/// An address that stands for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// Lookup key.
    pub address: Box<str>,
    /// Addresses it stands for, in order.
    pub members: Vec<Box<str>>,
}

/// A mailbox to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMailbox {
    /// Its name; parents that are missing are made.
    pub name: MailboxName,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether it is subscribed to at once.
    pub is_subscribed: bool,
}

/// The plan's body in one mailbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub mailbox: MailboxId,
    /// With these flags.
    pub flags: Flags,
    /// INTERNALDATE.
    pub received: Timestamp,
    /// What this account sees of the body.
    pub rendering: Rendering,
    /// Whether quota refuses it: a delivery to several never fails by quota.
    pub quota: QuotaRule,
    /// ENVELOPE, BODYSTRUCTURE and offsets of the rendering, encoded by `postroom_mail`.
    pub parsed: Box<[u8]>,
}

/// Whether a delivery over quota is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaRule {
    /// Over the quota the plan is refused.
    Enforce,
    /// Room was reserved before; up to ten in a hundred over the quota are taken.
    Reserved,
}

/// What one account or queue entry sees: a prefix block, then ranges of the blob and inserted
/// blocks in order. Sizes and offsets elsewhere are those of this sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// In order.
    pub pieces: Vec<Piece>,
}

/// A piece of a rendering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Octets of our own: trace headers above all.
    Block(Box<[u8]>),
    /// Octets of the blob as they came.
    Kept(Range<u64>),
}

impl Rendering {
    /// Octets of the whole.
    pub fn octets(&self) -> u64 {
        self.pieces.iter().map(Piece::octets).sum()
    }
}

impl Piece {
    /// Octets of the piece.
    pub fn octets(&self) -> u64 {
        match self {
            Self::Block(bytes) => bytes.len() as u64,
            Self::Kept(range) => range.end.saturating_sub(range.start),
        }
    }
}

/// One recipient of a message in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub u64);

/// Fences off whoever held an entry before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeaseToken(pub u64);

/// A queue entry to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// Empty for the null path.
    pub reverse_path: Box<str>,
    /// Who it is for.
    pub recipient: Box<str>,
    /// Where it goes next.
    pub next_hop: NextHop,
    /// When it may be tried.
    pub due: Timestamp,
    /// Wishes of the sender.
    pub dsn: DsnWish,
    /// What goes out.
    pub rendering: Rendering,
}

/// Where a queue entry goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextHop {
    /// Into a mailbox here, later.
    Local,
    /// To the members of a large list, frozen; `done` of them are worked off.
    Expand {
        /// Addresses.
        members: Vec<Box<str>>,
        /// How many have been planned.
        done: u64,
    },
    /// To another server: a domain, or `host:port`.
    Remote(Box<str>),
}

/// DSN wishes of a recipient (RFC 3461).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DsnWish {
    /// NOTIFY.
    pub notify: Option<Notify>,
    /// ORCPT.
    pub orcpt: Option<Box<str>>,
    /// RET.
    pub ret: Option<Ret>,
    /// ENVID.
    pub envid: Option<Box<str>>,
}

/// What an operator may do to an entry of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Care {
    /// Due now. Refused for one that is held back, and for one that is being tried.
    Retry,
    /// Kept back from now on. One that is being tried is kept back after that attempt, if it is
    /// there still.
    Hold {
        /// Why.
        status: Box<str>,
    },
    /// No longer kept back, and due now. Refused for one that is not held back.
    Release,
    /// Ended without an outcome. Whoever tries it finds the lease lost: nothing is delivered here
    /// any more, but another server may have taken it.
    Delete,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryOutcome {
    /// It has arrived, or was given on: the entry ends.
    Done,
    /// To be tried again.
    Deferred {
        /// When.
        due: Timestamp,
        /// What was said.
        status: Box<str>,
    },
    /// It failed for good: the entry ends.
    Failed {
        /// What was said.
        status: Box<str>,
    },
    /// Part of an expansion is done.
    Progress {
        /// Members planned so far.
        done: u64,
    },
    /// Kept until an operator says otherwise.
    Held {
        /// Why.
        status: Box<str>,
    },
}

/// Flags that a client cannot set are never stored.
pub const STORABLE: SystemFlags = SystemFlags(0x1F);

/// A placement as an operation result names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Its message.
    pub email: EmailId,
    /// Its UID.
    pub uid: Uid,
}
