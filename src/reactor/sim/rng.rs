//! The simulation's dice: splitmix64. Not for secrets; one seed is one run.

/// A small seeded generator.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The generator of one seed.
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.draw() % bound as u64) as usize }
    }

    /// True `rate` times in a thousand.
    pub fn chance(&mut self, rate: u32) -> bool {
        rate > 0 && self.draw() % 1000 < u64::from(rate)
    }

    /// A length from 1 to `max` (at least 1), small ones often: cuts hurt most near the edges.
    pub fn cut(&mut self, max: usize) -> usize {
        let max = match self.below(4) {
            0 => max.min(2),
            1 => max.min(64),
            _ => max,
        };
        1 + self.below(max)
    }
}
