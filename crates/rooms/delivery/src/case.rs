//! What is known of a message when its fate is decided.

use std::net::IpAddr;
use std::sync::OnceLock;

use postroom_mail::address::Address;
use postroom_mail::envelope::Envelope;
use postroom_mail::identifier::ArrivalId;
use postroom_mailbox::parsed::Parsing;
use postroom_runtime::clock::Timestamp;
use postroom_store::operation::{LeaseToken, Piece, QuotaRule};
use postroom_store::row::Entry;

use crate::privacy::Privacy;

/// One message with its envelope.
#[derive(Debug)]
pub struct Case<'m> {
    /// Its queue id.
    pub arrival: ArrivalId,
    /// The session it came in.
    pub session: u64,
    /// Civil time: INTERNALDATE and the time of its journal lines.
    pub time: Timestamp,
    /// Where it came from; `None` for what the queue held.
    pub peer: Option<IpAddr>,
    /// How much of a person its journal lines may say.
    pub privacy: &'m Privacy,
    /// This server's name, in reports.
    pub host: &'m str,
    /// Who it is from and for.
    pub envelope: &'m Envelope,
    /// Its Message-ID, for the journal.
    pub message_id: Option<&'m str>,
    /// Whether the sender may be told of failure and success (RFC 3461).
    pub reports: Reports,
    /// Whether it may go to other servers at the word of its sender.
    pub relaying: Relaying,
    /// What a full mailbox means.
    pub quota: Quota,
    /// Whether it is a report of our own: it waits where it finds no room, and is lost rather than
    /// reported where it finds nobody (RFC 5321 §6.1).
    pub is_report: bool,
    /// Fields of our own that stand above the message in every mailbox: Received, and what a
    /// submitted message lacked. Empty or whole lines.
    pub trace: &'m [u8],
    /// The message below `trace`, as pieces of the kept bytes.
    pub pieces: &'m [Piece],
    /// The octets of `pieces`.
    pub octets: &'m [u8],
    /// `trace` and `octets` parsed; filled when first needed, unless it is there already.
    pub parsing: OnceLock<Parsing>,
    /// The queue entry that is being worked off, if this message waits in the queue.
    pub entry: Option<Attempt<'m>>,
}

/// One try to deliver a queue entry.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'m> {
    /// The entry as it stands.
    pub entry: &'m Entry,
    /// What its lease gave.
    pub token: LeaseToken,
    /// Members of an expansion that are done when this attempt is; `None` if that is the rest.
    pub progress: Option<u64>,
    /// Whether it is time for the one notice of delay, if the entry goes on waiting and the sender
    /// wants it.
    pub tells_sender: bool,
}

/// Whether the sender is told what became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reports {
    /// An authenticated or trusted peer: as NOTIFY asks.
    AsAsked,
    /// A stranger, whose reverse-path may be forged: never.
    Never,
}

/// Whether a recipient at another server, named as such, is taken (RFC 5321 §3.6.2). Members of
/// our aliases and domains that we pass mail on for are taken from anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relaying {
    /// Somebody who is signed in or in `listen.relay_allow`, or the queue.
    Allowed,
    /// A stranger.
    Refused,
}

/// What happens to a recipient whose mailbox is full once the body is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// One reply for all: a sole mailbox refuses, one of several waits in the queue.
    OneReply,
    /// A reply for each recipient (LMTP): it refuses for itself.
    ReplyEach,
}

impl Case<'_> {
    /// What retrieval wants to know of the message, whatever its mailbox puts above it.
    pub(crate) fn parsing(&self) -> &Parsing {
        self.parsing
            .get_or_init(|| Parsing::new(&[self.trace, self.octets].concat()))
    }

    /// Octets that a mailbox takes for this message, trace fields of the mailbox left out.
    pub(crate) fn size(&self) -> u64 {
        (self.trace.len() as u64).saturating_add(self.octets.len() as u64)
    }

    /// Where reports go; `None` for the null path and for strangers.
    pub(crate) fn reports_to(&self) -> Option<&Address> {
        match self.reports {
            Reports::AsAsked => self.envelope.reverse_path.address(),
            Reports::Never => None,
        }
    }

    /// When the message came to this server.
    pub(crate) fn arrived(&self) -> Timestamp {
        self.entry
            .map_or(self.time, |attempt| attempt.entry.created)
    }

    /// The store's quota rule for this many copies.
    pub(crate) fn quota_rule(&self, copies: usize) -> QuotaRule {
        if copies == 1 && self.entry.is_none() && !self.is_report {
            QuotaRule::Enforce
        } else {
            QuotaRule::Reserved
        }
    }
}
