//! APPEND up to its message (RFC 9051 §6.3.12, RFC 4466 §3, RFC 3502 §6).

use postroom_mail::flag::Flags;

use super::ParseError;
use super::cursor::Cursor;
use crate::command::{Append, AppendKind, AppendMessage, Command};

/// `"APPEND" SP mailbox append-message`, whose literal ends what there is to read.
pub(super) fn append(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    cursor.space()?;
    let mailbox = cursor.mailbox()?;
    let message = cursor.append_message()?;
    Ok(Command::Append(Append { mailbox, message }))
}

impl Cursor<'_> {
    /// `append-opts SP append-data`, as of the first message and, with MULTIAPPEND, of each that
    /// follows.
    pub(super) fn append_message(&mut self) -> Result<AppendMessage, ParseError> {
        self.space()?;
        let mut flags = Flags::default();
        if self.peek() == Some(b'(') {
            flags = self.flag_list()?;
            self.space()?;
        }
        let mut date = None;
        if self.peek() == Some(b'"') {
            date = Some(self.date_time()?);
            self.space()?;
        }
        let mut parameters = Vec::new();
        let mut is_utf8 = false;
        while !matches!(self.peek(), Some(b'{' | b'~') | None) {
            if self.takes_word("UTF8") {
                self.space()?;
                self.expect(b'(', ParseError::Parenthesis)?;
                is_utf8 = true;
                break;
            }
            parameters.push(self.parameter()?);
            self.space()?;
        }
        let literal = self.literal_head()?;
        let kind = match (is_utf8, literal.is_binary) {
            (true, true) => AppendKind::Utf8,
            (true, false) => return Err(ParseError::Option),
            (false, true) => AppendKind::Binary,
            (false, false) => AppendKind::Text,
        };
        Ok(AppendMessage {
            flags,
            date,
            parameters,
            kind,
            literal,
        })
    }
}
