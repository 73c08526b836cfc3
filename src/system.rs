//! What the operating system gives a guest's state and a hall: time, randomness, the standard outputs. It must not know
//! whose they are.
use crate::guest::{Entropy, Outside};
use crate::reactor::StandardStreams;
use crate::runtime::LogSink;
use crate::time::{Clock, OsClock, cpu};

/// Time and randomness of the operating system.
pub(crate) struct System {
    pub clock: OsClock,
    pub entropy: Entropy,
}

impl Outside for System {
    fn mono(&self) -> u64 {
        self.clock.now_mono().0
    }

    fn wall(&self) -> u64 {
        self.clock.wall()
    }

    fn random(&mut self, out: &mut [u8]) {
        self.entropy.fill(out);
    }

    fn enters(&self) -> u64 {
        let now = self.mono();
        cpu::stretch_begins(now);
        now
    }

    fn leaves(&self, entered: u64) -> (u64, u64) {
        let now = self.mono();
        (now, cpu::stretch_ends(entered, now))
    }
}

/// Standard output and error as a place for logs.
pub(crate) struct Standard(pub StandardStreams);

impl LogSink for Standard {
    fn write(&mut self, fd: u8, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(fd, bytes)
    }

    fn wait(&mut self, fd: u8) {
        self.0.wait(fd);
    }
}
