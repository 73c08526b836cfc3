//! Guests of Skep in Rust: a program that Skep runs in a WebAssembly cell, driven by events.
//!
//! ```no_run
//! use skep_guest::http::Server;
//!
//! fn main() {
//!     let server = Server::listen("127.0.0.1:1337", |_request, response| {
//!         response.header("Content-Type", "text/plain").end("Hello World\n")
//!     });
//!     server.expect("the address can be listened on");
//! }
//!
//! skep_guest::start!(main);
//! ```
//!
//! `main` runs when the guest comes to life, and returns. What it has set up goes on: the host enters the guest when
//! something has happened, and ends it when nothing is left to wait for. Nothing blocks, and nothing is called while
//! something else runs. Built as a `cdylib` for `wasm32-unknown-unknown` or `wasm32-wasip1`, with Rust 1.63 or newer:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]
//! ```
//!
//! [`http`] serves and asks, [`net`] and [`udp`] have what is beneath, [`fs`] and [`input`] read and write, [`timer`] waits,
//! [`process`] is the guest among others, [`log`] what it prints. [`task`] has the same as futures. Errors are [`Error`]: one of the numbers of the boundary, and for a denial the
//! text that names the missing grant.
//!
//! It must not know how the host does what it is asked to. `raw.rs` is the only place with `unsafe`.
#![deny(unsafe_code, missing_docs)]

mod body;
pub mod cluster;
mod error;
mod events;
pub mod fs;
mod handed;
pub mod host;
pub mod http;
mod info;
pub mod input;
pub mod log;
pub mod net;
mod operation;
pub mod process;
#[allow(unsafe_code)]
mod raw;
mod source;
mod spawn;
pub mod task;
pub mod timer;
pub mod udp;
mod worker;
mod world;

pub use error::{Error, Result};
pub use skep_abi as abi;

/// How much room is left after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Open,
    /// Taken, but much is waiting: better go on when told that it has drained.
    Full,
}

/// Names the function that runs when the guest comes to life.
#[macro_export]
macro_rules! start {
    ($main:path) => {
        #[doc(hidden)]
        #[no_mangle]
        pub extern "C" fn skep_guest_main() {
            let main: fn() = $main;
            main()
        }
    };
}
