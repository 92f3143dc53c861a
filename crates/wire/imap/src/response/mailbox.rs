//! Responses about mailboxes (RFC 9051 §7.3).

use std::sync::Arc;

use postroom_mail::flag::{Keyword, SpecialUse, SystemFlags};
use postroom_mail::identifier::ModSeq;
use postroom_mail::uid_set::UidSet;

use crate::command::Numbering;
use crate::command::list::StatusItem;

/// The flags of a mailbox: of FLAGS and PERMANENTFLAGS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagList {
    /// System flags.
    pub system: SystemFlags,
    /// Keywords.
    pub keywords: Arc<[Keyword]>,
    /// Whether new keywords may be made (`\*`).
    pub is_open: bool,
}

/// One name of LIST or LSUB (RFC 9051 §7.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Attributes, in the order they are printed.
    pub attributes: Vec<Attribute>,
    /// The hierarchy separator; `None` prints NIL.
    pub separator: Option<char>,
    /// The name as Unicode text.
    pub name: Box<str>,
    /// Selection options by which a mailbox below it matched (`CHILDINFO`, RFC 5258 §3.5).
    pub child_info: Vec<ChildInfo>,
    /// What the client called it, if that is not its name (`OLDNAME`, RFC 9051 §6.3.9.7).
    pub old_name: Option<Box<str>>,
}

/// What below a listed name matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildInfo {
    /// A subscribed mailbox.
    Subscribed,
    /// A mailbox with a special use.
    SpecialUse,
}

/// An attribute of a listed name (RFC 9051 §7.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// `\HasChildren`.
    HasChildren,
    /// `\HasNoChildren`.
    HasNoChildren,
    /// `\Marked`.
    Marked,
    /// `\NonExistent`; LSUB and plain LIST want `NoSelect` beside it.
    NonExistent,
    /// `\Noinferiors`.
    NoInferiors,
    /// `\Noselect`.
    NoSelect,
    /// `\Remote`.
    Remote,
    /// `\Subscribed`.
    Subscribed,
    /// `\Unmarked`.
    Unmarked,
    /// A special use.
    Use(SpecialUse),
}

impl Attribute {
    /// The attribute on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::HasChildren => "\\HasChildren",
            Self::HasNoChildren => "\\HasNoChildren",
            Self::Marked => "\\Marked",
            Self::NonExistent => "\\NonExistent",
            Self::NoInferiors => "\\Noinferiors",
            Self::NoSelect => "\\Noselect",
            Self::Remote => "\\Remote",
            Self::Subscribed => "\\Subscribed",
            Self::Unmarked => "\\Unmarked",
            Self::Use(wanted) => SpecialUse::ALL
                .iter()
                .find(|(each, _)| *each == wanted)
                .map_or("", |(_, name)| name),
        }
    }
}

/// STATUS of one mailbox (RFC 9051 §7.3.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxStatus {
    /// The name as Unicode text.
    pub name: Box<str>,
    /// Values, in the order they are printed.
    pub values: Vec<(StatusItem, u64)>,
}

/// NAMESPACE (RFC 9051 §7.3.3); an empty list prints NIL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// The user's own.
    pub personal: Vec<Namespace>,
    /// Of other users.
    pub others: Vec<Namespace>,
    /// Shared by all.
    pub shared: Vec<Namespace>,
}

/// One namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// What its names begin with, as Unicode text.
    pub prefix: Box<str>,
    /// The hierarchy separator; `None` prints NIL.
    pub separator: Option<char>,
}

/// ESEARCH (RFC 4731 §3.1, RFC 9051 §7.3.4): only what was asked for is `Some`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Esearch {
    /// What the numbers are.
    pub by: Numbering,
    /// The lowest number; `None` also where nothing was found.
    pub min: Option<u32>,
    /// The highest number.
    pub max: Option<u32>,
    /// All numbers; not printed when empty.
    pub all: Option<UidSet>,
    /// How many.
    pub count: Option<u64>,
    /// The highest MODSEQ found (RFC 7162 §3.1.6).
    pub modseq: Option<ModSeq>,
}

/// SEARCH (RFC 3501 §7.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Searched {
    /// Printed ascending.
    pub numbers: UidSet,
    /// The highest MODSEQ found, if MODSEQ was searched for (RFC 7162 §3.1.6); not printed where
    /// there are no numbers.
    pub mod_seq: Option<ModSeq>,
}

/// VANISHED (RFC 7162 §3.2.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vanished {
    /// Whether the client counts these messages no longer, if it ever did.
    pub is_earlier: bool,
    /// Which UIDs; never empty. All in one line, so that a host splits a set of many ranges.
    pub uids: UidSet,
}
