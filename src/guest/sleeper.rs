//! A guest that sleeps: how its memory differs from the image that it was spawned from, in a file of the [`Den`]'s, and what the
//! host knows of it. Its memory is given back. It must not know when a guest is to sleep or to wake.
//!
//! A sleeper wakes once, as the very guest that fell asleep: nothing is repeated, so nothing has to be renewed. Who wants
//! copies takes images ([`Guest::capture`]) and sends each the START of a clone.
//!
//! | who wakes | how |
//! |---|---|
//! | has changed few pages, and the system has its file in memory | at once |
//! | any other | a thread reads its file, then it *rises*: its memory is made piece by piece |
//! | whoever wakes while the system lacks descriptors or memory for it | later: it sleeps on as it was |
use super::cell::{Code, spawn};
use super::den::{Den, Kept};
use super::drift::{Applied, Base, Drift};
use super::engine::Engine;
use super::falling::Husk;
use super::guest::{AtRest, Guest};
use super::image::{Memory, Start};
use super::state::GuestState;
use super::work::{Done, Lane, Work};
use anyhow::{Error, Result};
use rustix::io::Errno;
use skep_abi::errno::{EAGAIN, EIO};
use std::sync::Arc;

/// Bytes of a file, and of the pages that it tells of, that are read and made at once: a millisecond.
const AT_ONCE: usize = 256 << 10;
const PAGES_AT_ONCE: usize = 2 << 20;

/// A guest without memory of its own.
pub struct Sleeper {
    engine: Engine,
    code: Arc<Code>,
    base: Base,
    at_rest: AtRest,
    state: GuestState,
    kept: Arc<Kept>,
    /// What was in its file, when it was read and there was no memory for it.
    held: Option<Vec<u8>>,
    /// It is to wake, and its file is read.
    called: bool,
}

/// What comes of it when one is to rise.
enum Rise {
    Begun(Box<Rising>),
    /// It sleeps on, and why.
    NotNow(Box<Sleeper>, Error),
}

/// Whether the system lacks something that it may have later, and nothing is wrong with what was asked for.
fn is_lack(error: &Error) -> bool {
    let errno = |cause: &(dyn std::error::Error + 'static)| {
        let of_io = || Errno::from_io_error(cause.downcast_ref::<std::io::Error>()?);
        cause.downcast_ref::<Errno>().copied().or_else(of_io)
    };
    error.chain().filter_map(errno).any(|errno| matches!(errno, Errno::MFILE | Errno::NFILE | Errno::NOMEM))
}

/// What a guest is made of, but for its memory.
pub(super) struct Parts {
    pub(super) engine: Engine,
    pub(super) code: Arc<Code>,
    pub(super) base: Base,
    pub(super) at_rest: AtRest,
}

impl Sleeper {
    pub(super) fn new(parts: Parts, state: GuestState, kept: Arc<Kept>) -> Sleeper {
        let Parts { engine, code, base, at_rest } = parts;
        Sleeper { engine, code, base, at_rest, state, kept, held: None, called: false }
    }

    /// What the host knows of it: handles, grants, limits. Events are kept for it by whoever has it.
    pub fn state(&self) -> &GuestState {
        &self.state
    }

    /// As [`Sleeper::state`], to change it.
    pub fn state_mut(&mut self) -> &mut GuestState {
        &mut self.state
    }

    /// Bytes that are kept for it.
    pub fn own_bytes(&self) -> u64 {
        self.kept.bytes as u64
    }

    /// Bytes that a batch may have.
    pub fn inbox_bytes(&self) -> Option<usize> {
        self.at_rest.1.map(|(_, len)| len as usize)
    }

    /// What it was, if that can be read now, without waiting, and is little.
    ///
    /// # Errors
    /// When its file is gone or not as it was written.
    fn at_once(&self) -> Result<Option<Vec<u8>>> {
        let is_little = self.kept.bytes <= AT_ONCE && self.kept.touched <= PAGES_AT_ONCE;
        if !is_little || self.held.is_some() {
            return Ok(None);
        }
        self.kept.read_at_once().or_else(|error| if is_lack(&error) { Ok(None) } else { Err(error) })
    }

    /// What a thread has to do before it can rise: it reads the file, and removes it. EAGAIN: not now.
    fn reading(&mut self) -> Work {
        if let Some(bytes) = self.held.take() {
            return Work::new(Lane::Quick, || Done::Bytes(bytes));
        }
        let kept = self.kept.clone();
        let read = move || match kept.read() {
            Ok(bytes) => {
                kept.forget();
                Done::Bytes(bytes)
            }
            Err(why) => {
                let errno = if is_lack(&why) { EAGAIN } else { EIO };
                Done::Failed { errno, why: format!("{why:#}") }
            }
        };
        Work::new(Lane::Quick, read)
    }

    /// Brings it back, where it was, with what was in its file: there is memory for it then, and nothing in it yet.
    ///
    /// # Errors
    /// When that makes no sense: then the guest is gone, and this is what the host knew of it.
    fn rise(mut self: Box<Self>, bytes: Vec<u8>) -> Result<Rise, Box<(GuestState, Error)>> {
        let drift = Drift::of_bytes(bytes);
        let mut state = std::mem::replace(&mut self.state, GuestState::nobodys());
        let bytes = match drift.memory_bytes() {
            Ok(bytes) => bytes,
            Err(error) => return Err(Box::new((state, error))),
        };
        // What it had it has: an operator's lower limit holds for what it asks for from here on.
        let limits = state.limits.clone();
        state.limits.memory_bytes = limits.memory_bytes.max(bytes as u64);
        state.limiter.set(&state.limits);
        let memory = Memory::Shared(self.base.pages.clone(), self.base.layer.clone());
        let start = Start { memory, globals: self.at_rest.0.clone(), inbox: self.at_rest.1 };
        let made = spawn(&self.engine, &self.code, start, state).and_then(|mut guest| match guest.stretch(bytes) {
            Ok(()) => Ok(guest),
            Err(error) => Err(Box::new((guest.take_state(), error))),
        });
        match made {
            Ok(mut guest) => {
                guest.state_mut().set_limits(limits);
                let at_rest = self.kept.bytes as u64;
                Ok(Rise::Begun(Box::new(Rising { guest, drift, applied: Applied::nothing(), at_rest })))
            }
            // What was read is what was written: nothing but the system's memory and address space can be missing.
            Err(failed) => {
                let (mut state, why) = *failed;
                state.set_limits(limits);
                (self.state, self.held) = (state, Some(drift.into_bytes()));
                Ok(Rise::NotNow(self, why))
            }
        }
    }
}

/// How far a guest's memory is what it was.
#[derive(Debug)]
pub enum Risen {
    Partly,
    /// It sleeps on as it was: the system lacks what this says.
    NotNow(String),
    /// It is awake; what a thread has to do afterwards.
    Whole(Option<Work>),
}

/// A guest whose memory becomes what it was.
pub struct Rising {
    guest: Guest,
    drift: Drift,
    applied: Applied,
    at_rest: u64,
}

impl Rising {
    /// So many bytes of pages more.
    ///
    /// # Errors
    /// When what was kept makes no sense: then the guest is gone.
    fn more(mut self: Box<Self>, bytes: usize) -> Result<(Occupant, Risen), Box<(GuestState, Error)>> {
        match self.guest.take_up(&self.drift, &mut self.applied, bytes) {
            Ok(true) => {
                let Rising { guest, drift, .. } = *self;
                // To give much memory back takes a while, too.
                let rest = (drift.bytes().len() > AT_ONCE).then(|| {
                    let drop = move || {
                        drop(drift);
                        Done::Number(0)
                    };
                    Work::new(Lane::Quick, drop)
                });
                Ok((Occupant::Awake(guest), Risen::Whole(rest)))
            }
            Ok(false) => Ok((Occupant::Rising(self), Risen::Partly)),
            Err(error) => Err(Box::new((self.guest.take_state(), error))),
        }
    }
}

/// Who sits in a seat: a guest that is awake (or on its way to sleep), or one that sleeps (or on its way back).
#[allow(clippy::large_enum_variant, reason = "most are awake, and are reached without another step")]
pub enum Occupant {
    Awake(Guest),
    Asleep(Box<Sleeper>),
    Rising(Box<Rising>),
    /// It could not be woken: what the host knew of it.
    Lost(Box<GuestState>),
}

impl Occupant {
    /// What the host knows of it.
    pub fn state(&self) -> &GuestState {
        match self {
            Occupant::Awake(guest) => guest.state(),
            Occupant::Asleep(sleeper) => sleeper.state(),
            Occupant::Rising(rising) => rising.guest.state(),
            Occupant::Lost(state) => state,
        }
    }

    /// As [`Occupant::state`], to change it.
    pub fn state_mut(&mut self) -> &mut GuestState {
        match self {
            Occupant::Awake(guest) => guest.state_mut(),
            Occupant::Asleep(sleeper) => sleeper.state_mut(),
            Occupant::Rising(rising) => rising.guest.state_mut(),
            Occupant::Lost(state) => state,
        }
    }

    /// The guest, to be entered.
    ///
    /// # Panics
    /// When it is not awake.
    pub fn awake(&mut self) -> &mut Guest {
        match self {
            Occupant::Awake(guest) => guest,
            _ => panic!("a guest that sleeps is woken before it is entered"),
        }
    }

    pub fn is_asleep(&self) -> bool {
        !matches!(self, Occupant::Awake(_))
    }

    /// Whether it is awake, and its pages have been given back.
    pub fn dozes(&self) -> bool {
        matches!(self, Occupant::Awake(guest) if guest.dozes())
    }

    /// Bytes that are kept while it sleeps; none: it is awake.
    pub fn at_rest(&self) -> Option<u64> {
        match self {
            Occupant::Asleep(sleeper) => Some(sleeper.own_bytes()),
            Occupant::Rising(rising) => Some(rising.at_rest),
            _ => None,
        }
    }

    /// Whether it is called and not awake yet: there is nothing to do about it but to wait.
    pub fn is_rising(&self) -> bool {
        match self {
            Occupant::Asleep(sleeper) => sleeper.called,
            Occupant::Rising(_) => true,
            _ => false,
        }
    }

    /// The number of its file, while it sleeps or one is written.
    pub fn file(&self) -> Option<u64> {
        match self {
            Occupant::Awake(guest) => guest.falls().flatten(),
            Occupant::Asleep(sleeper) => Some(sleeper.kept.number),
            _ => None,
        }
    }

    /// Begins to put it to sleep.
    ///
    /// # Errors
    /// In the middle of a turn, after its end, or when it has written more than `most` bytes.
    pub fn begin_sleep(&mut self, most: usize) -> Result<()> {
        self.awake().begin_sleep(most)
    }

    /// Whether it is on its way to sleep, and has not been entered since that began.
    pub fn falls(&self) -> bool {
        matches!(self, Occupant::Awake(guest) if guest.falls().is_some())
    }

    /// Looks at so many bytes of its pages more; when that was all, what a thread is to write.
    ///
    /// # Errors
    /// When the den takes no more.
    pub fn fall_on(&mut self, den: &Den, bytes: usize) -> Result<Option<Work>> {
        match self {
            Occupant::Awake(guest) => guest.fall_on(den, bytes),
            _ => Ok(None),
        }
    }

    /// It is awake after all.
    pub fn stay_awake(&mut self) {
        if let Occupant::Awake(guest) = self {
            guest.stay_awake();
        }
    }

    /// What a thread has to do when its way to sleep was given up, if that is much.
    pub fn clear_up(&mut self) -> Option<Work> {
        match self {
            Occupant::Awake(guest) => guest.clear_up(),
            _ => None,
        }
    }

    /// Its file is written: it sleeps. None when it has been entered meanwhile.
    pub fn fall_asleep(&mut self) -> Option<Husk> {
        let Occupant::Awake(guest) = self.take_if(|this| matches!(this, Occupant::Awake(_)))? else { return None };
        match guest.fall_asleep() {
            Ok((sleeper, husk)) => {
                *self = Occupant::Asleep(Box::new(sleeper));
                Some(husk)
            }
            Err(guest) => {
                *self = Occupant::Awake(*guest);
                None
            }
        }
    }

    /// Wakes it, if that can be done at once; whether it is awake.
    ///
    /// # Errors
    /// When its file is not as it was: then it is lost.
    pub fn wake(&mut self) -> Result<bool> {
        let Occupant::Asleep(sleeper) = self else { return Ok(!self.is_asleep()) };
        match sleeper.at_once() {
            Ok(Some(bytes)) => {
                if matches!(self.rise(bytes)?, Risen::NotNow(_)) {
                    return Ok(false);
                }
                self.rise_on(usize::MAX)?;
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) => {
                self.lose();
                Err(error)
            }
        }
    }

    /// It is to wake as soon as it can.
    pub fn call(&mut self) {
        if let Occupant::Asleep(sleeper) = self {
            sleeper.called = true;
        }
    }

    /// What a thread has to do for one that was called.
    pub fn reading(&mut self) -> Option<Work> {
        match self {
            Occupant::Asleep(sleeper) => Some(sleeper.reading()),
            _ => None,
        }
    }

    /// What was in its file is there.
    ///
    /// # Errors
    /// As [`Occupant::wake`].
    pub fn rise(&mut self, bytes: Vec<u8>) -> Result<Risen> {
        let Some(Occupant::Asleep(sleeper)) = self.take_if(|this| matches!(this, Occupant::Asleep(_))) else {
            return Ok(Risen::Partly);
        };
        match sleeper.rise(bytes) {
            Ok(Rise::Begun(rising)) => {
                *self = Occupant::Rising(rising);
                Ok(Risen::Partly)
            }
            Ok(Rise::NotNow(sleeper, why)) => {
                *self = Occupant::Asleep(sleeper);
                Ok(Risen::NotNow(format!("{why:#}")))
            }
            Err(lost) => Err(self.put_lost(*lost)),
        }
    }

    /// So many bytes of its pages more.
    ///
    /// # Errors
    /// When what was kept makes no sense: then it is lost.
    pub fn rise_on(&mut self, bytes: usize) -> Result<Risen> {
        let Some(Occupant::Rising(rising)) = self.take_if(|this| matches!(this, Occupant::Rising(_))) else {
            return Ok(Risen::Partly);
        };
        match rising.more(bytes) {
            Ok((next, risen)) => {
                *self = next;
                Ok(risen)
            }
            Err(lost) => Err(self.put_lost(*lost)),
        }
    }

    /// It cannot be woken.
    pub fn lose(&mut self) {
        let state = std::mem::replace(self.state_mut(), GuestState::nobodys());
        *self = Occupant::Lost(Box::new(state));
    }

    fn put_lost(&mut self, (state, error): (GuestState, Error)) -> Error {
        *self = Occupant::Lost(Box::new(state));
        error
    }

    fn take_if(&mut self, is: impl FnOnce(&Occupant) -> bool) -> Option<Occupant> {
        is(self).then(|| std::mem::replace(self, Occupant::Lost(Box::new(GuestState::nobodys()))))
    }
}
