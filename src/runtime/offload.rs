//! Threads for what would hold the loop up. They start with the first work, take it in order, and ring the reactor's
//! waker when something is done; an idle crew makes no system call. One more, which starts with the first such work, waits
//! for standard input, so that it holds nobody else up. In a simulation there are no threads: the loop does
//! the work itself, in its own phase and in order. It must not know guests: whoever orders gives a number and finds what
//! came of it under that number.
use crate::guest::{Done, Lane, Work};
use crate::reactor::Waker;
use skep_abi::errno::{EAGAIN, EIO};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// As many as libuv starts: what waits for a disk gains nothing by more.
const THREADS: usize = 4;

/// Of these, how many may be taken by work that waits for others: files go on while a resolver hangs.
const SLOW_MOST: usize = THREADS / 2;

/// Without threads: pieces of work done in one turn, which bounds it.
const INLINE_BUDGET: usize = 64;

/// Work under way.
pub struct Offload {
    crew: Crew,
}

enum Crew {
    Threads(Threads),
    Inline(VecDeque<(u32, Work)>),
}

impl Offload {
    /// Real threads, which ring this waker.
    pub fn threads(waker: Waker) -> Offload {
        let desk = Desk { waker, state: Mutex::new(State::default()), bell: Condvar::new() };
        Offload { crew: Crew::Threads(Threads { desk: Arc::new(desk), started: false, reads: false, rung: false }) }
    }

    /// None: the loop does the work, always in the same order.
    pub fn inline() -> Offload {
        Offload { crew: Crew::Inline(VecDeque::new()) }
    }

    /// Has the work done; [`Offload::collect`] gives what came of it with this number.
    pub(super) fn order(&mut self, number: u32, work: Work) {
        match &mut self.crew {
            Crew::Threads(threads) => threads.order(number, work),
            Crew::Inline(queue) => queue.push_back((number, work)),
        }
    }

    /// The reactor says that the waker was rung.
    pub(super) fn woken(&mut self) {
        if let Crew::Threads(threads) = &mut self.crew {
            threads.rung = true;
        }
    }

    /// Whether [`Offload::collect`] has something to do.
    pub(super) fn is_due(&self) -> bool {
        match &self.crew {
            Crew::Threads(threads) => threads.rung,
            Crew::Inline(queue) => !queue.is_empty(),
        }
    }

    /// What is done since it was last asked.
    pub(super) fn collect(&mut self) -> Vec<(u32, Done)> {
        match &mut self.crew {
            Crew::Threads(threads) => {
                threads.rung = false;
                std::mem::take(&mut threads.desk.lock().done)
            }
            Crew::Inline(queue) => {
                let now = queue.len().min(INLINE_BUDGET);
                queue.drain(..now).map(|(number, work)| (number, guarded(work))).collect()
            }
        }
    }
}

struct Threads {
    desk: Arc<Desk>,
    started: bool,
    /// Whether the thread for input has started.
    reads: bool,
    rung: bool,
}

/// What the loop and the threads share.
struct Desk {
    state: Mutex<State>,
    bell: Condvar,
    waker: Waker,
}

#[derive(Default)]
struct State {
    quick: VecDeque<(u32, Work)>,
    slow: VecDeque<(u32, Work)>,
    input: VecDeque<(u32, Work)>,
    slow_running: usize,
    done: Vec<(u32, Done)>,
    closed: bool,
}

impl Threads {
    fn order(&mut self, number: u32, work: Work) {
        let ready = if work.lane == Lane::Input { self.start_reader() } else { self.started || self.start() };
        if !ready {
            self.desk.lock().done.push((number, Done::failed(EAGAIN)));
            self.rung = true;
            return;
        }
        let mut state = self.desk.lock();
        match work.lane {
            Lane::Quick => state.quick.push_back((number, work)),
            Lane::Slow => state.slow.push_back((number, work)),
            Lane::Input => state.input.push_back((number, work)),
        }
        drop(state);
        self.ring();
    }

    /// False when the system gives not a single thread; the next order tries again.
    fn start(&mut self) -> bool {
        let begin = |at: usize| {
            let desk = Arc::clone(&self.desk);
            thread::Builder::new().name(format!("skep-work-{at}")).spawn(move || desk.serve(Desk::next))
        };
        self.started = (0..THREADS).filter(|at| begin(*at).is_ok()).count() > 0;
        self.started
    }

    fn start_reader(&mut self) -> bool {
        let desk = Arc::clone(&self.desk);
        let begin = || thread::Builder::new().name("skep-input".into()).spawn(move || desk.serve(Desk::next_input));
        self.reads = self.reads || begin().is_ok();
        self.reads
    }

    /// Somebody is to look; once there are two kinds of threads, the one woken might be of the wrong kind.
    fn ring(&self) {
        if self.reads { self.desk.bell.notify_all() } else { self.desk.bell.notify_one() }
    }
}

impl Drop for Threads {
    /// Nobody waits for them: a resolver may hang for long, and holds nothing of the hall's.
    fn drop(&mut self) {
        self.desk.lock().closed = true;
        self.desk.bell.notify_all();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No thread can die inside: nothing there panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread's life.
    fn serve(&self, next: fn(&Desk) -> Option<(u32, Work)>) {
        while let Some((number, work)) = next(self) {
            let lane = work.lane;
            let done = guarded(work);
            let mut state = self.lock();
            state.done.push((number, done));
            if lane == Lane::Slow {
                state.slow_running -= 1;
                self.bell.notify_all();
            }
            drop(state);
            // A kernel that refuses has no memory for a wake-up; the next one brings this one's result too.
            let _ = self.waker.wake();
        }
    }

    /// Slow work first, as it is bounded; none when the hall is gone.
    fn next(&self) -> Option<(u32, Work)> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if state.slow_running < SLOW_MOST
                && let Some(order) = state.slow.pop_front()
            {
                state.slow_running += 1;
                return Some(order);
            }
            if let Some(order) = state.quick.pop_front() {
                return Some(order);
            }
            state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next reading of input.
    fn next_input(&self) -> Option<(u32, Work)> {
        let mut state = self.lock();
        while !state.closed {
            if let Some(order) = state.input.pop_front() {
                return Some(order);
            }
            state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }
}

/// A bug in one piece of work is an error of that one.
fn guarded(work: Work) -> Done {
    catch_unwind(AssertUnwindSafe(|| work.run())).unwrap_or_else(|_| Done::failed(EIO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::{Fact, OsReactor};

    #[test]
    fn slow_work_leaves_threads_for_quick_work() {
        let mut reactor = OsReactor::new().expect("a reactor can be made here");
        let mut offload = Offload::threads(reactor.waker());
        let (free, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        for number in 0..6 {
            let gate = Arc::clone(&gate);
            let wait = move || {
                let _ = gate.lock().expect("nobody panics").recv();
                Done::Number(1)
            };
            offload.order(number, Work::new(Lane::Slow, wait));
        }
        offload.order(10, Work::new(Lane::Quick, || Done::Number(2)));
        offload.order(11, Work::new(Lane::Quick, || panic!("a bug")));
        let mut seen = Vec::new();
        let mut facts = Vec::new();
        while seen.len() < 8 {
            if seen.len() == 2 {
                (0..6).for_each(|_| free.send(()).expect("somebody waits"));
            }
            reactor.wait(None, &mut facts).expect("it waits");
            for fact in facts.drain(..) {
                assert_eq!(fact, Fact::Woken);
                offload.woken();
            }
            assert!(offload.is_due());
            seen.extend(offload.collect());
        }
        let mut first: Vec<u32> = seen[..2].iter().map(|(number, _)| *number).collect();
        first.sort_unstable();
        assert_eq!(first, [10, 11]);
        let bug = seen.iter().find(|(number, _)| *number == 11).expect("it was told");
        assert!(matches!(bug.1, Done::Failed { errno: EIO, .. }));
    }

    #[test]
    fn without_threads_the_order_is_kept() {
        let mut offload = Offload::inline();
        (0..100).for_each(|number| offload.order(number, Work::new(Lane::Quick, move || Done::Number(number))));
        let mut seen = Vec::new();
        while offload.is_due() {
            seen.extend(offload.collect().into_iter().map(|(number, _)| number));
        }
        assert_eq!(seen, (0..100).collect::<Vec<u32>>());
    }
}
