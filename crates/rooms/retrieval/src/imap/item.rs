//! Items of FETCH that are made of the message.

use std::ops::Range;
use std::sync::Arc;

use postroom_imap::command::fetch::{FetchAttribute, Partial, Section, SectionText};
use postroom_imap::question::Source;
use postroom_imap::response::fetch::{FetchItem, Fetched, Octets};
use postroom_mail::identifier::EmailId;
use postroom_mail::message::{self, DecodeError, Structure, TransferEncoding};
use postroom_mailbox::parsed;
use postroom_mailbox::section::{FieldRule, header_fields};
use postroom_store::error::ReadError;
use postroom_store::row::Message;
use postroom_store::store::{Store, Wanted};

use super::binary::{self, Decoding};
use super::host::Stream;
use super::reply;
use super::reply::Failure;

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

/// Rows of one page while they are put together: octets are read for all of them at once.
#[derive(Debug)]
pub(super) struct Page<'s> {
    pub(super) rows: Vec<Fetched>,
    /// About as many octets as the rows will have.
    pub(super) octets: usize,
    reads: Vec<Read>,
    wanted: Vec<Wanted>,
    streams: &'s mut Vec<Stream>,
}

/// Octets that an item still lacks.
#[derive(Debug)]
struct Read {
    row: usize,
    item: usize,
    email: EmailId,
    /// What is made of the octets.
    made: Made,
}

/// What is made of octets that were read.
#[derive(Debug)]
enum Made {
    /// Nothing.
    Same,
    /// Some fields of a header are kept.
    Fields(Arc<Section>, Option<Partial>),
    /// The transfer encoding is taken off; of many octets the size alone is found out, and they
    /// are streamed (RFC 3516 §4.2).
    Decoded(TransferEncoding, Option<Partial>),
}

impl<'s> Page<'s> {
    /// An empty page; bodies that are too large for it go to `streams`.
    pub(super) fn new(streams: &'s mut Vec<Stream>) -> Self {
        Self {
            rows: Vec::new(),
            octets: 0,
            reads: Vec::new(),
            wanted: Vec::new(),
            streams,
        }
    }

    /// One item of the row that is next; its octets follow with [`Page::complete`].
    pub(super) fn item(
        &mut self,
        attribute: &FetchAttribute,
        message: &Message,
        opened: &mut Opened,
        place: usize,
    ) -> Result<Option<FetchItem>, Failure> {
        Ok(Some(match attribute {
            FetchAttribute::Envelope => {
                self.octets += message.parsed.len();
                let envelope = parsed::envelope(&message.parsed);
                let envelope = envelope.map_err(|error| damaged(message, error))?;
                FetchItem::Envelope(Arc::new(envelope))
            }
            FetchAttribute::Body => {
                self.octets += message.parsed.len();
                FetchItem::Body(opened.structure(message)?)
            }
            FetchAttribute::BodyStructure => {
                self.octets += message.parsed.len();
                FetchItem::BodyStructure(opened.structure(message)?)
            }
            FetchAttribute::BodySection {
                section, partial, ..
            } => FetchItem::BodySection {
                octets: self.section(message, section, *partial, opened, place)?,
                section: Arc::clone(section),
                origin: partial.map(|partial| partial.offset),
            },
            FetchAttribute::Rfc822 => {
                let whole = 0..message.rendering.octets();
                FetchItem::Rfc822(self.range(message, whole, place))
            }
            FetchAttribute::Rfc822Header => {
                let header = opened.structure(message)?.root.header.clone();
                FetchItem::Rfc822Header(self.range(message, wide(header), place))
            }
            FetchAttribute::Rfc822Text => {
                let body = opened.structure(message)?.root.body.clone();
                FetchItem::Rfc822Text(self.range(message, wide(body), place))
            }
            FetchAttribute::Binary { part, partial, .. } => FetchItem::Binary {
                octets: self.binary(message, part, *partial, opened, place)?,
                part: Arc::clone(part),
                origin: partial.map(|partial| partial.offset),
            },
            FetchAttribute::BinarySize(part) => FetchItem::BinarySize {
                octets: self.binary_size(message, part, opened, place)?,
                part: Arc::clone(part),
            },
            // These need no message.
            FetchAttribute::Flags
            | FetchAttribute::InternalDate
            | FetchAttribute::ModSeq
            | FetchAttribute::Rfc822Size
            | FetchAttribute::Uid => return Ok(None),
        }))
    }

    /// BODY[section]<partial> (RFC 9051 §6.4.5.1).
    fn section(
        &mut self,
        message: &Message,
        section: &Arc<Section>,
        partial: Option<Partial>,
        opened: &mut Opened,
        place: usize,
    ) -> Result<Octets, Failure> {
        let text = match &section.text {
            SectionText::All if section.part.is_empty() => {
                let whole = 0..message.rendering.octets();
                return Ok(self.range(message, narrowed(whole, partial), place));
            }
            SectionText::All => message::SectionText::Content,
            SectionText::Header
            | SectionText::HeaderFields(_)
            | SectionText::HeaderFieldsNot(_) => message::SectionText::Header,
            SectionText::Mime => message::SectionText::Mime,
            SectionText::Text => message::SectionText::Text,
        };
        let structure = opened.structure(message)?;
        let Some(range) = structure.section(&section.part, text).map(wide) else {
            return Ok(Octets::Absent);
        };
        if field_rule(section).is_none() {
            return Ok(self.range(message, narrowed(range, partial), place));
        }
        let end = range.end.min(range.start.saturating_add(HEADER_OCTETS_MAX));
        let fields = Made::Fields(Arc::clone(section), partial);
        Ok(self.read(message, range.start..end, place, fields))
    }

    /// BINARY[part]<partial> (RFC 3516 §4.2).
    fn binary(
        &mut self,
        message: &Message,
        part: &[u32],
        partial: Option<Partial>,
        opened: &mut Opened,
        place: usize,
    ) -> Result<Octets, Failure> {
        let Some((range, encoding)) = encoded(message, part, opened)? else {
            return Ok(Octets::Absent);
        };
        Ok(match encoding {
            None => self.range(message, narrowed(range, partial), place),
            Some(encoding) => self.read(message, range, place, Made::Decoded(encoding, partial)),
        })
    }

    /// BINARY.SIZE[part]; of a part that is not there zero, as of its NIL.
    fn binary_size(
        &mut self,
        message: &Message,
        part: &[u32],
        opened: &mut Opened,
        place: usize,
    ) -> Result<u64, Failure> {
        match encoded(message, part, opened)? {
            None => Ok(0),
            Some((range, None)) => Ok(range.end - range.start),
            Some((range, Some(encoding))) => {
                self.read(message, range, place, Made::Decoded(encoding, None));
                Ok(0)
            }
        }
    }

    /// Octets of a message: in the page, or streamed if they are many.
    fn range(&mut self, message: &Message, range: Range<u64>, place: usize) -> Octets {
        let octets = range.end - range.start;
        if octets <= INLINE_OCTETS_MAX {
            return self.read(message, range, place, Made::Same);
        }
        let stream = Stream {
            blob: message.blob,
            rendering: message.rendering.clone(),
            range,
            decoding: None,
        };
        streamed(self.streams, stream, octets)
    }

    fn read(&mut self, message: &Message, range: Range<u64>, item: usize, made: Made) -> Octets {
        let octets = narrow(0..range.end - range.start).end;
        self.octets += octets.min(narrow(0..INLINE_OCTETS_MAX).end);
        self.reads.push(Read {
            row: self.rows.len(),
            item,
            email: message.email,
            made,
        });
        self.wanted.push(Wanted {
            blob: message.blob,
            rendering: message.rendering.clone(),
            range,
        });
        Octets::Inline(Vec::new())
    }

    /// Forgets what the row that is next was to read: the row is not told.
    pub(super) fn drop_row(&mut self) {
        let row = self.rows.len();
        let kept = self.reads.partition_point(|read| read.row < row);
        self.reads.truncate(kept);
        self.wanted.truncate(kept);
    }

    /// Reads what the items lack. Returns the rows, and whether one was left out as damaged.
    pub(super) async fn complete(self, store: &Store) -> Result<(Vec<Fetched>, bool), Failure> {
        let mut rows = self.rows;
        if self.reads.is_empty() {
            return Ok((rows, false));
        }
        let mut damaged = Vec::new();
        let (large, small): (Vec<_>, Vec<_>) = self
            .reads
            .into_iter()
            .zip(self.wanted)
            .partition(|(read, wanted)| read.is_measured(wanted));
        for (read, wanted) in large {
            match decoding(store, wanted, &read.made).await {
                Ok((stream, octets)) => fill(&mut rows, &read, octets, || {
                    streamed(self.streams, stream, octets)
                }),
                Err(ReadError::Damaged { .. }) => damaged.push(read.row),
                Err(error) => return Err(error.into()),
            }
        }
        let (small, wanted): (Vec<_>, Vec<_>) = small.into_iter().unzip();
        let lengths: Vec<u64> = wanted.iter().map(length).collect();
        let found = store.read_many(wanted).await?;
        for ((read, found), octets) in small.into_iter().zip(found).zip(lengths) {
            let bytes = match found {
                Ok(bytes) if bytes.len() as u64 == octets => bytes,
                Ok(_) | Err(ReadError::Damaged { .. }) => {
                    tracing::error!(email = read.email.0, "the octets of a message are damaged");
                    damaged.push(read.row);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let bytes = match &read.made {
                Made::Same => bytes,
                Made::Fields(section, partial) => fields_of(&bytes, section, *partial),
                Made::Decoded(encoding, partial) => binary::decoded(encoding, &bytes, *partial),
            };
            fill(&mut rows, &read, bytes.len() as u64, || {
                Octets::Inline(bytes)
            });
        }
        let mut place = 0;
        rows.retain(|_| {
            place += 1;
            !damaged.contains(&(place - 1))
        });
        Ok((rows, !damaged.is_empty()))
    }
}

impl Read {
    /// Whether there are too many octets to be decoded in memory.
    fn is_measured(&self, wanted: &Wanted) -> bool {
        matches!(self.made, Made::Decoded(..)) && length(wanted) > INLINE_OCTETS_MAX
    }
}

fn length(wanted: &Wanted) -> u64 {
    wanted.range.end - wanted.range.start
}

/// A large part that is decoded while it is sent, and how many octets that will be.
async fn decoding(store: &Store, wanted: Wanted, made: &Made) -> Result<(Stream, u64), ReadError> {
    let mut stream = Stream {
        blob: wanted.blob,
        rendering: wanted.rendering.clone(),
        range: wanted.range.clone(),
        decoding: None,
    };
    let Made::Decoded(encoding, partial) = made else {
        return Ok((stream, length(&wanted)));
    };
    let whole = binary::measured(store, &wanted, encoding).await?;
    let part = binary::part_of(whole, *partial);
    let octets = part.end - part.start;
    stream.decoding = Some(Box::new(Decoding::new(encoding, part)));
    Ok((stream, octets))
}

/// Where a part lies and what it has to be freed of.
type Encoded = (Range<u64>, Option<TransferEncoding>);

/// That of a part; `None` where there is no such part.
fn encoded(
    message: &Message,
    part: &[u32],
    opened: &mut Opened,
) -> Result<Option<Encoded>, Failure> {
    if part.is_empty() {
        return Ok(Some((0..message.rendering.octets(), None)));
    }
    let structure = opened.structure(message)?;
    let Some(part) = structure.find(part) else {
        return Ok(None);
    };
    let encoding = binary::encoding_of(part).map_err(|()| reply::UNKNOWN_CTE)?;
    Ok(Some((wide(part.body.clone()), encoding)))
}

/// Octets that the driver streams.
fn streamed(streams: &mut Vec<Stream>, stream: Stream, octets: u64) -> Octets {
    if octets == 0 {
        return Octets::Inline(Vec::new());
    }
    let ticket = streams.len() as u64;
    streams.push(stream);
    Octets::Stream(Source { ticket, octets })
}

/// Gives an item what it lacks: octets, or how many there are.
fn fill(rows: &mut [Fetched], read: &Read, octets: u64, make: impl FnOnce() -> Octets) {
    let row = rows.get_mut(read.row);
    let Some(item) = row.and_then(|row| row.items.get_mut(read.item)) else {
        return;
    };
    if let FetchItem::BinarySize { octets: size, .. } = item {
        *size = octets;
    } else if let Some(slot) = octets_of(item) {
        *slot = make();
    }
}

/// Where the octets of an item are.
fn octets_of(item: &mut FetchItem) -> Option<&mut Octets> {
    match item {
        FetchItem::Binary { octets, .. }
        | FetchItem::BodySection { octets, .. }
        | FetchItem::Rfc822(octets)
        | FetchItem::Rfc822Header(octets)
        | FetchItem::Rfc822Text(octets) => Some(octets),
        _ => None,
    }
}

/// Which fields a section asks for, if it is about fields.
fn field_rule(section: &Section) -> Option<(&[Box<str>], FieldRule)> {
    match &section.text {
        SectionText::HeaderFields(names) => Some((names, FieldRule::Named)),
        SectionText::HeaderFieldsNot(names) => Some((names, FieldRule::NotNamed)),
        _ => None,
    }
}

fn fields_of(header: &[u8], section: &Section, partial: Option<Partial>) -> Vec<u8> {
    let Some((names, rule)) = field_rule(section) else {
        return header.to_vec();
    };
    let found = header_fields(header, names, rule);
    if partial.is_none() {
        return found;
    }
    let part = narrowed(0..found.len() as u64, partial);
    found.get(narrow(part)).unwrap_or_default().to_vec()
}

/// The part of `range` that was asked for; empty where it begins behind the end.
pub(super) fn narrowed(range: Range<u64>, partial: Option<Partial>) -> Range<u64> {
    let Some(partial) = partial else { return range };
    let start = range.end.min(range.start.saturating_add(partial.offset));
    start..range.end.min(start.saturating_add(partial.octets))
}

fn wide(range: Range<usize>) -> Range<u64> {
    range.start as u64..range.end as u64
}

pub(super) fn narrow(range: Range<u64>) -> Range<usize> {
    let place = |octets| usize::try_from(octets).unwrap_or(usize::MAX);
    place(range.start)..place(range.end)
}
