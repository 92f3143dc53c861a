//! The SMTP client machine: whatever a peer says, cut anyhow, gives the same session, and nothing
//! leaves that should not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postroom_mail::address::{Address, NonAscii, ReversePath};
use postroom_mail::envelope::{BodyType, Envelope, Notify, Recipient, Ret};
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::secret::Secret;
use postroom_smtp::client::{
    Answer, Client, Dialect, Ending, Fate, Limits, Login, Moment, Outcome, Profile, Question,
    Source, StartTls, Timeouts, Transaction,
};
use postroom_wire::machine::Tls;
use postroom_wire::transcript::{Drive, Host};

/// Longer than any wait of a session.
const LONG: Duration = Duration::from_hours(24);

/// Panics where a promise is broken. The first octet chooses the profile, the second how the rest,
/// what the peer says, is cut.
pub(crate) fn check(bytes: &[u8]) {
    let [profile, cut, input @ ..] = bytes else {
        return;
    };
    let now = Clock::manual(Timestamp(0)).now();
    let whole = run(*profile, input, std::iter::once(input.len()), now);
    let sizes = (0..).map(|place: usize| place.wrapping_mul(usize::from(*cut)) % 7 + 1);
    let pieces = run(*profile, input, sizes, now);
    assert!(
        whole == pieces,
        "cut by {cut}:\n{pieces:?}\n--- whole:\n{whole:?}"
    );
}

/// What is seen of a session.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    clear: Vec<u8>,
    written: Vec<u8>,
    outcomes: Vec<Outcome>,
    ending: Ending,
}

fn run(choice: u8, input: &[u8], sizes: impl Iterator<Item = usize>, now: Instant) -> Seen {
    let machine = Client::new(Arc::new(profile(choice)), now);
    let mut session = Drive::new(machine, Postman::default(), now);
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
    let mut clear = Vec::new();
    if session.awaits_handshake() {
        clear = session.take_written();
        session.secured(Tls {
            version: "TLSv1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            server_name: None,
            is_verified: false,
        });
        session.receive(b"250-mx\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n235 ok\r\n");
    }
    session.advance(LONG);
    assert!(session.is_closed(), "a session that never ends");
    let written = session.take_written();
    assert!(is_clean(&clear) && is_clean(&written), "a stray octet left");
    let is_secret = |octets: &[u8]| octets.windows(5).any(|part| part == b"AUTH ");
    assert!(!is_secret(&clear), "a password in clear text");
    let ending = session.machine.ending();
    let told = session.host.outcomes.len() + usize::from(is_open(&ending.moment));
    assert!(told == session.host.begun, "each transaction is told once");
    Seen {
        clear,
        written,
        outcomes: session.host.outcomes,
        ending,
    }
}

fn is_open(moment: &Moment) -> bool {
    matches!(moment, Moment::Unfinished(_) | Moment::Unknown(_))
}

fn profile(choice: u8) -> Profile {
    let bit = |place: u8| choice >> place & 1 == 1;
    Profile {
        hostname: "mail.example.org".into(),
        dialect: if bit(0) { Dialect::Lmtp } else { Dialect::Smtp },
        starttls: match (bit(1), bit(2)) {
            (false, _) => StartTls::Opportunistic,
            (true, false) => StartTls::Never,
            (true, true) => StartTls::Require,
        },
        login: bit(3).then(|| Login {
            name: "anna".into(),
            password: Secret::new("secret"),
            may_be_clear: false,
        }),
        limits: Limits {
            line_octets_max: 128,
            reply_lines_max: 8,
            reply_octets_max: 200,
            pipelined_max: if bit(4) { 2 } else { 100 },
            eager_octets_max: if bit(5) { 5 } else { 1_000 },
        },
        timeouts: Timeouts::default(),
    }
}

/// Sends four messages, each of another kind.
#[derive(Default)]
struct Postman {
    begun: usize,
    outcomes: Vec<Outcome>,
}

/// What is sent: dots and a last line without an end.
const MESSAGE: &[u8] = b".a\r\n\r\n..\r\nb";

impl Postman {
    fn next(&mut self) -> Answer {
        let place = self.begun;
        if place == 4 {
            return Answer::Quit;
        }
        self.begun += 1;
        let to = |local: &str, orcpt: Option<&str>| Recipient {
            address: Address::parse(local, NonAscii::Allowed).expect("an address"),
            notify: orcpt.map(|_| Notify::FAILURE),
            orcpt: orcpt.map(Box::from),
        };
        let mut recipients = vec![
            to("bob@example.net", None),
            to("c@example.net", Some("x;+ =")),
        ];
        if place == 3 {
            recipients.push(to("jörg@example.net", None));
        }
        Answer::Send(Transaction {
            envelope: Envelope {
                reverse_path: ReversePath::Null,
                recipients,
                body: if place == 2 {
                    BodyType::EightBitMime
                } else {
                    BodyType::SevenBit
                },
                smtputf8: false,
                ret: Some(Ret::Full),
                envid: Some("a\tb".into()),
            },
            octets: MESSAGE.len() as u64,
        })
    }
}

impl Host for Postman {
    type Machine = Client;

    fn answer(&mut self, question: Question) -> Option<Answer> {
        if let Question::Ended(outcome) = question {
            let recipients = if self.begun == 4 { 3 } else { 2 };
            assert_eq!(outcome.fates.len(), recipients, "one fate each");
            for fate in &outcome.fates {
                check_fate(fate);
            }
            self.outcomes.push(outcome);
        }
        Some(self.next())
    }

    fn body(&mut self, _: &[u8]) {
        unreachable!("a client hears no bodies");
    }

    fn stream(&mut self, mut source: Source, out: &mut Vec<u8>) {
        for piece in MESSAGE.chunks(3) {
            source.pass(piece, out).expect("a clean message");
        }
        source.finish(out).expect("a clean message");
    }
}

fn check_fate(fate: &Fate) {
    let reply = match fate {
        Fate::Accepted(reply) => {
            assert!((200..300).contains(&reply.code), "no acceptance");
            reply
        }
        Fate::Refused { reply, .. } => {
            assert!(reply.code >= 400, "no refusal");
            reply
        }
        Fate::Unsent(_) => return,
    };
    assert!(!reply.text.contains(char::is_control), "raw text of a peer");
    assert!(reply.text.len() <= 1_024, "too much text of a peer");
}

/// Whether lines end in CRLF, with no stray octet; a BDAT at the end may end within a line.
fn is_clean(written: &[u8]) -> bool {
    written.iter().enumerate().all(|(at, &byte)| match byte {
        b'\r' => written.get(at + 1) == Some(&b'\n'),
        b'\n' => at > 0 && written[at - 1] == b'\r',
        byte => byte != 0,
    })
}
