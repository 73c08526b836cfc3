//! Skep's JavaScript guest as bytes: QuickJS-ng, the glue and the Node API, built to Wasm by `build.rs`.
//! Must not know what runs it.

/// The module. Its custom section `skep.lib` holds the JavaScript library (its layout: `build/finish.mjs`).
pub static WASM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/js-guest.wasm"));

/// BLAKE3 of the module without that section.
pub static CODE_DIGEST: [u8; 32] = *include_bytes!(concat!(env!("OUT_DIR"), "/js-guest.code.blake3"));

/// BLAKE3 of that section, its head included.
pub static LIBRARY_DIGEST: [u8; 32] = *include_bytes!(concat!(env!("OUT_DIR"), "/js-guest.library.blake3"));
