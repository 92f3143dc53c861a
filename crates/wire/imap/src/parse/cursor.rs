//! Octet by octet: the lexical level of the grammar.

use postroom_mail::message::Charset;

use super::{Context, ParseError, TAG_OCTETS_MAX};
use crate::command::{Literal, Sync, Tag};

/// A place in the octets of a command. Never moves back except where a method says so.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    pub(super) context: Context<'a>,
    depth: usize,
    /// Search keys read so far.
    pub(super) keys: usize,
    /// Of the texts of search keys; `None` where nobody knows it.
    pub(super) charset: Option<Charset>,
}

/// `ATOM-CHAR` (RFC 9051 §9): not a CTL, 8-bit, or one of `(){ %*"\]`.
pub(crate) fn is_atom_char(byte: u8) -> bool {
    is_astring_char(byte) && byte != b']'
}

/// `ASTRING-CHAR`: `ATOM-CHAR` and `]`.
pub(crate) fn is_astring_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\')
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], context: Context<'a>) -> Self {
        Self {
            rest: bytes,
            context,
            depth: 0,
            keys: 0,
            charset: Some(Charset::UTF_8),
        }
    }

    /// The next octet.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Steps over `byte` if it is next.
    pub(super) fn takes(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((&first, tail)) if first == byte => {
                self.rest = tail;
                true
            }
            _ => false,
        }
    }

    /// Steps over `byte` or fails.
    pub(super) fn expect(&mut self, byte: u8, error: ParseError) -> Result<(), ParseError> {
        self.takes(byte).then_some(()).ok_or(error)
    }

    /// One space.
    pub(super) fn space(&mut self) -> Result<(), ParseError> {
        self.expect(b' ', ParseError::Space)
    }

    /// The end of the command. Spaces before it are let pass: many clients leave one.
    pub(super) fn end(&mut self) -> Result<(), ParseError> {
        while self.takes(b' ') {}
        self.rest.is_empty().then_some(()).ok_or(ParseError::End)
    }

    /// The longest run of octets that `fits`; may be empty.
    pub(super) fn run(&mut self, fits: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self
            .rest
            .iter()
            .position(|&byte| !fits(byte))
            .unwrap_or(self.rest.len());
        let (run, tail) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = tail;
        run
    }

    /// A run of letters, digits, `.`, `-` and `_`, as ASCII text; may be empty.
    pub(super) fn word(&mut self) -> &'a str {
        let run = self.run(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        std::str::from_utf8(run).unwrap_or("")
    }

    /// Steps over `word` in any case of letters if it is next and ends there.
    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let mut ahead = self.clone();
        let found = ahead.word().eq_ignore_ascii_case(word);
        if found {
            self.rest = ahead.rest;
        }
        found
    }

    /// An atom.
    pub(super) fn atom(&mut self) -> Result<&'a str, ParseError> {
        let run = self.run(is_atom_char);
        match std::str::from_utf8(run) {
            Ok(atom) if !atom.is_empty() => Ok(atom),
            _ => Err(ParseError::String),
        }
    }

    /// The tag.
    pub(super) fn tag(&mut self) -> Result<Tag, ParseError> {
        let run = self.run(|byte| is_astring_char(byte) && byte != b'+');
        match std::str::from_utf8(run) {
            Ok(tag) if !tag.is_empty() && tag.len() <= TAG_OCTETS_MAX => Ok(Tag(tag.into())),
            _ => Err(ParseError::Tag),
        }
    }

    /// `number64`: digits, at most 63 bits.
    pub(super) fn number64(&mut self) -> Result<u64, ParseError> {
        let digits = self.run(|byte| byte.is_ascii_digit());
        let number: i64 = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or(ParseError::Number)?;
        u64::try_from(number).map_err(|_| ParseError::Number)
    }

    /// `nz-number`: 32 bits, not zero, without a leading zero.
    pub(super) fn nz_number(&mut self) -> Result<u32, ParseError> {
        if self.peek() == Some(b'0') {
            return Err(ParseError::Number);
        }
        u32::try_from(self.number64()?).map_err(|_| ParseError::Number)
    }

    /// So many octets, whatever they are.
    pub(super) fn octets(&mut self, count: u64) -> Result<&'a [u8], ParseError> {
        let (taken, tail) = usize::try_from(count)
            .ok()
            .and_then(|count| self.rest.split_at_checked(count))
            .ok_or(ParseError::Literal)?;
        self.rest = tail;
        Ok(taken)
    }

    /// The head of a literal, without the CRLF that ends it.
    pub(super) fn literal_head(&mut self) -> Result<Literal, ParseError> {
        let is_binary = self.takes(b'~');
        self.expect(b'{', ParseError::Literal)?;
        let octets = self.number64().map_err(|_| ParseError::Literal)?;
        let sync = if self.takes(b'+') || self.takes(b'-') {
            Sync::Follows
        } else {
            Sync::Waits
        };
        self.expect(b'}', ParseError::Literal)?;
        Ok(Literal {
            octets,
            sync,
            is_binary,
        })
    }

    /// Reads something inside of something, at most `nesting_max` deep.
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        if self.depth >= self.context.limits.nesting_max {
            return Err(ParseError::Depth);
        }
        self.depth = self.depth.saturating_add(1);
        let result = read(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    /// `"(" item *(SP item) ")"`, or `"()"` where an empty list may be.
    pub(super) fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        self.expect(b'(', ParseError::Parenthesis)?;
        if self.takes(b')') {
            return Ok(());
        }
        self.nested(|cursor| {
            item(cursor)?;
            while cursor.takes(b' ') {
                item(cursor)?;
            }
            cursor.expect(b')', ParseError::Parenthesis)
        })
    }
}
