//! What the threads of a store tell one another without waiting.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use postroom_runtime::clock::Timestamp;

use crate::error::Stopped;
use crate::flood::Flood;
use crate::journal::JournalLine;

/// Journal lines of refusals that wait at most; the next are counted and dropped.
const LINES_MAX: usize = 4096;

/// State that every handle of a store sees.
#[derive(Debug)]
pub(crate) struct Shared {
    stopped: AtomicU8,
    free: AtomicU64,
    reserve: u64,
    lines: Mutex<Waiting>,
    /// Whether the write-ahead file has grown since the last checkpoint.
    pub(crate) is_dirty: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<JournalLine>,
    dropped: u64,
    flood: Flood,
}

const RUNNING: u8 = 0;
const LOG: u8 = 1;
const DATABASE: u8 = 2;
const CLOSING: u8 = 3;

impl Shared {
    pub(crate) fn new(reserve: u64, free: u64) -> Self {
        Self {
            stopped: AtomicU8::new(RUNNING),
            free: AtomicU64::new(free),
            reserve,
            lines: Mutex::default(),
            is_dirty: AtomicBool::new(false),
        }
    }

    /// Why no changes are taken, if none are.
    pub(crate) fn stopped(&self) -> Option<Stopped> {
        match self.stopped.load(Ordering::Acquire) {
            LOG => Some(Stopped::Log),
            DATABASE => Some(Stopped::Database),
            CLOSING => Some(Stopped::Closing),
            _ => None,
        }
    }

    /// Takes no more changes. A failed log is never forgotten.
    pub(crate) fn stop(&self, why: Stopped) {
        let state = match why {
            Stopped::Log => LOG,
            Stopped::Database => DATABASE,
            Stopped::Closing => CLOSING,
        };
        let _ = self
            .stopped
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |old| {
                (old != LOG).then_some(state)
            });
    }

    /// The database takes changes again.
    pub(crate) fn resume(&self) {
        let _ =
            self.stopped
                .compare_exchange(DATABASE, RUNNING, Ordering::AcqRel, Ordering::Acquire);
    }

    pub(crate) fn set_free(&self, octets: u64) {
        self.free.store(octets, Ordering::Relaxed);
    }

    /// Octets that are free, as last seen.
    pub(crate) fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    /// Octets that stay free.
    pub(crate) fn reserve(&self) -> u64 {
        self.reserve
    }

    /// Whether more than the reserve is free.
    pub(crate) fn has_room(&self) -> bool {
        self.free.load(Ordering::Relaxed) > self.reserve
    }

    /// Keeps lines for the next transaction.
    pub(crate) fn wait(&self, lines: Vec<JournalLine>) {
        let mut waiting = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for line in lines {
            let Some(line) = waiting.flood.pass(line) else {
                continue;
            };
            if waiting.lines.len() < LINES_MAX {
                waiting.lines.push(line);
            } else {
                waiting.dropped += 1;
            }
        }
    }

    /// Whether lines wait.
    pub(crate) fn is_waiting(&self) -> bool {
        let waiting = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        !waiting.lines.is_empty() || waiting.flood.is_counting()
    }

    /// Takes the lines that wait, and those that count what was merged or dropped. At the `last`
    /// call nothing is left to be counted.
    pub(crate) fn take_lines(&self, now: Timestamp, last: bool) -> Vec<JournalLine> {
        let mut waiting = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = std::mem::take(&mut waiting.lines);
        lines.append(&mut waiting.flood.end(now, last));
        let dropped = std::mem::take(&mut waiting.dropped);
        if dropped > 0 {
            lines.push(JournalLine {
                time: now,
                session: 0,
                arrival: None,
                message_id: None,
                room: "store".into(),
                what: "flood".into(),
                sender: None,
                recipient: None,
                verdict: format!("{dropped} lines dropped").into(),
                reply: None,
                next_hop: None,
                peer: None,
                elapsed_us: 0,
            });
        }
        lines
    }
}
