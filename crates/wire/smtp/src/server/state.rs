//! Where a session stands. Each variant holds exactly what exists there.

use std::time::Instant;

use postroom_mail::address::NonAscii;
use postroom_mail::reply::Reply;
use postroom_wire::sasl::Exchange;

use super::data_reader::DataReader;
use super::host::{HelloVerb, RecipientWish};
use crate::text_check::TextCheck;

/// What the session waits for.
#[derive(Debug)]
pub(super) enum State {
    /// The driver is not ready: nothing was said.
    Fresh { early_talker: bool },
    /// A command.
    Command(Phase),
    /// A response of an AUTH exchange; no transaction is open.
    Login(Exchange),
    /// The lines after 354.
    Data(Data),
    /// The octets of a BDAT.
    Chunk(Chunk),
    /// The host's answer.
    Asking(Pending),
    /// TLS, after STARTTLS.
    Handshake,
    /// Nothing more.
    Ended,
}

/// Where a session stands between two commands (RFC 5321 §4.1.4).
#[derive(Debug)]
pub(super) enum Phase {
    /// No hello was accepted since the connection or the handshake.
    Connected,
    /// No transaction is open.
    Greeted,
    /// MAIL was accepted and no body has been asked for, or more chunks are to come.
    Open(Transaction),
    /// As `Greeted`, after a BDAT was refused: those pipelined behind it are refused too
    /// (RFC 3030 §2). In LMTP the last of them gets so many replies (RFC 2033 §4.3).
    Spoiled { replies: u32 },
}

/// MAIL was accepted (RFC 5321 §3.3). The envelope itself is with the host.
#[derive(Debug)]
pub(super) struct Transaction {
    /// Whether MAIL had SMTPUTF8.
    pub(super) non_ascii: NonAscii,
    /// RCPT commands, whatever became of them.
    pub(super) rcpt_commands: u32,
    /// RCPT commands that the host accepted.
    pub(super) recipients: u32,
    /// Chunks were taken: DATA is no longer possible.
    pub(super) chunks: Option<Chunks>,
}

impl Transaction {
    pub(super) fn new(non_ascii: NonAscii) -> Self {
        Self {
            non_ascii,
            rcpt_commands: 0,
            recipients: 0,
            chunks: None,
        }
    }
}

/// What the chunks of a message have come to (RFC 3030).
#[derive(Debug)]
pub(super) struct Chunks {
    pub(super) octets: u64,
    pub(super) text: TextCheck,
    /// When the whole body must be here.
    pub(super) until: Instant,
}

/// A body that comes by DATA.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) recipients: u32,
    pub(super) reader: DataReader,
    /// When the whole body must be here.
    pub(super) until: Instant,
}

/// A chunk under way.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) remaining: u64,
    pub(super) last: bool,
    pub(super) purpose: Purpose,
    /// When the whole chunk or body must be here.
    pub(super) until: Instant,
}

/// What becomes of a chunk's octets.
#[derive(Debug)]
pub(super) enum Purpose {
    /// They go to the host.
    Keep(Transaction),
    /// They are dropped, then refused.
    Refuse(Refusal),
}

/// How a dropped chunk is answered.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reply: Reply,
    /// Copies of the reply: in LMTP one for each recipient after the last chunk.
    pub(super) times: u32,
    /// Whether a transaction goes with it.
    pub(super) abandons: bool,
    pub(super) phase: Phase,
}

/// The question that is out, and what goes on with its answer.
#[derive(Debug)]
pub(super) enum Pending {
    Connect {
        early_talker: bool,
    },
    Hello(HelloVerb),
    Login,
    Sender {
        smtputf8: bool,
    },
    Recipients(Batch),
    BeginData(Transaction),
    BeginChunk(Chunk),
    Message {
        recipients: u32,
    },
    Abandoned(Phase),
    Settled(Phase),
    /// The last one: the session ends with its answer.
    Farewell,
}

/// RCPT commands that came together, judged together and answered in order.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) transaction: Transaction,
    /// One for each command; `None` where the host's verdict goes.
    pub(super) replies: Vec<Option<Reply>>,
    /// What the host is asked.
    pub(super) wishes: Vec<RecipientWish>,
}
