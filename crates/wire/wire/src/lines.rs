//! Lines that end in CRLF, and in nothing else (RFC 5321 §2.3.8, RFC 9051 §2.2).

use memchr::{memchr, memchr2};

/// Finds one line at a time at the start of what is unread.
///
/// Remembers how far it searched, so that input byte by byte stays linear. A line above the limit
/// and one with a stray octet are taken up to their CRLF and reported once; meanwhile nothing is
/// kept of them.
#[derive(Debug, Default)]
pub struct LineReader {
    /// Octets at the start of the unread that hold no LF.
    searched: usize,
    /// Why the line under way is refused; its octets are dropped as they come.
    refused: Option<LineFault>,
}

/// What stands at the start of the unread bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Framed<'i> {
    /// A line without its CRLF: no CR, no LF, no NUL in it.
    Line(&'i [u8]),
    /// A line was dropped, its CRLF with it.
    Fault(LineFault),
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
    /// More octets than the limit before the first LF.
    #[error("line too long")]
    TooLong,
}

impl LineReader {
    /// Takes the line that `unread` begins with; returns the octets taken.
    ///
    /// `octets_max` counts the CRLF and must stay the same until a line is found.
    pub fn take<'i>(&mut self, unread: &'i [u8], octets_max: usize) -> (usize, Framed<'i>) {
        if let Some(fault) = self.refused {
            return self.skip(unread, 0, fault);
        }
        let Some(end) = self.find_lf(unread) else {
            if unread.len() < octets_max {
                self.searched = unread.len();
                return (0, Framed::Partial);
            }
            return self.skip(unread, unread.len(), LineFault::TooLong);
        };
        let text = unread.get(..end).unwrap_or_default();
        let line = text.strip_suffix(b"\r");
        let taken = end.saturating_add(1);
        self.searched = 0;
        if taken > octets_max {
            return match line {
                Some(_) => (taken, Framed::Fault(LineFault::TooLong)),
                None => self.skip(unread, taken, LineFault::TooLong),
            };
        }
        match (stray(line.unwrap_or(text)), line) {
            (None, Some(line)) => (taken, Framed::Line(line)),
            (Some(fault), Some(_)) => (taken, Framed::Fault(fault)),
            (fault, None) => self.skip(unread, taken, fault.unwrap_or(LineFault::BareLf)),
        }
    }

    /// Whether the unread bytes begin a line, and are not the rest of one that is dropped.
    pub fn is_at_line_start(&self) -> bool {
        self.refused.is_none()
    }

    fn find_lf(&self, unread: &[u8]) -> Option<usize> {
        let fresh = unread.get(self.searched..).unwrap_or_default();
        Some(self.searched.saturating_add(memchr(b'\n', fresh)?))
    }

    /// Drops octets up to and with the first CRLF at or after `from`; a CR at the end stays unread.
    fn skip<'i>(&mut self, unread: &[u8], from: usize, fault: LineFault) -> (usize, Framed<'i>) {
        self.searched = 0;
        self.refused = Some(fault);
        // A CR just before `from` may be half of the CRLF.
        let mut at = from.saturating_sub(1);
        while let Some(found) = memchr(b'\n', unread.get(at..).unwrap_or_default()) {
            let lf = at.saturating_add(found);
            let before = lf.checked_sub(1).and_then(|place| unread.get(place));
            at = lf.saturating_add(1);
            if before == Some(&b'\r') {
                self.refused = None;
                return (at, Framed::Fault(fault));
            }
        }
        let kept = usize::from(unread.last() == Some(&b'\r'));
        (unread.len().saturating_sub(kept), Framed::Partial)
    }
}

/// The first octet that has no place inside a line.
fn stray(line: &[u8]) -> Option<LineFault> {
    memchr2(b'\r', 0, line).map(|place| match line.get(place) {
        Some(0) => LineFault::Nul,
        _ => LineFault::BareCr,
    })
}

#[cfg(test)]
mod tests;
