//! What a listener is for: dialect, policies of the port, limits and times.

use std::time::Duration;

/// How one listener speaks. Shared by its sessions.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The server's name, in the greeting and in replies to EHLO.
    pub hostname: Box<str>,
    /// Which protocol.
    pub dialect: Dialect,
    /// STARTTLS on a connection that began in clear text.
    pub starttls: StartTlsPolicy,
    /// Whether AUTH is offered.
    pub auth: AuthPolicy,
    /// MAIL is refused with 530 5.7.0 until the peer has signed in (RFC 6409 §4.3).
    pub login_required: bool,
    /// What a session may use.
    pub limits: Limits,
    /// How long each wait may take.
    pub timeouts: Timeouts,
}

/// Which protocol a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Local mail transfer (RFC 2033): LHLO, a reply for each recipient.
    Lmtp,
    /// Message submission (RFC 6409).
    Submission,
    /// Between servers (RFC 5321).
    Transfer,
}

/// STARTTLS on a listener (RFC 3207).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTlsPolicy {
    /// Not offered.
    Off,
    /// Offered.
    Offer,
    /// Before it, only STARTTLS, EHLO, NOOP, RSET and QUIT are answered; 530 5.7.0 to the rest.
    Require,
}

/// AUTH on a listener (RFC 4954).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthPolicy {
    /// Not offered.
    Off,
    /// Offered once the session is encrypted (RFC 8314 §3.3).
    AfterTls,
    /// Offered in clear text too.
    Always,
}

/// Bounds of one session. Each names its behaviour at the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_field_names,
    reason = "bounds end in _max in this house"
)]
pub struct Limits {
    /// Octets of a message, advertised with SIZE; above it 552 5.3.4.
    pub size_octets_max: u64,
    /// RCPT commands in a transaction (RFC 9422, RCPTMAX); above it 452 4.5.3.
    pub recipients_max: u32,
    /// MAIL commands in a session (RFC 9422, MAILMAX), failed ones too; above it 421.
    pub transactions_max: u32,
    /// Commands since the last message that was accepted, or since the greeting; above it 421.
    pub commands_max: u32,
    /// Commands in a session that were refused for syntax or sequence; the last gets 421.
    pub bad_commands_max: u32,
    /// Failed AUTH in a session; the last gets 421.
    pub bad_logins_max: u32,
    /// Octets of a command line with its CRLF (RFC 5321 §4.5.3.1.4, and room for parameters);
    /// above it 500 5.5.6. AUTH and its responses have 12,288 (RFC 4954 §4).
    pub line_octets_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            size_octets_max: 50 * 1024 * 1024,
            recipients_max: 1_000,
            transactions_max: 1_000,
            commands_max: 100_000,
            bad_commands_max: 20,
            bad_logins_max: 3,
            line_octets_max: 4_096,
        }
    }
}

/// How long each wait may take; when it is over, 421 4.4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a whole command line or AUTH response (RFC 5321 §4.5.3.2.7).
    pub command: Duration,
    /// From the start to a login where one is required.
    pub login: Duration,
    /// For the next octets of a body.
    pub body_block: Duration,
    /// For a whole body, however steadily it trickles.
    pub body_total: Duration,
    /// For the host's answer (RFC 5321 §4.5.3.2.6 lets the peer wait 10 minutes).
    pub answer: Duration,
    /// For a TLS handshake after STARTTLS.
    pub handshake: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            command: Duration::from_mins(5),
            login: Duration::from_mins(5),
            body_block: Duration::from_mins(3),
            body_total: Duration::from_hours(1),
            answer: Duration::from_mins(5),
            handshake: Duration::from_secs(30),
        }
    }
}
