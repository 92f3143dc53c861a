//! The second thread: checkpoints, free space, removals, old journal lines, and the beat of the
//! committer.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use postroom_runtime::clock::{Clock, Timestamp};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::committer::Request;
use crate::engine::connection::{checkpoint, wal};
use crate::engine::trim::{JournalBounds, trim_journal};
use crate::log::segment::{SegmentName, Segments};
use crate::shared::Shared;

/// Chores that wait at most; a removal that finds no place is done at the next start.
pub(crate) const CHORES_MAX: usize = 1024;
/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(1);
/// Rounds between two beats when nothing waits.
const BEAT_ROUNDS: u32 = 60;
/// Slices of the journal that one round removes.
const SLICES_MAX: usize = 8;

/// Something to do beside the commits.
#[derive(Debug)]
pub(crate) enum Chore {
    /// Remove a body that no plan took.
    Remove(SegmentName),
    /// End.
    Close(oneshot::Sender<()>),
}

/// The thread's own things.
#[derive(Debug)]
pub(crate) struct ChoreWorker {
    pub(crate) connection: Connection,
    pub(crate) directory: PathBuf,
    pub(crate) segments: Arc<Segments>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) requests: mpsc::WeakSender<Request>,
    pub(crate) clock: Clock,
    pub(crate) journal_octets_max: u64,
    pub(crate) journal_kept: Duration,
    /// Whether the journal was beyond its bounds when it was last looked at.
    pub(crate) is_trimming: bool,
}

impl ChoreWorker {
    /// Works until told to end, or until nobody is left to tell.
    pub(crate) fn run(mut self, chores: &Receiver<Chore>) {
        let mut rounds = 0;
        loop {
            match chores.recv_timeout(ROUND) {
                Ok(Chore::Remove(name)) => self.remove(name),
                Ok(Chore::Close(answer)) => {
                    drop(self.connection);
                    let _ = answer.send(());
                    return;
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    rounds += 1;
                    self.round(rounds % BEAT_ROUNDS == 0);
                }
            }
        }
    }

    fn round(&mut self, is_beat: bool) {
        if let Ok(free) = self.segments.free() {
            self.shared.set_free(free);
        }
        if self.shared.is_dirty.swap(false, Ordering::Relaxed) {
            let octets = fs::metadata(wal(&self.directory)).map_or(0, |found| found.len());
            if let Err(error) = checkpoint(&self.connection, octets) {
                tracing::warn!(%error, "the database was not checkpointed");
                self.shared.is_dirty.store(true, Ordering::Relaxed);
            }
        }
        if is_beat || self.is_trimming {
            self.is_trimming = self.trim().unwrap_or_else(|error| {
                tracing::warn!(%error, "the journal was not trimmed");
                false
            });
        }
        if (is_beat || self.shared.is_waiting() || self.shared.stopped().is_some())
            && let Some(requests) = self.requests.upgrade()
        {
            // A full channel has work enough to be woken by.
            let _ = requests.try_send(Request::Tick);
        }
    }

    /// Removes some of what the journal has beyond its bounds; whether there may be more.
    fn trim(&self) -> rusqlite::Result<bool> {
        let kept = u64::try_from(self.journal_kept.as_micros()).unwrap_or(u64::MAX);
        let bounds = JournalBounds {
            octets_max: self.journal_octets_max,
            since: Timestamp(self.clock.wall().0.saturating_sub(kept)),
        };
        for _ in 0..SLICES_MAX {
            if !trim_journal(&self.connection, bounds)? {
                return Ok(false);
            }
            self.shared.is_dirty.store(true, Ordering::Relaxed);
        }
        Ok(true)
    }

    fn remove(&self, name: SegmentName) {
        if let Err(error) = self.segments.remove(name) {
            tracing::warn!(%error, segment = name.number, "an unused body was not removed");
        }
    }
}
