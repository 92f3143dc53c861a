//! A store with Anna's and Bob's mailboxes and messages of theirs in the queue.

use std::sync::OnceLock;
use std::time::Duration;

use postroom_config::value::LogPrivacy;
use postroom_delivery::case::{Case, Quota, Relaying, Reports};
use postroom_delivery::conclude::{
    Attempted, ConcludeError, Concluded, Conclusion, Diagnosis, Remote,
};
use postroom_delivery::delivery::Delivery;
use postroom_delivery::expand::Limits;
use postroom_delivery::facts::Facts;
use postroom_delivery::privacy::Privacy;
use postroom_directory::change::NewPassword;
use postroom_directory::password::Cost;
use postroom_directory::{Directory, Limits as DirectoryLimits};
use postroom_mail::address::{Address, NonAscii, ReversePath};
use postroom_mail::envelope::{BodyType, Envelope, Notify, Recipient, Ret};
use postroom_mail::identifier::ArrivalId;
use postroom_mail::mailbox_name::MailboxName;
use postroom_mail::reply::{EnhancedCode, Reply};
use postroom_queue::schedule::Schedule;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::random::Random;
use postroom_runtime::secret::Secret;
use postroom_store::journal::JournalLine;
use postroom_store::operation::{self, DomainKind, LeaseToken, Operation, Piece};
use postroom_store::outcome::Done;
use postroom_store::plan::{Body, Plan};
use postroom_store::row::Entry;
use postroom_store::store::{Options, Store};
use postroom_testkit::directory::TestDirectory;
use postroom_testkit::disk::FaultyDisk;

/// What Anna writes.
pub(crate) const MESSAGE: &str = "From: anna@example.org\r\nSubject: hello\r\n\r\nsecret body\r\n";

pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) delivery: Delivery,
    directory: Directory,
    disk: FaultyDisk,
    privacy: Privacy,
    folder: TestDirectory,
}

impl House {
    pub(crate) async fn new() -> Self {
        let house = Self::open(TestDirectory::new(), FaultyDisk::new()).await;
        let domain = operation::Domain {
            name: "example.org".into(),
            kind: DomainKind::Local,
            catch_all: None,
            target: None,
        };
        house.directory.put_domain(domain).await.unwrap();
        for name in ["anna@example.org", "bob@example.org"] {
            let password = NewPassword::Clear(Secret::new("correct horse battery"));
            let accounts = vec![(address(name), password)];
            house.directory.add_accounts(accounts, None).await.unwrap();
        }
        house
    }

    /// The same house after a restart on a disk with no room for anything but outcomes.
    pub(crate) async fn with_full_disk(self) -> Self {
        self.store.close().await;
        self.disk.set_free(0);
        Self::open(self.folder, self.disk).await
    }

    async fn open(folder: TestDirectory, disk: FaultyDisk) -> Self {
        let mut options = Options::new(folder.path());
        options.accept_filesystem = ["tmpfs", "overlayfs"].map(Into::into).to_vec();
        options.reserve = 0;
        options.disk = std::sync::Arc::new(disk.clone());
        let store = Store::open(options).await.unwrap();
        let cost = Cost {
            memory_kib: 8,
            passes: 1,
        };
        let limits = DirectoryLimits {
            cost,
            ..DirectoryLimits::default()
        };
        let random = Random::seeded(7);
        let clock = Clock::system();
        let directory = Directory::open(store.clone(), clock, random.clone(), limits).unwrap();
        Self {
            delivery: Delivery::new(
                store.clone(),
                directory.clone(),
                Limits::default(),
                Schedule::default(),
            ),
            store,
            directory,
            disk,
            privacy: Privacy::new(LogPrivacy::Full, &random),
            folder,
        }
    }

    /// Accepts Anna's message, or another sender's, for recipients elsewhere.
    pub(crate) async fn accept(&self, post: Post<'_>) -> ArrivalId {
        let arrival = self.store.new_arrival();
        let reverse_path = match post.from {
            "" => ReversePath::Null,
            from => ReversePath::Address(address(from)),
        };
        let recipients = post.to.iter().map(|to| Recipient {
            address: address(to),
            notify: post.notify,
            orcpt: None,
        });
        let envelope = Envelope {
            reverse_path,
            recipients: recipients.collect(),
            body: BodyType::SevenBit,
            smtputf8: false,
            ret: post.ret,
            envid: Some("QQ1".into()),
        };
        let pieces = [Piece::Kept(0..MESSAGE.len() as u64)];
        let case = Case {
            arrival,
            session: 1,
            time: now(),
            peer: None,
            privacy: &self.privacy,
            host: "mx.example.org",
            envelope: &envelope,
            message_id: None,
            reports: post.reports,
            relaying: Relaying::Allowed,
            quota: Quota::OneReply,
            is_report: false,
            trace: b"Received: by mx.example.org\r\n",
            pieces: &pieces,
            octets: MESSAGE.as_bytes(),
            parsing: OnceLock::new(),
            entry: None,
        };
        let planned = self
            .delivery
            .settle_plan(&case, &mut Facts::default())
            .await;
        let body = Body::Inline(MESSAGE.into());
        let committed = self.delivery.commit(&case, planned.unwrap(), Some(body));
        committed.await.unwrap();
        arrival
    }

    /// Takes all entries, as whoever attempts them does.
    pub(crate) async fn lease(&self) -> Lease {
        let entries = self.entries().await;
        let take = Operation::Lease {
            entries: entries.iter().map(|entry| entry.id).collect(),
            until: now().plus(Duration::from_mins(10)),
        };
        let taken = self.commit(now(), take).await;
        let [Done::Leased(token)] = taken[..] else {
            panic!("{taken:?}");
        };
        Lease { token, entries }
    }

    pub(crate) async fn conclude(
        &self,
        lease: &Lease,
        conclusion: impl Fn(&Entry) -> Conclusion,
    ) -> Result<(), ConcludeError> {
        let concluded = lease.entries.iter().map(|entry| Concluded {
            entry: entry.clone(),
            conclusion: conclusion(entry),
        });
        let attempted = Attempted {
            token: lease.token,
            time: now(),
            elapsed: Duration::from_millis(12),
            host: "mx.example.org",
            privacy: &self.privacy,
        };
        self.delivery
            .conclude(&attempted, concluded.collect())
            .await
    }

    /// Anna's message to these: taken from the queue and concluded.
    pub(crate) async fn attempt(
        &self,
        post: Post<'_>,
        conclusion: impl Fn(&Entry) -> Conclusion,
    ) -> ArrivalId {
        let arrival = self.accept(post).await;
        let lease = self.lease().await;
        self.conclude(&lease, conclusion).await.unwrap();
        arrival
    }

    /// What an operator does with an entry.
    pub(crate) async fn remove(&self, entry: &Entry) {
        let now = self::now();
        let take = Operation::Lease {
            entries: vec![entry.id],
            until: now.plus(Duration::from_mins(1)),
        };
        let taken = self.commit(now.plus(Duration::from_hours(1)), take).await;
        let [Done::Leased(token)] = taken[..] else {
            panic!("{taken:?}");
        };
        let settle = Operation::Settle {
            entry: entry.id,
            token,
            outcome: operation::EntryOutcome::Done,
        };
        self.commit(now, settle).await;
    }

    async fn commit(&self, time: Timestamp, operation: Operation) -> Vec<Done> {
        let plan = Plan {
            arrival: self.store.new_arrival(),
            time,
            operations: vec![operation],
            journal: Vec::new(),
            body: None,
        };
        self.store.commit(plan).await.unwrap().results
    }

    /// From now on a plan has so many rounds of look-ups.
    pub(crate) fn bound_rounds(&mut self, rounds: usize) {
        let limits = Limits {
            plan_rounds_max: rounds,
            ..Limits::default()
        };
        let (store, directory) = (self.store.clone(), self.directory.clone());
        self.delivery = Delivery::new(store, directory, limits, Schedule::default());
    }

    pub(crate) async fn remove_account(&self, name: &str) {
        let account = self.store.account_of(name).await.unwrap().unwrap().id;
        self.commit(now(), Operation::RemoveAccount { account })
            .await;
    }

    pub(crate) async fn entries(&self) -> Vec<Entry> {
        self.store.entries(None, 1000).await.unwrap()
    }

    pub(crate) async fn text(&self, entry: &Entry) -> String {
        let all = 0..entry.rendering.octets();
        let bytes = self.store.read(entry.blob, &entry.rendering, all).await;
        String::from_utf8(bytes.unwrap()).unwrap()
    }

    /// The messages in the inbox of a name at `example.org`.
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

    /// The lines about a message, without those of its acceptance.
    pub(crate) async fn story(&self, arrival: ArrivalId) -> Vec<JournalLine> {
        let mut lines = self.store.journal_of(arrival).await.unwrap();
        lines.retain(|line| &*line.what != "deliver");
        lines
    }
}

/// Entries that are being attempted.
pub(crate) struct Lease {
    pub(crate) token: LeaseToken,
    pub(crate) entries: Vec<Entry>,
}

/// A message as a test posts it.
#[derive(Clone, Copy)]
pub(crate) struct Post<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a [&'a str],
    pub(crate) notify: Option<Notify>,
    pub(crate) ret: Option<Ret>,
    pub(crate) reports: Reports,
}

/// From Anna.
pub(crate) fn to<'a>(to: &'a [&'a str]) -> Post<'a> {
    Post {
        from: "anna@example.org",
        to,
        notify: None,
        ret: None,
        reports: Reports::AsAsked,
    }
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text, NonAscii::Allowed).unwrap()
}

pub(crate) fn remote() -> Remote {
    Remote {
        name: "mx.y.net".into(),
        address: "192.0.2.25:25".parse().unwrap(),
    }
}

pub(crate) fn transferred(has_dsn: bool) -> Conclusion {
    Conclusion::Transferred {
        remote: remote(),
        reply: Reply {
            code: 250,
            enhanced: Some(EnhancedCode(2, 0, 0)),
            text: "ok 1234".into(),
        },
        has_dsn,
    }
}

pub(crate) fn diagnosis(code: u16, status: EnhancedCode, text: &'static str) -> Diagnosis {
    Diagnosis {
        status,
        text: "The other server refused the recipient.".into(),
        remote: Some(remote()),
        reply: Some(Reply {
            code,
            enhanced: Some(status),
            text: text.into(),
        }),
    }
}

pub(crate) fn failed() -> Conclusion {
    Conclusion::Failed {
        diagnosis: diagnosis(550, EnhancedCode(5, 1, 1), "no such user"),
    }
}

pub(crate) fn deferred(due: Timestamp, tells_sender: bool) -> Conclusion {
    Conclusion::Deferred {
        due,
        diagnosis: diagnosis(451, EnhancedCode(4, 7, 1), "greylisted"),
        tells_sender,
    }
}

pub(crate) fn now() -> Timestamp {
    Clock::system().wall()
}
