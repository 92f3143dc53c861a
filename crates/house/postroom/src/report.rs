//! What is said on standard output and standard error.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use postroom_admin::answer;

/// A command that failed: one line of what, one of how to mend it.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    mend: Option<String>,
    code: u8,
    /// Nobody reads what is printed any more: no failure of the command.
    is_unread: bool,
}

/// The exit code of a failure, unless it has one of its own.
const FAILED: u8 = 1;

impl Failure {
    /// A failure with what to do about it.
    pub(crate) fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            mend: Some(mend.into()),
            code: FAILED,
            is_unread: false,
        }
    }

    /// A failure and its causes, in one line.
    pub(crate) fn because(what: impl Display, error: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(Some(error), |cause| cause.source());
        let what = causes.fold(what.to_string(), |text, cause| format!("{text}: {cause}"));
        Self {
            what,
            mend: None,
            code: FAILED,
            is_unread: false,
        }
    }

    /// The same with what to do about it.
    #[must_use]
    pub(crate) fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }

    /// The same with another exit code.
    #[must_use]
    pub(crate) fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// The same with what it happened to in front.
    #[must_use]
    pub(crate) fn at(mut self, place: impl Display) -> Self {
        self.what = format!("{place}: {}", self.what);
        self
    }

    /// Prints it, as two lines or as one of JSON, and gives its exit code.
    pub(crate) fn report(&self, as_json: bool) -> ExitCode {
        if self.is_unread {
            return ExitCode::SUCCESS;
        }
        let mut error = io::stderr().lock();
        // When standard error is gone there is nobody to tell.
        let _ = if as_json {
            let told = serde_json::json!({ "error": self.what, "mend": self.mend });
            writeln!(error, "{told}")
        } else {
            writeln!(error, "postroom: {}", self.what)
        };
        if let Some(mend) = self.mend.as_ref().filter(|_| !as_json) {
            let _ = writeln!(error, "  {mend}");
        }
        ExitCode::from(self.code)
    }
}

impl From<Failure> for answer::Problem {
    fn from(failure: Failure) -> Self {
        Self {
            key: String::new(),
            place: String::new(),
            what: failure.what,
            mend: failure.mend.unwrap_or_default(),
        }
    }
}

impl From<answer::Failure> for Failure {
    fn from(failure: answer::Failure) -> Self {
        Self {
            what: failure.what,
            mend: failure.mend,
            code: FAILED,
            is_unread: false,
        }
    }
}

/// Prints one line.
///
/// # Errors
/// When standard output is gone; a pipe whose reader has enough (`| head`) ends the command well.
pub(crate) fn say(line: impl Display) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .map_err(|error| Failure {
            is_unread: error.kind() == io::ErrorKind::BrokenPipe,
            ..Failure::because("standard output does not take what is printed", &error)
        })
}

/// Prints one line on standard error; when that is gone there is nobody to tell.
pub(crate) fn warn(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Prints rows in columns as wide as their widest cell.
pub(crate) fn table<const N: usize>(
    head: [&'static str; N],
    rows: &[[String; N]],
) -> Result<(), Failure> {
    let mut columns = Columns::new(head);
    if rows.is_empty() {
        columns.head()?;
    }
    columns.print(rows)
}

/// Columns of a table that is printed in parts: as wide as the widest cell so far.
pub(crate) struct Columns<const N: usize> {
    head: [&'static str; N],
    widths: [usize; N],
    is_begun: bool,
}

impl<const N: usize> Columns<N> {
    /// Nothing is printed yet.
    pub(crate) fn new(head: [&'static str; N]) -> Self {
        Self {
            head,
            widths: head.map(|cell| cell.chars().count()),
            is_begun: false,
        }
    }

    /// Prints some rows, below the head if they are the first.
    pub(crate) fn print(&mut self, rows: &[[String; N]]) -> Result<(), Failure> {
        for row in rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        if !self.is_begun && !rows.is_empty() {
            self.head()?;
        }
        rows.iter()
            .try_for_each(|row| self.line(row.each_ref().map(String::as_str)))
    }

    fn head(&mut self) -> Result<(), Failure> {
        self.is_begun = true;
        self.line(self.head)
    }

    fn line(&self, cells: [&str; N]) -> Result<(), Failure> {
        let padded = cells
            .iter()
            .zip(self.widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        say(padded.collect::<Vec<_>>().join("  ").trim_end())
    }
}
