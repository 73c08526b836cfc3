//! A batch taken apart into events, and records out of their bytes. Everything is checked: a batch that is cut short
//! ends early. It must not know what an event means.
use skep_abi::{Event, Field, Request};

/// One event of a batch.
pub(crate) struct Incoming<'a> {
    pub kind: u16,
    pub flags: u16,
    pub handle: u64,
    pub value: u32,
    pub payload: &'a [u8],
}

/// The events of a batch, and its clock.
pub(crate) struct Batch<'a> {
    pub mono: u64,
    rest: &'a [u8],
}

impl<'a> Batch<'a> {
    pub fn new(bytes: &'a [u8]) -> Batch<'a> {
        let head = std::mem::size_of::<skep_abi::Batch>();
        Batch { mono: u64_at(bytes, 8), rest: bytes.get(head..).unwrap_or(&[]) }
    }
}

impl<'a> Iterator for Batch<'a> {
    type Item = Incoming<'a>;

    fn next(&mut self) -> Option<Incoming<'a>> {
        let head = std::mem::size_of::<Event>();
        let bytes = self.rest;
        if bytes.len() < head {
            return None;
        }
        let (size, len) = (u32_at(bytes, 0) as usize, u32_at(bytes, 16) as usize);
        let payload = bytes.get(head..head.checked_add(len)?)?;
        self.rest = bytes.get(size.max(head)..).unwrap_or(&[]);
        Some(Incoming {
            kind: u16_at(bytes, 4),
            flags: u16_at(bytes, 6),
            handle: u64_at(bytes, 8),
            value: u32_at(bytes, 20),
            payload,
        })
    }
}

/// A request's head and the part of its body that came with it.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub record: Request,
    fields: &'a [u8],
    raw: &'a [u8],
    pub body: &'a [u8],
}

impl<'a> Head<'a> {
    pub fn new(payload: &'a [u8]) -> Option<Head<'a>> {
        let size = std::mem::size_of::<Request>();
        let record = Request {
            listener: u64_at(payload, 0),
            conn: u64_at(payload, 8),
            method: *payload.get(16)?,
            minor: *payload.get(17)?,
            flags: u16_at(payload, 18),
            target: u32_at(payload, 20),
            target_len: u32_at(payload, 24),
            field_count: u32_at(payload, 28),
            raw_len: u32_at(payload, 32),
            body_len: u32_at(payload, 36),
        };
        let rest = payload.get(size..)?;
        let table = (record.field_count as usize).checked_mul(std::mem::size_of::<Field>())?;
        let (fields, rest) = (rest.get(..table)?, rest.get(table..)?);
        let (raw, rest) = (rest.get(..record.raw_len as usize)?, rest.get(record.raw_len as usize..)?);
        Some(Head { record, fields, raw, body: rest.get(..record.body_len as usize)? })
    }

    /// A copy that can be read as this was, without the body.
    pub fn to_bytes(self) -> Vec<u8> {
        let record = &self.record;
        let numbers = [record.target, record.target_len, record.field_count, record.raw_len, 0];
        let mut bytes = Vec::with_capacity(std::mem::size_of::<Request>() + self.fields.len() + self.raw.len());
        bytes.extend_from_slice(&record.listener.to_le_bytes());
        bytes.extend_from_slice(&record.conn.to_le_bytes());
        bytes.extend_from_slice(&[record.method, record.minor]);
        bytes.extend_from_slice(&record.flags.to_le_bytes());
        numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
        bytes.extend_from_slice(self.fields);
        bytes.extend_from_slice(self.raw);
        bytes
    }

    pub fn target(&self) -> &'a [u8] {
        slice(self.raw, self.record.target, self.record.target_len)
    }

    /// Names and values, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let raw = self.raw;
        self.fields.chunks_exact(std::mem::size_of::<Field>()).map(move |field| {
            let name = slice(raw, u32_at(field, 0), u32::from(u16_at(field, 4)));
            (name, slice(raw, u32_at(field, 8), u32_at(field, 12)))
        })
    }
}

fn slice(bytes: &[u8], at: u32, len: u32) -> &[u8] {
    let end = (at as usize).saturating_add(len as usize);
    bytes.get(at as usize..end).unwrap_or(&[])
}

/// Bytes that are not there count as zeros.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    if let Some(found) = at.checked_add(N).and_then(|end| bytes.get(at..end)) {
        out.copy_from_slice(found);
    }
    out
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}
