//! Timers: one heap over the host's one timer. It must not know what is to be done at a deadline.
use crate::raw;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

/// Deadline (monotonic ns) and order of setting.
type Due = (u64, u64);

enum Task {
    Once(Box<dyn FnOnce()>),
    Every(Duration, Box<dyn FnMut()>),
}

thread_local! {
    static TASKS: RefCell<BTreeMap<Due, Task>> = RefCell::new(BTreeMap::new());
    static SET: Cell<u64> = const { Cell::new(0) };
    static NOW: Cell<u64> = const { Cell::new(0) };
    static ARMED: Cell<Option<u64>> = const { Cell::new(None) };
    /// A task that repeats, while it runs: whether it was cancelled by itself.
    static RUNNING: Cell<Option<u64>> = const { Cell::new(None) };
}

/// One timer; dropping it changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    order: u64,
}

/// The turn's clock: nanoseconds, monotonic, from an origin of the host's choice.
pub fn now() -> Duration {
    Duration::from_nanos(NOW.with(Cell::get))
}

/// Nanoseconds since 1970-01-01 UTC.
pub fn wall() -> Duration {
    Duration::from_nanos(raw::clock(skep_abi::clock::WALL))
}

/// Calls once, not before `delay` is over.
pub fn after(delay: Duration, call: impl FnOnce() + 'static) -> Timer {
    set(delay, next_order(), Task::Once(Box::new(call)))
}

/// Calls again and again; a turn that comes late is not made up for.
pub fn every(interval: Duration, call: impl FnMut() + 'static) -> Timer {
    set(interval, next_order(), Task::Every(interval, Box::new(call)))
}

impl Timer {
    /// It will not be called again.
    pub fn cancel(self) {
        RUNNING.with(|running| {
            if running.get() == Some(self.order) {
                running.set(None);
            }
        });
        let removed = TASKS.with(|tasks| {
            let mut tasks = tasks.borrow_mut();
            let due = tasks.keys().find(|(_, order)| *order == self.order).copied();
            due.and_then(|due| tasks.remove(&due))
        });
        drop(removed);
    }
}

fn next_order() -> u64 {
    SET.with(|set| {
        set.set(set.get() + 1);
        set.get()
    })
}

fn set(delay: Duration, order: u64, task: Task) -> Timer {
    let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
    // The largest deadline that the host's signed number holds.
    let deadline = NOW.with(Cell::get).saturating_add(nanos).min(i64::MAX as u64);
    TASKS.with(|tasks| tasks.borrow_mut().insert((deadline, order), task));
    Timer { order }
}

/// As the host is told spans: nothing but none at all is 0, which is for ever.
pub(crate) fn millis(span: Duration) -> u32 {
    let whole = span.as_millis();
    let up = if span.subsec_nanos() % 1_000_000 > 0 { 1 } else { 0 };
    u32::try_from(whole + up).unwrap_or(u32::MAX)
}

pub(crate) fn set_now(now: u64) {
    NOW.with(|cell| cell.set(now));
}

/// The host's timer has passed.
pub(crate) fn due() {
    ARMED.with(|armed| armed.set(None));
    let now = NOW.with(Cell::get);
    // What is set by what is called waits for its own time, or for the next turn.
    let last = SET.with(Cell::get);
    loop {
        let task = TASKS.with(|tasks| {
            let mut tasks = tasks.borrow_mut();
            let first = tasks.keys().find(|(deadline, order)| *deadline <= now && *order <= last).copied()?;
            tasks.remove(&first).map(|task| (first, task))
        });
        match task {
            None => return,
            Some((_, Task::Once(call))) => call(),
            Some(((_, order), Task::Every(interval, mut call))) => {
                RUNNING.with(|running| running.set(Some(order)));
                call();
                if RUNNING.with(|running| running.take()) == Some(order) {
                    set(interval.max(Duration::from_millis(1)), order, Task::Every(interval, call));
                }
            }
        }
        crate::task::run_ready();
    }
}

/// The host knows of no timer: it is another host.
pub(crate) fn renew() {
    ARMED.with(|armed| armed.set(None));
}

/// Has the host's timer stand where the first of ours does.
pub(crate) fn arm() {
    let first = TASKS.with(|tasks| tasks.borrow().keys().next().map(|(deadline, _)| *deadline));
    if ARMED.with(Cell::get) != first {
        ARMED.with(|armed| armed.set(first));
        raw::timer_arm(first);
    }
}
