//! HTTP servers: the host reads requests and frames responses; here they are values. [`client`] asks others.
//!
//! The host checks what goes out: a field with a line break in it is `EINVAL`. It adds `Date`, `Connection` and, where
//! the body is given whole, `Content-Length`.
pub mod client;
mod connection;
mod exchange;
mod fields;
mod inflow;
mod reply;
mod request;
mod response;

pub use client::{get, request, Client};
pub(crate) use connection::Connection;
pub(crate) use exchange::Exchange;
pub use reply::Reply;
pub use request::{Body, Part, Request};
pub use response::{Response, Writer};

use crate::events::{Head, Incoming};
use crate::net::{listener_event, Address, Listened};
use crate::raw::{self, Handle};
use crate::timer::millis;
use crate::world::{self, Entry};
use crate::{log, worker, Result};
use skep_abi::{listen, ListenOptions};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 511;

/// How a server treats its connections. The defaults are Node's.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// From a request's first byte to the end of its head; zero is for ever, as below.
    pub headers_timeout: Duration,
    /// From a request's first byte to its last.
    pub request_timeout: Duration,
    /// From a response to the next request.
    pub keep_alive_timeout: Duration,
    /// Bytes of a head; 0: the policy's.
    pub max_header_size: u32,
    /// Connections at once; 0: the policy's.
    pub max_connections: u32,
    /// Requests with `Upgrade`, and CONNECT, may leave HTTP by [`Response::upgrade`].
    pub upgrade: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            headers_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(300),
            keep_alive_timeout: Duration::from_secs(5),
            max_header_size: 0,
            max_connections: 0,
            upgrade: false,
        }
    }
}

impl Options {
    fn record(&self) -> ListenOptions {
        let upgrade = if self.upgrade { listen::UPGRADE | listen::CONNECT } else { 0 };
        ListenOptions {
            flags: listen::HTTP | listen::REQUIRE_HOST | listen::NO_DELAY | upgrade,
            headers_timeout: millis(self.headers_timeout),
            request_timeout: millis(self.request_timeout),
            keep_alive_timeout: millis(self.keep_alive_timeout),
            keep_alive_buffer: 1000,
            max_header_size: self.max_header_size,
            max_connections: self.max_connections,
            ..ListenOptions::default()
        }
    }
}

/// What a request handler may answer: nothing, or what its last call answered. A client that has gone (`EBADF`) is no
/// failure; any other error is told on standard error.
pub trait Outcome {
    /// Takes note of it.
    fn settle(self);
}

impl Outcome for () {
    fn settle(self) {}
}

impl Outcome for Result<()> {
    fn settle(self) {
        match self {
            Err(error) if error.errno() != skep_abi::errno::EBADF => {
                log::line(2, &format!("a response failed: {}", error))
            }
            _ => {}
        }
    }
}

/// A listening server. Dropping it changes nothing: a server lives until it is closed.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    handle: Handle,
}

type Handler = Box<dyn FnMut(Request<'_>, Response)>;

/// What stands behind a server's handle.
pub(crate) struct Serving {
    handler: RefCell<Handler>,
    pub listened: RefCell<Option<Listened>>,
}

impl Server {
    /// Listens on `host:port` (a numeric host; port 0: any) or `unix:/path`, with the default options.
    ///
    /// # Errors
    /// `EACCES` without the grant; what else keeps it from listening is told later: see [`Server::on_listening`].
    pub fn listen<O: Outcome>(
        address: &str,
        handler: impl FnMut(Request<'_>, Response) -> O + 'static,
    ) -> Result<Server> {
        Server::with(&Options::default(), address, handler)
    }

    /// The same with other options.
    ///
    /// # Errors
    /// As [`Server::listen`].
    pub fn with<O: Outcome>(
        options: &Options,
        address: &str,
        handler: impl FnMut(Request<'_>, Response) -> O + 'static,
    ) -> Result<Server> {
        let address: Address = address.parse()?;
        let handle = worker::listen(&address, BACKLOG, &options.record())?;
        Ok(Server::of(handle, handler))
    }

    /// On a listener that came with a message.
    pub(crate) fn received<O: Outcome>(
        handle: Handle,
        options: &Options,
        handler: impl FnMut(Request<'_>, Response) -> O + 'static,
    ) -> Result<Server> {
        raw::listen_set(handle, &options.record())?;
        Ok(Server::of(handle, handler))
    }

    /// Fed with the connections that the process which started this one shares under this number.
    pub(crate) fn shared<O: Outcome>(
        id: u32,
        options: &Options,
        handler: impl FnMut(Request<'_>, Response) -> O + 'static,
    ) -> Result<Server> {
        Ok(Server::of(raw::listen_shared(id, &options.record())?, handler))
    }

    fn of<O: Outcome>(handle: Handle, mut handler: impl FnMut(Request<'_>, Response) -> O + 'static) -> Server {
        let serving = Serving {
            handler: RefCell::new(Box::new(move |request, response| handler(request, response).settle())),
            listened: RefCell::new(None),
        };
        world::insert(handle, Entry::Server(Rc::new(serving)));
        Server { handle }
    }

    /// Tells once where it listens, or why it cannot. Without this a server that cannot listen ends the guest with a
    /// message and exit code 1.
    pub fn on_listening(&self, call: impl FnOnce(Result<Address>) + 'static) -> &Server {
        if let Some(Entry::Server(serving)) = world::find(self.handle) {
            *serving.listened.borrow_mut() = Some(Box::new(call));
        }
        self
    }

    /// How many connections are open.
    pub fn connections(&self) -> u32 {
        raw::connections(worker::real(self.handle)).unwrap_or(0)
    }

    /// Stops accepting; requests under way are finished, and connections that wait for one are closed.
    ///
    /// # Errors
    /// `EBADF` when it was closed before.
    pub fn close(&self) -> Result<()> {
        worker::close(self.handle)
    }

    /// Whether it keeps the guest alive (it does from the start).
    ///
    /// # Errors
    /// `EBADF` when it was closed before.
    pub fn keep_alive(&self, on: bool) -> Result<()> {
        raw::handle_ref(worker::real(self.handle), on)
    }
}

impl Serving {
    pub(crate) fn event(&self, event: &Incoming<'_>) {
        listener_event(&self.listened, "server", event);
    }
}

/// A request has come.
pub(crate) fn requested(event: &Incoming<'_>) {
    let head = match Head::new(event.payload) {
        Some(head) => head,
        None => return,
    };
    if let Some(Entry::Server(serving)) = world::find(head.record.listener) {
        let request = Request::new(event.handle, head);
        let response = Response::new(event.handle);
        (serving.handler.borrow_mut())(request, response);
    }
}
