//! FETCH (RFC 9051 §6.4.5, §9 `fetch`; RFC 3501 §9; RFC 3516 §3; RFC 7162 §7).

use std::sync::Arc;

use super::ParseError;
use super::cursor::Cursor;
use crate::command::fetch::{Fetch, FetchAttribute, Partial, Section, SectionText};
use crate::command::{Command, Numbering, Request};

/// Items that one FETCH may have.
const ATTRIBUTES_MAX: usize = 1024;

/// `"FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att ... ")")
/// [fetch-modifiers]`.
pub(super) fn fetch(cursor: &mut Cursor<'_>, by: Numbering) -> Result<Command, ParseError> {
    cursor.space()?;
    let set = cursor.sequence()?;
    cursor.space()?;
    let mut attributes = Vec::new();
    if by == Numbering::Uid {
        attributes.push(FetchAttribute::Uid);
    }
    if cursor.peek() == Some(b'(') {
        let before = attributes.len();
        cursor.list(|cursor| add(cursor, &mut attributes))?;
        if attributes.len() == before && by == Numbering::Sequence {
            return Err(ParseError::Word);
        }
    } else if !macros(cursor, &mut attributes) {
        add(cursor, &mut attributes)?;
    }
    let changed_since = cursor.fetch_modifiers(by)?;
    Ok(Command::Request(Request::Fetch(Fetch {
        by,
        set,
        attributes,
        changed_since,
    })))
}

/// `ALL`, `FAST` and `FULL`, which stand alone (RFC 9051 §6.4.5).
fn macros(cursor: &mut Cursor<'_>, attributes: &mut Vec<FetchAttribute>) -> bool {
    const FULL: [FetchAttribute; 5] = [
        FetchAttribute::Flags,
        FetchAttribute::InternalDate,
        FetchAttribute::Rfc822Size,
        FetchAttribute::Envelope,
        FetchAttribute::Body,
    ];
    for (name, count) in [("FAST", 3), ("ALL", 4), ("FULL", 5)] {
        if cursor.takes_word(name) {
            attributes.extend(FULL.into_iter().take(count));
            return true;
        }
    }
    false
}

/// One item; one that is there already is not added again, as a response names each once.
fn add(cursor: &mut Cursor<'_>, attributes: &mut Vec<FetchAttribute>) -> Result<(), ParseError> {
    let attribute = attribute(cursor)?;
    if attributes.len() >= ATTRIBUTES_MAX {
        return Err(ParseError::Option);
    }
    if !attributes.contains(&attribute) {
        attributes.push(attribute);
    }
    Ok(())
}

/// Items that are a word alone.
const WORDS: [(&str, FetchAttribute); 11] = [
    ("BODY", FetchAttribute::Body),
    ("BODYSTRUCTURE", FetchAttribute::BodyStructure),
    ("ENVELOPE", FetchAttribute::Envelope),
    ("FLAGS", FetchAttribute::Flags),
    ("INTERNALDATE", FetchAttribute::InternalDate),
    ("MODSEQ", FetchAttribute::ModSeq),
    ("RFC822", FetchAttribute::Rfc822),
    ("RFC822.HEADER", FetchAttribute::Rfc822Header),
    ("RFC822.SIZE", FetchAttribute::Rfc822Size),
    ("RFC822.TEXT", FetchAttribute::Rfc822Text),
    ("UID", FetchAttribute::Uid),
];

/// `fetch-att`.
fn attribute(cursor: &mut Cursor<'_>) -> Result<FetchAttribute, ParseError> {
    let word = cursor.word();
    if cursor.peek() == Some(b'[') {
        return bracketed(cursor, word);
    }
    WORDS
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word))
        .map(|(_, attribute)| attribute)
        .ok_or(ParseError::Word)
}

/// The items that name a part of the message.
fn bracketed(cursor: &mut Cursor<'_>, word: &str) -> Result<FetchAttribute, ParseError> {
    let is_peek = match word.to_ascii_uppercase().as_str() {
        "BODY" => false,
        "BODY.PEEK" => true,
        "BINARY" => return binary(cursor, false),
        "BINARY.PEEK" => return binary(cursor, true),
        "BINARY.SIZE" => return section_binary(cursor).map(FetchAttribute::BinarySize),
        _ => return Err(ParseError::Word),
    };
    let section = Arc::new(section(cursor)?);
    let partial = partial(cursor)?;
    Ok(FetchAttribute::BodySection {
        section,
        is_peek,
        partial,
    })
}

fn binary(cursor: &mut Cursor<'_>, is_peek: bool) -> Result<FetchAttribute, ParseError> {
    let part = section_binary(cursor)?;
    let partial = partial(cursor)?;
    Ok(FetchAttribute::Binary {
        part,
        is_peek,
        partial,
    })
}

/// `section-binary = "[" [section-part] "]"`.
fn section_binary(cursor: &mut Cursor<'_>) -> Result<Arc<[u32]>, ParseError> {
    cursor.expect(b'[', ParseError::Section)?;
    let part = part(cursor)?;
    cursor.expect(b']', ParseError::Section)?;
    Ok(part.into())
}

/// `section = "[" [section-spec] "]"`.
fn section(cursor: &mut Cursor<'_>) -> Result<Section, ParseError> {
    cursor.expect(b'[', ParseError::Section)?;
    let part = part(cursor)?;
    let text = match cursor.word() {
        "" => SectionText::All,
        word if word.eq_ignore_ascii_case("HEADER") => SectionText::Header,
        word if word.eq_ignore_ascii_case("HEADER.FIELDS") => {
            SectionText::HeaderFields(header_list(cursor)?)
        }
        word if word.eq_ignore_ascii_case("HEADER.FIELDS.NOT") => {
            SectionText::HeaderFieldsNot(header_list(cursor)?)
        }
        word if word.eq_ignore_ascii_case("MIME") && !part.is_empty() => SectionText::Mime,
        word if word.eq_ignore_ascii_case("TEXT") => SectionText::Text,
        _ => return Err(ParseError::Section),
    };
    cursor.expect(b']', ParseError::Section)?;
    Ok(Section { part, text })
}

/// `section-part`, with the dot that leads on to a `section-text`; empty if no number is here.
fn part(cursor: &mut Cursor<'_>) -> Result<Vec<u32>, ParseError> {
    let mut part = Vec::new();
    while matches!(cursor.peek(), Some(b'0'..=b'9')) {
        if part.len() >= cursor.context.limits.nesting_max {
            return Err(ParseError::Depth);
        }
        part.push(cursor.nz_number().map_err(|_| ParseError::Section)?);
        if !cursor.takes(b'.') {
            return Ok(part);
        }
        if cursor.peek() == Some(b']') {
            return Err(ParseError::Section);
        }
    }
    Ok(part)
}

/// `SP header-list`.
fn header_list(cursor: &mut Cursor<'_>) -> Result<Vec<Box<str>>, ParseError> {
    cursor.space()?;
    let mut names = Vec::new();
    cursor.list(|cursor| {
        names.push(cursor.text()?);
        Ok(())
    })?;
    if names.is_empty() {
        return Err(ParseError::Section);
    }
    Ok(names)
}

/// `partial = "<" number64 "." nz-number64 ">"`.
fn partial(cursor: &mut Cursor<'_>) -> Result<Option<Partial>, ParseError> {
    if !cursor.takes(b'<') {
        return Ok(None);
    }
    let offset = cursor.number64()?;
    cursor.expect(b'.', ParseError::Section)?;
    let octets = cursor.number64()?;
    cursor.expect(b'>', ParseError::Section)?;
    if octets == 0 {
        return Err(ParseError::Number);
    }
    Ok(Some(Partial { offset, octets }))
}
