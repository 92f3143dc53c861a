//! What assignment counts with: loaded for a plan, never more than the plan speaks of.

use std::collections::{BTreeMap, HashMap, HashSet};

use postroom_mail::flag::{Keyword, KeywordSet, SystemFlags};
use postroom_mail::identifier::{AccountId, MailboxId, ModSeq, UidValidity};
use postroom_mail::mailbox_name::MailboxName;
use postroom_runtime::clock::Timestamp;

use crate::log::record::Kept;
use crate::operation::{EntryId, LeaseToken};

/// Identifiers given last; each is given once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ids {
    /// Of accounts.
    pub account: u64,
    /// Of mailboxes.
    pub mailbox: u64,
    /// Of messages.
    pub email: u64,
    /// Of bodies.
    pub blob: u64,
    /// Of queue entries.
    pub entry: u64,
    /// Of leases.
    pub lease: u64,
}

/// The state that a plan speaks of. What is not here does not exist.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Identifiers given last.
    pub ids: Ids,
    /// Accounts.
    pub accounts: HashMap<AccountId, AccountCounters>,
    /// Mailboxes.
    pub mailboxes: HashMap<MailboxId, MailboxCounters>,
    /// All mailboxes of accounts whose list a plan changes, by name.
    pub folders: HashMap<AccountId, BTreeMap<MailboxName, MailboxId>>,
    /// Placements within the UIDs that the plan names, ascending.
    pub placements: HashMap<MailboxId, Vec<PlacementState>>,
    /// Queue entries.
    pub entries: HashMap<EntryId, EntryState>,
    /// What the entry keeps that gives the plan its body.
    pub kept: Option<Kept>,
    /// Keys that are remembered, and what with them.
    pub remembered: HashMap<Box<str>, Box<str>>,
    /// Addresses that are taken.
    pub addresses: HashMap<Box<str>, AddressUse>,
    /// Domains, and whether an account or alias uses them.
    pub domains: HashMap<Box<str>, bool>,
    /// Credentials by account and name.
    pub credentials: HashSet<(AccountId, Box<str>)>,
}

/// What is counted for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountCounters {
    /// Octets; `None` for no limit.
    pub quota: Option<u64>,
    /// Octets in use.
    pub used: u64,
    /// The highest given.
    pub mod_seq: ModSeq,
    /// The highest given, also to mailboxes that are gone.
    pub uid_validity: u32,
}

/// What is counted for a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxCounters {
    /// Whose.
    pub account: AccountId,
    /// Its name.
    pub name: MailboxName,
    /// Its epoch.
    pub uid_validity: UidValidity,
    /// The next UID to be given.
    pub uid_next: u32,
    /// Of its last change.
    pub mod_seq: ModSeq,
    /// Octets of its placements.
    pub octets: u64,
    /// By number.
    pub keywords: Vec<Keyword>,
}

/// A placement, as far as assignment looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacementState {
    /// Its UID.
    pub uid: u32,
    /// Of its last change.
    pub mod_seq: ModSeq,
    /// Octets.
    pub octets: u32,
    /// System flags.
    pub flags: SystemFlags,
    /// Keywords by number.
    pub keywords: KeywordSet,
}

/// A queue entry, as far as assignment looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryState {
    /// Of who holds it; zero when nobody does.
    pub lease: LeaseToken,
    /// When it may be taken.
    pub due: Timestamp,
    /// Whether it is kept back.
    pub is_held: bool,
}

/// Who has an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressUse {
    /// An account.
    Account,
    /// An alias.
    Alias,
}
