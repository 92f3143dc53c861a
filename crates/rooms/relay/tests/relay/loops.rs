//! Mail that would come back is not sent round in circles.

use postroom_testkit::remote::{Personality, Remote};

use crate::fixture::{HOST, House, TEA, Wishes, dead_port};

const BOB: &str = "bob@there.example";

/// Attack C01: a next hop whose address and port are a listener of ours.
#[tokio::test]
async fn attack_c01_our_own_listener_is_no_next_hop() {
    let remote = Remote::start(Personality::default());
    let mut wishes = Wishes::new("there.example A 127.0.0.1", remote.address().port());
    wishes.sockets = vec![remote.address()];
    let house = House::open(wishes).await;
    let sent = house.send(&[BOB], TEA).await;
    let (verdict, reply) = house.fate(sent).await;
    assert_eq!(verdict, "failed");
    assert!(reply.starts_with("5.4.6"), "{reply}");
    assert!(remote.sessions().is_empty());
}

/// Attack C01: behind NAT we meet ourselves under another address.
#[tokio::test]
async fn attack_c01_a_server_of_our_name_is_no_next_hop() {
    let remote = Remote::start(Personality::default().named(HOST));
    let house = House::beside(remote.address()).await;
    let sent = house.send(&[BOB], TEA).await;
    let (verdict, reply) = house.fate(sent).await;
    assert_eq!(verdict, "failed");
    assert!(reply.starts_with("5.4.6"), "{reply}");
    assert!(remote.messages().is_empty());
}

/// As the second best exchanger we wait for the best.
#[tokio::test]
async fn whoever_is_better_than_us_is_waited_for() {
    let port = dead_port();
    let zone = "
        there.example MX 10 best.example
        there.example MX 20 mail.us.example
        best.example A 127.0.0.1";
    let house = House::open(Wishes::new(zone, port)).await;
    let sent = house.send(&[BOB], TEA).await;
    let (verdict, reply) = house.fate(sent).await;
    assert_eq!(verdict, "queued");
    assert!(reply.starts_with("4.4.1"), "{reply}");
}

/// Attack C01: a message that was handed on a hundred times is handed on no more.
#[tokio::test]
async fn attack_c01_a_message_with_too_many_hops_ends() {
    let remote = Remote::start(Personality::default());
    let house = House::beside(remote.address()).await;
    let hop = "Received: from a.example by b.example; Sun, 22 Nov 2026 18:00:00 +0000\r\n";
    let with_hops = |count| [hop.repeat(count).as_bytes(), TEA].concat();
    let last = house.send(&[BOB], &with_hops(100)).await;
    assert_eq!(house.fate(last).await.0, "transferred");
    let over = house.send(&[BOB], &with_hops(101)).await;
    let (verdict, reply) = house.fate(over).await;
    assert_eq!(verdict, "failed");
    assert!(reply.starts_with("5.4.6"), "{reply}");
}
