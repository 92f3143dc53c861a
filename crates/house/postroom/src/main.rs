//! postroom: a complete mail server in one binary.

mod access;
mod command;
mod house;
mod keeper;
mod kept;
mod log;
mod operator;
mod owner;
mod quickstart;
mod report;
mod serve;
mod settings;
mod threads;

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
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let done = match command::sendmail::by_name(&name) {
        Some(mode) => command::sendmail::run(arguments.collect(), mode),
        None => Arguments::parse().command.run(),
    };
    match done {
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
