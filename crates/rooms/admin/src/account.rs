//! Accounts.

use postroom_directory::change::NewPassword;
use postroom_mail::address::Address;
use postroom_runtime::secret::Secret;
use serde_json::{Value, json};

use crate::answer::{self, Failure};
use crate::handler::{Admin, address, told};
use crate::request::NewAccount;

impl Admin {
    pub(crate) async fn account_add(
        &self,
        accounts: Vec<NewAccount>,
        quota: Option<u64>,
    ) -> Result<Value, Failure> {
        let accounts = accounts
            .into_iter()
            .map(read)
            .collect::<Result<Vec<_>, _>>()?;
        let made = self.directory.add_accounts(accounts, quota).await?;
        Ok(json!({ "added": made.len() }))
    }

    pub(crate) async fn account_enable(
        &self,
        name: &str,
        is_enabled: bool,
    ) -> Result<Value, Failure> {
        let address = address(name)?;
        let quota = self.directory.account(&address).await?.quota;
        self.directory
            .set_account(&address, quota, is_enabled)
            .await?;
        Ok(json!({ "address": name, "is_enabled": is_enabled }))
    }

    pub(crate) async fn account_list(&self) -> Result<Value, Failure> {
        let accounts = self
            .directory
            .accounts()
            .await?
            .into_iter()
            .map(|row| answer::Account {
                address: row.address.into(),
                is_enabled: row.is_enabled,
                messages: row.messages,
                quota: row.quota,
                used: row.used,
            });
        told(&accounts.collect::<Vec<_>>())
    }

    pub(crate) async fn account_password(&self, account: NewAccount) -> Result<Value, Failure> {
        let (address, password) = read(account)?;
        self.directory.set_password(&address, password).await?;
        Ok(json!({ "address": address.to_string() }))
    }

    pub(crate) async fn account_quota(
        &self,
        name: &str,
        quota: Option<u64>,
    ) -> Result<Value, Failure> {
        let address = address(name)?;
        let is_enabled = self.directory.account(&address).await?.is_enabled;
        self.directory
            .set_account(&address, quota, is_enabled)
            .await?;
        Ok(json!({ "address": name, "quota": quota }))
    }

    pub(crate) async fn account_remove(&self, name: &str) -> Result<Value, Failure> {
        self.directory.remove_account(&address(name)?).await?;
        Ok(json!({ "removed": name }))
    }
}

fn read(account: NewAccount) -> Result<(Address, NewPassword), Failure> {
    let address = address(&account.address)?;
    let password = match (account.password, account.hash) {
        (Some(clear), None) => NewPassword::Clear(Secret::new(clear)),
        (None, Some(hash)) => NewPassword::Hashed(hash.into()),
        _ => {
            let what = format!("{} has no password", account.address);
            return Err(Failure::new(
                what,
                "give a password or a hash, and not both",
            ));
        }
    };
    Ok((address, password))
}
