//! The room of time: the only clock of the host, and timers ordered by deadline.
//!
//! It must not know what a timer is for (a guest's `setTimeout`, a connection's timeout, an accept
//! retry): it carries a number for its owner and hands it back. It knows no socket and no guest.

mod clock;
mod cpu;
mod timers;

pub use clock::{Clock, Mono, OsClock, VirtualClock};
pub use cpu::thread_time;
pub use timers::{Expired, TimerId, Timers};

#[cfg(test)]
mod tests;
