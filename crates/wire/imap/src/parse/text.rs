//! Strings (RFC 9051 §4.3, §9 `astring`, `string`, `nstring`).

use std::borrow::Cow;

use super::ParseError;
use super::cursor::{Cursor, is_astring_char};

impl<'a> Cursor<'a> {
    /// An atom (`]` included), a quoted string or a literal.
    pub(super) fn astring(&mut self) -> Result<Cow<'a, [u8]>, ParseError> {
        if matches!(self.peek(), Some(b'"' | b'{')) {
            return self.string();
        }
        let run = self.run(is_astring_char);
        (!run.is_empty())
            .then_some(Cow::Borrowed(run))
            .ok_or(ParseError::String)
    }

    /// A quoted string or a literal.
    pub(super) fn string(&mut self) -> Result<Cow<'a, [u8]>, ParseError> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal().map(Cow::Borrowed),
            _ => Err(ParseError::String),
        }
    }

    /// A string, or `None` for NIL.
    pub(super) fn nstring(&mut self) -> Result<Option<Cow<'a, [u8]>>, ParseError> {
        if self.takes_word("NIL") {
            return Ok(None);
        }
        self.string().map(Some)
    }

    /// As [`Self::astring`], as text.
    pub(super) fn text(&mut self) -> Result<Box<str>, ParseError> {
        text_of(&self.astring()?)
    }

    /// `DQUOTE *QUOTED-CHAR DQUOTE`. 8-bit octets are let pass here; text is judged by its user.
    fn quoted(&mut self) -> Result<Cow<'a, [u8]>, ParseError> {
        self.expect(b'"', ParseError::String)?;
        let plain = self.run(|byte| !matches!(byte, b'"' | b'\\' | b'\r' | b'\n' | 0));
        if self.takes(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut unquoted = plain.to_vec();
        while self.takes(b'\\') {
            match self.peek() {
                Some(byte @ (b'"' | b'\\')) => {
                    self.takes(byte);
                    unquoted.push(byte);
                }
                _ => return Err(ParseError::String),
            }
            unquoted.extend_from_slice(
                self.run(|byte| !matches!(byte, b'"' | b'\\' | b'\r' | b'\n' | 0)),
            );
        }
        self.expect(b'"', ParseError::String)?;
        Ok(Cow::Owned(unquoted))
    }

    fn literal(&mut self) -> Result<&'a [u8], ParseError> {
        let literal = self.literal_head()?;
        self.expect(b'\r', ParseError::Literal)?;
        self.expect(b'\n', ParseError::Literal)?;
        self.octets(literal.octets)
    }
}

/// UTF-8 without NUL.
pub(super) fn text_of(octets: &[u8]) -> Result<Box<str>, ParseError> {
    match std::str::from_utf8(octets) {
        Ok(text) if !text.contains('\0') => Ok(text.into()),
        _ => Err(ParseError::Text),
    }
}
