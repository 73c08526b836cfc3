//! CPU time of this thread, for who charges it to guests. It must not know guests.
//!
//! The thread's own clock is a system call (0.2 to 0.4 µs), which is much beside a turn of a few microseconds; the
//! monotonic clock is none. So a stretch is measured by the monotonic clock, which can only say too much (the system
//! had others run meanwhile), and where that could matter, a long stretch, the thread's clock corrects it.
use rustix::time::{ClockId, clock_gettime};
use std::cell::Cell;
use std::time::Duration;

/// Stretches below this are taken as they are: the system lets a thread run longer before it takes the CPU away.
const SHORT_NS: u64 = 250_000;

/// The thread's clock is read at most this often for stretches that may become long.
const STALE_NS: u64 = 1_000_000;

thread_local! {
    /// When the thread's clock was last read, on the monotonic clock, and what it said.
    static SEEN: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

fn thread_cpu() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// CPU time of this thread so far, for whoever has a thread to himself.
pub fn thread_time() -> Duration {
    Duration::from_nanos(thread_cpu())
}

/// A stretch begins at this monotonic time.
pub fn stretch_begins(now: u64) {
    let (at, _) = SEEN.get();
    if now.saturating_sub(at) > STALE_NS || now < at {
        SEEN.set((now, thread_cpu()));
    }
}

/// CPU nanoseconds of a stretch between these monotonic times: never less than were used, never more than passed, and of
/// a long one at most `STALE_NS` too many.
pub fn stretch_ends(began: u64, ended: u64) -> u64 {
    let passed = ended.saturating_sub(began);
    if passed < SHORT_NS {
        return passed;
    }
    let (_, before) = SEEN.get();
    let cpu = thread_cpu();
    SEEN.set((ended, cpu));
    passed.min(cpu.saturating_sub(before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Clock as _, OsClock};

    #[test]
    fn time_asleep_is_not_charged_time_at_work_is() {
        let clock = OsClock::new();
        let began = clock.now_mono().0;
        stretch_begins(began);
        std::thread::sleep(Duration::from_millis(30));
        let asleep = stretch_ends(began, clock.now_mono().0);
        assert!(asleep < 15_000_000, "{asleep} ns of a thread that slept");

        let (began, own) = (clock.now_mono().0, thread_cpu());
        stretch_begins(began);
        while thread_cpu() < own + 10_000_000 {}
        let ended = clock.now_mono().0;
        let at_work = stretch_ends(began, ended);
        assert!((10_000_000..=ended - began).contains(&at_work), "{at_work} ns of 10 ms at work");
    }

    #[test]
    fn short_stretches_are_charged_whole() {
        stretch_begins(5_000_000);
        assert_eq!(stretch_ends(5_000_000, 5_000_777), 777);
    }
}
