//! What a guest's stretches cost, where a test says so. It must not know what for.
use crate::guest::{Entropy, Outside, Surroundings};
use crate::time::VirtualClock;

/// A stretch that began then is over: the time now, and what it has cost.
type Leaves = Box<dyn Fn(u64) -> (u64, u64)>;

/// The virtual clock, and seeded randomness.
pub(super) struct Paced(Surroundings<VirtualClock>, Leaves);

impl Paced {
    pub(super) fn new(clock: VirtualClock, leaves: impl Fn(u64) -> (u64, u64) + 'static) -> Paced {
        Paced(Surroundings(clock, Entropy::seeded(&[5; 32])), Box::new(leaves))
    }
}

impl Outside for Paced {
    fn mono(&self) -> u64 {
        self.0.mono()
    }

    fn wall(&self) -> u64 {
        self.0.wall()
    }

    fn random(&mut self, out: &mut [u8]) {
        self.0.random(out);
    }

    fn leaves(&self, entered: u64) -> (u64, u64) {
        (self.1)(entered)
    }
}
