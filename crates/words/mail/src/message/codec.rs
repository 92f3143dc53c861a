//! How envelopes and structures are kept: numbers as LEB128, texts behind their length.

use std::ops::Range;

use super::envelope::MessageEnvelope;
use super::mailbox_list::{ListMember, NamedMailbox};
use super::media::{Disposition, MediaType};
use super::parameter::Parameter;
use super::structure::{Content, DEPTH_MAX, Part, Structure};
use super::transfer::TransferEncoding;

/// The first octet of both forms.
const VERSION: u8 = 1;

/// Why kept octets are no envelope or structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They end too early.
    #[error("truncated")]
    Truncated,
    /// They go on after the end.
    #[error("{0} octets after the end")]
    TooLong(usize),
    /// A tag that is none, a text that is no UTF-8, a number or a nesting that is too large.
    #[error("malformed")]
    Malformed,
    /// Written by a later release.
    #[error("version {0} is not known")]
    Version(u8),
}

impl Structure {
    /// The compact form, for the store.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer(vec![VERSION]);
        writer.part(&self.root, 0);
        writer.0
    }

    /// Reads the compact form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes)?;
        let root = reader.part(0, 0)?;
        reader.end(Self { root })
    }
}

impl MessageEnvelope {
    /// The compact form, for the store.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer(vec![VERSION]);
        writer.envelope(self);
        writer.0
    }

    /// Reads the compact form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes)?;
        let envelope = reader.envelope()?;
        reader.end(envelope)
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            None => self.number(0),
            Some(bytes) => {
                self.number(bytes.len() + 1);
                self.0.extend_from_slice(bytes);
            }
        }
    }

    fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.number(items.len());
        for item in items {
            write(self, item);
        }
    }

    /// Places are written as distances from `from`, where the part around this one begins.
    fn part(&mut self, part: &Part, from: usize) {
        self.number(part.header.start - from);
        self.number(part.header.len());
        self.number(part.body.len());
        self.bytes(part.media_type.kind.as_bytes());
        self.bytes(part.media_type.subtype.as_bytes());
        self.parameters(&part.media_type.parameters);
        self.encoding(&part.encoding);
        for text in [&part.id, &part.description, &part.md5, &part.location] {
            self.optional(text.as_deref());
        }
        self.optional(part.disposition.as_ref().map(|d| d.kind.as_bytes()));
        if let Some(disposition) = &part.disposition {
            self.parameters(&disposition.parameters);
        }
        self.list(&part.languages, |writer, tag| writer.bytes(tag.as_bytes()));
        match &part.content {
            Content::Basic => self.number(0),
            Content::Text { lines } => {
                self.number(1);
                self.number(*lines);
            }
            Content::Message {
                lines,
                envelope,
                root,
            } => {
                self.number(2);
                self.number(*lines);
                self.envelope(envelope);
                self.part(root, part.header.start);
            }
            Content::Multipart(parts) => {
                self.number(3);
                self.list(parts, |writer, inner| {
                    writer.part(inner, part.header.start);
                });
            }
        }
    }

    fn encoding(&mut self, encoding: &TransferEncoding) {
        let tag = match encoding {
            TransferEncoding::SevenBit => 0,
            TransferEncoding::EightBit => 1,
            TransferEncoding::Binary => 2,
            TransferEncoding::QuotedPrintable => 3,
            TransferEncoding::Base64 => 4,
            TransferEncoding::Other(_) => 5,
        };
        self.number(tag);
        if let TransferEncoding::Other(name) = encoding {
            self.bytes(name.as_bytes());
        }
    }

    fn parameters(&mut self, parameters: &[Parameter]) {
        self.list(parameters, |writer, parameter| {
            writer.number(usize::from(parameter.is_extended));
            writer.bytes(parameter.name.as_bytes());
            writer.bytes(&parameter.value);
        });
    }

    fn envelope(&mut self, envelope: &MessageEnvelope) {
        for text in [
            &envelope.date,
            &envelope.subject,
            &envelope.in_reply_to,
            &envelope.message_id,
        ] {
            self.optional(text.as_deref());
        }
        for members in [
            &envelope.from,
            &envelope.sender,
            &envelope.reply_to,
            &envelope.to,
            &envelope.cc,
            &envelope.bcc,
        ] {
            self.list(members, Self::member);
        }
    }

    fn member(&mut self, member: &ListMember) {
        match member {
            ListMember::Mailbox(mailbox) => {
                self.number(0);
                self.optional(mailbox.name.as_deref());
                self.optional(mailbox.route.as_deref());
                self.bytes(&mailbox.local);
                self.bytes(&mailbox.domain);
            }
            ListMember::GroupStart(name) => {
                self.number(1);
                self.bytes(name);
            }
            ListMember::GroupEnd => self.number(2),
        }
    }
}

type Decoded<T> = Result<T, DecodeError>;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Decoded<Self> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => Ok(Self(rest)),
            Some((&other, _)) => Err(DecodeError::Version(other)),
            None => Err(DecodeError::Truncated),
        }
    }

    fn end<T>(&self, value: T) -> Decoded<T> {
        match self.0.len() {
            0 => Ok(value),
            more => Err(DecodeError::TooLong(more)),
        }
    }

    fn number(&mut self) -> Decoded<usize> {
        let mut number: u64 = 0;
        for shift in (0..63).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(DecodeError::Truncated)?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return usize::try_from(number).map_err(|_| DecodeError::Malformed);
            }
        }
        Err(DecodeError::Malformed)
    }

    fn take(&mut self, length: usize) -> Decoded<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn bytes(&mut self) -> Decoded<Box<[u8]>> {
        let length = self.number()?;
        self.take(length).map(Into::into)
    }

    fn optional(&mut self) -> Decoded<Option<Box<[u8]>>> {
        match self.number()?.checked_sub(1) {
            None => Ok(None),
            Some(length) => self.take(length).map(|bytes| Some(bytes.into())),
        }
    }

    fn text(&mut self) -> Decoded<Box<str>> {
        utf8(&self.bytes()?)
    }

    /// Every item takes an octet at least, so a list is never longer than what is left.
    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Decoded<T>) -> Decoded<Vec<T>> {
        let length = self.number()?;
        if length > self.0.len() {
            return Err(DecodeError::Truncated);
        }
        (0..length).map(|_| read(self)).collect()
    }

    fn range(&mut self, start: usize) -> Decoded<Range<usize>> {
        let end = start
            .checked_add(self.number()?)
            .ok_or(DecodeError::Malformed)?;
        Ok(start..end)
    }

    fn part(&mut self, from: usize, depth: usize) -> Decoded<Part> {
        if depth >= DEPTH_MAX {
            return Err(DecodeError::Malformed);
        }
        let start = self.range(from)?.end;
        let header = self.range(start)?;
        let body = self.range(header.end)?;
        let media_type = MediaType {
            kind: self.text()?,
            subtype: self.text()?,
            parameters: self.parameters()?,
        };
        Ok(Part {
            header,
            body,
            media_type,
            encoding: self.encoding()?,
            id: self.optional()?,
            description: self.optional()?,
            md5: self.optional()?,
            location: self.optional()?,
            disposition: self.disposition()?,
            languages: self.list(Self::text)?,
            content: self.content(start, depth + 1)?,
        })
    }

    fn content(&mut self, from: usize, depth: usize) -> Decoded<Content> {
        Ok(match self.number()? {
            0 => Content::Basic,
            1 => Content::Text {
                lines: self.number()?,
            },
            2 => Content::Message {
                lines: self.number()?,
                envelope: Box::new(self.envelope()?),
                root: Box::new(self.part(from, depth)?),
            },
            3 => Content::Multipart(self.list(|reader| reader.part(from, depth))?),
            _ => return Err(DecodeError::Malformed),
        })
    }

    fn encoding(&mut self) -> Decoded<TransferEncoding> {
        Ok(match self.number()? {
            0 => TransferEncoding::SevenBit,
            1 => TransferEncoding::EightBit,
            2 => TransferEncoding::Binary,
            3 => TransferEncoding::QuotedPrintable,
            4 => TransferEncoding::Base64,
            5 => TransferEncoding::Other(self.text()?),
            _ => return Err(DecodeError::Malformed),
        })
    }

    fn disposition(&mut self) -> Decoded<Option<Disposition>> {
        let Some(kind) = self.optional()? else {
            return Ok(None);
        };
        Ok(Some(Disposition {
            kind: utf8(&kind)?,
            parameters: self.parameters()?,
        }))
    }

    fn parameters(&mut self) -> Decoded<Vec<Parameter>> {
        self.list(|reader| {
            Ok(Parameter {
                is_extended: reader.number()? == 1,
                name: reader.text()?,
                value: reader.bytes()?,
            })
        })
    }

    fn envelope(&mut self) -> Decoded<MessageEnvelope> {
        Ok(MessageEnvelope {
            date: self.optional()?,
            subject: self.optional()?,
            in_reply_to: self.optional()?,
            message_id: self.optional()?,
            from: self.list(Self::member)?,
            sender: self.list(Self::member)?,
            reply_to: self.list(Self::member)?,
            to: self.list(Self::member)?,
            cc: self.list(Self::member)?,
            bcc: self.list(Self::member)?,
        })
    }

    fn member(&mut self) -> Decoded<ListMember> {
        Ok(match self.number()? {
            0 => ListMember::Mailbox(NamedMailbox {
                name: self.optional()?,
                route: self.optional()?,
                local: self.bytes()?,
                domain: self.bytes()?,
            }),
            1 => ListMember::GroupStart(self.bytes()?),
            2 => ListMember::GroupEnd,
            _ => return Err(DecodeError::Malformed),
        })
    }
}

fn utf8(bytes: &[u8]) -> Decoded<Box<str>> {
    std::str::from_utf8(bytes)
        .map(Into::into)
        .map_err(|_| DecodeError::Malformed)
}
