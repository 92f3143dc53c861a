//! What a message needs, and a next hop that lacks it.

use postroom_testkit::remote::{Personality, Remote, StartTls};

use crate::fixture::{House, TEA};

const BOB: &str = "bob@there.example";
const EIGHT: &[u8] =
    b"Subject: Tee\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
                       Content-Transfer-Encoding: 8bit\r\n\r\num f\xc3\xbcnf\r\n";

/// Sends a message to Bob at such a server; what came of it.
async fn sent(personality: Personality, to: &str, message: &[u8]) -> (String, String, Remote) {
    let remote = Remote::start(personality);
    let house = House::beside(remote.address()).await;
    let arrival = house.send(&[to], message).await;
    let (verdict, reply) = house.fate(arrival).await;
    (verdict, reply, remote)
}

#[tokio::test]
async fn eight_bits_go_where_they_are_taken() {
    let (verdict, _, remote) = sent(Personality::default(), BOB, EIGHT).await;
    assert_eq!(verdict, "transferred");
    let message = &remote.messages()[0];
    assert_eq!(message.octets, EIGHT);
    assert!(message.sender_parameters.contains("BODY=8BITMIME"));
}

#[tokio::test]
async fn eight_bits_are_rewritten_for_seven() {
    let seven = Personality::default().without("8BITMIME");
    let (verdict, _, remote) = sent(seven, BOB, EIGHT).await;
    assert_eq!(verdict, "transferred");
    let octets = remote.messages()[0].octets.clone();
    let text = String::from_utf8(octets).unwrap();
    assert!(text.is_ascii() && text.contains("um f=C3=BCnf"), "{text}");
}

#[tokio::test]
async fn what_is_signed_is_not_rewritten() {
    let seven = Personality::default().without("8BITMIME");
    let signed = [b"DKIM-Signature: v=1; d=us.example\r\n", EIGHT].concat();
    let (verdict, reply, remote) = sent(seven, BOB, &signed).await;
    assert_eq!(verdict, "failed");
    assert!(reply.starts_with("5.6.3"), "{reply}");
    assert!(remote.messages().is_empty());
}

#[tokio::test]
async fn letters_beyond_ascii_need_smtputf8() {
    let plain = || Personality::default().without("SMTPUTF8");
    let header = "Subject: Fünf\r\n\r\nUhr.\r\n".as_bytes();
    for (to, message) in [(BOB, header), ("böb@there.example", TEA)] {
        let (verdict, reply, _) = sent(plain(), to, message).await;
        assert_eq!(verdict, "failed", "{to}");
        assert!(reply.starts_with("5.6.7"), "{reply}");
        let (verdict, reply, remote) = sent(Personality::default(), to, message).await;
        assert_eq!(verdict, "transferred", "{reply}");
        assert!(remote.messages()[0].sender_parameters.contains("SMTPUTF8"));
    }
}

#[tokio::test]
async fn what_is_too_large_is_not_sent() {
    let small = Personality::default().without("SIZE").with("SIZE 40");
    let (verdict, reply, remote) = sent(small, BOB, TEA).await;
    assert_eq!(verdict, "failed");
    assert!(reply.starts_with("5.3.4"), "{reply}");
    assert!(remote.messages().is_empty());
}

#[tokio::test]
async fn a_large_message_is_sent_in_pieces() {
    let mut large = b"Subject: Large\r\n\r\n".to_vec();
    for line in 0..20_000 {
        large.extend_from_slice(format!(".{line} and so on, and so on, and so on\r\n").as_bytes());
    }
    for personality in [
        Personality::default(),
        Personality::default().with("CHUNKING"),
        Personality::default().without("8BITMIME"),
    ] {
        let (verdict, reply, remote) = sent(personality, BOB, &large).await;
        assert_eq!(verdict, "transferred", "{reply}");
        assert!(remote.messages()[0].octets == large);
        remote.assert_no_stray_octets();
    }
}

/// Attack A02: what could end a message early at the next hop never leaves.
#[tokio::test]
async fn attack_a02_no_bare_line_end_leaves() {
    for octets in [
        &b"Subject: a\r\n\r\none\n.\r\nMAIL FROM:<x@y>\r\n"[..],
        b"Subject: a\r\n\r\none\r.\r\n",
        b"Subject: a\r\n\r\n\0\r\n",
    ] {
        let (verdict, reply, remote) = sent(Personality::default(), BOB, octets).await;
        assert_eq!(verdict, "failed");
        assert!(reply.starts_with("5.6.0"), "{reply}");
        assert!(remote.accepted().is_empty());
    }
}

#[tokio::test]
async fn tls_is_used_where_it_is_offered() {
    let good = Personality::default().with_starttls(StartTls::Good);
    let (verdict, _, remote) = sent(good, BOB, TEA).await;
    assert_eq!(verdict, "transferred");
    assert!(remote.messages()[0].is_tls);
}

#[tokio::test]
async fn a_handshake_that_fails_is_followed_by_clear_text() {
    let broken = Personality::default().with_starttls(StartTls::Broken);
    let remote = Remote::start(broken);
    let house = House::beside(remote.address()).await;
    let arrival = house.send(&[BOB], TEA).await;
    assert_eq!(house.fate(arrival).await.0, "transferred");
    assert!(!remote.messages()[0].is_tls);
    let lines = crate::fixture::until(|| async {
        let lines = house.store.journal_of(arrival).await.unwrap();
        lines
            .iter()
            .any(|line| &*line.what == "starttls")
            .then_some(lines)
    });
    let line = lines
        .await
        .into_iter()
        .find(|line| &*line.what == "starttls");
    assert_eq!(line.as_ref().map(|line| &*line.verdict), Some("clear"));
}
