//! Another process as a guest wants it, and what the guest may know of it at once. It must not know how a process is
//! started, nor how its end is learnt.
use super::handles::Handle;
use super::legacy::Legacy;
use crate::policy::Granted;
use rustix::fd::OwnedFd;
use skep_abi::ChildStatus;
use std::path::PathBuf;
use std::sync::Arc;

/// What is to run.
#[derive(Debug)]
pub enum ChildProgram {
    /// Another guest: JSON, as the call takes it.
    Guest { text: String, grant: Granted<()> },
    /// Another guest that goes on from this one's image, once it has been taken.
    Clone { legacy: Option<Box<Legacy>>, grant: Granted<()> },
    /// A program.
    Path(Granted<PathBuf>),
}

/// What one of its descriptors is.
#[derive(Debug)]
pub enum ChildEnd {
    Null,
    /// This process's own.
    Inherit(u8),
    /// One end of a pair; the other is this stream, or is read for `child_output`.
    Pipe(Option<Handle>),
    Stream(Handle),
    File(Arc<OwnedFd>),
    /// What this process was given itself.
    Way(Arc<OwnedFd>),
    /// Nothing is there.
    Absent,
}

/// All that was asked for.
#[derive(Debug)]
pub struct ChildPlan {
    pub program: ChildProgram,
    pub argv0: String,
    /// Where it begins; none: where this process did.
    pub folder: Option<PathBuf>,
    pub args: Vec<String>,
    /// `NAME=value`; none: this guest's own, as it was granted.
    pub env: Option<Vec<String>>,
    pub stdio: Vec<ChildEnd>,
    pub detached: bool,
    /// Nothing is told of it, and its outputs are kept.
    pub sync: bool,
    pub user: Option<u32>,
    pub group: Option<u32>,
    /// The guest's way to it.
    pub channel: Option<Handle>,
}

/// What is known at once of a child.
#[derive(Debug, Default)]
pub struct ChildState {
    pub status: ChildStatus,
    pub sync: bool,
    /// The streams of its descriptors.
    pub streams: Vec<Option<Handle>>,
    pub channel: Option<Handle>,
    /// What it has written, of the descriptors that are kept.
    pub outputs: Vec<Option<Vec<u8>>>,
    /// Bytes kept of each.
    pub max_buffer: u32,
    /// That an output is too long has ended one waiting.
    pub told_overflow: bool,
    /// `child_kill` was called: outputs are waited for no longer.
    pub killed: bool,
}

impl ChildState {
    /// Keeps more of an output; answers whether it was too much, for the first time.
    pub fn wrote(&mut self, index: usize, bytes: &[u8]) -> bool {
        let Some(Some(kept)) = self.outputs.get_mut(index) else { return false };
        let most = if self.max_buffer == 0 { usize::MAX } else { self.max_buffer as usize };
        let room = most.saturating_sub(kept.len()).min(bytes.len());
        kept.extend_from_slice(&bytes[..room]);
        room < bytes.len() && std::mem::replace(&mut self.status.overflow, 1) == 0
    }
}
