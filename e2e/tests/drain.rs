//! The end of a server: sessions are told, what is in hand is finished, and it ends in time.

use std::net::TcpStream;
use std::time::Duration;

use postroom_e2e::deadline::{SOON, Stopwatch, until};
use postroom_e2e::process;
use postroom_e2e::server::{Options, Role, Server};
use postroom_e2e::smtp::Smtp;
use rustix::process::Signal;

/// Long enough that a test which waited for it would have failed.
const LONG: &str = "shutdown.grace=1h";

fn clear(grace: &str) -> Server {
    Options::new()
        .set("auth.cleartext=loopback")
        .set(grace)
        .start()
}

/// SIGTERM, and nobody listens any more.
fn drain(server: &Server) {
    process::signal(server.pid(), Signal::TERM);
    let closed = || {
        TcpStream::connect(server.at(Role::Smtp))
            .is_err()
            .then_some(())
    };
    until(SOON, closed).expect("the ports are closed");
}

/// A session in the middle of a message.
fn half_sent(server: &Server, subject: &str) -> Smtp {
    let mut half = Smtp::hello(server.at(Role::Smtp)).expect("a session");
    let opened = half.open("anna@client.example", &[&server.bob().address]);
    assert_eq!(opened.expect("an open transaction").code, 354);
    let begun = format!("From: anna@client.example\r\nSubject: {subject}\r\n\r\nhalf");
    half.lines.write(begun.as_bytes()).expect("the first half");
    half
}

#[test]
fn idle_sessions_are_told_at_once() {
    let mut server = clear(LONG);
    let mut waiting = Smtp::hello(server.at(Role::Smtp)).expect("a session");
    let mut idle = server.reader(server.bob());
    idle.select("INBOX").expect("INBOX");
    idle.begin("IDLE").expect("IDLE");
    assert!(idle.response().expect("an answer").text.starts_with('+'));
    process::signal(server.pid(), Signal::TERM);
    assert_eq!(waiting.reply().expect("a last word").code, 421);
    assert!(
        idle.response()
            .expect("a last word")
            .text
            .starts_with("* BYE")
    );
    assert_eq!(server.wait(SOON).code(), Some(0));
}

#[test]
fn a_message_in_hand_is_taken_whole() {
    let mut server = clear(LONG);
    let mut half = half_sent(&server, "in hand");
    drain(&server);
    half.lines.write(b" and half\r\n.\r\n").expect("the rest");
    assert_eq!(half.reply().expect("a reply").code, 250);
    assert_eq!(half.reply().expect("a last word").code, 421);
    assert_eq!(server.wait(SOON).code(), Some(0));
    server.serve();
    let bob = server.bob().clone();
    assert!(server.received(&bob, "in hand").contains("half and half"));
}

#[test]
fn what_does_not_end_is_cut_at_the_grace() {
    let mut server = clear("shutdown.grace=1s");
    let alice = server.alice().clone();
    let large = [b"Subject: large\r\n\r\n".as_slice(), &b"x".repeat(16 << 20)].concat();
    let mut slow = server.reader(&alice);
    slow.append("INBOX", "", &large).expect("a large message");
    slow.select("INBOX").expect("INBOX");
    // Nothing of it is read.
    slow.begin("FETCH 1 BODY[]").expect("FETCH");
    let _half = half_sent(&server, "cut");
    let watch = Stopwatch::start();
    drain(&server);
    assert_eq!(server.wait(SOON).code(), Some(0));
    assert!(
        watch.elapsed() >= Duration::from_secs(1),
        "the grace is given"
    );
    assert!(
        watch.elapsed() < Duration::from_secs(10),
        "{:?}",
        watch.elapsed()
    );
    server.serve();
    let mut reader = server.reader(server.bob());
    assert_eq!(
        reader.select("INBOX").expect("INBOX").exists,
        1,
        "only quickstart's"
    );
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = clear(LONG);
    let _half = half_sent(&server, "cut");
    drain(&server);
    process::signal(server.pid(), Signal::TERM);
    assert_eq!(server.wait(SOON).code(), Some(1));
    assert!(server.log().contains("as told twice"), "{}", server.log());
    server.serve();
}
