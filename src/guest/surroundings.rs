//! What a guest may learn of the world at once, out of any clock and any source of randomness. It must not know which they
//! are.
use super::{Entropy, Outside};
use crate::time::{Clock, Mono};

/// A clock, and randomness.
pub struct Surroundings<C: Clock>(pub C, pub Entropy);

impl<C: Clock> Outside for Surroundings<C> {
    fn mono(&self) -> u64 {
        self.0.now_mono().0
    }

    fn wall(&self) -> u64 {
        self.0.wall()
    }

    fn random(&mut self, out: &mut [u8]) {
        self.1.fill(out);
    }

    fn enters(&self) -> u64 {
        self.0.stretch_begins().0
    }

    fn leaves(&self, entered: u64) -> (u64, u64) {
        let (now, cpu) = self.0.stretch_ends(Mono(entered));
        (now.0, cpu)
    }
}
