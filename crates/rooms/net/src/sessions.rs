//! Who is connected now.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use postroom_runtime::clock::Timestamp;
use postroom_runtime::group::Token;
use postroom_runtime::telemetry::{Direction, Role, Telemetry};

use crate::limits::Ground;
use crate::socket::Socket;

/// Low bits of a number that time leaves to be counted; 52 bits of microseconds last until 2112.
const SCALE_BITS: u32 = 12;

/// One open session, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// Its number, also in log and journal.
    pub id: u64,
    /// What it came in for.
    pub role: Role,
    /// Where the peer connects from.
    pub address: SocketAddr,
    /// The user of this machine that connected to a socket in the file system.
    pub user: Option<u32>,
    /// Who is signed in, as logs may show it.
    pub account: Option<Box<str>>,
    /// When it was accepted.
    pub since: Timestamp,
    /// The last command, or what the session does.
    pub command: &'static str,
    /// Octets from the peer.
    pub octets_in: u64,
    /// Octets to the peer.
    pub octets_out: u64,
    /// The version of TLS, where there is TLS.
    pub tls: Option<&'static str>,
}

/// What is known of a session while it lives. About 150 octets.
pub(crate) struct Live {
    pub(crate) id: u64,
    pub(crate) role: Role,
    pub(crate) address: SocketAddr,
    pub(crate) user: Option<u32>,
    pub(crate) telemetry: Telemetry,
    since: Timestamp,
    octets_in: AtomicU64,
    octets_out: AtomicU64,
    tls: OnceLock<&'static str>,
    noted: Mutex<Noted>,
    /// Asks the session to end.
    drain: Token,
}

/// What rooms say of their session.
#[derive(Default)]
struct Noted {
    account: Option<Box<str>>,
    command: &'static str,
}

impl Live {
    pub(crate) fn new(
        ground: &Ground,
        role: Role,
        address: SocketAddr,
        user: Option<u32>,
        drain: Token,
    ) -> Self {
        let since = ground.clock.wall();
        Self {
            id: ground.sessions.number(since),
            role,
            address,
            user,
            telemetry: ground.telemetry.clone(),
            since,
            octets_in: AtomicU64::new(0),
            octets_out: AtomicU64::new(0),
            tls: OnceLock::new(),
            noted: Mutex::default(),
            drain,
        }
    }

    pub(crate) fn count(&self, direction: Direction, octets: usize) {
        let octets = octets as u64;
        match direction {
            Direction::In => &self.octets_in,
            Direction::Out => &self.octets_out,
        }
        .fetch_add(octets, Ordering::Relaxed);
        let all = self.telemetry.net.octets.at(self.role);
        all.at(direction).add(octets);
    }

    pub(crate) fn note_tls(&self, version: &'static str) {
        // A session is secured once.
        let _ = self.tls.set(version);
    }

    pub(crate) fn note_account(&self, name: &str) {
        self.noted().account = Some(name.into());
    }

    pub(crate) fn note_command(&self, command: &'static str) {
        self.noted().command = command;
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row(&self) -> OpenSession {
        let noted = self.noted();
        OpenSession {
            id: self.id,
            role: self.role,
            address: self.address,
            user: self.user,
            account: noted.account.clone(),
            since: self.since,
            command: noted.command,
            octets_in: self.octets_in.load(Ordering::Relaxed),
            octets_out: self.octets_out.load(Ordering::Relaxed),
            tls: self.tls.get().copied(),
        }
    }
}

/// All open sessions by number; bounded by the budget of sessions.
#[derive(Default)]
pub(crate) struct Sessions {
    last: AtomicU64,
    open: Mutex<BTreeMap<u64, Weak<Socket>>>,
}

impl Sessions {
    /// A number above every one given before, also by an earlier run: microseconds of civil time,
    /// of the same scale as the ids of messages.
    fn number(&self, now: Timestamp) -> u64 {
        let wanted = now.0 << SCALE_BITS;
        let last = self.last.fetch_max(wanted, Ordering::Relaxed);
        if last < wanted {
            return wanted;
        }
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Weak<Socket>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn len(&self) -> usize {
        self.open().len()
    }

    /// Rows in the order of their start.
    pub(crate) fn rows(&self) -> Vec<OpenSession> {
        let sockets: Vec<_> = self.open().values().filter_map(Weak::upgrade).collect();
        sockets.iter().map(|socket| socket.live().row()).collect()
    }

    /// Asks one session to end; false when there is none of that number.
    pub(crate) fn end(&self, id: u64) -> bool {
        let found = self.open().get(&id).and_then(Weak::upgrade);
        found.is_some_and(|socket| {
            socket.live().drain.cancel();
            true
        })
    }
}

/// A session's place in the list; ends with it.
pub(crate) struct Entered {
    ground: Arc<Ground>,
    role: Role,
    id: u64,
}

impl Entered {
    pub(crate) fn new(ground: &Arc<Ground>, socket: &Arc<Socket>) -> Self {
        let Live { id, role, .. } = *socket.live();
        ground.sessions.open().insert(id, Arc::downgrade(socket));
        ground.telemetry.net.connections.at(role).increment();
        ground.telemetry.net.sessions.at(role).increment();
        Self {
            ground: Arc::clone(ground),
            role,
            id,
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.ground.sessions.open().remove(&self.id);
        self.ground.telemetry.net.sessions.at(self.role).decrement();
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("open", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_only_grow_also_when_the_clock_stands() {
        let sessions = Sessions::default();
        let numbers = [7, 7, 3, 12, 12].map(|now| sessions.number(Timestamp(now)));
        let [seven, twelve] = [7, 12].map(|now| now << SCALE_BITS);
        assert_eq!(numbers, [seven, seven + 1, seven + 2, twelve, twelve + 1]);
    }
}
