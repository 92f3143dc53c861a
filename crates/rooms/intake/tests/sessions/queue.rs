use std::time::Duration;

use postroom_config::value::LogPrivacy;
use postroom_delivery::privacy::Privacy;
use postroom_delivery::worker::Worker;
use postroom_intake::Door;
use postroom_queue::queue::Queue;
use postroom_queue::schedule::Schedule;
use postroom_runtime::clock::Clock;
use postroom_runtime::group::Token;
use postroom_runtime::random::Random;
use postroom_store::operation::{
    DsnWish, EntryOutcome, NewEntry, NextHop, Operation, Piece, Rendering,
};
use postroom_store::plan::{Body, Plan};
use postroom_store::row::Entry;

use crate::fixture::{House, Settings, codes, note};

impl House {
    /// Works off the queue until it holds nothing for mailboxes here.
    async fn work_off(&self) {
        self.work_off_until(&Clock::system(), 0).await;
    }

    /// Works off the queue until no more than `left` entries are in it.
    async fn work_off_until(&self, clock: &Clock, left: usize) {
        let clock = clock.clone();
        let random = Random::seeded(11);
        let worker = Worker {
            delivery: self.delivery.clone(),
            queue: Queue::new(self.store.clone(), clock.clone(), Schedule::default()),
            clock,
            privacy: Privacy::new(LogPrivacy::Full, &random),
            host: "mx.example.org".into(),
        };
        let token = Token::new();
        let mut news = self.store.follow();
        let is_here = |entry: &Entry| !matches!(entry.next_hop, NextHop::Remote(_));
        let done = async {
            let here = async || {
                let entries = self.store.entries(None, 1000).await.unwrap();
                entries.into_iter().filter(is_here).count()
            };
            while here().await > left {
                let _ = news.recv().await;
            }
            token.cancel();
        };
        tokio::join!(worker.run(token.clone()), done);
    }

    /// Puts a message for a mailbox here into the queue.
    async fn enqueue(&self, reverse_path: &str, recipient: &str) {
        let body = note("x@y.net").into_bytes();
        let entry = NewEntry {
            reverse_path: reverse_path.into(),
            recipient: recipient.into(),
            next_hop: NextHop::Local,
            due: Clock::system().wall(),
            dsn: DsnWish::default(),
            rendering: Rendering {
                pieces: vec![Piece::Kept(0..body.len() as u64)],
            },
        };
        let plan = Plan {
            arrival: self.store.new_arrival(),
            time: Clock::system().wall(),
            operations: vec![Operation::Enqueue(entry)],
            journal: Vec::new(),
            body: Some(Body::Inline(body)),
        };
        self.store.commit(plan).await.unwrap();
    }
}

/// A worker that is gone holds entries no longer than its lease, and what it still says of them
/// then counts for nothing.
#[tokio::test]
async fn attack_h03_entries_of_a_dead_worker_are_worked_off_by_the_next() {
    let house = House::new().await;
    house.enqueue("x@y.net", "bob@example.org").await;
    let clock = Clock::manual(Clock::system().wall());
    let queue = Queue::new(house.store.clone(), clock.clone(), Schedule::default());
    let held = queue.take_due(10).await.unwrap().unwrap();
    assert!(queue.take_due(10).await.unwrap().is_none(), "held");

    clock.advance(Duration::from_hours(1));
    house.work_off_until(&clock, 0).await;
    assert_eq!(house.inbox("bob").await.len(), 1);
    let late = queue
        .settle(held.entries[0].id, held.token, EntryOutcome::Done)
        .await;
    assert!(late.is_err(), "the lease is lost");
}

/// Entries that cannot be read are set aside; those behind them are delivered.
#[tokio::test]
async fn attack_h05_a_damaged_entry_stops_nothing() {
    let house = House::new().await;
    house.enqueue("x@y.net", "no address at all").await;
    house.enqueue("no path at all", "anna@example.org").await;
    house.enqueue("x@y.net", "bob@example.org").await;
    house.work_off_until(&Clock::system(), 2).await;
    assert_eq!(house.inbox("bob").await.len(), 1);
    let left = house.store.entries(None, 10).await.unwrap();
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|entry| entry.is_held), "{left:?}");
}

/// A list above the bound is frozen, and worked off in chunks after the 250: each member once.
#[tokio::test]
async fn large_lists_are_delivered_to_each_member_once() {
    let mut settings = Settings::default();
    settings.expansion.inline_recipients_max = 4;
    settings.expansion.chunk_members_max = 3;
    let house = House::with(settings).await;
    let names: Vec<String> = (0..10).map(|n| format!("m{n}")).collect();
    for name in &names {
        house.add(&format!("{name}@example.org"), None).await;
    }
    let members: Vec<String> = names
        .iter()
        .map(|name| format!("{name}@example.org"))
        .collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    house.alias("list", &members).await;

    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let to = ["anna@example.org", "m0@example.org", "list@example.org"];
    let reply = talk.post("x@y.net", &to, &note("x@y.net")).await;
    assert_eq!(codes(&reply), "250");
    assert_eq!(house.inbox("m0").await.len(), 1);
    assert_eq!(house.inbox("m1").await.len(), 0);
    assert_eq!(house.store.entries(None, 10).await.unwrap().len(), 1);
    // Whoever joins later is not a member of what is frozen.
    house.alias("list", &["carla@example.org"]).await;

    house.work_off().await;
    for name in &names {
        let texts = house.inbox(name).await;
        assert_eq!(texts.len(), 1, "{name}");
        let text = &texts[0];
        assert!(text.starts_with(&format!(
            "Return-Path: <x@y.net>\r\nDelivered-To: {name}@example.org\r\nReceived: from client"
        )));
        assert!(text.ends_with(&(note("x@y.net") + "\r\n")));
    }
    assert_eq!(house.inbox("carla").await.len(), 0);
    let id = reply
        .trim_end()
        .rsplit(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let story = house.store.journal_of(id).await.unwrap();
    let delivered = story.iter().filter(|line| &*line.verdict == "delivered");
    assert_eq!(delivered.count(), 11);
}

/// Members elsewhere come out of the chunks as entries of the one message: its queue id, its octets.
#[tokio::test]
async fn large_lists_reach_members_here_and_elsewhere_once() {
    let mut settings = Settings::default();
    settings.expansion.inline_recipients_max = 2;
    settings.expansion.chunk_members_max = 2;
    let house = House::with(settings).await;
    let members = [
        "zoe@elsewhere.net",
        "anna@example.org",
        "Yan@elsewhere.net",
        "bob@example.org",
        "xi@far.example",
    ];
    house.alias("list", &members).await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let reply = talk
        .post("x@y.net", &["list@example.org"], &note("x@y.net"))
        .await;
    assert_eq!(codes(&reply), "250");
    assert_eq!(house.store.entries(None, 10).await.unwrap().len(), 1);

    house.work_off().await;
    for name in ["anna", "bob"] {
        assert_eq!(house.inbox(name).await.len(), 1, "{name}");
    }
    let entries = house.store.entries(None, 10).await.unwrap();
    let mut names: Vec<&str> = entries.iter().map(|entry| &*entry.recipient).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["Yan@elsewhere.net", "xi@far.example", "zoe@elsewhere.net"]
    );
    for entry in &entries {
        assert!(reply.contains(&entry.arrival.to_string()), "{reply}");
        assert_eq!(entry.blob, entries[0].blob);
        let all = 0..entry.rendering.octets();
        let bytes = house
            .store
            .read(entry.blob, &entry.rendering, all)
            .await
            .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.starts_with("Received: from client.example.net"),
            "{text}"
        );
        assert!(text.ends_with(&(note("x@y.net") + "\r\n")));
    }
}
