//! FETCH responses, item by item (RFC 9051 §7.5.2).

use std::fmt::Write as _;
use std::vec;

use postroom_mail::date::DateTime;
use postroom_runtime::clock::Timestamp;
use postroom_wire::output::Output;

use super::envelope::put_envelope;
use super::mailbox::{Words, put_flags};
use super::structure::{Form, put_body};
use super::text::{put_astring, put_literal_head, put_number};
use crate::command::fetch::{Section, SectionText};
use crate::question::Source;
use crate::response::fetch::{FetchItem, Fetched, MessageFlags, Octets};

/// A FETCH response under way.
#[derive(Debug)]
pub(super) struct Fetch {
    items: vec::IntoIter<FetchItem>,
    is_first: bool,
}

/// How far one step came.
#[derive(Debug)]
pub(super) enum Item {
    /// One item is printed.
    Printed,
    /// One item is printed but for these octets.
    Send(Source),
    /// The response is complete.
    End,
}

impl Fetch {
    /// Prints the beginning.
    pub(super) fn begin(out: &mut Output, fetched: Fetched) -> Self {
        put_number(out, fetched.sequence.into());
        out.put(b" FETCH (");
        Self {
            items: fetched.items.into_iter(),
            is_first: true,
        }
    }

    /// Prints one item, or the end.
    pub(super) fn print(&mut self, out: &mut Output) -> Item {
        let Some(item) = self.items.next() else {
            out.put(b")\r\n");
            return Item::End;
        };
        if !self.is_first {
            out.put(b" ");
        }
        self.is_first = false;
        put_item(out, item).map_or(Item::Printed, Item::Send)
    }
}

/// Prints an item; returns the octets that the driver must send to complete it.
fn put_item(out: &mut Output, item: FetchItem) -> Option<Source> {
    match item {
        FetchItem::Binary {
            part,
            origin,
            octets,
        } => {
            put_part(out, b"BINARY[", &part);
            put_origin(out, origin);
            return put_octets(out, octets, Kind::Binary);
        }
        FetchItem::BinarySize { part, octets } => {
            put_part(out, b"BINARY.SIZE[", &part);
            put_named(out, b" ", octets);
        }
        FetchItem::Body(structure) => {
            out.put(b"BODY ");
            put_body(out, &structure.root, Form::Basic);
        }
        FetchItem::BodySection {
            section,
            origin,
            octets,
        } => {
            put_section(out, &section);
            put_origin(out, origin);
            return put_octets(out, octets, Kind::Text);
        }
        FetchItem::BodyStructure(structure) => {
            out.put(b"BODYSTRUCTURE ");
            put_body(out, &structure.root, Form::Extended);
        }
        FetchItem::Envelope(envelope) => {
            out.put(b"ENVELOPE ");
            put_envelope(out, &envelope);
        }
        FetchItem::Flags(flags) => {
            out.put(b"FLAGS ");
            put_message_flags(out, &flags);
        }
        FetchItem::InternalDate(moment) => {
            out.put(b"INTERNALDATE ");
            put_date_time(out, moment);
        }
        FetchItem::ModSeq(modseq) => {
            put_named(out, b"MODSEQ (", modseq.0);
            out.put(b")");
        }
        FetchItem::Rfc822(octets) => return put_text(out, b"RFC822", octets),
        FetchItem::Rfc822Header(octets) => return put_text(out, b"RFC822.HEADER", octets),
        FetchItem::Rfc822Size(octets) => put_named(out, b"RFC822.SIZE ", octets),
        FetchItem::Rfc822Text(octets) => return put_text(out, b"RFC822.TEXT", octets),
        FetchItem::Uid(uid) => put_named(out, b"UID ", uid.number().into()),
    }
    None
}

/// A number after the name of its item.
fn put_named(out: &mut Output, name: &[u8], number: u64) {
    out.put(name);
    put_number(out, number);
}

/// Octets of text after the name of their item.
fn put_text(out: &mut Output, name: &[u8], octets: Octets) -> Option<Source> {
    out.put(name);
    put_octets(out, octets, Kind::Text)
}

/// How octets may be printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `nstring`.
    Text,
    /// `nstring / literal8`.
    Binary,
}

/// A space and the octets: always a literal, as clients expect of bodies.
fn put_octets(out: &mut Output, octets: Octets, kind: Kind) -> Option<Source> {
    out.put(b" ");
    match octets {
        Octets::Absent => {
            out.put(b"NIL");
            None
        }
        Octets::Inline(bytes) => {
            if kind == Kind::Binary && bytes.contains(&0) {
                out.put(b"~");
            }
            put_literal_head(out, bytes.len() as u64);
            out.put(&bytes);
            None
        }
        Octets::Stream(source) => {
            // Nobody has looked whether there is NUL.
            if kind == Kind::Binary {
                out.put(b"~");
            }
            put_literal_head(out, source.octets);
            Some(source)
        }
    }
}

fn put_origin(out: &mut Output, origin: Option<u64>) {
    if let Some(origin) = origin {
        out.put(b"<");
        put_number(out, origin);
        out.put(b">");
    }
}

fn put_part(out: &mut Output, word: &[u8], part: &[u32]) {
    out.put(word);
    put_numbers(out, part);
    out.put(b"]");
}

fn put_numbers(out: &mut Output, part: &[u32]) {
    for (place, number) in part.iter().enumerate() {
        if place > 0 {
            out.put(b".");
        }
        put_number(out, (*number).into());
    }
}

/// `BODY` and the section in brackets.
pub(super) fn put_section(out: &mut Output, section: &Section) {
    out.put(b"BODY[");
    put_numbers(out, &section.part);
    let (word, fields): (&str, &[Box<str>]) = match &section.text {
        SectionText::All => ("", &[]),
        SectionText::Header => ("HEADER", &[]),
        SectionText::HeaderFields(fields) => ("HEADER.FIELDS", fields),
        SectionText::HeaderFieldsNot(fields) => ("HEADER.FIELDS.NOT", fields),
        SectionText::Mime => ("MIME", &[]),
        SectionText::Text => ("TEXT", &[]),
    };
    if !section.part.is_empty() && !word.is_empty() {
        out.put(b".");
    }
    out.put(word.as_bytes());
    if !fields.is_empty() {
        out.put(b" ");
        let mut words = Words::open(out);
        for field in fields {
            words.next(out);
            put_astring(out, field.as_bytes());
        }
        out.put(b")");
    }
    out.put(b"]");
}

fn put_message_flags(out: &mut Output, flags: &MessageFlags) {
    let named = |(index, _): &(usize, &_)| flags.keywords.contains(*index);
    let keywords = flags
        .names
        .iter()
        .enumerate()
        .filter(named)
        .map(|(_, keyword)| keyword);
    let mut words = put_flags(out, flags.system, keywords);
    if flags.is_recent {
        words.put(out, "\\Recent");
    }
    out.put(b")");
}

/// `date-time`, in UTC.
fn put_date_time(out: &mut Output, moment: Timestamp) {
    let date = DateTime::at(moment, 0).internal();
    // Writing to an output cannot fail.
    let _ = write!(out, "\"{date}\"");
}
