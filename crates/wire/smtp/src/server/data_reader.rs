//! The lines after DATA: only CRLF.CRLF ends them (RFC 5321 §4.1.1.4, §4.5.2).

use memchr::memchr3;

use crate::text_check::TextFault;

/// Reads a body that ends with a dot on a line of its own, without copying it.
///
/// A stray CR, LF or NUL does not end anything: the message is read to its true end and refused.
/// So is one that is too big. Octets that cannot be judged yet, at most `CRLF.CR` of them, stay
/// unread.
#[derive(Debug)]
pub(super) struct DataReader {
    at_line_start: bool,
    octets: u64,
    octets_max: u64,
    /// The first stray octet. It is named also when the body is too big: which of the two came
    /// first would depend on how the network cut the body.
    stray: Option<TextFault>,
}

/// What the unread bytes begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DataStep<'i> {
    /// Octets of the body, the dot of transparency removed.
    Octets(&'i [u8]),
    /// Octets of a body that will be refused.
    Dropped,
    /// Nothing that can be judged yet.
    Partial,
    /// The end: the size, or why the body is refused.
    End(Result<u64, TextFault>),
}

impl DataReader {
    /// At the start of a body of at most `octets_max`.
    pub(super) fn new(octets_max: u64) -> Self {
        Self {
            at_line_start: true,
            octets: 0,
            octets_max,
            stray: None,
        }
    }

    /// Takes what the unread bytes begin with; returns the octets taken.
    pub(super) fn read<'i>(&mut self, unread: &'i [u8]) -> (usize, DataStep<'i>) {
        let start = match unread {
            [b'.', b'\r', b'\n', ..] if self.at_line_start => {
                return (3, DataStep::End(self.verdict()));
            }
            [b'.'] | [b'.', b'\r'] if self.at_line_start => return (0, DataStep::Partial),
            [b'.', ..] if self.at_line_start => 1,
            _ => 0,
        };
        let end = self.find_end(unread, start);
        let octets = unread.get(start..end).unwrap_or_default();
        if octets.is_empty() {
            return (0, DataStep::Partial);
        }
        self.count(octets.len());
        match self.verdict() {
            Ok(_) => (end, DataStep::Octets(octets)),
            Err(_) => (end, DataStep::Dropped),
        }
    }

    /// Where the octets end that can be taken at once: before a line that begins with a dot, or
    /// before a CR that may be half of a CRLF.
    fn find_end(&mut self, unread: &[u8], start: usize) -> usize {
        let mut at = start;
        while let Some(found) = memchr3(b'\r', b'\n', 0, unread.get(at..).unwrap_or_default()) {
            let place = at.saturating_add(found);
            at = place.saturating_add(1);
            match (unread.get(place), unread.get(at)) {
                (Some(b'\r'), Some(b'\n')) => {
                    at = at.saturating_add(1);
                    if matches!(unread.get(at), None | Some(b'.')) {
                        self.at_line_start = true;
                        return at;
                    }
                }
                (Some(b'\r'), None) => {
                    self.at_line_start &= place == 0;
                    return place;
                }
                (Some(b'\r'), Some(_)) => self.refuse(TextFault::BareCr),
                (Some(b'\n'), _) => self.refuse(TextFault::BareLf),
                _ => self.refuse(TextFault::Nul),
            }
        }
        self.at_line_start &= unread.is_empty();
        unread.len()
    }

    fn count(&mut self, octets: usize) {
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        self.octets = self.octets.saturating_add(octets);
    }

    /// What can be said of the octets so far.
    fn verdict(&self) -> Result<u64, TextFault> {
        match self.stray {
            Some(stray) => Err(stray),
            None if self.octets > self.octets_max => Err(TextFault::TooBig),
            None => Ok(self.octets),
        }
    }

    fn refuse(&mut self, stray: TextFault) {
        self.stray.get_or_insert(stray);
    }
}

#[cfg(test)]
mod tests;
