//! Header fields, found where they lie.

use std::ops::Range;

use memchr::memchr;

/// One field of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Left of the colon, without the white space before that; empty for a line that is no field.
    pub name: &'a [u8],
    /// Right of the colon, folded as it came, without the line end at its end.
    pub value: &'a [u8],
    /// The whole field with its line ends.
    pub raw: &'a [u8],
    /// Where `raw` begins.
    pub offset: usize,
}

impl Field<'_> {
    /// Whether this is the field `name`; case does not matter (RFC 5322 §1.2.2).
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Where the field lies in the bytes that were searched.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.raw.len()
    }
}

/// The fields of the header at the start of a message, in order.
///
/// Ends at the first empty line. Bare LF ends a line as CRLF does: stored mail may come by APPEND.
/// A line without a colon is given as a field without a name (RFC 5322 §2.2 has no such line).
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// The fields of `message`, which may be a header alone.
    pub fn new(message: &'a [u8]) -> Self {
        Self {
            bytes: message,
            at: 0,
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let rest = self.bytes.get(self.at..)?;
        if rest.is_empty() || empty_line(rest).is_some() {
            return None;
        }
        let mut length = 0;
        loop {
            length += line_length(rest.get(length..)?);
            if !matches!(rest.get(length), Some(b' ' | b'\t')) {
                break;
            }
        }
        let raw = rest.get(..length)?;
        let offset = self.at;
        self.at += length;
        let content = trim_line_end(raw);
        let colon = memchr(b':', trim_line_end(raw.get(..line_length(raw))?));
        let (name, value) = match colon {
            Some(colon) => (content.get(..colon)?, content.get(colon + 1..)?),
            None => (&b""[..], content),
        };
        Some(Field {
            // White space before it makes a continuation of nothing, and no field.
            name: name.trim_ascii_end(),
            value,
            raw,
            offset,
        })
    }
}

/// The value of the first field `name`, white space around it removed, folded as it came.
///
/// Scans the header and nothing more.
pub fn first_field<'a>(message: &'a [u8], name: &str) -> Option<&'a [u8]> {
    Fields::new(message)
        .find(|field| field.is(name))
        .map(|field| field.value.trim_ascii())
}

/// How many fields `name` the header has, as for counting hops (RFC 5321 §6.3).
pub fn count_fields(message: &[u8], name: &str) -> usize {
    Fields::new(message).filter(|field| field.is(name)).count()
}

/// Octets of the header, the empty line that ends it included; all of a message without one.
pub fn header_length(message: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = message.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(length) = empty_line(rest) {
            return at + length;
        }
        at += line_length(rest);
    }
    at
}

/// Octets of the line end that `rest` begins with.
pub(super) fn empty_line(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}

/// Octets up to the next line, or to the end.
pub(super) fn line_length(rest: &[u8]) -> usize {
    memchr(b'\n', rest).map_or(rest.len(), |at| at + 1)
}

fn trim_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"Received: one\r\nSubject : a\r\n b\r\nno colon\r\n\
        RECEIVED:two\nMessage-ID:\r\n <x@y>\r\n\r\nReceived: body\r\n";

    #[test]
    fn fields_lie_where_they_are() {
        let fields: Vec<_> = Fields::new(MESSAGE).collect();
        let names: Vec<_> = fields.iter().map(|field| field.name).collect();
        assert_eq!(
            names,
            [
                &b"Received"[..],
                b"Subject",
                b"",
                b"RECEIVED",
                b"Message-ID"
            ]
        );
        assert_eq!(fields[1].value, b" a\r\n b");
        assert_eq!(fields[2].value, b"no colon");
        for field in &fields {
            assert_eq!(&MESSAGE[field.range()], field.raw);
        }
        let last = fields.last().unwrap().range().end;
        assert_eq!(header_length(MESSAGE), last + 2);
    }

    #[test]
    fn helpers_stop_at_the_body() {
        assert_eq!(count_fields(MESSAGE, "received"), 2);
        assert_eq!(first_field(MESSAGE, "message-id"), Some(&b"<x@y>"[..]));
        assert_eq!(first_field(MESSAGE, "to"), None);
        assert_eq!(header_length(b"\r\nbody"), 2);
        assert_eq!(header_length(b"a: b\nc: d"), 9);
        assert_eq!(header_length(b""), 0);
        assert_eq!(first_field(b" Subject: x\r\n", "subject"), None);
    }
}
