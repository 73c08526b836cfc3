//! cargo-fuzz target; what it asserts is at `imports_checks::imports`.
#![no_main]

mod imports_checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| imports_checks::imports(data));
