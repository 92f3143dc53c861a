//! APPEND: its message passes through and is never kept (RFC 9051 §6.3.12).

use std::time::Instant;

use postroom_wire::lines::Framed;
use postroom_wire::machine::Next;
use postroom_wire::output::Output;

use super::frame::literal_at_end;
use super::run::Running;
use super::state::State;
use super::{Server, Step};
use crate::command::{self, AppendKind, Literal, Sync, Tag};
use crate::parse::{Names, ParseError};
use crate::print;
use crate::question::{Answer, AppendBegin, Question};
use crate::reply;
use crate::response::status::Completion;

/// An APPEND under way.
#[derive(Debug)]
pub(super) struct Append {
    tag: Tag,
    kind: AppendKind,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The host was asked whether it takes the message.
    Beginning(Literal),
    /// So many octets are still to come.
    Body(u64),
    /// The octets are there; the line has to end.
    Tail,
    /// The host forgets the message; then the client gets this, and a literal that followed is
    /// thrown away.
    Abandoning(Completion, Option<Literal>),
}

impl Append {
    /// Whether a question is out.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.stage, Stage::Beginning(_) | Stage::Abandoning(..))
    }
}

/// Whether a line may stand after a message.
fn is_tail(line: &[u8], kind: AppendKind) -> bool {
    let line = line.trim_ascii();
    match kind {
        AppendKind::Text | AppendKind::Binary => line.is_empty(),
        AppendKind::Utf8 => line == b")",
    }
}

/// A refused command whose literal comes all the same.
#[derive(Debug)]
pub(super) struct Swallowing {
    tag: Option<Tag>,
    completion: Completion,
    /// Octets still to throw away; then the line has to end.
    octets: u64,
}

impl Server {
    /// The head of an APPEND is there.
    pub(super) fn append(
        &mut self,
        now: Instant,
        tag: Tag,
        append: command::Append,
        out: &mut Output,
    ) -> Next<'static, Self> {
        let literal = append.message.literal;
        let kind = append.message.kind;
        if kind == AppendKind::Utf8 && self.names != Names::Utf8 {
            return self.refuse(now, Some(tag), reply::APPEND_UTF8, literal, out);
        }
        if literal.octets > self.settings.limits.append_octets_max {
            return self.refuse(now, Some(tag), reply::APPEND_TOO_BIG, literal, out);
        }
        let begin = AppendBegin {
            mailbox: append.mailbox,
            flags: append.message.flags,
            date: append.message.date,
            parameters: append.message.parameters,
            kind,
            octets: literal.octets,
        };
        self.state = State::Appending(Box::new(Append {
            tag,
            kind,
            stage: Stage::Beginning(literal),
        }));
        self.ask(now, Question::AppendBegin(Box::new(begin)))
    }

    pub(super) fn append_answer(
        &mut self,
        now: Instant,
        mut append: Box<Append>,
        answer: Answer,
        out: &mut Output,
    ) -> Next<'static, Self> {
        match (append.stage, answer) {
            (Stage::Beginning(literal), Answer::Proceed) => {
                if literal.sync == Sync::Waits {
                    out.put(b"+ Ready for the message\r\n");
                }
                append.stage = Stage::Body(literal.octets);
                self.state = State::Appending(append);
                self.allow(now, literal.octets);
                Next::Again
            }
            (Stage::Beginning(literal), Answer::Done(_, completion)) => {
                self.refuse(now, Some(append.tag), completion, literal, out)
            }
            (Stage::Abandoning(completion, literal), Answer::Done(..)) => match literal {
                Some(literal) => self.refuse(now, Some(append.tag), completion, literal, out),
                None => self.finish(now, &append.tag, &completion, out),
            },
            _ => self.bye(&reply::BYE_FAULT, out),
        }
    }

    pub(super) fn append_bytes<'i>(
        &mut self,
        now: Instant,
        mut append: Box<Append>,
        unread: &'i [u8],
        out: &mut Output,
    ) -> Step<'i> {
        match append.stage {
            Stage::Body(octets) if octets > 0 => {
                let wanted = usize::try_from(octets).unwrap_or(usize::MAX);
                let body = unread.get(..wanted).unwrap_or(unread);
                let left = octets.saturating_sub(body.len() as u64);
                append.stage = Stage::Body(left);
                self.state = State::Appending(append);
                if body.is_empty() {
                    return (0, self.wait());
                }
                (body.len(), Next::Body(body))
            }
            Stage::Body(_) | Stage::Tail => {
                append.stage = Stage::Tail;
                self.append_tail(now, append, unread, out)
            }
            Stage::Beginning(_) | Stage::Abandoning(..) => {
                self.state = State::Appending(append);
                (0, Next::Read)
            }
        }
    }

    /// The line after the message: nothing may be on it, but the parenthesis of UTF8.
    fn append_tail<'i>(
        &mut self,
        now: Instant,
        mut append: Box<Append>,
        unread: &'i [u8],
        out: &mut Output,
    ) -> Step<'i> {
        let octets_max = self.bounds().line_octets_max;
        let (taken, framed) = self.frame.lines.take(unread, octets_max);
        let next = match framed {
            Framed::Line(line) if is_tail(line, append.kind) => {
                self.run_asking(now, Running::append(append.tag), Question::AppendEnd)
            }
            Framed::Line(line) => {
                let literal = literal_at_end(line);
                let completion = match literal {
                    Some(_) => reply::APPEND_ONE,
                    None => ParseError::End.completion(),
                };
                append.stage = Stage::Abandoning(completion, literal);
                self.state = State::Appending(append);
                self.ask(now, Question::AppendAbandon)
            }
            Framed::Fault(_) => self.bye(&reply::BYE_LINE, out),
            Framed::Dropped | Framed::Partial => {
                self.state = State::Appending(append);
                self.wait()
            }
        };
        (taken, next)
    }

    /// Refuses a command at a literal: at once where the client waits, else after throwing the
    /// literal away (RFC 7888 §4).
    pub(super) fn refuse(
        &mut self,
        now: Instant,
        tag: Option<Tag>,
        completion: Completion,
        literal: Literal,
        out: &mut Output,
    ) -> Next<'static, Self> {
        if literal.sync == Sync::Waits {
            return self.tell_refused(now, tag.as_ref(), &completion, out);
        }
        let octets_max = if self.is_logged_in() {
            self.settings.limits.swallow_octets_max
        } else {
            self.settings.limits.early_literal_octets_max
        };
        if literal.octets > octets_max {
            return self.bye(&reply::BYE_LITERAL, out);
        }
        self.state = State::Swallowing(Box::new(Swallowing {
            tag,
            completion,
            octets: literal.octets,
        }));
        if self.is_logged_in() {
            self.allow(now, literal.octets);
        }
        Next::Again
    }

    fn tell_refused(
        &mut self,
        now: Instant,
        tag: Option<&Tag>,
        completion: &Completion,
        out: &mut Output,
    ) -> Next<'static, Self> {
        if let Some(tag) = tag {
            return self.finish(now, tag, completion, out);
        }
        print::untagged(out, completion, self.context(""));
        self.complete(now, completion.status, out)
    }

    pub(super) fn swallow<'i>(
        &mut self,
        now: Instant,
        mut swallowing: Box<Swallowing>,
        unread: &'i [u8],
        out: &mut Output,
    ) -> Step<'i> {
        if swallowing.octets > 0 {
            let wanted = usize::try_from(swallowing.octets).unwrap_or(usize::MAX);
            let taken = wanted.min(unread.len());
            swallowing.octets = swallowing.octets.saturating_sub(taken as u64);
            self.state = State::Swallowing(swallowing);
            let next = if taken == 0 { self.wait() } else { Next::Again };
            return (taken, next);
        }
        let octets_max = self.bounds().line_octets_max;
        let (taken, framed) = self.frame.lines.take(unread, octets_max);
        let next = match framed {
            Framed::Line(line) => {
                let Swallowing {
                    tag, completion, ..
                } = *swallowing;
                match literal_at_end(line) {
                    Some(literal) => self.refuse(now, tag, completion, literal, out),
                    None => self.tell_refused(now, tag.as_ref(), &completion, out),
                }
            }
            Framed::Fault(_) => self.bye(&reply::BYE_LINE, out),
            Framed::Dropped | Framed::Partial => {
                self.state = State::Swallowing(swallowing);
                self.wait()
            }
        };
        (taken, next)
    }
}
