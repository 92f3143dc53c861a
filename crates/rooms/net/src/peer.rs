//! Who is at the other end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use postroom_runtime::telemetry::Role;

use crate::socket::Socket;

/// The other end of one connection. Clones speak of the same connection.
#[derive(Clone)]
pub struct Peer {
    /// Where the peer connects from, or listens.
    pub address: SocketAddr,
    /// The address of ours that it connected to, or we from.
    pub local: SocketAddr,
    /// Whether `limits.exempt` names it: budgets and judgement by address do not act on it.
    pub is_exempt: bool,
    /// What it came in for.
    pub role: Role,
    /// The number of the session, in log, journal and `postroom sessions`.
    pub session: u64,
    /// The user of this machine that connected to a socket in the file system.
    pub user: Option<u32>,
    socket: Option<Arc<Socket>>,
}

impl Peer {
    pub(crate) fn new(
        address: SocketAddr,
        local: SocketAddr,
        is_exempt: bool,
        socket: Arc<Socket>,
    ) -> Self {
        let live = socket.live();
        Self {
            address,
            local,
            is_exempt,
            role: live.role,
            session: live.id,
            user: live.user,
            socket: Some(socket),
        }
    }

    /// A peer without a connection, for tests of a room; it has never closed.
    pub fn detached(address: SocketAddr, local: SocketAddr) -> Self {
        Self {
            address,
            local,
            is_exempt: false,
            role: Role::Smtp,
            session: 0,
            user: None,
            socket: None,
        }
    }

    /// Keeps who has signed in, in the form that logs may show, for `postroom sessions`.
    pub fn note_account(&self, name: &str) {
        if let Some(socket) = &self.socket {
            socket.live().note_account(name);
        }
    }

    /// Keeps what the session does, for `postroom sessions`.
    pub fn note_command(&self, command: &'static str) {
        if let Some(socket) = &self.socket {
            socket.live().note_command(command);
        }
    }

    /// Whether the peer has ended its side and left nothing that is still to be read: whoever
    /// waited for a reply is gone. A peer that closed after pipelining QUIT has not, in this sense.
    ///
    /// Costs one system call and does not wait.
    pub fn has_closed(&self) -> bool {
        self.socket
            .as_ref()
            .is_some_and(|socket| socket.has_closed())
    }

    /// Whether the peer has sent something that its machine has not taken: before the greeting it
    /// is an early talker (RFC 5321 §3.1), for whom a host may wait a while.
    ///
    /// Costs one system call and does not wait.
    pub fn has_spoken(&self) -> bool {
        self.socket
            .as_ref()
            .is_some_and(|socket| socket.has_spoken())
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("address", &self.address)
            .field("local", &self.local)
            .field("is_exempt", &self.is_exempt)
            .finish_non_exhaustive()
    }
}
