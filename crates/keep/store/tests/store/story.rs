//! The journal, as it is asked.

use postroom_mail::identifier::ArrivalId;
use postroom_runtime::clock::Timestamp;
use postroom_store::journal::{JournalLine, Mention, Sought};
use postroom_store::store::Store;
use postroom_testkit::directory::TestDirectory;

use crate::plans::{TIME, options, plan};

/// Seconds after `TIME`.
fn after(seconds: u64) -> Timestamp {
    Timestamp(TIME.0 + seconds * 1_000_000)
}

fn line(seconds: u64, what: &str) -> JournalLine {
    JournalLine {
        time: after(seconds),
        session: 100 + seconds,
        arrival: None,
        message_id: None,
        room: "intake".into(),
        what: what.into(),
        sender: None,
        recipient: None,
        verdict: "accepted".into(),
        reply: None,
        next_hop: None,
        peer: None,
        elapsed_us: 0,
    }
}

fn sought(name: &str) -> Sought {
    Sought {
        names: vec![name.into()],
        is_login: false,
        since: Timestamp(0),
        limit: 10,
    }
}

async fn keep(store: &Store, lines: Vec<JournalLine>) {
    let mut change = plan(store.new_arrival().0, Vec::new());
    change.journal = lines;
    store.commit(change).await.unwrap();
}

fn sessions(found: &[Mention]) -> Vec<u64> {
    found.iter().map(|mention| mention.session - 100).collect()
}

#[tokio::test]
async fn lines_are_found_by_whom_they_name_newest_first() {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let lines = vec![
        JournalLine {
            sender: Some("Anna@example.org".into()),
            ..line(1, "message")
        },
        JournalLine {
            recipient: Some("anna@example.org".into()),
            arrival: Some(ArrivalId(7)),
            ..line(2, "recipient")
        },
        JournalLine {
            recipient: Some("team@example.org".into()),
            next_hop: Some("anna@example.org/INBOX".into()),
            arrival: Some(ArrivalId(7)),
            ..line(3, "deliver")
        },
        JournalLine {
            sender: Some("anna@example.org".into()),
            ..line(4, "login")
        },
        JournalLine {
            message_id: Some("<1@example.org>".into()),
            ..line(5, "message")
        },
        line(6, "connect"),
    ];
    keep(&store, lines).await;
    let find = |sought| store.find_in_journal(sought);
    let found = find(sought("ANNA@example.org")).await.unwrap();
    assert_eq!(sessions(&found), [3, 1], "a message once");
    assert_eq!(found[0].arrival, Some(ArrivalId(7)));
    let logins = Sought {
        is_login: true,
        ..sought("anna@example.org")
    };
    assert_eq!(sessions(&find(logins).await.unwrap()), [4]);
    let found = find(sought("<1@example.org>")).await.unwrap();
    assert_eq!(sessions(&found), [5]);
    let since = Sought {
        since: after(3),
        ..sought("anna@example.org")
    };
    assert_eq!(sessions(&find(since).await.unwrap()), [3]);
    let newest = Sought {
        limit: 1,
        ..sought("anna@example.org")
    };
    assert_eq!(find(newest).await.unwrap().len(), 1);
    assert_eq!(find(sought("nobody@example.org")).await.unwrap(), []);
    let story = store.journal_of_session(106).await.unwrap();
    assert_eq!(&*story[0].what, "connect");
    assert!(store.journal_of_session(103).await.unwrap().is_empty());
}

/// More lines than one read looks at, with a gap where old ones were removed.
#[tokio::test]
async fn a_long_journal_is_searched_in_slices() {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let named = |seconds: u64, name: &str| JournalLine {
        recipient: Some(name.into()),
        ..line(seconds, "recipient")
    };
    let mut lines = vec![named(0, "first@example.org")];
    lines.extend((1..50_000).map(|n| named(n, "other@example.org")));
    lines.push(named(50_000, "last@example.org"));
    keep(&store, lines).await;
    let find = |sought| store.find_in_journal(sought);
    let first = find(sought("first@example.org")).await.unwrap();
    assert_eq!(sessions(&first), [0]);
    let last = find(sought("last@example.org")).await.unwrap();
    assert_eq!(sessions(&last), [50_000]);
    let since = Sought {
        since: after(49_990),
        limit: 1_000,
        ..sought("other@example.org")
    };
    assert_eq!(find(since).await.unwrap().len(), 10);
}

#[tokio::test]
async fn refusals_alike_become_one_line_with_a_count() {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let refused = |n: u64| JournalLine {
        verdict: "refused".into(),
        reply: Some("550 5.1.1 No such address".into()),
        recipient: Some(format!("{n}@example.org").into()),
        peer: Some("192.0.2.1".into()),
        ..line(n, "recipient")
    };
    store.journal_later((0..1_000).map(refused).collect());
    store.close().await;
    let store = Store::open(options(&directory)).await.unwrap();
    let kept = store.journal_of_session(163).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(store.journal_of_session(164).await.unwrap().is_empty());
    let merged = store.journal_of_session(1_099).await.unwrap();
    assert_eq!(
        merged[0].reply.as_deref(),
        Some("550 5.1.1 No such address (936 more like it)")
    );
}
