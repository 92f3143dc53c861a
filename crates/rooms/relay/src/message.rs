//! The octets of a message that goes out, and what they ask of the next hop.

use std::io;
use std::ops::Range;

use postroom_mail::message::{count_fields, header_length};
use postroom_mail::reply::EnhancedCode;
use postroom_mail::seven_bit;
use postroom_smtp::client::{Extension, Extensions, Source, Unsent};
use postroom_store::error::ReadError;
use postroom_store::operation::Rendering;
use postroom_store::row::Entry;
use postroom_store::store::Store;

use crate::setback::{Setback, by_unsent};

/// Messages up to this size are read once and held; of larger ones, one piece at a time.
const HELD_OCTETS_MAX: u64 = 256 << 10;

/// Octets that are handed on at a time.
const PIECE_OCTETS: u64 = 64 << 10;

/// Octets of a message that was rewritten for a next hop without 8BITMIME; a larger one fails.
const SEVEN_BIT_OCTETS_MAX: usize = 64 << 20;

const EIGHT_BIT: &str = "the message is 8-bit, which the next hop does not offer";

/// Received fields that a message may have; with more it goes round in circles
/// (RFC 5321 §6.3).
const RECEIVED_MAX: usize = 100;

/// A message on its way out.
#[derive(Debug)]
pub(crate) struct Message {
    octets: Octets,
    length: u64,
    /// How far it was handed on.
    at: u64,
    /// Whether it has octets above 127 in its header, or must be thought to.
    is_utf8: bool,
    /// The same of its body.
    is_eight_bit: bool,
    received: usize,
}

#[derive(Debug)]
enum Octets {
    Held(Vec<u8>),
    /// In the store.
    Kept,
}

impl Message {
    /// The message of an entry.
    pub(crate) async fn read(store: &Store, entry: &Entry) -> Result<Self, ReadError> {
        let length = entry.rendering.octets();
        let head = read(store, entry, 0..length.min(HELD_OCTETS_MAX)).await?;
        let header = head.get(..header_length(&head)).unwrap_or_default();
        let is_held = length <= HELD_OCTETS_MAX;
        let body = head.get(header.len()..).unwrap_or_default();
        Ok(Self {
            length,
            at: 0,
            is_utf8: !header.is_ascii(),
            // What was not seen is taken for what it may be.
            is_eight_bit: !is_held || !body.is_ascii(),
            received: count_fields(header, "Received"),
            octets: if is_held {
                Octets::Held(head)
            } else {
                Octets::Kept
            },
        })
    }

    /// Its size on the wire before dots are stuffed.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Whether its body goes by `BODY=8BITMIME`.
    pub(crate) fn is_eight_bit(&self) -> bool {
        self.is_eight_bit
    }

    /// Whether its header asks for SMTPUTF8 (RFC 6531 §3.1).
    pub(crate) fn is_utf8(&self) -> bool {
        self.is_utf8
    }

    /// Makes the message one that a peer takes, if it can be made one. `is_utf8_envelope` tells
    /// whether an address asks for SMTPUTF8.
    pub(crate) async fn fit(
        &mut self,
        extensions: &Extensions,
        is_utf8_envelope: bool,
        store: &Store,
        entry: &Entry,
    ) -> Result<(), Unfit> {
        if self.received > RECEIVED_MAX {
            let text = "the message has been handed on too often: it goes round in circles";
            return Err(Setback::new(EnhancedCode(5, 4, 6), text).into());
        }
        let needs_utf8 = self.is_utf8 || is_utf8_envelope;
        if needs_utf8 && !extensions.offers(Extension::SmtpUtf8) {
            return Err(by_unsent(Unsent::SmtpUtf8).into());
        }
        if self.is_eight_bit && !extensions.offers(Extension::EightBitMime) {
            self.rewrite(store, entry).await?;
        }
        match extensions.size_octets_max {
            Some(octets_max) if self.length > octets_max => {
                let octets = self.length;
                Err(by_unsent(Unsent::TooBig { octets, octets_max }).into())
            }
            _ => Ok(()),
        }
    }

    /// Rewrites the body in seven bits where it has more.
    async fn rewrite(&mut self, store: &Store, entry: &Entry) -> Result<(), Unfit> {
        let whole = match std::mem::replace(&mut self.octets, Octets::Kept) {
            Octets::Held(octets) => octets,
            Octets::Kept => read(store, entry, 0..self.length).await?,
        };
        let said = seven_bit::convert(&whole, SEVEN_BIT_OCTETS_MAX).map_err(|error| {
            Setback::new(EnhancedCode(5, 6, 3), format!("{EIGHT_BIT}: {error}"))
        })?;
        self.length = said.len() as u64;
        self.is_eight_bit = false;
        self.octets = Octets::Held(said);
        Ok(())
    }

    /// Hands the next piece on; false with the last one.
    pub(crate) async fn pass(
        &mut self,
        store: &Store,
        entry: &Entry,
        source: &mut Source,
        out: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let end = self.length.min(self.at + PIECE_OCTETS);
        let range = self.at..end;
        match &self.octets {
            Octets::Held(octets) => source.pass(slice(octets, &range), out)?,
            Octets::Kept => {
                let piece = read(store, entry, range).await.map_err(io::Error::other)?;
                source.pass(&piece, out)?;
            }
        }
        self.at = end;
        if end < self.length {
            return Ok(true);
        }
        source.finish(out)?;
        Ok(false)
    }
}

/// Why a message does not go out as it is.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// The next hop would not take it.
    Setback(Setback),
    /// It cannot be read.
    Read(ReadError),
}

impl From<Setback> for Unfit {
    fn from(setback: Setback) -> Self {
        Self::Setback(setback)
    }
}

impl From<ReadError> for Unfit {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

async fn read(store: &Store, entry: &Entry, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
    let rendering: &Rendering = &entry.rendering;
    store.read(entry.blob, rendering, range).await
}

fn slice<'o>(octets: &'o [u8], range: &Range<u64>) -> &'o [u8] {
    let inner = usize::try_from(range.start)
        .ok()
        .zip(usize::try_from(range.end).ok());
    inner
        .and_then(|(start, end)| octets.get(start..end))
        .unwrap_or_default()
}
