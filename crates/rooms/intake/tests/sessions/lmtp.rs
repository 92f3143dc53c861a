use postroom_intake::Door;

use crate::fixture::{House, codes, note};

/// RFC 2033 §4.2: a reply for each recipient that was accepted, in their order.
#[tokio::test]
async fn each_recipient_has_a_reply_of_its_own() {
    let house = House::new().await;
    house.add("small@example.org", Some(100)).await;
    let mut talk = house.peer_from(Door::Lmtp, "127.0.0.1").await;
    talk.say("LHLO front.example.org").await;
    let replies = talk
        .say(
            "MAIL FROM:<x@y.net> SIZE=10\nRCPT TO:<anna@example.org>\nRCPT TO:<nobody@example.org>\n\
             RCPT TO:<small@example.org>\nRCPT TO:<bob@example.org>\nDATA",
        )
        .await;
    assert_eq!(codes(&replies), "250 250 550 250 250 354");
    let body = format!("{}\r\n.\r\n", note("x@y.net"));
    let replies = talk.send(body.as_bytes()).await;
    assert_eq!(codes(&replies), "250 552 250");
    let counts = [
        house.inbox("anna").await.len(),
        house.inbox("small").await.len(),
    ];
    assert_eq!(counts, [1, 0]);
    assert!(house.inbox("anna").await[0].contains("with LMTP id"));

    // When all refuse, each is told, and nothing is kept.
    talk.say("MAIL FROM:<x@y.net> SIZE=10\nRCPT TO:<small@example.org>\nDATA")
        .await;
    let replies = talk.send(body.as_bytes()).await;
    assert_eq!(codes(&replies), "552");
}

#[tokio::test]
async fn the_port_is_closed_to_strangers() {
    let house = House::new().await;
    let mut talk = house.peer_from(Door::Lmtp, "192.0.2.1").await;
    assert_eq!(talk.say("LHLO x").await, "", "the session is over");
}
