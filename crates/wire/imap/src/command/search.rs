//! SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 4731).

use postroom_mail::date::Date;
use postroom_mail::flag::{Keyword, SystemFlags};
use postroom_mail::identifier::ModSeq;

use super::Numbering;
use crate::sequence::SequenceSet;

/// SEARCH or UID SEARCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// What the numbers of the result are.
    pub by: Numbering,
    /// The options of RETURN: `None` wants a SEARCH response, `Some` an ESEARCH; an empty list
    /// was replaced by ALL (RFC 4731 §3.1).
    pub returns: Option<Vec<SearchReturn>>,
    /// What was said of the charset of texts.
    pub charset: CharsetSpec,
    /// What to find; several keys are one [`SearchKey::And`].
    pub key: SearchKey,
}

/// What a client said of the charset of its texts. They are given as UTF-8 whatever it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CharsetSpec {
    /// Nothing: texts are UTF-8, of which US-ASCII is a part.
    Unsaid,
    /// One that is known.
    Known,
    /// One that nobody knows: texts are empty, and the command is answered NO \[BADCHARSET]
    /// (RFC 9051 §6.4.4).
    Unknown,
}

/// An option of RETURN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchReturn {
    /// `ALL`: all numbers, as a set.
    All,
    /// `COUNT`.
    Count,
    /// `MAX`.
    Max,
    /// `MIN`.
    Min,
    /// `SAVE`: keep the result as `$` (RFC 5182).
    Save,
}

/// A search key. Keys that are others in disguise (UNSEEN, NEW, OLD, FROM, ...) are given as
/// those others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchKey {
    /// `ALL`.
    All,
    /// All of these; never empty.
    And(Vec<SearchKey>),
    /// `BEFORE`: internal date earlier than this day.
    Before(Date),
    /// `BODY`: text in the body.
    Body(Box<str>),
    /// `ANSWERED`, `DELETED`, `DRAFT`, `FLAGGED`, `SEEN`.
    Flag(SystemFlags),
    /// `HEADER`, `BCC`, `CC`, `FROM`, `SUBJECT`, `TO`: text in this field.
    Header {
        /// Name of the field.
        name: Box<str>,
        /// What it holds; empty text asks only that the field is there.
        text: Box<str>,
    },
    /// `KEYWORD`.
    Keyword(Keyword),
    /// `LARGER`: more octets than this.
    Larger(u64),
    /// `MODSEQ`: changed at or after (RFC 7162 §3.1.5). Entry names are read and left out, as
    /// flags have one MODSEQ together.
    ModSeq(ModSeq),
    /// `NOT`.
    Not(Box<SearchKey>),
    /// `OLDER`: internal date at least so many seconds ago (RFC 5032).
    Older(u32),
    /// `ON`: internal date within this day.
    On(Date),
    /// `OR`.
    Or(Box<SearchKey>, Box<SearchKey>),
    /// `RECENT` (RFC 3501).
    Recent,
    /// `SENTBEFORE`: Date field earlier than this day.
    SentBefore(Date),
    /// `SENTON`.
    SentOn(Date),
    /// `SENTSINCE`.
    SentSince(Date),
    /// A sequence set by itself.
    Sequence(SequenceSet),
    /// `SINCE`: internal date within or after this day.
    Since(Date),
    /// `SMALLER`: fewer octets than this.
    Smaller(u64),
    /// `TEXT`: text in header or body.
    Text(Box<str>),
    /// `UID`.
    Uid(SequenceSet),
    /// `YOUNGER`: internal date at most so many seconds ago (RFC 5032).
    Younger(u32),
}

impl SearchKey {
    /// The key that is true where this is not.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Whether MODSEQ is among the keys: then the result tells the highest (RFC 7162 §3.1.5).
    pub fn has_mod_seq(&self) -> bool {
        self.any(&|key| matches!(key, Self::ModSeq(_)))
    }

    /// Whether sequence numbers are among the keys.
    pub fn has_sequence(&self) -> bool {
        self.any(&|key| matches!(key, Self::Sequence(SequenceSet::Ranges(_))))
    }

    /// Whether `is_wanted` holds for this key or one within it.
    fn any(&self, is_wanted: &dyn Fn(&Self) -> bool) -> bool {
        is_wanted(self)
            || match self {
                Self::And(keys) => keys.iter().any(|key| key.any(is_wanted)),
                Self::Not(key) => key.any(is_wanted),
                Self::Or(one, other) => one.any(is_wanted) || other.any(is_wanted),
                _ => false,
            }
    }
}
