#![no_main]

#[path = "../checks/smtp_client.rs"]
mod smtp_client;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| smtp_client::check(bytes));
