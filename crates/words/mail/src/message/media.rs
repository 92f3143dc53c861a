//! What a part says of itself: Content-Type and its company (RFC 2045, RFC 2183, RFC 3282).

use super::field::Field;
use super::parameter::{Parameter, find_parameter, parse_parameters};
use super::text::unfold;
use super::token::{Cursor, is_token};
use super::transfer::TransferEncoding;

/// Octets of a type or a subtype (RFC 6838 §4.2).
pub const MEDIA_NAME_OCTETS_MAX: usize = 127;

/// Octets of a Content-Type or Content-Disposition field that are read.
pub const MEDIA_FIELD_OCTETS_MAX: usize = 65_536;

/// Octets kept of Content-ID, Content-Description, Content-MD5 and Content-Location each.
pub const CONTENT_TEXT_OCTETS_MAX: usize = 1024;

/// Tags of Content-Language that are kept.
pub const LANGUAGES_MAX: usize = 16;

/// A media type with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// `text`, in lower case.
    pub kind: Box<str>,
    /// `plain`, in lower case.
    pub subtype: Box<str>,
    /// In the order of the field.
    pub parameters: Vec<Parameter>,
}

/// Content-Disposition (RFC 2183).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// `inline` or `attachment` mostly, in lower case.
    pub kind: Box<str>,
    /// In the order of the field.
    pub parameters: Vec<Parameter>,
}

impl MediaType {
    /// What a part is that does not say, or not in a way that can be read (RFC 2045 §5.2).
    pub(super) fn plain() -> Self {
        Self::bare("text", "plain")
    }

    /// A type without parameters.
    pub(super) fn bare(kind: &str, subtype: &str) -> Self {
        Self {
            kind: kind.into(),
            subtype: subtype.into(),
            parameters: Vec::new(),
        }
    }

    /// Reads the value of a Content-Type field; `None` when it is no `type/subtype`.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(value.get(..MEDIA_FIELD_OCTETS_MAX).unwrap_or(value));
        let kind = media_name(&mut cursor)?;
        if !cursor.eat(b'/') {
            return None;
        }
        let subtype = media_name(&mut cursor)?;
        Some(Self {
            kind,
            subtype,
            parameters: parse_parameters(&mut cursor),
        })
    }

    /// Whether this is `kind/subtype`, both in lower case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        &*self.kind == kind && &*self.subtype == subtype
    }

    /// The parameter `name` as text.
    pub fn parameter(&self, name: &str) -> Option<String> {
        find_parameter(&self.parameters, name).map(Parameter::text)
    }
}

impl Disposition {
    /// Reads the value of a Content-Disposition field; `None` when it begins with no token.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(value.get(..MEDIA_FIELD_OCTETS_MAX).unwrap_or(value));
        Some(Self {
            kind: media_name(&mut cursor)?,
            parameters: parse_parameters(&mut cursor),
        })
    }
}

/// The fields of one header that describe its body; of each the first counts.
#[derive(Debug, Default)]
pub(super) struct ContentFields {
    pub(super) media_type: Option<MediaType>,
    pub(super) encoding: Option<TransferEncoding>,
    pub(super) id: Option<Box<[u8]>>,
    pub(super) description: Option<Box<[u8]>>,
    pub(super) md5: Option<Box<[u8]>>,
    pub(super) location: Option<Box<[u8]>>,
    pub(super) disposition: Option<Disposition>,
    pub(super) languages: Vec<Box<str>>,
}

impl ContentFields {
    /// Takes note of `field` if it is one of the Content- fields.
    pub(super) fn note(&mut self, field: &Field<'_>) {
        const PREFIX: &[u8] = b"content-";
        let Some((prefix, name)) = field.name.split_at_checked(PREFIX.len()) else {
            return;
        };
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return;
        }
        let value = field.value;
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        if is("Type") {
            self.media_type
                .get_or_insert_with(|| MediaType::parse(value).unwrap_or_else(MediaType::plain));
        } else if is("Transfer-Encoding") {
            self.encoding
                .get_or_insert_with(|| TransferEncoding::parse(value));
        } else if is("ID") {
            self.id.get_or_insert_with(|| content_text(value));
        } else if is("Description") {
            self.description.get_or_insert_with(|| content_text(value));
        } else if is("MD5") {
            self.md5.get_or_insert_with(|| content_text(value));
        } else if is("Location") {
            self.location.get_or_insert_with(|| content_text(value));
        } else if is("Disposition") && self.disposition.is_none() {
            self.disposition = Disposition::parse(value);
        } else if is("Language") && self.languages.is_empty() {
            self.languages = languages(value);
        }
    }
}

fn media_name(cursor: &mut Cursor<'_>) -> Option<Box<str>> {
    cursor.skip_cfws();
    let name = cursor.take_while(is_token);
    cursor.skip_cfws();
    if name.is_empty() || name.len() > MEDIA_NAME_OCTETS_MAX {
        return None;
    }
    let name = std::str::from_utf8(name).ok()?;
    Some(name.to_ascii_lowercase().into())
}

fn content_text(value: &[u8]) -> Box<[u8]> {
    let value = value.trim_ascii();
    unfold(value.get(..CONTENT_TEXT_OCTETS_MAX).unwrap_or(value)).into()
}

fn languages(value: &[u8]) -> Vec<Box<str>> {
    let mut cursor = Cursor::new(value.get(..CONTENT_TEXT_OCTETS_MAX).unwrap_or(value));
    let mut languages = Vec::new();
    while languages.len() < LANGUAGES_MAX {
        cursor.skip_cfws();
        let tag = cursor.take_while(is_token);
        if let Ok(tag) = std::str::from_utf8(tag)
            && !tag.is_empty()
        {
            languages.push(tag.into());
        }
        cursor.take_while(|byte| byte != b',');
        if !cursor.eat(b',') {
            break;
        }
    }
    languages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        let html = MediaType::parse(b" (c) TEXT / (c) Html (c) ; charset=UTF-8").unwrap();
        assert!(html.is("text", "html"));
        assert_eq!(html.parameter("charset").as_deref(), Some("UTF-8"));
        for wrong in [
            "",
            "text",
            "text/",
            "/plain",
            "text;plain",
            "te\u{e4}t/plain",
        ] {
            assert_eq!(MediaType::parse(wrong.as_bytes()), None, "{wrong}");
        }
        let long = format!("{}/x", "a".repeat(128));
        assert_eq!(MediaType::parse(long.as_bytes()), None);
    }

    #[test]
    fn the_first_of_each_field_counts() {
        let header = b"Content-Type: text/html\r\ncontent-type: a/b\r\n\
            CONTENT-LANGUAGE: de (x), en-GB,,fr\r\nContent-ID: <x@y>\r\nContent-: x\r\n\
            Content-Disposition: Attachment; filename=\"a\"\r\nContent-ID: <z>\r\n";
        let mut found = ContentFields::default();
        for field in super::super::field::Fields::new(header) {
            found.note(&field);
        }
        assert!(found.media_type.unwrap().is("text", "html"));
        assert_eq!(
            found.languages,
            ["de".into(), "en-GB".into(), "fr".into()] as [Box<str>; 3]
        );
        assert_eq!(found.id.as_deref(), Some(&b"<x@y>"[..]));
        assert_eq!(&*found.disposition.unwrap().kind, "attachment");
    }
}
