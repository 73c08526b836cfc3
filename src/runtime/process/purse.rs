//! Rows of the tree's purse: one is claimed for each child before it is started, told to it, and taken back when it has been
//! waited for. It must not know what is counted in it.
use super::Hall;
use super::child::Wished;
use super::order::ChildOrder;
use crate::guest::ChildProgram;
use crate::policy::{Bound, Purse};
use crate::proto::ipc::Kind;
use crate::reactor::{Errno, Kernel, Result, process};
use crate::time::Clock;
use std::os::fd::OwnedFd;
use std::time::Duration;

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// This process and all that it starts are counted there.
    pub fn share_purse(&mut self, purse: Purse, cells: OwnedFd) {
        self.processes.purse = Some((purse, cells));
    }

    /// A row for a child that is about to start, with the memory that it begins with.
    pub(super) fn claim_row(&mut self, index: u32, guest: u32, wished: &Wished) -> Result<()> {
        let Some((purse, _)) = &self.processes.purse else { return Ok(()) };
        let purse = *purse;
        let memory = match &wished.plan.program {
            ChildProgram::Path(_) => return Ok(()),
            ChildProgram::Clone { legacy, .. } => legacy.as_ref().map(|legacy| legacy.image.memory_bytes()),
            ChildProgram::Guest { text, .. } if ChildOrder::of_program(text).is_some_and(|order| order.is_module()) => {
                None
            }
            ChildProgram::Guest { .. } => self.processes.kit.get().map(|kit| kit.image().memory_bytes()),
        };
        let state = self.seats[guest as usize].guest.state_mut();
        if state.limits.cpu_total.is_some_and(|most| Duration::from_nanos(purse.cpu()) > most) {
            state.meter.hit(Bound::Cpu);
            return Err(Errno::EAGAIN);
        }
        let Some(row) = purse.claim(memory.unwrap_or(0)) else {
            state.meter.hit(Bound::Processes);
            return Err(Errno::EAGAIN);
        };
        if state.limits.memory_of_tree && purse.memory() > state.limits.memory_bytes {
            purse.take_back(row);
            state.meter.hit(Bound::Memory);
            return Err(Errno::ENOMEM);
        }
        self.processes.children[index as usize].row = Some(row);
        Ok(())
    }

    /// The child learns where it is counted.
    pub(super) fn send_row(&mut self, index: u32, channel: u32) -> Result<()> {
        let Some((_, cells)) = &self.processes.purse else { return Ok(()) };
        let Some(row) = self.processes.children[index as usize].row else { return Ok(()) };
        let cells = process::duplicate(cells)?;
        self.send_control(
            channel,
            Kind::Purse,
            0,
            &[row.number.to_le_bytes(), row.word.to_le_bytes()].concat(),
            Some(cells),
        );
        Ok(())
    }

    /// The child is gone, and all that it had started.
    pub(super) fn take_row_back(&mut self, index: u32) {
        let row = self.processes.children.get_mut(index as usize).and_then(|child| child.row.take());
        if let (Some((purse, _)), Some(row)) = (&self.processes.purse, row) {
            purse.take_back(row);
        }
    }
}
