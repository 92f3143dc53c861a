//! Runs the transcripts of IMAP: the real machine, host and store.

#[path = "support/house.rs"]
mod house;

use std::path::Path;

use house::Scene;
use postroom_wire::transcript::check_directory;

#[test]
fn imap() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    if let Err(error) = check_directory(&directory, "imap", Scene::new) {
        panic!("{error}");
    }
}
