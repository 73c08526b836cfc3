//! What processes of tenants tell of them, asked for when an operator asks. Who does not answer in time is shown as it was. It
//! must not know how any of it is shown.
//!
//! *Invariant:* a process tells of its own tenants only, under the names that they have here, and once a question.
use super::super::Hall;
use super::super::timers::Token;
use super::cordons::Stage;
use super::view::{TenantView, counts_before};
use crate::proto::ipc::{Fault, Frame, Kind};
use crate::reactor::Kernel;
use crate::time::Clock;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long an operator waits for processes that may be busy: a few slices.
const PATIENCE: Duration = Duration::from_millis(500);

/// Bytes of an answer: so many, and so many for each tenant with up to 64 instances.
const ANSWER_BYTES: usize = 64 << 10;
const TENANT_BYTES: usize = 512 << 10;

/// A question that is under way.
#[derive(Debug, Default)]
pub(super) struct Question {
    number: u64,
    /// Who has not answered.
    left: BTreeSet<u32>,
}

impl<K: Kernel, C: Clock> Hall<K, C> {
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
        let cordon = &mut self.tenants.cordons.all[index as usize];
        if frame.id > number || cordon.owed == 0 {
            return Err(Fault::OutOfPlace);
        }
        let most = ANSWER_BYTES + cordon.plan.tenants.len() * TENANT_BYTES;
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
        let views: Vec<TenantView> = serde_json::from_slice(&text).map_err(|_| Fault::OutOfPlace)?;
        let known = cordon.plan.tenants.len() as u32;
        let mut slots: Vec<u32> = views.iter().map(|view| view.number).collect();
        slots.sort_unstable();
        slots.dedup();
        if slots.len() != views.len() || slots.last().is_some_and(|last| *last >= known) {
            return Err(Fault::OutOfPlace);
        }
        cordon.views = views;
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
        if let Ok(text) = serde_json::to_vec(&self.view_tenants()) {
            self.send_parts(channel, Kind::Views, number, &text);
        }
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
            all.guests.extend(view.guests.iter().cloned());
            all.processes.extend(cordon.pid().filter(|_| !view.guests.is_empty()));
        }
        all
    }
}
