//! Loops: threads of this process that tenants are spread over, seen from the thread that has the fronts and runs no guest. Each is
//! a hall of its own that shares nothing with the others but compiled code, and is spoken to as a process of tenants is
//! ([`cordons`](super::cordons)): connections are handed to it, and it tells its lines, its pulse and its tenants' numbers. It has no
//! walls, since all is one process: so it is believed, can be told anything anew, and cannot be ended. It must not know what
//! a loop is told, nor how its thread is started.
use super::super::Hall;
use super::cordons::Stage;
use super::handover::Bid;
use super::ms;
use crate::proto::ipc::{Decoder, Side};
use crate::reactor::process;
use crate::reactor::{Errno, Kernel};
use crate::runtime::process::{Channel, Far, Post};
use crate::runtime::timers::Token;
use crate::time::Clock;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;

/// A loop's end of the way to the fronts.
pub struct LoopLink {
    channel: OwnedFd,
    decoder: Decoder,
    post: Post,
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    pub(super) fn start_loop(&mut self, index: u32, place: u32) {
        let started = self.open_loop(index).map_err(|error| error.name().to_owned()).and_then(|(channel, link)| {
            let Some(keeper) = self.tenants.keeper.as_mut() else { return Err("the hall is leaving".into()) };
            keeper.start_loop(place, link).inspect_err(|_| self.drop_channel(channel, 0))?;
            Ok(channel)
        });
        let now = self.now;
        let cordon = &mut self.tenants.cordons.all[index as usize];
        match started {
            Ok(channel) => {
                cordon.channel = Some(channel);
                cordon.begin(now);
                let limit = ms(self.tenants.limits.start_ms);
                self.timers.arm(now.plus(limit), Token::Cordon(index).pack());
            }
            Err(why) => self.cordon_failed(index, &format!("cannot be started: {why}")),
        }
    }

    fn open_loop(&mut self, index: u32) -> Result<(u32, LoopLink), Errno> {
        let (ours, theirs) = process::pair()?;
        let key = self.reactor.open_channel(ours)?;
        let (here, there) = Post::pair();
        let decoder = self.decoder(Side::Child).beside();
        let channel = Channel::new(key, Far::Cordon(index), None, decoder, VecDeque::new()).within(here);
        let link = LoopLink { channel: theirs, decoder: self.decoder(Side::Parent).beside(), post: there };
        Ok((self.add_channel(channel), link))
    }

    /// A loop that goes on takes what has changed for it, if anything has.
    pub(super) fn renew_loop(&mut self, index: u32) {
        let cordon = &self.tenants.cordons.all[index as usize];
        let (Some(place), Stage::Starting | Stage::Serving) = (cordon.place(), cordon.stage) else { return };
        let Some(keeper) = self.tenants.keeper.as_mut() else { return };
        if keeper.tell_loop(place) {
            self.bid(index, &Bid::Renew(String::new()));
        }
    }

    /// In a loop: the way to the fronts.
    ///
    /// # Errors
    /// Those of watching it.
    pub fn join_fronts_here(&mut self, link: LoopLink) -> crate::reactor::Result<()> {
        let LoopLink { channel, decoder, post } = link;
        let key = self.reactor.open_channel(channel)?;
        self.serve_fronts(Channel::new(key, Far::Parent, None, decoder, VecDeque::new()).within(post));
        Ok(())
    }

    /// In a loop that has ended: the fronts are not kept waiting until all that it has is given back. Whether the whole process
    /// is to end.
    pub fn leave_fronts(&mut self) -> bool {
        self.part_from_parent();
        self.leaving.is_some()
    }
}
