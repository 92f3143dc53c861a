//! FETCH responses (RFC 9051 §7.5.2).

use std::sync::Arc;

use postroom_mail::flag::{Keyword, KeywordSet, SystemFlags};
use postroom_mail::identifier::{ModSeq, Uid};
use postroom_mail::message::{MessageEnvelope, Structure};
use postroom_runtime::clock::Timestamp;

use crate::command::fetch::Section;
use crate::question::Source;

/// What is told of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its sequence number.
    pub sequence: u32,
    /// The items, in the order they are printed; never empty.
    pub items: Vec<FetchItem>,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    /// `BINARY[...]`.
    Binary {
        /// The part.
        part: Arc<[u32]>,
        /// Where the octets begin, if only some were asked for.
        origin: Option<u64>,
        /// The octets.
        octets: Octets,
    },
    /// `BINARY.SIZE[...]`.
    BinarySize {
        /// The part.
        part: Arc<[u32]>,
        /// Its size once decoded.
        octets: u64,
    },
    /// `BODY`: the structure without extension data.
    Body(Arc<Structure>),
    /// `BODY[...]`.
    BodySection {
        /// The section as it was asked for.
        section: Arc<Section>,
        /// Where the octets begin, if only some were asked for.
        origin: Option<u64>,
        /// The octets.
        octets: Octets,
    },
    /// `BODYSTRUCTURE`.
    BodyStructure(Arc<Structure>),
    /// `ENVELOPE`.
    Envelope(Arc<MessageEnvelope>),
    /// `FLAGS`.
    Flags(MessageFlags),
    /// `INTERNALDATE`, printed in UTC.
    InternalDate(Timestamp),
    /// `MODSEQ`.
    ModSeq(ModSeq),
    /// `RFC822`.
    Rfc822(Octets),
    /// `RFC822.HEADER`.
    Rfc822Header(Octets),
    /// `RFC822.SIZE`.
    Rfc822Size(u64),
    /// `RFC822.TEXT`.
    Rfc822Text(Octets),
    /// `UID`.
    Uid(Uid),
}

/// Octets of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Octets {
    /// There is no such part: NIL.
    Absent,
    /// Here they are. They stay in memory until the client has taken them, so a host keeps them
    /// below [`postroom_wire::output::Output::MARK`] or so.
    Inline(Vec<u8>),
    /// The driver streams them, after what was printed before.
    Stream(Source),
}

/// Flags of one message; small to copy, as the mailbox's keywords are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFlags {
    /// System flags.
    pub system: SystemFlags,
    /// `\Recent` (RFC 3501 §2.3.2).
    pub is_recent: bool,
    /// Which of `names` are set.
    pub keywords: KeywordSet,
    /// The mailbox's keywords by number.
    pub names: Arc<[Keyword]>,
}
