//! The room of guests: the only user of wasmtime. A [`Cell`] is code and an image; [`Cell::spawn`] brings a
//! [`Guest`] to life; [`Guest::deliver`] and [`Guest::resume`] run it; what it asks for stands in its
//! [`GuestState`]'s outbox. It must not know sockets, HTTP, the event loop or processes.
mod alarm;
mod beats;
pub mod cache;
mod cell;
pub mod child;
pub mod command;
mod deadline;
mod den;
mod drift;
mod engine;
mod entropy;
mod falling;
#[expect(clippy::module_inception, reason = "one noun per file, and this noun is the room's own")]
mod guest;
pub mod handles;
mod image;
mod image_file;
mod imports;
mod keepsake;
mod kit;
mod layer;
mod legacy;
mod limiter;
mod memory;
pub mod module;
mod names;
mod pauses;
mod plain;
mod settings;
mod sleeper;
mod snapshot;
mod spare;
pub mod state;
mod surroundings;
mod vault;
mod verdict;
mod warm;
mod weave;
pub mod work;

#[cfg(test)]
mod tests;

pub use alarm::{Alarm, Bell};
pub use cell::Cell;
pub use child::{ChildEnd, ChildPlan, ChildProgram, ChildState};
pub use command::{Body, Command, Outbox, Span, Target};
pub use den::Den;
pub use engine::{Engine, EngineOptions};
pub use entropy::Entropy;
pub use falling::Husk;
pub use guest::Guest;
pub use handles::{Handle, HandleTable, Kind};
pub use image::Image;
pub use imports::{Bounds, measured_hoard};
pub use keepsake::{Keepsake, Keepsakes};
pub use kit::Kit;
pub use layer::watch_writes;
pub use legacy::{Legacy, LooseEnd, Will};
pub use plain::{End as PlainEnd, Plain, Preopen, WIRE, World as PlainWorld, is_plain};
pub use sleeper::{Occupant, Risen, Sleeper};
pub use snapshot::Snapshot;
pub use spare::make_spare;
pub use state::{Ends, GuestState, Outside};
pub use surroundings::Surroundings;
pub use verdict::{Trap, TrapReason, Turn, Verdict};
pub use work::{Done, Lane, Open, Source, Work};
