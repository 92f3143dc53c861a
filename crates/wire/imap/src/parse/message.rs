//! Commands on messages: STORE, COPY, MOVE, UID EXPUNGE (RFC 9051 §6.4).

use postroom_mail::flag::{FlagChange, Flags};

use super::ParseError;
use super::cursor::Cursor;
use crate::command::{Command, Numbering, Request, Store, Transfer};

/// `"COPY" SP sequence-set SP mailbox`.
pub(super) fn copy(cursor: &mut Cursor<'_>, by: Numbering) -> Result<Command, ParseError> {
    transfer(cursor, by)
        .map(Request::Copy)
        .map(Command::Request)
}

/// `"MOVE" SP sequence-set SP mailbox`.
pub(super) fn r#move(cursor: &mut Cursor<'_>, by: Numbering) -> Result<Command, ParseError> {
    transfer(cursor, by)
        .map(Request::Move)
        .map(Command::Request)
}

fn transfer(cursor: &mut Cursor<'_>, by: Numbering) -> Result<Transfer, ParseError> {
    cursor.space()?;
    let set = cursor.sequence()?;
    cursor.space()?;
    let to = cursor.mailbox()?;
    Ok(Transfer { by, set, to })
}

/// `"EXPUNGE" SP sequence-set` after UID (RFC 4315 §2.1).
pub(super) fn uid_expunge(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    cursor.space()?;
    let set = cursor.sequence()?;
    Ok(Command::Request(Request::Expunge(Some(set))))
}

/// `"STORE" SP sequence-set [store-modifiers] SP store-att-flags` (RFC 4466 §3).
pub(super) fn store(cursor: &mut Cursor<'_>, by: Numbering) -> Result<Command, ParseError> {
    cursor.space()?;
    let set = cursor.sequence()?;
    cursor.space()?;
    let unchanged_since = cursor.store_modifiers()?;
    let change = if cursor.takes(b'+') {
        FlagChange::Add
    } else if cursor.takes(b'-') {
        FlagChange::Remove
    } else {
        FlagChange::Replace
    };
    let is_silent = match cursor.word() {
        word if word.eq_ignore_ascii_case("FLAGS") => false,
        word if word.eq_ignore_ascii_case("FLAGS.SILENT") => true,
        _ => return Err(ParseError::Word),
    };
    cursor.space()?;
    let flags = store_flags(cursor)?;
    Ok(Command::Request(Request::Store(Store {
        by,
        set,
        unchanged_since,
        change,
        is_silent,
        flags,
    })))
}

/// `flag-list / (flag *(SP flag))`.
fn store_flags(cursor: &mut Cursor<'_>) -> Result<Flags, ParseError> {
    if cursor.peek() == Some(b'(') {
        return cursor.flag_list();
    }
    let mut flags = Flags::default();
    cursor.flag(&mut flags)?;
    while cursor.takes(b' ') {
        cursor.flag(&mut flags)?;
    }
    Ok(flags)
}
