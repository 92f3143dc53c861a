//! Who may read which account.

use std::future::Future;

use postroom_mail::identifier::AccountId;
use postroom_net::Peer;
use postroom_runtime::secret::Secret;

/// Checks a name and password.
pub trait Authenticator: Send + Sync + 'static {
    /// The account that `login` and `password` open. Takes the same time whether or not the
    /// account exists. Failures of `peer` may be counted.
    fn authenticate(
        &self,
        peer: &Peer,
        login: &str,
        password: &Secret,
    ) -> impl Future<Output = Result<AccountId, AuthenticationError>> + Send;
}

/// Why a login was not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// No such account, a wrong password, or an account that is switched off.
    #[error("name or password is wrong")]
    Denied,
    /// It could not be found out.
    #[error("logins cannot be checked now")]
    Unavailable,
}
