//! A house that sends mail on.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use postroom_config::tree;
use postroom_config::value::LogPrivacy;
use postroom_delivery::delivery::Delivery;
use postroom_delivery::expand;
use postroom_delivery::privacy::Privacy;
use postroom_directory::{Directory, Limits as DirectoryLimits};
use postroom_dns::zone::Zone;
use postroom_dns::{Dns, Limits as DnsLimits};
use postroom_mail::address::{Address, NonAscii};
use postroom_mail::envelope::Notify;
use postroom_mail::identifier::ArrivalId;
use postroom_net::tls::{Certificate, Outward};
use postroom_net::{Ground, Limits as NetLimits};
use postroom_queue::queue::Queue;
use postroom_queue::schedule::Schedule;
use postroom_relay::dial::Net;
use postroom_relay::{Own, Parts, Relay, Settings};
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::group::{TaskGroup, Token};
use postroom_runtime::random::Random;
use postroom_runtime::telemetry::Telemetry;
use postroom_runtime::watched::Watched;
use postroom_store::journal::JournalLine;
use postroom_store::operation::{DsnWish, NewEntry, NextHop, Operation, Piece, Rendering};
use postroom_store::plan::{Body, Plan};
use postroom_store::row::Entry;
use postroom_store::store::{Options, Store};
use postroom_testkit::directory::TestDirectory;
use rustls::RootCertStore;
use tokio::time::sleep;

/// Nothing here takes so long.
const LONG: Duration = Duration::from_secs(30);

/// Who sends.
pub(crate) const ALICE: &str = "alice@us.example";

/// Our name.
pub(crate) const HOST: &str = "mail.us.example";

/// A message that needs nothing special.
pub(crate) const TEA: &[u8] = b"From: alice@us.example\r\nSubject: Tea\r\n\r\nAt five.\r\n.\r\n";

/// What a test changes.
pub(crate) struct Wishes {
    /// Lines of a zone.
    pub(crate) zone: String,
    /// The port of all other servers.
    pub(crate) port: u16,
    pub(crate) relay: tree::Relay,
    pub(crate) clock: Clock,
    pub(crate) sockets: Vec<SocketAddr>,
    pub(crate) entries_per_destination_max: Option<usize>,
    pub(crate) schedule: Schedule,
}

impl Wishes {
    /// Every server at `port`, found by `zone`.
    pub(crate) fn new(zone: &str, port: u16) -> Self {
        Self {
            zone: zone.to_owned(),
            port,
            relay: tree::Relay::default(),
            clock: Clock::system(),
            sockets: Vec::new(),
            entries_per_destination_max: None,
            schedule: Schedule::default(),
        }
    }
}

/// A store with a queue, and a relay that works it off.
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    group: TaskGroup,
    _folder: TestDirectory,
}

impl House {
    /// One other server, at `address`, for `there.example`.
    pub(crate) async fn beside(address: SocketAddr) -> Self {
        Self::open(Wishes::new("there.example A 127.0.0.1", address.port())).await
    }

    pub(crate) async fn open(mut wishes: Wishes) -> Self {
        let folder = TestDirectory::new();
        let mut options = Options::new(folder.path());
        options.accept_filesystem = ["tmpfs", "overlayfs"].map(Into::into).to_vec();
        options.reserve = 0;
        options.clock = wishes.clock.clone();
        let store = Store::open(options).await.unwrap();
        let (clock, random) = (wishes.clock.clone(), Random::seeded(7));
        let directory = Directory::open(
            store.clone(),
            clock.clone(),
            random.clone(),
            DirectoryLimits::default(),
        )
        .unwrap();
        let delivery = Delivery::new(
            store.clone(),
            directory,
            expand::Limits::default(),
            wishes.schedule.clone(),
        );
        let exempt = Box::new(|_| true);
        let ground = Ground::new(
            clock.clone(),
            Telemetry::default(),
            NetLimits::default(),
            exempt,
            Box::new(|peer| peer.to_string().into()),
        );
        let parts = Parts {
            delivery,
            queue: Queue::new(store.clone(), clock.clone(), wishes.schedule),
            dns: Dns::new(
                Arc::new(Zone::parse(&wishes.zone)),
                clock.clone(),
                DnsLimits::default(),
            ),
            dial: Arc::new(Net(Watched::new(ground))),
            own: Own::new(HOST, Watched::new(wishes.sockets)),
            clock: clock.clone(),
            random: random.clone(),
            host: HOST.into(),
            privacy: Privacy::new(LogPrivacy::Full, &random),
            telemetry: Telemetry::default(),
        };
        wishes.relay.port = wishes.port;
        let tls = Outward::new(RootCertStore::empty(), Certificate::Any).unwrap();
        let grace = Duration::from_millis(100);
        let mut settings = Settings::new(HOST, &wishes.relay, tls, None, grace);
        settings.bounds.idle_max = Duration::from_millis(200);
        if let Some(most) = wishes.entries_per_destination_max {
            settings.bounds.entries_per_destination_max = most;
        }
        let group = TaskGroup::child_of(&Token::new());
        group.spawn(Relay::new(parts, settings).run(group.token().clone()));
        Self {
            store,
            clock,
            group,
            _folder: folder,
        }
    }

    /// Puts a message into the queue.
    pub(crate) async fn send(&self, recipients: &[&str], message: &[u8]) -> ArrivalId {
        self.send_at(self.clock.wall(), recipients, message).await
    }

    /// As [`House::send`], as if at another time.
    pub(crate) async fn send_at(
        &self,
        time: Timestamp,
        recipients: &[&str],
        message: &[u8],
    ) -> ArrivalId {
        let rendering = Rendering {
            pieces: vec![Piece::Kept(0..message.len() as u64)],
        };
        let enqueue = |recipient: &&str| {
            let address = Address::parse(recipient, NonAscii::Allowed);
            let domain = address.map_or("there.example".into(), |address| {
                address.domain.as_str().into()
            });
            Operation::Enqueue(NewEntry {
                reverse_path: ALICE.into(),
                recipient: (*recipient).into(),
                next_hop: NextHop::Remote(domain),
                due: time,
                dsn: DsnWish {
                    notify: Some(Notify::UNSAID),
                    ..DsnWish::default()
                },
                rendering: rendering.clone(),
            })
        };
        let plan = Plan {
            arrival: self.store.new_arrival(),
            time,
            operations: recipients.iter().map(enqueue).collect(),
            journal: Vec::new(),
            body: Some(Body::Inline(message.to_vec())),
        };
        self.store.commit(plan).await.unwrap().arrival
    }

    /// What the journal says of each attempt at a message, once there are `count`.
    pub(crate) async fn attempts(&self, arrival: ArrivalId, count: usize) -> Vec<JournalLine> {
        let found = until(|| async {
            let mut lines = self.store.journal_of(arrival).await.unwrap();
            lines.retain(|line| &*line.what == "attempt");
            (lines.len() >= count).then_some(lines)
        });
        found.await
    }

    /// The fate of a message's first recipient after its first attempt, and the words for it.
    pub(crate) async fn fate(&self, arrival: ArrivalId) -> (String, String) {
        let line = self.attempts(arrival, 1).await.remove(0);
        let reply = line.reply.unwrap_or_default();
        (line.verdict.into(), reply.into())
    }

    /// The entries of a message that are in the queue.
    pub(crate) async fn waiting(&self, arrival: ArrivalId) -> Vec<Entry> {
        let mut entries = self.store.entries(None, 10_000).await.unwrap();
        entries.retain(|entry| entry.arrival == arrival);
        entries
    }

    /// Ends relay, as the house does.
    pub(crate) async fn end(&self) {
        self.group.token().cancel();
        self.group.wait().await;
    }
}

/// Waits for what `look` looks for.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(look: impl Fn() -> F) -> T {
    let waiting = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    let found = tokio::time::timeout(LONG, waiting).await;
    found.expect("what was waited for did not come")
}

/// A port of `127.0.0.1` where nobody listens.
pub(crate) fn dead_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
