//! Work that a guest wants done off the loop (files, names, later hashing and compression), and what came of it. Whoever
//! makes a [`Work`] has checked what can be checked at once; the rest is checked where it is done. It must not know
//! threads, nor who is told of the end.
use rustix::fd::{AsFd, AsRawFd as _, OwnedFd};
use rustix::fs::Dir;
use std::fmt;
use std::sync::{Arc, Mutex};

/// Which threads may take it. Work that may wait for others, as a resolver does, must not hold up all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Ends by itself, soon: files, computing.
    Quick,
    /// Waits for somebody outside: names.
    Slow,
    /// Waits for the program's standard input, or what its parent has given it, perhaps for ever.
    Input,
}

/// What work of that lane waits for: that a descriptor can be read, or written.
#[derive(Clone)]
pub struct Source {
    pub fd: Arc<dyn AsFd + Send + Sync>,
    pub write: bool,
}

impl Source {
    /// The same for all that waits for the same, while any of it does.
    pub fn number(&self) -> (i32, bool) {
        (self.fd.as_fd().as_raw_fd(), self.write)
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Done {
    /// An error number of the boundary; the text of a refusal, else empty.
    Failed {
        errno: i32,
        why: String,
    },
    Number(u32),
    Bytes(Vec<u8>),
    /// To get a handle of its own.
    Opened(Open),
}

/// What stands open behind a handle. Shared with the work under way on it: whoever is last closes it.
#[derive(Clone, Debug)]
pub enum Open {
    File(Arc<OwnedFd>),
    /// What the process was given by the one that started it: a socket, a pipe, a terminal. It is only read, written, looked
    /// at, passed on and closed.
    Way(Arc<OwnedFd>),
    Folder(Arc<Mutex<Dir>>),
}

impl Done {
    /// A failure without a text.
    pub fn failed(errno: i32) -> Done {
        Done::Failed { errno, why: String::new() }
    }
}

/// One piece of work, whole in itself: it borrows nothing, and what it answers is plain.
pub struct Work {
    pub lane: Lane,
    /// Bytes that it holds until it is over.
    pub bytes: u64,
    /// It is done when this is ready.
    pub source: Option<Source>,
    run: Box<dyn FnOnce() -> Done + Send>,
}

impl Work {
    pub fn new(lane: Lane, run: impl FnOnce() -> Done + Send + 'static) -> Work {
        Work { lane, bytes: 0, source: None, run: Box::new(run) }
    }

    /// What waits for this.
    pub fn when(source: Source, run: impl FnOnce() -> Done + Send + 'static) -> Work {
        Work { source: Some(source), ..Work::new(Lane::Input, run) }
    }

    /// The same, known to hold so many bytes.
    pub fn weighing(self, bytes: u64) -> Work {
        Work { bytes, ..self }
    }

    /// Does it.
    pub fn run(self) -> Done {
        (self.run)()
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Work({:?}, {} bytes)", self.lane, self.bytes)
    }
}
