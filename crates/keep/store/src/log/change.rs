//! What a plan did, with every assigned value: applying it needs no decision.

use postroom_mail::flag::{FlagChange, Keyword, KeywordSet, SpecialUse, SystemFlags};
use postroom_mail::identifier::{AccountId, EmailId, MailboxId, ModSeq, Uid, UidValidity};
use postroom_mail::mailbox_name::MailboxName;
use postroom_mail::uid_set::UidSet;
use postroom_runtime::clock::Timestamp;

use crate::journal::JournalLine;
use crate::log::codec::{Coded, Input, Malformed, coded_enum, coded_struct};
use crate::operation::{
    Alias, Credential, Domain, DomainKind, DsnWish, EntryId, EntryOutcome, LeaseToken, NewEntry,
    NextHop, Piece, Rendering,
};

/// One assigned operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A domain is there, as given.
    PutDomain(Domain),
    /// A domain is gone.
    RemoveDomain {
        /// Canonical name.
        name: Box<str>,
    },
    /// An account was made.
    CreateAccount(MadeAccount),
    /// What an account may do.
    SetAccount {
        /// Which.
        account: AccountId,
        /// Octets; `None` for no limit.
        quota: Option<u64>,
        /// Whether it may sign in and receive.
        is_enabled: bool,
    },
    /// An account is gone with all that is its own.
    RemoveAccount {
        /// Which.
        account: AccountId,
    },
    /// A credential is there, as given.
    PutCredential {
        /// Whose.
        account: AccountId,
        /// What.
        credential: Credential,
    },
    /// A credential is gone.
    RemoveCredential {
        /// Whose.
        account: AccountId,
        /// Its name.
        name: Box<str>,
    },
    /// An alias is there, as given.
    PutAlias(Alias),
    /// An alias is gone.
    RemoveAlias {
        /// Lookup key.
        address: Box<str>,
    },
    /// Mailboxes were made, parents first.
    MakeMailboxes {
        /// Whose.
        account: AccountId,
        /// Of the change.
        mod_seq: ModSeq,
        /// Which.
        mailboxes: Vec<MadeMailbox>,
    },
    /// Mailboxes have other names.
    RenameMailboxes {
        /// Whose.
        account: AccountId,
        /// Of the change.
        mod_seq: ModSeq,
        /// The mailbox renamed and those below it.
        names: Vec<Renamed>,
    },
    /// A mailbox is gone with its placements.
    DeleteMailbox {
        /// Whose.
        account: AccountId,
        /// Which.
        mailbox: MailboxId,
        /// Of the change.
        mod_seq: ModSeq,
    },
    /// A name is subscribed to, or not.
    Subscribe {
        /// Whose.
        account: AccountId,
        /// What.
        name: MailboxName,
        /// Whether from now on.
        is_subscribed: bool,
    },
    /// The record's body is a new message in a mailbox.
    Deliver(Delivered),
    /// Flags changed.
    Flag(Flagged),
    /// Placements are gone.
    Expunge {
        /// Whose.
        account: AccountId,
        /// Where.
        mailbox: MailboxId,
        /// Of the change.
        mod_seq: ModSeq,
        /// Which; all were there.
        uids: UidSet,
    },
    /// Placements were made from others.
    Copy(Copied),
    /// The record's body is in the queue for one recipient.
    Enqueue {
        /// Which.
        entry: EntryId,
        /// What.
        new: NewEntry,
    },
    /// Entries were taken.
    Lease {
        /// Which.
        entries: Vec<EntryId>,
        /// Fences off earlier holders.
        token: LeaseToken,
        /// Until when.
        until: Timestamp,
    },
    /// An attempt ended.
    Settle {
        /// Which.
        entry: EntryId,
        /// How.
        outcome: EntryOutcome,
    },
    /// A key is remembered.
    Remember {
        /// Whatever must happen once.
        key: Box<str>,
        /// Given back to whoever asks.
        value: Box<str>,
        /// When it may be forgotten.
        until: Timestamp,
    },
    /// An operator tended an entry of the queue.
    Tend {
        /// Which.
        entry: EntryId,
        /// How.
        tended: Tended,
    },
}

/// How an entry stands after an operator's wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tended {
    /// Not kept back; due then.
    Due {
        /// When it may be taken.
        due: Timestamp,
    },
    /// Kept back.
    Held {
        /// Why.
        status: Box<str>,
    },
    /// Gone.
    Deleted,
}

/// An account that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeAccount {
    /// Which.
    pub account: AccountId,
    /// Lookup key of its own address.
    pub address: Box<str>,
    /// Octets; `None` for no limit.
    pub quota: Option<u64>,
    /// Ways to sign in.
    pub credentials: Vec<Credential>,
    /// Of the change.
    pub mod_seq: ModSeq,
    /// Made with it, parents first.
    pub mailboxes: Vec<MadeMailbox>,
}

/// A mailbox that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeMailbox {
    /// Which.
    pub mailbox: MailboxId,
    /// Its name.
    pub name: MailboxName,
    /// Its epoch.
    pub uid_validity: UidValidity,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether it is subscribed to.
    pub is_subscribed: bool,
}

/// A mailbox that has another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// Which.
    pub mailbox: MailboxId,
    /// Its name from now on.
    pub name: MailboxName,
}

/// A message that was put into a mailbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub mailbox: MailboxId,
    /// Which message.
    pub email: EmailId,
    /// Under which UID.
    pub uid: Uid,
    /// Of the change.
    pub mod_seq: ModSeq,
    /// System flags.
    pub flags: SystemFlags,
    /// Keywords by number.
    pub keywords: KeywordSet,
    /// Keywords that the mailbox had not, numbered on from those it had.
    pub new_keywords: Vec<Keyword>,
    /// INTERNALDATE.
    pub received: Timestamp,
    /// Octets of the rendering.
    pub octets: u32,
    /// What the account sees of the body.
    pub rendering: Rendering,
    /// Offsets and structure, encoded by `postroom_mail`.
    pub parsed: Box<[u8]>,
}

/// Flags that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flagged {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub mailbox: MailboxId,
    /// Of the change.
    pub mod_seq: ModSeq,
    /// Which; all were there.
    pub uids: UidSet,
    /// How.
    pub change: FlagChange,
    /// System flags.
    pub flags: SystemFlags,
    /// Keywords by number.
    pub keywords: KeywordSet,
    /// Keywords that the mailbox had not, numbered on from those it had.
    pub new_keywords: Vec<Keyword>,
}

/// Placements made from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Whose.
    pub account: AccountId,
    /// From where.
    pub from: MailboxId,
    /// To where.
    pub to: MailboxId,
    /// Of the change.
    pub mod_seq: ModSeq,
    /// Which; the n-th of them, counted from zero, gets UID `first` + n.
    pub uids: UidSet,
    /// UID of the first new placement.
    pub first: Uid,
    /// Whether they left `from`.
    pub is_move: bool,
    /// Number of a keyword in `from` and its number in `to`.
    pub keywords: Vec<KeywordPair>,
    /// Keywords that `to` had not, numbered on from those it had.
    pub new_keywords: Vec<Keyword>,
}

/// The numbers of one keyword in two mailboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeywordPair {
    /// In the source.
    pub from: u8,
    /// In the target.
    pub to: u8,
}

coded_enum!(Change {
    1 => PutDomain(domain),
    2 => RemoveDomain { name },
    3 => CreateAccount(made),
    4 => SetAccount { account, quota, is_enabled },
    5 => RemoveAccount { account },
    6 => PutCredential { account, credential },
    7 => RemoveCredential { account, name },
    8 => PutAlias(alias),
    9 => RemoveAlias { address },
    10 => MakeMailboxes { account, mod_seq, mailboxes },
    11 => RenameMailboxes { account, mod_seq, names },
    12 => DeleteMailbox { account, mailbox, mod_seq },
    13 => Subscribe { account, name, is_subscribed },
    14 => Deliver(delivered),
    15 => Flag(flagged),
    16 => Expunge { account, mailbox, mod_seq, uids },
    17 => Copy(copied),
    18 => Enqueue { entry, new },
    19 => Lease { entries, token, until },
    20 => Settle { entry, outcome },
    21 => Remember { key, value, until },
    22 => Tend { entry, tended },
});
coded_struct!(MadeAccount {
    account,
    address,
    quota,
    credentials,
    mod_seq,
    mailboxes
});
coded_struct!(MadeMailbox {
    mailbox,
    name,
    uid_validity,
    special_use,
    is_subscribed
});
coded_struct!(Renamed { mailbox, name });
coded_struct!(Delivered {
    account,
    mailbox,
    email,
    uid,
    mod_seq,
    flags,
    keywords,
    new_keywords,
    received,
    octets,
    rendering,
    parsed,
});
coded_struct!(Flagged {
    account,
    mailbox,
    mod_seq,
    uids,
    change,
    flags,
    keywords,
    new_keywords,
});
coded_struct!(Copied {
    account,
    from,
    to,
    mod_seq,
    uids,
    first,
    is_move,
    keywords,
    new_keywords,
});
coded_struct!(KeywordPair { from, to });
coded_struct!(Domain {
    name,
    kind,
    catch_all,
    target
});
coded_enum!(DomainKind { 0 => Local, 1 => Relay, 2 => Alias });
coded_struct!(Credential { name, hash });
coded_struct!(Alias { address, members });
coded_struct!(Rendering { pieces });
coded_enum!(Piece { 0 => Block(block), 1 => Kept(range) });
coded_struct!(NewEntry {
    reverse_path,
    recipient,
    next_hop,
    due,
    dsn,
    rendering
});
coded_enum!(NextHop { 0 => Local, 1 => Expand { members, done }, 2 => Remote(host) });
coded_struct!(DsnWish {
    notify,
    orcpt,
    ret,
    envid
});
coded_enum!(Tended {
    0 => Due { due },
    1 => Held { status },
    2 => Deleted,
});
coded_enum!(EntryOutcome {
    0 => Done,
    1 => Deferred { due, status },
    2 => Failed { status },
    3 => Progress { done },
    4 => Held { status },
});
coded_struct!(JournalLine {
    time,
    session,
    arrival,
    message_id,
    room,
    what,
    sender,
    recipient,
    verdict,
    reply,
    next_hop,
    peer,
    elapsed_us,
});
