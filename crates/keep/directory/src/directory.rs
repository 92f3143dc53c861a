//! The handle that rooms hold.

use postroom_mail::address::Address;
use postroom_mail::identifier::AccountId;
use postroom_runtime::secret::Secret;
use postroom_store::error::ReadError;
use postroom_store::row::Account;

use crate::lookup::Lookup;

/// Who is here. Clones share it.
#[derive(Debug, Clone)]
pub struct Directory;

/// The directory cannot tell now.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The store did not answer.
    #[error("reading the directory failed")]
    Read(#[from] ReadError),
}

/// A login was not granted.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Name or password is wrong; one answer and one cost for both.
    #[error("name or password is wrong")]
    Refused,
    /// Passwords cannot be checked now.
    #[error("passwords cannot be checked now")]
    Unavailable,
}

#[expect(unused_variables, clippy::unused_async, reason = "seam: bodies follow")]
impl Directory {
    /// One step of resolving an address.
    pub async fn lookup(&self, address: &Address) -> Result<Lookup, LookupError> {
        unimplemented!()
    }

    /// Checks a password.
    pub async fn authenticate(
        &self,
        login: &str,
        password: &Secret,
    ) -> Result<Account, LoginError> {
        unimplemented!()
    }

    /// Whether mail from this address may be sent by this account.
    pub async fn owns(&self, account: AccountId, address: &Address) -> Result<bool, LookupError> {
        unimplemented!()
    }
}
