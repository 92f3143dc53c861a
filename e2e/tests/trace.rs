//! `postroom trace`: what became of a message, and of what was refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;

use postroom_e2e::deadline::{SOON, until};
use postroom_e2e::message;
use postroom_e2e::server::{Role, Server};
use postroom_e2e::smtp::{Reply, Smtp};
use serde_json::Value;

const SENDER: &str = "carol@client.example";

fn send(server: &Server, to: &[&str], message: &[u8]) -> Reply {
    let mut smtp = Smtp::hello(server.at(Role::Smtp)).unwrap();
    let reply = smtp.send(SENDER, to, message).unwrap();
    let _ = smtp.command("QUIT");
    reply
}

/// The queue id in a 250.
fn queue_id(reply: &Reply) -> String {
    assert_eq!(reply.code, 250, "{reply:?}");
    let id = reply.text.rsplit(' ').next().expect("a queue id");
    id.to_owned()
}

fn trace(server: &Server, of: &str, more: &[&str]) -> Option<Value> {
    let ended = server.command(&["trace", of, "--json"]).args(more).run();
    (ended.code == Some(0)).then(|| serde_json::from_str(&ended.out).expect("JSON"))
}

/// What was done and how it went, in order.
fn told(story: &Value) -> Vec<(String, String)> {
    let text = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let steps = story["steps"].as_array().expect("steps");
    let pair = |step| (text(step, "what"), text(step, "verdict"));
    steps.iter().map(pair).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(what, verdict): &(&str, &str)| ((*what).to_owned(), (*verdict).to_owned());
    pairs.iter().map(owned).collect()
}

#[test]
fn a_delivered_message_is_told_from_connect_to_mailbox() {
    let mut server = Server::start();
    let id = queue_id(&send(
        &server,
        &["bob@example.test"],
        &message::named("t1", 500),
    ));
    let story = trace(&server, &id, &[]).expect("a story");
    assert_eq!(story["queue_id"], id.as_str());
    assert_eq!(story["message_id"], "<t1@ledger.example>");
    assert_eq!(story["session"].as_str().map(str::len), Some(16));
    assert_eq!(story["fate"]["bob@example.test"], "delivered");
    let expected = pairs(&[
        ("connect", "accepted"),
        ("sender", "accepted"),
        ("recipient", "accepted"),
        ("message", "accepted"),
        ("deliver", "delivered"),
    ]);
    assert_eq!(told(&story), expected);
    let deliver = &story["steps"][4];
    assert_eq!(deliver["room"], "delivery");
    assert_eq!(deliver["next_hop"], "bob@example.test/INBOX");
    let keys: Vec<_> = deliver.as_object().unwrap().keys().collect();
    let shape = [
        "elapsed_ms",
        "next_hop",
        "recipient",
        "reply",
        "room",
        "time",
        "verdict",
        "what",
    ];
    assert_eq!(keys, shape);
    // By Message-ID with and without brackets, by sender; and in the log.
    for of in ["<t1@ledger.example>", "t1@ledger.example", SENDER] {
        let found = trace(&server, of, &[]).expect("a story");
        assert_eq!(found["queue_id"], id.as_str(), "{of}");
    }
    let log = server.log();
    let line = log.lines().find(|line| line.contains(&id)).expect("a line");
    assert!(line.contains("transaction"), "{line}");
    // The recipient had quickstart's message too: several matches are a list, newest first.
    let both = trace(&server, "bob@example.test", &[]).expect("stories");
    assert_eq!(both[0]["queue_id"], id.as_str());
    let newest = trace(&server, "bob@example.test", &["--limit", "1"]).expect("a story");
    assert_eq!(newest["queue_id"], id.as_str());
    // For people; also when the server is down.
    server.stop();
    let text = server.command(&["trace", &id]).succeed();
    for part in [&id, "127.0.0.1", "=> bob@example.test: delivered"] {
        assert!(text.contains(part), "{text}");
    }
    let unknown = server.postroom(&["trace", "nobody@nowhere.test", "--json"]);
    assert_eq!(unknown.code, Some(1));
    let error: Value = serde_json::from_str(&unknown.err).expect("JSON");
    assert!(error["error"].is_string() && error["mend"].is_string());
}

#[test]
fn a_refused_recipient_is_told_with_the_stage_that_decided() {
    let server = Server::start();
    let reply = send(&server, &["bo@example.test"], b"Subject: x\r\n\r\n");
    assert_eq!(reply.code, 550);
    let story = until(SOON, || trace(&server, "bo@example.test", &[])).expect("a story");
    let expected = pairs(&[
        ("connect", "accepted"),
        ("sender", "accepted"),
        ("recipient", "refused"),
    ]);
    assert_eq!(told(&story), expected);
    let reply = story["steps"][2]["reply"].as_str().unwrap();
    assert!(
        reply.starts_with("550 5.1.1 ") && reply.ends_with("[recipient-exists]"),
        "{reply}"
    );
    assert_eq!(story["fate"]["bo@example.test"], "refused");
}

#[test]
fn a_message_that_was_lost_is_told_too() {
    let server = Server::start();
    let mut smtp = Smtp::hello(server.at(Role::Smtp)).unwrap();
    let reply = smtp.open(SENDER, &["bob@example.test"]).unwrap();
    assert_eq!(reply.code, 354);
    drop(smtp);
    let story = until(SOON, || trace(&server, SENDER, &[])).expect("a story");
    assert_eq!(story["fate"]["bob@example.test"], "refused");
    assert_eq!(
        told(&story).last(),
        Some(&("message".to_owned(), "lost".to_owned()))
    );
}

#[test]
fn logins_of_an_account_are_told() {
    let server = Server::in_clear();
    drop(server.reader(server.bob()));
    let find = || {
        let found = trace(&server, "bob@example.test", &["--logins", "--limit", "1"])?;
        (found["steps"][0]["room"] == "retrieval").then_some(found)
    };
    let story = until(SOON, find).expect("a login");
    assert_eq!(story["queue_id"], Value::Null);
    let step = &story["steps"][0];
    assert_eq!(
        (&step["what"], &step["verdict"]),
        (&"login".into(), &"granted".into())
    );
}

/// Under pseudonyms nothing of an address is kept, and it can still be asked for: also after a
/// restart, and when the server is down.
#[test]
fn pseudonyms_are_found_by_the_address_they_stand_for() {
    let mut server = Server::start();
    server.stop();
    let config = fs::read_to_string(server.config()).unwrap();
    let config = format!("{config}\n[privacy]\nlog = \"pseudonym\"\n");
    fs::write(server.config(), config).unwrap();
    server.serve();
    let id = queue_id(&send(
        &server,
        &["bob@example.test"],
        &message::named("p1", 100),
    ));
    server.stop();
    let more = ["--limit", "1"];
    let story = trace(&server, "bob@example.test", &more).expect("a story");
    assert_eq!(story["queue_id"], id.as_str());
    let text = story.to_string();
    assert!(!text.contains("bob@") && !text.contains("carol@"), "{text}");
    assert!(text.contains("127.0.0.0"), "{text}");
}
