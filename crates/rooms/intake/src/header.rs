//! The header of a message that came, read once.

use postroom_mail::address::Address;
use postroom_mail::message::{Fields, ListMember, header_length, parse_address_list};

/// What stages and plans want to know of a header.
#[derive(Debug, Default)]
pub(crate) struct Header {
    /// Octets, the empty line included.
    pub(crate) octets: usize,
    /// Received fields.
    pub(crate) hops: usize,
    /// Received fields that this server wrote.
    pub(crate) own_hops: usize,
    /// From fields.
    pub(crate) from_fields: usize,
    /// Addresses in them; `None` for one that no envelope could carry.
    pub(crate) from: Vec<Option<Address>>,
    /// The first Message-ID, as it came.
    pub(crate) message_id: Option<String>,
    /// Whether there is a Date.
    pub(crate) has_date: bool,
    /// Whether the message begins with a line that is no field: it has no header at all, and what
    /// we put above it must not run into it.
    pub(crate) is_missing: bool,
}

/// Octets of a Message-ID that the journal keeps.
const MESSAGE_ID_MAX: usize = 250;

impl Header {
    /// Reads the header of `message`; `host` is this server's name.
    pub(crate) fn read(message: &[u8], host: &str) -> Self {
        let mut header = Self {
            octets: header_length(message),
            ..Self::default()
        };
        for (index, field) in Fields::new(message).enumerate() {
            if index == 0 {
                header.is_missing =
                    field.name.is_empty() || message.first().is_some_and(u8::is_ascii_whitespace);
            }
            match field.name.len() {
                4 if field.is("Date") => header.has_date = true,
                4 if field.is("From") => {
                    header.from_fields += 1;
                    header.from.extend(addresses(field.value));
                }
                8 if field.is("Received") => {
                    header.hops += 1;
                    header.own_hops += usize::from(is_by(field.value, host));
                }
                10 if field.is("Message-ID") && header.message_id.is_none() => {
                    header.message_id = Some(message_id(field.value));
                }
                _ => {}
            }
        }
        header
    }
}

/// Whether a Received field says `by` this name (RFC 5321 §4.4).
fn is_by(received: &[u8], host: &str) -> bool {
    let mut words = received
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    words.any(|word| word.eq_ignore_ascii_case(b"by"))
        && words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case(host.as_bytes()))
}

fn addresses(value: &[u8]) -> impl Iterator<Item = Option<Address>> {
    parse_address_list(value)
        .into_iter()
        .filter_map(|member| match member {
            ListMember::Mailbox(mailbox) => Some(mailbox.address()),
            ListMember::GroupStart(_) | ListMember::GroupEnd => None,
        })
}

fn message_id(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value.trim_ascii());
    let short: String = text.chars().take(MESSAGE_ID_MAX).collect();
    postroom_delivery::privacy::printable(&short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_their_case_and_order() {
        let header = Header::read(
            b"received: a\r\nRECEIVED: b\r\nFrom: Anna <anna@example.org>\r\n\
              Message-Id: <1@x>\r\ndate: now\r\n\r\nFrom: body\r\n",
            "mx.example.org",
        );
        assert_eq!(
            (header.hops, header.own_hops, header.from_fields),
            (2, 0, 1)
        );
        assert_eq!(header.message_id.as_deref(), Some("<1@x>"));
        assert!(header.has_date && !header.is_missing);
        assert_eq!(header.from.len(), 1);
    }

    #[test]
    fn hops_of_our_own_are_told_from_those_of_others() {
        let header = Header::read(
            b"Received: from a (b [192.0.2.1])\r\n\tBY MX.example.org (postroom) with SMTP\r\n\
              Received: from mx.example.org by other.example with SMTP\r\n\
              Received: from x by mx.example.org.evil.example\r\nReceived: by\r\n\r\n",
            "mx.example.org",
        );
        assert_eq!((header.hops, header.own_hops), (4, 1));
    }

    #[test]
    fn a_message_without_header_is_seen_as_such() {
        for text in [
            &b"Hello there\r\n"[..],
            b" folded: x\r\n",
            b"From anna Mon\r\n",
        ] {
            assert!(Header::read(text, "x").is_missing, "{text:?}");
        }
        for text in [&b""[..], b"\r\nbody\r\n", b"Subject: x\r\n\r\n"] {
            assert!(!Header::read(text, "x").is_missing, "{text:?}");
        }
    }
}
