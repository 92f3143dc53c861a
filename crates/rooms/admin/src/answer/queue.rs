//! The queue, for `queue list` and `queue show`.

use serde::{Deserialize, Serialize};

/// A part of the queue.
#[derive(Debug, Serialize, Deserialize)]
pub struct QueuePage {
    /// By age, oldest first.
    pub entries: Vec<QueueEntry>,
    /// Where the next page begins; `null` when there is none.
    pub next: Option<u64>,
}

/// One recipient of a message that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// The message's queue id, shared by all its recipients.
    pub queue_id: String,
    /// `due`, `deferred`, `held`, `in-hand` (an attempt is under way) or `damaged`.
    pub status: String,
    /// Empty for the null path; `null` where it cannot be read.
    pub sender: Option<String>,
    /// Whom it is for; `null` where it cannot be read.
    pub recipient: Option<String>,
    /// `local`, `list` or the domain it goes to.
    pub next_hop: Option<String>,
    /// Octets that go out.
    pub octets: u64,
    /// When it came: RFC 3339, UTC.
    pub created: Option<String>,
    /// Seconds since then.
    pub age_seconds: u64,
    /// When it is tried next; `null` for one that is held.
    pub due: Option<String>,
    /// Attempts so far.
    pub attempts: u32,
    /// What the last attempt met, or why it is held.
    pub last_status: Option<String>,
}

/// A message that waits, for `queue show`.
#[derive(Debug, Serialize, Deserialize)]
pub struct QueuedMessage {
    /// Its queue id.
    pub queue_id: String,
    /// Its Message-ID, where the message can be read and has one.
    pub message_id: Option<String>,
    /// Octets of the message as it came.
    pub octets: u64,
    /// ENVID of its sender (RFC 3461).
    pub envelope_id: Option<String>,
    /// Each recipient that waits.
    pub entries: Vec<QueueEntry>,
    /// Its header block, where it was asked for.
    pub headers: Option<String>,
}

/// What an operator's wish did to the queue.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueTended {
    /// Entries that were changed.
    pub changed: u64,
    /// Those that were not, and why; at most a hundred are named.
    pub skipped: Vec<QueueSkipped>,
    /// How many were not changed.
    pub skipped_count: u64,
}

/// An entry that was left as it is.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSkipped {
    /// Its queue id.
    pub queue_id: String,
    /// Whom it is for.
    pub recipient: Option<String>,
    /// In a few words.
    pub why: String,
}
