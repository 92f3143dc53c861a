//! What single values cannot tell: contradictions, and settings that are less safe than they could be.

use std::collections::HashMap;

use crate::problem::{ClearTextFrom, Place, Problem, Trouble};
use crate::tree::{Config, Role};
use crate::value::{ClearText, Network, StartTls, SubmissionStartTls};

impl Config {
    /// Looks at the tree as a whole: errors, then warnings.
    pub(crate) fn check(&self, place: &dyn Fn(&str) -> Place) -> Vec<Problem> {
        let mut problems = self.sockets_taken_twice(place);
        problems.extend(self.contradictions(place));
        problems.extend(self.relaying(place));
        problems.extend(self.relaxations(place));
        problems
    }

    fn sockets_taken_twice(&self, place: &dyn Fn(&str) -> Place) -> Vec<Problem> {
        let mut taken = HashMap::new();
        let mut problems = Vec::new();
        for role in Role::ALL {
            let key = format!("listen.{}", role.as_str());
            // The system gives each asker of port 0 a port of its own.
            for socket in self
                .listen
                .sockets(role)
                .into_iter()
                .filter(|s| s.port() != 0)
            {
                if let Some(other) = taken.insert(socket, key.clone()) {
                    let trouble = Trouble::SocketTwice { socket, other };
                    problems.push(Problem::new(key.clone(), place(&key), trouble));
                }
            }
        }
        problems
    }

    fn contradictions(&self, place: &dyn Fn(&str) -> Place) -> Vec<Problem> {
        let limits = &self.limits;
        let mut problems: Vec<_> = (self.listen.relay_allow.0.iter())
            .filter(|network| network.is_wide())
            .map(|network| {
                let key = "listen.relay_allow";
                Problem::new(key, place(key), Trouble::OpenRelay(network.to_string()))
            })
            .collect();
        let above = [
            (
                limits.imap.literal_before_login_max > limits.imap.literal_max,
                "limits.imap.literal_before_login_max",
                "limits.imap.literal_max",
            ),
            (
                limits.message.size_max > limits.inspect_bytes,
                "limits.message.size_max",
                "limits.inspect_bytes",
            ),
            (
                limits.smtp.data_block > limits.smtp.data,
                "limits.smtp.data_block",
                "limits.smtp.data",
            ),
            (
                u64::from(limits.inline_recipients) > u64::from(limits.expansion_max),
                "limits.inline_recipients",
                "limits.expansion_max",
            ),
        ];
        let wrong = above.into_iter().filter(|(is_above, ..)| *is_above);
        problems.extend(
            wrong.map(|(_, key, other)| Problem::new(key, place(key), Trouble::Above { other })),
        );
        problems
    }

    /// What of `[relay]` does not go together.
    fn relaying(&self, place: &dyn Fn(&str) -> Place) -> Vec<Problem> {
        let relay = &self.relay;
        let mut problems = Vec::new();
        let mut wrong = |key: &str, trouble| problems.push(Problem::new(key, place(key), trouble));
        let user = "relay.smarthost_user";
        let password = "relay.smarthost_password_file";
        match (&relay.smarthost_user, &relay.smarthost_password_file) {
            (Some(_), None) => wrong(user, Trouble::Without { other: password }),
            (None, Some(_)) => wrong(password, Trouble::Without { other: user }),
            _ => {}
        }
        if relay.smarthost_user.is_some() {
            if relay.smarthost.is_none() {
                let other = "relay.smarthost";
                wrong(user, Trouble::Without { other });
            }
            if !relay.tls.is_strict() {
                wrong(user, Trouble::PasswordUnprotected);
            }
        }
        let v4 = relay
            .source
            .iter()
            .filter(|source| source.is_ipv4())
            .count();
        for (kind, count) in [("IPv4", v4), ("IPv6", relay.source.len() - v4)] {
            if count > 1 {
                wrong("relay.source", Trouble::SourceTwice(kind));
            }
        }
        if relay.wait_first > relay.wait_max {
            let other = "relay.wait_max";
            wrong("relay.wait_first", Trouble::Above { other });
        }
        problems
    }

    fn relaxations(&self, place: &dyn Fn(&str) -> Place) -> Vec<Problem> {
        let mut warnings = Vec::new();
        let mut warn = |key: &str, trouble| warnings.push(Problem::new(key, place(key), trouble));
        if !self.hostname.is_qualified() {
            warn(
                "hostname",
                Trouble::HostnameLocal(self.hostname.to_string()),
            );
        }
        if self.listen.smtp_starttls == StartTls::Off {
            warn("listen.smtp_starttls", Trouble::NoStartTls);
        }
        if self.listen.smtp_submission {
            warn("listen.smtp_submission", Trouble::SubmissionOnSmtp);
        }
        if self.listen.submission_starttls == SubmissionStartTls::Offer {
            warn("listen.submission_starttls", Trouble::SubmissionWithoutTls);
        }
        let is_lmtp_open = !self.listen.sockets(Role::Lmtp).is_empty();
        if is_lmtp_open && self.listen.lmtp_allow.0.iter().any(Network::is_everyone) {
            warn("listen.lmtp_allow", Trouble::AnyoneDelivers);
        }
        let relaying = &self.listen.relay_allow.0;
        if !relaying.is_empty() {
            let named: Vec<String> = relaying.iter().map(ToString::to_string).collect();
            warn(
                "listen.relay_allow",
                Trouble::RelayWithoutPassword(named.join(", ")),
            );
        }
        match self.auth.cleartext {
            ClearText::Never => {}
            ClearText::Loopback => {
                warn(
                    "auth.cleartext",
                    Trouble::ClearTextPasswords(ClearTextFrom::Loopback),
                );
            }
            ClearText::Always => {
                warn(
                    "auth.cleartext",
                    Trouble::ClearTextPasswords(ClearTextFrom::Anywhere),
                );
            }
        }
        if self.delivery.postmaster.is_none() {
            warn("delivery.postmaster", Trouble::PostmasterUnset);
        }
        let beyond = self
            .limits
            .exempt
            .0
            .iter()
            .filter(|network| !network.is_loopback());
        let beyond: Vec<String> = beyond.map(ToString::to_string).collect();
        if !beyond.is_empty() {
            warn("limits.exempt", Trouble::ExemptWide(beyond.join(", ")));
        }
        warnings
    }
}
