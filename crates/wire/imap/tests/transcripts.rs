//! Runs the transcripts of IMAP.

#[path = "support/host.rs"]
mod host;

use std::path::Path;

use host::House;
use postroom_wire::transcript::check_directory;

#[test]
fn imap() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    if let Err(error) = check_directory(&directory, "imap", House::default) {
        panic!("{error}");
    }
}
