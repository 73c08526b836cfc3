//! Responses: a head that is collected, and a body in one piece or in many. It must not know requests.
use crate::body::Chunk;
use crate::http::exchange::{watch, Exchange};
use crate::http::fields::Fields;
use crate::net::Stream;
use crate::raw::{self, Handle};
use crate::{Error, Flow, Result};
use skep_abi::errno::EINVAL;
use skep_abi::{respond, write, DRAIN_ABOVE};
use std::cell::RefCell;
use std::rc::Rc;

/// A response. Dropped without an answer it becomes a 500, so that no client waits for ever.
#[derive(Debug)]
pub struct Response {
    exchange: Handle,
    status: u16,
    flags: u32,
    fields: Fields,
    answered: bool,
}

thread_local! {
    /// The last response's field buffer: the next one's.
    static SPARE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Response {
    pub(crate) fn new(exchange: Handle) -> Response {
        let lines = SPARE.with(|spare| std::mem::take(&mut *spare.borrow_mut()));
        Response { exchange, status: 200, flags: 0, fields: Fields { lines, invalid: false }, answered: false }
    }

    /// Another status than 200.
    #[must_use]
    pub fn status(mut self, status: u16) -> Response {
        self.status = status;
        self
    }

    /// One more field. One that cannot be sent (a name that is no token, a value with a control character) is told by
    /// what ends the response.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Response {
        self.fields.push(name, value.as_ref());
        self
    }

    /// The connection ends after it.
    #[must_use]
    pub fn close(mut self) -> Response {
        self.flags |= respond::CLOSE;
        self
    }

    /// Head and whole body.
    ///
    /// # Errors
    /// `EINVAL` for a field or status that cannot be sent, `EBADF` when the client has gone.
    pub fn end(mut self, body: impl AsRef<[u8]>) -> Result<()> {
        self.check()?;
        let flags = respond::END | respond::IMPLICIT | self.flags;
        raw::http_respond(self.exchange, self.status, flags, &self.fields.lines, body.as_ref())?;
        self.answered = true;
        Ok(())
    }

    /// Sends the head; the body follows.
    ///
    /// # Errors
    /// As [`Response::end`].
    pub fn start(mut self) -> Result<Writer> {
        self.check()?;
        raw::http_respond(self.exchange, self.status, self.flags, &self.fields.lines, b"")?;
        self.answered = true;
        let exchange = Exchange::of(self.exchange);
        exchange.writing.set(true);
        Ok(Writer { exchange })
    }

    /// An informational response before the real one: 100, 102 or 103.
    ///
    /// # Errors
    /// As [`Response::end`].
    pub fn inform(&self, status: u16, fields: &[(&str, &str)]) -> Result<()> {
        raw::http_inform(self.exchange, status, &Fields::all(fields)?)
    }

    /// Leaves HTTP: the connection is a stream from now on, and what is written to it is the answer. The server's
    /// [`Options::upgrade`](super::Options::upgrade) must be set.
    ///
    /// # Errors
    /// `EBADF` when the client has gone.
    pub fn upgrade(mut self) -> Result<Stream> {
        let stream = raw::http_upgrade(self.exchange)?;
        self.answered = true;
        Ok(Stream::open(stream))
    }

    fn check(&self) -> Result<()> {
        if self.fields.invalid {
            return Err(Error::from_errno(EINVAL));
        }
        Ok(())
    }

    /// Closes the connection without an answer.
    pub fn abort(mut self) {
        self.answered = true;
        let _gone = raw::close(self.exchange);
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        if !self.answered {
            let _gone = raw::http_respond(self.exchange, 500, respond::END | respond::IMPLICIT, b"", b"");
        }
        let mut fields = std::mem::take(&mut self.fields.lines);
        fields.clear();
        SPARE.with(|spare| *spare.borrow_mut() = fields);
    }
}

/// A response's body, part by part. Dropped before its end it closes the connection: the client must not take a part
/// for the whole.
pub struct Writer {
    exchange: Rc<Exchange>,
}

impl Writer {
    /// Some more bytes.
    ///
    /// # Errors
    /// `EAGAIN` when too much is waiting: nothing was taken. `EBADF` when the client has gone.
    pub fn write(&self, bytes: impl AsRef<[u8]>) -> Result<Flow> {
        let waiting = raw::http_write(self.exchange.handle, 0, bytes.as_ref())?;
        Ok(if waiting > DRAIN_ABOVE { Flow::Full } else { Flow::Open })
    }

    /// Passes bytes on that came from elsewhere. While much is waiting here, their sender is held back.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn pass(&self, chunk: Chunk<'_>) -> Result<Flow> {
        let flow = self.write(&*chunk)?;
        if flow == Flow::Full {
            self.exchange.hold(chunk.into_credit());
        }
        Ok(flow)
    }

    /// Called whenever all that was waiting has gone, after a write that answered [`Flow::Full`].
    pub fn on_drain(&self, call: impl FnMut() + 'static) {
        self.exchange.on_drain(Box::new(call));
    }

    /// Called once: when the last byte is with the kernel, or the client has gone before.
    pub fn on_done(&self, call: impl FnOnce(Result<()>) + 'static) {
        watch(&self.exchange, Box::new(call));
    }

    /// That was all.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn end(self) -> Result<()> {
        self.end_with(&[])
    }

    /// That was all, but for trailers.
    ///
    /// # Errors
    /// As [`Writer::write`]; `EINVAL` for a trailer that cannot be sent.
    pub fn end_with(self, trailers: &[(&str, &str)]) -> Result<()> {
        let lines = Fields::all(trailers)?;
        let flags = if self.exchange.is_watched() { write::WATCH } else { 0 };
        let result = raw::http_end(self.exchange.handle, flags, &lines);
        self.exchange.ended();
        result
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.exchange.writing.get() {
            self.exchange.ended();
            let _gone = raw::close(self.exchange.handle);
        }
    }
}
