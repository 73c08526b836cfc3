//! The runtime of a program that keeps guests of its own: a hall on the operating system's sockets, the cells that guests
//! are spawned from, and who waits for what. It must not know what a guest is for.
use super::function::{Answer as Replied, Desk, HostCall, Reply};
use super::info::start_info;
use super::pending::{Pending, Place, Slot, fill};
use super::value::{CallError, Thrown, Value};
use super::{LogSink, Meter, Outcome, Policy};
use crate::guest::cache::{self, CacheFolder};
use crate::guest::{Cell, Engine, EngineOptions, Entropy, Guest as Live, GuestState, Legacy, Surroundings};
use crate::policy::HttpLimits;
use crate::program::{self, Chosen};
use crate::reactor::{OsReactor, StandardStreams};
use crate::runtime::{Answer, CallId, Calling, GuestId, Logs, Offload, OsHall};
use crate::system::Standard;
use crate::time::OsClock;
use anyhow::{Result, anyhow};
use skep_abi::{callee, value};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Guests whose end is remembered after it.
const ENDS: usize = 1024;

/// How long [`Runtime::capture`] lets a guest finish what it is at.
const SETTLING: Duration = Duration::from_secs(1);

/// What may be chosen of a runtime.
pub struct Options {
    /// Where compiled code is kept between runs; none: nowhere.
    pub cache: CacheFolder,
    /// Where guests' output goes; the default is this process's own.
    pub log: Box<dyn LogSink>,
    /// Limits of HTTP servers that guests open.
    pub http: HttpLimits,
    /// Interrupt guests that compute by a signal, which comes on time: the highest real-time signal that nobody handles, taken when
    /// the first guest runs (Linux). System calls of the thread that holds the runtime may then be interrupted (`EINTR`) right after
    /// it has returned. Without it a thread does it, which the system may let wait for some milliseconds.
    pub signals: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            cache: CacheFolder::from_environment(),
            log: Box::new(Standard(StandardStreams)),
            http: HttpLimits::default(),
            signals: false,
        }
    }
}

/// Names one guest of a runtime, never another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Guest {
    id: GuestId,
    serial: u64,
}

/// A Wasm module that guests can be spawned from, compiled and warmed up. Cloning shares it.
#[derive(Clone)]
pub struct Module(Cell);

/// A guest as it stood when the image was taken: its whole heap, copy-on-write. Cloning shares it.
#[derive(Clone)]
pub struct Image {
    cell: Cell,
    legacy: Legacy,
}

impl Image {
    /// Bytes that are kept for it.
    pub fn bytes(&self) -> u64 {
        self.legacy.image.resident_bytes()
    }
}

/// What is known of a guest that lives.
struct Known {
    serial: u64,
    cell: Cell,
    deadline: Option<Duration>,
}

/// An event loop with guests in it.
///
/// Nothing happens in the background: guests run, and their sockets and timers are served, while [`Runtime::turn`],
/// [`Runtime::call`] or another method that waits is being called.
pub struct Runtime {
    hall: OsHall,
    clock: OsClock,
    engine: Engine,
    cache: CacheFolder,
    /// The JavaScript engine, compiled for whoever asks first.
    scripts: Option<Cell>,
    functions: HashMap<String, Box<dyn FnMut(HostCall)>>,
    desk: Arc<Desk>,
    guests: HashMap<GuestId, Known>,
    serials: u64,
    waiting: HashMap<CallId, (Guest, Place)>,
    ends: VecDeque<(Guest, Outcome)>,
}

impl Runtime {
    /// A runtime as the environment says: compiled code is kept in the user's cache folder, guests print to this
    /// process's standard output.
    ///
    /// # Errors
    /// When the system gives no descriptors or no address space.
    pub fn new() -> Result<Runtime> {
        Runtime::with(Options::default())
    }

    /// As [`Runtime::new`], with options.
    ///
    /// # Errors
    /// As there.
    pub fn with(options: Options) -> Result<Runtime> {
        let reactor = OsReactor::new().map_err(|error| anyhow!("the event loop cannot be made: {}", error.name()))?;
        let (clock, desk) = (OsClock::new(), Arc::new(Desk::new(reactor.waker())));
        let offload = Offload::threads(reactor.waker());
        let hall = OsHall::new(reactor, clock.clone(), Logs::new(options.log), offload, options.http);
        Ok(Runtime {
            hall,
            clock,
            engine: Engine::new(&EngineOptions { no_signals: !options.signals, ..EngineOptions::default() })?,
            cache: options.cache,
            scripts: None,
            functions: HashMap::new(),
            desk,
            guests: HashMap::new(),
            serials: 0,
            waiting: HashMap::new(),
            ends: VecDeque::new(),
        })
    }

    /// Offers a function to guests whose policy grants it by this name. In JavaScript it is
    /// `functions.NAME(value)` of the module `skep:host`, and answers a promise.
    ///
    /// ```
    /// use serde_json::json;
    /// use skep::{Policy, Runtime};
    ///
    /// let mut runtime = Runtime::new()?;
    /// runtime.function("stock", |call| match call.argument.as_json().and_then(|it| it.as_str()) {
    ///     Some("pears") => call.reply.ok(json!(3)),
    ///     _ => call.reply.fail("we have none"),
    /// });
    /// let guest = runtime.guest(&Policy::default().function("stock"))?;
    /// runtime.load(guest, r#"
    ///     import { functions } from 'skep:host';
    ///     export const twice = async (what) => 2 * await functions.stock(what);
    /// "#)?;
    /// assert_eq!(runtime.call(guest, "twice", json!("pears"))?, json!(6).into());
    /// assert!(runtime.call(guest, "twice", json!("figs")).unwrap_err().to_string().contains("we have none"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn function(&mut self, name: &str, function: impl FnMut(HostCall) + 'static) {
        self.functions.insert(name.to_owned(), Box::new(function));
    }

    /// A guest that runs scripts. The first one of a machine waits for the engine to be compiled, about a second.
    ///
    /// # Errors
    /// When its memory limit is below what the engine needs, or the system has no memory.
    pub fn guest(&mut self, policy: &Policy) -> Result<Guest> {
        let cell = self.scripts()?;
        self.spawn(cell, policy)
    }

    fn scripts(&mut self) -> Result<Cell> {
        if let Some(cell) = &self.scripts {
            return Ok(cell.clone());
        }
        let chosen = program::of_scripts(program::named_guest().as_deref())?;
        let cell = self.build(&chosen)?;
        Ok(self.scripts.insert(cell).clone())
    }

    fn build(&self, chosen: &Chosen) -> Result<Cell> {
        cache::load_or_build(&self.engine, chosen.file(), &self.cache, |_| {})
    }

    /// Compiles and warms up a guest that is a Wasm module of its own, such as one made with the SDK.
    ///
    /// # Errors
    /// When it is no such module; the text says why.
    pub fn module(&mut self, wasm: &[u8]) -> Result<Module> {
        cache::load_or_build(&self.engine, wasm, &self.cache, |_| {}).map(Module)
    }

    /// A guest of a module.
    ///
    /// # Errors
    /// As [`Runtime::guest`].
    pub fn guest_of(&mut self, module: &Module, policy: &Policy) -> Result<Guest> {
        self.spawn(module.0.clone(), policy)
    }

    fn spawn(&mut self, cell: Cell, policy: &Policy) -> Result<Guest> {
        let live = cell.spawn(self.state(policy))?;
        let id = self.hall.seat(live);
        Ok(self.settle_in(id, cell, policy))
    }

    fn state(&self, policy: &Policy) -> GuestState {
        let outside = Box::new(Surroundings(self.clock.clone(), Entropy::Os));
        GuestState::new(policy.effective(), policy.limits.clone(), outside, start_info(policy))
    }

    fn settle_in(&mut self, id: GuestId, cell: Cell, policy: &Policy) -> Guest {
        self.hall.keep_seated(id);
        self.serials += 1;
        let serial = self.serials;
        self.guests.insert(id, Known { serial, cell, deadline: policy.deadline });
        Guest { id, serial }
    }

    /// Takes an image of a guest between two turns; it goes on unchanged. What it has open (sockets, files, calls of
    /// functions that are not answered) stays with it: a guest that is restored is told that these are gone.
    ///
    /// ```
    /// use serde_json::json;
    /// use skep::{Policy, Runtime};
    ///
    /// let mut runtime = Runtime::new()?;
    /// let (policy, first) = (Policy::default(), runtime.guest(&Policy::default())?);
    /// runtime.load(first, "let n = 0; export const next = () => ++n;")?;
    /// runtime.call(first, "next", json!(null))?;
    /// let image = runtime.capture(first)?;
    /// for _ in 0..3 {
    ///     let fresh = runtime.restore(&image, &policy)?;
    ///     assert_eq!(runtime.call(fresh, "next", json!(null))?, json!(2).into());
    ///     runtime.close(fresh);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When it has ended, does not stop computing within a second, or the system has no memory.
    pub fn capture(&mut self, guest: Guest) -> Result<Image> {
        let until = Instant::now() + SETTLING;
        while self.knows(guest).is_some() && self.hall.is_busy(guest.id) && Instant::now() < until {
            self.turn(Some(Duration::ZERO));
        }
        let cell = self.knows(guest).ok_or_else(|| anyhow!("the guest has ended"))?.cell.clone();
        Ok(Image { cell, legacy: self.hall.capture(guest.id)? })
    }

    /// A guest that goes on from an image of this runtime, under a policy that may be another one. Its random numbers and
    /// clocks are new; its environment is that of the guest whose image it is.
    ///
    /// # Errors
    /// When the image is larger than the policy's memory, or the system has none.
    pub fn restore(&mut self, image: &Image, policy: &Policy) -> Result<Guest> {
        let Legacy { image: pages, will } = &image.legacy;
        let state = self.state(policy).beyond(will.generation);
        let live: Live = image.cell.with_image(pages.clone()).spawn(state)?;
        let id = self.hall.seat_again(live, will);
        Ok(self.settle_in(id, image.cell.clone(), policy))
    }

    /// Runs a script and gives what it comes to, as `eval` would; a promise is waited for.
    ///
    /// ```
    /// # let mut runtime = skep::Runtime::new()?;
    /// # let guest = runtime.guest(&skep::Policy::default())?;
    /// let answer = runtime.run(guest, "const path = require('path'); path.join('a', '..', 'b')")?;
    /// assert_eq!(answer.as_json().unwrap(), "b");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What it throws; or what else keeps a call from being answered.
    pub fn run(&mut self, guest: Guest, source: &str) -> Result<Value, CallError> {
        let pending = self.ask(guest, callee::SCRIPT, "", source.as_bytes());
        self.finish(pending)
    }

    /// Evaluates a module's text; what it exports can be called from then on.
    ///
    /// # Errors
    /// As [`Runtime::run`].
    pub fn load(&mut self, guest: Guest, source: &str) -> Result<(), CallError> {
        let pending = self.ask(guest, callee::MODULE, "", source.as_bytes());
        self.finish(pending).map(drop)
    }

    /// Loads a module, ES or CommonJS, from a file that the policy lets the guest read, with all that it imports.
    ///
    /// # Errors
    /// As [`Runtime::run`].
    pub fn load_file(&mut self, guest: Guest, path: &Path) -> Result<(), CallError> {
        let pending = self.ask(guest, callee::FILE, &path.to_string_lossy(), b"");
        self.finish(pending).map(drop)
    }

    /// Calls a function that the guest exports, with one value, and waits for its answer. Other guests run meanwhile.
    ///
    /// # Errors
    /// What it throws; or what else keeps it from answering.
    pub fn call(&mut self, guest: Guest, name: &str, argument: impl Into<Value>) -> Result<Value, CallError> {
        let pending = self.begin(guest, name, argument);
        self.finish(pending)
    }

    /// Begins a call; what is answered is a future. See [`Runtime::turn`].
    pub fn begin(&mut self, guest: Guest, name: &str, argument: impl Into<Value>) -> Pending {
        let argument = argument.into();
        let (flags, bytes) = argument.pack();
        self.ask(guest, callee::FUNCTION | flags, name, &bytes)
    }

    /// Begins a call; the callback is called with its answer, in a later turn or at once.
    pub fn call_then(
        &mut self,
        guest: Guest,
        name: &str,
        argument: impl Into<Value>,
        then: impl FnOnce(Result<Value, CallError>) + 'static,
    ) {
        let mut pending = self.begin(guest, name, argument);
        match pending.take() {
            Some(outcome) => then(outcome),
            None => drop(pending.0.replace(Slot::Callback(Box::new(then)))),
        }
    }

    fn ask(&mut self, guest: Guest, flags: u16, name: &str, value: &[u8]) -> Pending {
        let Some(Known { deadline, .. }) = self.knows(guest) else {
            return Pending::of(Err(self.gone(guest)));
        };
        let calling = Calling { flags, name, value, time: *deadline };
        match self.hall.call(guest.id, &calling) {
            None => Pending::of(Err(CallError::TooMany)),
            Some(call) => {
                let pending = Pending::new();
                self.waiting.insert(call, (guest, pending.0.clone()));
                pending
            }
        }
    }

    fn finish(&mut self, mut pending: Pending) -> Result<Value, CallError> {
        loop {
            if let Some(outcome) = pending.take() {
                return outcome;
            }
            self.turn(None);
        }
    }

    /// One turn of the loop: guests that have something to do run for a bounded while, and functions and callbacks of the
    /// program are called. Sleeps before that until there is something to do, `at_most` so long; with zero never.
    pub fn turn(&mut self, at_most: Option<Duration>) {
        self.carry_replies();
        self.hall.turn_within(at_most);
        self.note_ends();
        while let Some((call, answer)) = self.hall.answer() {
            self.tell(call, answer);
        }
        while let Some(call) = self.hall.host_call() {
            self.perform(call);
        }
        self.carry_replies();
    }

    /// How long nothing will happen here, unless [`Runtime::as_raw_fd`] becomes readable: none is for ever, zero is that
    /// there is something to do now. Another loop sleeps for at most so long, then calls [`Runtime::turn`].
    pub fn idle_time(&mut self) -> Option<Duration> {
        if self.desk.is_empty() { self.hall.idle_time() } else { Some(Duration::ZERO) }
    }

    /// What a guest has used so far; none when it has ended.
    pub fn meter(&self, guest: Guest) -> Option<Meter> {
        self.knows(guest).and_then(|_| self.hall.meter(guest.id))
    }

    /// How a guest has ended, while it is among the last thousand that did; none while it lives, or when it was closed.
    pub fn ended(&self, guest: Guest) -> Option<&Outcome> {
        self.ends.iter().find(|(other, _)| *other == guest).map(|(_, outcome)| outcome)
    }

    /// Ends a guest where it stands: all that it has open is closed.
    pub fn close(&mut self, guest: Guest) {
        if self.knows(guest).is_some() {
            self.guests.remove(&guest.id);
            self.hall.end(guest.id, 0);
            // Before its number can be another's. Whoever waits for it is told in the next turn.
            self.note_ends();
        }
    }

    fn note_ends(&mut self) {
        while let Some((id, outcome)) = self.hall.ended() {
            if let Some(Known { serial, .. }) = self.guests.remove(&id) {
                self.ends.truncate(ENDS - 1);
                self.ends.push_front((Guest { id, serial }, outcome));
            }
        }
    }

    fn knows(&self, guest: Guest) -> Option<&Known> {
        self.guests.get(&guest.id).filter(|known| known.serial == guest.serial)
    }

    fn gone(&self, guest: Guest) -> CallError {
        CallError::Ended(match self.ended(guest) {
            Some(Outcome::Ended(verdict) | Outcome::OutOfMemory(verdict)) => verdict.to_string(),
            Some(Outcome::Exited(code)) => format!("it exited with code {code}"),
            Some(Outcome::Signal(signal)) => format!("signal {signal}"),
            Some(Outcome::Orphaned) | None => "it was closed".to_owned(),
        })
    }

    fn tell(&mut self, call: CallId, answer: Answer) {
        let Some((guest, place)) = self.waiting.remove(&call) else { return };
        let outcome = match answer {
            Answer::Value { flags, value } if flags & value::FAILED != 0 => Err(CallError::Threw(Thrown::of(&value))),
            Answer::Value { flags, value } => Value::unpack(flags, value),
            Answer::Late => Err(CallError::Late),
            Answer::Dropped => Err(CallError::NoValue("the call was closed".into())),
            Answer::Gone => Err(self.gone(guest)),
        };
        fill(&place, outcome);
    }

    /// A guest calls a function of the program.
    fn perform(&mut self, call: crate::runtime::HostCall) {
        let reply = Reply::new(&self.desk, call.id);
        let Some(known) = self.guests.get(&call.guest) else { return };
        let guest = Guest { id: call.guest, serial: known.serial };
        let argument = Value::unpack(call.flags, call.value);
        match (self.functions.get_mut(&call.name), argument) {
            (Some(function), Ok(argument)) => function(HostCall { guest, argument, reply }),
            (None, _) => reply.fail("the program offers no such function"),
            (_, Err(error)) => reply.fail(&error.to_string()),
        }
    }

    fn carry_replies(&mut self) {
        for Replied { id, flags, bytes } in self.desk.take() {
            self.hall.host_reply(id, flags, &bytes);
        }
    }
}

/// Readable when [`Runtime::turn`] has something to do that no other call has caused.
impl AsRawFd for Runtime {
    fn as_raw_fd(&self) -> RawFd {
        self.hall.pollable()
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Runtime {{ guests: {} }}", self.guests.len())
    }
}
