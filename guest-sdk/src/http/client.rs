//! HTTP clients: requests to other servers, under the grant to connect to them, and the connections that are kept for the
//! next one. It must not know how bytes come and go.
//!
//! ```no_run
//! use skep_guest::{http, println};
//!
//! fn main() {
//!     let asked = http::get("http://127.0.0.1:1337/", |reply| match reply {
//!         Ok(reply) => {
//!             println!("{}", reply.status());
//!             reply.read(1 << 20, |body| println!("{} bytes", body.map_or(0, |body| body.len())));
//!         }
//!         Err(error) => println!("{}", error), // ECONNREFUSED: connection refused
//!     });
//!     asked.expect("--allow-net=127.0.0.1:1337 was given");
//! }
//! skep_guest::start!(main);
//! ```
//!
//! A connection whose server allows it is kept for four seconds, or for as long as the server says, and a request to the
//! same server takes the one that was used last. It keeps no guest alive. A server may close it at the very
//! moment at which a request goes out: that is `ECONNRESET`, and nothing is sent twice.
use crate::body::Chunk;
use crate::http::connection::{Connection, OnReply, Transfer};
use crate::http::fields::{is_token, Fields};
use crate::http::Reply;
use crate::net::{self, Address};
use crate::{Error, Flow, Result};
use skep_abi::errno::{EAGAIN, EBADF, ECANCELED, EINVAL, ENOSYS};
use skep_abi::expect;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Connections that wait for another request; beyond it the oldest is closed. Node's `maxFreeSockets`.
const IDLE_MAX: usize = 256;

thread_local! {
    static GLOBAL: Client = Client::new();
}

/// Asks for what stands there, by the connections of [`request`].
///
/// # Errors
/// As [`Request::send`].
pub fn get(url: &str, call: impl FnOnce(Result<Reply>) + 'static) -> Result<Pending> {
    request("GET", url).send("", call)
}

/// A request by the guest's own client.
pub fn request(method: &str, url: &str) -> Request {
    GLOBAL.with(|client| client.request(method, url))
}

/// Connections that wait for another request, the last one used last.
#[derive(Default)]
pub(crate) struct Home {
    idle: RefCell<Vec<Rc<Connection>>>,
}

impl Home {
    pub fn keep(&self, connection: Rc<Connection>) {
        self.idle.borrow_mut().push(connection);
        let oldest = if self.idle.borrow().len() > IDLE_MAX { Some(self.idle.borrow_mut().remove(0)) } else { None };
        if let Some(oldest) = oldest {
            oldest.give_up(Error::from_errno(ECANCELED));
        }
    }

    pub fn forget(&self, connection: &Rc<Connection>) {
        self.idle.borrow_mut().retain(|other| !Rc::ptr_eq(other, connection));
    }

    fn take(&self, key: &str) -> Option<Rc<Connection>> {
        let mut idle = self.idle.borrow_mut();
        let place = idle.iter().rposition(|connection| connection.key == key)?;
        Some(idle.remove(place))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for connection in self.idle.borrow_mut().drain(..) {
            connection.give_up(Error::from_errno(ECANCELED));
        }
    }
}

/// A set of connections. Cloning names the same one; when the last is dropped those that are idle are closed.
#[derive(Clone, Default)]
pub struct Client(Rc<Home>);

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Client({} idle)", self.0.idle.borrow().len())
    }
}

impl Client {
    /// Connections of its own.
    pub fn new() -> Client {
        Client::default()
    }

    /// A request to a URL of scheme `http`. What is wrong with either is told by what sends it.
    pub fn request(&self, method: &str, url: &str) -> Request {
        Request {
            client: self.clone(),
            method: method.to_owned(),
            target: Target::parse(url),
            fields: Fields::default(),
            own: Own::default(),
            timeout: Duration::ZERO,
        }
    }
}

/// What a URL says.
struct Target {
    host: String,
    port: u16,
    /// As it goes into `Host`.
    authority: String,
    path: String,
}

impl Target {
    fn parse(url: &str) -> Result<Target> {
        let wrong = || Error::from_errno(EINVAL);
        if url.starts_with("https://") {
            return Err(Error::from_errno(ENOSYS));
        }
        let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
        let rest = rest.split('#').next().unwrap_or("");
        let end = rest.find(&['/', '?'][..]).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let visible = |text: &str| text.bytes().all(|byte| byte > b' ' && byte < 0x7f);
        if authority.is_empty() || authority.contains('@') || !visible(authority) || !visible(path) {
            return Err(wrong());
        }
        let bracket = authority.rfind(']');
        let (host, port) = match authority.rfind(':') {
            Some(at) if bracket.map_or(true, |bracket| bracket < at) => {
                (&authority[..at], authority[at + 1..].parse().map_err(|_| wrong())?)
            }
            _ => (authority, 80),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{}", path) };
        Ok(Target { host, port, authority: authority.to_owned(), path })
    }
}

/// Which fields were given by hand.
#[derive(Default)]
struct Own {
    host: bool,
    connection: bool,
    closes: bool,
    upgrades: bool,
    length: Option<u64>,
}

/// A request that has not gone out.
pub struct Request {
    client: Client,
    method: String,
    target: Result<Target>,
    fields: Fields,
    own: Own,
    timeout: Duration,
}

impl Request {
    /// One more field. One that cannot be sent (a name that is no token, a value with a control character, a
    /// `Transfer-Encoding`) is told by what sends the request. `Host`, `Connection` and `Content-Length` are added
    /// where they are not given; with `Upgrade` the server is offered to leave HTTP.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Request {
        let value = value.as_ref();
        self.fields.push(name, value);
        let text = std::str::from_utf8(value).unwrap_or("").trim();
        let own = &mut self.own;
        match name.to_ascii_lowercase().as_str() {
            "host" => own.host = true,
            "upgrade" => own.upgrades = true,
            "connection" => {
                own.connection = true;
                own.closes |= text.eq_ignore_ascii_case("close");
            }
            "content-length" if own.length.is_none() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                own.length = text.parse().ok();
                self.fields.invalid |= own.length.is_none();
            }
            "content-length" | "transfer-encoding" => self.fields.invalid = true,
            _ => {}
        }
        self
    }

    /// Gives up (`ETIMEDOUT`) when nothing moves on the connection for so long.
    #[must_use]
    pub fn timeout(mut self, span: Duration) -> Request {
        self.timeout = span;
        self
    }

    /// Sends it with this body; `call` is told the reply, or why there is none.
    ///
    /// # Errors
    /// `EACCES` without the grant, `EINVAL` for a URL, method or field that cannot be sent, `ENOSYS` for `https`. Those that
    /// concern a name's addresses, as `ENOTFOUND` or `ECONNREFUSED`, are told to `call`.
    pub fn send(self, body: impl AsRef<[u8]>, call: impl FnOnce(Result<Reply>) + 'static) -> Result<Pending> {
        let body = body.as_ref();
        let given = self.own.length;
        if given.map_or(false, |length| length != body.len() as u64) {
            return Err(Error::from_errno(EINVAL));
        }
        let bare = matches!(self.method.as_str(), "GET" | "HEAD" | "DELETE" | "OPTIONS" | "TRACE");
        let framing = match given {
            None if !body.is_empty() || !bare => format!("Content-Length: {}\r\n", body.len()),
            _ => String::new(),
        };
        let pending = self.begin(&framing, Box::new(call))?;
        pending.transfer.sent.set(true);
        // What is wrong with the connection is told by an event.
        let _told = pending.connection.push(body);
        Ok(pending)
    }

    /// Sends the head; the body follows, of the `Content-Length` that was given or in chunks.
    ///
    /// # Errors
    /// As [`Request::send`].
    pub fn start(self, call: impl FnOnce(Result<Reply>) + 'static) -> Result<Writer> {
        let left = self.own.length;
        let framing = if left.is_none() { "Transfer-Encoding: chunked\r\n" } else { "" };
        let pending = self.begin(framing, Box::new(call))?;
        Ok(Writer { pending, left, ended: false })
    }

    fn begin(self, framing: &str, call: OnReply) -> Result<Pending> {
        let target = self.target?;
        if self.fields.invalid || !is_token(self.method.as_bytes()) || self.method == "CONNECT" {
            return Err(Error::from_errno(EINVAL));
        }
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, target.path).into_bytes();
        if !self.own.host {
            head.extend_from_slice(format!("Host: {}\r\n", target.authority).as_bytes());
        }
        head.extend_from_slice(&self.fields.lines);
        if !self.own.connection {
            head.extend_from_slice(b"Connection: keep-alive\r\n");
        }
        head.extend_from_slice(framing.as_bytes());
        head.extend_from_slice(b"\r\n");
        let kind = match self.method.as_str() {
            "HEAD" => expect::HEAD,
            _ if self.own.upgrades => expect::UPGRADE,
            _ => expect::OTHER,
        };
        let transfer = Transfer::new(kind, self.timeout, !self.own.closes, call);
        let connection = connect(&self.client.0, &target, &transfer)?;
        let _told = connection.push(&head);
        Ok(Pending { connection, transfer })
    }
}

/// One that was kept, or another one.
fn connect(home: &Rc<Home>, target: &Target, transfer: &Rc<Transfer>) -> Result<Rc<Connection>> {
    let key = format!("{}:{}", target.host, target.port);
    while let Some(connection) = home.take(&key) {
        if connection.again(transfer).is_ok() {
            return Ok(connection);
        }
    }
    let connection = Connection::new(key, Rc::downgrade(home), transfer);
    if let Ok(ip) = target.host.parse::<std::net::IpAddr>() {
        let address = Address::Text(ip.to_string(), target.port);
        Connection::dial(&connection, std::iter::once(address))?;
        return Ok(connection);
    }
    let (late, port) = (connection.clone(), target.port);
    net::lookup(&target.host, move |found| {
        let addresses = |ips: Vec<std::net::IpAddr>| {
            Connection::dial(&late, ips.into_iter().map(|ip| Address::Text(ip.to_string(), port)))
        };
        if let Err(error) = found.and_then(addresses) {
            late.unreachable(error);
        }
    })?;
    Ok(connection)
}

/// A request that is under way. Dropping it changes nothing.
#[derive(Clone)]
pub struct Pending {
    connection: Rc<Connection>,
    transfer: Rc<Transfer>,
}

impl Pending {
    /// Gives it up: who waits for the reply, or for the rest of its body, is told `ECANCELED`.
    pub fn abort(&self) {
        if self.connection.carries(&self.transfer) {
            self.connection.give_up(Error::from_errno(ECANCELED));
        }
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Pending({})", self.connection.key)
    }
}

/// A request's body, part by part. Dropped before its end it gives the request up: the server must not take a part for the
/// whole.
#[derive(Debug)]
pub struct Writer {
    pending: Pending,
    /// Bytes that were promised and have not come; none: it goes in chunks.
    left: Option<u64>,
    ended: bool,
}

impl Writer {
    /// Some more bytes.
    ///
    /// # Errors
    /// `EAGAIN` when too much is waiting: nothing was taken. `EINVAL` when it is more than was promised. `EBADF` when the
    /// request is over: the server has answered and closed, or is gone.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<Flow> {
        let bytes = bytes.as_ref();
        let connection = &self.pending.connection;
        if !connection.carries(&self.pending.transfer) {
            return Err(Error::from_errno(EBADF));
        }
        if !connection.has_room(bytes.len()) {
            return Err(Error::from_errno(EAGAIN));
        }
        match self.left {
            Some(left) => {
                let left = left.checked_sub(bytes.len() as u64).ok_or_else(|| Error::from_errno(EINVAL))?;
                self.left = Some(left);
                connection.push(bytes)
            }
            // An empty chunk would end it.
            None if bytes.is_empty() => Ok(Flow::Open),
            None => {
                let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                chunk.extend_from_slice(bytes);
                chunk.extend_from_slice(b"\r\n");
                connection.push(&chunk)
            }
        }
    }

    /// Passes bytes on that came from elsewhere. While much is waiting here, their sender is held back.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn pass(&mut self, chunk: Chunk<'_>) -> Result<Flow> {
        let flow = self.write(&*chunk)?;
        if flow == Flow::Full {
            self.pending.transfer.held.borrow_mut().push(chunk.into_credit());
        }
        Ok(flow)
    }

    /// Called whenever all that was waiting has gone, after a write that answered [`Flow::Full`].
    pub fn on_drain(&self, call: impl FnMut() + 'static) {
        *self.pending.transfer.drain.borrow_mut() = Some(Box::new(call));
    }

    /// That was all.
    ///
    /// # Errors
    /// As [`Writer::write`]; `EINVAL` when more was promised.
    pub fn end(self) -> Result<Pending> {
        self.end_with(&[])
    }

    /// That was all, but for trailers, which only chunks can have.
    ///
    /// # Errors
    /// As [`Writer::end`]; `EINVAL` for a trailer that cannot be sent.
    pub fn end_with(mut self, trailers: &[(&str, &str)]) -> Result<Pending> {
        let lines = Fields::all(trailers)?;
        if self.left.map_or(false, |left| left > 0 || !trailers.is_empty()) {
            return Err(Error::from_errno(EINVAL));
        }
        if !self.pending.connection.carries(&self.pending.transfer) {
            return Err(Error::from_errno(EBADF));
        }
        self.ended = true;
        self.pending.transfer.sent.set(true);
        let last = match self.left {
            Some(_) => Vec::new(),
            None => [b"0\r\n", &lines[..], b"\r\n"].concat(),
        };
        self.pending.connection.push(&last)?;
        Connection::settle(&self.pending.connection);
        Ok(self.pending.clone())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.ended {
            self.pending.abort();
        }
    }
}
