use postroom_config::value::LogPrivacy;
use postroom_delivery::privacy::Privacy;
use postroom_delivery::worker::Worker;
use postroom_intake::Door;
use postroom_queue::queue::Queue;
use postroom_queue::schedule::Schedule;
use postroom_runtime::clock::Clock;
use postroom_runtime::group::Token;
use postroom_runtime::random::Random;
use postroom_store::operation::NextHop;
use postroom_store::row::Entry;

use crate::fixture::{House, Settings, codes, note};

impl House {
    /// Works off the queue until it holds nothing for mailboxes here.
    async fn work_off(&self) {
        let clock = Clock::system();
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
            while self
                .store
                .entries(None, 1000)
                .await
                .unwrap()
                .iter()
                .any(is_here)
            {
                let _ = news.recv().await;
            }
            token.cancel();
        };
        tokio::join!(worker.run(token.clone()), done);
    }
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
