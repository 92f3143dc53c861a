//! What a room answers for a machine.

use std::future::Future;
use std::io;

use postroom_wire::machine::{Machine, Tls};

use crate::peer::Peer;

/// A machine that may move between threads; every machine whose parts may is one.
pub trait Driven:
    Machine<Question: Send, Answer: Send, News: Send, Source: Send> + Send + 'static
{
}

impl<M> Driven for M where
    M: Machine<Question: Send, Answer: Send, News: Send, Source: Send> + Send + 'static
{
}

/// What a room does for the session of one machine.
///
/// The driver calls one method at a time. An answer is never dropped half-way, except when the
/// machine ends the session before it came or the grace of a drain is over; every wait inside it
/// has a limit of the room's own.
pub trait Host<M: Machine>: Send + 'static {
    /// Answers the one question that is out.
    fn answer(&mut self, question: M::Question) -> impl Future<Output = M::Answer> + Send;

    /// Takes message octets ([`Next::Body`]); may wait for the disk. What fails here is
    /// remembered and told with the next answer.
    ///
    /// [`Next::Body`]: postroom_wire::machine::Next::Body
    fn body(&mut self, octets: &[u8]) -> impl Future<Output = ()> + Send;

    /// Waits for something unasked, for ever if there is none. Cancel safe: dropped whenever
    /// bytes or time come first. Asked only while the machine waits in `Read`.
    fn news(&mut self) -> impl Future<Output = M::News> + Send;

    /// The news that the house is closing. The driver tells it once, also while a question is out.
    fn drain() -> M::News;

    /// Appends the next piece of a source ([`Next::Send`]) to `buffer`; false with the last one.
    /// Pieces of about 64 KiB are best.
    ///
    /// # Errors
    /// End the connection: the peer was promised octets that cannot be had.
    ///
    /// [`Next::Send`]: postroom_wire::machine::Next::Send
    fn read(
        &mut self,
        source: &mut M::Source,
        buffer: &mut Vec<u8>,
    ) -> impl Future<Output = io::Result<bool>> + Send;

    /// The connection that [`connect`] opened stands; told before the machine is.
    ///
    /// A host that lets a connection wait for more to send asks the peer's handle whether it is
    /// still there.
    ///
    /// [`connect`]: crate::connect::connect
    fn connected(&mut self, _peer: Peer) {}

    /// TLS is up; told before the machine is.
    fn secured(&mut self, _tls: &Tls) {}

    /// The session is over and nothing more reaches the peer, whether or not the last reply did.
    fn closed(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}
