//! strace on a server that runs.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use crate::deadline::{SOON, until};
use crate::process;
use crate::scratch::Scratch;
use crate::skip;

/// Octets of each buffer that are shown: more than one batch of the tests' messages.
const SHOWN: &str = "8388608";

/// A strace that watches a process until it is detached.
#[derive(Debug)]
pub struct Strace {
    scratch: Scratch,
    child: Child,
}

impl Strace {
    /// Watches all threads of a process with `expressions` (`trace=write`, `inject=…`).
    ///
    /// `None`, and the running test is recorded as skipped, where tracing is not allowed.
    ///
    /// # Panics
    /// When strace does not start.
    pub fn attach(pid: u32, expressions: &[&str]) -> Option<Self> {
        let scratch = Scratch::new();
        let said = scratch.path().join("said");
        let mut command = Command::new(skip::find("strace").expect("strace was found before"));
        command.args(["-f", "-y", "-s", SHOWN, "-p", &pid.to_string(), "-o"]);
        command.arg(scratch.path().join("trace"));
        for expression in expressions {
            command.args(["-e", expression]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said).expect("a file for what strace says"));
        let mut child = command.spawn().expect("strace starts");
        let is_attached = until(SOON, || {
            let text = fs::read_to_string(&said).unwrap_or_default();
            if text.contains(" attached") {
                return Some(true);
            }
            child
                .try_wait()
                .expect("the state of a child")
                .map(|_| false)
        });
        if is_attached == Some(true) {
            return Some(Self { scratch, child });
        }
        let _ = child.kill();
        let _ = child.wait();
        let text = fs::read_to_string(&said).unwrap_or_default();
        skip::skipped(&format!("strace may not watch the server: {}", text.trim()));
        None
    }

    /// Lets the process run on its own again; returns what was seen.
    ///
    /// # Panics
    /// When strace does not end.
    pub fn detach(mut self) -> String {
        self.end();
        let bytes = fs::read(self.trace_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn trace_path(&self) -> PathBuf {
        self.scratch.path().join("trace")
    }

    fn end(&mut self) {
        process::signal(self.child.id(), Signal::INT);
        if until(SOON, || self.child.try_wait().ok().flatten()).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        self.end();
    }
}
