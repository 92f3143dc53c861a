//! Who may sign in.

use std::sync::Arc;

use postroom_mail::address::{Address, NonAscii};
use postroom_runtime::pool::PoolError;
use postroom_runtime::secret::Secret;
use postroom_store::error::ReadError;
use postroom_store::row::Account;

use crate::Directory;
use crate::password::{self, Cost};

/// A sign-in that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Wrong password, no such account, or one that may not sign in: nobody is told which.
    #[error("wrong name or password")]
    Wrong,
    /// Too many sign-ins wait.
    #[error("too many sign-ins are waiting")]
    Busy,
    /// The store did not answer.
    #[error("the directory cannot be read")]
    Store(#[from] ReadError),
}

impl Directory {
    /// Signs in with the account's address and one of its passwords.
    ///
    /// An unknown name takes as long as a wrong password: whatever fails has paid for a hash of
    /// today's cost. Cost: one hash on the pool, unless the same sign-in was verified a moment ago.
    ///
    /// # Errors
    /// `Busy` and `Store` say nothing about the password.
    pub async fn authenticate(
        &self,
        login: &str,
        password: &Secret,
    ) -> Result<Account, SignInError> {
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

    /// The hash that the password matches.
    async fn verify(
        &self,
        hashes: Vec<Box<str>>,
        password: &Secret,
    ) -> Result<Option<Box<str>>, SignInError> {
        let password = password.clone();
        let (decoy, workspace) = (Arc::clone(&self.decoy), Arc::clone(&self.workspace));
        let cost = self.limits.cost;
        let work = move || {
            let matched = trials(&hashes, &decoy, cost)
                .find(|trial| password::verify(trial.hash(), password.expose(), &workspace))?;
            match matched {
                Trial::Own(hash) => Some(hash.into()),
                Trial::Decoy(_) => None,
            }
        };
        self.pool
            .run(work)
            .await
            .map_err(|_: PoolError| SignInError::Busy)
    }
}

/// A hash that a password is verified against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trial<'h> {
    /// One of the account's.
    Own(&'h str),
    /// Nobody's: what matches it opens nothing.
    Decoy(&'h str),
}

impl<'h> Trial<'h> {
    fn hash(self) -> &'h str {
        match self {
            Self::Own(hash) | Self::Decoy(hash) => hash,
        }
    }
}

/// What a password is verified against until one matches: the account's hashes, and the decoy
/// unless one of them costs as much. An account with cheap hashes of another server would else
/// refuse sooner than a name that does not exist.
fn trials<'h>(
    hashes: &'h [Box<str>],
    decoy: &'h str,
    cost: Cost,
) -> impl Iterator<Item = Trial<'h>> {
    let is_paid = hashes.iter().any(|hash| password::costs(hash, cost));
    let decoy = (!is_paid).then_some(Trial::Decoy(decoy));
    hashes.iter().map(|hash| Trial::Own(hash)).chain(decoy)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Cost = Cost {
        memory_kib: 64,
        passes: 2,
    };
    const DECOY: &str = "$argon2id$v=19$m=64,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const CHEAPER: &str = "$argon2id$v=19$m=32,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const SSHA: &str = "{SSHA}XbGTxJc7Iego5woCKM6IR3/vokBzYWx0c2FsdA==";
    const SHA512: &str = "$6$abcdefgh01234567$MLIW5YLEvDk.mec12aAFx5wsUTjCUWz7FkMwNMf5CR9KWGN8rmM7LnDKpGDyoGmhIcRkxCbKsXLBmRJ9iPwf0.";

    /// How many of the trials of a failing sign-in cost what a new hash costs.
    fn paid(hashes: &[&str]) -> usize {
        let hashes: Vec<Box<str>> = hashes.iter().map(|hash| (*hash).into()).collect();
        trials(&hashes, DECOY, COST)
            .filter(|trial| password::costs(trial.hash(), COST))
            .count()
    }

    #[test]
    fn attack_b08_every_wrong_password_costs_one_full_hash() {
        let dear = "{ARGON2ID}".to_owned() + DECOY;
        for hashes in [
            &[][..],
            &[SSHA],
            &[SHA512],
            &[SSHA, SHA512],
            &[CHEAPER],
            &["no hash"],
            &[DECOY],
            &[&dear],
            &[SSHA, DECOY],
        ] {
            assert_eq!(paid(hashes), 1, "{hashes:?}");
        }
    }

    #[test]
    fn attack_b08_the_decoy_comes_last_and_is_nobodys() {
        let hashes = [Box::from(SSHA)];
        let tried: Vec<_> = trials(&hashes, DECOY, COST).collect();
        assert_eq!(tried, [Trial::Own(SSHA), Trial::Decoy(DECOY)]);
    }
}
