//! A house with a store in a folder of its own, and a peer that talks to it.

use std::sync::Arc;

use postroom_config::tree;
use postroom_config::value::{LogPrivacy, Network, Networks, Senders};
use postroom_delivery::delivery::Delivery;
use postroom_delivery::expand;
use postroom_delivery::privacy::Privacy;
use postroom_directory::change::NewPassword;
use postroom_directory::password::Cost;
use postroom_directory::{Directory, Limits as DirectoryLimits};
use postroom_intake::{Door, Doors, Intake, Limits, Parts, Session};
use postroom_mail::address::{Address, Domain, NonAscii};
use postroom_mail::mailbox_name::MailboxName;
use postroom_net::{Host, Peer};
use postroom_queue::schedule::Schedule;
use postroom_runtime::clock::Clock;
use postroom_runtime::pool::BlockingPool;
use postroom_runtime::random::Random;
use postroom_runtime::secret::Secret;
use postroom_runtime::telemetry::{Role, Telemetry};
use postroom_smtp::server::{News, Profile, Server};
use postroom_store::operation::{self, DomainKind};
use postroom_store::store::{Options, Store};
use postroom_testkit::directory::TestDirectory;
use postroom_wire::machine::{Event, Machine, Next, Tls};
use postroom_wire::output::Output;

/// The password of every account.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// What a test changes of the settings.
pub(crate) struct Settings {
    pub(crate) senders: Senders,
    pub(crate) expansion: expand::Limits,
    pub(crate) size_max: u64,
    /// The user of the machine who may send from any address, besides root.
    pub(crate) trusted_user: Option<u32>,
    pub(crate) relay_allow: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            senders: Senders::Own,
            expansion: expand::Limits::default(),
            size_max: 50 << 20,
            trusted_user: None,
            relay_allow: "",
        }
    }
}

/// A house: `example.org` is ours with `anna`, `bob` and `carla`; `both` is Anna and Bob.
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    pub(crate) delivery: Delivery,
    pub(crate) intake: Intake,
    pub(crate) telemetry: Telemetry,
    room: Limits,
    limits: tree::Limits,
    _folder: TestDirectory,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let folder = TestDirectory::new();
        let mut options = Options::new(folder.path());
        options.accept_filesystem = ["tmpfs", "overlayfs"].map(Into::into).to_vec();
        options.reserve = 0;
        let store = Store::open(options).await.unwrap();
        let clock = Clock::system();
        let random = Random::seeded(7);
        let cost = Cost {
            memory_kib: 8,
            passes: 1,
        };
        let directory = Directory::open(
            store.clone(),
            clock.clone(),
            random.clone(),
            DirectoryLimits {
                cost,
                ..DirectoryLimits::default()
            },
        )
        .unwrap();
        let delivery = Delivery::new(
            store.clone(),
            directory.clone(),
            settings.expansion,
            Schedule::default(),
        );
        let mut limits = tree::Limits {
            exempt: Networks(Vec::new()),
            ..tree::Limits::default()
        };
        limits.message.size_max = postroom_config::value::ByteCount(settings.size_max);
        let auth = tree::Auth {
            senders: settings.senders,
            ..tree::Auth::default()
        };
        let mut listen = tree::Listen::default();
        let allowed = settings.relay_allow.parse().ok();
        listen.relay_allow.0 = allowed
            .map(|address: std::net::IpAddr| Network::new(address, 32))
            .into_iter()
            .collect();
        let hostname = Domain::parse("mx.example.org").unwrap();
        let room = Limits {
            trusted_user: settings.trusted_user,
            ..Limits::new(hostname, &limits, &auth, &listen)
        };
        let telemetry = Telemetry::default();
        let parts = parts(&store, &directory, &delivery, &telemetry);
        let intake = Intake::new(parts, room.clone());
        let house = Self {
            store,
            directory,
            delivery,
            intake,
            telemetry,
            room,
            limits,
            _folder: folder,
        };
        house.people().await;
        house
    }

    /// The room forgets what it knew in memory, as with a restart of the server.
    pub(crate) fn restart(&mut self) {
        let parts = parts(
            &self.store,
            &self.directory,
            &self.delivery,
            &self.telemetry,
        );
        self.intake = Intake::new(parts, self.room.clone());
    }

    async fn people(&self) {
        let domain = operation::Domain {
            name: "example.org".into(),
            kind: DomainKind::Local,
            catch_all: None,
            target: None,
        };
        self.directory.put_domain(domain).await.unwrap();
        for name in ["anna", "bob", "carla"] {
            self.add(&format!("{name}@example.org"), None).await;
        }
        self.alias("both", &["anna@example.org", "bob@example.org"])
            .await;
    }

    pub(crate) async fn add(&self, name: &str, quota: Option<u64>) {
        let password = NewPassword::Clear(Secret::new(PASSWORD));
        let accounts = vec![(address(name), password)];
        self.directory.add_accounts(accounts, quota).await.unwrap();
    }

    pub(crate) async fn alias(&self, name: &str, members: &[&str]) {
        let members: Vec<_> = members.iter().map(|member| address(member)).collect();
        let name = address(&format!("{name}@example.org"));
        self.directory.put_alias(&name, &members).await.unwrap();
    }

    /// The whole messages in the inbox of a name at `example.org`, oldest first.
    pub(crate) async fn inbox(&self, name: &str) -> Vec<String> {
        let key = format!("{name}@example.org");
        let account = self.store.account_of(&key).await.unwrap().unwrap().id;
        let inbox = self.store.mailbox(account, &MailboxName::inbox()).await;
        let inbox = inbox.unwrap().unwrap().id;
        let placements = self.store.placements(account, inbox, 0, 1000).await;
        let (_, placements) = placements.unwrap().unwrap();
        let emails: Vec<_> = placements.iter().map(|one| one.email).collect();
        let mut texts = Vec::new();
        for message in self.store.messages(account, &emails).await.unwrap() {
            let message = message.unwrap();
            let all = 0..message.rendering.octets();
            let bytes = self.store.read(message.blob, &message.rendering, all).await;
            texts.push(String::from_utf8(bytes.unwrap()).unwrap());
        }
        texts
    }

    /// Messages in all inboxes of the three.
    pub(crate) async fn mail(&self) -> usize {
        let mut count = 0;
        for name in ["anna", "bob", "carla"] {
            count += self.inbox(name).await.len();
        }
        count
    }

    /// A peer from outside at a door, which has been greeted.
    pub(crate) async fn peer(&self, door: Door) -> Talk {
        self.peer_from(door, "192.0.2.9").await
    }

    pub(crate) async fn peer_from(&self, door: Door, from: &str) -> Talk {
        let auth = tree::Auth::default();
        let listen = tree::Listen::default();
        let doors = Doors::new(door, "mx.example.org", &self.limits, &auth, &listen);
        let from = std::net::SocketAddr::new(from.parse().unwrap(), 40_000);
        let profile = doors.profile(from.ip());
        let peer = Peer::detached(from, "198.51.100.1:25".parse().unwrap());
        self.talk(door, profile, peer).await
    }

    /// A user of this machine who has been greeted.
    pub(crate) async fn user_of_machine(&self, uid: u32) -> Talk {
        let (auth, listen) = (tree::Auth::default(), tree::Listen::default());
        let doors = Doors::new(Door::Local, "mx.example.org", &self.limits, &auth, &listen);
        let here: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut peer = Peer::detached(here, here);
        peer.user = Some(uid);
        peer.role = Role::Local;
        self.talk(Door::Local, doors.profile(here.ip()), peer).await
    }

    async fn talk(&self, door: Door, profile: Arc<Profile>, mut peer: Peer) -> Talk {
        peer.session = self.store.new_arrival().0;
        let mut talk = Talk {
            session: Session::new(self.intake.clone(), profile.dialect, peer),
            server: Server::new(Arc::clone(&profile), Clock::system().now()),
            unread: Vec::new(),
            is_over: false,
        };
        if matches!(door, Door::Submission | Door::Submissions) {
            let tls = Tls {
                version: "TLSv1.3",
                cipher: "TLS_AES_128_GCM_SHA256",
                server_name: None,
                is_verified: false,
            };
            talk.happen(Event::Secured(tls)).await;
        }
        let greeting = talk.happen(Event::Ready).await;
        assert!(!greeting.is_empty());
        talk
    }

    /// A peer that is signed in as a name at `example.org`.
    pub(crate) async fn user(&self, name: &str) -> Talk {
        let mut talk = self.peer(Door::Submissions).await;
        talk.say("EHLO client.example.net").await;
        let plain = format!("\0{name}@example.org\0{PASSWORD}");
        let reply = talk.say(&format!("AUTH PLAIN {}", base64(&plain))).await;
        assert!(reply.starts_with("235 "), "{reply}");
        talk
    }
}

fn parts(
    store: &Store,
    directory: &Directory,
    delivery: &Delivery,
    telemetry: &Telemetry,
) -> Parts {
    let random = Random::seeded(8);
    Parts {
        store: store.clone(),
        directory: directory.clone(),
        delivery: delivery.clone(),
        clock: Clock::system(),
        heavy: BlockingPool::start("heavy", 1, 16).unwrap(),
        privacy: Privacy::new(LogPrivacy::Full, &random),
        telemetry: telemetry.clone(),
    }
}

/// One connection, byte for byte, without a socket.
pub(crate) struct Talk {
    session: Session,
    server: Server,
    unread: Vec<u8>,
    is_over: bool,
}

type ServerEvent<'i> = Event<'i, postroom_smtp::server::Answer, News>;

impl Talk {
    /// Says lines, each without its CRLF; returns what was answered to all of them.
    pub(crate) async fn say(&mut self, lines: &str) -> String {
        let lines = lines.split('\n').map(|line| format!("{line}\r\n"));
        let text: String = lines.collect();
        self.send(text.as_bytes()).await
    }

    /// MAIL, RCPT for each and the message; returns the replies to the last dot.
    pub(crate) async fn post(&mut self, from: &str, to: &[&str], message: &str) -> String {
        let mut replies = self.say(&format!("MAIL FROM:<{from}>")).await;
        for to in to {
            replies += &self.say(&format!("RCPT TO:<{to}>")).await;
        }
        let go = self.say("DATA").await;
        if !go.starts_with("354") {
            return replies + &go;
        }
        self.send(format!("{message}\r\n.\r\n").as_bytes()).await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> String {
        self.unread.extend_from_slice(bytes);
        let unread = std::mem::take(&mut self.unread);
        self.run(None, unread).await
    }

    /// The peer hangs up.
    pub(crate) async fn hang_up(mut self) {
        self.happen(Event::Closed).await;
        Host::<Server>::closed(&mut self.session).await;
    }

    async fn happen(&mut self, event: ServerEvent<'static>) -> String {
        let unread = std::mem::take(&mut self.unread);
        self.run(Some(event), unread).await
    }

    async fn run(
        &mut self,
        mut event: Option<ServerEvent<'static>>,
        mut unread: Vec<u8>,
    ) -> String {
        let mut said = String::new();
        while !self.is_over {
            let mut out = Output::new();
            let now = Clock::system().now();
            let next_event = event.take().unwrap_or(Event::Bytes(&unread));
            let (taken, next) = self.server.step(now, next_event, &mut out);
            said += std::str::from_utf8(out.as_bytes()).unwrap();
            match next {
                Next::Read => {
                    unread.drain(..taken);
                    break;
                }
                Next::Again => {}
                Next::Flush => event = Some(Event::Ready),
                Next::Body(octets) => {
                    Host::<Server>::body(&mut self.session, octets).await;
                }
                Next::Ask(question) => {
                    let answer = Host::<Server>::answer(&mut self.session, question).await;
                    event = Some(Event::Answer(answer));
                }
                Next::Close => self.is_over = true,
                Next::Send(_) | Next::StartTls | Next::Compress => panic!("not in these tests"),
            }
            unread.drain(..taken);
        }
        self.unread = unread;
        said
    }
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text, NonAscii::Allowed).unwrap()
}

/// As SASL wants it (RFC 4648 §4).
pub(crate) fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let mut word = [0; 3];
        word[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, word[0], word[1], word[2]]);
        for place in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap();
            let is_padding = place > chunk.len();
            out.push(if is_padding {
                '='
            } else {
                char::from(LETTERS[index])
            });
        }
    }
    out
}

/// The code of each reply, as one line of words.
pub(crate) fn codes(replies: &str) -> String {
    let lines = replies
        .lines()
        .filter(|line| line.as_bytes().get(3) == Some(&b' '));
    let words: Vec<&str> = lines.map(|line| &line[..3]).collect();
    words.join(" ")
}

/// A small message from somebody.
pub(crate) fn note(from: &str) -> String {
    format!(
        "From: {from}\r\nDate: Mon, 02 Nov 2026 09:05:00 +0100\r\nMessage-ID: <1@x>\r\n\
         Subject: hello\r\n\r\nbody"
    )
}
