//! The one place that decides where a message ends (RFC 9112 section 6), and what follows it.
//!
//! Rules R1 to R4, R8 and R12 of the security cases are here and nowhere else. Everything is read from the same field
//! table the script is shown. It must not know how bodies are decoded.

use super::decode::ResponseTo;
use super::error::Reason;
use super::head::{First, StartLine};
use super::headers::{Field, HeaderId, is_token, trim_ows};
use super::limits::Limits;
use super::method::Method;
use super::target;

/// The largest length JavaScript can count exactly: 2^53-1 bytes (R3).
pub(super) const MAX_LENGTH: u64 = (1 << 53) - 1;

/// What delimits a message's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks (RFC 9112 section 7.1).
    Chunked,
    /// All bytes until the stream ends; responses only.
    UntilClose,
}

/// What a request's Expect field asks for (RFC 9110 section 10.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    #[default]
    None,
    /// Exactly `100-continue`.
    Continue100,
    /// Something else: Node answers 417 unless the script has `'checkExpectation'`.
    Other,
}

/// What a message's transfer codings come to (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Coding {
    /// There is none.
    #[default]
    None,
    /// `chunked` is the last one, and the only one of its kind.
    Chunked,
    /// `chunked` is not the last one, and so frames nothing.
    Buried,
    /// Others only.
    Other,
}

impl Coding {
    /// With the codings of one more field line. None for what is no list of codings, or has `chunked` twice.
    pub fn and(self, value: &[u8]) -> Option<Coding> {
        let mut all = self;
        for coding in value.split(|&byte| byte == b',') {
            // Parameters (RFC 9110 section 10.1.4) are let pass; nobody here undoes a coding.
            let name = coding.split(|&byte| byte == b';').next().map(trim_ows).unwrap_or_default();
            let is_chunked = trim_ows(coding).eq_ignore_ascii_case(b"chunked");
            all = match (all, is_chunked) {
                _ if !is_token(name) => return None,
                (Coding::Chunked | Coding::Buried, true) => return None,
                (Coding::None | Coding::Other, true) => Coding::Chunked,
                (Coding::Chunked | Coding::Buried, false) => Coding::Buried,
                (Coding::None | Coding::Other, false) => Coding::Other,
            };
        }
        Some(all)
    }
}

/// What the fields of a head say, before the start line is considered.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    coding: Coding,
    close: bool,
    keep_alive: bool,
    upgrade_option: bool,
    upgrade_field: bool,
    expect: Expect,
}

/// What a head comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Framing {
    pub body: BodyKind,
    pub keep_alive: bool,
    pub upgrade: bool,
    pub expect: Expect,
}

impl<'a> Facts<'a> {
    /// Reads the fields that frame. The first field that breaks a rule decides the fault. Host and Expect mean
    /// nothing in a response, so there they are let pass.
    pub fn gather(head: &'a [u8], fields: &[Field], is_request: bool, as_node: bool) -> Result<Facts<'a>, Reason> {
        let mut facts = Facts::default();
        for field in fields {
            let value = || field.value_in(head);
            match field.id {
                HeaderId::Host if is_request => facts.host(value(), as_node)?,
                HeaderId::ContentLength => facts.content_length(value())?,
                HeaderId::TransferEncoding if is_request && !as_node => facts.transfer_encoding(value())?,
                HeaderId::TransferEncoding => facts.codings(value())?,
                HeaderId::Connection => facts.connection(value()),
                HeaderId::Upgrade => facts.upgrade_field |= field.value_len > 0,
                HeaderId::Expect if is_request => facts.expect(value()),
                _ => {}
            }
        }
        Ok(facts)
    }

    fn host(&mut self, value: &'a [u8], as_node: bool) -> Result<(), Reason> {
        if self.host.is_some() {
            return Err(Reason::DuplicateHost);
        }
        if !as_node && !target::is_host(value) {
            return Err(Reason::InvalidHost);
        }
        self.host = Some(value);
        Ok(())
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Reason> {
        if self.coding != Coding::None {
            return Err(Reason::LengthAfterTransferEncoding);
        }
        if self.length.is_some() {
            return Err(Reason::DuplicateContentLength);
        }
        self.length = Some(parse_length(value).ok_or(Reason::InvalidContentLength)?);
        Ok(())
    }

    /// A request's: exactly one `chunked` (R4). Nothing else could end its body where everybody sees the end.
    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Reason> {
        if self.length.is_some() {
            return Err(Reason::TransferEncodingAfterLength);
        }
        let is_first = self.coding == Coding::None;
        if is_first && value.eq_ignore_ascii_case(b"chunked") {
            self.coding = Coding::Chunked;
            return Ok(());
        }
        const KNOWN: [&[u8]; 5] = [b"gzip", b"deflate", b"compress", b"x-gzip", b"x-compress"];
        let is_known = is_first && KNOWN.iter().any(|coding| value.eq_ignore_ascii_case(coding));
        Err(if is_known { Reason::UnsupportedTransferCoding } else { Reason::InvalidTransferEncoding })
    }

    /// A response's: one whose last coding is not `chunked` ends with its connection, which ends any doubt, too. What
    /// was coded is given as it came, as Node does.
    fn codings(&mut self, value: &[u8]) -> Result<(), Reason> {
        if self.length.is_some() {
            return Err(Reason::TransferEncodingAfterLength);
        }
        self.coding = self.coding.and(value).ok_or(Reason::InvalidTransferEncoding)?;
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|&byte| byte == b',').map(trim_ows) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade_option |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }

    fn expect(&mut self, value: &[u8]) {
        let is_continue = value.eq_ignore_ascii_case(b"100-continue") && self.expect != Expect::Other;
        self.expect = if is_continue { Expect::Continue100 } else { Expect::Other };
    }

    /// Whether the fields alone let the connection live on. `close` wins over `keep-alive`.
    fn persists(&self, minor: u8) -> bool {
        !self.close && (minor == 1 || self.keep_alive)
    }

    /// A length, chunks or all that comes, as the fields have it.
    fn explicit_body(&self, minor: u8) -> Result<Option<BodyKind>, Reason> {
        match (self.coding, self.length) {
            (Coding::None, length) => Ok(length.map(BodyKind::Length)),
            _ if minor == 0 => Err(Reason::TransferEncodingInHttp10),
            (Coding::Chunked, _) => Ok(Some(BodyKind::Chunked)),
            (Coding::Buried | Coding::Other, _) => Ok(Some(BodyKind::UntilClose)),
        }
    }
}

/// Frames a request. `target` is the request target's bytes.
pub(super) fn request(
    method: Method,
    minor: u8,
    target: &[u8],
    facts: &Facts<'_>,
    limits: &Limits,
) -> Result<Framing, Reason> {
    let is_upgrade = minor == 1 && facts.upgrade_option && facts.upgrade_field;
    // As in Node, whoever takes a connection over looks at Host himself; the runtime does where nobody does.
    let leaves = method == Method::Connect || is_upgrade;
    if facts.host.is_none() && limits.require_host && minor == 1 && !leaves {
        return Err(Reason::MissingHost);
    }
    target::check(method, target, facts.host.filter(|_| !limits.as_node))?;
    if matches!(facts.coding, Coding::Buried | Coding::Other) {
        return Err(Reason::InvalidTransferEncoding); // nothing would end it but the connection, which the answer needs
    }
    Ok(Framing {
        body: facts.explicit_body(minor)?.unwrap_or(BodyKind::None),
        keep_alive: facts.persists(minor),
        upgrade: leaves,
        expect: if minor == 1 { facts.expect } else { Expect::None },
    })
}

/// Frames a response with status `code` to a request of kind `to`.
pub(super) fn response(code: u16, minor: u8, to: ResponseTo, facts: &Facts<'_>) -> Result<Framing, Reason> {
    let explicit = facts.explicit_body(minor)?;
    let is_tunnel = to == ResponseTo::Connect && (200..300).contains(&code);
    // A 101 that nobody asked for switches nothing: it is the answer, without a body, and nothing may follow.
    let is_unasked = code == 101 && to != ResponseTo::Upgrade;
    let has_body = to != ResponseTo::Head && code >= 200 && code != 204 && code != 304 && !is_tunnel;
    let body = if has_body { explicit.unwrap_or(BodyKind::UntilClose) } else { BodyKind::None };
    Ok(Framing {
        body,
        keep_alive: facts.persists(minor) && body != BodyKind::UntilClose && !is_unasked,
        upgrade: (code == 101 && !is_unasked) || is_tunnel,
        expect: Expect::None,
    })
}

/// Frames either kind of head.
pub(super) fn decide(
    (start, minor): First,
    head: &[u8],
    fields: &[Field],
    to: ResponseTo,
    limits: &Limits,
) -> Result<Framing, Reason> {
    let facts = Facts::gather(head, fields, start.is_request(), limits.as_node)?;
    match start {
        StartLine::Request { method, target } => request(method, minor, target.of(head), &facts, limits),
        StartLine::Status { code, .. } => response(code, minor, to, &facts),
    }
}

/// A Content-Length value: digits only, at most 2^53-1 (R3).
pub(super) fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    let mut length: u64 = 0;
    for &byte in value {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        length = length * 10 + u64::from(digit); // cannot overflow: it was at most 2^53
        if length > MAX_LENGTH {
            return None;
        }
    }
    Some(length)
}
