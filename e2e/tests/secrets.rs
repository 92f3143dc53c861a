//! What the server writes down: nothing of a peer's choosing may forge it, nothing secret be in it.

#![expect(
    clippy::unwrap_used,
    reason = "what helps a test may panic as the test may"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use postroom_e2e::server::{Options, Role, Server};
use postroom_e2e::smtp::{Smtp, base64};

/// What others than the owner may do inside the data directory, which itself keeps them out:
/// nothing but with these.
const OPEN: [(&str, u32); 6] = [
    ("postroom.toml", 0o040),
    // Programs of the machine reach the socket of `sendmail` by its name.
    ("run", 0o011),
    ("run/submit.sock", 0o066),
    ("tls", 0o055),
    ("tls/ca.pem", 0o044),
    ("tls/server.pem", 0o044),
];

/// What a peer would like to see in the log, each with what a terminal or a parser would take.
const FORGERIES: [&str; 8] = [
    "x\u{1b}[2Jcleared",
    "x\u{7}bell",
    "x\u{9b}31mred",
    "x\u{2028}line separator",
    "x\u{85}next line",
    "x\",\"level\":\"ERROR\",\"forged\":\"",
    "x\\u000a{\"forged\":true}",
    "x\u{202e}detrevni",
];

/// Says the forgeries wherever a name is asked for.
fn attack(server: &Server) {
    let bob = server.bob().address.clone();
    for forged in FORGERIES.into_iter().chain([&*"long".repeat(400)]) {
        let mut session = Smtp::connect(server.at(Role::Smtp)).unwrap();
        session.command(&format!("EHLO {forged}")).unwrap();
        session.command("EHLO client.example").unwrap();
        session
            .command(&format!("MAIL FROM:<\"{forged}\"@client.example> SMTPUTF8"))
            .unwrap();
        session.command("RSET").unwrap();
        session.command("MAIL FROM:<x@client.example>").unwrap();
        session
            .command(&format!("RCPT TO:<\"{forged}\"@example.test>"))
            .unwrap();
        session.command(&format!("RCPT TO:<{bob}>")).unwrap();
        assert_eq!(session.command("DATA").unwrap().code, 354);
        session
            .send_data(
                format!("Message-ID: <{forged}>\r\nSubject: {forged}\r\n\r\nx\r\n").as_bytes(),
            )
            .unwrap();
        session.reply().unwrap();
        let mut session = Smtp::hello(server.at(Role::Submission)).unwrap();
        session.login(forged, "wrong").unwrap();
        let name = base64(format!("{forged}\r\nforged line").as_bytes());
        session.command("AUTH LOGIN").unwrap();
        session.command(&name).unwrap();
        let _ = session.command(&base64(b"wrong"));
        let mut reader = postroom_e2e::imap::Imap::connect(server.at(Role::Imap)).unwrap();
        let literal = format!("LOGIN {{{}}}", forged.len() + 8);
        let tag = reader.begin(&literal).unwrap();
        if reader.response().unwrap().text.starts_with('+') {
            reader
                .lines
                .write(format!("{forged}\r\nforge wrong\r\n").as_bytes())
                .unwrap();
            let _ = reader.complete(&tag);
        }
    }
}

fn noisy(format: &str) -> Options {
    Options::new()
        .set(&format!("log.format={format}"))
        .set("log.level=trace")
        .set("auth.cleartext=loopback")
        .set("listen.submission_starttls=offer")
}

/// Control characters, and the separators that some programs take as line ends.
fn is_unsafe(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}')
}

#[test]
fn attack_h01_json_log_lines_cannot_be_forged() {
    let mut server = noisy("json").start();
    attack(&server);
    server.stop();
    let log = server.log();
    assert!(
        log.lines().count() > FORGERIES.len(),
        "the log tells of the sessions: {log}"
    );
    for line in log.lines() {
        let event: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let event = event
            .as_object()
            .unwrap_or_else(|| panic!("not an object: {line:?}"));
        assert!(!event.contains_key("forged"), "{line}");
        assert!(line.len() < 4_096, "a line of {} octets", line.len());
    }
    assert!(
        !log.contains(|c: char| c.is_control() && c != '\n'),
        "control characters"
    );
}

#[test]
fn attack_h01_text_log_lines_cannot_be_forged() {
    let mut server = noisy("text").start();
    attack(&server);
    server.stop();
    for line in server.log().split('\n') {
        assert!(!line.contains(is_unsafe), "{line:?}");
        assert!(!line.starts_with("forge"), "{line:?}");
        assert!(line.len() < 4_096, "a line of {} octets", line.len());
    }
}

#[test]
fn attack_h07_secrets_are_in_no_log_and_no_open_file() {
    let mut server = noisy("text").start();
    let secret = "canary-of-a-password-4711";
    let add = server.command(&[
        "account",
        "add",
        "carol@example.test",
        "--password-file",
        "-",
    ]);
    add.input(format!("{secret}\n")).succeed();
    let (carol, bob) = ("carol@example.test", server.bob().clone());
    let mut session = Smtp::hello(server.at(Role::Submission)).unwrap();
    assert_eq!(session.login(carol, secret).unwrap().code, 235);
    let message =
        b"From: carol@example.test\r\nSubject: canary-of-a-subject\r\n\r\ncanary-of-a-body\r\n";
    assert_eq!(
        session.send(carol, &[&bob.address], message).unwrap().code,
        250
    );
    let mut wrong = Smtp::hello(server.at(Role::Submission)).unwrap();
    wrong.login(carol, "canary-of-a-wrong-password").unwrap();
    // Typed where a name belongs, and in a command that is not understood.
    wrong.login("canary-typed-as-a-name", secret).unwrap();
    let mut reader = server.reader(&bob);
    reader.select("INBOX").unwrap();
    assert!(
        !reader
            .search("SUBJECT canary-of-a-subject BODY canary-of-a-body")
            .unwrap()
            .is_empty()
    );
    let _ =
        postroom_e2e::imap::Imap::login(server.at(Role::Imap), carol, "canary-of-a-wrong-password");
    let mut reader = postroom_e2e::imap::Imap::login(server.at(Role::Imap), carol, secret).unwrap();
    reader.command(&format!("NONSENSE {secret}")).unwrap();
    server.restart();

    let log = server.log();
    let encoded = base64(format!("\0{carol}\0{secret}").as_bytes());
    let canaries = [
        secret,
        &encoded,
        &bob.password,
        "canary-of-a-subject",
        "canary-of-a-body",
        "canary-of-a-wrong-password",
    ];
    for canary in canaries {
        assert!(!log.contains(canary), "{canary} is in the log");
        assert!(
            !server.output().contains(canary),
            "{canary} is on standard output"
        );
    }
    let files = files(&server.data());
    for path in &files {
        let name = path
            .strip_prefix(server.data())
            .unwrap()
            .display()
            .to_string();
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let open = OPEN
            .iter()
            .find(|(open, _)| *open == name)
            .map_or(0, |(_, open)| *open);
        assert_eq!(mode & 0o077 & !open, 0, "{name} has mode {mode:o}");
        let bytes = if path.is_file() {
            fs::read(path).unwrap()
        } else {
            Vec::new()
        };
        assert!(
            !contains(&bytes, secret.as_bytes()),
            "{name} holds a password"
        );
        if name != "accounts.txt" {
            assert!(
                !contains(&bytes, bob.password.as_bytes()),
                "{name} holds bob's password"
            );
        }
    }
    let accounts = server.data().join("accounts.txt");
    assert_eq!(
        fs::metadata(accounts).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(files.len() > 5, "a data directory was looked at: {files:?}");
}

/// Everything below a folder, the folder first.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_path_buf()];
    let mut next = 0;
    while let Some(path) = all.get(next).cloned() {
        next += 1;
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of ours");
            all.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
    }
    all
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
