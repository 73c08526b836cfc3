//! The chunked coding's decoder (RFC 9112 section 7.1), one byte of framing at a time and data by the slice.
//!
//! It must not know trailers, which are a section of fields, nor who the peer is.

use super::error::Reason;
use super::headers::is_tchar;
use super::limits::Limits;

/// Most hex digits a chunk size may have: a `u64`.
const MAX_SIZE_DIGITS: u8 = 16;

/// What a call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkItem {
    /// All input was framing; more is needed.
    NeedMore,
    /// So many bytes of data begin where the consumed framing ends, and are consumed too.
    Data(usize),
    /// The last chunk's line is over: trailers follow.
    Last,
    /// The byte after those consumed cannot be.
    Fault(Reason),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Size,
    ExtStart,
    ExtName,
    ExtValueStart,
    ExtValue,
    Quoted,
    QuotedPair,
    QuotedEnd,
    SizeLf,
    Data,
    DataCr,
    DataLf,
}

/// The decoder's state within one body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Chunks {
    at: At,
    digits: u8,
    /// Extension bytes of this chunk.
    ext: u32,
    /// Size being read, then data bytes still to come.
    left: u64,
    /// Framing and data bytes of the whole body.
    framing: u64,
    payload: u64,
}

impl Chunks {
    /// Takes input up to the end of the next run of data; gives how many bytes were consumed, and why it stopped.
    pub fn decode(&mut self, input: &[u8], limits: &Limits) -> (usize, ChunkItem) {
        for (position, &byte) in input.iter().enumerate() {
            if self.at == At::Data {
                return self.data(position, input.len() - position);
            }
            match self.framing_byte(byte, limits) {
                Ok(false) => {}
                Ok(true) => return (position + 1, ChunkItem::Last),
                Err(reason) => return (position, ChunkItem::Fault(reason)),
            }
        }
        (input.len(), ChunkItem::NeedMore)
    }

    fn data(&mut self, position: usize, available: usize) -> (usize, ChunkItem) {
        let taken = usize::try_from(self.left).map_or(available, |left| left.min(available));
        self.left -= taken as u64;
        self.payload += taken as u64;
        if self.left == 0 {
            self.at = At::DataCr;
        }
        (position + taken, ChunkItem::Data(taken))
    }

    /// One byte outside data; true if it ended the last chunk's line.
    fn framing_byte(&mut self, byte: u8, limits: &Limits) -> Result<bool, Reason> {
        self.framing += 1;
        let allowed = self.payload.saturating_mul(u64::from(limits.chunk_overhead_ratio));
        if self.framing > u64::from(limits.chunk_overhead_floor).max(allowed) {
            return Err(Reason::ChunkOverhead);
        }
        self.at = match self.at {
            At::Size => self.size_byte(byte)?,
            At::SizeLf => return self.size_line_end(byte),
            At::DataCr if byte == b'\r' => At::DataLf,
            At::DataLf if byte == b'\n' => At::Size,
            At::DataCr | At::DataLf => return Err(Reason::ChunkDataCrlfExpected),
            extension => self.extension_byte(extension, byte, limits)?,
        };
        Ok(false)
    }

    fn size_byte(&mut self, byte: u8) -> Result<At, Reason> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\r' if self.digits > 0 => return Ok(At::SizeLf),
            b';' if self.digits > 0 => return Ok(At::ExtStart),
            b'\n' if self.digits > 0 => return Err(Reason::ChunkCrExpected),
            _ => return Err(Reason::InvalidChunkSize),
        };
        if self.digits == MAX_SIZE_DIGITS {
            return Err(Reason::ChunkSizeOverflow);
        }
        self.digits += 1;
        self.left = self.left << 4 | u64::from(digit);
        Ok(At::Size)
    }

    fn size_line_end(&mut self, byte: u8) -> Result<bool, Reason> {
        if byte != b'\n' {
            return Err(Reason::ChunkLfExpected);
        }
        self.digits = 0;
        self.ext = 0;
        self.at = At::Data;
        Ok(self.left == 0)
    }

    /// `*( ";" name [ "=" value ] )` without white space, as llhttp 9 has it; names and values are not empty.
    fn extension_byte(&mut self, at: At, byte: u8, limits: &Limits) -> Result<At, Reason> {
        if byte == b'\n' {
            return Err(Reason::ChunkCrExpected);
        }
        let is_end = byte == b'\r' && matches!(at, At::ExtName | At::ExtValue | At::QuotedEnd);
        if is_end {
            return Ok(At::SizeLf);
        }
        self.ext += 1;
        if self.ext > limits.max_chunk_ext {
            return Err(Reason::ChunkExtensionsOverflow);
        }
        match (at, byte) {
            (At::ExtStart | At::ExtName, _) if is_tchar(byte) => Ok(At::ExtName),
            (At::ExtName, b'=') => Ok(At::ExtValueStart),
            (At::ExtName | At::ExtValue | At::QuotedEnd, b';') => Ok(At::ExtStart),
            (At::ExtValueStart, b'"') => Ok(At::Quoted),
            (At::ExtValueStart | At::ExtValue, _) if is_tchar(byte) => Ok(At::ExtValue),
            (At::Quoted, b'"') => Ok(At::QuotedEnd),
            (At::Quoted, b'\\') => Ok(At::QuotedPair),
            (At::Quoted | At::QuotedPair, b'\t' | b' '..=b'~' | 0x80..) => Ok(At::Quoted),
            _ => Err(Reason::InvalidChunkExtension),
        }
    }
}
