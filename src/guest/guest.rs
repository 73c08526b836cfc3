//! One guest: entered with a batch of events, resumed slice by slice, ended by what it does. It must not
//! know what events mean, nor when the others run: that is the runtime's.
use super::cell::{Cell, Code};
use super::den::Den;
use super::drift::{Applied, Base, Drift, Finding};
use super::engine::{Body, Context, Outcome, to_anyhow};
use super::falling::{Falling, Husk, Written};
use super::image::{GlobalValue, Image, Pages, PagesWriter, give_back, map_over};
use super::layer::{Layer, written};
use super::module::GLOBAL_EXPORT;
use super::sleeper::{Parts, Sleeper};
use super::spare;
use super::state::GuestState;
use super::verdict::{Turn, Verdict, judge};
use super::work::{Done, Lane, Work};
use crate::policy::Bound;
use anyhow::{Context as _, Result, bail, ensure};
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use wasmtime::{Instance, Memory, Store, TypedFunc, Val};

/// Mutable globals, and address and length of the inbox.
pub(super) type AtRest = (Vec<GlobalValue>, Option<(u32, u32)>);

/// Bytes that are given back without more ado.
const AT_ONCE: usize = 256 << 10;

/// One guest. Dropping it, at any time, gives everything back.
pub struct Guest {
    body: Body,
    instance: Instance,
    memory: Memory,
    on_events: TypedFunc<i32, i32>,
    ended: Option<Verdict>,
    /// What its memory is a private mapping of, from the start on.
    base: Option<Base>,
    /// It dozes: what it has written, whose pages have been given back.
    aside: Option<Drift>,
    /// It is on its way to sleep, and its memory is to stay as it is.
    falling: Option<Box<Falling>>,
    /// What was found on a way to sleep that is given up.
    given_up: Option<Box<Falling>>,
    /// What runs: goes after `body`, which runs it.
    code: Arc<Code>,
}

impl Guest {
    pub(super) fn new(
        body: Body,
        instance: Instance,
        memory: Memory,
        on_events: TypedFunc<i32, i32>,
        code: Arc<Code>,
    ) -> Guest {
        let (ended, base, aside, falling, given_up) = (None, None, None, None, None);
        Guest { body, instance, memory, on_events, ended, base, aside, falling, given_up, code }
    }

    /// Its memory is a private mapping of this.
    pub(super) fn over(self, base: Option<Base>) -> Guest {
        Guest { base, ..self }
    }

    /// What the host knows of it; also while it has yielded, and after its end.
    pub fn state(&self) -> &GuestState {
        &self.body.shared().state
    }

    /// As [`Guest::state`], to change it: the runtime drains the outbox and updates handles here.
    pub fn state_mut(&mut self) -> &mut GuestState {
        &mut self.body.shared_mut().state
    }

    /// Bytes that a batch may have; none before the guest has told.
    pub fn inbox_bytes(&self) -> Option<usize> {
        self.body.shared().inbox.map(|(_, len)| len as usize)
    }

    /// It has yielded: only [`Guest::resume`] goes on.
    pub fn is_running(&self) -> bool {
        self.body.is_running()
    }

    /// How it ended, if it did.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.ended.as_ref()
    }

    /// It has ended, and was refused memory in its last turn.
    pub fn was_starved(&self) -> bool {
        self.ended.is_some() && self.state().limiter.starves
    }

    /// Begins a turn with a laid-out batch and runs the first slice.
    ///
    /// # Panics
    /// When a turn has not ended, or the batch is larger than [`Guest::inbox_bytes`].
    pub fn deliver(&mut self, batch: &[u8]) -> Turn {
        if let Some(verdict) = &self.ended {
            return Turn::Ended(verdict.clone());
        }
        let Some((start, capacity)) = self.body.shared().inbox else {
            return self.end(Verdict::Broken);
        };
        assert!(batch.len() <= capacity as usize, "a batch fits into the inbox");
        self.stay_awake();
        self.tell_of_start();
        self.rouse();
        let inbox = self.memory.data_mut(self.body.store());
        inbox[start as usize..start as usize + batch.len()].copy_from_slice(batch);
        self.state_mut().limiter.starves = false;
        self.body.begin(&self.on_events, batch.len() as i32);
        self.body.shared_mut().state.meter.turns += 1;
        self.run()
    }

    /// Runs the next slice of a turn that yielded.
    ///
    /// # Panics
    /// When no turn is under way.
    pub fn resume(&mut self) -> Turn {
        match &self.ended {
            Some(verdict) => Turn::Ended(verdict.clone()),
            None => self.run(),
        }
    }

    fn run(&mut self) -> Turn {
        match self.slice() {
            Ok(Poll::Pending) => Turn::Yielded,
            Ok(Poll::Ready(wants)) if wants as u32 & skep_abi::wants::BROKEN != 0 => self.end(Verdict::Broken),
            Ok(Poll::Ready(wants)) => Turn::Done { wants: wants as u32 },
            Err(verdict) => self.end(verdict),
        }
    }

    /// Begins the constructors, if the guest has any.
    pub(super) fn begin_initialize(&mut self) -> Result<()> {
        let name = skep_abi::exports::INITIALIZE;
        if let Some(func) = self.instance.get_func(self.body.store(), name) {
            let func = func.typed::<(), ()>(self.body.store()).map_err(to_anyhow)?;
            self.body.begin(&func, ());
        }
        Ok(())
    }

    /// Begins the call that tells the guest's version of the boundary.
    pub(super) fn begin_abi(&mut self) -> Result<()> {
        let func = self.instance.get_typed_func::<(), i32>(self.body.store(), skep_abi::exports::ABI);
        self.body.begin(&func.map_err(to_anyhow)?, ());
        Ok(())
    }

    /// Runs the call that was begun for one slice, and accounts for it.
    pub(super) fn slice(&mut self) -> Result<Poll<i32>, Verdict> {
        slice(&mut self.body)
    }

    fn end(&mut self, verdict: Verdict) -> Turn {
        self.ended = Some(verdict.clone());
        Turn::Ended(verdict)
    }

    /// Gives back the pages that it has written, and keeps what they hold in fewer bytes until it is entered again. Answers
    /// how many these are; none when it is in a turn, has ended, dozes already or falls asleep, or what it has written cannot be told.
    pub fn doze(&mut self) -> Option<usize> {
        if self.is_running() || self.ended.is_some() || self.aside.is_some() || self.falling.is_some() {
            return None;
        }
        // Who dozes before it is entered again has started too.
        self.tell_of_start();
        let base = self.base.as_ref()?;
        // An error leaves all as it was.
        let memory = self.memory.data_mut(self.body.store());
        self.aside = Drift::put_aside(memory, &base.pages).ok().flatten();
        self.aside.as_ref().map(|drift| drift.bytes().len())
    }

    /// When it has started: which pages those that start next will write.
    fn tell_of_start(&mut self) {
        let has_started = self.state().meter.turns == spare::TURNS;
        if let Some(Base { pages, layer: None }) = self.base.as_ref().filter(|_| has_started && self.aside.is_none()) {
            spare::learn(pages, self.memory.data(self.body.store()));
        }
    }

    /// Whether it dozes.
    pub fn dozes(&self) -> bool {
        self.aside.is_some()
    }

    /// Its memory is what it was before it dozed.
    fn rouse(&mut self) {
        if let Some(drift) = self.aside.take() {
            drift.apply(self.memory.data_mut(self.body.store())).expect("it was made of this memory");
        }
    }

    /// Takes an image. The guest goes on unchanged. The first image of a guest that was not spawned from one is whole;
    /// others are layers over what it was mapped from, as long as they are much smaller.
    ///
    /// # Errors
    /// In the middle of a turn or after the end; or when the system has no memory for it.
    pub fn capture(&mut self) -> Result<Image> {
        let (globals, inbox) = self.at_rest()?;
        let memory = self.memory.data_mut(self.body.store());
        if let Some(Base { pages, .. }) = &self.base
            && let Some(layer) = Layer::of(memory, pages)?
        {
            let layer = Some(layer).filter(|layer| !layer.runs.is_empty() || layer.bytes != pages.bytes);
            return Ok(Image { pages: pages.clone(), layer, globals, inbox });
        }
        let image = whole(memory, globals, inbox)?;
        // The next image is a layer over this one.
        map_over(memory, &image.pages)?;
        self.base = Some(Base { pages: image.pages.clone(), layer: None });
        Ok(image)
    }

    /// The pages that it was spawned from, and how much of its memory has been written since, bytes.
    pub(super) fn written(&mut self) -> Result<(Arc<Pages>, u64)> {
        self.at_rest()?;
        let base = self.base.as_ref().context("its memory is that of no image")?.pages.clone();
        let runs =
            written(self.memory.data(self.body.store())).context("the system does not tell what it has written")?;
        Ok((base, runs.iter().map(|run| run.len() as u64).sum()))
    }

    /// Its code over this image.
    pub(super) fn cell_of(&self, image: Image) -> Cell {
        Cell::new(self.body.engine(), self.code.clone(), image)
    }

    /// Begins to put it to sleep: what its memory holds beyond the image that it was spawned from is to go to the den.
    ///
    /// # Errors
    /// In the middle of a turn, after the end, or when it has written more than `most` bytes.
    pub(super) fn begin_sleep(&mut self, most: usize) -> Result<()> {
        let at_rest = self.at_rest()?;
        let base = self.base.clone().context("its memory is that of no image")?;
        let finding = Finding::begin(self.memory.data(self.body.store()), most)?;
        self.falling = Some(Box::new(Falling::new(at_rest, base, finding)));
        Ok(())
    }

    /// Looks at so many bytes more; what a thread is to write when that was all. It goes on as it is meanwhile.
    ///
    /// # Errors
    /// When the den takes no more.
    pub(super) fn fall_on(&mut self, den: &Den, bytes: usize) -> Result<Option<Work>> {
        let memory = self.memory.data(self.body.store());
        self.falling.as_mut().map_or(Ok(None), |falling| falling.more(memory, den, bytes))
    }

    /// The number of the file that is written of it; none when it does not fall asleep, or has been entered since it began.
    pub(super) fn falls(&self) -> Option<Option<u64>> {
        self.falling.as_ref().map(|falling| falling.number())
    }

    /// It does not fall asleep: whatever is done with it from here on.
    pub(super) fn stay_awake(&mut self) {
        self.given_up = self.falling.take().or_else(|| self.given_up.take());
    }

    /// What a thread has to do when it did not fall asleep after all: to give much memory back takes a while.
    pub(super) fn clear_up(&mut self) -> Option<Work> {
        let found = self.given_up.take().filter(|falling| falling.found() > AT_ONCE)?;
        let drop = move || {
            drop(found);
            Done::Number(0)
        };
        Some(Work::new(Lane::Quick, drop))
    }

    /// Its file is written: it sleeps, and its memory is to be given back.
    ///
    /// # Errors
    /// When it has been entered meanwhile; it is as it was.
    pub(super) fn fall_asleep(mut self) -> Result<(Sleeper, Husk), Box<Guest>> {
        let written = self.falling.take().and_then(|falling| falling.written());
        let Some(Written { at_rest, base, runs, kept }) = written else { return Err(Box::new(self)) };
        let parts = Parts { engine: self.body.engine().clone(), code: self.code.clone(), base, at_rest };
        let state = self.take_state();
        Ok((Sleeper::new(parts, state, kept), Husk::new(self, runs)))
    }

    /// Gives back pages that are as they were written.
    pub(super) fn shed(&mut self, run: Range<usize>) {
        give_back(&mut self.memory.data_mut(self.body.store())[run]);
    }

    /// Its memory has so many bytes, as it had when it fell asleep.
    pub(super) fn stretch(&mut self, bytes: usize) -> Result<()> {
        let store = self.body.store();
        let missing = bytes.checked_sub(self.memory.data_size(&*store)).context("its memory was smaller")?;
        let page = usize::try_from(self.memory.page_size(&*store))?;
        if missing > 0 {
            grow(self.memory, store, (missing / page) as u64)?;
        }
        Ok(())
    }

    /// It is what it was when its memory had come so far; whether it is that already, after so many bytes of pages.
    pub(super) fn take_up(&mut self, drift: &Drift, applied: &mut Applied, bytes: usize) -> Result<bool> {
        drift.apply_more(self.memory.data_mut(self.body.store()), applied, bytes)
    }

    /// What the host knows of it leaves it.
    pub(super) fn take_state(&mut self) -> GuestState {
        std::mem::replace(self.state_mut(), GuestState::nobodys())
    }

    /// Takes an image that is no layer, to be kept or to be what others start from.
    ///
    /// # Errors
    /// As [`Guest::capture`].
    pub fn capture_whole(&mut self) -> Result<Image> {
        let (globals, inbox) = self.at_rest()?;
        whole(self.memory.data(self.body.store()), globals, inbox)
    }

    /// What there is to an image besides memory.
    fn at_rest(&mut self) -> Result<AtRest> {
        ensure!(!self.is_running(), "an image can only be taken between two turns");
        if let Some(verdict) = &self.ended {
            bail!("the guest has {verdict}");
        }
        self.rouse();
        Ok((self.globals(), self.body.shared().inbox))
    }

    /// Reads the guest's memory, for tests.
    #[cfg(test)]
    pub(crate) fn peek(&mut self, at: u32, len: u32) -> Vec<u8> {
        self.rouse();
        self.memory.data(self.body.store())[at as usize..(at + len) as usize].to_vec()
    }

    /// Grows the guest's memory, for tests.
    #[cfg(test)]
    pub(super) fn grow(&mut self, pages: u64) {
        grow(self.memory, self.body.store(), pages).expect("its limit allows it");
    }

    /// Writes the guest's memory, for tests.
    #[cfg(test)]
    pub(super) fn poke(&mut self, at: u32, bytes: &[u8]) {
        self.rouse();
        self.memory.data_mut(self.body.store())[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
    }

    fn globals(&mut self) -> Vec<GlobalValue> {
        let store = self.body.store();
        let exported: Vec<_> = self
            .instance
            .exports(&mut *store)
            .filter_map(|export| {
                let index = export.name().strip_prefix(GLOBAL_EXPORT)?.parse().ok()?;
                Some((index, export.into_global()?))
            })
            .collect();
        let value = |(index, global): (u32, wasmtime::Global)| {
            let (kind, bits) = match global.get(&mut *store) {
                Val::I32(value) => (0, u64::from(value as u32)),
                Val::I64(value) => (1, value as u64),
                Val::F32(bits) => (2, u64::from(bits)),
                Val::F64(bits) => (3, bits),
                other => unreachable!("module.rs refuses a mutable global of type {other:?}"),
            };
            GlobalValue { index, kind, bits }
        };
        exported.into_iter().map(value).collect()
    }
}

/// So many pages more, for the host; which waits for nobody.
fn grow(memory: Memory, store: &mut Store<Context>, pages: u64) -> Result<()> {
    let grown = pin!(memory.grow_async(store, pages)).poll(&mut std::task::Context::from_waker(Waker::noop()));
    let Poll::Ready(grown) = grown else { bail!("no question is so small") };
    grown.map(drop).map_err(to_anyhow)
}

fn whole(memory: &[u8], globals: Vec<GlobalValue>, inbox: Option<(u32, u32)>) -> Result<Image> {
    let mut pages = PagesWriter::new(memory.len())?;
    pages.write_memory(memory)?;
    Ok(Image { pages: Arc::new(pages.finish()?), layer: None, globals, inbox })
}

/// Runs the call that was begun for one slice, and accounts for it.
pub(super) fn slice(body: &mut Body) -> Result<Poll<i32>, Verdict> {
    let entered = body.shared().state.outside.enters();
    body.shared_mut().entered = Some(entered);
    let outcome: Outcome = body.poll();
    let shared = body.shared_mut();
    shared.entered = None;
    let state = &mut shared.state;
    let (left_at, cpu) = state.outside.leaves(entered);
    state.meter.left_at = left_at;
    match std::mem::take(&mut state.limiter.refused) {
        0 => {}
        times => state.meter.hit_times(Bound::Memory, times),
    }
    let within = state.ran(cpu);
    match outcome {
        Poll::Pending => {
            state.meter.yields += 1;
            if within { Ok(Poll::Pending) } else { Err(Verdict::CpuExceeded) }
        }
        Poll::Ready(Ok(Ok(answer))) if within => Ok(Poll::Ready(answer)),
        // Many short turns use a budget up as one long turn does.
        Poll::Ready(Ok(Ok(_))) => Err(Verdict::CpuExceeded),
        Poll::Ready(Ok(Err(error))) => Err(judge(&error)),
        Poll::Ready(Err(panic)) => Err(Verdict::HostFault(panic)),
    }
}
