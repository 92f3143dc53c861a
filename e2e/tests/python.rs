//! Python's smtplib and imaplib; the scripts are in `scripts/`.

use std::path::Path;

use postroom_e2e::program::Program;
use postroom_e2e::server::{Role, Server};
use postroom_e2e::skip::{need, note};

fn python(server: &Server, script: &str) -> Program {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scripts")
        .join(script);
    let mut program = Program::new("python3").arg("-B").arg(path);
    let roles = [
        ("SMTP", Role::Smtp),
        ("SUBMISSION", Role::Submission),
        ("SUBMISSIONS", Role::Submissions),
        ("IMAP", Role::Imap),
        ("IMAPS", Role::Imaps),
    ];
    for (name, role) in roles {
        program = program.env(name, server.port(role));
    }
    for (name, account) in [("ALICE", server.alice()), ("BOB", server.bob())] {
        program = program
            .env(name, &account.address)
            .env(&format!("{name}_PASSWORD"), &account.password);
    }
    program.env("AUTHORITY", server.authority())
}

#[test]
fn smtplib_submits_and_is_refused() {
    if need(&["python3"]) {
        python(&Server::start(), "submit.py").succeed();
    }
}

#[test]
fn imaplib_reads_and_changes_a_mailbox() {
    if need(&["python3"]) {
        python(&Server::start(), "mailbox.py").succeed();
    }
}

#[test]
fn imaplib_makes_and_moves_folders() {
    if !need(&["python3"]) {
        return;
    }
    let server = Server::start();
    python(&server, "folders.py").succeed();
    let bob = server.bob().address.clone();
    let listed = server.command(&["mailbox", "list", &bob]).succeed();
    assert!(listed.contains("Entwürfe/台北"), "{listed}");
}

#[test]
fn two_sessions_see_each_other() {
    if need(&["python3"]) {
        python(&Server::start(), "sessions.py").succeed();
    }
}

#[test]
fn a_client_that_was_away_catches_up() {
    if need(&["python3"]) {
        python(&Server::start(), "qresync.py").succeed();
    }
}

#[test]
fn idle_tells_of_a_delivery_at_once() {
    if need(&["python3"]) {
        note(python(&Server::start(), "idle.py").succeed().trim());
    }
}
