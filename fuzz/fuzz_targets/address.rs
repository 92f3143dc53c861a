#![no_main]

#[path = "../checks/address.rs"]
mod address;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| address::check(bytes));
