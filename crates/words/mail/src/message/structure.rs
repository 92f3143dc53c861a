//! The tree of parts, as BODYSTRUCTURE shows it, with the place of each part in the message.

use std::ops::Range;

use super::charset;
use super::envelope::MessageEnvelope;
use super::media::{Disposition, MediaType};
use super::parameter::{Parameter, find_parameter};
use super::transfer::TransferEncoding;

/// Parts within parts that are taken apart; what is deeper is one opaque part.
pub const DEPTH_MAX: usize = 100;

/// Parts of one message; from this one on, the last part holds the rest.
pub const PARTS_MAX: usize = 1000;

/// The parts of one message. All ranges count octets from the start of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    /// The message itself: its header is the header of the message.
    pub root: Part,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The header with the empty line that ends it, if there is one.
    pub header: Range<usize>,
    /// What follows, up to and without the line end that belongs to the next boundary.
    pub body: Range<usize>,
    /// Content-Type, or the default of RFC 2045 §5.2 and RFC 2046 §5.1.5.
    pub media_type: MediaType,
    /// Content-Transfer-Encoding.
    pub encoding: TransferEncoding,
    /// Content-ID.
    pub id: Option<Box<[u8]>>,
    /// Content-Description.
    pub description: Option<Box<[u8]>>,
    /// Content-MD5 (RFC 1864).
    pub md5: Option<Box<[u8]>>,
    /// Content-Location (RFC 2557).
    pub location: Option<Box<[u8]>>,
    /// Content-Disposition (RFC 2183).
    pub disposition: Option<Disposition>,
    /// Content-Language (RFC 3282).
    pub languages: Vec<Box<str>>,
    /// What the body is made of.
    pub content: Content,
}

/// What a body is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Octets.
    Basic,
    /// `text/…`.
    Text {
        /// Line ends in the body.
        lines: usize,
    },
    /// `message/rfc822` or `message/global`: a whole message.
    Message {
        /// Line ends in the body.
        lines: usize,
        /// Of the message within.
        envelope: Box<MessageEnvelope>,
        /// The message within: its header begins where the body of this part begins.
        root: Box<Part>,
    },
    /// `multipart/…`: one or more parts.
    Multipart(Vec<Part>),
}

/// What of a part BODY[…] asks for (RFC 9051 §6.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// The body of a part; the whole message where no part is named.
    Content,
    /// HEADER: of the message, or of one within a part.
    Header,
    /// MIME: the header of a part.
    Mime,
    /// TEXT: the body of the message, or of one within a part.
    Text,
}

impl Structure {
    /// The same parts when `octets` of whole header fields are put above the message: they become
    /// part of its header, and all else lies that much further down.
    #[must_use]
    pub fn below(mut self, octets: usize) -> Self {
        self.root.move_down(octets);
        self.root.header.start = 0;
        self
    }

    /// The part of number `path`, as `2.1` for `[2, 1]`; the message itself for `[]`.
    ///
    /// A message that is not multipart has the one part 1, its body (RFC 9051 §6.4.5.1).
    pub fn find(&self, path: &[u32]) -> Option<&Part> {
        let mut part = &self.root;
        // Whether `part` is a message whose body has no number yet.
        let mut is_message = true;
        for &number in path {
            if let (Content::Message { root, .. }, false) = (&part.content, is_message) {
                part = root;
                is_message = true;
            }
            part = match &part.content {
                Content::Multipart(parts) => {
                    let index = usize::try_from(number).ok()?.checked_sub(1)?;
                    parts.get(index)?
                }
                _ if is_message && number == 1 => part,
                _ => return None,
            };
            is_message = false;
        }
        Some(part)
    }

    /// Where the octets of a section lie.
    ///
    /// `None` where there is no such part, where HEADER or TEXT is asked of a part that is no
    /// message, or MIME of no part.
    pub fn section(&self, path: &[u32], text: SectionText) -> Option<Range<usize>> {
        let part = self.find(path)?;
        match text {
            SectionText::Content if path.is_empty() => Some(part.header.start..part.body.end),
            SectionText::Content => Some(part.body.clone()),
            SectionText::Mime => (!path.is_empty()).then(|| part.header.clone()),
            SectionText::Header => Some(message_of(part, path)?.header.clone()),
            SectionText::Text => Some(message_of(part, path)?.body.clone()),
        }
    }

    /// Every part, outermost first, in the order of the message.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        let mut waiting = vec![&self.root];
        std::iter::from_fn(move || {
            let part = waiting.pop()?;
            match &part.content {
                Content::Multipart(parts) => waiting.extend(parts.iter().rev()),
                Content::Message { root, .. } => waiting.push(root),
                Content::Basic | Content::Text { .. } => {}
            }
            Some(part)
        })
    }
}

/// The message that HEADER and TEXT of a part speak of.
fn message_of<'p>(part: &'p Part, path: &[u32]) -> Option<&'p Part> {
    match &part.content {
        _ if path.is_empty() => Some(part),
        Content::Message { root, .. } => Some(root),
        _ => None,
    }
}

impl Part {
    fn move_down(&mut self, octets: usize) {
        for range in [&mut self.header, &mut self.body] {
            range.start += octets;
            range.end += octets;
        }
        match &mut self.content {
            Content::Basic | Content::Text { .. } => {}
            Content::Message { root, .. } => root.move_down(octets),
            Content::Multipart(parts) => {
                for part in parts {
                    part.move_down(octets);
                }
            }
        }
    }

    /// The file name that the part asks for: of Content-Disposition, else of Content-Type.
    pub fn file_name(&self) -> Option<String> {
        self.disposition
            .as_ref()
            .and_then(|disposition| find_parameter(&disposition.parameters, "filename"))
            .map(Parameter::text)
            .or_else(|| self.media_type.parameter("name"))
    }

    /// The octets the sender meant: the body with its transfer encoding undone.
    ///
    /// `message` is the whole message. Allocates as much as the body is long.
    pub fn decode_body(&self, message: &[u8]) -> Vec<u8> {
        let body = message.get(self.body.clone()).unwrap_or_default();
        self.encoding.decode(body)
    }

    /// The body as text: transfer encoding and charset undone. For text parts.
    pub fn decode_text(&self, message: &[u8]) -> String {
        let charset = self.media_type.parameter("charset").unwrap_or_default();
        let octets = self.decode_body(message);
        charset::to_utf8(charset.as_bytes(), &octets).into_owned()
    }
}
