use std::sync::Arc;

use postroom_dns::Limits;
use postroom_dns::zone::Zone;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::watched::Watched;

use super::*;

/// Every level of the way to `domain`, as text; then how it ends if nobody took the mail.
async fn way(zone: &Zone, own: &Own, internet: Internet, domain: &str) -> (Vec<String>, Setback) {
    let clock = Clock::manual(Timestamp(0));
    let dns = Dns::new(Arc::new(zone.clone()), clock, Limits::default());
    let router = Router {
        dns: &dns,
        random: &Random::seeded(7),
        own,
        internet,
        port: 25,
    };
    let mut route = match router.to_domain(domain).await {
        Ok(route) => route,
        Err(setback) => return (Vec::new(), setback),
    };
    let mut levels = Vec::new();
    while let Some(hosts) = router.next(&mut route).await {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        levels.push(hosts.join(", "));
    }
    (levels, route.end(None))
}

/// A zone of so many lines.
fn lines(count: u32, line: impl Fn(u32) -> String) -> Zone {
    let lines: Vec<String> = (0..count).map(line).collect();
    Zone::parse(&lines.join("\n"))
}

fn own() -> Own {
    let sockets = ["192.0.2.99:25", "192.0.2.98:2525"];
    Own::new(
        "mail.us.example",
        Watched::new(sockets.map(|socket| socket.parse().unwrap()).to_vec()),
    )
}

const ZONE: &str = "
    plain.example MX 20 b.plain.example
    plain.example MX 10 a.plain.example
    a.plain.example A 192.0.2.1
    a.plain.example A 192.0.2.2
    a.plain.example AAAA 2001:db8::1
    b.plain.example A 192.0.2.3
    bare.example A 192.0.2.4
    alias.example CNAME plain.example
    null.example MX 0 .
    odd.example MX 0 .
    odd.example MX 10 b.plain.example
    empty.example EMPTY
    deaf.example TIMEOUT
    broken.example SERVFAIL
    gone.mx.example MX 10 nowhere.example
    half.example MX 10 nowhere.example
    half.example MX 20 broken.example
    hidden.example MX 10 broken.example
    hidden.example MX 20 b.plain.example
    named.example MX 10 b.plain.example
    named.example MX 20 MAIL.us.example
    named.example MX 30 a.plain.example
    only.example MX 10 mail.us.example
    here.example MX 10 b.plain.example
    here.example MX 20 door.example
    here.example MX 30 a.plain.example
    door.example A 192.0.2.99
    other.example A 192.0.2.98
    nobody.example MX 10 zero.example
    zero.example A 0.0.0.0
    zero.example AAAA ff02::1
";

#[tokio::test]
async fn every_kind_of_domain_has_its_way() {
    let a4 = "a.plain.example [192.0.2.1]:25, a.plain.example [2001:db8::1]:25, \
              a.plain.example [192.0.2.2]:25";
    let b = "b.plain.example [192.0.2.3]:25";
    let none = "5.4.4 none of the mail servers of the domain has an address";
    let back = "5.4.6 mail for this domain would come back to this server";
    let unknown = |why| format!("4.4.3 the mail servers of the domain are not known now: {why}");
    let failed = unknown("the name server failed");
    for (domain, levels, end) in [
        ("plain.example", &[a4, b][..], none),
        ("bare.example", &["bare.example [192.0.2.4]:25"], none),
        ("alias.example", &[a4, b], none),
        ("[192.0.2.5]", &["192.0.2.5 [192.0.2.5]:25"], none),
        (
            "[IPv6:2001:db8::5]",
            &["2001:db8::5 [2001:db8::5]:25"],
            none,
        ),
        ("null.example", &[], "5.1.10 the domain does not take mail"),
        ("odd.example", &[b], none),
        ("none.example", &[], "5.1.2 there is no such domain"),
        ("empty.example", &[], none),
        (
            "deaf.example",
            &[],
            &unknown("no name server answered in time"),
        ),
        ("broken.example", &[], &failed),
        ("gone.mx.example", &[], none),
        ("half.example", &[], &failed),
        ("hidden.example", &[b], &failed),
        // Ourselves among the exchangers, by name or by address and port.
        ("named.example", &[b], back),
        ("only.example", &[], back),
        ("here.example", &[b], back),
        ("door.example", &[], back),
        ("[192.0.2.99]", &[], back),
        // Our address, and another's port.
        ("other.example", &["other.example [192.0.2.98]:25"], none),
        ("nobody.example", &[], none),
    ] {
        let zone = Zone::parse(ZONE);
        let (found, setback) = way(&zone, &own(), Internet::Ipv4First, domain).await;
        assert_eq!(found, levels, "{domain}");
        assert_eq!(setback.diagnosis.to_string(), end, "{domain}");
        assert_eq!(setback.is_final, end.starts_with('5'), "{domain}");
    }
}

#[tokio::test]
async fn the_kinds_of_addresses_are_chosen() {
    let one = "a.plain.example [192.0.2.1]:25";
    let two = "a.plain.example [192.0.2.2]:25";
    let six = "a.plain.example [2001:db8::1]:25";
    for (internet, first) in [
        (Internet::Ipv4First, format!("{one}, {six}, {two}")),
        (Internet::Ipv6First, format!("{six}, {one}, {two}")),
        (Internet::Ipv4, format!("{one}, {two}")),
        (Internet::Ipv6, six.to_owned()),
    ] {
        let (levels, _) = way(&Zone::parse(ZONE), &own(), internet, "plain.example").await;
        assert_eq!(levels[0], first);
    }
}

#[tokio::test]
async fn exchangers_of_equal_preference_are_shuffled() {
    let zone = lines(5, |n| {
        format!("equal.example MX 10 mx{n}.example\nmx{n}.example A 192.0.2.{n}")
    });
    let dns = Dns::new(
        Arc::new(zone),
        Clock::manual(Timestamp(0)),
        Limits::default(),
    );
    let random = Random::seeded(1);
    let mut firsts = std::collections::HashSet::new();
    for _ in 0..100 {
        let router = Router {
            dns: &dns,
            random: &random,
            own: &own(),
            internet: Internet::Ipv4,
            port: 25,
        };
        let mut route = router.to_domain("equal.example").await.unwrap();
        let hosts = router.next(&mut route).await.unwrap();
        assert_eq!(hosts.len(), 5);
        firsts.insert(hosts[0].name.clone());
    }
    assert_eq!(firsts.len(), 5);
}

/// Attack C13: whoever publishes thousands of exchangers makes us ask for a few.
#[tokio::test]
async fn attack_c13_few_of_many_exchangers_are_asked_for() {
    let zone = lines(10_000, |n| {
        format!("flood.example MX {n} mx{n}.example\nmx{n}.example A 192.0.2.1")
    });
    let (levels, _) = way(&zone, &own(), Internet::Ipv4First, "flood.example").await;
    assert!(levels.len() <= EXCHANGERS_MAX);
    assert!(zone.asked().len() <= 1 + 2 * EXCHANGERS_MAX);
    let zone = lines(10_000, |n| {
        format!("wide.example A 10.9.{}.{}", n / 256, n % 256)
    });
    let (levels, _) = way(&zone, &own(), Internet::Ipv4First, "wide.example").await;
    assert_eq!(levels[0].split(", ").count(), ADDRESSES_MAX);
}
