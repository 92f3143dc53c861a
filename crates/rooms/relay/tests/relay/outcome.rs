//! What other servers say, and what comes of it.

use std::time::Duration;

use postroom_queue::schedule::Schedule;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_store::operation::NextHop;
use postroom_testkit::remote::{Deed, Moment, Personality, Remote};

use crate::fixture::{ALICE, House, TEA, Wishes, until};

const BOB: &str = "bob@there.example";
const CARLA: &str = "carla@there.example";

/// Sends to Bob and says what came of it.
async fn fate_with(personality: Personality) -> (String, String) {
    let remote = Remote::start(personality);
    let house = House::beside(remote.address()).await;
    let sent = house.send(&[BOB], TEA).await;
    let fate = house.fate(sent).await;
    let waiting = house.waiting(sent).await;
    assert_eq!(waiting.is_empty(), fate.0 != "queued", "{fate:?}");
    fate
}

#[tokio::test(flavor = "multi_thread")]
async fn recipients_of_one_domain_go_in_one_transaction() {
    let remote = Remote::start(Personality::default());
    let house = House::beside(remote.address()).await;
    let sent = house.send(&[BOB, CARLA], TEA).await;
    let messages = remote.wait_for_messages(1);
    assert_eq!(messages[0].recipients, [BOB, CARLA]);
    assert_eq!(messages[0].sender, ALICE);
    assert_eq!(messages[0].octets, TEA);
    let attempts = house.attempts(sent, 2).await;
    for line in &attempts {
        assert_eq!(&*line.verdict, "transferred");
        let hop = format!("there.example [127.0.0.1]:{}", remote.address().port());
        assert_eq!(line.next_hop.as_deref(), Some(&*hop));
    }
    assert!(house.waiting(sent).await.is_empty());
    remote.assert_no_stray_octets();
}

#[tokio::test]
async fn refusals_are_final_or_not_by_their_class() {
    for (moment, line, verdict) in [
        (Moment::Recipient("bob"), "550 5.1.1 Nobody", "failed"),
        (Moment::Recipient("bob"), "450 4.2.1 Later", "queued"),
        (Moment::Mail, "553 5.1.8 Not you", "failed"),
        (Moment::Data, "451 4.3.0 Not now", "queued"),
        (Moment::EndOfData, "554 5.7.1 Spam", "failed"),
        (
            Moment::EndOfData,
            "451-4.7.1 Grey\n451 4.7.1 Come again",
            "queued",
        ),
        (Moment::Greeting, "554 5.3.2 No mail here", "failed"),
        (Moment::Greeting, "421 4.3.2 Full", "queued"),
        (Moment::Greeting, "hello there", "queued"),
        (Moment::Mail, "250-a\n251 b", "queued"),
    ] {
        let (found, reply) = fate_with(Personality::default().does(moment, Deed::Say(line))).await;
        assert_eq!(found, verdict, "{line}: {reply}");
        assert!(!reply.is_empty());
    }
}

#[tokio::test]
async fn each_recipient_has_its_own_fate() {
    let remote = Remote::start(
        Personality::default()
            .does(Moment::Recipient("bob"), Deed::Say("550 5.1.1 Nobody"))
            .does(Moment::Recipient("dora"), Deed::Say("452 4.2.2 Full")),
    );
    let house = House::beside(remote.address()).await;
    let all = [BOB, CARLA, "dora@there.example"];
    let sent = house.send(&all, TEA).await;
    let mut fates: Vec<_> = house
        .attempts(sent, 3)
        .await
        .into_iter()
        .map(|line| (line.recipient.unwrap_or_default(), line.verdict))
        .collect();
    fates.sort();
    let expected = [(BOB, "failed"), (CARLA, "transferred"), (all[2], "queued")];
    assert_eq!(
        fates,
        expected.map(|(name, fate)| (name.into(), fate.into()))
    );
    let waiting = house.waiting(sent).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].attempts, 1);
    assert!(waiting[0].status.contains("4.2.2"), "{}", waiting[0].status);
    assert!(waiting[0].due > house.clock.wall());
}

#[tokio::test]
async fn connections_that_die_leave_the_message_in_the_queue() {
    for (moment, words) in [
        (Moment::Greeting, "greeting"),
        (Moment::Mail, "MAIL FROM"),
        (Moment::EndOfData, "it may have taken it all the same"),
    ] {
        let personality = Personality::default().does(moment, Deed::Leave);
        let (verdict, reply) = fate_with(personality).await;
        assert_eq!(verdict, "queued", "{moment:?}");
        assert!(reply.contains(words), "{moment:?}: {reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_the_middle_has_no_message() {
    let mut large = TEA.to_vec();
    for _ in 0..10_000 {
        large.extend_from_slice(b"and so on, and so on, and so on\r\n");
    }
    let leaving = Personality::default().does(Moment::Body(1000), Deed::Leave);
    let remote = Remote::start(leaving);
    let house = House::beside(remote.address()).await;
    let sent = house.send(&[BOB], &large).await;
    let (verdict, reply) = house.fate(sent).await;
    assert_eq!(verdict, "queued");
    assert!(reply.starts_with("4.4.2"), "{reply}");
    assert!(remote.messages().is_empty());
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let remote = Remote::start(Personality::default().does(Moment::Data, Deed::Hang));
    let mut wishes = Wishes::new("there.example A 127.0.0.1", remote.address().port());
    wishes.relay.reply = Duration::from_millis(200);
    let house = House::open(wishes).await;
    let sent = house.send(&[BOB], TEA).await;
    let (verdict, reply) = house.fate(sent).await;
    assert_eq!(verdict, "queued");
    assert!(reply.contains("did not answer in time"), "{reply}");
}

#[tokio::test]
async fn a_slow_server_gets_its_mail() {
    let dawdle = Deed::Dawdle(Duration::from_millis(1));
    let (verdict, _) = fate_with(
        Personality::default()
            .does(Moment::Greeting, dawdle.clone())
            .does(Moment::Mail, dawdle.clone())
            .does(Moment::EndOfData, dawdle),
    )
    .await;
    assert_eq!(verdict, "transferred");
}

#[tokio::test]
async fn a_deferred_message_is_tried_again_and_arrives() {
    let later = Deed::Say("451 4.3.0 Not now");
    let remote = Remote::start(Personality::default().does(Moment::Mail, later));
    let mut wishes = Wishes::new("there.example A 127.0.0.1", remote.address().port());
    wishes.schedule = Schedule {
        wait_first: Duration::from_millis(100),
        ..Schedule::default()
    };
    let house = House::open(wishes).await;
    let sent = house.send(&[BOB], TEA).await;
    house.attempts(sent, 1).await;
    remote.become_another(Personality::default());
    until(|| async { house.waiting(sent).await.is_empty().then_some(()) }).await;
    assert_eq!(remote.accepted().len(), 1);
}

/// The sender hears once that a message waits.
#[tokio::test]
async fn a_delay_is_told_once() {
    let later = Deed::Say("451 4.3.0 Not now");
    let remote = Remote::start(Personality::default().does(Moment::Mail, later));
    let mut wishes = Wishes::new(
        "there.example A 127.0.0.1\nus.example SERVFAIL",
        remote.address().port(),
    );
    wishes.schedule = Schedule {
        wait_first: Duration::from_millis(50),
        ..Schedule::default()
    };
    let house = House::open(wishes).await;
    let five_hours = 5 * 3600 * 1_000_000;
    let then = Timestamp(house.clock.wall().0 - five_hours);
    let sent = house.send_at(then, &[BOB], TEA).await;
    house.attempts(sent, 3).await;
    house.end().await;
    let lines = house.store.journal_of(sent).await.unwrap();
    let reports = lines.iter().filter(|line| &*line.what == "report");
    assert_eq!(reports.count(), 1);
    let entries = house.store.entries(None, 10).await.unwrap();
    let is_report = |hop: &NextHop| *hop == NextHop::Remote("us.example".into());
    let reports = entries.iter().filter(|entry| is_report(&entry.next_hop));
    assert_eq!(reports.count(), 1);
}

/// Age ends an entry only once the clock has been believable for an hour.
#[tokio::test]
async fn age_ends_an_entry_when_the_clock_is_believed() {
    let later = Deed::Say("451 4.3.0 Not now");
    let remote = Remote::start(Personality::default().does(Moment::Mail, later));
    let clock = Clock::manual(Timestamp::from_unix_seconds(1_800_000_000));
    let mut wishes = Wishes::new("there.example A 127.0.0.1", remote.address().port());
    wishes.clock = clock.clone();
    wishes.schedule = Schedule {
        attempts_min: 1,
        ..Schedule::default()
    };
    let house = House::open(wishes).await;
    let six_days = 6 * 24 * 3600 * 1_000_000;
    let then = Timestamp(clock.wall().0 - six_days);
    let first = house.send_at(then, &[BOB], TEA).await;
    assert_eq!(house.fate(first).await.0, "queued");
    clock.advance(Duration::from_hours(1));
    let second = house.send_at(then, &[CARLA], TEA).await;
    let (verdict, reply) = house.fate(second).await;
    assert_eq!(verdict, "failed", "{reply}");
}
