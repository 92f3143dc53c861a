//! The operator's door, on a real store.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use postroom_admin::answer::{Answer, Failure, QueuePage, QueueTended};
use postroom_admin::handler::Admin;
use postroom_admin::request::{
    QueueCare, QueueFilter, QueueList, QueueStatus, QueueTend, Request, Trace,
};
use postroom_config::value::LogPrivacy;
use postroom_delivery::privacy::Privacy;
use postroom_directory::Directory;
use postroom_mail::identifier::ArrivalId;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::random::Random;
use postroom_store::journal::JournalLine;
use postroom_store::operation::{DsnWish, NewEntry, NextHop, Operation, Piece, Rendering};
use postroom_store::plan::{Body, Plan};
use postroom_store::store::{Options, Store};
use postroom_testkit::directory::TestDirectory;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

struct Door {
    admin: Admin,
    store: Store,
    clock: Clock,
    privacy: Privacy,
    _folder: TestDirectory,
}

const HEADER: &str = "Subject: hello\r\nMessage-ID: <q@example.org>\r\n\r\n";

impl Door {
    async fn open(rule: LogPrivacy) -> Self {
        let folder = TestDirectory::new();
        let clock = Clock::manual(Timestamp(1_790_000_000_000_000));
        let options = Options {
            clock: clock.clone(),
            reserve: 0,
            accept_filesystem: vec!["overlayfs".into(), "tmpfs".into()],
            ..Options::new(folder.path())
        };
        let store = Store::open(options).await.unwrap();
        let random = Random::seeded(1);
        let limits = postroom_directory::Limits::default();
        let directory =
            Directory::open(store.clone(), clock.clone(), random.clone(), limits).unwrap();
        let privacy = Privacy::new(rule, &random);
        let admin = Admin::new(store.clone(), directory, clock.clone(), privacy.clone());
        Self {
            admin: admin.asked_by(1000),
            store,
            clock,
            privacy,
            _folder: folder,
        }
    }

    async fn ask(&self, request: Value) -> Result<Value, Failure> {
        let request: Request = serde_json::from_value(request).unwrap();
        match self.admin.answer(request).await {
            Answer::Done(value) => Ok(value),
            Answer::Failed(failure) => Err(failure),
        }
    }

    async fn read<T: DeserializeOwned>(&self, request: Request) -> T {
        match self.admin.answer(request).await {
            Answer::Done(value) => serde_json::from_value(value).unwrap(),
            Answer::Failed(failure) => panic!("{failure:?}"),
        }
    }

    /// Puts a message for these into the queue.
    async fn enqueue(&self, arrival: u64, recipients: impl Iterator<Item = String>) {
        let octets = HEADER.len() as u64;
        let now = self.clock.wall();
        let entry = |recipient: String| {
            Operation::Enqueue(NewEntry {
                reverse_path: "anna@example.org".into(),
                recipient: recipient.into(),
                next_hop: NextHop::Remote("example.net".into()),
                due: now,
                dsn: DsnWish::default(),
                rendering: Rendering {
                    pieces: vec![Piece::Kept(0..octets)],
                },
            })
        };
        let plan = Plan {
            arrival: ArrivalId(arrival),
            time: now,
            operations: recipients.map(entry).collect(),
            journal: Vec::new(),
            body: Some(Body::Inline(HEADER.into())),
        };
        self.store.commit(plan).await.unwrap();
    }

    async fn list(&self, filter: QueueFilter) -> (Vec<String>, usize) {
        let mut request = QueueList {
            filter,
            after: None,
            limit: 1_000,
        };
        let (mut names, mut pages) = (Vec::new(), 0);
        loop {
            let page: QueuePage = self.read(Request::QueueList(request.clone())).await;
            pages += 1;
            assert!(page.entries.len() <= 1_000);
            names.extend(page.entries.into_iter().filter_map(|entry| entry.recipient));
            match page.next {
                Some(next) => request.after = Some(next),
                None => return (names, pages),
            }
        }
    }

    async fn tend(&self, care: QueueCare, ids: &[u64], filter: QueueFilter) -> QueueTended {
        let ids = ids.iter().map(|id| ArrivalId(*id).to_string()).collect();
        let wish = QueueTend {
            care,
            ids,
            filter,
            all: true,
        };
        self.read(Request::QueueTend(wish)).await
    }
}

#[tokio::test]
async fn changes_say_what_they_did_and_replace_nothing_unasked() {
    let door = Door::open(LogPrivacy::Full).await;
    let domain = json!({"operation": "domain-add", "domain": "Example.ORG"});
    let added = door.ask(domain.clone()).await.unwrap();
    assert_eq!(added, json!({"domain": "example.org", "replaced": false}));
    let failure = door.ask(domain).await.unwrap_err();
    assert_eq!(failure.what, "example.org is there already");
    assert!(failure.mend.unwrap().contains("--replace"));
    let change = json!({"operation": "domain-add", "domain": "example.org",
        "catch_all": "anna@example.org", "replace": true});
    let changed = door.ask(change).await.unwrap();
    assert_eq!(changed, json!({"domain": "example.org", "replaced": true}));

    let account = json!({"operation": "account-add", "quota": null,
        "accounts": [{"address": "anna@example.org", "hash": "{SHA256-CRYPT}$5$x$y"}]});
    assert_eq!(door.ask(account).await.unwrap(), json!({"added": 1}));
    let disable = json!({"operation": "account-enable", "address": "anna@example.org",
        "is_enabled": false});
    let disabled = door.ask(disable).await.unwrap();
    assert_eq!(disabled["is_enabled"], false);

    let alias = |members: Value, replace: bool| {
        json!({"operation": "alias-add", "address": "team@example.org",
            "members": members, "replace": replace})
    };
    let first = door.ask(alias(json!(["anna@example.org"]), false)).await;
    assert_eq!(first.unwrap()["replaced"], false);
    let failure = door.ask(alias(json!(["bob@example.org"]), false)).await;
    let failure = failure.unwrap_err();
    assert!(failure.what.contains("stands for anna@example.org already"));
    let replaced = door.ask(alias(json!(["bob@example.org"]), true)).await;
    assert_eq!(replaced.unwrap()["members"], json!(["bob@example.org"]));
    let aliases = door.ask(json!({"operation": "alias-list"})).await.unwrap();
    assert_eq!(aliases[0]["members"], json!(["bob@example.org"]));
}

#[test]
fn unknown_fields_are_refused_of_every_request() {
    for request in [
        json!({"operation": "account-list", "adress": "x"}),
        json!({"operation": "alias-list", "x": 1}),
        json!({"operation": "domain-list", "x": 1}),
        json!({"operation": "queue-list", "limit": 1, "x": 1}),
        json!({"operation": "queue-list", "limit": 1, "filter": {"sendr": "x"}}),
        json!({"operation": "queue-tend", "care": "retry", "every": true}),
        json!({"operation": "trace", "of": "x@y", "limit": 1, "x": 1}),
    ] {
        let read = serde_json::from_value::<Request>(request.clone());
        assert!(read.is_err(), "{request}");
    }
}

/// More entries than a page or one read takes.
#[tokio::test]
async fn a_long_queue_comes_in_pages_and_is_tended_in_batches() {
    let door = Door::open(LogPrivacy::Full).await;
    let name = |n: u32| format!("r{n}@x{}.test", n % 2);
    door.enqueue(1, (0..2_300).map(name)).await;
    let (names, pages) = door.list(QueueFilter::default()).await;
    assert_eq!((names.len(), pages), (2_300, 3));
    assert_eq!(names, (0..2_300).map(name).collect::<Vec<_>>());
    let even = || QueueFilter {
        domain: Some("X0.test".into()),
        ..QueueFilter::default()
    };
    assert_eq!(door.list(even()).await.0.len(), 1_150);
    let held = door.tend(QueueCare::Hold, &[], even()).await;
    assert_eq!((held.changed, held.skipped_count), (1_150, 0));
    let status = |status| QueueFilter {
        status: Some(status),
        ..QueueFilter::default()
    };
    assert_eq!(door.list(status(QueueStatus::Held)).await.0.len(), 1_150);
    assert_eq!(door.list(status(QueueStatus::Due)).await.0.len(), 1_150);
    // What is held is not retried; the rest is, and is told.
    let retried = door
        .tend(QueueCare::Retry, &[1], QueueFilter::default())
        .await;
    assert_eq!((retried.changed, retried.skipped_count), (1_150, 1_150));
    assert_eq!(retried.skipped.len(), 100, "the named are bounded");
    assert_eq!(retried.skipped[0].why, "it is held back");
    let deleted = door
        .tend(QueueCare::Delete, &[], QueueFilter::default())
        .await;
    assert_eq!(deleted.changed, 2_300);
    assert!(door.list(QueueFilter::default()).await.0.is_empty());
    let line = door.store.journal_of(ArrivalId(1)).await.unwrap().pop();
    let line = line.unwrap();
    assert_eq!(
        (&*line.room, &*line.what, &*line.verdict),
        ("admin", "delete", "dropped")
    );
    assert_eq!(
        line.reply.as_deref(),
        Some("deleted by operator (uid 1000)")
    );
}

#[tokio::test]
async fn entries_being_tried_are_named_so() {
    let door = Door::open(LogPrivacy::Full).await;
    door.enqueue(7, ["bob@example.net".to_owned()].into_iter())
        .await;
    let rows = door.store.queue_rows(None, 10).await.unwrap();
    let lease = Plan {
        arrival: door.store.new_arrival(),
        time: door.clock.wall(),
        operations: vec![Operation::Lease {
            entries: vec![rows[0].id],
            until: Timestamp(door.clock.wall().0 + 1_000_000),
        }],
        journal: Vec::new(),
        body: None,
    };
    door.store.commit(lease).await.unwrap();
    let retried = door
        .tend(QueueCare::Retry, &[7], QueueFilter::default())
        .await;
    assert_eq!(retried.skipped[0].why, "it is being tried right now");
    let id = ArrivalId(7).to_string();
    let show = json!({"operation": "queue-show", "queue_id": id, "headers": true});
    let shown = door.ask(show).await.unwrap();
    assert_eq!(shown["message_id"], "<q@example.org>");
    assert_eq!(shown["headers"], HEADER);
    assert_eq!(shown["entries"][0]["status"], "in-hand");
    let show = json!({"operation": "queue-show", "queue_id": id, "headers": false});
    assert_eq!(door.ask(show).await.unwrap()["headers"], Value::Null);
    let gone = json!({"operation": "queue-show", "queue_id": "nothing", "headers": false});
    assert!(
        door.ask(gone)
            .await
            .unwrap_err()
            .mend
            .unwrap()
            .contains("trace")
    );
    // Without any word on which entries, nothing is touched.
    let unbounded = json!({"operation": "queue-tend", "care": "delete"});
    assert!(door.ask(unbounded).await.is_err());
    assert_eq!(door.list(QueueFilter::default()).await.0.len(), 1);
}

#[tokio::test]
async fn the_journal_is_asked_by_an_address_that_it_does_not_hold() {
    let door = Door::open(LogPrivacy::Pseudonym).await;
    let line = JournalLine {
        time: door.clock.wall(),
        session: 5,
        arrival: Some(ArrivalId(9)),
        message_id: None,
        room: "delivery".into(),
        what: "deliver".into(),
        sender: None,
        recipient: Some(door.privacy.name("Anna@example.org")),
        verdict: "delivered".into(),
        reply: None,
        next_hop: None,
        peer: None,
        elapsed_us: 0,
    };
    let plan = Plan {
        arrival: ArrivalId(9),
        time: door.clock.wall(),
        operations: Vec::new(),
        journal: vec![line],
        body: None,
    };
    door.store.commit(plan).await.unwrap();
    let trace = |of: &str| {
        Request::Trace(Trace {
            of: of.to_owned(),
            since: None,
            limit: 10,
            logins: false,
        })
    };
    let found: Value = door.read(trace("anna@EXAMPLE.org")).await;
    assert_eq!(found[0]["queue_id"], ArrivalId(9).to_string());
    assert!(!found.to_string().contains("nna"), "{found}");
    for nothing in ["bob@example.org", "not-an-id", "1"] {
        let answer = door.admin.answer(trace(nothing)).await;
        assert!(matches!(answer, Answer::Failed(_)), "{nothing}");
    }
}
