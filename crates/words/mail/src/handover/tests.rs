use super::*;

fn origin(sender: &Address) -> Origin<'_> {
    Origin {
        sender,
        full_name: "",
        domain: "example.org",
    }
}

fn prepared(message: &str) -> (Vec<String>, String) {
    let sender = Address::parse("web@mail.example.org", NonAscii::Refused).unwrap();
    let prepared = prepare(message.as_bytes(), &origin(&sender));
    assert!(prepared.unusable.is_empty(), "{:?}", prepared.unusable);
    let recipients = prepared.recipients.iter().map(|path| match path {
        ForwardPath::Address(address) => address.to_string(),
        ForwardPath::Postmaster => "Postmaster".to_owned(),
    });
    let recipients = recipients.collect();
    (recipients, String::from_utf8(prepared.octets).unwrap())
}

#[test]
fn lines_get_crlf_and_a_dot_ends_them() {
    let take = |input: &[u8], lone_dot| with_crlf(input, lone_dot).unwrap();
    assert_eq!(take(b"a\nb", LoneDot::Ends), b"a\r\nb\r\n");
    assert_eq!(take(b"a\r\nb\n", LoneDot::Ends), b"a\r\nb\r\n");
    assert_eq!(take(b"a\n.\nb\n", LoneDot::Ends), b"a\r\n");
    assert_eq!(take(b"a\n.\nb\n", LoneDot::Stays), b"a\r\n.\r\nb\r\n");
    assert_eq!(take(b"From anna Mon\nTo: b\n", LoneDot::Ends), b"To: b\r\n");
    assert_eq!(take(b"", LoneDot::Ends), b"");
}

/// What a later hop could take for a line end or the end of a string is not let in.
#[test]
fn attack_a20_what_is_no_line_end_is_refused() {
    let take = |input: &[u8]| with_crlf(input, LoneDot::Ends);
    assert_eq!(take(b"a\rb\n"), Err(HandoverError::BareCr(1)));
    assert_eq!(take(b"a\n.\r\r\nb\n"), Err(HandoverError::BareCr(2)));
    assert_eq!(take(b"a\nb\r"), Ok(b"a\r\nb\r\n".to_vec()));
    assert_eq!(take(b"a\nb\0c\n"), Err(HandoverError::Nul(2)));
}

#[test]
fn a_header_names_its_recipients_and_bcc_leaves() {
    let (recipients, text) = prepared(
        "From: a@example.net\r\nTo: Bob <bob@example.net>, root\r\nBcc: carl@example.net,\r\n \
         dora\r\nCc: bob@example.net\r\nSubject: x\r\n\r\nBcc: body\r\n",
    );
    assert_eq!(
        recipients,
        [
            "bob@example.net",
            "Postmaster",
            "carl@example.net",
            "dora@example.org"
        ]
    );
    assert_eq!(
        text,
        "From: a@example.net\r\nTo: Bob <bob@example.net>, root\r\nCc: bob@example.net\r\n\
         Subject: x\r\n\r\nBcc: body\r\n"
    );
}

#[test]
fn a_resent_message_goes_to_whom_it_is_resent() {
    let (recipients, text) = prepared(
        "Resent-To: new@example.net\r\nResent-Bcc: hidden@example.net\r\nFrom: a@example.net\r\n\
         To: old@example.net\r\n\r\n",
    );
    assert_eq!(recipients, ["new@example.net", "hidden@example.net"]);
    assert!(!text.contains("hidden"), "{text}");
}

#[test]
fn what_lacks_is_added() {
    let (_, text) = prepared("Subject: x\r\n\r\nbody\r\n");
    assert_eq!(
        text,
        "From: web@mail.example.org\r\nTo: undisclosed-recipients:;\r\nSubject: x\r\n\r\nbody\r\n"
    );
    let (_, text) = prepared("From: root (Cron Daemon)\r\nTo: root\r\n\r\n");
    assert!(
        text.starts_with("From: Cron Daemon <web@mail.example.org>\r\nTo: root\r\n"),
        "{text}"
    );
}

#[test]
fn a_text_without_header_becomes_the_body() {
    for body in ["just a line\r\n", "  indented: line\r\n", ""] {
        let (_, text) = prepared(body);
        let whole =
            format!("From: web@mail.example.org\r\nTo: undisclosed-recipients:;\r\n\r\n{body}");
        assert_eq!(text, whole);
    }
    let (_, text) = prepared("\r\nbody\r\n");
    assert!(text.ends_with(":;\r\n\r\nbody\r\n"), "{text}");
}
