//! Accepting connections.

use std::fmt;
use std::fs;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postroom_runtime::group::{Guard, TaskGroup, Token};
use postroom_runtime::telemetry::{self, Role};
use postroom_runtime::watched::Watched;
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::budget::Permit;
use crate::connection::Connection;
use crate::host::{Driven, Host};
use crate::http::{self, Site};
use crate::limits::Ground;
use crate::peer::Peer;
use crate::session::{self, Terms};
use crate::sessions::{Entered, Live};
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

impl Closer {
    /// Returns when the port is given up: it can be bound again.
    pub async fn close(&self) {
        self.ask.cancel();
        self.done.cancelled().await;
    }
}

impl BindError {
    /// Whether another socket has the port.
    pub fn is_taken(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }

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
#[derive(Clone, Debug)]
pub struct Refusal {
    /// To a peer above a budget: `421 4.7.0 ...`, `* BYE ...`. A peer of implicit TLS hears
    /// nothing, since a handshake is what cannot be afforded.
    pub full: Arc<[u8]>,
    /// To a session that a bug of ours ends.
    pub broken: Arc<[u8]>,
}

/// What a listener serves.
#[derive(Clone)]
pub struct Service {
    /// What its peers come for.
    pub role: Role,
    /// When it speaks TLS.
    pub security: Security,
    /// What it says when no machine can.
    pub refusal: Refusal,
}

/// Where peers on a socket in the file system are said to be, for want of a port.
const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A bound port, or a socket in the file system.
#[derive(Debug)]
pub struct Listener {
    socket: Bound,
    address: SocketAddr,
    closer: Closer,
    /// Tells the closer that the port is given up; dropped after the socket.
    given_up: Guard,
}

/// Takes the port from a listener, whose sessions go on.
#[derive(Clone, Debug)]
pub struct Closer {
    ask: Token,
    done: Token,
}

#[derive(Debug)]
enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Binds `address` and begins to queue connections. An IPv6 address takes no IPv4. Called
    /// within the runtime that will serve.
    ///
    /// # Errors
    /// When the port is taken, reserved, or the address is not this machine's.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        Self::adopt(address, bind(address))
    }

    /// Listens on what came of [`bind`], here or in another process. Called within the runtime
    /// that will serve.
    ///
    /// # Errors
    /// When the binding failed.
    pub fn adopt(
        address: SocketAddr,
        bound: io::Result<std::net::TcpListener>,
    ) -> Result<Self, BindError> {
        let refused = |source| BindError { address, source };
        let socket = bound.and_then(TcpListener::from_std).map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        Ok(Self::new(Bound::Tcp(socket), address))
    }

    /// Makes a socket in the file system with these permissions; a stale one is replaced, so that
    /// whoever calls must hold the lock of its folder. Its peers count as 127.0.0.1, and their
    /// user is known ([`Peer::user`]).
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn bind_path(path: &Path, mode: u32) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        Ok(Self::new(Bound::Unix(socket), HERE))
    }

    fn new(socket: Bound, address: SocketAddr) -> Self {
        let closer = Closer {
            ask: Token::new(),
            done: Token::new(),
        };
        let given_up = closer.done.clone().drop_guard();
        Self {
            socket,
            address,
            closer,
            given_up,
        }
    }

    /// Takes the port away later on.
    pub fn closer(&self) -> Closer {
        self.closer.clone()
    }

    /// Where it listens; the port is the real one when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until `drain` is asked for, then waits for the sessions, at most the grace, and
    /// returns when all have ended. `open` makes machine and host of a session, which stands on
    /// the ground of its beginning. Closed before, it returns when its sessions have ended.
    pub async fn serve<M, H, F>(
        self,
        ground: Watched<Ground>,
        service: Service,
        drain: Token,
        open: F,
    ) where
        M: Driven,
        H: Host<M>,
        F: Fn(Peer) -> (M, H) + Send + Sync + 'static,
    {
        let open = Arc::new(open);
        let run = move |ground, socket, peer, terms| {
            let open = Arc::clone(&open);
            session::run(ground, socket, peer, terms, move |peer| open(peer))
        };
        self.accept(ground, service, drain, run).await;
    }

    /// As [`Listener::serve`], for HTTP/1.1 in clear text.
    pub async fn serve_http<S: Site>(
        self,
        ground: Watched<Ground>,
        service: Service,
        drain: Token,
        site: S,
    ) {
        let run =
            move |ground, socket, peer, terms| http::run(ground, socket, peer, terms, site.clone());
        self.accept(ground, service, drain, run).await;
    }

    /// Accepts, and has each connection within its budget served by `run`.
    async fn accept<R, T>(self, ground: Watched<Ground>, service: Service, drain: Token, run: R)
    where
        R: Fn(Arc<Ground>, Arc<Socket>, Peer, Terms) -> T,
        T: Future<Output = ()> + Send + 'static,
    {
        let sessions = TaskGroup::child_of(&drain);
        let cut = Token::new();
        let role = service.role;
        let mut accepting = Accepting::default();
        loop {
            let accepted = tokio::select! {
                biased;
                () = drain.cancelled() => break,
                () = self.closer.ask.cancelled() => break,
                accepted = accepting.next(&self.socket, role) => accepted,
            };
            let ground = ground.get();
            let Accepted {
                stream,
                address,
                local,
                user,
            } = accepted;
            let permit = match Permit::take(&ground, address.ip()) {
                Ok(permit) => permit,
                Err(bound) => {
                    refuse(&ground, &service, bound, &stream);
                    continue;
                }
            };
            let drain = sessions.token().child_token();
            let live = Live::new(&ground, role, address, user, drain.clone());
            let socket = Arc::new(Socket::new(stream, live));
            let local = local.unwrap_or(self.address);
            let peer = Peer::new(address, local, permit.is_exempt(), Arc::clone(&socket));
            let (tls, secure_first) = match &service.security {
                Security::Clear => (None, false),
                Security::StartTls(tls) => (Some(Side::Server(Arc::clone(tls))), false),
                Security::Implicit(tls) => (Some(Side::Server(Arc::clone(tls))), true),
            };
            let terms = Terms {
                service: role,
                tls,
                secure_first,
                broken: Arc::clone(&service.refusal.broken),
                drain,
                cut: cut.clone(),
                entered: Entered::new(&ground, &socket),
                permit,
            };
            sessions.spawn(run(ground, socket, peer, terms));
        }
        // No longer a port: who connects now is told so by the kernel.
        drop(self.socket);
        drop(self.given_up);
        tokio::select! {
            () = drain.cancelled() => {}
            () = sessions.wait() => return,
        }
        let grace = ground.get().limits.drain_grace;
        if tokio::time::timeout(grace, sessions.wait()).await.is_err() {
            tracing::warn!(
                service = role.as_str(),
                sessions = sessions.len(),
                "cut at the grace"
            );
            cut.cancel();
            sessions.wait().await;
        }
    }
}

/// Binds `address` and begins to queue connections; needs no runtime.
///
/// # Errors
/// When the port is taken, reserved, or the address is not this machine's.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
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
    Ok(socket.into())
}

fn refuse(ground: &Ground, service: &Service, bound: telemetry::Refusal, stream: &Connection) {
    let refused = ground.telemetry.net.refused.at(service.role);
    refused.at(bound).increment();
    if !matches!(service.security, Security::Implicit(_)) {
        stream.write_now(&service.refusal.full);
    }
    // Dropped next: what cannot be ended is closed all the same.
    let _ = stream.end();
}

/// A connection, and who is at its ends.
struct Accepted {
    stream: Connection,
    address: SocketAddr,
    local: Option<SocketAddr>,
    user: Option<u32>,
}

impl Bound {
    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(socket) => {
                let (stream, address) = socket.accept().await?;
                // Replies are written whole: nothing is gained by holding the last part.
                let _ = stream.set_nodelay(true);
                Ok(Accepted {
                    local: stream.local_addr().ok(),
                    stream: Connection::Tcp(stream),
                    address: SocketAddr::new(address.ip().to_canonical(), address.port()),
                    user: None,
                })
            }
            Self::Unix(socket) => {
                let (stream, _) = socket.accept().await?;
                Ok(Accepted {
                    user: Some(stream.peer_cred()?.uid()),
                    stream: Connection::Unix(stream),
                    address: HERE,
                    local: None,
                })
            }
        }
    }
}

/// Accepting that outlives want: of descriptors, of memory.
#[derive(Default)]
struct Accepting {
    /// The wait after the next failure; none while all is well.
    pause: Option<Duration>,
}

impl Accepting {
    /// The next connection. Cancel safe.
    async fn next(&mut self, socket: &Bound, role: Role) -> Accepted {
        let service = role.as_str();
        loop {
            let error = match socket.accept().await {
                Ok(accepted) => {
                    if self.pause.take().is_some() {
                        tracing::info!(service, "accepting again");
                    }
                    return accepted;
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
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}
