use postroom_intake::Door;
use postroom_mail::address::{Address, NonAscii};

use crate::fixture::{House, Settings, codes, note};

/// RFC 5321 §4.4: what is received is kept as it came, below our trace.
#[tokio::test]
async fn a_message_is_in_the_mailbox_when_it_is_accepted() {
    let house = House::new().await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let reply = talk
        .post("x@y.net", &["anna@example.org"], &note("x@y.net"))
        .await;
    let id = reply.trim_end().rsplit(' ').next().unwrap();
    assert_eq!(reply, format!("250 2.0.0 Message accepted as {id}\r\n"));

    let [text] = &house.inbox("anna").await[..] else {
        panic!("not one message");
    };
    let (trace, message) = text.split_once("From: ").unwrap();
    assert_eq!(format!("From: {message}"), note("x@y.net") + "\r\n");
    assert!(trace.starts_with(
        "Return-Path: <x@y.net>\r\nDelivered-To: anna@example.org\r\n\
         Received: from client.example.net ([192.0.2.9])"
    ));
    assert!(trace.contains(&format!("with ESMTP id {id}")), "{trace}");
    assert!(trace.contains("for <anna@example.org>;"), "{trace}");

    let story = house.store.journal_of(id.parse().unwrap()).await.unwrap();
    let steps: Vec<_> = story
        .iter()
        .map(|line| (&*line.what, &*line.verdict))
        .collect();
    assert_eq!(steps, [("message", "accepted"), ("deliver", "delivered")]);
}

#[tokio::test]
async fn several_recipients_share_one_commit_and_do_not_learn_of_each_other() {
    let house = House::new().await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let to = [
        "both@example.org",
        "anna+x@example.org",
        "carla@example.org",
    ];
    let reply = talk.post("x@y.net", &to, &note("x@y.net")).await;
    assert_eq!(codes(&reply), "250");
    for name in ["anna", "bob", "carla"] {
        let texts = house.inbox(name).await;
        assert_eq!(texts.len(), 1, "{name}");
        assert!(!texts[0].contains("for <"), "{}", texts[0]);
        assert!(texts[0].contains(&format!("Delivered-To: {name}@example.org")));
    }
}

/// Larger than what stays in memory: streamed to disk, and whole.
#[tokio::test]
async fn a_large_message_comes_back_as_it_was_sent() {
    let house = House::new().await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let lines = "a line of a long letter\r\n".repeat(20_000);
    let message = format!("Subject: long\r\n\r\n{lines}end");
    let to = ["anna@example.org", "bob@example.org"];
    let reply = talk.post("x@y.net", &to, &message).await;
    assert_eq!(codes(&reply), "250");
    for name in ["anna", "bob"] {
        let texts = house.inbox(name).await;
        assert!(texts[0].ends_with(&format!("{message}\r\n")), "{name}");
    }
}

/// A body without any header must not run into the fields that we put above it.
#[tokio::test]
async fn a_message_without_header_keeps_its_first_line_as_body() {
    let house = House::new().await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    for first in ["Hello there", " folded: into=ours", "\tReceived: forged"] {
        let reply = talk.post("x@y.net", &["anna@example.org"], first).await;
        assert_eq!(codes(&reply), "250");
        let text = house.inbox("anna").await.pop().unwrap();
        assert!(text.ends_with(&format!("\r\n\r\n{first}\r\n")), "{text}");
    }
}

/// RFC 5321 §6.3; limits on the header.
#[tokio::test]
async fn loops_and_endless_headers_are_refused_by_name() {
    let house = House::new().await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let to = ["anna@example.org"];
    let message = "Received: by x\r\n".repeat(101) + &note("x@y.net");
    let reply = talk.post("x@y.net", &to, &message).await;
    assert!(reply.starts_with("554 5.4.6 "), "{reply}");
    let message = "X-Filler: 0123456789\r\n".repeat(20_000) + &note("x@y.net");
    let reply = talk.post("x@y.net", &to, &message).await;
    assert!(reply.starts_with("552 5.3.4 "), "{reply}");
    assert_eq!(house.mail().await, 0);
    // The session goes on.
    let message = "Received: by x\r\n".repeat(100) + &note("x@y.net");
    assert_eq!(codes(&talk.post("x@y.net", &to, &message).await), "250");
}

/// RFC 1870 §6.1: room is promised at RCPT by SIZE, and counted between open transactions.
#[tokio::test]
async fn quota_is_reserved_at_rcpt_and_decided_when_the_body_is_whole() {
    let house = House::new().await;
    house.add("small@example.org", Some(10_000)).await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let mail = |size: u32| format!("MAIL FROM:<x@y.net> SIZE={size}\nRCPT TO:<small@example.org>");
    let reply = talk.say(&mail(20_000)).await;
    assert_eq!(codes(&reply), "250 552");
    assert!(reply.contains("552 5.2.2 "), "{reply}");
    talk.say("RSET").await;

    assert_eq!(codes(&talk.say(&mail(6_000)).await), "250 250");
    let mut other = house.peer(Door::Transfer).await;
    other.say("EHLO client.example.net").await;
    assert_eq!(codes(&other.say(&mail(6_000)).await), "250 452");
    talk.say("RSET").await;
    other.say("RSET").await;
    assert_eq!(codes(&other.say(&mail(6_000)).await), "250 250");
    other.say("RSET").await;

    // Smaller than promised at RCPT is fine, larger is decided by what came.
    talk.say(&mail(100)).await;
    talk.say("DATA").await;
    let long = "0123456789".repeat(90) + "\r\n";
    let body = format!("{}\r\n{}.\r\n", note("x@y.net"), long.repeat(20));
    let reply = talk.send(body.as_bytes()).await;
    assert!(reply.starts_with("552 5.2.2 "), "{reply}");
    assert_eq!(house.inbox("small").await.len(), 0);

    // What would fit into an empty mailbox may fit later.
    let body = format!("{}\r\n{}.\r\n", note("x@y.net"), long.repeat(6));
    for answer in ["250 2.0.0 ", "452 4.2.2 "] {
        talk.say(&mail(100)).await;
        talk.say("DATA").await;
        let reply = talk.send(body.as_bytes()).await;
        assert!(reply.starts_with(answer), "{reply}");
    }
    assert_eq!(house.inbox("small").await.len(), 1);
}

#[tokio::test]
async fn the_postmaster_is_reached_without_a_domain() {
    let mut settings = Settings::default();
    settings.expansion.postmaster = Some(crate::fixture::address("carla@example.org"));
    let house = House::with(settings).await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    for to in [
        "Postmaster",
        "postmaster@example.org",
        "POSTMASTER@Example.org",
    ] {
        let reply = talk.post("x@y.net", &[to], &note("x@y.net")).await;
        assert_eq!(codes(&reply), "250", "{to}");
    }
    assert_eq!(house.inbox("carla").await.len(), 3);
}

#[tokio::test]
async fn a_disabled_account_takes_no_mail_and_says_so() {
    let house = House::new().await;
    let anna = Address::parse("anna@example.org", NonAscii::Refused).unwrap();
    house
        .directory
        .set_account(&anna, None, false)
        .await
        .unwrap();
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    talk.say("MAIL FROM:<x@y.net>").await;
    let reply = talk.say("RCPT TO:<anna@example.org>").await;
    assert_eq!(reply, "550 5.2.1 That mailbox takes no mail\r\n");
    // Others of an alias have it all the same.
    let reply = talk.say("RCPT TO:<both@example.org>").await;
    assert_eq!(codes(&reply), "250");
}
