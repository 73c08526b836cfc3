//! What one embedded guest may do, and how much of everything. It must not know how either is enforced.
use crate::policy::{FolderGrant, Grants, Limits, NetRule, Run};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The slice of guests whose calls have a deadline: what they compute is looked at once a tick.
const SLICE: Duration = Duration::from_micros(2500);

/// Grants and limits of a guest. The default grants nothing: no file, no socket, no variable, no function.
///
/// ```
/// use skep::Policy;
/// use std::time::Duration;
///
/// let policy = Policy::default().function("lookup").memory(32 << 20).deadline(Duration::from_millis(5));
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    /// What it may do, in full. Processes are never granted: `fork` and `run` are taken for none.
    pub grants: Grants,
    /// Every limit.
    pub limits: Limits,
    pub(super) env: BTreeMap<String, String>,
    pub(super) deadline: Option<Duration>,
}

impl Default for Policy {
    fn default() -> Policy {
        let grants = Grants { listen_none: true, no_signals: true, ..Grants::default() };
        Policy { grants, limits: Limits::default(), env: BTreeMap::new(), deadline: None }
    }
}

impl Policy {
    /// Grants a function that [`Runtime::function`](super::Runtime::function) offers.
    pub fn function(mut self, name: &str) -> Policy {
        self.grants.functions.insert(name.to_owned());
        self
    }

    /// Grants reading a folder, and all beneath it.
    pub fn read(self, folder: impl Into<PathBuf>) -> Policy {
        self.folder(folder.into(), false)
    }

    /// Grants reading and writing a folder, and all beneath it.
    pub fn write(self, folder: impl Into<PathBuf>) -> Policy {
        self.folder(folder.into(), true)
    }

    fn folder(mut self, folder: PathBuf, write: bool) -> Policy {
        // One that is not there grants nothing.
        if let Ok(folder) = folder.canonicalize() {
            self.grants.folders.push(FolderGrant { folder, write });
        }
        self
    }

    /// Grants connecting to an address.
    pub fn connect(mut self, to: SocketAddr) -> Policy {
        self.grants.net.push(NetRule { host: Some(to.ip()), port: Some(to.port()) });
        self
    }

    /// Grants listening on ports from 1024 on.
    pub fn listen(mut self) -> Policy {
        self.grants.listen_none = false;
        self
    }

    /// A variable of its environment: it sees those that it is given, and none of this process's.
    pub fn env(mut self, name: &str, value: &str) -> Policy {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Bytes of its memory.
    pub fn memory(mut self, bytes: u64) -> Policy {
        self.limits.memory_bytes = bytes;
        self
    }

    /// Bytes, and entries, in all folders together that it may write: what is there already counts. More is EDQUOT.
    pub fn disk(mut self, bytes: u64, entries: u64) -> Policy {
        (self.limits.disk_bytes, self.limits.disk_entries) = (Some(bytes), Some(entries));
        self
    }

    /// CPU that it may use in its whole life; then it is ended (`CallError::Ended`). None by default.
    pub fn cpu(mut self, time: Duration) -> Policy {
        self.limits.cpu_total = Some(time);
        self
    }

    /// Time that each call may take, from its beginning to its answer. A guest that computes when it is over is ended,
    /// when its slice of 2.5 ms is over, after those of other guests of this runtime that compute; of one that waits for something only
    /// the call is given up.
    pub fn deadline(mut self, time: Duration) -> Policy {
        self.deadline = Some(time);
        self.limits.slice = self.limits.slice.min(SLICE);
        self
    }

    /// The grants as an embedded guest has them.
    pub(super) fn effective(&self) -> Grants {
        Grants { fork: 0, run: Run::None, input: false, ..self.grants.clone() }
    }
}
