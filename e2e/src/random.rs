//! Numbers that a seed fixes, so that a failure can be played again.

use std::hash::{BuildHasher, RandomState};

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Numbers that differ in every process.
    pub fn fresh() -> Self {
        Self(RandomState::new().hash_one(std::process::id()))
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `0..bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound.max(1)
    }

    /// One of `items`.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        let index = usize::try_from(self.below(items.len() as u64)).unwrap_or(0);
        &items[index]
    }
}
