//! The ticker: it moves the engine's epoch on, so that a guest that runs for long is made to yield.
//!
//! Entering a guest costs two atomic additions. The thread ticks while guests are entered at all; when
//! none was for some ticks it parks, and the next entry wakes it: an idle process uses no CPU. It
//! must not know guests: only that someone is inside.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

/// Time between two ticks: a slice of 5 ms then ends between 4 and 5 ms.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// Ticks without an entry until the thread parks: long enough that a busy server never pays for
/// waking it, short enough that an idle one is soon quiet.
const QUIET_TICKS: u32 = 4;

/// Ticks that a slice lasts; at least one.
pub(super) fn ticks(slice: Duration) -> u64 {
    u64::try_from(slice.as_nanos().div_ceil(TICK.as_nanos()))
        .unwrap_or(u64::MAX)
        .max(1)
}

/// What the entering side and the thread share.
#[derive(Debug, Default)]
struct Pulse {
    entered: AtomicU64,
    left: AtomicU64,
    parked: AtomicBool,
    stop: AtomicBool,
}

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Ticker {
    pulse: Arc<Pulse>,
    thread: Thread,
    join: Option<JoinHandle<()>>,
}

/// Someone is inside a guest until this is dropped.
pub(super) struct Inside<'a>(&'a Pulse);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.left.fetch_add(1, Ordering::Release);
    }
}

impl Ticker {
    /// Starts the thread; `tick` must be cheap. Fails when no thread can be made.
    pub(super) fn start(tick: impl Fn() + Send + 'static) -> std::io::Result<Ticker> {
        let pulse = Arc::new(Pulse::default());
        let shared = pulse.clone();
        let join = thread::Builder::new()
            .name("skep-ticker".into())
            .stack_size(64 << 10)
            .spawn(move || shared.run(tick))?;
        Ok(Ticker {
            thread: join.thread().clone(),
            pulse,
            join: Some(join),
        })
    }

    /// Marks that a guest is being entered.
    pub(super) fn enter(&self) -> Inside<'_> {
        // SeqCst on both sides: either the thread sees this entry before it parks, or we see it parked.
        self.pulse.entered.fetch_add(1, Ordering::SeqCst);
        if self.pulse.parked.load(Ordering::SeqCst) {
            self.wake();
        }
        Inside(&self.pulse)
    }

    #[cold]
    fn wake(&self) {
        if self.pulse.parked.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.pulse.stop.store(true, Ordering::SeqCst);
        self.thread.unpark();
        if let Some(join) = self.join.take() {
            // A panic of the ticker has been reported by its own thread; there is nothing to add.
            let _ = join.join();
        }
    }
}

impl Pulse {
    fn run(&self, tick: impl Fn()) {
        let mut seen = 0;
        let mut quiet = 0;
        while !self.stop.load(Ordering::SeqCst) {
            let left = self.left.load(Ordering::Acquire);
            let entered = self.entered.load(Ordering::SeqCst);
            let inside = entered != left;
            quiet = if inside || entered != seen { 0 } else { quiet + 1 };
            seen = entered;
            if inside {
                tick();
            }
            if quiet < QUIET_TICKS {
                // A timed park is a sleep that dropping the ticker can cut short.
                thread::park_timeout(TICK);
            } else {
                self.park(entered);
            }
        }
    }

    /// Sleeps until an entry.
    fn park(&self, seen: u64) {
        self.parked.store(true, Ordering::SeqCst);
        if self.entered.load(Ordering::SeqCst) == seen {
            while self.parked.load(Ordering::SeqCst) && !self.stop.load(Ordering::SeqCst) {
                thread::park();
            }
        }
        self.parked.store(false, Ordering::SeqCst);
    }
}
