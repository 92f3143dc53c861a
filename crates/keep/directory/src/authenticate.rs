//! Who may sign in.

use std::net::IpAddr;

use postroom_mail::address::{Address, NonAscii};
use postroom_runtime::pool::PoolError;
use postroom_runtime::secret::Secret;
use postroom_store::error::ReadError;
use postroom_store::row::Account;

use crate::Directory;
use crate::failures::Unheard;
use crate::password::{self, Cost};

/// A sign-in that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Wrong password, no such account, or one that may not sign in: nobody is told which.
    #[error("wrong name or password")]
    Wrong,
    /// Too many sign-ins wait, of all or of this address.
    #[error("too many sign-ins are waiting")]
    Busy,
    /// Too many sign-ins of this address have failed: the password was not looked at.
    #[error("too many sign-ins of this address have failed")]
    Unheard,
    /// The store did not answer.
    #[error("the directory cannot be read")]
    Store(#[from] ReadError),
}

impl Directory {
    /// Signs in with the account's address and one of its passwords.
    ///
    /// `from` is the peer's address, whose failures are counted whatever it speaks; nothing for a
    /// peer whose failures are not. An unknown name takes as long as a wrong password: whatever
    /// fails has paid for a hash of today's cost. Cost: one hash on the pool, unless the same
    /// sign-in was verified a moment ago.
    ///
    /// # Errors
    /// `Busy`, `Unheard` and `Store` say nothing about the password.
    pub async fn authenticate(
        &self,
        from: Option<IpAddr>,
        login: &str,
        password: &Secret,
    ) -> Result<Account, SignInError> {
        let began = from.map(|address| self.failures.begin(address, self.clock.now()));
        let attempt = began.transpose().map_err(|unheard| match unheard {
            Unheard::Busy => SignInError::Busy,
            Unheard::Spent => SignInError::Unheard,
        })?;
        let outcome = self.check(login, password).await;
        if let Some(attempt) = attempt
            && !matches!(outcome, Err(SignInError::Wrong))
        {
            attempt.forgive();
        }
        outcome
    }

    async fn check(&self, login: &str, password: &Secret) -> Result<Account, SignInError> {
        let account = self.account_to_sign_in(login).await?;
        let hashes: Vec<Box<str>> = match &account {
            Some(account) => self
                .store
                .credentials(account.id)
                .await?
                .into_iter()
                .map(|one| one.hash)
                .collect(),
            None => Vec::new(),
        };
        let now = self.clock.now();
        if let Some(account) = &account
            && hashes.iter().any(|hash| {
                self.verified.is_known(
                    &self.verified.proof(account.id, hash, password.expose()),
                    now,
                )
            })
        {
            return Ok(account.clone());
        }
        let matched = self.verify(hashes, password).await?;
        match (account, matched) {
            (Some(account), Some(hash)) => {
                self.verified.remember(
                    &self.verified.proof(account.id, &hash, password.expose()),
                    now,
                );
                Ok(account)
            }
            _ => Err(SignInError::Wrong),
        }
    }

    /// The enabled account of a login name.
    async fn account_to_sign_in(&self, login: &str) -> Result<Option<Account>, ReadError> {
        let Ok(address) = Address::parse(login, NonAscii::Allowed) else {
            return Ok(None);
        };
        let row = self.store.account_of(&address.lookup_key()).await?;
        Ok(row.filter(|account| account.is_enabled))
    }

    /// The hash that the password matches; a failure takes as long as with a new hash.
    async fn verify(
        &self,
        hashes: Vec<Box<str>>,
        password: &Secret,
    ) -> Result<Option<Box<str>>, SignInError> {
        let password = password.clone();
        let (cost, workspace) = (self.limits.get().cost, self.workspace.clone());
        let work = move || {
            let matched = hashes
                .iter()
                .find(|hash| password::verify(hash, password.expose(), &workspace));
            if matched.is_none() && is_owed(&hashes, cost) {
                password::pretend(password.expose(), cost, &workspace);
            }
            matched.cloned()
        };
        self.pool
            .run(work)
            .await
            .map_err(|_: PoolError| SignInError::Busy)
    }
}

/// Whether the refusal of a password that matches none of `hashes` must still cost a new hash: no
/// hash that was tried did. An account with cheap hashes of another server would else refuse
/// sooner than a name that does not exist.
fn is_owed(hashes: &[Box<str>], cost: Cost) -> bool {
    !hashes.iter().any(|hash| password::costs(hash, cost))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Cost = Cost {
        memory_kib: 64,
        passes: 2,
    };
    const FULL: &str = "$argon2id$v=19$m=64,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const CHEAPER: &str = "$argon2id$v=19$m=32,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const SSHA: &str = "{SSHA}XbGTxJc7Iego5woCKM6IR3/vokBzYWx0c2FsdA==";
    const SHA512: &str = "$6$abcdefgh01234567$MLIW5YLEvDk.mec12aAFx5wsUTjCUWz7FkMwNMf5CR9KWGN8rmM7LnDKpGDyoGmhIcRkxCbKsXLBmRJ9iPwf0.";

    #[test]
    fn attack_b08_every_wrong_password_costs_a_full_hash() {
        let prefixed = "{ARGON2ID}".to_owned() + FULL;
        let cases: &[(&[&str], bool)] = &[
            (&[], true),
            (&[SSHA], true),
            (&[SHA512], true),
            (&[SSHA, SHA512], true),
            (&[CHEAPER], true),
            (&["no hash"], true),
            (&[FULL], false),
            (&[&prefixed], false),
            (&[SSHA, FULL], false),
        ];
        for (hashes, owed) in cases {
            let boxed: Vec<Box<str>> = hashes.iter().map(|hash| (*hash).into()).collect();
            assert_eq!(is_owed(&boxed, COST), *owed, "{hashes:?}");
        }
    }
}
