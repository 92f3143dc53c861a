//! Nothing in a data directory is written as another user than its owner.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use postroom_admin::answer::Answer;
use postroom_admin::request::Request;

use crate::report::Failure;

/// Ports below this one are given to root alone.
const PORT_UNPRIVILEGED_MIN: u16 = 1024;

/// Who owns a data directory, where that is another user than this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    /// The owner of `data_dir`; nothing when it is this process's user or there is no directory.
    pub(crate) fn other(data_dir: &Path) -> Option<Self> {
        let metadata = fs::metadata(data_dir).ok()?;
        let own = rustix::process::geteuid().as_raw();
        (metadata.uid() != own).then(|| Self {
            uid: metadata.uid(),
            gid: metadata.gid(),
        })
    }

    /// Has one request answered by this program, run as the owner.
    pub(crate) fn answer(self, config: &Path, request: &Request) -> Result<Answer, Failure> {
        let failed = |error: &dyn std::error::Error| {
            Failure::because(format_args!("asking as user {}", self.uid), error)
                .mend("run the command as the owner of the data directory, or as root")
        };
        let line = serde_json::to_vec(request).map_err(|error| failed(&error))?;
        let mut child = self
            .command()?
            .args(["answer", "--config"])
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&error))?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(&line).map_err(|error| failed(&error))?;
        }
        let output = child.wait_with_output().map_err(|error| failed(&error))?;
        if !output.status.success() {
            let what = format!(
                "user {}, who owns the data directory, could not answer",
                self.uid
            );
            return Err(Failure::new(what, "see the lines above"));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| failed(&error))
    }

    /// Runs the same command again as the owner; returns only when that cannot be.
    pub(crate) fn take_over(self) -> Failure {
        match self.command() {
            Ok(mut command) => {
                let mut arguments = std::env::args_os();
                // By its name the program knows whether it is sendmail.
                if let Some(name) = arguments.next() {
                    command.arg0(name);
                }
                let error = command.args(arguments).exec();
                Failure::because(format_args!("becoming user {}", self.uid), &error)
            }
            Err(failure) => failure,
        }
    }

    fn command(self) -> Result<Command, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::because("this program's own file", &error))?;
        let mut command = Command::new(program);
        command.uid(self.uid).gid(self.gid);
        Ok(command)
    }
}

/// Sees to it that a server writes as the owner of its data directory: started as root, it becomes
/// the owner, unless it listens where only root may.
pub(crate) fn settle(data_dir: &Path, sockets: &[SocketAddr]) -> Result<(), Failure> {
    let Some(owner) = Owner::other(data_dir) else {
        return Ok(());
    };
    let is_root = rustix::process::geteuid().is_root();
    let is_low = |socket: &SocketAddr| (1..PORT_UNPRIVILEGED_MIN).contains(&socket.port());
    if is_root && !sockets.iter().any(is_low) {
        return Err(owner.take_over());
    }
    let what = format!("{} belongs to user {}", data_dir.display(), owner.uid);
    let mend = if is_root {
        "give the folder to root, or listen on ports from 1024 on (listen.port_offset)"
    } else {
        "start the server as that user"
    };
    Err(Failure::new(what, mend))
}
