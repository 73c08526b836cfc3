//! Requests: a head that is read where it stands, and a body that comes in parts. It must not know responses.
use crate::body::Chunk;
use crate::events::Head;
use crate::http::inflow::Inflow;
use crate::http::Exchange;
use crate::raw::{self, Handle};
use crate::{net, Error, Result};
use skep_abi::errno::EMSGSIZE;
use skep_abi::names::METHODS;
use skep_abi::request;
use std::rc::Rc;

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
        if self.is_complete() {
            return Body::whole(self.head.body.to_vec());
        }
        let inflow = Exchange::of(self.exchange).inflow();
        if !self.head.body.is_empty() {
            inflow.data(Chunk::new(self.head.body, self.exchange, true));
        }
        Body::of(inflow)
    }

    fn is_complete(&self) -> bool {
        self.head.record.flags & request::COMPLETE != 0
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        if !self.taken && !self.is_complete() {
            Exchange::of(self.exchange).inflow().discard();
            drop(Chunk::new(self.head.body, self.exchange, true));
        }
    }
}

impl std::fmt::Debug for Head<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.record, out)
    }
}

/// A body. It can be kept: beyond its first 64 KiB nothing is read before somebody asks. Dropped unread, a request's is
/// thrown away, and a reply's closes the connection if not all of it has come.
pub struct Body {
    /// All of it, or what tells it part by part.
    whole: Vec<u8>,
    inflow: Option<Rc<Inflow>>,
}

impl Body {
    pub(crate) fn whole(bytes: Vec<u8>) -> Body {
        Body { whole: bytes, inflow: None }
    }

    pub(crate) fn of(inflow: Rc<Inflow>) -> Body {
        Body { whole: Vec::new(), inflow: Some(inflow) }
    }

    /// What came whole, and nothing of what comes in parts.
    pub(crate) fn into_whole(mut self) -> Vec<u8> {
        std::mem::take(&mut self.whole)
    }

    /// Has every part told, those that have come at once.
    pub fn stream(mut self, mut call: impl FnMut(Part<'_>) + 'static) {
        if let Some(inflow) = self.inflow.take() {
            return inflow.read(Box::new(call));
        }
        if !self.whole.is_empty() {
            call(Part::Data(Chunk::new(&self.whole, 0, false)));
        }
        call(Part::End(b""));
    }

    /// Collects it all; a body that came whole is told at once.
    ///
    /// `call` is told `EMSGSIZE` when the body is longer than `limit` bytes (the rest is thrown away), or what the
    /// connection was lost of.
    pub fn read(self, limit: usize, call: impl FnOnce(Result<Vec<u8>>) + 'static) {
        let mut call = Some(call);
        let mut collected = Vec::new();
        let inflow = self.inflow.clone();
        self.stream(move |part| {
            let result = match part {
                Part::Data(chunk) if collected.len() + chunk.len() > limit => {
                    inflow.iter().for_each(|inflow| inflow.discard());
                    Err(Error::from_errno(EMSGSIZE))
                }
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

impl std::fmt::Debug for Body {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.inflow.is_some() { "in parts" } else { "whole" };
        write!(out, "Body({})", kind)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(inflow) = self.inflow.take() {
            inflow.discard();
        }
    }
}
