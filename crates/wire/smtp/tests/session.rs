//! Endings: the peer goes, the host is late, the server drains.

#[path = "support/host.rs"]
mod host;

use std::time::Duration;

use host::{House, session};
use postroom_mail::reply;
use postroom_smtp::server::{Answer, Dialect, News};
use postroom_wire::transcript::Drive;

/// A session whose message question is out.
fn asking() -> Drive<House> {
    let mut session = session(House::new(Dialect::Transfer));
    session.ready();
    session.receive(b"EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n");
    session.receive(b"x\r\n");
    session.take_written();
    session.host.hold = true;
    session.receive(b".\r\n");
    session
}

fn written(session: &mut Drive<House>) -> String {
    String::from_utf8_lossy(&session.take_written()).into_owned()
}

#[test]
fn a_peer_that_goes_while_its_message_is_judged_has_not_heard_the_reply() {
    let mut session = asking();
    session.closed();
    assert!(!session.is_closed(), "the answer is waited for");
    session.answer(Answer::Verdict(reply::MESSAGE_ACCEPTED));
    assert_eq!(session.host.settled, [false]);
    assert!(session.is_closed());

    let mut session = asking();
    session.closed();
    session.answer(Answer::Verdict(reply::TRY_LATER));
    assert!(session.host.settled.is_empty(), "nothing was accepted");
    assert!(session.is_closed());
}

#[test]
fn a_host_that_is_late_is_not_waited_for() {
    let mut session = asking();
    session.advance(Duration::from_mins(6));
    assert_eq!(
        written(&mut session),
        "421 4.3.0 Trouble at our end; try again later\r\n"
    );
    assert!(session.is_closed());
    session.answer(Answer::Verdict(reply::MESSAGE_ACCEPTED));
    assert_eq!(written(&mut session), "", "a late answer is dropped");
}

#[test]
fn draining_lets_a_message_finish() {
    let mut session = asking();
    session.news(News::Drain);
    assert_eq!(written(&mut session), "");
    session.answer(Answer::Verdict(reply::MESSAGE_ACCEPTED));
    let said = written(&mut session);
    assert!(
        said.starts_with("250 ") && said.contains("\r\n421 4.3.2 "),
        "{said}"
    );
    assert!(session.is_closed());
}

#[test]
fn without_a_clear_yes_nothing_is_accepted() {
    for answer in [Answer::Go, Answer::LoggedIn, Answer::Verdicts(vec![])] {
        let mut session = asking();
        session.answer(answer);
        assert!(written(&mut session).starts_with("451 "));
        session.closed();
        assert!(session.host.settled.is_empty());
    }
}

#[test]
fn what_the_peer_pipelined_waits_for_the_answer() {
    let mut session = asking();
    session.receive(b"NOOP\r\nQUIT\r\n");
    assert_eq!(written(&mut session), "");
    session.answer(Answer::Verdict(reply::MESSAGE_ACCEPTED));
    let said = written(&mut session);
    let codes: Vec<_> = said.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["250", "250", "221"]);
    assert_eq!(session.host.settled, [true]);
}

#[test]
fn an_idle_session_ends_with_421() {
    let mut session = session(House::new(Dialect::Submission));
    session.ready();
    session.take_written();
    session.advance(Duration::from_mins(5));
    assert_eq!(written(&mut session), "421 4.4.2 Waited too long\r\n");
    assert!(session.is_closed());
}

#[test]
fn a_body_that_trickles_for_ever_ends_too() {
    let mut session = session(House::new(Dialect::Transfer));
    session.ready();
    session.receive(b"EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n");
    let mut minutes = 0;
    while !session.is_closed() {
        session.receive(b"x");
        session.advance(Duration::from_mins(1));
        minutes += 1;
    }
    assert_eq!(minutes, 60);
}
