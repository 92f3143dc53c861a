//! `postroom queue`: what waits, and what an operator does about it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use postroom_e2e::deadline::{SOON, until};
use postroom_e2e::message;
use postroom_e2e::server::{Role, Server};
use postroom_e2e::smtp::Smtp;
use serde_json::Value;

/// A server with a message that waits for `full@example.test`, whose mailbox is too small for it,
/// and that bob has.
fn waiting() -> (Server, String) {
    let server = Server::start();
    let add = server.command(&[
        "account",
        "add",
        "full@example.test",
        "--password-file",
        "-",
        "--quota",
        "100 KiB",
    ]);
    add.input("a password of full\n").succeed();
    let mut smtp = Smtp::hello(server.at(Role::Smtp)).unwrap();
    let to = ["bob@example.test", "full@example.test"];
    let large = message::named("q1", 200_000);
    let reply = smtp.send("carol@client.example", &to, &large).unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
    let tried = until(SOON, || {
        let row = list(&server, &[]).pop()?;
        (row["status"] == "deferred").then_some(row)
    });
    let row = tried.expect("an entry that was tried");
    let id = row["queue_id"].as_str().unwrap().to_owned();
    (server, id)
}

fn list(server: &Server, filter: &[&str]) -> Vec<Value> {
    let out = server
        .command(&["queue", "list", "--json"])
        .args(filter)
        .succeed();
    serde_json::from_str(&out).expect("a list")
}

fn fate(server: &Server, id: &str) -> String {
    let out = server.command(&["trace", id, "--json"]).succeed();
    let story: Value = serde_json::from_str(&out).expect("a story");
    assert_eq!(story["fate"]["bob@example.test"], "delivered");
    story["fate"]["full@example.test"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn what_waits_is_listed_shown_and_filtered() {
    let (mut server, id) = waiting();
    let rows = list(&server, &[]);
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(row["recipient"], "full@example.test");
    assert_eq!(row["sender"], "carol@client.example");
    assert_eq!(row["next_hop"], "local");
    assert_eq!(row["attempts"], 1);
    assert!(
        row["last_status"]
            .as_str()
            .is_some_and(|said| !said.is_empty())
    );
    for found in [
        &["--sender", "Carol@client.example"][..],
        &["--domain", "example.test", "--status", "deferred"],
        &["--recipient", "full@example.test", "--older-than", "0s"],
    ] {
        assert_eq!(list(&server, found).len(), 1, "{found:?}");
    }
    for none in [
        &["--sender", "nobody@client.example"][..],
        &["--status", "held"],
        &["--older-than", "1h"],
    ] {
        assert!(list(&server, none).is_empty(), "{none:?}");
    }
    assert_eq!(fate(&server, &id), "queued");
    let text = server.command(&["queue", "list"]).succeed();
    assert!(text.contains(&id) && text.contains("QUEUE ID"), "{text}");
    let shown = server
        .command(&["queue", "show", &id, "--headers"])
        .succeed();
    for part in [
        "<q1@ledger.example>",
        "full@example.test: deferred",
        "Subject: q1",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    // As well when the server is down.
    server.stop();
    assert_eq!(list(&server, &[]).len(), 1);
    let bare = server.command(&["queue", "show", &id]).succeed();
    assert!(!bare.contains("Subject: q1"), "{bare}");
    let ended = server.postroom(&["queue", "show", "0000000000000"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("no message 0000000000000 waits"),
        "{}",
        ended.err
    );
}

#[test]
fn what_waits_is_held_released_and_arrives_when_there_is_room() {
    let (server, id) = waiting();
    server.command(&["queue", "hold", &id]).succeed();
    assert_eq!(list(&server, &["--status", "held"]).len(), 1);
    assert_eq!(fate(&server, &id), "held");
    let retry = server.postroom(&["queue", "retry", &id]);
    assert_eq!(retry.code, Some(1));
    assert!(retry.err.contains("it is held back"), "{}", retry.err);
    server
        .command(&["account", "quota", "full@example.test", "1 MiB"])
        .succeed();
    let released = server
        .command(&["queue", "release", "--status", "held", "--json"])
        .succeed();
    let released: Value = serde_json::from_str(&released).expect("JSON");
    assert_eq!(released["changed"], 1);
    let arrived = until(SOON, || list(&server, &[]).is_empty().then_some(()));
    assert!(arrived.is_some(), "it is tried at once");
    assert_eq!(fate(&server, &id), "delivered");
}

#[test]
fn what_is_deleted_is_dropped_and_the_journal_says_by_whom() {
    let (mut server, id) = waiting();
    server.stop();
    let nothing = server.postroom(&["queue", "delete"]);
    assert_eq!(nothing.code, Some(1), "which ones must be said");
    let out = server.command(&["queue", "delete", "--all"]).succeed();
    assert!(out.contains("1 deleted"), "{out}");
    assert!(list(&server, &[]).is_empty());
    assert_eq!(fate(&server, &id), "dropped");
    let out = server.command(&["trace", &id]).succeed();
    assert!(out.contains("deleted by operator (uid "), "{out}");
}
