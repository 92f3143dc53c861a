//! The real resolver against a name server of the test's own.

#![expect(
    clippy::unwrap_used,
    reason = "what helps a test may panic as the test may"
)]

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use postroom_dns::system::{Nobody, Settings, System};
use postroom_dns::{Answer, Data, Kind, LookupError, Negative, RECORDS_MAX, Resolver, Trouble};
use postroom_testkit::dns::DnsServer;

fn asking(server: SocketAddr) -> System {
    System::new(&Settings {
        servers: vec![server],
        timeout: Duration::from_millis(300),
        attempts: 1,
    })
    .unwrap()
}

async fn ask(server: &DnsServer, name: &str, kind: Kind) -> Result<Answer, LookupError> {
    asking(server.address()).resolve(name, kind).await
}

fn addresses(answer: Answer) -> Vec<IpAddr> {
    let address = |data| match data {
        Data::Address(address) => address,
        Data::Mx(mx) => panic!("{mx:?} is no address"),
    };
    answer.records.into_iter().map(address).collect()
}

fn negative(result: Result<Answer, LookupError>) -> Negative {
    match result {
        Err(LookupError::Negative { negative, .. }) => negative,
        other => panic!("not a no: {other:?}"),
    }
}

#[tokio::test]
async fn records_of_each_kind_are_found() {
    let server = DnsServer::start(
        "example.org MX 20 Backup.Example.org
         example.org MX 10 mx.example.org
         mx.example.org A 192.0.2.1
         mx.example.org AAAA 2001:db8::1
         nothing.example MX 0 .",
    );
    let answer = ask(&server, "example.org", Kind::Mx).await.unwrap();
    let mut exchangers: Vec<(u16, Box<str>)> = answer
        .records
        .into_iter()
        .map(|data| match data {
            Data::Mx(mx) => (mx.preference, mx.exchange),
            Data::Address(address) => panic!("{address} is no exchanger"),
        })
        .collect();
    exchangers.sort();
    assert_eq!(
        exchangers,
        [
            (10, "mx.example.org".into()),
            (20, "backup.example.org".into())
        ]
    );
    let v4 = ask(&server, "mx.example.org", Kind::A).await.unwrap();
    assert!(v4.ttl > Duration::ZERO);
    assert_eq!(addresses(v4), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    let v6 = ask(&server, "mx.example.org", Kind::Aaaa).await.unwrap();
    assert_eq!(addresses(v6), ["2001:db8::1".parse::<IpAddr>().unwrap()]);
    let null = ask(&server, "nothing.example", Kind::Mx).await.unwrap();
    assert!(matches!(&null.records[..], [Data::Mx(mx)] if mx.exchange.is_empty()));
}

#[tokio::test]
async fn aliases_are_followed() {
    let server = DnsServer::start(
        "www.example.org CNAME host.example.org
         host.example.org A 192.0.2.7",
    );
    let found = ask(&server, "www.example.org", Kind::A).await.unwrap();
    assert_eq!(addresses(found), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
}

#[tokio::test]
async fn no_and_nobody_knows_are_told_apart() {
    let server = DnsServer::start(
        "here.example A 192.0.2.1
         broken.example SERVFAIL
         shut.example REFUSED
         deaf.example TIMEOUT",
    );
    let gone = ask(&server, "gone.example", Kind::Mx).await;
    assert_eq!(negative(gone), Negative::NoSuchDomain);
    let none = ask(&server, "here.example", Kind::Mx).await;
    assert_eq!(negative(none), Negative::NoData);
    for (name, trouble) in [
        ("broken.example", Trouble::Failed),
        ("shut.example", Trouble::Refused),
        ("deaf.example", Trouble::Unreachable),
    ] {
        let found = ask(&server, name, Kind::Mx).await;
        assert_eq!(found, Err(LookupError::Trouble(trouble)), "{name}");
    }
    let unset = Nobody.resolve("here.example", Kind::A).await;
    assert_eq!(unset, Err(LookupError::Trouble(Trouble::Unset)));
}

#[tokio::test]
async fn nobody_at_home_is_trouble() {
    let server = DnsServer::start("");
    let address = server.address();
    drop(server);
    let found = asking(address).resolve("example.org", Kind::A).await;
    assert_eq!(found, Err(LookupError::Trouble(Trouble::Unreachable)));
}

/// Attack C13: an answer as large as DNS can carry comes by TCP, and is looked at in part.
#[tokio::test]
async fn attack_c13_a_flood_of_records_is_cut() {
    let lines = (0..4000).map(|n| format!("flood.example A 10.1.{}.{}\n", n / 256, n % 256));
    let server = DnsServer::start(&lines.collect::<String>());
    let found = ask(&server, "flood.example", Kind::A).await.unwrap();
    assert_eq!(found.records.len(), RECORDS_MAX);
}

#[tokio::test]
async fn attack_c13_aliases_in_a_circle_end() {
    let server = DnsServer::start(
        "a.example CNAME b.example
         b.example CNAME a.example",
    );
    let found = ask(&server, "a.example", Kind::A).await;
    assert!(found.is_err(), "{found:?}");
}
