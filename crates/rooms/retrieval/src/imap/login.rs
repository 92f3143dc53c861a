//! LOGIN and AUTHENTICATE.

use std::time::Instant;

use postroom_imap::question::Answer;
use postroom_wire::sasl::Credentials;

use super::{ImapHost, reply};
use crate::authenticator::{AuthenticationError, Authenticator};

impl<A: Authenticator> ImapHost<A> {
    /// Checks who logs in (RFC 9051 §6.2.2, §6.2.3). Ends in one line of the log.
    pub(super) async fn authenticate(&mut self, credentials: Credentials) -> Answer {
        let started = self.imap.clock.now();
        let checked = self
            .imap
            .authenticator
            .authenticate(&self.peer, &credentials.authcid, &credentials.password)
            .await;
        let (outcome, answer) = match checked {
            Ok(account) => {
                self.account = Some(account);
                ("granted", Answer::Granted)
            }
            Err(AuthenticationError::Denied) => ("refused", Answer::Denied(reply::LOGIN_FAILED)),
            Err(AuthenticationError::Unavailable) => {
                ("unavailable", Answer::Denied(reply::LOGIN_LATER))
            }
        };
        self.tell_login(&credentials, outcome, started);
        answer
    }

    fn tell_login(&self, credentials: &Credentials, outcome: &str, started: Instant) {
        let privacy = &self.imap.privacy;
        let elapsed = self.imap.clock.now().duration_since(started);
        tracing::info!(
            peer = %privacy.peer(self.peer.address.ip().to_canonical()),
            account = %privacy.name(&credentials.authcid),
            mechanism = credentials.mechanism.name(),
            outcome,
            elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            "login"
        );
    }
}
