#![no_main]

#[path = "../checks/smtp_command.rs"]
#[allow(dead_code, reason = "the other target checks the rest")]
mod smtp_command;
#[path = "../checks/smtp_data.rs"]
mod smtp_data;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| smtp_data::check(bytes));
