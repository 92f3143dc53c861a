//! Putting together what a rendering shows of kept bytes.

use std::ops::Range;

use postroom_runtime::disk::DiskFile;
use rusqlite::Connection;

use super::Wanted;
use crate::engine::read_message::{BlobPlace, blob};
use crate::error::ReadError;
use crate::log::frame::body_checksum;
use crate::log::segment::{SegmentKind, SegmentName, Segments};
use crate::operation::Piece;

/// Bodies up to this size are always read whole and checked.
const CHECKED_OCTETS_MAX: u64 = 64 << 10;

/// One read: the outer result is the database's, the inner one the body's.
pub(super) fn read(
    connection: &Connection,
    segments: &Segments,
    wanted: &Wanted,
) -> rusqlite::Result<Result<Vec<u8>, ReadError>> {
    let Some(place) = blob(connection, wanted.blob)? else {
        return Ok(Ok(Vec::new()));
    };
    Ok(assemble(segments, place, wanted))
}

fn assemble(segments: &Segments, place: BlobPlace, wanted: &Wanted) -> Result<Vec<u8>, ReadError> {
    let mut source = Source::new(segments, place)?;
    let mut out = Vec::new();
    let mut start = 0;
    for piece in &wanted.rendering.pieces {
        let end = start + piece.octets();
        let from = wanted.range.start.clamp(start, end) - start;
        let to = wanted.range.end.clamp(start, end) - start;
        start = end;
        if from >= to {
            continue;
        }
        match piece {
            Piece::Block(bytes) => {
                let inner = usize::try_from(from).ok().zip(usize::try_from(to).ok());
                out.extend_from_slice(
                    inner
                        .and_then(|(from, to)| bytes.get(from..to))
                        .unwrap_or_default(),
                );
            }
            Piece::Kept(kept) => source.read(kept.start + from..kept.start + to, &mut out)?,
        }
    }
    Ok(out)
}

/// The kept bytes: whole and checked when small, or read where they lie.
struct Source {
    place: BlobPlace,
    file: std::sync::Arc<dyn DiskFile>,
    whole: Option<Vec<u8>>,
}

impl Source {
    fn new(segments: &Segments, place: BlobPlace) -> Result<Self, ReadError> {
        let kind = if place.is_spooled {
            SegmentKind::Body
        } else {
            SegmentKind::Log
        };
        let file = segments.handle(SegmentName {
            number: place.segment,
            kind,
        })?;
        Ok(Self {
            place,
            file,
            whole: None,
        })
    }

    fn read(&mut self, range: Range<u64>, out: &mut Vec<u8>) -> Result<(), ReadError> {
        let range = range.start.min(self.place.octets)..range.end.min(self.place.octets);
        let is_all = range == (0..self.place.octets);
        if self.whole.is_none() && (is_all || self.place.octets <= CHECKED_OCTETS_MAX) {
            let bytes = self.octets(0..self.place.octets)?;
            if body_checksum(&bytes) != self.place.checksum {
                return Err(self.damaged());
            }
            if is_all && out.is_empty() {
                *out = bytes;
                return Ok(());
            }
            self.whole = Some(bytes);
        }
        match &self.whole {
            Some(bytes) => {
                let inner = usize::try_from(range.start)
                    .ok()
                    .zip(usize::try_from(range.end).ok());
                out.extend_from_slice(
                    inner
                        .and_then(|(from, to)| bytes.get(from..to))
                        .unwrap_or_default(),
                );
            }
            None => out.append(&mut self.octets(range)?),
        }
        Ok(())
    }

    fn octets(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        let length = usize::try_from(range.end - range.start).map_err(|_| self.damaged())?;
        let mut bytes = vec![0; length];
        let read = self
            .file
            .read_at(&mut bytes, self.place.offset + range.start)?;
        if read < length {
            return Err(self.damaged());
        }
        Ok(bytes)
    }

    fn damaged(&self) -> ReadError {
        ReadError::Damaged {
            segment: self.place.segment,
            offset: self.place.offset,
        }
    }
}
