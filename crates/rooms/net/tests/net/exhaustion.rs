//! A house that runs out of what the system gives.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use crate::child::House;
use crate::client::Client;
use crate::rig::LONG;

#[test]
fn attack_a17_without_descriptors_it_waits_quietly_and_recovers() {
    let house = House::start("clear", 64);
    let mut clients: Vec<_> = (0..100).map(|_| Client::connect(house.address)).collect();
    // Those that are served are greeted in the order in which they came.
    let mut served = 0;
    let watched = Duration::from_secs(2);
    for client in &mut clients {
        client.stream.set_read_timeout(Some(watched)).unwrap();
        let before = house.ticks();
        match client.stream.read_exact(&mut [0; 7]) {
            Ok(()) => served += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                // A hundred ticks a second, so that two seconds of a busy loop are 200.
                let spent = house.ticks() - before;
                assert!(spent < 20, "{spent} ticks in two seconds");
                break;
            }
        }
    }
    assert!((10..64).contains(&served), "{served} served of 64 files");

    let mut waiting = clients.split_off(served);
    drop(clients);
    let enough = waiting.len().min(served);
    for client in &mut waiting[..enough] {
        client.stream.set_read_timeout(Some(LONG)).unwrap();
        client.expect("hello");
    }
}

#[test]
fn an_idle_session_over_tls_costs_little_memory() {
    const SESSIONS: usize = 300;
    let house = House::start("tls", 1024);
    let config = crate::client::config(&[]);
    let open = |count: usize| -> Vec<_> {
        let connect = |_| Client::greeted_over_tls(house.address, &config).unwrap().0;
        (0..count).map(connect).collect()
    };
    let _warm = open(20);
    let before = house.memory_kib();
    let mut sessions = open(SESSIONS);
    for session in &mut sessions {
        // Buffers are lent for this and must be back.
        session.say("ECHO one\r\nSEND 16384\r\nECHO two");
        session.expect("one");
        session.stream.read_exact(&mut [0; 16384]).unwrap();
    }
    let each = (house.memory_kib() - before) / SESSIONS as u64;
    println!("{each} KiB for an idle session over TLS");
    assert!(each <= 20, "{each} KiB for an idle session over TLS");
}
