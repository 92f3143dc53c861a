//! Time: the one place that asks the machine for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment of civil time: microseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Whole seconds since 1970, for RFC 5322 and IMAP dates.
    pub fn unix_seconds(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The moment `seconds` after 1970.
    pub fn from_unix_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Later by `duration`, or the last moment there is.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}

/// Tells the time. Clones share one source.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    /// Moved only by hand: microseconds since `base` and since 1970.
    Manual {
        base: Instant,
        start: Timestamp,
        elapsed_us: Arc<AtomicU64>,
        /// Civil time alone was set forward by so much.
        stepped_us: Arc<AtomicU64>,
    },
}

impl Clock {
    /// The machine's clocks.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock for tests that stands at `start` until it is moved.
    pub fn manual(start: Timestamp) -> Self {
        let base = monotonic();
        Self(Source::Manual {
            base,
            start,
            elapsed_us: Arc::default(),
            stepped_us: Arc::default(),
        })
    }

    /// Moves a manual clock forward; the machine's clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { elapsed_us, .. } = &self.0 {
            elapsed_us.fetch_add(
                u64::try_from(by.as_micros()).unwrap_or(u64::MAX),
                Ordering::Relaxed,
            );
        }
    }

    /// Sets the civil time of a manual clock forward, as an operator does; monotonic time does not
    /// notice.
    pub fn set_wall(&self, by: Duration) {
        if let Source::Manual { stepped_us, .. } = &self.0 {
            let by = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
            stepped_us.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Monotonic time, for deadlines.
    pub fn now(&self) -> Instant {
        match &self.0 {
            Source::System => monotonic(),
            Source::Manual {
                base, elapsed_us, ..
            } => *base + Duration::from_micros(elapsed_us.load(Ordering::Relaxed)),
        }
    }

    /// Civil time, for headers and records.
    pub fn wall(&self) -> Timestamp {
        match &self.0 {
            Source::System => civil(),
            Source::Manual {
                start,
                elapsed_us,
                stepped_us,
                ..
            } => {
                let elapsed = elapsed_us.load(Ordering::Relaxed);
                let stepped = stepped_us.load(Ordering::Relaxed);
                Timestamp(start.0.saturating_add(elapsed).saturating_add(stepped))
            }
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the clock"
)]
fn monotonic() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the clock"
)]
fn civil() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
