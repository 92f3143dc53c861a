//! A connected socket that never waits by itself.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use postroom_runtime::telemetry::Direction;
use rustix::buffer::{Buffer, spare_capacity};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio::io::Interest;

use crate::connection::Connection;
use crate::sessions::Live;

/// A connection, shared by its session and its [`crate::Peer`].
pub(crate) struct Socket {
    stream: Connection,
    live: Live,
    /// Whether the session holds octets of the peer that its machine has not taken yet.
    holds_unread: AtomicBool,
}

impl Socket {
    pub(crate) fn new(stream: Connection, live: Live) -> Self {
        Self {
            stream,
            live,
            holds_unread: AtomicBool::new(false),
        }
    }

    /// What is known of the session.
    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    /// Waits until there is something to read, or the end. Cancel safe.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.stream.readable().await
    }

    /// Waits until something may be written. Cancel safe.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.stream.writable().await
    }

    /// Appends what has arrived to `buffer`, as much as its spare capacity takes; 0 is the end.
    pub(crate) fn try_append_to(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let room = buffer.capacity() - buffer.len();
        self.try_read(spare_capacity(buffer), room)
    }

    /// One `read`. When it leaves room nothing more is there, so that the readiness is given up
    /// with it: the next try costs no system call.
    fn try_read<B: Buffer<u8, Output = usize>>(&self, buffer: B, room: usize) -> io::Result<usize> {
        let mut taken = None;
        let result = self.stream.try_io(Interest::READABLE, || {
            let octets = rustix::io::read(&self.stream, buffer)?;
            taken = Some(octets);
            if 0 < octets && octets < room {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(octets)
        });
        let octets = taken.map_or(result, Ok)?;
        self.live.count(Direction::In, octets);
        Ok(octets)
    }

    /// Reads into a buffer that is initialised; 0 is the end.
    pub(crate) fn try_read_into(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len();
        self.try_read(buffer, room)
    }

    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_read_ready(cx)
    }

    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_write_ready(cx)
    }

    /// Tells `has_closed` what the session still holds.
    pub(crate) fn holds_unread(&self, holds: bool) {
        self.holds_unread.store(holds, Ordering::Relaxed);
    }

    /// Whether the peer has ended its side and nothing of it is unread.
    pub(crate) fn has_closed(&self) -> bool {
        if self.holds_unread.load(Ordering::Relaxed) {
            return false;
        }
        let mut ahead = [0; 6];
        match self.peek(&mut ahead) {
            Ok(0) | Err(Errno::CONNRESET) => true,
            Ok(octets) => is_alert(ahead.get(..octets).unwrap_or_default()),
            Err(_) => false,
        }
    }

    /// Whether the peer has sent something that no machine has taken.
    pub(crate) fn has_spoken(&self) -> bool {
        self.holds_unread.load(Ordering::Relaxed)
            || self.peek(&mut [0]).is_ok_and(|octets| octets > 0)
    }

    /// What is next to be read, left in its place.
    fn peek(&self, ahead: &mut [u8]) -> Result<usize, Errno> {
        let (octets, _) =
            rustix::net::recv(&self.stream, ahead, RecvFlags::PEEK | RecvFlags::DONTWAIT)?;
        Ok(octets)
    }

    /// Sends the end of our side.
    pub(crate) fn end(&self) -> io::Result<()> {
        self.stream.end()
    }

    /// Ends both sides, whoever still holds a handle.
    pub(crate) fn cut(&self) {
        self.stream.cut();
    }
}

/// Whether a TLS record is an alert, which between two messages is close_notify or failure:
/// plainly in TLS 1.2 (RFC 5246 §6.2.1), by its length alone in TLS 1.3, where level, description,
/// inner type and the tag of every suite we offer make 19 octets (RFC 8446 §5.2). Application data
/// of that length would be two octets, which no command is.
fn is_alert(record: &[u8]) -> bool {
    matches!(record, [21, 3, ..] | [23, 3, 3, 0, 19, ..])
}

/// Reads for rustls.
impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.try_read_into(buffer)
    }
}

/// Writes for rustls.
impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let octets = self.stream.try_write(bytes)?;
        self.live.count(Direction::Out, octets);
        Ok(octets)
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let octets = self.stream.try_write_vectored(slices)?;
        self.live.count(Direction::Out, octets);
        Ok(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_told_from_a_command() {
        assert!(is_alert(&[21, 3, 3, 0, 26]));
        assert!(is_alert(&[23, 3, 3, 0, 19, 77]));
        assert!(!is_alert(&[23, 3, 3, 0, 23, 77]), "QUIT in TLS 1.3");
        assert!(!is_alert(b"QUIT\r\n"));
        assert!(!is_alert(b""));
    }
}
