//! The other ends: clients good and bad. Each knows what it has asked and what it must get back. They
//! must not know the hall: bytes, ends and resets are all they see.
use super::exchange::{
    Answer, HEADERS_TIMEOUT, KEEP_ALIVE, KEEP_ALIVE_BUFFER, Look, REQUEST_TIMEOUT, Request, Wishes, head,
};
use crate::reactor::sim::{Rng, SimNet, SimPeer};
use std::net::SocketAddr;

/// What a peer is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Character {
    /// Keeps to every rule.
    Good,
    /// Good, but sends FIN after its last request.
    HalfCloser,
    /// Good, and waits at the end until the server has had enough.
    Waiter,
    /// Good, but does not read for a while.
    Lazy,
    /// Breaks a rule in the end.
    Liar,
    /// Resets the connection at some moment.
    Resetter,
    /// Asks for much, reads nothing, goes away in the end.
    NonReader,
    /// A head a byte at a time, for ever.
    SlowHead,
    /// A body a byte at a time.
    SlowBody,
    /// Says nothing.
    Idle,
}

/// What all peers of a run share.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    /// The network or the server may end a connection at any moment.
    pub lossy: bool,
    /// The server has been told to leave.
    pub leaving: bool,
    /// Malformed requests are answered by the guest, which closes at once: the answer may be lost.
    pub curt: bool,
    /// Now.
    pub ms: u64,
}

/// When a peer wants to act again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Now,
    At(u64),
    /// It waits for the server.
    Never,
    Done,
}

/// One peer.
pub(super) struct Peer {
    pub character: Character,
    link: Option<SimPeer>,
    requests: Vec<Request>,
    /// Where each request ends in `out`.
    ends: Vec<usize>,
    out: Vec<u8>,
    sent: usize,
    back: Vec<u8>,
    /// Bytes of `back` that are answers which were right.
    taken: usize,
    answered: usize,
    pipelined: bool,
    shut: bool,
    born: u64,
    first_byte: Option<u64>,
    last_answer: u64,
    resume: u64,
    gap: u64,
    pub digest: u64,
}

/// FNV-1a: the trace of a run.
pub(super) fn mix(digest: &mut u64, bytes: &[u8]) {
    for &byte in bytes {
        *digest = (*digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
}

impl Peer {
    /// Connects; none when nobody listens (any more).
    pub fn new(
        net: &SimNet,
        addr: SocketAddr,
        character: Character,
        id: usize,
        weather: &Weather,
        ops: Wishes,
        dice: &mut Rng,
    ) -> Option<Peer> {
        let link = net.connect(addr).ok()?;
        let requests = requests(character, id, ops, dice);
        let (mut out, mut ends) = (Vec::new(), Vec::new());
        for request in &requests {
            out.extend_from_slice(&request.bytes);
            ends.push(out.len());
        }
        let (mut resume, gap) = (0, 20 + dice.below(300) as u64);
        match character {
            Character::Lazy => {
                link.set_window([0, 1, 1000, 65_536][dice.below(4)]);
                resume = weather.ms + 1 + dice.below(700) as u64;
            }
            Character::NonReader => {
                link.set_window([0, 10, 65_536][dice.below(3)]);
                resume = weather.ms + 1 + dice.below(30_000) as u64;
            }
            Character::Resetter => resume = weather.ms + dice.below(60) as u64,
            _ => {}
        }
        let ends_rudely =
            requests.iter().any(|request| matches!(request.answer, Answer::Cut { .. } | Answer::Tunnel { .. }));
        Some(Peer {
            character,
            link: Some(link),
            requests,
            ends,
            out,
            sent: 0,
            back: Vec::new(),
            taken: 0,
            answered: 0,
            // Whoever ends a connection, or leaves HTTP, takes what is unanswered with it.
            pipelined: !ends_rudely && dice.below(2) == 0,
            shut: false,
            born: weather.ms,
            first_byte: None,
            last_answer: weather.ms,
            resume,
            gap,
            digest: 0xcbf2_9ce4_8422_2325 ^ id as u64,
        })
    }

    /// Answers that were right.
    pub fn answered(&self) -> usize {
        self.answered
    }

    /// How it stands, for a failure's message.
    pub fn standing(&self) -> String {
        let link = self.link.as_ref().map(|link| (link.saw_end(), link.saw_reset().is_some()));
        let next = self.requests.get(self.answered).map(|next| next.target.as_str());
        let (sent, out, more) = (self.sent, self.out.len(), self.back.len() - self.taken);
        format!(
            "{:?}: {} of {} answered, next {next:?}, {more} bytes of it, sent {sent} of {out}, FIN {}, end and reset {link:?}",
            self.character,
            self.answered,
            self.requests.len(),
            self.shut
        )
    }

    /// One step; what it wants next, or what is wrong.
    pub fn step(&mut self, dice: &mut Rng, weather: &Weather) -> Result<Wish, String> {
        let Some(link) = self.link.take() else { return Ok(Wish::Done) };
        let wish = self.act(&link, dice, weather)?;
        if wish != Wish::Done {
            self.link = Some(link);
        } else if self.character == Character::Resetter || dice.below(8) == 0 {
            link.reset();
        }
        Ok(wish)
    }

    fn act(&mut self, link: &SimPeer, dice: &mut Rng, weather: &Weather) -> Result<Wish, String> {
        let waits = self.resume > weather.ms;
        match self.character {
            Character::Resetter if !waits => return Ok(Wish::Done),
            Character::NonReader if !waits => return Ok(Wish::Done),
            Character::Lazy if !waits && self.resume > 0 => {
                link.set_window(65_536);
                self.resume = 0;
            }
            _ => {}
        }
        let silent = waits && matches!(self.character, Character::Lazy | Character::NonReader);
        let more = !silent && self.read(link, dice, weather)?;
        // What arrived before a reset counts; a reset shows only when all is read.
        if !more
            && !silent
            && let Some(over) = self.over(link, weather)?
        {
            return Ok(over);
        }
        let sending = self.send(link, dice, weather);
        Ok(match (more || sending == Some(weather.ms), sending) {
            (true, _) => Wish::Now,
            (_, Some(at)) => Wish::At(at),
            _ if waits => Wish::At(self.resume),
            _ => Wish::Never,
        })
    }

    /// Reads some; whether there may be more.
    fn read(&mut self, link: &SimPeer, dice: &mut Rng, weather: &Weather) -> Result<bool, String> {
        let most = if dice.below(2) == 0 { usize::MAX } else { 1 + dice.below(30_000) };
        let bytes = link.read(most);
        if bytes.is_empty() {
            return Ok(false);
        }
        mix(&mut self.digest, &bytes);
        mix(&mut self.digest, &weather.ms.to_le_bytes());
        self.back.extend_from_slice(&bytes);
        self.look(weather)?;
        Ok(bytes.len() == most)
    }

    fn look(&mut self, weather: &Weather) -> Result<(), String> {
        while let Some(request) = self.requests.get(self.answered) {
            let back = &self.back[self.taken..];
            if back.is_empty() {
                return Ok(());
            }
            let slow = matches!(self.character, Character::SlowHead | Character::SlowBody | Character::Idle);
            let late = slow || weather.lossy || weather.leaving;
            match request.answer.look(&request.target, back, weather.leaving) {
                Ok(Look::Partial) => return Ok(()),
                Ok(Look::Whole(len)) => {
                    if self.sent < self.ends[self.answered].min(self.out.len())
                        && matches!(request.answer, Answer::Refused(_))
                        && slow
                    {
                        self.never_early(weather)?;
                    }
                    self.taken += len;
                    self.answered += 1;
                    self.last_answer = weather.ms;
                }
                // A guest that answers faults itself says 400 to all, wherever it stands.
                Err(error) if weather.curt && error.contains("HTTP/1.1 4") => return Ok(()),
                // A network that is slow enough makes every request late.
                Err(_) if late && Answer::Refused(&[400, 408]).look("", back, false).is_ok() => {
                    return self.never_early(weather);
                }
                Err(error) => return Err(format!("request {} ({}): {error}", self.answered, request.target)),
            }
        }
        match self.back.len() - self.taken {
            0 => Ok(()),
            _ if weather.curt => Ok(()),
            // What follows the last answer may only be the farewell of a server that has waited in vain.
            _ if Answer::Refused(&[400, 408]).look("", &self.back[self.taken..], false).is_ok() => {
                self.never_early(weather)
            }
            left => Err(format!(
                "{left} bytes too much: {:?}",
                String::from_utf8_lossy(&self.back[self.taken..][..left.min(100)])
            )),
        }
    }

    /// A 408 has come: its time must have come too.
    fn never_early(&self, weather: &Weather) -> Result<(), String> {
        let from = self.first_byte.unwrap_or(self.born);
        let due = from + if self.character == Character::SlowBody { REQUEST_TIMEOUT } else { HEADERS_TIMEOUT };
        if weather.ms < due { Err(format!("408 after {} ms", weather.ms - from)) } else { Ok(()) }
    }

    /// Whether the connection is over for this peer, and whether it may be.
    fn over(&mut self, link: &SimPeer, weather: &Weather) -> Result<Option<Wish>, String> {
        let reset = link.saw_reset().is_some();
        if !reset && !link.saw_end() {
            return Ok(match self.character {
                // It has what it wanted.
                Character::Good | Character::Lazy | Character::Resetter if self.answered == self.requests.len() => {
                    Some(Wish::Done)
                }
                _ => None,
            });
        }
        let left = self.requests.len() - self.answered;
        let whole = left == 0 && self.back.len() == self.taken;
        let bad = matches!(
            self.character,
            Character::SlowHead | Character::SlowBody | Character::Idle | Character::NonReader
        );
        let next = self.requests.get(self.answered).map(|next| &next.answer);
        let cut = matches!(next, Some(Answer::Cut { .. }));
        let tunnel = matches!(next, Some(Answer::Tunnel { .. }));
        let lie = weather.curt && left > 0 && (bad || self.character == Character::Liar);
        if whole || weather.lossy || cut || lie {
            return Ok(Some(Wish::Done));
        }
        if bad && !weather.leaving {
            return self.slow_end(weather).map(Some);
        }
        if weather.leaving {
            return match self.back.len() - self.taken {
                // Closed with requests unread, the kernel resets: what was on its way is lost with it.
                _ if bad || reset || tunnel => Ok(Some(Wish::Done)),
                0 => Ok(Some(Wish::Done)),
                left => Err(format!("{left} bytes of an answer that was cut off: answer {}", self.answered)),
            };
        }
        if self.character == Character::Waiter && weather.ms + 100 < self.last_answer + KEEP_ALIVE + KEEP_ALIVE_BUFFER {
            return Err("an idle connection was closed too early".into());
        }
        let how = if reset { "reset" } else { "closed" };
        let next = self.requests.get(self.answered).map(|next| &next.target);
        Err(format!(
            "{how} after {} of {} answers and {} bytes of the next ({next:?}); {} of {} bytes sent",
            self.answered,
            self.requests.len(),
            self.back.len() - self.taken,
            self.sent,
            self.out.len()
        ))
    }

    /// The server has ended it with a peer that was slow: not too early, and not much too late.
    fn slow_end(&self, weather: &Weather) -> Result<Wish, String> {
        let from = self.first_byte.unwrap_or(self.born);
        if self.character == Character::NonReader {
            return Ok(Wish::Done);
        }
        self.never_early(weather)?;
        let due = if self.character == Character::SlowBody { REQUEST_TIMEOUT } else { HEADERS_TIMEOUT };
        let late = weather.ms - from - due;
        if late > 1500 { Err(format!("ended {late} ms too late")) } else { Ok(Wish::Done) }
    }

    /// Sends some; when it wants to send more.
    fn send(&mut self, link: &SimPeer, dice: &mut Rng, weather: &Weather) -> Option<u64> {
        let slow = matches!(self.character, Character::SlowHead | Character::SlowBody);
        let may = match self.pipelined || slow {
            true => self.out.len(),
            false => self.ends.get(self.answered).copied().unwrap_or(self.out.len()),
        };
        if self.sent < may {
            if slow && self.sent >= self.ends[0] - self.out.len().min(300) {
                if self.resume > weather.ms {
                    return Some(self.resume);
                }
                self.resume = weather.ms + self.gap;
                self.push(link, 1, weather);
                return Some(self.resume);
            }
            if dice.below(2) == 0 {
                let cut = if dice.below(3) == 0 { may - self.sent } else { dice.cut((may - self.sent).min(9000)) };
                self.push(link, cut, weather);
            }
            return Some(weather.ms);
        }
        let last = self.sent == self.out.len() && !self.shut;
        let tunnel = self.requests.last().is_some_and(|last| matches!(last.answer, Answer::Tunnel { .. }));
        let may_end = !tunnel || self.answered == self.requests.len();
        if last && self.character == Character::HalfCloser && may_end {
            self.shut = true;
            let _dead = link.shutdown();
        }
        None
    }

    fn push(&mut self, link: &SimPeer, count: usize, weather: &Weather) {
        let bytes = &self.out[self.sent..self.sent + count];
        self.first_byte.get_or_insert(weather.ms);
        mix(&mut self.digest, bytes);
        self.sent += count;
        // A connection that is over shows when it is read.
        let _dead = link.send(bytes);
    }
}

/// What a peer of this character asks.
fn requests(character: Character, id: usize, ops: Wishes, dice: &mut Rng) -> Vec<Request> {
    let count = 1 + dice.below(6);
    let mut list: Vec<Request> = Vec::new();
    // 400 is what the guest says when it answers itself.
    let timeout = || Answer::Refused(&[400, 408]);
    match character {
        Character::Idle => return vec![Request { bytes: Vec::new(), target: String::new(), answer: timeout() }],
        Character::SlowHead => {
            let mut bytes = head("GET", "/n1.0.0", &format!("X-Slow: {}\r\n", "s".repeat(2000)));
            bytes.truncate(2000);
            return vec![Request { bytes, target: String::new(), answer: timeout() }];
        }
        Character::SlowBody => {
            let mut bytes = head("POST", "/e0.0.0", "Content-Length: 100000\r\n");
            bytes.extend_from_slice(&[b'b'; 5000]);
            let answer = Answer::Full {
                body: vec![b'b'; 100_000],
                framing: super::exchange::Framing::Any,
                close: false,
                is_head: false,
                dated: false,
            };
            return vec![Request { bytes, target: "/e0.0.0".into(), answer }];
        }
        _ => {}
    }
    for index in 0..count {
        let wishes = Wishes { last: ops.last && index + 1 == count && character != Character::Waiter, ..ops };
        list.push(Request::draw(dice, id * 100 + index, wishes));
    }
    if character == Character::Liar {
        list.pop();
        list.push(Request::malformed(dice));
    }
    list
}
