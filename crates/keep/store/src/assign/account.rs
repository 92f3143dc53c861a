//! Domains, accounts, credentials, aliases.

use postroom_mail::identifier::{AccountId, ModSeq};

use super::Draft;
use crate::counters::{AccountCounters, AddressUse};
use crate::error::Refused;
use crate::log::change::{Change, MadeAccount};
use crate::operation::{Alias, Credential, Domain, NewAccount};
use crate::outcome::Done;

impl Draft {
    pub(super) fn put_domain(&mut self, domain: &Domain) -> Done {
        self.counters
            .domains
            .entry(domain.name.clone())
            .or_insert(false);
        self.changes.push(Change::PutDomain(domain.clone()));
        Done::Nothing
    }

    pub(super) fn remove_domain(&mut self, name: &str) -> Result<Done, Refused> {
        match self.counters.domains.remove(name) {
            None => Err(Refused::NoSuchName),
            Some(true) => Err(Refused::DomainInUse),
            Some(false) => {
                self.changes
                    .push(Change::RemoveDomain { name: name.into() });
                Ok(Done::Nothing)
            }
        }
    }

    pub(super) fn create_account(&mut self, new: &NewAccount) -> Result<Done, Refused> {
        if self.counters.addresses.contains_key(&new.address) {
            return Err(Refused::AddressTaken);
        }
        self.counters.ids.account += 1;
        let account = AccountId(self.counters.ids.account);
        self.counters
            .addresses
            .insert(new.address.clone(), AddressUse::Account);
        self.counters.accounts.insert(
            account,
            AccountCounters {
                quota: new.quota,
                used: 0,
                mod_seq: ModSeq(0),
                uid_validity: 0,
            },
        );
        let mod_seq = self.next_mod_seq(account)?;
        let mut mailboxes = Vec::new();
        for mailbox in &new.mailboxes {
            mailboxes.append(&mut self.make(account, mailbox, mod_seq)?);
        }
        for credential in &new.credentials {
            self.counters
                .credentials
                .insert((account, credential.name.clone()));
        }
        self.changes.push(Change::CreateAccount(MadeAccount {
            account,
            address: new.address.clone(),
            quota: new.quota,
            credentials: new.credentials.clone(),
            mod_seq,
            mailboxes,
        }));
        Ok(Done::Account(account))
    }

    pub(super) fn set_account(
        &mut self,
        account: AccountId,
        quota: Option<u64>,
        is_enabled: bool,
    ) -> Result<Done, Refused> {
        self.account(account)?.quota = quota;
        self.changes.push(Change::SetAccount {
            account,
            quota,
            is_enabled,
        });
        Ok(Done::Nothing)
    }

    pub(super) fn remove_account(&mut self, account: AccountId) -> Result<Done, Refused> {
        self.account(account)?;
        self.counters.accounts.remove(&account);
        self.changes.push(Change::RemoveAccount { account });
        Ok(Done::Nothing)
    }

    pub(super) fn put_credential(
        &mut self,
        account: AccountId,
        credential: &Credential,
    ) -> Result<Done, Refused> {
        self.account(account)?;
        self.counters
            .credentials
            .insert((account, credential.name.clone()));
        self.changes.push(Change::PutCredential {
            account,
            credential: credential.clone(),
        });
        Ok(Done::Nothing)
    }

    pub(super) fn remove_credential(
        &mut self,
        account: AccountId,
        name: &str,
    ) -> Result<Done, Refused> {
        self.account(account)?;
        if !self.counters.credentials.remove(&(account, name.into())) {
            return Err(Refused::NoSuchName);
        }
        self.changes.push(Change::RemoveCredential {
            account,
            name: name.into(),
        });
        Ok(Done::Nothing)
    }

    pub(super) fn put_alias(&mut self, alias: &Alias) -> Result<Done, Refused> {
        if self.counters.addresses.get(&alias.address) == Some(&AddressUse::Account) {
            return Err(Refused::AddressTaken);
        }
        self.counters
            .addresses
            .insert(alias.address.clone(), AddressUse::Alias);
        self.changes.push(Change::PutAlias(alias.clone()));
        Ok(Done::Nothing)
    }

    pub(super) fn remove_alias(&mut self, address: &str) -> Result<Done, Refused> {
        if self.counters.addresses.get(address) != Some(&AddressUse::Alias) {
            return Err(Refused::NoSuchName);
        }
        self.counters.addresses.remove(address);
        self.changes.push(Change::RemoveAlias {
            address: address.into(),
        });
        Ok(Done::Nothing)
    }
}
