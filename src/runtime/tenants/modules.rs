//! Modules of tenants in other processes. A process can map code only before it is confined, so it is given compiled modules with
//! its start; one that finds another module in its tenant's place says so, goes on, and gives way to a process that has it when
//! it is ready. It must not know how a module is compiled.
use super::super::Hall;
use super::super::timers::Token;
use super::NotHired;
use super::cordons::Stage;
use super::handover::Bid;
use crate::proto::ipc::{Fault, Kind};
use crate::reactor::Kernel;
use crate::time::Clock;
use std::time::Duration;

/// How often it is looked whether a module is ready.
const LOOK: Duration = Duration::from_millis(50);

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A process waits for what its tenants bring.
    pub(super) fn prepare_cordon(&mut self, index: u32) {
        let due = self.now.plus(LOOK);
        let cordon = &mut self.tenants.cordons.all[index as usize];
        cordon.stage = Stage::Preparing;
        self.timers.arm(due, Token::Cordon(index).pack());
    }

    /// A process says that it has not the module that its tenant has now. It asks again as long as that is so.
    pub(super) fn cordon_wants(&mut self, index: u32, slot: u64) -> Result<(), Fault> {
        let now = self.now;
        let cordon = &mut self.tenants.cordons.all[index as usize];
        let tenant = usize::try_from(slot).ok().and_then(|slot| cordon.plan.tenants.get(slot).copied());
        let tenant = tenant.ok_or(Fault::OutOfPlace)?;
        // It costs a look at all tenants: who asks too often waits for the next time.
        let early = now.since(cordon.wanted) < LOOK / 2;
        if early || cordon.stage == Stage::Leaving {
            return Ok(());
        }
        cordon.wanted = now;
        let plan = cordon.plan.clone();
        let Some(keeper) = self.tenants.keeper.as_mut() else { return Ok(()) };
        match keeper.other_module(tenant) {
            Ok(plans) if plans.contains(&plan) => {}
            Ok(plans) => self.arrange_cordons(plans),
            Err(NotHired::NotYet) => {}
            Err(NotHired::Failed(why)) => self.bid(index, &Bid::Refused(slot as u32, why)),
        }
        Ok(())
    }

    /// In a process of tenants: says which were not hired for want of their modules.
    pub(super) fn want_modules(&mut self) {
        let Some(channel) = self.parent_channel().filter(|_| self.tenants.is_cordon()) else { return };
        let wanted = self.tenants.keeper.as_mut().map(|keeper| keeper.wanted()).unwrap_or_default();
        for slot in wanted {
            self.send_word(channel, Kind::Want, u64::from(slot));
        }
    }
}
