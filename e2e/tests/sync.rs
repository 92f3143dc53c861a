//! An acknowledgement leaves only after a sync of what it acknowledges has returned, and never
//! when syncs fail. SIGKILL proves no sync: the kernel keeps what was written.

#![expect(
    clippy::unwrap_used,
    reason = "what helps a test may panic as the test may"
)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use postroom_e2e::deadline::{SOON, until};
use postroom_e2e::message;
use postroom_e2e::server::{Account, Options, Role, Server};
use postroom_e2e::skip::{need, note};
use postroom_e2e::smtp::Smtp;
use postroom_e2e::syscalls::{Call, Strace, parse};

const WATCHED: &str = "trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fdatasync,\
                       fsync,openat,accept4,close";
const ACKNOWLEDGED: &str = "250 2.0.0 ";

/// Messages of one connection, in the order in which they were sent.
type SentBy = HashMap<u16, Vec<String>>;

#[test]
fn each_250_follows_a_sync_of_its_record_with_one_client() {
    acknowledgements_follow_syncs(1, 1_000, 1_000);
}

#[test]
fn each_250_follows_a_sync_of_its_record_with_16_clients() {
    acknowledgements_follow_syncs(16, 1_000, 1_000);
}

#[test]
fn each_250_of_a_large_message_follows_a_sync_of_its_own_file() {
    acknowledgements_follow_syncs(4, 40, 300_000);
}

#[test]
fn each_ok_of_append_follows_a_sync_of_its_record() {
    if !need(&["strace"]) {
        return;
    }
    let server = Options::new().set("auth.cleartext=loopback").start();
    let mut session = server.reader(server.alice());
    let Some(strace) = Strace::attach(server.pid(), &[WATCHED]) else {
        return;
    };
    let names: Vec<_> = (0..100).map(|number| format!("append-{number}")).collect();
    for name in &names {
        session
            .append("Drafts", "", &message::named(name, 1_000))
            .unwrap();
    }
    let calls = parse(&strace.detach());
    let acknowledged: Vec<_> = calls
        .iter()
        .filter(|call| call.is_write() && call.arguments.contains("[APPENDUID "))
        .collect();
    assert_eq!(acknowledged.len(), names.len());
    for (name, call) in names.iter().zip(acknowledged) {
        assert_durable(&calls, name, call);
    }
}

/// Sends messages while strace watches, then looks for what should have come before each 250.
fn acknowledgements_follow_syncs(clients: usize, messages: usize, octets: usize) {
    if !need(&["strace"]) {
        return;
    }
    // Small segments, so that new files are made on the way.
    let server = Options::new().set("store.segment_max=1MiB").start();
    let Some(strace) = Strace::attach(server.pid(), &[WATCHED]) else {
        return;
    };
    let sent = Mutex::new(SentBy::new());
    thread::scope(|scope| {
        for client in 0..clients {
            let (sent, address) = (&sent, server.at(Role::Smtp));
            let to = server.bob();
            scope.spawn(move || {
                let (port, names) = send(address, to, client, messages / clients, octets);
                sent.lock().unwrap().insert(port, names);
            });
        }
    });
    let calls = parse(&strace.detach());
    let sent = sent.into_inner().unwrap();
    let mut checked = 0;
    for (port, names) in &sent {
        let acknowledged = acknowledgements(&calls, *port);
        assert_eq!(acknowledged.len(), names.len(), "250s seen on port {port}");
        for (name, call) in names.iter().zip(acknowledged) {
            assert_durable(&calls, name, call);
            checked += 1;
        }
    }
    assert_eq!(checked, messages / clients * clients);
    let made = calls
        .iter()
        .filter(|call| call.name == "openat" && is_made(call))
        .count();
    note(&format!(
        "{checked} messages, {made} files of the log made on the way"
    ));
    assert!(made > 0, "no segment was made while strace watched");
}

/// A new file of the log: `openat(…, "/data/log/….log", …|O_CREAT|…)`.
fn is_made(call: &Call) -> bool {
    let arguments = &call.arguments;
    arguments.contains("O_CREAT") && (arguments.contains(".log\"") || arguments.contains(".body\""))
}

fn send(
    address: SocketAddr,
    to: &Account,
    client: usize,
    count: usize,
    octets: usize,
) -> (u16, Vec<String>) {
    let mut session = Smtp::hello(address).unwrap();
    let mut names = Vec::new();
    for number in 0..count {
        let name = format!("sync-{client}-{number}-end");
        let message = message::named(&name, octets);
        let reply = session
            .send("load@client.example", &[&to.address], &message)
            .unwrap();
        assert_eq!(reply.code, 250, "{}", reply.text);
        names.push(name);
    }
    (session.lines.port().unwrap(), names)
}

/// The writes of a 250 after data to the client with this port.
fn acknowledgements(calls: &[Call], port: u16) -> Vec<&Call> {
    let from = format!("sin_port=htons({port})");
    let accepted = calls
        .iter()
        .find(|call| call.name == "accept4" && call.arguments.contains(&from))
        .expect("the connection was accepted while strace watched");
    let descriptor = accepted.result.parse().ok();
    let mut found = Vec::new();
    let mut after_data = false;
    for call in calls.iter().filter(|call| call.begun > accepted.begun) {
        if call.descriptor() != descriptor {
            continue;
        }
        if call.name == "close" {
            break;
        }
        if call.is_write() && call.arguments.contains("\"354 ") {
            after_data = true;
        } else if after_data && call.is_write() && call.arguments.contains(ACKNOWLEDGED) {
            found.push(call);
            after_data = false;
        }
    }
    found
}

/// Panics unless the octets of a message, and each file that was made for them, were durable when
/// its acknowledgement began.
fn assert_durable(calls: &[Call], name: &str, acknowledgement: &Call) {
    let wrote: Vec<_> = calls
        .iter()
        .filter(|call| call.is_write() && call.ended < acknowledgement.begun)
        .filter(|call| is_kept(call) && call.arguments.contains(name))
        .collect();
    assert!(
        !wrote.is_empty(),
        "no file was written with {name} before its 250"
    );
    for write in wrote {
        let path = write.path().expect("a path");
        let is_synced = calls.iter().any(|call| {
            call.is_sync()
                && call.path() == Some(path)
                && call.begun > write.ended
                && call.ended < acknowledgement.begun
        });
        assert!(
            is_synced,
            "{path} was not synced between the write of {name} and its 250"
        );
        assert_entry_durable(calls, path, acknowledgement);
    }
}

/// A file of the log: SQLite's files are an index that the log rebuilds.
fn is_kept(call: &Call) -> bool {
    let extension = call.path().map(Path::new).and_then(Path::extension);
    extension.is_some_and(|extension| extension == "log" || extension == "body")
}

/// A file that was made while strace watched is in a folder that was synced since.
fn assert_entry_durable(calls: &[Call], path: &str, acknowledgement: &Call) {
    // The path that was asked for may be written in another way; the file's name is unique.
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    let quoted = format!("/{name}\"");
    let made = calls.iter().find(|call| {
        call.name == "openat"
            && call.arguments.contains("O_CREAT")
            && call.arguments.contains(&quoted)
            && !call.result.starts_with('-')
    });
    let Some(made) = made else { return };
    let folder = path.rsplit_once('/').map(|(folder, _)| folder);
    let is_synced = calls.iter().any(|call| {
        call.is_sync()
            && call.path() == folder
            && call.begun > made.ended
            && call.ended < acknowledgement.begun
    });
    assert!(
        is_synced,
        "the entry of {path} was not durable before a 250 that needs it"
    );
}

#[test]
fn nothing_is_acknowledged_when_syncs_fail() {
    if !need(&["strace"]) {
        return;
    }
    let mut server = Options::new().set("auth.cleartext=loopback").start();
    let bob = server.bob().clone();
    let before = send(server.at(Role::Smtp), &bob, 1, 20, 1_000).1;
    let inject = "inject=fdatasync,fsync,sync_file_range:error=EIO";
    let watched = ["trace=fdatasync,fsync,sync_file_range", inject];
    let Some(strace) = Strace::attach(server.pid(), &watched) else {
        return;
    };
    let mut refused = Vec::new();
    for number in 0..10 {
        refused.push(refuse(&server, &bob, &format!("failing-{number}")));
    }
    assert!(
        strace.detach().contains("(INJECTED)"),
        "no sync was asked for"
    );
    // The disk is well again, but what the kernel lost meanwhile nobody knows.
    for number in 0..10 {
        refused.push(refuse(&server, &bob, &format!("stopped-{number}")));
    }
    assert!(
        refused.iter().any(|code| *code / 100 == 4),
        "no 4xx: {refused:?}"
    );
    assert_append_refused(&server);
    server.restart();
    let after = send(server.at(Role::Smtp), &bob, 2, 5, 1_000).1;
    let mut reader = server.reader(&bob);
    reader.select("INBOX").unwrap();
    for name in before.iter().chain(&after) {
        let found = reader.search(&format!("SUBJECT \"{name}\"")).unwrap();
        assert_eq!(found.len(), 1, "{name}");
    }
}

/// Offers a message, which must not be taken; the code of the refusal, 0 when the server hung up.
fn refuse(server: &Server, to: &Account, name: &str) -> u16 {
    let reply = until(SOON, || Smtp::hello(server.at(Role::Smtp)).ok()).and_then(|mut session| {
        let message = message::named(name, 1_000);
        session
            .send("load@client.example", &[&to.address], &message)
            .ok()
    });
    let code = reply.as_ref().map_or(0, |reply| reply.code);
    assert!(code / 100 != 2, "{name} was acknowledged: {reply:?}");
    assert!(code / 100 != 5, "{name} was refused for good: {reply:?}");
    code
}

fn assert_append_refused(server: &Server) {
    let mut session = server.reader(server.alice());
    let appended = session.append("Drafts", "", &message::named("append", 500));
    assert!(appended.is_err(), "APPEND was acknowledged");
}
