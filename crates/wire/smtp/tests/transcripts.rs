//! Runs the transcripts of SMTP and LMTP, of the server and of the client.

#[path = "support/host.rs"]
mod host;
#[path = "support/sender.rs"]
#[allow(dead_code, reason = "not every test file holds questions back")]
mod sender;

use std::path::Path;

use host::House;
use postroom_smtp::server::Dialect;
use postroom_wire::transcript::check_directory;
use sender::Sender;

fn run(extension: &str, dialect: Dialect) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    if let Err(error) = check_directory(&directory, extension, || House::new(dialect)) {
        panic!("{error}");
    }
}

#[test]
fn smtp() {
    run("smtp", Dialect::Transfer);
}

#[test]
fn lmtp() {
    run("lmtp", Dialect::Lmtp);
}

#[test]
fn client() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    if let Err(error) = check_directory(&directory, "client", Sender::default) {
        panic!("{error}");
    }
}
