//! This process as a worker of a script's cluster (node:cluster): what it listens on is asked of the primary, and connections are
//! dealt to it. It must not know what is served, nor how the primary opens an address.
//!
//! The words are those of Node's library here. A worker names the number by which a listener is shared with it, so it has the
//! listener at once, and hears later whether there is one.
use crate::info::Value;
use crate::net::{self, Address};
use crate::process::{self, escaped, Channel};
use crate::raw::{self, Handle};
use crate::{Error, Result};
use skep_abi::errno::EADDRINUSE;
use skep_abi::{attached, ListenOptions};
use std::cell::RefCell;

struct Worker {
    channel: Channel,
    number: u32,
    /// Of the last question, and the last listener.
    serial: i64,
    open: Vec<Place>,
    leaving: Leaving,
}

/// What this process listens on by the primary.
struct Place {
    question: i64,
    /// As its owner knows it.
    handle: Handle,
    /// As the host does: another one, where the primary has given the listener itself.
    real: Handle,
    address: Address,
    /// The same address may be asked for more than once: which one this is.
    index: i64,
    options: ListenOptions,
}

#[derive(Clone, Copy, PartialEq)]
enum Leaving {
    No,
    /// By its own choice: the primary is told when everything is closed.
    Itself,
    /// Told that, by this question.
    Told(i64),
    /// The primary wants it.
    Asked,
}

thread_local! {
    static WORKER: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

fn with<T>(call: impl FnOnce(&mut Worker) -> T) -> Option<T> {
    WORKER.with(|worker| worker.borrow_mut().as_mut().map(call))
}

/// Before main: finds out that it is one, and says that it runs.
pub(crate) fn begin() {
    let channel = match process::parent() {
        Some(channel) => channel,
        None => return,
    };
    if let Some(number) = process::told("worker", Value::number) {
        // As long as there is a primary there may be work.
        let _gone = raw::handle_ref(channel.handle(), true);
        channel.line().say("{\"act\":\"cluster\",\"do\":\"online\"}");
        let number = u32::try_from(number).unwrap_or(0);
        let worker = Worker { channel, number, serial: 0, open: Vec::new(), leaving: Leaving::No };
        WORKER.with(|place| *place.borrow_mut() = Some(worker));
    }
}

/// In a clone: the process that was cloned is the worker.
pub(crate) fn forget() {
    WORKER.with(|place| place.borrow_mut().take());
}

/// Its number, if it is one.
pub(crate) fn number() -> Option<u32> {
    with(|worker| worker.number)
}

fn say(channel: &Channel, what: &str, place: &Place, port: i64, more: &str) {
    let path = |path: &str| match path.strip_prefix('/') {
        // The primary works in a folder of its own.
        None => format!("{}/{}", process::folder(), path),
        Some(_) => path.to_owned(),
    };
    let (address, family) = match &place.address {
        Address::Unix(name) => (path(name), "-1"),
        other if other.host().contains(':') => (other.host().to_owned(), "6"),
        other => (other.host().to_owned(), "4"),
    };
    channel.line().say(&format!(
        "{{\"act\":\"cluster\",\"do\":\"{}\",\"address\":\"{}\",\"port\":{},\"family\":{},\"index\":{}{}}}",
        what,
        escaped(&address),
        port,
        family,
        place.index,
        more
    ));
}

/// Opens a listener: this process's own, or in a worker its part of the primary's.
pub(crate) fn listen(address: &Address, backlog: i32, options: &ListenOptions) -> Result<Handle> {
    let asked = with(|worker| {
        worker.serial += 1;
        let handle = raw::listen_shared(worker.serial as u32, options)?;
        let same = worker.open.iter().filter(|place| place.address == *address);
        let index = same.map(|place| place.index + 1).max().unwrap_or(0);
        let question = worker.serial;
        let place = Place { question, handle, real: handle, address: address.clone(), index, options: *options };
        let more = format!(",\"backlog\":{},\"mode\":0,\"as\":{},\"question\":{}", backlog, question, question);
        say(&worker.channel, "listen", &place, i64::from(address.port_or_path()), &more);
        worker.open.push(place);
        Ok(handle)
    });
    asked.unwrap_or_else(|| raw::listen(address.host(), address.port_or_path(), backlog, options))
}

/// What the host knows a listener by.
pub(crate) fn real(handle: Handle) -> Handle {
    let found = with(|worker| worker.open.iter().find(|place| place.handle == handle).map(|place| place.real));
    found.flatten().unwrap_or(handle)
}

/// Its owner closes a listener. Connections that nobody uses go, others may end.
pub(crate) fn close(handle: Handle) -> Result<()> {
    let real = real(handle);
    let _of_streams = raw::http_close_idle(real);
    let closed = raw::close(real);
    with(|worker| {
        if let Some(place) = worker.open.iter().find(|place| place.handle == handle) {
            say(&worker.channel, "close", place, i64::from(place.address.port_or_path()), "");
        }
    });
    closed
}

/// The host's last word on a listener.
pub(crate) fn closed(real: Handle) {
    with(|worker| {
        worker.open.retain(|place| place.real != real);
        worker.go();
    });
}

/// Whether that is the channel to the primary. By another one, as a child's, nobody speaks for it.
pub(crate) fn is_primary(channel: Handle) -> bool {
    with(|worker| worker.channel.handle() == channel) == Some(true)
}

/// A word of the primary's, and what came with it.
pub(crate) fn hear(text: &[u8], handle: Handle, kind: u32) {
    let value = Value::parse(text).unwrap_or(Value::Other);
    match value.get("to").and_then(Value::number) {
        Some(question) => return answered(question, &value, handle, kind),
        None if value.get("do").and_then(Value::text) == Some("disconnect") => leave(Leaving::Asked),
        None => {}
    }
    drop_handle(handle);
}

fn drop_handle(handle: Handle) {
    if handle != 0 {
        let _gone = raw::close(handle);
    }
}

fn answered(question: i64, answer: &Value, given: Handle, kind: u32) {
    with(|worker| {
        if worker.leaving == Leaving::Told(question) {
            worker.channel.close();
        }
    });
    let find = |worker: &mut Worker| {
        let place = worker.open.iter_mut().find(|place| place.question == question && worker.leaving == Leaving::No)?;
        place.question = 0;
        Some((place.handle, place.options, place.address.clone()))
    };
    let (handle, options, address) = match with(find).flatten() {
        Some(found) => found,
        None => return drop_handle(given),
    };
    let errno = answer.get("errno").and_then(Value::number).unwrap_or(0);
    let mut failed = i32::try_from(errno.abs()).unwrap_or(EADDRINUSE);
    if failed == 0 && given != 0 && kind != attached::LISTENER {
        failed = EADDRINUSE;
    }
    if failed != 0 {
        drop_handle(given);
        let _gone = raw::close(handle);
        return net::listened(handle, Err(Error::from_errno(failed)));
    }
    if given != 0 {
        take(handle, given, &options);
    }
    let at = answer.get("place").and_then(place_of).unwrap_or(address);
    let port = i64::from(at.port_or_path());
    with(|worker| {
        if let Some(place) = worker.open.iter().find(|place| place.handle == handle) {
            say(&worker.channel, "listening", place, port, "");
        }
    });
    net::listened(handle, Ok(at));
}

/// Without dealing each worker has the listener itself: it takes the place of the one that is fed.
fn take(handle: Handle, given: Handle, options: &ListenOptions) {
    with(|worker| {
        if let Some(place) = worker.open.iter_mut().find(|place| place.handle == handle) {
            place.real = given;
        }
    });
    if let Some(entry) = crate::world::find(handle) {
        crate::world::insert(given, entry);
    }
    let _gone = raw::listen_set(given, options);
    let _gone = raw::close(handle);
}

fn place_of(place: &Value) -> Option<Address> {
    let port = u16::try_from(place.get("port")?.number()?).ok()?;
    let ip = place.get("address")?.text()?.parse().ok()?;
    Some(Address::Ip(std::net::SocketAddr::new(ip, port)))
}

/// Closes what it listens on by the primary; when the last connection of it has ended the channel is closed.
fn leave(how: Leaving) {
    let open = with(|worker| {
        if worker.leaving == Leaving::No {
            worker.leaving = how;
        }
        worker.open.iter().map(|place| place.real).collect::<Vec<_>>()
    });
    for real in open.unwrap_or_default() {
        let _of_streams = raw::http_close_idle(real);
        let _gone = raw::close(real);
    }
    with(Worker::go);
}

/// This worker is to go by its own choice.
pub(crate) fn disconnect() {
    leave(Leaving::Itself);
}

impl Worker {
    /// Goes on with leaving, if it leaves and nothing is open.
    fn go(&mut self) {
        match self.leaving {
            Leaving::Asked if self.open.is_empty() => self.channel.close(),
            Leaving::Itself if self.open.is_empty() => {
                self.serial += 1;
                self.leaving = Leaving::Told(self.serial);
                let text = format!("{{\"act\":\"cluster\",\"do\":\"leaving\",\"question\":{}}}", self.serial);
                self.channel.line().say(&text);
            }
            _ => {}
        }
    }
}

/// The channel to the primary is closed: unless it was to be, there is no work left.
pub(crate) fn alone(channel: Handle) {
    let lost = with(|worker| worker.channel.handle() == channel && worker.leaving == Leaving::No);
    if lost == Some(true) {
        process::exit(0);
    }
}
