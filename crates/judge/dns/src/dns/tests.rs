use std::fmt::Write as _;

use postroom_runtime::clock::Timestamp;

use super::*;
use crate::zone::Zone;

fn over(zone: &Zone, clock: &Clock) -> Dns {
    Dns::new(Arc::new(zone.clone()), clock.clone(), Limits::default())
}

#[tokio::test]
async fn answers_are_kept_until_their_time_is_over() {
    let clock = Clock::manual(Timestamp(0));
    let zone = Zone::parse("mx.example A 192.0.2.1");
    let dns = over(&zone, &clock);
    for _ in 0..3 {
        let found = dns.addresses("MX.Example.", Family::V4).await;
        assert_eq!(found.as_deref(), Ok(&["192.0.2.1".parse().unwrap()][..]));
    }
    assert_eq!(zone.asked(), ["A mx.example"]);
    clock.advance(Duration::from_secs(u64::from(Zone::TTL_SECONDS)));
    dns.addresses("mx.example", Family::V4).await.unwrap();
    assert_eq!(zone.asked().len(), 2);
}

#[tokio::test]
async fn a_no_is_kept_and_trouble_is_not() {
    let clock = Clock::manual(Timestamp(0));
    let zone = Zone::parse("here.example A 192.0.2.1\nbroken.example SERVFAIL");
    let dns = over(&zone, &clock);
    for _ in 0..2 {
        let gone = dns.exchangers("gone.example").await.unwrap_err();
        assert!(gone.is_no_such_domain());
        let empty = dns.exchangers("here.example").await.unwrap_err();
        assert!(!empty.is_no_such_domain() && !empty.is_trouble());
        let broken = dns.exchangers("broken.example").await.unwrap_err();
        assert_eq!(broken, LookupError::Trouble(crate::Trouble::Failed));
    }
    assert_eq!(
        zone.asked(),
        [
            "MX gone.example",
            "MX here.example",
            "MX broken.example",
            "MX broken.example"
        ]
    );
}

/// Attack C13: who publishes ten thousand records makes us look at a hundred.
#[tokio::test]
async fn attack_c13_at_most_a_hundred_records_are_looked_at() {
    let mut text = String::new();
    for number in 0..10_000 {
        let (high, low) = (number / 256, number % 256);
        writeln!(text, "flood.example MX {number} mx{number}.flood.example").unwrap();
        writeln!(text, "flood.example A 10.1.{high}.{low}").unwrap();
    }
    let dns = over(&Zone::parse(&text), &Clock::manual(Timestamp(0)));
    let exchangers = dns.exchangers("flood.example").await.unwrap();
    assert_eq!(exchangers.len(), RECORDS_MAX);
    let addresses = dns.addresses("flood.example", Family::V4).await.unwrap();
    assert_eq!(addresses.len(), RECORDS_MAX);
}

/// Attack C13: aliases that go in circles end.
#[tokio::test]
async fn attack_c13_aliases_in_a_circle_are_trouble() {
    let zone = Zone::parse("a.example CNAME b.example\nb.example CNAME a.example");
    let dns = over(&zone, &Clock::manual(Timestamp(0)));
    let error = dns.addresses("a.example", Family::V4).await.unwrap_err();
    assert!(error.is_trouble());
}
