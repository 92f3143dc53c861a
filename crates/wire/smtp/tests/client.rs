//! How sessions of the client end, and what is known then.

#[path = "support/sender.rs"]
#[allow(dead_code, reason = "transcripts use the rest")]
mod sender;

use std::time::Duration;

use postroom_runtime::clock::{Clock, Timestamp};
use postroom_smtp::client::{
    Answer, Cause, Client, Dialect, Ending, Extension, Fate, Fault, Moment, News, Profile, Stage,
    StartTls,
};
use postroom_wire::lines::LineFault;
use postroom_wire::machine::Tls;
use postroom_wire::transcript::{Drive, Scripted};
use sender::{Sender, fate};

/// A session that has heard `replies`.
fn session_of(sender: Sender, replies: &str) -> Drive<Sender> {
    let now = Clock::manual(Timestamp(0)).now();
    let mut session = Drive::new(sender.machine(now), sender, now);
    session.ready();
    session.receive(replies.replace('\n', "\r\n").as_bytes());
    session
}

/// One that has a message for two recipients.
fn session(replies: &str) -> Drive<Sender> {
    let mut sender = Sender::default();
    sender.send(
        "anna@example.org",
        &["bob@example.net", "carla@example.net"],
    );
    session_of(sender, replies)
}

fn ending(session: &Drive<Sender>) -> Ending {
    let machine: &Client = &session.machine;
    machine.ending()
}

/// What is known of each recipient.
fn known(moment: &Moment) -> Vec<String> {
    let (Moment::Unfinished(fates) | Moment::Unknown(fates)) = moment else {
        panic!("no transaction: {moment:?}");
    };
    let text = |known: &Option<Fate>| known.as_ref().map_or("open".to_owned(), fate);
    fates.iter().map(text).collect()
}

const HELLO: &str = "220 mx ESMTP\n250-mx\n250 PIPELINING\n";

/// What a session has heard when the peer goes, whose reply it waits for, and what is open.
const INTERRUPTED: [(&str, Stage, &str); 8] = [
    ("", Stage::Greeting, "unready"),
    ("220 mx\n", Stage::Hello, "unready"),
    ("220 mx\n250-mx\n250 STARTTLS\n", Stage::StartTls, "unready"),
    ("HELLO", Stage::Mail, "unfinished open open"),
    ("HELLO250 a\n", Stage::Recipient, "unfinished open open"),
    (
        "HELLO250 a\n250 b\n550 c\n",
        Stage::Data,
        "unfinished open refused at RCPT TO: 550 c",
    ),
    (
        "HELLO250 a\n250 b\n550 c\n354 d\n",
        Stage::EndOfData,
        "unknown open refused at RCPT TO: 550 c",
    ),
    (
        "HELLO250 a\n250 b\n550 c\n354 d\n250 e\n",
        Stage::Quit,
        "idle",
    ),
];

fn moment(ending: &Ending) -> String {
    match &ending.moment {
        Moment::Unready => "unready".to_owned(),
        Moment::Idle => "idle".to_owned(),
        moment @ Moment::Unfinished(_) => format!("unfinished {}", known(moment).join(" ")),
        moment @ Moment::Unknown(_) => format!("unknown {}", known(moment).join(" ")),
    }
}

#[test]
fn whoever_goes_when_it_is_known_what_became_of_each_recipient() {
    for (replies, stage, expected) in INTERRUPTED {
        let replies = replies.replace("HELLO", HELLO);
        let is_over = stage == Stage::Quit;
        // Cut by whoever drives it.
        let cut = session(&replies);
        let cause = if is_over {
            Cause::Quit
        } else {
            Cause::Cut(stage)
        };
        assert_eq!(
            (moment(&ending(&cut)), ending(&cut).cause),
            (expected.to_owned(), cause)
        );
        // By the peer.
        let mut closed = session(&replies);
        closed.closed();
        assert!(closed.is_closed());
        let cause = if is_over {
            Cause::Quit
        } else {
            Cause::Closed(stage)
        };
        assert_eq!(
            (moment(&ending(&closed)), ending(&closed).cause),
            (expected.to_owned(), cause)
        );
        // By time.
        let mut late = session(&replies);
        late.advance(Duration::from_mins(11));
        assert!(late.is_closed());
        let cause = if is_over {
            Cause::Quit
        } else {
            Cause::TimedOut(stage)
        };
        assert_eq!(
            (moment(&ending(&late)), ending(&late).cause),
            (expected.to_owned(), cause)
        );
        // By the house, which lets a transaction end.
        let mut drained = session(&replies);
        drained.news(News::Drain);
        if expected == "unready" {
            assert_eq!(ending(&drained).cause, Cause::Drain);
        } else if !is_over {
            assert_eq!(ending(&drained).cause, Cause::Cut(stage));
        }
    }
}

#[test]
fn nonsense_is_told_with_its_place() {
    for (replies, stage, fault) in [
        ("mx\n", Stage::Greeting, Fault::NoCode),
        ("220 mx\n250-mx\n251 x\n", Stage::Hello, Fault::CodesDiffer),
        (
            "220 mx\n250 m\rx\n",
            Stage::Hello,
            Fault::Line(LineFault::BareCr),
        ),
        ("HELLO354 a\n", Stage::Mail, Fault::OutOfPlace(354)),
        (
            "HELLO250 a\n354 a\n",
            Stage::Recipient,
            Fault::OutOfPlace(354),
        ),
        (
            "HELLO250 a\n250 b\n250 c\n250 d\n",
            Stage::Data,
            Fault::OutOfPlace(250),
        ),
        (
            "HELLO250 a\n250 b\n250 c\n354 d\n354 e\n",
            Stage::EndOfData,
            Fault::OutOfPlace(354),
        ),
    ] {
        let session = session(&replies.replace("HELLO", HELLO));
        assert_eq!(
            ending(&session).cause,
            Cause::Fault { stage, fault },
            "{replies}"
        );
        assert!(session.is_closed());
        assert!(session.host.outcomes.is_empty());
    }
}

#[test]
fn what_a_session_cannot_do_without_is_named() {
    let with = |change: fn(&mut Profile)| {
        let mut sender = Sender::default();
        change(&mut sender.profile);
        sender
    };
    let require = |profile: &mut Profile| profile.starttls = StartTls::Require;
    let lmtp = |profile: &mut Profile| profile.dialect = Dialect::Lmtp;
    let refused = |session: &Drive<Sender>| match ending(session).cause {
        Cause::Refused { stage, reply } => (stage, reply.code),
        cause => panic!("{cause:?}"),
    };
    let session = session_of(with(require), "220 mx\n250 mx\n");
    assert_eq!(ending(&session).cause, Cause::Lacks(Extension::StartTls));
    let session = session_of(with(require), "220 mx\n250-mx\n250 STARTTLS\n502 no\n");
    assert_eq!(refused(&session), (Stage::StartTls, 502));
    assert_eq!(
        refused(&session_of(with(|_| ()), "554 no\n")),
        (Stage::Greeting, 554)
    );
    let session = session_of(with(|_| ()), "220 mx\n502 what\n550 no\n");
    assert_eq!(refused(&session), (Stage::Hello, 550));
    // LMTP has no HELO.
    assert_eq!(
        refused(&session_of(with(lmtp), "220 mx\n502 what\n")),
        (Stage::Hello, 502)
    );

    let mut sender = Sender::default();
    sender.event("login").unwrap();
    let session = session_of(sender, "220 mx\n250-mx\n250 AUTH PLAIN\n");
    assert_eq!(ending(&session).cause, Cause::LoginInClear);
    let mut sender = Sender::default();
    sender.event("login clear").unwrap();
    let session = session_of(sender, "220 mx\n250-mx\n250 AUTH GSSAPI\n");
    assert_eq!(ending(&session).cause, Cause::Lacks(Extension::Auth));
    let mut sender = Sender::default();
    sender.event("login clear").unwrap();
    let mut session = session_of(sender, "220 mx\n250-mx\n250 AUTH PLAIN\n535 no\n");
    assert_eq!(refused(&session), (Stage::Login, 535));
    assert!(session.take_written().ends_with(b"QUIT\r\n"));
}

#[test]
fn a_peer_that_cannot_be_reset_gets_no_further_transaction() {
    let mut sender = Sender::default();
    sender.send("anna@example.org", &["bob@example.net"]);
    sender.send("anna@example.org", &["carla@example.net"]);
    let replies = format!("{HELLO}250 a\n550 b\n554 c\n500 what\n221 bye\n");
    let mut session = session_of(sender, &replies);
    assert!(session.take_written().ends_with(b"RSET\r\nQUIT\r\n"));
    assert!(session.is_closed());
    assert_eq!(session.host.outcomes.len(), 1);
    let ending = ending(&session);
    assert_eq!(known(&ending.moment), ["open"]);
    assert!(matches!(
        ending.cause,
        Cause::Refused {
            stage: Stage::Reset,
            ..
        }
    ));
}

/// The same octets in one segment and cut before the TLS record that would follow.
#[test]
fn attack_a10_what_came_in_the_clear_behind_starttls_is_forgotten() {
    let clear =
        "220 mx\n250-mx\n250-SMTPUTF8\n250 STARTTLS\n220 go\n250 evil\n250 a\n250 b\n354 c\n";
    let mut sender = Sender::default();
    sender.send("anna@example.org", &["bob@example.net"]);
    let mut session = session_of(sender, clear);
    assert!(session.awaits_handshake());
    session.receive(b"250 later, and still in the clear\r\n");
    session.take_written();
    session.secured(Tls {
        version: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        server_name: None,
        is_verified: false,
    });
    assert_eq!(session.take_written(), b"EHLO mail.example.org\r\n");
    assert!(
        session.host.greeted.is_none(),
        "nothing is known of the peer"
    );
    session.receive(b"250 mx\r\n");
    let greeted = session.host.greeted.as_ref().unwrap();
    assert_eq!(&*greeted.hello_name, "mx");
    assert!(!greeted.extensions.offers(Extension::SmtpUtf8));
}

#[test]
fn a_peer_that_goes_while_the_host_thinks_takes_nothing_more() {
    let mut sender = Sender::default();
    sender.hold = true;
    let mut session = session_of(sender, HELLO);
    session.closed();
    assert!(!session.is_closed(), "the answer is waited for");
    session.take_written();
    session.host.send("anna@example.org", &["bob@example.net"]);
    let answer = session.host.next();
    session.answer(answer);
    let outcome = &session.host.outcomes[0];
    assert!(outcome.is_last);
    assert_eq!(
        fate(&outcome.fates[0]),
        "unsent: the session takes no further message"
    );
    assert!(session.is_closed());
    assert_eq!(session.take_written(), b"");
}

#[test]
fn a_host_that_thinks_for_long_gets_no_further_transaction() {
    let mut sender = Sender::default();
    sender.hold = true;
    let mut session = session_of(sender, HELLO);
    session.advance(Duration::from_mins(6));
    assert!(!session.is_closed());
    session.host.send("anna@example.org", &["bob@example.net"]);
    session.take_written();
    let answer = session.host.next();
    session.answer(answer);
    assert!(session.host.outcomes[0].is_last);
    assert_eq!(session.take_written(), b"QUIT\r\n");
    session.answer(Answer::Quit);
    assert_eq!(
        session.take_written(),
        b"",
        "an answer to nothing changes nothing"
    );
}
