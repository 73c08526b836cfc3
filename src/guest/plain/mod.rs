//! Plain programs: commands of WASI (preview 1), built by any compiler for `wasm32-wasip1`. They know nothing of the boundary:
//! they run from `_start` to their end and block where they wait. So each has a thread for itself, and the loop of its
//! process goes on meanwhile; wasmtime-wasi carries out what it asks for, on that thread. All that it may reach is laid before
//! it when it is made ([`World`]): nothing is asked of the policy later. It must not know the loop, nor who granted what.
mod module;
#[cfg(feature = "wasi")]
mod quota;
#[cfg_attr(not(feature = "wasi"), path = "absent.rs")]
mod run;
#[cfg(feature = "wasi")]
mod wire;

use super::verdict::Verdict;
use std::path::PathBuf;

pub(super) use module::check;
pub use module::is_plain;
pub use run::Plain;
#[cfg(not(feature = "wasi"))]
pub use run::WIRE;
#[cfg(feature = "wasi")]
pub use wire::WIRE;

/// A folder that the program finds open, under the name that it knows it by.
#[derive(Clone, Debug)]
pub struct Preopen {
    pub folder: PathBuf,
    pub name: String,
    pub write: bool,
}

/// What a program is given. The default is nothing but the two outputs.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub folders: Vec<Preopen>,
    /// Standard input.
    pub input: bool,
    /// A descriptor for messages: the number `WIRE`, once `Plain::connect` has said where it leads.
    pub wire: bool,
}

/// How it ended.
#[derive(Debug)]
pub struct End {
    pub verdict: Verdict,
    /// It was refused memory.
    pub starved: bool,
}
