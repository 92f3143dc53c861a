//! The fields that this server puts above a message it takes.

use std::fmt::Write as _;
use std::net::IpAddr;

use postroom_mail::address::Address;
use postroom_mail::date::DateTime;
use postroom_mail::identifier::ArrivalId;
use postroom_runtime::clock::Timestamp;
use postroom_smtp::server::HelloVerb;
use postroom_wire::machine::Tls;

/// What a Received field says (RFC 5321 §4.4).
#[derive(Debug)]
pub(crate) struct Received<'a> {
    /// What the peer called itself: printable ASCII, at most 255 octets.
    pub(crate) helo: &'a str,
    pub(crate) peer: IpAddr,
    pub(crate) host: &'a str,
    pub(crate) with: &'static str,
    pub(crate) tls: Option<&'a Tls>,
    pub(crate) arrival: ArrivalId,
    /// The recipient, where there is one alone; others would learn of each other.
    pub(crate) recipient: Option<&'a Address>,
    pub(crate) time: Timestamp,
}

impl Received<'_> {
    /// Appends the field.
    pub(crate) fn write(&self, out: &mut String) {
        let peer = self.peer.to_canonical();
        let tag = if peer.is_ipv6() { "IPv6:" } else { "" };
        // The name may hold what ends a comment or the clause.
        let helo = extended_domain(self.helo);
        let _ = write!(
            out,
            "Received: from {helo} ([{tag}{peer}])\r\n\tby {} with {} id {}",
            self.host, self.with, self.arrival,
        );
        if let Some(tls) = self.tls {
            // RFC 8314 §4.3.
            let _ = write!(
                out,
                "\r\n\t(using {}) tls {}",
                tls.version, tls.cipher
            );
        }
        if let Some(recipient) = self.recipient {
            let _ = write!(out, "\r\n\tfor <{recipient}>");
        }
        let _ = write!(
            out,
            ";\r\n\t{}\r\n",
            DateTime::at(self.time, 0).header()
        );
    }
}

/// The name as a domain or literal may be written; `unknown` for anything else.
fn extended_domain(name: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_domain = name.bytes().all(is_plain);
    let literal = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_literal =
        literal.is_some_and(|inner| inner.bytes().all(|byte| is_plain(byte) || byte == b':'));
    if !name.is_empty() && (is_domain || is_literal) {
        name
    } else {
        "unknown"
    }
}

/// The protocol keyword (RFC 3848, RFC 6531 §4.3).
pub(crate) fn with(
    verb: HelloVerb,
    smtputf8: bool,
    has_tls: bool,
    is_logged_in: bool,
) -> &'static str {
    match (verb, smtputf8, has_tls, is_logged_in) {
        (HelloVerb::Helo, ..) => "SMTP",
        (HelloVerb::Ehlo, false, false, false) => "ESMTP",
        (HelloVerb::Ehlo, false, false, true) => "ESMTPA",
        (HelloVerb::Ehlo, false, true, false) => "ESMTPS",
        (HelloVerb::Ehlo, false, true, true) => "ESMTPSA",
        (HelloVerb::Ehlo, true, false, false) => "UTF8SMTP",
        (HelloVerb::Ehlo, true, false, true) => "UTF8SMTPA",
        (HelloVerb::Ehlo, true, true, false) => "UTF8SMTPS",
        (HelloVerb::Ehlo, true, true, true) => "UTF8SMTPSA",
        (HelloVerb::Lhlo, false, false, false) => "LMTP",
        (HelloVerb::Lhlo, false, false, true) => "LMTPA",
        (HelloVerb::Lhlo, false, true, false) => "LMTPS",
        (HelloVerb::Lhlo, false, true, true) => "LMTPSA",
        (HelloVerb::Lhlo, true, false, false) => "UTF8LMTP",
        (HelloVerb::Lhlo, true, false, true) => "UTF8LMTPA",
        (HelloVerb::Lhlo, true, true, false) => "UTF8LMTPS",
        (HelloVerb::Lhlo, true, true, true) => "UTF8LMTPSA",
    }
}

#[cfg(test)]
mod tests {
    use postroom_mail::address::NonAscii;

    use super::*;

    fn field(helo: &str) -> String {
        let to = Address::parse("anna@example.org", NonAscii::Refused).unwrap();
        let tls = Tls {
            version: "TLSv1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            server_name: None,
        };
        let mut out = String::new();
        Received {
            helo,
            peer: "2001:db8::1".parse().unwrap(),
            host: "mx.example.org",
            with: with(HelloVerb::Ehlo, false, true, false),
            tls: Some(&tls),
            arrival: ArrivalId(0),
            recipient: Some(&to),
            time: Timestamp::from_unix_seconds(0),
        }
        .write(&mut out);
        out
    }

    #[test]
    fn received_names_protocol_cipher_and_sole_recipient() {
        assert_eq!(
            field("client.example.net"),
            "Received: from client.example.net ([IPv6:2001:db8::1])\r\n\
             \tby mx.example.org with ESMTPS id 0000000000000\r\n\
             \t(using TLSv1.3) tls TLS_AES_128_GCM_SHA256\r\n\
             \tfor <anna@example.org>;\r\n\tThu, 01 Jan 1970 00:00:00 +0000\r\n"
        );
    }

    #[test]
    fn a_hello_cannot_forge_what_follows_it() {
        for name in ["x) by evil with ESMTPS (", "a;b", "", "[1.2.3.4](", "a b", "<x>"] {
            assert!(field(name).starts_with("Received: from unknown (["), "{name}");
        }
        assert!(field("[IPv6:2001:db8::2]").starts_with("Received: from [IPv6:2001:db8::2] ("));
    }
}
