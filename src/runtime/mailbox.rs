//! A guest's mailbox: events laid out as they will stand in its inbox, in order, until it can take
//! them. It must not know what an event is about, nor who sends it.
use skep_abi::{Batch, Event, Field, Request};

const HEADER: usize = size_of::<Event>();
/// Where these stand in the record Request.
const FLAGS: usize = std::mem::offset_of!(Request, flags);
const BODY_LEN: usize = std::mem::offset_of!(Request, body_len);
const BATCH: usize = size_of::<Batch>();

/// Events that wait for one guest.
#[derive(Debug)]
pub struct Mailbox {
    /// Room for a batch header, then events one after the other.
    bytes: Vec<u8>,
    /// Events in `bytes`.
    count: u32,
    /// Events that there ever were.
    total: u64,
    /// Largest batch that the guest's inbox takes.
    capacity: usize,
    /// Where the first undelivered event stands.
    head: usize,
}

/// What is known of an event but its payload.
#[derive(Clone, Copy, Debug, Default)]
pub struct Note {
    pub kind: u16,
    pub flags: u16,
    pub handle: u64,
    pub value: u32,
}

impl Mailbox {
    /// `capacity` is the guest's inbox in bytes.
    pub fn new(capacity: usize) -> Mailbox {
        Mailbox { bytes: vec![0; BATCH], count: 0, total: 0, capacity, head: BATCH }
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Events that there ever were, and how many of them are in the guest's hands.
    pub fn progress(&self) -> (u64, u64) {
        (self.total, self.total - u64::from(self.count))
    }

    /// Bytes that wait.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// More than one inbox full waits: senders keep what they have (the kernel's buffers hold it).
    pub fn is_full(&self) -> bool {
        self.bytes.len() - self.head > self.capacity / 2
    }

    /// Bytes of payload that go into one event; more are sent as several. A request's head, its fields and what
    /// is inlined of its body stay below an inbox full by the same measure (see [`Mailbox::head_limits`]).
    pub fn piece(&self) -> usize {
        (self.capacity / 4).clamp(1, 64 << 10)
    }

    /// Largest head, and most fields, that make an event which fits into the inbox with a piece of body.
    pub fn head_limits(&self) -> (u32, u32) {
        ((self.capacity / 2) as u32, (self.capacity / 128) as u32)
    }

    /// Whether a head of so many fields and bytes makes an event that fits into the inbox with a piece of body.
    pub fn takes_head(&self, fields: usize, bytes: usize) -> bool {
        let head = size_of::<Request>() + fields * size_of::<Field>() + bytes;
        (BATCH + HEADER + head + self.piece()).next_multiple_of(8) <= self.capacity
    }

    /// Queues an event whose payload is made of these parts.
    pub fn push(&mut self, note: Note, parts: &[&[u8]]) {
        let at = self.open(note);
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.seal(at);
    }

    /// Queues a head (HTTP_REQUEST, HTTP_RESPONSE): the record, the field table and the raw head.
    /// A body may follow by [`Mailbox::extend_request`] as long as nothing else is queued; answers where it stands.
    pub fn push_request(
        &mut self,
        kind: u16,
        handle: u64,
        request: &Request,
        fields: impl Iterator<Item = Field>,
        raw: &[u8],
    ) -> usize {
        let at = self.open(Note { kind, flags: request.flags, handle, value: 0 });
        put_request(&mut self.bytes, request);
        for field in fields {
            put_field(&mut self.bytes, &field);
        }
        self.bytes.extend_from_slice(raw);
        self.seal(at);
        at
    }

    /// Adds body bytes to the request event at `at`; false when that would exceed `most` bytes of body.
    pub fn extend_request(&mut self, at: usize, body: &[u8], most: usize) -> bool {
        let so_far = self.number(at + HEADER + BODY_LEN);
        if so_far as usize + body.len() > most {
            return false;
        }
        let len = self.number(at + 16) as usize;
        self.bytes.truncate(at + HEADER + len);
        self.bytes.extend_from_slice(body);
        let body_len = so_far + body.len() as u32;
        self.bytes[at + HEADER + BODY_LEN..][..4].copy_from_slice(&body_len.to_le_bytes());
        self.count -= 1;
        self.seal(at);
        true
    }

    /// The message of the request event at `at` is whole.
    pub fn complete_request(&mut self, at: usize) -> bool {
        for place in [at + 6, at + HEADER + FLAGS] {
            let flags = u16::from_le_bytes([self.bytes[place], self.bytes[place + 1]]) | skep_abi::request::COMPLETE;
            self.bytes[place..place + 2].copy_from_slice(&flags.to_le_bytes());
        }
        true
    }

    fn number(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("four bytes"))
    }

    /// The next batch, at most an inbox full and `limit` events; then [`Mailbox::delivered`]. None when the guest's
    /// inbox is too small for the next event.
    pub fn batch(&mut self, mono: u64, wall: u64, limit: u32) -> Option<(&[u8], u32)> {
        let start = self.head - BATCH;
        let (end, count) = self.cut(limit)?;
        let size = (end - start) as u32;
        let header = &mut self.bytes[start..self.head];
        header[0..4].copy_from_slice(&count.to_le_bytes());
        header[4..8].copy_from_slice(&size.to_le_bytes());
        header[8..16].copy_from_slice(&mono.to_le_bytes());
        header[16..24].copy_from_slice(&wall.to_le_bytes());
        Some((&self.bytes[start..end], count))
    }

    /// The batch of `size` bytes with `count` events is in the guest's hands.
    pub fn delivered(&mut self, size: usize, count: u32) {
        self.count -= count;
        self.head += size - BATCH;
        if self.count == 0 {
            self.bytes.truncate(BATCH);
            self.bytes.shrink_to(self.capacity);
            self.head = BATCH;
        } else if self.head > self.bytes.len() / 2 {
            let rest = self.head - BATCH;
            self.bytes.drain(..rest);
            self.head = BATCH;
        }
    }

    /// How far the next batch reaches, and how many events that is.
    fn cut(&self, limit: u32) -> Option<(usize, u32)> {
        let most = self.head - BATCH + self.capacity;
        if self.bytes.len() <= most && self.count <= limit {
            return Some((self.bytes.len(), self.count));
        }
        let (mut end, mut count) = (self.head, 0);
        while count < limit.min(self.count) {
            let size = self.number(end) as usize;
            if end + size > most {
                break;
            }
            end += size;
            count += 1;
        }
        (count > 0).then_some((end, count))
    }

    fn open(&mut self, note: Note) -> usize {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER]);
        let header = &mut self.bytes[at..];
        header[4..6].copy_from_slice(&note.kind.to_le_bytes());
        header[6..8].copy_from_slice(&note.flags.to_le_bytes());
        header[8..16].copy_from_slice(&note.handle.to_le_bytes());
        header[20..24].copy_from_slice(&note.value.to_le_bytes());
        at
    }

    fn seal(&mut self, at: usize) {
        let len = (self.bytes.len() - at - HEADER) as u32;
        let padded = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(padded, 0);
        let size = (padded - at) as u32;
        self.bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
        self.bytes[at + 16..at + 20].copy_from_slice(&len.to_le_bytes());
        self.count += 1;
        self.total += 1;
    }
}

fn put_request(out: &mut Vec<u8>, request: &Request) {
    let mut record = [0u8; size_of::<Request>()];
    record[0..8].copy_from_slice(&request.listener.to_le_bytes());
    record[8..16].copy_from_slice(&request.conn.to_le_bytes());
    record[16] = request.method;
    record[17] = request.minor;
    record[18..20].copy_from_slice(&request.flags.to_le_bytes());
    let numbers = [request.target, request.target_len, request.field_count, request.raw_len, request.body_len];
    for (i, number) in numbers.iter().enumerate() {
        record[20 + 4 * i..24 + 4 * i].copy_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&record);
}

fn put_field(out: &mut Vec<u8>, field: &Field) {
    let mut record = [0u8; size_of::<Field>()];
    record[0..4].copy_from_slice(&field.name.to_le_bytes());
    record[4..6].copy_from_slice(&field.name_len.to_le_bytes());
    record[6..8].copy_from_slice(&field.known.to_le_bytes());
    record[8..12].copy_from_slice(&field.value.to_le_bytes());
    record[12..16].copy_from_slice(&field.value_len.to_le_bytes());
    out.extend_from_slice(&record);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(kind: u16) -> Note {
        Note { kind, ..Note::default() }
    }

    #[test]
    fn an_event_is_padded_and_counted() {
        let mut mailbox = Mailbox::new(4096);
        mailbox.push(note(7), &[b"abc", b"de"]);
        let (batch, count) = mailbox.batch(1, 2, 10).expect("it fits");
        assert_eq!((batch.len(), count), (24 + 32, 1));
        assert_eq!(&batch[24..28], &32u32.to_le_bytes());
        assert_eq!(&batch[40..44], &5u32.to_le_bytes());
        assert_eq!(&batch[48..53], b"abcde");
    }

    #[test]
    fn batches_are_cut_at_the_inbox_and_at_the_limit() {
        let mut mailbox = Mailbox::new(24 + 48 * 3);
        for kind in 1..=8 {
            mailbox.push(note(kind), &[&[kind as u8; 20]]);
        }
        let mut seen = Vec::new();
        for limit in [2, 100, 100, 100] {
            let (batch, count) = mailbox.batch(0, 0, limit).expect("it fits");
            let (size, copy) = (batch.len(), batch.to_vec());
            seen.extend((0..count as usize).map(|i| copy[24 + 48 * i + 4]));
            mailbox.delivered(size, count);
        }
        assert_eq!(seen, (1..=8).collect::<Vec<u8>>());
        assert!(mailbox.is_empty());
    }

    #[test]
    fn an_event_that_no_inbox_takes_is_no_batch() {
        let mut mailbox = Mailbox::new(64);
        mailbox.push(note(1), &[&[0; 100]]);
        assert_eq!(mailbox.batch(0, 0, 10), None);
    }

    #[test]
    fn a_head_that_is_taken_fits_with_a_piece_of_body_and_no_longer_one_would() {
        for capacity in [1 << 10, 4096, 5000, 64 << 10, 384 << 10] {
            let fits = |bytes: usize| {
                let mut mailbox = Mailbox::new(capacity);
                let head =
                    [size_of::<Request>() + 3 * size_of::<Field>() + bytes, mailbox.piece()].map(|len| vec![0; len]);
                mailbox.push(note(1), &[&head[0], &head[1]]);
                mailbox.batch(0, 0, 1).is_some()
            };
            let mailbox = Mailbox::new(capacity);
            let most = (0..capacity).take_while(|bytes| mailbox.takes_head(3, *bytes)).count();
            assert!(most > capacity / 4 && fits(most - 1) && !fits(most), "{most} of {capacity}");
        }
    }
}
