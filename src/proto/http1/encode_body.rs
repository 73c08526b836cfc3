//! Bodies on their way out: what of the guest's bytes goes on the wire, and what the connection can do afterwards.
//!
//! *Invariant:* what follows a head on the wire is exactly what the head announced, whatever the guest writes; where it
//! cannot be, the connection closes. It must not know heads.

use super::encode_fields::append_trailers;
use super::error::EncodeFault;
use super::state::Sending;

/// The rest of one message that is going out: given by its head, carried through its body, used up by its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseFraming {
    pub(super) sending: Sending,
    /// Bytes beyond the declared length were offered.
    pub(super) excess: bool,
    /// Whether the connection may carry another message after this one, if the body turns out whole.
    pub keep_alive: bool,
    /// The head says `Connection: close` although Node leaves the connection open for what has already been
    /// pipelined (`maxRequestsPerSocket`, answered with 503).
    pub announced_close: bool,
    /// The head was a 101: the connection leaves HTTP.
    pub switches: bool,
}

/// What became of body bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// All are on the wire.
    All,
    /// The message has no body on the wire; they were dropped, as Node does (R12).
    NoBody,
    /// So many at the end were beyond the declared Content-Length and were dropped.
    Excess(usize),
}

/// What an ended message leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The connection may go on; otherwise it must be closed when the bytes are out.
    pub keep_alive: bool,
    /// The body was as long as its head said.
    pub is_whole: bool,
}

impl ResponseFraming {
    pub(super) fn new(sending: Sending, keep_alive: bool) -> ResponseFraming {
        ResponseFraming { sending, excess: false, keep_alive, announced_close: false, switches: false }
    }

    /// Whether body bytes will be seen by the peer at all.
    pub fn has_body(&self) -> bool {
        !matches!(self.sending, Sending::NoBody | Sending::Ended)
    }

    /// Whether the body goes out in chunks, so that trailers can follow it.
    pub fn is_chunked(&self) -> bool {
        self.sending == Sending::Chunked
    }

    /// Whether [`encode_end`] has been called.
    pub fn has_ended(&self) -> bool {
        self.sending == Sending::Ended
    }
}

/// Appends `data` in the message's framing (RFC 9112 section 6 and 7.1); no data, no bytes.
///
/// Fails with [`EncodeFault::WriteAfterEnd`] when the message is over.
pub fn encode_body(framing: &mut ResponseFraming, out: &mut Vec<u8>, data: &[u8]) -> Result<Accepted, EncodeFault> {
    match framing.sending {
        Sending::Ended => return Err(EncodeFault::WriteAfterEnd),
        _ if data.is_empty() => return Ok(Accepted::All),
        Sending::NoBody => return Ok(Accepted::NoBody),
        Sending::UntilClose => out.extend_from_slice(data),
        Sending::Chunked => append_chunk(out, data),
        Sending::Length(left) => {
            let taken = usize::try_from(left).map_or(data.len(), |left| left.min(data.len()));
            out.extend_from_slice(&data[..taken]);
            framing.sending = framing.sending.body_sent(taken as u64);
            if taken < data.len() {
                framing.excess = true;
                return Ok(Accepted::Excess(data.len() - taken));
            }
        }
    }
    Ok(Accepted::All)
}

/// Ends the message. `trailers` is a block of field lines, sent only after chunks and otherwise left out, as Node does.
///
/// Fails, with nothing appended and the message still open, when it is already over or a trailer line is bad.
pub fn encode_end(framing: &mut ResponseFraming, out: &mut Vec<u8>, trailers: &[u8]) -> Result<Sent, EncodeFault> {
    match framing.sending {
        Sending::Ended => return Err(EncodeFault::WriteAfterEnd),
        Sending::Chunked if trailers.is_empty() => out.extend_from_slice(b"0\r\n\r\n"),
        Sending::Chunked => {
            let before = out.len();
            out.extend_from_slice(b"0\r\n");
            append_trailers(out, trailers).inspect_err(|_| out.truncate(before))?;
            out.extend_from_slice(b"\r\n");
        }
        _ => {}
    }
    let is_whole = !matches!(framing.sending, Sending::Length(1..)) && !framing.excess;
    // Excess bytes never reached the wire, so framing is intact; but the guest meant something else than the peer
    // saw, and a connection is cheaper than a doubt.
    let keep_alive = framing.keep_alive && framing.sending.is_whole() && !framing.excess;
    framing.sending = framing.sending.ended();
    framing.keep_alive = keep_alive;
    Ok(Sent { keep_alive, is_whole })
}

/// `<hex length> CRLF` in an array, with its length in bytes: for callers that write data without copying it, who
/// add CRLF after the data.
///
/// *Invariant:* `len` is not 0, which would be the last chunk and let a guest end its message twice; asserted in every
/// build, since what follows would be read as the next response.
pub fn chunk_head(len: usize) -> ([u8; 18], usize) {
    assert!(len > 0, "an empty chunk ends the body");
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = (usize::BITS - (len | 1).leading_zeros()).div_ceil(4) as usize;
    let mut head = [0; 18];
    let mut rest = len;
    for slot in head[..digits].iter_mut().rev() {
        *slot = DIGITS[rest & 15];
        rest >>= 4;
    }
    head[digits..digits + 2].copy_from_slice(b"\r\n");
    (head, digits + 2)
}

fn append_chunk(out: &mut Vec<u8>, data: &[u8]) {
    let (head, len) = chunk_head(data.len());
    out.reserve(len + data.len() + 7); // the last chunk often follows
    out.extend_from_slice(&head[..len]);
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}
