//! One atomic change, before its values are assigned.

use postroom_mail::identifier::ArrivalId;
use postroom_runtime::clock::Timestamp;

use crate::journal::JournalLine;
use crate::operation::{EntryId, Operation};
use crate::spool::SpoolGuard;

/// One atomic change: all of it becomes durable, or nothing.
#[derive(Debug)]
pub struct Plan {
    /// Unique; a plan whose arrival is known already changes nothing and gets the first outcome.
    pub arrival: ArrivalId,
    /// Civil time of the plan.
    pub time: Timestamp,
    /// In the order in which they are done. [`Operation::Deliver`] and [`Operation::Enqueue`]
    /// speak of the plan's body.
    pub operations: Vec<Operation>,
    /// Written with the change.
    pub journal: Vec<JournalLine>,
    /// The message, once for all recipients.
    pub body: Option<Body>,
}

/// Octets of a message as they came.
#[derive(Debug)]
pub enum Body {
    /// In memory; goes into the record.
    Inline(Vec<u8>),
    /// In a segment of its own, written and synced by its session.
    Spooled(Spooled),
    /// In the store already: what this queue entry keeps. It is not written again, and entries that
    /// the plan makes go on under the queue id of this one. The plan is refused when it is gone.
    OfEntry(EntryId),
}

/// A body that was streamed to a segment of its own; removed when dropped uncommitted.
#[derive(Debug)]
pub struct Spooled {
    pub(crate) guard: SpoolGuard,
    pub(crate) octets: u64,
    pub(crate) checksum: u64,
}

impl Body {
    /// Octets that it adds to the store.
    pub fn octets(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Spooled(spooled) => spooled.octets,
            Self::OfEntry(_) => 0,
        }
    }
}

impl Plan {
    /// Whether an operation speaks of the plan's body.
    pub(crate) fn needs_body(&self) -> bool {
        self.operations
            .iter()
            .any(|operation| matches!(operation, Operation::Deliver(_) | Operation::Enqueue(_)))
    }
}
