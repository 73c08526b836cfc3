//! Instances on their way back from sleep that cannot be woken at once, one at a time: a thread reads what was kept of one, then
//! its memory is made, a piece a turn. Whoever knocks at one waits until it is awake. It must not know why one is to wake.
use super::super::Hall;
use super::super::timers::Token;
use super::super::work::Errand;
use super::Tenants;
use super::sleep::Woken;
use crate::guest::{Done, Risen};
use crate::reactor::{Kernel, Key};
use crate::time::Clock;
use skep_abi::errno::EAGAIN;
use std::ops::ControlFlow;
use std::time::Duration;

/// Bytes of pages that are made in one turn: a millisecond.
const MADE: usize = 2 << 20;

/// After which the system is asked again for what it lacked.
const AGAIN: Duration = Duration::from_millis(50);

/// Who is on the way back.
#[derive(Debug)]
pub(super) struct Riser {
    /// Its seat, and the file that it had.
    guest: u32,
    file: u64,
    /// Of the file.
    bytes: u64,
    stage: Stage,
    /// Connections that wait for it.
    waiting: Vec<Key>,
    /// Its tenant's log says what it waits for.
    is_told: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Called,
    /// Its file is read.
    Reading,
    /// Its memory is made.
    Rising,
}

impl Tenants {
    /// Whether there is a piece of memory to be made.
    pub(super) fn rises(&self) -> bool {
        !self.risers_lack && self.risers.front().is_some_and(|riser| riser.stage != Stage::Reading)
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A guest that sleeps is to wake as soon as it can.
    pub(super) fn call_sleeper(&mut self, index: usize) {
        let Some(file) = self.seats[index].guest.file() else { return };
        self.seats[index].guest.call();
        let (stage, waiting) = (Stage::Called, Vec::new());
        let bytes = self.seats[index].guest.at_rest().unwrap_or_default();
        self.tenants.risers.push_back(Riser { guest: index as u32, file, bytes, stage, waiting, is_told: false });
    }

    /// Wakes a guest for a connection, which knocks again when that has taken its time.
    pub(super) fn wake_for(&mut self, guest: u32, key: Key) -> Woken {
        let woken = self.wake(guest as usize);
        if woken == Woken::Rising
            && let Some(riser) = self.tenants.risers.iter_mut().find(|riser| riser.guest == guest)
        {
            riser.waiting.push(key);
        }
        woken
    }

    /// The next piece of whoever is on the way.
    pub(super) fn rise_more(&mut self) {
        while let Some(riser) = self.tenants.risers.front().filter(|_| !self.tenants.risers_lack) {
            let (index, stage) = (riser.guest as usize, riser.stage);
            let known = self.seats.get(index).map(|seat| &seat.guest);
            let is_here = known.is_some_and(|it| it.is_rising() && it.file().is_none_or(|file| file == riser.file));
            let next = match (is_here, stage) {
                (false, _) => ControlFlow::Continue(()),
                (true, Stage::Called) => self.read_riser(index),
                (true, Stage::Reading) => ControlFlow::Break(()),
                (true, Stage::Rising) => self.make_riser(index),
            };
            if next.is_break() {
                return;
            }
            self.next_riser();
        }
    }

    /// Its place is free for the smallest of the others; whoever has waited for it knocks again.
    fn next_riser(&mut self) {
        let risers = &mut self.tenants.risers;
        if let Some(riser) = risers.pop_front() {
            self.tenants.knocking.extend(riser.waiting);
        }
        let smallest = risers.iter().enumerate().min_by_key(|(_, riser)| riser.bytes);
        if let Some((at, _)) = smallest {
            let next = risers.remove(at);
            next.into_iter().for_each(|next| risers.push_front(next));
        }
    }

    fn read_riser(&mut self, index: usize) -> ControlFlow<()> {
        let Some(work) = self.seats[index].guest.reading() else { return ControlFlow::Continue(()) };
        let Some(riser) = self.tenants.risers.front_mut() else { return ControlFlow::Break(()) };
        riser.stage = Stage::Reading;
        let file = riser.file;
        self.send_on(Errand::Rise(file), work);
        ControlFlow::Break(())
    }

    fn make_riser(&mut self, index: usize) -> ControlFlow<()> {
        let began = self.clock.now_mono();
        let made = self.seats[index].guest.rise_on(MADE);
        self.count_waking(index, began);
        match made {
            Ok(Risen::Partly | Risen::NotNow(_)) => return ControlFlow::Break(()),
            Ok(Risen::Whole(rest)) => {
                rest.into_iter().for_each(|rest| self.send_on(Errand::Rest, rest));
                self.has_woken(index);
            }
            Err(why) => self.is_lost(index, &format!("{why:#}")),
        }
        ControlFlow::Continue(())
    }

    /// A thread has read a file, or could not.
    pub(in crate::runtime) fn may_rise(&mut self, file: u64, done: Done) {
        let Some(riser) = self.tenants.risers.front_mut().filter(|riser| riser.file == file) else { return };
        riser.stage = Stage::Rising;
        let index = riser.guest as usize;
        // It may be gone, and its place another's.
        let is_its = |guest: &crate::guest::Occupant| guest.is_rising() && guest.file() == Some(file);
        if !self.seats.get(index).is_some_and(|seat| is_its(&seat.guest)) {
            return;
        }
        let began = self.clock.now_mono();
        let risen = match done {
            Done::Bytes(bytes) => self.seats[index].guest.rise(bytes).map_err(|why| format!("{why:#}")),
            Done::Failed { errno: EAGAIN, why } => Ok(Risen::NotNow(why)),
            Done::Failed { why, .. } => Err(why),
            _ => Err("its file was not read".into()),
        };
        self.count_waking(index, began);
        match risen {
            Ok(Risen::NotNow(why)) => self.rises_later(index, &why),
            Ok(Risen::Partly | Risen::Whole(_)) => {}
            Err(why) => self.is_lost(index, &why),
        }
    }

    /// The system lacks what the first needs: it goes behind the others, and all of them wait a moment.
    fn rises_later(&mut self, index: usize, why: &str) {
        let Some(mut riser) = self.tenants.risers.pop_front() else { return };
        let was_told = std::mem::replace(&mut riser.is_told, true);
        riser.stage = Stage::Called;
        self.tenants.risers.push_back(riser);
        self.tenants.risers_lack = true;
        self.timers.arm(self.now.plus(AGAIN), Token::Risers.pack());
        if let Some(tenancy) = self.seats[index].tenancy.filter(|_| !was_told) {
            self.say(tenancy.tenant, &format!("cannot be woken yet: {why}"));
        }
    }

    pub(in crate::runtime) fn risers_timer(&mut self) {
        self.tenants.risers_lack = false;
    }
}
