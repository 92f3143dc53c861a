//! The octets of a message on their way to a peer: transparency, and what may never leave.

use std::io;

use memchr::memmem;

use crate::text_check::{TextCheck, TextFault};

/// A message to be streamed, and the form it takes on the wire.
///
/// The host reads the message, puts each piece through [`Source::pass`] and at the end calls
/// [`Source::finish`]. A bare CR, a bare LF or a NUL never passes (RFC 5321 §2.3.8), nor does a
/// message of another size than was announced: without `finish` nothing tells the peer that the
/// message is whole, and the connection is to be dropped.
#[derive(Debug)]
pub struct Source {
    form: Form,
    /// Octets that were announced.
    octets: u64,
    passed: u64,
    check: TextCheck,
    /// A CR at the end of the last piece, not given out until its LF is there: behind BDAT it
    /// could be the last octet that the peer waits for.
    holds_cr: bool,
}

#[derive(Debug)]
enum Form {
    /// BDAT: octets as they are (RFC 3030 §2).
    Chunk,
    /// DATA: dots stuffed, a dot at the end (RFC 5321 §4.5.2).
    Lines { at_line_start: bool },
}

/// Why a message may not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// A CR that no LF follows (RFC 5321 §2.3.8).
    #[error("message with a bare CR")]
    BareCr,
    /// An LF that follows no CR (RFC 5321 §2.3.8).
    #[error("message with a bare LF")]
    BareLf,
    /// A NUL (RFC 5322 §4).
    #[error("message with a NUL")]
    Nul,
    /// The message has another size than its transaction said.
    #[error("message of {passed} octets that was announced with {announced}")]
    Size {
        /// In the transaction.
        announced: u64,
        /// Read so far.
        passed: u64,
    },
}

impl From<SourceError> for io::Error {
    fn from(error: SourceError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

impl Source {
    /// A message of `octets` behind BDAT.
    pub(super) fn chunk(octets: u64) -> Self {
        Self::new(Form::Chunk, octets)
    }

    /// A message of `octets` behind DATA.
    pub(super) fn lines(octets: u64) -> Self {
        let form = Form::Lines {
            at_line_start: true,
        };
        Self::new(form, octets)
    }

    fn new(form: Form, octets: u64) -> Self {
        Self {
            form,
            octets,
            passed: 0,
            check: TextCheck::default(),
            holds_cr: false,
        }
    }

    /// Octets of the message that were put through.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// Appends the next piece of the message to `out`, as it goes on the wire. Pieces may be cut
    /// anywhere.
    ///
    /// # Errors
    /// The message may not leave; what was appended before must not be followed by anything.
    pub fn pass(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), SourceError> {
        self.check.check(piece).map_err(|fault| self.stray(fault))?;
        let octets = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.passed = self.passed.saturating_add(octets);
        if self.passed > self.octets {
            return Err(self.wrong_size());
        }
        let Some((last, before)) = piece.split_last() else {
            return Ok(());
        };
        if std::mem::take(&mut self.holds_cr) {
            out.push(b'\r');
        }
        self.holds_cr = *last == b'\r';
        let piece = if self.holds_cr { before } else { piece };
        match &mut self.form {
            Form::Chunk => out.extend_from_slice(piece),
            Form::Lines { at_line_start } => stuff(piece, at_line_start, out),
        }
        Ok(())
    }

    /// Appends what ends the message. A last line without CRLF is given one behind DATA, where
    /// none could be told from it; behind BDAT the octets stay what they were announced to be.
    ///
    /// # Errors
    /// As [`Source::pass`].
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), SourceError> {
        self.check.end().map_err(|fault| self.stray(fault))?;
        if self.passed != self.octets {
            return Err(self.wrong_size());
        }
        match self.form {
            Form::Chunk => {}
            Form::Lines {
                at_line_start: true,
            } => out.extend_from_slice(b".\r\n"),
            Form::Lines {
                at_line_start: false,
            } => out.extend_from_slice(b"\r\n.\r\n"),
        }
        Ok(())
    }

    fn stray(&self, fault: TextFault) -> SourceError {
        match fault {
            TextFault::BareCr => SourceError::BareCr,
            TextFault::BareLf => SourceError::BareLf,
            TextFault::Nul => SourceError::Nul,
            TextFault::TooBig => self.wrong_size(),
        }
    }

    fn wrong_size(&self) -> SourceError {
        SourceError::Size {
            announced: self.octets,
            passed: self.passed,
        }
    }
}

/// Copies lines with a dot before each that begins with one. Every LF here follows a CR.
fn stuff(piece: &[u8], at_line_start: &mut bool, out: &mut Vec<u8>) {
    if *at_line_start && piece.first() == Some(&b'.') {
        out.push(b'.');
    }
    let mut from = 0;
    for dot in memmem::find_iter(piece, b"\n.") {
        let after_line = dot.saturating_add(1);
        out.extend_from_slice(piece.get(from..after_line).unwrap_or_default());
        out.push(b'.');
        from = after_line;
    }
    out.extend_from_slice(piece.get(from..).unwrap_or_default());
    if let Some(last) = piece.last() {
        *at_line_start = *last == b'\n';
    }
}

#[cfg(test)]
mod tests;
