//! Connections that we open.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use postroom_runtime::group::Token;
use postroom_runtime::telemetry::Role;
use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::broken::Broken;
use crate::connection::Connection;
use crate::drive::Driver;
use crate::host::{Driven, Host};
use crate::limits::Ground;
use crate::line::Line;
use crate::peer::Peer;
use crate::session::{to_the_end, unless_it_panics, words};
use crate::sessions::Live;
use crate::socket::Socket;
use crate::tls::{Outward, Side, Towards};

/// Where a connection goes, and how.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Its address and port.
    pub address: SocketAddr,
    /// Our own address for it; the system chooses where there is none.
    pub source: Option<IpAddr>,
    /// The name of the host, to be asked for (SNI) and looked for in its certificate.
    pub name: Box<str>,
    /// For a machine that may ask for TLS, or where it comes first.
    pub tls: Option<Arc<Outward>>,
    /// TLS from the first octet (RFC 8314 §3).
    pub is_implicit_tls: bool,
    /// How long the peer may take to accept the connection.
    pub connect_max: Duration,
}

/// By what the house ends a session.
#[derive(Clone, Debug, Default)]
pub struct Leash {
    /// Asks it to end; the machine hears of it.
    pub drain: Token,
    /// Ends it.
    pub cut: Token,
}

/// A session that is over.
pub struct Over<M, H> {
    /// What it knows is still to be asked.
    pub machine: M,
    /// As the session left it.
    pub host: H,
    /// Whether the machine ended the session, or what did.
    pub how: Result<(), ConnectError>,
}

/// How a session of ours ended, or why there was none.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no way to the address, or nobody listens there.
    #[error("cannot connect to {address}")]
    Unreachable {
        /// Where to.
        address: SocketAddr,
        /// In the words of the system.
        source: io::Error,
    },
    /// Nobody answered in time.
    #[error("{address} did not accept the connection within {waited:?}")]
    Unanswered {
        /// Where to.
        address: SocketAddr,
        /// [`Destination::connect_max`].
        waited: Duration,
    },
    /// The session broke.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl ConnectError {
    /// Whether there was a connection, and its TLS handshake is what failed: without TLS the peer
    /// may be reached.
    pub fn is_handshake(&self) -> bool {
        matches!(self, Self::Broken(broken) if broken.is_handshake())
    }
}

/// Connects, drives `machine` until the session is over, and gives back what is left. A panic in
/// the session ends it alone.
///
/// Budgets of listeners do not count it. Not cancel safe: the peer would see the connection break.
pub async fn connect<M: Driven, H: Host<M>>(
    ground: &Arc<Ground>,
    destination: Destination,
    leash: Leash,
    machine: M,
    host: H,
) -> Over<M, H> {
    let side = destination.tls.clone().map(|outward| {
        let name = server_name(&destination);
        Side::Client(Arc::new(Towards::new(outward, name)))
    });
    let mut driver = Driver::new(machine, host, side, leash.drain.clone());
    let driving = session(ground, &destination, &leash, &mut driver);
    let how = match unless_it_panics(driving).await {
        Ok(how) => how,
        Err(panic) => {
            ground.telemetry.net.panics.increment();
            let (peer, what) = (destination.address, words(panic.as_ref()));
            tracing::error!(%peer, panic = what, "session panicked");
            Err(Broken::Panicked.into())
        }
    };
    Box::pin(driver.host.closed()).await;
    Over {
        machine: driver.machine,
        host: driver.host,
        how,
    }
}

async fn session<M: Driven, H: Host<M>>(
    ground: &Arc<Ground>,
    destination: &Destination,
    leash: &Leash,
    driver: &mut Driver<M, H>,
) -> Result<(), ConnectError> {
    let stream = tokio::select! {
        stream = open(destination) => stream?,
        () = leash.drain.cancelled() => return Err(Broken::Cut.into()),
    };
    let local = stream.local_addr().map_err(Broken::Connection)?;
    let drain = leash.drain.clone();
    let live = Live::new(ground, Role::Relay, destination.address, None, drain);
    let socket = Arc::new(Socket::new(Connection::Tcp(stream), live));
    let peer = Peer::new(destination.address, local, false, Arc::clone(&socket));
    driver.host.connected(peer);
    let ended = conversation(ground, destination, leash, driver, Arc::clone(&socket)).await;
    // The host's handle must not keep the connection.
    socket.cut();
    Ok(ended?)
}

async fn conversation<M: Driven, H: Host<M>>(
    ground: &Arc<Ground>,
    destination: &Destination,
    leash: &Leash,
    driver: &mut Driver<M, H>,
    socket: Arc<Socket>,
) -> Result<(), Broken> {
    let mut line = Line::new(Arc::clone(ground), socket);
    let ended = to_the_end(driver, &mut line, destination.is_implicit_tls, &leash.cut).await;
    let Err(broken @ (Broken::Connection(_) | Broken::Stalled)) = ended else {
        return ended;
    };
    let is_over = tokio::select! {
        is_over = driver.hear_last(&mut line) => is_over,
        () = leash.cut.cancelled() => false,
    };
    if is_over { Ok(()) } else { Err(broken) }
}

async fn open(destination: &Destination) -> Result<TcpStream, ConnectError> {
    let address = destination.address;
    let unreachable = |source| ConnectError::Unreachable { address, source };
    let connecting = async {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(source) = destination.source {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        let stream = socket.connect(address).await?;
        // Commands are written whole: nothing is gained by holding the last part.
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    match timeout(destination.connect_max, connecting).await {
        Ok(connected) => connected.map_err(unreachable),
        Err(_) => Err(ConnectError::Unanswered {
            address,
            waited: destination.connect_max,
        }),
    }
}

/// A host without a name that TLS could ask for is known by its address.
fn server_name(destination: &Destination) -> ServerName<'static> {
    let name = destination.name.trim_end_matches('.').to_owned();
    ServerName::try_from(name)
        .unwrap_or_else(|_| ServerName::IpAddress(destination.address.ip().into()))
}

impl<M, H> fmt::Debug for Over<M, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Over")
            .field("how", &self.how)
            .finish_non_exhaustive()
    }
}
