//! Signals: those that were asked for, as facts. Each has a socket pair of its own: the handler, in
//! signal-hook, writes a byte to one end, the loop finds the other readable.
//!
//! It must not know what a signal means. As with signals in general, several of one number before
//! the loop looks are one fact.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;

use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use signal_hook::SigId;
use signal_hook::low_level::{pipe, unregister};

use super::Result;
use super::errno::Errno;

#[derive(Debug)]
pub(super) struct Signals {
    watched: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    signal: i32,
    handler: SigId,
    reader: Arc<UnixStream>,
}

impl Signals {
    pub(super) fn new() -> Signals {
        Signals { watched: Vec::new() }
    }

    /// Watches `signal`; its readiness is signalled under `token(position)`. Watching one twice is
    /// watching it once. `EINVAL` for one that can not be caught.
    pub(super) fn watch(&mut self, signal: i32, registry: &Registry, token: impl Fn(usize) -> Token) -> Result<()> {
        if self.watched.iter().any(|watched| watched.signal == signal) {
            return Ok(());
        }
        // signal-hook panics on these.
        if signal_hook::consts::FORBIDDEN.contains(&signal) {
            return Err(Errno::EINVAL);
        }
        let (reader, writer) = StdStream::pair()?;
        reader.set_nonblocking(true)?;
        let mut reader = UnixStream::from_std(reader);
        registry.register(&mut reader, token(self.watched.len()), Interest::READABLE)?;
        let handler = pipe::register(signal, writer)?;
        self.watched.push(Watched { signal, handler, reader: Arc::new(reader) });
        Ok(())
    }

    /// What can be read from once a signal has come and was not taken, with its number.
    pub(super) fn ends(&self) -> Vec<(i32, Arc<dyn AsFd + Send + Sync>)> {
        self.watched.iter().map(|watched| (watched.signal, Arc::clone(&watched.reader) as _)).collect()
    }

    /// Takes in that the pair at `position` is readable: empties it, and says which signal it was if
    /// there was one. Emptied first, told later: a signal that comes in between comes again.
    pub(super) fn take(&mut self, position: usize) -> Option<i32> {
        let watched = self.watched.get_mut(position)?;
        let mut bytes = [0; 64];
        let mut came = false;
        // Bounded by the pair's buffer, as new bytes come one a signal.
        while (&*watched.reader).read(&mut bytes).is_ok_and(|count| count > 0) {
            came = true;
        }
        came.then_some(watched.signal)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for watched in &self.watched {
            unregister(watched.handler);
        }
    }
}
