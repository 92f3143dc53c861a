//! Sessions that we open, with the client of SMTP and remotes of every temper.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use postroom_mail::address::{Address, NonAscii, ReversePath};
use postroom_mail::envelope::{BodyType, Envelope, Recipient};
use postroom_net::connect::{ConnectError, Destination, Leash, Over, connect};
use postroom_net::tls::{Certificate, Outward};
use postroom_net::{Broken, Ground, Host, Limits, Peer};
use postroom_runtime::clock::Clock;
use postroom_runtime::telemetry::Telemetry;
use postroom_smtp::client::{
    Answer, Cause, Client, Fate, Moment, News, Outcome, Profile, Question, Source, Stage, StartTls,
    Transaction,
};
use postroom_testkit::remote::{Deed, Moment as At, Personality, Remote, StartTls as Manner};
use postroom_wire::machine::Tls;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::rig::LONG;

/// Sends messages one after the other, then quits.
struct Postman {
    messages: Vec<(Transaction, Vec<u8>)>,
    sending: Vec<u8>,
    place: usize,
    outcomes: Vec<Outcome>,
    tls: Option<Tls>,
    peer: Option<Peer>,
    /// Lets the next answer wait until the peer has gone.
    outlasts_peer: bool,
}

impl Postman {
    fn new(messages: Vec<(Transaction, Vec<u8>)>) -> Self {
        Self {
            messages,
            sending: Vec::new(),
            place: 0,
            outcomes: Vec::new(),
            tls: None,
            peer: None,
            outlasts_peer: false,
        }
    }
}

impl Host<Client> for Postman {
    async fn answer(&mut self, question: Question) -> Answer {
        if let Question::Ended(outcome) = question {
            self.outcomes.push(outcome);
            while self.outlasts_peer && !self.peer.as_ref().unwrap().has_closed() {
                tokio::task::yield_now().await;
            }
        }
        if self.messages.is_empty() {
            return Answer::Quit;
        }
        let (transaction, message) = self.messages.remove(0);
        self.sending = message;
        self.place = 0;
        Answer::Send(transaction)
    }

    async fn body(&mut self, _: &[u8]) {}

    fn news(&mut self) -> impl Future<Output = News> + Send {
        std::future::pending()
    }

    fn drain() -> News {
        News::Drain
    }

    async fn read(&mut self, source: &mut Source, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let end = self.sending.len().min(self.place + 64 * 1024);
        source.pass(&self.sending[self.place..end], buffer)?;
        self.place = end;
        if end < self.sending.len() {
            return Ok(true);
        }
        source.finish(buffer)?;
        Ok(false)
    }

    fn connected(&mut self, peer: Peer) {
        self.peer = Some(peer);
    }

    fn secured(&mut self, tls: &Tls) {
        self.tls = Some(tls.clone());
    }
}

fn message(recipients: &[&str], octets: &[u8]) -> (Transaction, Vec<u8>) {
    let address = |text: &str| Address::parse(text, NonAscii::Refused).unwrap();
    let transaction = Transaction {
        envelope: Envelope {
            reverse_path: ReversePath::Address(address("anna@example.org")),
            recipients: recipients
                .iter()
                .map(|to| Recipient {
                    address: address(to),
                    notify: None,
                    orcpt: None,
                })
                .collect(),
            body: BodyType::SevenBit,
            smtputf8: false,
            ret: None,
            envid: None,
        },
        octets: octets.len() as u64,
    };
    (transaction, octets.to_vec())
}

const HI: &[u8] = b"Subject: Hi\r\n\r\nHello\r\n.dot\r\n";

fn hi() -> Vec<(Transaction, Vec<u8>)> {
    vec![message(&["bob@example.net"], HI)]
}

/// A body that no socket takes at once.
fn large() -> Vec<(Transaction, Vec<u8>)> {
    vec![message(
        &["bob@example.net"],
        &b"A line of a large message.\r\n".repeat(1_000_000),
    )]
}

fn destination(address: SocketAddr) -> Destination {
    let tls = Outward::new(RootCertStore::empty(), Certificate::Any).unwrap();
    Destination {
        address,
        source: None,
        name: "mx.example.net".into(),
        tls: Some(tls),
        is_implicit_tls: false,
        connect_max: LONG,
    }
}

/// Runs one session to its end.
fn session(
    destination: Destination,
    profile: Profile,
    limits: Limits,
    messages: Vec<(Transaction, Vec<u8>)>,
) -> Over<Client, Postman> {
    session_of(destination, profile, limits, Postman::new(messages))
}

fn session_of(
    destination: Destination,
    profile: Profile,
    limits: Limits,
    postman: Postman,
) -> Over<Client, Postman> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let clock = Clock::system();
    let machine = Client::new(Arc::new(profile), clock.now());
    let show = Box::new(|peer: std::net::IpAddr| peer.to_string().into());
    let ground = Arc::new(Ground::new(
        clock,
        Telemetry::default(),
        limits,
        Box::new(|_| false),
        show,
    ));
    let session = connect(&ground, destination, Leash::default(), machine, postman);
    runtime.block_on(async { tokio::time::timeout(LONG, session).await.unwrap() })
}

fn send(remote: &Remote, messages: Vec<(Transaction, Vec<u8>)>) -> Over<Client, Postman> {
    let profile = Profile::transfer("mail.example.org");
    session(
        destination(remote.address()),
        profile,
        Limits::default(),
        messages,
    )
}

#[track_caller]
fn assert_quit(over: &Over<Client, Postman>) {
    assert!(over.how.is_ok(), "{:?}", over.how);
    assert_eq!(over.machine.ending().cause, Cause::Quit);
    assert_eq!(over.machine.ending().moment, Moment::Idle);
}

#[test]
fn messages_arrive_as_they_were_one_after_the_other() {
    for personality in [
        Personality::default(),
        Personality::default().without("PIPELINING"),
        Personality::default().with("CHUNKING"),
        Personality::default()
            .without("PIPELINING")
            .with("CHUNKING"),
        Personality::default().without_ehlo(),
    ] {
        let remote = Remote::start(personality);
        let large = b".A line.\r\n".repeat(50_000);
        let messages = vec![
            message(&["bob@example.net", "carla@example.net"], HI),
            message(&["dora@example.net"], &large),
        ];
        let over = send(&remote, messages);
        assert_quit(&over);
        assert_eq!(over.host.outcomes.len(), 2);
        let accepted = remote.accepted();
        assert_eq!(
            accepted[0].recipients,
            ["bob@example.net", "carla@example.net"]
        );
        assert_eq!(accepted[0].octets, HI);
        assert!(accepted[1].octets == large);
        assert_eq!(remote.sessions().len(), 1);
        remote.assert_no_stray_octets();
    }
}

#[test]
fn starttls_takes_any_certificate_and_tells_whether_it_was_good() {
    let remote = Remote::start(Personality::default().with_starttls(Manner::Good));
    let over = send(&remote, hi());
    assert_quit(&over);
    let tls = over.host.tls.unwrap();
    assert!(!tls.is_verified);
    assert_eq!(tls.server_name.as_deref(), Some("mx.example.net"));
    assert!(remote.accepted()[0].is_tls);

    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(remote.certificate().as_bytes()).unwrap();
    roots.add(certificate).unwrap();
    for (name, is_verified) in [("mx.example.net", true), ("mx.example.com.", false)] {
        let mut towards = destination(remote.address());
        towards.tls = Some(Outward::new(roots.clone(), Certificate::Any).unwrap());
        towards.name = name.into();
        let profile = Profile::transfer("mail.example.org");
        let over = session(towards, profile, Limits::default(), hi());
        assert_quit(&over);
        assert_eq!(over.host.tls.unwrap().is_verified, is_verified, "{name}");
    }
    assert_eq!(remote.accepted().len(), 3);
}

#[test]
fn a_certificate_that_must_be_good_and_is_not_ends_the_session() {
    let remote = Remote::start(Personality::default().with_implicit_tls());
    let stranger = Remote::start(Personality::default());
    for (issuer, is_good) in [(&remote, true), (&stranger, false)] {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(issuer.certificate().as_bytes()).unwrap();
        roots.add(certificate).unwrap();
        let mut towards = destination(remote.address());
        towards.tls = Some(Outward::new(roots, Certificate::Verified).unwrap());
        towards.is_implicit_tls = true;
        let profile = Profile::transfer("mail.example.org");
        let over = session(towards, profile, Limits::default(), hi());
        if is_good {
            assert_quit(&over);
            assert!(over.host.tls.unwrap().is_verified);
        } else {
            assert!(over.how.unwrap_err().is_handshake());
        }
    }
    assert_eq!(remote.accepted().len(), 1);
    assert!(Outward::new(RootCertStore::empty(), Certificate::Verified).is_err());
}

#[test]
fn a_handshake_that_fails_is_told_apart_and_clear_text_serves() {
    let remote = Remote::start(Personality::default().with_starttls(Manner::Broken));
    let over = send(&remote, hi());
    assert!(over.how.unwrap_err().is_handshake());
    assert_eq!(over.machine.ending().moment, Moment::Unready);
    assert_eq!(over.machine.ending().cause, Cause::Cut(Stage::StartTls));
    let mut profile = Profile::transfer("mail.example.org");
    profile.starttls = StartTls::Never;
    let over = session(
        destination(remote.address()),
        profile,
        Limits::default(),
        hi(),
    );
    assert_quit(&over);
    assert_eq!(remote.accepted().len(), 1);
}

/// Exim CVE-2021-38371 and others took what came behind the reply to STARTTLS for replies of the
/// protected session.
#[test]
fn attack_a10_replies_before_the_handshake_are_no_replies() {
    let injected = "250-evil.example\r\n250 OK\r\n250 OK\r\n250 OK\r\n354 Go\r\n250 Taken\r\n";
    let personality = Personality::default()
        .without("SMTPUTF8")
        .with_starttls(Manner::Injected(injected));
    let remote = Remote::start(personality);
    let over = send(&remote, hi());
    assert_quit(&over);
    let [Fate::Accepted(reply)] = over.host.outcomes[0].fates.as_slice() else {
        panic!("{:?}", over.host.outcomes);
    };
    assert_eq!(reply.text, "Taken over", "the real reply");
    let message = &remote.accepted()[0];
    assert_eq!(message.octets, HI);
    assert!(message.is_tls);
    // What the peer offers was asked for again.
    let commands = remote.commands();
    assert_eq!(
        commands
            .iter()
            .filter(|line| line.starts_with("EHLO"))
            .count(),
        2
    );
}

/// Our own words before the handshake end with STARTTLS: nothing is pipelined behind it that an
/// attacker could have the peer take for part of the protected session.
#[test]
fn attack_a09_nothing_of_ours_stands_behind_starttls_in_the_clear() {
    let remote = Remote::start(Personality::default().with_starttls(Manner::Good));
    assert_quit(&send(&remote, hi()));
    let session = &remote.wait_for_sessions(1)[0];
    let clear = session
        .octets
        .strip_suffix(session.secured.as_slice())
        .unwrap();
    assert_eq!(clear, b"EHLO mail.example.org\r\nSTARTTLS\r\n");
    assert!(
        session
            .secured
            .starts_with(b"EHLO mail.example.org\r\nMAIL FROM:")
    );
}

#[test]
fn nobody_there_and_nobody_answering_are_told() {
    let gone = Remote::start(Personality::default()).address();
    let profile = || Profile::transfer("mail.example.org");
    let over = session(destination(gone), profile(), Limits::default(), hi());
    assert!(
        matches!(over.how, Err(ConnectError::Unreachable { .. })),
        "{:?}",
        over.how
    );
    assert_eq!(over.machine.ending().moment, Moment::Unready);

    // A port whose queue is full answers nobody.
    let kind = (socket2::Domain::IPV4, socket2::Type::STREAM);
    let full = socket2::Socket::new(kind.0, kind.1, None).unwrap();
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let _first = std::net::TcpStream::connect(address).unwrap();
    let mut towards = destination(address);
    towards.connect_max = Duration::from_millis(50);
    let over = session(towards, profile(), Limits::default(), hi());
    assert!(
        matches!(over.how, Err(ConnectError::Unanswered { .. })),
        "{:?}",
        over.how
    );

    let remote = Remote::start(Personality::default());
    let mut towards = destination(remote.address());
    towards.source = Some("192.0.2.1".parse().unwrap());
    let over = session(towards, profile(), Limits::default(), hi());
    assert!(
        matches!(over.how, Err(ConnectError::Unreachable { .. })),
        "not ours: {:?}",
        over.how
    );
    let mut towards = destination(remote.address());
    towards.source = Some("127.0.0.1".parse().unwrap());
    assert_quit(&session(towards, profile(), Limits::default(), hi()));
}

#[test]
fn a_peer_that_dies_in_the_body_has_not_taken_the_message() {
    let personality = Personality::default().does(At::Body(100_000), Deed::Leave);
    let remote = Remote::start(personality);
    let over = send(&remote, large());
    assert!(over.host.outcomes.is_empty());
    assert_eq!(over.machine.ending().moment, Moment::Unfinished(vec![None]));
    assert!(remote.messages().is_empty());
}

#[test]
fn a_peer_that_says_why_in_the_body_is_heard() {
    let words = "552 5.3.4 Larger than I thought";
    let personality = Personality::default().does(At::Body(100_000), Deed::SayAndLeave(words));
    let remote = Remote::start(personality);
    let over = send(&remote, large());
    let Moment::Unfinished(fates) = over.machine.ending().moment else {
        panic!("{:?}", over.machine.ending());
    };
    let Some(Fate::Refused { stage, reply }) = &fates[0] else {
        panic!("{fates:?}");
    };
    assert_eq!((*stage, reply.code), (Stage::Body, 552));
    assert_eq!(reply.text, "Larger than I thought");
}

#[test]
fn a_peer_that_dies_after_the_data_may_have_taken_the_message() {
    let personality = Personality::default()
        .does(At::Recipient("carla"), Deed::Say("550 5.1.1 Nobody"))
        .does(At::EndOfData, Deed::Leave);
    let remote = Remote::start(personality);
    let recipients = ["bob@example.net", "carla@example.net"];
    let over = send(&remote, vec![message(&recipients, HI)]);
    let ending = over.machine.ending();
    assert_eq!(ending.cause, Cause::Closed(Stage::EndOfData));
    let Moment::Unknown(fates) = ending.moment else {
        panic!("{ending:?}");
    };
    assert_eq!(fates[0], None);
    assert!(matches!(fates[1], Some(Fate::Refused { .. })));
    assert_eq!(remote.messages()[0].octets, HI);
}

#[test]
fn a_host_that_waits_sees_its_peer_go() {
    for starttls in [None, Some(Manner::Good)] {
        let mut personality =
            Personality::default().does(At::EndOfData, Deed::SayAndLeave("250 2.6.0 Taken"));
        if let Some(starttls) = starttls {
            personality = personality.with_starttls(starttls);
        }
        let remote = Remote::start(personality);
        let mut postman = Postman::new([hi(), hi()].concat());
        postman.outlasts_peer = true;
        let profile = Profile::transfer("mail.example.org");
        let towards = destination(remote.address());
        let over = session_of(towards, profile, Limits::default(), postman);
        assert_eq!(over.host.peer.unwrap().address, remote.address());
        // It sent all the same: no reply to MAIL, and nobody got anything.
        assert_eq!(over.host.outcomes.len(), 1);
        assert_eq!(over.machine.ending().moment, Moment::Unfinished(vec![None]));
    }
}

#[test]
fn a_peer_that_stops_reading_is_not_waited_for() {
    let remote = Remote::start(Personality::default().does(At::Body(100_000), Deed::Freeze));
    let profile = Profile::transfer("mail.example.org");
    let limits = Limits {
        write_stall_max: Duration::from_millis(50),
        ..Limits::default()
    };
    let over = session(destination(remote.address()), profile, limits, large());
    assert!(
        matches!(over.how, Err(ConnectError::Broken(Broken::Stalled))),
        "{:?}",
        over.how
    );
    assert_eq!(over.machine.ending().moment, Moment::Unfinished(vec![None]));
}

#[test]
fn a_peer_that_reads_for_ever_is_not_waited_for() {
    let remote = Remote::start(Personality::default());
    let mut profile = Profile::transfer("mail.example.org");
    profile.timeouts.body = Duration::ZERO;
    let over = session(
        destination(remote.address()),
        profile,
        Limits::default(),
        hi(),
    );
    assert!(
        matches!(over.how, Err(ConnectError::Broken(Broken::Stalled))),
        "{:?}",
        over.how
    );
    assert!(remote.messages().is_empty());
}

#[test]
fn slow_peers_and_those_that_relent_are_served() {
    let pause = Deed::Dawdle(Duration::from_millis(1));
    let personality = Personality::default()
        .does(At::Ehlo, pause.clone())
        .does(At::EndOfData, pause)
        .does_times(1, At::Mail, Deed::Say("451 4.7.1 Greylisted"));
    let remote = Remote::start(personality.with_recipients_max(1));
    let recipients = ["bob@example.net", "carla@example.net"];
    let over = send(&remote, [hi(), vec![message(&recipients, HI)]].concat());
    assert_quit(&over);
    let [first, second] = over.host.outcomes.as_slice() else {
        panic!("{:?}", over.host.outcomes);
    };
    let code = |fate: &Fate| match fate {
        Fate::Accepted(reply) | Fate::Refused { reply, .. } => reply.code,
        Fate::Unsent(_) => 0,
    };
    assert_eq!(code(&first.fates[0]), 451);
    assert_eq!(
        second.fates.iter().map(code).collect::<Vec<_>>(),
        [250, 452]
    );
}

#[test]
fn a_peer_that_says_nothing_to_the_data_is_not_waited_for() {
    // It reads, so as to notice the end, and says nothing.
    let remote = Remote::start(Personality::default().does(At::EndOfData, Deed::Hang));
    let mut profile = Profile::transfer("mail.example.org");
    profile.timeouts.end_of_data = Duration::from_millis(50);
    let over = session(
        destination(remote.address()),
        profile,
        Limits::default(),
        hi(),
    );
    assert_eq!(
        over.machine.ending().cause,
        Cause::TimedOut(Stage::EndOfData)
    );
    assert!(matches!(over.machine.ending().moment, Moment::Unknown(_)));
}

#[test]
fn attack_a02_a_message_with_stray_octets_breaks_the_connection_before_its_end() {
    let remote = Remote::start(Personality::default());
    let over = send(
        &remote,
        vec![message(&["bob@example.net"], b"a\r\n.\nb\r\n")],
    );
    let Err(ConnectError::Broken(Broken::Source(error))) = over.how else {
        panic!("{:?}", over.how);
    };
    assert_eq!(error.to_string(), "message with a bare LF");
    assert_eq!(over.machine.ending().moment, Moment::Unfinished(vec![None]));
    remote.wait_for_sessions(1);
    assert!(remote.messages().is_empty());
    remote.assert_no_stray_octets();
}

#[test]
fn attack_a19_endless_and_senseless_replies_end_the_session() {
    let endless = Remote::start(Personality::default().with_endless_banner());
    let over = send(&endless, hi());
    let ending = over.machine.ending();
    assert!(
        matches!(
            ending.cause,
            Cause::Fault {
                stage: Stage::Greeting,
                ..
            }
        ),
        "{ending:?}"
    );
    for nonsense in [
        &b"250-a\r\n550 b\r\n"[..],
        b"250 a\n",
        b"250 a\0\r\n",
        b"hello\r\n",
        b"250 a\rb\r\n",
    ] {
        let personality = Personality::default().does(At::Mail, Deed::Raw(nonsense.to_vec()));
        let remote = Remote::start(personality);
        let over = send(&remote, hi());
        let ending = over.machine.ending();
        assert!(
            matches!(
                ending.cause,
                Cause::Fault {
                    stage: Stage::Mail,
                    ..
                }
            ),
            "{ending:?}"
        );
        assert_eq!(ending.moment, Moment::Unfinished(vec![None]));
        assert!(remote.messages().is_empty());
    }
}

#[test]
fn the_house_can_end_a_session() {
    let remote = Remote::start(Personality::default().does(At::Mail, Deed::Hang));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let clock = Clock::system();
    let machine = Client::new(Arc::new(Profile::transfer("mail.example.org")), clock.now());
    let show = Box::new(|peer: std::net::IpAddr| peer.to_string().into());
    let ground = Arc::new(Ground::new(
        clock,
        Telemetry::default(),
        Limits::default(),
        Box::new(|_| false),
        show,
    ));
    let leash = Leash::default();
    let towards = destination(remote.address());
    let over = runtime.block_on(async {
        let session = connect(&ground, towards, leash.clone(), machine, Postman::new(hi()));
        let ender = async {
            while !remote
                .commands()
                .iter()
                .any(|line| line.starts_with("MAIL"))
            {
                tokio::task::yield_now().await;
            }
            leash.drain.cancel();
            tokio::task::yield_now().await;
            leash.cut.cancel();
        };
        tokio::join!(session, ender).0
    });
    assert!(
        matches!(over.how, Err(ConnectError::Broken(Broken::Cut))),
        "{:?}",
        over.how
    );
    assert_eq!(over.machine.ending().moment, Moment::Unfinished(vec![None]));
}
