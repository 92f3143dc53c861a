use super::*;

const ARRIVAL: ArrivalId = ArrivalId(1 << 60);

fn line(room: &str, what: &str, verdict: &str) -> JournalLine {
    JournalLine {
        time: Timestamp(1_790_000_000_000_000),
        session: 9,
        arrival: Some(ARRIVAL),
        message_id: None,
        room: room.into(),
        what: what.into(),
        sender: Some("anna@example.org".into()),
        recipient: None,
        verdict: verdict.into(),
        reply: None,
        next_hop: None,
        peer: Some("192.0.2.1".into()),
        elapsed_us: 0,
    }
}

/// About a recipient, with the commit of the message.
fn taken(recipient: &str, verdict: &str, hop: &str) -> JournalLine {
    JournalLine {
        recipient: Some(recipient.into()),
        next_hop: Some(hop.into()),
        ..line("delivery", "deliver", verdict)
    }
}

/// About a recipient, by a later attempt.
fn attempt(room: &str, recipient: &str, verdict: &str) -> JournalLine {
    JournalLine {
        session: 0,
        recipient: Some(recipient.into()),
        ..line(room, "attempt", verdict)
    }
}

fn fates_of(lines: &[JournalLine], is_waiting: bool) -> Vec<(String, String)> {
    fates(lines, is_waiting).into_iter().collect()
}

fn one(recipient: &str, fate: &str) -> Vec<(String, String)> {
    vec![(recipient.to_owned(), fate.to_owned())]
}

#[test]
fn steps_stand_in_the_order_of_smtp() {
    let connect = JournalLine {
        arrival: None,
        time: Timestamp(1_789_999_990_000_000),
        reply: Some("EHLO mx.example.net, no TLS".into()),
        ..line("intake", "connect", "accepted")
    };
    let later_login = JournalLine {
        arrival: None,
        ..line("intake", "login", "granted")
    };
    let refused = JournalLine {
        recipient: Some("bo@example.org".into()),
        reply: Some("550 5.1.1 No such address [recipient-exists]".into()),
        ..line("intake", "recipient", "refused")
    };
    let message = JournalLine {
        elapsed_us: 5_000,
        message_id: Some("<1@x>".into()),
        ..line("intake", "message", "accepted")
    };
    // As they may be written: what did not wait comes last.
    let lines = [
        message,
        taken("bob@example.org", "delivered", "bob@example.org/INBOX"),
        refused,
    ];
    let story = of_message(ARRIVAL, &[connect, later_login], &lines, false);
    let told: Vec<_> = story
        .steps
        .iter()
        .map(|step| (step.what.as_str(), step.verdict.as_str()))
        .collect();
    let expected = [
        ("connect", "accepted"),
        ("sender", "accepted"),
        ("recipient", "accepted"),
        ("recipient", "refused"),
        ("message", "accepted"),
        ("deliver", "delivered"),
    ];
    assert_eq!(told, expected);
    assert!(story.steps.is_sorted_by_key(|step| step.time.clone()));
    assert_eq!(
        story.steps[0].reply.as_deref(),
        Some("from 192.0.2.1, EHLO mx.example.net, no TLS")
    );
    assert_eq!(
        story.steps[1].reply.as_deref(),
        Some("MAIL FROM:<anna@example.org>")
    );
    assert_eq!(story.steps[4].elapsed_ms, 5);
    assert_eq!(story.message_id.as_deref(), Some("<1@x>"));
    assert_eq!(story.session.as_deref(), Some("0000000000000009"));
    assert_eq!(story.queue_id, Some(ARRIVAL.to_string()));
    assert_eq!(story.fate["bob@example.org"], "delivered");
    assert_eq!(story.fate["bo@example.org"], "refused");
}

#[test]
fn a_message_that_never_came_whole_stays_with_the_peer() {
    let rcpt = JournalLine {
        recipient: Some("bob@example.org".into()),
        ..line("intake", "recipient", "accepted")
    };
    let lines = [rcpt, line("intake", "message", "lost")];
    assert_eq!(fates_of(&lines, false), one("bob@example.org", "refused"));
}

#[test]
fn the_last_attempt_counts() {
    let queued = taken("bob@example.net", "queued", "bob@example.net");
    let again = attempt("relay", "bob@example.net", "queued");
    let gone = attempt("relay", "bob@example.net", "transferred");
    let lines = [queued, again, gone];
    let fate = |count: usize, is_waiting| fates_of(&lines[..count], is_waiting);
    assert_eq!(fate(1, true), one("bob@example.net", "queued"));
    assert_eq!(fate(2, true), one("bob@example.net", "queued"));
    assert_eq!(fate(3, false), one("bob@example.net", "transferred"));
    let held = [
        lines[0].clone(),
        attempt("admin", "bob@example.net", "held"),
    ];
    assert_eq!(fates_of(&held, true), one("bob@example.net", "held"));
    let dropped = [
        lines[0].clone(),
        attempt("admin", "bob@example.net", "dropped"),
    ];
    assert_eq!(fates_of(&dropped, false), one("bob@example.net", "dropped"));
}

#[test]
fn an_alias_has_one_fate_whatever_its_members_do() {
    let mut lines = vec![
        taken("team@example.org", "dropped", "gone@example.org"),
        taken("team@example.org", "delivered", "anna@example.org/INBOX"),
        taken("team@example.org", "queued", "bob@example.org/INBOX"),
    ];
    assert_eq!(fates_of(&lines, true), one("team@example.org", "queued"));
    lines.push(attempt("delivery", "bob@example.org", "delivered"));
    assert_eq!(
        fates_of(&lines, false),
        one("team@example.org", "delivered")
    );
}

#[test]
fn a_list_is_what_its_members_came_to_once_nothing_waits() {
    let mut lines = vec![taken("all@example.org", "queued", "500 members")];
    lines.push(attempt("delivery", "anna@example.org", "delivered"));
    assert_eq!(fates_of(&lines, true), one("all@example.org", "queued"));
    assert_eq!(fates_of(&lines, false), one("all@example.org", "delivered"));
}

#[test]
fn old_stories_that_have_lost_their_beginning_are_told_by_their_end() {
    let lines = [attempt("relay", "bob@example.net", "failed")];
    assert_eq!(fates_of(&lines, false), one("bob@example.net", "failed"));
}

#[test]
fn an_alias_of_an_address_elsewhere_follows_its_attempts() {
    let mut lines = vec![taken("team@example.org", "queued", "bob@example.net")];
    assert_eq!(fates_of(&lines, true), one("team@example.org", "queued"));
    lines.push(attempt("relay", "bob@example.net", "failed"));
    assert_eq!(fates_of(&lines, false), one("team@example.org", "failed"));
}

#[test]
fn a_report_is_no_fate_of_the_message_that_it_is_about() {
    let report = JournalLine {
        recipient: Some("anna@example.org".into()),
        ..line("delivery", "report", "delivered")
    };
    let lines = [
        taken("bob@example.org", "failed", "bob@example.org/INBOX"),
        report,
    ];
    assert_eq!(fates_of(&lines, false), one("bob@example.org", "failed"));
    let alone = &lines[1..];
    assert_eq!(fates_of(alone, false), one("anna@example.org", "delivered"));
}
