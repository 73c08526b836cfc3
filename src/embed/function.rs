//! Functions that the program offers to guests, and the answers on their way back, from whatever thread they come. It
//! must not know the hall.
use super::{Guest, Value};
use crate::reactor::Waker;
use crate::runtime::CallId;
use skep_abi::value::FAILED;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

/// A guest has called a function.
#[derive(Debug)]
pub struct HostCall {
    /// Who calls.
    pub guest: Guest,
    /// What it was given.
    pub argument: Value,
    /// To be answered now, later, or on another thread.
    pub reply: Reply,
}

/// An answer that is due. Dropped without one, the guest is told that there is none.
pub struct Reply {
    desk: Arc<Desk>,
    id: Option<CallId>,
}

impl Reply {
    pub(super) fn new(desk: &Arc<Desk>, id: CallId) -> Reply {
        Reply { desk: desk.clone(), id: Some(id) }
    }

    /// Resolves the guest's promise.
    pub fn ok(mut self, value: impl Into<Value>) {
        let value = value.into();
        let (flags, bytes) = value.pack();
        self.send(flags, bytes.into_owned());
    }

    /// Rejects it, with an `Error` of this text.
    pub fn fail(mut self, text: &str) {
        self.send(FAILED, text.as_bytes().to_vec());
    }

    fn send(&mut self, flags: u16, bytes: Vec<u8>) {
        if let Some(id) = self.id.take() {
            self.desk.put(Answer { id, flags, bytes });
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.send(FAILED, b"the host's function gave no answer".to_vec());
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({:?})", self.id)
    }
}

/// One answer, as it travels.
pub(super) struct Answer {
    pub id: CallId,
    pub flags: u16,
    pub bytes: Vec<u8>,
}

/// Where answers are laid down.
pub(super) struct Desk {
    answers: Mutex<Vec<Answer>>,
    home: ThreadId,
    waker: Waker,
}

impl Desk {
    /// On the runtime's own thread.
    pub(super) fn new(waker: Waker) -> Desk {
        Desk { answers: Mutex::default(), home: thread::current().id(), waker }
    }

    fn put(&self, answer: Answer) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        if thread::current().id() != self.home {
            // A kernel that refuses has no memory for a wake-up; the next one brings this answer too.
            let _ = self.waker.wake();
        }
    }

    pub(super) fn take(&self) -> Vec<Answer> {
        std::mem::take(&mut self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}
