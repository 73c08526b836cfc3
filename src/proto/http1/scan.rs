//! The strict grammar of heads and trailer sections as a byte machine that can stop anywhere.
//!
//! httparse is fast on a whole head, but takes bare LF, and cannot go on where it stopped. So a head that came in pieces,
//! and one that httparse or the strict checks refused, goes through here: every byte is looked at once, the first byte
//! that no good head can have is the fault, and what is found does not depend on where the input was cut.
//! It must not know what fields mean.

use super::error::Reason;
use super::head::FOREIGN;
use super::headers::{is_target_byte, is_tchar, is_value_byte};
use super::limits::Limits;
use super::method::Method;

/// Which section is being scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Request,
    Response,
    Trailers,
}

/// What a scan of some more bytes came to; positions are in the bytes given to that call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    /// All bytes fit; the section is not over.
    More,
    /// The section is over; it took this many of the bytes.
    Done(usize),
    /// The byte at this position cannot be.
    Fault(usize, Reason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Method,
    TargetStart,
    Target,
    /// Index into `HTTP/1.x` of a request line.
    Version(u8),
    VersionCr,
    VersionLf,
    /// Index into `HTTP/1.x ddd` of a status line.
    Status(u8),
    /// Index into a beginning of [`FOREIGN`], and which.
    Foreign(u8, u8),
    StatusEnd,
    Phrase,
    StatusLf,
    LineStart,
    Name,
    Value,
    ValueLf,
    LastLf,
}

/// The machine. Small enough to be kept with a partial head.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    at: At,
    is_first_line: bool,
    section: Section,
    /// Bytes of the section so far, and of the name being read.
    len: u32,
    name_len: u32,
    fields: u32,
    method: [u8; Method::MAX_LEN],
    method_len: u8,
}

impl Scan {
    /// A machine at the first byte of `section`.
    pub fn new(section: Section) -> Scan {
        let at = match section {
            Section::Request => At::Method,
            Section::Response => At::Status(0),
            Section::Trailers => At::LineStart,
        };
        let method = [0; Method::MAX_LEN];
        Scan {
            at,
            is_first_line: section != Section::Trailers,
            section,
            len: 0,
            name_len: 0,
            fields: 0,
            method,
            method_len: 0,
        }
    }

    /// Field lines begun so far; exact once the section is done.
    pub fn fields(&self) -> usize {
        self.fields as usize
    }

    /// Looks at `bytes`, which follow those of earlier calls.
    pub fn run(&mut self, bytes: &[u8], limits: &Limits) -> Scanned {
        let is_trailers = self.section == Section::Trailers;
        let max = limits.max_section(is_trailers);
        let overflow = if is_trailers { Reason::TrailerOverflow } else { Reason::HeaderOverflow };
        for (position, &byte) in bytes.iter().enumerate() {
            if self.len >= max {
                return Scanned::Fault(position, overflow);
            }
            self.len += 1;
            match self.step(byte, limits) {
                Ok(true) => return Scanned::Done(position + 1),
                Ok(false) => {}
                Err(reason) => return Scanned::Fault(position, reason),
            }
        }
        Scanned::More
    }

    /// One byte; true when it was the section's last.
    fn step(&mut self, byte: u8, limits: &Limits) -> Result<bool, Reason> {
        self.at = match (self.at, byte) {
            (At::Name, b':') => At::Value,
            (At::Name, _) => self.name_byte(byte)?,
            (At::Value, b'\r') => At::ValueLf,
            (At::Value, b'\n') => return Err(Reason::CrExpected),
            (At::Value, _) if is_value_byte(byte) => At::Value,
            (At::Value, _) => return Err(Reason::InvalidHeaderValue),
            (At::ValueLf, b'\n') => At::LineStart,
            (At::ValueLf, _) => return Err(Reason::LfExpected),
            (At::LineStart, _) => self.line_start(byte, limits)?,
            (At::LastLf, b'\n') => return Ok(true),
            (At::LastLf, _) => return Err(Reason::HeadersLfExpected),
            (at @ (At::Status(_) | At::Foreign(..) | At::StatusEnd | At::Phrase | At::StatusLf), _) => {
                status_line(at, byte, limits.as_node)?
            }
            _ => self.request_line(byte)?,
        };
        Ok(false)
    }

    fn line_start(&mut self, byte: u8, limits: &Limits) -> Result<At, Reason> {
        let is_first = std::mem::replace(&mut self.is_first_line, false);
        match byte {
            b'\r' => return Ok(At::LastLf),
            b' ' | b'\t' if is_first => return Err(Reason::UnexpectedSpace),
            b' ' | b'\t' => return Err(Reason::ObsFold),
            _ if !is_tchar(byte) => return Err(Reason::InvalidHeaderToken),
            _ if self.fields >= limits.max_headers => return Err(Reason::TooManyHeaders),
            _ => {}
        }
        self.fields += 1;
        self.name_len = 1;
        Ok(At::Name)
    }

    fn name_byte(&mut self, byte: u8) -> Result<At, Reason> {
        if !is_tchar(byte) {
            return Err(Reason::InvalidHeaderToken);
        }
        self.name_len += 1;
        if self.name_len > u32::from(u16::MAX) {
            return Err(Reason::HeaderOverflow); // `Field` holds name lengths in 16 bits
        }
        Ok(At::Name)
    }

    fn request_line(&mut self, byte: u8) -> Result<At, Reason> {
        match (self.at, byte) {
            (At::Method, b' ') if self.is_method_known() => Ok(At::TargetStart),
            (At::Method, _) => self.method_byte(byte),
            (At::Target, b' ') => Ok(At::Version(0)),
            (At::Target, b'\r' | b'\n') => Err(Reason::InvalidVersion), // HTTP/0.9
            (At::TargetStart | At::Target, _) if is_target_byte(byte) => Ok(At::Target),
            (At::TargetStart | At::Target, _) => Err(Reason::InvalidUrl),
            (At::Version(7), _) => version_byte(7, byte).map(|()| At::VersionCr),
            (At::Version(index), _) => version_byte(index, byte).map(|()| At::Version(index + 1)),
            (At::VersionCr, b'\r') => Ok(At::VersionLf),
            (At::VersionLf, b'\n') => Ok(At::LineStart),
            _ => Err(Reason::VersionCrlfExpected),
        }
    }

    fn is_method_known(&self) -> bool {
        Method::from_bytes(&self.method[..usize::from(self.method_len)]).is_some()
    }

    fn method_byte(&mut self, byte: u8) -> Result<At, Reason> {
        let len = usize::from(self.method_len);
        if len == Method::MAX_LEN {
            return Err(Reason::InvalidMethod);
        }
        self.method[len] = byte;
        self.method_len += 1;
        if Method::is_prefix(&self.method[..=len]) { Ok(At::Method) } else { Err(Reason::InvalidMethod) }
    }
}

/// One byte of `HTTP/1.x`.
fn version_byte(index: u8, byte: u8) -> Result<(), Reason> {
    match (index, byte) {
        (0..=4, _) if byte == b"HTTP/"[usize::from(index)] => Ok(()),
        (0..=4, _) => Err(Reason::InvalidConstant),
        (5, b'1') | (6, b'.') | (7, b'0' | b'1') => Ok(()),
        (5 | 7, b'0'..=b'9') => Err(Reason::UnsupportedVersion),
        _ => Err(Reason::InvalidVersion),
    }
}

/// One byte of a beginning that is not `HTTP/1.`, if it may be one.
fn foreign(at: At, byte: u8) -> Option<At> {
    match (at, byte) {
        (At::Status(5), b'0') => Some(At::Foreign(6, 0)),
        (At::Status(0), b'R') => Some(At::Foreign(1, 1)),
        (At::Status(0), b'I') => Some(At::Foreign(1, 2)),
        (At::Foreign(index, which), _) => {
            let (name, read_as) = FOREIGN[usize::from(which)];
            let is_last = usize::from(index) + 1 == name.len();
            let next = if is_last { At::Status(read_as.len() as u8) } else { At::Foreign(index + 1, which) };
            (name[usize::from(index)] == byte).then_some(next)
        }
        _ => None,
    }
}

fn status_line(at: At, byte: u8, as_node: bool) -> Result<At, Reason> {
    if let (true, Some(next)) = (as_node, foreign(at, byte)) {
        return Ok(next);
    }
    match (at, byte) {
        (At::Status(index @ 0..=7), _) => version_byte(index, byte).map(|()| At::Status(index + 1)),
        (At::Status(8), b' ') => Ok(At::Status(9)),
        (At::Status(8), _) => Err(Reason::InvalidVersion),
        (At::Status(9), b'1'..=b'9') => Ok(At::Status(10)),
        (At::Status(10), b'0'..=b'9') => Ok(At::Status(11)),
        (At::Status(11), b'0'..=b'9') => Ok(At::StatusEnd),
        (At::StatusEnd, b' ') => Ok(At::Phrase),
        (At::StatusEnd | At::Phrase, b'\r') => Ok(At::StatusLf),
        (At::Phrase, b'\n') => Err(Reason::CrExpected),
        (At::Phrase, _) if is_value_byte(byte) => Ok(At::Phrase),
        (At::StatusLf, b'\n') => Ok(At::LineStart),
        (At::StatusLf, _) => Err(Reason::StatusCrlfExpected),
        (At::Foreign(..), _) => Err(Reason::InvalidConstant),
        _ => Err(Reason::InvalidStatus),
    }
}
