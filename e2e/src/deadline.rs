//! Waiting with an end, and measuring.

use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(2);

/// How long anything that should happen soon may take on a slow machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Time since a start.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of a test of the real server is the real one"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// What has passed.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// Does nothing until `span` has passed since the start.
    ///
    /// For the length of a load or of a measurement, never to wait for something: see [`until`].
    pub fn run_to(self, span: Duration) {
        thread::sleep(span.saturating_sub(self.elapsed()));
    }
}

/// Looks again and again until `probe` finds something; `None` when `span` has passed before.
pub fn until<T>(span: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let watch = Stopwatch::start();
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if watch.elapsed() > span {
            return None;
        }
        thread::sleep(POLL);
    }
}

/// The value that `percent` of `times` do not exceed.
///
/// # Panics
/// When there are no times.
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    assert!(!times.is_empty(), "nothing was measured");
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}
