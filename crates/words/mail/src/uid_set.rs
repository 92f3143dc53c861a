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

    /// What is in both sets. Cost: the ranges of both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut both = Self::new();
        let (mut mine, mut others) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(one), Some(two)) = (mine.peek(), others.peek()) {
            let (start, end) = (one.start().max(two.start()), one.end().min(two.end()));
            if start <= end {
                both.push(*start..=*end);
            }
            if one.end() < two.end() {
                mine.next();
            } else {
                others.next();
            }
        }
        both
    }

    /// What is in this set and not in the other. Cost: the ranges of both.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut left = Self::new();
        let mut others = other.0.iter().peekable();
        for range in &self.0 {
            let mut next = Some(*range.start());
            while let Some(taken) = others.peek().filter(|taken| taken.start() <= range.end()) {
                if let Some(start) = next.filter(|start| start < taken.start()) {
                    left.push(start..=*taken.start() - 1);
                }
                if taken.end() > range.end() {
                    next = None;
                    break;
                }
                // A range that ended before this one began takes nothing of it.
                next = next.and_then(|start| Some(start.max(taken.end().checked_add(1)?)));
                others.next();
            }
            if let Some(start) = next.filter(|start| start <= range.end()) {
                left.push(start..=*range.end());
            }
        }
        left
    }

    /// What is in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.0.iter().chain(&other.0).cloned())
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn sets() -> impl Strategy<Value = BTreeSet<u32>> {
        prop::collection::btree_set(1_u32..40, 0..30)
    }

    proptest! {
        #[test]
        fn sets_of_ranges_are_sets(one in sets(), other in sets()) {
            let [first, second] = [&one, &other].map(|set| set.iter().copied().collect::<UidSet>());
            let numbers = |set: UidSet| set.iter().collect::<BTreeSet<u32>>();
            prop_assert_eq!(numbers(first.intersection(&second)), &one & &other);
            prop_assert_eq!(numbers(first.difference(&second)), &one - &other);
            prop_assert_eq!(numbers(first.union(&second)), &one | &other);
        }
    }

    #[test]
    fn differences_end_at_the_highest_number() {
        let all = UidSet::from_ranges([1..=u32::MAX]);
        let last = UidSet::from_iter([u32::MAX]);
        assert_eq!(all.difference(&last).ranges(), [1..=u32::MAX - 1]);
        assert_eq!(last.difference(&all), UidSet::new());
        assert_eq!(all.intersection(&last), last);
    }
}
