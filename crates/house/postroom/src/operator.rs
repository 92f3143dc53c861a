//! What an operator's command asks: of the running server, or of the data directory when it is
//! down.

use std::path::{Path, PathBuf};

use postroom_admin::answer::Answer;
use postroom_admin::request::Request;
use postroom_admin::socket;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::house;
use crate::owner::Owner;
use crate::report::{self, Failure};
use crate::settings::Settings;

/// Options of every command that asks for something.
#[derive(clap::Args)]
pub(crate) struct Operator {
    /// The configuration file [default: /etc/postroom/postroom.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Operator {
    /// Asks for a change; says nothing when it is done, or `null` with `--json`.
    pub(crate) fn tell(self, request: Request) -> Result<(), Failure> {
        let json = self.json;
        let value = self.ask(request)?;
        if json { report::say(value) } else { Ok(()) }
    }

    /// Asks for a list and prints it.
    pub(crate) fn list<T: DeserializeOwned>(
        self,
        request: Request,
        print: impl FnOnce(&[T]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let json = self.json;
        let value = self.ask(request)?;
        if json {
            return report::say(value);
        }
        let rows: Vec<T> = serde_json::from_value(value)
            .map_err(|error| Failure::because("the server's answer", &error))?;
        print(&rows)
    }

    fn ask(self, request: Request) -> Result<Value, Failure> {
        let settings = Settings {
            config: self.config,
            overrides: Vec::new(),
        };
        let config = settings.load()?.config;
        let runtime = runtime()?;
        let answer = match runtime.block_on(asked(&config.data_dir, &request))? {
            Some(answer) => answer,
            None => match Owner::other(&config.data_dir) {
                Some(owner) => owner.answer(&settings.file(), &request)?,
                None => runtime.block_on(house::answer_in_process(&config, request))?,
            },
        };
        match answer {
            Answer::Done(value) => Ok(value),
            Answer::Failed(failure) => Err(failure.into()),
        }
    }
}

/// The runtime of one command.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::because("no runtime", &error))
}

async fn asked(data_dir: &Path, request: &Request) -> Result<Option<Answer>, Failure> {
    socket::ask(data_dir, request).await.map_err(|error| {
        Failure::because(
            format_args!("the server of {} does not answer", data_dir.display()),
            &error,
        )
    })
}
