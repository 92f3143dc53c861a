//! When an entry is tried again, and when no more.

use std::time::Duration;

use postroom_runtime::clock::Timestamp;
use postroom_store::row::Entry;

/// The times of the queue.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// After the first attempt; doubled with each further one.
    pub wait_first: Duration,
    /// The longest wait between two attempts.
    pub wait_max: Duration,
    /// An entry older than this fails at its next attempt (RFC 5321 §4.5.4.1).
    pub age_max: Duration,
    /// Attempts an entry has had before it fails by age.
    pub attempts_min: u32,
    /// The age at which its sender is told, once, that it still waits.
    pub delay_notice: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            wait_first: Duration::from_mins(1),
            wait_max: Duration::from_hours(4),
            age_max: Duration::from_hours(120),
            attempts_min: 3,
            delay_notice: Duration::from_hours(4),
        }
    }
}

impl Schedule {
    /// When an entry that was tried at `now` is due again; `None` when its time is over.
    pub fn next(&self, entry: &Entry, now: Timestamp) -> Option<Timestamp> {
        let had = entry.attempts.saturating_add(1);
        if had >= self.attempts_min && entry.created.plus(self.age_max) < now {
            return None;
        }
        Some(self.again(entry, now))
    }

    /// As [`Schedule::next`], however old the entry is.
    pub fn again(&self, entry: &Entry, now: Timestamp) -> Timestamp {
        let doublings = entry.attempts.min(16);
        let wait = self.wait_first.saturating_mul(1 << doublings);
        now.plus(wait.min(self.wait_max))
    }

    /// Whether an entry has waited so long that its sender should hear of it.
    pub fn is_late(&self, entry: &Entry, now: Timestamp) -> bool {
        entry.created.plus(self.delay_notice) <= now
    }
}

#[cfg(test)]
mod tests {
    use postroom_mail::identifier::{ArrivalId, BlobId};
    use postroom_store::operation::{DsnWish, EntryId, NextHop, Rendering};

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn entry(attempts: u32) -> Entry {
        Entry {
            id: EntryId(1),
            arrival: ArrivalId(1),
            blob: BlobId(1),
            octets: 0,
            reverse_path: "".into(),
            recipient: "anna@example.org".into(),
            next_hop: NextHop::Local,
            created: Timestamp(0),
            due: Timestamp(0),
            attempts,
            is_held: false,
            status: "".into(),
            dsn: DsnWish::default(),
            rendering: Rendering { pieces: vec![] },
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let schedule = Schedule::default();
        let waits: Vec<u64> = [0, 1, 2, 7, 8, 40]
            .into_iter()
            .filter_map(|attempts| schedule.next(&entry(attempts), Timestamp(0)))
            .map(Timestamp::unix_seconds)
            .collect();
        assert_eq!(waits, [60, 120, 240, 7680, 14400, 14400]);
    }

    #[test]
    fn age_alone_ends_nothing_before_the_third_attempt() {
        let schedule = Schedule::default();
        let late = Timestamp(0).plus(6 * DAY);
        assert!(schedule.next(&entry(0), late).is_some());
        assert!(schedule.next(&entry(1), late).is_some());
        assert!(schedule.next(&entry(2), late).is_none());
        assert!(
            schedule
                .next(&entry(2), Timestamp(0).plus(4 * DAY))
                .is_some()
        );
    }
}
