//! The greeting, and EHLO, HELO, LHLO with the list of extensions (RFC 5321 §4.1.1.1).

use std::borrow::Cow;

use postroom_mail::reply;
use postroom_wire::output::Output;
use postroom_wire::sasl::Mechanism;

use super::Server;
use super::host::{Answer, HelloVerb, Question, Standing};
use super::outcome::Outcome;
use super::profile::{AuthPolicy, Dialect, StartTlsPolicy};
use super::state::{Pending, Phase};

/// Octets of the name a peer may give (RFC 5321 §4.5.3.1.2).
const NAME_OCTETS_MAX: usize = 255;
/// The highest number LIMITS can say (RFC 9422 §3).
const LIMIT_MAX: u32 = 999_999;

/// Keywords of EHLO that a server may offer (RFC 5321 §4.1.1.1).
pub const EXTENSIONS: [&str; 10] = [
    "PIPELINING",
    "SIZE",
    "8BITMIME",
    "SMTPUTF8",
    "CHUNKING",
    "ENHANCEDSTATUSCODES",
    "LIMITS",
    "DSN",
    "STARTTLS",
    "AUTH",
];

impl Server {
    pub(super) fn connect_answered(&mut self, early_talker: bool, answer: Answer) -> Outcome {
        let standing = match answer {
            Answer::Welcome(standing) => standing,
            answer => return Outcome::End(answer.into_reply(&reply::FAULT)),
        };
        if !self.is_lmtp() {
            self.session.standing = standing;
        }
        let judged = self.profile.dialect == Dialect::Transfer && standing == Standing::Stranger;
        if early_talker && judged {
            return Outcome::End(reply::EARLY_TALKER);
        }
        let greeting = if self.is_lmtp() {
            reply::GREETING_LMTP
        } else {
            reply::GREETING
        };
        Outcome::Reply(greeting.with_lead(&self.profile.hostname), Phase::Connected)
    }

    pub(super) fn hello(&self, verb: HelloVerb, name: &str, phase: Phase) -> Outcome {
        if (verb == HelloVerb::Lhlo) != self.is_lmtp() {
            return Outcome::Refuse(reply::WRONG_HELLO, phase);
        }
        let is_name = (1..=NAME_OCTETS_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_name {
            return Outcome::Refuse(reply::BAD_ARGUMENTS, phase);
        }
        let question = Question::Hello {
            verb,
            name: name.into(),
            tls: self.session.tls.clone(),
        };
        Outcome::Ask(question, Pending::Hello(verb))
    }

    pub(super) fn hello_answered(
        &self,
        verb: HelloVerb,
        answer: Answer,
        out: &mut Output,
    ) -> Outcome {
        let answer = answer.into_reply(&reply::HELLO);
        if !answer.is_positive() {
            return Outcome::Reply(answer, Phase::Connected);
        }
        let hello = reply::HELLO.with_lead(&self.profile.hostname);
        if verb == HelloVerb::Helo {
            return Outcome::Reply(hello, Phase::Greeted);
        }
        let mut line: Cow<'static, str> = hello.text;
        for extension in self.extensions() {
            out.put(format!("{}-{line}\r\n", hello.code).as_bytes());
            line = extension;
        }
        Outcome::Reply(reply::HELLO.with_text(line), Phase::Greeted)
    }

    /// What is offered to this peer now, of [`EXTENSIONS`].
    fn extensions(&self) -> Vec<Cow<'static, str>> {
        let limits = &self.profile.limits;
        let mut list: Vec<Cow<'static, str>> = vec![
            "PIPELINING".into(),
            format!("SIZE {}", limits.size_octets_max).into(),
            "8BITMIME".into(),
            "SMTPUTF8".into(),
            "CHUNKING".into(),
            "ENHANCEDSTATUSCODES".into(),
            format!(
                "LIMITS RCPTMAX={} MAILMAX={}",
                limits.recipients_max.clamp(1, LIMIT_MAX),
                limits.transactions_max.clamp(1, LIMIT_MAX)
            )
            .into(),
        ];
        if self.session.may_use_dsn() {
            list.push("DSN".into());
        }
        let encrypted = self.session.tls.is_some();
        if self.profile.starttls != StartTlsPolicy::Off && !encrypted && !self.session.logged_in {
            list.push("STARTTLS".into());
        }
        let auth = match self.profile.auth {
            AuthPolicy::Off => false,
            AuthPolicy::AfterTls => encrypted,
            AuthPolicy::Always => encrypted || self.profile.starttls != StartTlsPolicy::Require,
        };
        if auth && !self.session.logged_in {
            let names = Mechanism::ALL.map(Mechanism::name).join(" ");
            list.push(format!("AUTH {names}").into());
        }
        list
    }
}
