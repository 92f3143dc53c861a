//! Where a command ends: lines, and the literals between them (RFC 9051 §2.2.1, §4.3).

use std::borrow::Cow;

use postroom_wire::lines::{self, LineReader};

use crate::command::{Literal, Sync};
use crate::limits::Limits;

/// Finds commands in what is unread.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub(super) lines: LineReader,
    partial: Option<Box<Partial>>,
}

/// A command whose beginning is kept because a literal interrupts it.
#[derive(Debug)]
struct Partial {
    gathered: Gathered<'static>,
    /// Octets of the literal under way that are still to come.
    awaited: u64,
}

/// A command, or what of it is there: lines and literals as they came, without the last CRLF.
#[derive(Debug)]
pub(super) struct Gathered<'i> {
    pub(super) bytes: Cow<'i, [u8]>,
    line_octets: usize,
    literals: usize,
    literal_octets: u64,
}

/// What stands at the start of the unread bytes.
#[derive(Debug)]
pub(super) enum Framed<'i> {
    /// The whole of a command.
    Command(Gathered<'i>),
    /// A command up to the head of a literal.
    Literal(Gathered<'i>, Literal),
    /// Octets of a literal; there may be more to read.
    Octets,
    /// Nothing whole.
    Partial,
    /// A line that is none.
    Fault,
}

/// What a session may send at the moment.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "every bound's name ends so")]
pub(super) struct Bounds {
    pub(super) line_octets_max: usize,
    literal_octets_max: u64,
    literals_max: usize,
}

impl Bounds {
    pub(super) fn new(limits: &Limits, is_logged_in: bool) -> Self {
        Self {
            line_octets_max: if is_logged_in {
                limits.line_octets_max
            } else {
                limits.early_line_octets_max
            },
            literal_octets_max: if is_logged_in {
                limits.literal_octets_max
            } else {
                limits.early_literal_octets_max
            },
            literals_max: limits.literals_max,
        }
    }
}

impl Frame {
    /// Takes what stands at the start of `unread`; returns the octets taken.
    pub(super) fn take<'i>(&mut self, unread: &'i [u8], bounds: Bounds) -> (usize, Framed<'i>) {
        if let Some(partial) = &mut self.partial
            && partial.awaited > 0
        {
            return partial.take(unread);
        }
        let used = self
            .partial
            .as_ref()
            .map_or(0, |partial| partial.gathered.line_octets);
        let octets_max = bounds.line_octets_max.saturating_sub(used);
        let (taken, framed) = self.lines.take(unread, octets_max);
        let framed = match framed {
            // Nothing follows a fault: the session ends there.
            lines::Framed::Dropped | lines::Framed::Partial => Framed::Partial,
            lines::Framed::Fault(_) => Framed::Fault,
            lines::Framed::Line(line) => {
                let gathered = self.gather(line, taken);
                match literal_at_end(line) {
                    Some(literal) => Framed::Literal(gathered, literal),
                    None => Framed::Command(gathered),
                }
            }
        };
        (taken, framed)
    }

    /// A line, after what was kept before it.
    fn gather<'i>(&mut self, line: &'i [u8], taken: usize) -> Gathered<'i> {
        match self.partial.take() {
            None => Gathered {
                bytes: Cow::Borrowed(line),
                line_octets: taken,
                literals: 0,
                literal_octets: 0,
            },
            Some(partial) => {
                let mut gathered = partial.gathered;
                gathered.bytes.to_mut().extend_from_slice(line);
                gathered.line_octets = gathered.line_octets.saturating_add(taken);
                gathered
            }
        }
    }

    /// Keeps a command until its literal is there; false if the bounds forbid it.
    pub(super) fn keep(
        &mut self,
        gathered: Gathered<'_>,
        literal: Literal,
        bounds: Bounds,
    ) -> bool {
        let literals = gathered.literals.saturating_add(1);
        let literal_octets = gathered.literal_octets.saturating_add(literal.octets);
        if literals > bounds.literals_max || literal_octets > bounds.literal_octets_max {
            return false;
        }
        let mut bytes = gathered.bytes.into_owned();
        bytes.extend_from_slice(b"\r\n");
        self.partial = Some(Box::new(Partial {
            gathered: Gathered {
                bytes: Cow::Owned(bytes),
                line_octets: gathered.line_octets,
                literals,
                literal_octets,
            },
            awaited: literal.octets,
        }));
        true
    }
}

impl Partial {
    fn take<'i>(&mut self, unread: &[u8]) -> (usize, Framed<'i>) {
        let awaited = usize::try_from(self.awaited).unwrap_or(usize::MAX);
        let octets = unread.get(..awaited).unwrap_or(unread);
        if octets.is_empty() {
            return (0, Framed::Partial);
        }
        self.gathered.bytes.to_mut().extend_from_slice(octets);
        self.awaited = self.awaited.saturating_sub(octets.len() as u64);
        (octets.len(), Framed::Octets)
    }
}

/// The literal whose head ends `line`.
///
/// A quoted string that ends so is none: its quote comes after. Octets that end so by accident
/// break the grammar anyway.
pub(super) fn literal_at_end(line: &[u8]) -> Option<Literal> {
    let open = line.iter().rposition(|&byte| byte == b'{')?;
    let (before, head) = line.split_at_checked(open)?;
    let number = head.strip_prefix(b"{")?.strip_suffix(b"}")?;
    let (digits, sync) = match number.split_last()? {
        (b'+' | b'-', digits) => (digits, Sync::Follows),
        _ => (number, Sync::Waits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // A number beyond 63 bits is beyond every bound.
    let octets = std::str::from_utf8(digits)
        .ok()?
        .parse::<u64>()
        .unwrap_or(u64::MAX);
    Some(Literal {
        octets,
        sync,
        is_binary: before.last() == Some(&b'~'),
    })
}
