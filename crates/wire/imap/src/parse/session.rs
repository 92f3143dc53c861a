//! Commands of the session itself: LOGIN, AUTHENTICATE, ENABLE, ID (RFC 9051 §6.1, §6.2).

use postroom_runtime::secret::Secret;

use super::ParseError;
use super::cursor::Cursor;
use super::text::text_of;
use crate::command::{Authenticate, Command, IdField, Login};

/// `"LOGIN" SP userid SP password`.
pub(super) fn login(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    cursor.space()?;
    let user = cursor.text()?;
    cursor.space()?;
    let password = Secret::new(cursor.text()?);
    Ok(Command::Login(Login { user, password }))
}

/// `"AUTHENTICATE" SP auth-type [SP initial-resp]`.
pub(super) fn authenticate(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    cursor.space()?;
    let mechanism = cursor.atom()?.to_ascii_uppercase().into();
    let initial = if cursor.takes(b' ') {
        // Base64 and `=`; what of it is wrong, the mechanism says.
        let run = cursor.run(|byte| byte.is_ascii_graphic());
        Some(Secret::new(text_of(run)?))
    } else {
        None
    };
    Ok(Command::Authenticate(Authenticate { mechanism, initial }))
}

/// `"ENABLE" 1*(SP capability)`.
pub(super) fn enable(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    let mut names = Vec::new();
    cursor.space()?;
    names.push(cursor.atom()?.to_ascii_uppercase().into());
    while cursor.takes(b' ') {
        names.push(cursor.atom()?.to_ascii_uppercase().into());
    }
    Ok(Command::Enable(names))
}

/// Fields that ID may have (RFC 2971 §3.3).
const ID_FIELDS_MAX: usize = 30;

/// `"ID" SP ("NIL" / "(" [string SP nstring *(SP string SP nstring)] ")")` (RFC 2971 §4).
pub(super) fn id(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    cursor.space()?;
    let mut fields = Vec::new();
    if cursor.takes_word("NIL") {
        return Ok(Command::Id(fields));
    }
    cursor.list(|cursor| {
        if fields.len() >= ID_FIELDS_MAX {
            return Err(ParseError::Option);
        }
        let name = text_of(&cursor.string()?)?;
        cursor.space()?;
        let value = match cursor.nstring()? {
            Some(value) => Some(text_of(&value)?),
            None => None,
        };
        fields.push(IdField { name, value });
        Ok(())
    })?;
    Ok(Command::Id(fields))
}
