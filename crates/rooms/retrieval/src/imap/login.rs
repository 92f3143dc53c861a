//! LOGIN and AUTHENTICATE.

use postroom_imap::question::{Answer, Credentials};
use postroom_mail::identifier::AccountId;

use super::{ImapHost, reply};
use crate::authenticator::{AuthenticationError, Authenticator};

impl<A: Authenticator> ImapHost<A> {
    /// Checks who logs in (RFC 9051 §6.2.2, §6.2.3).
    pub(super) async fn authenticate(&mut self, credentials: Credentials) -> Answer {
        let checked = self
            .imap
            .authenticator
            .authenticate(&credentials.user, &credentials.password)
            .await;
        let peer = self.peer.address.ip();
        let mechanism = credentials.mechanism;
        let refused = match checked {
            // Checked after the password, so that nothing is learnt without one.
            Ok(_) if is_another(&credentials) => reply::NOT_YOURS,
            Ok(account) => {
                tracing::info!(%peer, mechanism, account = account.0, outcome = "granted", "login");
                self.log_in(account);
                return Answer::Granted;
            }
            Err(AuthenticationError::Denied) => reply::LOGIN_FAILED,
            Err(AuthenticationError::Unavailable) => reply::LOGIN_LATER,
        };
        let outcome = refused.code.as_ref().map_or("refused", |code| code.name());
        tracing::info!(%peer, mechanism, outcome, "login");
        Answer::Denied(refused)
    }

    fn log_in(&mut self, account: AccountId) {
        self.account = Some(account);
    }
}

/// Whether the client wants to act as someone else than it proved to be (RFC 4616 §2).
fn is_another(credentials: &Credentials) -> bool {
    credentials
        .authorization
        .as_deref()
        .is_some_and(|other| !other.is_empty() && *other != *credentials.user)
}
