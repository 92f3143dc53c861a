//! Corpora of the fuzz targets, replayed by ordinary tests.

use std::fs;
use std::path::Path;

/// Hands every file of `fuzz/corpus/TARGET` to `check`.
///
/// # Panics
/// When a check does, naming the file; and when the corpus is empty or cannot be read.
pub fn replay(target: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut seeds = 0;
    for entry in fs::read_dir(corpus).expect("the corpus is in the tree") {
        let path = entry.expect("the corpus can be listed").path();
        let bytes = fs::read(&path).expect("a seed can be read");
        let kept = std::panic::catch_unwind(|| check(&bytes));
        assert!(kept.is_ok(), "{} breaks a promise", path.display());
        seeds += 1;
    }
    assert!(seeds > 0, "no seeds for {target}");
}
