//! Replays the seeds of the fuzz targets through the same checks.

#[path = "../../../../fuzz/checks/address.rs"]
mod address;
#[path = "../../../../fuzz/checks/message_view.rs"]
mod message_view;
#[path = "../../../../fuzz/checks/modified_utf7.rs"]
mod modified_utf7;

use postroom_testkit::corpus::replay;

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
