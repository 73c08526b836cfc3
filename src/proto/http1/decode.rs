//! The receiving half of a connection: bytes in, one item at a time out.
//!
//! The caller loops while it wants more, so backpressure is simply not calling. A head that is whole in the input is
//! parsed where it lies; one that came in pieces is kept here, boxed, only until it is whole.
//! It must not know sockets, time, or what is done with an item.

use super::body::ChunkItem;
use super::error::Reason;
use super::framing;
use super::head::{self, First, Head, Parsed, Trailers};
use super::headers::Field;
use super::limits::Limits;
use super::method::Method;
use super::scan::{Scan, Scanned, Section};
use super::state::{After, Receiving, Upgrade};

/// Which end of the connection we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Requests come in.
    Server,
    /// Responses come in.
    Client,
}

/// What the response that is due answers; it decides whether there is a body (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseTo {
    /// A HEAD request.
    Head,
    /// A CONNECT request.
    Connect,
    /// A request that offered an upgrade.
    Upgrade,
    /// Any other request.
    Other,
}

/// What one call found.
#[derive(Debug)]
pub enum Item<'a> {
    /// All input is consumed and no item is whole.
    NeedMore,
    /// A head. An interim response is one, too, and is followed by another head.
    Head(Head<'a>),
    /// Body bytes, never empty, with the transfer coding removed.
    Body(&'a [u8]),
    /// The message is over. The next call begins the next one, or says why there is none.
    End(Trailers<'a>),
    /// The message that ended asked for an upgrade: nothing more is parsed until [`Decoder::decide_upgrade`] (R13).
    UpgradePending,
    /// From here on the bytes belong to another protocol; none is ever consumed here.
    Tunnel,
    /// The peer broke a rule. Every later call gives the same.
    Error(Reason),
}

/// The result of one call of [`Decoder::decode`].
#[derive(Debug)]
pub struct Step<'a> {
    /// Bytes of `input` that are done with. On an error, the position of the first bad byte (Node's `bytesParsed`).
    pub consumed: usize,
    /// What was found.
    pub item: Item<'a>,
}

/// What the stream's end means where the decoder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EofKind {
    /// Between messages, or after the last one.
    Clean,
    /// The end of the stream is the end of the message's body: treat it as [`Item::End`].
    Complete,
    /// Inside a message, or before a response that is due.
    Premature,
}

/// Working memory of [`Decoder::decode`], one for all connections of a loop: items borrow from it until the next call.
#[derive(Debug, Default)]
pub struct Scratch {
    section: Vec<u8>,
    fields: Vec<Field>,
}

/// A section of which only a part has come.
#[derive(Debug)]
struct Partial {
    scan: Scan,
    bytes: Vec<u8>,
}

impl Partial {
    /// Keeps `more`, in an allocation that doubles from 256 bytes but never exceeds `max`.
    fn keep(&mut self, more: &[u8], max: usize) {
        let needed = self.bytes.len() + more.len();
        if needed > self.bytes.capacity() {
            let roomy = (self.bytes.capacity() * 2).max(256).min(max).max(needed);
            self.bytes.reserve_exact(roomy - self.bytes.len());
        }
        self.bytes.extend_from_slice(more);
    }
}

/// The receiving half of one connection.
#[derive(Debug)]
pub struct Decoder {
    state: Receiving,
    partial: Option<Box<Partial>>,
    after: After,
    role: Role,
    due: Option<ResponseTo>,
    /// Bytes of empty lines seen before the start line.
    leading: u16,
    informational: u8,
}

/// Where a section was found.
enum Found<'a> {
    InInput(&'a [u8], Option<First>),
    InScratch(Option<First>),
    NeedMore,
    Fault(usize, Reason),
}

impl Decoder {
    /// A decoder at the start of a connection. In the client role [`Decoder::expect_response`] comes first.
    pub fn new(role: Role) -> Decoder {
        let after = After { keep_alive: true, upgrade: Upgrade::No };
        Decoder { state: Receiving::Head, partial: None, after, role, due: None, leading: 0, informational: 0 }
    }

    /// Client role: a request is going out, and this is how its response will be read. One at a time; before its final
    /// head it may be said again.
    pub fn expect_response(&mut self, to: ResponseTo) {
        debug_assert!(self.role == Role::Client && !self.is_in_body(), "one response is due at a time");
        self.due = Some(to);
        self.informational = 0;
    }

    /// Server role: the script accepted (a 101, or a 2xx to CONNECT, is the next thing sent) or refused the upgrade
    /// of the current message. May be called from its head on; without effect when no upgrade was asked for.
    pub fn decide_upgrade(&mut self, accepted: bool) {
        if self.after.upgrade == Upgrade::Asked {
            self.after.upgrade = if accepted { Upgrade::Accepted } else { Upgrade::No };
            self.state = self.state.decided(self.after);
        }
    }

    /// Takes no message after the current one, as when the response says `Connection: close`.
    pub fn refuse_more(&mut self) {
        self.after.keep_alive = false;
        if self.is_idle() {
            self.state = self.state.message_ended(self.after);
        }
    }

    /// Between messages, with not one byte of a head seen.
    pub fn is_idle(&self) -> bool {
        self.state == Receiving::Head && self.partial.is_none()
    }

    /// Inside a head: the time allowed for heads is running.
    pub fn is_in_head(&self) -> bool {
        self.state == Receiving::Head && self.partial.is_some()
    }

    /// The connection's last message is over.
    pub fn is_closed(&self) -> bool {
        self.state == Receiving::Closed
    }

    /// Between a head and the end of its message.
    pub fn is_in_body(&self) -> bool {
        use Receiving::*;
        matches!(self.state, Length(_) | Chunked(_) | UntilClose | Trailers | End)
    }

    /// The message that ended asked to leave HTTP: there is nothing to parse before that is decided.
    pub fn is_deciding(&self) -> bool {
        matches!(self.state, Receiving::Deciding | Receiving::Tunnel)
    }

    /// The fault that ended this direction, if one did.
    pub fn fault(&self) -> Option<Reason> {
        match self.state {
            Receiving::Failed(reason) => Some(reason),
            _ => None,
        }
    }

    /// Bytes on the heap for a section that is not whole; at most the section's limit.
    pub fn buffered(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.bytes.capacity())
    }

    /// The stream ended: says what that means, and takes no more input.
    pub fn eof(&mut self) -> EofKind {
        let kind = match self.state {
            Receiving::UntilClose | Receiving::End => EofKind::Complete,
            Receiving::Head if self.partial.is_none() && self.due.is_none() => EofKind::Clean,
            Receiving::Closed | Receiving::Tunnel | Receiving::Deciding => EofKind::Clean,
            _ => EofKind::Premature,
        };
        match kind {
            EofKind::Premature => self.state = self.state.failed(Reason::PrematureEof),
            _ => self.state = Receiving::Closed,
        }
        self.partial = None;
        self.due = None;
        kind
    }

    /// Finds the next item in `input`, which begins where the last call's consumed bytes ended.
    pub fn decode<'a>(&mut self, input: &'a [u8], limits: &Limits, scratch: &'a mut Scratch) -> Step<'a> {
        let step = match self.state {
            Receiving::Head => self.head(input, limits, scratch),
            Receiving::End => self.end(),
            Receiving::Length(left) => self.length(left, input),
            Receiving::Chunked(_) => self.chunked(input, limits, scratch),
            Receiving::Trailers => self.trailers(input, limits, scratch, 0),
            Receiving::UntilClose if input.is_empty() => step(0, Item::NeedMore),
            Receiving::UntilClose => step(input.len(), Item::Body(input)),
            Receiving::Deciding => step(0, Item::UpgradePending),
            Receiving::Tunnel => step(0, Item::Tunnel),
            Receiving::Closed => closed(input),
            Receiving::Failed(reason) => step(0, Item::Error(reason)),
        };
        if let Item::Error(reason) = step.item {
            self.state = self.state.failed(reason);
            self.partial = None;
        }
        step
    }

    fn head<'a>(&mut self, input: &'a [u8], limits: &Limits, scratch: &'a mut Scratch) -> Step<'a> {
        let skipped = match self.skip_empty_lines(input, limits) {
            Ok(skipped) => skipped,
            Err(position) => return step(position, Item::Error(Reason::StrayLineBreak)),
        };
        let rest = &input[skipped..];
        if self.role == Role::Client && self.due.is_none() && !rest.is_empty() {
            return step(skipped, Item::Error(Reason::UnsolicitedResponse));
        }
        if rest.is_empty() {
            return step(skipped, Item::NeedMore);
        }
        let section = if self.role == Role::Server { Section::Request } else { Section::Response };
        let (consumed, found) = self.find(section, rest, limits, scratch);
        let scratch: &'a Scratch = scratch;
        let (bytes, first) = match found {
            Found::InInput(bytes, Some(first)) => (bytes, first),
            Found::InScratch(Some(first)) => (&scratch.section[..], first),
            Found::Fault(position, reason) => return step(skipped + position, Item::Error(reason)),
            _ => return step(skipped + consumed, Item::NeedMore),
        };
        step(skipped + consumed, self.frame(bytes, &scratch.fields, first, limits))
    }

    /// CRLF pairs before a start line (RFC 9112 section 2.2), wherever they are cut; gives how many bytes they are.
    fn skip_empty_lines(&mut self, input: &[u8], limits: &Limits) -> Result<usize, usize> {
        if self.partial.is_some() {
            return Ok(0);
        }
        for (position, &byte) in input.iter().enumerate() {
            let is_after_cr = self.leading % 2 == 1;
            match byte {
                b'\n' if is_after_cr => {}
                b'\r' if !is_after_cr && self.leading / 2 < u16::from(limits.leading_crlf_max) => {}
                _ if is_after_cr || byte == b'\r' || byte == b'\n' => return Err(position),
                _ => return Ok(position),
            }
            self.leading += 1;
        }
        Ok(input.len())
    }

    /// Decides the framing of a head that has been parsed, and enters its body.
    fn frame<'a>(&mut self, bytes: &'a [u8], fields: &'a [Field], first: First, limits: &Limits) -> Item<'a> {
        let to = self.due.unwrap_or(ResponseTo::Other);
        let framing = match framing::decide(first, bytes, fields, to, limits) {
            Ok(framing) => framing,
            Err(reason) => return Item::Error(reason),
        };
        let (start, version_minor) = first;
        let framing::Framing { body, keep_alive, upgrade, expect } = framing;
        let head = Head { bytes, fields, start, version_minor, body, keep_alive, upgrade, expect };
        self.leading = 0;
        if head.is_informational() {
            self.informational = self.informational.saturating_add(1);
            if self.informational > limits.max_informational {
                return Item::Error(Reason::TooManyInformational);
            }
            return Item::Head(head);
        }
        self.due = None;
        let asked = if upgrade { Upgrade::Asked } else { Upgrade::No };
        self.after = After { keep_alive: keep_alive && self.after.keep_alive, upgrade: asked };
        let is_granted = upgrade && self.role == Role::Client;
        self.state = if is_granted { Receiving::Tunnel } else { self.state.head_read(body) };
        Item::Head(head)
    }

    fn end<'a>(&mut self) -> Step<'a> {
        self.state = self.state.message_ended(self.after);
        step(0, Item::End(Trailers::default()))
    }

    fn length<'a>(&mut self, left: u64, input: &'a [u8]) -> Step<'a> {
        if input.is_empty() {
            return step(0, Item::NeedMore);
        }
        let taken = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        self.state = self.state.body_read(taken as u64);
        step(taken, Item::Body(&input[..taken]))
    }

    fn chunked<'a>(&mut self, input: &'a [u8], limits: &Limits, scratch: &'a mut Scratch) -> Step<'a> {
        let Receiving::Chunked(chunks) = &mut self.state else {
            unreachable!("called in this state only");
        };
        let (consumed, item) = chunks.decode(input, limits);
        match item {
            ChunkItem::NeedMore => step(consumed, Item::NeedMore),
            ChunkItem::Data(len) => step(consumed, Item::Body(&input[consumed - len..consumed])),
            ChunkItem::Fault(reason) => step(consumed, Item::Error(reason)),
            ChunkItem::Last => {
                self.state = Receiving::Trailers;
                self.trailers(input, limits, scratch, consumed)
            }
        }
    }

    fn trailers<'a>(&mut self, input: &'a [u8], limits: &Limits, scratch: &'a mut Scratch, from: usize) -> Step<'a> {
        let rest = &input[from..];
        if rest.is_empty() {
            return step(from, Item::NeedMore);
        }
        if self.partial.is_none() && rest.starts_with(b"\r\n") && limits.max_trailer_size >= 2 {
            self.state = self.state.message_ended(self.after);
            return step(from + 2, Item::End(Trailers::default()));
        }
        let (consumed, found) = self.find(Section::Trailers, rest, limits, scratch);
        head::drop_forbidden(&mut scratch.fields);
        let scratch: &'a Scratch = scratch;
        let bytes = match found {
            Found::InInput(bytes, _) => bytes,
            Found::InScratch(_) => &scratch.section[..],
            Found::NeedMore => return step(from + consumed, Item::NeedMore),
            Found::Fault(position, reason) => return step(from + position, Item::Error(reason)),
        };
        self.state = self.state.message_ended(self.after);
        let bytes = if bytes.len() == 2 { &bytes[..0] } else { bytes };
        step(from + consumed, Item::End(Trailers { bytes, fields: &scratch.fields }))
    }

    /// Finds a whole section at the start of `rest`, or keeps what there is of it. Gives how many bytes it took.
    fn find<'a>(
        &mut self,
        section: Section,
        rest: &'a [u8],
        limits: &Limits,
        scratch: &mut Scratch,
    ) -> (usize, Found<'a>) {
        if self.partial.is_some() {
            return self.resume(section, rest, limits, scratch);
        }
        let max = limits.max_section(section == Section::Trailers);
        if let Parsed::Whole(len, first) = parse(section, rest, 0, limits, &mut scratch.fields)
            && len <= max as usize
            && scratch.fields.len() <= limits.max_headers as usize
        {
            return (len, Found::InInput(&rest[..len], first));
        }
        let mut scan = Scan::new(section);
        match scan.run(rest, limits) {
            Scanned::Fault(position, reason) => (position, Found::Fault(position, reason)),
            Scanned::Done(len) => match parse(section, &rest[..len], scan.fields(), limits, &mut scratch.fields) {
                Parsed::Whole(_, first) => (len, Found::InInput(&rest[..len], first)),
                _ => (len - 1, Found::Fault(len - 1, disagreement())),
            },
            Scanned::More => {
                let mut partial = Box::new(Partial { scan, bytes: Vec::new() });
                partial.keep(rest, max as usize);
                self.partial = Some(partial);
                (rest.len(), Found::NeedMore)
            }
        }
    }

    /// Goes on with a section of which a part is kept.
    fn resume<'a>(
        &mut self,
        section: Section,
        rest: &[u8],
        limits: &Limits,
        scratch: &mut Scratch,
    ) -> (usize, Found<'a>) {
        let Some(mut partial) = self.partial.take() else { unreachable!("the caller has looked") };
        match partial.scan.run(rest, limits) {
            Scanned::Fault(position, reason) => (position, Found::Fault(position, reason)),
            Scanned::More => {
                partial.keep(rest, limits.max_section(section == Section::Trailers) as usize);
                self.partial = Some(partial);
                (rest.len(), Found::NeedMore)
            }
            Scanned::Done(len) => {
                partial.bytes.extend_from_slice(&rest[..len]);
                scratch.section = partial.bytes;
                match parse(section, &scratch.section, partial.scan.fields(), limits, &mut scratch.fields) {
                    Parsed::Whole(_, first) => (len, Found::InScratch(first)),
                    _ => (len - 1, Found::Fault(len - 1, disagreement())),
                }
            }
        }
    }
}

fn step(consumed: usize, item: Item<'_>) -> Step<'_> {
    Step { consumed, item }
}

/// After the last message llhttp lets line breaks pass and nothing else; so do we.
fn closed(input: &[u8]) -> Step<'_> {
    match input.iter().position(|&byte| byte != b'\r' && byte != b'\n') {
        Some(position) => step(position, Item::Error(Reason::ClosedConnection)),
        None => step(input.len(), Item::NeedMore),
    }
}

fn parse(
    section: Section,
    bytes: &[u8],
    many: usize,
    limits: &Limits,
    fields: &mut Vec<Field>,
) -> Parsed<Option<First>> {
    let parsed = match section {
        Section::Request => head::request(bytes, many, fields),
        Section::Response if limits.as_node => head::any_response(bytes, many, fields),
        Section::Response => head::response(bytes, many, fields),
        Section::Trailers => {
            return match head::trailers(bytes, many, fields) {
                Parsed::Whole(len, ()) => Parsed::Whole(len, None),
                Parsed::Partial => Parsed::Partial,
                Parsed::Refused => Parsed::Refused,
            };
        }
    };
    match parsed {
        Parsed::Whole(len, first) => Parsed::Whole(len, Some(first)),
        Parsed::Partial => Parsed::Partial,
        Parsed::Refused => Parsed::Refused,
    }
}

/// The scan takes nothing that httparse refuses. If it did, that is a bug of ours, which tests must find; a peer gets the
/// strict answer.
fn disagreement() -> Reason {
    debug_assert!(false, "scan and httparse disagree");
    Reason::InvalidHeaderToken
}

impl ResponseTo {
    /// For the client role: classifies a request that is going out.
    pub fn of(method: Option<Method>, offers_upgrade: bool) -> ResponseTo {
        match method {
            Some(Method::Head) => ResponseTo::Head,
            Some(Method::Connect) => ResponseTo::Connect,
            _ if offers_upgrade => ResponseTo::Upgrade,
            _ => ResponseTo::Other,
        }
    }
}
