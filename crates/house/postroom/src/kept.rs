//! A server's end of the line to its keeper.

pub(crate) mod wire;

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::net::SocketType;
use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_type};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use tokio::signal::unix::SignalKind;

use crate::report::Failure;
use wire::Ask;

/// How long the server waits for an answer of its keeper.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The signal by which a keeper passes on that the server shall end: told from one that reached
/// the server by itself, when somebody signalled both.
pub(crate) fn end_signal() -> SignalKind {
    SignalKind::user_defined1()
}

/// The server's end of the line to its keeper.
#[derive(Debug)]
pub(crate) struct Kept(Mutex<OwnedFd>);

impl Kept {
    /// The line of a server that `keeper` started, which standard input is. The server dies with
    /// its keeper, as in a crash: who starts it again finds ports and data directory free.
    pub(crate) fn attach(keeper: u32) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::because("the keeper of this server", &error);
        set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| failed(error.into()))?;
        let socket = io::stdin().as_fd().try_clone_to_owned().map_err(failed)?;
        let is_line = socket_type(&socket).is_ok_and(|kind| kind == SocketType::SEQPACKET);
        let parent = getppid().map(|parent| parent.as_raw_nonzero().get().unsigned_abs());
        if !is_line || parent != Some(keeper) {
            return Err(Failure::new(
                "no keeper started this server",
                "leave out --kept: it is not for people",
            ));
        }
        set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER_MAX))
            .map_err(|error| failed(error.into()))?;
        Ok(Self(Mutex::new(socket)))
    }

    /// Opens a file or folder to read. Blocks.
    pub(crate) fn open(&self, path: &Path) -> io::Result<File> {
        self.ask(&Ask::Open(path.to_owned())).map(File::from)
    }

    /// Binds a port. Blocks.
    pub(crate) fn bind(&self, address: SocketAddr) -> io::Result<TcpListener> {
        self.ask(&Ask::Bind(address)).map(TcpListener::from)
    }

    /// One question, one answer.
    fn ask(&self, ask: &Ask) -> io::Result<OwnedFd> {
        let socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wire::send(socket.as_fd(), ask)?;
        wire::receive_answer(socket.as_fd())
    }
}
