//! postroom: a complete mail server in one binary.

mod command;
mod house;
mod log;
mod operator;
mod owner;
mod quickstart;
mod report;
mod serve;
mod settings;

use std::process::ExitCode;

use clap::Parser;

use crate::command::Command;

/// A complete mail server in one binary.
#[derive(Parser)]
#[command(name = "postroom", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(wants_json()),
    }
}

/// Whether errors are told as JSON, as what is printed is.
fn wants_json() -> bool {
    std::env::args_os()
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json")
}
