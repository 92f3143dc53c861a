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
}

impl Failure {
    /// A failure with what to do about it.
    pub(crate) fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            mend: Some(mend.into()),
        }
    }

    /// A failure and its causes, in one line.
    pub(crate) fn because(what: impl Display, error: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(Some(error), |cause| cause.source());
        let what = causes.fold(what.to_string(), |text, cause| format!("{text}: {cause}"));
        Self { what, mend: None }
    }

    /// The same with what to do about it.
    #[must_use]
    pub(crate) fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }

    /// Prints it and gives the exit code of a failure.
    pub(crate) fn report(&self) -> ExitCode {
        let mut error = io::stderr().lock();
        // When standard error is gone there is nobody to tell.
        let _ = writeln!(error, "postroom: {}", self.what);
        if let Some(mend) = &self.mend {
            let _ = writeln!(error, "  {mend}");
        }
        ExitCode::FAILURE
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
        }
    }
}

/// Prints one line.
///
/// # Errors
/// When standard output is gone.
pub(crate) fn say(line: impl Display) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .map_err(|error| Failure::because("standard output does not take what is printed", &error))
}

/// Prints rows in columns as wide as their widest cell.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> Result<(), Failure> {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let padded = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    say(line(head))?;
    rows.iter()
        .try_for_each(|row| say(line(row.each_ref().map(String::as_str))))
}
