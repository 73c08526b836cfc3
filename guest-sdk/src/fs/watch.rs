//! Changes of files and folders. It must not know what is done about them.
use super::ask::absolute;
use crate::events::Incoming;
use crate::raw::{self, Handle};
use crate::world::{self, Entry};
use crate::{Error, Result};
use skep_abi::{changed, events};
use std::cell::RefCell;
use std::rc::Rc;

/// What happened to what is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An entry of this name came, went or got another name; of a file that is watched there is no name.
    Renamed(String),
    /// Contents or attributes of the entry changed.
    Changed(String),
    /// It can be watched no more.
    Failed(Error),
}

type OnChange = Box<dyn FnMut(Change)>;

/// What stands behind a watch.
pub(crate) struct Watching {
    handle: Handle,
    call: RefCell<OnChange>,
}

/// A file or folder that is watched. Dropping it changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    handle: Handle,
}

/// Tells of each change of a file, or of a folder's entries.
///
/// # Errors
/// `EACCES` without the grant to read, `ENOENT`, `ENOSPC` when too much is watched; `EAGAIN` in a tenant, where the disk would have to
/// be asked for the way there: once [`metadata`](super::metadata()) has been told of it, this can be tried again.
pub fn watch(path: &str, call: impl FnMut(Change) + 'static) -> Result<Watch> {
    let handle = raw::fs_watch(&absolute(path))?;
    world::insert(handle, Entry::Watch(Rc::new(Watching { handle, call: RefCell::new(Box::new(call)) })));
    Ok(Watch { handle })
}

impl Watch {
    /// Tells no more.
    pub fn close(&self) {
        world::remove(self.handle);
        let _gone = raw::close(self.handle);
    }
}

impl Watching {
    pub fn event(&self, event: &Incoming<'_>) {
        if event.kind != events::FS_CHANGED {
            return;
        }
        let name = String::from_utf8_lossy(event.payload).into_owned();
        let change = if event.flags & changed::FAILED != 0 {
            world::remove(self.handle);
            Change::Failed(Error::from_errno(event.value as i32))
        } else if event.value & changed::RENAMED != 0 {
            Change::Renamed(name)
        } else {
            Change::Changed(name)
        };
        (self.call.borrow_mut())(change);
    }
}
