//! What became of a message, for `trace`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One message from connect to mailbox or next hop; or a session that brought none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// Its queue id; `null` for a session without a message.
    pub queue_id: Option<String>,
    /// Its Message-ID, where it is known.
    pub message_id: Option<String>,
    /// The session it came in, as the log spells it.
    pub session: Option<String>,
    /// In the order of time.
    pub steps: Vec<Step>,
    /// By recipient: `delivered`, `queued`, `transferred`, `held`, `failed`, `refused` or
    /// `dropped`.
    pub fate: BTreeMap<String, String>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// RFC 3339, UTC, with microseconds.
    pub time: String,
    /// Who says so: `intake`, `delivery`, `relay`, `retrieval`, `admin` or `store`.
    pub room: String,
    /// What was done: `connect`, `login`, `sender`, `recipient`, `message`, `deliver`, `attempt`
    /// and what an operator did.
    pub what: String,
    /// Whom it is about.
    pub recipient: Option<String>,
    /// `accepted`, `refused`, `deferred`, a fate, or how a login went.
    pub verdict: String,
    /// What was said, and in brackets which policy stage or part decided it.
    pub reply: Option<String>,
    /// The mailbox or server it went to; for what came in, the peer.
    pub next_hop: Option<String>,
    /// How long it took; for a message, from MAIL on.
    pub elapsed_ms: u64,
}
