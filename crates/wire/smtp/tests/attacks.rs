//! Attacks on framing and on the state of a session, each named after its row in the catalogue.

#[path = "support/host.rs"]
mod host;

use host::{House, session};
use postroom_mail::reply;
use postroom_smtp::server::{AuthPolicy, Dialect, Server, Standing, StartTlsPolicy};
use postroom_wire::machine::Tls;
use postroom_wire::transcript::Drive;
use proptest::prelude::*;

type Session = Drive<House>;

/// A session of a stranger with generous limits, past EHLO.
fn greeted() -> Session {
    let mut house = House::new(Dialect::Transfer);
    house.profile.limits.bad_commands_max = u32::MAX;
    house.profile.limits.commands_max = u32::MAX;
    house.profile.limits.transactions_max = u32::MAX;
    begin(house)
}

fn begin(house: House) -> Session {
    let mut session = session(house);
    session.ready();
    say(&mut session, b"EHLO client.example.com\r\n");
    session
}

/// Sends octets; returns the codes of the replies.
fn say(session: &mut Session, octets: &[u8]) -> Vec<u16> {
    session.receive(octets);
    codes(session)
}

fn codes(session: &mut Session) -> Vec<u16> {
    let written = String::from_utf8(session.take_written()).expect("replies are text");
    assert!(written.is_empty() || written.ends_with("\r\n"));
    written
        .lines()
        .filter(|line| line.as_bytes().get(3) == Some(&b' '))
        .map(|line| line[..3].parse().expect("a reply begins with its code"))
        .collect()
}

const ENVELOPE: &[u8] = b"MAIL FROM:<anna@example.org>\r\nRCPT TO:<bob@example.net>\r\n";
const SMUGGLED: &[u8] =
    b"MAIL FROM:<eve@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\nevil\r\n.\r\n";

/// Sends one message with `middle` inside, cut as told; returns replies after 354 and messages.
fn smuggle(middle: &[u8], piece_octets: usize) -> (Vec<u16>, Vec<Vec<u8>>) {
    let mut session = greeted();
    assert_eq!(say(&mut session, ENVELOPE), [250, 250]);
    assert_eq!(say(&mut session, b"DATA\r\n"), [354]);
    let body = [b"hi", middle, SMUGGLED].concat();
    for piece in body.chunks(piece_octets) {
        session.receive(piece);
    }
    let replies = codes(&mut session);
    assert_eq!(say(&mut session, b"QUIT\r\n"), [221]);
    (replies, std::mem::take(&mut session.host.messages))
}

/// Whether every CR has its LF, every LF its CR, and there is no NUL.
fn is_text(octets: &[u8]) -> bool {
    let without_ends = String::from_utf8_lossy(octets).replace("\r\n", "");
    !without_ends.contains(['\r', '\n', '\0'])
}

#[test]
fn attack_a01_only_crlf_dot_crlf_ends_a_message() {
    let octets = *b"\r\n.\0a";
    let mut honest = 0;
    for first in octets {
        for second in octets {
            for third in octets {
                for (before, after) in [("", ""), ("\r\n", ""), ("", "\r\n"), ("\r\n", "\r\n")] {
                    let triple = [first, second, third];
                    let middle = [before.as_bytes(), &triple, after.as_bytes()].concat();
                    let real_end = middle.windows(5).any(|five| five == b"\r\n.\r\n");
                    let (whole, messages) = smuggle(&middle, usize::MAX);
                    assert_eq!(smuggle(&middle, 1), (whole.clone(), messages.clone()));
                    if real_end {
                        // What follows a real end are commands, as RFC 2920 §3.1 allows.
                        honest += 1;
                        continue;
                    }
                    assert_eq!(whole.len(), 1, "one reply to {middle:?}");
                    let accepted = is_text(&[b"hi", &middle[..], b"MAIL"].concat());
                    assert_eq!(whole, [if accepted { 250 } else { 550 }], "{middle:?}");
                    assert_eq!(messages.len(), usize::from(accepted));
                }
            }
        }
    }
    // `.` CR LF after a CRLF, and CR LF `.` before one, each in two surroundings.
    assert_eq!(honest, 4);
}

#[test]
fn attack_a01_the_message_that_arrives_is_clean() {
    let (replies, messages) = smuggle(b"\r\n..\r\n.a\r\n", 1);
    assert_eq!(replies, [250]);
    let body = &messages[0];
    assert!(body.starts_with(b"hi\r\n.\r\na\r\n"));
    assert!(body.windows(4).any(|word| word == b"evil"), "as text");
}

#[test]
fn attack_a04_chunks_are_counted_not_searched() {
    let mut session = greeted();
    say(&mut session, ENVELOPE);
    // A dot line, QUIT and a whole transaction are text inside a chunk.
    let inside = [b"\r\n.\r\nQUIT\r\n", SMUGGLED].concat();
    let command = format!("BDAT {}\r\n", inside.len());
    assert_eq!(
        say(&mut session, &[command.as_bytes(), &inside].concat()),
        [250]
    );
    assert_eq!(say(&mut session, b"BDAT 0 LAST\r\n"), [250]);
    assert_eq!(session.host.messages, [inside]);
}

#[test]
fn attack_a04_a_size_that_cannot_be_followed_ends_the_session() {
    for size in ["18446744073709551616", "-1", "1e3", "0x10", ""] {
        let mut session = greeted();
        say(&mut session, ENVELOPE);
        let command = format!("BDAT {size} LAST\r\nMAIL FROM:<eve@example.org>\r\n");
        assert_eq!(say(&mut session, command.as_bytes()), [501]);
        assert!(session.is_closed());
    }
    // The largest number is a chunk that never ends, and nothing in it is a command.
    let mut session = greeted();
    let command = format!("BDAT {} LAST\r\nQUIT\r\n", u64::MAX);
    assert_eq!(say(&mut session, command.as_bytes()), [0_u16; 0]);
    assert!(!session.is_closed());
}

#[test]
fn attack_a05_nothing_is_left_of_a_transaction_after_a_bad_chunk() {
    for (chunk, refused) in [
        (&b"BDAT 3\r\na\nb"[..], 550),
        (b"BDAT 3 LAST\r\na\rb", 550),
        (b"BDAT 11\r\n01234567890", 552),
    ] {
        let mut house = House::new(Dialect::Transfer);
        house.profile.limits.size_octets_max = 10;
        let mut session = begin(house);
        say(&mut session, ENVELOPE);
        assert_eq!(say(&mut session, chunk), [refused]);
        assert_eq!(session.host.abandoned, 1);
        assert_eq!(say(&mut session, b"DATA\r\n"), [503]);
        assert_eq!(say(&mut session, b"RCPT TO:<bob@example.net>\r\n"), [503]);
        assert_eq!(say(&mut session, b"BDAT 0 LAST\r\n"), [503]);
        assert!(session.host.messages.is_empty());
    }
}

#[test]
fn attack_a06_nothing_is_left_of_a_transaction_after_its_message() {
    for verdict in [None, Some(reply::TRY_LATER), Some(reply::NO_SUCH_ADDRESS)] {
        let mut session = greeted();
        say(&mut session, ENVELOPE);
        say(&mut session, b"DATA\r\n");
        session.host.verdicts.push_back(verdict);
        say(&mut session, b"x\r\n.\r\n");
        let accepted = session.host.messages.len();
        assert_eq!(say(&mut session, b"RCPT TO:<eve@example.net>\r\n"), [503]);
        assert_eq!(say(&mut session, b"DATA\r\n"), [503]);
        assert_eq!(say(&mut session, b"BDAT 1 LAST\r\nx"), [503]);
        assert_eq!(session.host.messages.len(), accepted);
    }
    // A body that the machine itself refuses, too.
    let mut session = greeted();
    say(&mut session, ENVELOPE);
    say(&mut session, b"DATA\r\n");
    assert_eq!(say(&mut session, b"a\nb\r\n.\r\n"), [550]);
    assert_eq!(say(&mut session, b"RCPT TO:<b@c>\r\nDATA\r\n"), [503, 503]);
}

/// What RFC 5321 §4.1.4 says of the order of commands, and nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Model {
    Connected,
    Greeted,
    Open,
    Addressed,
    Chunked,
}

const VERBS: [&[u8]; 16] = [
    b"EHLO a\r\n",
    b"HELO a\r\n",
    b"LHLO a\r\n",
    b"MAIL FROM:<a@b.example>\r\n",
    b"RCPT TO:<c@d.example>\r\n",
    b"DATA\r\n",
    b"BDAT 1\r\nx",
    b"BDAT 1 LAST\r\nx",
    b"RSET\r\n",
    b"VRFY gr\xc3\xbcn\r\n",
    b"EXPN list\r\n",
    b"HELP\r\n",
    b"NOOP\r\n",
    b"AUTH PLAIN\r\n",
    b"STARTTLS\r\n",
    b"VRFY \xff\r\n",
];

impl Model {
    /// The code of the reply; what follows 354 is not in it.
    fn say(&mut self, verb: &[u8]) -> u16 {
        let (next, code) = match (&verb[..4], *self) {
            (b"RSET", Self::Connected) => (Self::Connected, 250),
            (b"EHLO" | b"HELO" | b"RSET", _) => (Self::Greeted, 250),
            (b"MAIL", Self::Greeted) => (Self::Open, 250),
            (b"RCPT", Self::Open | Self::Addressed) => (Self::Addressed, 250),
            (b"DATA", Self::Addressed) => (Self::Greeted, 354),
            (b"BDAT", Self::Addressed | Self::Chunked) if verb.starts_with(b"BDAT 1 LAST") => {
                (Self::Greeted, 250)
            }
            (b"BDAT", Self::Addressed | Self::Chunked) => (Self::Chunked, 250),
            (b"BDAT", Self::Open) => (Self::Greeted, 503),
            (b"MAIL" | b"RCPT" | b"DATA" | b"BDAT", state) => (state, 503),
            (b"VRFY", state) if verb.ends_with(b"\xff\r\n") => (state, 500),
            (b"VRFY", state) => (state, 252),
            (b"HELP", state) => (state, 214),
            (b"NOOP", state) => (state, 250),
            (b"LHLO", state) => (state, 500),
            (_, state) => (state, 502),
        };
        *self = next;
        code
    }
}

fn follow(verbs: &[usize]) {
    let mut house = House::new(Dialect::Transfer);
    house.profile.limits.bad_commands_max = u32::MAX;
    let mut session = session(house);
    session.ready();
    assert_eq!(codes(&mut session), [220]);
    let mut model = Model::Connected;
    for &place in verbs {
        let expected = model.say(VERBS[place]);
        assert_eq!(say(&mut session, VERBS[place]), [expected], "{verbs:?}");
        if expected == 354 {
            assert_eq!(say(&mut session, b"x\r\n.\r\n"), [250]);
        }
    }
}

#[test]
fn attack_a07_every_pair_of_verbs_between_rcpt_and_data() {
    for first in 0..VERBS.len() {
        for second in 0..VERBS.len() {
            follow(&[0, 3, 4, first, second, 5, 4, 5]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn attack_a07_any_order_of_verbs(verbs in proptest::collection::vec(0..VERBS.len(), 0..24)) {
        follow(&verbs);
    }
}

/// How much a machine holds: all that its `Debug` shows.
fn held(session: &Session) -> usize {
    format!("{:?}", session.machine).len()
}

#[test]
fn attack_a08_five_million_tiny_chunks_take_no_memory() {
    const BLOCK: usize = 10_000;
    let mut session = greeted();
    say(&mut session, ENVELOPE);
    let block = b"BDAT 1\r\nx".repeat(BLOCK);
    session.receive(&block);
    session.take_written();
    let before = held(&session);
    for _ in 0..499 {
        session.receive(&block);
        session.take_written();
    }
    // Counters may have grown by some digits.
    assert!(
        held(&session) < before + 20,
        "the machine grows with chunks"
    );
    assert_eq!(say(&mut session, b"BDAT 0 LAST\r\n"), [250]);
    assert_eq!(session.host.messages[0].len(), 500 * BLOCK);
    assert!(size_of::<Server>() <= 1024, "{}", size_of::<Server>());
}

#[test]
fn attack_a09_clear_text_behind_starttls_is_dropped() {
    for dialect in [Dialect::Transfer, Dialect::Submission, Dialect::Lmtp] {
        let mut house = House::new(dialect);
        house.profile.starttls = StartTlsPolicy::Offer;
        house.profile.auth = AuthPolicy::AfterTls;
        let mut session = session(house);
        session.ready();
        session.take_written();
        let hello = if dialect == Dialect::Lmtp {
            "LHLO"
        } else {
            "EHLO"
        };
        let injected = format!("STARTTLS\r\n{hello} evil\r\nMAIL FROM:<eve@example.org>\r\n");
        assert_eq!(say(&mut session, injected.as_bytes()), [220]);
        assert!(session.awaits_handshake());
        session.secured(Tls {
            version: "TLSv1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            server_name: None,
            is_verified: false,
        });
        assert_eq!(codes(&mut session), [0_u16; 0], "nothing was carried over");
        assert_eq!(say(&mut session, b"RCPT TO:<bob@example.net>\r\n"), [503]);
        assert_eq!(say(&mut session, b"MAIL FROM:<a@b.example>\r\n"), [503]);
    }
}

#[test]
fn attack_a12_strangers_wait_for_the_greeting() {
    for (standing, expected) in [
        (Standing::Stranger, vec![554]),
        (Standing::Exempt, vec![220, 250]),
        (Standing::Trusted, vec![220, 250]),
    ] {
        let mut house = House::new(Dialect::Transfer);
        house.standing = standing;
        let mut session = session(house);
        session.receive(b"EHLO ");
        session.receive(b"client.example.com\r\n");
        session.ready();
        assert_eq!(codes(&mut session), expected);
        assert_eq!(session.is_closed(), standing == Standing::Stranger);
    }
}

#[test]
fn attack_a12_pipelining_without_hello_opens_nothing() {
    let mut session = session(House::new(Dialect::Transfer));
    session.ready();
    session.take_written();
    let all = [ENVELOPE, b"DATA\r\nSubject: x\r\n.\r\nQUIT\r\n"].concat();
    let replies = say(&mut session, &all);
    assert_eq!(replies, [503, 503, 503, 500, 500, 221]);
    assert!(session.host.messages.is_empty());
}

#[test]
fn attack_a13_http_and_tls_end_a_clear_text_session() {
    for request in [
        "GET / HTTP/1.1",
        "HEAD / HTTP/1.1",
        "POST /mail HTTP/1.1",
        "PUT / HTTP/1.1",
        "CONNECT mail.example.org:25 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "PRI * HTTP/2.0",
    ] {
        let mut session = session(House::new(Dialect::Transfer));
        session.ready();
        session.take_written();
        let all = format!("{request}\r\nHost: x\r\n\r\nEHLO evil\r\nMAIL FROM:<a@b.c>\r\n");
        assert_eq!(say(&mut session, all.as_bytes()), [554], "{request}");
        assert!(session.is_closed());
    }
    let mut session = greeted();
    assert_eq!(
        say(&mut session, b"\x16\x03\x01\x00\xa5\x01\r\nNOOP\r\n"),
        [0_u16; 0]
    );
    assert!(session.is_closed());
}

#[test]
fn attack_a15_each_verb_on_a_ladder_of_lengths() {
    for verb in VERBS {
        let word: Vec<u8> = verb
            .iter()
            .copied()
            .take_while(|byte| *byte > b' ')
            .collect();
        for length in [
            1, 10, 100, 510, 1000, 4085, 4100, 12_285, 12_300, 100_000, 1_000_000,
        ] {
            let mut session = greeted();
            let line = [&word[..], b" ", &b"x".repeat(length), b"\r\n"].concat();
            for piece in line.chunks(10_000) {
                session.receive(piece);
            }
            let replies = codes(&mut session);
            assert_eq!(replies.len(), 1, "{} {length}", word.escape_ascii());
            let octets_max = if word == b"AUTH" { 12_288 } else { 4_096 };
            let is_over = line.len() > octets_max;
            assert_eq!(replies == [500], is_over || word == b"LHLO");
            if !session.is_closed() {
                assert_eq!(say(&mut session, b"NOOP\r\n"), [250]);
            }
        }
    }
}

#[test]
fn attack_a15_a_line_without_end_and_a_million_parameters() {
    let mut session = greeted();
    let block = vec![b'x'; 1 << 20];
    let before = held(&session);
    for _ in 0..256 {
        session.receive(&block);
    }
    assert!(held(&session) < before + 20);
    assert_eq!(say(&mut session, b"\r\nNOOP\r\n"), [500, 250]);

    let many = b" A=1".repeat(1_000_000);
    let line = [b"MAIL FROM:<>", &many[..], b"\r\n"].concat();
    assert_eq!(say(&mut session, &line), [500]);
    let some = b" A=1".repeat(1_000);
    let line = [b"MAIL FROM:<>", &some[..], b"\r\n"].concat();
    assert_eq!(say(&mut session, &line), [555]);
}

#[test]
fn attack_b02_a_path_has_one_domain_the_last() {
    for (path, kept) in [
        ("<@a.example,@b.example:u@us.example>", "<u@us.example>"),
        ("<u%d.example@us.example>", "<u%d.example@us.example>"),
        ("<d.example!u@us.example>", "<d.example!u@us.example>"),
        (
            "<\"u@d.example\"@us.example>",
            "<\"u@d.example\"@us.example>",
        ),
    ] {
        let mut session = greeted();
        say(&mut session, b"MAIL FROM:<>\r\n");
        let command = format!("RCPT TO:{path}\r\n");
        assert_eq!(say(&mut session, command.as_bytes()), [250]);
        assert_eq!(session.host.recipients_asked, [kept]);
    }
    for path in [
        "<u@d.example@us.example>",
        "<@a.example>",
        "<@a.example:>",
        "<u@>",
        "<>",
    ] {
        let mut session = greeted();
        say(&mut session, b"MAIL FROM:<>\r\n");
        let command = format!("RCPT TO:{path}\r\n");
        assert_eq!(say(&mut session, command.as_bytes()), [501], "{path}");
        assert!(session.host.recipients_asked.is_empty());
    }
}

#[test]
fn attack_b08_vrfy_and_expn_tell_nothing() {
    let answer = |line: &str| {
        let mut session = greeted();
        session.receive(line.as_bytes());
        session.take_written()
    };
    let known = answer("VRFY postmaster\r\n");
    for name in [
        "nobody",
        "<bob@example.net>",
        "bob@example.net SMTPUTF8",
        "\u{e9}",
    ] {
        assert_eq!(answer(&format!("VRFY {name}\r\n")), known);
    }
    let known = answer("EXPN staff\r\n");
    for name in ["nobody", "", "list@example.net"] {
        assert_eq!(answer(&format!("EXPN {name}\r\n")), known);
    }
}
