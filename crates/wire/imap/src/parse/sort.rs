//! SORT and THREAD (RFC 5256 §5, RFC 5957 §5).

use super::ParseError;
use super::cursor::Cursor;
use super::search::keys;
use crate::command::search::Search;
use crate::command::sort::{Sort, SortCriterion, SortKey, Thread, ThreadAlgorithm};
use crate::command::{Command, Numbering, Request};

/// Criteria of one SORT; there are fewer keys than that.
const CRITERIA_MAX: usize = 32;

/// `"SORT" SP sort-criteria SP charset 1*(SP search-key)`.
pub(super) fn sort(cursor: &mut Cursor<'_>, by: Numbering) -> Result<Command, ParseError> {
    cursor.space()?;
    let mut criteria = Vec::new();
    cursor.list(|cursor| {
        if criteria.len() >= CRITERIA_MAX {
            return Err(ParseError::Option);
        }
        criteria.push(criterion(cursor)?);
        Ok(())
    })?;
    if criteria.is_empty() {
        return Err(ParseError::Word);
    }
    let search = criteria_of_search(cursor, by)?;
    Ok(Command::Request(Request::Sort(Sort { criteria, search })))
}

/// `["REVERSE" SP] sort-key`.
fn criterion(cursor: &mut Cursor<'_>) -> Result<SortCriterion, ParseError> {
    let is_reverse = cursor.takes_word("REVERSE");
    if is_reverse {
        cursor.space()?;
    }
    let word = cursor.word();
    let (key, _) = SortKey::ALL
        .into_iter()
        .find(|(_, name)| name.eq_ignore_ascii_case(word))
        .ok_or(ParseError::Word)?;
    Ok(SortCriterion { key, is_reverse })
}

/// `"THREAD" SP thread-alg SP charset 1*(SP search-key)`.
pub(super) fn thread(cursor: &mut Cursor<'_>, by: Numbering) -> Result<Command, ParseError> {
    cursor.space()?;
    let algorithm = match cursor.word() {
        word if word.eq_ignore_ascii_case("ORDEREDSUBJECT") => ThreadAlgorithm::OrderedSubject,
        word if word.eq_ignore_ascii_case("REFERENCES") => ThreadAlgorithm::References,
        _ => return Err(ParseError::Word),
    };
    let search = criteria_of_search(cursor, by)?;
    Ok(Command::Request(Request::Thread(Thread {
        algorithm,
        search,
    })))
}

/// `SP charset 1*(SP search-key)`.
fn criteria_of_search(cursor: &mut Cursor<'_>, by: Numbering) -> Result<Search, ParseError> {
    cursor.space()?;
    let charset = cursor.charset()?;
    cursor.space()?;
    Ok(Search {
        by,
        returns: None,
        charset,
        key: keys(cursor)?,
    })
}
