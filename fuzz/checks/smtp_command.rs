//! The SMTP server machine: any octets, cut anyhow, give the same session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postroom_mail::reply;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_smtp::server::{
    Answer, AuthPolicy, Dialect, Limits, Profile, Question, Server, Source, Standing,
    StartTlsPolicy, Timeouts,
};
use postroom_wire::machine::Tls;
use postroom_wire::transcript::{Drive, Host};

/// Panics where a promise is broken. The first octet chooses the listener, the second how the rest
/// is cut.
pub(crate) fn check(bytes: &[u8]) {
    let [listener, cut, input @ ..] = bytes else {
        return;
    };
    run_both_ways(*listener, *cut, input);
}

/// Runs a session whole and in pieces; what is seen must be the same.
pub(crate) fn run_both_ways(listener: u8, cut: u8, input: &[u8]) -> Seen {
    let now = Clock::manual(Timestamp(0)).now();
    let whole = run(listener, input, std::iter::once(input.len()), now);
    let sizes = (0..).map(|place: usize| place.wrapping_mul(usize::from(cut)) % 7 + 1);
    let pieces = run(listener, input, sizes, now);
    assert!(
        whole == pieces,
        "cut by {cut}:\n{}\n--- whole:\n{}",
        String::from_utf8_lossy(&pieces.written),
        String::from_utf8_lossy(&whole.written)
    );
    whole
}

/// What is seen of a session: what was written, and what the host was given.
#[derive(PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) written: Vec<u8>,
    pub(crate) bodies: Vec<Vec<u8>>,
}

fn run(listener: u8, input: &[u8], sizes: impl Iterator<Item = usize>, now: Instant) -> Seen {
    let machine = Server::new(Arc::new(profile(listener)), now);
    let mut session = Drive::new(machine, Judge::default(), now);
    session.ready();
    let mut rest = input;
    for size in sizes {
        let (piece, more) = rest.split_at(size.min(rest.len()));
        session.receive(piece);
        rest = more;
        if rest.is_empty() {
            break;
        }
    }
    if session.awaits_handshake() {
        session.secured(Tls {
            version: "TLSv1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            server_name: None,
            is_verified: false,
        });
        session.receive(b"NOOP\r\n");
    }
    session.advance(Duration::from_hours(2));
    assert!(session.is_closed(), "every wait ends");
    assert!(session.host.octets <= input.len(), "a body out of nothing");
    let written = session.take_written();
    assert!(written.is_empty() || written.ends_with(b"\r\n"));
    Seen {
        written,
        bodies: session.host.bodies,
    }
}

/// Octets of a message at most.
pub(crate) const SIZE_OCTETS_MAX: u64 = 200;

/// Four kinds of listener, with limits that short inputs can reach.
fn profile(listener: u8) -> Profile {
    let dialect = match listener % 4 {
        0 | 1 => Dialect::Transfer,
        2 => Dialect::Submission,
        _ => Dialect::Lmtp,
    };
    Profile {
        hostname: "mail.example.org".into(),
        dialect,
        starttls: if listener & 4 == 0 {
            StartTlsPolicy::Offer
        } else {
            StartTlsPolicy::Off
        },
        auth: if listener & 8 == 0 {
            AuthPolicy::Always
        } else {
            AuthPolicy::AfterTls
        },
        login_required: dialect == Dialect::Submission,
        limits: Limits {
            size_octets_max: SIZE_OCTETS_MAX,
            recipients_max: 5,
            transactions_max: 10,
            commands_max: 100,
            bad_commands_max: 10,
            bad_logins_max: 3,
            line_octets_max: 128,
        },
        timeouts: Timeouts::default(),
    }
}

/// Decides by what it is asked alone, so that the cut cannot matter.
#[derive(Default)]
struct Judge {
    recipients: usize,
    gathered: Vec<u8>,
    octets: usize,
    bodies: Vec<Vec<u8>>,
}

impl Host for Judge {
    type Machine = Server;

    fn answer(&mut self, question: Question) -> Option<Answer> {
        Some(match question {
            Question::Connect { .. } => Answer::Welcome(Standing::Stranger),
            Question::Login(credentials) if &*credentials.authcid == "anna" => Answer::LoggedIn,
            Question::Login(_) => Answer::Verdict(reply::LOGIN_FAILED),
            Question::Sender(_) => {
                self.recipients = 0;
                assert!(self.gathered.is_empty(), "left of an earlier transaction");
                Answer::Verdict(reply::SENDER_NOTED)
            }
            Question::Recipients(wishes) => Answer::Verdicts(
                wishes
                    .iter()
                    .map(|wish| {
                        let refused = wish.forward_path.to_string().len().is_multiple_of(3);
                        self.recipients += usize::from(!refused);
                        if refused {
                            reply::NO_SUCH_ADDRESS
                        } else {
                            reply::RECIPIENT_NOTED
                        }
                    })
                    .collect(),
            ),
            Question::Message { octets } => {
                assert!(self.recipients > 0, "a message for nobody");
                let body = std::mem::take(&mut self.gathered);
                assert_eq!(body.len() as u64, octets);
                assert!(is_clean(&body), "a stray octet was let through");
                self.bodies.push(body);
                Answer::Verdict(reply::MESSAGE_ACCEPTED)
            }
            Question::Hello { .. } | Question::Abandoned => {
                self.recipients = 0;
                self.gathered.clear();
                Answer::Go
            }
            Question::Begin | Question::Settled { .. } => Answer::Go,
        })
    }

    fn body(&mut self, octets: &[u8]) {
        self.octets += octets.len();
        self.gathered.extend_from_slice(octets);
    }

    fn stream(&mut self, source: Source, _: &mut Vec<u8>) {
        match source {}
    }
}

/// Whether every CR is followed by LF, every LF follows CR, and there is no NUL.
pub(crate) fn is_clean(body: &[u8]) -> bool {
    body.iter().enumerate().all(|(at, &byte)| match byte {
        b'\r' => body.get(at + 1) == Some(&b'\n'),
        b'\n' => at > 0 && body[at - 1] == b'\r',
        byte => byte != 0,
    })
}
