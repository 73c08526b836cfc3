//! What travels beside messages: streams, listeners and UDP sockets, and the words that the libraries at both ends of a channel have with each
//! other about them. They are those of Node's library here, so the other end may be a script. It must not know what a
//! message says, nor how bytes travel.
use crate::http::{self, Server};
use crate::info::{raw_member, Value};
use crate::net::{Listener, Stream};
use crate::process::{Channel, ChannelEvent, Line};
use crate::raw::{self, Handle};
use crate::{udp, worker, Flow, Result};
use skep_abi::{attached, channel};
use std::rc::Rc;

/// What a stream may have sent before its reader gives it more.
const FIRST_CREDIT: u32 = 64 << 10;

/// What came with a message.
#[derive(Debug)]
pub enum Handed {
    /// An open stream. It is this guest's; nobody else has it, unless its sender has kept it.
    Stream(Stream),
    /// A listener, which rests until somebody serves it.
    Listener(Received),
    /// A UDP socket. It can send at once, and receives once [`udp::Socket::on`] says who hears of it: what comes before stays for
    /// others who have it. Who neither keeps it nor listens has it closed.
    Datagram(udp::Socket),
}

/// A listener that came with a message. Dropped without being served it is closed.
#[derive(Debug)]
pub struct Received {
    handle: Handle,
}

impl Received {
    /// Answers the requests that come by it.
    ///
    /// # Errors
    /// `EBADF` when it is gone.
    pub fn serve<O: http::Outcome>(
        self,
        options: &http::Options,
        handler: impl FnMut(http::Request<'_>, http::Response) -> O + 'static,
    ) -> Result<Server> {
        Server::received(self.take(), options, handler)
    }

    /// Takes the streams that come by it.
    ///
    /// # Errors
    /// `EBADF` when it is gone.
    pub fn listen(self, call: impl FnMut(Stream) + 'static) -> Result<Listener> {
        Listener::received(self.take(), call)
    }

    fn take(mut self) -> Handle {
        std::mem::replace(&mut self.handle, 0)
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if self.handle != 0 {
            let _gone = raw::close(self.handle);
        }
    }
}

impl Channel {
    /// Sends a message, JSON text, and with it a stream, which is gone here. A script gets a `net.Socket`.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub fn send_stream(&self, message: &str, stream: &Stream) -> Result<Flow> {
        let pipe = !matches!(stream.peer(), Ok(crate::net::Address::Ip(_)));
        let envelope = envelope("net.Socket", &of_pipe(pipe), message);
        self.post(&envelope, channel::INTERNAL, stream.handle())
    }

    /// Sends a message, JSON text, and with it a listener, which both have from then on. A script gets a `net.Server`.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub fn send_listener(&self, message: &str, listener: &Listener) -> Result<Flow> {
        let envelope = envelope("net.Server", &of_pipe(false), message);
        self.post(&envelope, channel::INTERNAL | channel::KEEP, listener.handle())
    }

    /// Sends a message, JSON text, and with it a UDP socket, which both have from then on: each datagram comes to one of
    /// them, unless one [stops receiving](udp::Socket::receive) or closes its own. A script gets a `dgram.Socket`.
    ///
    /// # Errors
    /// As [`Channel::send`]; `EPIPE`, or later `EBADF`, too when the socket was closed.
    pub fn send_datagram(&self, message: &str, socket: &udp::Socket) -> Result<Flow> {
        let family = if socket.is_ipv6() { 6 } else { 4 };
        let envelope = envelope("dgram.Socket", &format!("\"family\":\"udp{}\"", family), message);
        self.post(&envelope, channel::INTERNAL | channel::KEEP, socket.handle())
    }
}

fn of_pipe(pipe: bool) -> String {
    format!("\"pipe\":{}", pipe)
}

fn envelope(kind: &str, note: &str, message: &str) -> String {
    format!("{{\"act\":\"handle\",\"type\":\"{}\",{},\"message\":{}}}", kind, note, message)
}

/// A word from the library at the other end, and what came with it. What makes no sense is passed over; whatever came is
/// closed if nobody takes it.
pub(crate) fn heard(line: &Rc<Line>, text: &[u8], handle: Handle, kind: u32) {
    let act = raw_member(text, "act").unwrap_or(b"");
    match act {
        b"\"cluster\"" if worker::is_primary(line.handle) => return worker::hear(text, handle, kind),
        b"\"sockets\"" => counted(line, text),
        // What it cannot read it has to acknowledge too: else nothing comes any more.
        b"\"handle\"" => return handed(line, text, handle, kind),
        _ if handle != 0 => line.say("{\"act\":\"ack\"}"),
        _ => {}
    }
    if handle != 0 {
        let _gone = raw::close(handle);
    }
}

fn handed(line: &Rc<Line>, text: &[u8], handle: Handle, kind: u32) {
    line.say("{\"act\":\"ack\"}");
    let message = raw_member(text, "message").unwrap_or(b"null");
    let handed = match kind {
        attached::STREAM => {
            let stream = Stream::open(handle);
            raw::credit(handle, FIRST_CREDIT);
            if let Some(Value::Text(key)) = Value::parse(text).as_ref().and_then(|it| it.get("key")) {
                line.came.borrow_mut().push((key.clone(), handle));
                stream.came_by(line);
            }
            Handed::Stream(stream)
        }
        attached::LISTENER => Handed::Listener(Received { handle }),
        attached::DATAGRAM => {
            let socket = udp::Socket::received(handle);
            Line::tell(line, ChannelEvent::Handed(message, Handed::Datagram(socket.clone())));
            return socket.close_unless_taken();
        }
        _ => {
            if handle != 0 {
                let _gone = raw::close(handle);
            }
            // It was lost on its way, or it is nothing that there is here.
            return Line::tell(line, ChannelEvent::Message(message));
        }
    };
    Line::tell(line, ChannelEvent::Handed(message, handed));
}

// ---- How many of a server's sockets are here: its process asks ----

fn counted(line: &Line, text: &[u8]) {
    let value = match Value::parse(text) {
        Some(value) => value,
        None => return,
    };
    let (want, key) = match (value.get("want").and_then(Value::text), value.get("key").and_then(Value::text)) {
        (Some(want), Some(key)) => (want, key),
        _ => return,
    };
    let count = line.came.borrow().iter().filter(|(other, _)| other == key).count();
    let key_text = crate::process::escaped(key);
    if want == "count" {
        line.say(&format!("{{\"act\":\"sockets\",\"is\":\"count\",\"key\":\"{}\",\"count\":{}}}", key_text, count));
    } else if count == 0 {
        line.say(&format!("{{\"act\":\"sockets\",\"is\":\"empty\",\"key\":\"{}\"}}", key_text));
    } else {
        line.closing.borrow_mut().push(key.to_owned());
    }
}

/// A stream that came by this channel is gone.
pub(crate) fn lost(line: &Line, handle: Handle) {
    let place = line.came.borrow().iter().position(|(_, other)| *other == handle);
    let key = match place {
        Some(place) => line.came.borrow_mut().swap_remove(place).0,
        None => return,
    };
    let last = !line.came.borrow().iter().any(|(other, _)| *other == key);
    let waited = line.closing.borrow().contains(&key);
    if last && waited {
        line.closing.borrow_mut().retain(|other| *other != key);
        let key = crate::process::escaped(&key);
        line.say(&format!("{{\"act\":\"sockets\",\"is\":\"empty\",\"key\":\"{}\"}}", key));
    }
}
