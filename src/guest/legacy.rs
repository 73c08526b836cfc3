//! What a clone is given of the guest that it was: its image, how far its clock is, which handles it must never be given
//! again, and what it is told of those that it has not: the loose ends. As bytes it travels beside the image's file. It must
//! not know what a handle stands for, nor how a process is started.
use super::image::Image;
use anyhow::{Result, ensure};

/// One guest as it stands, to go on elsewhere.
#[derive(Clone, Debug)]
pub struct Legacy {
    pub image: Image,
    pub will: Will,
}

/// All of a legacy but the image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Will {
    /// Monotonic nanoseconds of the guest's clock.
    pub mono: u64,
    /// Handles begin at this generation: the heap remembers older ones.
    pub generation: u32,
    /// Signals that the guest watches, a bit each.
    pub signals: u64,
    /// What is told after START, in this order.
    pub ends: Vec<LooseEnd>,
}

/// An event without a payload that ends something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LooseEnd {
    pub handle: u64,
    pub kind: u16,
    pub flags: u16,
    pub value: u32,
}

const HEAD_BYTES: usize = 24;
const END_BYTES: usize = 16;

impl Will {
    /// The bytes that travel.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_BYTES + self.ends.len() * END_BYTES);
        out.extend_from_slice(&self.mono.to_le_bytes());
        out.extend_from_slice(&self.signals.to_le_bytes());
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&(self.ends.len() as u32).to_le_bytes());
        for end in &self.ends {
            out.extend_from_slice(&end.handle.to_le_bytes());
            out.extend_from_slice(&end.kind.to_le_bytes());
            out.extend_from_slice(&end.flags.to_le_bytes());
            out.extend_from_slice(&end.value.to_le_bytes());
        }
        out
    }

    /// Reads them back.
    ///
    /// # Errors
    /// When they are cut short or followed by something.
    pub fn from_bytes(bytes: &[u8]) -> Result<Will> {
        ensure!(bytes.len() >= HEAD_BYTES, "a will is cut short");
        let (head, ends) = bytes.split_at(HEAD_BYTES);
        let count = u32::from_le_bytes(part(head, 20)) as usize;
        ensure!(ends.len() == count * END_BYTES, "a will has another length than it says");
        let end = |bytes: &[u8]| LooseEnd {
            handle: u64::from_le_bytes(part(bytes, 0)),
            kind: u16::from_le_bytes(part(bytes, 8)),
            flags: u16::from_le_bytes(part(bytes, 10)),
            value: u32::from_le_bytes(part(bytes, 12)),
        };
        Ok(Will {
            mono: u64::from_le_bytes(part(head, 0)),
            signals: u64::from_le_bytes(part(head, 8)),
            generation: u32::from_le_bytes(part(head, 16)),
            ends: ends.chunks_exact(END_BYTES).map(end).collect(),
        })
    }
}

/// So many bytes from there; the caller knows that they are.
fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a slice of this length")
}
