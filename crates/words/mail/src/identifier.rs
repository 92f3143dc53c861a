//! Identifiers, each a number of its own kind.

use std::fmt;
use std::num::NonZeroU32;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// An account, for as long as the data directory lives; never used twice.
    AccountId(u64)
}
number! {
    /// A mailbox (folder) of an account; never used twice, also after a rename or a deletion.
    MailboxId(u64)
}
number! {
    /// A message of an account, whatever mailboxes it lies in (RFC 8474 EMAILID).
    EmailId(u64)
}
number! {
    /// Kept bytes, shared by every message and queue entry made of them.
    BlobId(u64)
}
number! {
    /// A message within one mailbox and one UIDVALIDITY (RFC 9051 §2.3.1.1).
    Uid(NonZeroU32)
}
number! {
    /// The epoch within which UIDs of a mailbox are unique (RFC 9051 §2.3.1.1).
    UidValidity(NonZeroU32)
}
number! {
    /// The moment of a change within an account (RFC 7162 §3.1); 63 bits at most.
    ModSeq(u64)
}

impl Uid {
    /// The UID of this number; `None` for zero.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The bare number.
    pub fn number(self) -> u32 {
        self.0.get()
    }
}

impl UidValidity {
    /// The UIDVALIDITY of this number; `None` for zero.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The bare number.
    pub fn number(self) -> u32 {
        self.0.get()
    }
}

/// Names one plan: an accepted message, an APPEND, any other change. Also its queue id.
///
/// Unique and ascending: microseconds of civil time since 1970 above 12 random bits, so that later
/// ids are greater and no two collide. Remembered for 48 hours, so that a commit whose end nobody
/// saw can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArrivalId(pub u64);

/// Letters of queue ids: no vowels, nothing that looks like something else.
const LETTERS: &[u8; 32] = b"0123456789BCDFGHJKLMNPQRSTVWXYZb";

/// Letters in a printed [`ArrivalId`].
const ARRIVAL_LETTERS: usize = 13;

impl fmt::Display for ArrivalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in (0..ARRIVAL_LETTERS).rev() {
            let index = (self.0 >> (place * 5)) & 31;
            let letter = LETTERS
                .get(usize::try_from(index).unwrap_or(0))
                .unwrap_or(&b'0');
            write!(f, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

/// A text is no queue id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a queue id has {ARRIVAL_LETTERS} letters and digits")]
pub struct ArrivalIdError;

impl std::str::FromStr for ArrivalId {
    type Err = ArrivalIdError;

    fn from_str(text: &str) -> Result<Self, ArrivalIdError> {
        if text.len() != ARRIVAL_LETTERS {
            return Err(ArrivalIdError);
        }
        let mut number: u128 = 0;
        for byte in text.bytes() {
            let index = LETTERS
                .iter()
                .position(|&letter| letter == byte)
                .ok_or(ArrivalIdError)?;
            number = (number << 5) | index as u128;
        }
        u64::try_from(number).map(Self).map_err(|_| ArrivalIdError)
    }
}
