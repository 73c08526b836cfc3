//! The guest as a process: its words and variables, its end, signals, children and the channel to the one that started
//! it. It must not know what is sent over a channel.
use crate::error::from_value;
use crate::events::{u32_at, Incoming};
use crate::info::Value;
use crate::raw::{self, Handle};
use crate::world::{self, Entry};
use crate::{handed, worker, Error, Flow, Result};
use skep_abi::{channel, child, child_stdio, errno, events, Attached, DRAIN_ABOVE};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub use crate::handed::{Handed, Received};
pub use crate::spawn::{Command, Program, Stdio};

/// Bytes of one call of `channel_send`: a longer message travels in parts.
const PART: usize = 1 << 20;

/// Words for the other end's library that a full channel may have to keep.
const OWED: usize = 4096;

type OnSignal = Box<dyn FnMut()>;

thread_local! {
    static SIGNALS: RefCell<Vec<(i32, OnSignal)>> = const { RefCell::new(Vec::new()) };
    static CODE: Cell<Option<i32>> = const { Cell::new(None) };
    /// Read once: a clone goes on with the words of the guest that it was.
    static INFO: RefCell<Option<Rc<Value>>> = const { RefCell::new(None) };
}

fn info() -> Rc<Value> {
    let read = || Rc::new(Value::parse(&raw::start_info()).unwrap_or(Value::Other));
    INFO.with(|info| info.borrow_mut().get_or_insert_with(read).clone())
}

/// The words it was started with: the host's program, the guest's file, then its own.
pub fn args() -> Vec<String> {
    match info().get("argv") {
        Some(Value::List(words)) => words.iter().filter_map(Value::text).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// A variable of the environment, if it was granted and is set.
pub fn env(name: &str) -> Option<String> {
    info().get("env")?.get(name)?.text().map(str::to_owned)
}

/// What the library of whoever started this process wants it to know.
pub(crate) fn told<T>(name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
    info().get("info")?.get(name).and_then(read)
}

/// The folder that it works in.
pub(crate) fn folder() -> String {
    info().get("cwd").and_then(Value::text).unwrap_or("").to_owned()
}

/// Ends the guest at once.
pub fn exit(code: i32) -> ! {
    raw::exit(code)
}

/// The exit code for when nothing is left to wait for.
pub fn set_exit_code(code: i32) {
    CODE.with(|cell| cell.set(Some(code)));
}

/// Random bytes of the host's.
///
/// # Errors
/// None that a caller can mend.
pub fn random(out: &mut [u8]) -> Result<()> {
    out.chunks_mut(64 << 10).try_for_each(raw::random)
}

/// Called whenever the signal comes, instead of what it does by itself. Watching keeps nothing alive.
///
/// # Errors
/// `EINVAL` for a number that is no signal.
pub fn on_signal(signal: i32, call: impl FnMut() + 'static) -> Result<()> {
    raw::signal_watch(signal, true)?;
    SIGNALS.with(|signals| signals.borrow_mut().push((signal, Box::new(call))));
    Ok(())
}

pub(crate) fn signal(number: i32) {
    let mut calls = SIGNALS.with(|signals| std::mem::take(&mut *signals.borrow_mut()));
    for (signal, call) in &mut calls {
        if *signal == number {
            call();
        }
    }
    SIGNALS.with(|signals| {
        calls.append(&mut signals.borrow_mut());
        *signals.borrow_mut() = calls;
    });
}

/// The last event.
pub(crate) fn leave(proposed: i32) {
    exit(CODE.with(Cell::get).unwrap_or(proposed));
}

/// What a child tells.
#[derive(Debug)]
pub enum ChildEvent {
    /// It runs; its process id.
    Started(u32),
    /// It could not be started.
    Failed(Error),
    /// It has ended by itself, with this code.
    Exited(i32),
    /// A signal has ended it.
    Killed(i32),
}

/// What a channel tells.
#[derive(Debug)]
pub enum ChannelEvent<'a> {
    /// A whole message. What a script sends is JSON text.
    Message(&'a [u8]),
    /// A message, JSON text, with which something came.
    Handed(&'a [u8], handed::Handed),
    /// All that was waiting has gone, after a send that answered [`Flow::Full`].
    Drain,
    /// The other side is gone, or has closed it.
    Closed(Option<Error>),
}

/// What comes of [`clone`], in both processes.
#[derive(Debug)]
pub enum CloneEvent {
    /// This is the clone. [`parent`] is the channel to the process that it was.
    Awake,
    /// This is the process that was cloned: what its clone tells.
    Child(ChildEvent),
}

type OnChild = Box<dyn FnMut(CloneEvent)>;
type OnChannel = Box<dyn FnMut(&Channel, ChannelEvent<'_>)>;

pub(crate) struct Fork {
    handle: Handle,
    call: RefCell<OnChild>,
    /// A clone that has not begun: in the image of both.
    waits: Cell<bool>,
}

/// Another process that runs this guest, or another one. Dropping it changes nothing.
#[derive(Clone, Debug)]
pub struct Child {
    handle: Handle,
    channel: Channel,
}

/// Starts a process of its own that runs the guest in `file` (none: this one's file) with these words. It has what
/// this guest was granted, its environment, its standard output, and a channel. The file may be a script too: what it is
/// sent is JSON text then, and so is what it sends.
///
/// # Errors
/// `EACCES` without the grant to fork, `EAGAIN` when there are too many processes.
pub fn fork(file: Option<&str>, args: &[&str], call: impl FnMut(ChildEvent) + 'static) -> Result<Child> {
    let main = match (file, info().get("main")) {
        (Some(file), _) => file.to_owned(),
        (None, Some(Value::Text(main))) => main.clone(),
        (None, _) => return Err(Error::from_errno(errno::ENOENT)),
    };
    // What a script's library looks for: its messages are JSON text.
    start(&main, "{\"serialization\":\"json\"}", args, call)
}

/// One of several that share listeners: another of this guest, with the same words.
pub(crate) fn fork_worker(number: u32, call: impl FnMut(ChildEvent) + 'static) -> Result<Child> {
    let main = match info().get("main") {
        Some(Value::Text(main)) => main.clone(),
        _ => return Err(Error::from_errno(errno::ENOENT)),
    };
    let words = args();
    let own: Vec<&str> = words.iter().skip(2).map(String::as_str).collect();
    start(&main, &format!("{{\"sharing\":\"{}\"}}", number), &own, call)
}

/// Which one this process is of those, if it is one.
pub(crate) fn worker() -> Option<u32> {
    told("sharing", |number| number.text()?.parse().ok())
}

fn start(main: &str, told: &str, args: &[&str], call: impl FnMut(ChildEvent) + 'static) -> Result<Child> {
    let order = Order {
        flags: child::GUEST | child::CHANNEL | child::CLONE_ENV,
        program: &format!("{{\"mode\":\"file\",\"main\":\"{}\",\"info\":{}}}", escaped(main), told),
        name: "skep",
        folder: "",
        words: args,
        variables: &[],
        // Nothing to read, our own output twice, the channel.
        stdio: &[
            (child_stdio::IGNORE, 0),
            (child_stdio::INHERIT, 1),
            (child_stdio::INHERIT, 2),
            (child_stdio::CHANNEL, 0),
        ],
    };
    let handle = start_child(&order, call)?;
    Ok(Child { handle, channel: Channel::new(raw::child_channel(handle)?) })
}

/// What a child is to be.
pub(crate) struct Order<'a> {
    /// Bits of the constants `child`.
    pub flags: u32,
    pub program: &'a str,
    pub name: &'a str,
    pub folder: &'a str,
    pub words: &'a [&'a str],
    /// `NAME=value` each.
    pub variables: &'a [String],
    /// Kind and number of each descriptor.
    pub stdio: &'a [(u32, u32)],
}

/// Starts it, and has what becomes of it told.
pub(crate) fn start_child(order: &Order<'_>, mut call: impl FnMut(ChildEvent) + 'static) -> Result<Handle> {
    let mut texts = Vec::new();
    let own = [order.program, order.name, order.folder];
    let variables = order.variables.iter().map(String::as_str);
    for text in own.iter().chain(order.words).copied().chain(variables) {
        texts.extend_from_slice(&(text.len() as u32).to_le_bytes());
        texts.extend_from_slice(text.as_bytes());
    }
    let handle = raw::child_start(&record(order), &texts)?;
    let call = move |event| {
        if let CloneEvent::Child(event) = event {
            call(event)
        }
    };
    let fork = Fork { handle, call: RefCell::new(Box::new(call)), waits: Cell::new(false) };
    world::insert(handle, Entry::Child(Rc::new(fork)));
    Ok(handle)
}

/// Starts a process that goes on from this guest's memory as it stands when this turn has ended: everything that it knows, its
/// timers too. Streams, listeners, requests and children stay with this process; in the clone they are told as closed, and children
/// are forgotten. `call` is told in both which one it is; in the clone once. (What the standard library has chosen by chance, as the
/// keys of its hashes, both have.)
///
/// # Errors
/// `EACCES` without the grant to fork, `EAGAIN` when there are too many processes.
pub fn clone(call: impl FnMut(CloneEvent) + 'static) -> Result<Child> {
    let _kept = info();
    let handle = raw::clone()?;
    let fork = Fork { handle, call: RefCell::new(Box::new(call)), waits: Cell::new(true) };
    world::insert(handle, Entry::Child(Rc::new(fork)));
    Ok(Child { handle, channel: Channel::new(raw::child_channel(handle)?) })
}

/// A ChildOptions record and its ChildStdio records.
fn record(order: &Order<'_>) -> Vec<u8> {
    let as_we_are = -1i32 as u32;
    let counts = [order.words.len() as u32, order.variables.len() as u32, order.stdio.len() as u32];
    let words = [order.flags, counts[0], counts[1], counts[2], 0, as_we_are, as_we_are, 0];
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    for (kind, number) in order.stdio {
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(&0u64.to_le_bytes());
    }
    bytes
}

/// A text within JSON.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter < ' ' => out.push_str(&format!("\\u{:04x}", letter as u32)),
            letter => out.push(letter),
        }
    }
    out
}

/// Of a child that has ended the handle is gone.
pub(crate) fn kill_child(child: Handle, signal: i32) -> Result<()> {
    raw::child_kill(child, signal).map_err(|error| match error.errno() {
        errno::EBADF => Error::from_errno(errno::ESRCH),
        _ => error,
    })
}

impl Child {
    /// The channel to it.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Sends it a signal; 0 only asks whether it lives.
    ///
    /// # Errors
    /// `ESRCH` when it has ended.
    pub fn kill(&self, signal: i32) -> Result<()> {
        kill_child(self.handle, signal)
    }
}

impl Fork {
    pub(crate) fn event(&self, event: &Incoming<'_>) {
        let told = match event.kind {
            events::CHILD_STARTED => ChildEvent::Started(event.value),
            events::CHILD_FAILED => ChildEvent::Failed(Error::told(event)),
            events::CHILD_EXIT if event.flags & 1 != 0 => ChildEvent::Killed(event.value as i32),
            events::CHILD_EXIT => ChildEvent::Exited(event.value as i32),
            _ => return,
        };
        let waited = self.waits.replace(false);
        if event.kind != events::CHILD_STARTED || (waited && event.value == 0) {
            world::remove(self.handle);
        }
        if waited && event.kind == events::CHILD_STARTED && event.value == 0 {
            // Others that were asked for with it are clones of the process that it was.
            world::forget(|entry| matches!(entry, Entry::Child(child) if child.waits()));
            return (self.call.borrow_mut())(CloneEvent::Awake);
        }
        (self.call.borrow_mut())(CloneEvent::Child(told));
    }

    /// Whether it is a clone that has not begun.
    pub(crate) fn waits(&self) -> bool {
        self.waits.get()
    }
}

/// What stands behind a channel's handle.
pub(crate) struct Line {
    pub handle: Handle,
    call: RefCell<Option<OnChannel>>,
    /// The first parts of a message whose last one has not come.
    parts: RefCell<Vec<u8>>,
    /// Words for the other end's library that the channel had no room for.
    owed: RefCell<Vec<String>>,
    /// Streams that came by it, by the key of the server that they are of.
    pub came: RefCell<Vec<(String, Handle)>>,
    /// Keys whose server waits for the last of them.
    pub closing: RefCell<Vec<String>>,
}

/// A way for messages to another process of this program.
#[derive(Clone)]
pub struct Channel(Rc<Line>);

/// The channel to the process that started this one, if it was started with one.
pub fn parent() -> Option<Channel> {
    let handle = raw::parent_channel().ok()?;
    match world::find(handle) {
        Some(Entry::Channel(line)) => Some(Channel(line)),
        _ => Some(Channel::new(handle)),
    }
}

impl Channel {
    fn new(handle: Handle) -> Channel {
        let line = Line {
            handle,
            call: RefCell::new(None),
            parts: RefCell::default(),
            owed: RefCell::default(),
            came: RefCell::default(),
            closing: RefCell::default(),
        };
        let line = Rc::new(line);
        world::insert(handle, Entry::Channel(line.clone()));
        Channel(line)
    }

    pub(crate) fn handle(&self) -> Handle {
        self.0.handle
    }

    /// Has everything told there from now on, and keeps the guest alive meanwhile.
    pub fn on(&self, call: impl FnMut(&Channel, ChannelEvent<'_>) + 'static) -> &Channel {
        *self.0.call.borrow_mut() = Some(Box::new(call));
        let _gone = raw::handle_ref(self.0.handle, true);
        self
    }

    /// Sends a message.
    ///
    /// # Errors
    /// `EAGAIN` when too much is waiting (of a message above 1 MiB some parts may have gone), `EBADF` when the channel is
    /// closed.
    pub fn send(&self, message: impl AsRef<[u8]>) -> Result<Flow> {
        self.post(message, 0, 0)
    }

    pub(crate) fn post(&self, message: impl AsRef<[u8]>, flags: u32, attach: Handle) -> Result<Flow> {
        let message = message.as_ref();
        let last = message.len().saturating_sub(1) / PART;
        let first = (flags | channel::MORE) & !channel::KEEP;
        for part in 0..last {
            raw::channel_send(self.0.handle, first, &message[part * PART..(part + 1) * PART], 0)?;
        }
        let waiting = raw::channel_send(self.0.handle, flags, &message[last * PART..], attach)?;
        Ok(if waiting > DRAIN_ABOVE { Flow::Full } else { Flow::Open })
    }

    pub(crate) fn line(&self) -> &Rc<Line> {
        &self.0
    }

    /// Closes it; what is queued still goes out.
    pub fn close(&self) {
        let _gone = raw::close(self.0.handle);
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Channel({})", self.0.handle)
    }
}

impl Line {
    pub(crate) fn event(this: &Rc<Line>, event: &Incoming<'_>) {
        match event.kind {
            events::CHANNEL_MESSAGE => Line::message(this, event),
            events::CHANNEL_DRAIN => {
                let owed = std::mem::take(&mut *this.owed.borrow_mut());
                owed.iter().for_each(|text| this.say(text));
                Line::tell(this, ChannelEvent::Drain)
            }
            events::CHANNEL_CLOSED => {
                world::remove(this.handle);
                worker::alone(this.handle);
                Line::tell(this, ChannelEvent::Closed(from_value(event.value)));
                this.call.borrow_mut().take();
            }
            _ => {}
        }
    }

    /// A word for the other end's library. When there is no room it goes as soon as there is.
    pub(crate) fn say(&self, text: &str) {
        // None goes before another that waits.
        let waits = !self.owed.borrow().is_empty();
        let sent = || raw::channel_send(self.handle, channel::INTERNAL, text.as_bytes(), 0);
        let full = waits || matches!(sent(), Err(error) if error.errno() == errno::EAGAIN);
        if full && self.owed.borrow().len() < OWED {
            self.owed.borrow_mut().push(text.to_owned());
        }
    }

    fn message(this: &Rc<Line>, event: &Incoming<'_>) {
        let attached = u64::from(u32_at(event.payload, 0)) | u64::from(u32_at(event.payload, 4)) << 32;
        let kind = u32_at(event.payload, 8);
        let bytes = event.payload.get(std::mem::size_of::<Attached>()..).unwrap_or(&[]);
        let flags = u32::from(event.flags);
        if flags & channel::MORE == 0 && this.parts.borrow().is_empty() {
            return Line::whole(this, flags, bytes, attached, kind);
        }
        this.parts.borrow_mut().extend_from_slice(bytes);
        if flags & channel::MORE == 0 {
            let whole = std::mem::take(&mut *this.parts.borrow_mut());
            Line::whole(this, flags, &whole, attached, kind);
        }
    }

    fn whole(this: &Rc<Line>, flags: u32, bytes: &[u8], attached: Handle, kind: u32) {
        if flags & channel::INTERNAL != 0 {
            return handed::heard(this, bytes, attached, kind);
        }
        if attached != 0 {
            // Nobody takes what came without a word: an open one that nobody knows would be a leak.
            let _gone = raw::close(attached);
        }
        Line::tell(this, ChannelEvent::Message(bytes));
    }

    pub(crate) fn tell(this: &Rc<Line>, event: ChannelEvent<'_>) {
        let call = this.call.borrow_mut().take();
        if let Some(mut call) = call {
            call(&Channel(this.clone()), event);
            this.call.borrow_mut().get_or_insert(call);
        }
    }
}
