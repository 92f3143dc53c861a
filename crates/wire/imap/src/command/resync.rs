//! What a client remembers of a mailbox and wants to catch up from (RFC 7162).

use postroom_mail::identifier::{ModSeq, UidValidity};
use postroom_mail::uid_set::UidSet;

/// The modifier CHANGEDSINCE of FETCH (RFC 7162 §3.1.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedSince {
    /// Only messages changed after this are told.
    pub mod_seq: ModSeq,
    /// Whether UIDs that went after it are told too: VANISHED, of UID FETCH alone (§3.2.6).
    pub tells_vanished: bool,
}

/// The parameter QRESYNC of SELECT and EXAMINE (RFC 7162 §3.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownState {
    /// The epoch of the UIDs; in another all the rest means nothing.
    pub uid_validity: UidValidity,
    /// All changes up to this are known.
    pub mod_seq: ModSeq,
    /// UIDs the client asks about; `None` for all there ever were.
    pub uids: Option<UidSet>,
    /// Which messages some sequence numbers stood for.
    pub sample: Option<Sample>,
}

/// Sequence numbers and the UIDs of the same messages, as many of the one as of the other, both
/// ascending (RFC 7162 §3.2.5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Sequence numbers.
    pub sequences: UidSet,
    /// Their UIDs.
    pub uids: UidSet,
}
