//! How sessions end that their machine did not end.

use std::io;

/// A session ended otherwise than by its machine.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// Reading or writing failed.
    #[error("the connection failed")]
    Connection(#[from] io::Error),
    /// A write waited for longer than [`crate::Limits::write_stall_max`], or what was streamed
    /// for longer than the machine's deadline.
    #[error("the peer did not read for too long")]
    Stalled,
    /// The handshake failed, or the peer left in the middle of it.
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
    /// The handshake took longer than [`crate::Limits::handshake_max`].
    #[error("the TLS handshake took too long")]
    HandshakeStalled,
    /// The machine left more untaken than [`crate::Limits::unread_max`].
    #[error("a command was longer than the connection may hold")]
    TooLong,
    /// The host failed to read what the machine had begun to send.
    #[error("what was promised to the peer could not be read")]
    Source(#[source] io::Error),
    /// A fault of ours: the machine and its host, or its TLS, do not fit.
    #[error("the machine asked for what cannot be done now")]
    OutOfTurn,
    /// The house has waited long enough.
    #[error("the grace of the drain is over")]
    Cut,
    /// A fault of ours.
    #[error("the session panicked")]
    Panicked,
}

impl Broken {
    /// Whether a TLS handshake is what failed.
    pub fn is_handshake(&self) -> bool {
        matches!(self, Self::Handshake(_) | Self::HandshakeStalled)
    }
}
