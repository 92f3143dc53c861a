//! How many sessions there may be, in all and from one peer.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use postroom_runtime::telemetry::Refusal;

/// Whether `limits.exempt` names an address.
pub type Exempt = Box<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Counts open sessions against their bounds.
pub(crate) struct Budget {
    sessions_max: usize,
    per_address_max: usize,
    exempt: Exempt,
    /// One count for all budgets that were renewed from each other.
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    sessions: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The right of one session to be; ends with it.
pub(crate) struct Permit {
    ground: Arc<crate::Ground>,
    place: Place,
}

/// Where a session is counted besides the count of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    Origin(IpAddr),
}

impl Budget {
    /// A budget with nothing open.
    pub(crate) fn new(sessions_max: usize, per_address_max: usize, exempt: Exempt) -> Self {
        Self {
            sessions_max,
            per_address_max,
            exempt,
            open: Arc::default(),
        }
    }

    /// Other bounds over the same open sessions.
    pub(crate) fn renewed(
        &self,
        sessions_max: usize,
        per_address_max: usize,
        exempt: Exempt,
    ) -> Self {
        Self {
            sessions_max,
            per_address_max,
            exempt,
            open: Arc::clone(&self.open),
        }
    }

    /// Sessions that are open now.
    pub(crate) fn sessions(&self) -> usize {
        self.lock().sessions
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more session of `address`, or says which bound it is at.
    fn take(&self, address: IpAddr) -> Result<Place, Refusal> {
        let place = if (self.exempt)(address) {
            Place::Nowhere
        } else {
            Place::Origin(origin(address))
        };
        let mut open = self.lock();
        if open.sessions >= self.sessions_max {
            return Err(Refusal::Sessions);
        }
        if let Place::Origin(origin) = place {
            let sessions = open.by_address.get(&origin).copied().unwrap_or(0);
            if sessions >= self.per_address_max {
                return Err(Refusal::Address);
            }
            open.by_address.insert(origin, sessions + 1);
        }
        open.sessions += 1;
        Ok(place)
    }

    fn give_back(&self, place: Place) {
        let mut open = self.lock();
        open.sessions = open.sessions.saturating_sub(1);
        let Place::Origin(origin) = place else {
            return;
        };
        match open.by_address.get_mut(&origin) {
            Some(sessions) if *sessions > 1 => *sessions -= 1,
            _ => {
                open.by_address.remove(&origin);
            }
        }
    }
}

impl Permit {
    /// The right to one more session of `address`, or the bound that forbids it.
    pub(crate) fn take(ground: &Arc<crate::Ground>, address: IpAddr) -> Result<Self, Refusal> {
        let place = ground.budget.take(address)?;
        Ok(Self {
            ground: Arc::clone(ground),
            place,
        })
    }

    /// Whether budgets by address do not act on this peer.
    pub(crate) fn is_exempt(&self) -> bool {
        self.place == Place::Nowhere
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.ground.budget.give_back(self.place);
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("sessions_max", &self.sessions_max)
            .field("per_address_max", &self.per_address_max)
            .finish_non_exhaustive()
    }
}

/// Whom an address belongs to: one subscriber holds a whole /64 of IPv6 (RFC 6177 §2).
fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(sessions_max: usize, per_address_max: usize) -> Budget {
        Budget::new(
            sessions_max,
            per_address_max,
            Box::new(|address| address.is_loopback()),
        )
    }

    #[test]
    fn one_peer_is_bounded_and_others_notice_nothing() {
        let budget = budget(10, 2);
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let counted = budget.take(one).unwrap();
        assert!(budget.take(one).is_ok());
        assert_eq!(budget.take(one), Err(Refusal::Address));
        assert!(budget.take(other).is_ok());
        budget.give_back(counted);
        assert!(budget.take(one).is_ok());
    }

    #[test]
    fn a_network_of_64_bits_is_one_peer() {
        let budget = budget(10, 1);
        assert!(budget.take("2001:db8::1".parse().unwrap()).is_ok());
        assert!(budget.take("2001:db8::2".parse().unwrap()).is_err());
        assert!(budget.take("2001:db8:0:1::2".parse().unwrap()).is_ok());
    }

    #[test]
    fn exempt_peers_meet_only_the_bound_of_the_house() {
        let budget = budget(3, 1);
        for _ in 0..3 {
            assert!(budget.take("127.0.0.1".parse().unwrap()).is_ok());
        }
        let refused = budget.take("127.0.0.1".parse().unwrap());
        assert_eq!(refused, Err(Refusal::Sessions));
    }

    #[test]
    fn renewed_bounds_count_the_sessions_that_are_open() {
        let old = budget(10, 2);
        let one = "192.0.2.1".parse().unwrap();
        let counted = old.take(one).unwrap();
        let new = old.renewed(1, 2, Box::new(|_| true));
        assert_eq!(new.take(one), Err(Refusal::Sessions), "the house is full");
        old.give_back(counted);
        assert!(new.take(one).is_ok());
    }

    #[test]
    fn nothing_is_remembered_of_a_peer_that_left() {
        let budget = budget(10, 2);
        let counted = budget.take("192.0.2.1".parse().unwrap()).unwrap();
        budget.give_back(counted);
        assert!(budget.lock().by_address.is_empty());
        assert_eq!(budget.sessions(), 0);
    }
}
