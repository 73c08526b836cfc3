//! Heads on their way out: Node 20's `OutgoingMessage._storeHeader`, in its order and spelling.
//!
//! Where Node lets a script send framing that contradicts itself, this does not: see `encode_fields` and R1 to R4.
//! It must not know the time (the Date comes in), nor what the script's objects look like.

use super::encode_body::{ResponseFraming, Sent, encode_body, encode_end};
use super::encode_fields::{Facts, is_value};
use super::error::EncodeFault;
use super::framing::Coding;
use super::headers::{is_token, is_value_byte};
use super::state::Sending;
use super::status::default_reason;

/// Header fields that the script removed, and that are therefore not added by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// `removeHeader('Connection')`
    pub connection: bool,
    /// `removeHeader('Content-Length')`
    pub content_length: bool,
    /// `removeHeader('Transfer-Encoding')`
    pub transfer_encoding: bool,
}

/// What Node's `ServerResponse` knows when it stores its head.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The 0 or 1 of the request's HTTP/1.x. The response says HTTP/1.1 in any case.
    pub request_version_minor: u8,
    /// The request was a HEAD: the same head, no body.
    pub method_is_head: bool,
    /// 100 to 999.
    pub status: u16,
    /// The reason phrase; `None` for the default one.
    pub reason: Option<&'a [u8]>,
    /// `Name: value CRLF` lines from the guest, unchecked.
    pub fields: &'a [u8],
    /// The body's length in bytes, if all of it came with `end()` before the head was stored.
    pub content_length: Option<u64>,
    /// `useChunkedEncodingByDefault`: false for an HTTP/1.0 request without `TE: chunked`.
    pub use_chunked_by_default: bool,
    /// `shouldKeepAlive`: [`super::Head::keep_alive`] unless the script changed it.
    pub should_keep_alive: bool,
    /// `sendDate`
    pub send_date: bool,
    /// What `removeHeader` took away.
    pub removed: Removed,
    /// `keepAliveTimeout` in whole seconds, rounded down; `None` if it is 0 ms.
    pub keep_alive_timeout_secs: Option<u32>,
    /// `maxRequestsPerSocket`, 0 for no maximum.
    pub max_requests: u32,
    /// This request reaches or exceeds that maximum.
    pub max_requests_reached: bool,
    /// The server is draining: close after this response and say so if the guest has not said otherwise.
    pub closing: bool,
}

impl Default for ResponseHead<'_> {
    fn default() -> Self {
        ResponseHead {
            request_version_minor: 1,
            method_is_head: false,
            status: 200,
            reason: None,
            fields: b"",
            content_length: None,
            use_chunked_by_default: true,
            should_keep_alive: true,
            send_date: true,
            removed: Removed::default(),
            keep_alive_timeout_secs: Some(5),
            max_requests: 0,
            max_requests_reached: false,
            closing: false,
        }
    }
}

/// What Node's `ClientRequest` knows when it stores its head.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// Any token.
    pub method: &'a [u8],
    /// The target, in the form its method needs.
    pub target: &'a [u8],
    /// `Name: value CRLF` lines from the guest, unchecked; Host is one of them.
    pub fields: &'a [u8],
    /// The body's length in bytes, if all of it came with `end()` before the head was stored.
    pub content_length: Option<u64>,
    /// `useChunkedEncodingByDefault`: false for GET, HEAD, DELETE, OPTIONS, TRACE and CONNECT.
    pub use_chunked_by_default: bool,
    /// `shouldKeepAlive`: the agent keeps connections.
    pub should_keep_alive: bool,
    /// The request goes through an agent.
    pub has_agent: bool,
    /// What `removeHeader` took away.
    pub removed: Removed,
}

/// Appends a response head (RFC 9112 section 4) and tells how its body is to be sent.
///
/// On a fault nothing has been appended. `date` is the value for the Date field, from [`super::imf_fixdate`].
pub fn encode_response_head(
    out: &mut Vec<u8>,
    head: &ResponseHead<'_>,
    date: &[u8; 29],
) -> Result<ResponseFraming, EncodeFault> {
    if !(100..=999).contains(&head.status) {
        return Err(EncodeFault::InvalidStatus);
    }
    let facts = Facts::gather(head.fields, true)?;
    let is_interim = head.status < 200;
    let has_body = !head.method_is_head && !is_interim && head.status != 204 && head.status != 304;
    let mut plan = Plan {
        has_body,
        is_request: false,
        use_chunked_by_default: head.use_chunked_by_default,
        should_keep_alive: (head.should_keep_alive && !head.closing) || (facts.has_connection && !facts.closes),
        has_agent: false,
        removed: head.removed,
        content_length: head.content_length,
        last: facts.closes || head.closing,
    };
    if facts.coding == Coding::Chunked && matches!(head.status, 204 | 304) {
        plan.should_keep_alive = false; // as Node: a client may believe in the chunks that do not come
        plan.last = true;
    }
    if facts.coding == Coding::Chunked && head.request_version_minor == 0 {
        plan.last = true; // a 1.0 client reads on until the connection closes
    }
    if facts.coding == Coding::Other && has_body {
        plan.should_keep_alive = false; // nothing but the connection's end can end it
        plan.last = true;
    }
    let checkpoint = out.len();
    status_line(out, head.status, head.reason)?;
    // RFC 9110 section 8.6: neither field in 1xx and 204. Someone behind us might believe it and wait for a body.
    let skip = if is_interim || head.status == 204 { facts.framing_line.clone() } else { 0..0 };
    append_without(out, head.fields, skip);
    if head.send_date && !facts.has_date {
        append_all(out, &[b"Date: ", date, b"\r\n"]);
    }
    let announced_close = plan.connection(out, &facts, head);
    let sending = plan.framing(out, &facts).inspect_err(|_| out.truncate(checkpoint))?;
    out.extend_from_slice(b"\r\n");
    let keep_alive = !plan.last && (!is_interim || head.status == 101);
    let switches = head.status == 101;
    Ok(ResponseFraming { announced_close, switches, ..ResponseFraming::new(sending, keep_alive) })
}

/// A whole response in one call: head, body, end. `head.content_length` is taken as it is, since Node sends chunks
/// when `writeHead` came before `end`. On a fault nothing has been appended.
pub fn encode_response(
    out: &mut Vec<u8>,
    head: &ResponseHead<'_>,
    body: &[u8],
    date: &[u8; 29],
) -> Result<Sent, EncodeFault> {
    let reason = head.reason.map_or(32, <[u8]>::len);
    out.reserve(160 + reason + head.fields.len() + body.len());
    let mut framing = encode_response_head(out, head, date)?;
    encode_body(&mut framing, out, body)?;
    encode_end(&mut framing, out, b"")
}

/// Appends an interim response: 100, 102 or 103 (RFC 9110 section 15.2). On a fault nothing has been appended.
pub fn encode_informational(out: &mut Vec<u8>, status: u16, fields: &[u8]) -> Result<(), EncodeFault> {
    if !matches!(status, 100 | 102 | 103) {
        return Err(EncodeFault::InvalidStatus);
    }
    let facts = Facts::gather(fields, true)?;
    status_line(out, status, None)?;
    append_without(out, fields, facts.framing_line);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends the bodiless response that Node writes when a request could not be read: 400, 408, 413, 431 and their like.
pub fn encode_error_response(out: &mut Vec<u8>, status: u16) {
    debug_assert!((400..=599).contains(&status), "an error has an error's status");
    append_status(out, status);
    // Both are about now: what is bounded is bounded by the second.
    let after: &[u8] = if matches!(status, 429 | 503) { b"Retry-After: 1\r\n" } else { b"" };
    append_all(out, &[default_reason(status).as_bytes(), b"\r\n", after, b"Connection: close\r\n\r\n"]);
}

/// Appends a request head (RFC 9112 section 3) and tells how its body is to be sent. On a fault nothing has been
/// appended.
///
/// Unlike Node's, a body with a method that has none by default is never sent unframed: it gets a Content-Length
/// if its length is known, and is dropped otherwise (RUSTSEC-2020-0008).
pub fn encode_request_head(out: &mut Vec<u8>, head: &RequestHead<'_>) -> Result<ResponseFraming, EncodeFault> {
    if !is_token(head.method) {
        return Err(EncodeFault::InvalidMethod);
    }
    let is_bad = |&byte: &u8| byte <= b' ' || !is_value_byte(byte);
    if head.target.is_empty() || head.target.iter().any(is_bad) {
        return Err(EncodeFault::InvalidTarget);
    }
    let facts = Facts::gather(head.fields, false)?;
    let mut plan = Plan {
        has_body: true,
        is_request: true,
        use_chunked_by_default: head.use_chunked_by_default,
        should_keep_alive: head.should_keep_alive || (facts.has_connection && !facts.closes),
        has_agent: head.has_agent,
        removed: head.removed,
        content_length: head.content_length,
        last: facts.closes,
    };
    let checkpoint = out.len();
    append_all(out, &[head.method, b" ", head.target, b" HTTP/1.1\r\n", head.fields]);
    let without_timeout = ResponseHead { keep_alive_timeout_secs: None, ..ResponseHead::default() };
    plan.connection(out, &facts, &without_timeout);
    let sending = plan.framing(out, &facts).inspect_err(|_| out.truncate(checkpoint))?;
    out.extend_from_slice(b"\r\n");
    Ok(ResponseFraming::new(sending, !plan.last))
}

/// `_storeHeader`'s variables.
struct Plan {
    has_body: bool,
    is_request: bool,
    use_chunked_by_default: bool,
    should_keep_alive: bool,
    has_agent: bool,
    removed: Removed,
    content_length: Option<u64>,
    /// Node's `_last`: the connection closes after this message.
    last: bool,
}

impl Plan {
    /// The Connection and Keep-Alive fields; true if `close` was announced without closing.
    fn connection(&mut self, out: &mut Vec<u8>, facts: &Facts, head: &ResponseHead<'_>) -> bool {
        if facts.has_connection {
            return false;
        }
        if self.removed.connection {
            self.last |= !self.should_keep_alive;
            return false;
        }
        let is_framed = facts.length.is_some() || self.use_chunked_by_default || self.has_agent;
        if !self.should_keep_alive || !is_framed {
            self.last = true;
            out.extend_from_slice(b"Connection: close\r\n");
            return false;
        }
        if head.max_requests_reached {
            out.extend_from_slice(b"Connection: close\r\n");
            return true;
        }
        match head.keep_alive_timeout_secs.filter(|_| !facts.has_keep_alive) {
            Some(5) if head.max_requests == 0 => {
                out.extend_from_slice(b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n");
            }
            Some(seconds) => {
                out.extend_from_slice(b"Connection: keep-alive\r\nKeep-Alive: timeout=");
                append_decimal(out, u64::from(seconds));
                if head.max_requests > 0 {
                    out.extend_from_slice(b", max=");
                    append_decimal(out, u64::from(head.max_requests));
                }
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        }
        false
    }

    /// The Content-Length or Transfer-Encoding field, if the guest gave neither, and the framing that follows from all.
    fn framing(&mut self, out: &mut Vec<u8>, facts: &Facts) -> Result<Sending, EncodeFault> {
        let sending = match (facts.coding, facts.length) {
            (Coding::None, Some(length)) => Sending::Length(length),
            (Coding::None, None) if !self.has_body => Sending::NoBody,
            (Coding::None, None) => self.default_framing(out, facts),
            (Coding::Chunked, _) => Sending::Chunked,
            _ => Sending::UntilClose,
        };
        if facts.has_trailer && sending != Sending::Chunked {
            return Err(EncodeFault::TrailerInvalid);
        }
        Ok(if self.has_body { sending } else { Sending::NoBody })
    }

    fn default_framing(&mut self, out: &mut Vec<u8>, facts: &Facts) -> Sending {
        let length = self.content_length.filter(|_| !facts.has_trailer && !self.removed.content_length);
        let length = length.filter(|&length| self.use_chunked_by_default || (self.is_request && length > 0));
        if let Some(length) = length {
            out.extend_from_slice(b"Content-Length: ");
            append_decimal(out, length);
            out.extend_from_slice(b"\r\n");
            return Sending::Length(length);
        }
        if self.use_chunked_by_default && !self.removed.transfer_encoding {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
            return Sending::Chunked;
        }
        if self.is_request {
            return Sending::NoBody; // a request has no other way to end its body
        }
        self.last = true;
        Sending::UntilClose
    }
}

/// The status line; on a fault nothing has been appended.
fn status_line(out: &mut Vec<u8>, status: u16, reason: Option<&[u8]>) -> Result<(), EncodeFault> {
    let reason = match reason {
        Some(reason) if !is_value(reason) => return Err(EncodeFault::InvalidReason),
        Some(reason) => reason,
        None if status == 200 => {
            out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
            return Ok(());
        }
        None => default_reason(status).as_bytes(),
    };
    append_status(out, status);
    append_all(out, &[reason, b"\r\n"]);
    Ok(())
}

fn append_status(out: &mut Vec<u8>, status: u16) {
    out.extend_from_slice(b"HTTP/1.1 ");
    append_decimal(out, u64::from(status));
    out.push(b' ');
}

fn append_all(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

fn append_without(out: &mut Vec<u8>, block: &[u8], skip: std::ops::Range<usize>) {
    out.extend_from_slice(&block[..skip.start]);
    out.extend_from_slice(&block[skip.end..]);
}

fn append_decimal(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = value;
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}
