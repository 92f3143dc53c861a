use postroom_config::value::Senders;
use postroom_intake::Door;

use crate::fixture::{House, PASSWORD, Settings, base64, codes, note};

/// RFC 6409 §8.2, §8.3.
#[tokio::test]
async fn a_submitted_message_gets_the_fields_it_lacks() {
    let house = House::new().await;
    let mut talk = house.user("anna").await;
    let message = "From: anna@example.org\r\nSubject: hello\r\n\r\nbody";
    let reply = talk
        .post("anna@example.org", &["bob@example.org"], message)
        .await;
    assert_eq!(codes(&reply), "250");
    let text = house.inbox("bob").await.pop().unwrap();
    assert!(text.contains("with ESMTPSA"), "{text}");
    assert!(text.contains("TLSv1.3 TLS_AES_128_GCM_SHA256"), "{text}");
    for field in ["Date: ", "Message-ID: <"] {
        assert_eq!(text.matches(&format!("\r\n{field}")).count(), 1, "{text}");
    }
    assert!(text.ends_with("From: anna@example.org\r\nSubject: hello\r\n\r\nbody\r\n"));

    talk.post(
        "anna@example.org",
        &["bob@example.org"],
        &note("anna@example.org"),
    )
    .await;
    let text = house.inbox("bob").await.pop().unwrap();
    assert_eq!(text.matches("Message-ID:").count(), 1);
    assert_eq!(text.matches("\r\nDate:").count(), 1);
}

/// RFC 6409 §6.1: own are the address, its details, aliases and domain aliases.
#[tokio::test]
async fn own_addresses_may_send_and_a_setting_relaxes_it() {
    let house = House::new().await;
    let mut talk = house.user("anna").await;
    for from in [
        "anna@example.org",
        "anna+list@example.org",
        "both@example.org",
        "ANNA@example.org",
    ] {
        let reply = talk.post(from, &["bob@example.org"], &note(from)).await;
        assert_eq!(codes(&reply), "250", "{from}");
    }
    let reply = talk.say("MAIL FROM:<bob@example.org>").await;
    assert!(reply.starts_with("553 5.7.1 "), "{reply}");
    // A read receipt.
    let reply = talk
        .post("", &["bob@example.org"], &note("anna@example.org"))
        .await;
    assert_eq!(codes(&reply), "250");

    let house = House::with(Settings {
        senders: Senders::Any,
        ..Settings::default()
    })
    .await;
    let mut talk = house.user("anna").await;
    let reply = talk
        .post("x@y.net", &["bob@example.org"], &note("x@y.net"))
        .await;
    assert_eq!(codes(&reply), "250");
}

/// RFC 3461 §5.2.3: the report is in the mailbox with the message it reports.
#[tokio::test]
async fn a_wished_report_comes_with_the_delivery() {
    let house = House::new().await;
    let mut talk = house.user("anna").await;
    let replies = talk
        .say(
            "MAIL FROM:<anna@example.org> ENVID=QQ314\n\
             RCPT TO:<bob@example.org> NOTIFY=SUCCESS ORCPT=rfc822;bob@example.org\n\
             RCPT TO:<carla@example.org> NOTIFY=NEVER",
        )
        .await;
    assert_eq!(codes(&replies), "250 250 250");
    talk.say("DATA").await;
    let body = format!("{}\r\n.\r\n", note("anna@example.org"));
    assert_eq!(codes(&talk.send(body.as_bytes()).await), "250");
    assert_eq!(house.inbox("bob").await.len(), 1);
    let [report] = &house.inbox("anna").await[..] else {
        panic!("no report");
    };
    assert!(
        report.contains("Original-Envelope-Id: QQ314\r\n"),
        "{report}"
    );
    assert!(report.contains("Original-Recipient: rfc822;bob@example.org\r\n"));
    assert!(report.contains("Action: delivered\r\n"));
    assert!(report.contains("Subject: hello\r\n") && !report.contains("carla"));
}

#[tokio::test]
async fn mail_needs_a_login_and_a_wrong_one_says_nothing() {
    let house = House::new().await;
    let mut talk = house.peer(Door::Submissions).await;
    talk.say("EHLO client.example.net").await;
    assert!(
        talk.say("MAIL FROM:<anna@example.org>")
            .await
            .starts_with("530 ")
    );
    let mut answers = Vec::new();
    for login in ["anna@example.org", "nobody@example.org"] {
        let plain = base64(&format!("\0{login}\0wrong"));
        answers.push(talk.say(&format!("AUTH PLAIN {plain}")).await);
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].starts_with("535 5.7.8 "), "{answers:?}");
    let plain = base64(&format!("\0anna@example.org\0{PASSWORD}"));
    assert!(
        talk.say(&format!("AUTH PLAIN {plain}"))
            .await
            .starts_with("235 ")
    );
}
