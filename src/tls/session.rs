//! One TLS connection, of either side. Records that are made and not yet on the wire are kept here; nothing else is. It must
//! not know what carries the wire's bytes.
use rustls::Connection;
use std::fmt;
use std::io::{self, Read, Write as _};

/// Records made at once, in bytes: what is beyond is made when these are on the wire.
const SEALED_MAX: usize = 64 << 10;

/// What there is to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// Bytes.
    Bytes(usize),
    /// None before more has come from the wire.
    Nothing,
    /// The peer has said that it sends no more.
    End,
}

/// The state of one connection.
pub struct Session {
    link: Box<Connection>,
    /// Records for the wire.
    sealed: Vec<u8>,
    /// How much of them is on the wire.
    sent: usize,
    /// The last record says that there will be none.
    closed: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({} bytes sealed)", self.waiting().len())
    }
}

impl Session {
    pub(super) fn new(link: Connection) -> Session {
        Session { link: Box::new(link), sealed: Vec::new(), sent: 0, closed: false }
    }

    /// Takes in what one read of the wire gives; answers how many bytes, 0 at the wire's end. What could be read before must
    /// have been. When the peer broke the protocol it is an `InvalidData` error, and what is sealed then tells the peer.
    pub fn take_in(&mut self, wire: &mut impl Read) -> io::Result<usize> {
        let count = self.link.read_tls(wire)?;
        let taken = self.link.process_new_packets();
        self.seal_waiting();
        taken.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(count)
    }

    /// Reads what was said.
    pub fn read(&mut self, buf: &mut [u8]) -> Plain {
        match self.link.reader().read(buf) {
            Ok(0) => Plain::End,
            Ok(count) => Plain::Bytes(count),
            // The wire's end without the peer's word (`UnexpectedEof`) is the caller's to see: it has read it.
            Err(_) => Plain::Nothing,
        }
    }

    /// Whether there is something to read without the wire: bytes, or the end.
    pub fn has_more(&mut self) -> bool {
        // What `process_new_packets` last found; asking it again changes nothing.
        let found = self.link.process_new_packets();
        found.is_ok_and(|state| state.plaintext_bytes_to_read() > 0 || state.peer_has_closed())
    }

    /// Makes records of `plain`, as much as may wait; answers how much. Nothing before hands are shaken.
    pub fn seal(&mut self, plain: &[u8]) -> usize {
        if self.link.is_handshaking() || self.closed {
            return 0;
        }
        let room = SEALED_MAX.saturating_sub(self.waiting().len());
        let taken = self.link.writer().write(&plain[..plain.len().min(room)]).unwrap_or(0);
        self.seal_waiting();
        taken
    }

    /// Says that nothing more will be sent. Twice says it once.
    pub fn close(&mut self) {
        if !std::mem::replace(&mut self.closed, true) {
            self.link.send_close_notify();
            self.seal_waiting();
        }
    }

    /// Records for the wire.
    pub fn waiting(&self) -> &[u8] {
        &self.sealed[self.sent..]
    }

    /// The first `count` bytes of them are on the wire.
    pub fn advance(&mut self, count: usize) {
        self.sent += count;
        if self.sent >= self.sealed.len() {
            // An idle connection holds no buffer.
            (self.sealed, self.sent) = (Vec::new(), 0);
        }
    }

    /// Whether hands are being shaken.
    pub fn is_handshaking(&self) -> bool {
        self.link.is_handshaking()
    }

    /// Whether it was said that nothing more will be sent.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The name that the client asked for, when it is known.
    pub fn server_name(&self) -> Option<&str> {
        match &*self.link {
            Connection::Server(server) => server.server_name(),
            Connection::Client(_) => None,
        }
    }

    fn seal_waiting(&mut self) {
        while self.link.wants_write() {
            let made = self.link.write_tls(&mut self.sealed);
            made.expect("a Vec takes all that it is given");
        }
    }
}
