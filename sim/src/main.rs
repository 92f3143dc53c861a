//! `postroom-sim [--seeds N] [--from SEED]`: runs seeds and says which fail.

use std::io::{self, Write as _};
use std::process::ExitCode;

/// Seeds unless told otherwise.
const SEEDS: u64 = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((from, seeds)) = read(&arguments) else {
        let _ = writeln!(
            io::stderr(),
            "usage: postroom-sim [--seeds N] [--from SEED]"
        );
        return ExitCode::from(2);
    };
    let mut failed = 0;
    let (mut letters, mut cuts, mut rounds, mut sent) = (0, 0, 0, 0);
    for seed in from..from.saturating_add(seeds) {
        match postroom_sim::run(seed) {
            Ok(seen) => {
                letters += seen.letters;
                cuts += seen.cuts;
                rounds += seen.rounds;
                sent += seen.sent;
            }
            Err(violation) => {
                failed += 1;
                let _ = writeln!(io::stdout(), "seed {seed}: {}", violation.0);
            }
        }
    }
    let _ = writeln!(
        io::stdout(),
        "{seeds} seeds: {letters} letters, {sent} recipients elsewhere reached, {cuts} power cuts, {rounds} rounds of the queue; \
         {failed} failed"
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn read(arguments: &[String]) -> Option<(u64, u64)> {
    let (mut from, mut seeds) = (0, SEEDS);
    for pair in arguments.chunks(2) {
        match pair {
            [flag, number] if flag == "--seeds" => seeds = number.parse().ok()?,
            [flag, number] if flag == "--from" => from = number.parse().ok()?,
            _ => return None,
        }
    }
    Some((from, seeds))
}
