//! Items of FETCH that are made of the message.

use std::ops::Range;
use std::sync::Arc;

use postroom_imap::command::fetch::{FetchAttribute, Partial, Section, SectionText};
use postroom_imap::question::Source;
use postroom_imap::response::fetch::{FetchItem, Octets};
use postroom_mail::message::{self, DecodeError, Structure};
use postroom_mailbox::parsed;
use postroom_mailbox::section::{FieldRule, header_fields};
use postroom_store::row::Message;

use super::host::Stream;
use super::reply::Failure;
use super::{ImapHost, reply};
use crate::authenticator::Authenticator;

/// Octets up to which a section is part of its page; above it is streamed.
const INLINE_OCTETS_MAX: u64 = 32 * 1024;

/// Octets of a header in which fields are looked for; what lies beyond is left out.
const HEADER_OCTETS_MAX: u64 = 1024 * 1024;

/// What was decoded or read of one message.
#[derive(Debug, Default)]
pub(super) struct Opened {
    structure: Option<Arc<Structure>>,
}

impl Opened {
    fn structure(&mut self, message: &Message) -> Result<Arc<Structure>, Failure> {
        if let Some(structure) = &self.structure {
            return Ok(Arc::clone(structure));
        }
        let decoded = parsed::structure(&message.parsed);
        let structure = Arc::new(decoded.map_err(|error| damaged(message, error))?);
        self.structure = Some(Arc::clone(&structure));
        Ok(structure)
    }
}

fn damaged(message: &Message, error: DecodeError) -> Failure {
    tracing::error!(email = message.email.0, %error, "what was parsed of a message is damaged");
    reply::CORRUPTION.into()
}

impl<A: Authenticator> ImapHost<A> {
    /// One item, and about how many octets it will have.
    pub(super) async fn item(
        &mut self,
        attribute: &FetchAttribute,
        message: &Message,
        opened: &mut Opened,
        octets: &mut usize,
    ) -> Result<Option<FetchItem>, Failure> {
        Ok(Some(match attribute {
            FetchAttribute::Envelope => {
                *octets += message.parsed.len();
                let envelope = parsed::envelope(&message.parsed);
                let envelope = envelope.map_err(|error| damaged(message, error))?;
                FetchItem::Envelope(Arc::new(envelope))
            }
            FetchAttribute::Body => {
                *octets += message.parsed.len();
                FetchItem::Body(opened.structure(message)?)
            }
            FetchAttribute::BodyStructure => {
                *octets += message.parsed.len();
                FetchItem::BodyStructure(opened.structure(message)?)
            }
            FetchAttribute::BodySection {
                section, partial, ..
            } => FetchItem::BodySection {
                octets: self
                    .section(message, section, *partial, opened, octets)
                    .await?,
                section: Arc::clone(section),
                origin: partial.map(|partial| partial.offset),
            },
            FetchAttribute::Rfc822 => {
                let whole = 0..message.rendering.octets();
                FetchItem::Rfc822(self.octets(message, whole, octets).await?)
            }
            FetchAttribute::Rfc822Header => {
                let header = opened.structure(message)?.root.header.clone();
                FetchItem::Rfc822Header(self.octets(message, wide(header), octets).await?)
            }
            FetchAttribute::Rfc822Text => {
                let body = opened.structure(message)?.root.body.clone();
                FetchItem::Rfc822Text(self.octets(message, wide(body), octets).await?)
            }
            // These need no message, or are not offered.
            FetchAttribute::Binary { .. }
            | FetchAttribute::BinarySize(_)
            | FetchAttribute::Flags
            | FetchAttribute::InternalDate
            | FetchAttribute::ModSeq
            | FetchAttribute::Rfc822Size
            | FetchAttribute::Uid => return Ok(None),
        }))
    }

    /// BODY[section]<partial> (RFC 9051 §6.4.5.1).
    async fn section(
        &mut self,
        message: &Message,
        section: &Section,
        partial: Option<Partial>,
        opened: &mut Opened,
        octets: &mut usize,
    ) -> Result<Octets, Failure> {
        let (text, fields) = match &section.text {
            SectionText::All if section.part.is_empty() => {
                let whole = 0..message.rendering.octets();
                return self.octets(message, narrowed(whole, partial), octets).await;
            }
            SectionText::All => (message::SectionText::Content, None),
            SectionText::Header => (message::SectionText::Header, None),
            SectionText::HeaderFields(names) => (
                message::SectionText::Header,
                Some((names, FieldRule::Named)),
            ),
            SectionText::HeaderFieldsNot(names) => (
                message::SectionText::Header,
                Some((names, FieldRule::NotNamed)),
            ),
            SectionText::Mime => (message::SectionText::Mime, None),
            SectionText::Text => (message::SectionText::Text, None),
        };
        let structure = opened.structure(message)?;
        let Some(range) = structure.section(&section.part, text).map(wide) else {
            return Ok(Octets::Absent);
        };
        let Some((names, rule)) = fields else {
            return self.octets(message, narrowed(range, partial), octets).await;
        };
        let end = range.end.min(range.start.saturating_add(HEADER_OCTETS_MAX));
        let header = self.read_whole(message, range.start..end).await?;
        let mut found = header_fields(&header, names, rule);
        if partial.is_some() {
            let part = narrowed(0..found.len() as u64, partial);
            found = found.get(narrow(part)).unwrap_or_default().to_vec();
        }
        *octets += found.len();
        Ok(Octets::Inline(found))
    }

    /// Octets of a message: in the page, or streamed if they are many.
    async fn octets(
        &mut self,
        message: &Message,
        range: Range<u64>,
        octets: &mut usize,
    ) -> Result<Octets, Failure> {
        let length = range.end - range.start;
        if length > INLINE_OCTETS_MAX {
            let ticket = self.streams.len() as u64;
            self.streams.push(Stream {
                blob: message.blob,
                rendering: message.rendering.clone(),
                range,
            });
            return Ok(Octets::Stream(Source {
                ticket,
                octets: length,
            }));
        }
        let bytes = self.read_whole(message, range).await?;
        *octets += bytes.len();
        Ok(Octets::Inline(bytes))
    }

    /// Octets of a message, all of them.
    async fn read_whole(&self, message: &Message, range: Range<u64>) -> Result<Vec<u8>, Failure> {
        let wanted = range.end - range.start;
        let store = self.mailboxes().store();
        let bytes = store.read(message.blob, &message.rendering, range).await?;
        if bytes.len() as u64 == wanted {
            Ok(bytes)
        } else {
            tracing::error!(
                email = message.email.0,
                "a message is shorter than was parsed"
            );
            Err(reply::CORRUPTION.into())
        }
    }
}

/// The part of `range` that was asked for; empty where it begins behind the end.
fn narrowed(range: Range<u64>, partial: Option<Partial>) -> Range<u64> {
    let Some(partial) = partial else { return range };
    let start = range.end.min(range.start.saturating_add(partial.offset));
    start..range.end.min(start.saturating_add(partial.octets))
}

fn wide(range: Range<usize>) -> Range<u64> {
    range.start as u64..range.end as u64
}

fn narrow(range: Range<u64>) -> Range<usize> {
    let place = |octets| usize::try_from(octets).unwrap_or(usize::MAX);
    place(range.start)..place(range.end)
}
