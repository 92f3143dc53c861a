//! curl: smtps to send, imaps to read.

use postroom_e2e::program::Program;
use postroom_e2e::server::{Account, Role, Server};
use postroom_e2e::skip::need;

fn curl(server: &Server, account: &Account) -> Program {
    let user = format!("{}:{}", account.address, account.password);
    Program::new("curl")
        .args(["--silent", "--show-error", "--cacert"])
        .arg(server.authority())
        .args(["--user", &user])
}

fn send(server: &Server, role: Role, subject: &str, body: &str) -> Program {
    let scheme = if role == Role::Submissions {
        "smtps"
    } else {
        "smtp"
    };
    let (alice, bob) = (server.alice(), server.bob());
    let url = format!("{scheme}://127.0.0.1:{}/client.example", server.port(role));
    let message = format!(
        "From: {}\r\nTo: {}\r\nSubject: {subject}\r\n\r\n{body}\r\n",
        alice.address, bob.address
    );
    curl(server, alice)
        .args(["--ssl-reqd", "--url", &url, "--upload-file", "-"])
        .args(["--mail-from", &alice.address, "--mail-rcpt", &bob.address])
        .input(message)
}

fn mailbox(server: &Server, rest: &str) -> Program {
    let url = format!("imaps://127.0.0.1:{}/{rest}", server.port(Role::Imaps));
    curl(server, server.bob()).args(["--url", &url])
}

#[test]
fn it_sends_and_finds_and_reads() {
    if !need(&["curl"]) {
        return;
    }
    let server = Server::start();
    send(
        &server,
        Role::Submissions,
        "first of curl",
        "a word in the first",
    )
    .succeed();
    send(
        &server,
        Role::Submission,
        "second of curl",
        "a word in the second",
    )
    .succeed();

    let found = mailbox(&server, "INBOX?SUBJECT%20%22first%20of%20curl%22").succeed();
    let number = found
        .trim()
        .strip_prefix("* SEARCH ")
        .expect("a hit")
        .to_owned();
    let text = mailbox(&server, &format!("INBOX;MAILINDEX={number}")).succeed();
    assert!(text.ends_with("\r\n\r\na word in the first\r\n"), "{text}");
    let subject = mailbox(
        &server,
        &format!("INBOX;MAILINDEX={number};SECTION=HEADER.FIELDS%20(SUBJECT)"),
    );
    assert!(subject.succeed().contains("first of curl"));
    let found = mailbox(&server, "INBOX?BODY%20%22in%20the%20second%22").succeed();
    assert!(found.starts_with("* SEARCH "), "{found}");
    let none = mailbox(&server, "INBOX?SUBJECT%20absent").succeed();
    assert_eq!(none.trim(), "* SEARCH");
}

#[test]
fn it_lists_appends_and_examines() {
    if !need(&["curl"]) {
        return;
    }
    let server = Server::start();
    let folders = mailbox(&server, "").succeed();
    for name in ["INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive"] {
        assert!(folders.contains(name), "{name} in {folders}");
    }
    let message = "Subject: kept by curl\r\n\r\nkept\r\n";
    // curl must know the size before it appends.
    let file = server.scratch().write("message", message);
    mailbox(&server, "Archive")
        .arg("--upload-file")
        .arg(file)
        .succeed();
    let status = mailbox(&server, "")
        .args(["--request", "STATUS Archive (MESSAGES)"])
        .succeed();
    assert!(status.contains("MESSAGES 1"), "{status}");
}

#[test]
fn it_refuses_a_certificate_of_somebody_else() {
    if !need(&["curl"]) {
        return;
    }
    let server = Server::start();
    let other = Server::start();
    let url = format!("imaps://127.0.0.1:{}/", server.port(Role::Imaps));
    let ended = curl(&other, server.bob()).args(["--url", &url]).run();
    assert_eq!(ended.code, Some(60), "{}", ended.text());
    // By a name in the certificate, and by each address of it.
    let url = format!("imaps://localhost:{}/", server.port(Role::Imaps));
    curl(&server, server.bob())
        .args(["--ipv4", "--url", &url])
        .succeed();
}
