//! What all listeners of a house share, and its bounds.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use postroom_runtime::clock::Clock;

use crate::budget::{Budget, Exempt};
use crate::buffers::Buffers;

/// Bounds of connections and what happens at each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions of all listeners at a time; the next gets the listener's refusal.
    pub sessions_max: usize,
    /// Sessions of one peer at a time (IPv6: of one /64); the next gets the refusal.
    pub sessions_per_address_max: usize,
    /// Octets of a peer that a machine may leave untaken; above, the session ends. Larger than
    /// the longest command of any machine.
    pub unread_max: usize,
    /// How long one write of at most 64 KiB may wait for a peer that does not read; then the
    /// session ends.
    pub write_stall_max: Duration,
    /// How long a TLS handshake may take; then the session ends.
    pub handshake_max: Duration,
    /// How long a closed session waits for the peer to have read the last reply.
    pub linger_max: Duration,
    /// How long a draining listener waits for the command in hand; then sessions are cut.
    pub drain_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions_max: 20_000,
            sessions_per_address_max: 100,
            unread_max: 256 * 1024,
            write_stall_max: Duration::from_mins(2),
            handshake_max: Duration::from_secs(30),
            linger_max: Duration::from_secs(2),
            drain_grace: Duration::from_secs(10),
        }
    }
}

/// What happened to connections since the start.
#[derive(Debug, Default)]
pub struct Counts {
    pub(crate) accepted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) panicked: AtomicU64,
}

impl Counts {
    /// Connections that became a session.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Connections refused by a budget.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Sessions that a panic ended: each is a bug of ours.
    pub fn panicked(&self) -> u64 {
        self.panicked.load(Ordering::Relaxed)
    }
}

/// How a peer's address is written into the log.
pub type ShowPeer = Box<dyn Fn(IpAddr) -> Box<str> + Send + Sync>;

/// What all sessions stand on, shared by the listeners of a process. A session keeps the one that
/// it began on.
pub struct Ground {
    pub(crate) show_peer: ShowPeer,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) budget: Budget,
    pub(crate) buffers: Arc<Buffers>,
    pub(crate) counts: Arc<Counts>,
}

impl Ground {
    /// Ground under `limits`; budgets by address do not act on peers that `exempt` names.
    pub fn new(clock: Clock, limits: Limits, exempt: Exempt, show_peer: ShowPeer) -> Self {
        Self {
            show_peer,
            clock,
            budget: Budget::new(limits.sessions_max, limits.sessions_per_address_max, exempt),
            limits,
            buffers: Arc::default(),
            counts: Arc::default(),
        }
    }

    /// Ground under other rules: sessions that are open, counts and buffers stay the same ones.
    #[must_use]
    pub fn renewed(&self, limits: Limits, exempt: Exempt, show_peer: ShowPeer) -> Self {
        Self {
            show_peer,
            clock: self.clock.clone(),
            budget: self.budget.renewed(
                limits.sessions_max,
                limits.sessions_per_address_max,
                exempt,
            ),
            limits,
            buffers: Arc::clone(&self.buffers),
            counts: Arc::clone(&self.counts),
        }
    }

    /// What happened to connections since the start.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Sessions that are open now.
    pub fn sessions(&self) -> usize {
        self.budget.sessions()
    }
}

impl fmt::Debug for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ground")
            .field("limits", &self.limits)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}
