//! The program that the host is part of, where there is one: it calls the guest, and offers functions. It must not know
//! what any call is about.
//!
//! A value is JSON in its text, or plain bytes; what to read JSON with is the guest's own choice.
use crate::events::{u64_at, Incoming};
use crate::process::escaped;
use crate::raw::{self, Handle};
use crate::world::{self, Entry};
use crate::{Error, Result};
use skep_abi::{callee, value};
use std::cell::RefCell;
use std::rc::Rc;

/// What a call is given, and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// JSON, as text.
    Json(String),
    /// Plain bytes.
    Bytes(Vec<u8>),
}

impl Value {
    fn parts(&self) -> (u16, &[u8]) {
        match self {
            Value::Json(text) => (0, text.as_bytes()),
            Value::Bytes(bytes) => (value::BYTES, bytes),
        }
    }

    /// The value of an event that has these flags; none when it is not there or no text.
    fn of(flags: u16, payload: &[u8]) -> Option<Value> {
        let bytes = bytes_of(flags, payload);
        if flags & value::BYTES != 0 {
            return Some(Value::Bytes(bytes));
        }
        String::from_utf8(bytes).ok().map(Value::Json)
    }
}

/// What an event brings; of a blob, which is gone then.
fn bytes_of(flags: u16, payload: &[u8]) -> Vec<u8> {
    if flags & value::BLOB != 0 {
        return raw::take_blob(u64_at(payload, 0));
    }
    payload.to_vec()
}

/// The program calls. Dropped without an answer, it is told that there is none.
#[derive(Debug)]
pub struct Call {
    handle: Option<Handle>,
    /// What is called.
    pub name: String,
    /// What it is given.
    pub argument: Value,
}

impl Call {
    /// Answers.
    ///
    /// # Errors
    /// `EMSGSIZE` when the value is too long, `EAGAIN` when this turn has asked for too much.
    pub fn reply(mut self, answer: Value) -> Result<()> {
        let (flags, bytes) = answer.parts();
        let sent = self.handle.map_or(Ok(()), |handle| raw::call_reply(handle, flags, bytes));
        if sent.is_ok() {
            self.handle = None;
        }
        sent
    }

    /// Says that it cannot be done, and why.
    pub fn fail(mut self, why: &str) {
        self.refuse(why);
    }

    fn refuse(&mut self, why: &str) {
        if let Some(handle) = self.handle.take() {
            let text = format!("{{\"name\":\"Error\",\"message\":\"{}\",\"stack\":\"\"}}", escaped(why));
            // Where there is no room even for that, the handle goes, which says as much.
            if raw::call_reply(handle, value::FAILED, text.as_bytes()).is_err() {
                let _gone = raw::close(handle);
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.refuse("the guest gave no answer");
    }
}

type OnCall = Box<dyn FnMut(Call)>;

thread_local! {
    static ON_CALL: RefCell<Option<OnCall>> = const { RefCell::new(None) };
}

/// Has the program's calls answered there.
pub fn on_call(call: impl FnMut(Call) + 'static) {
    ON_CALL.with(|place| *place.borrow_mut() = Some(Box::new(call)));
}

pub(crate) fn called(event: &Incoming<'_>) {
    let length = event.value as usize;
    let name = String::from_utf8_lossy(event.payload.get(..length).unwrap_or(&[])).into_owned();
    let rest = event.payload.get((length + 7) & !7..).unwrap_or(&[]);
    let argument = Value::of(event.flags, rest);
    let refused = argument.is_none() || event.flags & value::FAILED != 0;
    let mut call = Call { handle: Some(event.handle), name, argument: argument.unwrap_or(Value::Bytes(Vec::new())) };
    if event.flags & callee::MASK != callee::FUNCTION {
        return call.refuse("this guest runs no scripts");
    }
    if refused {
        return call.refuse("what the call is given did not come");
    }
    let answering = ON_CALL.with(|place| place.borrow_mut().take());
    match answering {
        Some(mut answering) => {
            answering(call);
            // It may have named another meanwhile.
            ON_CALL.with(|place| {
                place.borrow_mut().get_or_insert(answering);
            });
        }
        None => call.refuse("this guest answers no calls"),
    }
}

type OnReply = Box<dyn FnOnce(std::result::Result<Value, String>)>;

pub(crate) struct Asked {
    handle: Handle,
    call: RefCell<Option<OnReply>>,
}

/// Calls a function of the program; `then` is told what it answers, or why not.
///
/// # Errors
/// `EACCES` without the grant of that name, `EAGAIN` when too much is under way.
pub fn call(
    name: &str,
    argument: &Value,
    then: impl FnOnce(std::result::Result<Value, String>) + 'static,
) -> Result<()> {
    let (flags, bytes) = argument.parts();
    let handle = raw::host_call(name, flags, bytes)?;
    let asked = Asked { handle, call: RefCell::new(Some(Box::new(then))) };
    world::insert(handle, Entry::Asked(Rc::new(asked)));
    Ok(())
}

impl Asked {
    pub(crate) fn event(&self, event: &Incoming<'_>) {
        if event.kind != skep_abi::events::HOST_REPLY {
            return;
        }
        world::remove(self.handle);
        let failed = event.flags & value::FAILED != 0;
        let result = if failed && event.value != 0 {
            Err(Error::from_errno(event.value as i32).to_string())
        } else if failed {
            Err(String::from_utf8_lossy(&bytes_of(event.flags, event.payload)).into_owned())
        } else {
            Value::of(event.flags, event.payload).ok_or_else(|| "the answer is no text".to_owned())
        };
        let call = self.call.borrow_mut().take();
        if let Some(call) = call {
            call(result);
        }
    }
}
