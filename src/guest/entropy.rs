//! Random bytes for guests: the operating system's, or a stream from a seed, so that simulations repeat
//! bit for bit. It must not know who asks.

/// A source of random bytes.
pub enum Entropy {
    /// The operating system's.
    Os,
    /// BLAKE3's output stream for a seed.
    Seeded(Box<blake3::OutputReader>),
}

impl Entropy {
    /// The stream that belongs to this seed.
    pub fn seeded(seed: &[u8; 32]) -> Entropy {
        let mut hasher = blake3::Hasher::new_derive_key("skep guest entropy v1");
        hasher.update(seed);
        Entropy::Seeded(Box::new(hasher.finalize_xof()))
    }

    /// Fills the slice.
    ///
    /// # Panics
    /// When the operating system has no random bytes: going on without them would be a silent fault.
    pub fn fill(&mut self, out: &mut [u8]) {
        match self {
            Entropy::Os => getrandom::fill(out).expect("the operating system gives random bytes"),
            Entropy::Seeded(stream) => stream.fill(out),
        }
    }
}
