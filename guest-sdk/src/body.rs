//! Bytes that came from elsewhere, and the credit they used up: one that is held slows their sender down. It must not
//! know what kind of handle they came on.
use crate::raw::{self, Handle};
use std::cell::Cell;
use std::ops::Deref;
use std::rc::Rc;

/// The right of whoever sends to send as many bytes again, given back when this is dropped.
pub struct Credit(Owed);

enum Owed {
    Nothing,
    /// So many bytes to a peer; none when what they were for is over, and the handle has gone on to something else.
    Peer(Handle, u32, Option<Rc<Cell<bool>>>),
    /// The next piece is asked for.
    Next(Rc<dyn Fn()>),
}

impl Drop for Credit {
    fn drop(&mut self) {
        match &self.0 {
            Owed::Peer(handle, bytes, over) if *bytes > 0 && !over.as_ref().map_or(false, |over| over.get()) => {
                raw::credit(*handle, *bytes)
            }
            Owed::Next(ask) => ask(),
            _ => {}
        }
    }
}

impl std::fmt::Debug for Credit {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Owed::Peer(_, bytes, _) => write!(out, "Credit({})", bytes),
            Owed::Next(_) | Owed::Nothing => out.write_str("Credit"),
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
        let owed = if counts { Owed::Peer(handle, bytes.len() as u32, None) } else { Owed::Nothing };
        Chunk { bytes, credit: Credit(owed) }
    }

    /// Of something that may be over before the credit is dropped.
    pub(crate) fn until(mut self, end: &Rc<Cell<bool>>) -> Chunk<'a> {
        if let Owed::Peer(_, _, over) = &mut self.credit.0 {
            *over = Some(end.clone());
        }
        self
    }

    /// Of what comes a piece at a time: when this one has been dealt with, the next is asked for.
    pub(crate) fn piece(bytes: &'a [u8], next: Rc<dyn Fn()>) -> Chunk<'a> {
        Chunk { bytes, credit: Credit(Owed::Next(next)) }
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
