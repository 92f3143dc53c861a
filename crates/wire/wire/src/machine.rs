//! The contract between a protocol and whoever drives it.

use std::time::Instant;

use crate::output::Output;

/// What happened, told to a machine.
#[derive(Debug)]
pub enum Event<'i, A, N> {
    /// All that is unread; what is not taken comes again, longer.
    Bytes(&'i [u8]),
    /// To the one question that is out.
    Answer(A),
    /// Unasked: new mail, an expunge, drain.
    News(N),
    /// TLS is up, after [`Next::StartTls`] or from the first byte.
    Secured(Tls),
    /// After [`Next::Flush`], [`Next::Send`] and [`Next::Compress`]; also the first event of all.
    Ready,
    /// The machine's `deadline` has passed.
    Expired,
    /// The peer sends no more.
    Closed,
}

/// What a handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// `TLSv1.2` or `TLSv1.3`, as a Received field names it.
    pub version: &'static str,
    /// The cipher suite by its IANA name.
    pub cipher: &'static str,
    /// The name that was asked for (SNI).
    pub server_name: Option<Box<str>>,
    /// Whether the peer's certificate is good for that name by the roots that are trusted; never
    /// of a client, who shows none.
    pub is_verified: bool,
}

/// The one thing that must happen now; the driver comes back until it is `Read`.
#[derive(Debug)]
pub enum Next<'i, M: Machine + ?Sized> {
    /// Flush, then wait for bytes, news, time or the end.
    Read,
    /// Call at once with what is unread.
    Again,
    /// Output has reached its mark: write, then Ready.
    Flush,
    /// Message octets where they lie, transparency removed. The driver hands them on and calls
    /// again at once with what is unread.
    Body(&'i [u8]),
    /// No Bytes until the Answer: back-pressure; News and Expired still come.
    Ask(M::Question),
    /// Flush, stream it (blob range, spool with dots stuffed), then Ready.
    Send(M::Source),
    /// Flush, drop what is unread, shake hands, then Secured.
    StartTls,
    /// Flush, deflate both ways from here on, then Ready.
    Compress,
    /// Flush and end.
    Close,
}

/// A protocol, not a connection: the driver owns time, sockets and TLS.
///
/// A machine answers every event in every state. It remembers how far it searched unread bytes,
/// so that input byte by byte stays linear.
pub trait Machine {
    /// What it asks its host.
    type Question: std::fmt::Debug;
    /// One page of a large result; the machine asks for the next.
    type Answer: std::fmt::Debug;
    /// What it may be told unasked.
    type News: std::fmt::Debug;
    /// What it may have streamed.
    type Source: std::fmt::Debug;

    /// Returns the bytes taken and what must happen now. Replies go to `out`.
    fn step<'i>(
        &mut self,
        now: Instant,
        event: Event<'i, Self::Answer, Self::News>,
        out: &mut Output,
    ) -> (usize, Next<'i, Self>);

    /// When [`Event::Expired`] is due; every state has one.
    fn deadline(&self) -> Instant;
}
