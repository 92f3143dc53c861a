//! How mail leaves, as configured.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use postroom_config::tree;
use postroom_config::value::{HostPort, Internet, RelayTls};
use postroom_net::tls::Outward;
use postroom_runtime::secret::Secret;
use postroom_smtp::client::{Login, Profile, StartTls, Timeouts};

/// How mail leaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The one server that takes all mail.
    pub smarthost: Option<Smarthost>,
    /// The port of other servers.
    pub port: u16,
    /// Which addresses of hosts are tried.
    pub internet: Internet,
    /// Our own addresses to connect from, at most one of a kind.
    pub source: Vec<IpAddr>,
    /// TLS towards servers found by MX: any certificate will do.
    pub tls: Arc<Outward>,
    /// How sessions with servers found by MX are held.
    pub(crate) profile: Arc<Profile>,
    /// How much at a time.
    pub bounds: Bounds,
}

/// The server that takes all mail for elsewhere.
#[derive(Clone, Debug)]
pub struct Smarthost {
    /// Where it is.
    pub host: HostPort,
    /// TLS with it.
    pub tls: Arc<Outward>,
    /// TLS from the first octet.
    pub is_implicit_tls: bool,
    pub(crate) profile: Arc<Profile>,
}

/// How much at a time, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections; destinations without one wait for their turn.
    pub sessions_max: usize,
    /// Connections to one destination; more messages wait for one of them.
    pub sessions_per_destination_max: usize,
    /// Messages that one connection carries; then it is closed.
    pub messages_per_session_max: u32,
    /// Recipients of one transaction; more go in another.
    pub recipients_max: usize,
    /// How long a host may take to accept a connection.
    pub connect_max: Duration,
    /// How long a connection without work is kept for the next message.
    pub idle_max: Duration,
    /// How long a destination that could not be reached is left alone; what becomes due for it
    /// meanwhile is deferred at once.
    pub shut: Duration,
    /// Entries in memory; more stay in the store.
    pub entries_max: usize,
    /// Entries in memory for one destination; more stay in the store, and those behind them are
    /// taken past them.
    pub entries_per_destination_max: usize,
    /// How long sessions may take to finish when the house closes.
    pub grace: Duration,
}

impl Bounds {
    /// As configured.
    pub fn new(relay: &tree::Relay, grace: Duration) -> Self {
        Self {
            sessions_max: relay.sessions_max as usize,
            sessions_per_destination_max: relay.sessions_per_destination_max as usize,
            messages_per_session_max: relay.messages_per_session_max,
            recipients_max: relay.recipients_max as usize,
            connect_max: relay.connect,
            idle_max: Duration::from_secs(3),
            shut: Duration::from_mins(1),
            entries_max: 4_000,
            entries_per_destination_max: 1_000,
            grace,
        }
    }
}

impl Settings {
    /// As configured. `tls` takes any certificate.
    pub fn new(
        hostname: &str,
        relay: &tree::Relay,
        tls: Arc<Outward>,
        smarthost: Option<Smarthost>,
        grace: Duration,
    ) -> Self {
        let profile = Profile {
            timeouts: timeouts(relay.reply),
            ..Profile::transfer(hostname)
        };
        Self {
            smarthost,
            port: relay.port,
            internet: relay.internet,
            source: relay.source.clone(),
            tls,
            profile: Arc::new(profile),
            bounds: Bounds::new(relay, grace),
        }
    }
}

impl Smarthost {
    /// As configured. `tls` verifies certificates where `relay.tls` asks for it.
    pub fn new(
        hostname: &str,
        relay: &tree::Relay,
        host: HostPort,
        password: Option<Secret>,
        tls: Arc<Outward>,
    ) -> Self {
        let login = relay
            .smarthost_user
            .as_deref()
            .zip(password)
            .map(|(name, password)| Login {
                name: name.into(),
                password,
                may_be_clear: false,
            });
        let profile = Profile {
            starttls: match relay.tls {
                RelayTls::Opportunistic => StartTls::Opportunistic,
                RelayTls::Require => StartTls::Require,
                RelayTls::Implicit | RelayTls::Off => StartTls::Never,
            },
            login,
            timeouts: timeouts(relay.reply),
            ..Profile::transfer(hostname)
        };
        Self {
            host,
            tls,
            is_implicit_tls: relay.tls == RelayTls::Implicit,
            profile: Arc::new(profile),
        }
    }
}

/// The usual times (RFC 5321 §4.5.3.2), none longer than `reply` but those for the end of the data
/// and the body.
fn timeouts(reply: Duration) -> Timeouts {
    let usual = Timeouts::default();
    Timeouts {
        greeting: reply,
        hello: reply,
        mail: reply,
        recipient: reply,
        data: usual.data.min(reply),
        body: usual.body.min(postroom_queue::queue::ATTEMPT_MAX),
        end_of_data: reply * 2,
        ..usual
    }
}
