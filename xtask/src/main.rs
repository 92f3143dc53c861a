//! The menu of the house: checks and chores, none of which needs anything installed.

mod attacks;
mod coverage;
mod fuzz;
mod licences;
mod sim;
mod tree;

use std::process::ExitCode;

const MENU: &str = "usage: cargo xtask COMMAND

  attacks              each attack of docs/attacks.md with the tests that prove the defence
  coverage             what the catalogues hold and no transcript shows
  fuzz [--seconds N] [TARGET...]
                       fuzz each target for N seconds (60), or those named
  licences             licences, bans and sources of everything compiled
  sim [--seeds N] [--from SEED]
                       the whole house on seeds (200): what each fails on, with its story";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", &[][..]),
    };
    let outcome = match command {
        "attacks" => attacks::run(),
        "coverage" => coverage::run(),
        "fuzz" => fuzz::run(rest),
        "licences" => licences::run(),
        "sim" => sim::run(rest),
        _ => {
            tree::complain(MENU);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            tree::complain(&problem);
            ExitCode::FAILURE
        }
    }
}
