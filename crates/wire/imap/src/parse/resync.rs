//! Parameters of CONDSTORE and QRESYNC (RFC 7162 §7).

use postroom_mail::identifier::{ModSeq, UidValidity};
use postroom_mail::uid_set::UidSet;

use super::ParseError;
use super::cursor::Cursor;
use crate::command::Numbering;
use crate::command::resync::{ChangedSince, KnownState, Sample};
use crate::sequence::{SequenceNumber, SequenceSet};

/// What stands in the parentheses of SELECT and EXAMINE.
#[derive(Default)]
pub(super) struct SelectParameters {
    pub(super) is_condstore: bool,
    pub(super) known: Option<Box<KnownState>>,
}

impl Cursor<'_> {
    /// `[SP "(" select-param *(SP select-param) ")"]` at the end of a command.
    pub(super) fn select_parameters(&mut self) -> Result<SelectParameters, ParseError> {
        let mut found = SelectParameters::default();
        if self.is_at_parameters() {
            self.full_list(|cursor| {
                if cursor.takes_word("CONDSTORE") {
                    found.is_condstore = true;
                    Ok(())
                } else if cursor.takes_word("QRESYNC") {
                    cursor.space()?;
                    let known = cursor.known_state()?;
                    once(&mut found.known, Box::new(known))
                } else {
                    Err(ParseError::Option)
                }
            })?;
        }
        Ok(found)
    }

    /// `[SP "(" fetch-modifier *(SP fetch-modifier) ")"]` at the end of a command. VANISHED goes
    /// with UID FETCH and CHANGEDSINCE only (RFC 7162 §3.2.6).
    pub(super) fn fetch_modifiers(
        &mut self,
        by: Numbering,
    ) -> Result<Option<ChangedSince>, ParseError> {
        let mut changed_since = None;
        let mut tells_vanished = false;
        if self.is_at_parameters() {
            self.full_list(|cursor| {
                if cursor.takes_word("CHANGEDSINCE") {
                    cursor.space()?;
                    return once(&mut changed_since, cursor.mod_seq()?);
                }
                tells_vanished = cursor.takes_word("VANISHED");
                tells_vanished.then_some(()).ok_or(ParseError::Option)
            })?;
        }
        if tells_vanished && (changed_since.is_none() || by == Numbering::Sequence) {
            return Err(ParseError::Option);
        }
        Ok(changed_since.map(|mod_seq| ChangedSince {
            mod_seq,
            tells_vanished,
        }))
    }

    /// `["(" store-modifier *(SP store-modifier) ")" SP]` before what STORE does.
    pub(super) fn store_modifiers(&mut self) -> Result<Option<ModSeq>, ParseError> {
        let mut unchanged_since = None;
        if self.peek() == Some(b'(') {
            self.full_list(|cursor| {
                if !cursor.takes_word("UNCHANGEDSINCE") {
                    return Err(ParseError::Option);
                }
                cursor.space()?;
                once(&mut unchanged_since, cursor.mod_seq()?)
            })?;
            self.space()?;
        }
        Ok(unchanged_since)
    }

    /// Steps to the parenthesis of parameters, if there are any.
    fn is_at_parameters(&mut self) -> bool {
        self.takes(b' ') && self.peek().is_some()
    }

    /// A list that is not empty.
    fn full_list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        let mut is_empty = true;
        self.list(|cursor| {
            is_empty = false;
            item(cursor)
        })?;
        (!is_empty).then_some(()).ok_or(ParseError::Option)
    }

    /// `"(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"`.
    fn known_state(&mut self) -> Result<KnownState, ParseError> {
        self.expect(b'(', ParseError::Parenthesis)?;
        let uid_validity = UidValidity::new(self.nz_number()?).ok_or(ParseError::Number)?;
        self.space()?;
        let mod_seq = self.mod_seq()?;
        let mut known = KnownState {
            uid_validity,
            mod_seq,
            uids: None,
            sample: None,
        };
        if self.takes(b' ') {
            if self.peek() != Some(b'(') {
                known.uids = Some(self.known_numbers()?);
            }
            if known.uids.is_none() || self.takes(b' ') {
                known.sample = Some(self.sample()?);
            }
        }
        self.expect(b')', ParseError::Parenthesis)?;
        Ok(known)
    }

    /// `"(" known-sequence-set SP known-uid-set ")"`.
    fn sample(&mut self) -> Result<Sample, ParseError> {
        self.expect(b'(', ParseError::Parenthesis)?;
        let sequences = self.known_numbers()?;
        self.space()?;
        let uids = self.known_numbers()?;
        self.expect(b')', ParseError::Parenthesis)?;
        if sequences.count() != uids.count() {
            return Err(ParseError::Sequence);
        }
        Ok(Sample { sequences, uids })
    }

    /// A sequence set without `*` and `$`.
    fn known_numbers(&mut self) -> Result<UidSet, ParseError> {
        let SequenceSet::Ranges(ranges) = self.sequence()? else {
            return Err(ParseError::Sequence);
        };
        let mut numbers = Vec::with_capacity(ranges.len());
        for range in ranges {
            let (SequenceNumber::Number(from), SequenceNumber::Number(to)) = (range.from, range.to)
            else {
                return Err(ParseError::Sequence);
            };
            numbers.push(from.min(to)..=from.max(to));
        }
        Ok(UidSet::from_ranges(numbers))
    }

    /// `mod-sequence-valzer`.
    ///
    /// deviates: RFC 7162 §7 because clients that know nothing yet send CHANGEDSINCE 0, and what
    /// they mean is plain.
    fn mod_seq(&mut self) -> Result<ModSeq, ParseError> {
        self.number64().map(ModSeq)
    }
}

/// Fills what may be given once.
fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), ParseError> {
    if slot.is_some() {
        return Err(ParseError::Option);
    }
    *slot = Some(value);
    Ok(())
}
