//! Who an address is for.

use std::collections::HashSet;

use postroom_mail::address::{Address, Domain, NonAscii};
use postroom_mail::identifier::AccountId;
use postroom_store::error::ReadError;
use postroom_store::operation::DomainKind;
use postroom_store::row::Account;

use crate::Directory;

/// What the directory says of one address: one step, without sub-address and without following
/// aliases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// An account's own address. What it uses of its quota may be of some time ago.
    Account(Account),
    /// An alias: these addresses instead.
    Alias(Vec<Address>),
    /// No account and no alias, but the domain has an address that takes the rest.
    CatchAll(Address),
    /// The domain stands for another: the same local part there.
    DomainAlias(Domain),
    /// The domain is ours and has no such address.
    UnknownUser,
    /// The domain is one that we pass mail on for, from anyone.
    PassedOn,
    /// The domain is not ours.
    NotLocal,
}

impl Directory {
    /// Who exactly this address is for: an account, else an alias, else the domain's catch-all.
    ///
    /// Cost: a look into memory, or up to three reads of the store.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn lookup(&self, address: &Address) -> Result<Lookup, ReadError> {
        let key = address.lookup_key();
        let epoch = match self.lookups.get(&key) {
            Ok(answer) => return Ok(answer),
            Err(epoch) => epoch,
        };
        let answer = self.look_up(address, &key).await?;
        // Only what is here is kept: strangers must not be able to fill the cache.
        if !matches!(
            answer,
            Lookup::UnknownUser | Lookup::PassedOn | Lookup::NotLocal
        ) {
            self.lookups.keep(&key, &answer, epoch);
        }
        Ok(answer)
    }

    async fn look_up(&self, address: &Address, key: &str) -> Result<Lookup, ReadError> {
        let Some(domain) = self.store.domain(address.domain.as_str()).await? else {
            return Ok(Lookup::NotLocal);
        };
        match domain.kind {
            DomainKind::Relay => return Ok(Lookup::PassedOn),
            DomainKind::Alias => {
                let target = domain
                    .target
                    .as_deref()
                    .and_then(|name| Domain::parse(name).ok());
                return Ok(target.map_or(Lookup::UnknownUser, Lookup::DomainAlias));
            }
            DomainKind::Local => {}
        }
        if let Some(found) = self.exact(key).await? {
            return Ok(found);
        }
        let catch_all = domain.catch_all.as_deref().and_then(parse_key);
        Ok(catch_all.map_or(Lookup::UnknownUser, Lookup::CatchAll))
    }

    async fn exact(&self, key: &str) -> Result<Option<Lookup>, ReadError> {
        if let Some(account) = self.store.account_of(key).await? {
            return Ok(Some(Lookup::Account(account)));
        }
        let alias = self.store.alias(key).await?;
        Ok(alias.map(|alias| {
            Lookup::Alias(
                alias
                    .members
                    .iter()
                    .filter_map(|key| parse_key(key))
                    .collect(),
            )
        }))
    }

    /// Whether `address` leads to `account`: its own address, an alias or a catch-all that ends
    /// there. What an authenticated sender may write as its own.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn owns(&self, account: AccountId, address: &Address) -> Result<bool, ReadError> {
        let mut seen = HashSet::new();
        let mut level = vec![address.clone()];
        for _ in 0..=self.limits.get().alias_depth_max {
            let mut next = Vec::new();
            for address in level {
                if !seen.insert(address.lookup_key()) {
                    continue;
                }
                match self.lookup(&address).await? {
                    Lookup::Account(found) if found.id == account => return Ok(true),
                    Lookup::Alias(members) => next.extend(members),
                    Lookup::CatchAll(target) => next.push(target),
                    Lookup::DomainAlias(domain) => next.push(Address { domain, ..address }),
                    Lookup::Account(_)
                    | Lookup::UnknownUser
                    | Lookup::PassedOn
                    | Lookup::NotLocal => {}
                }
            }
            if next.is_empty() || seen.len() > OWNED_ADDRESSES_MAX {
                return Ok(false);
            }
            level = next;
        }
        Ok(false)
    }
}

/// Addresses followed to find out whether a sender's address is its own.
const OWNED_ADDRESSES_MAX: usize = 1000;

/// An address as the store keeps it.
pub(crate) fn parse_key(key: &str) -> Option<Address> {
    Address::parse(key, NonAscii::Allowed).ok()
}
