#![no_main]

#[path = "../checks/smtp_command.rs"]
mod smtp_command;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| smtp_command::check(bytes));
