//! swaks on the three doors, with and without TLS.

use postroom_e2e::program::{Ended, Program};
use postroom_e2e::server::{Options, Role, Server};
use postroom_e2e::skip::need;
use postroom_e2e::smtp::Smtp;

/// Exit codes of swaks: every recipient refused, the message refused, login failed.
const NO_RECIPIENT: i32 = 24;
const NO_MESSAGE: i32 = 26;
const NO_LOGIN: i32 = 28;

fn swaks(server: &Server, role: Role) -> Program {
    let port = server.port(role);
    Program::new("swaks").args([
        "--server",
        "127.0.0.1",
        "--port",
        &port,
        "--ehlo",
        "client.example",
    ])
}

fn message(program: Program, from: &str, to: &str, subject: &str) -> Program {
    program.args([
        "--from",
        from,
        "--to",
        to,
        "--header",
        &format!("Subject: {subject}"),
    ])
}

/// Logs in as alice over TLS.
fn as_alice(server: &Server, program: Program, tls: &str) -> Program {
    let alice = server.alice();
    let authority = server.authority().display().to_string();
    program
        .args([tls, "--tls-verify", "--tls-ca-path", &authority])
        .args([
            "--auth-user",
            &alice.address,
            "--auth-password",
            &alice.password,
        ])
}

fn assert_said(ended: &Ended, code: i32, said: &str) {
    assert_eq!(ended.code, Some(code), "{}", ended.text());
    assert!(ended.text().contains(said), "{said:?} in\n{}", ended.text());
}

#[test]
fn strangers_deliver_with_and_without_tls() {
    if !need(&["swaks"]) {
        return;
    }
    let server = Server::in_clear();
    let to = server.bob().address.clone();
    let from = "friend@client.example";
    message(swaks(&server, Role::Smtp), from, &to, "in clear").succeed();
    message(swaks(&server, Role::Smtp).arg("--tls"), from, &to, "by TLS").succeed();
    message(
        swaks(&server, Role::Smtp).args(["--protocol", "SMTP"]),
        from,
        &to,
        "by HELO",
    )
    .succeed();
    message(
        swaks(&server, Role::Lmtp).args(["--protocol", "LMTP"]),
        from,
        &to,
        "by LMTP",
    )
    .succeed();
    // RFC 3848: the protocol keyword tells how it came.
    let keywords = [
        ("in clear", "ESMTP"),
        ("by TLS", "ESMTPS"),
        ("by HELO", "SMTP"),
        ("by LMTP", "LMTP"),
    ];
    for (subject, keyword) in keywords {
        let text = server.received(server.bob(), subject);
        let mut fields = text.lines();
        assert_eq!(
            fields.next(),
            Some("Return-Path: <friend@client.example>"),
            "{text}"
        );
        assert_eq!(
            fields.next(),
            Some("Delivered-To: bob@example.test"),
            "{text}"
        );
        let received: Vec<_> = fields
            .take_while(|line| !line.starts_with("Date:"))
            .map(str::trim)
            .collect();
        let received = received.join(" ");
        assert!(
            received.starts_with("Received: from client.example"),
            "{text}"
        );
        assert!(received.contains("127.0.0.1"), "{text}");
        assert!(
            received.contains(&format!("with {keyword} ")),
            "{keyword}: {text}"
        );
    }
}

#[test]
fn users_submit_on_both_ports() {
    if !need(&["swaks"]) {
        return;
    }
    let server = Server::in_clear();
    let (from, to) = (server.alice().address.clone(), server.bob().address.clone());
    for (mechanism, subject) in [("PLAIN", "by plain"), ("LOGIN", "by login")] {
        for (role, tls) in [
            (Role::Submissions, "--tls-on-connect"),
            (Role::Submission, "--tls"),
        ] {
            let program = as_alice(&server, swaks(&server, role), tls).args(["--auth", mechanism]);
            let subject = format!("{subject} on {}", role as u16);
            message(program, &from, &to, &subject).succeed();
            let text = server.received(server.bob(), &subject);
            assert!(text.contains("with ESMTPSA "), "{text}");
        }
    }
}

#[test]
fn a_wrong_password_is_refused() {
    if !need(&["swaks"]) {
        return;
    }
    let server = Server::start();
    let (from, to) = (server.alice().address.clone(), server.bob().address.clone());
    for name in [&from, "nobody@example.test", "nobody"] {
        let program = swaks(&server, Role::Submissions)
            .args(["--tls-on-connect", "--auth", "PLAIN"])
            .args(["--auth-user", name, "--auth-password", "wrong"]);
        assert_said(
            &message(program, &from, &to, "wrong").run(),
            NO_LOGIN,
            "535 5.7.8",
        );
    }
}

#[test]
fn no_password_goes_without_tls() {
    if !need(&["swaks"]) {
        return;
    }
    let server = Server::start();
    let (from, to) = (server.alice().address.clone(), server.bob().address.clone());
    let program = swaks(&server, Role::Submission).args([
        "--auth",
        "PLAIN",
        "--auth-user",
        &from,
        "--auth-password",
        "x",
    ]);
    let ended = message(program, &from, &to, "clear").run();
    assert_eq!(ended.code, Some(NO_LOGIN), "{}", ended.text());
    let mut session = Smtp::hello(server.at(Role::Submission)).unwrap();
    assert!(session.login(&from, &server.alice().password).unwrap().code / 100 == 5);
    assert!(
        session
            .command(&format!("MAIL FROM:<{from}>"))
            .unwrap()
            .is("530 5.7.0")
    );
}

#[test]
fn strangers_may_not_relay_and_users_may() {
    if !need(&["swaks"]) {
        return;
    }
    let server = Server::start();
    let alice = server.alice().address.clone();
    let stranger = message(
        swaks(&server, Role::Smtp),
        "x@client.example",
        "y@remote.example",
        "x",
    );
    assert_said(&stranger.run(), NO_RECIPIENT, "550 5.7.1");
    let forged = message(swaks(&server, Role::Smtp), &alice, "y@remote.example", "x");
    assert_said(&forged.run(), NO_RECIPIENT, "550 5.7.1");
    let user = as_alice(
        &server,
        swaks(&server, Role::Submissions),
        "--tls-on-connect",
    );
    let ended = message(user, &alice, "y@remote.example", "x").run();
    assert_said(&ended, 0, "250 2.0.0 Message accepted");
    let user = as_alice(
        &server,
        swaks(&server, Role::Submissions),
        "--tls-on-connect",
    );
    let ended = message(user, &server.bob().address, &alice, "x").run();
    assert!(
        ended.text().contains("553 5.7.1"),
        "a sender that is not alice's: {}",
        ended.text()
    );
}

#[test]
fn unknown_recipients_are_refused_and_the_others_served() {
    if !need(&["swaks"]) {
        return;
    }
    let server = Server::in_clear();
    let bob = server.bob().address.clone();
    let nobody = message(
        swaks(&server, Role::Smtp),
        "x@client.example",
        "no@example.test",
        "x",
    );
    assert_said(&nobody.run(), NO_RECIPIENT, "550 5.1.1");
    let both = format!("no@example.test,{bob}");
    let program = message(
        swaks(&server, Role::Smtp),
        "x@client.example",
        &both,
        "one of two",
    );
    assert!(program.run().text().contains("550 5.1.1"));
    assert!(!server.received(server.bob(), "one of two").is_empty());
}

#[test]
fn a_message_above_the_limit_is_refused() {
    if !need(&["swaks"]) {
        return;
    }
    let server = Options::new().set("limits.message.size_max=64 KiB").start();
    let bob = server.bob().address.clone();
    let body = server
        .scratch()
        .write("body", "0123456789012345678901234567890\n".repeat(4_000));
    let program = message(swaks(&server, Role::Smtp), "x@client.example", &bob, "big")
        .args(["--body", &body.display().to_string()]);
    assert_said(&program.run(), NO_MESSAGE, "552 5.3.4");
    let mut session = Smtp::connect(server.at(Role::Smtp)).unwrap();
    let hello = session.command("EHLO client.example").unwrap();
    assert!(
        hello.text.lines().any(|line| line == "SIZE 65536"),
        "{}",
        hello.text
    );
    let reply = session
        .command("MAIL FROM:<x@client.example> SIZE=65537")
        .unwrap();
    assert!(reply.is("552 5.3.4"), "{reply:?}");
}
