//! What programs of this machine hand over by the interface of sendmail.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use postroom_e2e::program::Program;
use postroom_e2e::server::{Server, binary};
use postroom_e2e::skip::{need, need_root, skipped};

/// Of sysexits(3).
const EX_USAGE: i32 = 64;
const EX_DATAERR: i32 = 65;
const EX_NOUSER: i32 = 67;
const EX_TEMPFAIL: i32 = 75;
const EX_NOPERM: i32 = 77;

/// A user whom no file of this machine belongs to.
const NOBODY: u32 = 65_534;

/// The binary by another name.
fn named(server: &Server, name: &str) -> PathBuf {
    let link = server.scratch().path().join(name);
    let _ = symlink(binary(), &link);
    link
}

fn sendmail(server: &Server, arguments: &[&str]) -> Program {
    Program::new(named(server, "sendmail"))
        .args(["-C", &server.config().display().to_string()])
        .args(arguments)
}

#[test]
fn a_header_is_read_and_completed() {
    let server = Server::in_clear();
    let message = "Subject: from a script\nTo: Bob <bob@example.test>\nBcc: alice@example.test\n\n\
                   caf\u{e9}\n.\nbehind the dot\n";
    sendmail(&server, &["-t"]).input(message).succeed();
    let bob = server.received(server.bob(), "from a script");
    let user = Program::new("id").arg("-un").succeed();
    let from = format!("From: {}@mail.example.test\r\n", user.trim());
    for part in [
        &from,
        "Date: ",
        "Message-ID: <",
        "with ESMTPA id",
        "\r\n\r\ncaf\u{e9}\r\n",
    ] {
        assert!(bob.contains(part), "{part} is not in:\n{bob}");
    }
    assert!(
        !bob.contains("Bcc") && !bob.contains("behind the dot"),
        "{bob}"
    );
    assert!(
        bob.contains("Received: from localhost\r\n\tby mail.example.test"),
        "{bob}"
    );
    server.received(server.alice(), "from a script");
    assert!(
        server.log().contains("outcome=\"accepted\""),
        "{}",
        server.log()
    );
}

/// PHP's `sendmail_path` is `sendmail -t -i`, to which `mail()` adds `-f`.
#[test]
fn a_script_names_its_sender_and_keeps_its_dots() {
    let server = Server::in_clear();
    let message = "To: bob@example.test\r\nSubject: php\r\nFrom: alice@example.test\r\n\r\none\r\n\
                   .\r\ntwo\r\n..three\r\n";
    sendmail(&server, &["-t", "-i", "-falice@example.test"])
        .input(message)
        .succeed();
    let bob = server.received(server.bob(), "php");
    assert!(
        bob.starts_with("Return-Path: <alice@example.test>\r\n"),
        "{bob}"
    );
    assert!(
        bob.ends_with("\r\n\r\none\r\n.\r\ntwo\r\n..three\r\n"),
        "{bob}"
    );
}

#[test]
fn cron_reaches_the_postmaster_as_root() {
    let server = Server::in_clear();
    let message = "From: root (Cron Daemon)\nTo: root\nSubject: cron\n\noutput\n";
    sendmail(
        &server,
        &["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"],
    )
    .input(message)
    .succeed();
    // Quickstart names alice as the postmaster.
    let alice = server.received(server.alice(), "cron");
    assert!(alice.contains("\r\nFrom: Cron Daemon <"), "{alice}");
    assert!(alice.contains("@mail.example.test>\r\n"), "{alice}");
}

#[test]
fn smtp_is_spoken_on_standard_input() {
    let server = Server::in_clear();
    let dialogue = "EHLO localhost\r\nMAIL FROM:<alice@example.test>\r\n\
                    RCPT TO:<bob@example.test>\r\nDATA\r\nFrom: alice@example.test\r\n\
                    Subject: by hand\r\n\r\nx\r\n.\r\nQUIT\r\n";
    // Pipelining is orderly only where DATA is waited for; a small client waits for each reply,
    // the shell for none.
    let dialogue = dialogue.as_bytes();
    let out = sendmail(&server, &["-bs"]).input(dialogue).succeed();
    assert!(out.starts_with("220 mail.example.test "), "{out}");
    let codes: Vec<_> = out
        .lines()
        .filter(|line| line.get(3..4) == Some(" "))
        .filter_map(|line| line.get(..3))
        .collect();
    assert_eq!(
        codes,
        ["220", "250", "250", "250", "354", "250", "221"],
        "{out}"
    );
    server.received(server.bob(), "by hand");
}

#[test]
fn what_fails_has_its_exit_code() {
    let server = Server::in_clear();
    let code = |arguments: &[&str], input: &str| {
        let ended = sendmail(&server, arguments).input(input).run();
        assert_eq!(ended.out, "");
        assert!(!ended.err.is_empty());
        ended.code
    };
    assert_eq!(code(&[], "x\n"), Some(EX_USAGE));
    assert_eq!(code(&["-t"], "Subject: x\n\nx\n"), Some(EX_USAGE));
    assert_eq!(code(&["-bd"], ""), Some(EX_USAGE));
    assert_eq!(code(&["nobody@example.test"], "x\n"), Some(EX_NOUSER));
    assert_eq!(code(&["bob@example.test"], "a\rb\n"), Some(EX_DATAERR));
    let gone = server.scratch().path().join("gone.toml");
    let ended = sendmail(&server, &["-C", &gone.display().to_string(), "a@b"]).run();
    assert_eq!(ended.code, Some(78));

    // One who is not here does not keep the message from one who is.
    let some = ["nobody@example.test", "bob@example.test"];
    assert_eq!(code(&some, "Subject: for some\n\nx\n"), Some(EX_NOUSER));
    server.received(server.bob(), "for some");
}

#[test]
fn attack_a20_arguments_are_no_envelope_lines() {
    let server = Server::in_clear();
    for arguments in [
        [
            "-f",
            "a@example.test>\r\nRCPT TO:<alice@example.test",
            "bob@example.test",
        ],
        [
            "-f",
            "alice@example.test",
            "bob@example.test>\r\nRCPT TO:<alice@example.test",
        ],
        [
            "-V",
            "x\r\nRCPT TO:<alice@example.test>",
            "bob@example.test",
        ],
        ["-f", "alice@example.test", "bob@example.test\nX: y"],
    ] {
        let ended = sendmail(&server, &arguments)
            .input("Subject: x\n\nx\n")
            .run();
        assert_eq!(ended.code, Some(EX_USAGE), "{arguments:?}: {}", ended.err);
    }
    // A display name cannot begin a field of its own either.
    sendmail(&server, &["-F", "x\" <y@z>\tBcc: w", "bob@example.test"])
        .input("Subject: name\n\nx\n")
        .succeed();
    let bob = server.received(server.bob(), "name");
    assert!(!bob.contains("\nBcc:"), "{bob}");
}

#[test]
fn a_message_is_taken_while_the_server_is_down() {
    let mut server = Server::in_clear();
    server.stop();
    sendmail(&server, &["bob@example.test"])
        .input("Subject: in the meantime\n\nx\n")
        .succeed();
    server.serve();
    server.received(server.bob(), "in the meantime");
}

#[test]
fn the_other_names_are_known() {
    let server = Server::start();
    let out = Program::new(named(&server, "newaliases")).succeed();
    assert!(out.contains("no rebuilding"), "{out}");
    let config = server.config().display().to_string();
    let out = Program::new(named(&server, "mailq"))
        .args(["-C", &config])
        .succeed();
    assert_eq!(out, server.command(&["queue", "list"]).succeed());
    sendmail(&server, &["-q"]).succeed();
}

#[test]
fn another_user_sends_only_as_itself() {
    let server = Server::in_clear();
    if !need(&["setpriv", "test"]) || !need_root() {
        return;
    }
    fs::set_permissions(server.data(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(server.config(), fs::Permissions::from_mode(0o644)).unwrap();
    let user = format!("--reuid={NOBODY}");
    let path = named(&server, "sendmail").display().to_string();
    let config = server.config().display().to_string();
    let run = |arguments: &[&str], input: &str| {
        Program::new("setpriv")
            .args([user.as_str(), "--clear-groups", &path, "-C", &config])
            .args(arguments)
            .input(input)
            .run()
    };
    let reach = Program::new("setpriv")
        .args([user.as_str(), "--clear-groups", "test", "-r", &config])
        .run();
    if reach.code != Some(0) {
        skipped("another user may not reach this folder");
        return;
    }
    let own = run(&["bob@example.test"], "Subject: mine\n\nx\n");
    assert_eq!(own.code, Some(0), "{}", own.text());
    let bob = server.received(server.bob(), "mine");
    assert!(
        bob.contains("\r\nFrom: nobody@mail.example.test\r\n"),
        "{bob}"
    );

    let arguments = ["-falice@example.test", "bob@example.test"];
    let other = run(&arguments, "Subject: not mine\n\nx\n");
    assert_eq!(other.code, Some(EX_NOPERM), "{}", other.text());
    let forged = run(
        &["-t"],
        "To: bob@example.test\nFrom: alice@example.test\n\nx\n",
    );
    assert_eq!(forged.code, Some(EX_NOPERM), "{}", forged.text());
    let mut server = server;
    server.stop();
    let down = run(&["bob@example.test"], "Subject: down\n\nx\n");
    assert_eq!(down.code, Some(EX_TEMPFAIL), "{}", down.text());
}
