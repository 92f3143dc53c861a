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

/// What is looked for in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// An address or a Message-ID in the ways in which it may be written; case does not matter.
    pub names: Vec<Box<str>>,
    /// Whether logins are meant rather than mail.
    pub is_login: bool,
    /// Nothing from before this.
    pub since: Timestamp,
    /// Messages and sessions that are found at most: the newest.
    pub limit: usize,
}

/// A line that speaks of what was sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention {
    /// When.
    pub time: Timestamp,
    /// In which session.
    pub session: u64,
    /// Of which message, if of one.
    pub arrival: Option<ArrivalId>,
}

impl Sought {
    /// Whether one of a line's names is sought: its sender, its recipient, its Message-ID, or the
    /// address that is its next hop or owns the mailbox that is.
    pub(crate) fn is_named(&self, names: [Option<&str>; 4]) -> bool {
        let [sender, recipient, message_id, next_hop] = names;
        let owner = next_hop.map(|hop| hop.rsplit_once('/').map_or(hop, |(owner, _)| owner));
        [sender, recipient, message_id, owner]
            .into_iter()
            .flatten()
            .any(|name| self.names.iter().any(|one| one.eq_ignore_ascii_case(name)))
    }
}
