//! GETQUOTA and GETQUOTAROOT (RFC 9208 §7).

use super::ParseError;
use super::cursor::Cursor;
use crate::command::{Command, Request};

/// `"GETQUOTA" SP quota-root-name`.
pub(super) fn get_quota(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    cursor.space()?;
    let root = cursor.text()?;
    Ok(Command::Request(Request::GetQuota(root)))
}
