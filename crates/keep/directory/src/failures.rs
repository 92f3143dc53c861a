//! Failed sign-ins by address, so that a new connection, or another protocol, does not begin anew.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use postroom_runtime::watched::Watched;

/// Addresses that are remembered; beyond it those whose window is over go, else all.
const ADDRESSES_MAX: usize = 100_000;

/// What one address (IPv6: one /64) may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Failures within the window; then nothing is heard until it is over.
    pub(crate) failures_max: u32,
    /// From the first failure.
    pub(crate) window: Duration,
    /// Sign-ins at a time, so that one address cannot keep the others from being heard.
    pub(crate) in_hand_max: u32,
}

/// Why a sign-in is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unheard {
    /// Too many of the address are in hand.
    Busy,
    /// Too many of the address have failed.
    Spent,
}

/// Counts failures.
#[derive(Debug)]
pub(crate) struct Failures {
    bounds: Watched<Bounds>,
    counts: Mutex<HashMap<IpAddr, Count>>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    since: Instant,
    failures: u32,
    in_hand: u32,
}

/// A sign-in that is heard. Unless it is forgiven it counts as a failure: whoever hangs up before
/// the answer has tried a password too.
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt<'f> {
    failures: &'f Failures,
    place: IpAddr,
    began: Instant,
    is_forgiven: bool,
}

impl Failures {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds: Watched::new(bounds),
            counts: Mutex::default(),
        }
    }

    /// Other bounds from now on, for failures that were counted before too.
    pub(crate) fn reload(&self, bounds: Bounds) {
        self.bounds.set(bounds);
    }

    /// Begins a sign-in of an address, if it is to be heard. Those in hand may all fail, so they
    /// count once one has.
    pub(crate) fn begin(&self, address: IpAddr, now: Instant) -> Result<Attempt<'_>, Unheard> {
        let (place, bounds) = (place(address), self.bounds.get());
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        self.make_room(&mut counts, now);
        let count = counts.entry(place).or_insert(Count {
            since: now,
            failures: 0,
            in_hand: 0,
        });
        if self.is_over(count, now) {
            (count.since, count.failures) = (now, 0);
        }
        if count.in_hand >= bounds.in_hand_max {
            return Err(Unheard::Busy);
        }
        let may_fail = count.failures.saturating_add(count.in_hand);
        if count.failures > 0 && may_fail >= bounds.failures_max {
            return Err(Unheard::Spent);
        }
        count.in_hand += 1;
        Ok(Attempt {
            failures: self,
            place,
            began: now,
            is_forgiven: false,
        })
    }

    fn make_room(&self, counts: &mut HashMap<IpAddr, Count>, now: Instant) {
        if counts.len() >= ADDRESSES_MAX {
            counts.retain(|_, count| count.in_hand > 0 || !self.is_over(count, now));
            if counts.len() >= ADDRESSES_MAX {
                counts.clear();
            }
        }
    }

    fn is_over(&self, count: &Count, now: Instant) -> bool {
        now.saturating_duration_since(count.since) > self.bounds.get().window
    }
}

impl Attempt<'_> {
    /// It did not fail, or not by a fault of the peer.
    pub(crate) fn forgive(mut self) {
        self.is_forgiven = true;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let counts = &self.failures.counts;
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = counts.get_mut(&self.place) else {
            return;
        };
        count.in_hand = count.in_hand.saturating_sub(1);
        if !self.is_forgiven {
            if count.failures == 0 {
                count.since = self.began;
            }
            count.failures = count.failures.saturating_add(1);
        } else if count.in_hand == 0 && count.failures == 0 {
            // Only whoever has failed is remembered.
            counts.remove(&self.place);
        }
    }
}

fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use postroom_runtime::clock::Clock;

    use super::*;

    const WINDOW: Duration = Duration::from_mins(10);

    fn failures() -> Failures {
        Failures::new(Bounds {
            failures_max: 10,
            window: WINDOW,
            in_hand_max: 4,
        })
    }

    fn addresses() -> [IpAddr; 3] {
        ["2001:db8::1", "2001:db8::2", "192.0.2.1"].map(|text| text.parse().unwrap())
    }

    fn outcome(failures: &Failures, address: IpAddr, now: Instant) -> Option<Unheard> {
        failures.begin(address, now).map(Attempt::forgive).err()
    }

    #[test]
    fn attack_f10_an_address_is_not_heard_after_too_many_failures_until_its_window_ends() {
        let failures = failures();
        let now = Clock::system().now();
        let [bad, near, good] = addresses();
        for _ in 0..10 {
            assert_eq!(outcome(&failures, near, now), None);
            drop(failures.begin(bad, now));
        }
        assert_eq!(outcome(&failures, bad, now), Some(Unheard::Spent));
        assert_eq!(outcome(&failures, near, now), Some(Unheard::Spent));
        assert_eq!(outcome(&failures, good, now), None);
        assert_eq!(outcome(&failures, bad, now + WINDOW * 2), None);
    }

    #[test]
    fn sign_ins_in_hand_are_bounded_and_count_once_one_has_failed() {
        let failures = failures();
        let now = Clock::system().now();
        let [flood, _, good] = addresses();
        let held: Vec<_> = (0..4)
            .map(|_| failures.begin(flood, now).unwrap())
            .collect();
        assert_eq!(outcome(&failures, flood, now), Some(Unheard::Busy));
        assert_eq!(outcome(&failures, good, now), None);
        held.into_iter().for_each(Attempt::forgive);
        for _ in 0..7 {
            drop(failures.begin(flood, now));
        }
        let held: Vec<_> = (0..3)
            .map(|_| failures.begin(flood, now).unwrap())
            .collect();
        assert_eq!(outcome(&failures, flood, now), Some(Unheard::Spent));
        held.into_iter().for_each(Attempt::forgive);
        assert_eq!(outcome(&failures, flood, now), None);
    }

    #[test]
    fn whoever_has_not_failed_is_not_remembered() {
        let failures = failures();
        outcome(&failures, addresses()[0], Clock::system().now());
        assert!(failures.counts.lock().unwrap().is_empty());
    }
}
