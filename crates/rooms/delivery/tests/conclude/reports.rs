use std::time::Duration;

use postroom_delivery::case::Reports;
use postroom_delivery::conclude::delay_key;
use postroom_mail::envelope::{Notify, Ret};
use postroom_store::operation::NextHop;

use crate::fixture::{House, Post, deferred, failed, now, to, transferred};

#[tokio::test]
async fn failures_of_one_transaction_come_in_one_report() {
    let house = House::new().await;
    let post = to(&["a@y.net", "b@y.net", "c@y.net"]);
    let arrival = house
        .attempt(post, |entry| match &*entry.recipient {
            "c@y.net" => transferred(false),
            _ => failed(),
        })
        .await;
    let [report] = &house.inbox("anna").await[..] else {
        panic!("one report");
    };
    for part in [
        "Return-Path: <>\r\nDelivered-To: anna@example.org\r\nReceived: by mx.example.org",
        "Subject: Your message could not be delivered\r\n",
        "Original-Envelope-Id: QQ1\r\nReporting-MTA: dns; mx.example.org\r\nArrival-Date: ",
        "Final-Recipient: rfc822; a@y.net\r\nAction: failed\r\nStatus: 5.1.1\r\n\
         Remote-MTA: dns; mx.y.net\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n",
        "Final-Recipient: rfc822; b@y.net\r\n",
        "Content-Type: text/rfc822-headers\r\n\r\nReceived: by mx.example.org\r\nFrom: anna",
    ] {
        assert!(report.contains(part), "{part} not in\n{report}");
    }
    assert!(
        !report.contains("c@y.net") && !report.contains("secret"),
        "{report}"
    );
    assert!(house.entries().await.is_empty());

    // The story of the message names the report, and the report has its own.
    let story = house.story(arrival).await;
    let told: Vec<_> = story
        .iter()
        .filter(|line| &*line.what == "report")
        .collect();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|line| &*line.verdict == "reported"));
    let id = told[0].next_hop.as_deref().unwrap().parse().unwrap();
    let of_report = house.store.journal_of(id).await.unwrap();
    let [line] = &of_report[..] else {
        panic!("{of_report:?}");
    };
    assert_eq!((&*line.what, &*line.verdict), ("report", "delivered"));
    assert_eq!(line.recipient.as_deref(), Some("anna@example.org"));
}

#[tokio::test]
async fn a_sender_elsewhere_gets_the_report_by_the_queue() {
    let house = House::new().await;
    let post = Post {
        from: "zoe@z.net",
        ret: Some(Ret::Full),
        ..to(&["a@y.net"])
    };
    house.attempt(post, |_| failed()).await;
    let [entry] = &house.entries().await[..] else {
        panic!("one report");
    };
    assert_eq!((&*entry.reverse_path, &*entry.recipient), ("", "zoe@z.net"));
    assert_eq!(entry.next_hop, NextHop::Remote("z.net".into()));
    let text = house.text(entry).await;
    assert!(
        text.starts_with("Received: by mx.example.org (postroom) id "),
        "{text}"
    );
    assert!(text.contains("Content-Type: message/rfc822\r\n\r\nReceived: by mx.example.org\r\n"));
    assert!(text.contains("\r\n\r\nsecret body\r\n"), "RET=FULL\n{text}");
}

#[tokio::test]
async fn wishes_decide_what_a_sender_hears() {
    // Wish; what is told of a failure, of a delay, of a transfer to a server without DSN.
    let table = [
        (None, [true, true, false]),
        (Some(Notify::NEVER), [false, false, false]),
        (Some(Notify::FAILURE), [true, false, false]),
        (Some(Notify::DELAY), [false, true, false]),
        (Some(Notify::SUCCESS), [false, false, true]),
    ];
    for (notify, expected) in table {
        let words = ["failed", "delayed", "relayed"];
        for (word, is_told) in words.into_iter().zip(expected) {
            let house = House::new().await;
            let due = now().plus(Duration::from_mins(7));
            let post = Post {
                notify,
                ..to(&["a@y.net"])
            };
            let conclusion = match word {
                "failed" => failed(),
                "delayed" => deferred(due, true),
                _ => transferred(false),
            };
            house.attempt(post, |_| conclusion.clone()).await;
            let reports = house.inbox("anna").await;
            assert_eq!(reports.len(), usize::from(is_told), "{notify:?} {word}");
            for report in reports {
                assert!(
                    report.contains(&format!("\r\nAction: {word}\r\n")),
                    "{report}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_server_with_dsn_takes_over_the_duty_to_report() {
    let house = House::new().await;
    let post = Post {
        notify: Some(Notify(7)),
        ..to(&["a@y.net"])
    };
    house.attempt(post, |_| transferred(true)).await;
    assert_eq!(house.inbox("anna").await.len(), 0);
}

#[tokio::test]
async fn a_delay_tells_until_when_it_is_tried() {
    let house = House::new().await;
    let due = now().plus(Duration::from_mins(7));
    house
        .attempt(to(&["a@y.net"]), |_| deferred(due, true))
        .await;
    let report = house.inbox("anna").await.pop().unwrap();
    assert!(
        report.contains("Action: delayed\r\nStatus: 4.7.1\r\n"),
        "{report}"
    );
    assert!(report.contains("\r\nWill-Retry-Until: "), "{report}");
    let [entry] = &house.entries().await[..] else {
        panic!("it still waits");
    };
    // Whoever attempts it next knows that this was told.
    let key = delay_key(entry.id);
    assert!(house.store.remembered(&key).await.unwrap().is_some());
}

/// What a stranger sent to an alias of ours and fails elsewhere ends silently, by a named rule.
#[tokio::test]
async fn attack_c05_failures_of_strangers_mail_are_told_to_nobody() {
    let house = House::new().await;
    for from in ["victim@z.net", "anna@example.org"] {
        for conclusion in [failed(), deferred(now(), true), transferred(false)] {
            let post = Post {
                from,
                reports: Reports::Never,
                notify: Some(Notify(7)),
                ..to(&["a@y.net"])
            };
            let arrival = house.attempt(post, |_| conclusion.clone()).await;
            for entry in house.entries().await {
                assert_eq!(&*entry.recipient, "a@y.net");
                house.remove(&entry).await;
            }
            let story = house.story(arrival).await;
            let rules: Vec<_> = story
                .iter()
                .filter(|line| &*line.what == "report")
                .map(|line| (&*line.verdict, line.reply.as_deref()))
                .collect();
            if conclusion == failed() {
                assert_eq!(rules, [("unreported", Some("sender-unproven"))]);
            } else {
                assert!(rules.is_empty(), "{rules:?}");
            }
        }
    }
    assert_eq!(house.inbox("anna").await.len(), 0);
}

/// Mail from nobody that fails, a report above all, is journalled and ends: no report of a report.
#[tokio::test]
async fn attack_c06_a_report_that_fails_ends_there() {
    let house = House::new().await;
    let post = Post {
        from: "zoe@z.net",
        notify: Some(Notify(7)),
        ..to(&["a@y.net"])
    };
    house.attempt(post, |_| failed()).await;
    let lease = house.lease().await;
    let [report] = &lease.entries[..] else {
        panic!("one report");
    };
    assert_eq!(&*report.reverse_path, "");
    house.conclude(&lease, |_| failed()).await.unwrap();
    assert!(house.entries().await.is_empty());
    let story = house.story(report.arrival).await;
    let rules: Vec<_> = story
        .iter()
        .map(|line| (&*line.verdict, line.reply.as_deref()))
        .collect();
    assert!(
        rules.contains(&("unreported", Some("null-sender"))),
        "{rules:?}"
    );
    for name in ["anna", "bob"] {
        assert_eq!(house.inbox(name).await.len(), 0);
    }
}

/// A hundred recipients, the most that one transaction has, and a server that talks a lot.
#[tokio::test]
async fn a_report_about_many_fits_one_commit() {
    let house = House::new().await;
    let names: Vec<String> = (0..100)
        .map(|n| format!("{}{n}@y.net", "x".repeat(50)))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    house.attempt(to(&names), |_| failed()).await;
    let [report] = &house.inbox("anna").await[..] else {
        panic!("one report");
    };
    assert_eq!(report.matches("Action: failed").count(), 100);
}

/// The sender is gone: the outcome is kept all the same, and the report is for nobody.
#[tokio::test]
async fn a_report_for_nobody_keeps_no_entry_from_settling() {
    let house = House::new().await;
    house.accept(to(&["a@y.net", "b@y.net"])).await;
    let lease = house.lease().await;
    house.remove_account("anna@example.org").await;
    house.conclude(&lease, |_| failed()).await.unwrap();
    assert!(house.entries().await.is_empty());
}

/// Where nobody can say how the report goes, it waits, and what was attempted does not.
#[tokio::test]
async fn a_report_whose_way_is_not_found_waits_in_the_queue() {
    let mut house = House::new().await;
    house.accept(to(&["a@y.net", "b@y.net"])).await;
    let lease = house.lease().await;
    house.bound_rounds(1);
    house.conclude(&lease, |_| failed()).await.unwrap();
    let [report] = &house.entries().await[..] else {
        panic!("the report waits");
    };
    assert_eq!(
        (&*report.recipient, &report.next_hop),
        ("anna@example.org", &NextHop::Local)
    );
}

/// Without room for a report nothing is lost: what failed is tried again, the rest is settled.
#[tokio::test]
async fn without_room_failures_wait_and_the_rest_is_settled() {
    let house = House::new().await;
    house.accept(to(&["a@y.net", "b@y.net"])).await;
    let house = house.with_full_disk().await;
    let lease = house.lease().await;
    let due = lease.entries[0].due;
    let conclusion = |entry: &postroom_store::row::Entry| match &*entry.recipient {
        "a@y.net" => transferred(false),
        _ => failed(),
    };
    house.conclude(&lease, conclusion).await.unwrap();
    let entries = house.entries().await;
    let [entry] = &entries[..] else {
        panic!("{entries:?}");
    };
    assert_eq!(&*entry.recipient, "b@y.net");
    assert!(entry.due > due && entry.attempts == 1);
    assert!(house.inbox("anna").await.is_empty());
}
