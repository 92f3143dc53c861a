//! Doors: sockets, certificates and logins.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::branch::branch;
use crate::value::{ClearText, Endpoint, Networks, Senders, StartTls, SubmissionStartTls};

/// What a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Mail from other servers.
    Smtp,
    /// Mail from users' programs, TLS by STARTTLS (RFC 6409).
    Submission,
    /// Mail from users' programs, TLS from the start (RFC 8314 §3.3).
    Submissions,
    /// Mail from a server in front of this one (RFC 2033).
    Lmtp,
    /// Reading, TLS by STARTTLS.
    Imap,
    /// Reading, TLS from the start (RFC 8314 §3.2).
    Imaps,
    /// Health and metrics.
    Http,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Smtp,
        Self::Submission,
        Self::Submissions,
        Self::Lmtp,
        Self::Imap,
        Self::Imaps,
        Self::Http,
    ];

    /// The name, which is also its key in `[listen]`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Submissions => "submissions",
            Self::Lmtp => "lmtp",
            Self::Imap => "imap",
            Self::Imaps => "imaps",
            Self::Http => "http",
        }
    }

    /// The port before `listen.port_offset`.
    pub fn port(self) -> u16 {
        match self {
            Self::Smtp => 25,
            Self::Submission => 587,
            Self::Submissions => 465,
            Self::Lmtp => 24,
            Self::Imap => 143,
            Self::Imaps => 993,
            Self::Http => 80,
        }
    }
}

/// The largest offset that leaves every role a port.
const PORT_OFFSET_MAX: u16 = u16::MAX - 993;

branch! {
    /// Where the server listens, and what it asks of who comes.
    ///
    /// A role is a list. An entry is an address (at the role's usual port plus `port_offset`), a
    /// port (on the addresses of `bind`), or `"ADDRESS:PORT"`. An empty list closes the role.
    pub struct Listen {
        /// The addresses that roles listen on unless they name their own.
        reload since "0.1" bind: Vec<IpAddr> =
            vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        /// Added to the usual port of each role; ports that are written out stay as they are.
        reload since "0.1" port_offset: u16 = 0, in 0..=PORT_OFFSET_MAX;
        /// Mail from other servers. Unset: port 25.
        reload since "0.1" smtp: Option<Vec<Endpoint>> = None;
        /// Mail from users' programs, TLS by STARTTLS. Unset: port 587.
        reload since "0.1" submission: Option<Vec<Endpoint>> = None;
        /// Mail from users' programs, TLS from the start. Unset: port 465.
        reload since "0.1" submissions: Option<Vec<Endpoint>> = None;
        /// Mail from a server in front of this one, as LMTP. Its usual port is 24.
        reload since "0.1" lmtp: Vec<Endpoint> = Vec::new();
        /// Reading by IMAP, TLS by STARTTLS. Unset: port 143.
        reload since "0.1" imap: Option<Vec<Endpoint>> = None;
        /// Reading by IMAP, TLS from the start. Unset: port 993.
        reload since "0.1" imaps: Option<Vec<Endpoint>> = None;
        /// Health (`/healthz`, `/readyz`) for anybody, metrics (`/metrics`) for this machine, in
        /// clear text. Unset: port 80.
        reload since "0.1" http: Option<Vec<Endpoint>> = None;
        /// STARTTLS for other servers. Most mail arrives with it; some honest servers lack it.
        reload since "0.1" smtp_starttls: StartTls = StartTls::Offer;
        /// Whether users may log in and submit on the `smtp` role too, after STARTTLS.
        reload since "0.1" smtp_submission: bool = false;
        /// STARTTLS on the `submission` role.
        reload since "0.1" submission_starttls: SubmissionStartTls = SubmissionStartTls::Require;
        /// Who may deliver by LMTP; no password is asked.
        reload since "0.1" lmtp_allow: Networks = Networks::loopback();
        /// Who may send mail to other servers on the `smtp` role without a password: machines of
        /// your own that cannot sign in. They may write as anyone. Nobody, unless you say so.
        reload since "0.1" relay_allow: Networks = Networks(Vec::new());
    }
}

impl Listen {
    /// The endpoints of a role as configured; none means its usual port on `bind`.
    pub fn role(&self, role: Role) -> Option<&[Endpoint]> {
        match role {
            Role::Smtp => self.smtp.as_deref(),
            Role::Submission => self.submission.as_deref(),
            Role::Submissions => self.submissions.as_deref(),
            Role::Lmtp => Some(&self.lmtp),
            Role::Imap => self.imap.as_deref(),
            Role::Imaps => self.imaps.as_deref(),
            Role::Http => self.http.as_deref(),
        }
    }

    /// The sockets of all roles.
    pub fn every_socket(&self) -> impl Iterator<Item = SocketAddr> {
        Role::ALL.into_iter().flat_map(|role| self.sockets(role))
    }

    /// The sockets that a role listens on; port 0 leaves the choice to the system.
    pub fn sockets(&self, role: Role) -> Vec<SocketAddr> {
        let usual = role.port().saturating_add(self.port_offset);
        let everywhere = |port| {
            self.bind
                .iter()
                .map(move |address| SocketAddr::new(*address, port))
        };
        let Some(endpoints) = self.role(role) else {
            return everywhere(usual).collect();
        };
        let mut sockets = Vec::new();
        for endpoint in endpoints {
            match *endpoint {
                Endpoint::Address(address) => sockets.push(SocketAddr::new(address, usual)),
                Endpoint::Port(port) => sockets.extend(everywhere(port)),
                Endpoint::Socket(socket) => sockets.push(socket),
            }
        }
        sockets
    }
}

branch! {
    /// Certificates. TLS is 1.2 or 1.3, always.
    pub struct Tls {
        /// PEM files, each a certificate with its chain; a folder stands for every `*.pem` in it.
        /// The names in a certificate decide to whom it is shown. Changed files are read anew
        /// within a minute; files that were added to a folder, with SIGHUP.
        /// Empty: `DATA_DIR/tls/server.pem`, which is made at first start.
        reload since "0.1" certificates: Vec<PathBuf> = Vec::new();
        /// PEM files of private keys, for certificates whose own file holds none. A key finds its
        /// certificate by itself; those in the folders of `certificates` need not be named.
        reload since "0.1" keys: Vec<PathBuf> = Vec::new();
    }
}

branch! {
    /// Logins.
    pub struct Auth {
        /// From whom passwords are taken without TLS.
        reload since "0.1" cleartext: ClearText = ClearText::Never;
        /// Which addresses an account may send from.
        reload since "0.1" senders: Senders = Senders::Own;
        /// Which addresses the users of this machine may send from with `sendmail`: `own` is
        /// `USER@` and the `hostname`. root and the server's own user may always send from any.
        reload since "0.1" local_senders: Senders = Senders::Own;
        /// Failed logins that one session may have; the last of them ends it.
        reload since "0.1" bad_logins_max: u32 = 3, in 1..=100;
        /// Failed logins of one address (IPv6: of one /64), whatever protocol, within
        /// `failures_window`; then its logins get a temporary failure unheard, right or wrong.
        /// Peers in `limits.exempt` are not counted.
        reload since "0.1" failures_per_address_max: u32 = 100, in 1..=100_000;
        /// How long failed logins of one address count together, from the first of them.
        reload since "0.1" failures_window: Duration = Duration::from_mins(10),
            in Duration::from_secs(1)..=Duration::from_hours(24);
    }
}
