//! LOGIN and AUTHENTICATE.

use postroom_imap::question::Answer;
use postroom_wire::sasl::Credentials;

use super::{ImapHost, reply};
use crate::authenticator::{AuthenticationError, Authenticator};

impl<A: Authenticator> ImapHost<A> {
    /// Checks who logs in (RFC 9051 §6.2.2, §6.2.3). Ends in one line of the log.
    pub(super) async fn authenticate(&mut self, credentials: Credentials) -> Answer {
        let checked = self
            .imap
            .authenticator
            .authenticate(&self.peer, &credentials.authcid, &credentials.password)
            .await;
        let peer = self
            .imap
            .privacy
            .peer(self.peer.address.ip().to_canonical());
        let mechanism = credentials.mechanism.name();
        let refused = match checked {
            Ok(account) => {
                self.account = Some(account);
                tracing::info!(%peer, mechanism, account = account.0, outcome = "granted", "login");
                return Answer::Granted;
            }
            Err(AuthenticationError::Denied) => reply::LOGIN_FAILED,
            Err(AuthenticationError::Unavailable) => reply::LOGIN_LATER,
        };
        let outcome = refused.code.as_ref().map_or("refused", |code| code.name());
        tracing::info!(%peer, mechanism, outcome, "login");
        Answer::Denied(refused)
    }
}
