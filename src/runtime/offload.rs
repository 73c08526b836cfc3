//! Threads for what would hold the loop up. They start with the first work, take it in order, and ring the reactor's
//! waker when something is done; an idle crew makes no system call. One more, which starts with the first such work, waits
//! for standard input and what a parent has given, all of it at once, so that nothing of it holds anything else up. In a simulation there are no threads: the loop does
//! the work itself, in its own phase and in order. It must not know guests: whoever orders gives a number and finds what
//! came of it under that number.
use crate::guest::{Done, Lane, Source, Work};
use crate::reactor::{Inputs, Ringer, Waker, inputs};
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
        Offload { crew: Crew::Threads(Threads { desk: Arc::new(desk), started: false, ringer: None, rung: false }) }
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

    /// The same, before all that is quick and was not ordered so.
    pub(super) fn order_soon(&mut self, number: u32, work: Work) {
        match &mut self.crew {
            Crew::Threads(threads) => threads.order_soon(number, work),
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
    /// Of the thread for input, when it has started.
    ringer: Option<Ringer>,
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
    soon: VecDeque<(u32, Work)>,
    quick: VecDeque<(u32, Work)>,
    slow: VecDeque<(u32, Work)>,
    input: Vec<(u32, Work)>,
    slow_running: usize,
    /// Threads at work that was not ordered soon.
    common: usize,
    /// Threads that there are.
    threads: usize,
    done: Vec<(u32, Done)>,
    closed: bool,
}

impl Threads {
    fn order(&mut self, number: u32, work: Work) {
        let lane = work.lane;
        let ready = if lane == Lane::Input { self.start_reader() } else { self.started || self.start() };
        if !ready {
            self.desk.lock().done.push((number, Done::failed(EAGAIN)));
            self.rung = true;
            return;
        }
        let mut state = self.desk.lock();
        match lane {
            Lane::Quick => state.quick.push_back((number, work)),
            Lane::Slow => state.slow.push_back((number, work)),
            Lane::Input => state.input.push((number, work)),
        }
        drop(state);
        match &self.ringer {
            Some(ringer) if lane == Lane::Input => ringer.ring(),
            _ => self.desk.bell.notify_one(),
        }
    }

    fn order_soon(&mut self, number: u32, work: Work) {
        if work.lane != Lane::Quick || !self.started {
            return self.order(number, work);
        }
        self.desk.lock().soon.push_back((number, work));
        self.desk.bell.notify_one();
    }

    /// False when the system gives not a single thread; the next order tries again.
    fn start(&mut self) -> bool {
        let begin = |at: usize| {
            let desk = Arc::clone(&self.desk);
            thread::Builder::new().name(format!("skep-work-{at}")).spawn(move || desk.serve(Desk::next))
        };
        let threads = (0..THREADS).filter(|at| begin(*at).is_ok()).count();
        self.desk.lock().threads = threads;
        self.started = threads > 0;
        self.started
    }

    fn start_reader(&mut self) -> bool {
        if self.ringer.is_none()
            && let Ok((ringer, inputs)) = inputs()
        {
            let desk = Arc::clone(&self.desk);
            let begun = thread::Builder::new().name("skep-input".into()).spawn(move || {
                desk.serve(|desk| Some((desk.next_input(&inputs)?, false)));
            });
            self.ringer = begun.ok().map(|_| ringer);
        }
        self.ringer.is_some()
    }
}

impl Drop for Threads {
    /// Nobody waits for them: a resolver may hang for long, and holds nothing of the hall's.
    fn drop(&mut self) {
        self.desk.lock().closed = true;
        self.desk.bell.notify_all();
        self.ringer.iter().for_each(Ringer::ring);
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No thread can die inside: nothing there panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread's life.
    fn serve(&self, next: impl Fn(&Desk) -> Option<((u32, Work), bool)>) {
        while let Some(((number, work), is_common)) = next(self) {
            let lane = work.lane;
            let done = guarded(work);
            let mut state = self.lock();
            state.done.push((number, done));
            if is_common {
                state.common -= 1;
                state.slow_running -= usize::from(lane == Lane::Slow);
                self.bell.notify_all();
            }
            drop(state);
            // A kernel that refuses has no memory for a wake-up; the next one brings this one's result too.
            let _ = self.waker.wake();
        }
    }

    /// The next piece, and whether it was not ordered soon; none when the hall is gone. One thread is kept for what was: disks and
    /// servers of files that hang hold up who asked them, not who wakes. Slow work is first of the rest, as it is bounded.
    fn next(&self) -> Option<((u32, Work), bool)> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(order) = state.soon.pop_front() {
                return Some((order, false));
            }
            let State { slow, quick, slow_running, common, threads, .. } = &mut *state;
            if *common < threads.saturating_sub(1).max(1) {
                let is_slow = *slow_running < SLOW_MOST && !slow.is_empty();
                if let Some(order) = if is_slow { slow.pop_front() } else { quick.pop_front() } {
                    *slow_running += usize::from(is_slow);
                    *common += 1;
                    return Some((order, true));
                }
            }
            state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next of those that wait whose time has come.
    fn next_input(&self, inputs: &Inputs) -> Option<(u32, Work)> {
        loop {
            let mut state = self.lock();
            if state.closed {
                return None;
            }
            if let Some(at) = state.input.iter().position(|(_, work)| work.source.is_none()) {
                return Some(state.input.remove(at));
            }
            let all: Vec<Source> = state.input.iter().filter_map(|(_, work)| work.source.clone()).collect();
            drop(state);
            let all: Vec<_> = all.iter().map(|source| (source.fd.as_fd(), source.write)).collect();
            if let Some(at) = inputs.first(&all) {
                // Nobody else takes from these, and new ones come behind them.
                return Some(self.lock().input.remove(at));
            }
        }
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
    fn what_is_ordered_soon_is_taken_before_what_was_ordered_earlier() {
        let reactor = OsReactor::new().expect("a reactor can be made here");
        let desk = Arc::new(Desk { waker: reactor.waker(), state: Mutex::default(), bell: Condvar::new() });
        desk.lock().threads = THREADS;
        // Its threads are this one.
        let mut threads = Threads { desk: Arc::clone(&desk), started: true, ringer: None, rung: false };
        let work = || Work::new(Lane::Quick, || Done::Number(0));
        (0..3).for_each(|number| threads.order(number, work()));
        (3..5).for_each(|number| threads.order_soon(number, work()));
        let taken: Vec<u32> = (0..5).filter_map(|_| desk.next()).map(|((number, _), _)| number).collect();
        assert_eq!(taken, [3, 4, 0, 1, 2]);
    }

    #[test]
    fn one_thread_is_kept_for_what_is_ordered_soon() {
        let mut reactor = OsReactor::new().expect("a reactor can be made here");
        let mut offload = Offload::threads(reactor.waker());
        let (free, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        for number in 0..8 {
            let gate = Arc::clone(&gate);
            let wait = move || {
                let _ = gate.lock().expect("nobody panics").recv();
                Done::Number(1)
            };
            offload.order(number, Work::new(Lane::Quick, wait));
        }
        offload.order_soon(10, Work::new(Lane::Quick, || Done::Number(2)));
        let mut seen = Vec::new();
        let mut facts = Vec::new();
        while seen.len() < 9 {
            if seen == [10] {
                (0..8).for_each(|_| free.send(()).expect("somebody waits"));
            }
            reactor.wait(None, &mut facts).expect("it waits");
            facts.drain(..).for_each(|_| offload.woken());
            seen.extend(offload.collect().into_iter().map(|(number, _)| number));
        }
        assert_eq!(seen[0], 10);
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

    #[test]
    fn what_waits_for_one_source_holds_no_other_up() {
        let mut reactor = OsReactor::new().expect("a reactor can be made here");
        let mut offload = Offload::threads(reactor.waker());
        let pipes: Vec<_> = (0..3).map(|_| std::io::pipe().expect("a pipe can be made")).collect();
        let (readers, mut writers): (Vec<_>, Vec<_>) = pipes.into_iter().unzip();
        for (number, reader) in (0..).zip(readers) {
            let source = Source { fd: Arc::new(reader), write: false };
            offload.order(number, Work::when(source, move || Done::Number(number)));
        }
        let (mut seen, mut facts) = (Vec::new(), Vec::new());
        for number in [2, 0, 1] {
            std::io::Write::write_all(&mut writers[number], b"x").expect("somebody reads");
            while seen.last() != Some(&(number as u32)) {
                reactor.wait(None, &mut facts).expect("it waits");
                offload.woken();
                seen.extend(offload.collect().into_iter().map(|(number, _)| number));
            }
        }
        assert_eq!(seen, [2, 0, 1]);
        let (silent, _writer) = std::io::pipe().expect("a pipe can be made");
        let (alive, ended) = std::sync::mpsc::channel::<()>();
        let source = Source { fd: Arc::new(silent), write: false };
        offload.order(
            3,
            Work::when(source, move || {
                drop(alive);
                Done::Number(3)
            }),
        );
        // Its thread goes with the hall, and takes with it what never came.
        drop(offload);
        assert!(ended.recv().is_err());
    }
}
