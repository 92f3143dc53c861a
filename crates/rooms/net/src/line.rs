//! One connection with what is unread and what is unsent.

use std::future::Future;
use std::io;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postroom_runtime::group::Token;
use postroom_runtime::telemetry::Handshake;
use postroom_wire::machine::Tls;
use postroom_wire::output::Output;
use tokio::time::{sleep, timeout};

use crate::broken::Broken;
use crate::limits::Ground;
use crate::socket::Socket;
use crate::stream::{Found, Stream};
use crate::tls::Side;

/// How long a closed session of a draining listener waits for the peer: its last reply is on its
/// way, and the house waits for whoever keeps the connection open.
const DRAIN_LINGER_MAX: Duration = Duration::from_millis(200);
/// How long is waited for what a peer said before the connection failed.
const LAST_WORDS_MAX: Duration = Duration::from_millis(200);

/// The connection of one session. Holds no memory of its own while nothing is unread or unsent.
pub(crate) struct Line {
    pub(crate) out: Output,
    ground: Arc<Ground>,
    stream: Stream,
    unread: Vec<u8>,
    /// Where in `unread` that begins which the machine has not taken.
    start: usize,
}

impl Line {
    pub(crate) fn new(ground: Arc<Ground>, socket: Arc<Socket>) -> Self {
        Self {
            out: Output::new(),
            ground,
            stream: Stream::new(socket),
            unread: Vec::new(),
            start: 0,
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.ground.clock.now()
    }

    /// What the machine has not taken, and where it writes.
    pub(crate) fn parts(&mut self) -> (&[u8], &mut Output) {
        (
            self.unread.get(self.start..).unwrap_or_default(),
            &mut self.out,
        )
    }

    /// The machine took `octets`.
    pub(crate) fn take(&mut self, octets: usize) {
        self.start = self.start.saturating_add(octets).min(self.unread.len());
    }

    /// Tells the peer's handle whether there is more of the peer here.
    pub(crate) fn note_unread(&self) {
        let holds = self.start < self.unread.len();
        self.stream.socket().holds_unread(holds);
    }

    /// Whether the peer sent something before it was spoken to; if so, reads it.
    pub(crate) async fn read_early(&mut self) -> Result<bool, Broken> {
        if self.stream.is_secure() || !self.stream.socket().has_spoken() {
            return Ok(false);
        }
        // It is there, but the runtime may not have heard of it.
        self.readable().await?;
        Ok(self.try_read()? == Found::Octets)
    }

    /// Reads what has arrived, without waiting.
    pub(crate) fn try_read(&mut self) -> Result<Found, Broken> {
        self.compact();
        if self.unread.len() >= self.ground.limits.unread_max {
            return Err(Broken::TooLong);
        }
        let found = self
            .stream
            .try_read(&mut self.unread, &self.ground.buffers)?;
        Ok(found)
    }

    /// Reads what the peer said before the connection failed.
    pub(crate) async fn read_last(&mut self) {
        self.out.clear();
        // It is there, but the runtime may not have heard of it.
        if timeout(LAST_WORDS_MAX, self.readable()).await.is_ok() {
            while let Ok(Found::Octets) = self.try_read() {}
        }
    }

    /// Gives up the buffers before a wait; of an unfinished line only its octets are kept.
    pub(crate) async fn rest(&mut self) -> Result<(), Broken> {
        self.out = Output::new();
        self.compact();
        // A large rest stays where it is: copying it at each wait would cost its square.
        if self.unread.capacity() / 4 > self.unread.len() {
            let kept = self.unread.as_slice().to_vec();
            let lent = mem::replace(&mut self.unread, kept);
            self.ground.buffers.take_back(lent);
        }
        if self.stream.has_records() {
            let sending = self.stream.send_records();
            in_time(&self.ground, sending).await?;
        }
        Ok(())
    }

    /// Waits until there may be something to read. Cancel safe.
    pub(crate) async fn readable(&self) -> Result<(), Broken> {
        Ok(self.stream.socket().readable().await?)
    }

    /// Writes what is unsent.
    pub(crate) async fn flush(&mut self) -> Result<(), Broken> {
        for piece in self.out.as_bytes().chunks(Output::MARK) {
            in_time(&self.ground, self.stream.write(piece)).await?;
        }
        self.out.clear();
        Ok(())
    }

    /// Writes what is unsent and then `bytes`, small amounts when there is more of them.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        if bytes.len() < Output::MARK / 4 {
            self.out.put(bytes);
            if self.out.is_full() {
                self.flush().await?;
            }
            return Ok(());
        }
        self.flush().await?;
        for piece in bytes.chunks(Output::MARK) {
            in_time(&self.ground, self.stream.write(piece)).await?;
        }
        Ok(())
    }

    /// An empty buffer, to be given back.
    pub(crate) fn lend(&self) -> Vec<u8> {
        self.ground.buffers.lend()
    }

    /// Takes a lent buffer back.
    pub(crate) fn take_back(&self, buffer: Vec<u8>) {
        self.ground.buffers.take_back(buffer);
    }

    /// Flushes, drops what is unread and shakes hands. Octets that came in the clear are never
    /// taken for protected ones (RFC 3207 §4.2, RFC 9051 §6.2.1).
    pub(crate) async fn secure(&mut self, side: &Side) -> Result<Tls, Broken> {
        if self.stream.is_secure() {
            return Err(Broken::OutOfTurn);
        }
        self.flush().await?;
        self.unread.clear();
        self.start = 0;
        self.rest().await?;
        // Boxed: what a handshake needs is not carried for the rest of the session.
        let handshake = Box::pin(self.stream.secure(side));
        let agreed = match timeout(self.ground.limits.handshake_max, handshake).await {
            Ok(agreed) => agreed.map_err(Broken::Handshake),
            Err(_) => Err(Broken::HandshakeStalled),
        };
        let live = self.stream.socket().live();
        let outcome = match &agreed {
            Ok(agreed) => {
                live.note_tls(agreed.version);
                Handshake::Done
            }
            Err(Broken::HandshakeStalled) => Handshake::Slow,
            Err(_) => Handshake::Failed,
        };
        let handshakes = self.ground.telemetry.net.handshakes.at(live.role);
        handshakes.at(outcome).increment();
        agreed
    }

    /// Says that nothing more is sent.
    pub(crate) async fn end(&mut self) -> Result<(), Broken> {
        in_time(&self.ground, self.stream.end()).await
    }

    /// Waits for the peer to have read the last reply, for a bounded time: a short one from the
    /// moment that `drain` is asked for.
    pub(crate) async fn linger(self, drain: &Token) {
        let lingering = self.stream.linger(&self.ground.buffers);
        let drained = async {
            drain.cancelled().await;
            sleep(DRAIN_LINGER_MAX).await;
        };
        tokio::select! {
            _ = timeout(self.ground.limits.linger_max, lingering) => {}
            () = drained => {}
        }
    }

    /// A last word from outside the machine: to a session that ends by our fault.
    pub(crate) async fn last_word(&mut self, words: &[u8]) {
        self.out.clear();
        self.out.put(words);
        if self.flush().await.is_ok() {
            let _ = self.end().await;
        }
    }

    fn compact(&mut self) {
        if self.start > 0 {
            self.unread.drain(..self.start);
            self.start = 0;
        }
    }
}

/// Bounds a write by `write_stall_max`.
async fn in_time(
    ground: &Ground,
    write: impl Future<Output = io::Result<()>>,
) -> Result<(), Broken> {
    match timeout(ground.limits.write_stall_max, write).await {
        Ok(written) => Ok(written?),
        Err(_) => Err(Broken::Stalled),
    }
}
