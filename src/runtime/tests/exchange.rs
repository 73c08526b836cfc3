//! Requests of the simulation and the answers that must come: the model of the server in `guest.wat`
//! (and of the script in `server.js`). It must not know when or in which pieces bytes travel.
use crate::reactor::sim::Rng;

/// What the server keeps to; milliseconds.
pub(super) const HEADERS_TIMEOUT: u64 = 2000;
pub(super) const REQUEST_TIMEOUT: u64 = 4000;
pub(super) const KEEP_ALIVE: u64 = 1000;
pub(super) const KEEP_ALIVE_BUFFER: u64 = 300;

/// Byte `i` of every body that the server makes up itself.
pub(super) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(31) + (i >> 8)) as u8).collect()
}

/// How the answer's body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length,
    Chunked,
    /// By the connection's end: HTTP/1.0.
    Close,
    /// Length or chunks, as the request's body came at once or in pieces.
    Any,
}

/// What is to come back for a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// A whole response.
    Full { body: Vec<u8>, framing: Framing, close: bool, is_head: bool, dated: bool },
    /// The connection ends, after no more than this many bytes of body and without the end of a message.
    Cut { most: usize },
    /// 101, and everything sent after comes back.
    Tunnel { echo: Vec<u8> },
    /// One of these statuses, and the connection ends.
    Refused(&'static [u16]),
}

/// One request.
#[derive(Debug)]
pub(super) struct Request {
    pub bytes: Vec<u8>,
    pub target: String,
    pub answer: Answer,
}

/// How far a look at the bytes that came back has led.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Right so far.
    Partial,
    /// This many bytes are the answer.
    Whole(usize),
}

/// What a request may ask for besides the plain answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    /// It may end the connection.
    pub last: bool,
    /// It may leave HTTP.
    pub upgrade: bool,
    /// Bodies may be large.
    pub large: bool,
}

fn size(dice: &mut Rng, large: bool) -> usize {
    let most = if large { 8 } else { 5 };
    [0, 1, 12, 300, 5000, 17_000, 70_000, 200_000][dice.below(most)]
}

impl Request {
    /// A valid request.
    pub fn draw(dice: &mut Rng, id: usize, wishes: Wishes) -> Request {
        let ops: &[u8] = match wishes {
            Wishes { upgrade: true, last: true, .. } if dice.below(3) == 0 => b"u",
            Wishes { last: true, .. } if dice.below(3) == 0 => b"ccax",
            _ => b"nnnnwwdhsslee",
        };
        let op = ops[dice.below(ops.len())];
        let a = match op {
            b's' if wishes.large => [300, 5000, 20_000, 40_000][dice.below(4)],
            b's' => size(dice, false),
            // Under a length of 0 the head is all, and what follows the request might come before its end.
            b'l' => size(dice, wishes.large).max(1),
            _ => size(dice, wishes.large),
        };
        let b = match op {
            b'd' => dice.below(60),
            b's' => 1 + dice.below(8),
            _ => 0,
        };
        let target = format!("/{}{a}.{b}.{id}", op as char);
        match op {
            b'u' => Request::upgrade(dice, target),
            b'a' | b'x' => Request {
                bytes: head("GET", &target, ""),
                target,
                answer: Answer::Cut { most: if op == b'x' { a } else { 0 } },
            },
            b'e' => Request::with_body(dice, target, wishes.large, None),
            b'n' | b's' if dice.below(4) == 0 => {
                let body = pattern(a).repeat(if op == b's' { b } else { 1 });
                Request::with_body(dice, target, wishes.large, Some((body, op == b's')))
            }
            _ => Request::plain(dice, op, target, a, b, wishes.last),
        }
    }

    fn plain(dice: &mut Rng, op: u8, target: String, a: usize, b: usize, last: bool) -> Request {
        // Of a stream one sees only the head; what follows the request might then come before its end.
        let is_head = dice.below(12) == 0 && !matches!(op, b'l' | b's');
        let old = last && op == b'n' && dice.below(4) == 0;
        let mut bytes = head(
            if is_head { "HEAD" } else { "GET" },
            &target,
            ["", "X-Pad: some more bytes\r\nCookie: a=b\r\n"][dice.below(2)],
        );
        if old {
            let at = bytes.windows(8).position(|window| window == b"HTTP/1.1").expect("a version");
            bytes[at + 7] = b'0';
        }
        let body = pattern(a).repeat(if op == b's' { b } else { 1 });
        let framing = match op {
            b's' => Framing::Chunked,
            _ if old => Framing::Close,
            _ => Framing::Length,
        };
        Request {
            bytes,
            target,
            answer: Answer::Full { body, framing, close: op == b'c' || old, is_head, dated: op == b'w' },
        }
    }

    /// A request with a body: echoed, or answered by something else.
    fn with_body(dice: &mut Rng, target: String, large: bool, answer: Option<(Vec<u8>, bool)>) -> Request {
        let body: Vec<u8> = (0..size(dice, large)).map(|_| dice.draw() as u8).collect();
        let expects = if dice.below(5) == 0 { "Expect: 100-continue\r\n" } else { "" };
        let mut bytes;
        if dice.below(2) == 0 {
            bytes = head("POST", &target, &format!("{expects}Content-Length: {}\r\n", body.len()));
            bytes.extend_from_slice(&body);
        } else {
            bytes = head("POST", &target, &format!("{expects}Transfer-Encoding: chunked\r\n"));
            chunks(dice, &body, &mut bytes);
        }
        let (body, framing) = match answer {
            None => (body, Framing::Any),
            Some((body, true)) => (body, Framing::Chunked),
            Some((body, false)) => (body, Framing::Length),
        };
        Request { bytes, target, answer: Answer::Full { body, framing, close: false, is_head: false, dated: false } }
    }

    fn upgrade(dice: &mut Rng, target: String) -> Request {
        let mut bytes = head("GET", &target, "Connection: Upgrade\r\nUpgrade: sim\r\n");
        let echo: Vec<u8> = (0..size(dice, true)).map(|_| dice.draw() as u8).collect();
        bytes.extend_from_slice(&echo);
        Request { bytes, target, answer: Answer::Tunnel { echo } }
    }

    /// A request that breaks a rule: it is refused, and so is everything after it.
    pub fn malformed(dice: &mut Rng) -> Request {
        const LIES: [(&str, &[u16]); 14] = [
            ("GET / HTTP/1.1\nHost: a\n\n", &[400]),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", &[400]),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", &[400]),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", &[400, 501]),
            ("GET / HTTP/1.1\r\n\r\n", &[400]),
            ("GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", &[400]),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", &[400]),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", &[400]),
            ("GET /\x07 HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", &[400, 505]),
            ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
            ("\x16\x03\x01\x02\x00\x01\x00\x01\u{7f}\u{1}ClientHello", &[400]),
            ("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", &[400, 405, 501]),
        ];
        let (bytes, statuses) = match dice.below(LIES.len() + 1) {
            0 => (head("GET", "/", &format!("X-Long: {}\r\n", "x".repeat(20_000))), &[431_u16][..]),
            lie => (LIES[lie - 1].0.as_bytes().to_vec(), LIES[lie - 1].1),
        };
        Request { bytes, target: String::new(), answer: Answer::Refused(statuses) }
    }
}

/// A head with a Host field.
pub(super) fn head(method: &str, target: &str, more: &str) -> Vec<u8> {
    format!("{method} {target} HTTP/1.1\r\nHost: sim\r\n{more}\r\n").into_bytes()
}

/// A body in chunks, now and then with an extension or trailers.
fn chunks(dice: &mut Rng, body: &[u8], out: &mut Vec<u8>) {
    let mut rest = body;
    while !rest.is_empty() {
        let cut = dice.cut(rest.len());
        let extension = if dice.below(8) == 0 { ";name=\"value\"" } else { "" };
        out.extend_from_slice(format!("{cut:x}{extension}\r\n").as_bytes());
        out.extend_from_slice(&rest[..cut]);
        out.extend_from_slice(b"\r\n");
        rest = &rest[cut..];
    }
    out.extend_from_slice(if dice.below(4) == 0 { b"0\r\nX-Sum: 1\r\n\r\n" } else { b"0\r\n\r\n" });
}

impl Answer {
    /// Compares what came back with what must. `ended`: nothing more will come. `closing`: the server is on its way out.
    pub fn look(&self, target: &str, back: &[u8], closing: bool) -> Result<Look, String> {
        match self {
            Answer::Full { body, framing, close, is_head, dated } => {
                let Some(interim) = interim(back) else { return Ok(Look::Partial) };
                let last = closing || *close;
                let unframed = *is_head || *framing == Framing::Close;
                let Some(head) = Head::read(&back[interim..], target, [*close, last, *dated, unframed])? else {
                    return Ok(Look::Partial);
                };
                let rest = &back[interim + head.len..];
                let look = head.body(rest, body, *framing, *is_head)?;
                Ok(look.map_or(Look::Partial, |len| Look::Whole(interim + head.len + len)))
            }
            Answer::Cut { most } => Answer::look_cut(*most, target, back),
            Answer::Tunnel { echo } => {
                const SWITCH: &[u8] =
                    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sim\r\n\r\n";
                let all = [SWITCH, echo].concat();
                same_start(&all, back, "the tunnel")?;
                Ok(if back.len() == all.len() { Look::Whole(all.len()) } else { Look::Partial })
            }
            Answer::Refused(statuses) => {
                let Some(line) = back.split(|&byte| byte == b'\n').next().filter(|line| line.len() > 12) else {
                    return Ok(Look::Partial);
                };
                let line = String::from_utf8_lossy(line);
                if !statuses.iter().any(|status| line.starts_with(&format!("HTTP/1.1 {status} "))) {
                    return Err(format!("{line:?} instead of one of {statuses:?}"));
                }
                let whole = back.ends_with(b"\r\nConnection: close\r\n\r\n");
                Ok(if whole { Look::Whole(back.len()) } else { Look::Partial })
            }
        }
    }

    fn look_cut(most: usize, target: &str, back: &[u8]) -> Result<Look, String> {
        let Some(head) = Head::read(back, target, [false, true, false, false])? else { return Ok(Look::Partial) };
        let (body, ended, _) = unchunk(&back[head.len..])?;
        same_start(&pattern(most), &body, "what was cut")?;
        if ended { Err("a message that was given up looks whole".into()) } else { Ok(Look::Partial) }
    }
}

/// Bytes of an informational response in front; none while that is incomplete.
fn interim(back: &[u8]) -> Option<usize> {
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    match back.starts_with(CONTINUE) {
        true => Some(CONTINUE.len()),
        false => (!CONTINUE.starts_with(back)).then_some(0),
    }
}

/// The head of a 200.
struct Head {
    len: usize,
    length: Option<usize>,
}

impl Head {
    /// Reads it strictly; none while it is incomplete.
    fn read(back: &[u8], target: &str, [close, may_close, dated, unframed]: [bool; 4]) -> Result<Option<Head>, String> {
        let Some(len) = back.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) else {
            same_start(b"HTTP/1.1 200 OK\r\n", &back[..back.len().min(17)], "the status line")?;
            return Ok(None);
        };
        let text = std::str::from_utf8(&back[..len - 4]).map_err(|_| "a head that is no text")?;
        let mut lines = text.split("\r\n");
        let mut next = |want: &str| match lines.next() {
            Some(line) if line == want => Ok(()),
            other => Err(format!("{other:?} instead of {want:?} in {text:?}")),
        };
        next("HTTP/1.1 200 OK")?;
        next(&format!("X-T: {target}"))?;
        let declared = text.contains("Content-Length: ") && target.starts_with("/l");
        if declared {
            next(&format!("Content-Length: {}", number(target)))?;
        }
        let rest = &mut lines;
        let mut line = rest.next();
        if dated {
            let date = line.filter(|line| line.starts_with("Date: ") && line.ends_with(" GMT") && line.len() == 35);
            date.ok_or_else(|| format!("no Date in {text:?}"))?;
            line = rest.next();
        }
        let length = match line {
            Some("Connection: close") if close || may_close => rest.next(),
            Some("Connection: keep-alive") if !close => match rest.next() {
                Some("Keep-Alive: timeout=1") => rest.next(),
                other => return Err(format!("{other:?} instead of Keep-Alive in {text:?}")),
            },
            other => return Err(format!("{other:?} instead of Connection in {text:?}")),
        };
        let length = match length {
            Some("Transfer-Encoding: chunked") if !declared => None,
            Some(line) if !declared => {
                let digits = line.strip_prefix("Content-Length: ").and_then(|digits| digits.parse().ok());
                Some(digits.ok_or_else(|| format!("{line:?} frames nothing"))?)
            }
            None if declared => Some(number(target)),
            // As Node's: nothing is said of a body that is not there, or that ends with the connection.
            None if unframed => None,
            other => return Err(format!("{other:?} instead of the framing in {text:?}")),
        };
        match rest.next() {
            None => Ok(Some(Head { len, length })),
            Some(line) => Err(format!("{line:?} too much")),
        }
    }

    /// Compares the body; answers its length on the wire when it is whole.
    fn body(&self, rest: &[u8], want: &[u8], framing: Framing, is_head: bool) -> Result<Option<usize>, String> {
        if is_head {
            return Ok(Some(0));
        }
        if framing == Framing::Close {
            let most = rest.len().min(want.len());
            same_start(want, &rest[..most], "a body")?;
            return Ok((most == want.len()).then_some(most));
        }
        let chunked = self.length.is_none();
        if framing != Framing::Any && chunked != (framing == Framing::Chunked) {
            return Err(format!("framed otherwise than {framing:?}"));
        }
        if self.length.is_some_and(|length| length != want.len()) {
            return Err(format!("Content-Length {:?}, the body has {}", self.length, want.len()));
        }
        if !chunked {
            let most = rest.len().min(want.len());
            same_start(want, &rest[..most], "a body")?;
            return Ok((most == want.len()).then_some(most));
        }
        let (body, ended, len) = unchunk(rest)?;
        same_start(want, &body, "a chunked body")?;
        if ended && body.len() < want.len() {
            return Err(format!("the body ended after {} of {} bytes", body.len(), want.len()));
        }
        Ok(ended.then_some(len))
    }
}

/// The first number of a target.
fn number(target: &str) -> usize {
    target[2..].split('.').next().and_then(|digits| digits.parse().ok()).expect("our targets have numbers")
}

/// Decodes chunks in the plainest way: payload, whether the end was there, bytes used.
fn unchunk(data: &[u8]) -> Result<(Vec<u8>, bool, usize), String> {
    let (mut payload, mut at) = (Vec::new(), 0);
    loop {
        let rest = &data[at..];
        let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else { return Ok((payload, false, at)) };
        let digits = std::str::from_utf8(&rest[..end]).map_err(|_| "a chunk's size is no text")?;
        let size = usize::from_str_radix(digits, 16).map_err(|_| format!("a chunk's size is {digits:?}"))?;
        let body = &rest[end + 2..];
        let taken = size.min(body.len());
        payload.extend_from_slice(&body[..taken]);
        if body.len() < size + 2 {
            return Ok((payload, false, at));
        }
        if &body[size..size + 2] != b"\r\n" {
            return Err("a chunk does not end with CRLF".into());
        }
        at += end + 4 + size;
        if size == 0 {
            return Ok((payload, true, at));
        }
    }
}

fn same_start(want: &[u8], got: &[u8], what: &str) -> Result<(), String> {
    if want.starts_with(got) {
        return Ok(());
    }
    let at = want.iter().zip(got).position(|(want, got)| want != got).unwrap_or(want.len());
    let near = String::from_utf8_lossy(&got[at.saturating_sub(20)..got.len().min(at + 60)]).into_owned();
    Err(format!("{what} differs at byte {at} of {}: ..{near:?}", want.len()))
}
