//! Visitors: connections of a front that no tenant has. They read the head of one request, wait for a tenant's start, idle
//! between two requests, or are turned away. It must not know how tenants are started.
use super::super::timers::Token;
use super::super::{Hall, Owner};
use super::passes::Return;
use super::{Front, FrontKind, ms, routes};
use crate::proto::http1::{Decoder, HeaderId, Item, Method, Reason, Role};
use crate::reactor::{Addr, Fact, Kernel, Key, Read};
use crate::time::{Clock, TimerId};
use crate::tls::{Acceptor, Hello, Session};

/// Reads of one visitor in one turn: bounds the turn.
const READS: usize = 4;

/// One connection that is nobody's.
pub(super) struct Visitor {
    pub key: Key,
    pub peer: Addr,
    pub front: u32,
    pub decoder: Decoder,
    /// What was read since its tenant is known: that tenant's.
    pub bytes: Vec<u8>,
    pub phase: Phase,
    timer: Option<TimerId>,
    /// Bytes that it is known to hold.
    weight: usize,
    /// Its first message of TLS is being heard, or was, for somebody else to answer.
    pub hello: Option<Box<Hello>>,
    /// Tenants that the name leads to which it asks for.
    pub asks: Vec<u32>,
    /// A process of tenants gave it back.
    pub returned: Option<Return>,
    /// In such a process: another one had no instance for it, so it is not given back for that.
    pub last: bool,
}

/// What a visitor is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The header of the front's proxy.
    Proxied,
    Reading,
    /// For an instance of this tenant.
    Waiting(u32),
    /// It was turned away: so many bytes have been thrown away since.
    Leaving(u32),
}

/// Why a visitor is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Fault(Reason),
    /// No tenant has this host and path.
    Nobody,
    /// The host is not the one that the connection was made for.
    Misdirected,
    /// Its tenant is there, but cannot be now; maybe after so many seconds.
    Unavailable(u64),
    /// Its tenant has as many connections as it may, and whoever asks is to ask less.
    TooMany,
    /// Its tenant speaks something else.
    NoServer,
}

impl Refusal {
    fn answer(self, is_head: bool) -> Vec<u8> {
        let (status, extra, body) = match self {
            Refusal::Fault(reason) => (reason.status(), String::new(), ""),
            Refusal::Nobody => (404, String::new(), "no such host\n"),
            Refusal::Misdirected => (421, String::new(), "another host than the connection's\n"),
            Refusal::Unavailable(seconds) => (503, format!("Retry-After: {seconds}\r\n"), "not available now\n"),
            Refusal::TooMany => (429, "Retry-After: 1\r\n".into(), "too many connections\n"),
            Refusal::NoServer => (502, String::new(), "no server\n"),
        };
        let reason = crate::proto::http1::default_reason(status);
        let mut answer = format!(
            "HTTP/1.1 {status} {reason}\r\n{extra}Content-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        if !is_head {
            answer.push_str(body);
        }
        answer.into_bytes()
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A connection has come to a front.
    pub(in crate::runtime) fn front_accepted(&mut self, front: u32, key: Key, peer: Addr) {
        if self.tenants.visitors.len() >= self.tenants.limits.visitors as usize {
            let _gone = self.reactor.reset(key);
            return;
        }
        let index = self.add_visitor(front, key, peer);
        self.visitor_expects(index, ms(self.tenants.limits.head_ms));
        if self.tenants.fronts[front as usize].plan.proxied {
            self.tenants.visitors[index as usize].phase = Phase::Proxied;
        } else {
            self.greet(index);
        }
    }

    /// The visitor's own first byte is next. Answers whether it is to be read here.
    pub(super) fn greet(&mut self, index: u32) -> bool {
        let visitor = &self.tenants.visitors[index as usize];
        let (key, front) = (visitor.key, &self.tenants.fronts[visitor.front as usize]);
        if front.plan.kind == FrontKind::Tls && self.tenants.are_apart() {
            self.tenants.visitors[index as usize].begin_hello();
            return true;
        }
        if front.plan.kind == FrontKind::Tls {
            let session = self.tenants.acceptor.as_ref().map(Acceptor::begin);
            if session.is_none_or(|session| self.reactor.set_veil(key, session).is_err()) {
                self.drop_visitor(index);
                return false;
            }
        }
        let only = front.only();
        if let Some(tenant) = only {
            // Whoever speaks first on it is the tenant's matter.
            self.visitor_seeks(index, tenant);
        }
        only.is_none()
    }

    /// A connection that was a tenant's is nobody's again; what it has sent since comes with it. `returned` by another process,
    /// it is known by its client's end.
    pub(super) fn visitor_again(&mut self, front: u32, key: Key, peer: Addr, returned: Option<Return>, bytes: &[u8]) {
        let index = self.add_visitor(front, key, peer);
        self.tenants.visitors[index as usize].returned = returned;
        if self.tenants.is_cordon() && bytes.is_empty() && self.give_back_visitor(index) {
            return;
        }
        if bytes.is_empty() && self.tenants.fronts[front as usize].is_closed() {
            return self.close_visitor(index);
        }
        self.visitor_expects(index, ms(self.tenants.limits.idle_ms));
        let _gone = self.reactor.resume(key);
        if !bytes.is_empty() {
            self.visitor_bytes(index, bytes);
        }
    }

    /// A connection that was found to be this tenant's elsewhere, with what was read of it; this is the `last` process that is asked
    /// for an instance.
    pub(super) fn known_visitor(&mut self, front: u32, key: Key, peer: Addr, tenant: u32, last: bool, bytes: &[u8]) {
        let index = self.add_visitor(front, key, peer);
        self.tenants.visitors[index as usize].last = last;
        self.keep_for(index, tenant, bytes, false);
    }

    pub(super) fn add_visitor(&mut self, front: u32, key: Key, peer: Addr) -> u32 {
        let decoder = Decoder::new(Role::Server);
        let (bytes, asks, phase) = (Vec::new(), Vec::new(), Phase::Reading);
        let (timer, hello, returned, last) = (None, None, None, false);
        let visitor =
            Visitor { key, peer, front, decoder, bytes, phase, timer, weight: 0, hello, asks, returned, last };
        let index = self.tenants.visitors.insert(visitor) as u32;
        self.owners.set(key, Owner::Visitor(index));
        index
    }

    /// The visitor of this key, if it is one.
    pub(super) fn visitor_of(&mut self, key: Key) -> Option<u32> {
        match self.owners.get(key) {
            Owner::Visitor(index) if self.visitor_has_key(index, key) => Some(index),
            _ => None,
        }
    }

    pub(in crate::runtime) fn visitor_has_key(&self, index: u32, key: Key) -> bool {
        self.tenants.visitors.get(index as usize).is_some_and(|visitor| visitor.key == key)
    }

    /// What happened to a visitor's socket.
    pub(in crate::runtime) fn visitor_fact(&mut self, index: u32, fact: Fact) {
        match fact {
            Fact::Readable(_) => self.visitor_readable(index),
            Fact::Closed { .. } | Fact::Broken { .. } => self.drop_visitor(index),
            _ => {}
        }
    }

    fn visitor_readable(&mut self, index: u32) {
        for _ in 0..READS {
            let phase = self.tenants.visitors.get(index as usize).map(|visitor| visitor.phase);
            if phase == Some(Phase::Proxied) && !self.hear_proxy(index) {
                return;
            }
            let Some(visitor) = self.tenants.visitors.get(index as usize) else { return };
            if matches!(visitor.phase, Phase::Waiting(_)) {
                let _gone = self.reactor.pause(visitor.key);
                return;
            }
            match self.reactor.read(visitor.key, &mut self.scratch) {
                Ok(Read::Data { count, more }) => {
                    let scratch = std::mem::take(&mut self.scratch);
                    self.visitor_bytes(index, &scratch[..count]);
                    self.scratch = scratch;
                    if !more {
                        return;
                    }
                }
                Ok(Read::WouldBlock) => return,
                Ok(Read::Eof) => return self.close_visitor(index),
                Err(_) => return self.drop_visitor(index),
            }
        }
    }

    fn visitor_bytes(&mut self, index: u32, bytes: &[u8]) {
        let tenants = &mut self.tenants;
        let visitor = &mut tenants.visitors[index as usize];
        match visitor.phase {
            Phase::Reading | Phase::Proxied => {}
            Phase::Leaving(seen) => {
                let seen = seen.saturating_add(bytes.len() as u32);
                visitor.phase = Phase::Leaving(seen);
                return if seen > self.limits.linger_bytes {
                    self.close_visitor(index)
                };
            }
            Phase::Waiting(_) => {
                let _held = self.keep_bytes(index, bytes);
                return;
            }
        }
        if visitor.hello.is_some() {
            return self.visitor_hello(index, bytes);
        }
        if let Some(tenant) = tenants.fronts.get(visitor.front as usize).and_then(Front::only) {
            return self.keep_for(index, tenant, bytes, false);
        }
        let began = visitor.decoder.is_idle();
        let step = visitor.decoder.decode(bytes, &tenants.head_limits, &mut self.parts);
        let rest = &bytes[step.consumed.min(bytes.len())..];
        match step.item {
            Item::NeedMore => {
                if !self.weigh(index) {
                    return self.turn_away(index, Refusal::Unavailable(1), false);
                }
                if began {
                    self.visitor_expects(index, ms(self.tenants.limits.head_ms));
                }
            }
            Item::Head(head) => {
                let host = head.field(HeaderId::Host);
                let found = tenants.routes.find(host, head.target());
                // Whoever was shown one host's certificate is not served another's pages (RFC 9110, 15.5.20).
                let asked = self.reactor.veil(visitor.key).and_then(Session::server_name);
                let strays = asked.is_some_and(|asked| !routes::names(host, asked));
                let is_head = head.method() == Some(Method::Head);
                let whole = [head.bytes, rest].concat();
                visitor.decoder = Decoder::new(Role::Server);
                match found {
                    _ if strays => self.turn_away(index, Refusal::Misdirected, is_head),
                    Some(tenant) => self.keep_for(index, tenant, &whole, is_head),
                    None if self.tenants.is_cordon() => {
                        self.keep_bytes(index, &whole);
                        if !self.give_back_visitor(index) {
                            self.turn_away(index, Refusal::Misdirected, is_head);
                        }
                    }
                    None => self.turn_away(index, Refusal::Nobody, is_head),
                }
            }
            Item::Error(reason) => self.turn_away(index, Refusal::Fault(reason), false),
            _ => self.drop_visitor(index),
        }
    }

    /// It is known whose the visitor is, and what that tenant is to get; unless they hold too much already.
    fn keep_for(&mut self, index: u32, tenant: u32, bytes: &[u8], is_head: bool) {
        match self.keep_bytes(index, bytes) {
            true => self.visitor_seeks(index, tenant),
            false => self.turn_away(index, Refusal::Unavailable(1), is_head),
        }
    }

    /// What the visitor's tenant is to get; whether all of them together hold no more than they may.
    pub(super) fn keep_bytes(&mut self, index: u32, bytes: &[u8]) -> bool {
        self.tenants.visitors[index as usize].bytes.extend_from_slice(bytes);
        self.weigh(index)
    }

    /// Counts what the visitor holds; whether all of them together hold no more than they may.
    pub(super) fn weigh(&mut self, index: u32) -> bool {
        let visitor = &mut self.tenants.visitors[index as usize];
        let now = visitor.bytes.len() + visitor.decoder.buffered();
        let before = std::mem::replace(&mut visitor.weight, now);
        self.tenants.visitor_bytes = self.tenants.visitor_bytes + now - before;
        self.tenants.visitor_bytes <= self.tenants.limits.visitor_bytes
    }

    /// It is known whose the visitor is.
    pub(super) fn visitor_seeks(&mut self, index: u32, tenant: u32) {
        let visitor = &mut self.tenants.visitors[index as usize];
        visitor.phase = Phase::Waiting(tenant);
        self.tenants.seeking.push_back(visitor.key);
        let _gone = self.reactor.pause(visitor.key);
        self.visitor_expects(index, ms(self.tenants.limits.start_ms));
    }

    /// An answer from us, and the end.
    pub(super) fn turn_away(&mut self, index: u32, refusal: Refusal, is_head: bool) {
        let visitor = &mut self.tenants.visitors[index as usize];
        visitor.phase = Phase::Leaving(0);
        visitor.bytes = Vec::new();
        visitor.decoder = Decoder::new(Role::Server);
        let unheard = visitor.hello.is_some();
        let (key, front) = (visitor.key, visitor.front);
        self.weigh(index);
        let only = !self.tenants.is_shared(front);
        // What is spoken on a front of one tenant's own is not known to be HTTP; without shaken hands nothing can be said.
        if only || unheard || self.reactor.send(key, &refusal.answer(is_head)).is_err() {
            return self.close_visitor(index);
        }
        let _broken = self.reactor.shutdown_write(key);
        let _gone = self.reactor.resume(key);
        self.visitor_expects(index, ms(self.limits.linger_ms));
    }

    /// The visitor leaves the tables for somebody's; its bytes.
    pub(super) fn take_visitor(&mut self, index: u32) -> Visitor {
        let visitor = self.tenants.visitors.remove(index as usize);
        self.tenants.visitor_bytes -= visitor.weight;
        if let Some(timer) = visitor.timer {
            self.timers.cancel(timer);
        }
        self.owners.set(visitor.key, Owner::Nobody);
        if let Some(back) = visitor.returned {
            self.tenants.cordons.returned.forget(visitor.front, back.end);
        }
        visitor
    }

    /// Closes when what was said has gone out.
    pub(super) fn close_visitor(&mut self, index: u32) {
        let visitor = self.take_visitor(index);
        self.tenants.tales.forget(visitor.key);
        self.let_drain(visitor.key);
    }

    pub(super) fn drop_visitor(&mut self, index: u32) {
        let visitor = self.take_visitor(index);
        self.tenants.tales.forget(visitor.key);
        let _gone = self.reactor.reset(visitor.key);
    }

    /// Those of a front that have asked for nothing.
    pub(super) fn drop_idle_visitors(&mut self, front: u32) {
        let idle = |visitor: &Visitor| {
            visitor.front == front && matches!(visitor.phase, Phase::Reading) && visitor.decoder.is_idle()
        };
        let all: Vec<u32> = self
            .tenants
            .visitors
            .iter()
            .filter(|(_, visitor)| visitor.bytes.is_empty() && idle(visitor))
            .map(|(index, _)| index as u32)
            .collect();
        all.into_iter().for_each(|index| self.close_visitor(index));
    }

    pub(super) fn drop_visitors(&mut self) {
        let all: Vec<u32> = self.tenants.visitors.iter().map(|(index, _)| index as u32).collect();
        all.into_iter().for_each(|index| self.close_visitor(index));
    }

    pub(super) fn visitor_expects(&mut self, index: u32, span: std::time::Duration) {
        let visitor = &mut self.tenants.visitors[index as usize];
        let deadline = self.now.plus(span);
        match visitor.timer {
            Some(timer) if self.timers.rearm(timer, deadline) => {}
            _ => visitor.timer = Some(self.timers.arm(deadline, Token::Visitor(index).pack())),
        }
    }

    /// What a visitor waited for has not come.
    pub(in crate::runtime) fn visitor_late(&mut self, index: u32, id: TimerId) {
        let Some(visitor) = self.tenants.visitors.get_mut(index as usize) else { return };
        if visitor.timer != Some(id) {
            return;
        }
        visitor.timer = None;
        match visitor.phase {
            Phase::Reading if visitor.decoder.is_in_head() && visitor.hello.is_none() => {
                self.turn_away(index, Refusal::Fault(Reason::RequestTimeout), false);
            }
            Phase::Waiting(_) => self.turn_away(index, Refusal::Unavailable(1), false),
            Phase::Proxied => self.drop_visitor(index),
            Phase::Reading | Phase::Leaving(_) => self.close_visitor(index),
        }
    }
}
