//! What a proxy in front of a front tells of a connection before its first byte, on fronts that have one. What is read never
//! goes beyond the header, so that TLS and protocols of tenants' own begin where they begin. It must not know what follows.
use super::super::Hall;
use super::visitors::Phase;
use crate::proto::proxy::{self, Told};
use crate::reactor::{Kernel, Key, Read};
use crate::time::Clock;
use std::collections::HashMap;

/// What is known of TLS that ended before us, by connection.
#[derive(Default)]
pub(in crate::runtime) struct Tales(HashMap<Key, Box<str>>);

impl Tales {
    pub fn keep(&mut self, key: Key, name: Box<str>) {
        self.0.insert(key, name);
    }

    pub fn take(&mut self, key: Key) -> Option<Box<str>> {
        if self.0.is_empty() { None } else { self.0.remove(&key) }
    }

    pub fn forget(&mut self, key: Key) {
        self.take(key);
    }

    /// Of which connections something is known.
    #[cfg(test)]
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.0.keys().copied()
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Reads on in a proxy's header. Answers whether the visitor is one like any other from here on.
    pub(super) fn hear_proxy(&mut self, index: u32) -> bool {
        let most = self.tenants.limits.proxy_bytes as usize;
        loop {
            let Some(visitor) = self.tenants.visitors.get(index as usize) else { return false };
            let more = match proxy::read(&visitor.bytes, most) {
                Told::More(more) => more.min(self.scratch.len()),
                Told::Whole(client) => return self.take_tale(index, client),
                Told::Fault(_) => {
                    // Whoever can reach a front past its proxy must not tell who it is.
                    self.tenants.proxy_faults += 1;
                    self.drop_visitor(index);
                    return false;
                }
            };
            match self.reactor.read(visitor.key, &mut self.scratch[..more]) {
                Ok(Read::Data { count, .. }) => {
                    let scratch = std::mem::take(&mut self.scratch);
                    let room = self.keep_bytes(index, &scratch[..count]);
                    self.scratch = scratch;
                    if !room {
                        self.drop_visitor(index);
                        return false;
                    }
                }
                Ok(Read::WouldBlock) => return false,
                Ok(Read::Eof) | Err(_) => {
                    self.drop_visitor(index);
                    return false;
                }
            }
        }
    }

    fn take_tale(&mut self, index: u32, client: Option<proxy::Client>) -> bool {
        let visitor = &mut self.tenants.visitors[index as usize];
        visitor.bytes = Vec::new();
        visitor.phase = Phase::Reading;
        if let Some(client) = client {
            visitor.peer = crate::reactor::Addr::Ip(client.peer);
            if let Some(name) = client.tls {
                self.tenants.tales.keep(visitor.key, name.into());
            }
        }
        self.keep_bytes(index, &[]);
        self.greet(index)
    }

    /// What is known of the TLS that a connection came in: the name that was asked for, which may be none.
    pub(in crate::runtime) fn tls_of(&self, key: Key) -> Option<&str> {
        match self.reactor.veil(key) {
            Some(session) => Some(session.server_name().unwrap_or("")),
            None => self.tenants.tales.0.get(&key).map(|name| &**name),
        }
    }
}
