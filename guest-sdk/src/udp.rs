//! UDP sockets. Each address that something is sent to is judged like one that is connected to. It must not know what a
//! message means.
//!
//! ```no_run
//! use skep_guest::udp::{Event, Socket};
//!
//! fn main() {
//!     let echo = Socket::bind("127.0.0.1:7007", |socket, event| {
//!         if let Event::Message(message, from) = event {
//!             let _lost = socket.send_to(from, message);
//!         }
//!     });
//!     echo.expect("unprivileged ports need no grant");
//! }
//! skep_guest::start!(main);
//! ```
use crate::error::from_value;
use crate::events::{u16_at, Incoming};
use crate::net::Address;
use crate::raw::{self, Handle};
use crate::world::{self, Entry};
use crate::{Error, Flow, Result};
use skep_abi::errno::EINVAL;
use skep_abi::{events, udp, DRAIN_ABOVE};
use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// What a socket tells.
#[derive(Debug)]
pub enum Event<'a> {
    /// It is open; where.
    Bound(Address),
    /// A message, and who has sent it.
    Message(&'a [u8], SocketAddr),
    /// What became of the oldest message that was sent and not told of.
    Sent(Result<()>),
    /// [`Socket::connect`] has been carried out.
    Connected(Result<()>),
    /// Receiving failed, or an option could not be set.
    Failed(Error),
    /// The socket is gone; why, if it failed.
    Closed(Option<Error>),
}

/// How a socket is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Others may have the same address.
    pub reuse_address: bool,
    /// Of an IPv6 address: nothing of IPv4.
    pub ipv6_only: bool,
}

type OnEvent = Box<dyn FnMut(&Socket, Event<'_>)>;

/// What stands behind a socket's handle.
pub(crate) struct Port {
    handle: Handle,
    call: RefCell<Option<OnEvent>>,
    ipv6: bool,
    /// It came with a message, and nobody has said yet that it is to receive.
    rests: Cell<bool>,
}

/// A socket. Cloning names the same one; dropping it changes nothing: a socket lives until it is closed. (One that came with a
/// message: see [`Handed::Datagram`](crate::process::Handed::Datagram).)
#[derive(Clone)]
pub struct Socket(Rc<Port>);

impl Socket {
    /// Opens one at `host:port` (a numeric host; port 0: any).
    ///
    /// # Errors
    /// `EACCES` without the grant, `EINVAL` for an address that is none; what else keeps it from opening is told by
    /// [`Event::Closed`].
    pub fn bind(address: &str, call: impl FnMut(&Socket, Event<'_>) + 'static) -> Result<Socket> {
        Socket::bind_with(address, &Options::default(), call)
    }

    /// The same with options.
    ///
    /// # Errors
    /// As [`Socket::bind`].
    pub fn bind_with(
        address: &str,
        options: &Options,
        call: impl FnMut(&Socket, Event<'_>) + 'static,
    ) -> Result<Socket> {
        let at: SocketAddr = address.parse().map_err(|_| Error::from_errno(EINVAL))?;
        let flag = |on: bool, bit: u32| if on { bit } else { 0 };
        let flags = flag(options.ipv6_only, udp::IPV6_ONLY) | flag(options.reuse_address, udp::REUSE_ADDRESS);
        let handle = raw::udp_bind(&at.ip().to_string(), at.port(), flags)?;
        Ok(Socket::of(Port {
            handle,
            call: RefCell::new(Some(Box::new(call))),
            ipv6: at.is_ipv6(),
            rests: Cell::new(false),
        }))
    }

    /// One that came with a message. Others may have it too: what was read here before anybody listens would be lost to them.
    pub(crate) fn received(handle: Handle) -> Socket {
        let _gone = raw::udp_option(handle, udp::RECEIVE, 0);
        let at = raw::address(handle, 0).and_then(|text| Address::from_host(&text));
        let ipv6 = matches!(at, Ok(Address::Ip(SocketAddr::V6(_))));
        Socket::of(Port { handle, call: RefCell::new(None), ipv6, rests: Cell::new(true) })
    }

    fn of(port: Port) -> Socket {
        let port = Rc::new(port);
        world::insert(port.handle, Entry::Datagram(port.clone()));
        Socket(port)
    }

    pub(crate) fn handle(&self) -> Handle {
        self.0.handle
    }

    pub(crate) fn is_ipv6(&self) -> bool {
        self.0.ipv6
    }

    /// Closes one that came with a message if nobody wants it: nobody listens, and none but the caller has kept it.
    pub(crate) fn close_unless_taken(self) {
        // The table's, and this one.
        if self.0.rests.get() && Rc::strong_count(&self.0) <= 2 {
            self.close();
        }
    }

    /// Has everything told there from now on. A socket that came with a message receives from then on.
    pub fn on(&self, call: impl FnMut(&Socket, Event<'_>) + 'static) -> &Socket {
        let before = self.0.call.replace(Some(Box::new(call)));
        if self.0.rests.get() {
            let _gone = self.receive(true);
        }
        drop(before);
        self
    }

    /// Sends one message. [`Event::Sent`] follows.
    ///
    /// # Errors
    /// `EACCES` without the grant to connect there, `EMSGSIZE` for what no message can carry, `EAGAIN` when too much is
    /// waiting: nothing was taken.
    pub fn send_to(&self, to: SocketAddr, message: impl AsRef<[u8]>) -> Result<Flow> {
        self.post(&to.ip().to_string(), to.port(), message.as_ref())
    }

    /// Sends one message to where the socket is connected.
    ///
    /// # Errors
    /// As [`Socket::send_to`].
    pub fn send(&self, message: impl AsRef<[u8]>) -> Result<Flow> {
        self.post("", 0, message.as_ref())
    }

    fn post(&self, host: &str, port: u16, message: &[u8]) -> Result<Flow> {
        let waiting = raw::udp_send(self.0.handle, host, port, message)?;
        Ok(if waiting > DRAIN_ABOVE { Flow::Full } else { Flow::Open })
    }

    /// Sends to and hears from this address only; none takes that back.
    ///
    /// # Errors
    /// `EACCES` without the grant, `EBADF` when the socket is gone.
    pub fn connect(&self, to: Option<SocketAddr>) -> Result<()> {
        let host = to.map_or(String::new(), |to| to.ip().to_string());
        raw::udp_connect(self.0.handle, &host, to.map_or(0, |to| to.port()))
    }

    /// Whether messages are read. What is not read the kernel keeps, as far as it has room.
    ///
    /// # Errors
    /// `EBADF` when the socket is gone.
    pub fn receive(&self, on: bool) -> Result<()> {
        self.0.rests.set(false);
        self.option(udp::RECEIVE, i64::from(on))
    }

    /// Whether it may send to all.
    ///
    /// # Errors
    /// `EBADF` when the socket is gone.
    pub fn set_broadcast(&self, on: bool) -> Result<()> {
        self.option(udp::BROADCAST, i64::from(on))
    }

    /// How many routers a message may pass.
    ///
    /// # Errors
    /// `EINVAL` for 0, `EBADF` when the socket is gone.
    pub fn set_ttl(&self, ttl: u8) -> Result<()> {
        self.option(udp::TTL, i64::from(ttl))
    }

    /// The same of messages to a group, and whether they come back to this machine.
    ///
    /// # Errors
    /// `EBADF` when the socket is gone.
    pub fn set_multicast(&self, ttl: u8, looped: bool) -> Result<()> {
        self.option(udp::MULTICAST_TTL, i64::from(ttl))?;
        self.option(udp::MULTICAST_LOOP, i64::from(looped))
    }

    /// Joins a group on an interface (an IPv4 address, an IPv6 interface's number, or nothing), or leaves it.
    ///
    /// # Errors
    /// `EINVAL` for what is no group, `EBADF` when the socket is gone.
    pub fn member(&self, group: IpAddr, interface: &str, join: bool) -> Result<()> {
        raw::udp_member(self.0.handle, &group.to_string(), interface, join)
    }

    fn option(&self, option: u32, value: i64) -> Result<()> {
        raw::udp_option(self.0.handle, option, value)
    }

    /// Our own address.
    ///
    /// # Errors
    /// `EBADF` when the socket is gone.
    pub fn local(&self) -> Result<Address> {
        Address::from_host(&raw::address(self.0.handle, 0)?)
    }

    /// Whether it keeps the guest alive (it does from the start).
    ///
    /// # Errors
    /// `EBADF` when the socket is gone.
    pub fn keep_alive(&self, on: bool) -> Result<()> {
        raw::handle_ref(self.0.handle, on)
    }

    /// Closes it. What is waiting is lost.
    pub fn close(&self) {
        let _gone = raw::close(self.0.handle);
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Socket({})", self.0.handle)
    }
}

impl Port {
    pub fn event(this: &Rc<Port>, event: &Incoming<'_>) {
        let result = || from_value(event.value).map_or(Ok(()), Err);
        let told = match event.kind {
            events::UDP_BOUND => match raw::address(this.handle, 0).and_then(|text| Address::from_host(&text)) {
                Ok(address) => Event::Bound(address),
                Err(error) => Event::Failed(error),
            },
            events::UDP_MESSAGE => match message(event.payload) {
                Some((bytes, from)) => Event::Message(bytes, from),
                None => return,
            },
            events::UDP_SENT => Event::Sent(result()),
            events::UDP_CONNECTED => Event::Connected(result()),
            events::UDP_ERROR => Event::Failed(Error::from_errno(event.value as i32)),
            events::UDP_CLOSED => {
                world::remove(this.handle);
                Event::Closed(from_value(event.value))
            }
            _ => return,
        };
        let call = this.call.borrow_mut().take();
        if let Some(mut call) = call {
            call(&Socket(this.clone()), told);
            // A callback may own the socket: the circle ends with it.
            if event.kind != events::UDP_CLOSED {
                this.call.borrow_mut().get_or_insert(call);
            }
        }
    }
}

/// The bytes, and who has sent them.
fn message(payload: &[u8]) -> Option<(&[u8], SocketAddr)> {
    let (len, port) = (usize::from(u16_at(payload, 0)), u16_at(payload, 2));
    let (from, bytes) = (payload.get(8..8 + len)?, payload.get(8 + len..)?);
    let ip = std::str::from_utf8(from).ok()?.parse().ok()?;
    Some((bytes, SocketAddr::new(ip, port)))
}
