//! What sessions cost in memory. Alone in its process, so that nothing else is measured.

#![expect(clippy::unwrap_used, reason = "a test may end so")]

#[path = "support/house.rs"]
mod house;

use house::{House, Session};

/// Octets of memory that this process has.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn attack_f01_literals_before_login_cost_little() {
    const SESSIONS: usize = 500;
    let house = House::new();
    // What the first sessions need once is not counted.
    let warm: Vec<_> = (0..20).map(|_| flooded(&house)).collect();
    let before = resident();
    let sessions: Vec<_> = (0..SESSIONS).map(|_| flooded(&house)).collect();
    let grown = resident().saturating_sub(before);
    assert!(grown / (SESSIONS as u64) < 64 * 1024, "{grown} octets");
    drop((warm, sessions));
}

/// A session that sent as many octets of literals as it may, and more.
fn flooded(house: &House) -> Session {
    let mut session = house.session();
    let mut octets = b"a LOGIN {4000+}\r\n".to_vec();
    octets.extend(b"x".repeat(4000));
    octets.extend(b" {4000+}\r\n".repeat(100));
    session.0.receive(&octets);
    let mut giant = house.session();
    giant.0.receive(b"a LOGIN {4294967295+}\r\n");
    giant.0.receive(&b"x".repeat(1024 * 1024));
    session
}
