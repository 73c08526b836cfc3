//! Cordons: processes that tenants are spread over, seen from the process that has the fronts and runs no guest. One is
//! started when a request for a tenant of its comes, told what it serves, and started anew with patience when it ends
//! without being told to. It is not believed: what it says is judged by what it was given. It must not know what is in a
//! connection, nor how a process is started.
//!
//! | a cordon is | it gets connections | it goes on to |
//! |---|---|---|
//! | stopped | no: one starts it | starting |
//! | starting | no: they wait | serving, when it says so; stopped, when it ends or takes too long |
//! | serving | yes | stopped, when it ends |
//! | leaving | no: it gives back what it has | gone, when it ends |
use super::super::Hall;
use super::super::timers::Token;
use super::alarms::Alarms;
use super::handover::Bid;
use super::passes::{Passes, Returned};
use super::plans::CordonPlan;
use super::printed::Words;
use super::pulse::Pulse;
use super::view::TenantView;
use super::visitors::Refusal;
use super::{CordonOrder, NotHired, Tenants, ms};
use crate::policy::{Backoff, BackoffLimits};
use crate::proto::ipc::{Fault, Frame, Kind};
use crate::reactor::process::{End, Process};
use crate::reactor::{Errno, Kernel, Key};
use crate::runtime::HallView;
use crate::time::{Clock, Mono, TimerId};
use slab::Slab;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// SIGKILL.
const SIGKILL: i32 = 9;

/// All of them.
#[derive(Default)]
pub(super) struct Cordons {
    pub all: Slab<Cordon>,
    /// Tenants are in processes, even while there is none.
    apart: bool,
    /// Those of each tenant.
    homes: Vec<Home>,
    /// A cordon's configuration file has changed; the moment the whole is read.
    pub changed: Option<(TimerId, Mono)>,
    /// Tenants of loops whose configuration files have changed: one folder is read at a time, however many were edited at once.
    pub edited: BTreeSet<u32>,
    /// What proxies have told of connections that are given away, by the proxies' ends of them.
    pub passes: Passes,
    /// Visitors that processes gave back.
    pub returned: Returned,
}

#[derive(Clone, Debug, Default)]
struct Home {
    cordons: Vec<u32>,
    /// Whose turn it is.
    next: usize,
}

pub(super) struct Cordon {
    pub plan: CordonPlan,
    /// Where its tenants stand in that.
    slots: HashMap<u32, u32>,
    /// Its place among those that the keeper knows; none when it leaves.
    place: Option<u32>,
    pub stage: Stage,
    pub channel: Option<u32>,
    process: Option<Process>,
    /// Visitors that wait for it.
    waiting: VecDeque<Key>,
    backoff: Backoff,
    since: Mono,
    /// Tenants that it is to start as soon as it serves: an operator has ordered it.
    starts: Vec<u32>,
    /// Connections that it was given and has not given back.
    pub given: u64,
    /// What it was last told of its tenants, hashed.
    hive: Option<blake3::Hash>,
    /// What it says of configurations that have changed.
    pub alarms: Alarms,
    /// Why it was ended by us.
    reason: Option<String>,
    /// Questions that it was asked and has not answered.
    pub owed: u64,
    /// Its answer to a question, as far as it has come.
    pub answer: Vec<u8>,
    /// When it last had it looked whether a module is ready.
    pub wanted: Mono,
    /// How its hall and its tenants were when last asked.
    pub hall: Option<HallView>,
    pub views: Vec<TenantView>,
    pub words: Words,
    pub pulse: Pulse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Stopped,
    /// Modules of its tenants are compiled.
    Preparing,
    Starting,
    Serving,
    Leaving,
}

impl Cordon {
    fn new(plan: CordonPlan, place: u32, now: Mono) -> Cordon {
        Cordon {
            slots: plan.slots(),
            plan,
            place: Some(place),
            stage: Stage::Stopped,
            channel: None,
            process: None,
            waiting: VecDeque::new(),
            backoff: Backoff::default(),
            since: now,
            starts: Vec::new(),
            given: 0,
            hive: None,
            alarms: Alarms::default(),
            reason: None,
            owed: 0,
            answer: Vec::new(),
            wanted: Mono(0),
            hall: None,
            views: Vec::new(),
            words: Words::default(),
            pulse: Pulse::default(),
        }
    }

    /// Its number in the system, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// The process that it is, or is in.
    pub fn process(&self) -> Option<u32> {
        if self.is_loop() { Some(std::process::id()) } else { self.pid() }
    }

    /// An operator wants a tenant of its to run: its failures so far do not count.
    pub fn order_start(&mut self, tenant: u32) {
        self.backoff.forget();
        if !self.starts.contains(&tenant) {
            self.starts.push(tenant);
        }
    }

    /// Those that it is to start, and where they stand in what it was told; none while it does not serve.
    pub fn take_starts(&mut self) -> Vec<(u32, u32)> {
        if self.stage != Stage::Serving {
            return Vec::new();
        }
        let ordered = std::mem::take(&mut self.starts);
        ordered.into_iter().filter_map(|tenant| Some((tenant, self.slot(tenant)?))).collect()
    }

    /// Where a tenant stands in what it was told.
    pub fn slot(&self, tenant: u32) -> Option<u32> {
        self.slots.get(&tenant).copied()
    }

    /// Its place among those that the keeper knows.
    pub fn place(&self) -> Option<u32> {
        self.place
    }

    pub fn is_loop(&self) -> bool {
        self.plan.is_loop()
    }

    /// It goes on, as this says. Answers the tenants that it has not served so far.
    fn go_on(&mut self, plan: CordonPlan, place: u32) -> Vec<u32> {
        self.place = Some(place);
        if self.plan == plan {
            return Vec::new();
        }
        let serves = |tenant: &u32| self.slots.contains_key(tenant) && self.plan.serves(*tenant);
        let come = plan.tenants.iter().copied().filter(|tenant| plan.serves(*tenant) && !serves(tenant)).collect();
        (self.slots, self.plan) = (plan.slots(), plan);
        come
    }

    /// Its start has begun.
    pub fn begin(&mut self, now: Mono) {
        (self.stage, self.since) = (Stage::Starting, now);
        (self.given, self.owed, self.pulse) = (0, 0, Pulse::default());
    }
}

impl Cordons {
    /// Whether any process or loop of theirs is there.
    fn are_running(&self) -> bool {
        let runs = |cordon: &Cordon| cordon.process.is_some() || cordon.is_loop() && cordon.channel.is_some();
        self.all.iter().any(|(_, cordon)| runs(cordon))
    }

    /// Those that have this tenant from now on.
    pub fn of(&self, tenant: u32) -> &[u32] {
        self.homes.get(tenant as usize).map_or(&[], |home| &home.cordons)
    }

    /// One that has all of these tenants, in turn; a serving one if there is one. Not one that is to have no instance of a
    /// tenant, of which so many are `wanted`, if another has; then not the one to `avoid`.
    pub fn choose(&mut self, tenants: &[u32], avoid: Option<u32>, wanted: impl Fn(u32) -> Option<u16>) -> Option<u32> {
        let Home { cordons, next } = self.homes.get(*tenants.first()? as usize)?;
        let ring: Vec<usize> = (0..cordons.len()).map(|step| (next + step) % cordons.len()).collect();
        let has_all = |at: &usize| tenants.iter().all(|tenant| self.of(*tenant).contains(&cordons[*at]));
        let mans = |at: &usize| {
            let share = |tenant: &u32| wanted(*tenant).is_none_or(|count| self.share(*tenant, cordons[*at], count) > 0);
            tenants.iter().all(share)
        };
        let serves = |at: &usize| self.all[cordons[*at] as usize].stage == Stage::Serving;
        let other = |at: &usize| Some(cordons[*at]) != avoid;
        let mut able: Vec<usize> = ring.into_iter().filter(has_all).collect();
        for wish in [&mans as &dyn Fn(&usize) -> bool, &other] {
            if able.iter().any(wish) {
                able.retain(wish);
            }
        }
        let at = able.iter().copied().find(serves).or(able.first().copied())?;
        let home = cordons[at];
        self.homes[tenants[0] as usize].next = at + 1;
        Some(home)
    }

    /// A process of theirs has this number.
    pub fn has_pid(&self, pid: u32) -> bool {
        self.all.iter().any(|(_, cordon)| cordon.pid() == Some(pid))
    }

    fn settle_homes(&mut self) {
        let most =
            self.all.iter().flat_map(|(_, cordon)| &cordon.plan.tenants).max().map_or(0, |most| *most as usize + 1);
        self.homes = vec![Home::default(); most];
        let mut placed: Vec<(u32, u32)> = Vec::new();
        for (index, cordon) in self.all.iter() {
            if let Some(place) = cordon.place {
                placed.push((place, index as u32));
            }
        }
        placed.sort_unstable();
        for (_, index) in placed {
            let plan = &self.all[index as usize].plan;
            for tenant in plan.tenants.iter().filter(|tenant| plan.serves(**tenant)) {
                self.homes[*tenant as usize].cordons.push(index);
            }
        }
    }
}

impl Tenants {
    /// Whether tenants run in other processes.
    pub fn are_apart(&self) -> bool {
        self.cordons.apart
    }

    /// Whether processes of tenants are there.
    pub fn have_processes(&self) -> bool {
        self.cordons.are_running()
    }

    pub fn has_process(&self, pid: u32) -> bool {
        self.cordons.has_pid(pid)
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// From here on tenants run in these processes, and none here. Those that are as they were stay; the others give back
    /// what they have.
    pub fn arrange_cordons(&mut self, plans: Vec<CordonPlan>) {
        let now = self.now;
        self.tenants.cordons.apart = true;
        let old: Vec<u32> = self.tenants.cordons.all.iter().map(|(index, _)| index as u32).collect();
        let (mut kept, mut come) = (Vec::new(), Vec::new());
        for (place, plan) in plans.into_iter().enumerate() {
            let all = &mut self.tenants.cordons.all;
            let same = |index: &&u32| {
                let cordon = &all[**index as usize];
                cordon.place.is_some() && cordon.plan.goes_on(&plan) && !kept.contains(*index)
            };
            match old.iter().find(same) {
                Some(index) => {
                    let tenants = all[*index as usize].go_on(plan, place as u32);
                    come.extend(tenants.into_iter().map(|tenant| (*index, tenant)));
                    kept.push(*index);
                }
                None => drop(all.insert(Cordon::new(plan, place as u32, now))),
            }
        }
        for index in old.into_iter().filter(|index| !kept.contains(index)) {
            self.retire_cordon(index);
        }
        // A home's share of the instances depends on which homes there are.
        self.tenants.cordons.settle_homes();
        for index in kept {
            self.renew_cordon(index);
        }
        come.into_iter().for_each(|(index, tenant)| self.tell_orders(index, tenant, true));
    }

    /// A process that goes on is told its tenants as they are now.
    fn renew_cordon(&mut self, index: u32) {
        let cordon = &self.tenants.cordons.all[index as usize];
        if cordon.is_loop() {
            self.renew_loop(index);
            let tenants = self.tenants.cordons.all[index as usize].plan.tenants.clone();
            return tenants.into_iter().for_each(|tenant| self.bid_share(index, tenant, false));
        }
        let (Some(place), Stage::Starting | Stage::Serving) = (cordon.place, cordon.stage) else { return };
        match self.cordon_order(place) {
            Ok(order) => {
                let hash = Some(blake3::hash(&order.hive));
                let before = std::mem::replace(&mut self.tenants.cordons.all[index as usize].hive, hash);
                if before != hash {
                    self.bid(index, &Bid::Renew(String::from_utf8_lossy(&order.hive).into_owned()));
                }
                let tenants = self.tenants.cordons.all[index as usize].plan.tenants.clone();
                tenants.into_iter().for_each(|tenant| self.bid_share(index, tenant, false));
            }
            // What it has is that of the modules that are ready; it asks for others itself.
            Err(NotHired::NotYet) => {}
            Err(NotHired::Failed(why)) => self.say_of_cordon(index, &format!("cannot be told what has changed: {why}")),
        }
    }

    fn cordon_order(&mut self, place: u32) -> Result<CordonOrder, NotHired> {
        match self.tenants.keeper.as_mut() {
            Some(keeper) => keeper.cordon(place),
            None => Err(NotHired::Failed("the hall is leaving".into())),
        }
    }

    /// It is not among those that are wanted any more.
    fn retire_cordon(&mut self, index: u32) {
        let cordon = &mut self.tenants.cordons.all[index as usize];
        cordon.place = None;
        let waiting = std::mem::take(&mut cordon.waiting);
        self.tenants.seeking.extend(waiting);
        match self.tenants.cordons.all[index as usize].stage {
            Stage::Stopped | Stage::Preparing => drop(self.tenants.cordons.all.remove(index as usize)),
            Stage::Leaving => {}
            Stage::Starting | Stage::Serving => {
                let cordon = &mut self.tenants.cordons.all[index as usize];
                (cordon.stage, cordon.since) = (Stage::Leaving, self.now);
                self.bid(index, &Bid::Leave);
                self.timers.arm(self.now.plus(self.leave_time()), Token::Cordon(index).pack());
            }
        }
    }

    /// A visitor waits for a process; it is started if it is not there. An error is how many seconds there will be none.
    pub(super) fn await_cordon(&mut self, index: u32, visitor: Key) -> Result<(), u64> {
        let (now, most) = (self.now, self.tenants.limits.waiting as usize);
        let cordon = &mut self.tenants.cordons.all[index as usize];
        if cordon.stage == Stage::Stopped {
            if let Err(wait) = cordon.backoff.may_start(now.0) {
                return Err(wait.as_secs() + 1);
            }
            self.start_cordon(index);
        }
        let cordon = &mut self.tenants.cordons.all[index as usize];
        if !matches!(cordon.stage, Stage::Preparing | Stage::Starting) || cordon.waiting.len() >= most {
            return Err(1);
        }
        cordon.waiting.push_back(visitor);
        Ok(())
    }

    /// All processes of a tenant are there with its first request: whichever serves first gets it.
    pub(super) fn start_homes(&mut self, tenant: u32) {
        for index in self.tenants.cordons.of(tenant).to_vec() {
            if self.tenants.is_unwanted_at(tenant, index) {
                continue;
            }
            let cordon = &self.tenants.cordons.all[index as usize];
            if cordon.stage == Stage::Stopped && cordon.backoff.may_start(self.now.0).is_ok() {
                self.start_cordon(index);
            }
        }
    }

    pub(super) fn start_cordon(&mut self, index: u32) {
        let cordon = &self.tenants.cordons.all[index as usize];
        let Some(place) = cordon.place else { return };
        if cordon.is_loop() {
            return self.start_loop(index, place);
        }
        let order = match self.cordon_order(place) {
            Err(NotHired::NotYet) => return self.prepare_cordon(index),
            order => order,
        };
        let started = order.and_then(|order| {
            let failed = |error: Errno| NotHired::Failed(error.name().to_owned());
            let (process, channel, words) = self.start_cordon_process(index, &order).map_err(failed)?;
            let cordon = &mut self.tenants.cordons.all[index as usize];
            (cordon.plan.shape, cordon.hive) = (order.shape, Some(blake3::hash(&order.hive)));
            self.hear_cordon(index, words);
            Ok((process, channel))
        });
        let now = self.now;
        let cordon = &mut self.tenants.cordons.all[index as usize];
        match started {
            Ok((process, channel)) => {
                (cordon.process, cordon.channel) = (Some(process), Some(channel));
                cordon.begin(now);
                let limit = ms(self.tenants.limits.start_ms);
                self.timers.arm(now.plus(limit), Token::Cordon(index).pack());
            }
            Err(why) => {
                let why = if let NotHired::Failed(why) = why { why } else { String::new() };
                self.cordon_failed(index, &format!("cannot be started: {why}"));
            }
        }
    }

    /// There is none, and why.
    pub(super) fn cordon_failed(&mut self, index: u32, why: &str) {
        self.tenants.cordons.all[index as usize].reason = Some(why.to_owned());
        self.settle_cordon(index);
    }

    /// It is time to look at a cordon: one that has not come, or not gone, and one to start anew.
    pub(in crate::runtime) fn cordon_timer(&mut self, index: u32) {
        let (now, limits) = (self.now, self.tenants.limits);
        let Some(cordon) = self.tenants.cordons.all.get(index as usize) else { return };
        match cordon.stage {
            Stage::Stopped if cordon.backoff.failures() > 0 && cordon.backoff.may_start(now.0).is_ok() => {
                self.start_cordon(index);
            }
            Stage::Preparing => self.start_cordon(index),
            Stage::Starting if now.since(cordon.since) >= ms(limits.start_ms) => {
                self.end_cordon(index, "was not ready in time");
            }
            // The timer may be that of its start, or of who had its place before.
            Stage::Leaving if now.since(cordon.since) >= self.leave_time() => {
                self.end_cordon(index, "has not left in time");
            }
            _ => {}
        }
    }

    /// How long a process has to give back what it has.
    fn leave_time(&self) -> Duration {
        ms(self.tenants.limits.drain_ms) * 3 / 2
    }

    /// Ends a process; the rest happens when it is gone.
    pub(super) fn end_cordon(&mut self, index: u32, why: &str) {
        let cordon = &mut self.tenants.cordons.all[index as usize];
        cordon.reason.get_or_insert_with(|| why.to_owned());
        if let Some(process) = &cordon.process {
            // It may be dead and not waited for, which is no error.
            let _late = process.kill(SIGKILL);
        } else if let Some(channel) = cordon.channel {
            // A thread cannot be ended: it hears that nobody is there.
            self.drop_channel(channel, 0);
            self.cordon_lost(index, None);
        }
    }

    /// What a process of tenants says.
    pub(in crate::runtime) fn cordon_says(
        &mut self,
        index: u32,
        frame: &Frame<'_>,
        fd: Option<OwnedFd>,
    ) -> Result<(), Fault> {
        let stage = self.tenants.cordons.all.get(index as usize).ok_or(Fault::OutOfPlace)?.stage;
        match (frame.kind, stage, fd) {
            (Kind::Serving, Stage::Starting, _) => {
                self.cordon_serves(index);
                Ok(())
            }
            // Its own start and the order to leave have crossed.
            (Kind::Serving, Stage::Leaving, _) => Ok(()),
            (Kind::Back, Stage::Serving | Stage::Leaving, Some(fd)) => self.take_back(index, frame, fd),
            (Kind::Changed, Stage::Serving | Stage::Leaving, _) => {
                self.cordon_changed(index, frame.id);
                Ok(())
            }
            (Kind::Want, Stage::Serving | Stage::Leaving, _) => self.cordon_wants(index, frame.id),
            (Kind::Views, Stage::Serving | Stage::Leaving, _) => self.take_views(index, frame),
            (Kind::Beat, Stage::Serving | Stage::Leaving, _) => self.take_beat(index, frame),
            (Kind::Lines, Stage::Serving | Stage::Leaving, _) => self.take_lines(index, frame.payload),
            _ => Err(Fault::OutOfPlace),
        }
    }

    fn cordon_serves(&mut self, index: u32) {
        let cordon = &mut self.tenants.cordons.all[index as usize];
        (cordon.stage, cordon.since) = (Stage::Serving, self.now);
        let tenants = cordon.plan.tenants.clone();
        let waiting = std::mem::take(&mut cordon.waiting);
        for tenant in tenants {
            self.tell_orders(index, tenant, false);
            // One that has come for the load's sake begins with what it is to have.
            let loaded = |this: &super::life::Tenant| this.crew.wanted() > this.plan.instances.least;
            let more = self.tenants.all.get(tenant as usize).is_some_and(loaded);
            self.bid_share(index, tenant, more);
        }
        self.bid_starts(index);
        self.tenants.seeking.extend(waiting);
    }

    /// The channel to a process has ended, maybe since what came from it was no use.
    pub(in crate::runtime) fn cordon_lost(&mut self, index: u32, fault: Option<Fault>) {
        let Some(cordon) = self.tenants.cordons.all.get_mut(index as usize) else { return };
        cordon.channel = None;
        if let Some(fault) = fault {
            cordon.reason = Some(format!("its channel brought {fault}"));
        }
        if let Some(process) = &cordon.process {
            let _late = process.kill(SIGKILL);
        }
        self.settle_cordon(index);
    }

    /// SIGCHLD has come.
    pub(in crate::runtime) fn reap_cordons(&mut self) {
        let mut ended = Vec::new();
        for (index, cordon) in self.tenants.cordons.all.iter_mut() {
            if let Some(end) = cordon.process.as_mut().and_then(Process::ended) {
                let pid = cordon.pid();
                cordon.process = None;
                ended.push((index as u32, end, pid));
            }
        }
        for (index, end, pid) in ended {
            let cordon = &mut self.tenants.cordons.all[index as usize];
            let told = match end {
                End::Code(code) => format!("exited with code {code}"),
                End::Signal(signal) => format!("was ended by signal {signal}"),
            };
            let told = cordon.reason.take().map_or(told.clone(), |why| format!("{why}, and {told}"));
            cordon.reason = Some(format!("process {} {told}", pid.unwrap_or(0)));
            self.settle_cordon(index);
        }
    }

    /// When both its process and its channel are gone it is: whoever waits is told, and it is started anew.
    pub(super) fn settle_cordon(&mut self, index: u32) {
        let now = self.now;
        let Some(cordon) = self.tenants.cordons.all.get_mut(index as usize) else { return };
        if cordon.process.is_some() || cordon.channel.is_some() {
            // What it has sent before its end is read first.
            return;
        }
        let before = std::mem::replace(&mut cordon.stage, Stage::Stopped);
        let told = cordon.reason.take();
        (cordon.answer, cordon.views, cordon.pulse) = (Vec::new(), Vec::new(), Pulse::default());
        cordon.hall = None;
        if before == Stage::Leaving || self.leaving.is_some() {
            self.hush_cordon(index);
            // First: an operator's order that has waited for its answer may arrange the others anew.
            self.tenants.cordons.all.remove(index as usize);
            self.tenants.cordons.settle_homes();
            self.answered(index);
            return;
        }
        let lived = if before == Stage::Serving { now.since(cordon.since) } else { Duration::ZERO };
        let pause = cordon.backoff.failed(&BackoffLimits::default(), now.0, lived);
        let waiting = std::mem::take(&mut cordon.waiting);
        self.timers.arm(now.plus(pause), Token::Cordon(index).pack());
        self.say_of_cordon(index, &told.unwrap_or_else(|| "have ended".into()));
        self.answered(index);
        for key in waiting {
            if let Some(visitor) = self.visitor_of(key) {
                self.turn_away(visitor, Refusal::Unavailable(pause.as_secs() + 1), false);
            }
        }
    }

    /// The hall has ended: so must they.
    pub(in crate::runtime) fn part_from_cordons(&mut self) {
        for (_, cordon) in &mut self.tenants.cordons.all {
            if let Some(process) = cordon.process.take() {
                process.end();
            }
        }
    }

    /// A line of the hall's own about a process.
    pub(super) fn say_of_cordon(&mut self, index: u32, text: &str) {
        let name = &self.tenants.cordons.all[index as usize].plan.name;
        self.say_all(&format!("tenants of {name}: {text}"));
    }
}
