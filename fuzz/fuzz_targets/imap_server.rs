#![no_main]

#[path = "../checks/imap_server.rs"]
mod imap_server;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| imap_server::check(bytes));
