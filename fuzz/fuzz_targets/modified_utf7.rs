#![no_main]

#[path = "../checks/modified_utf7.rs"]
mod modified_utf7;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| modified_utf7::check(bytes));
