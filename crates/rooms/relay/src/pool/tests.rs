use postroom_mail::identifier::{ArrivalId, BlobId};
use postroom_mail::reply::EnhancedCode;
use postroom_runtime::clock::Timestamp;
use postroom_store::operation::{DsnWish, EntryId, LeaseToken, NextHop, Rendering};
use postroom_store::row::Entry;

use super::*;
use crate::job::jobs;

fn bounds() -> Bounds {
    Bounds {
        sessions_max: 8,
        sessions_per_destination_max: 4,
        entries_max: 100,
        entries_per_destination_max: 10,
        idle_max: Duration::ZERO,
        ..Bounds::new(&postroom_config::tree::Relay::default(), Duration::ZERO)
    }
}

fn entry(arrival: u64, id: u64, domain: &str) -> Entry {
    Entry {
        id: EntryId(id),
        arrival: ArrivalId(arrival),
        blob: BlobId(arrival),
        octets: 0,
        reverse_path: "".into(),
        recipient: format!("u{id}@{domain}").into(),
        next_hop: NextHop::Remote(domain.into()),
        created: Timestamp(0),
        due: Timestamp(0),
        attempts: 0,
        is_held: false,
        status: "".into(),
        dsn: DsnWish::default(),
        rendering: Rendering { pieces: vec![] },
    }
}

fn lease(entries: Vec<Entry>) -> postroom_queue::queue::Lease {
    postroom_queue::queue::Lease {
        token: LeaseToken(1),
        until: Timestamp(u64::MAX),
        entries,
    }
}

/// `count` messages for a domain, each with one recipient.
fn messages(domain: &str, from: u64, count: u64) -> Vec<(Box<str>, Job)> {
    let entries = (from..from + count).map(|n| entry(n, n, domain));
    jobs(lease(entries.collect()), false, 100)
}

fn pool() -> (Pool, Clock) {
    let clock = Clock::manual(Timestamp(0));
    (Pool::new(bounds(), clock.clone()), clock)
}

fn names(opened: &[Arc<str>]) -> Vec<&str> {
    opened.iter().map(AsRef::as_ref).collect()
}

#[test]
fn recipients_share_a_transaction_when_all_is_equal() {
    let mut entries = vec![
        entry(1, 1, "a.example"),
        entry(1, 2, "a.example"),
        entry(1, 3, "b.example"),
        entry(2, 4, "a.example"),
        entry(1, 5, "a.example"),
        entry(1, 6, "a.example"),
    ];
    entries[4].reverse_path = "other@us.example".into();
    let sizes = |has_smarthost, most| -> Vec<(String, usize)> {
        jobs(lease(entries.clone()), has_smarthost, most)
            .into_iter()
            .map(|(name, job)| (name.into(), job.entries.len()))
            .collect()
    };
    let a = |count| ("a.example".to_owned(), count);
    let b = ("b.example".to_owned(), 1);
    assert_eq!(sizes(false, 100), [a(2), b, a(1), a(1), a(1)]);
    let smarthost: Vec<usize> = sizes(true, 2).into_iter().map(|(_, count)| count).collect();
    assert_eq!(smarthost, [2, 1, 1, 1, 1]);
}

#[test]
fn one_session_feels_the_way_and_others_follow() {
    let (pool, _) = pool();
    assert!(pool.add(messages("a.example", 1, 6)).is_empty());
    assert_eq!(names(&pool.open()), ["a.example"]);
    assert!(pool.open().is_empty());
    let a: Arc<str> = "a.example".into();
    pool.ready(&a);
    assert_eq!(pool.open().len(), 3);
    assert!(pool.open().is_empty());
}

#[test]
fn the_last_quarter_of_sessions_is_for_those_that_have_none() {
    let (pool, _) = pool();
    for domain in ["a.example", "b.example"] {
        pool.add(messages(domain, 1, 10));
        pool.open();
        pool.ready(&domain.into());
    }
    pool.open();
    assert_eq!(pool.lock().sessions, 6);
    pool.add(messages("c.example", 50, 1));
    assert_eq!(names(&pool.open()), ["c.example"]);
}

#[tokio::test]
async fn what_cannot_be_reached_is_left_alone_for_a_while() {
    let (pool, clock) = pool();
    let a: Arc<str> = "a.example".into();
    pool.add(messages(&a, 1, 3));
    pool.open();
    let setback = Setback::new(EnhancedCode(4, 4, 1), "nobody there");
    assert_eq!(pool.closed(&a, false, Some(&setback)).len(), 3);
    pool.settled(&a, 3);
    let refused = pool.add(messages(&a, 4, 1));
    assert_eq!(refused.len(), 1);
    pool.settled(&a, 1);
    assert!(pool.open().is_empty());
    clock.advance(bounds().shut);
    assert!(pool.add(messages(&a, 5, 1)).is_empty());
    assert_eq!(names(&pool.open()), ["a.example"]);
    assert!(pool.next(&a).await.is_some());
    pool.settled(&a, 1);
    assert!(pool.closed(&a, true, None).is_empty());
    assert!(pool.lock().destinations.is_empty());
    assert_eq!(pool.room(), bounds().entries_max);
}

#[test]
fn a_destination_that_takes_no_more_sessions_keeps_those_it_has() {
    let (pool, _) = pool();
    let a: Arc<str> = "a.example".into();
    pool.add(messages(&a, 1, 9));
    pool.open();
    pool.ready(&a);
    assert_eq!(pool.open().len(), 3);
    let setback = Setback::new(EnhancedCode(4, 7, 0), "too many connections");
    assert!(pool.closed(&a, false, Some(&setback)).is_empty());
    assert!(pool.open().is_empty());
}

#[test]
fn a_full_destination_is_named() {
    let (pool, _) = pool();
    pool.add(messages("a.example", 1, 10));
    pool.add(messages("b.example", 20, 9));
    assert_eq!(pool.full(), ["a.example".into()]);
    assert_eq!(pool.room(), 81);
    pool.settled("a.example", 1);
    assert!(pool.full().is_empty());
}
