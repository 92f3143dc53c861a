//! TLS of listeners and towards others: versions, tickets, ALPN, and what a handshake agreed on.

mod outward;

use std::sync::Arc;

use postroom_wire::machine::Tls;
use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, VerifierBuilderError};
use rustls::{CipherSuite, Connection, ProtocolVersion, ServerConfig, ServerConnection};

pub(crate) use outward::Towards;
pub use outward::{Certificate, Outward, system_roots};

/// What a listener of IMAP answers to ALPN (the registry of RFC 7301 §6).
pub const ALPN_IMAP: &[&str] = &["imap"];
/// What a listener of POP3 answers to ALPN (the registry of RFC 7301 §6).
pub const ALPN_POP3: &[&str] = &["pop3"];
/// What a listener of ManageSieve answers to ALPN (the registry of RFC 7301 §6).
pub const ALPN_MANAGESIEVE: &[&str] = &["managesieve"];
/// What a listener of SMTP answers to ALPN. The registry has no name for it; these are what Exim
/// takes, and clients that ask for another protocol are sent away.
pub const ALPN_SMTP: &[&str] = &["smtp", "esmtp"];

/// TLS cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The cryptography refused its own defaults or had no randomness.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
    /// Certificates are to be verified, and there is no root to do it by.
    #[error("there are no trusted roots to verify certificates by")]
    NoRoots(#[source] VerifierBuilderError),
}

/// TLS for one listener: 1.2 and 1.3, certificates by `certificates`.
///
/// Each call makes a ticket key of its own, so that a ticket of one listener is nothing to
/// another, whose policy may differ. No session is cached: tickets carry all (RFC 8446 §4.6.1).
/// A peer that offers ALPN and none of `protocols` is refused (RFC 7301 §3.2).
///
/// # Errors
/// When the system has no randomness for the ticket key.
pub fn server(
    certificates: Arc<dyn ResolvesServerCert>,
    protocols: &[&str],
) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Ok(Arc::new(config))
}

/// The side of a handshake that a session is on.
#[derive(Clone)]
pub(crate) enum Side {
    Server(Arc<ServerConfig>),
    Client(Arc<Towards>),
}

impl Side {
    /// A connection that has not shaken hands.
    pub(crate) fn connection(&self) -> Result<Connection, rustls::Error> {
        match self {
            Self::Server(config) => ServerConnection::new(Arc::clone(config)).map(Into::into),
            Self::Client(towards) => towards.connection().map(Into::into),
        }
    }

    /// What a finished handshake agreed on.
    pub(crate) fn agreed(&self, connection: &Connection) -> Tls {
        let (server_name, is_verified) = match (self, connection) {
            (_, Connection::Server(server)) => (server.server_name().map(Box::from), false),
            (Self::Client(towards), _) => (towards.server_name(), towards.verifies(connection)),
            (Self::Server(_), _) => (None, false),
        };
        Tls {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "TLSv1.3",
            },
            cipher: connection
                .negotiated_cipher_suite()
                .map_or("unknown", |suite| iana_name(suite.suite())),
            server_name,
            is_verified,
        }
    }
}

/// A suite as IANA writes it: rustls marks those of TLS 1.3 with the version.
fn iana_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or("unknown"),
    }
}
