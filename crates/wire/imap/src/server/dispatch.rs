//! A command is there: what becomes of it.

use std::time::Instant;

use postroom_wire::machine::Next;
use postroom_wire::output::Output;

use super::frame::{Bounds, Framed, Gathered};
use super::run::Running;
use super::state::{Phase, State};
use super::{Server, Step};
use crate::capability::{ENABLEABLE, Extension, PARAMETERS};
use crate::command::{Command, Literal, Parameter, Request, Sync, Tag};
use crate::parse::{self, Names, ParseError, When};
use crate::print;
use crate::reply;
use crate::response::status::{Completion, Status};

impl Server {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds::new(&self.settings.limits, self.is_logged_in())
    }

    /// Reads a command from the start of what is unread.
    pub(super) fn read<'i>(
        &mut self,
        now: Instant,
        unread: &'i [u8],
        out: &mut Output,
    ) -> Step<'i> {
        self.state = State::Reading;
        if out.is_full() {
            return (0, Next::Flush);
        }
        let bounds = self.bounds();
        let (taken, framed) = self.frame.take(unread, bounds);
        let next = match framed {
            Framed::Command(gathered) => self.command(now, &gathered.bytes, out),
            Framed::Literal(gathered, literal) => self.literal(now, gathered, literal, out),
            Framed::Octets => Next::Again,
            Framed::Partial => self.wait(),
            // What the line ended in is not known, so neither is where the next begins.
            Framed::Fault => self.bye(&reply::BYE_LINE, out),
        };
        if matches!(self.state, State::Handshake) {
            return (unread.len(), next);
        }
        (taken, next)
    }

    fn command(&mut self, now: Instant, bytes: &[u8], out: &mut Output) -> Next<'static, Self> {
        let opened = match parse::open(bytes, self.parsing()) {
            Ok(opened) => opened,
            Err(error) => {
                print::untagged(out, &error.completion(), self.context(""));
                return self.complete(now, Status::Bad, out);
            }
        };
        let tag = opened.tag.clone();
        if let Some(completion) = opened.verb.and_then(|verb| self.untimely(verb.when)) {
            return self.finish(now, &tag, &completion, out);
        }
        match opened.command().and_then(known) {
            Ok(command) => self.dispatch(now, tag, command, out),
            Err(error) => self.finish(now, &tag, &error.completion(), out),
        }
    }

    /// Why a command has not its time now.
    fn untimely(&self, when: When) -> Option<Completion> {
        match (when, self.phase) {
            (When::Any, _)
            | (When::Early, Phase::NotAuthenticated)
            | (When::Authenticated, Phase::Authenticated | Phase::Selected)
            | (When::Selected, Phase::Selected) => None,
            (When::Early, _) => Some(reply::LOGGED_IN_ALREADY),
            (_, Phase::NotAuthenticated) => Some(reply::LOGIN_FIRST),
            (_, _) => Some(reply::SELECT_FIRST),
        }
    }

    /// A command is interrupted by a literal: the message of an APPEND, or a string.
    fn literal(
        &mut self,
        now: Instant,
        gathered: Gathered<'_>,
        literal: Literal,
        out: &mut Output,
    ) -> Next<'static, Self> {
        let opened = match parse::open(&gathered.bytes, self.parsing()) {
            Ok(opened) => opened,
            Err(error) => return self.refuse(now, None, error.completion(), literal, out),
        };
        let tag = opened.tag.clone();
        if opened.verb.is_some_and(|verb| verb.name == "APPEND") {
            let untimely = self.untimely(When::Authenticated);
            let head = untimely.map_or_else(|| Ok(opened.command().and_then(known)), Err);
            match head {
                Ok(Ok(Command::Append(append))) => return self.append(now, tag, append, out),
                // The literal is the mailbox name; the message is still to come.
                Ok(Ok(_) | Err(ParseError::Literal)) => {}
                Ok(Err(error)) => {
                    return self.refuse(now, Some(tag), error.completion(), literal, out);
                }
                Err(completion) => {
                    return self.refuse(now, Some(tag), completion, literal, out);
                }
            }
        }
        let bounds = self.bounds();
        if !self.frame.keep(gathered, literal, bounds) {
            return match literal.sync {
                Sync::Waits => self.finish(now, &tag, &reply::LITERAL_TOO_BIG, out),
                Sync::Follows => self.bye(&reply::BYE_LITERAL, out),
            };
        }
        if literal.sync == Sync::Waits {
            out.put(b"+ Ready for the literal\r\n");
        }
        Next::Again
    }

    fn dispatch(
        &mut self,
        now: Instant,
        tag: Tag,
        command: Command,
        out: &mut Output,
    ) -> Next<'static, Self> {
        match command {
            Command::Append(_) => {
                // Only with a literal at its end is it whole.
                self.finish(now, &tag, &ParseError::Literal.completion(), out)
            }
            Command::Authenticate(authenticate) => self.authenticate(now, tag, &authenticate, out),
            Command::Capability => {
                out.put(b"* ");
                self.offer().print(out);
                out.put(b"\r\n");
                self.finish(now, &tag, &reply::CAPABILITY_DONE, out)
            }
            Command::Enable(names) => self.enable(now, tag, &names, out),
            Command::Id(_) => {
                out.put(b"* ID (\"name\" \"postroom\")\r\n");
                self.finish(now, &tag, &reply::ID_DONE, out)
            }
            Command::Idle => self.idle(now, tag, out),
            Command::Login(login) => self.login(now, tag, login, out),
            Command::Logout => {
                print::untagged(out, &reply::BYE_LOGOUT, self.context(""));
                print::tagged(out, &reply::LOGOUT_DONE, self.context(tag.as_str()));
                self.end()
            }
            Command::Request(Request::Noop) if !self.is_logged_in() => {
                self.finish(now, &tag, &reply::NOOP_DONE, out)
            }
            Command::Request(request) => self.run(now, Running::new(tag, &request), request),
            Command::StartTls => self.start_tls(now, &tag, out),
        }
    }

    /// ENABLE: what is known of what was named (RFC 9051 §6.3.1). The host learns it too.
    fn enable(
        &mut self,
        now: Instant,
        tag: Tag,
        names: &[Box<str>],
        out: &mut Output,
    ) -> Next<'static, Self> {
        let is_named = |known: &Extension| {
            names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(known.name()))
        };
        let enabled: Vec<Extension> = ENABLEABLE.iter().copied().filter(is_named).collect();
        out.put(b"* ENABLED");
        for extension in &enabled {
            out.put(b" ");
            out.put(extension.name().as_bytes());
            if matches!(extension, Extension::Imap4Rev2 | Extension::Utf8Accept) {
                self.names = Names::Utf8;
            }
        }
        out.put(b"\r\n");
        if enabled.is_empty() {
            return self.finish(now, &tag, &reply::ENABLE_DONE, out);
        }
        let request = Request::Enable(enabled);
        self.run(now, Running::new(tag, &request), request)
    }

    fn start_tls(&mut self, now: Instant, tag: &Tag, out: &mut Output) -> Next<'static, Self> {
        if !self.offer().is_startable {
            return self.finish(now, tag, &reply::TLS_UNAVAILABLE, out);
        }
        print::tagged(out, &reply::TLS_BEGIN, self.context(tag.as_str()));
        self.state = State::Handshake;
        Next::StartTls
    }
}

/// Refuses parameters of extensions that nobody here knows (RFC 4466 §2).
fn known(command: Command) -> Result<Command, ParseError> {
    let parameters: &[Parameter] = match &command {
        Command::Append(append) => &append.message.parameters,
        Command::Request(Request::Create(create)) => &create.parameters,
        Command::Request(Request::Rename(rename)) => &rename.parameters,
        _ => &[],
    };
    if parameters
        .iter()
        .all(|parameter| PARAMETERS.contains(&&*parameter.name))
    {
        return Ok(command);
    }
    Err(ParseError::Option)
}
