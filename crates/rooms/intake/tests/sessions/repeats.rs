use postroom_intake::Door;

use crate::fixture::{House, note};

const TO: [&str; 1] = ["anna@example.org"];

/// RFC 1047: a lost 250 does not make two messages.
#[tokio::test]
async fn a_transaction_whose_reply_was_lost_is_not_delivered_again() {
    let house = House::new().await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let first = talk.post("x@y.net", &TO, &note("x@y.net")).await;
    talk.hang_up().await;

    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let again = talk.post("x@y.net", &TO, &note("x@y.net")).await;
    assert_eq!(again, first, "the first queue id");
    assert_eq!(house.inbox("anna").await.len(), 1);
    // Another sender, recipient or text is another message.
    let other = talk.post("x@y.net", &TO, &(note("x@y.net") + "!")).await;
    assert_ne!(other, first);
    let other = talk.post("z@y.net", &TO, &note("x@y.net")).await;
    assert_ne!(other, first);
    let mut stranger = house.peer_from(Door::Transfer, "192.0.2.10").await;
    stranger.say("EHLO client.example.net").await;
    let other = stranger.post("x@y.net", &TO, &note("x@y.net")).await;
    assert_ne!(other, first);
    assert_eq!(house.inbox("anna").await.len(), 4);
}

#[tokio::test]
async fn a_reply_that_was_heard_is_not_remembered() {
    let house = House::new().await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let first = talk.post("x@y.net", &TO, &note("x@y.net")).await;
    let second = talk.post("x@y.net", &TO, &note("x@y.net")).await;
    assert_ne!(first, second);
    talk.say("QUIT").await;
    assert_eq!(house.inbox("anna").await.len(), 2);
}
