//! Commands on mailboxes: SELECT, CREATE, RENAME and those with a name alone (RFC 9051 §6.3).

use postroom_mail::flag::SpecialUse;
use postroom_mail::modified_utf7;

use super::cursor::Cursor;
use super::text::text_of;
use super::{Names, ParseError};
use crate::command::{Access, Command, Create, Mailbox, Rename, Request, Select};

impl Cursor<'_> {
    /// `mailbox`: an astring, decoded.
    pub(super) fn mailbox(&mut self) -> Result<Mailbox, ParseError> {
        let octets = self.astring()?;
        self.decode_name(&octets).map(Mailbox)
    }

    /// The text that the octets of a name or pattern spell.
    pub(super) fn decode_name(&self, octets: &[u8]) -> Result<Box<str>, ParseError> {
        match self.context.names {
            Names::ModifiedUtf7 => modified_utf7::decode(octets)
                .map(Into::into)
                .map_err(|_| ParseError::Mailbox),
            Names::Utf8 => text_of(octets).map_err(|_| ParseError::Mailbox),
        }
    }
}

/// A command that has a mailbox name and nothing else.
pub(super) fn one(
    cursor: &mut Cursor<'_>,
    request: fn(Mailbox) -> Request,
) -> Result<Command, ParseError> {
    cursor.space()?;
    cursor.mailbox().map(request).map(Command::Request)
}

/// `"SELECT" SP mailbox [select-params]` (RFC 4466 §3).
pub(super) fn select(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    open(cursor, Access::ReadWrite)
}

/// `"EXAMINE" SP mailbox [select-params]`.
pub(super) fn examine(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    open(cursor, Access::ReadOnly)
}

fn open(cursor: &mut Cursor<'_>, access: Access) -> Result<Command, ParseError> {
    cursor.space()?;
    let mailbox = cursor.mailbox()?;
    let parameters = cursor.select_parameters()?;
    let select = Select {
        mailbox,
        access,
        is_condstore: parameters.is_condstore,
        known: parameters.known,
    };
    Ok(Command::Request(Request::Select(select)))
}

/// `"RENAME" SP mailbox SP mailbox [rename-params]` (RFC 4466 §3).
pub(super) fn rename(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    cursor.space()?;
    let from = cursor.mailbox()?;
    cursor.space()?;
    let rename = Rename {
        from,
        to: cursor.mailbox()?,
        parameters: cursor.trailing_parameters()?,
    };
    Ok(Command::Request(Request::Rename(rename)))
}

/// `"CREATE" SP mailbox [create-params]` with `"USE" SP "(" [use-attr *(SP use-attr)] ")"`
/// (RFC 4466 §3, RFC 6154 §6).
pub(super) fn create(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    cursor.space()?;
    let mut create = Create {
        mailbox: cursor.mailbox()?,
        uses: Vec::new(),
        parameters: Vec::new(),
    };
    if cursor.takes(b' ') && cursor.peek().is_some() {
        let mut is_empty = true;
        cursor.list(|cursor| {
            is_empty = false;
            if cursor.takes_word("USE") {
                cursor.space()?;
                return uses(cursor, &mut create.uses);
            }
            create.parameters.push(cursor.parameter()?);
            Ok(())
        })?;
        if is_empty {
            return Err(ParseError::Option);
        }
    }
    Ok(Command::Request(Request::Create(create)))
}

fn uses(cursor: &mut Cursor<'_>, uses: &mut Vec<SpecialUse>) -> Result<(), ParseError> {
    cursor.list(|cursor| {
        cursor.expect(b'\\', ParseError::Use)?;
        let atom = cursor.atom()?;
        let (wanted, _) = SpecialUse::ALL
            .into_iter()
            .find(|(_, name)| name.get(1..).is_some_and(|n| n.eq_ignore_ascii_case(atom)))
            .ok_or(ParseError::Use)?;
        if !uses.contains(&wanted) {
            uses.push(wanted);
        }
        Ok(())
    })
}
