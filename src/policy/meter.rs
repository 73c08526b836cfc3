//! What a guest has used, and which bounds it has run into. It must not know clocks: callers hand in durations and
//! monotonic nanoseconds.
use super::bounds::Bound;
use super::bucket::Bucket;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Counters of one guest, from its start.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Meter {
    /// CPU time inside the guest.
    pub cpu: Duration,
    /// The longest stretch of it.
    pub longest: Duration,
    /// When the last stretch was over, on the monotonic clock.
    pub left_at: u64,
    /// What that stretch took.
    pub last: Duration,
    /// Batches delivered.
    pub turns: u64,
    /// Times it was made to yield.
    pub yields: u64,
    /// Times it was made to rest, and for how long in all.
    pub rests: u64,
    pub rested: Duration,
    /// Bytes of log written.
    pub log_bytes: u64,
    /// Log calls and their bytes that were dropped.
    pub log_dropped: u64,
    pub log_dropped_bytes: u64,
    /// Bytes handed over to be sent.
    pub bytes_out: u64,
    /// How often each bound was met.
    hits: [u32; Bound::ALL.len()],
}

/// What is used of each rate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU nanoseconds.
    pub cpu: Bucket,
    /// Those of the whole tree that `cpu` has been charged with.
    pub tree_cpu: u64,
    pub log_bytes: Bucket,
    pub bytes_out: Bucket,
    pub connects: Bucket,
    pub requests: Bucket,
}

impl Meter {
    /// Adds one stretch of running.
    pub fn ran(&mut self, time: Duration) {
        self.cpu += time;
        self.last = time;
        self.longest = self.longest.max(time);
    }

    /// A bound was met.
    pub fn hit(&mut self, bound: Bound) {
        self.hit_times(bound, 1);
    }

    /// The same so many times.
    #[cold]
    pub fn hit_times(&mut self, bound: Bound, times: u32) {
        let count = &mut self.hits[bound as usize];
        *count = count.saturating_add(times);
    }

    /// How often a bound was met.
    pub fn hits(&self, bound: Bound) -> u32 {
        self.hits[bound as usize]
    }

    /// All counts, in the order of [`Bound::ALL`].
    pub fn all_hits(&self) -> [u32; Bound::ALL.len()] {
        self.hits
    }
}
