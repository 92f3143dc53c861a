//! `cargo xtask fuzz`: runs the fuzz targets; needs a nightly toolchain and cargo-fuzz.

use std::process::Command;

use crate::tree;

const SECONDS: u64 = 60;

/// Fuzzes each target for some seconds, then says how many inputs were run.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let (seconds, named) = read(arguments)?;
    let targets = if named.is_empty() { targets()? } else { named };
    for target in &targets {
        tree::say(&format!("fuzz {target}: {seconds} s"));
        let limit = format!("-max_total_time={seconds}");
        let status = Command::new("cargo")
            .args([
                "+nightly",
                "fuzz",
                "run",
                "--fuzz-dir",
                "fuzz",
                target,
                "--",
            ])
            .args([
                limit.as_str(),
                "-print_final_stats=1",
                "-rss_limit_mb=2048",
                "-timeout=10",
            ])
            .current_dir(tree::root())
            .status()
            .map_err(|error| {
                format!("cargo fuzz: {error}; install it with: cargo install cargo-fuzz --locked")
            })?;
        if !status.success() {
            return Err(format!(
                "fuzz target {target} failed; its input is in fuzz/artifacts/{target}"
            ));
        }
    }
    Ok(())
}

fn read(arguments: &[String]) -> Result<(u64, Vec<String>), String> {
    match arguments {
        [flag, seconds, named @ ..] if flag == "--seconds" => {
            let seconds = seconds
                .parse()
                .map_err(|_| format!("--seconds {seconds}: not a number"))?;
            Ok((seconds, named.to_vec()))
        }
        named => Ok((SECONDS, named.to_vec())),
    }
}

/// Names of the targets: the files of `fuzz/fuzz_targets`.
fn targets() -> Result<Vec<String>, String> {
    let files = tree::files(&tree::root().join("fuzz/fuzz_targets"), &[".rs"]);
    let names: Vec<String> = files
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    if names.is_empty() {
        Err("fuzz/fuzz_targets has no target".to_owned())
    } else {
        Ok(names)
    }
}
