//! The only place where Wasm is compiled and run: settings, compiled code, and one guest's store
//! with the call in flight. What is compiled asks at many places whether its slice is over (`weave.rs`). It must not know what an import does, nor what an image is.
//!
//! A turn is one call on a fiber, polled by hand with a waker that does nothing: the loop decides when a
//! guest that yielded goes on, there is no second event loop.
use super::beats::{Beats, Inside};
use super::deadline::Ticker;
use super::image::{Beat, HUGE, align_huge, check_sealed, prefer_huge};
use super::settings::{FEATURES, settings};
use super::state::GuestState;
use super::weave::{self, weave};
use anyhow::{Context as _, Result, anyhow, ensure};
use rustix::fd::AsFd;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect, munmap};
use std::borrow::Cow;
use std::ffi::c_void;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::task::{Poll, Waker};
use wasmtime::{CustomCodeMemory, Memory, Module, Store, TypedFunc, WasmParams, WasmResults};

/// Bytes of the largest compiled module.
const CODE_BYTES: usize = 1 << 30;

/// Code runs from the memory it was read into, where the CPU sees to it that new instructions are seen. Elsewhere
/// wasmtime copies it and does what is to be done.
pub(super) const RUN_IN_PLACE: bool = cfg!(target_arch = "x86_64");

/// What may be chosen of an engine.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Compile quickly, for tests; code then runs slower.
    pub quick_compile: bool,
    /// Have a thread look at the clock for those that run, and use no signal. Without it, on Linux, each thread that enters guests has
    /// a timer whose signal (the first of the real-time signals, from the last one down, that nobody handles) reaches that thread alone.
    pub no_signals: bool,
    /// Code without the checks that make it yield: a guest that does not end stalls whoever runs it. For measuring what
    /// they cost.
    pub endless_turns: bool,
}

/// Settings, code memory and the ticker; shared by every guest of a process and by its loops.
#[derive(Clone)]
pub struct Engine {
    wasm: wasmtime::Engine,
    ticker: Arc<Ticker>,
    beats: Arc<Beats>,
    no_signals: bool,
    endless_turns: bool,
}

impl Engine {
    /// Makes an engine.
    ///
    /// # Errors
    /// When this machine cannot run one (no virtual memory to reserve).
    pub fn new(options: &EngineOptions) -> Result<Engine> {
        let wasm = wasmtime::Engine::new(&settings(options)).map_err(to_anyhow)?;
        let beats = Arc::new(Beats::default());
        let struck = beats.clone();
        let ticker = Arc::new(Ticker::new(move || struck.strike()));
        let EngineOptions { no_signals, endless_turns, .. } = *options;
        Ok(Engine { wasm, ticker, beats, no_signals, endless_turns })
    }

    pub(super) fn wasm(&self) -> &wasmtime::Engine {
        &self.wasm
    }

    /// What tells guests of this thread that time passes.
    ///
    /// # Errors
    /// When the system has no memory for it.
    pub(super) fn beat(&self) -> Result<Arc<Beat>> {
        self.beats.here()
    }

    /// Bytes that differ when code compiled by another engine could not run here: wasmtime's version,
    /// its settings, the CPU's features, what is woven in.
    pub(super) fn fingerprint(&self) -> Vec<u8> {
        struct Collect(Vec<u8>);
        impl std::hash::Hasher for Collect {
            fn finish(&self) -> u64 {
                0
            }
            fn write(&mut self, bytes: &[u8]) {
                self.0.extend_from_slice(bytes);
            }
        }
        let mut collect = Collect(Vec::new());
        std::hash::Hash::hash(&self.wasm.precompile_compatibility_hash(), &mut collect);
        std::hash::Hash::hash(&(weave::VERSION, self.endless_turns), &mut collect);
        collect.0
    }

    /// Compiles to bytes that [`Engine::load`] takes.
    pub(super) fn compile(&self, base: &[u8]) -> Result<Vec<u8>> {
        let woven = if self.endless_turns { Cow::Borrowed(base) } else { Cow::Owned(weave(base, FEATURES)?) };
        self.wasm.precompile_module(&woven).map_err(to_anyhow).context("the guest cannot be compiled")
    }

    /// Makes compiled code ready to run. `cache.rs` is the only caller: it gives what came from [`Engine::compile`] just
    /// now, or carries our signature.
    pub(super) fn load_trusted(&self, memory: CodeMemory) -> Result<Loaded> {
        let content = NonNull::slice_from_raw_parts(memory.start.cast(), memory.len);
        // SAFETY: the content is what `compile` of an equal engine gave (wasmtime checks version and settings once
        // more); we own it and nobody writes to it, and it stays until nothing that runs it is left (`Code`, `Guest`).
        let module = unsafe {
            if RUN_IN_PLACE {
                Module::deserialize_raw(&self.wasm, content)
            } else {
                Module::deserialize(&self.wasm, content.as_ref())
            }
        };
        let module = module.map_err(to_anyhow)?;
        memory.forbid_writing(module.text().as_ptr_range())?;
        Ok(Loaded { module, memory })
    }

    /// Has time pass for whoever runs, until what is answered is dropped.
    pub(super) fn enter<'a>(&'a self, beat: &'a Beat) -> std::io::Result<Inside<'a>> {
        if !self.no_signals && tick::enter(beat) {
            Ok(Inside::Timer(PhantomData))
        } else {
            self.ticker.enter().map(Inside::Ticker)
        }
    }
}

/// A tick was heard by who runs, and the next one is to come.
pub(super) fn goes_on() {
    tick::again();
}

/// Compiled code that can run as long as its memory is kept.
pub(super) struct Loaded {
    pub(super) module: Module,
    pub(super) memory: CodeMemory,
}

/// Private memory for compiled code: filled once, then never written again.
pub(super) struct CodeMemory {
    /// The whole mapping: begins before `start`, which is aligned for huge pages where the memory is nobody else's.
    mapped: NonNull<c_void>,
    whole: usize,
    start: NonNull<c_void>,
    len: usize,
}

impl CodeMemory {
    pub(super) fn new(len: usize) -> Result<CodeMemory> {
        ensure!((1..=CODE_BYTES).contains(&len), "compiled code of {len} bytes cannot be");
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // Room to begin at a multiple of a huge page, and to end with a whole one.
        let whole = len.next_multiple_of(HUGE) + HUGE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nobody's memory.
        let mapped = unsafe { mmap_anonymous(null_mut(), whole, access, MapFlags::PRIVATE) };
        let mapped = NonNull::new(mapped.context("no memory for compiled code")?);
        let mapped = mapped.expect("the kernel does not map address zero");
        let start = mapped.map_addr(align_huge);
        prefer_huge(start, len.next_multiple_of(HUGE));
        Ok(CodeMemory { mapped, whole, start, len })
    }

    /// Code that another process compiled or checked, in a sealed file in memory: its pages are shared.
    pub(super) fn of_file(file: impl AsFd) -> Result<CodeMemory> {
        check_sealed(&file)?;
        let len = usize::try_from(rustix::fs::fstat(&file)?.st_size)?;
        ensure!((1..=CODE_BYTES).contains(&len), "compiled code of {len} bytes cannot be");
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice; the file is sealed, so its length stays.
        let mapped = unsafe { mmap(null_mut(), len, access, MapFlags::PRIVATE, &file, 0) };
        let mapped = NonNull::new(mapped.context("no address space for compiled code")?);
        let mapped = mapped.expect("the kernel does not map address zero");
        Ok(CodeMemory { mapped, whole: len, start: mapped, len })
    }

    /// To be filled; [`Engine::load_trusted`] takes the right to write away.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: `len` bytes are mapped and ours, and can be written as long as we are not `Loaded`, which gives no
        // `&mut` away.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.len) }
    }

    /// `text` can be executed and so not be written already ([`Publisher`]); the same for what stands around it. (To
    /// protect all and then the text once more would cost a tenth of a millisecond.)
    fn forbid_writing(&self, text: Range<*const u8>) -> Result<()> {
        let (start, end) = (self.start.as_ptr().addr(), self.start.as_ptr().addr() + self.len);
        let text = text.start.addr().clamp(start, end)..text.end.addr().clamp(start, end);
        for range in [start..text.start, text.end..end] {
            if !range.is_empty() {
                let at = self.start.as_ptr().with_addr(range.start);
                // SAFETY: within our own mapping, and we are about to be `Loaded`: no `bytes_mut` follows.
                let done = unsafe { mprotect(at, range.len(), MprotectFlags::READ) };
                done.context("the memory of compiled code cannot be protected")?;
            }
        }
        Ok(())
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and who keeps it has let go of the code first. It cannot fail for a
        // whole mapping.
        let _ = unsafe { munmap(self.mapped.as_ptr(), self.whole) };
    }
}

// SAFETY: the mapping is owned memory, and after it is filled nobody writes to it.
unsafe impl Send for CodeMemory {}
// SAFETY: as above.
unsafe impl Sync for CodeMemory {}

/// Makes code executable, which wasmtime leaves to us as the memory is ours.
pub(super) struct Publisher;

impl CustomCodeMemory for Publisher {
    fn required_alignment(&self) -> usize {
        rustix::param::page_size()
    }

    fn publish_executable(&self, start: *const u8, len: usize) -> wasmtime::Result<()> {
        let access = MprotectFlags::READ | MprotectFlags::EXEC;
        // SAFETY: the text of a module: whole pages of a `CodeMemory`, which nobody writes to any more.
        let done = unsafe { mprotect(start.cast_mut().cast(), len, access) };
        done.map_err(|error| wasmtime::Error::msg(error.to_string()))
    }

    /// What is taken out of use is unmapped next.
    fn unpublish_executable(&self, _start: *const u8, _len: usize) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// The engine's errors as ours.
pub(super) fn to_anyhow(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:?}")
}

/// What imports reach besides the guest's memory.
pub(super) struct Shared {
    pub(super) state: GuestState,
    /// Address and length of the inbox, once told.
    pub(super) inbox: Option<(u32, u32)>,
    /// Monotonic time at which the slice that runs now began.
    pub(super) entered: Option<u64>,
    /// The call that runs now asks that its slice be the last until its commands are carried out.
    pub(super) settle: bool,
}

/// The data of a store: what an import gets hold of.
pub(super) struct Context {
    shared: NonNull<Shared>,
    pub(super) memory: Option<Memory>,
    /// What its code looks at.
    beat: Arc<Beat>,
    /// Ticks of a slice, and what is left of this one's.
    ticks: u64,
    left: u64,
}

// SAFETY: wasmtime asks for `Send` because a store may be moved to another thread while a call is in
// flight. Ours never is: `Body` holds raw pointers and so is not `Send`.
unsafe impl Send for Context {}
// SAFETY: as above; no reference to a `Context` leaves its thread.
unsafe impl Sync for Context {}

impl Context {
    /// A slice begins.
    pub(super) fn begin_slice(&mut self) {
        self.left = self.ticks;
        self.beat.rest();
    }

    /// It is over at the next question, which comes before another call of the host's.
    pub(super) fn end_slice(&mut self) {
        self.left = 0;
        self.beat.strike();
    }

    /// A tick has passed: when the slice is over, the guest goes on when it is polled again.
    pub(super) async fn pause(&mut self) {
        self.beat.rest();
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            let mut has_yielded = false;
            poll_fn(|_| if std::mem::replace(&mut has_yielded, true) { Poll::Ready(()) } else { Poll::Pending }).await;
            self.begin_slice();
        }
        // Whatever has struck until here is forgotten.
        goes_on();
    }

    /// Its call waits for a thread: it goes on when it is polled after that.
    pub(super) async fn wait(&mut self) {
        poll_fn(|_| if self.shared().state.awaits() { Poll::Pending } else { Poll::Ready(()) }).await;
        self.begin_slice();
        goes_on();
    }

    pub(super) fn shared(&mut self) -> &mut Shared {
        // SAFETY: `Body` owns the box and frees it after the store. A `Context` is only reached through the
        // store, by imports and by the limiter that a growing memory asks, while somebody has `&mut Body`: so no
        // reference that `Body::shared` gave out is alive, and neither do imports nest nor does the limiter call one.
        unsafe { self.shared.as_mut() }
    }
}

type Call = Pin<Box<dyn Future<Output = wasmtime::Result<i32>>>>;

/// One guest's store, what the host knows of it, and the call in flight.
///
/// *Invariant:* `call` borrows `store`; while it is there nothing else touches the store.
pub(super) struct Body {
    engine: Engine,
    beat: Arc<Beat>,
    call: Option<Call>,
    store: NonNull<Store<Context>>,
    shared: NonNull<Shared>,
}

/// What polling came to: still running, or a result, or the text of a panic of the host.
pub(super) type Outcome = Poll<Result<wasmtime::Result<i32>, String>>;

impl Body {
    pub(super) fn new(engine: &Engine, beat: Arc<Beat>, shared: Shared) -> Body {
        let shared = NonNull::from(Box::leak(Box::new(shared)));
        let context = Context { shared, memory: None, beat: beat.clone(), ticks: 1, left: 1 };
        let mut store = Box::new(Store::new(&engine.wasm, context));
        store.limiter_async(|context| context);
        Body { engine: engine.clone(), beat, call: None, store: NonNull::from(Box::leak(store)), shared }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Makes long calls yield; each slice lasts this many ticks.
    pub(super) fn yield_every(&mut self, ticks: u64) {
        self.store().data_mut().ticks = ticks;
    }

    pub(super) fn shared(&self) -> &Shared {
        // SAFETY: the box lives as long as `self`; imports, the other users, run only inside `poll`,
        // which takes `&mut self`.
        unsafe { self.shared.as_ref() }
    }

    pub(super) fn shared_mut(&mut self) -> &mut Shared {
        // SAFETY: as in `shared`.
        unsafe { self.shared.as_mut() }
    }

    /// A call has yielded and is not over.
    pub(super) fn is_running(&self) -> bool {
        self.call.is_some()
    }

    /// The store, between calls.
    pub(super) fn store(&mut self) -> &mut Store<Context> {
        assert!(self.call.is_none(), "the store belongs to the call in flight");
        // SAFETY: the box lives as long as `self`, and no call borrows it now.
        unsafe { self.store.as_mut() }
    }

    /// Prepares a call; [`Body::poll`] runs it. Its first slice begins now.
    pub(super) fn begin<P, R>(&mut self, func: &TypedFunc<P, R>, arguments: P)
    where
        P: WasmParams + Sync + 'static,
        R: WasmResults + IntoAnswer + Sync + 'static,
    {
        self.store().data_mut().begin_slice();
        let mut store = self.store;
        let func = func.clone();
        self.call = Some(Box::pin(async move {
            // SAFETY: `Body` drops the call before the store, and `store()` refuses while it is there.
            let store = unsafe { store.as_mut() };
            func.call_async(store, arguments).await.map(R::into_answer)
        }));
    }

    /// Runs the call until it is over or its slice is.
    pub(super) fn poll(&mut self) -> Outcome {
        let call = self.call.as_mut().expect("a call was begun");
        let mut context = std::task::Context::from_waker(Waker::noop());
        let inside = match self.engine.enter(&self.beat) {
            Ok(inside) => inside,
            // Without a ticker it would never yield.
            Err(error) => {
                self.call = None;
                return Poll::Ready(Err(format!("the ticker thread cannot be started: {error}")));
            }
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut context)));
        drop(inside);
        if !matches!(outcome, Ok(Poll::Pending)) {
            self.call = None;
        }
        match outcome {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic_text(&*panic))),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // A call in flight is unwound: its fiber drops what stands on its stack.
        self.call = None;
        // SAFETY: both came from `Box::leak` in `new`, nobody else frees them, and the store, which
        // points to the shared part, goes first.
        unsafe {
            drop(Box::from_raw(self.store.as_ptr()));
            drop(Box::from_raw(self.shared.as_ptr()));
        }
    }
}

/// Results of exports that are called.
pub(super) trait IntoAnswer {
    fn into_answer(self) -> i32;
}

impl IntoAnswer for i32 {
    fn into_answer(self) -> i32 {
        self
    }
}

impl IntoAnswer for () {
    fn into_answer(self) -> i32 {
        0
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a panic without a text".to_owned(),
    }
}

/// A timer of a thread's own, whose signal strikes the beat of the guest that the thread is inside of. The thread that is to be
/// interrupted is the one that runs: another one, woken to do it, was seen to wait 4 ms for a CPU while the other was idle.
/// It fires once and is armed by the next entry, or by a guest whose slice goes on, so that an idle thread has none.
#[cfg(target_os = "linux")]
pub(super) mod tick {
    use super::super::deadline::TICK;
    use super::super::image::Beat;
    use libc::{SA_ONSTACK, SA_RESTART, SIG_DFL, SIGEV_THREAD_ID, c_int, itimerspec, sigevent, timer_t, timespec};
    use std::cell::OnceCell;
    use std::mem::zeroed;
    use std::ptr::{null, null_mut};
    use std::sync::OnceLock;
    use std::sync::atomic::Ordering::{Relaxed, SeqCst};
    use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, compiler_fence};

    /// Free signals are looked for among so many.
    const SIGNALS: c_int = 8;

    thread_local! {
        // What the handler reaches: without a destructor and set from the beginning, so that there is nothing to be made first.
        static STRUCK: AtomicPtr<AtomicU32> = const { AtomicPtr::new(null_mut()) };
        static ARMED: AtomicBool = const { AtomicBool::new(false) };
        static TIMER: OnceCell<Option<Timer>> = const { OnceCell::new() };
    }

    struct Timer(timer_t);

    extern "C" fn on_tick(_signal: c_int) {
        ARMED.with(|armed| armed.store(false, Relaxed));
        let word = STRUCK.with(|struck| struck.load(Relaxed));
        if !word.is_null() {
            // SAFETY: `enter` was given a beat that lives until `leave`, which takes the word away.
            unsafe { &*word }.store(1, Relaxed);
        }
    }

    /// The signal that is ours in this process, if there is one that nobody handles.
    fn signal() -> Option<c_int> {
        static SIGNAL: OnceLock<Option<c_int>> = OnceLock::new();
        let is_free = |signal: &c_int| {
            // SAFETY: all zeros are a `sigaction`; asking for what is there changes nothing.
            unsafe {
                let mut old = zeroed::<libc::sigaction>();
                libc::sigaction(*signal, null(), &mut old) == 0 && old.sa_sigaction == SIG_DFL
            }
        };
        let take = |signal: c_int| {
            let handler: extern "C" fn(c_int) = on_tick;
            // SAFETY: the handler touches atomics of the thread that it runs on, and nothing else.
            unsafe {
                let mut action = zeroed::<libc::sigaction>();
                action.sa_sigaction = handler as libc::sighandler_t;
                action.sa_flags = SA_RESTART | SA_ONSTACK;
                (libc::sigaction(signal, &action, null_mut()) == 0).then_some(signal)
            }
        };
        let highest = libc::SIGRTMAX();
        *SIGNAL.get_or_init(|| (highest - SIGNALS..=highest).rev().find(is_free).and_then(take))
    }

    impl Timer {
        fn new() -> Option<Timer> {
            let signal = signal()?;
            // SAFETY: all zeros are a `sigevent` and an empty set; each pointer is to a local of its type.
            unsafe {
                let mut event = zeroed::<sigevent>();
                event.sigev_notify = SIGEV_THREAD_ID;
                event.sigev_signo = signal;
                event.sigev_notify_thread_id = rustix::thread::gettid().as_raw_nonzero().get();
                let mut timer = null_mut();
                if libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) != 0 {
                    return None;
                }
                let timer = Timer(timer);
                // A thread may have been started with all signals held back.
                let mut ours = zeroed::<libc::sigset_t>();
                let is_open = libc::sigaddset(&mut ours, signal) == 0
                    && libc::pthread_sigmask(libc::SIG_UNBLOCK, &ours, null_mut()) == 0;
                is_open.then_some(timer)
            }
        }

        fn arm_unless_armed(&self) -> bool {
            // The handler may come at any point, on this very thread: what was written before is written when it is asked for.
            compiler_fence(SeqCst);
            ARMED.with(|armed| armed.load(Relaxed)) || self.arm()
        }

        /// False where it cannot be set: a process that was copied from this one has the thread's words, and no timers.
        fn arm(&self) -> bool {
            let ticks = TICK.as_nanos() as libc::c_long;
            let wait = timespec { tv_sec: 0, tv_nsec: ticks };
            let once = itimerspec { it_interval: timespec { tv_sec: 0, tv_nsec: 0 }, it_value: wait };
            ARMED.with(|armed| armed.store(true, Relaxed));
            // SAFETY: the timer is there until `self` is dropped, and a local is only read.
            let done = unsafe { libc::timer_settime(self.0, 0, &once, null_mut()) } == 0;
            if !done {
                ARMED.with(|armed| armed.store(false, Relaxed));
            }
            done
        }
    }

    impl Drop for Timer {
        fn drop(&mut self) {
            // SAFETY: the timer is ours and is not used again.
            unsafe { libc::timer_delete(self.0) };
        }
    }

    /// From here on the beat is struck each tick. False when this thread can have no timer.
    pub(in crate::guest) fn enter(beat: &Beat) -> bool {
        TIMER.with(|timer| {
            let Some(timer) = timer.get_or_init(Timer::new) else { return false };
            STRUCK.with(|struck| struck.store(std::ptr::from_ref(beat.word()).cast_mut(), Relaxed));
            timer.arm_unless_armed() || {
                leave();
                false
            }
        })
    }

    pub(in crate::guest) fn leave() {
        STRUCK.with(|struck| struck.store(null_mut(), Relaxed));
    }

    /// The tick was heard, and another one is to come.
    pub(in crate::guest) fn again() {
        if STRUCK.with(|struck| struck.load(Relaxed)).is_null() {
            return;
        }
        TIMER.with(|timer| timer.get().and_then(Option::as_ref).map(Timer::arm_unless_armed));
    }
}

/// There are no such timers here: the ticker's thread does it.
#[cfg(not(target_os = "linux"))]
pub(super) mod tick {
    use super::super::image::Beat;

    pub(in crate::guest) fn enter(_beat: &Beat) -> bool {
        false
    }

    pub(in crate::guest) fn leave() {}

    pub(in crate::guest) fn again() {}
}
