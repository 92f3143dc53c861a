//! The server's side of a session: a machine that owns framing, sequence and limits.
//!
//! Whatever needs mailboxes or passwords is a [`Question`]. One command is in hand at a time
//! (RFC 9051 §5.5); between commands the machine holds no buffer.

mod append;
mod dispatch;
mod frame;
mod idle;
mod login;
mod run;
mod state;

use std::sync::Arc;
use std::time::Instant;

use postroom_wire::machine::{Event, Machine, Next};
use postroom_wire::output::Output;

use crate::capability::Offer;
use crate::command::Tag;
use crate::limits::Limits;
use crate::parse::{self, Names};
use crate::print;
use crate::question::{Answer, News, Question, Source};
use crate::reply;
use crate::response::status::{Completion, Status};
use frame::Frame;
use state::{Phase, State};

/// What is the same for many sessions: one for each listener, and for each answer to whether a
/// peer may send its password in clear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The bounds.
    pub limits: Limits,
    /// Whether passwords are taken without TLS.
    pub is_cleartext_allowed: bool,
    /// Whether STARTTLS is offered.
    pub is_starttls_offered: bool,
}

/// One session: a [`Machine`] whose first events are `Secured`, on a listener with implicit TLS,
/// then `Ready`.
#[derive(Debug)]
pub struct Server {
    settings: Arc<Settings>,
    state: State,
    phase: Phase,
    frame: Frame,
    names: Names,
    is_secured: bool,
    is_draining: bool,
    is_closed: bool,
    bad_commands: u32,
    failed_logins: u32,
    deadline: Instant,
}

/// What a step hands to the driver.
type Step<'i> = (usize, Next<'i, Server>);

impl Server {
    /// A session that has not greeted yet.
    pub fn new(settings: Arc<Settings>, now: Instant) -> Self {
        let deadline = later(now, settings.limits.login_timeout);
        Self {
            settings,
            state: State::Fresh { refusal: None },
            phase: Phase::NotAuthenticated,
            frame: Frame::default(),
            names: Names::default(),
            is_secured: false,
            is_draining: false,
            is_closed: false,
            bad_commands: 0,
            failed_logins: 0,
            deadline,
        }
    }

    /// A session that is turned away with a BYE in place of the greeting (RFC 9051 §7.1.5).
    pub fn refused(settings: Arc<Settings>, now: Instant, bye: Completion) -> Self {
        Self {
            state: State::Fresh { refusal: Some(bye) },
            ..Self::new(settings, now)
        }
    }

    /// Whether a login has succeeded.
    pub fn is_logged_in(&self) -> bool {
        self.phase != Phase::NotAuthenticated
    }

    fn offer(&self) -> Offer {
        Offer {
            is_logged_in: self.is_logged_in(),
            is_private: self.is_secured || self.settings.is_cleartext_allowed,
            is_startable: self.settings.is_starttls_offered && !self.is_secured,
            append_octets_max: self.settings.limits.append_octets_max,
        }
    }

    fn context<'a>(&self, tag: &'a str) -> print::Context<'a> {
        print::Context {
            tag,
            names: self.names,
            offer: self.offer(),
        }
    }

    fn parsing(&self) -> parse::Context<'_> {
        parse::Context {
            names: self.names,
            limits: &self.settings.limits,
        }
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
            Event::Answer(answer) => (0, self.answer(now, answer, out)),
            Event::News(news) => (0, self.news(now, news, out)),
            Event::Secured(_) => (0, self.secured()),
            Event::Ready => (0, self.ready(now, out)),
            Event::Expired => (0, self.expired(out)),
            Event::Closed => (0, self.closed()),
        }
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }
}

/// Events.
impl Server {
    fn bytes<'i>(&mut self, now: Instant, unread: &'i [u8], out: &mut Output) -> Step<'i> {
        match std::mem::take(&mut self.state) {
            State::Reading => self.read(now, unread, out),
            State::Responding(responding) => self.respond(now, responding, unread, out),
            State::Appending(append) => self.append_bytes(now, append, unread, out),
            State::Swallowing(swallowing) => self.swallow(now, swallowing, unread, out),
            State::Idling(idling) => self.idle_bytes(now, idling, unread, out),
            // Clear text behind STARTTLS is dropped, never carried over (RFC 9051 §11.1).
            State::Handshake => {
                self.state = State::Handshake;
                (unread.len(), Next::Read)
            }
            State::Ended => (unread.len(), Next::Close),
            busy => {
                self.state = busy;
                (0, Next::Read)
            }
        }
    }

    fn answer(&mut self, now: Instant, answer: Answer, out: &mut Output) -> Next<'static, Self> {
        if let Answer::Bye(completion) = answer {
            return self.bye(&completion, out);
        }
        match std::mem::take(&mut self.state) {
            State::LoggingIn(tag) => self.login_answer(now, &tag, answer, out),
            State::Running(running) => self.run_answer(now, running, answer, out),
            State::Appending(append) => self.append_answer(now, append, answer, out),
            State::Idling(idling) => self.idle_answer(now, idling, answer, out),
            other => {
                // Nothing was asked: the answer is dropped.
                self.state = other;
                self.resting()
            }
        }
    }

    fn news(&mut self, now: Instant, news: News, out: &mut Output) -> Next<'static, Self> {
        match (news, std::mem::take(&mut self.state)) {
            (News::Stir, State::Idling(idling)) => self.stir(now, idling),
            (News::Drain, State::Reading | State::Responding(_) | State::Fresh { .. }) => {
                self.bye(&reply::BYE_DRAIN, out)
            }
            (News::Drain, State::Idling(idling)) if idling.is_quiet() => {
                self.bye(&reply::BYE_DRAIN, out)
            }
            (News::Drain, state) => {
                self.is_draining = true;
                self.state = state;
                self.resting()
            }
            (News::Stir, state) => {
                self.state = state;
                self.resting()
            }
        }
    }

    fn secured(&mut self) -> Next<'static, Self> {
        match self.state {
            State::Fresh { .. } => self.is_secured = true,
            State::Handshake => {
                self.is_secured = true;
                self.frame = Frame::default();
                self.state = State::Reading;
            }
            State::Ended => return Next::Close,
            _ => {}
        }
        Next::Read
    }

    fn ready(&mut self, now: Instant, out: &mut Output) -> Next<'static, Self> {
        match std::mem::take(&mut self.state) {
            State::Fresh {
                refusal: Some(completion),
            } => self.bye(&completion, out),
            State::Fresh { refusal: None } => {
                print::untagged(out, &reply::GREETING, self.context(""));
                self.state = State::Reading;
                Next::Again
            }
            State::Running(running) => self.run_on(now, running, out),
            State::Idling(idling) => self.idle_on(now, idling, out),
            other => {
                self.state = other;
                self.resting()
            }
        }
    }

    fn expired(&mut self, out: &mut Output) -> Next<'static, Self> {
        match std::mem::take(&mut self.state) {
            // In the middle of a response, or of a handshake, nothing can be said.
            State::Running(running) if running.is_halted() => self.end(),
            State::Idling(idling) if idling.is_halted() => self.end(),
            State::Handshake | State::Ended => self.end(),
            State::Running(_) | State::LoggingIn(_) => self.bye(&reply::BYE_OVERDUE, out),
            State::Appending(append) if append.is_asking() => self.bye(&reply::BYE_OVERDUE, out),
            _ if self.is_logged_in() => self.bye(&reply::BYE_IDLE, out),
            _ => self.bye(&reply::BYE_NO_LOGIN, out),
        }
    }

    /// The peer sends no more. What it sent is still worked off.
    fn closed(&mut self) -> Next<'static, Self> {
        self.is_closed = true;
        match &self.state {
            State::Running(_) | State::LoggingIn(_) => Next::Read,
            State::Appending(append) if append.is_asking() => Next::Read,
            _ => self.end(),
        }
    }
}

/// Steps that many states share.
impl Server {
    /// What the driver does while nothing changes.
    fn resting(&self) -> Next<'static, Self> {
        match &self.state {
            State::Reading | State::Responding(_) | State::Swallowing(_) => Next::Again,
            State::Appending(append) if !append.is_asking() => Next::Again,
            State::Idling(idling) if idling.is_quiet() => Next::Again,
            State::Ended => Next::Close,
            _ => Next::Read,
        }
    }

    /// Waits for bytes, unless there will be none.
    fn wait(&mut self) -> Next<'static, Self> {
        if self.is_closed {
            return self.end();
        }
        Next::Read
    }

    /// Ends a command: its tagged response, and what its status means for the session.
    fn finish(
        &mut self,
        now: Instant,
        tag: &Tag,
        completion: &Completion,
        out: &mut Output,
    ) -> Next<'static, Self> {
        print::tagged(out, completion, self.context(tag.as_str()));
        self.complete(now, completion.status, out)
    }

    /// What follows a response that ends a command.
    fn complete(&mut self, now: Instant, status: Status, out: &mut Output) -> Next<'static, Self> {
        self.state = State::Reading;
        if self.is_logged_in() {
            self.deadline = later(now, self.settings.limits.idle_timeout);
        }
        if status == Status::Bad {
            self.bad_commands = self.bad_commands.saturating_add(1);
            if self.bad_commands >= self.settings.limits.bad_commands_max {
                return self.bye(&reply::BYE_BAD_COMMANDS, out);
            }
        } else if self.is_logged_in() {
            self.bad_commands = 0;
        }
        if self.is_draining {
            return self.bye(&reply::BYE_DRAIN, out);
        }
        Next::Again
    }

    /// Says BYE and ends.
    fn bye(&mut self, completion: &Completion, out: &mut Output) -> Next<'static, Self> {
        print::untagged(out, completion, self.context(""));
        self.end()
    }

    fn end(&mut self) -> Next<'static, Self> {
        self.state = State::Ended;
        Next::Close
    }

    /// Puts a question, which has its own time.
    fn ask(&mut self, now: Instant, question: Question) -> Next<'static, Self> {
        self.deadline = later(now, self.settings.limits.progress_timeout);
        Next::Ask(question)
    }
}

/// A moment after another; far away where there is none.
fn later(now: Instant, by: std::time::Duration) -> Instant {
    now.checked_add(by).unwrap_or(now)
}
