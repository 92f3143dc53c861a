//! Bodies too large for memory: each streams into a segment of its own while it is received.

use std::fmt;
use std::hash::Hasher;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use postroom_runtime::disk::DiskFile;
use postroom_runtime::pool::{BlockingPool, PoolError};
use twox_hash::XxHash3_64;

use crate::chore::Chore;
use crate::error::{CommitError, ReadError};
use crate::log::segment::{BODY_START, SegmentKind, SegmentName, Segments};
use crate::plan::Spooled;

/// Removes a body segment unless a plan took it.
#[derive(Debug)]
pub(crate) struct SpoolGuard {
    name: SegmentName,
    chores: Option<SyncSender<Chore>>,
}

impl SpoolGuard {
    pub(crate) fn segment(&self) -> u64 {
        self.name.number
    }

    /// The segment stays: a record names it, or may.
    pub(crate) fn keep(mut self) {
        self.chores = None;
    }
}

impl Drop for SpoolGuard {
    fn drop(&mut self) {
        if let Some(chores) = self.chores.take() {
            let _ = chores.try_send(Chore::Remove(self.name));
        }
    }
}

/// A body on its way to a segment of its own; removed when dropped before a plan takes it.
pub struct Spool {
    pool: BlockingPool,
    file: Arc<dyn DiskFile>,
    guard: SpoolGuard,
    octets: u64,
    hasher: XxHash3_64,
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool")
            .field("guard", &self.guard)
            .field("octets", &self.octets)
            .finish_non_exhaustive()
    }
}

impl Spool {
    pub(crate) async fn begin(
        pool: BlockingPool,
        segments: Arc<Segments>,
        chores: SyncSender<Chore>,
        seed: u64,
    ) -> Result<Self, CommitError> {
        let made = pool
            .run(move || segments.create(SegmentKind::Body, seed))
            .await
            .map_err(busy)?
            .map_err(|error| failed(&error))?;
        Ok(Self {
            pool,
            file: made.file,
            guard: SpoolGuard {
                name: made.name,
                chores: Some(chores),
            },
            octets: 0,
            hasher: XxHash3_64::new(),
        })
    }

    /// Adds octets. After an error, or when the future was dropped, the spool is of no use.
    pub async fn append(&mut self, octets: Vec<u8>) -> Result<(), CommitError> {
        self.hasher.write(&octets);
        self.octets += octets.len() as u64;
        let file = Arc::clone(&self.file);
        self.pool
            .run(move || file.append(&octets))
            .await
            .map_err(busy)?
            .map_err(|error| failed(&error))
    }

    /// Octets in it so far.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Octets `range` of what was appended so far.
    pub async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        let end = range.end.min(self.octets);
        let start = range.start.min(end);
        let file = Arc::clone(&self.file);
        let length = usize::try_from(end - start).map_err(|_| ReadError::Busy)?;
        self.pool
            .run(move || {
                let mut bytes = vec![0; length];
                let read = file.read_at(&mut bytes, BODY_START + start)?;
                bytes.truncate(read);
                Ok(bytes)
            })
            .await
            .map_err(|_| ReadError::Busy)?
    }

    /// Syncs the segment: the body can be part of a plan now.
    pub async fn finish(self) -> Result<Spooled, CommitError> {
        let file = Arc::clone(&self.file);
        self.pool
            .run(move || file.sync())
            .await
            .map_err(busy)?
            .map_err(|error| failed(&error))?;
        Ok(Spooled {
            guard: self.guard,
            octets: self.octets,
            checksum: self.hasher.finish(),
        })
    }
}

/// One body that cannot be written costs that body; the log is not touched.
fn failed(error: &std::io::Error) -> CommitError {
    tracing::error!(%error, "a body could not be written to a segment of its own");
    CommitError::NoRoom
}

fn busy(error: PoolError) -> CommitError {
    tracing::warn!(%error, "too many bodies are being written");
    CommitError::NoRoom
}
