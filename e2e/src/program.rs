//! Running a program to its end, with a bound on its time.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::deadline::until;
use crate::scratch::Scratch;
use crate::skip;

/// How long a client may take unless the test says otherwise.
const LIMIT: Duration = Duration::from_mins(1);

/// A program, its arguments and what it reads.
#[derive(Debug)]
pub struct Program {
    command: Command,
    input: Vec<u8>,
    limit: Duration,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it printed on standard error.
    pub err: String,
}

impl Program {
    /// A program by name or path.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let name = program.as_ref();
        let path = name.to_str().and_then(skip::find);
        let command = Command::new(path.as_deref().map_or(name, Path::as_os_str));
        Self {
            command,
            input: Vec::new(),
            limit: LIMIT,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(self, argument: impl AsRef<OsStr>) -> Self {
        self.args([argument])
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Where it runs.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// What it reads from standard input; nothing unless set.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// How long it may take.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started, or does not end in its time.
    pub fn run(mut self) -> Ended {
        let scratch = Scratch::new();
        let out = scratch.path().join("out");
        let err = scratch.path().join("err");
        let input = scratch.write("in", &self.input);
        let create = |path: &Path| File::create(path).expect("a file for output");
        self.command
            .stdin(File::open(input).expect("the input"))
            .stdout(Stdio::from(create(&out)))
            .stderr(Stdio::from(create(&err)));
        let mut child = self.command.spawn().unwrap_or_else(|error| {
            panic!(
                "{} does not start: {error}",
                self.command.get_program().display()
            )
        });
        let status = until(self.limit, || {
            child.try_wait().expect("the state of a child")
        });
        let read =
            |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        let Some(status) = status else {
            let _ = child.kill();
            let _ = child.wait();
            panic!(
                "{:?} did not end within {:?}\n{}\n{}",
                self.command,
                self.limit,
                read(&out),
                read(&err)
            );
        };
        Ended {
            code: status.code(),
            out: read(&out),
            err: read(&err),
        }
    }

    /// Runs it to its end, which must be a good one; returns what it printed.
    ///
    /// # Panics
    /// When it fails in any way.
    pub fn succeed(self) -> String {
        let shown = format!("{:?}", self.command);
        let ended = self.run();
        assert!(
            ended.code == Some(0),
            "{shown} ended with {:?}\n{}\n{}",
            ended.code,
            ended.out,
            ended.err
        );
        ended.out
    }
}

impl Ended {
    /// All that it printed.
    pub fn text(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}
