//! Mail on its way to other servers.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::branch::branch;
use crate::value::{HostPort, Internet, NameServer, RelayTls};

branch! {
    /// Name servers.
    pub struct Dns {
        /// Recursive name servers to ask, at their addresses, with `:PORT` where it is not 53.
        /// None: those of `/etc/resolv.conf`.
        restart since "0.1" servers: Vec<NameServer> = Vec::new();
        /// How long one server may take to answer.
        restart since "0.1" timeout: Duration = Duration::from_secs(5),
            in Duration::from_millis(100)..=Duration::from_mins(1);
        /// How often a question is put before it is given up for now.
        restart since "0.1" attempts: u32 = 2, in 1..=10;
        /// Answers that are kept, for as long as they say; above, those not used for long go.
        restart since "0.1" cache_entries_max: u32 = 10_000, in 0..=1_000_000;
    }
}

branch! {
    /// Sending mail on to other servers.
    ///
    /// See `docs/relay.md` for the way of a message.
    pub struct Relay {
        /// Whether mail for other servers is sent at all. When not, it waits in the queue.
        restart since "0.1" enabled: bool = true;
        /// The port of other servers, where no smarthost names its own.
        restart since "0.1" port: u16 = 25, in 1..=u16::MAX;
        /// The one server that takes all mail for elsewhere: `"HOST:PORT"`, a name or an address.
        /// Unset: each domain's own servers, by its MX records.
        restart since "0.1" smarthost: Option<HostPort> = None;
        /// Who we are at the smarthost; asks for TLS with a certificate for its name.
        restart since "0.1" smarthost_user: Option<String> = None;
        /// The file that holds our password at the smarthost, in its first line.
        restart since "0.1" smarthost_password_file: Option<PathBuf> = None;
        /// TLS towards the smarthost. Other servers are always spoken to as if it said
        /// `opportunistic`.
        restart since "0.1" tls: RelayTls = RelayTls::Opportunistic;
        /// A file of certificates (PEM) to trust instead of those that the system trusts.
        restart since "0.1" tls_roots: Option<PathBuf> = None;
        /// Which of the addresses of a host are tried, and with which kind the turns begin. Many
        /// receivers want an address that resolves back to a name, which IPv6 addresses of small
        /// servers often lack.
        restart since "0.1" internet: Internet = Internet::Ipv4First;
        /// Our own addresses to connect from, at most one IPv4 and one IPv6. None: the system
        /// chooses.
        restart since "0.1" source: Vec<IpAddr> = Vec::new();
        /// Connections to other servers at the same time. The last quarter is kept for
        /// destinations that have none.
        restart since "0.1" sessions_max: u32 = 200, in 1..=10_000;
        /// Connections to one destination at the same time.
        restart since "0.1" sessions_per_destination_max: u32 = 20, in 1..=1_000;
        /// Messages that one connection carries; then another is made.
        restart since "0.1" messages_per_session_max: u32 = 100, in 1..=100_000;
        /// Recipients of one transaction; less where the other server says so (RFC 9422).
        restart since "0.1" recipients_max: u32 = 100, in 1..=1_000;
        /// How long another server may take to accept a connection.
        restart since "0.1" connect: Duration = Duration::from_secs(30),
            in Duration::from_secs(1)..=Duration::from_mins(5);
        /// How long another server may take to reply (RFC 5321 §4.5.3.2), to the end of a message
        /// twice as long.
        restart since "0.1" reply: Duration = Duration::from_mins(5),
            in Duration::from_secs(1)..=Duration::from_mins(10);
        /// How long a recipient waits after its first attempt; twice as long after each further.
        restart since "0.1" wait_first: Duration = Duration::from_mins(1),
            in Duration::from_secs(1)..=Duration::from_hours(24);
        /// The longest wait between two attempts.
        restart since "0.1" wait_max: Duration = Duration::from_hours(4),
            in Duration::from_secs(1)..=Duration::from_hours(24);
        /// How old a recipient may become in the queue; at its next attempt it fails and the
        /// sender is told (RFC 5321 §4.5.4.1).
        restart since "0.1" age_max: Duration = Duration::from_hours(24 * 5),
            in Duration::from_mins(1)..=Duration::from_hours(24 * 100);
        /// Attempts that a recipient has had before it fails by age.
        restart since "0.1" attempts_min: u32 = 3, in 1..=100;
        /// The age at which the sender is told, once, that a recipient still waits.
        restart since "0.1" delay_notice: Duration = Duration::from_hours(4),
            in Duration::from_mins(1)..=Duration::from_hours(24 * 100);
    }
}
