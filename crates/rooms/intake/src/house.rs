//! What all sessions of this room share.

use std::sync::Arc;
use std::time::Duration;

use postroom_config::tree;
use postroom_config::value::{Networks, Senders};
use postroom_delivery::delivery::Delivery;
use postroom_delivery::privacy::Privacy;
use postroom_directory::Directory;
use postroom_mail::address::Domain;
use postroom_runtime::clock::Clock;
use postroom_runtime::pool::BlockingPool;
use postroom_runtime::telemetry::Telemetry;
use postroom_store::store::Store;
use tokio::sync::Semaphore;

use crate::repeat::Repeats;
use crate::reserve::Reservations;

/// The room. Clones share it.
#[derive(Clone)]
pub struct Intake(pub(crate) Arc<Inner>);

/// What the house gives the room.
#[derive(Clone)]
pub struct Parts {
    /// Keeps bodies and remembers.
    pub store: Store,
    /// Knows addresses and passwords.
    pub directory: Directory,
    /// Takes messages.
    pub delivery: Delivery,
    /// Tells the time.
    pub clock: Clock,
    /// Parses large messages.
    pub heavy: BlockingPool,
    /// How much of a person is written down.
    pub privacy: Privacy,
    /// Counts what comes in.
    pub telemetry: Telemetry,
}

/// Bounds and choices of this room.
#[derive(Debug, Clone)]
pub struct Limits {
    /// This server's name, in Received fields, Message-IDs and reports.
    pub hostname: Domain,
    /// Octets of a body that stay in memory; a larger one goes to disk as it comes.
    pub body_memory_max: usize,
    /// Octets of bodies from disk that may be looked at together; above it they wait, then 452.
    pub inspect_octets_max: usize,
    /// Octets of a header; above it 552.
    pub header_octets_max: usize,
    /// Received fields; above it 554.
    pub hops_max: usize,
    /// What judging a message may take; then 451.
    pub verdict: Duration,
    /// Whose addresses an account may send from.
    pub senders: Senders,
    /// Whose addresses a user of this machine may send from.
    pub local_senders: Senders,
    /// The user of this machine, besides root, who may send from any address: the server's own.
    pub trusted_user: Option<u32>,
    /// Who may deliver by LMTP.
    pub lmtp_allow: Networks,
    /// Who may send anywhere by Transfer without signing in.
    pub relay_allow: Networks,
    /// Octets reserved of a quota for a recipient of a message without SIZE.
    pub reserve_octets: u64,
}

impl Limits {
    /// From the settings.
    pub fn new(
        hostname: Domain,
        limits: &tree::Limits,
        auth: &tree::Auth,
        listen: &tree::Listen,
    ) -> Self {
        Self {
            hostname,
            body_memory_max: limits.body_memory_max.as_usize(),
            inspect_octets_max: limits.inspect_bytes.as_usize(),
            header_octets_max: limits.message.header_max.as_usize(),
            hops_max: limits.message.hops_max as usize,
            verdict: limits.smtp.verdict,
            senders: auth.senders,
            local_senders: auth.local_senders,
            trusted_user: None,
            lmtp_allow: listen.lmtp_allow.clone(),
            relay_allow: listen.relay_allow.clone(),
            reserve_octets: 64 * 1024,
        }
    }
}

pub(crate) struct Inner {
    pub(crate) parts: Parts,
    pub(crate) limits: Limits,
    pub(crate) reservations: Reservations,
    pub(crate) repeats: Arc<Repeats>,
    /// In KiB of body.
    pub(crate) inspection: Arc<Semaphore>,
}

impl Intake {
    /// A room with nothing in hand.
    pub fn new(parts: Parts, limits: Limits) -> Self {
        let inspection = Arc::new(Semaphore::new(limits.inspect_octets_max / 1024));
        Self(Arc::new(Inner {
            repeats: Arc::new(Repeats::new(parts.store.clone())),
            parts,
            limits,
            reservations: Reservations::default(),
            inspection,
        }))
    }

    /// The same room under other limits, for sessions that begin from now on; what is in hand is
    /// counted together. `inspect_octets_max` stays as it was.
    #[must_use]
    pub fn renewed(&self, limits: Limits) -> Self {
        let Inner {
            parts,
            reservations,
            repeats,
            inspection,
            ..
        } = &*self.0;
        Self(Arc::new(Inner {
            parts: parts.clone(),
            limits: Limits {
                inspect_octets_max: self.0.limits.inspect_octets_max,
                ..limits
            },
            reservations: reservations.clone(),
            repeats: Arc::clone(repeats),
            inspection: Arc::clone(inspection),
        }))
    }
}
