//! What an attempt at a next hop came to, kept with all that follows from it.
//!
//! One commit settles every entry of a transaction, writes their journal lines and puts the
//! reports on their way: after a crash either all of it has happened or none of it.

mod commit;

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use postroom_mail::reply::{EnhancedCode, Reply};
use postroom_queue::schedule::Schedule;
use postroom_runtime::clock::Timestamp;
use postroom_store::error::CommitError;
use postroom_store::operation::{EntryId, LeaseToken, Operation};
use postroom_store::row::Entry;

use crate::delivery::SettleError;
use crate::privacy::Privacy;

/// One transaction with a next hop that has ended, whichever way.
#[derive(Debug, Clone, Copy)]
pub struct Attempted<'a> {
    /// What the lease of its entries gave.
    pub token: LeaseToken,
    /// Civil time of the end.
    pub time: Timestamp,
    /// How long the attempt took.
    pub elapsed: Duration,
    /// This server's name, in reports.
    pub host: &'a str,
    /// How much of a person the journal may say.
    pub privacy: &'a Privacy,
}

/// An entry of the queue and what its attempt came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Concluded {
    /// As it stood when it was taken. All entries of one transaction are recipients of one message.
    pub entry: Entry,
    /// How it went.
    pub conclusion: Conclusion,
}

/// What came of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// The next hop has taken it: the entry ends.
    Transferred {
        /// Who took it.
        remote: Remote,
        /// What it said at the end of the data.
        reply: Reply,
        /// Whether it offers DSN, and so took over the duty to report (RFC 3461 §5.2.1).
        has_dsn: bool,
    },
    /// To be tried again.
    Deferred {
        /// When.
        due: Timestamp,
        /// Why.
        diagnosis: Diagnosis,
        /// Whether it is time for the one notice of delay, if the sender wants it.
        tells_sender: bool,
    },
    /// It failed for good: the entry ends, and the sender is told unless a rule forbids it.
    Failed {
        /// Why.
        diagnosis: Diagnosis,
    },
    /// Kept until an operator says otherwise.
    Held {
        /// Why.
        diagnosis: Diagnosis,
    },
}

/// Why a recipient was not reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The peer's own code where it gave one, else ours (RFC 3463).
    pub status: EnhancedCode,
    /// One line in our words, for people: what went wrong.
    pub text: Cow<'static, str>,
    /// The server that was spoken to last, if any was reached.
    pub remote: Option<Remote>,
    /// What it said, if this rests on a reply. Its text is a stranger's: any characters, any length.
    pub reply: Option<Reply>,
}

/// A server that was spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its name: of the MX record or the setting that led there.
    pub name: Box<str>,
    /// Where it listens.
    pub address: SocketAddr,
}

/// As the journal spells a next hop: `name [address]:port`.
impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, address } = self;
        write!(f, "{name} [{}]:{}", address.ip(), address.port())
    }
}

/// What the peer said; else our code and words.
impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reply {
            Some(reply) => Spoken(reply).fmt(f),
            None => write!(f, "{} {}", self.status, self.text),
        }
    }
}

/// A reply as it stood on the wire, in one line.
pub(crate) struct Spoken<'r>(pub(crate) &'r Reply);

impl fmt::Display for Spoken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reply {
            code,
            enhanced,
            text,
        } = self.0;
        match enhanced {
            Some(enhanced) => write!(f, "{code} {enhanced} {text}"),
            None => write!(f, "{code} {text}"),
        }
    }
}

/// The key that is remembered once the sender of an entry was told that it waits.
pub fn delay_key(entry: EntryId) -> String {
    format!("delay-notice/{}", entry.0)
}

/// The notice of delay comes once, for as long as the entry can live.
pub(crate) fn remember_delay(entry: &Entry, schedule: &Schedule) -> Operation {
    Operation::Remember {
        key: delay_key(entry.id).into(),
        value: Box::default(),
        until: entry.created.plus(schedule.age_max * 2),
        must_be_new: false,
    }
}

/// The conclusions of a transaction were not kept.
#[derive(Debug, thiserror::Error)]
pub enum ConcludeError {
    /// The change did not become durable, or may not have: the entries are due again when their
    /// lease ends.
    #[error("keeping the outcome failed")]
    Commit(#[from] CommitError),
    /// The way of a report could not be planned.
    #[error(transparent)]
    Settle(#[from] SettleError),
}

impl Conclusion {
    /// The fate of the recipient, as the journal and `trace` spell it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Transferred { .. } => "transferred",
            Self::Deferred { .. } => "queued",
            Self::Failed { .. } => "failed",
            Self::Held { .. } => "held",
        }
    }

    /// Who was spoken to.
    pub fn remote(&self) -> Option<&Remote> {
        match self {
            Self::Transferred { remote, .. } => Some(remote),
            Self::Deferred { diagnosis, .. }
            | Self::Failed { diagnosis }
            | Self::Held { diagnosis } => diagnosis.remote.as_ref(),
        }
    }
}
