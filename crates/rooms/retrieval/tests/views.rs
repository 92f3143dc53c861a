//! Views that sessions share, their pages and their memory.

#[path = "support/house.rs"]
mod house;

use std::fmt::Write as _;
use std::time::Duration;

use house::{House, PLAIN};
use postroom_imap::command::Command;
use postroom_imap::parse::{Context, Names, open};
use postroom_imap::question::{Answer, News, Question};
use postroom_imap::response::Response;
use postroom_imap::response::mailbox::Vanished;
use postroom_imap::response::status::Code;
use postroom_mailbox::views::{Limits, Views};
use postroom_net::Host as _;
use postroom_retrieval::imap::ImapHost;
use postroom_runtime::group::{TaskGroup, Token};

#[test]
fn sessions_of_one_mailbox_share_one_view() {
    let house = House::new();
    house.deliver("INBOX", PLAIN.as_bytes());
    let mut sessions: Vec<_> = (0..50).map(|_| house.selected("INBOX")).collect();
    assert_eq!(house.imap.mailboxes.views().len(), 1);
    house.deliver("INBOX", PLAIN.as_bytes());
    for session in &mut sessions {
        assert!(session.say("NOOP").contains("* 2 EXISTS"));
    }
}

#[test]
fn views_that_nobody_holds_are_dropped_above_the_budget() {
    let house = House::new();
    let store = house.imap.mailboxes.store();
    let account = house.imap.authenticator.0[0];
    house.runtime.block_on(async {
        let group = TaskGroup::child_of(&Token::new());
        let limits = Limits {
            views_octets_max: 1,
        };
        let views = Views::start(store, limits, &group);
        let rows = store.mailboxes(account).await.unwrap();
        let held = views.open(account, rows[0].id).await.unwrap();
        for row in &rows {
            assert!(views.open(account, row.id).await.unwrap().is_some());
        }
        // The one that is held, and the one that was opened last.
        assert_eq!(views.len(), 2);
        drop(held);
        views.open(account, rows[3].id).await.unwrap();
        assert_eq!(views.len(), 1);
        // Nobody gets at the mailbox of another.
        let other = house.imap.authenticator.0[1];
        assert!(views.open(other, rows[3].id).await.unwrap().is_none());
        group.token().cancel();
        group.wait().await;
    });
}

#[test]
fn long_answers_come_in_pages_and_whole() {
    const MESSAGES: usize = 1500;
    let house = House::new();
    let mut session = house.selected("INBOX");
    for number in 1..=MESSAGES {
        session.append(
            "INBOX",
            &format!("Subject: {number}\r\n\r\nBody {number}.\r\n"),
        );
    }
    let said = session.ok("FETCH 1:* (UID ENVELOPE BODYSTRUCTURE BODY.PEEK[TEXT])");
    assert_eq!(said.matches(" FETCH (").count(), MESSAGES);
    for number in [1, 2, 255, 256, 257, 1500] {
        assert!(said.contains(&format!("Body {number}.\r\n")));
        assert!(said.contains(&format!("* {number} FETCH (UID {number} ")));
    }
    // Flags and expunges of all of them are told to another session, page by page.
    let mut other = house.selected("INBOX");
    session.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)");
    let said = other.ok("NOOP");
    assert_eq!(said.matches(" FETCH (FLAGS").count(), MESSAGES);
    let said = session.ok("EXPUNGE");
    assert_eq!(said.matches(" EXPUNGE").count(), MESSAGES);
    let said = other.ok("NOOP");
    assert_eq!(said.matches(" EXPUNGE").count(), MESSAGES);
    assert!(said.starts_with("* 1500 EXPUNGE\r\n* 1499 EXPUNGE\r\n"));
}

#[test]
fn what_changes_between_two_pages_is_told_at_the_end() {
    const MESSAGES: usize = 600;
    let house = House::new();
    let mut session = house.selected("INBOX");
    for _ in 0..MESSAGES {
        session.append("INBOX", PLAIN);
    }
    let mut other = house.selected("INBOX");
    session.ok("ENABLE QRESYNC");
    let limits = postroom_imap::limits::Limits::default();
    let context = Context {
        names: Names::default(),
        limits: &limits,
    };
    let opened = open(b"t UID FETCH 1:* (FLAGS MODSEQ)", context).unwrap();
    let Ok(Command::Request(request)) = opened.command() else {
        panic!("a FETCH");
    };
    let mut question = Question::Execute {
        expunges: request.expunges(),
        request: Box::new(request),
    };
    let mut rows = Vec::new();
    let completion = loop {
        let answer = house
            .runtime
            .block_on(session.0.host.host_mut().answer(question));
        question = Question::More;
        match answer {
            Answer::Page(page) => rows.extend(page),
            Answer::Done(page, completion) => {
                rows.extend(page);
                break completion;
            }
            other => panic!("{other:?}"),
        }
        if rows.len() < 300 {
            other.ok("STORE 1,500 +FLAGS.SILENT (\\Flagged)");
            other.ok("STORE 7,590 +FLAGS.SILENT (\\Deleted)");
            other.ok("EXPUNGE");
        }
    };
    // Rows of all, then what went, then the flags by their new numbers.
    let (all, news) = rows.split_at(MESSAGES);
    assert!(all.iter().all(|row| matches!(row, Response::Fetch(_))));
    let vanished = Vanished {
        is_earlier: false,
        uids: [7, 590].into_iter().collect(),
    };
    assert_eq!(news[0], Response::Vanished(vanished));
    let told: Vec<u32> = news[1..]
        .iter()
        .filter_map(|row| match row {
            Response::Fetch(fetched) => Some(fetched.sequence),
            _ => None,
        })
        .collect();
    assert_eq!(told, [1, 499]);
    assert!(matches!(completion.code, Some(Code::HighestModSeq(_))));
}

/// UIDs of VANISHED, in lines that begin with `head`.
fn vanished(said: &str, head: &str) -> Vec<u32> {
    let rows = said.lines().filter_map(|line| line.strip_prefix(head));
    rows.flat_map(|set| set.trim_end().split(','))
        .filter_map(|range| {
            let (from, to) = range.split_once(':').unwrap_or((range, range));
            Some(from.parse::<u32>().ok()?..=to.parse().ok()?)
        })
        .flatten()
        .collect()
}

#[test]
fn what_the_store_forgot_is_all_that_is_not_there() {
    const MESSAGES: u32 = 32_768;
    let house = House::new();
    let mut session = house.session();
    session.ok("LOGIN anna secret");
    session.ok("ENABLE QRESYNC");
    session.append("INBOX", PLAIN);
    session.append("INBOX", PLAIN);
    let said = session.ok("SELECT INBOX");
    let number = |mark: &str| {
        let (_, rest) = said.split_once(mark).unwrap();
        rest.split_once(']').unwrap().0.to_owned()
    };
    let (validity, highest) = (number("[UIDVALIDITY "), number("[HIGHESTMODSEQ "));
    session.ok("STORE 1 +FLAGS (\\Deleted)");
    for _ in 1..MESSAGES.ilog2() {
        session.ok("COPY 1:* INBOX");
    }
    // Every other message goes: more ranges than are remembered.
    let mut other = house.selected("INBOX");
    other.ok("EXPUNGE");
    let odd: Vec<u32> = (1..MESSAGES).step_by(2).collect();
    let said = session.ok("NOOP");
    assert_eq!(vanished(&said, "* VANISHED "), odd);
    let longest = said.lines().map(str::len).max().unwrap();
    assert!(longest < 8192, "{longest}");
    // Of what is remembered nothing is forgotten.
    let (_, since) = said.rsplit_once("[HIGHESTMODSEQ ").unwrap();
    let (since, _) = since.split_once(']').unwrap();
    other.ok("STORE 5 +FLAGS.SILENT (\\Deleted)");
    other.ok("EXPUNGE");
    let said = session.ok(&format!("SELECT INBOX (QRESYNC ({validity} {since}))"));
    assert_eq!(vanished(&said, "* VANISHED (EARLIER) "), [10]);
    let mut gone = odd;
    gone.insert(5, 10);
    let said = session.ok(&format!("SELECT INBOX (QRESYNC ({validity} {highest}))"));
    assert_eq!(vanished(&said, "* VANISHED (EARLIER) "), gone);
    let said = session.ok(&format!(
        "SELECT INBOX (QRESYNC ({validity} {highest} 1:2))"
    ));
    assert_eq!(vanished(&said, "* VANISHED (EARLIER) "), [1]);
    assert_eq!(said.matches(" FETCH (").count(), 0);
}

#[test]
fn large_bodies_are_streamed_whole() {
    let house = House::new();
    let mut session = house.selected("INBOX");
    let mut message = String::from("Subject: large\r\n\r\n");
    for line in 0..20_000 {
        let _ = writeln!(message, "Line {line} of a large message.\r");
    }
    session.append("INBOX", &message);
    session.append("INBOX", PLAIN);
    let said = session.ok("FETCH 1:2 (BODY.PEEK[] UID)");
    let head = format!(
        "* 1 FETCH (BODY[] {{{}}}\r\n{message} UID 1)\r\n",
        message.len()
    );
    assert!(said.contains(&head));
    let second = format!(
        "* 2 FETCH (BODY[] {{{}}}\r\n{PLAIN} UID 2)\r\n",
        PLAIN.len()
    );
    assert!(said.contains(&second));
    let from = message.len() - 40_000;
    let said = session.ok(&format!("FETCH 1 BODY.PEEK[]<{from}.50000>"));
    let tail = format!("BODY[]<{from}> {{40000}}\r\n{})\r\n", &message[from..]);
    assert!(said.contains(&tail));
}

#[test]
fn idle_hears_of_a_delivery_within_100_ms() {
    let house = House::new();
    let mut session = house.selected("INBOX");
    let idling = session.say("IDLE");
    assert!(idling.contains("+ Idling"), "{idling}");
    let waited = house.runtime.block_on(async {
        let clock = postroom_runtime::clock::Clock::system();
        let begun = clock.now();
        let news = session.0.host.host_mut().news();
        let delivered = house.deliver_while("INBOX", PLAIN.as_bytes());
        let (news, ()) = tokio::join!(news, delivered);
        assert_eq!(news, News::Stir);
        clock.now() - begun
    });
    assert!(waited < Duration::from_millis(100), "{waited:?}");
    let said = session.stir();
    assert!(said.contains("* 1 EXISTS"), "{said}");
}

#[test]
fn an_idle_session_is_small() {
    let size = size_of::<ImapHost<house::TwoUsers>>();
    assert!(size < 2048, "{size}");
}
