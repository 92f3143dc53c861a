//! AUTH.

use postroom_directory::authenticate::SignInError;
use postroom_mail::reply;
use postroom_runtime::telemetry::LoginOutcome;
use postroom_smtp::server::Answer;
use postroom_wire::sasl::Credentials;

use super::Session;
use super::story::Attempt;
use crate::stages::{Login, Who};

impl Session {
    /// Checks a password. One answer for every failure of the peer, at one cost: the directory
    /// hashes for unknown names too.
    pub(super) async fn sign_in(&mut self, credentials: &Credentials) -> Answer {
        let started = self.inner().parts.clock.now();
        let address = self.peer.address.ip();
        let name = &*credentials.authcid;
        let attempt = Attempt {
            name,
            mechanism: credentials.mechanism.name(),
            started,
        };
        let counted = (!self.peer.is_exempt).then_some(address);
        let directory = &self.inner().parts.directory;
        let checked = directory.authenticate(counted, name, &credentials.password);
        match checked.await {
            Ok(account) => {
                let granted = Attempt {
                    name: &account.address,
                    ..attempt
                };
                self.tell_login(&granted, LoginOutcome::Granted, None);
                let name = self.inner().parts.privacy.name(&account.address);
                self.peer.note_account(&name);
                self.login = Some(Login {
                    who: Who::Account(account.id),
                    name,
                });
                Answer::LoggedIn
            }
            Err(SignInError::Wrong) => {
                self.tell_login(&attempt, LoginOutcome::Refused, Some(&reply::LOGIN_FAILED));
                Answer::Verdict(reply::LOGIN_FAILED)
            }
            Err(SignInError::Unheard) => {
                self.tell_login(&attempt, LoginOutcome::Unheard, Some(&reply::LOGIN_TROUBLE));
                Answer::Verdict(reply::LOGIN_TROUBLE)
            }
            Err(SignInError::Busy | SignInError::Store(_)) => {
                let reply = Some(&reply::LOGIN_TROUBLE);
                self.tell_login(&attempt, LoginOutcome::Unavailable, reply);
                Answer::Verdict(reply::LOGIN_TROUBLE)
            }
        }
    }
}
