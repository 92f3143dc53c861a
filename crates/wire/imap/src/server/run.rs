//! A command that the host executes: its pages, one after the other.

use std::time::Instant;

use postroom_wire::machine::Next;
use postroom_wire::output::Output;

use super::state::{Phase, State};
use super::{Server, later};
use crate::command::{Request, Tag};
use crate::print::{Pages, Printed};
use crate::question::{Answer, Question};
use crate::reply;
use crate::response::status::{Completion, Status};

/// A command in hand.
#[derive(Debug)]
pub(super) struct Running {
    tag: Tag,
    after: After,
    pages: Pages,
    progress: Progress,
}

/// How far a command is.
#[derive(Debug)]
enum Progress {
    /// A question is out.
    Asking,
    /// A page is printed, and more will be asked for.
    Printing,
    /// The last page is printed, then this ends the command.
    Ending(Completion),
}

/// What the end of a command does to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// Nothing.
    Same,
    /// It selects a mailbox, or leaves none selected (RFC 9051 §6.3.2).
    Select,
    /// It closes the mailbox, if it succeeds.
    Deselect,
}

impl Running {
    pub(super) fn new(tag: Tag, request: &Request) -> Self {
        let after = match request {
            Request::Select(_) => After::Select,
            Request::Close | Request::Unselect => After::Deselect,
            _ => After::Same,
        };
        Self {
            tag,
            after,
            pages: Pages::default(),
            progress: Progress::Asking,
        }
    }

    /// The end of an APPEND, which selects nothing.
    pub(super) fn append(tag: Tag) -> Self {
        Self::new(tag, &Request::Noop)
    }

    /// Whether printing waits for the driver.
    pub(super) fn is_halted(&self) -> bool {
        !matches!(self.progress, Progress::Asking)
    }
}

impl Server {
    /// Puts a command to the host.
    pub(super) fn run(
        &mut self,
        now: Instant,
        running: Running,
        request: Request,
    ) -> Next<'static, Self> {
        let question = Question::Execute {
            expunges: request.expunges(),
            request: Box::new(request),
        };
        self.run_asking(now, running, question)
    }

    /// Puts a question about a command to the host.
    pub(super) fn run_asking(
        &mut self,
        now: Instant,
        running: Running,
        question: Question,
    ) -> Next<'static, Self> {
        self.state = State::Running(Box::new(running));
        self.ask(now, question)
    }

    pub(super) fn run_answer(
        &mut self,
        now: Instant,
        mut running: Box<Running>,
        answer: Answer,
        out: &mut Output,
    ) -> Next<'static, Self> {
        match answer {
            Answer::Page(responses) => {
                running.pages.load(responses);
                running.progress = Progress::Printing;
            }
            Answer::Done(responses, completion) => {
                running.pages.load(responses);
                running.progress = Progress::Ending(completion);
            }
            _ => return self.bye(&reply::BYE_FAULT, out),
        }
        self.run_on(now, running, out)
    }

    /// Prints on, as far as it goes.
    pub(super) fn run_on(
        &mut self,
        now: Instant,
        mut running: Box<Running>,
        out: &mut Output,
    ) -> Next<'static, Self> {
        if matches!(running.progress, Progress::Asking) {
            self.state = State::Running(running);
            return Next::Read;
        }
        match running.pages.print(out, self.context(running.tag.as_str())) {
            Printed::Full => {
                self.state = State::Running(running);
                self.allow(now, Output::MARK as u64);
                Next::Flush
            }
            Printed::Send(source) => {
                self.state = State::Running(running);
                self.allow(now, source.octets);
                Next::Send(source)
            }
            Printed::All => {
                let progress = std::mem::replace(&mut running.progress, Progress::Asking);
                if let Progress::Ending(completion) = progress {
                    self.apply(running.after, completion.status);
                    return self.finish(now, &running.tag, &completion, out);
                }
                self.state = State::Running(running);
                self.ask(now, Question::More)
            }
        }
    }

    /// Gives the peer time to take so many octets.
    pub(super) fn allow(&mut self, now: Instant, octets: u64) {
        self.deadline = later(now, self.settings.limits.time_for(octets));
    }

    fn apply(&mut self, after: After, status: Status) {
        match (after, status) {
            (After::Select, Status::Ok) => self.phase = Phase::Selected,
            (After::Select, Status::No) | (After::Deselect, Status::Ok) => {
                self.phase = Phase::Authenticated;
            }
            _ => {}
        }
    }
}
