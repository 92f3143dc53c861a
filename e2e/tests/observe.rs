//! Health, metrics, and who is connected.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{Read, Write};
use std::net::TcpStream;

use postroom_e2e::deadline::{SOON, until};
use postroom_e2e::imap::Imap;
use postroom_e2e::server::{Role, Server};
use postroom_e2e::smtp::Smtp;

/// The answer to a request: its status line and its body.
fn ask(server: &Server, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(server.at(Role::Http)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let whole = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(whole.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.lines().next().unwrap();
    (status.to_owned(), body.to_owned())
}

/// The value of a line of the metrics.
fn value(server: &Server, name: &str) -> f64 {
    let (status, page) = ask(server, "GET /metrics");
    assert_eq!(status, "HTTP/1.1 200 OK");
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("{name} is not in\n{page}"));
    line.trim().parse().unwrap()
}

#[test]
fn health_is_told() {
    let server = Server::start();
    let ok = "HTTP/1.1 200 OK".to_owned();
    assert_eq!(
        ask(&server, "GET /healthz"),
        (ok.clone(), "ok\n".to_owned())
    );
    assert_eq!(
        ask(&server, "GET /readyz"),
        (ok.clone(), "ready\n".to_owned())
    );
    assert_eq!(ask(&server, "HEAD /readyz"), (ok, String::new()));
    assert_eq!(ask(&server, "GET /").0, "HTTP/1.1 404 Not Found");
    assert_eq!(
        ask(&server, "POST /healthz").0,
        "HTTP/1.1 405 Method Not Allowed"
    );
}

#[test]
fn what_happens_is_counted() {
    let server = Server::in_clear();
    let mut peer = Smtp::hello(server.at(Role::Smtp)).unwrap();
    let (to, message) = (["bob@example.test"], b"Subject: counted\r\n\r\nx\r\n");
    assert!(peer.send("a@example.net", &to, message).unwrap().is("250"));
    peer.open("a@example.net", &["nobody@example.test"])
        .unwrap();
    let mut reader = server.reader(server.bob());
    reader.select("INBOX").unwrap();
    let wrong = Imap::login(server.at(Role::Imap), "bob@example.test", "wrong");
    assert!(wrong.is_err());
    for (name, expected) in [
        (
            "intake_transactions_total{role=\"smtp\",outcome=\"accepted\"}",
            1.0,
        ),
        (
            "intake_recipients_total{role=\"smtp\",verdict=\"refused\"}",
            1.0,
        ),
        ("intake_refusals_total{stage=\"recipient-exists\"}", 1.0),
        ("intake_end_of_data_seconds_count", 1.0),
        ("delivery_recipients_total{fate=\"delivered\"}", 1.0),
        (
            "login_attempts_total{role=\"imap\",outcome=\"granted\"}",
            1.0,
        ),
        (
            "login_attempts_total{role=\"imap\",outcome=\"refused\"}",
            1.0,
        ),
        ("retrieval_commands_total{command=\"SELECT\"}", 1.0),
        ("net_sessions{role=\"smtp\"}", 1.0),
        ("store_stopped", 0.0),
        ("queue_entries{state=\"due\"}", 0.0),
    ] {
        let found = value(&server, &format!("postroom_{name} "));
        assert!((found - expected).abs() < f64::EPSILON, "{name} {found}");
    }
    for name in [
        "store_sync_seconds_count",
        "store_log_bytes_total",
        "store_free_bytes",
        "net_bytes_total{role=\"imap\",direction=\"out\"}",
        "process_resident_bytes",
        "process_open_files",
        "process_start_time_seconds",
    ] {
        assert!(value(&server, &format!("postroom_{name} ")) > 0.0, "{name}");
    }
}

#[test]
fn sessions_are_listed_and_ended() {
    let server = Server::in_clear();
    let mut reader = server.reader(server.bob());
    reader.select("INBOX").unwrap();
    let mut other = Smtp::hello(server.at(Role::Smtp)).unwrap();
    let listed = server.command(&["sessions", "--json"]).succeed();
    let rows: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let find = |role: &str| {
        let rows = rows.as_array().unwrap();
        let found = rows.iter().find(|row| row["role"] == role);
        found.unwrap_or_else(|| panic!("{listed}")).clone()
    };
    let imap = find("imap");
    assert_eq!(imap["account"], "bob@example.test");
    assert_eq!(imap["command"], "SELECT");
    assert_eq!(imap["peer"], "127.0.0.1");
    assert!(imap["octets_out"].as_u64().unwrap() > 100, "{imap}");
    assert_eq!(find("smtp")["command"], "EHLO");
    let table = server.command(&["sessions", "list"]).succeed();
    assert!(table.starts_with("SESSION "), "{table}");

    let id = imap["id"].as_str().unwrap();
    server.command(&["sessions", "end", id]).succeed();
    assert!(reader.response().unwrap().text.starts_with("* BYE "));
    assert!(other.command("NOOP").unwrap().is("250"));
    let gone = until(SOON, || {
        let ended = server.postroom(&["sessions", "end", id]);
        (ended.code == Some(1)).then_some(ended)
    });
    assert!(gone.unwrap().err.contains("there is no session"));
}

#[test]
fn without_a_server_there_are_no_sessions() {
    let mut server = Server::start();
    server.stop();
    let ended = server.postroom(&["sessions"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("no server runs"), "{}", ended.err);
}
