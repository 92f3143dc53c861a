//! A connected stream of the system, of either kind, that never waits by itself.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// One connection.
pub(crate) enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The same call on either kind.
macro_rules! on {
    ($connection:expr, $stream:ident => $call:expr) => {
        match $connection {
            Self::Tcp($stream) => $call,
            Self::Unix($stream) => $call,
        }
    };
}

impl Connection {
    /// Waits until there is something to read, or the end. Cancel safe.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        on!(self, stream => stream.readable().await)
    }

    /// Waits until something may be written. Cancel safe.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        on!(self, stream => stream.writable().await)
    }

    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(self, stream => stream.poll_read_ready(cx))
    }

    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(self, stream => stream.poll_write_ready(cx))
    }

    /// Does what was found to be ready; `WouldBlock` gives the readiness up.
    pub(crate) fn try_io<R>(
        &self,
        interest: Interest,
        act: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        on!(self, stream => stream.try_io(interest, act))
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        on!(self, stream => stream.try_write(bytes))
    }

    pub(crate) fn try_write_vectored(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        on!(self, stream => stream.try_write_vectored(slices))
    }

    /// Sends the end of our side.
    pub(crate) fn end(&self) -> io::Result<()> {
        socket2::SockRef::from(self).shutdown(Shutdown::Write)
    }

    /// Ends both sides.
    pub(crate) fn cut(&self) {
        // What is ended already cannot be ended again, and need not.
        let _ = socket2::SockRef::from(self).shutdown(Shutdown::Both);
    }

    /// Writes without waiting and without asking first whether it may; for last words.
    pub(crate) fn write_now(&self, bytes: &[u8]) {
        // A peer that cannot take a few octets of refusal goes without.
        let _ = rustix::io::write(self, bytes);
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        on!(self, stream => stream.as_fd())
    }
}
