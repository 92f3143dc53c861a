//! Fixed parts of a segment: its header, the header of a batch, the frame of a record.
//!
//! Numbers are little-endian. Each checksum is XXH3 of 64 bits with the segment's own random
//! seed, so that bytes inside a message cannot pass for a frame.

use twox_hash::XxHash3_64;

/// The version of the log's format that this release writes.
pub const FORMAT: u32 = 1;

/// Octets of one copy of a segment's header.
const HEADER_COPY: usize = 64;
/// Octets before the first batch: the header stands twice.
pub(crate) const SEGMENT_HEADER: usize = 2 * HEADER_COPY;
/// Octets of a batch's header.
pub(crate) const BATCH_HEADER: usize = 64;
/// Octets of a record's frame.
pub(crate) const FRAME: usize = 32;

const SEGMENT_MAGIC: [u8; 8] = *b"postroom";
pub(crate) const BATCH_MAGIC: [u8; 8] = *b"PR\xF5batch";
pub(crate) const RECORD_MAGIC: [u8; 4] = *b"PR\xF6r";

/// Octets of what a record says of itself, its body not counted.
pub const RECORD_META_MAX: usize = 48 << 20;

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) segment: u64,
    pub(crate) seed: u64,
}

/// A place in the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Which segment.
    pub segment: u64,
    /// Octets from its start.
    pub offset: u64,
}

/// What a batch says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) segment: u64,
    pub(crate) sequence: u64,
    /// Everything below was durable when this batch was written.
    pub(crate) durable: Position,
    /// Octets of the records behind the header.
    pub(crate) octets: u64,
    pub(crate) records: u32,
    pub(crate) kind: BatchKind,
}

/// What a batch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BatchKind {
    /// Records.
    Records,
    /// The batch of this sequence number failed: its records are void.
    Abort,
    /// Says only that what lies before is durable; written when the store closes.
    Seal,
}

/// What stands before a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) meta: u32,
    pub(crate) checksum: u64,
    pub(crate) body: u64,
    pub(crate) sequence: u64,
}

/// The checksum of `bytes` under a segment's seed.
pub(crate) fn checksum(seed: u64, bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(seed, bytes)
}

/// The checksum of a body, the same in every segment.
pub(crate) fn body_checksum(body: &[u8]) -> u64 {
    XxHash3_64::oneshot(body)
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    number(bytes, at).map(u64::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    number(bytes, at).map(u32::from_le_bytes)
}

/// Why a segment cannot be read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderError {
    /// Neither copy is whole.
    Damaged,
    /// Written by a newer release.
    Newer(u32),
}

impl SegmentHeader {
    /// Both copies.
    pub(crate) fn bytes(self) -> [u8; SEGMENT_HEADER] {
        let mut copy = [0; HEADER_COPY];
        copy[..8].copy_from_slice(&SEGMENT_MAGIC);
        copy[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        copy[16..24].copy_from_slice(&self.segment.to_le_bytes());
        copy[24..32].copy_from_slice(&self.seed.to_le_bytes());
        let sum = checksum(0, &copy[..56]);
        copy[56..].copy_from_slice(&sum.to_le_bytes());
        let mut both = [0; SEGMENT_HEADER];
        both[..HEADER_COPY].copy_from_slice(&copy);
        both[HEADER_COPY..].copy_from_slice(&copy);
        both
    }

    /// Of whichever copy is whole.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        for copy in bytes.chunks_exact(HEADER_COPY).take(2) {
            if let Some(found) = Self::parse_copy(copy) {
                return found;
            }
        }
        Err(HeaderError::Damaged)
    }

    fn parse_copy(copy: &[u8]) -> Option<Result<Self, HeaderError>> {
        if copy.get(..8)? != SEGMENT_MAGIC || u64_at(copy, 56)? != checksum(0, copy.get(..56)?) {
            return None;
        }
        let format = u32_at(copy, 8)?;
        if format > FORMAT {
            return Some(Err(HeaderError::Newer(format)));
        }
        Some(Ok(Self {
            segment: u64_at(copy, 16)?,
            seed: u64_at(copy, 24)?,
        }))
    }
}

impl BatchHeader {
    pub(crate) fn bytes(&self, seed: u64) -> [u8; BATCH_HEADER] {
        let mut out = [0; BATCH_HEADER];
        out[..8].copy_from_slice(&BATCH_MAGIC);
        out[8..16].copy_from_slice(&self.segment.to_le_bytes());
        out[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        out[24..32].copy_from_slice(&self.durable.segment.to_le_bytes());
        out[32..40].copy_from_slice(&self.durable.offset.to_le_bytes());
        out[40..48].copy_from_slice(&self.octets.to_le_bytes());
        out[48..52].copy_from_slice(&self.records.to_le_bytes());
        let kind: u32 = match self.kind {
            BatchKind::Records => 0,
            BatchKind::Abort => 1,
            BatchKind::Seal => 2,
        };
        out[52..56].copy_from_slice(&kind.to_le_bytes());
        let sum = checksum(seed, &out[..56]);
        out[56..].copy_from_slice(&sum.to_le_bytes());
        out
    }

    /// `None` unless `bytes` begin with a whole header of this segment.
    pub(crate) fn parse(header: SegmentHeader, bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..BATCH_HEADER)?;
        if bytes.get(..8)? != BATCH_MAGIC
            || u64_at(bytes, 56)? != checksum(header.seed, bytes.get(..56)?)
            || u64_at(bytes, 8)? != header.segment
        {
            return None;
        }
        Some(Self {
            segment: header.segment,
            sequence: u64_at(bytes, 16)?,
            durable: Position {
                segment: u64_at(bytes, 24)?,
                offset: u64_at(bytes, 32)?,
            },
            octets: u64_at(bytes, 40)?,
            records: u32_at(bytes, 48)?,
            kind: match u32_at(bytes, 52)? {
                0 => BatchKind::Records,
                1 => BatchKind::Abort,
                2 => BatchKind::Seal,
                _ => return None,
            },
        })
    }
}

impl Frame {
    /// Makes room for a frame at the end of `out`; `close` fills it in.
    pub(crate) fn open(out: &mut Vec<u8>) -> usize {
        let start = out.len();
        out.resize(start + FRAME, 0);
        start
    }

    /// Fills in the frame at `start`, whose meta is all that follows it.
    pub(crate) fn close(out: &mut [u8], start: usize, seed: u64, sequence: u64, body: u64) {
        let frame = &mut out[start..];
        let meta = u32::try_from(frame.len() - FRAME)
            .expect("invariant: the meta of a record is below RECORD_META_MAX");
        frame[..4].copy_from_slice(&RECORD_MAGIC);
        frame[4..8].copy_from_slice(&meta.to_le_bytes());
        frame[16..24].copy_from_slice(&body.to_le_bytes());
        frame[24..32].copy_from_slice(&sequence.to_le_bytes());
        let sum = checksum(seed, &frame[16..]);
        frame[8..16].copy_from_slice(&sum.to_le_bytes());
    }

    /// `None` unless `bytes` begin like a frame. Nothing is proved before the meta is at hand.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let frame = Self {
            meta: u32_at(bytes, 4)?,
            checksum: u64_at(bytes, 8)?,
            body: u64_at(bytes, 16)?,
            sequence: u64_at(bytes, 24)?,
        };
        let fits = bytes.get(..4)? == RECORD_MAGIC && frame.meta as usize <= RECORD_META_MAX;
        fits.then_some(frame)
    }

    /// Whether `bytes`, the frame and its meta, are as they were written.
    pub(crate) fn is_whole(&self, seed: u64, bytes: &[u8]) -> bool {
        bytes
            .get(16..)
            .is_some_and(|covered| checksum(seed, covered) == self.checksum)
    }

    /// Octets of the frame, the meta and a body that follows.
    pub(crate) fn octets(&self) -> u64 {
        (FRAME as u64)
            .saturating_add(u64::from(self.meta))
            .saturating_add(self.body)
    }
}
