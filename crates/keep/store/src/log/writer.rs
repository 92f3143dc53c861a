//! The end of the log: batches go there, each with one sync.

use std::io;
use std::sync::Arc;

use postroom_runtime::disk::DiskFile;
use postroom_runtime::random::Random;

use crate::log::frame::{BATCH_HEADER, BatchHeader, BatchKind, Position, SEGMENT_HEADER};
use crate::log::segment::{SegmentKind, Segments};

/// Appends batches. After an error nothing more may be written but the abort mark.
#[derive(Debug)]
pub(crate) struct LogWriter {
    segments: Arc<Segments>,
    random: Random,
    current: Option<Current>,
    durable: Position,
    sequence: u64,
    is_sealed: bool,
    /// Octets after which a new segment is begun.
    segment_octets_max: u64,
}

#[derive(Debug)]
struct Current {
    segment: u64,
    seed: u64,
    file: Arc<dyn DiskFile>,
    end: u64,
}

/// Where the next batch goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchPlace {
    pub(crate) start: Position,
    pub(crate) seed: u64,
    pub(crate) sequence: u64,
}

impl LogWriter {
    /// Writes on in a new segment, made with the first batch. Everything below `durable` is
    /// durable; `sequence` is the highest number that a batch has had.
    pub(crate) fn new(
        segments: Arc<Segments>,
        random: Random,
        durable: Position,
        sequence: u64,
        segment_octets_max: u64,
    ) -> Self {
        Self {
            segments,
            random,
            current: None,
            durable,
            sequence,
            is_sealed: true,
            segment_octets_max,
        }
    }

    /// Where the next batch goes; makes the segment for it when the last one is full.
    pub(crate) fn prepare(&mut self) -> io::Result<BatchPlace> {
        if self
            .current
            .as_ref()
            .is_none_or(|current| current.end >= self.segment_octets_max)
        {
            let seed = self.random.number();
            let made = self.segments.create(SegmentKind::Log, seed)?;
            self.current = Some(Current {
                segment: made.name.number,
                seed,
                file: made.file,
                end: SEGMENT_HEADER as u64,
            });
        }
        let current = self
            .current
            .as_ref()
            .expect("invariant: a segment was made above");
        Ok(BatchPlace {
            start: Position {
                segment: current.segment,
                offset: current.end,
            },
            seed: current.seed,
            sequence: self.sequence + 1,
        })
    }

    /// Appends the batch that `prepare` gave a place and makes it durable. `batch` begins with
    /// room for the header. Returns the end of the batch.
    pub(crate) fn append(&mut self, batch: &mut [u8], records: u32) -> io::Result<Position> {
        self.sequence += 1;
        self.write(batch, records, BatchKind::Records)?;
        self.is_sealed = false;
        Ok(self.durable)
    }

    /// After a failed append: says that the records of the last batch are void, if it can.
    pub(crate) fn abort(&mut self) -> io::Result<()> {
        let mut mark = [0; BATCH_HEADER];
        self.write(&mut mark, 0, BatchKind::Abort)
    }

    /// Says that all before is durable, so that a bad record there is known as damage.
    pub(crate) fn seal(&mut self) -> io::Result<()> {
        if self.is_sealed || self.current.is_none() {
            return Ok(());
        }
        self.sequence += 1;
        let mut mark = [0; BATCH_HEADER];
        self.write(&mut mark, 0, BatchKind::Seal)?;
        self.is_sealed = true;
        Ok(())
    }

    fn write(&mut self, batch: &mut [u8], records: u32, kind: BatchKind) -> io::Result<()> {
        let Some(current) = &mut self.current else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let header = BatchHeader {
            segment: current.segment,
            sequence: self.sequence,
            durable: self.durable,
            octets: (batch.len() - BATCH_HEADER) as u64,
            records,
            kind,
        };
        batch[..BATCH_HEADER].copy_from_slice(&header.bytes(current.seed));
        current.file.append(batch)?;
        current.file.sync()?;
        current.end += batch.len() as u64;
        self.durable = Position {
            segment: current.segment,
            offset: current.end,
        };
        Ok(())
    }
}
