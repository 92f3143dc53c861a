//! Mail for other servers: who may send it, and what stands in the queue.

use postroom_intake::Door;
use postroom_mail::envelope::Notify;
use postroom_store::operation::{Domain, DomainKind, NextHop};
use postroom_store::row::Entry;

use crate::fixture::{House, Settings, codes, note};

impl House {
    async fn queue(&self) -> Vec<Entry> {
        self.store.entries(None, 100).await.unwrap()
    }

    /// What an entry sends.
    async fn outgoing(&self, entry: &Entry) -> String {
        let all = 0..entry.rendering.octets();
        let bytes = self.store.read(entry.blob, &entry.rendering, all).await;
        String::from_utf8(bytes.unwrap()).unwrap()
    }
}

#[tokio::test]
async fn somebody_signed_in_sends_here_and_elsewhere_with_one_message() {
    let house = House::new().await;
    let mut talk = house.user("anna").await;
    let message = "From: anna@example.org\r\nSubject: hello\r\n\r\nbody";
    let to = ["bob@example.org", "Zoe@Elsewhere.net"];
    let reply = talk.post("anna@example.org", &to, message).await;
    assert_eq!(codes(&reply), "250");
    assert_eq!(house.inbox("bob").await.len(), 1);
    let [entry] = &house.queue().await[..] else {
        panic!("one entry");
    };
    assert_eq!(&*entry.recipient, "Zoe@elsewhere.net");
    assert_eq!(entry.next_hop, NextHop::Remote("elsewhere.net".into()));
    assert_eq!(&*entry.reverse_path, "anna@example.org");
    assert_eq!(entry.dsn.notify, Some(Notify::UNSAID));
    assert!(reply.contains(&entry.arrival.to_string()), "{reply}");
    let text = house.outgoing(entry).await;
    assert!(
        text.starts_with("Received: from client.example.net"),
        "{text}"
    );
    for field in ["Date: ", "Message-ID: <"] {
        assert_eq!(text.matches(&format!("\r\n{field}")).count(), 1, "{text}");
    }
    assert!(!text.contains("Return-Path") && !text.contains("Delivered-To"));
    assert!(text.ends_with("Subject: hello\r\n\r\nbody\r\n"));
}

#[tokio::test]
async fn aliases_lead_elsewhere_and_domains_are_passed_on_from_anyone() {
    let house = House::new().await;
    house
        .alias("away", &["Zoe@elsewhere.net", "bob@example.org"])
        .await;
    let domain = Domain {
        name: "branch.example".into(),
        kind: DomainKind::Relay,
        catch_all: None,
        target: None,
    };
    house.directory.put_domain(domain).await.unwrap();
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let to = ["away@example.org", "whoever@branch.example"];
    assert_eq!(
        codes(&talk.post("x@y.net", &to, &note("x@y.net")).await),
        "250"
    );
    assert_eq!(house.inbox("bob").await.len(), 1);
    let queue = house.queue().await;
    let names: Vec<&str> = queue.iter().map(|entry| &*entry.recipient).collect();
    assert_eq!(names, ["Zoe@elsewhere.net", "whoever@branch.example"]);
    // The sender may be forged: whatever happens, nobody writes to it.
    assert!(queue.iter().all(|entry| entry.dsn.notify.is_none()));

    let mut talk = house.peer_from(Door::Lmtp, "127.0.0.1").await;
    talk.say("LHLO front.example.org").await;
    let replies = talk
        .say(
            "MAIL FROM:<x@y.net>\nRCPT TO:<away@example.org>\nRCPT TO:<z@elsewhere.net>\n\
             RCPT TO:<anna@example.org>\nDATA",
        )
        .await;
    assert_eq!(codes(&replies), "250 250 550 250 354");
    let body = format!("{}\r\n.\r\n", note("x@y.net"));
    assert_eq!(codes(&talk.send(body.as_bytes()).await), "250 250");
    assert_eq!(house.queue().await.len(), 3);
}

#[tokio::test]
async fn networks_that_are_named_send_anywhere_without_a_password() {
    let house = House::with(Settings {
        relay_allow: "192.0.2.50",
        ..Settings::default()
    })
    .await;
    let mut scanner = house.peer_from(Door::Transfer, "192.0.2.50").await;
    let hello = scanner.say("EHLO scanner").await;
    assert!(hello.contains("DSN"), "{hello}");
    let message = "From: scanner@example.org\r\n\r\nscan";
    let reply = scanner
        .post("scanner@example.org", &["z@elsewhere.net"], message)
        .await;
    assert_eq!(codes(&reply), "250");
    let queue = house.queue().await;
    assert!(
        house
            .outgoing(&queue[0])
            .await
            .contains("\r\nMessage-ID: <")
    );

    for (door, from) in [
        (Door::Transfer, "192.0.2.51"),
        (Door::Transfer, "192.0.2.9"),
    ] {
        let mut stranger = house.peer_from(door, from).await;
        let hello = stranger.say("EHLO client.example.net").await;
        assert!(!hello.contains("DSN"), "{hello}");
        stranger.say("MAIL FROM:<x@y.net>").await;
        let reply = stranger.say("RCPT TO:<z@elsewhere.net>").await;
        assert_eq!(
            reply,
            "550 5.7.1 Relaying denied; sign in to send mail elsewhere\r\n"
        );
    }
    let mut open = house.peer_from(Door::Submissions, "192.0.2.50").await;
    open.say("EHLO scanner").await;
    assert_eq!(codes(&open.say("MAIL FROM:<x@y.net>").await), "530");
}

/// Anna forwards to herself elsewhere, and elsewhere forwards back: the copies are few, however
/// patient both servers are.
#[tokio::test]
async fn attack_c01_a_circle_of_two_servers_ends_after_few_copies() {
    let house = House::new().await;
    house
        .alias("loop", &["loop@elsewhere.net", "bob@example.org"])
        .await;
    let mut message = note("x@y.net");
    let mut rounds = 0;
    loop {
        let mut talk = house.peer(Door::Transfer).await;
        talk.say("EHLO mx.elsewhere.net").await;
        let reply = talk.post("x@y.net", &["loop@example.org"], &message).await;
        if codes(&reply) != "250" {
            assert_eq!(reply, "554 5.4.6 Too many hops; the message loops\r\n");
            break;
        }
        rounds += 1;
        assert!(rounds < 20, "the circle does not end");
        let last = house.queue().await.pop().unwrap();
        let sent = house.outgoing(&last).await;
        message = format!("Received: by mx.elsewhere.net; now\r\n{}", sent.trim_end());
    }
    assert_eq!((rounds, house.inbox("bob").await.len()), (11, 11));
}

/// Zero reports to whoever a stranger claims to be, whether the recipient fails here or was
/// accepted for elsewhere.
#[tokio::test]
async fn attack_c05_nothing_is_written_to_forged_senders() {
    let house = House::new().await;
    house.alias("away", &["zoe@elsewhere.net"]).await;
    for forged in ["victim@elsewhere.net", "anna@example.org"] {
        let mut talk = house.peer(Door::Transfer).await;
        talk.say("EHLO client.example.net").await;
        let replies = talk
            .say(&format!(
                "MAIL FROM:<{forged}>\nRCPT TO:<away@example.org> NOTIFY=SUCCESS,DELAY"
            ))
            .await;
        assert_eq!(codes(&replies), "250 555", "DSN is not for strangers");
        let to = ["away@example.org", "bob@example.org"];
        let reply = talk.post(forged, &to, &note(forged)).await;
        assert_eq!(codes(&reply), "250");
    }
    for entry in house.queue().await {
        assert_eq!(
            (&*entry.recipient, entry.dsn.notify),
            ("zoe@elsewhere.net", None)
        );
    }
    assert_eq!(house.inbox("anna").await.len(), 0);
}
