#![no_main]

#[path = "../checks/imap_parser.rs"]
mod imap_parser;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| imap_parser::check(bytes));
