//! TLS: what is agreed on, and what must not pass.

use std::sync::Arc;

use postroom_net::tls::{ALPN_IMAP, ALPN_SMTP};
use rustls::{ClientConfig, HandshakeKind};

use crate::client::{Client, config, config_of};
use crate::rig::{Mode, Rig, ample};

#[test]
fn a_machine_learns_what_was_agreed_on() {
    let rig = Rig::start(Mode::Implicit(&[]), ample());
    for (version, expected) in [
        (
            &rustls::version::TLS13,
            ["TLSv1.3", "\"TLS_AES_", "localhost"],
        ),
        (
            &rustls::version::TLS12,
            ["TLSv1.2", "\"TLS_ECDHE_", "localhost"],
        ),
    ] {
        let config = config_of(&[], &[version]);
        let (_client, greeting) = Client::greeted_over_tls(rig.address, &config).unwrap();
        for part in expected {
            assert!(greeting.contains(part), "{greeting} lacks {part}");
        }
    }
}

#[test]
fn attack_a09_what_came_before_the_handshake_is_dropped() {
    let rig = Rig::start(Mode::StartTls, ample());
    let mut client = Client::greeted(rig.address);
    client.say("STARTTLS\r\nECHO injected\r\nECHO cut");
    client.expect("go");
    let mut client = client.secure(&config(&[])).unwrap();
    client.say("ECHO clean\r\n");
    client.expect("clean");
    client.say("QUIT\r\n");
    client.expect("bye");
    client.expect_end();
}

#[test]
fn attack_a09_clear_text_after_the_answer_ends_the_session() {
    let rig = Rig::start(Mode::StartTls, ample());
    let mut client = Client::greeted(rig.address);
    client.say("STARTTLS\r\n");
    client.expect("go");
    client.say("ECHO injected\r\n");
    rig.wait_for_end();
    let mut heard = Vec::new();
    // An alert at most, and perhaps a reset: never the words.
    let _ = std::io::Read::read_to_end(&mut client.stream, &mut heard);
    assert!(!heard.windows(8).any(|part| part == b"injected"));
}

#[test]
fn attack_a13_a_client_of_another_protocol_is_sent_away() {
    for (ours, theirs) in [
        (ALPN_IMAP, "smtp"),
        (ALPN_IMAP, "h2"),
        (ALPN_SMTP, "http/1.1"),
    ] {
        let rig = Rig::start(Mode::Implicit(ours), ample());
        let refused = Client::greeted_over_tls(rig.address, &config(&[theirs]));
        let error = refused.err().unwrap().to_string();
        assert!(error.contains("NoApplicationProtocol"), "{theirs}: {error}");
        Client::greeted_over_tls(rig.address, &config(ours)).unwrap();
        Client::greeted_over_tls(rig.address, &config(&[])).unwrap();
    }
}

#[test]
fn attack_a13_a_web_client_on_a_mail_port_gets_nothing() {
    let rig = Rig::start(Mode::Implicit(ALPN_SMTP), ample());
    let mut client = Client::connect(rig.address);
    client.say("POST / HTTP/1.1\r\nHost: localhost\r\n\r\nQUIT\r\n");
    rig.wait_for_end();
    let mut heard = Vec::new();
    let _ = std::io::Read::read_to_end(&mut client.stream, &mut heard);
    assert!(!heard.windows(3).any(|part| part == b"bye"));
}

#[test]
fn attack_a14_a_ticket_is_good_on_its_own_listener_alone() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let first = Rig::start(Mode::Implicit(&[]), ample());
        let second = Rig::start(Mode::Implicit(&[]), ample());
        let config = config_of(&[], &[version]);
        assert_eq!(kind(&first, &config), HandshakeKind::Full);
        assert_eq!(kind(&first, &config), HandshakeKind::Resumed);
        assert_eq!(kind(&second, &config), HandshakeKind::Full);
    }
}

/// Whether a connection resumes what the client remembers. Both rigs have one name and one
/// certificate, so that it offers to each the ticket of the other.
fn kind(rig: &Rig, config: &Arc<ClientConfig>) -> HandshakeKind {
    let (mut client, _) = Client::greeted_over_tls(rig.address, config).unwrap();
    client.say("QUIT\r\n");
    client.expect("bye");
    client.expect_end();
    client.stream.conn.handshake_kind().unwrap()
}
