//! `postroom answer`, which is not for people: answers one request of standard input on the data
//! directory. A command of root is carried out by it as the owner of the directory.

use std::io;

use postroom_config::{Config, Source};

use crate::operator;
use crate::owner::Errand;
use crate::report::{self, Failure};
use crate::threads;

/// Reads the errand, carries it out, and prints the answer.
pub(crate) fn run() -> Result<(), Failure> {
    let Errand {
        file,
        text,
        request,
    } = serde_json::from_reader(io::stdin().lock())
        .map_err(|error| Failure::because("the request", &error))?;
    let source = Source::text(file, text).with_environment(std::env::vars_os());
    // Whoever sends the errand has read the same configuration.
    let loaded = Config::load(&source)
        .map_err(|problems| Failure::new(format!("{problems:?}"), "ask again"))?;
    let answer =
        threads::of_a_command()?.block_on(operator::answer_here(&loaded.config, &request))?;
    let line = serde_json::to_string(&answer);
    report::say(line.map_err(|error| Failure::because("the answer as JSON", &error))?)
}
