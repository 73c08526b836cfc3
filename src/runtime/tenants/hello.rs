//! TLS where tenants are in other processes: the client's first message says which name it asks for, and the connection goes
//! to a process that has that name's tenants, and their keys. Names that nobody has are answered here, with what the operator
//! has for all others. It must not know how records are made.
use super::super::Hall;
use super::visitors::{Phase, Refusal, Visitor};
use crate::proto::http1::{Decoder, Role};
use crate::reactor::{Addr, Kernel, Key};
use crate::time::Clock;
use crate::tls::{Acceptor, Heard, Hello};

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// What a visitor of a front with TLS has said so far.
    pub(super) fn visitor_hello(&mut self, index: u32, bytes: &[u8]) {
        let most = self.tenants.head_limits.max_header_size as usize;
        let visitor = &mut self.tenants.visitors[index as usize];
        let Some(hello) = &mut visitor.hello else { return self.drop_visitor(index) };
        let heard = hello.hear(bytes);
        visitor.bytes.extend_from_slice(bytes);
        let long = visitor.bytes.len() > most;
        if !self.weigh(index) {
            return self.drop_visitor(index);
        }
        match heard {
            Heard::Part if long => self.drop_visitor(index),
            Heard::Part => {}
            Heard::Name(name) => self.visitor_named(index, name.as_deref()),
            Heard::Nonsense(alert) => {
                let key = self.tenants.visitors[index as usize].key;
                // Who is gone hears nothing.
                let _gone = self.reactor.send(key, &alert);
                self.close_visitor(index);
            }
        }
    }

    fn visitor_named(&mut self, index: u32, name: Option<&str>) {
        let tenants = self.tenants.routes.hosted(name.map(str::as_bytes));
        if let Some(first) = tenants.first() {
            self.tenants.visitors[index as usize].asks = tenants.clone();
            return self.visitor_seeks(index, *first);
        }
        let visitor = &mut self.tenants.visitors[index as usize];
        (visitor.hello, visitor.phase) = (None, Phase::Reading);
        let (key, bytes) = (visitor.key, std::mem::take(&mut visitor.bytes));
        self.weigh(index);
        if !self.veil(key, &bytes) {
            self.drop_visitor(index);
        }
    }

    /// A visitor whose name is known goes to a process that has all that this name leads to, or one that has the first of it.
    pub(super) fn place_named(&mut self, index: u32) {
        let asks = self.tenants.visitors[index as usize].asks.clone();
        let home = self.tenants.choose_home(&asks, None).or_else(|| self.tenants.choose_home(&asks[..1], None));
        match home {
            Some(home) => self.give_visitor(index, home, None),
            None => self.turn_away(index, Refusal::Unavailable(1), false),
        }
    }

    /// In a process of tenants: a connection whose first message asks for one of their names.
    pub(super) fn veiled_visitor(&mut self, front: u32, key: Key, peer: Addr, bytes: &[u8]) {
        if !self.veil(key, bytes) {
            let _gone = self.reactor.reset(key);
            return;
        }
        let index = self.add_visitor(front, key, peer);
        self.visitor_expects(index, super::ms(self.tenants.limits.head_ms));
    }

    /// Has a stream speak TLS of which this was read already.
    fn veil(&mut self, key: Key, mut bytes: &[u8]) -> bool {
        let Some(mut session) = self.tenants.acceptor.as_ref().map(Acceptor::begin) else { return false };
        while !bytes.is_empty() {
            if session.take_in(&mut bytes).is_err() {
                let _gone = self.reactor.send(key, session.waiting());
                return false;
            }
        }
        self.reactor.set_veil(key, session).is_ok()
    }
}

impl Visitor {
    /// One that is to say first which name it asks for.
    pub(super) fn begin_hello(&mut self) {
        self.hello = Some(Box::new(Hello::default()));
        self.decoder = Decoder::new(Role::Server);
    }
}
