//! The pulse of a process of tenants: while it has connections or was given something it is asked once a second whether it goes
//! on, and how many requests are under way. One that leaves too many questions in a row unanswered is ended: its loop has
//! stopped, or somebody else has it. Looks are counted, not time: when all processes have been stopped together, none is
//! ended for it. It must not know what a process does meanwhile.
use super::super::Hall;
use super::super::timers::Token;
use super::cordons::Stage;
use super::ms;
use super::plans::CordonKind;
use crate::proto::ipc::{Fault, Frame, Kind};
use crate::reactor::Kernel;
use crate::time::{Clock, Mono};

/// What is known of one process's pulse.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// When it is asked next; none: it has nothing to do.
    due: Option<Mono>,
    /// Questions so far, and how many in a row it has not answered.
    asked: u64,
    missed: u32,
    /// It was given something since it was last asked.
    stirred: bool,
    /// It has connections, as it says.
    lives: bool,
    /// Requests under way, by places of tenants.
    loads: Vec<(u32, u32)>,
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A process was given something.
    pub(super) fn stir_cordon(&mut self, index: u32) {
        let due = self.now.plus(ms(self.tenants.limits.look_ms));
        let Some(cordon) = self.tenants.cordons.all.get_mut(index as usize) else { return };
        cordon.pulse.stirred = true;
        if cordon.stage == Stage::Serving && cordon.pulse.due.is_none() {
            cordon.pulse.due = Some(due);
            self.timers.arm(due, Token::Pulse(index).pack());
        }
    }

    /// It is time to ask a process.
    pub(in crate::runtime) fn pulse_timer(&mut self, index: u32) {
        let (now, limits) = (self.now, self.tenants.limits);
        let Some(cordon) = self.tenants.cordons.all.get_mut(index as usize) else { return };
        let pulse = &mut cordon.pulse;
        // The timer may be that of who had its place before.
        if pulse.due.is_none_or(|due| now < due) {
            return;
        }
        pulse.due = None;
        let Some(channel) = cordon.channel.filter(|_| cordon.stage == Stage::Serving) else { return };
        if pulse.missed >= limits.beats_missed && cordon.plan.kind == CordonKind::Process {
            return self.end_cordon(index, "does not answer");
        }
        if pulse.missed == 0 && !pulse.stirred && !pulse.lives {
            return;
        }
        pulse.stirred = false;
        pulse.asked += 1;
        pulse.missed += 1;
        let (due, number) = (now.plus(ms(limits.look_ms)), pulse.asked);
        pulse.due = Some(due);
        self.timers.arm(due, Token::Pulse(index).pack());
        self.send_word(channel, Kind::Pulse, number);
    }

    /// It goes on.
    pub(super) fn take_beat(&mut self, index: u32, frame: &Frame<'_>) -> Result<(), Fault> {
        let cordon = &mut self.tenants.cordons.all[index as usize];
        let pulse = &mut cordon.pulse;
        let answers = frame.id <= pulse.asked && frame.id > pulse.asked - u64::from(pulse.missed);
        let (connections, loads): (u32, Vec<(u32, u32)>) =
            serde_json::from_slice(frame.payload).map_err(|_| Fault::OutOfPlace)?;
        let in_order = loads.windows(2).all(|two| two[0].0 < two[1].0);
        let known = cordon.plan.tenants.len() as u32;
        if !answers || !in_order || loads.last().is_some_and(|(slot, _)| *slot >= known) {
            return Err(Fault::OutOfPlace);
        }
        pulse.missed = (pulse.asked - frame.id) as u32;
        pulse.lives = connections > 0;
        pulse.loads = loads;
        let busy = pulse.loads.iter().filter(|(_, load)| *load > 0);
        let busy: Vec<u32> = busy.map(|(slot, _)| cordon.plan.tenants[*slot as usize]).collect();
        busy.into_iter().for_each(|tenant| self.tenants.stir(tenant));
        Ok(())
    }

    /// Requests of a tenant that are under way in processes of tenants, as they have told.
    pub(super) fn load_elsewhere(&self, tenant: u32) -> u64 {
        let cordons = &self.tenants.cordons;
        let load = |index: &u32| {
            let cordon = &cordons.all[*index as usize];
            let slot = cordon.slot(tenant)?;
            cordon.pulse.loads.iter().find(|(other, _)| *other == slot).map(|(_, load)| u64::from(*load))
        };
        cordons.of(tenant).iter().filter_map(load).sum()
    }

    /// In a process of tenants: it goes on, and has so many requests under way.
    pub(super) fn tell_beat(&mut self, number: u64) {
        let Some(channel) = self.parent_channel() else { return };
        let scaling = (0..self.tenants.all.len() as u32)
            .filter(|tenant| self.tenants.all[*tenant as usize].plan.instances.scale());
        let loads: Vec<(u32, u32)> = scaling
            .map(|tenant| (tenant, u32::try_from(self.requests_under_way(tenant)).unwrap_or(u32::MAX)))
            .filter(|(_, load)| *load > 0)
            .collect();
        let connections = (self.conns.len() + self.tenants.visitors.len()) as u32;
        if let Ok(text) = serde_json::to_vec(&(connections, loads)) {
            self.send_parts(channel, Kind::Beat, number, &text);
        }
    }
}
