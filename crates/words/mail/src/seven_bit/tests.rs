use proptest::prelude::*;

use super::*;
use crate::message::Structure;

const BIG: usize = 1 << 20;

fn text(message: &[u8]) -> String {
    String::from_utf8(convert(message, BIG).unwrap()).unwrap()
}

/// Media type and decoded content of every leaf.
fn leaves(message: &[u8]) -> Vec<(String, Vec<u8>)> {
    let Structure { root } = parse(message).structure;
    let structure = Structure { root };
    let parts = structure.parts();
    parts
        .filter(|part| matches!(part.content, Content::Basic | Content::Text { .. }))
        .map(|part| {
            let kind = format!("{}/{}", part.media_type.kind, part.media_type.subtype);
            (kind, part.decode_body(message))
        })
        .collect()
}

#[test]
fn ascii_stays_as_it_is() {
    let message = b"DKIM-Signature: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nplain\r\n";
    assert_eq!(convert(message, BIG).unwrap(), message);
}

#[test]
fn a_text_becomes_quoted_printable() {
    let message =
        b"Subject: Tee\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: 8bit\r\nX-Last: 1\r\n\r\n\
        f\xc3\xbcnf = 5 \r\n--dash\r\nFrom me\r\nend\t\r\n";
    assert_eq!(
        text(message),
        "Subject: Tee\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         X-Last: 1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
         f=C3=BCnf =3D 5=20\r\n=2D-dash\r\n=46rom me\r\nend=09\r\n"
    );
}

/// RFC 1428 §3: mail of before MIME says that nobody knows its charset.
#[test]
fn a_message_without_mime_gets_what_it_lacks() {
    assert_eq!(
        text(b"Subject: Tee\r\n\r\nf\xfcnf\r\n"),
        "Subject: Tee\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\nf=FCnf\r\n"
    );
}

#[test]
fn parts_are_encoded_one_by_one_and_wholes_relabelled() {
    let message = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\
        Content-Transfer-Encoding: 8bit\r\n\r\npre\xc3\xa4mble\r\n--b\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nascii\r\n\
        --b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x89PNG\r\n\
        --b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
        Subject: inner\r\n\r\n\xc3\xb6\r\n--b--\r\n";
    assert_eq!(
        text(message),
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\
         Content-Transfer-Encoding: 7bit\r\n\r\npre??mble\r\n--b\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nascii\r\n\
         --b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw==\r\n\
         --b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
         Subject: inner\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=B6\r\n--b--\r\n"
    );
}

#[test]
fn what_a_signature_covers_is_not_touched() {
    for field in [
        "DKIM-Signature",
        "dkim-signature",
        "ARC-Seal",
        "ARC-Message-Signature",
    ] {
        let message = format!("{field}: v=1\r\n\r\n\u{fc}\r\n");
        let refused = convert(message.as_bytes(), BIG);
        assert_eq!(refused, Err(SevenBitError::Signed), "{field}");
    }
    for kind in [
        "multipart/signed; boundary=b",
        "multipart/encrypted; boundary=b",
        "application/pkcs7-mime",
    ] {
        let message = format!(
            "Content-Type: {kind}\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\u{fc}\r\n--b--\r\n"
        );
        assert_eq!(
            convert(message.as_bytes(), BIG),
            Err(SevenBitError::Signed),
            "{kind}"
        );
    }
    // Beside 8-bit text, a signed part of ASCII keeps every octet, its labels among them.
    let signed = "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\
                  Content-Transfer-Encoding: 8bit\r\n\r\nascii \r\n--s--\r\n";
    let message = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\u{fc}\r\n--b\r\n{signed}--b--\r\n"
    );
    let sent = text(message.as_bytes());
    assert!(sent.contains(signed) && sent.contains("=C3=BC"), "{sent}");
}

/// RFC 6532 §3.7: what was made for letters beyond ASCII may be encoded as a whole.
#[test]
fn global_parts_are_encoded_whole() {
    for kind in ["global", "global-headers", "global-delivery-status"] {
        let inner = "Subject: \u{fc}\r\n\r\nx";
        let message = format!(
            "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\
             Content-Type: message/{kind}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{inner}\r\n--b--\r\n"
        );
        let sent = convert(message.as_bytes(), BIG).unwrap();
        assert!(sent.is_ascii(), "{kind}");
        let structure = parse(&sent).structure;
        let part = structure.find(&[1]).unwrap();
        assert_eq!(part.encoding, TransferEncoding::Base64, "{kind}");
        assert_eq!(part.decode_body(&sent), inner.as_bytes(), "{kind}");
    }
}

#[test]
fn what_cannot_be_encoded_is_refused() {
    for (message, error) in [
        ("Subject: \u{fc}\r\n\r\n\u{fc}\r\n", SevenBitError::Header),
        (
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
             Content-Description: \u{fc}\r\n\r\nx\r\n--b--\r\n",
            SevenBitError::Header,
        ),
        (
            "Content-Type: message/rfc822\r\n\r\nSubject: \u{fc}\r\n\r\nx\r\n",
            SevenBitError::Header,
        ),
        (
            "Content-Type: message/partial\r\n\r\n\u{fc}\r\n",
            SevenBitError::Part,
        ),
        (
            "Content-Transfer-Encoding: x-uue\r\n\r\n\u{fc}\r\n",
            SevenBitError::Part,
        ),
    ] {
        assert_eq!(convert(message.as_bytes(), BIG), Err(error), "{message}");
    }
    let message = "x: y\r\n\r\n\u{fc}\r\n".repeat(10);
    let refused = convert(message.as_bytes(), 100);
    assert_eq!(refused, Err(SevenBitError::TooBig(100)));
}

/// A soft break must not make a delimiter of what was none.
#[test]
fn a_boundary_is_never_made_by_a_line_break() {
    for shift in 60..90 {
        let line = "x".repeat(shift);
        let message = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\
             {line}--b\u{fc}\r\n{line}--b--\r\n--b--\r\n"
        );
        let sent = convert(message.as_bytes(), BIG).unwrap();
        assert_eq!(leaves(&sent), leaves(message.as_bytes()), "{shift}");
    }
}

prop_compose! {
    fn content()(words in prop::collection::vec(
        prop_oneof![
            Just(b"\r\n".to_vec()),
            Just(b" ".to_vec()),
            Just(b"=".to_vec()),
            Just(b"-".to_vec()),
            Just(b"From ".to_vec()),
            Just("\u{fc}".as_bytes().to_vec()),
            prop::collection::vec(1_u8..=255, 0..100),
        ],
        0..20,
    )) -> Vec<u8> {
        // No line of it is a delimiter: it has no `--`.
        let all = words.concat();
        all.into_iter().fold(Vec::new(), |mut kept, octet| {
            if octet != b'-' || kept.last() != Some(&b'-') {
                kept.push(octet);
            }
            kept
        })
    }
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop::sample::select(vec!["text/plain", "text/html", "image/png", "x/y"]);
    let encoding = prop::sample::select(vec!["8bit", "binary", "7bit"]);
    let leaf = (kind, encoding, content()).prop_map(|(kind, encoding, content)| {
        let header =
            format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
        (0, [header.as_bytes(), &content].concat())
    });
    let tree = leaf.prop_recursive(4, 12, 4, |inner| {
        prop::collection::vec(inner, 1..4).prop_map(|parts| {
            let depth = parts.iter().map(|(depth, _)| depth + 1).max().unwrap_or(1);
            let boundary = format!("b{depth}");
            let mut all =
                format!("Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n").into_bytes();
            for (_, part) in parts {
                all.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
                all.extend_from_slice(&part);
                all.extend_from_slice(b"\r\n");
            }
            all.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
            (depth, all)
        })
    });
    tree.prop_map(|(_, part)| [&b"MIME-Version: 1.0\r\n"[..], &part].concat())
}

proptest! {
    #[test]
    fn readers_decode_the_same_from_seven_bits(message in message()) {
        let sent = convert(&message, 64 << 20).unwrap();
        prop_assert!(sent.is_ascii());
        prop_assert_eq!(leaves(&sent), leaves(&message));
        let again = convert(&sent, 64 << 20).unwrap();
        prop_assert_eq!(again, sent);
    }

    #[test]
    fn encoded_lines_are_short_and_decode_to_what_they_were(octets in prop::collection::vec(any::<u8>(), 0..500)) {
        for (encoding, encode) in [
            (TransferEncoding::QuotedPrintable, encode::quoted_printable as fn(&[u8], &mut Vec<u8>)),
            (TransferEncoding::Base64, encode::base64),
        ] {
            let mut encoded = Vec::new();
            encode(&octets, &mut encoded);
            prop_assert!(encoded.split(|octet| *octet == b'\n').all(|line| line.len() <= 77));
            prop_assert_eq!(encoding.decode(&encoded), octets.clone());
        }
    }

    /// Whatever comes, there is an answer, and it is ASCII.
    #[test]
    fn any_octets_are_answered(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(sent) = convert(&octets, BIG) {
            prop_assert!(sent.is_ascii());
        }
    }
}
