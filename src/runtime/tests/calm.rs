//! A hall on a network without faults, whose time moves when a test says so, and what it prints. It must not know what guests
//! or tenants there are.
use crate::policy::Limits;
use crate::reactor::sim::{SimKernel, SimNet};
use crate::runtime::{Hall, LogSink, Logs, Offload};
use crate::time::{Clock, VirtualClock};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// What guests have printed, and the host for them.
#[derive(Clone, Default)]
pub(super) struct Paper(Rc<RefCell<String>>);

impl LogSink for Paper {
    fn write(&mut self, _fd: u8, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn wait(&mut self, _fd: u8) {}
}

impl Paper {
    /// Logs that are written on it.
    pub fn logs(&self) -> Logs {
        Logs::new(Box::new(self.clone()))
    }

    pub fn text(&self) -> String {
        self.0.borrow().clone()
    }

    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

pub(super) struct Calm {
    pub hall: Hall<SimKernel, VirtualClock>,
    pub net: SimNet,
    pub clock: VirtualClock,
    pub paper: Paper,
    /// What is left of the span under way, ns.
    left: Rc<Cell<u64>>,
}

impl Calm {
    /// That begins at this time, in nanoseconds since 1970.
    pub fn new(wall: u64) -> Calm {
        let (net, clock, paper) = (SimNet::new(1), VirtualClock::new(wall), Paper::default());
        let hall = Hall::new(net.reactor(), clock.clone(), paper.logs(), Offload::inline(), Limits::default().http);
        let left = Rc::new(Cell::new(0));
        let (hook_clock, hook_left) = (clock.clone(), left.clone());
        net.on_idle(move |timeout| {
            let span = timeout.map_or(hook_left.get(), |span| hook_left.get().min(span.as_nanos() as u64));
            hook_left.set(hook_left.get() - span);
            hook_clock.advance(Duration::from_nanos(span));
        });
        Calm { hall, net, clock, paper, left }
    }

    /// Lets so much time pass, with all turns that fall into it.
    pub fn pass(&mut self, span: Duration) {
        let until = self.clock.now_mono().plus(span);
        self.left.set(span.as_nanos() as u64);
        while self.clock.now_mono() < until {
            self.hall.turn();
            self.hall.audit();
        }
    }
}
