//! Replays the seeds of the fuzz targets through the same checks, and searches a little on its own.

#[path = "../../../../fuzz/checks/smtp_client.rs"]
mod smtp_client;
#[path = "../../../../fuzz/checks/smtp_command.rs"]
mod smtp_command;
#[path = "../../../../fuzz/checks/smtp_data.rs"]
mod smtp_data;

use postroom_testkit::corpus::replay;
use proptest::prelude::*;

#[test]
fn smtp_client() {
    replay("smtp_client", smtp_client::check);
}

#[test]
fn smtp_command() {
    replay("smtp_command", smtp_command::check);
}

#[test]
fn smtp_data() {
    replay("smtp_data", smtp_data::check);
}

/// Pieces that sessions are made of, whole and broken.
const PIECES: [&[u8]; 26] = [
    b"EHLO a\r\n",
    b"LHLO a\r\n",
    b"HELO a\r\n",
    b"MAIL FROM:<a@b.example>\r\n",
    b"MAIL FROM:<> SIZE=100 BODY=8BITMIME\r\n",
    b"RCPT TO:<c@d.example>\r\n",
    b"RCPT TO:<cc@d.example>\r\n",
    b"RCPT TO:c\r\n",
    b"DATA\r\n",
    b".\r\n",
    b"BDAT 5\r\n",
    b"BDAT 3 LAST\r\n",
    b"BDAT 0 LAST\r\n",
    b"BDAT 99999\r\n",
    b"RSET\r\n",
    b"NOOP\r\n",
    b"AUTH PLAIN AGFubmEAc2VjcmV0\r\n",
    b"AUTH LOGIN\r\n",
    b"YW5uYQ==\r\n",
    b"*\r\n",
    b"VRFY x\r\n",
    b"\r\n",
    b"\r",
    b"\n",
    b"\0",
    b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

/// Pieces that a peer's side of a session is made of, whole and broken.
const REPLIES: [&[u8]; 22] = [
    b"220 mx\r\n",
    b"250-mx\r\n250-PIPELINING\r\n250-SIZE 100\r\n250 CHUNKING\r\n",
    b"250-mx\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 STARTTLS\r\n",
    b"250-mx\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n",
    b"250 ok\r\n",
    b"250 ok\r\n250 ok\r\n250 ok\r\n",
    b"354 go\r\n",
    b"354 go\r\n250 ok\r\n",
    b"550-5.1.1 no\r\n550 5.1.1 \x07one\r\n",
    b"450 4.2.1 later\r\n",
    b"421 bye\r\n",
    b"334 x\r\n",
    b"235 in\r\n",
    b"502 what\r\n",
    b"220 go\r\n",
    b"250-",
    b"25",
    b"\r\n",
    b"\r",
    b"\n",
    b"\0",
    b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sessions_of_pieces_keep_the_promises(
        listener in any::<u8>(),
        cut in any::<u8>(),
        places in proptest::collection::vec(0..PIECES.len(), 0..40),
    ) {
        let input = places.iter().map(|&place| PIECES[place]).collect::<Vec<_>>().concat();
        smtp_command::check(&[&[listener, cut], &input[..]].concat());
        smtp_data::check(&[&[cut], &input[..]].concat());
    }

    #[test]
    fn peers_of_pieces_are_borne(
        profile in any::<u8>(),
        cut in any::<u8>(),
        places in proptest::collection::vec(0..REPLIES.len(), 0..40),
    ) {
        let input = places.iter().map(|&place| REPLIES[place]).collect::<Vec<_>>().concat();
        smtp_client::check(&[&[profile, cut], &input[..]].concat());
    }

    #[test]
    fn willing_peers_are_borne(
        profile in any::<u8>(),
        cut in any::<u8>(),
        hello in 1..4_usize,
        places in proptest::collection::vec(4..11_usize, 0..40),
    ) {
        let input = places.iter().map(|&place| REPLIES[place]).collect::<Vec<_>>().concat();
        let head = [&[profile, cut], REPLIES[0], REPLIES[hello]].concat();
        smtp_client::check(&[&head[..], &input[..]].concat());
    }
}
