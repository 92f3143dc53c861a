//! The part left of the `@`.

use std::fmt::{self, Write};

use icu_normalizer::ComposingNormalizerBorrowed;

use super::{AddressError, NonAscii};

/// Octets a local part may have, quotes not counted (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART_OCTETS_MAX: usize = 64;

/// A local part without its quotes.
///
/// All quoted forms of one text are the same local part (RFC 5321 §4.1.2). Compared as bytes;
/// [`super::Address::lookup_key`] is what the directory compares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalPart(Box<str>);

impl LocalPart {
    /// Parses the wire form: a dot-string or a quoted string (RFC 5321 §4.1.2; RFC 6531 §3.3 with
    /// `non_ascii` allowed).
    ///
    /// Control characters are refused in both forms, also those beyond ASCII.
    pub fn parse(text: &str, non_ascii: NonAscii) -> Result<Self, AddressError> {
        // Every octet may wear a backslash, and two quotes go around.
        if text.len() > 2 * LOCAL_PART_OCTETS_MAX + 2 {
            return Err(AddressError::TooLong);
        }
        if non_ascii == NonAscii::Refused && !text.is_ascii() {
            return Err(AddressError::LocalPart);
        }
        let unquoted = if text.starts_with('"') {
            unquote(text).ok_or(AddressError::LocalPart)?
        } else if is_dot_string(text) {
            text.to_owned()
        } else {
            return Err(AddressError::LocalPart);
        };
        if unquoted.len() > LOCAL_PART_OCTETS_MAX {
            return Err(AddressError::TooLong);
        }
        Ok(Self(unquoted.into()))
    }

    /// A local part of text that came out of another one.
    pub(super) fn from_unquoted(text: &str) -> Self {
        Self(text.into())
    }

    /// Without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Lower case and NFC: the form in which local parts are compared.
    pub(super) fn folded(&self) -> String {
        if self.0.is_ascii() {
            return self.0.to_ascii_lowercase();
        }
        let nfc = ComposingNormalizerBorrowed::new_nfc();
        let lower = nfc.normalize(&self.0).to_lowercase();
        nfc.normalize(&lower).into_owned()
    }

    pub(super) fn split_detail(&self, separator: char) -> Option<(&str, &str)> {
        self.0
            .split_once(separator)
            .filter(|(user, _)| !user.is_empty())
    }
}

impl fmt::Display for LocalPart {
    /// The wire form with as few quotes as possible (RFC 5321 §4.1.2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.0) {
            return f.write_str(&self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}

/// Where the quoted string at the start of `text` ends: the offset after its closing quote.
pub(super) fn quoted_end(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    None
}

fn unquote(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?;
    let mut unquoted = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    loop {
        match chars.next()? {
            '"' => break,
            // A quoted pair holds ASCII only (RFC 5321 §4.1.2).
            '\\' => unquoted.push(chars.next().filter(|c| matches!(c, ' '..='~'))?),
            c if c.is_control() => return None,
            c => unquoted.push(c),
        }
    }
    chars.as_str().is_empty().then_some(unquoted)
}

fn is_dot_string(text: &str) -> bool {
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// `atext` of RFC 5322 §3.2.3, extended by RFC 6531 §3.3.
fn is_atext(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
    } else {
        !c.is_control() && !c.is_whitespace()
    }
}
