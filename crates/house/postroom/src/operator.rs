//! What an operator's command asks: of the running server, or of the data directory when it is
//! down.

use std::path::{Path, PathBuf};

use postroom_admin::answer::Answer;
use postroom_admin::request::Request;
use postroom_admin::socket;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::access::Access;
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

    /// The configuration that is named.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            config: self.config.clone(),
            overrides: Vec::new(),
        }
    }

    /// Whether JSON is wanted.
    pub(crate) fn wants_json(&self) -> bool {
        self.json
    }

    fn ask(self, request: Request) -> Result<Value, Failure> {
        let settings = self.settings();
        let config = settings.load(&Access::default())?.config;
        let runtime = runtime()?;
        let answer = match runtime.block_on(asked(&config.data_dir, &request))? {
            Some(answer) => answer,
            None => match Owner::other(&config.data_dir) {
                Some(owner) => owner.answer(&settings.file(), request)?,
                None => runtime.block_on(house::answer_in_process(&config, request))?,
            },
        };
        done(answer)
    }
}

/// Asks the server that runs on a data directory; without one the request makes no sense.
pub(crate) fn ask_server(data_dir: &Path, request: &Request) -> Result<Value, Failure> {
    let answer = runtime()?.block_on(asked(data_dir, request))?;
    done(answer.ok_or_else(|| {
        Failure::new(
            format!("no server runs on {}", data_dir.display()),
            "start it: postroom serve",
        )
    })?)
}

fn done(answer: Answer) -> Result<Value, Failure> {
    match answer {
        Answer::Done(value) => Ok(value),
        Answer::Failed(failure) => Err(failure.into()),
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
