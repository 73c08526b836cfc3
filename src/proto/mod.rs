//! Bytes to values and values to bytes, for every wire protocol that Skep speaks.
//!
//! Nothing here may know of sockets, files, clocks, timers, Wasm or another room: input is a slice and
//! plain limits, output is a value or bytes appended to a buffer. No `unsafe`.

pub mod forwarded;
pub mod http1;
pub mod ipc;
pub mod proxy;
pub mod traceparent;
