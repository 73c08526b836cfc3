//! Blocks of field lines on their way out: validation, and what the lines say about framing.
//!
//! A block comes from a guest and is believed in nothing. It must not know what else goes into a head.

use super::error::EncodeFault;
use super::framing::{Coding, parse_length};
use super::headers::{HeaderId, is_tchar, is_trailer_allowed, is_value_byte};
use std::ops::Range;

/// What a checked block says.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub has_connection: bool,
    pub closes: bool,
    pub has_keep_alive: bool,
    pub has_date: bool,
    pub has_trailer: bool,
    pub coding: Coding,
    pub length: Option<u64>,
    /// Where the one line stands that frames the body.
    pub framing_line: Range<usize>,
}

/// One checked line: name, value, and the offset after its CRLF.
type Line<'a> = (&'a [u8], &'a [u8], usize);

impl Facts {
    /// Checks every line of `block`, which may be empty: a response's may have transfer codings besides `chunked`.
    pub fn gather(block: &[u8], is_response: bool) -> Result<Facts, EncodeFault> {
        let mut facts = Facts::default();
        let mut start = 0;
        while start < block.len() {
            let (name, value, end) = line(block, start)?;
            facts.note(HeaderId::of(name), value, start..end, is_response)?;
            start = end;
        }
        Ok(facts)
    }

    fn note(&mut self, id: HeaderId, value: &[u8], line: Range<usize>, is_response: bool) -> Result<(), EncodeFault> {
        match id {
            HeaderId::Connection => {
                self.has_connection = true;
                self.closes |= says_close(value);
            }
            HeaderId::ContentLength => {
                if self.coding != Coding::None {
                    return Err(EncodeFault::LengthWithTransferEncoding);
                }
                let length = parse_length(value).filter(|_| self.length.is_none());
                self.length = Some(length.ok_or(EncodeFault::InvalidContentLength)?);
                self.framing_line = line;
            }
            HeaderId::TransferEncoding => {
                if self.length.is_some() {
                    return Err(EncodeFault::LengthWithTransferEncoding);
                }
                // In one line, which can be left out as one.
                let may_be = self.coding == Coding::None && (is_response || value.eq_ignore_ascii_case(b"chunked"));
                let coding = Coding::None.and(value).filter(|&coding| may_be && coding != Coding::Buried);
                self.coding = coding.ok_or(EncodeFault::InvalidTransferEncoding)?;
                self.framing_line = line;
            }
            HeaderId::KeepAlive => self.has_keep_alive = true,
            HeaderId::Date => self.has_date = true,
            HeaderId::Trailer => self.has_trailer = true,
            _ => {}
        }
        Ok(())
    }
}

/// Appends the lines of a trailer block, without those that may not be trailers (RFC 9110 section 6.5.1).
/// On a fault some lines may have been appended; the caller takes its own back anyway.
pub(super) fn append_trailers(out: &mut Vec<u8>, block: &[u8]) -> Result<(), EncodeFault> {
    let mut start = 0;
    while start < block.len() {
        let (name, _, end) = line(block, start)?;
        if is_trailer_allowed(HeaderId::of(name)) {
            out.extend_from_slice(&block[start..end]);
        }
        start = end;
    }
    Ok(())
}

/// Whether every byte may stand in a field value or a reason phrase.
pub(super) fn is_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| is_value_byte(byte))
}

fn line(block: &[u8], start: usize) -> Result<Line<'_>, EncodeFault> {
    let rest = &block[start..];
    let name_len = rest.iter().position(|&byte| !is_tchar(byte)).ok_or(EncodeFault::MalformedBlock)?;
    if name_len == 0 || rest[name_len] != b':' {
        return Err(EncodeFault::InvalidName);
    }
    let rest_of_line = &rest[name_len + 1..];
    let value_len = rest_of_line.iter().position(|&byte| !is_value_byte(byte)).ok_or(EncodeFault::MalformedBlock)?;
    if !rest_of_line[value_len..].starts_with(b"\r\n") {
        return Err(EncodeFault::InvalidValue);
    }
    let value = super::headers::trim_ows(&rest_of_line[..value_len]);
    Ok((&rest[..name_len], value, start + name_len + 1 + value_len + 2))
}

/// Node's `/(?:^|\W)close(?:$|\W)/i`.
fn says_close(value: &[u8]) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let is_match = |(start, window): (usize, &[u8])| {
        let before = start.checked_sub(1).and_then(|at| value.get(at));
        window.eq_ignore_ascii_case(b"close") && !is_word(before) && !is_word(value.get(start + 5))
    };
    value.windows(5).enumerate().any(is_match)
}
