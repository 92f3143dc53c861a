//! The server: rooms opened, ports listened on, and all of it ended in order.

mod listeners;
mod protocols;
mod signals;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use postroom_admin::socket;
use postroom_certs::Certificates;
use postroom_config::tree::Role;
use postroom_config::{Config, Loaded};
use postroom_runtime::group::{TaskGroup, Token};

use crate::house::House;
use crate::report::{self, Failure};
use crate::settings::Settings;

pub(crate) use signals::{Signals, Told};

/// Threads that wait on sockets.
const WORKERS_MIN: usize = 2;

/// The runtime of a server.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let workers = std::thread::available_parallelism()
        .map_or(WORKERS_MIN, usize::from)
        .max(WORKERS_MIN);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .map_err(|error| Failure::because("the runtime does not start", &error))
}

/// A house that serves.
pub(crate) struct Serving {
    house: House,
    /// Asks sessions and listeners to end.
    drain: Token,
    /// Listeners: each ends when its sessions have.
    listeners: TaskGroup,
    /// What works in the background: views, queue, control socket.
    chores: TaskGroup,
    addresses: Vec<(Role, SocketAddr)>,
    certificates: Option<Arc<Certificates>>,
}

impl Serving {
    /// Opens the data directory; nothing listens yet.
    pub(crate) async fn open(loaded: &Loaded) -> Result<Self, Failure> {
        let house = House::open(&loaded.config).await?;
        let drain = Token::new();
        Ok(Self {
            house,
            listeners: TaskGroup::child_of(&drain),
            drain,
            chores: TaskGroup::child_of(&Token::new()),
            addresses: Vec::new(),
            certificates: None,
        })
    }

    /// Starts the rooms and listens on every port that is configured.
    pub(crate) fn listen(mut self, loaded: &Loaded) -> Result<Self, Failure> {
        let config = &loaded.config;
        let certificates = tls::certificates(config, &self.house.clock)?;
        self.certificates = Some(Arc::clone(&certificates));
        self.serve_control(config)?;
        let rooms = protocols::Rooms::open(config, &self.house, &self.chores)?;
        self.addresses = listeners::start(
            config,
            &self.house,
            &rooms,
            &certificates,
            &self.drain,
            &self.listeners,
        )?;
        Ok(self)
    }

    fn serve_control(&self, config: &Config) -> Result<(), Failure> {
        let listener = socket::listen(&config.data_dir).map_err(|error| {
            Failure::because(
                format_args!(
                    "{} cannot be made",
                    socket::path(&config.data_dir).display()
                ),
                &error,
            )
        })?;
        let own = rustix::process::geteuid().as_raw();
        let group = TaskGroup::child_of(self.chores.token());
        self.chores
            .spawn(socket::serve(listener, self.house.admin(), group, own));
        Ok(())
    }

    pub(crate) fn house(&self) -> &House {
        &self.house
    }

    pub(crate) fn addresses(&self) -> &[(Role, SocketAddr)] {
        &self.addresses
    }

    /// Where a role listens first.
    pub(crate) fn address(&self, role: Role) -> Option<SocketAddr> {
        self.addresses
            .iter()
            .find(|(one, _)| *one == role)
            .map(|(_, address)| *address)
    }

    /// `ready`, then every address.
    pub(crate) fn ready_line(&self) -> String {
        let addresses = self
            .addresses
            .iter()
            .map(|(role, address)| format!(" {}={address}", role.as_str()));
        std::iter::once("ready".to_owned())
            .chain(addresses)
            .collect()
    }

    /// Reads the certificates again; open sessions keep theirs.
    fn reload(&self, settings: &Settings) {
        if let Err(failure) = settings.load() {
            tracing::error!(
                ?failure,
                "the configuration is not good; the server goes on with the old one"
            );
            return;
        }
        let Some(certificates) = &self.certificates else {
            return;
        };
        match certificates.reload() {
            Ok(()) => tracing::info!("certificates were read again"),
            Err(error) => {
                tracing::error!(%error, "the certificates are not good; the old ones stay");
            }
        }
    }

    /// Tells every session, lets commands in hand finish, and closes the store.
    pub(crate) async fn end(self) -> Result<(), Failure> {
        self.drain.cancel();
        self.listeners.wait().await;
        self.chores.token().cancel();
        self.chores.wait().await;
        self.house.store.close().await;
        Ok(())
    }
}

/// Serves until SIGTERM or Ctrl-C.
pub(crate) async fn until_ended(
    serving: Serving,
    settings: &Settings,
    signals: &mut Signals,
) -> Result<(), Failure> {
    while signals.next().await == Told::Reload {
        serving.reload(settings);
    }
    tracing::info!("ending: sessions are told");
    serving.end().await
}

/// `postroom serve`: opens, listens, says so, and serves.
pub(crate) async fn run(settings: &Settings) -> Result<(), Failure> {
    let loaded = settings.load()?;
    let mut signals = Signals::catch()?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let serving = Serving::open(&loaded).await?.listen(&loaded)?;
    report::say(serving.ready_line())?;
    until_ended(serving, settings, &mut signals).await
}
