//! The codec's tests: one file a family of the security cases, and the harness that feeds every case in every cut.
//!
//! A case's verdict is a log of what the decoder said. It must be the same whether the bytes come whole, one at a time,
//! cut once at each boundary or at random, and bytes that follow may only add to it.

mod as_node;
mod byte;
mod chunk;
mod client;
mod cve;
mod encode;
mod frm;
mod limit;
mod line;
mod pipe;
mod resp;
mod sem;
mod size;
mod unit;

use super::*;

/// A host line, so that a case shows only what it is about.
pub(super) const HOST: &str = "Host: a\r\n";

/// What the role of a client is asked to send, without a body.
pub(super) fn plain_get() -> RequestHead<'static> {
    RequestHead {
        method: b"GET",
        target: b"/p",
        fields: HOST.as_bytes(),
        content_length: None,
        use_chunked_by_default: false,
        should_keep_alive: true,
        has_agent: true,
        removed: Removed::default(),
    }
}

/// A deterministic generator (xorshift64*), so that a failure names its seed and comes back.
pub(super) struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// How a case is run.
#[derive(Clone)]
pub(super) struct Setup {
    pub role: Role,
    /// Client role: what each request was.
    pub to: Vec<ResponseTo>,
    pub limits: Limits,
    pub accept_upgrade: bool,
    pub eof: bool,
}

impl Setup {
    pub fn server() -> Setup {
        Setup { role: Role::Server, to: vec![], limits: Limits::default(), accept_upgrade: false, eof: false }
    }

    pub fn client(to: &[ResponseTo]) -> Setup {
        Setup { role: Role::Client, to: to.to_vec(), ..Setup::server() }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Limits)) -> Setup {
        change(&mut self.limits);
        self
    }
}

/// What the decoder said, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Head {
        line: String,
        body: BodyKind,
        keep_alive: bool,
        upgrade: bool,
        expect: Expect,
        fields: Vec<(String, String)>,
    },
    Body(Vec<u8>),
    End(Vec<(String, String)>),
    Upgrade,
    Tunnel(Vec<u8>),
    /// Position of the bad byte in the whole stream, and the reason.
    Fault(usize, Reason),
    Eof(EofKind),
}

fn pairs(bytes: &[u8], fields: &[Field]) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect::<String>();
    fields.iter().map(|field| (text(field.name_in(bytes)), text(field.value_in(bytes)))).collect()
}

/// One connection being fed.
struct Run<'s> {
    decoder: Decoder,
    scratch: Scratch,
    setup: &'s Setup,
    due: usize,
    at: usize,
    log: Vec<Said>,
}

impl Run<'_> {
    fn ask(&mut self) {
        if let Some(&to) = self.setup.to.get(self.due) {
            self.due += 1;
            self.decoder.expect_response(to);
        }
    }

    /// Feeds one piece; false when nothing more can come.
    fn feed(&mut self, piece: &[u8]) -> bool {
        let mut rest = piece;
        loop {
            let Step { consumed, item } = self.decoder.decode(rest, &self.setup.limits, &mut self.scratch);
            self.at += consumed;
            rest = &rest[consumed..];
            match item {
                Item::NeedMore => {
                    assert!(rest.is_empty(), "NeedMore leaves nothing behind");
                    assert!(self.decoder.buffered() <= self.setup.limits.max_header_size.max(256) as usize);
                    return true;
                }
                Item::Head(head) => {
                    let line = match head.start {
                        StartLine::Request { method, .. } => {
                            format!("{method:?} {} {}", String::from_utf8_lossy(head.target()), head.version_minor)
                        }
                        StartLine::Status { code, reason } => {
                            format!("{code} {} {}", String::from_utf8_lossy(reason.of(head.bytes)), head.version_minor)
                        }
                    };
                    let Head { body, keep_alive, upgrade, expect, .. } = head;
                    let fields = pairs(head.bytes, head.fields);
                    self.log.push(Said::Head { line, body, keep_alive, upgrade, expect, fields });
                }
                Item::Body(data) => {
                    assert!(!data.is_empty(), "body items are never empty");
                    match self.log.last_mut() {
                        Some(Said::Body(all)) => all.extend_from_slice(data),
                        _ => self.log.push(Said::Body(data.to_vec())),
                    }
                }
                Item::End(trailers) => {
                    self.log.push(Said::End(pairs(trailers.bytes, trailers.fields)));
                    self.ask();
                }
                Item::UpgradePending => {
                    self.log.push(Said::Upgrade);
                    self.decoder.decide_upgrade(self.setup.accept_upgrade);
                }
                Item::Tunnel => {
                    match self.log.last_mut() {
                        Some(Said::Tunnel(all)) => all.extend_from_slice(rest),
                        _ => self.log.push(Said::Tunnel(rest.to_vec())),
                    }
                    self.at += rest.len();
                    return true;
                }
                Item::Error(reason) => {
                    assert_eq!(self.decoder.fault(), Some(reason));
                    for _ in 0..3 {
                        let again =
                            self.decoder.decode(b"GET / HTTP/1.1\r\n\r\n", &self.setup.limits, &mut self.scratch);
                        assert!(matches!(again.item, Item::Error(same) if same == reason), "a fault is final");
                    }
                    self.log.push(Said::Fault(self.at, reason));
                    return false;
                }
            }
        }
    }
}

/// What the decoder says of these pieces.
pub(super) fn run(setup: &Setup, pieces: &[&[u8]]) -> Vec<Said> {
    let (decoder, scratch) = (Decoder::new(setup.role), Scratch::default());
    let mut run = Run { decoder, scratch, setup, due: 0, at: 0, log: vec![] };
    run.ask();
    let goes_on = pieces.iter().all(|piece| run.feed(piece));
    if goes_on && setup.eof {
        run.log.push(Said::Eof(run.decoder.eof()));
    }
    run.log
}

/// The verdict on `wire`, after checking that no cut changes it.
pub(super) fn verdict(setup: &Setup, wire: &[u8]) -> Vec<Said> {
    let whole = run(setup, &[wire]);
    let check = |pieces: &[&[u8]], how: &str| {
        let cut = run(setup, pieces);
        assert_eq!(cut, whole, "{how}: {}", String::from_utf8_lossy(&wire[..wire.len().min(300)]));
    };
    let single: Vec<&[u8]> = wire.chunks(1).collect();
    check(&single, "byte by byte");
    if wire.len() <= 700 {
        for at in 0..=wire.len() {
            check(&[&wire[..at], &wire[at..]], "cut once");
        }
    }
    for seed in 1..=8 {
        let mut rng = Rng(seed * 0x9e37_79b9);
        let mut pieces = vec![];
        let mut rest = wire;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(1 + rng.below(rest.len().min(97)));
            pieces.push(piece);
            rest = after;
        }
        check(&pieces, &format!("cut at random, seed {seed}"));
    }
    let mut longer = wire.to_vec();
    longer.extend_from_slice(b"\x00\xffGET");
    let with_more = run(&Setup { eof: false, ..setup.clone() }, &[&longer]);
    for (index, said) in whole.iter().filter(|said| !matches!(said, Said::Eof(_))).enumerate() {
        let same = match (&with_more[index], said) {
            (Said::Body(more), Said::Body(less)) | (Said::Tunnel(more), Said::Tunnel(less)) => more.starts_with(less),
            (more, less) => more == less,
        };
        assert!(same, "trailing bytes change {said:?} into {:?}", with_more[index]);
    }
    whole
}

/// What a case should come to.
#[derive(Clone, Debug)]
pub(super) enum Want {
    /// So many messages were whole, with these body bytes in all, and nothing was wrong.
    Good(usize, &'static str),
    /// This fault, and no whole message before it.
    Bad(Reason),
}
pub(super) use Want::{Bad, Good};

/// Checks one case in all cuts.
pub(super) fn check(id: &str, setup: &Setup, wire: &[u8], want: &Want) {
    let log = verdict(setup, wire);
    let ends = log.iter().filter(|said| matches!(said, Said::End(_))).count();
    let fault = log.iter().find_map(|said| if let Said::Fault(_, reason) = said { Some(*reason) } else { None });
    match want {
        Bad(reason) => assert_eq!((fault, ends), (Some(*reason), 0), "{id}: {log:?}"),
        Good(messages, body) => {
            let bytes: Vec<u8> =
                log.iter().flat_map(|said| if let Said::Body(data) = said { data.clone() } else { vec![] }).collect();
            assert_eq!((fault, ends), (None, *messages), "{id}: {log:?}");
            assert_eq!(String::from_utf8_lossy(&bytes), *body, "{id}");
        }
    }
}

/// Checks a table of cases for a server; each is `(id, wire, want)`.
pub(super) fn check_all<W: AsRef<[u8]>>(setup: &Setup, cases: &[(&str, W, Want)]) {
    for (id, wire, want) in cases {
        check(id, setup, wire.as_ref(), want);
    }
}

/// A POST with these field lines (each with its CRLF) and Host, then `rest`.
pub(super) fn post(lines: &str, rest: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\n{HOST}{lines}\r\n{rest}").into_bytes()
}
