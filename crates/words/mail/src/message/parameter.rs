//! Parameters of Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2183, RFC 2231).

use super::charset;
use super::token::{Cursor, Text, is_space, is_token};
use super::transfer::decode_percent;

/// Parameters of one field that are kept, each piece of a continued one counted.
pub const PARAMETERS_MAX: usize = 64;

/// Octets of a parameter's name.
pub const PARAMETER_NAME_OCTETS_MAX: usize = 64;

/// Octets of a parameter's value, all pieces together.
pub const PARAMETER_VALUE_OCTETS_MAX: usize = 2048;

/// One parameter, its continuations joined (RFC 2231 §3, §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// In lower case, without the marks of RFC 2231.
    pub name: Box<str>,
    /// Without quotes; `charset'language'%XX` when extended.
    pub value: Box<[u8]>,
    /// Whether the value carries charset and language (RFC 2231 §4): IMAP prints `name*`.
    pub is_extended: bool,
}

impl Parameter {
    /// The value as text. Encoded words are decoded too, as many senders put file names into
    /// them, though RFC 2047 §5 forbids it.
    pub fn text(&self) -> String {
        if !self.is_extended {
            return super::text::decode_text(&self.value);
        }
        let mut parts = self.value.splitn(3, |&byte| byte == b'\'');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(label), Some(_language), Some(text)) => {
                charset::to_utf8(label, &decode_percent(text)).into_owned()
            }
            _ => charset::guess_utf8(&decode_percent(&self.value)).into_owned(),
        }
    }
}

/// The parameter `name`, its extended form before its plain one.
pub fn find_parameter<'p>(parameters: &'p [Parameter], name: &str) -> Option<&'p Parameter> {
    let mut named = parameters
        .iter()
        .filter(|parameter| parameter.name.eq_ignore_ascii_case(name));
    let first = named.next()?;
    if first.is_extended {
        return Some(first);
    }
    Some(named.find(|other| other.is_extended).unwrap_or(first))
}

/// One `name*section*=value` as it stands in the field.
struct Piece {
    name: Box<str>,
    section: Option<u32>,
    is_extended: bool,
    value: Box<[u8]>,
}

/// Reads `; name=value` to the end of the field. Of two parameters of one name the first counts.
///
/// Linear; past [`PARAMETERS_MAX`] nothing is read.
pub(super) fn parse_parameters(cursor: &mut Cursor<'_>) -> Vec<Parameter> {
    let mut pieces = Vec::new();
    for _ in 0..PARAMETERS_MAX {
        cursor.take_while(|byte| byte != b';');
        if !cursor.eat(b';') {
            break;
        }
        pieces.extend(piece(cursor));
    }
    join(&pieces)
}

fn piece(cursor: &mut Cursor<'_>) -> Option<Piece> {
    cursor.skip_cfws();
    let attribute = cursor.take_while(is_token);
    cursor.skip_cfws();
    if attribute.is_empty() || !cursor.eat(b'=') {
        return None;
    }
    cursor.skip_cfws();
    let value = value(cursor);
    let attribute = std::str::from_utf8(attribute).ok()?.to_ascii_lowercase();
    let mut marks = attribute.splitn(3, '*');
    let name = marks
        .next()
        .filter(|name| !name.is_empty() && name.len() <= PARAMETER_NAME_OCTETS_MAX)?;
    let (section, is_extended) = match (marks.next(), marks.next()) {
        (None, _) => (None, false),
        (Some(""), None) => (None, true),
        (Some(section), None) => (Some(section.parse().ok()?), false),
        (Some(section), Some("")) => (Some(section.parse().ok()?), true),
        _ => return None,
    };
    Some(Piece {
        name: name.into(),
        section,
        is_extended,
        value,
    })
}

/// A quoted string, or all up to the next `;`: unquoted file names with spaces are common. A
/// comment after the value is left out.
fn value(cursor: &mut Cursor<'_>) -> Box<[u8]> {
    let mut text = Text::new(PARAMETER_VALUE_OCTETS_MAX);
    if cursor.peek() == Some(b'"') {
        cursor.quoted_string(&mut text);
        return text.take();
    }
    let bare = cursor.take_while(|byte| byte != b';').trim_ascii();
    let comment = bare
        .windows(2)
        .position(|pair| matches!(pair, [space, b'('] if is_space(*space)))
        .filter(|_| bare.ends_with(b")"));
    let (bare, _) = bare.split_at(comment.unwrap_or(bare.len()));
    text.extend(bare.trim_ascii());
    text.take()
}

fn join(pieces: &[Piece]) -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for piece in pieces {
        let joined = match piece.section {
            None => Parameter {
                name: piece.name.clone(),
                value: piece.value.clone(),
                is_extended: piece.is_extended,
            },
            Some(0) => continued(piece, pieces),
            Some(_) => continue,
        };
        let known = parameters
            .iter()
            .any(|other| other.name == joined.name && other.is_extended == joined.is_extended);
        if !known {
            parameters.push(joined);
        }
    }
    parameters
}

/// The pieces 0, 1, 2 … of one parameter, up to the first that is missing.
fn continued(first: &Piece, pieces: &[Piece]) -> Parameter {
    let mut sections: Vec<&Piece> = pieces
        .iter()
        .filter(|piece| piece.name == first.name && piece.section.is_some())
        .collect();
    sections.sort_by_key(|piece| piece.section);
    sections.dedup_by_key(|piece| piece.section);
    let mut value = Text::new(PARAMETER_VALUE_OCTETS_MAX);
    for (expected, piece) in (0..).zip(sections) {
        if piece.section != Some(expected) {
            break;
        }
        if first.is_extended && !piece.is_extended {
            extend_encoded(&mut value, &piece.value);
        } else {
            value.extend(&piece.value);
        }
    }
    Parameter {
        name: first.name.clone(),
        value: value.take(),
        is_extended: first.is_extended,
    }
}

/// Plain pieces among extended ones get the encoding of the whole.
fn extend_encoded(value: &mut Text, plain: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in plain {
        if is_token(byte) && !matches!(byte, b'%' | b'\'' | b'*') {
            value.push(byte);
        } else {
            let digit = |nibble: u8| DIGITS[usize::from(nibble & 15)];
            value.extend(&[b'%', digit(byte >> 4), digit(byte)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(field: &str) -> Vec<(String, String, String)> {
        let parsed = parse_parameters(&mut Cursor::new(field.as_bytes()));
        parsed
            .iter()
            .map(|parameter| {
                let star = if parameter.is_extended { "*" } else { "" };
                let value = String::from_utf8_lossy(&parameter.value).into_owned();
                (format!("{}{star}", parameter.name), value, parameter.text())
            })
            .collect()
    }

    fn only(field: &str) -> (String, String, String) {
        let mut all = parameters(field);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn is(found: &(String, String, String), name: &str, value: &str, text: &str) {
        assert_eq!(found, &(name.into(), value.into(), text.into()));
    }

    #[test]
    fn plain_values() {
        is(
            &only("text/plain; charset=us-ascii (Plain text)"),
            "charset",
            "us-ascii",
            "us-ascii",
        );
        is(
            &only("; Charset=\"a\\\"b;c\""),
            "charset",
            "a\"b;c",
            "a\"b;c",
        );
        is(
            &only("; name=my file (1).pdf"),
            "name",
            "my file (1).pdf",
            "my file (1).pdf",
        );
        is(
            &only(";\r\n\tname = a(1).pdf ; ; =x; y; z z=1"),
            "name",
            "a(1).pdf",
            "a(1).pdf",
        );
        is(
            &only("; name==?utf-8?q?=C3=A4?="),
            "name",
            "=?utf-8?q?=C3=A4?=",
            "ä",
        );
        is(&only("; boundary=a; BOUNDARY=b"), "boundary", "a", "a");
    }

    #[test]
    fn rfc_2231() {
        is(
            &only("; URL*1=\"cs.utk.edu/pub\"; URL*0=\"ftp://\"; url*3=gap"),
            "url",
            "ftp://cs.utk.edu/pub",
            "ftp://cs.utk.edu/pub",
        );
        is(
            &only("; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"),
            "title*",
            "us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
            "This is ***fun***",
        );
        is(
            &only(
                "; title*0*=us-ascii'en'This%20is%20even%20more%20; \
                  title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
            ),
            "title*",
            "us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it!",
            "This is even more ***fun*** isn't it!",
        );
        is(&only("; f*=%zz"), "f*", "%zz", "%zz");
        is(&only("; f*=iso-8859-1''%E4"), "f*", "iso-8859-1''%E4", "ä");
        let both = parse_parameters(&mut Cursor::new(b"; f=a; f*=utf-8''b"));
        assert_eq!(find_parameter(&both, "F").unwrap().text(), "b");
        assert_eq!(parameters("; f*1=b; f*x=c; f*0*1=d; f*99999999999=e"), []);
    }
}
