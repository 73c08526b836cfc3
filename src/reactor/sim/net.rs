//! The simulated network: all ends, listeners and processes, and the dice.
//!
//! It must not know the reactor. It signals an edge when the state of an end changes, once, and with
//! [`Faults`] it does so late, in parts, together, or for nothing, as kernels may.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::super::errno::Errno;
use super::super::kernel::Edge;
use super::super::key::Key;
use super::super::readiness::Edges;
use super::super::{Fact, Result};
use super::end::{Attempt, End};
use super::faults::Faults;
use super::rng::Rng;

/// Where one can listen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Ip(SocketAddr),
    Path(PathBuf),
}

/// What an edge is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    End(usize),
    Port(usize),
}

#[derive(Debug)]
pub(super) struct Port {
    pub(super) place: Place,
    pub(super) queue: VecDeque<usize>,
    pub(super) backlog: usize,
    pub(super) watch: Option<(usize, Key)>,
    pub(super) queued: bool,
}

#[derive(Debug)]
struct Process {
    ready: VecDeque<Target>,
    fds: usize,
    fd_limit: usize,
    reserve: bool,
    watched_signals: Vec<i32>,
    raised: VecDeque<i32>,
    /// Keys of closed sockets, for stale edges.
    closed: VecDeque<Key>,
}

type IdleHook = Box<dyn FnMut(Option<Duration>)>;

pub(super) struct Net {
    pub(super) rng: Rng,
    pub(super) faults: Faults,
    pub(super) ends: Vec<Option<End>>,
    pub(super) ports: Vec<Option<Port>>,
    processes: Vec<Process>,
    /// Ends with something under way.
    moving: Vec<usize>,
    /// Places of the outside world, with the connections that have come to them.
    pub(super) served: HashMap<SocketAddr, VecDeque<usize>>,
    /// Places that never answer.
    pub(super) silent: Vec<SocketAddr>,
    pub(super) next_port: u16,
    pub(super) on_idle: Option<IdleHook>,
    pub(super) idles: u64,
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Net").field("ends", &self.ends.len()).finish_non_exhaustive()
    }
}

const STALE_KEPT: usize = 8;

impl Net {
    pub(super) fn new(seed: u64) -> Net {
        Net {
            rng: Rng::new(seed),
            faults: Faults::default(),
            ends: Vec::new(),
            ports: Vec::new(),
            processes: Vec::new(),
            moving: Vec::new(),
            served: HashMap::new(),
            silent: Vec::new(),
            next_port: 49152,
            on_idle: None,
            idles: 0,
        }
    }

    pub(super) fn end_mut(&mut self, end: usize) -> &mut End {
        self.ends[end].as_mut().expect("an end lives as long as a handle to it or to its peer")
    }

    pub(super) fn end(&self, end: usize) -> &End {
        self.ends[end].as_ref().expect("an end lives as long as a handle to it or to its peer")
    }

    // Processes and descriptors.

    pub(super) fn add_process(&mut self) -> usize {
        self.processes.push(Process {
            ready: VecDeque::new(),
            fds: 1,
            fd_limit: usize::MAX,
            reserve: true,
            watched_signals: Vec::new(),
            raised: VecDeque::new(),
            closed: VecDeque::new(),
        });
        self.processes.len() - 1
    }

    pub(super) fn take_fd(&mut self, process: usize) -> Result<()> {
        let process = &mut self.processes[process];
        if process.fds >= process.fd_limit {
            return Err(Errno::EMFILE);
        }
        process.fds += 1;
        Ok(())
    }

    pub(super) fn give_fd(&mut self, process: usize) {
        self.processes[process].fds -= 1;
    }

    pub(super) fn fds(&self, process: usize) -> usize {
        self.processes[process].fds
    }

    pub(super) fn limit_fds(&mut self, process: usize, limit: usize) {
        self.processes[process].fd_limit = limit;
    }

    pub(super) fn spend_reserve(&mut self, process: usize) -> bool {
        let held = std::mem::take(&mut self.processes[process].reserve);
        if held {
            self.give_fd(process);
        }
        held
    }

    pub(super) fn refill_reserve(&mut self, process: usize) {
        if !self.processes[process].reserve && self.take_fd(process).is_ok() {
            self.processes[process].reserve = true;
        }
    }

    pub(super) fn watch_signal(&mut self, process: usize, signal: i32) {
        self.processes[process].watched_signals.push(signal);
    }

    pub(super) fn raise(&mut self, signal: i32) {
        for process in &mut self.processes {
            if process.watched_signals.contains(&signal) && !process.raised.contains(&signal) {
                process.raised.push_back(signal);
            }
        }
    }

    // Edges.

    pub(super) fn watch(&mut self, target: Target, process: usize, key: Key) {
        match target {
            Target::End(end) => self.end_mut(end).watch = Some((process, key)),
            Target::Port(port) => self.port_mut(port).watch = Some((process, key)),
        }
        // As epoll does: the state at registration counts as a change.
        self.signal(target);
    }

    /// The state of `target` has changed.
    pub(super) fn signal(&mut self, target: Target) {
        let (watch, queued) = match target {
            Target::End(end) => {
                let Some(end) = self.ends[end].as_mut() else {
                    return;
                };
                (end.watch, &mut end.queued)
            }
            Target::Port(port) => {
                let Some(port) = self.ports[port].as_mut() else {
                    return;
                };
                (port.watch, &mut port.queued)
            }
        };
        if let Some((process, _)) = watch
            && !std::mem::replace(queued, true)
        {
            self.processes[process].ready.push_back(target);
        }
    }

    /// Lets a part of what is under way arrive (with `force`: all of it that can), and fetches edges
    /// and signals.
    pub(super) fn gather(&mut self, process: usize, force: bool, edges: &mut Vec<Edge>, facts: &mut Vec<Fact>) {
        self.strike(process);
        for end in std::mem::take(&mut self.moving) {
            self.arrive(end, force);
        }
        while let Some(signal) = self.processes[process].raised.pop_front() {
            facts.push(Fact::Signal(signal));
        }
        for _ in 0..self.processes[process].ready.len() {
            let target = self.processes[process].ready.pop_front().expect("counted");
            if !force && self.rng.chance(self.faults.late) {
                self.processes[process].ready.push_back(target);
            } else {
                self.fetch(target, edges);
            }
        }
        self.mislead(process, edges);
    }

    /// Reports the present state of a target, and arms it again.
    fn fetch(&mut self, target: Target, edges: &mut Vec<Edge>) {
        let (key, level) = match target {
            Target::End(index) => {
                let room = self.room(index) > 0;
                let Some(end) = self.ends[index].as_mut() else {
                    return;
                };
                end.queued = false;
                // As Linux's tcp_poll does: whoever was told that there is no room is told of room.
                end.wants_room |= !room;
                let Some((_, key)) = end.watch else { return };
                (key, end.level(room))
            }
            Target::Port(index) => {
                let Some(port) = self.ports[index].as_mut() else {
                    return;
                };
                port.queued = false;
                let Some((_, key)) = port.watch else { return };
                (key, Edges { read: !port.queue.is_empty(), ..Edges::default() })
            }
        };
        if level == Edges::default() {
            return;
        }
        if self.rng.chance(self.faults.split) {
            edges.push(Edge { key, edges: Edges { write: false, ..level } });
            edges.push(Edge { key, edges: Edges { write: level.write, ..Edges::default() } });
        } else {
            edges.push(Edge { key, edges: level });
        }
    }

    /// Adds edges that mean nothing.
    fn mislead(&mut self, process: usize, edges: &mut Vec<Edge>) {
        let lie = Edges { read: true, write: true, ..Edges::default() };
        if self.rng.chance(self.faults.spurious) {
            let victim = self.rng.below(self.ends.len().max(1));
            let end = self.ends.get(victim).and_then(Option::as_ref);
            if let Some((owner, key)) = end.and_then(|end| end.watch)
                && owner == process
            {
                edges.push(Edge { key, edges: lie });
            }
        }
        if self.rng.chance(self.faults.stale) {
            let closed = &self.processes[process].closed;
            let pick = self.rng.below(closed.len());
            if let Some(&key) = closed.get(pick) {
                edges.push(Edge { key, edges: Edges { read_closed: true, error: true, ..lie } });
            }
        }
    }

    /// Resets a connection, if the dice say so.
    fn strike(&mut self, process: usize) {
        if !self.rng.chance(self.faults.reset) {
            return;
        }
        let index = self.rng.below(self.ends.len());
        let end = self.ends.get(index).and_then(Option::as_ref);
        let Some(end) = end.filter(|end| end.watch.is_some_and(|watch| watch.0 == process)) else {
            return;
        };
        if end.attempt == Attempt::Done {
            let peer = end.peer;
            self.kill(index, Errno::ECONNRESET);
            self.kill(peer, Errno::ECONNRESET);
        }
    }

    pub(super) fn kill(&mut self, index: usize, error: Errno) {
        if let Some(end) = self.ends[index].as_mut() {
            end.die(error);
            self.signal(Target::End(index));
        }
    }

    // What is under way.

    pub(super) fn set_moving(&mut self, index: usize) {
        let end = self.end_mut(index);
        if end.has_moving() && !std::mem::replace(&mut end.moving, true) {
            self.moving.push(index);
        }
    }

    fn arrive(&mut self, index: usize, force: bool) {
        let Some(end) = self.ends[index].as_mut() else {
            return;
        };
        end.moving = false;
        if !force && self.rng.chance(self.faults.segmented) {
            return self.set_moving(index);
        }
        if let Attempt::Pending(place) = &end.attempt {
            let place = place.clone();
            self.resolve(index, &place);
            return self.set_moving_unless_silent(index, &place);
        }
        let mut changed = std::mem::take(&mut end.owed_room);
        let under_way = end.bytes.len() - end.arrived;
        if under_way > 0 {
            let cut = self.rng.chance(self.faults.segmented);
            end.arrived += if cut { self.rng.cut(under_way) } else { under_way };
            changed = true;
        }
        let whole = end.arrived == end.bytes.len();
        if whole && end.fin && !end.fin_arrived {
            // The FIN comes with the last bytes, or by itself.
            let apart = under_way > 0 && self.rng.chance(self.faults.segmented);
            end.fin_arrived = !apart;
            changed = true;
        }
        if changed {
            self.signal(Target::End(index));
        }
        self.set_moving(index);
    }

    fn set_moving_unless_silent(&mut self, index: usize, place: &Place) {
        let silent = matches!(place, Place::Ip(addr) if self.silent.contains(addr));
        if !silent {
            self.set_moving(index);
        }
    }

    /// Ends a connection attempt, unless its place never answers.
    pub(super) fn resolve(&mut self, index: usize, place: &Place) {
        let peer = self.end(index).peer;
        let port = self.find_port(place);
        let accepted = match (place, port) {
            (Place::Ip(addr), _) if self.silent.contains(addr) => return,
            (_, Some(port)) => self.enqueue(port, peer),
            (Place::Ip(addr), None) => self.served.get_mut(addr).map(|queue| queue.push_back(peer)).is_some(),
            (Place::Path(_), None) => false,
        };
        let end = self.end_mut(index);
        end.attempt = if accepted { Attempt::Done } else { Attempt::Failed };
        if !accepted {
            end.error = Some(Errno::ECONNREFUSED);
            self.ends[peer] = None;
        }
        self.signal(Target::End(index));
    }

    pub(super) fn remember_closed(&mut self, process: usize, key: Key) {
        let closed = &mut self.processes[process].closed;
        closed.truncate(STALE_KEPT - 1);
        closed.push_front(key);
    }

    /// Nothing happens and nothing is under way: lets `timeout` pass.
    pub(super) fn idle(net: &Rc<RefCell<Net>>, timeout: Option<Duration>) {
        net.borrow_mut().idles += 1;
        let hook = net.borrow_mut().on_idle.take();
        if let Some(mut hook) = hook {
            hook(timeout);
            net.borrow_mut().on_idle.get_or_insert(hook);
        }
    }
}
