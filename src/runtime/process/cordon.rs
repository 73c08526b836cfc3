//! Processes of tenants, as channels: one is started by the process that has the fronts, and is told its tenants; what it
//! says is judged by what it was given. It must not know which tenants those are, nor when one is started.
use super::channel::{Channel, Far};
use super::{Hall, KitSource};
use crate::guest::Kit;
use crate::proto::ipc::{self, Decoder, Fault, Frame, Kind, Side};
use crate::reactor::process::{self, Process};
use crate::reactor::{Errno, Kernel};
use crate::runtime::tenants::CordonOrder;
use crate::time::Clock;
use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::OwnedFd;

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Starts a process that is to serve what `order` says; it is known as `cordon` from here on. Answers the process, its
    /// channel, and what it says on its standard error.
    pub(in crate::runtime) fn start_cordon_process(
        &mut self,
        cordon: u32,
        order: &CordonOrder,
    ) -> Result<(Process, u32, OwnedFd), Errno> {
        if !self.processes.watching {
            self.reactor.watch_signal(process::CHILD_SIGNAL)?;
            self.processes.watching = true;
        }
        let (ours, theirs) = process::pair()?;
        let key = self.reactor.open_channel(ours)?;
        let decoder = self.decoder(Side::Child);
        let channel = self.add_channel(Channel::new(key, Far::Cordon(cordon), None, decoder, VecDeque::new()));
        let started = self.launch_cordon(channel, theirs, order);
        if started.is_err() {
            self.drop_channel(channel, 0);
        }
        started.map(|(process, words)| (process, channel, words))
    }

    fn launch_cordon(
        &mut self,
        channel: u32,
        theirs: OwnedFd,
        order: &CordonOrder,
    ) -> Result<(Process, OwnedFd), Errno> {
        // Nobody prints there but what is no part of this program's design: a panic, a library.
        let (words, error) = process::pair()?;
        let output = File::options().write(true).open("/dev/null").map_err(Errno::from)?;
        // What may fail comes before there is a process, or it would be nobody's.
        let input = File::open("/dev/null").map_err(Errno::from)?;
        let stdio = [Some(theirs), Some(output.into()), Some(error)];
        // With a session of its own no key of a terminal reaches it: signals are this process's to pass on.
        let hatched = self.processes.hatch(&stdio, super::nursery::Filter::Own, true)?;
        let nested = hatched.is_some();
        let process = match hatched {
            Some(process) => process,
            None => self.start_alone(stdio.into(), true)?,
        };
        self.send_control(channel, Kind::Input, 0, &[], Some(input.into()));
        // Code can be mapped only before the process is confined, so it has all that it will run.
        let sent = order.modules.iter().try_for_each(|(slot, kit)| self.send_module(channel, *slot, kit));
        if let Err(error) = sent.and_then(|()| self.send_kit(channel, None, nested)) {
            process.end();
            return Err(error);
        }
        self.send_parts(channel, Kind::Hive, 0, &order.hive);
        self.push_channel(channel);
        Ok((process, words))
    }

    fn send_module(&mut self, channel: u32, slot: u32, kit: &Kit) -> Result<(), Errno> {
        self.send_kit_files(channel, kit, true)?;
        self.send_word(channel, Kind::Module, u64::from(slot));
        Ok(())
    }

    /// One message of the host's own, in as many frames as it needs.
    pub(in crate::runtime) fn send_parts(&mut self, channel: u32, kind: Kind, id: u64, message: &[u8]) {
        let mut parts = message.chunks(self.processes.origin.frames.frame_bytes).peekable();
        while let Some(payload) = parts.next() {
            let mut bytes = Vec::with_capacity(ipc::HEAD + payload.len());
            ipc::encode(&mut bytes, &Frame { kind, fd: false, more: parts.peek().is_some(), id, payload });
            self.send_bytes(channel, bytes, None, false);
        }
    }

    /// A frame with a descriptor.
    pub(in crate::runtime) fn send_with(&mut self, channel: u32, kind: Kind, id: u64, payload: &[u8], fd: OwnedFd) {
        self.send_control(channel, kind, id, payload, Some(fd));
    }

    /// A frame that says what it is, no more.
    pub(in crate::runtime) fn send_word(&mut self, channel: u32, kind: Kind, id: u64) {
        self.send_control(channel, kind, id, &[], None);
    }

    /// A frame that is whole already.
    pub(in crate::runtime) fn send_plain(&mut self, channel: u32, bytes: Vec<u8>) {
        self.send_bytes(channel, bytes, None, false);
    }

    /// Bytes that the other side has not taken, and in how many parcels.
    pub(in crate::runtime) fn unsent(&self, channel: u32) -> (usize, usize) {
        let key = self.processes.channels.get(channel as usize).map(|channel| channel.key);
        key.map_or((0, 0), |key| (self.reactor.channel_pending(key), self.reactor.channel_parcels(key)))
    }

    /// The channel to the process with the fronts, in a process of tenants, with what has been read from it beyond the
    /// first message.
    ///
    /// # Errors
    /// Those of watching it.
    pub fn join_fronts(&mut self, fd: OwnedFd, decoder: Decoder, fds: VecDeque<OwnedFd>) -> crate::reactor::Result<()> {
        let key = self.reactor.open_channel(fd)?;
        self.serve_fronts(Channel::new(key, Far::Parent, None, decoder, fds));
        Ok(())
    }

    /// This is the way to the fronts, and tenants are served from here on.
    pub(in crate::runtime) fn serve_fronts(&mut self, channel: Channel) {
        let channel = self.add_channel(channel);
        self.processes.parent = Some(channel);
        self.processes.kit = KitSource::Nowhere;
        self.send_word(channel, Kind::Serving, 0);
        self.take_frames(channel);
    }

    /// Closes it.
    pub(in crate::runtime) fn part_from_parent(&mut self) {
        if let Some(channel) = self.processes.parent.take() {
            self.push_channel(channel);
            self.drop_channel(channel, 0);
        }
    }

    /// The channel to the process that started this one.
    pub(in crate::runtime) fn parent_channel(&self) -> Option<u32> {
        self.processes.parent
    }

    /// A frame on the channel of a process of tenants, or on that of one itself.
    pub(super) fn cordon_frame(&mut self, far: Far, frame: &Frame<'_>, fd: Option<OwnedFd>) -> Result<(), Fault> {
        match far {
            Far::Cordon(cordon) => self.cordon_says(cordon, frame, fd),
            _ => self.fronts_say(frame, fd),
        }
    }
}
