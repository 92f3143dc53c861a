//! What a session does with a machine, in clear text and under TLS.

use std::io::Read;

use crate::client::{Client, config};
use crate::parrot::Perch;
use crate::rig::{Mode, Rig, ample};

const TLS: Mode = Mode::Implicit(&[]);

fn open_gate(perch: &Perch) {
    perch.gate.add_permits(1);
}

#[test]
fn pipelined_replies_leave_in_one_write() {
    let rig = Rig::start(Mode::Clear, ample());
    let mut client = Client::greeted(rig.address);
    client.say("ECHO one\r\nASK two\r\nECHO three\r\nASK four\r\n");
    let mut replies = [0; 100];
    let octets = client.stream.read(&mut replies).unwrap();
    assert_eq!(&replies[..octets], b"one\r\nTWO\r\nthree\r\nFOUR\r\n");
}

#[test]
fn what_was_said_does_not_wait_for_a_question_that_takes_long() {
    let rig = Rig::start(Mode::Clear, ample());
    let mut client = Client::greeted(rig.address);
    client.say("ECHO one\r\nGATE\r\nECHO two\r\nFLUSH\r\n");
    rig.wait_for_question();
    client.expect("one");
    open_gate(&rig.perch);
    client.expect("closed=false");
    client.expect("two");
}

#[test]
fn commands_may_come_octet_by_octet() {
    for mode in [Mode::Clear, TLS] {
        let rig = Rig::start(mode, ample());
        let words = "ECHO polly\r\nBODY 5\r\nabcdeSIZE\r\nQUIT\r\n";
        let replies = "polly\r\n5\r\nbye\r\n";
        let mut read = String::new();
        if matches!(mode, Mode::Clear) {
            let mut client = Client::greeted(rig.address);
            words
                .chars()
                .for_each(|octet| client.say(octet.encode_utf8(&mut [0; 4])));
            client.stream.read_to_string(&mut read).unwrap();
        } else {
            let (mut client, _) = Client::greeted_over_tls(rig.address, &config(&[])).unwrap();
            words
                .chars()
                .for_each(|octet| client.say(octet.encode_utf8(&mut [0; 4])));
            client.stream.read_to_string(&mut read).unwrap();
        }
        assert_eq!(read, replies);
    }
}

#[test]
fn large_bodies_and_sources_pass_whole() {
    const OCTETS: usize = 3_000_001;
    for mode in [Mode::Clear, TLS] {
        let rig = Rig::start(mode, ample());
        let body = "y".repeat(OCTETS);
        let words = format!("BODY {OCTETS}\r\n{body}SIZE\r\nSEND {OCTETS}\r\nQUIT\r\n");
        let mut read = String::new();
        if matches!(mode, Mode::Clear) {
            let mut client = Client::greeted(rig.address);
            client.say(&words);
            client.stream.read_to_string(&mut read).unwrap();
        } else {
            let (mut client, _) = Client::greeted_over_tls(rig.address, &config(&[])).unwrap();
            client.say(&words);
            client.stream.read_to_string(&mut read).unwrap();
        }
        let sent = "x".repeat(OCTETS);
        assert!(
            read == format!("{OCTETS}\r\n{sent}bye\r\n"),
            "{} octets",
            read.len()
        );
    }
}

#[test]
fn a_peer_that_only_listens_on_still_gets_its_replies() {
    let rig = Rig::start(Mode::Clear, ample());
    let mut client = Client::greeted(rig.address);
    client.say("ECHO one\r\nASK two\r\nQUIT\r\n");
    client.end();
    let mut replies = String::new();
    client.stream.read_to_string(&mut replies).unwrap();
    assert_eq!(replies, "one\r\nTWO\r\nbye\r\n");
    rig.wait_for_end();
}

#[test]
fn the_last_reply_survives_what_the_peer_went_on_sending() {
    let rig = Rig::start(Mode::Clear, ample());
    let mut client = Client::greeted(rig.address);
    client.say("QUIT\r\n");
    rig.wait_for_end();
    client.say(&"too late\r\n".repeat(1_000));
    client.expect("bye");
    client.expect_end();
}

#[test]
fn news_reaches_an_idle_session_and_waits_for_a_busy_one() {
    let rig = Rig::start(Mode::Clear, ample());
    let mut client = Client::greeted(rig.address);
    rig.perch.mail.notify_one();
    client.expect("* mail");
    client.say("GATE\r\nECHO after\r\n");
    rig.wait_for_question();
    rig.perch.mail.notify_one();
    open_gate(&rig.perch);
    client.expect("closed=false");
    client.expect("after");
    client.expect("* mail");
}

#[test]
fn a_panic_ends_its_own_session_alone() {
    for mode in [Mode::Clear, TLS] {
        let rig = Rig::start(mode, ample());
        if matches!(mode, Mode::Clear) {
            let mut other = Client::greeted(rig.address);
            let mut client = Client::greeted(rig.address);
            client.say("FLY AWAY\r\n");
            client.expect("broken");
            client.expect_end();
            other.say("ECHO still here\r\n");
            other.expect("still here");
        } else {
            let (mut client, _) = Client::greeted_over_tls(rig.address, &config(&[])).unwrap();
            client.say("FLY AWAY\r\n");
            client.expect("broken");
            client.expect_end();
        }
        assert_eq!(rig.ground.telemetry().net.panics.value(), 1);
    }
}

#[test]
fn a_host_can_tell_that_nobody_waits_for_its_answer() {
    let gone = |rig: &Rig| {
        rig.wait_for_question();
        open_gate(&rig.perch);
        rig.wait_for_end();
    };
    let rig = Rig::start(Mode::Clear, ample());
    let mut client = Client::greeted(rig.address);
    // Ended behind the question: what is answered says so, for the peer still listens.
    client.say("GATE\r\n");
    rig.wait_for_question();
    client.end();
    open_gate(&rig.perch);
    client.expect("closed=true");
    rig.wait_for_end();

    // Ended, but with a command that is still to be answered.
    let mut client = Client::greeted(rig.address);
    client.say("GATE\r\nQUIT\r\n");
    client.end();
    rig.wait_for_question();
    open_gate(&rig.perch);
    client.expect("closed=false");
    client.expect("bye");
    rig.wait_for_end();

    // Gone altogether: the answer is waited for all the same.
    let mut client = Client::greeted(rig.address);
    client.say("GATE\r\n");
    drop(client);
    gone(&rig);
}

#[test]
fn close_notify_is_an_end_too() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let rig = Rig::start(TLS, ample());
        let config = crate::client::config_of(&[], &[version]);
        let (mut client, _) = Client::greeted_over_tls(rig.address, &config).unwrap();
        client.say("GATE\r\n");
        rig.wait_for_question();
        open_gate(&rig.perch);
        client.expect("closed=false");
        client.say("GATE\r\n");
        rig.wait_for_question();
        client.stream.conn.send_close_notify();
        client.stream.conn.complete_io(&mut client.stream.sock).ok();
        open_gate(&rig.perch);
        client.expect("closed=true");
        rig.wait_for_end();
    }
}

#[test]
fn a_peer_that_speaks_first_is_noticed_and_its_words_are_kept() {
    let rig = Rig::start(Mode::Clear, ample());
    // The listener is kept from accepting until the words are there.
    let mut early = rig.held_back(|| {
        let mut early = Client::connect(rig.address);
        early.say("ECHO early\r\n");
        early
    });
    early.expect("hello to you too");
    early.expect("early");
}

#[test]
fn a_machine_that_takes_nothing_for_ever_is_stopped() {
    let rig = Rig::start(Mode::Clear, ample());
    let mut client = Client::greeted(rig.address);
    client.say("SPIN\r\n");
    rig.wait_for_end();
}

#[test]
fn a_machine_that_takes_nothing_once_a_command_is_served() {
    let rig = Rig::start(Mode::Clear, ample());
    let mut client = Client::greeted(rig.address);
    client.say(&"PAUSE\r\n".repeat(10_000));
    client.say("ECHO still here\r\n");
    client.expect("still here");
    client.say("SPIN\r\n");
    rig.wait_for_end();
}
