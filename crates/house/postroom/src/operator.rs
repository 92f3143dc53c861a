//! What an operator's command asks: of the running server, or of the data directory when it is
//! down.

use std::path::{Path, PathBuf};

use postroom_admin::answer::Answer;
use postroom_admin::request::Request;
use postroom_admin::socket;
use postroom_config::Config;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::access::Access;
use crate::house::{BUSY_MAX, BUSY_PAUSE, House};
use crate::owner::Owner;
use crate::report::{self, Failure};
use crate::settings::Settings;
use crate::threads;

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
    /// Asks for a change; says nothing when it is done, or with `--json` what was done.
    pub(crate) fn tell(self, request: &Request) -> Result<(), Failure> {
        let mut desk = self.open()?;
        let value = desk.ask(request)?;
        if desk.wants_json() {
            report::say(value)
        } else {
            Ok(())
        }
    }

    /// Asks for a list and prints it.
    pub(crate) fn list<T: DeserializeOwned>(
        self,
        request: &Request,
        print: impl FnOnce(&[T]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut desk = self.open()?;
        let value = desk.ask(request)?;
        if desk.wants_json() {
            return report::say(value);
        }
        let rows: Vec<T> = read(value)?;
        print(&rows)
    }

    /// The configuration that is named.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            config: self.config.clone(),
            overrides: Vec::new(),
        }
    }

    /// For a command that asks several times.
    pub(crate) fn open(self) -> Result<Desk, Failure> {
        let settings = self.settings();
        Ok(Desk {
            config: settings.load(&Access::default())?.config,
            file: settings.file(),
            json: self.json,
            runtime: threads::of_a_command()?,
            inside: None,
        })
    }

    /// Whether JSON is wanted.
    pub(crate) fn wants_json(&self) -> bool {
        self.json
    }
}

/// Asks the server that runs on a data directory; without one the request makes no sense.
pub(crate) fn ask_server(data_dir: &Path, request: &Request) -> Result<Value, Failure> {
    let answer = threads::of_a_command()?.block_on(asked(data_dir, request))?;
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

/// Where one command asks.
pub(crate) struct Desk {
    config: Config,
    file: PathBuf,
    json: bool,
    runtime: tokio::runtime::Runtime,
    /// The data directory, once no server was found on it.
    inside: Option<House>,
}

impl Desk {
    /// Whether JSON is wanted.
    pub(crate) fn wants_json(&self) -> bool {
        self.json
    }

    /// Asks for something that is read.
    pub(crate) fn read<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, Failure> {
        read(self.ask(request)?)
    }

    /// Asks the server, or the data directory when it is down.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Value, Failure> {
        done(self.answer(request)?)
    }

    fn answer(&mut self, request: &Request) -> Result<Answer, Failure> {
        if self.inside.is_none() {
            let config = &self.config;
            if let Some(answer) = self.runtime.block_on(asked(&config.data_dir, request))? {
                return Ok(answer);
            }
            if let Some(owner) = Owner::other(&config.data_dir) {
                return owner.answer(&self.file, request);
            }
            match self.runtime.block_on(reach(config, request))? {
                Reached::Answered(answer) => return Ok(answer),
                Reached::Opened(house) => self.inside = Some(*house),
            }
        }
        let Some(house) = &self.inside else {
            return Err(Failure::new("nobody answers", "try again"));
        };
        Ok(self.runtime.block_on(house.answer(request.clone())))
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(house) = self.inside.take() {
            self.runtime.block_on(house.store.close());
        }
    }
}

/// Answers one request by the server or on the data directory, as this process's user.
pub(crate) async fn answer_here(config: &Config, request: &Request) -> Result<Answer, Failure> {
    match reach(config, request).await? {
        Reached::Answered(answer) => Ok(answer),
        Reached::Opened(house) => {
            let answer = house.answer(request.clone()).await;
            house.store.close().await;
            Ok(answer)
        }
    }
}

/// Who answers.
enum Reached {
    /// A server did.
    Answered(Answer),
    /// There is none: the data directory is open.
    Opened(Box<House>),
}

/// Finds a server or opens the data directory. One that is locked while nobody answers has a
/// server that starts or ends, or another command: that takes a moment.
async fn reach(config: &Config, request: &Request) -> Result<Reached, Failure> {
    let patience = Instant::now() + BUSY_MAX;
    loop {
        if let Some(answer) = asked(&config.data_dir, request).await? {
            return Ok(Reached::Answered(answer));
        }
        match House::open(config).await {
            Ok(house) => return Ok(Reached::Opened(Box::new(house))),
            Err(not) if not.is_locked && Instant::now() < patience => sleep(BUSY_PAUSE).await,
            Err(not) => return Err(not.into()),
        }
    }
}

async fn asked(data_dir: &Path, request: &Request) -> Result<Option<Answer>, Failure> {
    socket::ask(data_dir, request).await.map_err(|error| {
        Failure::because(
            format_args!("the server of {} does not answer", data_dir.display()),
            &error,
        )
    })
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| Failure::because("the server's answer", &error))
}
