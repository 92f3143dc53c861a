//! Recipients at other servers, and reports that go there.

use super::*;

/// Recipient, next hop and NOTIFY of each entry of the plan.
fn entries(planned: &Planned) -> Vec<(String, NextHop, DsnWish)> {
    let operations = planned.operations.iter();
    operations
        .filter_map(|operation| match operation {
            Operation::Enqueue(new) => Some((
                new.recipient.to_string(),
                new.next_hop.clone(),
                new.dsn.clone(),
            )),
            _ => None,
        })
        .collect()
}

fn names(planned: &Planned) -> Vec<String> {
    entries(planned)
        .into_iter()
        .map(|(name, ..)| name)
        .collect()
}

fn user(from: &str, to: &[&str]) -> Scene {
    let mut scene = Scene::new(from, to);
    scene.reports = Reports::AsAsked;
    scene.relaying = Relaying::Allowed;
    scene
}

#[test]
fn what_is_for_elsewhere_is_queued_with_what_is_for_here() {
    let to = ["anna1@a.org", "Bob@b\u{fc}cher.example", "x@[192.0.2.7]"];
    let planned = user("anna3@a.org", &to).plan();
    assert_eq!(words(&planned), ["delivered", "queued", "queued"]);
    assert_eq!(accounts(&planned), [1]);
    let entries = entries(&planned);
    let hops: Vec<_> = entries
        .iter()
        .map(|(name, hop, _)| (&**name, hop))
        .collect();
    assert_eq!(
        hops,
        [
            (
                "Bob@xn--bcher-kva.example",
                &NextHop::Remote("xn--bcher-kva.example".into())
            ),
            ("x@[192.0.2.7]", &NextHop::Remote("[192.0.2.7]".into())),
        ]
    );
    assert_eq!(entries[0].2.notify, Some(Notify::UNSAID));
    let Some(Operation::Enqueue(new)) = planned.operations.get(1) else {
        panic!("{planned:?}");
    };
    assert_eq!(&*new.reverse_path, "anna3@a.org");
    let text = shown(&new.rendering);
    assert!(
        text.starts_with("Received: by here\r\nFrom: x@y.net\r\n"),
        "{text}"
    );
    assert!(planned.needs_body());
}

#[test]
fn a_stranger_may_not_name_what_is_elsewhere_and_may_name_an_alias_that_leads_there() {
    let planned = Scene::new("x@y.net", &["bob@y.net"]).plan();
    assert_eq!(planned.refusal(), Some(&reply::RELAY_DENIED));

    let planned = Scene::new("x@y.net", &["list@a.org"])
        .list(&["bob@y.net"])
        .plan();
    assert_eq!(words(&planned), ["queued"]);
    let [(name, _, dsn)] = &entries(&planned)[..] else {
        panic!("{planned:?}");
    };
    // Whoever x@y.net is, nothing that goes wrong is told to that address.
    assert_eq!(
        (&**name, &dsn.notify, &dsn.orcpt),
        ("bob@y.net", &None, &None)
    );

    let mut scene = Scene::new("x@y.net", &["whoever@r.org"]);
    scene.know("whoever@r.org", Fact::Known(Lookup::PassedOn));
    assert_eq!(words(&scene.plan()), ["queued"]);
}

#[test]
fn each_address_elsewhere_gets_one_copy() {
    let to = ["bob@y.net", "list@a.org", "BOB@y.net"];
    let planned = user("anna3@a.org", &to)
        .list(&["anna1@a.org", "bob@y.net", "carla@y.net"])
        .plan();
    assert_eq!(words(&planned), ["queued", "delivered", "queued"]);
    assert_eq!(names(&planned), ["bob@y.net", "carla@y.net"]);
    assert_eq!(accounts(&planned), [1]);
}

/// RFC 3461 §5.2.7: an alias for one address hands the wishes on with the address that the sender
/// knows; a list reports that it was expanded, and its members report failures alone.
#[test]
fn wishes_go_on_with_a_message() {
    let planned = user("anna3@a.org", &["list@a.org"])
        .list(&["bob@y.net"])
        .notify(Notify(3))
        .plan();
    let dsn = entries(&planned).remove(0).2;
    assert_eq!(dsn.notify, Some(Notify(3)));
    assert_eq!(dsn.orcpt.as_deref(), Some("rfc822;list@a.org"));
    assert!(accounts(&planned).is_empty(), "no report yet");

    let planned = user("anna3@a.org", &["list@a.org"])
        .list(&["bob@y.net", "carla@y.net"])
        .notify(Notify(3))
        .plan();
    let entries = entries(&planned);
    assert!(
        entries
            .iter()
            .all(|(.., dsn)| dsn.notify == Some(Notify::FAILURE))
    );
    assert_eq!(accounts(&planned), [3]);
    assert!(shown(&deliveries(&planned)[0].rendering).contains("Action: expanded\r\n"));
}

#[test]
fn in_lmtp_a_list_with_members_elsewhere_has_one_reply() {
    let to = ["list@a.org", "nobody@a.org", "bob@y.net"];
    let mut scene = Scene::new("x@y.net", &to).list(&["anna2@a.org", "carla@y.net"]);
    scene.quota = Quota::ReplyEach;
    scene.account(2, Some(100), 90);
    let planned = scene.plan();
    assert_eq!(
        planned.fates,
        [
            Fate::Queued,
            Fate::Refused(reply::NO_SUCH_ADDRESS),
            Fate::Refused(reply::RELAY_DENIED)
        ]
    );
    // The member that is full waits in the queue as well.
    assert_eq!(names(&planned), ["carla@y.net", "anna2@a.org"]);
}

#[test]
fn large_expansions_freeze_members_elsewhere_too() {
    let members: Vec<String> = (0..6).map(|id| format!("m{id}@y.net")).collect();
    let mut members: Vec<&str> = members.iter().map(String::as_str).collect();
    members.push("anna1@a.org");
    let mut scene = Scene::new("x@y.net", &["list@a.org"]).list(&members);
    scene.limits.inline_recipients_max = 5;
    let planned = scene.plan();
    let [(name, NextHop::Expand { members, done: 0 }, _)] = &entries(&planned)[..] else {
        panic!("{planned:?}");
    };
    assert_eq!((&**name, members.len()), ("list@a.org", 7));

    // Many recipients elsewhere are as many entries, now as well as later.
    let to: Vec<String> = (0..20).map(|id| format!("m{id}@y.net")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let mut scene = user("anna3@a.org", &to);
    scene.limits.inline_recipients_max = 5;
    let planned = scene.plan();
    assert_eq!(entries(&planned).len(), 20);
}

#[test]
fn a_queue_entry_whose_address_leads_elsewhere_by_now_is_passed_on_and_ends() {
    let now = Timestamp::from_unix_seconds(1_000_000);
    let mut scene = user("anna3@a.org", &["list@a.org"])
        .list(&["bob@y.net", "anna1@a.org", "anna2@a.org"])
        .queued(0, now);
    scene.facts.put_inbox(AccountId(2), Fact::Unavailable);
    let planned = scene.plan();
    assert_eq!(accounts(&planned), [1]);
    assert_eq!(names(&planned), ["bob@y.net", "anna2@a.org"]);
    assert!(matches!(
        planned.operations.last(),
        Some(Operation::Settle {
            outcome: EntryOutcome::Done,
            ..
        })
    ));

    // What nobody could take goes on waiting as it is.
    let mut scene = user("anna3@a.org", &["anna2@a.org"]).queued(0, now);
    scene.facts.put_inbox(AccountId(2), Fact::Unavailable);
    let planned = scene.plan();
    assert!(matches!(
        &planned.operations[..],
        [Operation::Settle {
            outcome: EntryOutcome::Deferred { .. },
            ..
        }]
    ));
}

/// A report to a sender elsewhere goes the same way as any mail, from nobody.
#[test]
fn reports_to_senders_elsewhere_are_queued_in_the_same_commit() {
    let planned = user("bob@y.net", &["anna1@a.org", "nobody@a.org"]).plan();
    assert_eq!(words(&planned), ["delivered", "failed"]);
    assert_eq!(planned.fates[1], Fate::Reported(reply::NO_SUCH_ADDRESS));
    let Some(Operation::Enqueue(report)) = planned.operations.last() else {
        panic!("{planned:?}");
    };
    assert_eq!(
        (&*report.reverse_path, &*report.recipient),
        ("", "bob@y.net")
    );
    assert_eq!(report.next_hop, NextHop::Remote("y.net".into()));
    assert_eq!(report.dsn.notify, None);
    let text = shown(&report.rendering);
    assert!(
        text.starts_with("Received: by mx.a.org (postroom) id "),
        "{text}"
    );
    assert!(text.contains("Action: failed\r\n") && text.contains("Subject: hello\r\n"));

    // One whose mailbox is full or cannot be asked waits.
    let mut scene = user("anna3@a.org", &["anna1@a.org", "nobody@a.org"]);
    scene.account(3, Some(10), 10);
    assert_eq!(names(&scene.plan()), ["anna3@a.org"]);
    let planned = user("down@a.org", &["anna1@a.org", "nobody@a.org"]).plan();
    assert_eq!(names(&planned), ["down@a.org"]);
}

/// A report that fails ends there: nothing is written about mail from nobody.
#[test]
fn attack_c06_a_report_of_a_report_is_never_written() {
    let now = Timestamp::from_unix_seconds(1_000_000);
    for reports in [Reports::AsAsked, Reports::Never] {
        let mut scene = Scene::new("", &["nobody@a.org"]).queued(0, now);
        scene.reports = reports;
        let planned = scene.plan();
        assert_eq!(
            planned.fates,
            [Fate::Unreported(reply::NO_SUCH_ADDRESS, "null-sender")]
        );
        assert!(matches!(
            &planned.operations[..],
            [Operation::Settle {
                outcome: EntryOutcome::Failed { .. },
                ..
            }]
        ));
        let line = planned.journal.last().unwrap();
        assert_eq!(
            (&*line.verdict, line.reply.as_deref()),
            ("failed", Some("null-sender"))
        );
    }
}

/// A mailbox that is full for hours is told of once; the entry waits on.
#[test]
fn a_delay_here_is_told_and_remembered() {
    let now = Timestamp::from_unix_seconds(1_000_000);
    for (tells_sender, notify, expected) in [
        (true, Notify::UNSAID, true),
        (false, Notify::UNSAID, false),
        (true, Notify::FAILURE, false),
    ] {
        let mut scene = user("anna3@a.org", &["anna2@a.org"])
            .notify(notify)
            .queued(4, now);
        scene.account(2, Some(50), 50);
        scene.tells_sender = tells_sender;
        let planned = scene.plan();
        let outcome = planned.operations.last();
        let Some(Operation::Settle { outcome, .. }) = outcome else {
            panic!("{planned:?}");
        };
        assert!(
            matches!(outcome, EntryOutcome::Deferred { status, .. } if &**status == "4.2.2 mailbox is full")
        );
        let is_remembered = planned.operations.iter().any(|operation| {
            matches!(operation, Operation::Remember { key, .. } if &**key == "delay-notice/7")
        });
        assert_eq!(
            (accounts(&planned).len(), is_remembered),
            (usize::from(expected), expected)
        );
        for report in deliveries(&planned) {
            let text = shown(&report.rendering);
            assert!(
                text.contains("Action: delayed\r\nStatus: 4.2.2\r\n"),
                "{text}"
            );
            assert!(text.contains("Mailbox is full.\r\n") && text.contains("Will-Retry-Until: "));
        }
    }
}
