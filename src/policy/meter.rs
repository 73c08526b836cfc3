//! What a guest has used. It must not know clocks: callers hand in durations.
use std::time::Duration;

/// Counters of one guest, from its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    /// CPU time inside the guest.
    pub cpu: Duration,
    /// Batches delivered.
    pub turns: u64,
    /// Times it was made to yield.
    pub yields: u64,
    /// Bytes of log written.
    pub log_bytes: u64,
}

impl Meter {
    /// Adds one stretch of running; answers whether the budget still holds.
    pub fn ran(&mut self, time: Duration, budget: Option<Duration>) -> bool {
        self.cpu += time;
        budget.is_none_or(|budget| self.cpu <= budget)
    }
}
