//! Text of messages as a search sees it: decoded, and without regard to case.

use postroom_mail::casemap::casemap;
use postroom_mail::message::{Fields, Part, Structure, decode_text, to_utf8};

use super::{inner_headers, text_parts};

/// Text to be found, compared by `i;unicode-casemap` (RFC 9051 §6.4.4, RFC 5255 §4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle(Box<str>);

impl Needle {
    /// A needle of this text; empty text is found everywhere.
    pub fn new(text: &str) -> Self {
        Self(casemap(text).into())
    }

    /// Whether `text` holds the needle.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        casemap(text).contains(&*self.0)
    }
}

/// What was read of a message.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    header: Vec<u8>,
    inner_headers: Vec<Vec<u8>>,
    parts: Vec<TextPart>,
}

#[derive(Debug)]
struct TextPart {
    charset: String,
    /// Without its transfer encoding.
    octets: Vec<u8>,
}

impl Opened {
    /// A message of which only the header was read.
    pub(crate) fn header(header: Vec<u8>) -> Self {
        Self {
            header,
            ..Self::default()
        }
    }

    /// A message that was read whole.
    pub(crate) fn whole(bytes: &[u8], structure: &Structure) -> Self {
        let slice = |range: std::ops::Range<usize>| bytes.get(range).unwrap_or_default().to_vec();
        let mut opened = Self::header(slice(structure.root.header.clone()));
        for part in text_parts(structure) {
            opened.add_part(part, slice(part.body.clone()));
        }
        for inner in inner_headers(structure) {
            opened.add_header(slice(inner));
        }
        opened
    }

    /// Adds the body of a text part.
    pub(crate) fn add_part(&mut self, part: &Part, body: Vec<u8>) {
        self.parts.push(TextPart {
            charset: part.media_type.parameter("charset").unwrap_or_default(),
            octets: if part.encoding.is_identity() {
                body
            } else {
                part.encoding.decode(&body)
            },
        });
    }

    /// Adds the header of a message within.
    pub(crate) fn add_header(&mut self, header: Vec<u8>) {
        self.inner_headers.push(header);
    }

    /// The value of the first field of that name, as it came.
    pub(crate) fn first_field(&self, name: &str) -> Option<&[u8]> {
        postroom_mail::message::first_field(&self.header, name)
    }

    /// Whether a field of that name holds the needle.
    pub(crate) fn has_in_field(&self, name: &str, needle: &Needle) -> bool {
        Fields::new(&self.header)
            .filter(|field| field.is(name))
            .any(|field| needle.is_in(&decode_text(field.value)))
    }

    /// Whether the header, names of fields included, holds the needle.
    pub(crate) fn has_in_header(&self, needle: &Needle) -> bool {
        in_header(&self.header, needle)
    }

    /// Whether a text part, or the header of a message within, holds the needle.
    pub(crate) fn has_in_body(&self, needle: &Needle) -> bool {
        self.parts.iter().any(|part| {
            let text = to_utf8(part.charset.as_bytes(), &part.octets);
            needle.is_in(&text)
        }) || self
            .inner_headers
            .iter()
            .any(|header| in_header(header, needle))
    }
}

fn in_header(header: &[u8], needle: &Needle) -> bool {
    Fields::new(header).any(|field| {
        let name = String::from_utf8_lossy(field.name);
        let line = format!("{name}: {}", decode_text(field.value));
        needle.is_in(&line)
    })
}
