//! msmtp, as a user's sendmail.

use postroom_e2e::program::Program;
use postroom_e2e::server::{Role, Server};
use postroom_e2e::skip::need;

fn msmtp(server: &Server, role: Role, starttls: &str, password: &str) -> Program {
    let alice = &server.alice().address;
    let settings = format!(
        "account default\nhost 127.0.0.1\nport {}\ntls on\ntls_starttls {starttls}\n\
         tls_trust_file {}\nauth on\nuser {alice}\npassword {password}\nfrom {alice}\n",
        server.port(role),
        server.authority().display(),
    );
    let file = server
        .scratch()
        .write(&format!("msmtprc-{starttls}"), settings);
    Program::new("msmtp").arg("-C").arg(file)
}

#[test]
fn it_submits_with_either_tls() {
    if !need(&["msmtp"]) {
        return;
    }
    let server = Server::in_clear();
    let bob = server.bob().address.clone();
    let password = server.alice().password.clone();
    for (role, starttls) in [(Role::Submissions, "off"), (Role::Submission, "on")] {
        // Without Message-ID and Date, and with lines of one dot.
        let message = format!("Subject: msmtp {starttls}\nTo: {bob}\n\nHello\n.\n..\nend\n");
        msmtp(&server, role, starttls, &password)
            .arg(&bob)
            .input(message)
            .succeed();
        let text = server.received(server.bob(), &format!("msmtp {starttls}"));
        assert!(
            text.ends_with("\r\n\r\nHello\r\n.\r\n..\r\nend\r\n"),
            "{text}"
        );
        assert!(
            text.contains("\r\nMessage-ID: <") || text.contains("\r\nMessage-Id: <"),
            "{text}"
        );
        assert!(text.contains("\r\nDate: "), "{text}");
    }
}

#[test]
fn it_takes_recipients_from_the_message() {
    if !need(&["msmtp"]) {
        return;
    }
    let server = Server::in_clear();
    let (alice, bob) = (&server.alice().address, &server.bob().address);
    let password = server.alice().password.clone();
    let message = format!("To: {bob}\nCc: {alice}\nSubject: to both\n\nHello\n");
    msmtp(&server, Role::Submissions, "off", &password)
        .arg("-t")
        .input(message)
        .succeed();
    server.received(server.bob(), "to both");
    server.received(server.alice(), "to both");
}

#[test]
fn it_tells_of_a_wrong_password() {
    if !need(&["msmtp"]) {
        return;
    }
    let server = Server::start();
    let bob = server.bob().address.clone();
    let program = msmtp(&server, Role::Submissions, "off", "wrong");
    let ended = program.arg(&bob).input("Subject: x\n\nx\n").run();
    assert_ne!(ended.code, Some(0));
    assert!(ended.err.contains("535"), "{}", ended.err);
}
