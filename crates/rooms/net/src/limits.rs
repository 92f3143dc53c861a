//! What all listeners of a house share, and its bounds.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use postroom_runtime::clock::Clock;
use postroom_runtime::telemetry::Telemetry;

use crate::budget::{Budget, Exempt};
use crate::buffers::Buffers;
use crate::sessions::{OpenSession, Sessions};

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
    /// How long the head of a request may take to come, and an HTTP connection may rest between
    /// two; then it is closed.
    pub http_head_max: Duration,
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
            http_head_max: Duration::from_secs(15),
            drain_grace: Duration::from_secs(10),
        }
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
    pub(crate) telemetry: Telemetry,
    pub(crate) sessions: Arc<Sessions>,
}

impl Ground {
    /// Ground under `limits`; budgets by address do not act on peers that `exempt` names.
    pub fn new(
        clock: Clock,
        telemetry: Telemetry,
        limits: Limits,
        exempt: Exempt,
        show_peer: ShowPeer,
    ) -> Self {
        Self {
            show_peer,
            clock,
            budget: Budget::new(limits.sessions_max, limits.sessions_per_address_max, exempt),
            limits,
            buffers: Arc::default(),
            telemetry,
            sessions: Arc::default(),
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
            telemetry: self.telemetry.clone(),
            sessions: Arc::clone(&self.sessions),
        }
    }

    /// What is counted of connections, among all else.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// How many sessions are open now.
    pub fn sessions(&self) -> usize {
        self.budget.sessions()
    }

    /// The sessions that are open now, in the order in which they began.
    pub fn open_sessions(&self) -> Vec<OpenSession> {
        self.sessions.rows()
    }

    /// Asks one session to end as a drain would: the command in hand is finished, then 421 or
    /// BYE. False when none has this number.
    pub fn end_session(&self, id: u64) -> bool {
        self.sessions.end(id)
    }

    /// How logs show the address of a peer.
    pub fn show_peer(&self, address: IpAddr) -> Box<str> {
        (self.show_peer)(address)
    }
}

impl fmt::Debug for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ground")
            .field("limits", &self.limits)
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}
