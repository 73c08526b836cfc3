//! HTTP's client role: responses on a stream of the guest's, or on one that it feeds. Requests are the guest's own
//! bytes; what comes back is judged here. It must not know sockets, or what a script does with a response.
//!
//! A response is read while one is due (`http_expect`), and bytes that nobody asked for are a fault: a server cannot
//! leave an answer on an idle stream for the next request to find.
use super::inbound::{told_field, trailer_lines};
use super::{Hall, STASH_MAX};
use crate::guest::Handle;
use crate::guest::handles::Client as Standing;
use crate::proto::http1::{
    self, BodyKind, Decoder, EofKind, Head, Item, Reason, ResponseTo, Role, StartLine, Step, Trailers,
};
use crate::reactor::Kernel;
use crate::runtime::seat::{Resource, Seat};
use crate::runtime::streams::WINDOW;
use crate::time::Clock;
use skep_abi::{ListenOptions, Request, errno, events, expect, request};

/// No request method: this head is a response's.
const NO_METHOD: u8 = 255;

/// The client role of one stream.
#[cfg_attr(test, derive(Debug))]
pub(in crate::runtime) struct Client {
    decoder: Decoder,
    limits: http1::Limits,
    /// The response that is due answers CONNECT: whatever it says, the stream is the script's after its head, as in
    /// Node.
    connect: bool,
    /// A fault was told: what still comes is thrown away.
    failed: bool,
}

/// The client role over a stream that the guest has itself.
pub(in crate::runtime) struct Fed {
    pub guest: u32,
    handle: Handle,
    client: Client,
    /// Bytes of body that the guest can still take, and what was fed beyond.
    window: i64,
    stash: Vec<u8>,
    ended: bool,
}

/// What a stretch of input came to.
struct Read {
    /// Bytes of it that are done with.
    consumed: usize,
    /// The stream has left HTTP: all of the input was told.
    left: bool,
}

impl Client {
    fn new(limits: http1::Limits) -> Client {
        Client { decoder: Decoder::new(Role::Client), limits, connect: false, failed: false }
    }

    /// A request goes out. Inside a response a guest cannot mean it.
    fn expect(&mut self, kind: u32) {
        if !self.decoder.is_in_body() && !self.failed {
            self.connect = kind == expect::CONNECT;
            self.decoder.expect_response(match kind {
                expect::HEAD => ResponseTo::Head,
                expect::CONNECT => ResponseTo::Connect,
                expect::UPGRADE => ResponseTo::Upgrade,
                _ => ResponseTo::Other,
            });
        }
    }

    /// Parses `input` while the window lasts, and tells the guest.
    fn read(&mut self, to: &mut Told<'_>, parts: &mut http1::Scratch, input: &[u8]) -> Read {
        let mut at = 0;
        while !self.failed {
            let rest = &input[at..];
            if to.keeps && *to.window <= 0 && !rest.is_empty() && self.decoder.is_in_body() {
                return Read { consumed: at, left: false };
            }
            let Step { consumed, item } = self.decoder.decode(rest, &self.limits, parts);
            at += consumed.min(rest.len());
            match item {
                Item::NeedMore => break,
                Item::Head(head) => {
                    let leaves = head.upgrade || (self.connect && !head.is_informational());
                    to.head(&head, leaves);
                    if leaves {
                        to.left(&input[at..]);
                        return Read { consumed: input.len(), left: true };
                    }
                }
                Item::Body(bytes) => to.body(bytes),
                Item::End(trailers) => to.end(&trailers),
                Item::UpgradePending | Item::Tunnel => unreachable!("a stream that has left is no client's any more"),
                Item::Error(reason) => {
                    self.failed = true;
                    // What nobody asked for is looked at only so far as to name it.
                    let is_http = |start: &[u8]| b"HTTP/".starts_with(&start[..start.len().min(5)]);
                    let unsolicited = reason == Reason::UnsolicitedResponse && is_http(&input[at..]);
                    let foreign = reason == Reason::UnsolicitedResponse && !unsolicited;
                    to.fault(if foreign { Reason::InvalidConstant } else { reason }, input, at);
                }
            }
        }
        Read { consumed: input.len(), left: false }
    }

    /// The stream's end: it may be the end of a body. What else it means the guest can tell.
    pub fn ended(&mut self, seat: &mut Seat, handle: Handle) {
        let in_body = self.decoder.is_in_body();
        if !self.failed && self.decoder.eof() == EofKind::Complete && in_body {
            stand(seat, handle, Standing::Idle);
            seat.tell(events::HTTP_END, Some(handle), 0, &[]);
        }
    }
}

/// Where the parts of a response go.
struct Told<'a> {
    seat: &'a mut Seat,
    handle: Handle,
    window: &'a mut i64,
    /// What goes beyond the window can be kept.
    keeps: bool,
    /// The head's event while it is the last in the mailbox: a first piece of body and the end may still be put into it.
    open: Option<usize>,
    /// A piece of body is in that event: the next is an event of its own, as each chunk is a 'data' of its own in Node.
    filled: bool,
}

impl Told<'_> {
    fn head(&mut self, head: &Head<'_>, leaves: bool) {
        let reason = match head.start {
            StartLine::Status { reason, .. } => reason,
            StartLine::Request { .. } => http1::Span::default(),
        };
        let has = |on: bool, bit: u16| if on { bit } else { 0 };
        let chunked = head.body == BodyKind::Chunked;
        let flags = has(head.keep_alive, request::KEEP_ALIVE)
            | has(head.body != BodyKind::None && head.body != BodyKind::Length(0), request::HAS_BODY)
            | has(head.is_informational() || leaves, request::COMPLETE)
            | has(leaves, request::UPGRADE)
            | has(chunked, request::CHUNKED);
        let record = Request {
            listener: 0,
            conn: u64::from(head.status()),
            method: NO_METHOD,
            minor: head.version_minor,
            flags,
            target: reason.start,
            target_len: reason.len,
            field_count: head.fields.len() as u32,
            raw_len: head.bytes.len() as u32,
            body_len: 0,
        };
        let fields = head.fields.iter().map(told_field);
        let at = self.seat.mail.push_request(events::HTTP_RESPONSE, self.handle.raw(), &record, fields, head.bytes);
        if !head.is_informational() {
            (self.open, self.filled) = (Some(at), false);
            stand(self.seat, self.handle, Standing::Busy);
        }
    }

    fn body(&mut self, bytes: &[u8]) {
        *self.window -= bytes.len() as i64;
        if !self.extend(bytes) {
            self.seat.tell_bytes(events::HTTP_BODY, self.handle, bytes);
        }
    }

    fn extend(&mut self, bytes: &[u8]) -> bool {
        let most = self.seat.mail.piece();
        let fits = bytes.len() <= most && !std::mem::replace(&mut self.filled, true);
        self.open = self.open.filter(|&at| fits && self.seat.mail.extend_request(at, bytes, most));
        self.open.is_some()
    }

    fn end(&mut self, trailers: &Trailers<'_>) {
        let open = self.open.take().filter(|_| trailers.fields.is_empty());
        if !open.is_some_and(|at| self.seat.mail.complete_request(at)) {
            self.seat.tell(events::HTTP_END, Some(self.handle), 0, &[&trailer_lines(trailers)]);
        }
        // What was owed for this response is owed no more: an idle stream must be read, or what is smuggled on it
        // would wait for the next request.
        *self.window = WINDOW;
        stand(self.seat, self.handle, Standing::Idle);
    }

    /// What comes after the head is another protocol's.
    fn left(&mut self, rest: &[u8]) {
        *self.window -= rest.len() as i64;
        stand(self.seat, self.handle, Standing::No);
        if !self.extend(rest) {
            self.seat.tell_bytes(events::STREAM_DATA, self.handle, rest);
        }
    }

    fn fault(&mut self, reason: Reason, packet: &[u8], parsed: usize) {
        // Nothing more is worth reading.
        *self.window = 0;
        let code = reason.code();
        let message = match reason {
            Reason::InvalidConstant => "Expected HTTP/",
            other => other.message(),
        };
        let mut head = [0; 8];
        head[..4].copy_from_slice(&(parsed as u32).to_le_bytes());
        head[4..6].copy_from_slice(&(code.len() as u16).to_le_bytes());
        head[6..].copy_from_slice(&(message.len() as u16).to_le_bytes());
        let packet = &packet[..packet.len().min(self.seat.mail.piece())];
        let parts: [&[u8]; 4] = [&head, code.as_bytes(), message.as_bytes(), packet];
        self.seat.tell(events::HTTP_FAULT, Some(self.handle), 0, &parts);
    }
}

/// Writes where an import will look for it.
fn stand(seat: &mut Seat, handle: Handle, standing: Standing) {
    if let Some(slot) = seat.guest.state_mut().handles.get_mut(handle) {
        slot.client = standing;
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A stream's bytes are responses from now on.
    pub(in crate::runtime) fn client(&mut self, guest: u32, stream: Handle, options: &ListenOptions) {
        let limits = self.decoder_limits(guest, options);
        if let Resource::Stream(index) = self.seats[guest as usize].resource(stream) {
            self.streams[index as usize].client = Some(Box::new(Client::new(limits)));
        }
    }

    /// The same over a stream that the guest has itself.
    pub(super) fn attach_client(&mut self, guest: u32, handle: Handle, options: &ListenOptions) {
        let client = Client::new(self.decoder_limits(guest, options));
        let fed = Fed { guest, handle, client, window: WINDOW, stash: Vec::new(), ended: false };
        let index = self.fed.insert(fed) as u32;
        self.seats[guest as usize].bind(handle, Resource::Fed(index));
    }

    /// A request goes out.
    pub(in crate::runtime) fn client_expects(&mut self, guest: u32, stream: Handle, kind: u32) {
        match self.seats[guest as usize].resource(stream) {
            Resource::Stream(index) => {
                if let Some(client) = &mut self.streams[index as usize].client {
                    client.expect(kind);
                }
            }
            Resource::Fed(index) => self.fed[index as usize].client.expect(kind),
            _ => {}
        }
    }

    /// Bytes have come on a stream in the client role.
    pub(in crate::runtime) fn client_bytes(&mut self, index: u32, bytes: &[u8]) {
        let stream = &mut self.streams[index as usize];
        let Some(client) = &mut stream.client else { return };
        let seat = &mut self.seats[stream.guest as usize];
        // No more is read from a stream than the guest has credit for, so that nothing need be kept here.
        let mut told =
            Told { seat, handle: stream.handle, window: &mut stream.credit, keeps: false, open: None, filled: false };
        if client.read(&mut told, &mut self.parts, bytes).left {
            stream.client = None;
        }
    }

    /// The guest has fed bytes; none are the end.
    pub(super) fn fed_bytes(&mut self, index: u32, bytes: &[u8]) {
        let fed = &mut self.fed[index as usize];
        fed.ended |= bytes.is_empty();
        fed.stash.extend_from_slice(bytes);
        self.fed_go_on(index);
    }

    fn fed_go_on(&mut self, index: u32) {
        let fed = &mut self.fed[index as usize];
        let seat = &mut self.seats[fed.guest as usize];
        let input = std::mem::take(&mut fed.stash);
        let mut told =
            Told { seat, handle: fed.handle, window: &mut fed.window, keeps: true, open: None, filled: false };
        let read = fed.client.read(&mut told, &mut self.parts, &input);
        fed.stash.extend_from_slice(&input[read.consumed..]);
        if fed.ended && fed.stash.is_empty() {
            fed.client.ended(&mut self.seats[fed.guest as usize], fed.handle);
        }
        if read.left || self.fed[index as usize].stash.len() > STASH_MAX {
            self.end_fed(index, if read.left { 0 } else { errno::ENOBUFS });
        }
    }

    /// The guest can take more of a body.
    pub(in crate::runtime) fn fed_credit(&mut self, index: u32, bytes: u32) {
        let fed = &mut self.fed[index as usize];
        fed.window = fed.window.saturating_add(i64::from(bytes)).min(1 << 40);
        self.fed_go_on(index);
    }

    /// The guest is told that it goes.
    fn end_fed(&mut self, index: u32, errno: i32) {
        let fed = &self.fed[index as usize];
        let (guest, handle) = (fed.guest, fed.handle);
        self.drop_fed(index);
        self.seats[guest as usize].tell(events::CONN_CLOSED, Some(handle), errno as u32, &[]);
    }

    /// The guest has let go of it.
    pub(in crate::runtime) fn drop_fed(&mut self, index: u32) {
        let fed = self.fed.remove(index as usize);
        self.seats[fed.guest as usize].revoke(fed.handle);
    }
}
