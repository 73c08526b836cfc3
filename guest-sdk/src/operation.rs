//! Operations off the loop: each is told of once, when it is over. It must not know what was asked for.
use crate::events::{u64_at, Incoming};
use crate::raw::{self, Handle};
use crate::world::{self, Entry};
use crate::{Error, Result};
use skep_abi::{done, events};
use std::cell::RefCell;
use std::rc::Rc;

/// What came of one.
pub(crate) struct Done<'a> {
    /// A number or a byte count.
    pub value: u32,
    flags: u16,
    payload: &'a [u8],
}

impl Done<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        if self.flags & done::BLOB != 0 {
            raw::take_blob(u64_at(self.payload, 0))
        } else {
            self.payload.to_vec()
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// Of what was opened.
    pub fn handle(&self) -> Handle {
        u64_at(self.payload, 0)
    }
}

type OnDone = Box<dyn FnOnce(Result<Done<'_>>)>;

/// One that is under way.
pub(crate) struct Operation {
    handle: Handle,
    call: RefCell<Option<OnDone>>,
}

/// Has the end of an operation told there.
pub(crate) fn wait(handle: Handle, call: impl FnOnce(Result<Done<'_>>) + 'static) {
    let operation = Operation { handle, call: RefCell::new(Some(Box::new(call))) };
    world::insert(handle, Entry::Operation(Rc::new(operation)));
}

impl Operation {
    pub fn event(&self, event: &Incoming<'_>) {
        if event.kind != events::OP_DONE {
            return;
        }
        world::remove(self.handle);
        let result = if event.flags & done::FAILED == 0 {
            Ok(Done { value: event.value, flags: event.flags, payload: event.payload })
        } else {
            Err(Error::told(event))
        };
        let call = self.call.borrow_mut().take();
        if let Some(call) = call {
            call(result);
        }
    }
}
