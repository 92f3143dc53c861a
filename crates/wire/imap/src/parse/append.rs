//! APPEND up to its message (RFC 9051 §6.3.12, RFC 4466 §3, RFC 3502 §6).

use postroom_mail::flag::Flags;

use super::ParseError;
use super::cursor::Cursor;
use crate::command::{Append, AppendMessage, Command};

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
        while !matches!(self.peek(), Some(b'{' | b'~') | None) {
            parameters.push(self.parameter()?);
            self.space()?;
        }
        let literal = self.literal_head()?;
        Ok(AppendMessage {
            flags,
            date,
            parameters,
            literal,
        })
    }
}
