//! A call that was begun: a future, and the place where its answer will stand. It must not know who fills it.
use super::{CallError, Value};
use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What a call comes to.
pub(super) type Outcome = Result<Value, CallError>;

/// The place of one answer, shared by the runtime and whoever waits.
pub(super) enum Slot {
    Open(Option<Waker>),
    Callback(Box<dyn FnOnce(Outcome)>),
    Full(Outcome),
    Taken,
}

pub(super) type Place = Rc<RefCell<Slot>>;

/// Puts the answer there: a callback is called, a task is woken.
pub(super) fn fill(place: &Place, outcome: Outcome) {
    match place.replace(Slot::Taken) {
        Slot::Callback(callback) => callback(outcome),
        Slot::Open(waker) => {
            place.replace(Slot::Full(outcome));
            waker.into_iter().for_each(Waker::wake);
        }
        Slot::Full(_) | Slot::Taken => unreachable!("a call is answered once"),
    }
}

/// A call under way: a future of its answer, for any executor of this thread. It comes about only while somebody turns
/// the runtime ([`Runtime::turn`](super::Runtime::turn)). Dropping it gives the answer up, not the call.
pub struct Pending(pub(super) Place);

impl Pending {
    pub(super) fn new() -> Pending {
        Pending(Rc::new(RefCell::new(Slot::Open(None))))
    }

    pub(super) fn of(outcome: Outcome) -> Pending {
        Pending(Rc::new(RefCell::new(Slot::Full(outcome))))
    }

    /// The answer, if it is there; once.
    pub fn take(&mut self) -> Option<Outcome> {
        let mut slot = self.0.borrow_mut();
        if !matches!(*slot, Slot::Full(_)) {
            return None;
        }
        match std::mem::replace(&mut *slot, Slot::Taken) {
            Slot::Full(outcome) => Some(outcome),
            _ => None,
        }
    }
}

impl Future for Pending {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        if let Some(outcome) = self.take() {
            return Poll::Ready(outcome);
        }
        if let Slot::Open(waker) = &mut *self.0.borrow_mut() {
            *waker = Some(context.waker().clone());
        }
        Poll::Pending
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ready = matches!(*self.0.borrow(), Slot::Full(_));
        write!(f, "Pending {{ ready: {ready} }}")
    }
}
