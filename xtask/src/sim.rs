//! `cargo xtask sim`: the whole house on seeds.

use std::process::Command;

use crate::tree;

/// Builds the simulation and runs it with `arguments`.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let status = Command::new("cargo")
        .args(["run", "--quiet", "--locked", "--profile", "ci"])
        .args(["--package", "postroom-sim", "--"])
        .args(arguments)
        .current_dir(tree::root())
        .status()
        .map_err(|error| format!("cargo run: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err("seeds failed; `--from SEED --seeds 1` runs one again".to_owned())
    }
}
