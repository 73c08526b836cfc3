//! How many processes there are: counted for the whole tree, by the process at its root. Any other asks up its channel
//! before it starts one, and whoever waits for a child gives back what was allowed to it and below it. It must not know
//! how one is started.
use super::child::Stage;
use super::{Hall, Hold};
use crate::proto::ipc::{Fault, Kind};
use crate::reactor::Kernel;
use crate::time::{Clock, Mono};
use skep_abi::errno::{EAGAIN, EPIPE};
use std::time::Duration;

/// How long a guest that settles is held for an answer from above.
const PATIENCE: Duration = Duration::from_secs(1);

const SECOND: u64 = 1_000_000_000;

/// What the root keeps.
#[derive(Debug, Default)]
pub(super) struct Tree {
    live: u32,
    /// Processes that may be, as granted.
    pub most: u32,
    /// Starts saved up, in nanoseconds of their rate; none before the first.
    saved: Option<(u64, Mono)>,
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wisher {
    /// A child of this process is to be started.
    Own(u32),
    /// A child asks for one of its own, by its number.
    Child { child: u32, wish: u64 },
}

impl Tree {
    /// Whether one more may be started now.
    fn allow(&mut self, now: Mono, burst: u32, per_second: u32) -> bool {
        let price = SECOND / u64::from(per_second.max(1));
        let most = price * u64::from(burst);
        let saved = match self.saved {
            Some((saved, then)) => saved.saturating_add(now.0.saturating_sub(then.0)).min(most),
            None => most,
        };
        let allowed = self.live < self.most && saved >= price;
        self.saved = Some((if allowed { saved - price } else { saved }, now));
        self.live += u32::from(allowed);
        allowed
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Asks whether a child may be started; `allowed` or `refused` follows, maybe at once.
    pub(super) fn wish(&mut self, wisher: Wisher) {
        if let Some(parent) = self.processes.parent {
            self.processes.wish += 1;
            let number = self.processes.wish;
            self.processes.wishes.insert(number, wisher);
            self.send_control(parent, Kind::ForkWish, number, &[], None);
            self.push_channel(parent);
            if let Wisher::Own(child) = wisher
                && let Some((guest, _)) = self.processes.children[child as usize].owner
            {
                self.hold(guest, Hold::Starting, Some(self.now.plus(PATIENCE)));
            }
            return;
        }
        let (burst, rate) = self.processes.origin.fork_rate;
        if self.processes.tree.allow(self.now, burst, rate) {
            self.answer_wish(wisher, 0);
        } else {
            self.answer_wish(wisher, EAGAIN as u32);
        }
    }

    /// The parent has answered.
    pub(super) fn wish_answered(&mut self, number: u64, errno: u32) -> Result<(), Fault> {
        let wisher = self.processes.wishes.remove(&number).ok_or(Fault::OutOfPlace)?;
        self.answer_wish(wisher, errno);
        Ok(())
    }

    fn answer_wish(&mut self, wisher: Wisher, errno: u32) {
        match wisher {
            Wisher::Own(index) => {
                let waits = self.processes.children.get(index as usize).map(|child| &child.stage);
                match (waits, errno) {
                    (Some(Stage::Wished(_)), 0) => self.start_child(index),
                    (Some(Stage::Wished(_)), errno) => self.child_refused(index, errno as i32),
                    // It was given up meanwhile.
                    (_, 0) => self.give_back(1),
                    _ => {}
                }
            }
            Wisher::Child { child, wish } => {
                let channel = self.processes.children.get_mut(child as usize).and_then(|asker| {
                    asker.below += u32::from(errno == 0);
                    asker.channel
                });
                match channel {
                    Some(channel) => {
                        self.send_control(channel, Kind::ForkAnswer, wish, &errno.to_le_bytes(), None);
                        self.push_channel(channel);
                    }
                    None if errno == 0 => self.give_back(1),
                    None => {}
                }
            }
        }
    }

    /// So many processes are no more.
    pub(super) fn give_back(&mut self, count: u32) {
        match self.processes.parent {
            Some(parent) => self.send_control(parent, Kind::ForkGone, u64::from(count), &[], None),
            None => self.processes.tree.live = self.processes.tree.live.saturating_sub(count),
        }
    }

    /// A child gives back what was allowed below it.
    pub(super) fn given_back(&mut self, child: u32, count: u64) -> Result<(), Fault> {
        let asker = &mut self.processes.children[child as usize];
        let count = u32::try_from(count).ok().filter(|count| *count <= asker.below).ok_or(Fault::OutOfPlace)?;
        asker.below -= count;
        self.give_back(count);
        Ok(())
    }

    /// The parent is gone: nobody will answer.
    pub(super) fn nobody_answers(&mut self) {
        for (_, wisher) in std::mem::take(&mut self.processes.wishes) {
            self.answer_wish(wisher, EPIPE as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p01_starts_are_counted_and_their_rate_is_bounded() {
        let mut tree = Tree { most: 100, ..Tree::default() };
        let mut now = Mono(5);
        let started = (0..1000).filter(|_| tree.allow(now, 10, 4)).count();
        assert_eq!(started, 10, "the burst");
        now = now.plus(Duration::from_millis(500));
        assert_eq!((0..1000).filter(|_| tree.allow(now, 10, 4)).count(), 2, "half a second's");
        now = now.plus(Duration::from_secs(3600));
        assert_eq!((0..1000).filter(|_| tree.allow(now, 10, 4)).count(), 10, "no more is saved up than a burst");
        tree.most = tree.live;
        now = now.plus(Duration::from_secs(3600));
        assert!(!tree.allow(now, 10, 4), "the count");
        tree.live -= 1;
        assert!(tree.allow(now, 10, 4));
        assert!(!tree.allow(now, 10, 4));
    }
}
