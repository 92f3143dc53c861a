//! Settings and certificates that change while the server runs: all of them, or none.

#![expect(
    clippy::unwrap_used,
    reason = "what helps a test may panic as the test may"
)]

use std::net::SocketAddr;

use postroom_e2e::lines::Lines;
use postroom_e2e::process;
use postroom_e2e::program::Program;
use postroom_e2e::server::{Role, Server};
use postroom_e2e::skip::need;
use postroom_e2e::smtp::Smtp;
use rustix::process::Signal;

const RELOADED: &str = "the configuration was reloaded";
const MESSAGE: &[u8] = b"From: anna@client.example\r\nSubject: half sent\r\n\r\nthe first half\r\n";

/// What EHLO says of SIZE.
fn size(session: &mut Smtp) -> String {
    let hello = session.command("EHLO client.example").unwrap();
    let size = hello.text.lines().find(|line| line.starts_with("SIZE"));
    size.unwrap_or_else(|| panic!("{}", hello.text)).to_owned()
}

fn size_of_a_new_session(server: &Server) -> String {
    size(&mut Smtp::connect(server.at(Role::Smtp)).unwrap())
}

fn add(text: &str) -> impl FnOnce(String) -> String {
    let text = text.to_owned();
    move |old| format!("{old}\n{text}\n")
}

#[test]
fn sessions_survive_a_reload_and_new_ones_follow_it() {
    let server = Server::in_clear();
    let bob = server.bob().clone();
    let mut idle = server.reader(&bob);
    idle.select("INBOX").unwrap();
    let tag = idle.begin("IDLE").unwrap();
    assert!(idle.response().unwrap().text.starts_with('+'));
    let mut open = Smtp::connect(server.at(Role::Smtp)).unwrap();
    let mut half = Smtp::hello(server.at(Role::Smtp)).unwrap();
    assert_eq!(
        half.open("anna@client.example", &[&bob.address])
            .unwrap()
            .code,
        354
    );
    half.lines.write(MESSAGE).unwrap();

    server.edit(add("[limits.message]\nsize_max = \"1 MiB\""));
    server.logs_after(RELOADED, || process::signal(server.pid(), Signal::HUP));

    assert!(server.log().contains("limits.message.size_max"));
    assert_eq!(size(&mut open), "SIZE 52428800", "an open session");
    assert_eq!(size_of_a_new_session(&server), "SIZE 1048576");
    half.lines.write(b"the second half\r\n.\r\n").unwrap();
    assert_eq!(half.reply().unwrap().code, 250);
    let told = idle.response().unwrap().text;
    assert_eq!(told, "* 2 EXISTS");
    idle.lines.write(b"DONE\r\n").unwrap();
    assert!(idle.complete(&tag).unwrap().is_ok());
    let received = server.received(&bob, "half sent");
    assert!(received.contains("the first half\r\nthe second half"));
}

#[test]
fn a_reload_is_told_of_to_who_asks_for_it() {
    let server = Server::start();
    let (code, outcome) = server.reload();
    assert_eq!((code, &outcome["is_applied"]), (Some(0), &true.into()));
    assert_eq!(outcome["changed"], serde_json::json!([]));

    server.edit(add("[shutdown]\ngrace = \"5s\"\n[log]\nlevel = \"debug\""));
    let told = server.command(&["reload"]).succeed();
    assert_eq!(told, "reloaded: log.level, shutdown.grace\n");
    assert_eq!(server.log().matches(RELOADED).count(), 2);
    server.edit(|text| text.replace("\"debug\"", "\"error\""));
    assert_eq!(server.reload().0, Some(0));
    assert_eq!(
        server.log().matches(RELOADED).count(),
        2,
        "nothing below error is logged"
    );
}

#[test]
fn a_bad_file_changes_nothing_and_says_so() {
    let server = Server::start();
    let good = std::fs::read_to_string(server.config()).unwrap();
    for (bad, said) in [
        (
            "[limits.message]\nsize_max = \"1 MiB\"\nsize_mix = 1",
            "unknown key",
        ),
        (
            "[limits.message]\nsize_max = \"1 MiB\"\n[limits.smtp]\ncommand = \"0s\"",
            "out of bounds",
        ),
        ("[limits.message]\nsize_max = \"1 MiB\"\n[log", "not TOML"),
        (
            "[limits.message]\nsize_max = \"1 MiB\"\n[store]\nreaders_max = 9",
            "a running server cannot change it",
        ),
        (
            "[limits.message]\nsize_max = \"1 MiB\"\n[tls]\ncertificates = \"absent.pem\"",
            "cannot read the certificate chain",
        ),
    ] {
        server.edit(|_| format!("{good}\n{bad}\n"));
        let (code, outcome) = server.reload();
        assert_eq!((code, &outcome["is_applied"]), (Some(1), &false.into()));
        assert!(outcome["problems"].to_string().contains(said), "{outcome}");
        assert_eq!(size_of_a_new_session(&server), "SIZE 52428800", "{bad}");
        server.logs_after(said, || process::signal(server.pid(), Signal::HUP));
        assert_eq!(size_of_a_new_session(&server), "SIZE 52428800", "{bad}");
    }
    server.edit(|_| good);
    assert_eq!(server.reload().0, Some(0));
}

/// Whether somebody greets there.
fn greets(address: SocketAddr) -> bool {
    Lines::connect(address).is_ok_and(|mut lines| lines.read_line().is_ok())
}

#[test]
fn ports_come_and_go_and_sessions_stay() {
    let server = Server::in_clear();
    let mut reader = server.reader(server.bob());
    let old = server.at(Role::Imap);
    let [new, everywhere] = ["127.0.0.2", "0.0.0.0"]
        .map(|address| SocketAddr::new(address.parse().unwrap(), old.port()));
    let good = std::fs::read_to_string(server.config()).unwrap();
    let listen = |imap: String| good.replace("[listen]", &format!("[listen]\nimap = {imap}"));

    // The wide address wants the port of the narrow one, which is given up in vain: another
    // program has a part of it too. It is taken again.
    let holder = std::net::TcpListener::bind(("127.0.0.9", old.port())).unwrap();
    server.edit(|_| listen(format!("\"{everywhere}\"")));
    let (code, outcome) = server.reload();
    assert_eq!(code, Some(1), "{outcome}");
    assert!(outcome.to_string().contains("cannot listen on"));
    assert!(greets(old) && !greets(new));
    drop(holder);

    server.edit(|_| listen(format!("[\"{old}\", \"{new}\"]")));
    assert_eq!(server.reload().0, Some(0));
    assert!(greets(old) && greets(new));

    server.edit(|_| listen(format!("\"{new}\"")));
    assert_eq!(server.reload().0, Some(0));
    assert!(!greets(old) && greets(new));
    reader.done("NOOP").expect("a session of the closed port");

    // Now it is had.
    server.edit(|_| listen(format!("\"{everywhere}\"")));
    assert_eq!(server.reload().0, Some(0));
    assert!(greets(old) && greets(new));

    // Another program has one of the ports.
    let holder = std::net::TcpListener::bind("127.0.0.3:0").unwrap();
    let taken = holder.local_addr().unwrap();
    server.edit(|_| listen(format!("[\"{old}\", \"{taken}\"]")));
    let (code, outcome) = server.reload();
    assert_eq!(code, Some(1));
    assert!(outcome["problems"].to_string().contains("cannot listen on"));
    assert!(greets(old) && greets(new));
    drop(holder);
    reader
        .done("NOOP")
        .expect("a session of a port long closed");
}

/// Makes a certificate of its own, key beside it.
fn certify(server: &Server, name: &str) {
    let folder = server.scratch().path();
    Program::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30".split(' '))
        .args(["-subj", &format!("/CN={name}.example.test")])
        .arg("-keyout")
        .arg(folder.join(format!("{name}.key")))
        .arg("-out")
        .arg(folder.join(format!("{name}.pem")))
        .succeed();
}

/// The subject of the certificate that a peer is shown.
fn subject(server: &Server) -> String {
    let shown = Program::new("openssl")
        .args(["s_client", "-connect", &server.at(Role::Imaps).to_string()])
        .run();
    let line = shown.out.lines().find(|line| line.starts_with("subject="));
    line.unwrap_or_else(|| panic!("{}", shown.text()))
        .to_owned()
}

#[test]
fn a_key_of_another_certificate_is_named_and_the_old_stay() {
    if !need(&["openssl"]) {
        return;
    }
    let server = Server::start();
    let quickstart = subject(&server);
    certify(&server, "one");
    certify(&server, "two");
    let good = std::fs::read_to_string(server.config()).unwrap();
    let tls = |certificate: &str, key: &str| {
        format!("{good}\n[tls]\ncertificates = \"../{certificate}.pem\"\nkeys = \"../{key}.key\"\n")
    };

    server.edit(|_| tls("one", "two"));
    let (code, outcome) = server.reload();
    assert_eq!(code, Some(1));
    let problem = outcome["problems"].to_string();
    assert!(
        problem.contains("does not fit") && problem.contains("two.key"),
        "{problem}"
    );
    assert_eq!(subject(&server), quickstart);

    server.edit(|_| tls("one", "one"));
    assert_eq!(server.reload().0, Some(0));
    assert!(subject(&server).contains("one.example.test"));
}

#[test]
fn without_a_server_there_is_nothing_to_reload() {
    let mut server = Server::start();
    server.stop();
    let ended = server.postroom(&["reload"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("no server runs on"), "{}", ended.err);
}
