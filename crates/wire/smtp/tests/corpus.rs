//! Replays the seeds of the fuzz targets through the same checks, and searches a little on its own.

#[path = "../../../../fuzz/checks/smtp_command.rs"]
mod smtp_command;
#[path = "../../../../fuzz/checks/smtp_data.rs"]
mod smtp_data;

use postroom_testkit::corpus::replay;
use proptest::prelude::*;

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
}
