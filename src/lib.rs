//! Skep: an evented runtime, hosted in Rust, that runs untrusted scripts in WebAssembly cells.
//!
//! As a library it lets a program keep guests of its own. All of that on one screen:
//!
//! | | |
//! |---|---|
//! | [`Runtime::new`], [`Runtime::with`] | an event loop with guests in it, and the JavaScript engine |
//! | [`Runtime::guest`], [`Runtime::module`], [`Runtime::guest_of`] | a guest for scripts; one that is a Wasm module |
//! | [`Runtime::run`], [`Runtime::load`], [`Runtime::load_file`] | runs a script and gives its result; loads a module |
//! | [`Runtime::call`] | calls what a guest exports, and waits |
//! | [`Runtime::begin`], [`Runtime::call_then`] | the same without waiting: a future, a callback |
//! | [`Runtime::function`] | offers a function to guests; a [`Policy`] grants it by name |
//! | [`Runtime::capture`], [`Runtime::restore`] | takes an image of a guest; a guest from an image |
//! | [`Runtime::meter`], [`Runtime::ended`], [`Runtime::close`] | what it has used; how it ended; the end |
//! | [`Runtime::turn`], [`Runtime::idle_time`], `AsRawFd` | within another event loop |
//! | [`Policy`] | what a guest may do: nothing, unless it says so; and how much: 512 MiB, no bound of CPU, unless it says so |
//! | [`Value`] | JSON or bytes, in and out |
//!
//! ```
//! use serde_json::json;
//! use skep::{Policy, Runtime};
//!
//! let mut runtime = Runtime::new()?;
//! let guest = runtime.guest(&Policy::default())?;
//! runtime.load(guest, "export const double = (n) => n * 2")?;
//! assert_eq!(runtime.call(guest, "double", json!(21))?, json!(42).into());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A runtime and what belongs to it stay on one thread: for more cores have more runtimes. `examples/` has programs: plug-ins
//! of users, rules with a deadline per call, a runtime inside another event loop.
//!
//! The modules are the rooms that the program `skep` is made of: they change from version to version. What each may know of
//! the others is told in docs/architecture.md; `tests/tidy.rs` holds the tree to it.
pub mod cli;
pub mod confine;
mod embed;
pub mod guest;
pub mod launch;
pub mod policy;
pub mod program;
pub mod proto;
pub mod reactor;
pub mod runtime;
pub mod serve;
mod system;
pub mod time;
pub mod tls;
pub mod top;

pub use embed::{
    CallError, Guest, HostCall, Image, LogSink, Meter, Module, Options, Outcome, Pending, Policy, Reply, Runtime,
    Thrown, Value,
};
