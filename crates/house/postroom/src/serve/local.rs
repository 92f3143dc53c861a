//! A server of one socket, for as long as a message is handed over while no server runs.

use postroom_config::Config;
use postroom_runtime::group::{TaskGroup, Token};
use postroom_runtime::watched::Watched;

use super::listeners;
use super::protocols::Rooms;
use crate::house::House;
use crate::report::Failure;

/// The socket of `sendmail`, served.
pub(crate) struct Serving {
    house: House,
    drain: Token,
    listeners: TaskGroup,
    chores: TaskGroup,
}

impl Serving {
    /// Opens the data directory and serves the socket.
    pub(crate) async fn open(config: &Config) -> Result<Self, Failure> {
        let house = House::open(config).await?;
        let drain = Token::new();
        let serving = Self {
            house,
            listeners: TaskGroup::child_of(&drain),
            drain,
            chores: TaskGroup::child_of(&Token::new()),
        };
        let started = serving.start(config);
        match started {
            Ok(()) => Ok(serving),
            Err(failure) => {
                serving.end().await;
                Err(failure)
            }
        }
    }

    fn start(&self, config: &Config) -> Result<(), Failure> {
        postroom_admin::socket::make_folder(&config.data_dir)
            .map_err(|error| Failure::because(config.data_dir.display(), &error))?;
        let rooms = Rooms::open(config, &self.house, &self.chores, &self.chores)?;
        let ground = Watched::new(listeners::ground(config, &self.house, &rooms));
        let (terms, within) = (rooms.terms.clone(), (&self.drain, &self.listeners));
        listeners::serve_local(config, &self.house, ground, terms, within)
    }

    /// Ends it in order.
    pub(crate) async fn end(self) {
        self.drain.cancel();
        self.listeners.wait().await;
        self.chores.token().cancel();
        self.chores.wait().await;
        self.house.store.close().await;
    }
}
