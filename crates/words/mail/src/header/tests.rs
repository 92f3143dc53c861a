use proptest::prelude::*;

use super::*;
use crate::address::NonAscii;
use crate::message::{ListMember, decode_text, first_field, header_length, parse};

fn address(text: &str) -> Address {
    Address::parse(text, NonAscii::Allowed).unwrap()
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

const AT: Timestamp = Timestamp(1_700_000_000_000_000);

#[test]
fn a_received_field() {
    let (name, host, bob) = (
        domain("mail.example.org"),
        domain("mx.example.net"),
        address("bob@example.net"),
    );
    let hop = Received {
        helo: "mail.example.org",
        reverse_name: Some(&name),
        peer: Some("192.0.2.1".parse().unwrap()),
        host: &host,
        protocol: "ESMTPS",
        tls: Some("TLSv1.3 TLS13_AES_256_GCM_SHA384"),
        id: ArrivalId(1),
        recipient: Some(&bob),
        at: AT,
    };
    assert_eq!(
        received(&hop),
        "Received: from mail.example.org (mail.example.org [192.0.2.1])\r\n\
         \tby mx.example.net (postroom) with ESMTPS (TLSv1.3 TLS13_AES_256_GCM_SHA384)\r\n\
         \tid 0000000000001\r\n\
         \tfor <bob@example.net>;\r\n\
         \tTue, 14 Nov 2023 22:13:20 +0000\r\n"
    );
    let bare = Received {
        helo: "",
        reverse_name: None,
        peer: Some("2001:db8::1".parse().unwrap()),
        tls: None,
        recipient: None,
        ..hop
    };
    assert_eq!(
        received(&bare),
        "Received: from ? ([IPv6:2001:db8::1])\r\n\
         \tby mx.example.net (postroom) with ESMTPS id 0000000000001;\r\n\
         \tTue, 14 Nov 2023 22:13:20 +0000\r\n"
    );
}

#[test]
fn small_fields() {
    assert_eq!(return_path(&ReversePath::Null), "Return-Path: <>\r\n");
    let odd = address("\"a b\"@x.example");
    assert_eq!(
        return_path(&ReversePath::Address(odd.clone())),
        "Return-Path: <\"a b\"@x.example>\r\n"
    );
    assert_eq!(delivered_to(&odd), "Delivered-To: \"a b\"@x.example\r\n");
    assert_eq!(date(AT), "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n");
    let id = new_message_id(ArrivalId(1), AT, &domain("mx.example.net"));
    assert_eq!(
        message_id(&id),
        "Message-ID: <1700000000.0000000000001@mx.example.net>\r\n"
    );
    assert_eq!(
        mailbox("From", "Mail Delivery System", &odd),
        "From: Mail Delivery System <\"a b\"@x.example>\r\n"
    );
    assert_eq!(
        mailbox("From", "Jö, x", &odd),
        "From: =?utf-8?B?SsO2LCB4?= <\"a b\"@x.example>\r\n"
    );
    assert_eq!(mailbox("To", "", &odd), "To: \"a b\"@x.example\r\n");
}

/// E09: whatever a value holds, it stays within its field.
#[test]
fn attack_e09_header_injection() {
    let evil = "x\r\nBcc: y@z\r\n\r\nbody\0\u{85}\u{2028}";
    let host = domain("mx.example.net");
    let hop = Received {
        helo: evil,
        reverse_name: None,
        peer: None,
        host: &host,
        protocol: evil,
        tls: Some("x\r\n) (\\"),
        id: ArrivalId(0),
        recipient: None,
        at: AT,
    };
    for field in [
        received(&hop),
        unstructured("Subject", evil),
        message_id(evil),
        mailbox("From", evil, &address("a@b.example")),
    ] {
        assert_eq!(
            crate::message::Fields::new(field.as_bytes()).count(),
            1,
            "{field}"
        );
        assert_eq!(header_length(field.as_bytes()), field.len());
        let inner = field.strip_suffix("\r\n").unwrap();
        assert!(
            !inner.replace("\r\n\t", "").contains(['\r', '\n', '\0']),
            "{field}"
        );
    }
}

proptest! {
    #[test]
    fn subjects_come_back(text in "\\PC{0,200}") {
        let field = unstructured("Subject", &text);
        prop_assert!(field.lines().all(|line| line.len() <= LINE_OCTETS), "{}", field);
        prop_assert!(field.is_ascii());
        let value = first_field(field.as_bytes(), "subject").unwrap();
        prop_assert_eq!(decode_text(value), text);
    }

    #[test]
    fn mailboxes_come_back(name in "(\\PC{0,80}|[a-z ]{0,200})", local in "[ -~]{1,30}") {
        let quoted = local.replace('\\', "\\\\").replace('"', "\\\"");
        let address = address(&format!("\"{quoted}\"@b.example"));
        let field = mailbox("From", &name, &address);
        let envelope = parse(field.as_bytes()).envelope;
        let [ListMember::Mailbox(read)] = envelope.from.as_slice() else {
            return Err(TestCaseError::fail(format!("{envelope:?}")));
        };
        prop_assert_eq!(read.address(), Some(address));
        let squeeze = |text: &str| text.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
        prop_assert_eq!(squeeze(&read.display_name()), squeeze(&name));
    }
}
