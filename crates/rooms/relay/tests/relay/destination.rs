//! Which servers are asked, how many at a time, and what is not kept from whom.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use postroom_store::operation::NextHop;
use postroom_testkit::remote::{Deed, Moment, Personality, Remote};

use crate::fixture::{House, TEA, Wishes, dead_port, until};

/// Two servers at one port of two addresses of this machine.
fn pair(first: &Personality, second: &Personality) -> (Remote, Remote) {
    for _ in 0..50 {
        let one = Remote::start(first.clone());
        let other = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), one.address().port()));
        if let Ok(two) = Remote::start_at(other, second.clone()) {
            return (one, two);
        }
    }
    panic!("no port is free at both addresses");
}

const PAIR: &str = "
    there.example MX 10 first.example
    there.example MX 20 second.example
    first.example A 127.0.0.1
    second.example A 127.0.0.2";

#[tokio::test]
async fn the_next_host_is_tried_when_one_has_no_time() {
    for deed in [
        Deed::Say("421 4.3.2 Full"),
        Deed::Say("554 5.3.2 Not here"),
        Deed::Leave,
    ] {
        let refusing = Personality::default().does(Moment::Greeting, deed);
        let (first, second) = pair(&refusing, &Personality::default());
        let house = House::open(Wishes::new(PAIR, first.address().port())).await;
        let sent = house.send(&["bob@there.example"], TEA).await;
        assert_eq!(house.fate(sent).await.0, "transferred");
        assert_eq!(second.messages().len(), 1);
        assert_eq!(first.sessions().len(), 1);
    }
}

#[tokio::test]
async fn a_refusal_of_the_best_host_is_not_taken_to_the_next() {
    let refusing = Personality::default().does(Moment::Mail, Deed::Say("550 5.7.1 No"));
    let (first, second) = pair(&refusing, &Personality::default());
    let house = House::open(Wishes::new(PAIR, first.address().port())).await;
    let sent = house.send(&["bob@there.example"], TEA).await;
    assert_eq!(house.fate(sent).await.0, "failed");
    assert!(second.sessions().is_empty());
}

#[tokio::test]
async fn domains_without_mail_fail_and_trouble_waits() {
    let zone = "null.example MX 0 .\nbroken.example SERVFAIL\ndeaf.example TIMEOUT";
    let house = House::open(Wishes::new(zone, dead_port())).await;
    for (to, verdict, status) in [
        ("a@null.example", "failed", "5.1.10"),
        ("a@none.example", "failed", "5.1.2"),
        ("a@broken.example", "queued", "4.4.3"),
        ("a@deaf.example", "queued", "4.4.3"),
    ] {
        let sent = house.send(&[to], TEA).await;
        let (found, reply) = house.fate(sent).await;
        assert_eq!(found, verdict, "{to}");
        assert!(reply.starts_with(status), "{to}: {reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_carries_one_message_after_the_other() {
    let remote = Remote::start(Personality::default());
    let mut wishes = Wishes::new("there.example A 127.0.0.1", remote.address().port());
    wishes.relay.sessions_per_destination_max = 1;
    wishes.relay.messages_per_session_max = 4;
    let house = House::open(wishes).await;
    for _ in 0..8 {
        house.send(&["bob@there.example"], TEA).await;
    }
    remote.wait_for_messages(8);
    let sessions = remote.wait_for_sessions(2);
    let carried = |session: usize| {
        let messages = remote.messages();
        messages.iter().filter(|m| m.session == session).count()
    };
    assert!(sessions.len() <= 3, "{}", sessions.len());
    assert!((0..sessions.len()).all(|session| carried(session) <= 4));
}

/// A connection that the peer closed while it waited costs no attempt.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_closed_is_replaced() {
    let remote = Remote::start(Personality::default());
    let house = House::beside(remote.address()).await;
    let first = house.send(&["bob@there.example"], TEA).await;
    house.attempts(first, 1).await;
    // The second session finds the peer gone at its first word.
    let leaving = Personality::default().does(Moment::Mail, Deed::Leave);
    remote.become_another(leaving);
    remote.wait_for_sessions(1);
    remote.become_another(Personality::default());
    let second = house.send(&["carla@there.example"], TEA).await;
    assert_eq!(house.fate(second).await.0, "transferred");
}

#[tokio::test]
async fn a_peer_that_takes_few_recipients_gets_few_at_a_time() {
    let few = Personality::default().with("LIMITS RCPTMAX=2");
    let remote = Remote::start(few);
    let house = House::beside(remote.address()).await;
    let all = ["a", "b", "c", "d", "e"].map(|name| format!("{name}@there.example"));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let sent = house.send(&all, TEA).await;
    let attempts = house.attempts(sent, 5).await;
    assert!(attempts.iter().all(|line| &*line.verdict == "transferred"));
    let messages = remote.messages();
    assert!(messages.iter().all(|message| message.recipients.len() <= 2));
}

/// A destination that cannot be reached is left alone for a while: what comes for it is deferred
/// at once.
#[tokio::test]
async fn a_dead_destination_is_left_alone() {
    let refusing = Personality::default().does(Moment::Greeting, Deed::Say("421 4.3.2 Full"));
    let remote = Remote::start(refusing);
    let house = House::beside(remote.address()).await;
    for _ in 0..3 {
        let sent = house.send(&["bob@there.example"], TEA).await;
        let (verdict, reply) = house.fate(sent).await;
        assert_eq!(verdict, "queued");
        assert!(reply.contains("Full"), "{reply}");
    }
    assert_eq!(remote.sessions().len(), 1);
}

/// A thousand messages for servers that are dead or slow do not keep one from its way.
#[tokio::test]
async fn nobody_starves() {
    let slow = Personality::default().does(Moment::Mail, Deed::Hang);
    let (slow, good) = pair(&slow, &Personality::default());
    let zone = "
        slow.example A 127.0.0.1
        dead.example A 127.0.0.3
        good.example A 127.0.0.2";
    let mut wishes = Wishes::new(zone, slow.address().port());
    wishes.entries_per_destination_max = Some(50);
    wishes.relay.sessions_max = 8;
    let house = House::open(wishes).await;
    for _ in 0..10 {
        let to = |n: usize, domain: &str| format!("u{n}@{domain}.example");
        let names = (0..60).map(|n| to(n, if n % 2 == 0 { "slow" } else { "dead" }));
        let names: Vec<String> = names.collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        house.send(&names, TEA).await;
    }
    let sent = house.send(&["bob@good.example"], TEA).await;
    assert_eq!(house.fate(sent).await.0, "transferred");
    assert_eq!(good.messages().len(), 1);
    house.end().await;
}

/// What cannot be sent as it stands in the queue is held, and the rest goes on.
#[tokio::test]
async fn an_entry_without_an_address_is_held() {
    let remote = Remote::start(Personality::default());
    let house = House::beside(remote.address()).await;
    let odd = house.send(&["no address at all"], TEA).await;
    let held = until(|| async {
        let waiting = house.waiting(odd).await;
        waiting.into_iter().find(|entry| entry.is_held)
    });
    let held = held.await;
    assert_eq!(held.next_hop, NextHop::Remote("there.example".into()));
    assert!(held.status.starts_with("5.3.0"), "{}", held.status);
    let sent = house.send(&["bob@there.example"], TEA).await;
    assert_eq!(house.fate(sent).await.0, "transferred");
}

/// The house ends while a server is slow: the entry stays, and its lease ends with the process.
#[tokio::test]
async fn the_end_does_not_wait_for_a_slow_server() {
    let remote = Remote::start(Personality::default().does(Moment::Data, Deed::Hang));
    let house = House::beside(remote.address()).await;
    let sent = house.send(&["bob@there.example"], TEA).await;
    until(|| async {
        let commands = remote.commands();
        commands
            .iter()
            .any(|line| line.starts_with("DATA"))
            .then_some(())
    })
    .await;
    let ended = tokio::time::timeout(Duration::from_secs(10), house.end()).await;
    assert!(ended.is_ok());
    assert_eq!(house.waiting(sent).await.len(), 1);
}
