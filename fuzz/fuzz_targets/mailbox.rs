//! cargo-fuzz target; what it asserts is at `mailbox_checks::mailbox`.
#![no_main]

mod mailbox_checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| mailbox_checks::mailbox(data));
