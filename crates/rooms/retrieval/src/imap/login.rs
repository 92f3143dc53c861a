//! LOGIN and AUTHENTICATE.

use std::time::Instant;

use postroom_imap::question::Answer;
use postroom_runtime::telemetry::LoginOutcome;
use postroom_store::journal::JournalLine;
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
                let name = self.imap.privacy.name(&credentials.authcid);
                self.peer.note_account(&name);
                (LoginOutcome::Granted, Answer::Granted)
            }
            Err(AuthenticationError::Denied) => {
                (LoginOutcome::Refused, Answer::Denied(reply::LOGIN_FAILED))
            }
            Err(AuthenticationError::Unavailable) => (
                LoginOutcome::Unavailable,
                Answer::Denied(reply::LOGIN_LATER),
            ),
        };
        self.tell_login(&credentials, outcome, started);
        answer
    }

    fn tell_login(&self, credentials: &Credentials, outcome: LoginOutcome, started: Instant) {
        let attempts = &self.imap.telemetry.login.attempts;
        attempts.at(self.peer.role).at(outcome).increment();
        let privacy = &self.imap.privacy;
        let elapsed = self.imap.clock.now().duration_since(started);
        let peer = privacy.peer(self.peer.address.ip().to_canonical());
        let account = privacy.name(&credentials.authcid);
        let mechanism = credentials.mechanism.name();
        let store = self.mailboxes().store();
        let session = self.peer.session;
        tracing::info!(
            session = %format_args!("{session:016x}"),
            %peer,
            %account,
            mechanism,
            outcome = outcome.as_str(),
            elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            "login"
        );
        store.journal_later(vec![JournalLine {
            time: self.imap.clock.wall(),
            session,
            arrival: None,
            message_id: None,
            room: "retrieval".into(),
            what: "login".into(),
            sender: Some(account),
            recipient: None,
            verdict: outcome.as_str().into(),
            reply: Some(format!("IMAP {mechanism}").into()),
            next_hop: None,
            peer: Some(peer),
            elapsed_us: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        }]);
    }
}
