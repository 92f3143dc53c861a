//! Finding what can be read in one segment, past whatever cannot.

use std::hash::Hasher;
use std::io;

use postroom_runtime::disk::DiskFile;
use twox_hash::XxHash3_64;

use crate::log::frame::{
    BATCH_HEADER, BATCH_MAGIC, BatchHeader, FRAME, Frame, RECORD_MAGIC, SEGMENT_HEADER,
    SegmentHeader,
};
use crate::log::record::{Record, RecordBody};

/// Octets read at once while scanning.
const WINDOW: usize = 1 << 20;

/// Something found in a segment, with the octets it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) what: Found,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Batch(BatchHeader),
    /// A record whose frame, meta and body are whole.
    Record {
        sequence: u64,
        meta: u32,
    },
    /// A record whose frame and meta are whole and whose body is not.
    Broken {
        sequence: u64,
    },
    /// Bytes that are nothing.
    Noise,
}

/// Everything in the segment from `from` on, in order and without gaps.
pub(crate) fn scan(file: &dyn DiskFile, header: SegmentHeader, from: u64) -> io::Result<Vec<Item>> {
    let mut window = Window::new(file)?;
    let mut items: Vec<Item> = Vec::new();
    let mut at = from;
    while at < window.length {
        let (end, what) = next(&mut window, header, at)?;
        match items.last_mut() {
            Some(last) if last.what == Found::Noise && what == Found::Noise => last.end = end,
            _ => items.push(Item {
                start: at,
                end,
                what,
            }),
        }
        at = end;
    }
    Ok(items)
}

/// The first batch of a segment.
pub(crate) fn first_batch(
    file: &dyn DiskFile,
    header: SegmentHeader,
) -> io::Result<Option<BatchHeader>> {
    let mut window = Window::new(file)?;
    let mut at = SEGMENT_HEADER as u64;
    while at < window.length {
        let (end, what) = next(&mut window, header, at)?;
        if let Found::Batch(batch) = what {
            return Ok(Some(batch));
        }
        at = end;
    }
    Ok(None)
}

/// The record found at `start` of a segment and where its body begins.
pub(crate) fn read_record(
    file: &dyn DiskFile,
    start: u64,
    meta: u32,
) -> io::Result<(Option<Record>, u64)> {
    let mut bytes = vec![0; meta as usize];
    let read = file.read_at(&mut bytes, start + FRAME as u64)?;
    let record = bytes
        .get(..read)
        .and_then(|bytes| Record::decode(bytes).ok());
    Ok((record, start + FRAME as u64 + u64::from(meta)))
}

/// What stands at `at`, and where it ends.
fn next(window: &mut Window<'_>, header: SegmentHeader, at: u64) -> io::Result<(u64, Found)> {
    match recognise(window, header, at)? {
        Some(found) => Ok(found),
        None => Ok((next_candidate(window, at + 1)?, Found::Noise)),
    }
}

fn recognise(
    window: &mut Window<'_>,
    header: SegmentHeader,
    at: u64,
) -> io::Result<Option<(u64, Found)>> {
    if let Some(batch) = BatchHeader::parse(header, window.bytes(at, BATCH_HEADER)?) {
        return Ok(Some((at + BATCH_HEADER as u64, Found::Batch(batch))));
    }
    let Some(frame) = Frame::parse(window.bytes(at, FRAME)?) else {
        return Ok(None);
    };
    let head = FRAME + frame.meta as usize;
    let bytes = window.bytes(at, head)?;
    if bytes.len() < head || !frame.is_whole(header.seed, bytes) {
        return Ok(None);
    }
    let sequence = frame.sequence;
    let record = bytes
        .get(FRAME..)
        .and_then(|meta| Record::decode(meta).ok());
    let end = at.saturating_add(frame.octets());
    let Some(record) = record.filter(|_| end <= window.length) else {
        return Ok(Some((end.min(window.length), Found::Broken { sequence })));
    };
    let is_whole = match record.body {
        Some(RecordBody::Brought(body)) if body.segment.is_none() => {
            body.octets == frame.body && window.checksum(at + head as u64, end)? == body.checksum
        }
        _ => frame.body == 0,
    };
    let what = if is_whole {
        Found::Record {
            sequence,
            meta: frame.meta,
        }
    } else {
        Found::Broken { sequence }
    };
    Ok(Some((end, what)))
}

/// The next place at or after `at` that begins like a batch or a record.
fn next_candidate(window: &mut Window<'_>, mut at: u64) -> io::Result<u64> {
    loop {
        let bytes = window.bytes(at, WINDOW)?;
        if bytes.is_empty() {
            return Ok(window.length);
        }
        let found = (0..bytes.len()).find(|&place| {
            bytes[place..].starts_with(&RECORD_MAGIC) || bytes[place..].starts_with(&BATCH_MAGIC)
        });
        if let Some(place) = found {
            return Ok(at + place as u64);
        }
        let overlap = BATCH_MAGIC.len() - 1;
        at += bytes.len().saturating_sub(overlap).max(1) as u64;
    }
}

/// A file read through one buffer.
struct Window<'f> {
    file: &'f dyn DiskFile,
    length: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl<'f> Window<'f> {
    fn new(file: &'f dyn DiskFile) -> io::Result<Self> {
        Ok(Self {
            file,
            length: file.length()?,
            start: 0,
            buffer: Vec::new(),
        })
    }

    /// At most `wanted` octets at `at`, fewer only at the end of the file.
    fn bytes(&mut self, at: u64, wanted: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let wanted = wanted.min(left);
        let end = self.start + self.buffer.len() as u64;
        if at < self.start || at + wanted as u64 > end {
            self.start = at;
            self.buffer.resize(wanted.max(WINDOW.min(left)), 0);
            let read = self.file.read_at(&mut self.buffer, at)?;
            self.buffer.truncate(read);
        }
        let from = usize::try_from(at - self.start).unwrap_or(usize::MAX);
        let rest = self.buffer.get(from..).unwrap_or_default();
        Ok(rest.get(..wanted).unwrap_or(rest))
    }

    /// The checksum of the octets from `at` to `end`, as of a body.
    fn checksum(&mut self, mut at: u64, end: u64) -> io::Result<u64> {
        let mut hasher = XxHash3_64::new();
        while at < end {
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(WINDOW);
            let bytes = self.bytes(at, wanted)?;
            if bytes.is_empty() {
                break;
            }
            hasher.write(bytes);
            at += bytes.len() as u64;
        }
        Ok(hasher.finish())
    }
}
