//! From octets to a [`Command`] (RFC 9051 §9, RFC 3501 §9).
//!
//! A command is parsed when all of it is there: its line, literals in their places, without the
//! last CRLF. Only APPEND is parsed before its message, whose octets never pass through here.

mod append;
mod cursor;
mod date;
mod error;
mod extension;
mod fetch;
mod flag;
mod list;
mod mailbox;
mod message;
mod quota;
mod resync;
mod search;
mod sequence;
mod session;
mod sort;
#[cfg(test)]
mod tests;
mod text;
mod verb;

pub(crate) use cursor::is_astring_char;
pub use error::ParseError;
pub use verb::{UID_VERBS, VERBS, Verb, When};

use crate::command::{Command, Tag};
use crate::limits::Limits;
use cursor::Cursor;

/// How mailbox names are spelled in this session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// Modified UTF-7 (RFC 3501 §5.1.3).
    #[default]
    ModifiedUtf7,
    /// UTF-8, once IMAP4rev2 or UTF8=ACCEPT is enabled (RFC 9051 §5.1, RFC 6855 §3).
    Utf8,
}

/// What parsing depends on besides the octets.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// How mailbox names are spelled.
    pub names: Names,
    /// The bounds.
    pub limits: &'a Limits,
}

/// A command line whose beginning is understood.
#[derive(Debug)]
pub struct Opened<'a> {
    /// The tag.
    pub tag: Tag,
    /// The command's word, unless there is none of that name.
    pub verb: Option<&'static Verb>,
    cursor: Cursor<'a>,
}

/// Octets that a tag may have.
pub const TAG_OCTETS_MAX: usize = 128;

/// Reads the tag and the verb of a command.
///
/// # Errors
/// [`ParseError::Tag`]: there is no tag to answer to.
pub fn open<'a>(bytes: &'a [u8], context: Context<'a>) -> Result<Opened<'a>, ParseError> {
    let mut cursor = Cursor::new(bytes, context);
    let tag = cursor.tag()?;
    cursor.space().map_err(|_| ParseError::Tag)?;
    let verb = verb::find(VERBS, cursor.word());
    Ok(Opened { tag, verb, cursor })
}

impl Opened<'_> {
    /// Reads the rest of the command.
    ///
    /// # Errors
    /// The arguments are not what the verb takes.
    pub fn command(mut self) -> Result<Command, ParseError> {
        let verb = self.verb.ok_or(ParseError::Verb)?;
        let command = (verb.parse)(&mut self.cursor)?;
        self.cursor.end()?;
        Ok(command)
    }
}
