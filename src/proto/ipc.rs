//! The channel between a process and one that it started: frames, and which of them may come from where. Sans-IO: bytes
//! come in as they were cut by the kernel, with the number of descriptors that came beside them, and frames go out.
//! Whatever does not fit the table is a [`Fault`], and the peer is broken for good. It must not know descriptors,
//! processes, or what a script's message contains: to the host that is opaque bytes.
use std::fmt;

/// Bytes before a payload: u32 its length, u8 kind, u8 flags, u16 zero, u64 id. Little endian.
pub const HEAD: usize = 16;

/// A descriptor came with the frame's first byte.
pub const FD: u8 = 1;
/// More of this message follows.
pub const MORE: u8 = 2;

/// Which end a frame comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The process that started the other.
    Parent,
    /// The one that was started.
    Child,
}

/// What a frame's flags may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fds {
    Never,
    Always,
    Maybe,
}

macro_rules! kinds {
    ($($name:ident = $number:literal, $from:ident, $fds:ident, $least:literal..=$most:expr, $doc:literal;)*) => {
        /// What a frame is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Kind {
            $(#[doc = $doc] $name = $number),*
        }

        impl Kind {
            /// Every kind, in order.
            pub const ALL: &[Kind] = &[$(Kind::$name),*];

            fn of(number: u8) -> Option<Kind> {
                match number {
                    $($number => Some(Kind::$name),)*
                    _ => None,
                }
            }

            /// Where it may come from, whether a descriptor comes with it, and its payload's bounds.
            fn rule(self) -> (Origin, Fds, usize, usize) {
                match self {
                    $(Kind::$name => (Origin::$from, Fds::$fds, $least, $most),)*
                }
            }
        }
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Child,
    Parent,
    Both,
}

/// Stands for the limit on payloads.
const MANY: usize = usize::MAX;

kinds! {
    Ended = 1, Child, Never, 8..=8, "The child's guest has ended: u32 a reason, i32 a code. Its last frame.";
    ForkWish = 2, Child, Never, 0..=0, "The child wants to start a process; id numbers the wish.";
    ForkGone = 3, Child, Never, 0..=0, "id of the processes that were allowed are gone.";
    Begun = 4, Child, Never, 0..=0, "The connection of offer id belongs to the child now.";
    Return = 5, Child, Never, 0..=0, "The child does not take offer id, and wants none before it says Well.";
    Well = 6, Child, Never, 0..=0, "The child takes offers again.";
    Unshare = 7, Child, Never, 0..=0, "The child has closed its listener of number id.";
    Serving = 8, Child, Never, 0..=0, "The child is confined and takes connections for its tenants.";
    Back = 9, Child, Always, 0..=MANY, "A connection that came by a Hand is not for the child's tenants, or no more: what was read of it. id 1: its tenant has no instance there now.";
    Views = 10, Child, Never, 0..=MANY, "The answer to Ask id: its tenants' numbers.";
    Changed = 11, Child, Never, 0..=0, "The configuration file of the tenant id has changed, as the child says.";
    Lines = 12, Child, Never, 1..=MANY, "Lines of its tenants' logs, each behind whose it is, its stream and its length.";
    Want = 13, Child, Never, 0..=0, "The module of the tenant id is another one than this process was given.";
    Beat = 14, Child, Never, 0..=MANY, "The answer to Pulse id: its connections, and the requests under way of tenants that scale.";
    Order = 16, Parent, Never, 0..=MANY, "What the child is to run. The first frame, but for Input, Given, Purse, Code, Layer, Image, Will, Module and those of a nursery.";
    Input = 17, Parent, Always, 0..=0, "The child's standard input.";
    Code = 20, Parent, Always, 0..=0, "Compiled code to map.";
    Image = 21, Parent, Always, 0..=MANY, "An image to map, and what else there is to it.";
    Layer = 26, Parent, Always, 0..=0, "Pages over those of the Image that follows.";
    Nest = 23, Parent, Never, 1..=1, "The process runs nothing but becomes others; u8: how its system calls are to be filtered before: 0 not, 1 as for who starts only such, 2 as for who starts programs.";
    Output = 24, Parent, Always, 0..=0, "Standard output, then standard error, of the next Hatch.";
    Hatch = 25, Parent, Always, 1..=1, "A process is to be made whose channel this is; u8: 1 for a session of its own. The answer is an i32: its number, or an errno below zero.";
    Will = 22, Parent, Never, 1..=MANY, "The image is a running guest's: what its clone is told.";
    Purse = 28, Parent, Always, 16..=16, "The cells in which the tree's memory and CPU are counted; u64 the child's row, u64 the word that makes it the child's.";
    Given = 27, Parent, Always, 1..=1, "A descriptor of the child's beyond the standard ones, whose number is id; u8: 1 for an open file of the guest's, 0 for what is only read and written.";
    Offer = 18, Parent, Always, 4..=4, "A connection of the shared listener whose number (u32) is the payload; id numbers the offer.";
    ForkAnswer = 19, Parent, Never, 4..=4, "What became of wish id: u32 an errno, or 0.";
    Hive = 36, Parent, Never, 1..=MANY, "Tenants that the child is to serve. The first frame, but for Input, Code, Layer, Image and Module.";
    Module = 40, Parent, Never, 0..=0, "Code and Image that came last are those of the tenant id, whose program is a module.";
    Hand = 37, Parent, Always, 2..=MANY, "A connection for one of them: u16 the length of what is known of it, that, and what was read of it.";
    Bid = 38, Parent, Never, 1..=MANY, "What is to be done with them.";
    Ask = 39, Parent, Never, 0..=0, "How they are; id numbers the question.";
    Pulse = 41, Parent, Never, 0..=0, "Whether it goes on; id numbers the question.";
    Message = 32, Both, Maybe, 0..=MANY, "From script to script; id tells what the descriptor is.";
    Internal = 33, Both, Maybe, 0..=MANY, "From library to library; id tells what the descriptor is.";
    Disconnect = 34, Both, Never, 0..=0, "No messages come after this.";
}

impl Kind {
    /// One message may be several frames.
    fn has_parts(self) -> bool {
        matches!(self, Kind::Message | Kind::Internal | Kind::Order | Kind::Hive | Kind::Bid | Kind::Views)
    }
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub kind: Kind,
    /// The descriptor that has come longest ago and belongs to no frame yet is this one's.
    pub fd: bool,
    pub more: bool,
    pub id: u64,
    pub payload: &'a [u8],
}

/// How a peer broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    UnknownKind,
    UnknownFlag,
    WrongDirection,
    /// The payload is longer than a frame of this kind may be.
    TooLong,
    TooShort,
    /// The parts of one message are too many bytes.
    MessageTooLong,
    /// Another kind of message between the parts of one.
    Interleaved,
    UnexpectedDescriptor,
    MissingDescriptor,
    /// The stream ended inside a frame.
    CutShort,
    /// A frame that no peer of ours sends then: a second order, an answer to no question, an unknown number.
    OutOfPlace,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::UnknownKind => "a frame of no known kind",
            Fault::UnknownFlag => "a frame with an unknown flag",
            Fault::WrongDirection => "a frame that only the other side sends",
            Fault::TooLong => "a frame that is too long",
            Fault::TooShort => "a frame that is too short",
            Fault::MessageTooLong => "a message that is too long",
            Fault::Interleaved => "a message inside another",
            Fault::UnexpectedDescriptor => "a descriptor that belongs to no frame",
            Fault::MissingDescriptor => "a frame without its descriptor",
            Fault::CutShort => "an end inside a frame",
            Fault::OutOfPlace => "a frame out of place",
        })
    }
}

/// What a decoder holds its peer to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one payload.
    pub frame_bytes: usize,
    /// Bytes of all parts of one message.
    pub message_bytes: usize,
}

/// Appends a frame to `out`.
pub fn encode(out: &mut Vec<u8>, frame: &Frame<'_>) {
    let flags = if frame.fd { FD } else { 0 } | if frame.more { MORE } else { 0 };
    out.extend_from_slice(&(frame.payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&[frame.kind as u8, flags, 0, 0]);
    out.extend_from_slice(&frame.id.to_le_bytes());
    out.extend_from_slice(frame.payload);
}

/// Bytes of one direction to frames.
#[derive(Debug)]
pub struct Decoder {
    from: Side,
    limits: Limits,
    bytes: Vec<u8>,
    /// How much of `bytes` has been given out.
    head: usize,
    /// Descriptors that have come and belong to no frame that was given out; none: they do not come with the bytes.
    fds: Option<usize>,
    /// The message whose parts are coming, and its bytes so far.
    parts: Option<(Kind, usize)>,
    fault: Option<Fault>,
}

impl Decoder {
    /// For what `from` sends.
    pub fn new(from: Side, limits: Limits) -> Decoder {
        Decoder { from, limits, bytes: Vec::new(), head: 0, fds: Some(0), parts: None, fault: None }
    }

    /// Within one process: a frame's descriptor has gone another way, before its bytes.
    pub fn beside(self) -> Decoder {
        Decoder { fds: None, ..self }
    }

    /// Takes in what one read gave. All frames must be taken out before the next.
    pub fn feed(&mut self, bytes: &[u8], fds: usize) {
        if self.head == self.bytes.len() {
            self.bytes.clear();
        } else {
            self.bytes.drain(..self.head);
        }
        self.head = 0;
        self.bytes.extend_from_slice(bytes);
        self.fds.iter_mut().for_each(|known| *known += fds);
    }

    /// The next whole frame; none when more must come first. A fault stays.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Fault> {
        match self.step() {
            Ok(Some((kind, flags, id, end))) => {
                let payload = &self.bytes[self.head + HEAD..end];
                self.head = end;
                Ok(Some(Frame { kind, fd: flags & FD != 0, more: flags & MORE != 0, id, payload }))
            }
            Ok(None) => Ok(None),
            Err(fault) => {
                self.fault = Some(fault);
                Err(fault)
            }
        }
    }

    /// The stream has ended.
    pub fn end(&self) -> Result<(), Fault> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.head < self.bytes.len() => Err(Fault::CutShort),
            None => Ok(()),
        }
    }

    /// Bytes that are held for frames that are not whole.
    pub fn held(&self) -> usize {
        self.bytes.len() - self.head
    }

    fn step(&mut self) -> Result<Option<(Kind, u8, u64, usize)>, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let rest = &self.bytes[self.head..];
        let Some(head) = rest.get(..HEAD) else { return self.wait(!rest.is_empty()) };
        let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let (kind, flags) = (Kind::of(head[4]).ok_or(Fault::UnknownKind)?, head[5]);
        let id = u64::from_le_bytes(head[8..16].try_into().expect("eight bytes"));
        if flags & !(FD | MORE) != 0 || head[6] != 0 || head[7] != 0 {
            return Err(Fault::UnknownFlag);
        }
        self.check(kind, flags, len)?;
        let end = self.head + HEAD + len;
        if self.bytes.len() < end {
            return self.wait(true);
        }
        self.account(kind, flags, len)?;
        Ok(Some((kind, flags, id, end)))
    }

    /// More must come. A descriptor comes with a frame's first byte: without one none may wait.
    fn wait<T>(&self, begun: bool) -> Result<Option<T>, Fault> {
        if self.fds.is_some_and(|fds| fds > usize::from(begun)) { Err(Fault::UnexpectedDescriptor) } else { Ok(None) }
    }

    /// What can be said of a frame by its head alone.
    fn check(&self, kind: Kind, flags: u8, len: usize) -> Result<(), Fault> {
        let (from, fds, least, most) = kind.rule();
        match (from, self.from) {
            (Origin::Both, _) | (Origin::Child, Side::Child) | (Origin::Parent, Side::Parent) => {}
            _ => return Err(Fault::WrongDirection),
        }
        if len > most.min(self.limits.frame_bytes) {
            return Err(Fault::TooLong);
        }
        if len < least {
            return Err(Fault::TooShort);
        }
        let has = flags & FD != 0;
        match fds {
            Fds::Never if has => return Err(Fault::UnexpectedDescriptor),
            Fds::Always if !has => return Err(Fault::MissingDescriptor),
            _ => {}
        }
        if has && self.fds == Some(0) {
            return Err(Fault::MissingDescriptor);
        }
        if flags & MORE != 0 && !kind.has_parts() {
            return Err(Fault::UnknownFlag);
        }
        Ok(())
    }

    /// Takes the frame's descriptor, and its bytes into the sum of its message.
    fn account(&mut self, kind: Kind, flags: u8, len: usize) -> Result<(), Fault> {
        if flags & FD != 0 {
            self.fds.iter_mut().for_each(|known| *known -= 1);
        }
        if !kind.has_parts() {
            return Ok(());
        }
        let so_far = match self.parts {
            Some((other, _)) if other != kind => return Err(Fault::Interleaved),
            Some((_, so_far)) => so_far,
            None => 0,
        };
        let now = so_far + len;
        if now > self.limits.message_bytes {
            return Err(Fault::MessageTooLong);
        }
        self.parts = (flags & MORE != 0).then_some((kind, now));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { frame_bytes: 100, message_bytes: 250 };

    fn frame(kind: Kind, payload: &[u8]) -> Frame<'_> {
        Frame { kind, fd: false, more: false, id: 7, payload }
    }

    fn bytes(frames: &[Frame<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        frames.iter().for_each(|frame| encode(&mut out, frame));
        out
    }

    fn first(from: Side, bytes: &[u8], fds: usize) -> Result<bool, Fault> {
        let mut decoder = Decoder::new(from, LIMITS);
        decoder.feed(bytes, fds);
        decoder.next_frame().map(|frame| frame.is_some())
    }

    #[test]
    fn a_descriptor_that_goes_another_way_is_counted_by_nobody() {
        let frame = Frame { kind: Kind::Hand, fd: true, more: false, id: 0, payload: b"ab" };
        let mut bytes = Vec::new();
        encode(&mut bytes, &frame);
        let mut decoder = Decoder::new(Side::Parent, LIMITS).beside();
        for (at, byte) in bytes.iter().enumerate() {
            assert_eq!(decoder.next_frame(), Ok(None), "{at}");
            decoder.feed(&[*byte], 0);
        }
        assert_eq!(decoder.next_frame(), Ok(Some(frame)));
        let mut decoder = Decoder::new(Side::Parent, LIMITS);
        decoder.feed(&bytes, 0);
        assert_eq!(decoder.next_frame(), Err(Fault::MissingDescriptor));
    }

    #[test]
    fn frames_come_out_however_they_are_cut() {
        let sent = [
            frame(Kind::Message, b"one"),
            Frame { more: true, ..frame(Kind::Internal, &[1; 100]) },
            frame(Kind::Internal, b""),
            frame(Kind::Disconnect, b""),
        ];
        let all = bytes(&sent);
        for step in 1..=all.len() {
            let mut decoder = Decoder::new(Side::Child, LIMITS);
            let mut count = 0;
            for piece in all.chunks(step) {
                decoder.feed(piece, 0);
                while let Some(got) = decoder.next_frame().expect("well-formed") {
                    assert_eq!(got, sent[count]);
                    count += 1;
                }
            }
            assert_eq!((count, decoder.end()), (sent.len(), Ok(())), "cut every {step} bytes");
        }
    }

    #[test]
    fn p04_what_does_not_fit_the_table_is_a_fault() {
        let long = bytes(&[frame(Kind::Message, &[0; 101])]);
        assert_eq!(first(Side::Child, &long[..HEAD], 0), Err(Fault::TooLong), "before its payload has come");
        let mut huge = bytes(&[frame(Kind::Message, b"")]);
        huge[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(first(Side::Child, &huge, 0), Err(Fault::TooLong));
        assert_eq!(first(Side::Child, &bytes(&[frame(Kind::Ended, b"")]), 0), Err(Fault::TooShort));
        for (at, value, fault) in [(4, 0, Fault::UnknownKind), (4, 255, Fault::UnknownKind), (5, 4, Fault::UnknownFlag)]
        {
            let mut bad = bytes(&[frame(Kind::Message, b"x")]);
            bad[at] = value;
            assert_eq!(first(Side::Child, &bad, 0), Err(fault));
        }
        let mut decoder = Decoder::new(Side::Child, LIMITS);
        decoder.feed(&bytes(&[frame(Kind::Message, b"x")])[..10], 0);
        assert_eq!(decoder.next_frame(), Ok(None));
        assert_eq!(decoder.end(), Err(Fault::CutShort));
    }

    #[test]
    fn each_kind_comes_from_its_side_only() {
        for kind in Kind::ALL {
            let (from, fds, least, _) = kind.rule();
            let fd = fds == Fds::Always;
            let payload = vec![0; least];
            let sent = bytes(&[Frame { fd, ..frame(*kind, &payload) }]);
            for (side, own) in [(Side::Parent, Origin::Parent), (Side::Child, Origin::Child)] {
                let fits = from == Origin::Both || from == own;
                let expected = if fits { Ok(true) } else { Err(Fault::WrongDirection) };
                assert_eq!(first(side, &sent, usize::from(fd)), expected, "{kind:?} from {side:?}");
            }
        }
    }

    #[test]
    fn p05_descriptors_belong_to_frames() {
        let plain = bytes(&[frame(Kind::Message, b"x")]);
        let with = bytes(&[Frame { fd: true, ..frame(Kind::Message, b"x") }]);
        assert_eq!(first(Side::Child, &with, 1), Ok(true));
        assert_eq!(first(Side::Child, &with, 0), Err(Fault::MissingDescriptor));
        assert_eq!(
            first(Side::Child, &bytes(&[Frame { fd: true, ..frame(Kind::Well, b"") }]), 1),
            Err(Fault::UnexpectedDescriptor)
        );
        let mut decoder = Decoder::new(Side::Child, LIMITS);
        decoder.feed(&plain, 1);
        assert!(decoder.next_frame().expect("this one is whole").is_some());
        assert_eq!(decoder.next_frame(), Err(Fault::UnexpectedDescriptor), "nobody's");
        assert_eq!(first(Side::Child, &with[..5], 2), Err(Fault::UnexpectedDescriptor), "one a frame");
        assert_eq!(first(Side::Parent, &bytes(&[frame(Kind::Offer, &[0; 4])]), 0), Err(Fault::MissingDescriptor));
    }

    #[test]
    fn parts_are_bounded_together_and_not_mixed() {
        let part = |kind| Frame { more: true, ..frame(kind, &[0; 100]) };
        let mut decoder = Decoder::new(Side::Child, LIMITS);
        decoder.feed(&bytes(&[part(Kind::Message), part(Kind::Message), part(Kind::Message)]), 0);
        assert!(decoder.next_frame().is_ok() && decoder.next_frame().is_ok());
        assert_eq!(decoder.next_frame(), Err(Fault::MessageTooLong));
        let mut decoder = Decoder::new(Side::Child, LIMITS);
        decoder.feed(&bytes(&[part(Kind::Message), part(Kind::Internal)]), 0);
        assert!(decoder.next_frame().is_ok());
        assert_eq!(decoder.next_frame(), Err(Fault::Interleaved));
        assert_eq!(decoder.next_frame(), Err(Fault::Interleaved), "a fault stays");
    }
}
