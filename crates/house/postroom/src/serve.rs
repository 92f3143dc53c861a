//! The server: rooms opened, ports listened on, and all of it ended in order.

mod listeners;
mod protocols;
mod relay;
mod signals;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use postroom_admin::socket;
use postroom_certs::Certificates;
use postroom_config::tree::Role;
use postroom_config::{Applies, Config, Loaded};
use postroom_runtime::group::{TaskGroup, Token};
use postroom_runtime::pool::BlockingPool;

use crate::house::House;
use crate::report::{self, Failure};
use crate::settings::Settings;

pub(crate) use signals::{Signals, Told};

/// Threads that wait on sockets.
const WORKERS_MIN: usize = 2;

/// Readings of files that wait for the thread that does them.
const FILES_WAITING_MAX: usize = 8;

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

/// Every socket that the configuration names.
pub(crate) fn sockets(config: &Config) -> Vec<SocketAddr> {
    Role::ALL
        .into_iter()
        .flat_map(|role| config.listen.sockets(role))
        .collect()
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
    /// Reads files and folders.
    files: BlockingPool,
    /// What the server was started with, and the certificates that it has.
    config: Config,
}

impl Serving {
    /// Opens the data directory; nothing listens yet.
    pub(crate) async fn open(loaded: &Loaded) -> Result<Self, Failure> {
        // Each session holds a descriptor, and so do segments.
        let descriptors_max = postroom_net::descriptors::raise_limit();
        tracing::debug!(descriptors_max, "open files");
        let house = House::open_to_serve(&loaded.config).await?;
        let files = BlockingPool::start("files", 1, FILES_WAITING_MAX)
            .map_err(|error| Failure::because("no thread for files", &error))?;
        let drain = Token::new();
        Ok(Self {
            house,
            listeners: TaskGroup::child_of(&drain),
            drain,
            chores: TaskGroup::child_of(&Token::new()),
            addresses: Vec::new(),
            certificates: None,
            files,
            config: loaded.config.clone(),
        })
    }

    /// Starts the rooms and listens on every port that is configured.
    pub(crate) fn listen(mut self, loaded: &Loaded) -> Result<Self, Failure> {
        let config = &loaded.config;
        let certificates = tls::certificates(config, &self.house.clock)?;
        self.certificates = Some(Arc::clone(&certificates));
        self.chores.spawn(tls::watch(
            Arc::clone(&certificates),
            self.files.clone(),
            self.chores.token().clone(),
        ));
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
        if let Some(relay) = relay::open(config, &self.house, &rooms, &self.addresses)? {
            // It ends with the sessions: both have the same grace.
            self.listeners.spawn(relay.run(self.drain.clone()));
        }
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

    /// Takes the certificates that the configuration names now; open sessions keep theirs. Other
    /// changes wait for the next start.
    async fn reload(&mut self, settings: &Settings) {
        let config = match settings.load() {
            Ok(loaded) => loaded.config,
            Err(failure) => {
                tracing::error!(
                    ?failure,
                    "the configuration is not good; the server goes on with the old one"
                );
                return;
            }
        };
        for change in self.config.changes(&config) {
            if change.applies == Applies::Restart {
                tracing::warn!(key = change.key, "takes effect with the next start");
            }
        }
        let Some(certificates) = self.certificates.clone() else {
            return;
        };
        self.config.tls = config.tls;
        let (config, clock) = (self.config.clone(), self.house.clock.clone());
        let taken = self.files.run(move || {
            let sources = tls::sources(&config, &clock)?;
            certificates.replace(sources).map_err(|error| {
                Failure::because("the certificates cannot be used", &error).mend(error.hint())
            })
        });
        match taken.await {
            Ok(Ok(())) => tracing::info!("certificates were read again"),
            Ok(Err(failure)) => {
                tracing::error!(?failure, "the certificates are not good; the old ones stay");
            }
            Err(error) => tracing::error!(%error, "the certificates were not read again"),
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
    mut serving: Serving,
    settings: &Settings,
    signals: &mut Signals,
) -> Result<(), Failure> {
    while signals.next().await == Told::Reload {
        serving.reload(settings).await;
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
