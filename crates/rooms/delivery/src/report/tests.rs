use postroom_mail::address::NonAscii;

use super::*;

const MESSAGE: &[u8] =
    b"From: anna@a.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nb\xC3\xB6dy\r\n";

fn address(text: &str) -> Address {
    Address::parse(text, NonAscii::Allowed).unwrap()
}

fn remote() -> Remote {
    Remote {
        name: "mx.y.net".into(),
        address: "[2001:db8::1]:25".parse().unwrap(),
    }
}

fn said(code: u16, enhanced: Option<EnhancedCode>, text: &'static str) -> Reply {
    Reply {
        code,
        enhanced,
        text: text.into(),
    }
}

fn failed(to: &str, text: &'static str) -> Line {
    let diagnosis = Diagnosis {
        status: EnhancedCode(5, 1, 1),
        text: "The other server refused it.".into(),
        remote: Some(remote()),
        reply: Some(said(550, Some(EnhancedCode(5, 1, 1)), text)),
    };
    let time = Timestamp::from_unix_seconds(1_000_100);
    Line::not_reached((to, None), &diagnosis, time, None)
}

fn compose(lines: Vec<Line>, octets: &[u8], ret: Option<Ret>) -> String {
    let report = Report { lines };
    let composed = report.compose(&Original {
        id: ArrivalId(9),
        queue_id: ArrivalId(5),
        arrived: Timestamp::from_unix_seconds(1_000_000),
        now: Timestamp::from_unix_seconds(1_000_100),
        host: "mx.a.org",
        sender: &address("anna@a.org"),
        ret,
        envid: None,
        octets,
        size: octets.len() as u64,
    });
    String::from_utf8(composed.octets(octets)).unwrap()
}

/// The octets of each leaf part's body.
fn parts(text: &str) -> Vec<String> {
    let parsed = postroom_mail::message::parse(text.as_bytes());
    let boundary = text
        .split("boundary=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert!(parsed.structure.parts().count() >= 4, "{text}");
    let delimiter = format!("\r\n--{boundary}");
    let parts = text.split(&delimiter);
    parts.skip(1).map(ToOwned::to_owned).collect()
}

#[test]
fn a_failure_says_who_said_what_and_what_happens_next() {
    let text = compose(vec![failed("bob@y.net", "no such user")], MESSAGE, None);
    for line in [
        "Subject: Your message could not be delivered",
        "Content-Type: multipart/report; report-type=delivery-status;",
        "\"Grüße\"",
        "    bob@y.net",
        "There is no such address. Please check how it is spelled.",
        "        550 5.1.1 no such user",
        "It will not be tried again.",
        "Final-Recipient: rfc822; bob@y.net\r\nAction: failed\r\nStatus: 5.1.1\r\n\
         Remote-MTA: dns; mx.y.net\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n\
         Last-Attempt-Date: Mon, 12 Jan 1970 13:48:20 +0000",
    ] {
        assert!(
            text.contains(&format!("{line}\r\n")),
            "{line} not in\n{text}"
        );
    }
    assert!(!text.contains("b\u{f6}dy"), "RET was not FULL");
    assert!(text.split_inclusive("\r\n").all(|line| line.len() <= 1000));
}

#[test]
fn a_delay_says_how_long_it_is_tried() {
    let diagnosis = Diagnosis {
        status: EnhancedCode(4, 4, 1),
        text: "No server for y.net answers.".into(),
        remote: None,
        reply: None,
    };
    let until = Timestamp::from_unix_seconds(1_432_000);
    let now = Timestamp::from_unix_seconds(1_000_100);
    let orcpt = Some("rfc822;list@a.org".into());
    let line = Line::not_reached(("bob@y.net", orcpt), &diagnosis, now, Some(until));
    let text = compose(vec![line], MESSAGE, Some(Ret::Full));
    for line in [
        "Subject: Your message is delayed",
        "Original-Recipient: rfc822;list@a.org\r\nFinal-Recipient: rfc822; bob@y.net\r\n\
         Action: delayed\r\nStatus: 4.4.1\r\nLast-Attempt-Date: Mon, 12 Jan 1970 13:48:20 +0000\r\n\
         Will-Retry-Until: Sat, 17 Jan 1970 13:46:40 +0000",
        "Sat, 17 Jan 1970 13:46:40 +0000, and you will hear if it fails.",
    ] {
        assert!(
            text.contains(&format!("{line}\r\n")),
            "{line} not in\n{text}"
        );
    }
    assert!(!text.contains("Remote-MTA") && !text.contains("Diagnostic-Code"));
    assert!(
        text.contains("Content-Type: text/rfc822-headers\r\n"),
        "RET is for failures"
    );
}

#[test]
fn what_a_server_says_stays_in_its_line() {
    let evil = "no\r\nAction: delivered\r\n\r\n--=_report_9\u{202e} \u{fc}";
    let text = compose(vec![failed("bob@y.net", evil)], MESSAGE, None);
    assert!(!text.contains("\r\nAction: delivered"), "{text}");
    assert_eq!(parts(&text).len(), 4);
    assert!(text.contains("smtp; 550 5.1.1 no??Action: delivered????--=_report_9? ?\r\n"));
    let long: &'static str = Box::leak("x".repeat(100_000).into_boxed_str());
    assert!(compose(vec![failed("bob@y.net", long)], MESSAGE, None).len() < 4_000);
}

#[test]
fn full_returns_the_message_up_to_a_bound() {
    let lines = || vec![failed("bob@y.net", "no")];
    let text = compose(lines(), MESSAGE, Some(Ret::Full));
    assert!(text.contains("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n"));
    assert!(text.contains("\r\n\r\nb\u{f6}dy\r\n\r\n--"), "{text}");

    let big = [MESSAGE, &b"x\r\n".repeat(RETURNED_OCTETS_MAX)].concat();
    let text = compose(lines(), &big, Some(Ret::Full));
    assert!(text.contains("Content-Type: text/rfc822-headers\r\n"));
    assert!(text.len() < 4_000);

    let wide = [
        &b"X-Long: x\r\n".repeat(RETURNED_OCTETS_MAX)[..],
        b"\r\nbody",
    ]
    .concat();
    let text = compose(lines(), &wide, None);
    assert!(text.len() < RETURNED_OCTETS_MAX + 4_000);
    assert!(text.contains("X-Long: x\r\n\r\n--=_report_"));
}

/// RFC 6533 §3: addresses beyond ASCII need parts that can hold them.
#[test]
fn addresses_beyond_ascii_make_a_global_report() {
    let text = compose(vec![failed("böb@y.net", "no")], MESSAGE, None);
    assert!(text.contains("report-type=global-delivery-status;"));
    assert!(text.contains("Content-Type: message/global-delivery-status\r\n"));
    assert!(text.contains("Final-Recipient: utf-8; böb@y.net\r\n"));
    assert!(text.contains("Content-Type: message/global-headers\r\n"));
}

#[test]
fn rules_of_silence() {
    let anna = address("anna@a.org");
    let sender = Some(&anna);
    for (action, sender, notify, rule) in [
        (Action::Failed, None, None, Some("null-sender")),
        (Action::Failed, None, Some(Notify(7)), Some("null-sender")),
        (Action::Failed, sender, None, Some("sender-unproven")),
        (
            Action::Failed,
            sender,
            Some(Notify::NEVER),
            Some("notify-never"),
        ),
        (Action::Failed, sender, Some(Notify::UNSAID), None),
        (Action::Delayed, sender, Some(Notify::UNSAID), None),
        (
            Action::Delayed,
            sender,
            Some(Notify::FAILURE),
            Some("notify-never"),
        ),
        (
            Action::Relayed,
            sender,
            Some(Notify::UNSAID),
            Some("notify-never"),
        ),
        (Action::Relayed, sender, Some(Notify::SUCCESS), None),
    ] {
        assert_eq!(
            silence(action, sender, notify),
            rule,
            "{action:?} {notify:?}"
        );
    }
}
