//! Rows of `docs/attacks.md` that the parser and the machine answer for.

#[path = "support/host.rs"]
mod host;

use std::sync::Arc;
use std::time::Duration;

use host::House;
use postroom_imap::limits::Limits;
use postroom_imap::parse::VERBS;
use postroom_imap::question::{Answer, Question};
use postroom_imap::response::status::Completion;
use postroom_imap::server::Server;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_wire::machine::{Event, Machine, Next, Tls};
use postroom_wire::output::Output;
use postroom_wire::transcript::{Drive, Scripted};

fn tls() -> Tls {
    Tls {
        version: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        server_name: None,
        is_verified: false,
    }
}

/// A greeted session over TLS.
fn session(house: House) -> Drive<House> {
    let now = Clock::manual(Timestamp(0)).now();
    let mut drive = Drive::new(house.machine(now), house, now);
    drive.secured(tls());
    drive.ready();
    drive.take_written();
    drive
}

/// One with a mailbox selected.
fn selected(house: House) -> Drive<House> {
    let mut drive = session(house);
    drive.receive(b"a LOGIN anna secret\r\nb SELECT INBOX\r\n");
    assert!(said(&mut drive).ends_with("b OK Done\r\n"));
    drive
}

fn said(drive: &mut Drive<House>) -> String {
    String::from_utf8_lossy(&drive.take_written()).into_owned()
}

/// Feeds a fresh session in clear as a driver does; returns the most octets that the machine left
/// with the driver, those it took, and whether it closed.
fn feed(chunks: impl Iterator<Item = Vec<u8>>) -> (usize, usize, bool) {
    let house = House::default();
    let now = Clock::manual(Timestamp(0)).now();
    let mut machine = house.machine(now);
    let mut out = Output::new();
    machine.step(now, Event::Ready, &mut out);
    let (mut unread, mut most, mut total) = (Vec::new(), 0, 0);
    for chunk in chunks {
        unread.extend_from_slice(&chunk);
        loop {
            let (taken, next) = machine.step(now, Event::Bytes(&unread), &mut out);
            let (is_closed, waits) = (matches!(next, Next::Close), matches!(next, Next::Read));
            unread.drain(..taken);
            total += taken;
            most = most.max(unread.len());
            if is_closed {
                return (most, total, true);
            }
            if waits {
                break;
            }
        }
    }
    (most, total, false)
}

/// A session in hand of a stranger costs less than this, whatever is sent.
const EARLY_OCTETS_MAX: usize = 64 * 1024;

#[test]
fn attack_f01_many_literals_before_login() {
    let head = std::iter::once(b"a LOGIN".to_vec());
    let literals = (0..100_000).map(|_| b" {1+}\r\nx".to_vec());
    let (most, total, is_closed) = feed(head.chain(literals));
    assert!(is_closed, "a command of endless literals ends the session");
    assert!(most < EARLY_OCTETS_MAX && total < EARLY_OCTETS_MAX);
}

#[test]
fn attack_f01_a_giant_literal_before_login() {
    let limits = Limits::default();
    for literal in [
        "4097",
        "1000000000",
        "9223372036854775807",
        "99999999999999999999",
    ] {
        let mut drive = session(House::default());
        drive.receive(format!("a LOGIN {{{literal}}}\r\n").as_bytes());
        assert!(said(&mut drive).starts_with("a BAD [TOOBIG]"), "{literal}");
        drive.receive(format!("a APPEND INBOX {{{literal}}}\r\n").as_bytes());
        assert!(
            said(&mut drive).starts_with("a BAD Log in first"),
            "{literal}"
        );
        drive.receive(format!("a LOGIN {{{literal}+}}\r\n").as_bytes());
        assert!(said(&mut drive).starts_with("* BYE [TOOBIG]"), "{literal}");
        assert!(drive.is_closed());
        let mut drive = session(House::default());
        drive.receive(format!("a APPEND INBOX {{{literal}+}}\r\n").as_bytes());
        assert!(said(&mut drive).starts_with("* BYE [TOOBIG]"), "{literal}");
        assert!(drive.is_closed());
    }
    assert!(limits.early_literal_octets_max <= 4096);
}

#[test]
fn attack_f01_a_message_is_never_kept_by_the_machine() {
    let mut drive = selected(House::default());
    let octets = 10_000_000_u32;
    drive.receive(format!("a APPEND INBOX {{{octets}+}}\r\n").as_bytes());
    let chunk = vec![b'x'; 50_000];
    for _ in 0..octets / 50_000 {
        drive.receive(&chunk);
    }
    drive.receive(b"\r\n");
    assert_eq!(drive.host.body.len(), 10_000_000);
    assert_eq!(said(&mut drive), "a OK Done\r\n");
}

#[test]
fn attack_f01_refused_octets_are_bounded() {
    let mut drive = selected(House::default());
    let over = Limits::default().swallow_octets_max + 1;
    drive.receive(format!("a APPEND INBOX {{{over}+}}\r\n").as_bytes());
    assert!(said(&mut drive).starts_with("* BYE [TOOBIG]"));
    assert!(drive.is_closed());
}

#[test]
fn attack_f02_parentheses_before_and_after_login() {
    let flood = "(".repeat(16_000);
    for command in ["ID", "LOGIN", "LIST", "SEARCH", "AUTHENTICATE"] {
        let mut drive = session(House::default());
        drive.receive(format!("a {command} {flood}\r\n").as_bytes());
        assert!(said(&mut drive).starts_with("a BAD"), "{command}");
    }
    let flood = "(".repeat(60_000);
    for command in [
        "SEARCH ",
        "SEARCH NOT ",
        "LIST ",
        "LIST \"\" ",
        "SELECT x (Y ",
        "CREATE x (Y ",
        "FETCH 1 ",
        "FETCH 1 FLAGS (Y ",
        "STORE 1 (Y ",
        "STORE 1 FLAGS ",
        "STATUS x ",
        "APPEND x Y ",
        "ID ",
    ] {
        let mut drive = selected(House::default());
        drive.receive(format!("a {command}{flood}\r\n").as_bytes());
        assert!(said(&mut drive).starts_with("a BAD"), "{command}");
        assert!(!drive.is_closed());
    }
}

#[test]
fn attack_f03_nested_search_keys() {
    for key in ["NOT ", "OR SEEN ", "OR NOT SEEN ", "("] {
        let mut drive = selected(House::default());
        let line = format!("a SEARCH {}SEEN\r\n", key.repeat(60_000 / key.len() - 10));
        drive.receive(line.as_bytes());
        assert!(said(&mut drive).starts_with("a BAD [LIMIT]"), "{key}");
        assert_eq!(drive.host.asked.len(), 2, "nobody was asked to search");
    }
}

#[test]
fn attack_f03_wildcards_of_list_take_linear_time() {
    use postroom_imap::command::list::Pattern;
    let name = format!("{}b", "a".repeat(900));
    let started = Clock::system().now();
    for unit in ["%*", "*", "%", "a*", "*a", "%a", "a%*"] {
        let pattern = Pattern::new(&unit.repeat(10_000 / unit.len()));
        for _ in 0..3 {
            pattern.matches(&name, '/');
        }
    }
    // Backtracking would take longer than the sun lasts; this takes well under a second.
    assert!(Clock::system().now() - started < Duration::from_secs(20));
    assert!(Pattern::new(&format!("{}b", "%*".repeat(5000))).matches(&name, '/'));
}

#[test]
fn attack_f04_commands_cut_anywhere_end() {
    let commands = [
        "APPEND INBOX (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {0}\r\n\r\n",
        "APPEND {0}\r\n {0}\r\n\r\n",
        "APPEND INBOX {0+}\r\n {0+}\r\n {0+}\r\n\r\n",
        "STATUS INBOX (MESSAGES UNSEEN)\r\n",
        "STATUS {0}\r\n ({0}\r\n)\r\n",
        "STATUS INBOX (MESSAGES (MESSAGES (\r\n",
    ];
    for command in commands {
        for end in 0..=command.len() {
            let mut drive = selected(House::default());
            drive.receive(format!("a {}\r\n\r\n", &command[..end]).as_bytes());
            // What follows is understood again, or the session has ended.
            drive.receive(b"\r\n\r\nz NOOP\r\n");
            let said = said(&mut drive);
            assert!(
                said.contains("z ") || drive.is_closed(),
                "{command:?} {end} {said}"
            );
        }
    }
}

#[test]
fn attack_f06_bad_base64_asks_nobody_and_holds_up_nobody() {
    let mut asked = 0;
    for attempt in 0..20_000 {
        let mut drive = session(House::default());
        for _ in 0..5 {
            drive.receive(b"a AUTHENTICATE PLAIN\r\n!!!not base64!!!\r\n");
        }
        assert!(drive.is_closed(), "after some failures the session ends");
        asked += drive.host.asked.len();
        if attempt % 5_000 == 0 {
            let mut good = session(House::default());
            good.receive(b"a AUTHENTICATE PLAIN AGFubmEAc2VjcmV0\r\n");
            assert!(said(&mut good).starts_with("a OK"));
        }
    }
    assert_eq!(asked, 0, "the host hears of well-formed credentials only");
}

#[test]
fn attack_f06_unknown_mechanisms_keep_nothing() {
    let mut drive = session(House::default());
    for _ in 0..100_000 {
        drive.receive(b"a AUTHENTICATE BOGUS x\r\n");
        assert!(said(&mut drive).starts_with("a NO [CANNOT]"));
    }
    assert_eq!(drive.host.asked.len(), 0);
    assert!(format!("{:?}", drive.machine).len() < 2_000);
}

#[test]
fn attack_a09_imap_what_follows_starttls_in_clear_is_dropped() {
    let plaintext = b"a STARTTLS\r\nb LOGIN anna secret\r\nc CAPABILITY\r\n";
    for cut in 11..=plaintext.len() {
        let mut house = House::default();
        house.settings.is_starttls_offered = true;
        let now = Clock::manual(Timestamp(0)).now();
        let mut machine = house.machine(now);
        let mut out = Output::new();
        machine.step(now, Event::Ready, &mut out);
        out.clear();
        let (first, rest) = plaintext.split_at(cut);
        let (taken, next) = machine.step(now, Event::Bytes(first), &mut out);
        // A single step may only take the line; the machine is to take all that came with it.
        if first.ends_with(b"\r\n") || cut > 12 {
            assert!(matches!(next, Next::StartTls));
            assert_eq!(
                taken,
                first.len(),
                "nothing is left to be read after the handshake"
            );
            let (taken, next) = machine.step(now, Event::Bytes(rest), &mut out);
            assert!(matches!(next, Next::Read) && taken == rest.len());
            machine.step(now, Event::Secured(tls()), &mut out);
            assert_eq!(out.as_bytes(), b"a OK Begin TLS now\r\n");
            assert!(!machine.is_logged_in());
        }
    }
}

#[test]
fn attack_a15_imap_lines_of_any_length() {
    let limits = Limits::default();
    for verb in VERBS {
        for octets in [1_000, 10_000, 16_300, 17_000, 70_000, 1_000_000] {
            let mut drive = session(House::default());
            let line = format!("a {} {}", verb.name, "x".repeat(octets));
            for chunk in line.as_bytes().chunks(4096) {
                drive.receive(chunk);
            }
            drive.receive(b"\r\n");
            let said = said(&mut drive);
            if octets > limits.early_line_octets_max {
                assert!(
                    said.starts_with("* BYE [CLIENTBUG]"),
                    "{} {said}",
                    verb.name
                );
                assert!(drive.is_closed());
            } else {
                assert!(
                    said.starts_with("a BAD") || said.starts_with("a NO"),
                    "{said}"
                );
            }
        }
    }
}

#[test]
fn attack_a15_imap_a_line_without_end_is_not_kept() {
    let (most, _, is_closed) = feed((0..25_000).map(|_| vec![b'x'; 4096]));
    assert!(most < EARLY_OCTETS_MAX && is_closed);
    let head = std::iter::once(b"a LOGIN \"".to_vec());
    let (most, ..) = feed(head.chain((0..25_000).map(|_| vec![b'y'; 4096])));
    assert!(most < EARLY_OCTETS_MAX);
}

#[test]
fn attack_a16_imap_a_slow_sender_meets_the_deadline() {
    let mut drive = session(House::default());
    for _ in 0..11 {
        drive.receive(b"a");
        drive.advance(Duration::from_secs(10));
    }
    assert!(!drive.is_closed());
    drive.receive(b"a");
    drive.advance(Duration::from_secs(10));
    assert!(said(&mut drive).starts_with("* BYE"));
    assert!(drive.is_closed());
    // A message that drips in is given the time its size allows, no more.
    let mut drive = selected(House::default());
    drive.receive(b"a APPEND INBOX {10240+}\r\n");
    for _ in 0..31 {
        drive.receive(b"x");
        drive.advance(Duration::from_secs(10));
    }
    assert!(drive.is_closed());
}

#[test]
fn attack_a16_imap_a_reader_who_stops_meets_the_deadline() {
    let house = House::default();
    let now = Clock::manual(Timestamp(0)).now();
    let mut machine = Server::new(Arc::new(house.settings.clone()), now);
    let mut out = Output::new();
    machine.step(now, Event::Secured(tls()), &mut out);
    machine.step(now, Event::Ready, &mut out);
    machine.step(now, Event::Bytes(b"a LOGIN anna secret\r\n"), &mut out);
    machine.step(now, Event::Answer(Answer::Granted), &mut out);
    let (_, next) = machine.step(now, Event::Bytes(b"b NOOP\r\n"), &mut out);
    assert!(matches!(next, Next::Ask(Question::Execute { .. })));
    let exists = postroom_imap::response::Response::Exists(1);
    let page = vec![exists; 10_000];
    let answer = Answer::Done(page, Completion::ok("Done"));
    let (_, next) = machine.step(now, Event::Answer(answer), &mut out);
    assert!(matches!(next, Next::Flush), "output is bounded");
    assert!(out.as_bytes().len() < Output::MARK + 64);
    // The driver never comes to write it: the session ends without another word.
    let said = out.as_bytes().len();
    let deadline = machine.deadline();
    let (_, next) = machine.step(deadline, Event::Expired, &mut out);
    assert!(matches!(next, Next::Close));
    assert_eq!(out.as_bytes().len(), said);
}

#[test]
fn a_session_at_rest_is_small() {
    assert!(size_of::<Server>() <= 256, "{}", size_of::<Server>());
}
