//! How values stand in a record: numbers in base 128, least significant group first; text and
//! octets behind their length; choices behind one octet.

use std::ops::Range;

use postroom_mail::envelope::{Notify, Ret};
use postroom_mail::flag::{FlagChange, Keyword, KeywordSet, SpecialUse, SystemFlags};
use postroom_mail::identifier::{
    AccountId, ArrivalId, BlobId, EmailId, MailboxId, ModSeq, Uid, UidValidity,
};
use postroom_mail::mailbox_name::MailboxName;
use postroom_mail::uid_set::UidSet;
use postroom_runtime::clock::Timestamp;

use crate::operation::{EntryId, LeaseToken};

/// Bytes that are no value of the kind expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record is malformed")]
pub struct Malformed;

/// Elements for which room is made before they are read: a length that lies costs no memory.
const RESERVED_MAX: usize = 256;

/// What is left to read.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn octets(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn octet(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*first)
    }
}

/// A value with a form in records. `take` of what `put` wrote is the same value.
pub(crate) trait Coded: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(input: &mut Input<'_>) -> Result<Self, Malformed>;
}

/// The value that fills all of `bytes`.
pub(crate) fn decode<T: Coded>(bytes: &[u8]) -> Result<T, Malformed> {
    let mut input = Input::new(bytes);
    let value = T::take(&mut input)?;
    if input.is_empty() {
        Ok(value)
    } else {
        Err(Malformed)
    }
}

/// The form of one value.
pub(crate) fn encode<T: Coded>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.put(&mut out);
    out
}

/// Codes a struct field by field, in the order given.
macro_rules! coded_struct {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl Coded for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }

            fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
                Ok(Self { $($field: Coded::take(input)?),* })
            }
        }
    };
}

/// Codes an enum as the octet given for the variant and then its fields.
macro_rules! coded_enum {
    ($name:ident {
        $($tag:literal => $variant:ident $({ $($field:ident),* $(,)? })? $(( $inner:ident ))?),* $(,)?
    }) => {
        impl Coded for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $({ $($field),* })? $(( $inner ))? => {
                        out.push($tag);
                        $($($field.put(out);)*)?
                        $($inner.put(out);)?
                    })*
                }
            }

            fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
                Ok(match input.octet()? {
                    $($tag => Self::$variant
                        $({ $($field: Coded::take(input)?),* })?
                        $(({ let $inner = Coded::take(input)?; $inner }))?,)*
                    _ => return Err(Malformed),
                })
            }
        }
    };
}

/// Codes a newtype as what it holds.
macro_rules! coded_number {
    ($($name:ident),*) => {
        $(impl Coded for $name {
            fn put(&self, out: &mut Vec<u8>) {
                self.0.put(out);
            }

            fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
                Coded::take(input).map(Self)
            }
        })*
    };
}

pub(crate) use {coded_enum, coded_struct};

coded_number!(
    AccountId, MailboxId, EmailId, BlobId, ModSeq, Timestamp, EntryId, LeaseToken
);
coded_number!(SystemFlags, Notify);

impl Coded for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut left = *self;
        while left >= 0x80 {
            out.push(left.to_le_bytes()[0] | 0x80);
            left >>= 7;
        }
        out.push(left.to_le_bytes()[0]);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let mut number = 0;
        for place in 0..10 {
            let octet = input.octet()?;
            let group = Self::from(octet & 0x7F);
            if place == 9 && group > 1 {
                return Err(Malformed);
            }
            number |= group << (7 * place);
            if octet & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }
}

impl Coded for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        u64::from(*self).put(out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Self::try_from(u64::take(input)?).map_err(|_| Malformed)
    }
}

impl Coded for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        input.octet()
    }
}

impl Coded for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        match input.octet()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
}

impl Coded for Box<str> {
    fn put(&self, out: &mut Vec<u8>) {
        put_octets(self.as_bytes(), out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let octets = take_octets(input)?;
        std::str::from_utf8(octets)
            .map(Into::into)
            .map_err(|_| Malformed)
    }
}

impl Coded for Box<[u8]> {
    fn put(&self, out: &mut Vec<u8>) {
        put_octets(self, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        take_octets(input).map(Into::into)
    }
}

fn put_octets(octets: &[u8], out: &mut Vec<u8>) {
    (octets.len() as u64).put(out);
    out.extend_from_slice(octets);
}

fn take_octets<'a>(input: &mut Input<'a>) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(u64::take(input)?).map_err(|_| Malformed)?;
    input.octets(length)
}

impl<T: Coded> Coded for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        bool::take(input)?.then(|| T::take(input)).transpose()
    }
}

impl<T: Coded> Coded for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        for value in self {
            value.put(out);
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let length = usize::try_from(u64::take(input)?).map_err(|_| Malformed)?;
        let mut values = Self::with_capacity(length.min(RESERVED_MAX));
        for _ in 0..length {
            values.push(T::take(input)?);
        }
        Ok(values)
    }
}

impl Coded for Range<u64> {
    fn put(&self, out: &mut Vec<u8>) {
        self.start.put(out);
        self.end.saturating_sub(self.start).put(out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let start = u64::take(input)?;
        let end = start.checked_add(u64::take(input)?).ok_or(Malformed)?;
        Ok(start..end)
    }
}

impl Coded for UidSet {
    fn put(&self, out: &mut Vec<u8>) {
        (self.ranges().len() as u64).put(out);
        let mut last = 0;
        for range in self.ranges() {
            (range.start() - last).put(out);
            (range.end() - range.start()).put(out);
            last = *range.end();
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let length = usize::try_from(u64::take(input)?).map_err(|_| Malformed)?;
        let mut ranges = Vec::with_capacity(length.min(RESERVED_MAX));
        let mut last: u32 = 0;
        for _ in 0..length {
            let start = last.checked_add(u32::take(input)?).ok_or(Malformed)?;
            let end = start.checked_add(u32::take(input)?).ok_or(Malformed)?;
            if start <= last {
                return Err(Malformed);
            }
            ranges.push(start..=end);
            last = end;
        }
        Ok(Self::from_ranges(ranges))
    }
}

impl Coded for ArrivalId {
    // Random: eight octets are shorter than ten groups of seven bits.
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let octets = input.octets(8)?.try_into().map_err(|_| Malformed)?;
        Ok(Self(u64::from_le_bytes(octets)))
    }
}

impl Coded for Uid {
    fn put(&self, out: &mut Vec<u8>) {
        self.number().put(out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Self::new(u32::take(input)?).ok_or(Malformed)
    }
}

impl Coded for UidValidity {
    fn put(&self, out: &mut Vec<u8>) {
        self.number().put(out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Self::new(u32::take(input)?).ok_or(Malformed)
    }
}

impl Coded for MailboxName {
    fn put(&self, out: &mut Vec<u8>) {
        (self.components().len() as u64).put(out);
        for component in self.components() {
            component.put(out);
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Self::from_components(Vec::take(input)?).map_err(|_| Malformed)
    }
}

impl Coded for Keyword {
    fn put(&self, out: &mut Vec<u8>) {
        put_octets(self.as_str().as_bytes(), out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let text = Box::<str>::take(input)?;
        Self::new(&text).ok_or(Malformed)
    }
}

impl Coded for KeywordSet {
    fn put(&self, out: &mut Vec<u8>) {
        for word in self.0 {
            word.put(out);
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let mut set = Self::NONE;
        for word in &mut set.0 {
            *word = u64::take(input)?;
        }
        Ok(set)
    }
}

coded_enum!(FlagChange { 0 => Replace, 1 => Add, 2 => Remove });
coded_enum!(Ret { 0 => Full, 1 => Headers });
coded_enum!(SpecialUse {
    0 => All, 1 => Archive, 2 => Drafts, 3 => Flagged, 4 => Junk, 5 => Sent, 6 => Trash,
});
