//! The whole server sends mail on: by MX and by smarthost, in order and across crashes.
//!
//! `POSTROOM_RELAY_CRASH_ROUNDS` (20) and `POSTROOM_CRASH_SEED` choose how often and which.

#![expect(
    clippy::unwrap_used,
    reason = "what helps a test may panic as the test may"
)]

use std::collections::HashMap;
use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::thread;
use std::time::Duration;

use postroom_e2e::deadline::{SOON, until};
use postroom_e2e::message;
use postroom_e2e::random::Random;
use postroom_e2e::server::{Account, Options, Role, Server};
use postroom_e2e::skip::note;
use postroom_e2e::smtp::Smtp;
use postroom_testkit::dns::DnsServer;
use postroom_testkit::remote::{Deed, Moment, Personality, Remote, StartTls};

const ROUNDS: u64 = 20;
const CLIENTS: u64 = 4;

/// A server that takes submissions in clear and finds names at `dns`.
fn options(dns: &DnsServer) -> Options {
    Options::new()
        .set("auth.cleartext=loopback")
        .set("auth.senders=any")
        .set("listen.submission_starttls=offer")
        .set(&format!("dns.servers=['{}']", dns.address()))
        .set("dns.timeout=1s")
}

fn submission(server: &Server, account: &Account) -> Smtp {
    let mut session = Smtp::hello(server.at(Role::Submission)).unwrap();
    let reply = session.login(&account.address, &account.password).unwrap();
    assert!(reply.is("235"), "{reply:?}");
    session
}

/// Alice sends; the message is accepted.
fn send(server: &Server, to: &[&str], subject: &str) {
    let alice = server.alice().clone();
    let message = format!(
        "From: {}\r\nTo: {}\r\nSubject: {subject}\r\n\r\nHello.\r\n",
        alice.address, to[0]
    );
    let mut session = submission(server, &alice);
    let reply = session
        .send(&alice.address, to, message.as_bytes())
        .unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
}

/// Waits for a report in Alice's INBOX.
fn report(server: &Server) -> String {
    let alice = server.alice().clone();
    let mut reader = server.reader(&alice);
    let found = until(SOON, || {
        reader.select("INBOX").unwrap();
        let uids = reader.search("HEADER Content-Type report").unwrap();
        uids.first().copied()
    });
    let uid = found.unwrap_or_else(|| panic!("no report came\n{}", server.log()));
    let rows = reader.fetch(&uid.to_string(), "BODY.PEEK[]").unwrap();
    String::from_utf8_lossy(&rows[0].body).into_owned()
}

fn is_empty(server: &Server) -> bool {
    let listed = server.postroom(&["queue", "list", "--json"]);
    listed.code == Some(0) && !listed.out.contains("recipient")
}

#[test]
fn mail_for_elsewhere_goes_to_the_servers_of_its_domain() {
    let remote = Remote::start(
        Personality::default()
            .with_starttls(StartTls::Good)
            .with("CHUNKING"),
    );
    let dns = DnsServer::start(
        "there.example MX 10 mx.there.example
         mx.there.example A 127.0.0.1",
    );
    let port = format!("relay.port={}", remote.address().port());
    let server = options(&dns).set(&port).start();
    let bob = server.bob().address.clone();
    let to = ["x@there.example", "y@there.example", &bob];
    send(&server, &to, "for here and there");
    let message = &remote.wait_for_messages(1)[0];
    assert_eq!(message.recipients, to[..2]);
    assert!(message.is_tls && message.is_chunked);
    assert_eq!(message.sender, server.alice().address);
    server.received(server.bob(), "for here and there");
    assert!(dns.asked().contains(&"MX there.example".to_owned()));
    until(SOON, || is_empty(&server).then_some(())).unwrap();
    remote.assert_no_stray_octets();
    assert!(
        server.log().contains("outcome=\"transferred\""),
        "{}",
        server.log()
    );
}

#[test]
fn what_is_refused_there_is_reported_here() {
    let nobody = Deed::Say("550 5.1.1 Nobody of that name");
    let remote = Remote::start(Personality::default().does(Moment::Recipient("x@"), nobody));
    let dns = DnsServer::start("there.example A 127.0.0.1");
    let port = format!("relay.port={}", remote.address().port());
    let server = options(&dns).set(&port).start();
    send(&server, &["x@there.example", "y@there.example"], "half");
    let report = report(&server);
    assert!(report.contains("Nobody of that name"), "{report}");
    assert!(report.contains("x@there.example"), "{report}");
    assert!(report.contains("Action: failed"), "{report}");
    assert_eq!(remote.accepted()[0].recipients, ["y@there.example"]);
}

/// Without a name server the house serves, and mail for elsewhere waits.
#[test]
fn without_names_mail_waits() {
    let dns = DnsServer::start("");
    let options = options(&dns);
    drop(dns);
    let server = options.start();
    send(&server, &["x@there.example"], "patience");
    until(SOON, || server.log().contains("4.4.3").then_some(())).unwrap();
    assert!(!is_empty(&server));
}

#[test]
fn a_smarthost_is_signed_in_to_over_verified_tls() {
    let smarthost = Personality::default()
        .with_starttls(StartTls::Good)
        .with("AUTH PLAIN LOGIN");
    let remote = Remote::start(smarthost);
    let dns = DnsServer::start("mx.example.net A 127.0.0.1");
    let scratch = postroom_e2e::scratch::Scratch::new();
    scratch.write("roots.pem", remote.certificate());
    scratch.write("password", "open sesame\n");
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let port = remote.address().port();
    let with = |options: Options| {
        options
            .set(&format!("relay.smarthost=mx.example.net:{port}"))
            .set("relay.smarthost_user=us")
            .set(&format!(
                "relay.smarthost_password_file={}",
                path("password")
            ))
            .set("relay.tls=require")
    };
    let server = with(options(&dns))
        .set(&format!("relay.tls_roots={}", path("roots.pem")))
        .start();
    // Both domains go to the smarthost, in one transaction.
    send(
        &server,
        &["x@one.example", "y@two.example"],
        "by the smarthost",
    );
    let message = &remote.wait_for_messages(1)[0];
    assert_eq!(message.recipients, ["x@one.example", "y@two.example"]);
    assert!(message.is_tls);
    let commands = remote.commands();
    assert!(commands.iter().any(|line| line.starts_with("AUTH PLAIN")));
    drop(server);
    // A certificate that nobody vouches for gets neither password nor mail.
    let before = remote.commands().len();
    let server = with(options(&dns)).start();
    send(&server, &["x@one.example"], "not to a stranger");
    until(SOON, || server.log().contains("4.7.5").then_some(())).unwrap();
    let said = remote.commands();
    let said = said.iter().skip(before);
    assert!(!said.clone().any(|line| line.starts_with("AUTH")));
    assert_eq!(remote.messages().len(), 1);
}

/// Attack C01: two servers that forward to each other end it after a few rounds.
#[test]
fn attack_c01_mail_between_two_forwarders_ends() {
    let dns = DnsServer::start("a.example A 127.0.0.1\nb.example A 127.0.0.1");
    let mut a = options(&dns).set("hostname=mx.a.example").start();
    let mut b = options(&dns).set("hostname=mx.b.example").start();
    for (server, other, own, there) in [
        (&a, &b, "a.example", "b.example"),
        (&b, &a, "b.example", "a.example"),
    ] {
        let port = other.port(Role::Smtp);
        let mut file = OpenOptions::new()
            .append(true)
            .open(server.config())
            .unwrap();
        write!(file, "\n[relay]\nport = {port}\n").unwrap();
        server.command(&["domain", "add", own]).succeed();
        let (from, to) = (format!("round@{own}"), format!("round@{there}"));
        server.command(&["alias", "add", &from, &to]).succeed();
    }
    a.restart();
    b.restart();
    send(&a, &["round@b.example"], "in circles");
    // Nobody vouches for the sender on the way: the one who meets the end tells it nothing.
    let is_over = |server: &Server| server.log().contains("5.4.6 Too many hops");
    until(SOON, || (is_over(&a) || is_over(&b)).then_some(())).unwrap();
    until(SOON, || (is_empty(&a) && is_empty(&b)).then_some(())).unwrap();
    let attempts = |server: &Server| server.log().matches("relay attempt").count();
    let rounds = attempts(&a) + attempts(&b);
    assert!(rounds <= 30, "{rounds} rounds");
}

/// Attack C06: a report that cannot be delivered has no sender, and ends.
#[test]
fn attack_c06_a_bounce_of_a_bounce_ends() {
    let dns = DnsServer::start("EMPTY.example EMPTY");
    let server = options(&dns).start();
    let alice = server.alice().clone();
    let mut session = submission(&server, &alice);
    let message = b"From: nobody@gone.example\r\nSubject: forged\r\n\r\nHello.\r\n";
    let reply = session
        .send("nobody@gone.example", &["x@none.example"], message)
        .unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
    until(SOON, || {
        server
            .log()
            .contains("a failure is not reported")
            .then_some(())
    })
    .unwrap();
    until(SOON, || is_empty(&server).then_some(())).unwrap();
    assert_eq!(server.log().matches("relay attempt").count(), 2);
}

/// Every acknowledged recipient is received after any crash; twice only where the server was killed
/// between the end of the data and its commit.
#[test]
fn what_was_acknowledged_for_elsewhere_arrives_after_any_crash() {
    let rounds = variable("POSTROOM_RELAY_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let seed = variable("POSTROOM_CRASH_SEED").unwrap_or_else(|| Random::fresh().number());
    note(&format!("POSTROOM_CRASH_SEED={seed}, {rounds} rounds"));
    let mut random = Random::seeded(seed);
    let remote = Remote::start(Personality::default());
    let dns = DnsServer::start("there.example A 127.0.0.1");
    let port = format!("relay.port={}", remote.address().port());
    let mut server = options(&dns)
        .set(&port)
        .set("relay.sessions_per_destination_max=4")
        .start();
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        let (address, alice) = (server.at(Role::Submission), server.alice().clone());
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let alice = alice.clone();
                thread::spawn(move || load(address, &alice, round, client))
            })
            .collect();
        thread::sleep(Duration::from_millis(300 + random.below(500)));
        server.kill();
        for client in clients {
            acknowledged.extend(client.join().unwrap());
        }
        server.serve();
    }
    until(SOON * 4, || is_empty(&server).then_some(()))
        .unwrap_or_else(|| panic!("{}", server.postroom(&["queue", "list"]).text()));
    let mut copies: HashMap<String, u64> = HashMap::new();
    for received in remote.accepted() {
        for recipient in received.recipients {
            *copies.entry(recipient).or_default() += 1;
        }
    }
    for recipient in &acknowledged {
        assert!(copies.contains_key(recipient), "{recipient} is lost");
    }
    let twice: u64 = copies.values().map(|count| count - 1).sum();
    note(&format!(
        "{rounds} crashes, {} acknowledged recipients, {twice} received twice",
        acknowledged.len()
    ));
    // In the window is at most the one message of each session, with two recipients.
    assert!(twice <= rounds * 4 * 2, "{twice} received twice");
    let enough = usize::try_from(rounds * 4).unwrap();
    assert!(
        acknowledged.len() > enough,
        "too little load to prove anything"
    );
}

/// Submits until the server is gone; the recipients that were acknowledged.
fn load(address: std::net::SocketAddr, alice: &Account, round: u64, client: u64) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let Ok(mut session) = Smtp::hello(address) else {
        return acknowledged;
    };
    if !session
        .login(&alice.address, &alice.password)
        .is_ok_and(|reply| reply.is("235"))
    {
        return acknowledged;
    }
    for number in 0.. {
        let name = format!("r{round}c{client}n{number}");
        let to = ["a", "b"].map(|one| format!("{name}{one}@there.example"));
        let message = message::named(&name, 500);
        let sent = session.send(&alice.address, &[&to[0], &to[1]], &message);
        match sent {
            Ok(reply) if reply.is("250") => acknowledged.extend(to),
            _ => break,
        }
    }
    acknowledged
}

fn variable(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}
