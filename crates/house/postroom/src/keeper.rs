//! The small process that stays root when the server becomes another user.
//!
//! It binds ports and opens files for the server, passes signals on, and ends with it. It reads
//! nothing that a peer has sent and nothing that the server keeps. What it opens is fixed when it
//! starts: the configuration, and the certificates, keys and folders that it names, as far as no
//! one but root could have put something else in their place. What it binds, the configuration
//! names at that moment.

mod given;
mod user;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use postroom_config::Config;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::signal::unix::{SignalKind, signal};

use crate::kept::wire;
use crate::report::Failure;
use crate::settings::Settings;
use crate::threads;
use given::Given;

pub(crate) use user::{User, standing, stays_root};

/// Starts the server as `user` and keeps it until it ends; ends with its exit code.
pub(crate) fn run(settings: &Settings, config: &Config, user: User) -> Result<(), Failure> {
    let runtime = threads::of_a_command()?;
    let code = runtime.block_on(keep(settings, config, user))?;
    std::process::exit(code)
}

async fn keep(settings: &Settings, config: &Config, user: User) -> Result<i32, Failure> {
    let failed = |error: io::Error| {
        Failure::because(format_args!("starting the server as {user}"), &error)
            .mend("let the user reach the folder of this program")
    };
    let catch =
        |kind| signal(kind).map_err(|error| Failure::because("signals cannot be caught", &error));
    let mut ended = catch(SignalKind::child())?;
    let mut terminate = catch(SignalKind::terminate())?;
    let mut interrupt = catch(SignalKind::interrupt())?;
    let mut hang_up = catch(SignalKind::hangup())?;
    let given = Given::new(settings, config);
    let (own, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(|error| failed(error.into()))?;
    // A packet is a packet: what tokio knows as a socket of datagrams serves here too.
    let own = std::os::unix::net::UnixDatagram::from(own);
    own.set_nonblocking(true).map_err(failed)?;
    let line = UnixDatagram::from_std(own).map_err(failed)?;
    let mut child = start(user, theirs).map_err(failed)?;
    let pid = Pid::from_child(&child);
    let tell = |signal| {
        // The server may have ended already: then there is nobody to tell.
        let _ = kill_process(pid, signal);
    };
    let mut is_line_open = true;
    loop {
        tokio::select! {
            _ = ended.recv() => {
                if let Some(code) = code(&mut child, user)? {
                    return Ok(code);
                }
            }
            _ = terminate.recv() => tell(Signal::USR1),
            _ = interrupt.recv() => tell(Signal::USR1),
            _ = hang_up.recv() => tell(Signal::HUP),
            ready = line.readable(), if is_line_open => {
                ready.map_err(failed)?;
                let served = line.try_io(Interest::READABLE, || serve_one(line.as_fd(), &given));
                // The server is ending, or does not keep to the form: its end will tell.
                is_line_open = served
                    .map_or_else(|error| error.kind() == io::ErrorKind::WouldBlock, |()| true);
            }
        }
    }
}

/// Answers one question of the server.
fn serve_one(line: BorrowedFd<'_>, given: &Given) -> io::Result<()> {
    let ask = wire::receive(line)?;
    let answer = given.answer(&ask);
    if let Err(error) = &answer {
        tracing::warn!(%ask, %error, "not opened for the server");
    }
    wire::send_answer(line, answer)
}

/// The same command once more, as `user`, with its line to the keeper as standard input.
fn start(user: User, line: OwnedFd) -> io::Result<Child> {
    let keeper = std::process::id().to_string();
    Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .args(["--kept", &keeper])
        .stdin(Stdio::from(line))
        // Ctrl-C reaches the keeper, which passes it on once.
        .process_group(0)
        // Also takes every other group away.
        .uid(user.uid)
        .gid(user.gid)
        .spawn()
}

/// The exit code of a server that has ended.
fn code(child: &mut Child, user: User) -> Result<Option<i32>, Failure> {
    let status = child
        .try_wait()
        .map_err(|error| Failure::because("waiting for the server", &error))?;
    let Some(status) = status else {
        return Ok(None);
    };
    match status.code() {
        Some(code) => Ok(Some(code)),
        None => Err(Failure::new(
            format!("the server, run as {user}, was ended: {status}"),
            "start it again: what it acknowledged is kept",
        )),
    }
}
