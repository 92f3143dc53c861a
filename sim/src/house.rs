//! The rooms over one disk and one clock, and what a power cut leaves of them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postroom_config::tree;
use postroom_config::value::{LogPrivacy, Networks};
use postroom_delivery::delivery::Delivery;
use postroom_delivery::expand;
use postroom_delivery::privacy::Privacy;
use postroom_directory::change::NewPassword;
use postroom_directory::password::Cost;
use postroom_directory::{Directory, Limits as DirectoryLimits};
use postroom_dns::zone::Zone;
use postroom_dns::{Dns, Limits as DnsLimits};
use postroom_imap::server::{Server as ImapServer, Settings as ImapSettings};
use postroom_intake::{Door, Doors, Intake, Limits, Parts, Session};
use postroom_mail::address::{Address, Domain, NonAscii};
use postroom_mail::identifier::AccountId;
use postroom_mailbox::mailboxes::Mailboxes;
use postroom_mailbox::views::{self, Views};
use postroom_net::Peer;
use postroom_net::tls::{Certificate, Outward};
use postroom_queue::queue::Queue;
use postroom_queue::schedule::Schedule;
use postroom_relay::{Own, Parts as RelayParts, Relay, Settings as RelaySettings};
use postroom_retrieval::authenticator::{AuthenticationError, Authenticator};
use postroom_retrieval::imap::{Imap, ImapHost};
use postroom_runtime::clock::Clock;
use postroom_runtime::group::{TaskGroup, Token};
use postroom_runtime::pool::BlockingPool;
use postroom_runtime::random::Random;
use postroom_runtime::secret::Secret;
use postroom_runtime::telemetry::Telemetry;
use postroom_runtime::watched::Watched;
use postroom_smtp::server::Server as SmtpServer;
use postroom_store::error::OpenError;
use postroom_store::operation::{self, DomainKind};
use postroom_store::store::{Options, Store};
use postroom_testkit::disk::FaultyDisk;
use postroom_wire::machine::Tls;
use postroom_wire::transcript::Drive;
use rustls::RootCertStore;
use tokio::runtime::Runtime;

use crate::network::{Network, ZONE};
use crate::wire::Hosted;

/// Of every account.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Ours. The last one's mailbox holds next to nothing.
pub(crate) const PEOPLE: [&str; 4] = ["anna", "bob", "carla", "dora"];

/// The quota of the last of [`PEOPLE`].
const SMALL: u64 = 1_500;

/// Everybody but the one whose mailbox is small.
pub(crate) const TEAM: &str = "team";

/// How often it is looked whether there is power.
const LOOK_EVERY: Duration = Duration::from_millis(1);

const HOSTNAME: &str = "mx.example.org";

/// The address of somebody here.
pub(crate) fn here(name: &str) -> String {
    format!("{name}@example.org")
}

/// Every room, open.
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) delivery: Delivery,
    pub(crate) schedule: Schedule,
    pub(crate) clock: Clock,
    directory: Directory,
    intake: Intake,
    imap: Arc<Imap<SignIn>>,
    limits: tree::Limits,
    relay: Relay,
    network: Network,
    background: TaskGroup,
}

impl House {
    /// Opens what `folder` and `disk` hold.
    pub(crate) async fn open(
        folder: &Path,
        disk: &FaultyDisk,
        clock: &Clock,
        random: &Random,
        network: &Network,
    ) -> Result<Self, OpenError> {
        let options = Options {
            disk: Arc::new(disk.clone()),
            clock: clock.clone(),
            random: random.clone(),
            readers: 1,
            reserve: 0,
            accept_filesystem: ["tmpfs", "overlayfs"].map(Into::into).to_vec(),
            ..Options::new(folder)
        };
        let store = Store::open(options).await?;
        let directory_limits = DirectoryLimits {
            cost: Cost {
                memory_kib: 8,
                passes: 1,
            },
            ..DirectoryLimits::default()
        };
        let directory = Directory::open(
            store.clone(),
            clock.clone(),
            random.clone(),
            directory_limits,
        )
        .expect("a thread for passwords");
        let schedule = Schedule::default();
        let delivery = Delivery::new(
            store.clone(),
            directory.clone(),
            expand::Limits::default(),
            schedule.clone(),
        );
        let limits = tree::Limits {
            exempt: Networks(Vec::new()),
            ..tree::Limits::default()
        };
        let heavy = BlockingPool::start("heavy", 1, 64).expect("a thread for parsing");
        let privacy = Privacy::new(LogPrivacy::Full, random);
        let telemetry = Telemetry::default();
        let background = TaskGroup::child_of(&Token::new());
        let intake = Intake::new(
            Parts {
                store: store.clone(),
                directory: directory.clone(),
                delivery: delivery.clone(),
                clock: clock.clone(),
                heavy: heavy.clone(),
                privacy: privacy.clone(),
                telemetry: telemetry.clone(),
            },
            Limits::new(
                Domain::parse(HOSTNAME).expect("a host name"),
                &limits,
                &tree::Auth::default(),
                &tree::Listen::default(),
            ),
        );
        let network = network.of_a_house();
        let relay = relay(&store, &delivery, &schedule, clock, random, &network);
        let views = Views::start(&store, views::Limits::default(), &background);
        let imap = Imap {
            mailboxes: Mailboxes::new(store.clone(), clock.clone(), views, heavy),
            authenticator: SignIn(directory.clone()),
            privacy,
            separator: '/',
            append_octets_max: 1 << 20,
            clock: clock.clone(),
            telemetry,
        };
        Ok(Self {
            store,
            delivery,
            schedule,
            clock: clock.clone(),
            directory,
            intake,
            imap: Arc::new(imap),
            limits,
            relay,
            network,
            background,
        })
    }

    /// Makes the domain, its people and its aliases.
    pub(crate) async fn settle_in(&self) {
        let domain = operation::Domain {
            name: "example.org".into(),
            kind: DomainKind::Local,
            catch_all: None,
            target: None,
        };
        let made = self.directory.put_domain(domain).await;
        made.expect("the domain is made");
        for name in PEOPLE {
            let quota = (name == PEOPLE[PEOPLE.len() - 1]).then_some(SMALL);
            let password = NewPassword::Clear(Secret::new(PASSWORD));
            let accounts = vec![(address(&here(name)), password)];
            let made = self.directory.add_accounts(accounts, quota).await;
            made.expect("the account is made");
        }
        let members: Vec<Address> = PEOPLE[..PEOPLE.len() - 1]
            .iter()
            .map(|name| address(&here(name)))
            .collect();
        let made = self
            .directory
            .put_alias(&address(&here(TEAM)), &members)
            .await;
        made.expect("the alias is made");
    }

    /// A peer at a door: TLS is up where the door begins with it, nothing is said yet.
    pub(crate) fn smtp(
        &self,
        runtime: &Arc<Runtime>,
        door: Door,
    ) -> Drive<Hosted<SmtpServer, Session>> {
        let from = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 9), 40_000));
        let doors = Doors::new(
            door,
            HOSTNAME,
            &self.limits,
            &tree::Auth::default(),
            &tree::Listen::default(),
        );
        let profile = doors.profile(from.ip());
        let peer = Peer::detached(from, SocketAddr::from((Ipv4Addr::LOCALHOST, 25)));
        let session = Session::new(self.intake.clone(), profile.dialect, peer);
        let now = self.clock.now();
        let server = SmtpServer::new(profile, now);
        let mut drive = Drive::new(server, Hosted::new(runtime, session), now);
        if door == Door::Submissions {
            drive.secured(tls());
        }
        drive.ready();
        drive
    }

    /// A mail program that has just connected within TLS.
    pub(crate) fn imap(
        &self,
        runtime: &Arc<Runtime>,
    ) -> Drive<Hosted<ImapServer, ImapHost<SignIn>>> {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
        let host = ImapHost::new(Arc::clone(&self.imap), Peer::detached(peer, peer));
        let now = self.clock.now();
        let server = ImapServer::new(Arc::new(ImapSettings::default()), now);
        let mut drive = Drive::new(server, Hosted::new(runtime, host), now);
        drive.secured(tls());
        drive.ready();
        drive
    }

    /// Sends on what is due, as long as there is power.
    pub(crate) async fn send_on(&self, disk: &FaultyDisk) {
        let power = async {
            while !disk.is_cut() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            () = self.relay.round() => {}
            () = power => self.network.shut(),
        }
    }

    /// Ends what runs in the background and closes the files.
    pub(crate) async fn end(&self) {
        self.background.token().cancel();
        self.background.wait().await;
        self.store.close().await;
    }
}

/// The relay, whose servers are those of `network`.
fn relay(
    store: &Store,
    delivery: &Delivery,
    schedule: &Schedule,
    clock: &Clock,
    random: &Random,
    network: &Network,
) -> Relay {
    let parts = RelayParts {
        delivery: delivery.clone(),
        queue: Queue::new(store.clone(), clock.clone(), schedule.clone()),
        dns: Dns::new(
            Arc::new(Zone::parse(ZONE)),
            clock.clone(),
            DnsLimits::default(),
        ),
        dial: Arc::new(network.clone()),
        own: Own::new(HOSTNAME, Watched::new(Vec::new())),
        clock: clock.clone(),
        random: random.clone(),
        host: HOSTNAME.into(),
        privacy: Privacy::new(LogPrivacy::Full, random),
        telemetry: Telemetry::default(),
    };
    let tls = Outward::new(RootCertStore::empty(), Certificate::Any).expect("TLS can be set up");
    let grace = Duration::ZERO;
    let mut settings = RelaySettings::new(HOSTNAME, &tree::Relay::default(), tls, None, grace);
    // Nobody waits for the next letter: a round ends when all is settled.
    settings.bounds.idle_max = Duration::ZERO;
    Relay::new(parts, settings)
}

/// Signs in at the directory.
#[derive(Debug)]
pub(crate) struct SignIn(Directory);

impl Authenticator for SignIn {
    async fn authenticate(
        &self,
        _: &Peer,
        login: &str,
        password: &Secret,
    ) -> Result<AccountId, AuthenticationError> {
        let found = self.0.authenticate(None, login, password).await;
        found
            .map(|account| account.id)
            .map_err(|_| AuthenticationError::Denied)
    }
}

/// What is left of the database when the power is back; the log is the disk's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Kept,
    Gone,
}

/// The database as `fate` says.
pub(crate) fn fall_back(folder: &Path, fate: Database) {
    if fate == Database::Gone {
        for suffix in ["", "-wal", "-shm"] {
            // Not there is as good.
            let _ = fs::remove_file(folder.join(format!("index.sqlite{suffix}")));
        }
    }
}

fn tls() -> Tls {
    Tls {
        version: "TLSv1.3",
        cipher: "TLS_AES_128_GCM_SHA256",
        is_verified: false,
        server_name: None,
    }
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text, NonAscii::Allowed).expect("an address")
}
