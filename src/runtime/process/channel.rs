//! Channels: frames to and from another process, and the messages that guests send through them. It must not know what a
//! message contains, nor what a child's life is.
use super::super::listeners::errno;
use super::super::mailbox::Note;
use super::super::seat::{Resource, set_pending};
use super::super::{Hall, Owner};
use super::attach::Attach;
use super::seat_of;
use crate::guest::{Body, Handle};
use crate::proto::ipc::{self, Decoder, Fault, Frame, Kind, Side};
use crate::reactor::{Errno, Fact, Kernel, Key, Read};
use crate::time::Clock;
use skep_abi::{channel as flag, events};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Reads of one channel in one turn: bounds the turn.
const READS: usize = 16;

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runtime) enum Far {
    Child(u32),
    /// A process of tenants.
    Cordon(u32),
    Parent,
}

/// A way to another process.
pub(in crate::runtime) struct Channel {
    pub key: Key,
    pub far: Far,
    /// The guest whose messages go through it, and its handle, while both sides want that.
    pub user: Option<(u32, Handle)>,
    /// Out while a batch of frames is dealt with.
    decoder: Option<Decoder>,
    /// Descriptors that have come and whose frame has not.
    fds: VecDeque<OwnedFd>,
    /// The other end is in this process.
    post: Option<Post>,
    /// Messages that wait for what is attached to one before them.
    pub(super) waiting: VecDeque<Waiting>,
    /// Where the guest's messages end in the bytes that were queued, and how many bytes were queued and written so far.
    sends: VecDeque<u64>,
    queued: u64,
    written: u64,
}

/// How descriptors go from one thread of this process to another: the kernel, asked to hand one over to who has as many open as may
/// be, drops it.
pub(in crate::runtime) struct Post {
    out: Sender<OwnedFd>,
    back: Receiver<OwnedFd>,
}

impl Post {
    /// Both ends.
    pub fn pair() -> (Post, Post) {
        let ((there, here), (home, back)) = (channel(), channel());
        (Post { out: there, back }, Post { out: home, back: here })
    }
}

/// A message that is not with the reactor yet.
pub(super) struct Waiting {
    pub bytes: Vec<u8>,
    pub attach: Option<Attach>,
    /// A guest counts it.
    pub counted: bool,
}

impl Channel {
    pub fn new(key: Key, far: Far, user: Option<(u32, Handle)>, decoder: Decoder, fds: VecDeque<OwnedFd>) -> Channel {
        Channel {
            key,
            far,
            user,
            decoder: Some(decoder),
            fds,
            post: None,
            waiting: VecDeque::new(),
            sends: VecDeque::new(),
            queued: 0,
            written: 0,
        }
    }

    /// To another thread of this process.
    pub fn within(self, post: Post) -> Channel {
        Channel { post: Some(post), ..self }
    }

    /// The descriptor of the frame that was just given out.
    fn take_fd(&mut self) -> Option<OwnedFd> {
        let post = self.post.as_ref();
        self.fds.pop_front().or_else(|| post?.back.try_recv().ok())
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Puts a channel into the tables; `user` has a handle for it already.
    pub(in crate::runtime) fn add_channel(&mut self, channel: Channel) -> u32 {
        let (key, user) = (channel.key, channel.user);
        let index = self.processes.channels.insert(channel) as u32;
        self.owners.set(key, Owner::Channel(index));
        if let Some((guest, handle)) = user {
            self.seats[guest as usize].bind(handle, Resource::Channel(index));
        }
        index
    }

    /// What a decoder of ours is held to.
    pub(in crate::runtime) fn decoder(&self, from: Side) -> Decoder {
        Decoder::new(from, self.processes.origin.frames)
    }

    /// Sends a frame of the host's own.
    pub(super) fn send_control(&mut self, index: u32, kind: Kind, id: u64, payload: &[u8], fd: Option<OwnedFd>) {
        let mut bytes = Vec::with_capacity(ipc::HEAD + payload.len());
        ipc::encode(&mut bytes, &Frame { kind, fd: fd.is_some(), more: false, id, payload });
        self.send_bytes(index, bytes, fd, false);
    }

    pub(super) fn send_bytes(&mut self, index: u32, bytes: Vec<u8>, fd: Option<OwnedFd>, counted: bool) {
        let Some(channel) = self.processes.channels.get_mut(index as usize) else { return };
        channel.queued += bytes.len() as u64;
        if counted {
            channel.sends.push_back(channel.queued);
        }
        let fd = match (&channel.post, fd) {
            (Some(post), Some(fd)) => {
                // Whoever has gone takes nothing, which shows as a fact of its own.
                let _gone = post.out.send(fd);
                None
            }
            (_, fd) => fd,
        };
        // A broken channel shows as a fact of its own; what is sent until then is lost with it.
        let _broken = self.reactor.send_parcel(channel.key, bytes, fd);
    }

    /// Writes now what the kernel takes.
    pub(super) fn push_channel(&mut self, index: u32) {
        if let Some(channel) = self.processes.channels.get(index as usize)
            && let Ok(written) = self.reactor.push_channel(channel.key)
        {
            self.channel_wrote(index, written);
        }
    }

    /// A guest sends.
    pub(in crate::runtime) fn channel_send(
        &mut self,
        guest: u32,
        handle: Handle,
        flags: u32,
        body: &Body,
        attach: Option<Handle>,
    ) {
        let Some(index) = self.channel_of(guest, handle) else { return };
        let attach = attach.and_then(|attach| self.attached(guest, attach, flags & flag::KEEP != 0));
        let seat = &self.seats[guest as usize];
        let payload = match body {
            Body::Own(bytes) => bytes.as_slice(),
            Body::Small(span) => seat.guest.state().outbox.bytes(*span),
        };
        let frame = Frame {
            kind: if flags & flag::INTERNAL != 0 { Kind::Internal } else { Kind::Message },
            fd: attach.is_some(),
            more: flags & flag::MORE != 0,
            id: u64::from(attach.as_ref().map_or(0, |attach| attach.kind)),
            payload,
        };
        let mut bytes = Vec::with_capacity(ipc::HEAD + payload.len());
        ipc::encode(&mut bytes, &frame);
        let channel = &mut self.processes.channels[index as usize];
        channel.waiting.push_back(Waiting { bytes, attach, counted: true });
        self.send_waiting(index);
    }

    /// Hands to the reactor what need not wait.
    pub(in crate::runtime) fn send_waiting(&mut self, index: u32) {
        while let Some(channel) = self.processes.channels.get(index as usize) {
            let Some(first) = channel.waiting.front() else { return };
            if first.attach.as_ref().is_some_and(|attach| self.goes_later(attach)) {
                return;
            }
            let channel = &mut self.processes.channels[index as usize];
            let Some(mut first) = channel.waiting.pop_front() else { return };
            let fd = match first.attach {
                Some(attach) => {
                    let fd = self.detach(&attach);
                    if fd.is_none() {
                        forget_fd(&mut first.bytes);
                    }
                    fd
                }
                None => None,
            };
            self.send_bytes(index, first.bytes, fd, first.counted);
        }
    }

    /// A stream that was to be sent may have got rid of its bytes.
    pub(in crate::runtime) fn send_all_waiting(&mut self) {
        let waits = |channel: &Channel| !channel.waiting.is_empty();
        let waiting = self.processes.channels.iter().filter(|(_, channel)| waits(channel));
        for index in waiting.map(|(index, _)| index as u32).collect::<Vec<_>>() {
            self.send_waiting(index);
        }
    }

    /// Some of what was queued is with the kernel.
    fn channel_wrote(&mut self, index: u32, written: usize) {
        let Some(channel) = self.processes.channels.get_mut(index as usize) else { return };
        channel.written += written as u64;
        let mut count = 0;
        while channel.sends.front().is_some_and(|end| *end <= channel.written) {
            channel.sends.pop_front();
            count += 1;
        }
        let Some((guest, handle)) = channel.user else { return };
        let waiting: usize = channel.waiting.iter().map(|waiting| waiting.bytes.len()).sum();
        let pending = self.reactor.channel_pending(channel.key) + waiting;
        let Some(seat) = seat_of(&mut self.seats, guest) else { return };
        set_pending(seat.guest.state_mut(), handle, pending as u32);
        if count > 0 {
            seat.tell(events::CHANNEL_SENT, Some(handle), count, &[]);
        }
        if pending == 0
            && let Some(slot) = seat.guest.state_mut().handles.get_mut(handle)
            && std::mem::take(&mut slot.wants_drain)
        {
            seat.tell(events::CHANNEL_DRAIN, Some(handle), 0, &[]);
        }
    }

    /// What happened to a channel.
    pub(in crate::runtime) fn channel_fact(&mut self, key: Key, fact: Fact) {
        let Owner::Channel(index) = self.owners.get(key) else { return };
        if self.processes.channels.get(index as usize).is_none_or(|channel| channel.key != key) {
            return;
        }
        match fact {
            Fact::Readable(_) => self.channel_readable(index),
            Fact::Flushed { written, .. } => self.channel_wrote(index, written),
            // What the other side has sent before its end is read first; then it shows there.
            _ => {}
        }
    }

    fn channel_readable(&mut self, index: u32) {
        for _ in 0..READS {
            let Some(channel) = self.processes.channels.get_mut(index as usize) else { return };
            if let Some((guest, _)) = channel.user
                && let Some(seat) = self.seats.get_mut(guest as usize)
                && seat.mail.is_full()
            {
                seat.held_channels.push(index);
                let _gone = self.reactor.pause_channel(channel.key);
                return;
            }
            let mut fds = Vec::new();
            match self.reactor.receive_parcels(channel.key, &mut self.scratch, &mut fds) {
                Ok(Read::Data { count, .. }) => {
                    let decoder = channel.decoder.as_mut().expect("it is back between batches");
                    decoder.feed(&self.scratch[..count], fds.len());
                    channel.fds.extend(fds);
                    self.take_frames(index);
                }
                Ok(Read::WouldBlock) => return,
                // More descriptors than a peer of ours sends: those that have come are closed here.
                Err(Errno::EMSGSIZE) => return self.channel_broken(index, Fault::UnexpectedDescriptor),
                Ok(Read::Eof) | Err(_) => return self.channel_ended(index),
            }
        }
    }

    /// Channels that waited for room in this guest's mailbox go on.
    pub(in crate::runtime) fn release_channels(&mut self, guest: usize) {
        let Some(seat) = self.seats.get_mut(guest) else { return };
        if seat.held_channels.is_empty() || seat.mail.is_full() {
            return;
        }
        for index in std::mem::take(&mut seat.held_channels) {
            if let Some(channel) = self.processes.channels.get(index as usize) {
                let _gone = self.reactor.resume_channel(channel.key);
            }
        }
    }

    /// Every frame that is whole goes to whom it concerns.
    pub(super) fn take_frames(&mut self, index: u32) {
        let Some(channel) = self.processes.channels.get_mut(index as usize) else { return };
        let Some(mut decoder) = channel.decoder.take() else { return };
        loop {
            let done = match decoder.next_frame() {
                Ok(Some(frame)) => self.frame(index, &frame),
                Ok(None) => break,
                Err(fault) => Err(fault),
            };
            if let Err(fault) = done {
                return self.channel_broken(index, fault);
            }
            if !self.processes.channels.contains(index as usize) {
                return;
            }
        }
        self.processes.channels[index as usize].decoder = Some(decoder);
    }

    fn frame(&mut self, index: u32, frame: &Frame<'_>) -> Result<(), Fault> {
        let channel = &mut self.processes.channels[index as usize];
        let far = channel.far;
        let fd = if frame.fd { channel.take_fd() } else { None };
        if matches!(far, Far::Cordon(_)) || self.tenants.is_cordon() {
            return self.cordon_frame(far, frame, fd);
        }
        match (frame.kind, far, fd) {
            (Kind::Message | Kind::Internal, _, fd) => self.message(index, frame, fd),
            (Kind::Disconnect, ..) => {
                self.disconnected(index);
                Ok(())
            }
            (Kind::Ended, Far::Child(child), _) => {
                let word = |at: usize| frame.payload[at..at + 4].try_into().expect("four bytes");
                let said = (u32::from_le_bytes(word(0)), i32::from_le_bytes(word(4)));
                self.processes.children[child as usize].said = Some(said);
                Ok(())
            }
            (Kind::ForkWish, Far::Child(child), _) => {
                self.wish(super::Wisher::Child { child, wish: frame.id });
                Ok(())
            }
            (Kind::ForkGone, Far::Child(child), _) => self.given_back(child, frame.id),
            (Kind::Begun, Far::Child(_), _) => self.offer_begun(index, frame.id),
            (Kind::Return, Far::Child(_), _) => self.offer_returned(index, frame.id),
            (Kind::Well, Far::Child(_), _) => {
                self.worker_well(index);
                Ok(())
            }
            (Kind::Unshare, Far::Child(_), _) => self.worker_unshares(index, frame.id),
            (Kind::Offer, Far::Parent, Some(fd)) => {
                let share = u32::from_le_bytes(frame.payload.try_into().expect("the table says four bytes"));
                self.offered(frame.id, share, fd);
                Ok(())
            }
            (Kind::ForkAnswer, Far::Parent, _) => {
                let errno = u32::from_le_bytes(frame.payload.try_into().expect("the table says four bytes"));
                self.wish_answered(frame.id, errno)
            }
            _ => Err(Fault::OutOfPlace),
        }
    }

    /// A message for the guest, in as many events as its inbox needs.
    fn message(&mut self, index: u32, frame: &Frame<'_>, fd: Option<OwnedFd>) -> Result<(), Fault> {
        let user = self.processes.channels[index as usize].user;
        let Some((guest, handle)) = user.filter(|(guest, _)| self.seats.contains(*guest as usize)) else {
            return Ok(());
        };
        let attached = match fd {
            Some(fd) => self.take_attached(guest, frame.id, fd)?,
            None => None,
        };
        let internal = if frame.kind == Kind::Internal { flag::INTERNAL } else { 0 };
        let mail = &mut self.seats[guest as usize].mail;
        let piece = mail.piece();
        let mut rest = frame.payload;
        loop {
            let (now, after) = rest.split_at(rest.len().min(piece));
            rest = after;
            let more = if frame.more || !rest.is_empty() { flag::MORE } else { 0 };
            let note =
                Note { kind: events::CHANNEL_MESSAGE, flags: (internal | more) as u16, handle: handle.raw(), value: 0 };
            // What is attached comes with the last part.
            let (with, kind) = attached.filter(|_| more == 0).unwrap_or((0, 0));
            let mut head = [0u8; size_of::<skep_abi::Attached>()];
            head[..8].copy_from_slice(&with.to_le_bytes());
            head[8..12].copy_from_slice(&kind.to_le_bytes());
            mail.push(note, &[&head, now]);
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// The guest closes its side: what it has sent goes out first.
    pub(in crate::runtime) fn close_channel(&mut self, index: u32) {
        let mut bytes = Vec::new();
        ipc::encode(&mut bytes, &Frame { kind: Kind::Disconnect, fd: false, more: false, id: 0, payload: &[] });
        let channel = &mut self.processes.channels[index as usize];
        channel.waiting.push_back(Waiting { bytes, attach: None, counted: false });
        self.send_waiting(index);
        self.lose_user(index, 0);
    }

    /// The other side has closed its.
    fn disconnected(&mut self, index: u32) {
        self.lose_user(index, 0);
    }

    /// No messages any more.
    pub(super) fn lose_user(&mut self, index: u32, error: u32) {
        let Some(channel) = self.processes.channels.get_mut(index as usize) else { return };
        channel.sends.clear();
        let Some((guest, handle)) = channel.user.take() else { return };
        let Some(seat) = seat_of(&mut self.seats, guest) else { return };
        let state = seat.guest.state_mut();
        if state.parent_channel == Some(handle) {
            state.parent_channel = None;
        }
        state
            .children
            .values_mut()
            .filter(|child| child.channel == Some(handle))
            .for_each(|child| child.channel = None);
        seat.revoke(handle);
        seat.tell(events::CHANNEL_CLOSED, Some(handle), error, &[]);
    }

    /// The other side has ended, or what came from it is no use.
    pub(in crate::runtime) fn drop_channel(&mut self, index: u32, error: u32) {
        self.lose_user(index, error);
        self.worker_lost(index);
        let Some(channel) = self.processes.channels.try_remove(index as usize) else { return };
        self.owners.set(channel.key, Owner::Nobody);
        let _gone = self.reactor.close_channel(channel.key);
    }

    fn channel_ended(&mut self, index: u32) {
        let channel = &self.processes.channels[index as usize];
        match channel.far {
            Far::Child(child) => {
                self.drop_channel(index, 0);
                self.child_channel_ended(child);
            }
            Far::Cordon(cordon) => {
                self.drop_channel(index, 0);
                self.cordon_lost(cordon, None);
            }
            Far::Parent => self.parent_gone(index),
        }
    }

    fn channel_broken(&mut self, index: u32, fault: Fault) {
        let far = self.processes.channels[index as usize].far;
        match far {
            Far::Child(child) => {
                // Before the channel ends: a child that sees its end first would leave by itself.
                self.kill_broken(child);
                self.drop_channel(index, errno(Errno::EPROTO));
                self.child_broke(child, fault);
            }
            Far::Cordon(cordon) => {
                self.drop_channel(index, 0);
                self.cordon_lost(cordon, Some(fault));
            }
            Far::Parent => self.parent_broke(index, fault),
        }
    }
}

/// The frame's descriptor cannot be had any more: the message goes without.
fn forget_fd(bytes: &mut [u8]) {
    bytes[5] &= !ipc::FD;
    bytes[8..16].fill(0);
}
