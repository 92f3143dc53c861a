//! What happens at each bound, and when the house closes.

use std::time::Duration;

use postroom_net::Limits;
use postroom_runtime::telemetry::{Refusal, Role};

use crate::client::{Client, config};
use crate::rig::{LONG, Mode, Rig, ample};

const SHORT: Duration = Duration::from_millis(200);

fn never(_: std::net::IpAddr) -> bool {
    false
}

/// Connections that were turned away.
fn refused(rig: &Rig) -> u64 {
    let refused = rig.ground.telemetry().net.refused.at(Role::Smtp);
    refused.at(Refusal::Address).value() + refused.at(Refusal::Sessions).value()
}

fn accepted(rig: &Rig) -> u64 {
    rig.ground
        .telemetry()
        .net
        .connections
        .at(Role::Smtp)
        .value()
}

fn always(_: std::net::IpAddr) -> bool {
    true
}

#[test]
fn one_address_has_its_share_and_no_more() {
    let limits = Limits {
        sessions_per_address_max: 2,
        ..ample()
    };
    let rig = Rig::with(Mode::Clear, limits.clone(), LONG, never);
    let first = Client::greeted(rig.address);
    let mut second = Client::greeted(rig.address);
    let mut third = Client::connect(rig.address);
    third.expect("full");
    third.expect_end();
    second.say("ECHO undisturbed\r\n");
    second.expect("undisturbed");
    assert_eq!(refused(&rig), 1);

    drop(first);
    rig.wait_for_end();
    while rig.ground.sessions() > 1 {
        std::thread::yield_now();
    }
    Client::greeted(rig.address);

    let rig = Rig::with(Mode::Clear, limits, LONG, always);
    let _all: Vec<_> = (0..5).map(|_| Client::greeted(rig.address)).collect();
}

#[test]
fn the_house_has_a_bound_for_all() {
    let limits = Limits {
        sessions_max: 1,
        ..ample()
    };
    let rig = Rig::with(Mode::Clear, limits, LONG, always);
    let _first = Client::greeted(rig.address);
    Client::connect(rig.address).expect("full");
    assert_eq!(accepted(&rig), 1);
}

#[test]
fn a_line_without_end_is_not_hoarded() {
    let rig = Rig::start(Mode::Clear, ample());
    let mut client = Client::greeted(rig.address);
    let rope = "x".repeat(4 * Limits::default().unread_max);
    // The server hangs up in the middle of it.
    let _ = std::io::Write::write_all(&mut client.stream, rope.as_bytes());
    rig.wait_for_end();
}

#[test]
fn attack_a16_slow_loris_is_ended_at_its_deadline() {
    for words in ["", "ECH", "BODY 10\r\nabc"] {
        let rig = Rig::with(Mode::Clear, ample(), SHORT, always);
        let mut client = Client::greeted(rig.address);
        client.say(words);
        client.expect("slow");
        client.expect_end();
    }
}

#[test]
fn attack_a16_a_peer_that_shakes_no_hands_is_ended() {
    let limits = Limits {
        handshake_max: SHORT,
        ..ample()
    };
    let rig = Rig::start(Mode::Implicit(&[]), limits);
    Client::connect(rig.address).expect_end();
    rig.wait_for_end();
}

#[test]
fn attack_a16_zero_window_is_dropped_at_its_bound() {
    for mode in [Mode::Clear, Mode::Implicit(&[])] {
        let limits = Limits {
            write_stall_max: SHORT,
            ..ample()
        };
        let rig = Rig::start(mode, limits);
        // More than the buffers of both kernels together.
        let words = "SEND 100000000\r\n";
        if matches!(mode, Mode::Clear) {
            let mut client = Client::greeted(rig.address);
            let mut other = Client::greeted(rig.address);
            client.say(words);
            other.say("ECHO not held up\r\n");
            other.expect("not held up");
            rig.wait_for_end();
            other.say("ECHO nor ended\r\n");
            other.expect("nor ended");
        } else {
            let (mut client, _) = Client::greeted_over_tls(rig.address, &config(&[])).unwrap();
            client.say(words);
            rig.wait_for_end();
        }
    }
}

#[test]
fn a_drain_ends_idle_sessions_at_once_and_lets_a_command_finish() {
    let rig = Rig::start(Mode::Clear, ample());
    let mut idle = Client::greeted(rig.address);
    let mut busy = Client::greeted(rig.address);
    busy.say("GATE\r\nECHO next\r\n");
    rig.wait_for_question();
    rig.drain.cancel();
    idle.expect("closing");
    idle.expect_end();
    rig.wait_for_end();
    assert!(rig.none_ended(), "the busy one goes on");
    rig.perch.gate.add_permits(1);
    busy.expect("closed=false");
    busy.expect("closing");
    busy.expect_end();
    drop((idle, busy));
    rig.wait_for_all();
    assert!(std::net::TcpStream::connect(rig.address).is_err());
}

#[test]
fn a_drain_does_not_wait_for_a_peer_that_keeps_its_side_open() {
    let limits = Limits {
        linger_max: 2 * LONG,
        ..ample()
    };
    let rig = Rig::start(Mode::Clear, limits);
    let mut deaf = Client::greeted(rig.address);
    let mut gone = Client::greeted(rig.address);
    gone.say("QUIT\r\n");
    gone.expect("bye");
    rig.wait_for_end();
    rig.drain.cancel();
    deaf.expect("closing");
    // Both sockets are still open here.
    rig.wait_for_all();
    drop((deaf, gone));
}

#[test]
fn a_drain_cuts_what_outlasts_its_grace() {
    let limits = Limits {
        drain_grace: SHORT,
        ..ample()
    };
    let rig = Rig::start(Mode::StartTls, limits);
    let mut stuck = Client::greeted(rig.address);
    stuck.say("GATE\r\n");
    rig.wait_for_question();
    let mut half = Client::greeted(rig.address);
    half.say("STARTTLS\r\n");
    half.expect("go");
    rig.drain.cancel();
    rig.wait_for_all();
    rig.wait_for_end();
    rig.wait_for_end();
    assert_eq!(rig.ground.sessions(), 0);
}

#[test]
fn a_port_that_is_given_up_keeps_its_sessions() {
    let rig = Rig::start(Mode::Clear, ample());
    let mut client = Client::greeted(rig.address);
    rig.close();
    let taken = postroom_net::bind(rig.address).expect("the port is free");
    client.say("ECHO still here\r\n");
    client.expect("still here");
    assert!(rig.none_ended());
    drop(taken);
    rig.drain.cancel();
    client.expect("closing");
    rig.wait_for_all();
}

#[test]
fn new_rules_are_for_new_sessions() {
    let rig = Rig::with(Mode::Clear, ample(), LONG, |_| false);
    let mut first = Client::greeted(rig.address);
    let limits = Limits {
        sessions_max: 1,
        ..ample()
    };
    let show_peer = Box::new(|peer: std::net::IpAddr| peer.to_string().into());
    let renewed = rig.ground.renewed(limits, Box::new(|_| false), show_peer);
    rig.grounds.set(renewed);
    let mut second = Client::connect(rig.address);
    second.expect("full");
    second.expect_end();
    first.say("QUIT\r\n");
    first.expect("bye");
    first.expect_end();
    rig.wait_for_end();
    drop(first);
    // The permit is given back a moment after the end is told.
    while rig.ground.sessions() > 0 {
        std::thread::yield_now();
    }
    drop(Client::greeted(rig.address));
}
