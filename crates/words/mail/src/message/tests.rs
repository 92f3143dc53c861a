use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// `number type size[/lines]` of every numbered part, and what lies under HEADER and TEXT.
fn outline(message: &[u8]) -> Vec<String> {
    let parsed = parse(message);
    let mut lines = Vec::new();
    describe(&parsed.structure, &mut Vec::new(), &mut lines);
    lines
}

fn describe(structure: &Structure, path: &mut Vec<u32>, lines: &mut Vec<String>) {
    for number in 1.. {
        path.push(number);
        let Some(part) = structure.find(path) else {
            path.pop();
            break;
        };
        let name: Vec<_> = path.iter().map(u32::to_string).collect();
        let size = match &part.content {
            Content::Text { lines } | Content::Message { lines, .. } => {
                format!("{}/{lines}", part.body.len())
            }
            _ => part.body.len().to_string(),
        };
        let MediaType { kind, subtype, .. } = &part.media_type;
        lines.push(format!("{} {kind}/{subtype} {size}", name.join(".")));
        describe(structure, path, lines);
        path.pop();
    }
}

fn text<'m>(message: &'m [u8], path: &[u32], text: SectionText) -> Option<&'m str> {
    let range = parse(message).structure.section(path, text)?;
    std::str::from_utf8(&message[range]).ok()
}

/// The example of RFC 9051 §6.4.5.1.
const NESTED: &[u8] = b"From: a@b\r\n\
Content-Type: multipart/mixed; boundary=outer\r\n\
\r\n\
preamble\r\n\
--outer\r\n\
\r\n\
one\r\n\
--outer  \r\n\
Content-Type: application/octet-stream\r\n\
\r\n\
two\r\n\
--outer\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
Subject: three\r\n\
Content-Type: multipart/mixed; boundary=\"inner\"\r\n\
\r\n\
--inner\r\n\
\r\n\
three one\r\n\
\r\n\
--inner\r\n\
Content-Type: application/x\r\n\
\r\n\
three two\r\n\
--inner--\r\n\
epilogue\r\n\
--outer\r\n\
Content-Type: multipart/mixed; boundary=four\r\n\
\r\n\
--four\r\n\
Content-Type: image/gif\r\n\
\r\n\
gif\r\n\
--four\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
Subject: four two\r\n\
\r\n\
four two one\r\n\
--four--\r\n\
--outer--\r\n";

#[test]
fn sections_of_a_nested_message() {
    assert_eq!(
        outline(NESTED),
        [
            "1 text/plain 3/0",
            "2 application/octet-stream 3",
            "3 message/rfc822 161/12",
            "3.1 text/plain 11/1",
            "3.2 application/x 9",
            "4 multipart/mixed 123",
            "4.1 image/gif 3",
            "4.2 message/rfc822 33/2",
            "4.2.1 text/plain 12/0",
        ]
    );
    for (path, part, expected) in [
        (&[1][..], SectionText::Content, Some("one")),
        (&[1], SectionText::Mime, Some("\r\n")),
        (&[1], SectionText::Header, None),
        (&[1, 1], SectionText::Content, None),
        (&[0], SectionText::Content, None),
        (&[5], SectionText::Content, None),
        (&[], SectionText::Mime, None),
        (&[3, 1], SectionText::Content, Some("three one\r\n")),
        (
            &[3, 2],
            SectionText::Mime,
            Some("Content-Type: application/x\r\n\r\n"),
        ),
        (
            &[4, 2],
            SectionText::Header,
            Some("Subject: four two\r\n\r\n"),
        ),
        (&[4, 2], SectionText::Text, Some("four two one")),
        (&[4, 2, 1], SectionText::Content, Some("four two one")),
        (&[4, 2, 1, 1], SectionText::Content, None),
        (
            &[4, 2],
            SectionText::Content,
            Some("Subject: four two\r\n\r\nfour two one"),
        ),
    ] {
        assert_eq!(text(NESTED, path, part), expected, "{path:?} {part:?}");
    }
    let whole = std::str::from_utf8(NESTED).unwrap();
    assert_eq!(text(NESTED, &[], SectionText::Content), Some(whole));
    let header = text(NESTED, &[], SectionText::Header).unwrap();
    assert_eq!(
        text(NESTED, &[], SectionText::Text),
        whole.strip_prefix(header)
    );
    let three = parse(NESTED).structure.find(&[3]).cloned().unwrap();
    let Content::Message { envelope, .. } = three.content else {
        panic!("3 is a message")
    };
    assert_eq!(envelope.subject.as_deref(), Some(&b"three"[..]));
}

#[test]
fn a_plain_message() {
    let message = b"Subject: x\r\n\r\nline\r\nline\r\n";
    assert_eq!(outline(message), ["1 text/plain 12/2"]);
    assert_eq!(
        text(message, &[1], SectionText::Mime),
        Some("Subject: x\r\n\r\n")
    );
    assert_eq!(outline(b""), ["1 text/plain 0/0"]);
    assert_eq!(outline(b"a: b"), ["1 text/plain 0/0"]);
    assert_eq!(outline(b"\nbody"), ["1 text/plain 4/0"]);
    let html = b"Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: \
        quoted-printable\n\n=E4=\n=F6";
    assert_eq!(parse(html).structure.root.decode_text(html), "äö");
}

#[test]
fn an_envelope() {
    let message = b"DATE: Mon, 1 Jan 2024 00:00:00 +0000\r\nSubject: =?utf-8?q?a?=\r\n folded\r\n\
        From: Anna <anna@a.example>\r\nTo: b@b.example\r\nto: c@c.example\r\nBcc:\r\n\
        Subject: second\r\nFrom: other@a.example\r\nMessage-ID: \r\n\r\n";
    let envelope = parse(message).envelope;
    assert_eq!(
        envelope.subject.as_deref(),
        Some(&b"=?utf-8?q?a?= folded"[..])
    );
    let sent = envelope.sent().unwrap().timestamp().unix_seconds();
    assert_eq!(sent, 1_704_067_200);
    assert_eq!(envelope.from.len(), 1);
    assert_eq!(envelope.sender_or_from(), envelope.from);
    assert_eq!(envelope.reply_to_or_from(), envelope.from);
    assert_eq!((envelope.to.len(), envelope.bcc.len()), (2, 0));
    assert_eq!(envelope.message_id.as_deref(), Some(&b""[..]));
    assert_eq!(envelope.in_reply_to, None);
    let ids: Vec<_> = message_ids(b"<a@b> (c)\r\n <c@d> x <e").collect();
    assert_eq!(ids, [&b"a@b"[..], b"c@d", b"e"]);
}

#[test]
fn what_cannot_be_taken_apart_is_a_leaf() {
    for (header, outline_of) in [
        ("multipart/mixed", "text/plain 5/1"),
        ("multipart/mixed; boundary=\"\"", "text/plain 5/1"),
        ("multipart/mixed; boundary=b", "text/plain 5/1"),
        (
            "message/rfc822\r\nContent-Transfer-Encoding: base64",
            "application/octet-stream 5",
        ),
        ("message/partial", "message/partial 5"),
        ("nonsense", "text/plain 5/1"),
        ("IMAGE/PNG", "image/png 5"),
    ] {
        let message = format!("Content-Type: {header}\r\n\r\n--x\r\n");
        assert_eq!(
            outline(message.as_bytes()),
            [format!("1 {outline_of}")],
            "{header}"
        );
    }
    let digest = b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ny\n--b--";
    assert_eq!(
        outline(digest),
        ["1 message/rfc822 13/2", "1.1 text/plain 1/0"]
    );
}

/// E01: nesting costs no stack and no second look.
#[test]
fn attack_e01_deep_nesting() {
    let mut multiparts = String::new();
    for depth in 0..100_000 {
        let header = "Content-Type: multipart/mixed";
        write!(
            multiparts,
            "{header}; boundary=b{depth}\r\n\r\n--b{depth}\r\n"
        )
        .unwrap();
    }
    let messages = "Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
    let same = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n".repeat(100_000);
    for message in [multiparts, messages, same] {
        let structure = parse(message.as_bytes()).structure;
        let parts = structure.parts().count();
        assert!((DEPTH_MAX - 1..=PARTS_MAX).contains(&parts), "{parts}");
        let last = structure.parts().last().unwrap();
        assert_eq!(last.body.end, message.len());
        assert_eq!(Structure::decode(&structure.encode()), Ok(structure));
    }
}

/// E02: a tree of parts cannot point to itself, and a kept one is bounded by its octets.
#[test]
fn attack_e02_no_cycles() {
    let message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned()
        + &"--b\r\n\r\nx\r\n".repeat(100_000);
    let structure = parse(message.as_bytes()).structure;
    assert_eq!(structure.parts().count(), PARTS_MAX);
    assert!(structure.encode().len() < 64 * PARTS_MAX);
    // A list that claims more members than there are octets.
    let mut kept = structure.encode();
    kept.truncate(40);
    kept.extend([0xff; 9]);
    assert!(Structure::decode(&kept).is_err());
}

/// E03: headers of many megabytes are read once, and little of them is kept.
#[test]
fn attack_e03_endless_headers() {
    let addresses = "To: ".to_owned() + &"a@b.example,".repeat(1_000_000);
    let fields = "To: a@b.example\r\n".repeat(1_000_000);
    let folded = "Subject: a".to_owned() + &"\r\n b".repeat(3_000_000);
    let words = "Subject: ".to_owned() + &"=?utf-8?q?".repeat(1_000_000);
    let phrase = "From: ".to_owned() + &"a (\\".repeat(2_000_000);
    let domain = "From: a@".to_owned() + &"b. ".repeat(2_000_000);
    let groups = "Cc: ".to_owned() + &"a:".repeat(2_000_000);
    let lone = ":".repeat(10_000_000);
    for message in [
        addresses, fields, folded, words, phrase, domain, groups, lone,
    ] {
        let parsed = parse(message.as_bytes());
        assert!(parsed.envelope.to.len() <= ADDRESSES_MAX);
        assert!(parsed.envelope.cc.len() <= ADDRESSES_MAX + 1);
        assert!(parsed.envelope.encode().len() < 100_000);
        assert_eq!(
            MessageEnvelope::decode(&parsed.envelope.encode()),
            Ok(parsed.envelope)
        );
        assert_eq!(header_length(message.as_bytes()), message.len());
        decode_text(message.as_bytes());
    }
}

/// E04: parameters and continuations beyond the bound are not even read.
#[test]
fn attack_e04_endless_parameters() {
    let mut many = "Content-Type: text/plain".to_owned();
    let mut continued = "Content-Disposition: attachment".to_owned();
    for number in 0..1_000_000 {
        write!(many, "; p{number}=v").unwrap();
        write!(continued, "; filename*{number}*=%41").unwrap();
    }
    let same = "Content-Type: text/plain".to_owned() + &"; a*0=b".repeat(1_000_000);
    let long = format!("Content-Type: text/plain; a={}", "b".repeat(1_000_000));
    for message in [many, continued, same, long] {
        let root = parse(message.as_bytes()).structure.root;
        assert!(root.media_type.parameters.len() <= PARAMETERS_MAX);
        if let Some(disposition) = &root.disposition {
            let name = disposition.parameters[0].text();
            assert_eq!(name, "A".repeat(PARAMETERS_MAX));
        }
        for parameter in &root.media_type.parameters {
            assert!(parameter.value.len() <= PARAMETER_VALUE_OCTETS_MAX);
        }
    }
}

/// E05: groups, 8-bit octets, cut UTF-8 and NUL in headers.
#[test]
fn attack_e05_odd_octets() {
    let message = b"Subject: a\0b\xe2\x82\r\nFrom: \0:\xff\xfe <\xc3@\xc3>,\0;\r\n\
        Content-Type: text/\xff; charset=\"\0\xff\"\r\nContent-Description: \0\xf0\x9f\r\n\r\n";
    let parsed = parse(message);
    assert_eq!(parsed.envelope.subject.as_deref(), Some(&b"ab\xe2\x82"[..]));
    let [
        ListMember::GroupStart(name),
        ListMember::Mailbox(mailbox),
        ListMember::GroupEnd,
    ] = parsed.envelope.from.as_slice()
    else {
        panic!("{:?}", parsed.envelope.from)
    };
    assert_eq!(&**name, b"");
    assert_eq!(mailbox.name.as_deref(), Some(&b"\xff\xfe"[..]));
    assert_eq!(
        (&*mailbox.local, &*mailbox.domain),
        (&b"\xc3"[..], &b"\xc3"[..])
    );
    assert_eq!(mailbox.address(), None);
    assert!(parsed.structure.root.media_type.is("text", "plain"));
    assert!(!parsed.envelope.encode().is_empty());
    for text in [b"\xe2\x82".as_slice(), b"=?utf-8?q?=E2=82?= \xe2"] {
        assert!(!decode_text(text).is_empty());
    }
}

/// E06: a backslash as the last octet quotes nothing.
#[test]
fn attack_e06_backslash_at_the_end() {
    for value in [
        "(\\",
        "a (b\\",
        "\"\\",
        "\"a\\",
        "a <\"\\",
        "a@b (\\",
        "((((\\",
        "<a@b>(c\\)",
    ] {
        parse_address_list(value.as_bytes());
        MediaType::parse(format!("text/plain; a={value}").as_bytes());
        Disposition::parse(value.as_bytes());
        TransferEncoding::parse(value.as_bytes());
        crate::date::parse_header_date(value.as_bytes());
        decode_text(value.as_bytes());
        parse(format!("From: {value}\r\nTo: {value}").as_bytes());
    }
    let [ListMember::Mailbox(mailbox)] = &*parse_address_list(b"a@b (name\\") else {
        panic!("one mailbox")
    };
    assert_eq!(mailbox.name.as_deref(), Some(&b"name"[..]));
}

/// E07: boundaries that begin like others, are empty, endless or never closed.
#[test]
fn attack_e07_boundaries() {
    let prefix = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\
        Content-Type: multipart/mixed; boundary=bb\n\n--bb\n\none\n--bbb\nstill\n--bb--\n--b\n\ntwo\n--b-- x\n--b--";
    assert_eq!(
        outline(prefix),
        [
            "1 multipart/mixed 28",
            "1.1 text/plain 15/2",
            "2 text/plain 11/1"
        ]
    );
    let dashes = b"Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\none\n----\n";
    assert_eq!(outline(dashes), ["1 text/plain 13/4"]);
    let endless = format!(
        "Content-Type: multipart/mixed; boundary={0}\n\n--{0}\n\nx\n--{0}--\n",
        "b".repeat(1_000_000)
    );
    assert_eq!(outline(endless.as_bytes()).len(), 1);
    let open = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n";
    assert_eq!(outline(open), ["1 text/plain 3/0", "2 text/plain 4/1"]);
    let headless = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\nX: y\n--b\n--b--\n";
    assert_eq!(
        outline(headless),
        ["1 text/plain 0/0", "2 text/plain 0/0", "3 text/plain 0/0"]
    );
    // A search for each of many lines that almost match.
    let near = "Content-Type: multipart/mixed; boundary=b\n\n".to_owned()
        + &format!("--b{}x\n", " ".repeat(500)).repeat(20_000)
        + &"\n--".repeat(1_000_000)
        + &" ".repeat(5_000_000);
    assert_eq!(outline(near.as_bytes()).len(), 1);
}

/// Of these, mail-like messages are made.
const LINES: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"--b\r\n",
    b"--c\n",
    b"--b--\r\n",
    b"--c--\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: multipart/digest;\r\n\tboundary=\"c\"\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: text/html; charset*0*=utf-8'de'a; charset*1=b\r\n",
    b"Content-Disposition: attachment; filename=x\r\n",
    b"Content-Language: de, en\r\nContent-MD5: x\r\nContent-Location: y\r\n",
    b"Content-Transfer-Encoding: x-odd\r\n",
    b"From: A <a@b>, g: c@d;\r\nSubject:\r\n",
    b" \xff text\0",
];

fn message() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(proptest::sample::select(LINES), 0..40)
        .prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn parts_lie_within_each_other(message in message()) {
        let parsed = parse(&message);
        let mut waiting = vec![(&parsed.structure.root, 0..message.len())];
        while let Some((part, within)) = waiting.pop() {
            prop_assert!(within.start <= part.header.start && part.header.end == part.body.start);
            prop_assert!(part.body.end <= within.end);
            match &part.content {
                Content::Multipart(parts) => {
                    let mut from = part.body.start;
                    for inner in parts {
                        waiting.push((inner, from..part.body.end));
                        from = inner.body.end;
                    }
                }
                Content::Message { root, lines, .. } => {
                    let counted = memchr::memchr_iter(b'\n', &message[part.body.clone()]).count();
                    prop_assert_eq!(*lines, counted);
                    prop_assert_eq!(root.body.end, part.body.end);
                    waiting.push((root, part.body.clone()));
                }
                Content::Text { .. } | Content::Basic => {}
            }
        }
    }

    #[test]
    fn kept_forms_come_back(message in message(), cut in 0_usize..400) {
        let Parsed { envelope, structure } = parse(&message);
        let (kept, kept_envelope) = (structure.encode(), envelope.encode());
        prop_assert!(Structure::decode(kept.get(..cut.min(kept.len() - 1)).unwrap()).is_err());
        prop_assert_eq!(Structure::decode(&kept), Ok(structure));
        prop_assert_eq!(MessageEnvelope::decode(&kept_envelope), Ok(envelope));
    }

    #[test]
    fn kept_octets_may_be_anything(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(version) = bytes.first_mut() {
            *version = 1;
        }
        let _ = Structure::decode(&bytes);
        let _ = MessageEnvelope::decode(&bytes);
    }
}
