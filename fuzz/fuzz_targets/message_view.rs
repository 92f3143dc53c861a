#![no_main]

#[path = "../checks/message_view.rs"]
mod message_view;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| message_view::check(bytes));
