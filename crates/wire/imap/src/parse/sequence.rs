//! Sequence sets (RFC 9051 §9, `sequence-set`).

use super::ParseError;
use super::cursor::Cursor;
use crate::sequence::{SequenceNumber, SequenceRange, SequenceSet};

impl Cursor<'_> {
    /// Whether a sequence set stands here.
    pub(super) fn at_sequence(&self) -> bool {
        matches!(self.peek(), Some(b'0'..=b'9' | b'*' | b'$'))
    }

    /// `sequence-set`.
    pub(super) fn sequence(&mut self) -> Result<SequenceSet, ParseError> {
        if self.takes(b'$') {
            return Ok(SequenceSet::Saved);
        }
        let mut ranges = Vec::new();
        loop {
            if ranges.len() >= self.context.limits.set_ranges_max {
                return Err(ParseError::Ranges);
            }
            let from = self.sequence_number()?;
            let to = if self.takes(b':') {
                self.sequence_number()?
            } else {
                from
            };
            ranges.push(SequenceRange { from, to });
            if !self.takes(b',') {
                return Ok(SequenceSet::Ranges(ranges));
            }
        }
    }

    fn sequence_number(&mut self) -> Result<SequenceNumber, ParseError> {
        if self.takes(b'*') {
            return Ok(SequenceNumber::Last);
        }
        self.nz_number()
            .map(SequenceNumber::Number)
            .map_err(|_| ParseError::Sequence)
    }
}
