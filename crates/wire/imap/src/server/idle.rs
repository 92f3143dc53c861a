//! IDLE: what changes is told as it changes (RFC 9051 §6.3.13, RFC 2177).

use std::time::Instant;

use postroom_wire::lines::Framed;
use postroom_wire::machine::Next;
use postroom_wire::output::Output;

use super::state::{Phase, State};
use super::{Server, Step, later};
use crate::command::Tag;
use crate::print::{Pages, Printed};
use crate::question::{Answer, Question};
use crate::reply;

/// An IDLE under way.
#[derive(Debug)]
pub(super) struct Idling {
    tag: Tag,
    /// When the client has idled too long.
    until: Instant,
    /// Whether something changed since the host was last asked.
    is_stirred: bool,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    /// Nothing is under way.
    Quiet,
    /// The host was asked what changed.
    Asking,
    /// Its answer is printed; the flag says whether there is more.
    Printing(Pages, bool),
}

impl Idling {
    /// Whether neither a question nor a page is under way.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.progress, Progress::Quiet)
    }

    /// Whether printing waits for the driver.
    pub(super) fn is_halted(&self) -> bool {
        matches!(self.progress, Progress::Printing(..))
    }
}

/// Octets of the line that ends an IDLE.
const DONE_OCTETS_MAX: usize = 1024;

impl Server {
    pub(super) fn idle(&mut self, now: Instant, tag: Tag, out: &mut Output) -> Next<'static, Self> {
        out.put(b"+ Idling\r\n");
        let idling = Box::new(Idling {
            tag,
            until: later(now, self.settings.limits.idle_timeout),
            is_stirred: self.phase == Phase::Selected,
            progress: Progress::Quiet,
        });
        self.idle_quiet(now, idling, out)
    }

    /// Nothing is under way: asks again if something changed meanwhile.
    fn idle_quiet(
        &mut self,
        now: Instant,
        mut idling: Box<Idling>,
        out: &mut Output,
    ) -> Next<'static, Self> {
        idling.progress = Progress::Quiet;
        self.deadline = idling.until;
        if self.is_draining {
            return self.bye(&reply::BYE_DRAIN, out);
        }
        if idling.is_stirred {
            return self.poll(now, idling, Question::Poll);
        }
        self.state = State::Idling(idling);
        Next::Again
    }

    fn poll(
        &mut self,
        now: Instant,
        mut idling: Box<Idling>,
        question: Question,
    ) -> Next<'static, Self> {
        if matches!(question, Question::Poll) {
            idling.is_stirred = false;
        }
        idling.progress = Progress::Asking;
        self.state = State::Idling(idling);
        self.ask(now, question)
    }

    pub(super) fn stir(&mut self, now: Instant, mut idling: Box<Idling>) -> Next<'static, Self> {
        if idling.is_quiet() {
            return self.poll(now, idling, Question::Poll);
        }
        idling.is_stirred = true;
        self.state = State::Idling(idling);
        Next::Read
    }

    pub(super) fn idle_answer(
        &mut self,
        now: Instant,
        mut idling: Box<Idling>,
        answer: Answer,
        out: &mut Output,
    ) -> Next<'static, Self> {
        let (responses, is_more) = match answer {
            Answer::Page(responses) => (responses, true),
            Answer::Changes(responses) => (responses, false),
            _ => return self.bye(&reply::BYE_FAULT, out),
        };
        let mut pages = Pages::default();
        pages.load(responses);
        idling.progress = Progress::Printing(pages, is_more);
        self.idle_on(now, idling, out)
    }

    /// Prints on, as far as it goes.
    pub(super) fn idle_on(
        &mut self,
        now: Instant,
        mut idling: Box<Idling>,
        out: &mut Output,
    ) -> Next<'static, Self> {
        let context = self.context("");
        let Progress::Printing(pages, is_more) = &mut idling.progress else {
            self.state = State::Idling(idling);
            return self.resting();
        };
        match (pages.print(out, context), *is_more) {
            (Printed::Full, _) => {
                self.state = State::Idling(idling);
                self.allow(now, Output::MARK as u64);
                Next::Flush
            }
            (Printed::Send(source), _) => {
                self.state = State::Idling(idling);
                self.allow(now, source.octets);
                Next::Send(source)
            }
            (Printed::All, true) => self.poll(now, idling, Question::More),
            (Printed::All, false) => self.idle_quiet(now, idling, out),
        }
    }

    pub(super) fn idle_bytes<'i>(
        &mut self,
        now: Instant,
        idling: Box<Idling>,
        unread: &'i [u8],
        out: &mut Output,
    ) -> Step<'i> {
        if !idling.is_quiet() {
            self.state = State::Idling(idling);
            return (0, Next::Read);
        }
        let (taken, framed) = self.frame.lines.take(unread, DONE_OCTETS_MAX);
        let next = match framed {
            Framed::Line(line) if line.trim_ascii().eq_ignore_ascii_case(b"DONE") => {
                self.finish(now, &idling.tag, &reply::IDLE_DONE, out)
            }
            Framed::Line(_) => self.finish(now, &idling.tag, &reply::DONE_EXPECTED, out),
            Framed::Fault(_) => self.bye(&reply::BYE_LINE, out),
            Framed::Dropped | Framed::Partial => {
                self.state = State::Idling(idling);
                self.wait()
            }
        };
        (taken, next)
    }
}
