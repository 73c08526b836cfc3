//! cargo-fuzz target; what it asserts is at `http1_checks::request`.
#![no_main]

mod http1_checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| http1_checks::request(data));
