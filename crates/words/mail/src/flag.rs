//! Flags of a message in a mailbox (RFC 9051 §2.3.2).

/// The system flags, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SystemFlags(pub u8);

impl SystemFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// `\Seen`.
    pub const SEEN: Self = Self(1);
    /// `\Answered`.
    pub const ANSWERED: Self = Self(2);
    /// `\Flagged`.
    pub const FLAGGED: Self = Self(4);
    /// `\Deleted`.
    pub const DELETED: Self = Self(8);
    /// `\Draft`.
    pub const DRAFT: Self = Self(16);

    /// Each flag with its IMAP spelling.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::ANSWERED, "\\Answered"),
        (Self::FLAGGED, "\\Flagged"),
        (Self::DELETED, "\\Deleted"),
        (Self::SEEN, "\\Seen"),
        (Self::DRAFT, "\\Draft"),
    ];

    /// Whether every flag of `other` is set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without those of `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Keywords a mailbox may name at most; the next is refused with `NO [LIMIT]`.
pub const KEYWORDS_MAX: usize = 256;

/// A keyword: an atom that does not begin with a backslash, as the client spelled it.
///
/// Compared without regard to ASCII case (RFC 9051 §2.3.2).
#[derive(Clone, Debug)]
pub struct Keyword(Box<str>);

/// Octets a keyword may have.
pub const KEYWORD_OCTETS_MAX: usize = 128;

impl Keyword {
    /// A keyword of this text; `None` unless it is a non-empty atom of printable ASCII.
    pub fn new(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= KEYWORD_OCTETS_MAX;
        let atom = text.bytes().all(|byte| {
            byte.is_ascii_graphic()
                && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
        });
        (fits && atom).then(|| Self(text.into()))
    }

    /// As it was spelled first.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

/// Flags as a client names them: system flags and keywords by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// System flags.
    pub system: SystemFlags,
    /// Keywords, in the order named, none twice.
    pub keywords: Vec<Keyword>,
}

/// Keywords of one message: bit `n` is the mailbox's keyword number `n`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeywordSet(pub [u64; KEYWORDS_MAX / 64]);

impl KeywordSet {
    /// No keyword.
    pub const NONE: Self = Self([0; KEYWORDS_MAX / 64]);

    /// Whether keyword number `index` is set.
    pub fn contains(&self, index: usize) -> bool {
        self.0
            .get(index / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Sets keyword number `index`; numbers at or above [`KEYWORDS_MAX`] are not kept.
    pub fn insert(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// Both together.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
        self
    }

    /// These without those of `other`.
    #[must_use]
    pub fn without(mut self, other: &Self) -> Self {
        for (word, less) in self.0.iter_mut().zip(other.0) {
            *word &= !less;
        }
        self
    }

    /// The numbers that are set, ascending.
    pub fn indices(&self) -> impl Iterator<Item = usize> + '_ {
        (0..KEYWORDS_MAX).filter(|&index| self.contains(index))
    }
}

/// How a client changes flags (RFC 9051 §6.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// `FLAGS`.
    Replace,
    /// `+FLAGS`.
    Add,
    /// `-FLAGS`.
    Remove,
}

/// What a mailbox is for (RFC 6154 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    /// `\All`.
    All,
    /// `\Archive`.
    Archive,
    /// `\Drafts`.
    Drafts,
    /// `\Flagged`.
    Flagged,
    /// `\Junk`.
    Junk,
    /// `\Sent`.
    Sent,
    /// `\Trash`.
    Trash,
}

impl SpecialUse {
    /// Each with its attribute of LIST.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::All, "\\All"),
        (Self::Archive, "\\Archive"),
        (Self::Drafts, "\\Drafts"),
        (Self::Flagged, "\\Flagged"),
        (Self::Junk, "\\Junk"),
        (Self::Sent, "\\Sent"),
        (Self::Trash, "\\Trash"),
    ];
}
