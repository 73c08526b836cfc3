//! Facts to whom they concern, commands to what they change. It must not know how: each resource has
//! a file of its own.
use super::seat::{Resource, Seat};
use super::{Hall, Outcome, Owner};
use crate::guest::handles::Slot;
use crate::guest::{Body, Command, Handle, Kind};
use crate::reactor::{self, Fact, Kernel, Key};
use crate::time::Clock;
use skep_abi::events;

/// What a guest asks for may cost system calls, which no slice bounds: so much of it is carried out in one turn. Two milliseconds
/// where a system call takes 30 µs.
pub(super) const A_TURN: u32 = 64;

/// All of it, where nobody comes back to it.
pub(super) const WHOLE: u32 = u32::MAX;

/// About how many system calls a command costs at once. What is only queued costs none here: it goes out with the rest.
fn price(command: &Command) -> u32 {
    match command {
        Command::ChildStart { .. } => 16,
        Command::Connect { .. }
        | Command::Listen { .. }
        | Command::ListenShared { .. }
        | Command::OpenStream { .. }
        | Command::UdpBind { .. } => 4,
        Command::Close { .. }
        | Command::Reset { .. }
        | Command::Option { .. }
        | Command::UdpConnect { .. }
        | Command::UdpMember { .. }
        | Command::UdpOption { .. }
        | Command::UdpSend { .. }
        | Command::ChildKill { .. }
        | Command::Kill { .. }
        | Command::WatchEntry { .. } => 1,
        _ => 0,
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Every fact goes to its owner.
    pub(super) fn take_in(&mut self, facts: &mut Vec<Fact>) {
        for fact in facts.drain(..) {
            match fact {
                Fact::Accepted { listener, stream, peer } => self.accepted(listener, stream, peer),
                Fact::AcceptPaused { listener, retry_after, .. } => self.accept_paused(listener, retry_after),
                Fact::Signal(signal) => self.signal(signal),
                Fact::Woken => self.offload.woken(),
                Fact::Sent { key, .. } => self.datagram_fact(key, fact),
                Fact::Acceptable(key) => self.deal(key),
                Fact::Changed => self.take_changes(),
                Fact::Readable(key)
                | Fact::Flushed { key, .. }
                | Fact::Finished(key)
                | Fact::Closed { key, .. }
                | Fact::Connected { key, .. }
                | Fact::PeerClosed(key)
                | Fact::Broken { key, .. } => self.stream_or_conn(key, fact),
            }
        }
    }

    fn stream_or_conn(&mut self, key: Key, fact: Fact) {
        match key.kind() {
            reactor::Kind::Stream => {}
            reactor::Kind::Channel => return self.channel_fact(key, fact),
            _ => return self.datagram_fact(key, fact),
        }
        match self.owners.get(key) {
            Owner::Conn(index) if self.conn_has_key(index, key) => self.conn_fact(index, fact),
            Owner::Stream(index) if self.streams.get(index as usize).is_some_and(|stream| stream.key == key) => {
                self.stream_fact(index, fact);
            }
            Owner::Words(index) => self.words_fact(index, key, &fact),
            Owner::Visit(index) => self.operator_fact(index, key, &fact),
            Owner::Visitor(index) if self.visitor_has_key(index, key) => self.visitor_fact(index, fact),
            _ => {}
        }
    }

    /// Carries out what a guest has asked for, in its order, up to this price. The rest stays in its outbox, and it is not entered
    /// before that is done.
    pub(super) fn carry_out(&mut self, guest: u32, most: u32) {
        let Some(seat) = self.seats.get_mut(guest as usize) else { return };
        if seat.guest.state().outbox.is_empty() {
            return;
        }
        let mut commands = seat.guest.state_mut().outbox.take();
        let (mut paid, mut began) = (0, None);
        let done = commands.iter().position(|command| {
            let late = paid >= most;
            paid += price(command);
            late
        });
        let rest = done.map(|done| commands.split_off(done));
        if paid > 0 {
            began = Some(self.clock.now_mono());
        }
        for command in commands.drain(..) {
            self.effect(guest, command);
        }
        if let Some(began) = began {
            self.fair.spent(self.clock.now_mono().since(began));
        }
        if let Some(seat) = self.seats.get_mut(guest as usize) {
            let outbox = &mut seat.guest.state_mut().outbox;
            match rest {
                Some(rest) => outbox.put_back(rest),
                None => {
                    outbox.recycle(commands);
                    if std::mem::take(&mut outbox.refused) {
                        tell_refused(seat);
                    }
                }
            }
        }
        if let Some((guest, signal)) = self.raised.take() {
            self.dismiss(guest, Outcome::Signal(signal));
        }
    }

    fn effect(&mut self, guest: u32, command: Command) {
        match command {
            Command::Respond { exchange, status, flags, fields, body } => {
                self.respond(guest, exchange, status, flags, fields, body);
            }
            Command::Write { exchange, flags, body } => self.write_body(guest, exchange, flags, body),
            Command::End { exchange, flags, trailers } => self.end_response(guest, exchange, flags, trailers),
            Command::Inform { exchange, status, fields } => self.inform(guest, exchange, status, fields),
            Command::Watch { exchange } => self.watch(guest, exchange),
            Command::Upgrade { exchange, stream } => self.upgrade(guest, exchange, stream),
            Command::Connection { exchange, conn } => self.name_conn(guest, exchange, conn),
            Command::Credit { handle, bytes } => self.credit(guest, handle, bytes),
            Command::UdpBind { handle, at, flags } => self.udp_bind(guest, handle, at, flags),
            Command::UdpConnect { handle, to } => self.udp_connect(guest, handle, to),
            Command::UdpSend { handle, to, message } => self.udp_send(guest, handle, to, message),
            Command::UdpOption { handle, option, value } => self.udp_option(guest, handle, option, value),
            Command::UdpMember { handle, group, interface, join } => {
                self.udp_member(guest, handle, group, &interface, join);
            }
            Command::OpenStream { stream, socket } => self.open_given(guest, stream, &socket),
            Command::StreamWrite { stream, body } => self.raw_write(guest, stream, body),
            Command::Log { fd, text } => {
                let text = self.seats[guest as usize].guest.state().outbox.bytes(text).to_vec();
                self.log(guest, fd, &text);
            }
            Command::TimerArm { deadline, keep } => self.arm_guest(guest, deadline, keep),
            Command::SignalWatch { signal, on } => self.signal_watch(guest, signal, on),
            Command::Clone { child, plan } => self.prepare_clone(guest, child, *plan),
            Command::Listen { handle, at, backlog, options } => self.listen(guest, handle, at, backlog, options),
            Command::ListenSet { handle, options } => self.listen_set(guest, handle, options),
            Command::CloseIdle { handle } => self.close_conns_of(guest, handle, true),
            Command::CloseAll { handle } => self.close_conns_of(guest, handle, false),
            Command::Attach { handle, listener, options } => self.attach(guest, handle, listener, options),
            Command::Feed { handle, data } => self.feed(guest, handle, data),
            Command::Client { stream, options } => self.client(guest, stream, &options),
            Command::Expect { stream, kind } => self.client_expects(guest, stream, kind),
            Command::Connect { handle, to, flags } => self.connect(guest, handle, to, flags),
            Command::Close { handle } => self.close_handle(guest, handle, false),
            Command::Reset { stream } => self.close_handle(guest, stream, true),
            Command::Shutdown { stream } => self.shutdown(guest, stream),
            Command::ChildStart { child, plan } => self.child_start(guest, child, *plan),
            Command::ChildKill { child, signal } => self.child_kill(guest, child, signal),
            Command::ChildWait { child, milliseconds } => self.child_wait(guest, child, milliseconds),
            Command::Kill { pid, signal } => self.kill_other(pid, signal),
            Command::Raise { signal } => self.raise(guest, signal),
            Command::ChannelSend { channel, flags, body, attach } => {
                self.channel_send(guest, channel, flags, &body, attach);
            }
            Command::Share { listener, channel, id } => self.share_listener(guest, listener, channel, id),
            Command::Unshare { listener, channel } => self.unshare_listener(guest, listener, channel),
            Command::ListenShared { handle, id, options } => self.listen_shared(guest, handle, id, options),
            Command::Reply { call, flags, value } => self.call_reply(guest, call, flags, value),
            Command::HostCall { operation, name, flags, value } => {
                self.take_host_call(guest, operation, name, flags, value);
            }
            Command::WatchEntry { handle, entry } => self.begin_watch(guest, handle, &entry),
            Command::Work { operation, work } => self.begin_work(guest, operation, work),
            Command::Option { handle, option, value } => self.set_option(guest, handle, option, value),
        }
    }

    fn close_handle(&mut self, guest: u32, handle: Handle, reset: bool) {
        match self.seats[guest as usize].resource(handle) {
            Resource::Listener(index) => self.close_listener(index),
            Resource::Stream(index) => self.close_stream(index, reset),
            Resource::Datagram(index) => self.lose_datagram(index, None),
            Resource::Conn(index) if reset => self.reset_conn(index),
            Resource::Promised(place) => self.drop_promise(place),
            Resource::Conn(index) => self.close_conn_by_guest(index),
            Resource::Exchange(index) => self.abort_exchange(index),
            Resource::Fed(index) => self.drop_fed(index),
            Resource::Call(index) => self.drop_call(index),
            Resource::HostCall(index) => self.drop_host_call(index),
            Resource::Watch(index) => self.close_watch(index),
            Resource::Channel(index) => self.close_channel(index),
            Resource::Child(_) => self.close_child_handle(guest, handle),
            Resource::Done(_) | Resource::None => {
                self.forget_work(guest, handle);
                self.close_child_handle(guest, handle);
                self.seats[guest as usize].revoke(handle);
            }
        }
    }

    fn shutdown(&mut self, guest: u32, handle: Handle) {
        match self.seats[guest as usize].resource(handle) {
            Resource::Stream(index) => {
                let _broken = self.reactor.shutdown_write(self.streams[index as usize].key);
            }
            Resource::Conn(index) => self.conn_shutdown(index),
            Resource::Promised(place) => self.promise_shutdown(place),
            _ => {}
        }
    }

    fn raw_write(&mut self, guest: u32, handle: Handle, body: Body) {
        match self.seats[guest as usize].resource(handle) {
            Resource::Stream(index) => self.stream_write(index, body),
            Resource::Conn(index) => self.conn_write(index, body),
            Resource::Promised(place) => self.promise_write(place, &body),
            _ => {}
        }
    }

    fn set_option(&mut self, guest: u32, handle: Handle, option: u32, value: i64) {
        match self.seats[guest as usize].resource(handle) {
            Resource::Stream(index) => self.stream_option(index, option, value),
            Resource::Conn(index) => self.conn_option(index, option, value),
            _ => {}
        }
    }

    fn credit(&mut self, guest: u32, handle: Handle, bytes: u32) {
        match self.seats[guest as usize].resource(handle) {
            Resource::Stream(index) => self.stream_credit(index, bytes),
            Resource::Exchange(index) => self.exchange_credit(index, bytes),
            Resource::Fed(index) => self.fed_credit(index, bytes),
            _ => {}
        }
    }

    pub(super) fn signal_watch(&mut self, guest: u32, signal: i32, on: bool) {
        let seat = &mut self.seats[guest as usize];
        if !(1..64).contains(&signal) {
            return;
        }
        seat.signals = seat.signals & !(1 << signal) | u64::from(on) << signal;
        // The process's signals are the operator's: a tenant hears only of its own end.
        if on && seat.tenancy.is_none() && self.reactor.watch_signal(signal).is_err() {
            self.seats[guest as usize].signals &= !(1 << signal);
        }
    }

    /// Connections that waited for room in this guest's mailbox go on.
    pub(super) fn release_held_back(&mut self, index: usize) {
        self.release_datagrams(index);
        self.release_channels(index);
        let Some(seat) = self.seats.get_mut(index) else { return };
        if seat.signals_due != 0 {
            seat.tell_due_signals();
        }
        if seat.held_back.is_empty() || seat.mail.is_full() {
            return;
        }
        for place in std::mem::take(&mut seat.held_back) {
            match self.owners.streams.get(place as usize).copied() {
                Some(Owner::Conn(index)) => self.conn_greeted(index),
                Some(Owner::Stream(index)) => self.stream_go_on(index),
                _ => {}
            }
        }
    }
}

/// Writes that were refused because the outbox was full, and not their own queue: no flush will tell
/// them to go on.
#[cold]
fn tell_refused(seat: &mut Seat) {
    let waiting = |slot: &Slot| slot.wants_drain && slot.pending == 0;
    let state = seat.guest.state();
    let found: Vec<_> =
        state.handles.iter().filter(|(_, slot)| waiting(slot)).map(|(handle, slot)| (handle, slot.kind)).collect();
    for (handle, kind) in found {
        if let Some(slot) = seat.guest.state_mut().handles.get_mut(handle) {
            slot.wants_drain = false;
        }
        let event = match kind {
            Kind::Stream | Kind::Connection => events::STREAM_DRAIN,
            Kind::Channel => events::CHANNEL_DRAIN,
            _ => events::HTTP_DRAIN,
        };
        seat.tell(event, Some(handle), 0, &[]);
    }
}
