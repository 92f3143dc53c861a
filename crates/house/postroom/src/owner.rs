//! Nothing in a data directory is written as another user than its owner.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use postroom_admin::answer::Answer;
use postroom_admin::request::Request;
use serde::{Deserialize, Serialize};

use crate::report::Failure;

/// What `postroom answer` is given: the owner may not be able to read the configuration.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Errand {
    /// Where the configuration is.
    pub(crate) file: PathBuf,
    /// What it says.
    pub(crate) text: String,
    pub(crate) request: Request,
}

/// Who owns a data directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "user {}", self.uid)
    }
}

impl Owner {
    /// The owner of `data_dir`; nothing when there is no directory.
    pub(crate) fn of(data_dir: &Path) -> Option<Self> {
        let metadata = fs::metadata(data_dir).ok()?;
        Some(Self {
            uid: metadata.uid(),
            gid: metadata.gid(),
        })
    }

    /// The owner of `data_dir` where that is another user than this process's.
    pub(crate) fn other(data_dir: &Path) -> Option<Self> {
        let own = rustix::process::geteuid().as_raw();
        Self::of(data_dir).filter(|owner| owner.uid != own)
    }

    /// Has one request answered by this program, run as the owner.
    pub(crate) fn answer(self, config: &Path, request: &Request) -> Result<Answer, Failure> {
        let failed = |error: &dyn std::error::Error| {
            Failure::because(format_args!("asking as user {}", self.uid), error)
                .mend("run the command as the owner of the data directory, or as root")
        };
        let file = std::path::absolute(config).map_err(|error| failed(&error))?;
        let text = fs::read_to_string(&file).map_err(|error| failed(&error))?;
        let errand = Errand {
            file,
            text,
            request: request.clone(),
        };
        let line = serde_json::to_vec(&errand).map_err(|error| failed(&error))?;
        let mut child = self
            .command()?
            .arg("answer")
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
