//! Streams over TCP and UNIX sockets, listeners for them, and names. It must not know what is said over them.
use crate::body::Chunk;
pub use crate::body::Credit;
use crate::error::from_value;
use crate::events::{u64_at, Incoming};
use crate::process::Line;
use crate::raw::{self, Handle};
use crate::world::{self, Entry};
use crate::{handed, operation, timer, worker, Error, Flow, Result};
use skep_abi::errno::EINVAL;
use skep_abi::{connect, events, listen as flag, option, ConnectOptions, ListenOptions, DRAIN_ABOVE};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 511;

/// Where something listens: a numeric host and a port, or the path of a UNIX socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A numeric address.
    Ip(std::net::SocketAddr),
    /// A path.
    Unix(String),
    /// A numeric host in its text, for the calls.
    #[doc(hidden)]
    Text(String, u16),
}

impl Address {
    /// `family port address`, as the host writes it.
    pub(crate) fn from_host(text: &str) -> Result<Address> {
        let mut words = text.splitn(3, ' ');
        let (family, port, host) = (words.next(), words.next(), words.next().unwrap_or(""));
        if family == Some("unix") || family == Some("Unix") {
            return Ok(Address::Unix(host.to_owned()));
        }
        let port = port.and_then(|port| port.parse().ok());
        match (host.parse(), port) {
            (Ok(ip), Some(port)) => Ok(Address::Ip(std::net::SocketAddr::new(ip, port))),
            _ => Ok(Address::Text(host.to_owned(), port.unwrap_or(0))),
        }
    }

    pub(crate) fn host(&self) -> &str {
        match self {
            Address::Unix(path) => path,
            Address::Text(host, _) => host,
            Address::Ip(_) => "",
        }
    }

    /// The port, or -1: the host is a path.
    pub(crate) fn port_or_path(&self) -> i32 {
        match self {
            Address::Unix(_) => -1,
            Address::Text(_, port) => i32::from(*port),
            Address::Ip(at) => i32::from(at.port()),
        }
    }

    /// The port, if it has one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Address::Ip(at) => Some(at.port()),
            Address::Text(_, port) => Some(*port),
            Address::Unix(_) => None,
        }
    }
}

impl FromStr for Address {
    type Err = Error;

    /// `127.0.0.1:80`, `[::1]:80`, `unix:/path`.
    fn from_str(text: &str) -> Result<Address> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Address::Unix(path.to_owned()));
        }
        let at: std::net::SocketAddr = text.parse().map_err(|_| Error::from_errno(EINVAL))?;
        Ok(Address::Text(at.ip().to_string(), at.port()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(at) => at.fmt(out),
            Address::Unix(path) => write!(out, "unix:{}", path),
            Address::Text(host, port) if host.contains(':') => write!(out, "[{}]:{}", host, port),
            Address::Text(host, port) => write!(out, "{}:{}", host, port),
        }
    }
}

/// What a stream tells.
#[derive(Debug)]
pub enum Event<'a> {
    /// Some bytes. As long as the chunk's credit is held, the peer is held back.
    Data(Chunk<'a>),
    /// The peer sends no more.
    End,
    /// All that was waiting has gone, after a write that answered [`Flow::Full`].
    Drain,
    /// [`Stream::shutdown`] has been carried out.
    Finished,
    /// No traffic for as long as [`Stream::set_timeout`] says.
    Timeout,
    /// The stream is gone; why, if it failed.
    Closed(Option<Error>),
}

type OnEvent = Box<dyn FnMut(&Stream, Event<'_>)>;
type OnOpen = Box<dyn FnOnce(Result<()>)>;

/// What stands behind a stream's handle.
pub(crate) struct Socket {
    handle: Handle,
    open: RefCell<Option<OnOpen>>,
    call: RefCell<Option<OnEvent>>,
    held: RefCell<Vec<Credit>>,
    closed: Cell<bool>,
    /// It is another program's, and of no use to anybody when its end has come and nobody listens.
    pipe: Cell<bool>,
    /// The channel that it came by, where somebody counts.
    came: RefCell<Option<Rc<Line>>>,
}

/// A stream. Cloning names the same one; dropping it changes nothing: a stream lives until it is closed.
#[derive(Clone)]
pub struct Stream(Rc<Socket>);

impl Stream {
    pub(crate) fn open(handle: Handle) -> Stream {
        let socket = Socket {
            handle,
            open: RefCell::new(None),
            call: RefCell::new(None),
            held: RefCell::new(Vec::new()),
            closed: Cell::new(false),
            pipe: Cell::new(false),
            came: RefCell::new(None),
        };
        let socket = Rc::new(socket);
        world::insert(handle, Entry::Stream(socket.clone()));
        Stream(socket)
    }

    pub(crate) fn handle(&self) -> Handle {
        self.0.handle
    }

    /// One of another program's.
    pub(crate) fn pipe(handle: Handle) -> Stream {
        let stream = Stream::open(handle);
        stream.0.pipe.set(true);
        stream
    }

    pub(crate) fn came_by(&self, line: &Rc<Line>) {
        *self.0.came.borrow_mut() = Some(line.clone());
    }

    /// Has everything told there from now on. Bytes that come before anybody asks are thrown away.
    pub fn on(&self, call: impl FnMut(&Stream, Event<'_>) + 'static) -> &Stream {
        *self.0.call.borrow_mut() = Some(Box::new(call));
        self
    }

    /// Queues bytes.
    ///
    /// # Errors
    /// `EAGAIN` when too much is waiting: nothing was taken. `EBADF` when the stream is gone.
    pub fn write(&self, bytes: impl AsRef<[u8]>) -> Result<Flow> {
        let waiting = raw::stream_write(self.0.handle, bytes.as_ref())?;
        Ok(if waiting > DRAIN_ABOVE { Flow::Full } else { Flow::Open })
    }

    /// Passes bytes on that came from elsewhere. While much is waiting here, their sender is held back.
    ///
    /// # Errors
    /// As [`Stream::write`].
    pub fn pass(&self, chunk: Chunk<'_>) -> Result<Flow> {
        let flow = self.write(&*chunk)?;
        if flow == Flow::Full {
            self.0.held.borrow_mut().push(chunk.into_credit());
        }
        Ok(flow)
    }

    /// Sends no more after what is queued.
    ///
    /// # Errors
    /// `EBADF` when the stream is gone.
    pub fn shutdown(&self) -> Result<()> {
        raw::stream_shutdown(self.0.handle)
    }

    /// Closes it; what is queued still goes out.
    pub fn close(&self) {
        let _gone = raw::close(self.0.handle);
    }

    /// Closes it with a reset.
    pub fn reset(&self) {
        let _gone = raw::stream_reset(self.0.handle);
    }

    /// Whether small writes go out at once.
    ///
    /// # Errors
    /// `EBADF` when the stream is gone.
    pub fn set_nodelay(&self, on: bool) -> Result<()> {
        raw::stream_option(self.0.handle, option::NO_DELAY, i64::from(on))
    }

    /// Tells [`Event::Timeout`] when nothing moves for so long; zero: never.
    ///
    /// # Errors
    /// `EBADF` when the stream is gone.
    pub fn set_timeout(&self, span: Duration) -> Result<()> {
        raw::stream_option(self.0.handle, option::TIMEOUT, i64::from(timer::millis(span)))
    }

    /// Whether it keeps the guest alive (it does from the start).
    ///
    /// # Errors
    /// `EBADF` when the stream is gone.
    pub fn keep_alive(&self, on: bool) -> Result<()> {
        raw::handle_ref(self.0.handle, on)
    }

    /// Our own address.
    ///
    /// # Errors
    /// `EBADF` when the stream is gone.
    pub fn local(&self) -> Result<Address> {
        Address::from_host(&raw::address(self.0.handle, 0)?)
    }

    /// The peer's address.
    ///
    /// # Errors
    /// `EBADF` when the stream is gone.
    pub fn peer(&self) -> Result<Address> {
        Address::from_host(&raw::address(self.0.handle, 1)?)
    }

    /// Whether it is gone.
    pub fn is_closed(&self) -> bool {
        self.0.closed.get()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Stream({})", self.0.handle)
    }
}

impl Socket {
    pub(crate) fn event(this: &Rc<Socket>, event: &Incoming<'_>) {
        let told = match event.kind {
            events::STREAM_OPEN => {
                let open = this.open.borrow_mut().take();
                return open.into_iter().for_each(|call| call(Ok(())));
            }
            events::STREAM_DATA => Event::Data(Chunk::new(event.payload, this.handle, true)),
            events::STREAM_END if this.pipe.get() && this.call.borrow().is_none() => {
                let _gone = raw::close(this.handle);
                return;
            }
            events::STREAM_END => Event::End,
            events::STREAM_DRAIN => {
                this.held.borrow_mut().clear();
                Event::Drain
            }
            events::STREAM_FINISHED => Event::Finished,
            events::STREAM_TIMEOUT => Event::Timeout,
            events::STREAM_CLOSED => return Socket::gone(this, event.value),
            _ => return,
        };
        Socket::tell(this, told);
    }

    fn gone(this: &Rc<Socket>, errno: u32) {
        world::remove(this.handle);
        this.closed.set(true);
        this.held.borrow_mut().clear();
        if let Some(line) = this.came.borrow_mut().take() {
            handed::lost(&line, this.handle);
        }
        let error = from_value(errno);
        let open = this.open.borrow_mut().take();
        match open {
            Some(call) => call(Err(error.unwrap_or_else(|| Error::from_errno(skep_abi::errno::ECANCELED)))),
            None => Socket::tell(this, Event::Closed(error)),
        }
        // A callback may own the stream: the circle ends here.
        this.call.borrow_mut().take();
    }

    fn tell(this: &Rc<Socket>, event: Event<'_>) {
        let call = this.call.borrow_mut().take();
        if let Some(mut call) = call {
            call(&Stream(this.clone()), event);
            this.call.borrow_mut().get_or_insert(call);
        }
    }
}

/// A listener. Dropping it changes nothing: it lives until it is closed.
#[derive(Clone, Copy, Debug)]
pub struct Listener {
    handle: Handle,
}

type OnStream = Box<dyn FnMut(Stream)>;
pub(crate) type Listened = Box<dyn FnOnce(Result<Address>)>;

pub(crate) struct Listening {
    call: RefCell<OnStream>,
    listened: RefCell<Option<Listened>>,
}

impl Listener {
    /// Listens on `host:port` (a numeric host; port 0: any) or `unix:/path`.
    ///
    /// # Errors
    /// `EACCES` without the grant, `EINVAL` for an address that is none; what else keeps it from listening is told
    /// later: see [`Listener::on_listening`].
    pub fn listen(address: &str, call: impl FnMut(Stream) + 'static) -> Result<Listener> {
        let address: Address = address.parse()?;
        let handle = worker::listen(&address, BACKLOG, &Listener::options())?;
        Ok(Listener::of(handle, call))
    }

    /// One that came with a message.
    pub(crate) fn received(handle: Handle, call: impl FnMut(Stream) + 'static) -> Result<Listener> {
        raw::listen_set(handle, &Listener::options())?;
        Ok(Listener::of(handle, call))
    }

    /// Fed with the connections that the process which started this one shares under this number.
    pub(crate) fn shared(id: u32, call: impl FnMut(Stream) + 'static) -> Result<Listener> {
        Ok(Listener::of(raw::listen_shared(id, &Listener::options())?, call))
    }

    fn options() -> ListenOptions {
        ListenOptions { flags: flag::NO_DELAY, ..ListenOptions::default() }
    }

    fn of(handle: Handle, call: impl FnMut(Stream) + 'static) -> Listener {
        let listening = Listening { call: RefCell::new(Box::new(call)), listened: RefCell::new(None) };
        world::insert(handle, Entry::Listener(Rc::new(listening)));
        Listener { handle }
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle
    }

    /// Tells once where it listens, or why it cannot. Without this a listener that cannot listen ends the guest with a
    /// message and exit code 1.
    pub fn on_listening(&self, call: impl FnOnce(Result<Address>) + 'static) -> &Listener {
        if let Some(Entry::Listener(listening)) = world::find(self.handle) {
            *listening.listened.borrow_mut() = Some(Box::new(call));
        }
        self
    }

    /// Whether it keeps the guest alive (it does from the start).
    ///
    /// # Errors
    /// `EBADF` when it was closed before.
    pub fn keep_alive(&self, on: bool) -> Result<()> {
        raw::handle_ref(worker::real(self.handle), on)
    }

    /// Stops accepting; open streams stay.
    ///
    /// # Errors
    /// `EBADF` when it was closed before.
    pub fn close(&self) -> Result<()> {
        worker::close(self.handle)
    }
}

impl Listening {
    pub(crate) fn event(&self, event: &Incoming<'_>) {
        listener_event(&self.listened, "listener", event);
    }
}

/// In a worker: what has become of a listener.
pub(crate) fn listened(handle: Handle, result: Result<Address>) {
    match world::find(handle) {
        Some(Entry::Server(server)) => tell_listened(&server.listened, "server", result),
        Some(Entry::Listener(listening)) => tell_listened(&listening.listened, "listener", result),
        _ => {}
    }
}

fn tell_listened(listened: &RefCell<Option<Listened>>, what: &str, result: Result<Address>) {
    let listened = listened.borrow_mut().take();
    match (listened, result) {
        (Some(call), result) => call(result),
        (None, Ok(_)) => {}
        (None, Err(error)) => {
            crate::log::line(2, &format!("the {} cannot listen: {}", what, error));
            crate::process::exit(1);
        }
    }
}

/// What becomes of a listener, a plain one or a server's. That it cannot listen ends the guest if nobody asked to be told.
pub(crate) fn listener_event(listened: &RefCell<Option<Listened>>, what: &str, event: &Incoming<'_>) {
    match event.kind {
        events::LISTENING => {
            let address = raw::address(event.handle, 0).and_then(|text| Address::from_host(&text));
            tell_listened(listened, what, address);
        }
        events::LISTEN_FAILED => {
            world::remove(event.handle);
            tell_listened(listened, what, Err(Error::from_errno(event.value as i32)));
            worker::closed(event.handle);
        }
        events::LISTENER_CLOSED => {
            world::remove(event.handle);
            worker::closed(event.handle);
        }
        _ => {}
    }
}

/// A listener has a new stream.
pub(crate) fn accepted(event: &Incoming<'_>) {
    if let Some(Entry::Listener(listening)) = world::find(u64_at(event.payload, 0)) {
        let stream = Stream::open(event.handle);
        (listening.call.borrow_mut())(stream);
    }
}

/// Opens a stream to a numeric address or a UNIX socket; `call` is told once whether it is open.
///
/// # Errors
/// `EACCES` without the grant, `EINVAL` for an address that is none.
pub fn connect(address: &str, call: impl FnOnce(Result<()>) + 'static) -> Result<Stream> {
    let stream = Stream::open(dial(&address.parse()?)?);
    *stream.0.open.borrow_mut() = Some(Box::new(call));
    Ok(stream)
}

/// Begins to connect.
pub(crate) fn dial(address: &Address) -> Result<Handle> {
    let options = ConnectOptions { flags: connect::NO_DELAY, ..ConnectOptions::default() };
    raw::net_connect(address.host(), address.port_or_path(), &options)
}

/// Asks the system's resolver for the addresses of a name.
///
/// # Errors
/// `EACCES` without a grant to connect to anything.
pub fn lookup(name: &str, call: impl FnOnce(Result<Vec<std::net::IpAddr>>) + 'static) -> Result<()> {
    let address = |line: &str| line.split(' ').nth(1).and_then(|word| word.trim().parse().ok());
    operation::wait(raw::name_lookup(name, 0)?, move |done| {
        call(done.map(|done| String::from_utf8_lossy(&done.bytes()).lines().filter_map(address).collect()));
    });
    Ok(())
}
