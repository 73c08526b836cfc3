//! Bytes that came from a peer, and the credit they used up: a credit that is held slows the peer down. It must not
//! know what kind of handle they came on.
use crate::raw::{self, Handle};
use std::ops::Deref;

/// The right of the peer to send as many bytes again, given back when this is dropped.
#[derive(Debug)]
pub struct Credit {
    pub(crate) handle: Handle,
    pub(crate) bytes: u32,
}

impl Drop for Credit {
    fn drop(&mut self) {
        if self.bytes > 0 {
            raw::credit(self.handle, self.bytes);
        }
    }
}

/// Bytes as they stand in the inbox, for as long as the callback runs.
#[derive(Debug)]
pub struct Chunk<'a> {
    bytes: &'a [u8],
    credit: Credit,
}

impl<'a> Chunk<'a> {
    /// `counts`: whether they used up credit.
    pub(crate) fn new(bytes: &'a [u8], handle: Handle, counts: bool) -> Chunk<'a> {
        let credit = Credit { handle, bytes: if counts { bytes.len() as u32 } else { 0 } };
        Chunk { bytes, credit }
    }

    /// A copy that may be kept, and the credit to be dropped when it has been dealt with.
    pub fn into_owned(self) -> (Vec<u8>, Credit) {
        (self.bytes.to_vec(), self.credit)
    }

    /// Takes the credit out, to be dropped later.
    pub fn into_credit(self) -> Credit {
        self.credit
    }
}

impl Deref for Chunk<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}
