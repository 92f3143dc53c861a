//! Who an address is for.

use std::collections::HashSet;

use postroom_mail::address::{Address, Domain, NonAscii};
use postroom_mail::identifier::AccountId;
use postroom_store::error::ReadError;
use postroom_store::operation::DomainKind;
use postroom_store::row;

use crate::Directory;

/// An account as the path of a message needs it; what it uses of its quota is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Which.
    pub id: AccountId,
    /// Lookup key of its own address.
    pub address: Box<str>,
    /// Octets it may hold; `None` for no limit.
    pub quota: Option<u64>,
    /// Whether it may sign in and receive.
    pub is_enabled: bool,
}

impl From<row::Account> for Account {
    fn from(row: row::Account) -> Self {
        Self {
            id: row.id,
            address: row.address,
            quota: row.quota,
            is_enabled: row.is_enabled,
        }
    }
}

/// Who an address is for, one step on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// An account here.
    Account(Account),
    /// An alias: these addresses instead.
    Alias(Vec<Address>),
    /// Nobody's own: the domain's catch-all takes it.
    CatchAll(Address),
    /// The same local part in another domain.
    Domain(Address),
    /// The domain is here, the address is not.
    Unknown,
    /// The domain is one that we pass mail on for.
    Relay,
    /// Not ours.
    Elsewhere,
}

impl Directory {
    /// Who `address` is for: an account, else an alias, else either without the detail, else the
    /// catch-all. Follows nothing: [`Lookup::Alias`] and the like are one step.
    ///
    /// Cost: a look into memory, or up to five reads of the store.
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
        if !matches!(answer, Lookup::Unknown | Lookup::Elsewhere) {
            self.lookups.keep(&key, &answer, epoch);
        }
        Ok(answer)
    }

    async fn look_up(&self, address: &Address, key: &str) -> Result<Lookup, ReadError> {
        let Some(domain) = self.store.domain(address.domain.as_str()).await? else {
            return Ok(Lookup::Elsewhere);
        };
        match domain.kind {
            DomainKind::Relay => return Ok(Lookup::Relay),
            DomainKind::Alias => {
                let target = domain
                    .catch_all
                    .as_deref()
                    .and_then(|name| Domain::parse(name).ok());
                let other = target.map(|domain| Address {
                    local: address.local.clone(),
                    domain,
                });
                return Ok(other.map_or(Lookup::Unknown, Lookup::Domain));
            }
            DomainKind::Local => {}
        }
        if let Some(found) = self.exact(key).await? {
            return Ok(found);
        }
        if let Some(separator) = self.limits.plus_separator
            && address.plus_detail(separator).is_some()
            && let Some(found) = self
                .exact(&address.without_detail(separator).lookup_key())
                .await?
        {
            return Ok(found);
        }
        let catch_all = domain.catch_all.as_deref().and_then(parse_key);
        Ok(catch_all.map_or(Lookup::Unknown, Lookup::CatchAll))
    }

    async fn exact(&self, key: &str) -> Result<Option<Lookup>, ReadError> {
        if let Some(account) = self.store.account_of(key).await? {
            return Ok(Some(Lookup::Account(account.into())));
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

    /// Whether `address` leads to `account`: its own address, one with a detail, an alias or a
    /// catch-all that ends there. What an authenticated sender may write as its own.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn owns(&self, account: AccountId, address: &Address) -> Result<bool, ReadError> {
        let mut seen = HashSet::new();
        let mut level = vec![address.clone()];
        for _ in 0..=self.limits.alias_depth_max {
            let mut next = Vec::new();
            for address in level {
                if !seen.insert(address.lookup_key()) {
                    continue;
                }
                match self.lookup(&address).await? {
                    Lookup::Account(found) if found.id == account => return Ok(true),
                    Lookup::Alias(members) => next.extend(members),
                    Lookup::CatchAll(target) | Lookup::Domain(target) => next.push(target),
                    Lookup::Account(_) | Lookup::Unknown | Lookup::Relay | Lookup::Elsewhere => {}
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
