//! Who is connected, and ending one of them.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use postroom_net::{Listener, OpenSession};
use postroom_runtime::telemetry::{Handshake, Role};

use crate::client::{Client, config};
use crate::rig::{LONG, Mode, Rig, ample};

#[test]
fn a_session_is_listed_while_it_lives() {
    let rig = Rig::start(Mode::Implicit(&[]), ample());
    assert!(rig.ground.open_sessions().is_empty());
    let (client, _) = Client::greeted_over_tls(rig.address, &config(&[])).unwrap();
    let rows = rig.ground.open_sessions();
    let [row] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(row.role, Role::Smtp);
    assert!(row.address.ip().is_loopback());
    assert!(row.octets_in > 0 && row.octets_out > 0, "{row:?}");
    assert_eq!((row.tls, row.user), (Some("TLSv1.3"), None));
    let net = &rig.ground.telemetry().net;
    assert_eq!(net.sessions.at(Role::Smtp).value(), 1);
    assert_eq!(net.handshakes.at(Role::Smtp).at(Handshake::Done).value(), 1);
    drop(client);
    while !rig.ground.open_sessions().is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(net.sessions.at(Role::Smtp).value(), 0);
    assert_eq!(net.connections.at(Role::Smtp).value(), 1);
}

#[test]
fn one_session_is_ended_and_the_others_notice_nothing() {
    let rig = Rig::start(Mode::Clear, ample());
    let mut first = Client::greeted(rig.address);
    let mut second = Client::greeted(rig.address);
    let rows = rig.ground.open_sessions();
    let ids: Vec<u64> = rows.iter().map(|row: &OpenSession| row.id).collect();
    assert!(ids[0] < ids[1], "{ids:?}");
    assert!(rig.ground.end_session(ids[0]));
    first.expect("closing");
    first.expect_end();
    second.say("ECHO still here\r\n");
    second.expect("still here");
    assert!(!rig.ground.end_session(7));
}

#[test]
fn a_peer_on_a_socket_in_the_file_system_has_a_user() {
    let rig = Rig::start(Mode::Clear, ample());
    let folder = std::env::temp_dir().join(format!("postroom-net-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("test.sock");
    rig.serve_also(|| Listener::bind_path(&path, 0o666).unwrap());
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "hello");
    let rows = rig.ground.open_sessions();
    assert_eq!(rows[0].user, Some(rustix::process::geteuid().as_raw()));
    stream.write_all(b"ECHO by socket\r\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "by socket");
    std::fs::remove_dir_all(&folder).unwrap();
}
