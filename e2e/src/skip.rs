//! Tests that cannot run here say so.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;

/// Where administrators' programs are, which an ordinary PATH lacks.
const ALSO_LOOKED_IN: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Whether all of `programs` are installed; if not, the running test is recorded as skipped and
/// should return.
pub fn need(programs: &[&str]) -> bool {
    match programs.iter().find(|program| find(program).is_none()) {
        Some(absent) => skipped(&format!("{absent} is not installed")),
        None => true,
    }
}

/// Whether the tests run as root; if not, the running test is recorded as skipped.
pub fn need_root() -> bool {
    rustix::process::geteuid().is_root() || skipped("only root can do this")
}

/// Records that the running test is skipped, in `$POSTROOM_SKIPS` and on standard error; `false`.
pub fn skipped(reason: &str) -> bool {
    let name = thread::current().name().unwrap_or("?").to_owned();
    let line = format!("{name}: {reason}\n");
    // Seen also when everything else passes.
    let _ = io::stderr().write_all(format!("SKIPPED {line}").as_bytes());
    if let Some(path) = env::var_os("POSTROOM_SKIPS")
        && let Ok(mut file) = OpenOptions::new().append(true).create(true).open(path)
    {
        let _ = file.write_all(line.as_bytes());
    }
    false
}

/// Says something about the running test: a figure, a seed. Not captured by libtest.
pub fn note(text: &str) {
    let name = thread::current().name().unwrap_or("?").to_owned();
    let _ = io::stderr().write_all(format!("{name}: {text}\n").as_bytes());
}

/// Where a program is.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(ALSO_LOOKED_IN.map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
