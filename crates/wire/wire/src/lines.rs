//! Lines that end in CRLF, and in nothing else (RFC 5321 §2.3.8, RFC 9051 §2.2).

use memchr::{memchr3, memmem};

/// Finds one line at a time at the start of what is unread.
///
/// Remembers how far it searched, so that input byte by byte stays linear. A fault is reported
/// once, at the octet that makes it one: a client that ends its lines in LF alone learns so at
/// once. What follows up to the next CRLF is part of the refused line, dropped and never a command.
#[derive(Debug, Default)]
pub struct LineReader {
    /// Octets at the start of the unread that hold no CR, LF or NUL.
    searched: usize,
    /// Whether the rest of a refused line is still to be dropped.
    is_skipping: bool,
}

/// What stands at the start of the unread bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Framed<'i> {
    /// A line without its CRLF: no CR, no LF, no NUL in it.
    Line(&'i [u8]),
    /// A line is refused; the rest of it is dropped by the calls that follow.
    Fault(LineFault),
    /// The rest of a refused line is dropped, and its CRLF; what comes now begins a line.
    Dropped,
    /// No whole line yet.
    Partial,
}

/// Why a line is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// A CR that no LF follows.
    #[error("bare CR")]
    BareCr,
    /// An LF that follows no CR.
    #[error("bare LF")]
    BareLf,
    /// A NUL.
    #[error("NUL")]
    Nul,
    /// As many octets as the limit, and no line end among them.
    #[error("line too long")]
    TooLong,
}

impl LineReader {
    /// Takes the line that `unread` begins with; returns the octets taken.
    ///
    /// `octets_max` counts the CRLF and must stay the same until a line is found.
    pub fn take<'i>(&mut self, unread: &'i [u8], octets_max: usize) -> (usize, Framed<'i>) {
        if self.is_skipping {
            return self.skip(unread);
        }
        // Beyond the limit nothing is looked at, so that the verdict is the same however the
        // octets arrive.
        let line = unread.get(..octets_max).unwrap_or(unread);
        let fresh = line.get(self.searched..).unwrap_or_default();
        let Some(found) = memchr3(b'\r', b'\n', 0, fresh) else {
            return self.wait(line.len(), line, octets_max);
        };
        let place = self.searched.saturating_add(found);
        let after = place.saturating_add(1);
        match (line.get(place), line.get(after)) {
            (Some(b'\r'), Some(b'\n')) => {
                self.searched = 0;
                let text = line.get(..place).unwrap_or_default();
                (after.saturating_add(1), Framed::Line(text))
            }
            (Some(b'\r'), None) => self.wait(place, line, octets_max),
            (Some(b'\r'), Some(_)) => self.refuse(after, LineFault::BareCr),
            (Some(b'\n'), _) => self.refuse(after, LineFault::BareLf),
            _ => self.refuse(after, LineFault::Nul),
        }
    }

    /// Whether the unread bytes begin a line, and are not the rest of one that is dropped.
    pub fn is_at_line_start(&self) -> bool {
        !self.is_skipping
    }

    /// More must come after `searched` octets without a line end, if there is room for it.
    fn wait<'i>(&mut self, searched: usize, line: &[u8], octets_max: usize) -> (usize, Framed<'i>) {
        if line.len() < octets_max {
            self.searched = searched;
            (0, Framed::Partial)
        } else {
            // A CR at the end stays unread: it may be half of the CRLF.
            self.refuse(searched, LineFault::TooLong)
        }
    }

    fn refuse<'i>(&mut self, taken: usize, fault: LineFault) -> (usize, Framed<'i>) {
        self.searched = 0;
        self.is_skipping = true;
        (taken, Framed::Fault(fault))
    }

    /// Drops octets up to and with the first CRLF; a CR at the end stays unread.
    fn skip<'i>(&mut self, unread: &[u8]) -> (usize, Framed<'i>) {
        if let Some(place) = memmem::find(unread, b"\r\n") {
            self.is_skipping = false;
            return (place.saturating_add(2), Framed::Dropped);
        }
        let kept = usize::from(unread.last() == Some(&b'\r'));
        (unread.len().saturating_sub(kept), Framed::Partial)
    }
}

#[cfg(test)]
mod tests;
