//! AUTH at a smarthost (RFC 4954).

use std::fmt::Write as _;
use std::time::Instant;

use postroom_wire::machine::Next;
use postroom_wire::output::Output;
use postroom_wire::sasl::{self, Mechanism};

use super::Client;
use super::extension::Extension;
use super::outcome::Cause;
use super::profile::Login;
use super::reply_reader::Heard;
use super::state::State;

/// Octets of a command line with its CRLF that every server takes (RFC 5321 §4.5.3.1.4); a longer
/// initial response waits to be asked for (RFC 4954 §4).
const LINE_OCTETS_MAX: usize = 512;

impl Client {
    /// Signs in where the profile says so, else the session stands.
    pub(super) fn log_in(&mut self, now: Instant, out: &mut Output) -> Next<'static, Self> {
        let Some(login) = &self.profile.login else {
            return self.become_ready(now);
        };
        let lack = if self.session.tls.is_none() && !login.may_be_clear {
            Cause::LoginInClear
        } else if let Some(mechanism) = self.session.extensions.mechanism {
            let (command, responses) = exchange(login, mechanism);
            let _ = write!(out, "{command}\r\n");
            return self.wait(State::Login(responses), self.profile.timeouts.hello, now);
        } else {
            Cause::Lacks(Extension::Auth)
        };
        self.state = State::Login(Vec::new());
        self.quit(lack, now, out)
    }

    pub(super) fn login_heard(
        &mut self,
        mut responses: Vec<String>,
        heard: Heard,
        now: Instant,
        out: &mut Output,
    ) -> Next<'static, Self> {
        if heard.is_completion() {
            return self.become_ready(now);
        }
        match responses.pop() {
            Some(response) if heard.is_intermediate() => {
                let _ = write!(out, "{response}\r\n");
                self.wait(State::Login(responses), self.profile.timeouts.hello, now)
            }
            _ => self.refused(State::Login(responses), heard, now, out),
        }
    }
}

/// The command that begins an exchange, and the responses to come, the last first.
fn exchange(login: &Login, mechanism: Mechanism) -> (String, Vec<String>) {
    let password = login.password.expose();
    let command = format!("AUTH {}", mechanism.name());
    match mechanism {
        Mechanism::Login => {
            let name = sasl::encode(login.name.as_bytes());
            (command, vec![sasl::encode(password.as_bytes()), name])
        }
        Mechanism::Plain => {
            // An empty authorization identity: whoever signs in acts for itself (RFC 4616 §2).
            let message = format!("\0{}\0{password}", login.name);
            let response = sasl::encode(message.as_bytes());
            let line = format!("{command} {response}");
            if line.len().saturating_add(2) <= LINE_OCTETS_MAX {
                (line, Vec::new())
            } else {
                (command, vec![response])
            }
        }
    }
}
