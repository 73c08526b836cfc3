//! The clock: what "now" is, for everyone. The only `Instant::now` of the tree is here.
//!
//! It must not know timers nor anyone who asks. Two clocks stand behind one trait: the operating
//! system's, and a virtual one that moves only when a test moves it.

use super::cpu;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment on the monotonic clock: nanoseconds since that clock was made.
///
/// All deadlines are of this type, so that a jump of the wall clock can not fire or stall a timeout.
/// 64 bits of nanoseconds last 584 years; sums saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(pub u64);

impl Mono {
    /// The moment at which the clock was made.
    pub const ZERO: Mono = Mono(0);
    /// The end of time: a deadline that never comes.
    pub const NEVER: Mono = Mono(u64::MAX);

    /// This moment and `span` more; saturates at [`Mono::NEVER`].
    pub fn plus(self, span: Duration) -> Mono {
        Mono(self.0.saturating_add(nanos(span)))
    }

    /// The time from `earlier` to this moment; zero when `earlier` is not earlier.
    pub fn since(self, earlier: Mono) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// What can be asked for the time.
pub trait Clock {
    /// The monotonic time. Never less than what it said before.
    fn now_mono(&self) -> Mono;

    /// The wall clock: nanoseconds since 1970-01-01 UTC, 0 if it is set to before that. It may jump
    /// both ways; no timeout may be measured by it.
    fn wall(&self) -> u64;

    /// A stretch of this thread's work begins: the monotonic time.
    fn stretch_begins(&self) -> Mono {
        self.now_mono()
    }

    /// It is over: the monotonic time, and the CPU nanoseconds since it began then. Where nobody else has the CPU that is
    /// all of the time.
    fn stretch_ends(&self, began: Mono) -> (Mono, u64) {
        let now = self.now_mono();
        (now, now.0.saturating_sub(began.0))
    }
}

/// The clock of the operating system.
#[derive(Clone, Debug)]
pub struct OsClock {
    start: Instant,
}

impl OsClock {
    /// A clock whose monotonic time starts at zero, now.
    pub fn new() -> OsClock {
        OsClock { start: Instant::now() }
    }

    /// A clock that goes on from this moment of another's.
    pub fn going_on(from: Mono) -> OsClock {
        let now = Instant::now();
        OsClock { start: now.checked_sub(Duration::from_nanos(from.0)).unwrap_or(now) }
    }
}

impl Default for OsClock {
    fn default() -> OsClock {
        OsClock::new()
    }
}

impl Clock for OsClock {
    fn now_mono(&self) -> Mono {
        Mono(nanos(self.start.elapsed()))
    }

    fn wall(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanos)
    }

    fn stretch_begins(&self) -> Mono {
        let now = self.now_mono();
        cpu::stretch_begins(now.0);
        now
    }

    fn stretch_ends(&self, began: Mono) -> (Mono, u64) {
        let now = self.now_mono();
        (now, cpu::stretch_ends(began.0, now.0))
    }
}

/// A clock for tests and simulation: it stands still until it is moved. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    state: Rc<Cell<VirtualTime>>,
}

#[derive(Clone, Copy, Debug)]
struct VirtualTime {
    mono_ns: u64,
    wall_ns: u64,
    look_ns: u64,
}

impl VirtualClock {
    /// A clock at monotonic zero, with the wall clock at `wall_ns` nanoseconds since 1970.
    pub fn new(wall_ns: u64) -> VirtualClock {
        VirtualClock { state: Rc::new(Cell::new(VirtualTime { mono_ns: 0, wall_ns, look_ns: 0 })) }
    }

    /// Lets `span` pass, on both clocks.
    pub fn advance(&self, span: Duration) {
        let VirtualTime { mono_ns, wall_ns, look_ns } = self.state.get();
        let span = nanos(span);
        let (mono_ns, wall_ns) = (mono_ns.saturating_add(span), wall_ns.saturating_add(span));
        self.state.set(VirtualTime { mono_ns, wall_ns, look_ns });
    }

    /// From here on so much time passes with each look at the monotonic clock: what lies between two looks has taken it.
    pub fn each_look_takes(&self, span: Duration) {
        self.state.set(VirtualTime { look_ns: nanos(span), ..self.state.get() });
    }

    /// Lets time pass until `moment`; does nothing if it is already past.
    pub fn advance_to(&self, moment: Mono) {
        self.advance(moment.since(self.now_mono()));
    }

    /// Sets the wall clock, as an administrator or NTP would; the monotonic clock does not move.
    pub fn set_wall(&self, wall_ns: u64) {
        self.state.set(VirtualTime { wall_ns, ..self.state.get() });
    }
}

impl Clock for VirtualClock {
    fn now_mono(&self) -> Mono {
        let time = self.state.get();
        if time.look_ns > 0 {
            self.advance(Duration::from_nanos(time.look_ns));
        }
        Mono(self.state.get().mono_ns)
    }

    fn wall(&self) -> u64 {
        self.state.get().wall_ns
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
