use postroom_intake::Door;

use crate::fixture::{House, codes, note};

const TO: [&str; 1] = ["anna@example.org"];

/// RFC 1047: a lost 250 does not make two messages.
#[tokio::test]
async fn a_transaction_whose_reply_was_lost_is_not_delivered_again() {
    let mut house = House::new().await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let first = talk.post("x@y.net", &TO, &note("x@y.net")).await;
    talk.hang_up().await;
    house.restart();

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

/// RFC 2033 §4.2: whoever was refused hears it again.
#[tokio::test]
async fn a_partly_refused_lmtp_message_is_not_taken_for_repeated() {
    let house = House::new().await;
    house.add("small@example.org", Some(100)).await;
    for _ in 0..2 {
        let mut talk = house.peer_from(Door::Lmtp, "127.0.0.1").await;
        talk.say("LHLO front.example.org").await;
        talk.say(
            "MAIL FROM:<x@y.net> SIZE=10\nRCPT TO:<anna@example.org>\n\
             RCPT TO:<small@example.org>\nDATA",
        )
        .await;
        let body = format!("{}\r\n.\r\n", note("x@y.net"));
        assert_eq!(codes(&talk.send(body.as_bytes()).await), "250 552");
        talk.hang_up().await;
    }
}
