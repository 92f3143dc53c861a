//! What a plan rests on, and what it still lacks.

use std::collections::{BTreeSet, HashMap};

use postroom_directory::lookup::Lookup;
use postroom_mail::address::Address;
use postroom_mail::identifier::{AccountId, MailboxId};

/// What is known so far. Grows by one round of look-ups at a time.
#[derive(Debug, Default, Clone)]
pub struct Facts {
    lookups: HashMap<Box<str>, Fact<Lookup>>,
    inboxes: HashMap<AccountId, Fact<MailboxId>>,
    usage: HashMap<AccountId, Fact<u64>>,
}

/// One thing that was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    /// It is so.
    Known(T),
    /// There is none: an account that has just gone.
    Gone,
    /// Directory or store trouble: nobody can say now.
    Unavailable,
}

/// What has to be looked up before the plan can be made.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Put to the directory.
    pub addresses: BTreeSet<Address>,
    /// Accounts whose inbox is to be found.
    pub inboxes: BTreeSet<AccountId>,
    /// Accounts whose use of storage is to be read.
    pub usage: BTreeSet<AccountId>,
}

impl Missing {
    /// Names what another plan lacks too.
    pub(crate) fn add(&mut self, other: Self) {
        self.addresses.extend(other.addresses);
        self.inboxes.extend(other.inboxes);
        self.usage.extend(other.usage);
    }

    /// Whether nothing is lacking.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.inboxes.is_empty() && self.usage.is_empty()
    }
}

impl Facts {
    /// Adds what the directory said of an address.
    pub fn put_lookup(&mut self, address: &Address, fact: Fact<Lookup>) {
        self.lookups.insert(address.lookup_key().into(), fact);
    }

    /// Adds the inbox of an account.
    pub fn put_inbox(&mut self, account: AccountId, fact: Fact<MailboxId>) {
        self.inboxes.insert(account, fact);
    }

    /// Adds the octets that an account uses.
    pub fn put_usage(&mut self, account: AccountId, fact: Fact<u64>) {
        self.usage.insert(account, fact);
    }

    /// The fact about an address; else notes that it is lacking.
    pub(crate) fn lookup(&self, address: &Address, missing: &mut Missing) -> Option<&Fact<Lookup>> {
        let fact = self.lookups.get(address.lookup_key().as_str());
        if fact.is_none() {
            missing.addresses.insert(address.clone());
        }
        fact
    }

    pub(crate) fn inbox(
        &self,
        account: AccountId,
        missing: &mut Missing,
    ) -> Option<&Fact<MailboxId>> {
        let fact = self.inboxes.get(&account);
        if fact.is_none() {
            missing.inboxes.insert(account);
        }
        fact
    }

    pub(crate) fn usage(&self, account: AccountId, missing: &mut Missing) -> Option<&Fact<u64>> {
        let fact = self.usage.get(&account);
        if fact.is_none() {
            missing.usage.insert(account);
        }
        fact
    }
}
