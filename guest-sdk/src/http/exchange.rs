//! What is wanted to be told of one exchange: body, room, end. Made only when something is, so that a plain request
//! and response cost nothing here. It must not know requests nor responses.
use crate::body::{Chunk, Credit};
use crate::error::from_value;
use crate::events::Incoming;
use crate::http::inflow::Inflow;
use crate::raw::{self, Handle};
use crate::world::{self, Entry};
use crate::{Error, Result};
use skep_abi::{errno, events};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

type OnDrain = Box<dyn FnMut()>;
type OnDone = Box<dyn FnOnce(Result<()>)>;

/// One exchange that somebody watches.
pub(crate) struct Exchange {
    pub handle: Handle,
    /// Where the body goes, while parts of it are due.
    inflow: RefCell<Option<Rc<Inflow>>>,
    /// The response has not been ended.
    pub writing: Cell<bool>,
    drain: RefCell<Option<OnDrain>>,
    done: RefCell<Option<OnDone>>,
    /// Of what was passed on and has not gone out.
    held: RefCell<Vec<Credit>>,
}

impl Exchange {
    /// The one of this handle.
    pub fn of(handle: Handle) -> Rc<Exchange> {
        if let Some(Entry::Exchange(exchange)) = world::find(handle) {
            return exchange;
        }
        let exchange = Rc::new(Exchange {
            handle,
            inflow: RefCell::new(None),
            writing: Cell::new(false),
            drain: RefCell::new(None),
            done: RefCell::new(None),
            held: RefCell::new(Vec::new()),
        });
        world::insert(handle, Entry::Exchange(exchange.clone()));
        exchange
    }

    /// The body of its request, to which the parts go that are due.
    pub fn inflow(&self) -> Rc<Inflow> {
        self.inflow.borrow_mut().get_or_insert_with(Rc::default).clone()
    }

    pub fn on_drain(&self, call: OnDrain) {
        *self.drain.borrow_mut() = Some(call);
    }

    pub fn on_done(&self, call: OnDone) {
        *self.done.borrow_mut() = Some(call);
    }

    pub fn is_watched(&self) -> bool {
        self.done.borrow().is_some()
    }

    pub fn hold(&self, credit: Credit) {
        self.held.borrow_mut().push(credit);
    }

    /// The response has been ended: if nothing else is due, nothing more is told.
    pub fn ended(&self) {
        self.writing.set(false);
        self.held.borrow_mut().clear();
        self.forget();
    }

    fn forget(&self) {
        if self.inflow.borrow().is_none() && !self.writing.get() && !self.is_watched() {
            world::remove(self.handle);
        }
    }

    pub fn event(&self, event: &Incoming<'_>) {
        match event.kind {
            events::HTTP_BODY => {
                let chunk = Chunk::new(event.payload, self.handle, true);
                self.inflow().data(chunk);
            }
            events::HTTP_END => {
                let inflow = self.inflow.borrow_mut().take();
                if let Some(inflow) = inflow {
                    inflow.end(event.payload);
                }
                self.forget();
            }
            events::HTTP_DRAIN => {
                self.held.borrow_mut().clear();
                let call = self.drain.borrow_mut().take();
                if let Some(mut call) = call {
                    call();
                    if self.writing.get() {
                        self.drain.borrow_mut().get_or_insert(call);
                    }
                }
            }
            events::HTTP_DONE => self.over(None),
            events::HTTP_ABORTED => self.over(Some(event.value)),
            _ => {}
        }
    }

    /// The handle is gone.
    fn over(&self, aborted: Option<u32>) {
        world::remove(self.handle);
        let error = || aborted.and_then(from_value).unwrap_or_else(|| Error::from_errno(errno::ECONNRESET));
        self.held.borrow_mut().clear();
        // It may own the writer, which owns this: the circle ends here.
        let drain = self.drain.borrow_mut().take();
        drop(drain);
        let inflow = self.inflow.borrow_mut().take();
        if let Some(inflow) = inflow {
            inflow.abort(error());
        }
        let done = self.done.borrow_mut().take();
        if let Some(call) = done {
            call(if aborted.is_some() { Err(error()) } else { Ok(()) });
        }
    }
}

/// Asks to be told of the end of an exchange whose response is under way.
pub(crate) fn watch(exchange: &Exchange, call: OnDone) {
    let first = !exchange.is_watched();
    exchange.on_done(call);
    if first {
        // A handle that is gone: the event that says so is on its way, or has come.
        let _gone = raw::http_watch(exchange.handle);
    }
}
