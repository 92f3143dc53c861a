//! The server's side of SMTP, Submission and LMTP.
//!
//! [`Server`] is one session. It owns framing, sequence, limits and the order of replies; what is
//! accepted is for its host to say, by answering [`Question`]s. It keeps no envelope and no body.

mod body;
mod data_reader;
mod enquiry;
mod hello;
mod host;
mod login;
mod outcome;
mod parameter;
mod profile;
mod session;
mod state;
mod transaction;

use std::sync::Arc;
use std::time::Instant;

use postroom_mail::reply::{self, Reply};
use postroom_wire::lines::{Framed, LineFault, LineReader};
use postroom_wire::machine::{Event, Machine, Next, Tls};
use postroom_wire::output::Output;
use postroom_wire::sasl;

use crate::command::{self, Command, CommandError, Verb};
pub use hello::EXTENSIONS;
pub use host::{Answer, HelloVerb, News, Question, RecipientWish, SenderWish, Source, Standing};
use outcome::Outcome;
pub use profile::{AuthPolicy, Dialect, Limits, Profile, StartTlsPolicy, Timeouts};
use session::{Ending, Session};
use state::{Pending, Phase, State};

/// The commands that a server knows.
pub fn verbs() -> impl Iterator<Item = &'static str> {
    Verb::ALL.into_iter().map(|(name, _)| name)
}

/// One session of a server: a [`Machine`] whose first events are [`Event::Secured`] on a listener
/// with implicit TLS, then [`Event::Ready`].
///
/// Bytes that come before `Ready` make the peer an early talker. After [`Event::Closed`] the
/// machine may still ask a last question; the session is over with [`Next::Close`].
#[derive(Debug)]
pub struct Server {
    profile: Arc<Profile>,
    session: Session,
    state: State,
    lines: LineReader,
    deadline: Instant,
    /// When the peer must have signed in, where it must.
    login_until: Instant,
}

impl Server {
    /// A session of a listener, not greeted yet.
    pub fn new(profile: Arc<Profile>, now: Instant) -> Self {
        let deadline = session::later(now, profile.timeouts.command);
        let login_until = session::later(now, profile.timeouts.login);
        Self {
            login_until,
            session: Session::new(profile.dialect),
            profile,
            state: State::Fresh {
                early_talker: false,
            },
            lines: LineReader::default(),
            deadline,
        }
    }

    fn is_lmtp(&self) -> bool {
        self.profile.dialect == Dialect::Lmtp
    }
}

impl Machine for Server {
    type Question = Question;
    type Answer = Answer;
    type News = News;
    type Source = Source;

    fn step<'i>(
        &mut self,
        now: Instant,
        event: Event<'i, Answer, News>,
        out: &mut Output,
    ) -> (usize, Next<'i, Self>) {
        match event {
            Event::Bytes(unread) => self.bytes(now, unread, out),
            Event::Answer(answer) => (0, self.answer(answer, now, out)),
            Event::News(News::Drain) => (0, self.drain(now, out)),
            Event::Secured(tls) => (0, self.secured(tls, now)),
            Event::Ready => (0, self.ready(now)),
            Event::Expired => (0, self.expired(now, out)),
            Event::Closed => (0, self.closed(now)),
        }
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }
}

/// Events.
impl Server {
    fn bytes<'i>(
        &mut self,
        now: Instant,
        unread: &'i [u8],
        out: &mut Output,
    ) -> (usize, Next<'i, Self>) {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Fresh { early_talker } => {
                self.state = State::Fresh {
                    early_talker: early_talker || !unread.is_empty(),
                };
                (0, Next::Read)
            }
            State::Command(phase) => self.command(phase, now, unread, out),
            State::Login(exchange) => self.login_response(exchange, now, unread, out),
            State::Data(data) => self.data(data, now, unread, out),
            State::Chunk(chunk) => self.chunk(chunk, now, unread, out),
            asking @ State::Asking(_) => {
                self.state = asking;
                (0, Next::Read)
            }
            // Clear text behind STARTTLS is dropped, never carried over (RFC 3207 §4.2).
            State::Handshake => {
                self.state = State::Handshake;
                (unread.len(), Next::Read)
            }
            State::Ended => (unread.len(), Next::Close),
        }
    }

    fn ready(&mut self, now: Instant) -> Next<'static, Self> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Fresh { early_talker } => self.ask(
                Question::Connect { early_talker },
                Pending::Connect { early_talker },
                now,
            ),
            State::Ended => Next::Close,
            state @ (State::Asking(_) | State::Handshake) => {
                self.state = state;
                Next::Read
            }
            state => {
                self.state = state;
                Next::Again
            }
        }
    }

    fn secured(&mut self, tls: Tls, now: Instant) -> Next<'static, Self> {
        match &self.state {
            State::Fresh { .. } => self.session.secure(tls),
            State::Handshake => {
                self.session.secure(tls);
                self.lines = LineReader::default();
                self.state = State::Command(Phase::Connected);
                self.deadline = self.command_until(now);
            }
            State::Ended => return Next::Close,
            _ => {}
        }
        Next::Read
    }

    fn drain(&mut self, now: Instant, out: &mut Output) -> Next<'static, Self> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Fresh { .. } | State::Command(_) | State::Login(_) => {
                self.apply(Outcome::End(reply::GOING_DOWN), now, out)
            }
            State::Handshake | State::Ended => Next::Close,
            asking @ State::Asking(_) => {
                self.state = asking;
                self.session.end(Ending::Draining);
                Next::Read
            }
            body @ (State::Data(_) | State::Chunk(_)) => {
                self.state = body;
                self.session.end(Ending::Draining);
                Next::Again
            }
        }
    }

    fn expired(&mut self, now: Instant, out: &mut Output) -> Next<'static, Self> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Handshake | State::Ended | State::Asking(Pending::Farewell) => Next::Close,
            // The one question is still out: nothing more can be asked, its answer is dropped.
            State::Asking(_) => {
                outcome::write(&reply::FAULT, out);
                Next::Close
            }
            _ => self.apply(Outcome::End(reply::TIMED_OUT), now, out),
        }
    }

    fn closed(&mut self, now: Instant) -> Next<'static, Self> {
        match std::mem::replace(&mut self.state, State::Ended) {
            asking @ State::Asking(_) => {
                self.state = asking;
                self.session.end(Ending::Closed);
                Next::Read
            }
            _ => self.finish(now),
        }
    }

    fn answer(&mut self, answer: Answer, now: Instant, out: &mut Output) -> Next<'static, Self> {
        let pending = match std::mem::replace(&mut self.state, State::Ended) {
            State::Asking(pending) => pending,
            // Too late: the session has ended meanwhile.
            State::Ended => return Next::Close,
            state => {
                self.state = state;
                return Next::Read;
            }
        };
        let outcome = match pending {
            Pending::Connect { early_talker } => self.connect_answered(early_talker, answer),
            Pending::Hello(verb) => self.hello_answered(verb, answer, out),
            Pending::Login => self.login_answered(answer),
            Pending::Sender { smtputf8 } => Self::sender_answered(smtputf8, answer),
            Pending::Recipients(batch) => Self::recipients_answered(batch, answer),
            Pending::BeginData(transaction) => self.data_answered(transaction, answer, now),
            Pending::BeginChunk(chunk) => self.chunk_answered(chunk, answer, now),
            Pending::Message { recipients } => self.message_answered(recipients, answer),
            Pending::Abandoned(phase) | Pending::Settled(phase) => Outcome::Stand(phase),
            Pending::Farewell => return self.finish(now),
        };
        self.apply(outcome, now, out)
    }
}

/// Commands.
impl Server {
    fn command<'i>(
        &mut self,
        phase: Phase,
        now: Instant,
        unread: &'i [u8],
        out: &mut Output,
    ) -> (usize, Next<'i, Self>) {
        if unread.is_empty() {
            self.state = State::Command(phase);
            return (0, Next::Read);
        }
        if self.session.settle() {
            let question = Question::Settled { heard: true };
            return (0, self.ask(question, Pending::Settled(phase), now));
        }
        if self.lines.is_at_line_start() && command::begins_with_tls(unread) {
            return (unread.len(), self.finish(now));
        }
        let (mut taken, framed) = self.lines.take(unread, self.line_octets_max(unread));
        let outcome = match framed {
            Framed::Partial => {
                self.state = State::Command(phase);
                return (taken, Next::Read);
            }
            Framed::Dropped => {
                self.state = State::Command(phase);
                return (taken, Next::Again);
            }
            Framed::Fault(fault) => match self.session.count_command(&self.profile.limits) {
                Some(reply) => Outcome::End(reply),
                None => Outcome::Refuse(line_reply(fault), phase),
            },
            Framed::Line(line) => self.execute(line, phase, unread, &mut taken, now),
        };
        match self.apply(outcome, now, out) {
            Next::StartTls => (unread.len(), Next::StartTls),
            next => (taken, next),
        }
    }

    fn line_octets_max(&self, unread: &[u8]) -> usize {
        if command::begins_with_auth(unread) {
            sasl::RESPONSE_OCTETS_MAX
        } else {
            self.profile.limits.line_octets_max
        }
    }

    fn execute(
        &mut self,
        line: &[u8],
        phase: Phase,
        unread: &[u8],
        taken: &mut usize,
        now: Instant,
    ) -> Outcome {
        if let Some(reply) = self.session.count_command(&self.profile.limits) {
            return Outcome::End(reply);
        }
        match Command::parse(line) {
            Ok(command) => match (command.verb, phase) {
                (Verb::Rcpt, Phase::Open(transaction)) => {
                    self.rcpt(transaction, command.arguments, unread, taken)
                }
                (_, phase) => self.dispatch(command, phase, now),
            },
            Err(CommandError::Http) => Outcome::End(reply::NOT_HTTP),
            Err(error) => Outcome::Refuse(command_reply(error), phase),
        }
    }

    fn dispatch(&mut self, command: Command<'_>, phase: Phase, now: Instant) -> Outcome {
        let arguments = command.arguments;
        match command.verb {
            Verb::Bdat => self.bdat(arguments, phase, now),
            verb if self.needs_tls_for(verb) => Outcome::Refuse(reply::TLS_FIRST, phase),
            Verb::Ehlo => self.hello(HelloVerb::Ehlo, arguments, phase),
            Verb::Helo => self.hello(HelloVerb::Helo, arguments, phase),
            Verb::Lhlo => self.hello(HelloVerb::Lhlo, arguments, phase),
            Verb::Mail => self.mail(arguments, phase),
            Verb::Rcpt => Outcome::Refuse(reply::MAIL_FIRST, phase),
            Verb::Data => Self::data_command(arguments, phase),
            Verb::Rset => Self::rset(arguments, phase),
            Verb::Vrfy => Self::vrfy(arguments, phase),
            Verb::Expn => Outcome::Reply(reply::NO_EXPN, phase),
            Verb::Help => Outcome::Reply(reply::HELP, phase),
            Verb::Noop => Outcome::Reply(reply::OK, phase),
            Verb::Quit => Self::quit(arguments, phase),
            Verb::Auth => self.auth(arguments, phase, now),
            Verb::StartTls => self.start_tls(arguments, phase),
        }
    }
}

/// Transitions.
impl Server {
    /// Does what a command or an answer came to.
    fn apply(&mut self, outcome: Outcome, now: Instant, out: &mut Output) -> Next<'static, Self> {
        match outcome {
            Outcome::Stand(phase) => self.stand(phase, now, out),
            Outcome::Reply(reply, phase) => self.say(&[reply], phase, now, out),
            Outcome::Refuse(reply, phase) => {
                let reply = self.session.refuse(reply, &self.profile.limits);
                self.say(&[reply], phase, now, out)
            }
            Outcome::Replies(replies, phase) => self.say(&replies, phase, now, out),
            Outcome::Ask(question, pending) => self.ask(question, pending, now),
            Outcome::Abandon {
                reply,
                times,
                phase,
            } => {
                for _ in 0..times {
                    outcome::write(&reply, out);
                }
                if reply.is_closing() {
                    return self.finish(now);
                }
                self.ask(Question::Abandoned, Pending::Abandoned(phase), now)
            }
            Outcome::Enter(reply, state, deadline) => {
                if let Some(reply) = reply {
                    outcome::write(&reply, out);
                }
                self.enter(state, deadline, now)
            }
            Outcome::StartTls => {
                outcome::write(&reply::START_TLS, out);
                self.state = State::Handshake;
                self.deadline = session::later(now, self.profile.timeouts.handshake);
                Next::StartTls
            }
            Outcome::End(reply) => {
                outcome::write(&reply, out);
                self.finish(now)
            }
        }
    }

    /// Sends replies, then waits for the next command; 421 is the last thing said.
    fn say(
        &mut self,
        replies: &[Reply],
        phase: Phase,
        now: Instant,
        out: &mut Output,
    ) -> Next<'static, Self> {
        for reply in replies {
            outcome::write(reply, out);
            if reply.is_closing() {
                return self.finish(now);
            }
        }
        self.stand(phase, now, out)
    }

    /// Waits for the next command, unless the session is to end.
    fn stand(&mut self, phase: Phase, now: Instant, out: &mut Output) -> Next<'static, Self> {
        match self.session.ending() {
            Some(Ending::Closed) => self.finish(now),
            Some(Ending::Draining) => {
                outcome::write(&reply::GOING_DOWN, out);
                self.finish(now)
            }
            None => {
                self.state = State::Command(phase);
                self.deadline = self.command_until(now);
                if out.is_full() {
                    Next::Flush
                } else {
                    Next::Again
                }
            }
        }
    }

    /// When the next command must be there.
    fn command_until(&self, now: Instant) -> Instant {
        let until = session::later(now, self.profile.timeouts.command);
        if self.profile.login_required && !self.session.logged_in {
            until.min(self.login_until)
        } else {
            until
        }
    }

    fn enter(&mut self, state: State, deadline: Instant, now: Instant) -> Next<'static, Self> {
        if self.session.ending() == Some(Ending::Closed) {
            return self.finish(now);
        }
        self.state = state;
        self.deadline = deadline;
        Next::Again
    }

    fn ask(&mut self, question: Question, pending: Pending, now: Instant) -> Next<'static, Self> {
        self.state = State::Asking(pending);
        self.deadline = session::later(now, self.profile.timeouts.answer);
        Next::Ask(question)
    }

    /// Ends the session; first settles whether the last accepted message's reply was heard.
    fn finish(&mut self, now: Instant) -> Next<'static, Self> {
        if self.session.settle() {
            return self.ask(Question::Settled { heard: false }, Pending::Farewell, now);
        }
        self.state = State::Ended;
        Next::Close
    }
}

/// What a line fault is called in a reply.
fn line_reply(fault: LineFault) -> Reply {
    match fault {
        LineFault::BareCr => reply::BARE_CR,
        LineFault::BareLf => reply::BARE_LF,
        LineFault::Nul => reply::NUL,
        LineFault::TooLong => reply::LINE_TOO_LONG,
    }
}

fn command_reply(error: CommandError) -> Reply {
    match error {
        CommandError::Http => reply::NOT_HTTP,
        CommandError::NotUtf8 => reply::NOT_UTF8,
        CommandError::Unknown => reply::UNKNOWN_COMMAND,
    }
}
