//! Randomness: from the operating system, or from a seed in tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of random bytes. Clones share one source.
#[derive(Clone, Debug)]
pub struct Random(Option<Arc<AtomicU64>>);

impl Random {
    /// Unpredictable bytes.
    pub fn system() -> Self {
        Self(None)
    }

    /// The same bytes for the same seed; for tests alone.
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(AtomicU64::new(seed))))
    }

    /// Fills `bytes`.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing secret could be made.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            None => aws_lc_rs::rand::fill(bytes).expect("invariant: the system gives random bytes"),
            Some(state) => {
                for chunk in bytes.chunks_mut(8) {
                    let word = split_mix(state).to_le_bytes();
                    chunk.copy_from_slice(&word[..chunk.len()]);
                }
            }
        }
    }

    /// A number of 64 random bits.
    pub fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// One step of SplitMix64.
fn split_mix(state: &AtomicU64) -> u64 {
    let step = 0x9E37_79B9_7F4A_7C15;
    let mut z = state.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
