//! The IMAP server machine: however octets are cut, the answers are the same, and what the machine
//! leaves unread stays small.

use std::sync::Arc;

use postroom_imap::limits::Limits;
use postroom_imap::question::{Answer, News, Question, Source};
use postroom_imap::response::Response;
use postroom_imap::response::status::{Code, Completion};
use postroom_imap::server::{Server, Settings};
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_wire::transcript::{Drive, Host};

/// Panics where a promise is broken. The first octet picks settings and the size of the pieces.
pub(crate) fn check(bytes: &[u8]) {
    let Some((&choice, input)) = bytes.split_first() else {
        return;
    };
    let whole = run(choice, input, input.len().max(1));
    assert_eq!(run(choice, input, 1), whole, "byte by byte");
    let size = usize::from(choice >> 3) + 2;
    assert_eq!(run(choice, input, size), whole, "in pieces");
}

/// What a session says and keeps, when its input comes in pieces of `size`.
fn run(choice: u8, input: &[u8], size: usize) -> (Vec<u8>, Vec<u8>, bool) {
    let settings = Settings {
        limits: Limits {
            early_line_octets_max: 200,
            line_octets_max: 300,
            literal_octets_max: 100,
            append_octets_max: 50,
            swallow_octets_max: 100,
            literals_max: 3,
            bad_commands_max: 8,
            ..Limits::default()
        },
        is_cleartext_allowed: choice & 1 == 0,
        is_starttls_offered: choice & 2 == 0,
    };
    let now = Clock::manual(Timestamp(0)).now();
    let server = Server::new(Arc::new(settings), now);
    let mut drive = Drive::new(server, Yes::default(), now);
    drive.ready();
    if choice & 4 == 0 {
        drive.receive(b"a LOGIN a b\r\nb SELECT INBOX\r\n");
    }
    for piece in input.chunks(size) {
        drive.receive(piece);
    }
    drive.news(News::Drain);
    drive.closed();
    assert!(drive.is_closed() || drive.awaits_handshake());
    let is_closed = drive.is_closed();
    (drive.take_written(), drive.host.body, is_closed)
}

/// A host that says yes, with something to tell.
#[derive(Debug, Default)]
struct Yes {
    body: Vec<u8>,
}

impl Host for Yes {
    type Machine = Server;

    fn answer(&mut self, question: Question) -> Option<Answer> {
        Some(match question {
            Question::Authenticate(credentials) if credentials.password.expose() == "no" => {
                Answer::Denied(Completion::no(Code::AuthenticationFailed, "No"))
            }
            Question::Authenticate(_) => Answer::Granted,
            Question::AppendBegin(begin) if begin.mailbox.as_str() == "no" => {
                Answer::Done(Vec::new(), Completion::no(Code::TryCreate, "No"))
            }
            Question::AppendBegin(_) => Answer::Proceed,
            Question::Poll => Answer::Changes(vec![Response::Exists(1)]),
            Question::Execute { .. } => Answer::Page(vec![Response::Exists(2)]),
            Question::More | Question::AppendEnd | Question::AppendAbandon => {
                Answer::Done(vec![Response::Recent(3)], Completion::ok("Done"))
            }
        })
    }

    fn body(&mut self, octets: &[u8]) {
        self.body.extend_from_slice(octets);
    }

    fn stream(&mut self, _: Source, _: &mut Vec<u8>) {}
}
