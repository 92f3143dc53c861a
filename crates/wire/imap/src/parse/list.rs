//! LIST, LSUB, STATUS (RFC 9051 §6.3.9, §6.3.11, RFC 5258 §6, RFC 5819 §4, RFC 6154 §6).

use super::ParseError;
use super::cursor::{Cursor, is_astring_char};
use crate::command::list::{List, ListReturn, ListSelection, Lsub, Pattern, StatusItem};
use crate::command::{Command, Request, Status};

/// `"LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [list-return-opts]`.
pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    cursor.space()?;
    let mut list = List {
        selection: Vec::new(),
        reference: crate::command::Mailbox("".into()),
        patterns: Vec::new(),
        returns: Vec::new(),
        is_extended: false,
    };
    if cursor.peek() == Some(b'(') {
        list.is_extended = true;
        list.selection = selection(cursor)?;
        cursor.space()?;
    }
    list.reference = cursor.mailbox()?;
    cursor.space()?;
    if cursor.peek() == Some(b'(') {
        list.is_extended = true;
        cursor.list(|cursor| {
            list.patterns.push(cursor.pattern()?);
            Ok(())
        })?;
        if list.patterns.is_empty() {
            return Err(ParseError::String);
        }
    } else {
        list.patterns.push(cursor.pattern()?);
    }
    if cursor.takes(b' ') && cursor.peek().is_some() {
        list.is_extended = true;
        list.returns = returns(cursor)?;
    }
    Ok(Command::Request(Request::List(list)))
}

/// `list-select-opts`; RECURSIVEMATCH needs an option that selects (RFC 5258 §3.1).
fn selection(cursor: &mut Cursor<'_>) -> Result<Vec<ListSelection>, ParseError> {
    let mut selection = Vec::new();
    cursor.list(|cursor| {
        let option = match cursor.word() {
            word if word.eq_ignore_ascii_case("RECURSIVEMATCH") => ListSelection::RecursiveMatch,
            word if word.eq_ignore_ascii_case("REMOTE") => ListSelection::Remote,
            word if word.eq_ignore_ascii_case("SPECIAL-USE") => ListSelection::SpecialUse,
            word if word.eq_ignore_ascii_case("SUBSCRIBED") => ListSelection::Subscribed,
            _ => return Err(ParseError::Option),
        };
        if !selection.contains(&option) {
            selection.push(option);
        }
        Ok(())
    })?;
    let selects = |option: &ListSelection| {
        matches!(
            option,
            ListSelection::SpecialUse | ListSelection::Subscribed
        )
    };
    if selection.contains(&ListSelection::RecursiveMatch) && !selection.iter().any(selects) {
        return Err(ParseError::Option);
    }
    Ok(selection)
}

/// `"RETURN" SP "(" [return-option *(SP return-option)] ")"`.
fn returns(cursor: &mut Cursor<'_>) -> Result<Vec<ListReturn>, ParseError> {
    if !cursor.takes_word("RETURN") {
        return Err(ParseError::Word);
    }
    cursor.space()?;
    let mut returns = Vec::new();
    cursor.list(|cursor| {
        let option = match cursor.word() {
            word if word.eq_ignore_ascii_case("CHILDREN") => ListReturn::Children,
            word if word.eq_ignore_ascii_case("SPECIAL-USE") => ListReturn::SpecialUse,
            word if word.eq_ignore_ascii_case("STATUS") => {
                cursor.space()?;
                ListReturn::Status(cursor.status_items()?)
            }
            word if word.eq_ignore_ascii_case("SUBSCRIBED") => ListReturn::Subscribed,
            _ => return Err(ParseError::Option),
        };
        if !returns.contains(&option) {
            returns.push(option);
        }
        Ok(())
    })?;
    Ok(returns)
}

/// `"LSUB" SP mailbox SP list-mailbox` (RFC 3501 §9).
pub(super) fn lsub(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    cursor.space()?;
    let reference = cursor.mailbox()?;
    cursor.space()?;
    let pattern = cursor.pattern()?;
    Ok(Command::Request(Request::Lsub(Lsub { reference, pattern })))
}

/// `"STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"`.
pub(super) fn status(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    cursor.space()?;
    let mailbox = cursor.mailbox()?;
    cursor.space()?;
    let items = cursor.status_items()?;
    Ok(Command::Request(Request::Status(Status { mailbox, items })))
}

impl Cursor<'_> {
    /// `list-mailbox`, decoded: the wildcards are ASCII and stay.
    fn pattern(&mut self) -> Result<Pattern, ParseError> {
        let octets = if matches!(self.peek(), Some(b'"' | b'{')) {
            self.string()?
        } else {
            let run = self.run(|b| is_astring_char(b) || matches!(b, b'%' | b'*'));
            if run.is_empty() {
                return Err(ParseError::String);
            }
            run.into()
        };
        self.decode_name(&octets).map(|text| Pattern::new(&text))
    }

    fn status_items(&mut self) -> Result<Vec<StatusItem>, ParseError> {
        let mut items = Vec::new();
        self.list(|cursor| {
            let word = cursor.word();
            let (item, _) = StatusItem::ALL
                .into_iter()
                .find(|(_, name)| name.eq_ignore_ascii_case(word))
                .ok_or(ParseError::Word)?;
            if !items.contains(&item) {
                items.push(item);
            }
            Ok(())
        })?;
        if items.is_empty() {
            return Err(ParseError::Word);
        }
        Ok(items)
    }
}
