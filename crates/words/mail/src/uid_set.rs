//! Sets of message numbers, kept as ascending ranges.

use std::fmt;
use std::ops::RangeInclusive;

/// A set of UIDs (or of sequence numbers), as ranges that ascend, do not touch and hold no zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidSet(Vec<RangeInclusive<u32>>);

impl UidSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// A set of these ranges, in any order; zeros and empty ranges are left out.
    pub fn from_ranges(ranges: impl IntoIterator<Item = RangeInclusive<u32>>) -> Self {
        let mut sorted: Vec<_> = ranges
            .into_iter()
            .filter(|r| *r.end() > 0 && r.start() <= r.end())
            .collect();
        sorted.sort_unstable_by_key(|range| *range.start());
        let mut set = Self::new();
        for range in sorted {
            set.push(range);
        }
        set
    }

    fn push(&mut self, range: RangeInclusive<u32>) {
        let start = (*range.start()).max(1);
        match self.0.last_mut() {
            Some(last) if start <= last.end().saturating_add(1) => {
                if range.end() > last.end() {
                    *last = *last.start()..=*range.end();
                }
            }
            _ => self.0.push(start..=*range.end()),
        }
    }

    /// Adds one number; cheap when numbers come ascending.
    pub fn insert(&mut self, number: u32) {
        match self.0.last() {
            Some(last) if number < *last.start() => {
                let mut ranges = std::mem::take(&mut self.0);
                ranges.push(number..=number);
                *self = Self::from_ranges(ranges);
            }
            _ if number > 0 => self.push(number..=number),
            _ => {}
        }
    }

    /// Whether `number` is in the set. Cost: a binary search over the ranges.
    pub fn contains(&self, number: u32) -> bool {
        let at = self.0.partition_point(|range| *range.end() < number);
        self.0.get(at).is_some_and(|range| range.contains(&number))
    }

    /// Whether the set has no member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many members.
    pub fn count(&self) -> u64 {
        self.0
            .iter()
            .map(|range| u64::from(range.end() - range.start()) + 1)
            .sum()
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[RangeInclusive<u32>] {
        &self.0
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().cloned().flatten()
    }
}

impl FromIterator<u32> for UidSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        Self::from_ranges(numbers.into_iter().map(|number| number..=number))
    }
}

impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, range) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            if range.start() == range.end() {
                write!(f, "{}", range.start())?;
            } else {
                write!(f, "{}:{}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}
