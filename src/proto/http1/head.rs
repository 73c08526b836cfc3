//! A whole head, or trailer section, from bytes to offsets: httparse, then the strictness it lacks.
//!
//! httparse takes a bare LF as a line end, any token as a method and UTF-8 in a target; none pass here.
//! Why something was refused is not this file's to say: `scan` looks again and names the first bad byte.
//! It must not know what fields mean; `framing` does.

use super::framing::{BodyKind, Expect};
use super::headers::{Field, HeaderId, is_target_byte, is_trailer_allowed};
use super::method::Method;
use std::mem::MaybeUninit;

/// How a status line may begin, to llhttp, besides `HTTP/1.`; and what it is read as, which is never shorter.
pub(super) const FOREIGN: [(&[u8], &[u8]); 3] =
    [(b"HTTP/0.9", b"HTTP/1.0"), (b"RTSP/1.", b"HTTP/1."), (b"ICE/1.", b"HTTP/1.")];

/// Field lines that are parsed without the heap.
const STACK_FIELDS: usize = 64;

/// A run of bytes within a head: offset and length in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte from the head's first.
    pub start: u32,
    /// How many bytes; zero is allowed.
    pub len: u32,
}

impl Span {
    /// The bytes themselves. `section` must be the bytes this span was found in.
    pub fn of(self, section: &[u8]) -> &[u8] {
        &section[self.start as usize..self.start as usize + self.len as usize]
    }
}

/// The first line of a head, less its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine {
    /// A request line (RFC 9112 section 3).
    Request {
        /// One of Node's methods.
        method: Method,
        /// The target, exactly as it was sent and already checked for its form.
        target: Span,
    },
    /// A status line (RFC 9112 section 4).
    Status {
        /// 100 to 999.
        code: u16,
        /// The reason phrase; may be empty.
        reason: Span,
    },
}

impl StartLine {
    /// True for a request line.
    pub fn is_request(&self) -> bool {
        matches!(self, StartLine::Request { .. })
    }
}

/// One message's head. The bytes live in the caller's input or scratch until the next call of the decoder.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The head as it was sent, from the start line through the empty line.
    pub bytes: &'a [u8],
    /// Every field line, in order, as offsets into `bytes`; nothing is left out (R15).
    pub fields: &'a [Field],
    /// Request line or status line.
    pub start: StartLine,
    /// The 0 or 1 of HTTP/1.x.
    pub version_minor: u8,
    /// What delimits the body. This very value drives the decoder.
    pub body: BodyKind,
    /// Whether another message may follow on this connection, for all this head says.
    pub keep_alive: bool,
    /// The request asks for an upgrade or a tunnel, or the response grants it.
    pub upgrade: bool,
    /// What the Expect field asks for; always `None` in responses and HTTP/1.0.
    pub expect: Expect,
}

impl<'a> Head<'a> {
    /// The first field with this id, if any.
    pub fn field(&self, id: HeaderId) -> Option<&'a [u8]> {
        let bytes = self.bytes;
        self.fields.iter().find(|field| field.id == id).map(|field| field.value_in(bytes))
    }

    /// The method, for a request.
    pub fn method(&self) -> Option<Method> {
        match self.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Status { .. } => None,
        }
    }

    /// The request target's bytes; empty for a response.
    pub fn target(&self) -> &'a [u8] {
        match self.start {
            StartLine::Request { target, .. } => target.of(self.bytes),
            StartLine::Status { .. } => b"",
        }
    }

    /// The status code; 0 for a request.
    pub fn status(&self) -> u16 {
        match self.start {
            StartLine::Request { .. } => 0,
            StartLine::Status { code, .. } => code,
        }
    }

    /// An interim response: another head follows and no [`super::Item::End`] comes for this one.
    pub fn is_informational(&self) -> bool {
        matches!(self.status(), 100 | 102..=199)
    }
}

/// The trailer section of a chunked message. Fields that may not be trailers are left out of `fields` (R14); none is
/// ever to be merged into the head's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trailers<'a> {
    /// The section as it was sent; empty when there were no trailers.
    pub bytes: &'a [u8],
    /// The permitted field lines, in order, as offsets into `bytes`.
    pub fields: &'a [Field],
}

/// What a parse of a section came to.
pub(super) enum Parsed<T> {
    /// It is whole and this many bytes long; the caller's field table is filled.
    Whole(usize, T),
    /// More bytes are needed, if those there are any good.
    Partial,
    /// It is bad, or has more than `STACK_FIELDS` fields.
    Refused,
}

/// A start line with its version.
pub(super) type First = (StartLine, u8);

/// Parses a request head at the start of `bytes`. `many` is how many fields to make room for, if more than usual.
pub(super) fn request(bytes: &[u8], many: usize, fields: &mut Vec<Field>) -> Parsed<First> {
    let mut parsed = httparse::Request::new(&mut []);
    let mut heap;
    let mut stack;
    let status = if many > STACK_FIELDS {
        heap = vec![httparse::EMPTY_HEADER; many];
        parsed.headers = &mut heap;
        parsed.parse(bytes)
    } else {
        stack = [const { MaybeUninit::uninit() }; STACK_FIELDS];
        parsed.parse_with_uninit_headers(bytes, &mut stack)
    };
    let len = match status {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Parsed::Partial,
        Err(_) => return Parsed::Refused,
    };
    let (Some(method), Some(path), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
        return Parsed::Refused;
    };
    let Some(method) = Method::from_bytes(method.as_bytes()) else { return Parsed::Refused };
    let target = span_of(bytes, path.as_bytes());
    let is_strict = path.bytes().all(is_target_byte) && record(&bytes[..len], parsed.headers, fields);
    if is_strict { Parsed::Whole(len, (StartLine::Request { method, target }, minor)) } else { Parsed::Refused }
}

/// Parses a response head at the start of `bytes`. `many` is how many fields to make room for, if more than usual.
pub(super) fn response(bytes: &[u8], many: usize, fields: &mut Vec<Field>) -> Parsed<First> {
    let mut parsed = httparse::Response::new(&mut []);
    let mut heap;
    let mut stack;
    let status = if many > STACK_FIELDS {
        heap = vec![httparse::EMPTY_HEADER; many];
        parsed.headers = &mut heap;
        parsed.parse(bytes)
    } else {
        stack = [const { MaybeUninit::uninit() }; STACK_FIELDS];
        httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, bytes, &mut stack)
    };
    let len = match status {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Parsed::Partial,
        Err(_) => return Parsed::Refused,
    };
    let (Some(code), Some(minor)) = (parsed.code, parsed.version) else { return Parsed::Refused };
    if code < 100 || !record(&bytes[..len], parsed.headers, fields) {
        return Parsed::Refused;
    }
    // `HTTP/1.x ddd` is 12 bytes; then CRLF, or SP and a phrase. httparse gives no phrase that has obs-text.
    let line = bytes.iter().position(|&byte| byte == b'\r').unwrap_or(12);
    let reason =
        if line > 13 { Span { start: 13, len: (line - 13) as u32 } } else { Span { start: line as u32, len: 0 } };
    Parsed::Whole(len, (StartLine::Status { code, reason }, minor))
}

/// The same, where a status line may begin as [`FOREIGN`] says.
pub(super) fn any_response(bytes: &[u8], many: usize, fields: &mut Vec<Field>) -> Parsed<First> {
    let Some((name, read_as)) = FOREIGN.iter().find(|(name, _)| bytes.starts_with(name)) else {
        return response(bytes, many, fields);
    };
    let more = read_as.len() - name.len();
    let parsed = response(&[read_as, &bytes[name.len()..]].concat(), many, fields);
    let Parsed::Whole(len, (StartLine::Status { code, mut reason }, minor)) = parsed else { return parsed };
    reason.start -= more as u32;
    for field in fields {
        field.name -= more as u32;
        field.value -= more as u32;
    }
    Parsed::Whole(len - more, (StartLine::Status { code, reason }, minor))
}

/// Parses a trailer section at the start of `bytes`. `many` is how many fields to make room for, if more than usual.
pub(super) fn trailers(bytes: &[u8], many: usize, fields: &mut Vec<Field>) -> Parsed<()> {
    let mut heap;
    let mut stack = [httparse::EMPTY_HEADER; STACK_FIELDS];
    let table = if many > STACK_FIELDS {
        heap = vec![httparse::EMPTY_HEADER; many];
        &mut heap[..]
    } else {
        &mut stack[..]
    };
    match httparse::parse_headers(bytes, table) {
        Ok(httparse::Status::Complete((len, parsed))) => {
            if record(&bytes[..len], parsed, fields) {
                Parsed::Whole(len, ())
            } else {
                Parsed::Refused
            }
        }
        Ok(httparse::Status::Partial) => Parsed::Partial,
        Err(_) => Parsed::Refused,
    }
}

/// Takes the fields out that may not be trailers.
pub(super) fn drop_forbidden(fields: &mut Vec<Field>) {
    fields.retain(|field| is_trailer_allowed(field.id));
}

/// Fills the field table; false if a line of `section` is not ended by CRLF or a name is too long for the table.
fn record(section: &[u8], parsed: &[httparse::Header<'_>], fields: &mut Vec<Field>) -> bool {
    fields.clear();
    fields.reserve(parsed.len());
    // Every LF in a parsed section ends a line, so it is enough to look before each line's start and at the end.
    let mut is_strict = section.ends_with(b"\r\n") && (section.len() == 2 || section.ends_with(b"\r\n\r\n"));
    for header in parsed {
        let name = span_of(section, header.name.as_bytes());
        let start = name.start as usize;
        is_strict &= start == 0 || section[..start].ends_with(b"\r\n");
        let value = match header.value {
            b"" => name.start + name.len + 1, // an empty value need not lie in the section
            value => span_of(section, value).start,
        };
        is_strict &= name.len <= u32::from(u16::MAX);
        fields.push(Field {
            name: name.start,
            value,
            value_len: header.value.len() as u32,
            name_len: name.len as u16,
            id: HeaderId::of(header.name.as_bytes()),
        });
    }
    is_strict
}

/// Where `part`, which is a slice of `whole`, lies in it.
fn span_of(whole: &[u8], part: &[u8]) -> Span {
    let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    debug_assert!(start + part.len() <= whole.len(), "httparse gives slices of its input");
    Span { start: start as u32, len: part.len() as u32 }
}
