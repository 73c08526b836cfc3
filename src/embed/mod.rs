//! The embedding API: a Rust program keeps guests of its own. What there is of it stands on one screen, at the head of
//! lib.rs. It must not know sockets, protocols or Wasm: the hall does.
mod function;
mod info;
mod pending;
mod policy;
mod runtime;
mod value;

pub use crate::policy::Meter;
pub use crate::runtime::{LogSink, Outcome};
pub use function::{HostCall, Reply};
pub use pending::Pending;
pub use policy::Policy;
pub use runtime::{Guest, Image, Module, Options, Runtime};
pub use value::{CallError, Thrown, Value};
