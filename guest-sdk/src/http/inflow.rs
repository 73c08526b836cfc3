//! A body on its way to whoever reads it. What comes before somebody asks is kept: its sender may send no more than the
//! credit that it began with. It must not know whether it is a request's or a reply's.
use crate::body::{Chunk, Credit};
use crate::http::Part;
use crate::Error;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

pub(crate) type OnPart = Box<dyn FnMut(Part<'_>)>;

/// The last part: trailers, or what the connection was lost of.
type Last = std::result::Result<Vec<u8>, Error>;

/// One body.
#[derive(Default)]
pub(crate) struct Inflow {
    call: RefCell<Option<OnPart>>,
    kept: RefCell<VecDeque<(Vec<u8>, Credit)>>,
    last: RefCell<Option<Last>>,
    /// Nobody will read it.
    unwanted: Cell<bool>,
    /// Its last part has come: no credit is owed for it any more.
    pub over: Rc<Cell<bool>>,
    /// Told when nobody wants the rest.
    on_unwanted: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Inflow {
    pub fn when_unwanted(&self, call: impl FnOnce() + 'static) {
        *self.on_unwanted.borrow_mut() = Some(Box::new(call));
    }

    /// Some more of it.
    pub fn data(&self, chunk: Chunk<'_>) {
        let waits = self.call.borrow().is_none();
        if !waits {
            self.tell(Part::Data(chunk));
        } else if !self.unwanted.get() {
            self.kept.borrow_mut().push_back(chunk.into_owned());
        }
    }

    /// That was all.
    pub fn end(&self, trailers: &[u8]) {
        self.over.set(true);
        let waits = self.call.borrow().is_none();
        if waits {
            *self.last.borrow_mut() = Some(Ok(trailers.to_vec()));
        } else {
            self.tell(Part::End(trailers));
            self.call.borrow_mut().take();
        }
    }

    /// The rest will not come.
    pub fn abort(&self, error: Error) {
        self.over.set(true);
        let waits = self.call.borrow().is_none();
        if waits {
            *self.last.borrow_mut() = Some(Err(error));
        } else {
            self.tell(Part::Aborted(error));
            self.call.borrow_mut().take();
        }
    }

    /// Parts go there from now on; those that have come go there at once.
    pub fn read(&self, call: OnPart) {
        *self.call.borrow_mut() = Some(call);
        loop {
            let next = self.kept.borrow_mut().pop_front();
            match next {
                Some((bytes, credit)) => self.tell(Part::Data(Chunk::kept(&bytes, credit))),
                None => break,
            }
        }
        let last = self.last.borrow_mut().take();
        match last {
            Some(Ok(trailers)) => self.end(&trailers),
            Some(Err(error)) => self.abort(error),
            None => {}
        }
    }

    /// Nobody will read it: what comes is thrown away, and read on.
    pub fn discard(&self) {
        self.unwanted.set(true);
        let kept = std::mem::take(&mut *self.kept.borrow_mut());
        drop(kept);
        let call = self.on_unwanted.borrow_mut().take();
        match call {
            Some(call) if !self.over.get() => call(),
            _ => {}
        }
    }

    fn tell(&self, part: Part<'_>) {
        let call = self.call.borrow_mut().take();
        if let Some(mut call) = call {
            call(part);
            self.call.borrow_mut().get_or_insert(call);
        }
    }
}
