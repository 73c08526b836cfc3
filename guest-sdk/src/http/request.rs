//! Requests: a head that is read where it stands, and a body that comes in parts. It must not know responses.
use crate::body::Chunk;
use crate::events::Head;
use crate::http::Exchange;
use crate::raw::{self, Handle};
use crate::{net, Error, Result};
use skep_abi::errno::EMSGSIZE;
use skep_abi::names::METHODS;
use skep_abi::request;

/// A request, for as long as the handler runs. Dropping it with a body unread throws the body away.
#[derive(Debug)]
pub struct Request<'a> {
    exchange: Handle,
    head: Head<'a>,
    taken: bool,
}

/// Part of a body.
#[derive(Debug)]
pub enum Part<'a> {
    /// Some bytes. As long as the chunk's credit is held, the peer is held back.
    Data(Chunk<'a>),
    /// That was all; trailers as `Name: value` lines, each ended by CR LF.
    End(&'a [u8]),
    /// The connection was lost before.
    Aborted(Error),
}

impl<'a> Request<'a> {
    pub(crate) fn new(exchange: Handle, head: Head<'a>) -> Request<'a> {
        Request { exchange, head, taken: false }
    }

    /// `GET`, `POST`...
    pub fn method(&self) -> &'static str {
        METHODS.get(usize::from(self.head.record.method)).copied().unwrap_or("")
    }

    /// The request target as it came: path and query. It is ASCII.
    pub fn target(&self) -> &'a str {
        std::str::from_utf8(self.head.target()).unwrap_or("")
    }

    /// The target up to a question mark.
    pub fn path(&self) -> &'a str {
        self.target().split('?').next().unwrap_or("")
    }

    /// What follows the question mark.
    pub fn query(&self) -> Option<&'a str> {
        self.target().split_once('?').map(|(_, query)| query)
    }

    /// The first field of this name, in any case of letters.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        let same = |field: &(&[u8], &[u8])| field.0.eq_ignore_ascii_case(name.as_bytes());
        self.head.fields().find(same).map(|(_, value)| value)
    }

    /// Names and values in the order in which they came.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.head.fields()
    }

    /// HTTP/1.`minor`.
    pub fn minor_version(&self) -> u8 {
        self.head.record.minor
    }

    /// The client asks to leave HTTP.
    pub fn wants_upgrade(&self) -> bool {
        self.head.record.flags & request::UPGRADE != 0
    }

    /// `address:port` of the peer.
    ///
    /// # Errors
    /// `EBADF` when the connection is gone.
    pub fn peer(&self) -> Result<net::Address> {
        net::Address::from_host(&raw::address(self.exchange, 1)?)
    }

    /// The whole body where it stands, if it came with the head (small ones do).
    pub fn whole_body(&self) -> Option<&'a [u8]> {
        if self.is_complete() {
            Some(self.head.body)
        } else {
            None
        }
    }

    /// The body, to be read.
    pub fn body(mut self) -> Body {
        self.taken = true;
        Body { exchange: self.exchange, first: self.head.body.to_vec(), complete: self.is_complete(), begun: false }
    }

    fn is_complete(&self) -> bool {
        self.head.record.flags & request::COMPLETE != 0
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        if !self.taken && !self.is_complete() {
            discard(self.exchange, self.head.body.len());
        }
    }
}

/// Throws away what is left.
fn discard(exchange: Handle, first: usize) {
    Exchange::of(exchange).read(None);
    if first > 0 {
        raw::credit(exchange, first as u32);
    }
}

impl std::fmt::Debug for Head<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.record, out)
    }
}

/// A request's body. It can be kept: nothing beyond its first bytes is read before somebody asks. Dropping it throws the
/// body away.
#[derive(Debug)]
pub struct Body {
    exchange: Handle,
    first: Vec<u8>,
    complete: bool,
    begun: bool,
}

impl Body {
    /// Has every part told, the first of them at once.
    pub fn stream(mut self, mut call: impl FnMut(Part<'_>) + 'static) {
        self.begun = true;
        let first = std::mem::take(&mut self.first);
        if !first.is_empty() {
            call(Part::Data(Chunk::new(&first, self.exchange, !self.complete)));
        }
        if self.complete {
            call(Part::End(b""));
        } else {
            Exchange::of(self.exchange).read(Some(Box::new(call)));
        }
    }

    /// Collects it all; a body that came whole is told at once.
    ///
    /// `call` is told `EMSGSIZE` when the body is longer than `limit` bytes (the rest is thrown away), or what the
    /// connection was lost of.
    pub fn read(self, limit: usize, call: impl FnOnce(Result<Vec<u8>>) + 'static) {
        let mut call = Some(call);
        let mut collected = Vec::new();
        self.stream(move |part| {
            let result = match part {
                Part::Data(chunk) if collected.len() + chunk.len() > limit => Err(Error::from_errno(EMSGSIZE)),
                Part::Data(chunk) => {
                    collected.extend_from_slice(&chunk);
                    return;
                }
                Part::End(_) => Ok(std::mem::take(&mut collected)),
                Part::Aborted(error) => Err(error),
            };
            if let Some(call) = call.take() {
                call(result);
            }
        });
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if !self.begun && !self.complete {
            discard(self.exchange, self.first.len());
        }
    }
}
