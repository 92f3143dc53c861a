//! Replays the seeds of the fuzz targets through the same checks.

#[path = "../../../../fuzz/checks/address.rs"]
mod address;
#[path = "../../../../fuzz/checks/message_view.rs"]
mod message_view;
#[path = "../../../../fuzz/checks/modified_utf7.rs"]
mod modified_utf7;

/// Hands every file of a corpus to `check`; a failure names the file.
fn replay(target: &str, check: fn(&[u8])) {
    let corpus = format!(
        "{}/../../../fuzz/corpus/{target}",
        env!("CARGO_MANIFEST_DIR")
    );
    let mut seeds = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus is in the tree") {
        let path = entry.expect("the corpus can be listed").path();
        let bytes = std::fs::read(&path).expect("a seed can be read");
        let kept = std::panic::catch_unwind(|| check(&bytes));
        assert!(kept.is_ok(), "{} breaks a promise", path.display());
        seeds += 1;
    }
    assert!(seeds > 0, "no seeds for {target}");
}

#[test]
fn address() {
    replay("address", address::check);
}

#[test]
fn message_view() {
    replay("message_view", message_view::check);
}

#[test]
fn modified_utf7() {
    replay("modified_utf7", modified_utf7::check);
}
