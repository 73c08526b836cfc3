//! Skep: an evented runtime, hosted in Rust, that runs untrusted scripts in WebAssembly cells.
//!
//! The rooms, and what each may know of the others, are told in docs/architecture.md; `tests/tidy.rs`
//! holds the tree to it.
pub mod cli;
pub mod confine;
pub mod guest;
pub mod launch;
pub mod policy;
pub mod program;
pub mod proto;
pub mod reactor;
pub mod runtime;
pub mod serve;
pub mod time;
pub mod tls;
pub mod top;
