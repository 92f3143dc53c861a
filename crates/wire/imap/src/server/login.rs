//! LOGIN and AUTHENTICATE (RFC 9051 §6.2.2, §6.2.3).

use std::time::Instant;

use postroom_wire::lines::Framed;
use postroom_wire::machine::Next;
use postroom_wire::output::Output;
use postroom_wire::sasl::{self, Credentials, Exchange, ExchangeError, Mechanism};

use super::state::{Phase, Responding, State};
use super::{Server, Step};
use crate::capability::MECHANISMS;
use crate::command::{Authenticate, Login, Tag};
use crate::question::{Answer, Question};
use crate::reply;
use crate::response::status::Completion;

impl Server {
    pub(super) fn login(
        &mut self,
        now: Instant,
        tag: Tag,
        login: Login,
        out: &mut Output,
    ) -> Next<'static, Self> {
        if !self.offer().is_private {
            return self.finish(now, &tag, &reply::LOGIN_EXPOSED, out);
        }
        if login.user.is_empty() || login.password.expose().is_empty() {
            return self.login_failed(now, &tag, &reply::LOGIN_FAILED, out);
        }
        let credentials = Credentials {
            mechanism: Mechanism::Login,
            authcid: login.user,
            password: login.password,
        };
        self.judge(tag, credentials)
    }

    pub(super) fn authenticate(
        &mut self,
        now: Instant,
        tag: Tag,
        authenticate: &Authenticate,
        out: &mut Output,
    ) -> Next<'static, Self> {
        if !self.offer().is_private {
            return self.finish(now, &tag, &reply::LOGIN_EXPOSED, out);
        }
        let Some(mechanism) =
            Mechanism::from_name(&authenticate.mechanism).filter(|m| MECHANISMS.contains(m))
        else {
            return self.finish(now, &tag, &reply::MECHANISM_UNKNOWN, out);
        };
        let mut exchange = Exchange::new(mechanism);
        let initial = authenticate
            .initial
            .as_ref()
            .map(|initial| initial.expose().as_bytes());
        let step = exchange.open(initial);
        self.exchange(now, Responding { tag, exchange }, step, out)
    }

    /// A response line of an AUTHENTICATE.
    pub(super) fn respond<'i>(
        &mut self,
        now: Instant,
        mut responding: Box<Responding>,
        unread: &'i [u8],
        out: &mut Output,
    ) -> Step<'i> {
        // RESPONSE_OCTETS_MAX counts no line end.
        let octets_max = sasl::RESPONSE_OCTETS_MAX.saturating_add(2);
        let (taken, framed) = self.frame.lines.take(unread, octets_max);
        let next = match framed {
            Framed::Line(line) => {
                let step = responding.exchange.respond(line);
                self.exchange(now, *responding, step, out)
            }
            Framed::Fault(_) => self.bye(&reply::BYE_LINE, out),
            Framed::Dropped | Framed::Partial => {
                self.state = State::Responding(responding);
                self.wait()
            }
        };
        (taken, next)
    }

    fn exchange(
        &mut self,
        now: Instant,
        responding: Responding,
        step: Result<sasl::Step, ExchangeError>,
        out: &mut Output,
    ) -> Next<'static, Self> {
        let tag = &responding.tag;
        match step {
            Ok(sasl::Step::Challenge(challenge)) => {
                out.put(b"+ ");
                out.put(challenge.as_bytes());
                out.put(b"\r\n");
                self.state = State::Responding(Box::new(responding));
                Next::Again
            }
            Ok(sasl::Step::Complete(credentials)) => self.judge(responding.tag, credentials),
            Err(ExchangeError::Cancelled) => {
                self.finish(now, tag, &reply::AUTHENTICATE_CANCELLED, out)
            }
            Err(ExchangeError::Encoding) => {
                self.login_failed(now, tag, &reply::AUTHENTICATE_ENCODING, out)
            }
            Err(ExchangeError::Identity) => {
                self.login_failed(now, tag, &reply::LOGIN_FOR_ANOTHER, out)
            }
            Err(ExchangeError::Malformed) => {
                self.login_failed(now, tag, &reply::AUTHENTICATE_MALFORMED, out)
            }
        }
    }

    fn judge(&mut self, tag: Tag, credentials: Credentials) -> Next<'static, Self> {
        self.state = State::LoggingIn(Box::new(tag));
        // The time until login is one time, whatever happens in it: the deadline stays.
        Next::Ask(Question::Authenticate(credentials))
    }

    pub(super) fn login_answer(
        &mut self,
        now: Instant,
        tag: &Tag,
        answer: Answer,
        out: &mut Output,
    ) -> Next<'static, Self> {
        match answer {
            Answer::Granted => {
                self.phase = Phase::Authenticated;
                self.bad_commands = 0;
                self.finish(now, tag, &reply::LOGGED_IN, out)
            }
            Answer::Denied(completion) => self.login_failed(now, tag, &completion, out),
            _ => self.bye(&reply::BYE_FAULT, out),
        }
    }

    fn login_failed(
        &mut self,
        now: Instant,
        tag: &Tag,
        completion: &Completion,
        out: &mut Output,
    ) -> Next<'static, Self> {
        self.failed_logins = self.failed_logins.saturating_add(1);
        let next = self.finish(now, tag, completion, out);
        if self.failed_logins < self.settings.limits.failed_logins_max
            || matches!(self.state, State::Ended)
        {
            return next;
        }
        self.bye(&reply::BYE_FAILED_LOGINS, out)
    }
}
