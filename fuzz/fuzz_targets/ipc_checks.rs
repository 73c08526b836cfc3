//! What the fuzz target `ipc` asserts (T-IPC): any bytes, from either side, cut anywhere, with any number of descriptors,
//! give the same frames and (without descriptors) the same fault; a fault stays; nothing is held beyond a frame; frames that were encoded come
//! out as they went in. It must not know what a frame is for.
use skep::proto::ipc::{Decoder, Fault, Frame, HEAD, Kind, Limits, Side, encode};

const LIMITS: Limits = Limits { frame_bytes: 300, message_bytes: 700 };

/// What a frame says: kind, descriptor, more, id, payload.
type Said = (Kind, bool, bool, u64, Vec<u8>);

fn said(frame: &Frame<'_>) -> Said {
    (frame.kind, frame.fd, frame.more, frame.id, frame.payload.to_vec())
}

/// Decodes pieces; descriptors come with the first.
fn decode<'a>(from: Side, pieces: impl Iterator<Item = &'a [u8]>, fds: usize) -> (Vec<Said>, Result<(), Fault>) {
    let mut decoder = Decoder::new(from, LIMITS);
    let mut frames = Vec::new();
    let mut fds = fds;
    for piece in pieces {
        decoder.feed(piece, std::mem::take(&mut fds));
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(said(&frame)),
                Ok(None) => break,
                Err(fault) => {
                    assert_eq!(decoder.next_frame(), Err(fault), "a fault stays");
                    return (frames, Err(fault));
                }
            }
        }
        assert!(decoder.held() <= HEAD + LIMITS.frame_bytes, "no more is held than a frame");
    }
    let end = decoder.end();
    (frames, end)
}

/// Frames that some peer could send, made of the bytes.
fn encoded(data: &[u8], from: Side) -> (Vec<u8>, Vec<Said>) {
    let mut out = Vec::new();
    let mut frames = Vec::new();
    for chunk in data.chunks(7) {
        let kind = match (chunk[0] % 4, from) {
            (0, _) => Kind::Message,
            (1, _) => Kind::Internal,
            (2, Side::Child) => Kind::Begun,
            (2, Side::Parent) => Kind::Order,
            _ => Kind::Disconnect,
        };
        let size = if matches!(kind, Kind::Begun | Kind::Disconnect) { 0 } else { usize::from(chunk[chunk.len() - 1]) };
        let payload = vec![chunk[0]; size];
        let frame = Frame { kind, fd: false, more: false, id: u64::from(chunk[0]) << 40, payload: &payload };
        encode(&mut out, &frame);
        frames.push(said(&frame));
    }
    (out, frames)
}

/// Checks one input.
pub fn ipc(data: &[u8]) {
    let (first, bytes) = data.split_first().unwrap_or((&0, &[]));
    let from = if first & 1 == 0 { Side::Child } else { Side::Parent };
    let fds = usize::from(first >> 6);
    let whole = decode(from, std::iter::once(bytes), fds);
    for step in [1, 2, 7, 16, 17] {
        let cut = decode(from, bytes.chunks(step), fds);
        if fds == 0 {
            assert_eq!(cut, whole, "cut every {step} bytes");
        } else {
            // Which read brought a descriptor tells whose it is: what is refused sooner or later depends on it.
            let common = cut.0.len().min(whole.0.len());
            assert_eq!(cut.0[..common], whole.0[..common], "cut every {step} bytes");
        }
    }
    let (sent, frames) = encoded(bytes, from);
    assert_eq!(decode(from, sent.chunks(1 + usize::from(first >> 2)), 0), (frames, Ok(())));
}
