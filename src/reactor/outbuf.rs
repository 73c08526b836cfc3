//! Outbuf: what one stream has still to write.
//!
//! It must not know sockets nor readiness: it hands out slices and is told how much of them was
//! taken. Small pieces are gathered in one growing tail, big ones are kept as the `Vec` they came
//! in. What is drained is given back: an idle stream holds no buffer.

use std::collections::VecDeque;
use std::io::IoSlice;

/// From this size on a piece is kept in its own allocation: copying it would cost more than the one
/// more slice it makes in the `writev`. In bytes.
pub(super) const BIG: usize = 16 * 1024;

/// A tail of this size is closed and a new one begun, so that appending to a slow stream moves a
/// bounded number of bytes and what was written is freed piece by piece. In bytes.
const TAIL_MAX: usize = 64 * 1024;

/// Slices in one `writev`: with tails of up to 64 KiB far more than one write takes.
pub(super) const SLICES: usize = 16;

/// Spare buffers that are kept, and their greatest capacity in bytes: 2 MiB at most for a loop.
/// Enough that a turn of ordinary responses allocates nothing.
const SPARES: usize = 128;
const SPARE_MAX: usize = 16 * 1024;

/// Spare buffers of big pieces, 1 MiB at most for a loop: enough for the pieces of one turn. Without them the allocator
/// gives their pages back to the system at each turn and faults them in at the next.
const BIG_SPARES: usize = 8;
const BIG_SPARE_MAX: usize = 128 * 1024;

/// The smallest buffer worth making, in bytes: an ordinary response with its head.
const FIRST_CAPACITY: usize = 512;

/// Drained buffers waiting for their next stream. One for all streams of a reactor.
#[derive(Debug, Default)]
pub(super) struct Spares {
    small: Vec<Vec<u8>>,
    /// For whoever makes the big pieces; the oldest first.
    pub(super) big: Vec<Vec<u8>>,
}

impl Spares {
    fn take(&mut self) -> Vec<u8> {
        self.small.pop().unwrap_or_else(|| Vec::with_capacity(FIRST_CAPACITY))
    }

    fn give(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        buffer.clear();
        if (FIRST_CAPACITY..=SPARE_MAX).contains(&capacity) && self.small.len() < SPARES {
            self.small.push(buffer);
        } else if (SPARE_MAX + 1..=BIG_SPARE_MAX).contains(&capacity) {
            // The oldest gives way: it may be of a size that nobody needs any more.
            if self.big.len() == BIG_SPARES {
                self.big.remove(0);
            }
            self.big.push(buffer);
        }
    }
}

/// The bytes of one stream that are still to be written, in order: the chunks, then the tail.
#[derive(Debug, Default)]
pub(super) struct OutBuf {
    /// Boxed, as most streams never have any: 8 bytes instead of 32 in each.
    #[allow(clippy::box_collection, reason = "an idle stream must be small")]
    chunks: Option<Box<VecDeque<Vec<u8>>>>,
    tail: Vec<u8>,
    /// How much of the front (the first chunk, else the tail) is already written.
    head: usize,
    /// Bytes in all chunks, written ones included.
    in_chunks: usize,
}

impl OutBuf {
    /// Bytes still to be written.
    pub(super) fn pending(&self) -> usize {
        (self.in_chunks + self.tail.len()).saturating_sub(self.head)
    }

    /// The buffer to append to.
    pub(super) fn tail(&mut self, spares: &mut Spares) -> &mut Vec<u8> {
        if self.tail.len() >= TAIL_MAX {
            self.seal();
        } else if self.chunks.is_none() && self.head > self.tail.len() / 2 {
            // More is written than not: moving the rest is paid for by what was written.
            self.tail.drain(..self.head);
            self.head = 0;
        }
        if self.tail.capacity() == 0 {
            self.tail = spares.take();
        }
        &mut self.tail
    }

    /// Appends a copy of `bytes`.
    pub(super) fn push(&mut self, bytes: &[u8], spares: &mut Spares) {
        if bytes.len() >= BIG {
            self.push_chunk(bytes.to_vec());
        } else if !bytes.is_empty() {
            self.tail(spares).extend_from_slice(bytes);
        }
    }

    /// Appends `bytes`, without copying them if they are many.
    pub(super) fn push_vec(&mut self, bytes: Vec<u8>, spares: &mut Spares) {
        if bytes.len() >= BIG {
            self.push_chunk(bytes);
        } else {
            self.push(&bytes, spares);
        }
    }

    /// Fills `slices` with what is to be written first, at most `max` bytes; returns how many slices
    /// and how many bytes.
    pub(super) fn front<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES], max: usize) -> (usize, usize) {
        let chunks = self.chunks.iter().flat_map(|chunks| chunks.iter());
        let (mut count, mut total, mut skip) = (0, 0, self.head);
        for piece in chunks.chain(std::iter::once(&self.tail)) {
            let bytes = piece.get(skip..).unwrap_or_default();
            skip = 0;
            let bytes = &bytes[..bytes.len().min(max - total)];
            if bytes.is_empty() {
                continue;
            }
            slices[count] = IoSlice::new(bytes);
            count += 1;
            total += bytes.len();
            if count == SLICES || total == max {
                break;
            }
        }
        (count, total)
    }

    /// Forgets the first `written` bytes.
    pub(super) fn advance(&mut self, mut written: usize, spares: &mut Spares) {
        debug_assert!(written <= self.pending(), "the kernel took no more than was offered");
        while let Some(chunks) = self.chunks.as_mut() {
            let Some(first) = chunks.front() else {
                self.chunks = None;
                break;
            };
            let left = first.len() - self.head;
            if written < left {
                self.head += written;
                return;
            }
            written -= left;
            self.head = 0;
            self.in_chunks -= first.len();
            spares.give(chunks.pop_front().expect("front has just seen it"));
        }
        self.head += written;
        if self.head >= self.tail.len() {
            self.head = 0;
            spares.give(std::mem::take(&mut self.tail));
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self, spares: &mut Spares) {
        spares.give(std::mem::take(&mut self.tail));
        *self = OutBuf::default();
    }

    fn push_chunk(&mut self, bytes: Vec<u8>) {
        self.seal();
        self.in_chunks += bytes.len();
        self.chunks.get_or_insert_default().push_back(bytes);
    }

    /// Makes the tail the last chunk.
    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.in_chunks += self.tail.len();
            let tail = std::mem::take(&mut self.tail);
            self.chunks.get_or_insert_default().push_back(tail);
        }
    }
}
