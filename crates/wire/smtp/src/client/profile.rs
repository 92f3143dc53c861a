//! How a session with a peer is held: dialect, TLS, login, bounds and times.

use std::time::Duration;

use postroom_runtime::secret::Secret;

/// How sessions with one kind of peer are held. Shared by them.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Our own name, for EHLO (RFC 5321 §4.1.1.1).
    pub hostname: Box<str>,
    /// Which protocol.
    pub dialect: Dialect,
    /// STARTTLS on a connection that began in clear text.
    pub starttls: StartTls,
    /// Credentials for a smarthost.
    pub login: Option<Login>,
    /// What a session may use.
    pub limits: Limits,
    /// How long each wait may take.
    pub timeouts: Timeouts,
}

impl Profile {
    /// Transfer to an MX host: opportunistic STARTTLS, no login, the usual bounds and times.
    pub fn transfer(hostname: impl Into<Box<str>>) -> Self {
        Self {
            hostname: hostname.into(),
            dialect: Dialect::Smtp,
            starttls: StartTls::Opportunistic,
            login: None,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
        }
    }
}

/// Which protocol the peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// LHLO, and a reply for each recipient after the data (RFC 2033).
    Lmtp,
    /// RFC 5321.
    Smtp,
}

/// STARTTLS towards a peer (RFC 3207).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// Not asked for.
    Never,
    /// Where offered; a peer that then refuses it is spoken to in clear text.
    Opportunistic,
    /// Without it nothing is sent.
    Require,
}

/// Credentials for AUTH (RFC 4954).
#[derive(Clone, Debug)]
pub struct Login {
    /// Who we are at the peer.
    pub name: Box<str>,
    /// Known to the peer.
    pub password: Secret,
    /// Whether they may go without TLS.
    pub may_be_clear: bool,
}

/// Bounds of one session. Each names its behaviour at the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_field_names,
    reason = "bounds end in _max in this house"
)]
pub struct Limits {
    /// Octets of a reply line with its CRLF; RFC 5321 §4.5.3.1.5 asks for 512. Above it the
    /// session ends.
    pub line_octets_max: usize,
    /// Lines of one reply; above it the session ends.
    pub reply_lines_max: usize,
    /// Octets of text kept of one reply; what is above is dropped.
    pub reply_octets_max: usize,
    /// Commands whose replies are out (RFC 2920); the next waits.
    pub pipelined_max: usize,
    /// Octets of a message that follows its envelope at once by BDAT. A larger one waits until a
    /// recipient is accepted, so as not to be sent in vain.
    pub eager_octets_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_octets_max: 4_096,
            reply_lines_max: 100,
            reply_octets_max: 8 * 1_024,
            pipelined_max: 100,
            eager_octets_max: 32 * 1_024,
        }
    }
}

/// How long each wait may take; when it is over the session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the greeting (RFC 5321 §4.5.3.2.1).
    pub greeting: Duration,
    /// For the reply to EHLO, STARTTLS, AUTH and RSET.
    pub hello: Duration,
    /// For the reply to MAIL (RFC 5321 §4.5.3.2.2).
    pub mail: Duration,
    /// For the reply to RCPT (RFC 5321 §4.5.3.2.3).
    pub recipient: Duration,
    /// For the reply to DATA (RFC 5321 §4.5.3.2.4).
    pub data: Duration,
    /// For a whole body to be taken, however steadily it trickles.
    pub body: Duration,
    /// For the reply to the end of the data (RFC 5321 §4.5.3.2.6).
    pub end_of_data: Duration,
    /// For the reply to QUIT, on which nothing depends.
    pub quit: Duration,
    /// For a TLS handshake after STARTTLS.
    pub handshake: Duration,
    /// For the host's answer; then no other transaction is begun.
    pub answer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            greeting: Duration::from_mins(5),
            hello: Duration::from_mins(5),
            mail: Duration::from_mins(5),
            recipient: Duration::from_mins(5),
            data: Duration::from_mins(2),
            body: Duration::from_hours(1),
            end_of_data: Duration::from_mins(10),
            quit: Duration::from_secs(5),
            handshake: Duration::from_secs(30),
            answer: Duration::from_mins(5),
        }
    }
}
