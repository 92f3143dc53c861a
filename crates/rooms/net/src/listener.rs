//! Accepting connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use postroom_runtime::group::{TaskGroup, Token};
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::budget::Permit;
use crate::host::{Driven, Host};
use crate::limits::Ground;
use crate::peer::Peer;
use crate::session::{self, Terms};
use crate::socket::Socket;
use crate::tls::Side;

/// Connections that may wait to be accepted; the kernel turns away the next.
const BACKLOG_MAX: i32 = 1024;
/// The first wait after an accept that failed for want of descriptors or memory.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest such wait.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A port cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address that was asked for.
    pub address: SocketAddr,
    source: io::Error,
}

impl BindError {
    /// How to mend it, in one line.
    pub fn hint(&self) -> &'static str {
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                "another program has the port: stop it, or set listen.port_offset"
            }
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 need root or CAP_NET_BIND_SERVICE: grant it, or set listen.port_offset"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine does not have the address: correct listen.bind"
            }
            _ => "check the address in the listen section",
        }
    }
}

/// When a listener speaks TLS.
#[derive(Clone)]
pub enum Security {
    /// Never.
    Clear,
    /// When the machine says so.
    StartTls(Arc<ServerConfig>),
    /// From the first octet (RFC 8314 §3).
    Implicit(Arc<ServerConfig>),
}

/// Words of a protocol for when no machine can speak, with their line ends.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// To a peer above a budget: `421 4.7.0 ...`, `* BYE ...`. A peer of implicit TLS hears
    /// nothing, since a handshake is what cannot be afforded.
    pub full: &'static [u8],
    /// To a session that a bug of ours ends.
    pub broken: &'static [u8],
}

/// What a listener serves.
#[derive(Clone)]
pub struct Service {
    /// Its role in logs: `smtp`, `imaps`.
    pub name: &'static str,
    /// When it speaks TLS.
    pub security: Security,
    /// What it says when no machine can.
    pub refusal: Refusal,
}

/// A bound port.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds `address` and begins to queue connections. An IPv6 address takes no IPv4. Called
    /// within the runtime that will serve.
    ///
    /// # Errors
    /// When the port is taken, reserved, or the address is not this machine's.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let refused = |source| BindError { address, source };
        let socket = open(address).map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        Ok(Self { socket, address })
    }

    /// Where it listens; the port is the real one when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until `drain` is asked for, then waits for the sessions, at most the grace, and
    /// returns when all have ended. `open` makes machine and host of a session.
    pub async fn serve<M, H, F>(self, ground: Arc<Ground>, service: Service, drain: Token, open: F)
    where
        M: Driven,
        H: Host<M>,
        F: Fn(Peer) -> (M, H) + Send + Sync + 'static,
    {
        let sessions = TaskGroup::child_of(&drain);
        let cut = Token::new();
        let open = Arc::new(open);
        let mut accepting = Accepting::default();
        loop {
            let (stream, address) = tokio::select! {
                biased;
                () = drain.cancelled() => break,
                accepted = accepting.next(&self.socket, service.name) => accepted,
            };
            let Some(permit) = Permit::take(&ground, address.ip()) else {
                refuse(&ground, &service, stream);
                continue;
            };
            ground.counts.accepted.fetch_add(1, Ordering::Relaxed);
            let socket = Arc::new(Socket::new(stream));
            let local = socket.local_address().unwrap_or(self.address);
            let peer = Peer::new(address, local, permit.is_exempt(), Arc::clone(&socket));
            let (tls, secure_first) = match &service.security {
                Security::Clear => (None, false),
                Security::StartTls(tls) => (Some(Side::Server(Arc::clone(tls))), false),
                Security::Implicit(tls) => (Some(Side::Server(Arc::clone(tls))), true),
            };
            let terms = Terms {
                service: service.name,
                tls,
                secure_first,
                broken: service.refusal.broken,
                drain: sessions.token().child_token(),
                cut: cut.clone(),
                permit,
            };
            let open = Arc::clone(&open);
            let ground = Arc::clone(&ground);
            sessions.spawn(session::run(ground, socket, peer, terms, move |peer| {
                open(peer)
            }));
        }
        // No longer a port: who connects now is told so by the kernel.
        drop(self.socket);
        let grace = ground.limits.drain_grace;
        if tokio::time::timeout(grace, sessions.wait()).await.is_err() {
            tracing::warn!(
                service = service.name,
                sessions = sessions.len(),
                "cut at the grace"
            );
            cut.cancel();
            sessions.wait().await;
        }
    }
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A restart must not wait for connections of the last run to be forgotten.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG_MAX)?;
    TcpListener::from_std(socket.into())
}

fn refuse(ground: &Ground, service: &Service, stream: TcpStream) {
    ground.counts.refused.fetch_add(1, Ordering::Relaxed);
    let socket = Socket::new(stream);
    if !matches!(service.security, Security::Implicit(_)) {
        socket.write_now(service.refusal.full);
    }
    // Dropped next: what cannot be ended is closed all the same.
    let _ = socket.end();
}

/// Accepting that outlives want: of descriptors, of memory.
#[derive(Default)]
struct Accepting {
    /// The wait after the next failure; none while all is well.
    pause: Option<Duration>,
}

impl Accepting {
    /// The next connection. Cancel safe.
    async fn next(&mut self, socket: &TcpListener, service: &str) -> (TcpStream, SocketAddr) {
        loop {
            let error = match socket.accept().await {
                Ok((stream, address)) => {
                    if self.pause.take().is_some() {
                        tracing::info!(service, "accepting again");
                    }
                    // Replies are written whole: nothing is gained by holding the last part.
                    let _ = stream.set_nodelay(true);
                    return (
                        stream,
                        SocketAddr::new(address.ip().to_canonical(), address.port()),
                    );
                }
                Err(error) => error,
            };
            if concerns_one_connection(&error) {
                continue;
            }
            // The connection stays in the queue and makes the socket readable: without a wait
            // this loop would spin until a session ends.
            let pause = self.pause.unwrap_or(PAUSE_MIN);
            if self.pause.is_none() {
                tracing::warn!(service, %error, "cannot accept; connections wait");
            }
            self.pause = Some((pause * 2).min(PAUSE_MAX));
            tokio::time::sleep(pause).await;
        }
    }
}

/// Whether an accept failed for a connection that is gone already (accept(2), "Error handling").
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
    )
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
