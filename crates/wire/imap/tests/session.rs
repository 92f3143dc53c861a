//! What the machine asks its host, which transcripts cannot show.

#[path = "support/host.rs"]
mod host;

use std::sync::Arc;

use host::House;
use postroom_imap::question::{Answer, News, Source};
use postroom_imap::response::Response;
use postroom_imap::response::fetch::{FetchItem, Fetched, Octets};
use postroom_imap::response::status::Completion;
use postroom_mail::identifier::Uid;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_wire::transcript::{Drive, Scripted};

/// A session that is logged in and has a mailbox selected.
fn selected() -> Drive<House> {
    let mut house = House::default();
    house.settings.is_cleartext_allowed = true;
    let now = Clock::manual(Timestamp(0)).now();
    let mut drive = Drive::new(house.machine(now), house, now);
    drive.ready();
    drive.receive(b"a LOGIN anna secret\r\nb SELECT INBOX\r\n");
    drive.take_written();
    drive.host.asked.clear();
    drive
}

fn said(drive: &mut Drive<House>) -> String {
    String::from_utf8_lossy(&drive.take_written()).into_owned()
}

fn row(sequence: u32) -> Response {
    Response::Fetch(Fetched {
        sequence,
        items: vec![FetchItem::Uid(Uid::new(sequence).expect("not zero"))],
    })
}

#[test]
fn expunges_are_withheld_where_the_client_counts_on_sequence_numbers() {
    let withheld = ["FETCH 1 UID", "STORE 1 FLAGS ()", "SEARCH ALL"];
    let allowed = [
        "UID FETCH 1 UID",
        "UID STORE 1 FLAGS ()",
        "UID SEARCH ALL",
        "NOOP",
        "COPY 1 x",
        "EXPUNGE",
    ];
    let mut drive = selected();
    for (commands, flag) in [(&withheld[..], "Withheld"), (&allowed[..], "Allowed")] {
        for command in commands {
            drive.receive(format!("c {command}\r\n").as_bytes());
            let asked = drive.host.asked.pop().expect("the host is asked");
            assert!(asked.contains(flag), "{asked}");
        }
    }
}

#[test]
fn a_fetch_of_many_rows_goes_page_by_page() {
    let mut drive = selected();
    for page in 0..20 {
        let rows = (page * 1000 + 1..=page * 1000 + 1000).map(row).collect();
        drive.host.answers.push_back(match page {
            19 => Answer::Done(rows, Completion::ok("Fetch done")),
            _ => Answer::Page(rows),
        });
    }
    drive.receive(b"c FETCH 1:20000 UID\r\nd NOOP\r\n");
    let said = said(&mut drive);
    assert_eq!(said.lines().count(), 20_002);
    assert!(said.starts_with("* 1 FETCH (UID 1)\r\n"));
    assert!(said.ends_with("* 20000 FETCH (UID 20000)\r\nc OK Fetch done\r\nd OK Done\r\n"));
    let more = drive.host.asked.iter().filter(|asked| *asked == "More");
    assert_eq!(more.count(), 19);
}

#[test]
fn bodies_are_streamed_in_their_places() {
    let mut drive = selected();
    let stream = |letter: u8, octets| {
        FetchItem::Rfc822Text(Octets::Stream(Source {
            ticket: letter.into(),
            octets,
        }))
    };
    let fetched = |sequence, items| Response::Fetch(Fetched { sequence, items });
    let page = vec![
        fetched(1, vec![stream(b'x', 3), stream(b'y', 0)]),
        fetched(2, vec![stream(b'z', 1)]),
    ];
    drive
        .host
        .answers
        .push_back(Answer::Done(page, Completion::ok("Done")));
    drive.receive(b"c FETCH 1:2 RFC822.TEXT\r\n");
    let expected = "* 1 FETCH (RFC822.TEXT {3}\r\nxxx RFC822.TEXT {0}\r\n)\r\n\
        * 2 FETCH (RFC822.TEXT {1}\r\nz)\r\nc OK Done\r\n";
    assert_eq!(said(&mut drive), expected);
}

#[test]
fn news_while_the_host_looks_make_it_look_again() {
    let mut drive = selected();
    drive.host.hold = true;
    drive.receive(b"c IDLE\r\n");
    assert_eq!(said(&mut drive), "+ Idling\r\n");
    drive.news(News::Stir);
    drive.news(News::Stir);
    assert_eq!(drive.host.asked, ["Poll"]);
    let exists = |count| Answer::Changes(vec![Response::Exists(count)]);
    drive.host.answers.push_back(exists(2));
    drive.answer(exists(1));
    assert_eq!(said(&mut drive), "* 1 EXISTS\r\n* 2 EXISTS\r\n");
    assert_eq!(drive.host.asked, ["Poll", "Poll"]);
    drive.receive(b"DONE\r\n");
    assert_eq!(said(&mut drive), "c OK Idle done\r\n");
}

#[test]
fn done_waits_while_the_host_looks() {
    let mut drive = selected();
    drive.host.hold = true;
    drive.receive(b"c IDLE\r\nDONE\r\n");
    drive.news(News::Drain);
    assert_eq!(said(&mut drive), "+ Idling\r\n");
    drive.answer(Answer::Changes(Vec::new()));
    assert!(said(&mut drive).starts_with("* BYE [UNAVAILABLE]"));
    assert!(drive.is_closed());
}

#[test]
fn what_an_append_says_reaches_the_host_and_so_do_its_octets() {
    let mut drive = selected();
    let line = "c APPEND \"A&-B\" (\\Seen k) \" 1-Jan-1970 00:00:07 +0000\" {5+}\r\nhello\r\n";
    drive.receive(line.as_bytes());
    assert_eq!(drive.host.body, b"hello");
    let [begin, end] = &drive.host.asked[..] else {
        panic!("{:?}", drive.host.asked);
    };
    for part in [
        "\"A&B\"",
        "SystemFlags(1)",
        "Keyword(\"k\")",
        "7000000",
        "octets: 5",
    ] {
        assert!(begin.contains(part), "{begin}");
    }
    assert_eq!(end, "AppendEnd");
    drive.host.asked.clear();
    drive.receive(b"d APPEND x {5+}\r\nhello {1+}\r\nx\r\n");
    assert_eq!(
        drive.host.asked.last().map(String::as_str),
        Some("AppendAbandon")
    );
}

#[test]
fn a_password_is_never_in_a_debug_text() {
    let mut house = House::default();
    house.settings.is_cleartext_allowed = true;
    house.hold = true;
    let now = Clock::manual(Timestamp(0)).now();
    let mut drive = Drive::new(house.machine(now), house, now);
    drive.ready();
    drive.receive(b"a LOGIN anna hunter2\r\n");
    assert!(drive.host.asked[0].contains("anna") && !drive.host.asked[0].contains("hunter2"));
    let texts = format!("{:?}", Arc::new(drive.machine));
    assert!(!texts.contains("hunter2"));
}
