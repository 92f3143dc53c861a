//! `postroom answer`, which is not for people: answers one request of standard input on the data
//! directory. A command of root is carried out by it as the owner of the directory.

use std::io;

use postroom_admin::request::Request;

use crate::operator;
use crate::report::{self, Failure};
use crate::settings::Settings;

/// Options of `answer`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let config = self.settings.load()?.config;
        let request: Request = serde_json::from_reader(io::stdin().lock())
            .map_err(|error| Failure::because("the request", &error))?;
        let answer = operator::runtime()?.block_on(operator::answer_here(&config, &request))?;
        let line = serde_json::to_string(&answer);
        report::say(line.map_err(|error| Failure::because("the answer as JSON", &error))?)
    }
}
