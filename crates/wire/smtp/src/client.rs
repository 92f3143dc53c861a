//! The client's side of SMTP and LMTP.
//!
//! [`Client`] is one session with a peer. It greets, secures and signs in as its [`Profile`] says,
//! then asks its host for one [`Transaction`] after the other and tells how each ended. What ends
//! the session in the middle of one is told by [`Client::ending`].

mod extension;
mod greeting;
mod host;
mod login;
mod open;
mod outcome;
mod profile;
mod reply_reader;
mod source;
mod state;
mod transaction;

use std::sync::Arc;
use std::time::{Duration, Instant};

use postroom_wire::machine::{Event, Machine, Next, Tls};
use postroom_wire::output::Output;

pub use extension::{Extension, Extensions};
pub use host::{Answer, Greeted, News, Question, Transaction};
pub use outcome::{Cause, Ending, Fate, Fault, Moment, Outcome, Stage, Unsent};
pub use profile::{Dialect, Limits, Login, Profile, StartTls, Timeouts};
use reply_reader::{Heard, Read, ReplyReader};
pub use source::{Source, SourceError};
use state::{Going, Session, State};

/// The commands that a client says.
pub const VERBS: [&str; 11] = [
    "EHLO", "HELO", "LHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT",
];

/// One session with a peer: a [`Machine`] whose first events are [`Event::Secured`] where TLS
/// comes first, then [`Event::Ready`]. The session is over with [`Next::Close`].
#[derive(Debug)]
pub struct Client {
    profile: Arc<Profile>,
    session: Session,
    state: State,
    replies: ReplyReader,
    deadline: Instant,
    /// Once the session has ended, or is about to by QUIT.
    ending: Option<Ending>,
}

impl Client {
    /// A session that has not begun.
    pub fn new(profile: Arc<Profile>, now: Instant) -> Self {
        let deadline = later(now, profile.timeouts.greeting);
        Self {
            profile,
            session: Session::default(),
            state: State::Fresh,
            replies: ReplyReader::default(),
            deadline,
            ending: None,
        }
    }

    /// How the session ended, as far as no [`Question::Ended`] told it. Whoever drove the machine
    /// asks when the driver has come to its end, whatever that was.
    pub fn ending(&self) -> Ending {
        self.ending.clone().unwrap_or_else(|| Ending {
            moment: self.state.moment(),
            cause: Cause::Cut(self.state.stage()),
        })
    }
}

impl Machine for Client {
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
            Event::Secured(tls) => (0, self.secured(tls, now, out)),
            Event::Ready => (0, self.ready(now, out)),
            Event::Expired => (0, self.expired(now)),
            Event::Closed => (0, self.closed()),
        }
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }
}

/// Events.
impl Client {
    fn bytes<'i>(
        &mut self,
        now: Instant,
        unread: &'i [u8],
        out: &mut Output,
    ) -> (usize, Next<'i, Self>) {
        match self.state {
            State::Fresh | State::Asking => return (0, Next::Read),
            // Clear text behind STARTTLS is dropped, never taken for a reply (RFC 3207 §4.2).
            State::Handshake => return (unread.len(), Next::Read),
            State::Ended => return (unread.len(), Next::Close),
            _ => {}
        }
        let (taken, read) = self.replies.take(unread, &self.profile.limits);
        let next = match read {
            Read::Partial => Next::Read,
            Read::More => Next::Again,
            Read::Reply(heard) => match self.heard(heard, now, out) {
                Next::StartTls => return (unread.len(), Next::StartTls),
                next => next,
            },
            Read::Fault(fault) => self.fault(fault),
        };
        (taken, next)
    }

    fn heard(&mut self, heard: Heard, now: Instant, out: &mut Output) -> Next<'static, Self> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Greeting => self.greeted(heard, now, out),
            State::Hello(verb) => self.hello_heard(verb, heard, now, out),
            State::StartTls => self.start_tls_heard(heard, now, out),
            State::Login(responses) => self.login_heard(responses, heard, now, out),
            State::Reset(open) => self.reset_heard(open, heard, now, out),
            State::Open(open) => self.open_heard(open, heard, now, out),
            State::Body(open) => self.body_interrupted(open, heard),
            // Whatever was said to QUIT: nothing depends on it.
            State::Quitting => Next::Close,
            state @ (State::Fresh | State::Handshake | State::Asking | State::Ended) => {
                self.state = state;
                Next::Read
            }
        }
    }

    fn ready(&mut self, now: Instant, out: &mut Output) -> Next<'static, Self> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Fresh => self.wait(State::Greeting, self.profile.timeouts.greeting, now),
            State::Body(open) => self.body_sent(open, now, out),
            State::Ended => Next::Close,
            state => {
                self.state = state;
                Next::Read
            }
        }
    }

    fn secured(&mut self, tls: Tls, now: Instant, out: &mut Output) -> Next<'static, Self> {
        match self.state {
            State::Fresh => self.session.tls = Some(tls),
            State::Handshake => {
                self.session.tls = Some(tls);
                self.replies = ReplyReader::default();
                return self.say_hello(now, out);
            }
            State::Ended => return Next::Close,
            _ => {}
        }
        Next::Read
    }

    fn answer(&mut self, answer: Answer, now: Instant, out: &mut Output) -> Next<'static, Self> {
        match (&self.state, answer) {
            (State::Asking, Answer::Send(transaction)) => self.begin(transaction, now, out),
            (State::Asking, Answer::Quit) if self.session.going == Going::Lost => {
                self.end(Cause::Quit)
            }
            (State::Asking, Answer::Quit) => self.quit(Cause::Quit, now, out),
            (State::Ended, _) => Next::Close,
            _ => Next::Read,
        }
    }

    fn drain(&mut self, now: Instant, out: &mut Output) -> Next<'static, Self> {
        match self.state {
            State::Hello(_) | State::StartTls | State::Login(_) => {
                self.quit(Cause::Drain, now, out)
            }
            State::Fresh | State::Greeting | State::Handshake => self.end(Cause::Drain),
            State::Asking | State::Reset(_) | State::Open(_) | State::Body(_) => {
                self.session.take_no_more();
                Next::Read
            }
            State::Quitting => Next::Read,
            State::Ended => Next::Close,
        }
    }

    fn expired(&mut self, now: Instant) -> Next<'static, Self> {
        match self.state {
            // What the host does may be a commit; the session takes no other transaction.
            State::Asking => {
                self.session.take_no_more();
                self.deadline = later(now, self.profile.timeouts.answer);
                Next::Read
            }
            State::Quitting | State::Ended => Next::Close,
            _ => self.end(Cause::TimedOut(self.state.stage())),
        }
    }

    fn closed(&mut self) -> Next<'static, Self> {
        match self.state {
            State::Asking => {
                self.session.going = Going::Lost;
                Next::Read
            }
            State::Quitting | State::Ended => Next::Close,
            _ => self.end(Cause::Closed(self.state.stage())),
        }
    }
}

/// Transitions.
impl Client {
    /// Waits for a reply.
    fn wait(&mut self, state: State, at_most: Duration, now: Instant) -> Next<'static, Self> {
        self.state = state;
        self.deadline = later(now, at_most);
        Next::Again
    }

    fn ask(&mut self, question: Question, now: Instant) -> Next<'static, Self> {
        self.state = State::Asking;
        self.deadline = later(now, self.profile.timeouts.answer);
        Next::Ask(question)
    }

    /// Ends the session with a word to the peer, whose answer matters no more.
    fn quit(&mut self, cause: Cause, now: Instant, out: &mut Output) -> Next<'static, Self> {
        let _ = self.end(cause);
        out.put(b"QUIT\r\n");
        self.wait(State::Quitting, self.profile.timeouts.quit, now)
    }

    /// Ends the session.
    fn end(&mut self, cause: Cause) -> Next<'static, Self> {
        self.ending.get_or_insert_with(|| Ending {
            moment: self.state.moment(),
            cause,
        });
        self.state = State::Ended;
        Next::Close
    }

    fn fault(&mut self, fault: Fault) -> Next<'static, Self> {
        let stage = self.state.stage();
        self.end(Cause::Fault { stage, fault })
    }

    /// Ends the session in `state` because of a refusal. A peer that said 421 has ended it.
    fn refused(
        &mut self,
        state: State,
        heard: Heard,
        now: Instant,
        out: &mut Output,
    ) -> Next<'static, Self> {
        self.state = state;
        if !heard.is_negative() {
            return self.fault(Fault::OutOfPlace(heard.code));
        }
        let stage = self.state.stage();
        let reply = heard.into_reply();
        let is_closing = reply.is_closing();
        let cause = Cause::Refused { stage, reply };
        if is_closing {
            self.end(cause)
        } else {
            self.quit(cause, now, out)
        }
    }
}

/// `span` after `now`; no overflow for any span.
fn later(now: Instant, span: Duration) -> Instant {
    now.checked_add(span).unwrap_or(now)
}
