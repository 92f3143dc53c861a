//! FETCH (RFC 9051 §6.4.5, RFC 3501 §6.4.5, RFC 3516).

use std::sync::Arc;

use super::Numbering;
use super::resync::ChangedSince;
use crate::sequence::SequenceSet;

/// FETCH or UID FETCH; macros are replaced by their items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// What the numbers are.
    pub by: Numbering,
    /// Which messages.
    pub set: SequenceSet,
    /// What of each; never empty, and with [`FetchAttribute::Uid`] in a UID FETCH.
    pub attributes: Vec<FetchAttribute>,
    /// CHANGEDSINCE (RFC 7162 §3.1.4.1).
    pub changed_since: Option<ChangedSince>,
}

/// One item of FETCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchAttribute {
    /// `BINARY[...]` and `BINARY.PEEK[...]`: a part with its transfer encoding removed.
    Binary {
        /// The part; empty for the whole message.
        part: Arc<[u32]>,
        /// Whether `\Seen` stays as it is.
        is_peek: bool,
        /// Which octets.
        partial: Option<Partial>,
    },
    /// `BINARY.SIZE[...]`.
    BinarySize(Arc<[u32]>),
    /// `BODY`: the structure without extension data.
    Body,
    /// `BODY[...]` and `BODY.PEEK[...]`.
    BodySection {
        /// Which section; shared, so that every row may name it.
        section: Arc<Section>,
        /// Whether `\Seen` stays as it is.
        is_peek: bool,
        /// Which octets.
        partial: Option<Partial>,
    },
    /// `BODYSTRUCTURE`.
    BodyStructure,
    /// `ENVELOPE`.
    Envelope,
    /// `FLAGS`.
    Flags,
    /// `INTERNALDATE`.
    InternalDate,
    /// `MODSEQ` (RFC 7162 §3.1.4.2).
    ModSeq,
    /// `RFC822`: as `BODY[]`, named otherwise in the response.
    Rfc822,
    /// `RFC822.HEADER`: as `BODY.PEEK[HEADER]`.
    Rfc822Header,
    /// `RFC822.SIZE`.
    Rfc822Size,
    /// `RFC822.TEXT`: as `BODY[TEXT]`.
    Rfc822Text,
    /// `UID`.
    Uid,
}

impl FetchAttribute {
    /// Whether fetching it sets `\Seen` (RFC 9051 §6.4.5).
    pub fn sets_seen(&self) -> bool {
        match self {
            Self::Binary { is_peek, .. } | Self::BodySection { is_peek, .. } => !is_peek,
            Self::Rfc822 | Self::Rfc822Text => true,
            _ => false,
        }
    }
}

/// A section of a message (RFC 9051 §6.4.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Part numbers from the outside in, none zero; empty for the message itself.
    pub part: Vec<u32>,
    /// What of that part.
    pub text: SectionText,
}

/// What of a part is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// All of it: the message, or the body of a part.
    All,
    /// `HEADER`.
    Header,
    /// `HEADER.FIELDS`: these fields.
    HeaderFields(Vec<Box<str>>),
    /// `HEADER.FIELDS.NOT`: all but these fields.
    HeaderFieldsNot(Vec<Box<str>>),
    /// `MIME`: the header of the part itself; never without part numbers.
    Mime,
    /// `TEXT`: what follows the header.
    Text,
}

/// A range of octets asked for (RFC 9051 §9, `partial`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The first octet, from zero.
    pub offset: u64,
    /// At most so many octets; not zero.
    pub octets: u64,
}
