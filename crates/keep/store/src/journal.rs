//! Lines of the journal: what happened to a message and who did it.

use postroom_mail::identifier::ArrivalId;
use postroom_runtime::clock::Timestamp;

/// One step in the story of a session or message. Holds no subject and no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalLine {
    /// When.
    pub time: Timestamp,
    /// The session, a random number.
    pub session: u64,
    /// The message, where there is one.
    pub arrival: Option<ArrivalId>,
    /// Its Message-ID, where known.
    pub message_id: Option<Box<str>>,
    /// The room that speaks: `intake`, `delivery`, `relay`.
    pub room: Box<str>,
    /// What was done: `connect`, `recipient`, `message`, `deliver`.
    pub what: Box<str>,
    /// Reverse-path, where it matters.
    pub sender: Option<Box<str>>,
    /// Recipient, where it is about one.
    pub recipient: Option<Box<str>>,
    /// The fate of the recipient or the verdict of a stage.
    pub verdict: Box<str>,
    /// The reply given or received.
    pub reply: Option<Box<str>>,
    /// Next hop or mailbox.
    pub next_hop: Option<Box<str>>,
    /// The peer's address, as `privacy.log` says.
    pub peer: Option<Box<str>>,
    /// How long it took, in microseconds.
    pub elapsed_us: u64,
}
