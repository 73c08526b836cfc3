//! What the fuzz target `mailbox` asserts: events that were queued are read back by a plain reading of the boundary's
//! records, whole, in order, once, however the batches are cut. It must not know what an event is about.
use skep::runtime::{Mailbox, Note};
use skep_abi::{Batch, Event, Field, Request, events, request};

const HEADER: usize = size_of::<Event>();
const BATCH: usize = size_of::<Batch>();

/// An event as it was queued: kind, flags, handle, value, payload.
type Told = (u16, u16, u64, u32, Vec<u8>);

/// Queues and takes events as the bytes say.
pub fn mailbox(data: &[u8]) {
    let mut bytes = data.iter().copied();
    let mut next = move || bytes.next();
    let capacity = 4096 + 8 * usize::from(next().unwrap_or(0));
    let mut mailbox = Mailbox::new(capacity);
    let (mut told, mut read): (Vec<Told>, Vec<Told>) = (Vec::new(), Vec::new());
    while let Some(op) = next() {
        let size = usize::from(next().unwrap_or(0)) * usize::from(op >> 4);
        match op % 4 {
            0 | 1 if mailbox.is_full() => take(&mut mailbox, 3, capacity, &mut read),
            0 => {
                let note = Note { kind: 1 + u16::from(op), flags: 0, handle: u64::from(op) << 24, value: size as u32 };
                let payload = vec![op; size.min(2000)];
                let (one, other) = payload.split_at(payload.len() / 3);
                mailbox.push(note, &[one, other]);
                told.push((note.kind, 0, note.handle, note.value, payload));
            }
            1 => told.push(tell_request(&mut mailbox, op, size.min(700))),
            _ => take(&mut mailbox, u32::from(op) / 4 + 1, capacity, &mut read),
        }
    }
    while !mailbox.is_empty() {
        take(&mut mailbox, 7, capacity, &mut read);
    }
    assert_eq!(read, told, "what was told is what is read");
}

fn tell_request(mailbox: &mut Mailbox, op: u8, size: usize) -> Told {
    let raw = vec![b'r'; usize::from(op)];
    let fields = usize::from(op) % 5;
    let record = Request { field_count: fields as u32, raw_len: raw.len() as u32, flags: 1, ..Request::default() };
    let at =
        mailbox.push_request(skep_abi::events::HTTP_REQUEST, 7, &record, (0..fields).map(|_| Field::default()), &raw);
    let most = 500;
    let fits = mailbox.extend_request(at, &vec![b'b'; size], most);
    assert_eq!(fits, size <= most);
    let body = if fits { size } else { 0 };
    let more = mailbox.extend_request(at, b"more", most);
    assert_eq!(more, body + 4 <= most);
    mailbox.complete_request(at);
    let flags = 1 | request::COMPLETE;
    let mut payload = vec![0; size_of::<Request>() + fields * size_of::<Field>()];
    payload[18..20].copy_from_slice(&flags.to_le_bytes());
    let all = body + if more { 4 } else { 0 };
    for (at, number) in [(28, fields), (32, raw.len()), (36, all)] {
        payload[at..at + 4].copy_from_slice(&(number as u32).to_le_bytes());
    }
    payload.extend_from_slice(&raw);
    payload.extend(std::iter::repeat_n(b'b', body));
    payload.extend_from_slice(if more { b"more" } else { b"" });
    (events::HTTP_REQUEST, flags, 7, 0, payload)
}

/// Takes a batch and reads it as a guest would.
fn take(mailbox: &mut Mailbox, limit: u32, capacity: usize, read: &mut Vec<Told>) {
    if mailbox.is_empty() {
        return;
    }
    let (batch, count) = mailbox.batch(11, 12, limit).expect("no event here is larger than an inbox");
    let number = |at: usize| u32::from_le_bytes(batch[at..at + 4].try_into().expect("four bytes"));
    let long = |at: usize| u64::from_le_bytes(batch[at..at + 8].try_into().expect("eight bytes"));
    assert!(count > 0 && count <= limit && batch.len() <= capacity);
    assert_eq!((number(0), number(4) as usize, long(8), long(16)), (count, batch.len(), 11, 12));
    let mut at = BATCH;
    for _ in 0..count {
        let (size, len) = (number(at) as usize, number(at + 16) as usize);
        assert!(size.is_multiple_of(8) && len + HEADER <= size && size < len + HEADER + 8);
        let kind = number(at + 4);
        read.push((
            kind as u16,
            (kind >> 16) as u16,
            long(at + 8),
            number(at + 20),
            batch[at + HEADER..][..len].to_vec(),
        ));
        at += size;
    }
    assert_eq!(at, batch.len());
    let size = batch.len();
    mailbox.delivered(size, count);
}
