//! Bytes that came from a peer, and the credit they used up: a credit that is held slows the peer down. It must not
//! know what kind of handle they came on.
use crate::raw::{self, Handle};
use std::cell::Cell;
use std::ops::Deref;
use std::rc::Rc;

/// The right of the peer to send as many bytes again, given back when this is dropped.
#[derive(Debug)]
pub struct Credit {
    handle: Handle,
    bytes: u32,
    /// Set when nothing is owed any more: what it was for is over, and the handle has gone on to something else.
    over: Option<Rc<Cell<bool>>>,
}

impl Drop for Credit {
    fn drop(&mut self) {
        if self.bytes > 0 && !self.over.as_ref().map_or(false, |over| over.get()) {
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
        let credit = Credit { handle, bytes: if counts { bytes.len() as u32 } else { 0 }, over: None };
        Chunk { bytes, credit }
    }

    /// Of something that may be over before the credit is dropped.
    pub(crate) fn until(mut self, over: &Rc<Cell<bool>>) -> Chunk<'a> {
        self.credit.over = Some(over.clone());
        self
    }

    /// Bytes that were kept, and what they cost.
    pub(crate) fn kept(bytes: &'a [u8], credit: Credit) -> Chunk<'a> {
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
