//! What processes of tenants tell of them, asked for when an operator asks. Who does not answer in time is shown as it was. It
//! must not know how any of it is shown.
//!
//! *Invariant:* a process tells of its own tenants only, under the names that they have here, and once a question.
use super::super::Hall;
use super::super::timers::Token;
use super::cordons::Stage;
use super::view::{TenantView, counts_before};
use crate::policy::{Instances, ServeLimits};
use crate::proto::ipc::{Fault, Frame, Kind};
use crate::reactor::Kernel;
use crate::runtime::HallView;
use crate::time::Clock;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long an operator waits for processes that may be busy: a few slices.
const PATIENCE: Duration = Duration::from_millis(500);

/// Guests of one tenant that are told of: those that serve, as many that take their place, and few of those that drain.
fn most_guests(instances: Instances) -> usize {
    usize::from(instances.most.max(1)) * 2 + 2
}

/// Bytes of an answer about tenants with these plans.
fn most_bytes(limits: &ServeLimits, plans: impl Iterator<Item = Instances>) -> usize {
    let each = |plan| limits.view_bytes + most_guests(plan) * limits.view_guest_bytes;
    (limits.view_least + plans.map(each).sum::<usize>()).min(limits.view_most)
}

/// A question that is under way.
#[derive(Debug, Default)]
pub(super) struct Question {
    number: u64,
    /// Who has not answered.
    left: BTreeSet<u32>,
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// How the halls of processes and loops were when they last answered.
    pub(in crate::runtime) fn halls_apart(&self) -> impl Iterator<Item = &HallView> {
        self.tenants.cordons.all.iter().filter_map(|(_, cordon)| cordon.hall.as_ref())
    }

    /// Asks all processes of tenants; whether their answers are to be waited for.
    pub(in crate::runtime) fn ask_cordons(&mut self) -> bool {
        if !self.tenants.question.left.is_empty() {
            return true;
        }
        let serve = self.tenants.cordons.all.iter().filter(|(_, cordon)| cordon.stage == Stage::Serving);
        let whom: Vec<(u32, Option<u32>)> = serve.map(|(index, cordon)| (index as u32, cordon.channel)).collect();
        self.tenants.question.number += 1;
        let number = self.tenants.question.number;
        for (index, channel) in whom {
            if let Some(channel) = channel {
                let cordon = &mut self.tenants.cordons.all[index as usize];
                cordon.answer.clear();
                cordon.owed += 1;
                self.send_word(channel, Kind::Ask, number);
                self.tenants.question.left.insert(index);
            }
        }
        if self.tenants.question.left.is_empty() {
            return false;
        }
        self.timers.arm(self.now.plus(PATIENCE), Token::Asked(number as u32).pack());
        true
    }

    /// A part of an answer.
    pub(super) fn take_views(&mut self, index: u32, frame: &Frame<'_>) -> Result<(), Fault> {
        let number = self.tenants.question.number;
        let (tenants, limits) = (&self.tenants.all, &self.tenants.limits);
        let cordon = &mut self.tenants.cordons.all[index as usize];
        if frame.id > number || cordon.owed == 0 {
            return Err(Fault::OutOfPlace);
        }
        let plans = cordon.plan.tenants.iter().filter_map(|tenant| tenants.get(*tenant as usize));
        let most = most_bytes(limits, plans.map(|this| this.plan.instances));
        if cordon.answer.len() + frame.payload.len() > most {
            return Err(Fault::MessageTooLong);
        }
        cordon.answer.extend_from_slice(frame.payload);
        if frame.more {
            return Ok(());
        }
        cordon.owed -= 1;
        let text = std::mem::take(&mut cordon.answer);
        if frame.id != number || !self.tenants.question.left.contains(&index) {
            // It comes too late.
            return Ok(());
        }
        let (hall, views): (HallView, Vec<TenantView>) =
            serde_json::from_slice(&text).map_err(|_| Fault::OutOfPlace)?;
        let known = cordon.plan.tenants.len() as u32;
        let mut slots: Vec<u32> = views.iter().map(|view| view.number).collect();
        slots.sort_unstable();
        slots.dedup();
        if slots.len() != views.len() || slots.last().is_some_and(|last| *last >= known) {
            return Err(Fault::OutOfPlace);
        }
        (cordon.hall, cordon.views) = (Some(hall), views);
        self.answered(index);
        Ok(())
    }

    /// This process has answered, or will not.
    pub(super) fn answered(&mut self, index: u32) {
        if self.tenants.question.left.remove(&index) && self.tenants.question.left.is_empty() {
            self.answer_operators();
        }
    }

    /// Nobody waits any longer.
    pub(in crate::runtime) fn asked_timer(&mut self, number: u32) {
        if self.tenants.question.number as u32 == number && !self.tenants.question.left.is_empty() {
            self.tenants.question.left.clear();
            self.answer_operators();
        }
    }

    /// In a process of tenants: how they are.
    pub(super) fn tell_views(&mut self, number: u64) {
        let Some(channel) = self.parent_channel() else { return };
        let text = self.bounded_views();
        self.send_parts(channel, Kind::Views, number, &text);
    }

    /// As much of it as may be told: of a tenant with many guests the newest, and of guests at all as long as there is room.
    fn bounded_views(&self) -> Vec<u8> {
        let limits = &self.tenants.limits;
        // What is told of a tenant without its guests has room in any case.
        let mut room = limits.view_most.saturating_sub(self.tenants.all.len() * limits.view_bytes);
        let mut text = [b"[", &serde_json::to_vec(&self.view()).unwrap_or_default()[..], b",["].concat();
        let begun = text.len();
        for mut view in self.view_tenants() {
            let most = most_guests(self.tenants.all[view.number as usize].plan.instances);
            view.guests.drain(..view.guests.len().saturating_sub(most));
            let mut one = serde_json::to_vec(&view).unwrap_or_default();
            if one.len() > room {
                view.guests.clear();
                one = serde_json::to_vec(&view).unwrap_or_default();
            } else {
                room -= one.len();
            }
            if text.len() > begun {
                text.push(b',');
            }
            text.extend_from_slice(&one);
        }
        text.extend_from_slice(b"]]");
        text
    }

    /// What is known of a tenant that runs elsewhere.
    pub(super) fn view_apart(&self, tenant: u32, name: &str) -> TenantView {
        let mut all = TenantView { number: tenant, name: name.into(), state: "stopped", ..TenantView::default() };
        for index in self.tenants.cordons.of(tenant) {
            let cordon = &self.tenants.cordons.all[*index as usize];
            let Some(view) = cordon.slot(tenant).and_then(|slot| cordon.views.iter().find(|view| view.number == slot))
            else {
                continue;
            };
            if counts_before(view.state, all.state) {
                all.state = view.state;
            }
            // What they say may be anything.
            all.starts = all.starts.saturating_add(view.starts);
            all.hibernations = all.hibernations.saturating_add(view.hibernations);
            all.wakes = all.wakes.saturating_add(view.wakes);
            all.crashes = all.crashes.saturating_add(view.crashes);
            all.snapshots = all.snapshots.saturating_add(view.snapshots);
            all.snapshot_bytes = all.snapshot_bytes.saturating_add(view.snapshot_bytes);
            all.snapshot_kept |= view.snapshot_kept;
            all.guests.extend(view.guests.iter().cloned());
            if !view.guests.is_empty() {
                let process = cordon.process();
                all.processes.extend(process.filter(|process| !all.processes.contains(process)));
                all.homes.push(cordon.plan.name.clone());
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{GuestView, Latencies};

    /// The longest that is told of one guest, and of a tenant without guests.
    #[test]
    fn a_guest_that_is_told_of_fits_into_its_bytes() {
        let limits = ServeLimits::default();
        let all = || Latencies::from_sparse((0..1 << 10).map(|bucket| (bucket, u64::from(u32::MAX) / 1000)));
        let guest = GuestView {
            state: "sleeping",
            responses: [u64::MAX; 6],
            micros: u64::MAX,
            latencies: all(),
            recent: all(),
            ..GuestView::default()
        };
        let text = serde_json::to_string(&guest).expect("it is plain");
        assert!(text.len() < limits.view_guest_bytes, "{} bytes", text.len());
        let name = "x".repeat(64);
        let (starts, hibernations, wakes, crashes) = (u64::MAX, u64::MAX, u64::MAX, u64::MAX);
        let (snapshots, snapshot_bytes) = (u64::MAX, u64::MAX);
        let view = TenantView {
            number: u32::MAX,
            name,
            state: "sleeping",
            starts,
            hibernations,
            wakes,
            crashes,
            snapshots,
            snapshot_bytes,
            ..TenantView::default()
        };
        let text = serde_json::to_string(&view).expect("it is plain");
        assert!(text.len() < limits.view_bytes, "{} bytes", text.len());
    }

    #[test]
    fn an_answer_is_bounded_by_what_its_tenants_may_have_and_in_all() {
        let limits = ServeLimits::default();
        let of = |count: usize, instances| most_bytes(&limits, std::iter::repeat_n(Instances::fixed(instances), count));
        assert_eq!(of(1, 1), limits.view_least + limits.view_bytes + 4 * limits.view_guest_bytes);
        assert!(of(1, 64) > 2 * of(1, 1) && of(100_000, 64) == limits.view_most);
    }
}
