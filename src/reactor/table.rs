//! Table: the process's table of descriptors, grown before it is full and on a thread of its own.
//!
//! It must not know what a descriptor is for. When a number does not fit, Linux makes the table larger; in a process of
//! several threads, whoever asked for the number sleeps until every CPU has been through the scheduler (`expand_fdtable`
//! waits for RCU). Measured: 6 to 17 ms, at 0.2 ms of CPU, in the accept or connect of a loop, at 64, 256, 512, ...
//! descriptors. Who does not need the larger table goes on meanwhile.

use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, getrlimit};

use super::sys;

/// Places made as a reactor is, 8 bytes each.
const FIRST: u32 = 1024;

/// A table is grown by so much, once its part of that size has been used: there is time until the rest has been.
const GROWTH: u32 = 4;

/// The number from which the table is grown.
static NEXT: AtomicU32 = AtomicU32::new(FIRST / GROWTH);

/// Makes the first places; a process with one thread does not wait for it. A forked child's table is as large as what is open
/// in it: so each reactor begins anew.
pub(super) fn begin(open: impl AsFd) {
    stretch(open, FIRST);
    NEXT.store(FIRST / GROWTH, Ordering::Relaxed);
}

/// To be told of each new descriptor.
pub(super) fn note(new: impl AsFd) {
    let number = new.as_fd().as_raw_fd().unsigned_abs();
    let next = NEXT.load(Ordering::Relaxed);
    if number >= next {
        grow(number, next);
    }
}

#[cold]
fn grow(number: u32, next: u32) {
    let Some(target) = number.checked_next_power_of_two().and_then(|size| size.checked_mul(GROWTH)) else { return };
    // One thread for each step, whichever loop sees it first.
    if NEXT.compare_exchange(next, target / GROWTH + 1, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        return;
    }
    // Without a thread the kernel grows it when it must.
    let _ = std::thread::Builder::new().name("skep-table".into()).stack_size(64 << 10).spawn(move || {
        if let Some(open) = sys::reserve() {
            stretch(open, target);
        }
    });
}

/// Has the table hold so many, or as many as may be open.
fn stretch(open: impl AsFd, size: u32) {
    let may = getrlimit(Resource::Nofile).current.map_or(size, |most| size.min(u32::try_from(most).unwrap_or(size)));
    let highest = i32::try_from(may.saturating_sub(1)).unwrap_or(i32::MAX);
    // Closed at once: the table never shrinks.
    let _: Result<OwnedFd, _> = fcntl_dupfd_cloexec(open, highest);
}
