//! The wire itself, octet for octet, where no client would go.

use postroom_e2e::server::{Role, Server};
use postroom_e2e::smtp::Smtp;

/// RFC 1047: when the 250 was lost, the sender sends the same again and nobody gets two.
#[test]
fn a_message_sent_again_after_a_lost_reply_is_delivered_once() {
    let server = Server::in_clear();
    let bob = server.bob().clone();
    let message = b"Subject: once only\r\nMessage-ID: <once@client.example>\r\n\r\nonce\r\n";
    for _ in 0..3 {
        let mut session = Smtp::hello(server.at(Role::Smtp)).unwrap();
        let reply = session
            .send("a@client.example", &[&bob.address], message)
            .unwrap();
        assert_eq!(reply.code, 250, "{reply:?}");
        // Gone before the next command: as if the reply had not come.
    }
    assert!(server.received(&bob, "once only").contains("once"));
}

/// A session that went on has heard the reply: the same message again is another one.
#[test]
fn a_message_sent_twice_on_purpose_is_delivered_twice() {
    let server = Server::in_clear();
    let bob = server.bob().clone();
    let message = b"Subject: twice\r\nMessage-ID: <twice@client.example>\r\n\r\ntwice\r\n";
    for _ in 0..2 {
        let mut session = Smtp::hello(server.at(Role::Smtp)).unwrap();
        let reply = session
            .send("a@client.example", &[&bob.address], message)
            .unwrap();
        assert_eq!(reply.code, 250, "{reply:?}");
        assert_eq!(session.command("QUIT").unwrap().code, 221);
    }
    let mut reader = server.reader(&bob);
    reader.select("INBOX").unwrap();
    assert_eq!(reader.search("SUBJECT twice").unwrap().len(), 2);
}
