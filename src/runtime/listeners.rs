//! Listeners: opening, what they accept, closing. It must not know what is spoken on a connection.
use super::process::Shared;
use super::seat::Resource;
use super::timers::Token;
use super::{Hall, Owner};
use crate::guest::{Ends, Handle, Kind};
use crate::policy::{Granted, ListenAddress};
use crate::proto::http1;
use crate::reactor::{self, Addr, Errno, Kernel, Key};
use crate::time::Clock;
use skep_abi::{ListenOptions, events, listen};
use std::net::SocketAddr;
use std::time::Duration;

/// The port of a listener that asked for any and has no socket: where those for passing use begin.
const FIRST_FREE_PORT: u16 = 49_152;

/// One listener of one guest; it outlives its socket while connections are open.
pub(super) struct Listener {
    pub guest: u32,
    pub handle: Handle,
    /// None once it stopped accepting.
    pub key: Option<Key>,
    pub options: ListenOptions,
    /// What the decoder of its connections is held to.
    pub limits: http1::Limits,
    pub conns: u32,
    /// The guest closed it: the handle goes when the last connection has gone.
    pub closing: bool,
    pub local: Option<SocketAddr>,
    pub resting: bool,
    /// Workers that its connections go to.
    pub shared: Option<Box<Shared>>,
    /// It has no socket: the process that started this one hands it connections under this number.
    pub fed: Option<u32>,
    /// Other processes take its connections too, and go on when this one closes it.
    pub joint: bool,
    /// It has no socket: a front brings it connections.
    pub is_virtual: bool,
    /// It accepts nothing before the guest has said how it wants its connections.
    pub rests: bool,
}

impl Listener {
    pub fn new(
        guest: u32,
        handle: Handle,
        key: Option<Key>,
        options: ListenOptions,
        limits: http1::Limits,
    ) -> Listener {
        Listener {
            guest,
            handle,
            key,
            options,
            limits,
            conns: 0,
            closing: false,
            local: None,
            resting: false,
            shared: None,
            fed: None,
            joint: false,
            is_virtual: false,
            rests: options.flags & listen::REST != 0,
        }
    }

    pub fn has(&self, flag: u32) -> bool {
        self.options.flags & flag != 0
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Opens a listener that the policy has granted.
    pub(super) fn listen(
        &mut self,
        guest: u32,
        handle: Handle,
        at: Granted<ListenAddress>,
        backlog: u32,
        options: ListenOptions,
    ) {
        if self.seats[guest as usize].guest.state().grants.listen_virtual {
            return self.listen_virtually(guest, handle, at.into_inner(), options);
        }
        let wish = reactor::ListenOptions {
            backlog,
            ipv6_only: options.flags & listen::IPV6_ONLY != 0,
            nodelay: options.flags & listen::NO_DELAY != 0,
        };
        let opened = match at.get() {
            _ if self.leaving.is_some() => Err(Errno::EBADF),
            ListenAddress::Tcp(address) => self.reactor.listen_tcp(*address, &wish),
            ListenAddress::Unix(path) => self.reactor.listen_unix(path, &wish),
        };
        match opened {
            Ok(key) => self.listening(guest, handle, key, at.into_inner(), options),
            Err(error) => self.listen_failed(guest, handle, error),
        }
    }

    fn listen_failed(&mut self, guest: u32, handle: Handle, error: Errno) {
        let seat = &mut self.seats[guest as usize];
        seat.guest.state_mut().listeners -= 1;
        seat.revoke(handle);
        seat.tell(events::LISTEN_FAILED, Some(handle), errno(error), &[]);
    }

    /// A tenant listens: no socket is opened. Connections come by a front.
    fn listen_virtually(&mut self, guest: u32, handle: Handle, at: ListenAddress, options: ListenOptions) {
        let ListenAddress::Tcp(mut at) = at else { return self.listen_failed(guest, handle, Errno::EACCES) };
        let taken = |port: u16| {
            let mut mine = self.listeners.iter().filter(|(_, one)| one.guest == guest && !one.closing);
            mine.any(|(_, one)| one.local.is_some_and(|local| local.port() == port))
        };
        if at.port() == 0 {
            let free = (FIRST_FREE_PORT..=u16::MAX).find(|port| !taken(*port));
            at.set_port(free.expect("a guest has fewer listeners than there are ports"));
        } else if taken(at.port()) {
            return self.listen_failed(guest, handle, Errno::EADDRINUSE);
        }
        let limits = self.decoder_limits(guest, &options);
        let listener =
            Listener { local: Some(at), is_virtual: true, ..Listener::new(guest, handle, None, options, limits) };
        let index = self.listeners.insert(listener) as u32;
        let seat = &mut self.seats[guest as usize];
        seat.bind(handle, Resource::Listener(index));
        seat.guest.state_mut().ends.insert(handle, Ends::Tcp { local: at, peer: None });
        seat.tell(events::LISTENING, Some(handle), u32::from(at.port()), &[at.ip().to_string().as_bytes()]);
        self.tenant_listens(guest);
    }

    fn listening(&mut self, guest: u32, handle: Handle, key: Key, at: ListenAddress, options: ListenOptions) {
        let local = match self.reactor.local_addr(key) {
            Ok(Addr::Ip(address)) => Some(address),
            _ => None,
        };
        let limits = self.decoder_limits(guest, &options);
        let listener = Listener { local, ..Listener::new(guest, handle, Some(key), options, limits) };
        let index = self.listeners.insert(listener) as u32;
        self.owners.set(key, Owner::Listener(index));
        if self.listeners[index as usize].rests {
            let _fresh = self.reactor.pause(key);
        }
        let seat = &mut self.seats[guest as usize];
        seat.bind(handle, Resource::Listener(index));
        let (port, text, ends) = match (local, at) {
            (Some(local), _) => (local.port(), local.ip().to_string(), Ends::Tcp { local, peer: None }),
            (None, ListenAddress::Unix(path)) => {
                let path = path.display().to_string();
                (0, path.clone(), Ends::Unix { local: path })
            }
            (None, ListenAddress::Tcp(wished)) => {
                (wished.port(), wished.ip().to_string(), Ends::Tcp { local: wished, peer: None })
            }
        };
        seat.guest.state_mut().ends.insert(handle, ends);
        seat.tell(events::LISTENING, Some(handle), u32::from(port), &[text.as_bytes()]);
    }

    /// What the script's options and the policy make of the decoder's limits.
    pub(super) fn decoder_limits(&self, guest: u32, options: &ListenOptions) -> http1::Limits {
        let (most_bytes, most_fields) = self.seats[guest as usize].mail.head_limits();
        let or = |value: u32, default: u32| if value == 0 { default } else { value };
        let policy = &self.limits;
        http1::Limits {
            max_header_size: or(options.max_header_size, policy.max_header_size)
                .min(policy.max_header_size_cap)
                .min(most_bytes),
            max_headers: or(options.max_headers, policy.max_headers).min(policy.max_headers).min(most_fields),
            max_chunk_ext: policy.chunk_extension_bytes,
            max_trailer_size: policy.trailer_bytes,
            require_host: options.flags & listen::REQUIRE_HOST != 0,
            as_node: policy.as_node,
            ..http1::Limits::default()
        }
    }

    /// New limits or flags from the script.
    pub(super) fn listen_set(&mut self, guest: u32, handle: Handle, options: ListenOptions) {
        let limits = self.decoder_limits(guest, &options);
        if let Resource::Listener(index) = self.seats[guest as usize].resource(handle) {
            let listener = &mut self.listeners[index as usize];
            listener.options = options;
            listener.limits = limits;
            let rests = options.flags & listen::REST != 0;
            if std::mem::replace(&mut listener.rests, rests) != rests
                && let Some(key) = listener.key
            {
                let _gone = if rests { self.reactor.pause(key) } else { self.reactor.resume(key) };
            }
        }
    }

    /// A connection has come to a listener.
    pub(super) fn accepted(&mut self, key: Key, stream: Key, peer: Addr) {
        if let Owner::Front(front) = self.owners.get(key) {
            return self.front_accepted(front, stream, peer);
        }
        let owner = self.owners.get(key);
        if matches!(owner, Owner::Door | Owner::Gate) {
            return self.operator_came(stream, owner == Owner::Gate);
        }
        let Owner::Listener(index) = self.owners.get(key) else {
            let _gone = self.reactor.reset(stream);
            return;
        };
        let listener = &self.listeners[index as usize];
        if listener.key != Some(key) {
            let _gone = self.reactor.reset(stream);
            return;
        }
        self.take_connection(index, stream, peer);
    }

    /// How many connections the guest and the policy let a listener have.
    fn most_connections(&self, listener: &Listener) -> u32 {
        let most = self.seats[listener.guest as usize].guest.state().limits.connections;
        match listener.options.max_connections {
            0 => most,
            some => some.min(most),
        }
    }

    /// It has as many connections as it may.
    pub(super) fn is_crowded(&self, index: u32) -> bool {
        let listener = &self.listeners[index as usize];
        listener.conns >= self.most_connections(listener)
    }

    /// A connection of a listener's begins.
    pub(super) fn take_connection(&mut self, index: u32, stream: Key, peer: Addr) {
        let listener = &self.listeners[index as usize];
        if listener.conns >= self.most_connections(listener) {
            let _gone = self.reactor.reset(stream);
            return;
        }
        if listener.has(listen::TCP_KEEP_ALIVE) {
            let _optional = self.reactor.set_keepalive(stream, Some(Duration::from_secs(60)));
        }
        if listener.has(listen::HTTP) {
            self.open_conn(index, stream, peer);
        } else {
            self.open_accepted(index, stream, peer);
        }
    }

    /// No descriptors are left: the listener rests until its timer.
    pub(super) fn accept_paused(&mut self, key: Key, retry_after: Duration) {
        if matches!(self.owners.get(key), Owner::Front(_) | Owner::Door | Owner::Gate) {
            self.resting.push(key);
            self.timers.arm(self.now.plus(retry_after), Token::RearmOwn.pack());
        }
        if let Owner::Listener(index) = self.owners.get(key)
            && let Some(listener) = self.listeners.get_mut(index as usize)
            && !listener.resting
        {
            listener.resting = true;
            self.timers.arm(self.now.plus(retry_after), Token::Rearm(index).pack());
        }
    }

    /// Listeners of the hall's own try again.
    pub(super) fn rearm_own(&mut self) {
        for key in std::mem::take(&mut self.resting) {
            let _gone = self.reactor.rearm(key);
        }
    }

    pub(super) fn listener_rearm(&mut self, index: u32) {
        if let Some(listener) = self.listeners.get_mut(index as usize) {
            listener.resting = false;
            if let Some(key) = listener.key {
                let _gone = self.reactor.rearm(key);
                self.deal(key);
            }
        }
    }

    /// The guest lets go of a listener: no more accepting; it is closed when its connections are.
    pub(super) fn close_listener(&mut self, index: u32) {
        let listener = &mut self.listeners[index as usize];
        listener.closing = true;
        let guest = listener.guest;
        if let Some(id) = listener.fed.take() {
            self.unfeed(id);
            let state = self.seats[guest as usize].guest.state_mut();
            state.listeners = state.listeners.saturating_sub(1);
        }
        let listener = &mut self.listeners[index as usize];
        if listener.shared.take().is_some() {
            self.drop_offers(index);
        }
        if std::mem::take(&mut self.listeners[index as usize].is_virtual) {
            let state = self.seats[guest as usize].guest.state_mut();
            state.listeners = state.listeners.saturating_sub(1);
        }
        let listener = &mut self.listeners[index as usize];
        if let Some(key) = listener.key.take() {
            self.owners.set(key, Owner::Nobody);
            let _gone = self.reactor.close(key);
            let state = self.seats[guest as usize].guest.state_mut();
            state.listeners = state.listeners.saturating_sub(1);
        }
        self.settle_listener(index);
    }

    /// One connection more; false when the listener is gone.
    pub(super) fn listener_got_conn(&mut self, index: u32) -> bool {
        let found = self.listeners.get_mut(index as usize).map(|listener| listener.conns += 1).is_some();
        self.tell_count(index);
        found
    }

    /// One connection fewer.
    pub(super) fn listener_lost_conn(&mut self, index: u32) {
        if let Some(listener) = self.listeners.get_mut(index as usize) {
            listener.conns -= 1;
            self.tell_count(index);
            self.settle_listener(index);
        }
    }

    /// Puts the number of connections where the call `connections` finds it.
    fn tell_count(&mut self, index: u32) {
        if let Some(listener) = self.listeners.get(index as usize)
            && let Some(seat) = self.seats.get_mut(listener.guest as usize)
            && let Some(slot) = seat.guest.state_mut().handles.get_mut(listener.handle)
        {
            slot.pending = listener.conns;
        }
    }

    /// A closed listener without connections is gone.
    fn settle_listener(&mut self, index: u32) {
        let listener = &self.listeners[index as usize];
        if !listener.closing || listener.conns > 0 {
            return;
        }
        let listener = self.listeners.remove(index as usize);
        // Connections over streams of the guest's own are not counted: the place must not name another for them.
        for (_, conn) in self.conns.iter_mut().filter(|(_, conn)| conn.listener == index) {
            conn.listener = super::http::NONE;
        }
        if let Some(seat) = self.seats.get_mut(listener.guest as usize) {
            seat.revoke(listener.handle);
            seat.tell(events::LISTENER_CLOSED, Some(listener.handle), 0, &[]);
        }
    }

    /// Every socket that accepts is closed; the listeners stay for their connections.
    pub(super) fn stop_accepting(&mut self) {
        self.close_fronts();
        for (_, listener) in &mut self.listeners {
            if let Some(key) = listener.key.take() {
                self.owners.set(key, Owner::Nobody);
                let _gone = self.reactor.close(key);
            }
        }
    }

    /// All listeners of a guest that is gone.
    pub(super) fn drop_listeners(&mut self, guest: u32) {
        let its = self.listeners.iter().filter(|(_, listener)| listener.guest == guest && listener.shared.is_some());
        let shared: Vec<u32> = its.map(|(index, _)| index as u32).collect();
        // Their places will be others'.
        shared.into_iter().for_each(|index| self.drop_offers(index));
        let owners = &mut self.owners;
        let reactor = &mut self.reactor;
        self.listeners.retain(|_, listener| {
            if listener.guest != guest {
                return true;
            }
            if let Some(key) = listener.key.take() {
                owners.set(key, Owner::Nobody);
                let _gone = reactor.close(key);
            }
            false
        });
    }

    /// A handle for a resource of this guest, and where it leads.
    pub(super) fn give(&mut self, guest: u32, kind: Kind, resource: Resource) -> Option<Handle> {
        self.seats.get_mut(guest as usize)?.give(kind, resource)
    }
}

/// The boundary's number of an error.
pub(super) fn errno(error: Errno) -> u32 {
    let name = error.name();
    let known = skep_abi::errno::ERRNOS.iter().find(|(known, ..)| *known == name);
    known.map_or(skep_abi::errno::EIO, |(_, number, _)| *number) as u32
}
