//! cargo-fuzz target; what it asserts is at `ipc_checks::ipc`.
#![no_main]

mod ipc_checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ipc_checks::ipc(data));
