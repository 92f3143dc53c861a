//! Failed logins by address, so that a new connection does not begin anew.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failed logins of one address (IPv6: one /64) within [`WINDOW`]; more get 454 unheard.
const FAILURES_MAX: u32 = 100;

/// How long failures count together.
const WINDOW: Duration = Duration::from_mins(10);

/// Addresses that are remembered; beyond it those whose window is over go, else all.
const ADDRESSES_MAX: usize = 100_000;

/// Counts failures.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<IpAddr, Count>>);

#[derive(Debug, Clone, Copy)]
struct Count {
    since: Instant,
    failures: u32,
}

impl Failures {
    /// Whether an address has failed too often to be heard now.
    pub(crate) fn is_spent(&self, address: IpAddr, now: Instant) -> bool {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .get(&place(address))
            .is_some_and(|count| !is_over(*count, now) && count.failures >= FAILURES_MAX)
    }

    /// One more failure.
    pub(crate) fn add(&self, address: IpAddr, now: Instant) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= ADDRESSES_MAX {
            counts.retain(|_, count| !is_over(*count, now));
            if counts.len() >= ADDRESSES_MAX {
                counts.clear();
            }
        }
        let count = counts.entry(place(address)).or_insert(Count {
            since: now,
            failures: 0,
        });
        if is_over(*count, now) {
            *count = Count {
                since: now,
                failures: 0,
            };
        }
        count.failures = count.failures.saturating_add(1);
    }
}

fn is_over(count: Count, now: Instant) -> bool {
    now.saturating_duration_since(count.since) > WINDOW
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

    #[test]
    fn an_address_is_not_heard_after_too_many_failures_until_its_window_ends() {
        let failures = Failures::default();
        let now = Clock::system().now();
        let [bad, near, good]: [IpAddr; 3] =
            ["2001:db8::1", "2001:db8::2", "192.0.2.1"].map(|text| text.parse().unwrap());
        for _ in 0..FAILURES_MAX {
            assert!(!failures.is_spent(bad, now));
            failures.add(bad, now);
        }
        assert!(failures.is_spent(bad, now) && failures.is_spent(near, now));
        assert!(!failures.is_spent(good, now));
        assert!(!failures.is_spent(bad, now + WINDOW * 2));
    }
}
