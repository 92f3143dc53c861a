//! STARTTLS (RFC 3207) and AUTH (RFC 4954).

use std::time::Instant;

use postroom_mail::reply::{self, Reply};
use postroom_wire::lines::{Framed, LineFault};
use postroom_wire::machine::Next;
use postroom_wire::output::Output;
use postroom_wire::sasl::{self, Exchange, ExchangeError, Mechanism, Step};

use super::host::{Answer, Question};
use super::outcome::Outcome;
use super::profile::{AuthPolicy, StartTlsPolicy};
use super::state::{Pending, Phase, State};
use super::{Server, line_reply};
use crate::command::Verb;

impl Server {
    /// Whether the listener wants STARTTLS before this command (RFC 3207 §4). BDAT says so itself,
    /// after its octets.
    pub(super) fn needs_tls_for(&self, verb: Verb) -> bool {
        let free = matches!(
            verb,
            Verb::Ehlo | Verb::Lhlo | Verb::Noop | Verb::Quit | Verb::Rset | Verb::StartTls
        );
        !free && self.needs_tls()
    }

    pub(super) fn needs_tls(&self) -> bool {
        self.profile.starttls == StartTlsPolicy::Require && self.session.tls.is_none()
    }

    pub(super) fn start_tls(&self, arguments: &str, phase: Phase) -> Outcome {
        let refused = if self.session.tls.is_some() {
            Some(reply::TLS_ALREADY)
        } else if self.profile.starttls == StartTlsPolicy::Off {
            Some(reply::NOT_OFFERED)
        } else if !arguments.is_empty() {
            Some(reply::BAD_ARGUMENTS)
        } else if self.session.logged_in {
            Some(reply::TLS_AFTER_LOGIN)
        } else if matches!(phase, Phase::Open(_)) {
            Some(reply::NOT_IN_TRANSACTION)
        } else {
            None
        };
        match refused {
            Some(reply) => Outcome::Refuse(reply, phase),
            None => Outcome::StartTls,
        }
    }

    pub(super) fn auth(&mut self, arguments: &str, phase: Phase, now: Instant) -> Outcome {
        let encrypted = self.session.tls.is_some();
        let refused = if self.profile.auth == AuthPolicy::Off {
            Some(reply::NOT_OFFERED)
        } else if self.session.logged_in {
            Some(reply::LOGGED_IN_ALREADY)
        } else if self.profile.auth == AuthPolicy::AfterTls && !encrypted {
            Some(reply::ENCRYPTION_FIRST)
        } else {
            match phase {
                Phase::Connected => Some(reply::HELLO_FIRST),
                Phase::Open(_) => Some(reply::NOT_IN_TRANSACTION),
                Phase::Greeted | Phase::Spoiled { .. } => None,
            }
        };
        if let Some(reply) = refused {
            return Outcome::Refuse(reply, phase);
        }
        let mut words = arguments.split(' ').filter(|word| !word.is_empty());
        let (Some(name), initial, None) = (words.next(), words.next(), words.next()) else {
            return Outcome::Refuse(reply::BAD_ARGUMENTS, phase);
        };
        let Some(mechanism) = Mechanism::from_name(name) else {
            return Outcome::Refuse(reply::UNKNOWN_MECHANISM, phase);
        };
        let mut exchange = Exchange::new(mechanism);
        let step = exchange.open(initial.map(str::as_bytes));
        self.exchange_stepped(exchange, step, now)
    }

    pub(super) fn login_response<'i>(
        &mut self,
        mut exchange: Exchange,
        now: Instant,
        unread: &'i [u8],
        out: &mut Output,
    ) -> (usize, Next<'i, Self>) {
        let (taken, framed) = self.lines.take(unread, sasl::RESPONSE_OCTETS_MAX);
        let outcome = match framed {
            Framed::Partial => {
                self.state = State::Login(exchange);
                return (taken, Next::Read);
            }
            Framed::Dropped => {
                self.state = State::Login(exchange);
                return (taken, Next::Again);
            }
            Framed::Fault(LineFault::TooLong) => self.failed(reply::AUTH_LINE_TOO_LONG),
            Framed::Fault(fault) => self.failed(line_reply(fault)),
            Framed::Line(line) => {
                let step = exchange.respond(line);
                self.exchange_stepped(exchange, step, now)
            }
        };
        (taken, self.apply(outcome, now, out))
    }

    fn exchange_stepped(
        &mut self,
        exchange: Exchange,
        step: Result<Step, ExchangeError>,
        now: Instant,
    ) -> Outcome {
        match step {
            Ok(Step::Challenge(text)) => Outcome::Enter(
                Some(reply::CHALLENGE.with_text(text)),
                State::Login(exchange),
                self.command_until(now),
            ),
            Ok(Step::Complete(credentials)) => {
                Outcome::Ask(Question::Login(credentials), Pending::Login)
            }
            Err(ExchangeError::Cancelled) => self.failed(reply::LOGIN_CANCELLED),
            Err(ExchangeError::Encoding) => self.failed(reply::BAD_BASE64),
            Err(ExchangeError::Identity | ExchangeError::Malformed) => {
                self.failed(reply::LOGIN_FAILED)
            }
        }
    }

    pub(super) fn login_answered(&mut self, answer: Answer) -> Outcome {
        match answer {
            Answer::LoggedIn => {
                self.session.logged_in = true;
                Outcome::Reply(reply::LOGGED_IN, Phase::Greeted)
            }
            Answer::Verdict(reply) if reply.is_permanent() => self.failed(reply),
            answer => Outcome::Reply(answer.into_refusal(&reply::LOGIN_TROUBLE), Phase::Greeted),
        }
    }

    fn failed(&mut self, reply: Reply) -> Outcome {
        let reply = self.session.refuse_login(reply, &self.profile.limits);
        Outcome::Reply(reply, Phase::Greeted)
    }
}
