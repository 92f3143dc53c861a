//! Sequence sets (RFC 9051 §9, `sequence-set`).

use std::ops::RangeInclusive;

use postroom_mail::uid_set::UidSet;

/// Message numbers as a client names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequenceSet {
    /// Numbers and ranges, in the client's order; never empty.
    Ranges(Vec<SequenceRange>),
    /// `$`: the result that the last SEARCH saved (RFC 5182).
    Saved,
}

/// One range, with ends in either order; a single number is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceRange {
    /// One end.
    pub from: SequenceNumber,
    /// The other.
    pub to: SequenceNumber,
}

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceNumber {
    /// `*`: the highest number in use.
    Last,
    /// A number, not zero.
    Number(u32),
}

impl SequenceSet {
    /// The numbers meant where the highest in use is `last` (zero in an empty mailbox: then
    /// `*` stands for nothing) and the saved result is `saved`.
    ///
    /// Numbers above `last` stay in: FETCH by sequence number refuses them, UIDs that are not
    /// there are no error (RFC 9051 §6.4.9).
    pub fn resolve(&self, last: u32, saved: &UidSet) -> UidSet {
        match self {
            Self::Saved => saved.clone(),
            Self::Ranges(ranges) => {
                UidSet::from_ranges(ranges.iter().map(|range| range.resolve(last)))
            }
        }
    }

    /// The highest number named outright; `None` where only `*` or `$` is.
    pub fn highest(&self) -> Option<u32> {
        let Self::Ranges(ranges) = self else {
            return None;
        };
        ranges
            .iter()
            .flat_map(|range| [range.from, range.to])
            .filter_map(|end| match end {
                SequenceNumber::Last => None,
                SequenceNumber::Number(number) => Some(number),
            })
            .max()
    }

    /// Whether `*` is in it, which an empty mailbox has no number for.
    pub fn has_last(&self) -> bool {
        matches!(self, Self::Ranges(ranges) if ranges.iter().any(|range| {
            range.from == SequenceNumber::Last || range.to == SequenceNumber::Last
        }))
    }
}

impl SequenceRange {
    fn resolve(self, last: u32) -> RangeInclusive<u32> {
        let [from, to] = [self.from, self.to].map(|end| match end {
            SequenceNumber::Last => last,
            SequenceNumber::Number(number) => number,
        });
        from.min(to)..=from.max(to)
    }
}
