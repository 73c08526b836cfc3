//! Standard input. It must not know whose it is: a terminal, a pipe, a file.
//!
//! ```no_run
//! use skep_guest::input::{self, Event};
//! use skep_guest::println;
//!
//! fn main() {
//!     let asked = input::read(|event| match event {
//!         Event::Data(chunk) => println!("{} bytes", chunk.len()),
//!         Event::End => println!("that was all"),
//!         Event::Failed(error) => println!("{}", error),
//!     });
//!     asked.expect("there is room for an operation");
//! }
//! skep_guest::start!(main);
//! ```
use crate::fs::Ask;
use crate::source::Source;
use crate::Result;
use skep_abi::file_op;

pub use crate::source::Event;

/// Has all that comes told there, to its end. While a chunk's credit is held nothing is read: then it keeps no guest alive
/// either.
///
/// # Errors
/// `EAGAIN` when too many operations are under way.
pub fn read(call: impl FnMut(Event<'_>) + 'static) -> Result<()> {
    Source::read(Ask::new(file_op::READ_INPUT), call)
}
