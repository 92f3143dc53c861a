#![no_main]

#[path = "../checks/log_record.rs"]
mod log_record;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| log_record::check(bytes));
