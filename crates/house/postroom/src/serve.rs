//! The server: rooms opened, ports listened on, changed while it runs, and all of it ended in
//! order.

mod listeners;
pub(crate) mod local;
mod protocols;
mod relay;
mod reload;
mod signals;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use postroom_admin::handler::{Admin, ReloadAsked};
use postroom_admin::socket;
use postroom_certs::Certificates;
use postroom_config::tree::Role;
use postroom_config::{Config, Loaded};
use postroom_runtime::group::{TaskGroup, Token};
use postroom_runtime::pool::BlockingPool;
use tokio::sync::mpsc;

use crate::access::Access;
use crate::house::House;
use crate::log::Level;
use crate::report::{self, Failure};
use crate::settings::Settings;
use listeners::{Listeners, Parts};
use protocols::Rooms;

pub(crate) use listeners::submit_socket;
pub(crate) use reload::problem;
pub(crate) use signals::{Signals, Told};

/// Readings of files that wait for the thread that does them.
const FILES_WAITING_MAX: usize = 8;

/// Reloads that wait for the one in hand.
const RELOADS_WAITING_MAX: usize = 1;

/// How long what was cut at the grace may take to be gone: a commit is never cut.
const CUT_MAX: Duration = Duration::from_secs(2);

/// A house whose data directory is open; nothing listens yet.
pub(crate) struct Opened {
    house: House,
    /// Reads files and folders.
    files: BlockingPool,
    access: Access,
    level: Level,
    config: Config,
}

/// A house that serves.
pub(crate) struct Serving {
    house: House,
    rooms: Rooms,
    listeners: Listeners,
    /// Asks sessions, listeners and workers to end.
    drain: Token,
    /// What works off the queue: ends with the entry in hand.
    workers: TaskGroup,
    /// What sessions lean on: views, control socket.
    chores: TaskGroup,
    certificates: Arc<Certificates>,
    files: BlockingPool,
    access: Access,
    level: Level,
    /// Reloads that an operator asks for.
    asked: mpsc::Receiver<ReloadAsked>,
    /// What is in force.
    config: Config,
}

impl Opened {
    /// Opens the data directory.
    pub(crate) async fn open(
        loaded: &Loaded,
        access: Access,
        level: Level,
    ) -> Result<Self, Failure> {
        // Each session holds a descriptor, and so do segments.
        let descriptors_max = postroom_net::descriptors::raise_limit();
        tracing::debug!(descriptors_max, "open files");
        let house = House::open_to_serve(&loaded.config).await?;
        let files = BlockingPool::start("files", 1, FILES_WAITING_MAX)
            .map_err(|error| Failure::because("no thread for files", &error))?;
        Ok(Self {
            house,
            files,
            access,
            level,
            config: loaded.config.clone(),
        })
    }

    pub(crate) fn house(&self) -> &House {
        &self.house
    }

    /// Starts the rooms and listens on every port that is configured.
    pub(crate) async fn listen(self) -> Result<Serving, Failure> {
        let Self {
            house,
            files,
            access,
            level,
            config,
        } = self;
        let drain = Token::new();
        let workers = TaskGroup::child_of(&drain);
        let chores = TaskGroup::child_of(&Token::new());
        let certificates = tls::certificates(&config, &house.clock, &access)?;
        chores.spawn(tls::watch(
            Arc::clone(&certificates),
            files.clone(),
            chores.token().clone(),
        ));
        let rooms = Rooms::open(&config, &house, &workers, &chores)?;
        let parts = Parts {
            house: house.clone(),
            certificates: Arc::clone(&certificates),
            access: access.clone(),
            files: files.clone(),
            drain: drain.clone(),
        };
        let mut listeners = Listeners::new(&config, &rooms, parts);
        let (asking, asked) = mpsc::channel(RELOADS_WAITING_MAX);
        let admin = house
            .admin()
            .with_reload(asking)
            .with_ground(listeners.ground());
        serve_control(admin, &config, &chores)?;
        // All are bound before the first is served.
        let bound = listeners.bind(&config).await?;
        listeners.apply(&config, rooms.privacy.clone(), bound).await;
        listeners.serve_local(&config)?;
        if let Some(relay) = relay::open(&config, &house, &rooms, &listeners, &access)? {
            workers.spawn(relay.run(workers.token().clone()));
        }
        Ok(Serving {
            house,
            rooms,
            listeners,
            drain,
            workers,
            chores,
            certificates,
            files,
            access,
            level,
            asked,
            config,
        })
    }
}

fn serve_control(admin: Admin, config: &Config, chores: &TaskGroup) -> Result<(), Failure> {
    let listener = socket::listen(&config.data_dir).map_err(|error| {
        let path = socket::path(&config.data_dir);
        Failure::because(format_args!("{} cannot be made", path.display()), &error)
    })?;
    let own = rustix::process::geteuid().as_raw();
    let group = TaskGroup::child_of(chores.token());
    chores.spawn(socket::serve(listener, admin, group, own));
    Ok(())
}

impl Serving {
    pub(crate) fn addresses(&self) -> Vec<(Role, SocketAddr)> {
        self.listeners.addresses().collect()
    }

    /// Where a role listens first.
    pub(crate) fn address(&self, role: Role) -> Option<SocketAddr> {
        self.listeners
            .addresses()
            .find(|(one, _)| *one == role)
            .map(|(_, address)| address)
    }

    /// `ready`, then every address.
    pub(crate) fn ready_line(&self) -> String {
        let addresses = self
            .listeners
            .addresses()
            .map(|(role, address)| format!(" {}={address}", role.as_str()));
        std::iter::once("ready".to_owned())
            .chain(addresses)
            .collect()
    }

    /// Tells every session, lets commands in hand finish, and closes the store; all of it within
    /// the grace, and at once when told a second time.
    pub(crate) async fn end(self, signals: &mut Signals) -> Result<(), Failure> {
        tracing::info!("ending: sessions are told");
        let grace = self.config.shutdown.grace;
        self.drain.cancel();
        let in_order = async {
            self.listeners.wait().await;
            self.workers.wait().await;
            self.chores.token().cancel();
            self.chores.wait().await;
            self.house.store.close().await;
        };
        let what = tokio::select! {
            () = in_order => return Ok(()),
            () = signals.insisted() => "ended at once, as told twice",
            () = tokio::time::sleep(grace.saturating_add(CUT_MAX)) => "ended at the grace",
        };
        Err(Failure::new(
            what,
            "what was in hand is cut off; what was acknowledged is kept",
        ))
    }
}

/// Serves until SIGTERM or Ctrl-C.
pub(crate) async fn until_ended(
    mut serving: Serving,
    settings: &Settings,
    signals: &mut Signals,
) -> Result<(), Failure> {
    loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::End => return serving.end(signals).await,
                Told::Reload => drop(serving.reload(settings).await),
            },
            Some(asked) = serving.asked.recv() => {
                let outcome = serving.reload(settings).await;
                // Who asked may be gone by now; the log has it too.
                let _ = asked.send(outcome);
            }
        }
    }
}

/// `postroom serve`: opens, listens, says so, and serves.
pub(crate) async fn run(
    settings: &Settings,
    mut loaded: Loaded,
    access: Access,
    level: Level,
) -> Result<(), Failure> {
    let mut signals = Signals::catch()?;
    if rustix::process::geteuid().is_root() {
        loaded.warn_of_root();
    }
    let serving = Opened::open(&loaded, access, level).await?.listen().await?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    report::say(serving.ready_line())?;
    Box::pin(until_ended(serving, settings, &mut signals)).await
}
