//! Instances on their way to sleep, one at a time: what is to be kept of one is found piece by piece, a piece a turn, then a thread
//! writes it, and only then it sleeps. Until then it is awake: whatever comes for it is served at once, and it has not slept. Its
//! pages are given back in pieces, too. It must not know when one is to sleep.
use super::super::Hall;
use super::super::seat::GuestId;
use super::super::timers::Token;
use super::super::work::Errand;
use super::{Tenancy, Tenants};
use crate::guest::{Done, Husk};
use crate::reactor::Kernel;
use crate::time::{Clock, Mono};
use std::time::Duration;

/// Bytes of pages that are compared, and given back, in one turn: a millisecond.
const COMPARED: usize = 1 << 20;
const SHED: usize = 8 << 20;

/// From one to the next.
const APART: Duration = Duration::from_millis(1);

/// Who is on the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Faller {
    tenant: u32,
    guest: GuestId,
    /// All is found, and this file is written.
    file: Option<u64>,
}

impl Tenants {
    /// Whether somebody on the way to sleep or back has a piece to be done.
    pub fn has_pieces(&self) -> bool {
        self.falling.is_some_and(|faller| faller.file.is_none()) || !self.husks.is_empty() || self.rises()
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// It may sleep: it begins to, or waits for its turn. When to look again, if it stays awake.
    pub(super) fn fall(&mut self, tenant: u32, guest: GuestId) -> Option<Mono> {
        if self.tenants.falling.is_some() {
            self.seats[guest.0 as usize].tenancy.as_mut()?.drowsy = true;
            self.tenants.drowsy.push_back((tenant, guest));
            return None;
        }
        let began = self.clock.now_mono();
        let most = self.tenants.limits.hibernate_bytes;
        let begun = self.seats[guest.0 as usize].guest.begin_sleep(most);
        self.count_falling(guest, began);
        match begun {
            Ok(()) => {
                self.tenants.falling = Some(Faller { tenant, guest, file: None });
                None
            }
            Err(why) => {
                self.stays_awake(tenant, guest, &format!("{why:#}"));
                None
            }
        }
    }

    /// The next piece of whoever is on the way; pages of those that sleep.
    pub(super) fn fall_more(&mut self) {
        if let Some(husk) = self.tenants.husks.last_mut()
            && husk.shed(SHED)
        {
            self.tenants.husks.pop();
        }
        let Some(Faller { tenant, guest, file: None }) = self.tenants.falling else { return };
        let Some(den) = self.tenants.den.clone() else { return };
        let began = self.clock.now_mono();
        let Some(seat) = self.seats.get_mut(guest.0 as usize).filter(|seat| seat.guest.falls()) else {
            return self.fall_is_over(tenant, guest);
        };
        let found = seat.guest.fall_on(&den, COMPARED);
        let file = seat.guest.file();
        self.count_falling(guest, began);
        match found {
            Ok(None) => {}
            Ok(Some(write)) => {
                let Some(number) = file else { return };
                self.tenants.falling = Some(Faller { tenant, guest, file });
                self.send_on(Errand::Fall(number), write);
            }
            Err(why) => {
                self.stays_awake(tenant, guest, &format!("{why:#}"));
                self.fall_is_over(tenant, guest);
            }
        }
    }

    /// A thread has written a file, or could not.
    pub(in crate::runtime) fn has_fallen(&mut self, number: u64, done: &Done) {
        let is_it = |faller: &mut Faller| faller.file == Some(number);
        let Some(Faller { tenant, guest, .. }) = self.tenants.falling.take_if(is_it) else { return };
        let is_here = |seat: &super::super::seat::Seat| seat.guest.falls() && seat.guest.file() == Some(number);
        if self.seats.get(guest.0 as usize).is_some_and(is_here) {
            match done {
                Done::Failed { why, .. } => {
                    self.stays_awake(tenant, guest, &format!("its memory cannot be put aside: {why}"));
                }
                _ => self.sleeps_now(tenant, guest),
            }
        }
        self.fall_is_over(tenant, guest);
    }

    /// Its file is written: it sleeps, if it has nothing to do since.
    fn sleeps_now(&mut self, tenant: u32, guest: GuestId) {
        let began = self.clock.now_mono();
        let seat = &self.seats[guest.0 as usize];
        let parts = seat.tenancy.is_none_or(|tenancy| tenancy.parting);
        let husk = match seat.may_sleep() && !self.has_near_timer(seat) && !parts {
            true => self.seats[guest.0 as usize].guest.fall_asleep(),
            false => None,
        };
        match husk {
            Some(husk) => self.keep_husk(tenant, husk),
            None => self.seats[guest.0 as usize].guest.stay_awake(),
        }
        self.count_falling(guest, began);
    }

    fn keep_husk(&mut self, tenant: u32, husk: Husk) {
        self.tenants.all[tenant as usize].hibernations += 1;
        self.tenants.husks.push(husk);
        // A small one goes at once.
        if let Some(husk) = self.tenants.husks.last_mut()
            && husk.shed(0)
        {
            self.tenants.husks.pop();
        }
    }

    /// What has been done since then was done to put it to sleep.
    fn count_falling(&mut self, guest: GuestId, began: Mono) {
        let ended = self.clock.now_mono();
        self.seats[guest.0 as usize].guest.state_mut().worked_for(ended.0, ended.since(began));
    }

    /// Nobody is on the way any more; the tenant may want to be later, others do.
    fn fall_is_over(&mut self, tenant: u32, guest: GuestId) {
        self.tenants.falling = None;
        if let Some(rest) = self.seats.get_mut(guest.0 as usize).and_then(|seat| seat.guest.clear_up()) {
            self.send_on(Errand::Rest, rest);
        }
        self.look_at_sleep(tenant);
        if !self.tenants.drowsy.is_empty() {
            self.timers.arm(self.now.plus(APART), Token::Drowsy.pack());
        }
    }

    /// Who waits for its turn may still want to sleep.
    pub(in crate::runtime) fn drowsy_timer(&mut self) {
        while self.tenants.falling.is_none()
            && let Some((tenant, guest)) = self.tenants.drowsy.pop_front()
        {
            // The seat may be another's.
            let seat = self.seats.get_mut(guest.0 as usize);
            let is_its = |tenancy: &&mut Tenancy| tenancy.tenant == tenant && tenancy.drowsy;
            let Some(tenancy) = seat.and_then(|seat| seat.tenancy.as_mut()).filter(is_its) else { continue };
            tenancy.drowsy = false;
            let serves = !tenancy.parting;
            if let Some(next) = serves.then(|| self.sleep_late(tenant, guest)).flatten() {
                self.look_at(tenant, next);
            }
        }
    }
}
