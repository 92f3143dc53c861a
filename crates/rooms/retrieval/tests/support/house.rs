//! A store in a directory of its own, and IMAP sessions on it without sockets.

#![expect(dead_code, reason = "each test uses a part of it")]
#![expect(clippy::unwrap_used, reason = "only tests use it")]

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use postroom_config::value::LogPrivacy;
use postroom_delivery::privacy::Privacy;
use postroom_directory::change::default_mailboxes;
use postroom_imap::question::{Answer, News, Question, Source};
use postroom_imap::server::{Server, Settings};
use postroom_mail::flag::Flags;
use postroom_mail::identifier::AccountId;
use postroom_mail::mailbox_name::MailboxName;
use postroom_mailbox::mailboxes::{Mailboxes, Place};
use postroom_mailbox::views::{Limits, Views};
use postroom_net::{Host as _, Peer};
use postroom_retrieval::authenticator::{AuthenticationError, Authenticator};
use postroom_retrieval::imap::{Imap, ImapHost};
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::group::{TaskGroup, Token};
use postroom_runtime::pool::BlockingPool;
use postroom_runtime::random::Random;
use postroom_runtime::secret::Secret;
use postroom_runtime::telemetry::Telemetry;
use postroom_store::operation::{NewAccount, Operation};
use postroom_store::outcome::Done;
use postroom_store::plan::Plan;
use postroom_store::store::{Options, Store};
use postroom_wire::transcript::{Drive, Host, Scripted};
use tokio::runtime::Runtime;

/// 2026-11-02 09:05:00 UTC, when all of this takes place.
const BEGINNING: u64 = 1_793_610_300;

/// Who may log in: `anna` with `secret`, and `bert` with `secret2`.
#[derive(Debug)]
pub(crate) struct TwoUsers(pub(crate) [AccountId; 2]);

impl Authenticator for TwoUsers {
    async fn authenticate(
        &self,
        _: &Peer,
        login: &str,
        password: &Secret,
    ) -> Result<AccountId, AuthenticationError> {
        match (login, password.expose()) {
            ("anna", "secret") => Ok(self.0[0]),
            ("bert", "secret2") => Ok(self.0[1]),
            ("late", _) => Err(AuthenticationError::Unavailable),
            _ => Err(AuthenticationError::Denied),
        }
    }
}

/// Whether views follow the store by themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Followers {
    Rest,
    Run,
}

/// A store and what sessions share.
pub(crate) struct House {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) imap: Arc<Imap<TwoUsers>>,
    pub(crate) clock: Clock,
    group: TaskGroup,
    directory: PathBuf,
}

impl House {
    /// An empty store with the accounts of [`TwoUsers`]; `quota` is anna's.
    pub(crate) fn with_quota(quota: Option<u64>) -> Self {
        Self::with(quota, Followers::Run)
    }

    /// An empty store whose views move on only when someone looks, so that all that happens is
    /// by a seed.
    pub(crate) fn still() -> Self {
        Self::with(None, Followers::Rest)
    }

    fn with(quota: Option<u64>, followers: Followers) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let directory = directory();
        let clock = Clock::manual(Timestamp::from_unix_seconds(BEGINNING));
        let group = TaskGroup::child_of(&Token::new());
        let imap = runtime.block_on(open(&directory, &clock, &group, quota));
        if followers == Followers::Rest {
            group.token().cancel();
            runtime.block_on(group.wait());
        }
        Self {
            runtime: Arc::new(runtime),
            imap: Arc::new(imap),
            clock,
            group,
            directory,
        }
    }

    /// Closes the store and opens it again. Sessions must have ended.
    pub(crate) fn reopen(&mut self) {
        self.close();
        self.group = TaskGroup::child_of(&Token::new());
        let imap = self
            .runtime
            .block_on(open(&self.directory, &self.clock, &self.group, None));
        self.imap = Arc::new(imap);
    }

    /// Where the store is.
    pub(crate) fn directory(&self) -> &std::path::Path {
        &self.directory
    }

    fn close(&self) {
        self.group.token().cancel();
        let store = self.imap.mailboxes.store().clone();
        self.runtime.block_on(async {
            self.group.wait().await;
            store.close().await;
        });
    }

    /// An empty store without quota.
    pub(crate) fn new() -> Self {
        Self::with_quota(None)
    }

    /// A session that has not greeted yet.
    pub(crate) fn session(&self) -> Session {
        let peer = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000);
        let host = ImapHost::new(Arc::clone(&self.imap), Peer::detached(peer, peer));
        let host = Hosted {
            runtime: Arc::clone(&self.runtime),
            host,
        };
        let settings = Settings {
            is_cleartext_allowed: true,
            ..Settings::default()
        };
        let now = self.clock.now();
        let mut drive = Drive::new(Server::new(Arc::new(settings), now), host, now);
        drive.ready();
        drive.take_written();
        Session(drive)
    }

    /// A session of anna's with a mailbox open.
    pub(crate) fn selected(&self, mailbox: &str) -> Session {
        let mut session = self.session();
        session.ok("LOGIN anna secret");
        session.ok(&format!("SELECT \"{mailbox}\""));
        session
    }

    /// Puts a message into a mailbox of anna's, as a delivery does; open views have it at once.
    pub(crate) fn deliver(&self, mailbox: &str, message: &[u8]) {
        self.runtime.block_on(async {
            self.deliver_while(mailbox, message).await;
            self.catch_up(mailbox).await;
        });
    }

    /// Puts a message into a mailbox of anna's; views learn of it from the store.
    pub(crate) async fn deliver_while(&self, mailbox: &str, message: &[u8]) {
        let mailboxes = &self.imap.mailboxes;
        let mut incoming = mailboxes.incoming();
        incoming.push(message).await.unwrap();
        let place = self.place(mailbox).await;
        let now = self.clock.wall();
        let appended = mailboxes.append(place, incoming, Flags::default(), now);
        appended.await.unwrap();
    }

    pub(crate) async fn place(&self, mailbox: &str) -> Place {
        let account = self.imap.authenticator.0[0];
        let name = MailboxName::parse(mailbox, '/').unwrap();
        let store = self.imap.mailboxes.store();
        let row = store.mailbox(account, &name).await.unwrap().unwrap();
        Place {
            account,
            mailbox: row.id,
        }
    }

    /// Moves the view of a mailbox of anna's on to what was committed.
    pub(crate) async fn catch_up(&self, mailbox: &str) {
        let place = self.place(mailbox).await;
        let views = self.imap.mailboxes.views();
        let view = views.open(place.account, place.mailbox).await.unwrap();
        assert!(view.is_some());
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.close();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

async fn open(
    directory: &std::path::Path,
    clock: &Clock,
    group: &TaskGroup,
    quota: Option<u64>,
) -> Imap<TwoUsers> {
    let store = Store::open(Options {
        clock: clock.clone(),
        readers: 2,
        reserve: 0,
        accept_filesystem: vec!["tmpfs".into(), "overlayfs".into()],
        ..Options::new(directory)
    })
    .await
    .unwrap();
    let anna = account(&store, clock, "anna@example.org", quota).await;
    let bert = account(&store, clock, "bert@example.org", None).await;
    let views = Views::start(&store, Limits::default(), group);
    let heavy = BlockingPool::start("heavy", 2, 64).unwrap();
    Imap {
        mailboxes: Mailboxes::new(store, clock.clone(), views, heavy),
        authenticator: TwoUsers([anna, bert]),
        privacy: Privacy::new(LogPrivacy::Full, &Random::seeded(1)),
        separator: '/',
        append_octets_max: 50 * 1024 * 1024,
        clock: clock.clone(),
        telemetry: Telemetry::default(),
    }
}

/// The account of an address, made if it is not there.
async fn account(store: &Store, clock: &Clock, address: &str, quota: Option<u64>) -> AccountId {
    if let Some(account) = store.account_of(address).await.unwrap() {
        return account.id;
    }
    let domain = Operation::PutDomain(postroom_store::operation::Domain {
        name: "example.org".into(),
        kind: postroom_store::operation::DomainKind::Local,
        catch_all: None,
        target: None,
    });
    let account = Operation::CreateAccount(NewAccount {
        address: address.into(),
        quota,
        credentials: Vec::new(),
        mailboxes: default_mailboxes(),
    });
    let plan = Plan {
        arrival: store.new_arrival(),
        time: clock.wall(),
        operations: vec![domain, account],
        journal: Vec::new(),
        body: None,
    };
    let committed = store.commit(plan).await.unwrap();
    match committed.results.last() {
        Some(Done::Account(account)) => *account,
        other => panic!("no account: {other:?}"),
    }
}

/// A directory that nothing else uses.
fn directory() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("postroom-retrieval-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A host whose answers are waited for.
pub(crate) struct Hosted {
    runtime: Arc<Runtime>,
    host: ImapHost<TwoUsers>,
}

impl Hosted {
    /// The host itself.
    pub(crate) fn host_mut(&mut self) -> &mut ImapHost<TwoUsers> {
        &mut self.host
    }
}

impl Host for Hosted {
    type Machine = Server;

    fn answer(&mut self, question: Question) -> Option<Answer> {
        Some(self.runtime.block_on(self.host.answer(question)))
    }

    fn body(&mut self, octets: &[u8]) {
        self.runtime.block_on(self.host.body(octets));
    }

    fn stream(&mut self, mut source: Source, out: &mut Vec<u8>) {
        let read = async { while self.host.read(&mut source, out).await.unwrap() {} };
        self.runtime.block_on(read);
    }
}

/// One client.
pub(crate) struct Session(pub(crate) Drive<Hosted>);

impl Session {
    /// Sends one command and returns all that the server says to it.
    pub(crate) fn say(&mut self, command: &str) -> String {
        let line = format!("t {command}\r\n");
        self.0.receive(line.as_bytes());
        String::from_utf8_lossy(&self.0.take_written()).into_owned()
    }

    /// Sends a command that must succeed.
    pub(crate) fn ok(&mut self, command: &str) -> String {
        let said = self.say(command);
        assert!(said.contains("t OK"), "{command}: {said}");
        said
    }

    /// Appends a message.
    pub(crate) fn append(&mut self, mailbox: &str, message: &str) -> String {
        let mut command = String::new();
        let _ = write!(
            command,
            "APPEND \"{mailbox}\" {{{}+}}\r\n{message}",
            message.len()
        );
        self.ok(&command)
    }

    /// Tells the machine that its mailbox changed, and returns what it says.
    pub(crate) fn stir(&mut self) -> String {
        self.0.news(News::Stir);
        String::from_utf8_lossy(&self.0.take_written()).into_owned()
    }
}

/// A house for transcripts: one session is the transcript's, another may act beside it.
pub(crate) struct Scene {
    house: House,
    hosted: Hosted,
    other: Option<Session>,
}

impl Scene {
    /// Anna's account has messages as the transcripts expect them.
    pub(crate) fn new() -> Self {
        let house = House::with_quota(Some(400_000));
        for message in [PLAIN, MIXED, GERMAN] {
            house.deliver("INBOX", message.as_bytes());
            house.clock.advance(std::time::Duration::from_hours(24));
        }
        let session = house.session();
        Self {
            hosted: session.0.host,
            house,
            other: None,
        }
    }
}

impl Host for Scene {
    type Machine = Server;

    fn answer(&mut self, question: Question) -> Option<Answer> {
        self.hosted.answer(question)
    }

    fn body(&mut self, octets: &[u8]) {
        self.hosted.body(octets);
    }

    fn stream(&mut self, source: Source, out: &mut Vec<u8>) {
        self.hosted.stream(source, out);
    }
}

impl Scripted for Scene {
    fn machine(&self, now: Instant) -> Server {
        let settings = Settings {
            is_cleartext_allowed: true,
            ..Settings::default()
        };
        Server::new(Arc::new(settings), now)
    }

    /// `deliver MAILBOX` puts a message there; `other COMMAND` is said by anna's other session,
    /// which has INBOX open.
    fn event(&mut self, text: &str) -> Result<Option<News>, String> {
        if let Some(mailbox) = text.strip_prefix("deliver ") {
            self.house.deliver(mailbox, PLAIN.as_bytes());
        } else if let Some(command) = text.strip_prefix("other ") {
            let other = self
                .other
                .get_or_insert_with(|| self.house.selected("INBOX"));
            let said = other.say(command);
            if !said.contains("t OK") {
                return Err(format!("the other session was told: {said}"));
            }
            let house = &self.house;
            house.runtime.block_on(house.catch_up("INBOX"));
        } else {
            return Err(format!("not an event: {text}"));
        }
        Ok(Some(News::Stir))
    }
}

/// Message 1: plain text.
pub(crate) const PLAIN: &str = "Date: Mon, 02 Nov 2026 10:00:00 +0100\r\n\
    From: Anna Example <anna@example.org>\r\n\
    To: bert@example.org\r\n\
    Subject: Plain\r\n\
    Message-ID: <plain@example.org>\r\n\
    \r\n\
    One line.\r\n\
    Another line.\r\n";

/// Message 2: text, HTML with an image within, and a message.
pub(crate) const MIXED: &str = "Date: Sun, 01 Nov 2026 23:30:00 -0500\r\n\
    From: \"Bert \\\"B\\\" Example\" <bert@example.org>\r\n\
    Sender: list@example.net\r\n\
    To: friends: anna@example.org, Carla <carla@example.org>;\r\n\
    Cc: dora@example.org\r\n\
    Subject: Mixed\r\n\
    In-Reply-To: <plain@example.org>\r\n\
    Message-ID: <mixed@example.org>\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=\"outer\"\r\n\
    \r\n\
    preamble\r\n\
    --outer\r\n\
    Content-Type: text/plain; charset=us-ascii\r\n\
    Content-ID: <part1@example.org>\r\n\
    \r\n\
    Text of the first part.\r\n\
    --outer\r\n\
    Content-Type: multipart/related; boundary=inner\r\n\
    \r\n\
    --inner\r\n\
    Content-Type: text/html; charset=utf-8\r\n\
    Content-Transfer-Encoding: quoted-printable\r\n\
    \r\n\
    <p>Gr=C3=BC=C3=9Fe</p>\r\n\
    --inner\r\n\
    Content-Type: image/png; name=\"dot.png\"\r\n\
    Content-Transfer-Encoding: base64\r\n\
    Content-Disposition: inline; filename=\"dot.png\"\r\n\
    \r\n\
    iVBORw0KGgo=\r\n\
    --inner--\r\n\
    --outer\r\n\
    Content-Type: message/rfc822\r\n\
    Content-Description: forwarded\r\n\
    \r\n\
    Subject: Within\r\n\
    From: carla@example.org\r\n\
    \r\n\
    Body within.\r\n\
    --outer--\r\n";

/// Message 3: encoded words and 8-bit text.
pub(crate) const GERMAN: &str = "Date: Tue, 03 Nov 2026 08:00:00 +0000\r\n\
    From: =?utf-8?q?J=C3=BCrgen?= <juergen@example.org>\r\n\
    To: anna@example.org\r\n\
    Bcc: hidden@example.org\r\n\
    Subject: =?iso-8859-1?q?Sch=F6ne_Gr=FC=DFe?=\r\n\
    Message-ID: <german@example.org>\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: text/plain; charset=iso-8859-1\r\n\
    Content-Transfer-Encoding: quoted-printable\r\n\
    \r\n\
    Sch=F6ne Gr=FC=DFe aus M=FCnchen.\r\n";
