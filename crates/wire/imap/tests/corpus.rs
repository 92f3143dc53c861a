//! Replays the seeds of the fuzz targets through the same checks, and searches a little on its own.

#[path = "../../../../fuzz/checks/imap_parser.rs"]
mod imap_parser;
#[path = "../../../../fuzz/checks/imap_server.rs"]
mod imap_server;

use postroom_testkit::corpus::replay;
use proptest::prelude::*;

#[test]
fn imap_parser() {
    replay("imap_parser", imap_parser::check);
}

#[test]
fn imap_server() {
    replay("imap_server", imap_server::check);
}

/// Pieces that sessions are made of, whole and broken.
const PIECES: [&[u8]; 32] = [
    b"a LOGIN a b\r\n",
    b"a LOGIN a no\r\n",
    b"a SELECT INBOX\r\n",
    b"a NOOP\r\n",
    b"a IDLE\r\n",
    b"DONE\r\n",
    b"a AUTHENTICATE PLAIN\r\n",
    b"AGFubmEAc2VjcmV0\r\n",
    b"*\r\n",
    b"a STARTTLS\r\n",
    b"a LOGOUT\r\n",
    b"a APPEND INBOX {5}\r\n",
    b"a APPEND no {5+}\r\n",
    b"a APPEND INBOX {5+}\r\n",
    b"a APPEND {2+}\r\nno {5+}\r\n",
    b"a APPEND INBOX {51+}\r\n",
    b"a APPEND INBOX ~{5}\r\n",
    b"hello",
    b"\r\n",
    b" {3+}\r\n",
    b" {3}\r\n",
    b"{9999999}\r\n",
    b"a FETCH 1:* (FLAGS)\r\n",
    b"a UID SEARCH ((",
    b"a LIST \"\" ",
    b"a CLOSE\r\n",
    b"\r",
    b"\n",
    b"\0",
    b"\"",
    b" x",
    b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sessions_of_pieces_keep_the_promises(
        choice in any::<u8>(),
        places in proptest::collection::vec(0..PIECES.len(), 0..40),
    ) {
        let input = places.iter().map(|&place| PIECES[place]).collect::<Vec<_>>().concat();
        imap_server::check(&[&[choice], &input[..]].concat());
        imap_parser::check(&input);
    }
}
