//! Whether the clock can be believed when it says that something is old.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use postroom_runtime::clock::{Clock, Timestamp};

/// How long civil time must have gone along with the machine's before age decides anything.
pub const AGREEMENT_MIN: Duration = Duration::from_hours(1);

/// A difference between the two above this is a step: somebody set the clock.
pub const STEP_MAX: Duration = Duration::from_mins(5);

/// Watches civil time against monotonic time. Clones share what they have seen.
#[derive(Clone, Debug)]
pub struct Agreement {
    clock: Clock,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug)]
struct Seen {
    /// Since when the two agree.
    since: Instant,
    /// Both as they stood then.
    civil: Timestamp,
}

impl Agreement {
    /// Agreement that begins now.
    pub fn new(clock: Clock) -> Self {
        let seen = Seen {
            since: clock.now(),
            civil: clock.wall(),
        };
        Self {
            clock,
            seen: Arc::new(Mutex::new(seen)),
        }
    }

    /// Whether the clocks have agreed for [`AGREEMENT_MIN`], since the start or the last step. To
    /// be asked often: a step is seen when it is asked.
    pub fn holds(&self) -> bool {
        let (now, civil) = (self.clock.now(), self.clock.wall());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(seen.since);
        let difference = seen.civil.plus(passed).0.abs_diff(civil.0);
        if Duration::from_micros(difference) > STEP_MAX {
            tracing::warn!(
                seconds = difference / 1_000_000,
                "the clock was set; for an hour nothing fails by its age"
            );
            *seen = Seen { since: now, civil };
            return false;
        }
        passed >= AGREEMENT_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_counts_after_an_hour() {
        let clock = Clock::manual(Timestamp(0));
        let agreement = Agreement::new(clock.clone());
        assert!(!agreement.holds());
        clock.advance(AGREEMENT_MIN);
        assert!(agreement.holds());
    }

    #[test]
    fn a_step_begins_the_hour_anew() {
        let clock = Clock::manual(Timestamp(0));
        let agreement = Agreement::new(clock.clone());
        clock.advance(AGREEMENT_MIN);
        clock.set_wall(STEP_MAX * 2);
        assert!(!agreement.holds());
        clock.advance(AGREEMENT_MIN / 2);
        assert!(!agreement.holds());
        clock.advance(AGREEMENT_MIN / 2);
        assert!(agreement.holds());
    }
}
