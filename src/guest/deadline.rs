//! Ticks, and the ticker: a thread that strikes the beat, so that a guest that runs for long is made to yield, where a thread cannot
//! be interrupted by a timer of its own (`tick` in `engine.rs`).
//!
//! Entering a guest costs two atomic additions. The thread looks up every [`TICK`] while guests are entered at
//! all; after a tick in which none was it parks, and the next entry wakes it: an idle process uses no CPU. A
//! busy one pays for 800 wake-ups a second, at 5 to 13 µs each (measured) 0.4 to 1 % of a core. It must not know guests:
//! only that someone is inside.
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Time between two ticks: a tenant's slice, and a quarter of a program's, which so lasts between 3.75 and 5 ms.
pub(super) const TICK: Duration = Duration::from_micros(1250);

/// Ticks that a slice lasts, at least one: it is never longer than asked for, and up to one tick shorter.
pub(super) fn ticks(slice: Duration) -> u64 {
    u64::try_from(slice.as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX).max(1)
}

/// What the entering side and the thread share.
#[derive(Debug, Default)]
struct Pulse {
    entered: AtomicU64,
    left: AtomicU64,
    parked: AtomicBool,
    stop: AtomicBool,
}

/// The thread, which starts with the first entry and ends when this is dropped. Until then the process has one thread
/// fewer: what it confines itself to is inherited by threads that start later, never by earlier ones.
pub(super) struct Ticker {
    pulse: Arc<Pulse>,
    tick: Arc<dyn Fn() + Send + Sync>,
    starting: Mutex<()>,
    thread: OnceLock<JoinHandle<()>>,
}

/// Someone is inside a guest until this is dropped.
pub(super) struct Inside<'a>(&'a Pulse);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.left.fetch_add(1, Ordering::Release);
    }
}

impl Ticker {
    /// For a `tick` that is cheap.
    pub(super) fn new(tick: impl Fn() + Send + Sync + 'static) -> Ticker {
        let pulse = Pulse { parked: AtomicBool::new(true), ..Pulse::default() };
        Ticker { pulse: Arc::new(pulse), tick: Arc::new(tick), starting: Mutex::new(()), thread: OnceLock::new() }
    }

    /// Marks that a guest is being entered. Fails when the system gives no thread.
    pub(super) fn enter(&self) -> std::io::Result<Inside<'_>> {
        // SeqCst on both sides: either the thread sees this entry before it parks, or we see it parked.
        self.pulse.entered.fetch_add(1, Ordering::SeqCst);
        let inside = Inside(&self.pulse);
        if self.pulse.parked.load(Ordering::SeqCst) {
            self.wake()?;
        }
        Ok(inside)
    }

    #[cold]
    fn wake(&self) -> std::io::Result<()> {
        let Some(join) = self.thread.get() else { return self.start() };
        if self.pulse.parked.swap(false, Ordering::SeqCst) {
            join.thread().unpark();
        }
        Ok(())
    }

    fn start(&self) -> std::io::Result<()> {
        let _one = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.thread.get().is_some() {
            return Ok(());
        }
        let (pulse, tick) = (self.pulse.clone(), self.tick.clone());
        let run = move || pulse.run(&*tick);
        // Before there is a thread that could say otherwise.
        self.pulse.parked.store(false, Ordering::SeqCst);
        let join = thread::Builder::new().name("skep-ticker".into()).stack_size(64 << 10).spawn(run);
        if join.is_err() {
            self.pulse.parked.store(true, Ordering::SeqCst);
        }
        // Whoever held the lock before has set nothing.
        let _unset = self.thread.set(join?);
        Ok(())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.pulse.stop.store(true, Ordering::SeqCst);
        if let Some(join) = self.thread.take() {
            join.thread().unpark();
            // A panic of the ticker has been reported by its own thread; there is nothing to add.
            let _ = join.join();
        }
    }
}

impl Pulse {
    fn run(&self, tick: &dyn Fn()) {
        let mut seen = 0;
        while !self.stop.load(Ordering::SeqCst) {
            let left = self.left.load(Ordering::Acquire);
            let entered = self.entered.load(Ordering::SeqCst);
            let inside = entered != left;
            if inside {
                tick();
            }
            if !inside && entered == seen {
                self.park(entered);
            }
            seen = entered;
            // A timed park is a sleep that dropping the ticker can cut short. Who was just entered gets a
            // whole tick.
            thread::park_timeout(TICK);
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
