//! Inbox: how another thread ends the loop's wait. It carries no data: the waker says that there is
//! something to look at, in whatever queue the threads share.
//!
//! It must not know those queues. Many wake-ups before one wait cost one system call and make one
//! fact.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends the reactor's wait, from any thread. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Waker {
    bell: Arc<Bell>,
}

#[derive(Debug)]
struct Bell {
    /// Rung since the reactor last looked.
    rung: AtomicBool,
    /// Absent in the simulation, whose kernel looks at `rung`.
    mio: Option<mio::Waker>,
}

impl Waker {
    pub(super) fn new(mio: Option<mio::Waker>) -> Waker {
        Waker { bell: Arc::new(Bell { rung: AtomicBool::new(false), mio }) }
    }

    /// Makes the reactor's present or next wait return with [`super::Fact::Woken`].
    ///
    /// What was written before this call is seen by the loop after that fact. Fails only when the
    /// kernel refuses the wake-up, and may then be tried again.
    pub fn wake(&self) -> io::Result<()> {
        if self.bell.rung.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let woken = self.bell.mio.as_ref().map_or(Ok(()), mio::Waker::wake);
        if woken.is_err() {
            self.bell.rung.store(false, Ordering::Release);
        }
        woken
    }

    /// Whether it was rung since the last call. The flag falls before the fact is told, so a ring
    /// that comes later rings again.
    pub(super) fn take(&self) -> bool {
        self.bell.rung.swap(false, Ordering::AcqRel)
    }
}
