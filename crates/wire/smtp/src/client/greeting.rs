//! From the greeting to the first question: EHLO, STARTTLS (RFC 5321 §3.1, §3.2, RFC 3207).

use std::fmt::Write as _;
use std::time::Instant;

use postroom_wire::machine::Next;
use postroom_wire::output::Output;

use super::extension::{Extension, Extensions};
use super::host::{Greeted, Question};
use super::outcome::Cause;
use super::profile::{Dialect, StartTls};
use super::reply_reader::Heard;
use super::state::{HelloVerb, State};
use super::{Client, later};

impl Client {
    pub(super) fn greeted(
        &mut self,
        heard: Heard,
        now: Instant,
        out: &mut Output,
    ) -> Next<'static, Self> {
        if !heard.is_completion() {
            return self.refused(State::Greeting, heard, now, out);
        }
        self.session.greeting_name = heard.first_word().into();
        self.say_hello(now, out)
    }

    /// Begins with the peer as if nothing had been said before: what it offered in clear text does
    /// not count under TLS (RFC 3207 §4.2).
    pub(super) fn say_hello(&mut self, now: Instant, out: &mut Output) -> Next<'static, Self> {
        self.session.extensions = Extensions::default();
        let verb = match self.profile.dialect {
            Dialect::Lmtp => HelloVerb::Lhlo,
            Dialect::Smtp => HelloVerb::Ehlo,
        };
        self.introduce(verb, now, out)
    }

    fn introduce(
        &mut self,
        verb: HelloVerb,
        now: Instant,
        out: &mut Output,
    ) -> Next<'static, Self> {
        let word = match verb {
            HelloVerb::Ehlo => "EHLO",
            HelloVerb::Helo => "HELO",
            HelloVerb::Lhlo => "LHLO",
        };
        let _ = write!(out, "{word} {}\r\n", self.profile.hostname);
        self.wait(State::Hello(verb), self.profile.timeouts.hello, now)
    }

    pub(super) fn hello_heard(
        &mut self,
        verb: HelloVerb,
        heard: Heard,
        now: Instant,
        out: &mut Output,
    ) -> Next<'static, Self> {
        if !heard.is_completion() {
            // A peer without extensions knows HELO (RFC 5321 §3.2).
            if heard.is_permanent() && verb == HelloVerb::Ehlo {
                return self.introduce(HelloVerb::Helo, now, out);
            }
            return self.refused(State::Hello(verb), heard, now, out);
        }
        self.session.hello_name = heard.first_word().into();
        if verb != HelloVerb::Helo {
            self.session.extensions = Extensions::parse(heard.lines().skip(1));
        }
        self.secure_or_go_on(now, out)
    }

    fn secure_or_go_on(&mut self, now: Instant, out: &mut Output) -> Next<'static, Self> {
        let policy = self.profile.starttls;
        let wants_tls = self.session.tls.is_none() && policy != StartTls::Never;
        let is_offered = self.session.extensions.offers(Extension::StartTls);
        if wants_tls && is_offered && !self.session.has_no_tls {
            out.put(b"STARTTLS\r\n");
            return self.wait(State::StartTls, self.profile.timeouts.hello, now);
        }
        if wants_tls && policy == StartTls::Require {
            self.state = State::StartTls;
            return self.quit(Cause::Lacks(Extension::StartTls), now, out);
        }
        self.log_in(now, out)
    }

    pub(super) fn start_tls_heard(
        &mut self,
        heard: Heard,
        now: Instant,
        out: &mut Output,
    ) -> Next<'static, Self> {
        if heard.is_completion() {
            self.state = State::Handshake;
            self.deadline = later(now, self.profile.timeouts.handshake);
            return Next::StartTls;
        }
        let goes_on = self.profile.starttls == StartTls::Opportunistic
            && heard.is_negative()
            && !heard.is_closing();
        if !goes_on {
            return self.refused(State::StartTls, heard, now, out);
        }
        self.session.has_no_tls = true;
        self.secure_or_go_on(now, out)
    }

    /// The session stands.
    pub(super) fn become_ready(&mut self, now: Instant) -> Next<'static, Self> {
        let greeted = Greeted {
            greeting_name: self.session.greeting_name.clone(),
            hello_name: self.session.hello_name.clone(),
            extensions: self.session.extensions,
            tls: self.session.tls.clone(),
        };
        self.ask(Question::Ready(greeted), now)
    }
}
