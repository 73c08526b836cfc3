//! What ends a call that waits on the loop's own thread (`readSync` of an input): a signal that the guest does not listen for has
//! come, and nobody can take it in meanwhile. It must not know what signals mean, nor who hears them.
use std::fmt;
use std::os::fd::AsFd;
use std::sync::Arc;

/// Can be read from once its signal has come and the loop has not taken it in.
#[derive(Clone)]
pub struct Bell {
    pub signal: i32,
    pub end: Arc<dyn AsFd + Send + Sync>,
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bell({})", self.signal)
    }
}

/// A guest's. The default is nobody's: what waits on a thread of its own holds nobody up.
#[derive(Clone, Debug, Default)]
pub struct Alarm {
    bells: Arc<[Bell]>,
    /// Signals that the guest listens for, a bit each: they wait until it has an ear for them, as Node's do.
    heeded: u64,
}

impl Alarm {
    pub fn new(bells: Vec<Bell>) -> Alarm {
        Alarm { bells: bells.into(), heeded: 0 }
    }

    /// The guest listens for a signal from here on, or no more.
    pub(super) fn heed(&mut self, signal: i32, on: bool) {
        let bit = 1_u64.checked_shl(signal as u32).unwrap_or(0);
        self.heeded = if on { self.heeded | bit } else { self.heeded & !bit };
    }

    /// Those that it does not listen for.
    pub(super) fn bells(&self) -> impl Iterator<Item = &Bell> {
        self.bells.iter().filter(|bell| self.heeded >> bell.signal & 1 == 0)
    }
}
