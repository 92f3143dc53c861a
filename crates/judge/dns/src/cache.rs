//! What was answered a while ago.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;
use std::time::Instant;

/// Answers with an end. Holds at most the bound it is given; at the bound, what has not been used
/// for about half of the cache's length goes.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    /// Used since the last turn.
    young: HashMap<K, (V, Instant)>,
    /// Used in the turn before; what is used again moves up.
    old: HashMap<K, (V, Instant)>,
    generation_max: usize,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// A cache of at most `entries_max` answers.
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            generation_max: entries_max / 2,
        }
    }

    pub(crate) fn get(&mut self, key: &K, now: Instant) -> Option<V> {
        if let Some((value, until)) = self.young.get(key) {
            return (*until > now).then(|| value.clone());
        }
        let (key, (value, until)) = self.old.remove_entry(key)?;
        if until <= now {
            return None;
        }
        self.put(key, value.clone(), until);
        Some(value)
    }

    pub(crate) fn put(&mut self, key: K, value: V, until: Instant) {
        if self.generation_max == 0 {
            return;
        }
        if self.young.len() >= self.generation_max && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, (value, until));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use postroom_runtime::clock::{Clock, Timestamp};

    use super::*;

    #[test]
    fn answers_end() {
        let clock = Clock::manual(Timestamp(0));
        let mut cache = Cache::new(8);
        let second = Duration::from_secs(1);
        cache.put("a", 1, clock.now() + second);
        assert_eq!(cache.get(&"a", clock.now()), Some(1));
        clock.advance(second);
        assert_eq!(cache.get(&"a", clock.now()), None);
    }

    #[test]
    fn holds_no_more_than_its_bound_and_keeps_what_is_used() {
        let clock = Clock::manual(Timestamp(0));
        let until = clock.now() + Duration::from_secs(1);
        let mut cache = Cache::new(8);
        cache.put(0, 0, until);
        for number in 1..1000 {
            cache.put(number, number, until);
            assert_eq!(cache.get(&0, clock.now()), Some(0), "after {number}");
            assert!(cache.young.len() + cache.old.len() <= 8);
        }
    }

    #[test]
    fn a_bound_of_nothing_keeps_nothing() {
        let clock = Clock::manual(Timestamp(0));
        let mut cache = Cache::new(0);
        cache.put(0, 0, clock.now() + Duration::from_secs(1));
        assert_eq!(cache.get(&0, clock.now()), None);
    }
}
