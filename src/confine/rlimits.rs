//! Limits of resources that make an attack worth less: no core file with a guest's secrets in it, no locked memory, no
//! message queues, no real-time priority. It must not know paths or system calls.
//!
//! What is not limited here, and why: address space, since a guest reserves 4 GiB for each memory and uses little of
//! it; processes, since the kernel counts those of the whole user, so that one guest's limit would be another's lack
//! of threads (seccomp refuses new processes instead); descriptors and file sizes, which the host's own limits bound.
use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Resources of which nothing is needed.
const NOTHING: [Resource; 4] = [Resource::Core, Resource::Memlock, Resource::Msgqueue, Resource::Rtprio];

pub(super) fn apply() -> Result<()> {
    for resource in NOTHING {
        let limit = Rlimit { current: Some(0), maximum: Some(0) };
        setrlimit(resource, limit).with_context(|| format!("the limit of {resource:?} cannot be lowered"))?;
    }
    Ok(())
}
