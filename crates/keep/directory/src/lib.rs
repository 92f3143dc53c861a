//! Who is here: domains, accounts, aliases and credentials.
//!
//! [`Directory`] answers who an address is for and who may sign in, from the store. Lookups are
//! kept in memory until the store says that something changed.

pub mod authenticate;
pub mod change;
pub mod lookup;
pub mod password;

mod cache;
mod failures;
mod verified;

use std::sync::Arc;
use std::time::Duration;

use postroom_runtime::clock::Clock;
use postroom_runtime::pool::BlockingPool;
use postroom_runtime::random::Random;
use postroom_runtime::watched::Watched;
use postroom_store::store::Store;

use crate::cache::LookupCache;
use crate::failures::{Bounds, Failures};
use crate::password::{Cost, Workspace};
use crate::verified::Verified;

/// Bounds and habits of a directory.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Lookups kept in memory; at the bound all are forgotten.
    pub lookups_max: usize,
    /// Sign-ins kept in memory, so that a client that comes every minute is not hashed every
    /// minute; at the bound all are forgotten.
    pub verified_max: usize,
    /// Aliases in a row that are followed.
    pub alias_depth_max: usize,
    /// Threads that hash passwords.
    pub hashing_threads: usize,
    /// Sign-ins that wait for a thread; the next is told to come back later.
    pub hashing_waiting_max: usize,
    /// Failed sign-ins of one address (IPv6: of one /64) within `failures_window`; then its
    /// sign-ins are not heard.
    pub failures_per_address_max: u32,
    /// How long failures of one address count together.
    pub failures_window: Duration,
    /// Cost of new hashes.
    pub cost: Cost,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lookups_max: 100_000,
            verified_max: 10_000,
            alias_depth_max: 16,
            hashing_threads: 2,
            hashing_waiting_max: 256,
            failures_per_address_max: 100,
            failures_window: Duration::from_mins(10),
            cost: Cost::default(),
        }
    }
}

/// The directory. Clones share one cache and one pool.
#[derive(Clone)]
pub struct Directory {
    store: Store,
    limits: Watched<Limits>,
    random: Random,
    pool: BlockingPool,
    workspace: Arc<Workspace>,
    lookups: Arc<LookupCache>,
    verified: Arc<Verified>,
    failures: Arc<Failures>,
    clock: Clock,
}

impl Directory {
    /// A directory over an open store.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn open(
        store: Store,
        clock: Clock,
        random: Random,
        limits: Limits,
    ) -> std::io::Result<Self> {
        let pool = BlockingPool::start(
            "password",
            limits.hashing_threads,
            limits.hashing_waiting_max,
        )?;
        let lookups = Arc::new(LookupCache::new(store.follow(), limits.lookups_max));
        let verified = Arc::new(Verified::new(&random, limits.verified_max));
        let failures = Failures::new(bounds(&limits));
        Ok(Self {
            store,
            limits: Watched::new(limits),
            random,
            pool,
            workspace: Arc::default(),
            lookups,
            verified,
            failures: Arc::new(failures),
            clock,
        })
    }

    /// Other limits from now on; caches and threads stay as they were made.
    pub fn reload(&self, limits: Limits) {
        self.failures.reload(bounds(&limits));
        self.limits.set(limits);
    }
}

fn bounds(limits: &Limits) -> Bounds {
    // A quarter of the queue is the most that one address may fill.
    let in_hand_max = (limits.hashing_waiting_max / 4).max(1);
    Bounds {
        failures_max: limits.failures_per_address_max,
        window: limits.failures_window,
        in_hand_max: u32::try_from(in_hand_max).unwrap_or(u32::MAX),
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
