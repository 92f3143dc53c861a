//! Nothing in a data directory is written as another user than its owner.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::report::Failure;

/// Started as root on a data directory of someone else, runs the same command again as its owner;
/// otherwise does nothing.
///
/// Call it before anything is read from standard input or written.
pub(crate) fn become_owner(data_dir: &Path) -> Result<(), Failure> {
    let Ok(metadata) = fs::metadata(data_dir) else {
        return Ok(());
    };
    if !rustix::process::geteuid().is_root() || metadata.uid() == 0 {
        return Ok(());
    }
    let program = std::env::current_exe()
        .map_err(|error| Failure::because("this program's own file", &error))?;
    let error = Command::new(program)
        .args(std::env::args_os().skip(1))
        .uid(metadata.uid())
        .gid(metadata.gid())
        .exec();
    Err(Failure::because(
        format_args!("becoming the owner of {}", data_dir.display()),
        &error,
    ))
}
