//! When something that keeps failing at its start may be tried again (row R04). It must not know clocks nor what is
//! started: callers hand in monotonic nanoseconds.
use std::time::Duration;

/// How the pauses grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffLimits {
    /// The pause after the first failure; each further one doubles it.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
    /// Who has lived so long has not failed at its start: the count begins anew.
    pub well_after: Duration,
}

impl Default for BackoffLimits {
    fn default() -> Self {
        BackoffLimits {
            // Below what a client that tries again notices.
            first: Duration::from_millis(100),
            // One start in half a minute costs nothing, and who has mended a script waits no longer.
            longest: Duration::from_secs(30),
            well_after: Duration::from_secs(10),
        }
    }
}

/// The failures of one thing so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
    not_before: u64,
}

impl Backoff {
    /// Whether it may be started now; else the time to wait.
    pub fn may_start(&self, now: u64) -> Result<(), Duration> {
        match self.not_before.checked_sub(now) {
            None | Some(0) => Ok(()),
            Some(left) => Err(Duration::from_nanos(left)),
        }
    }

    /// It has ended by a fault, after it lived so long. Answers the pause.
    pub fn failed(&mut self, limits: &BackoffLimits, now: u64, lived: Duration) -> Duration {
        if lived >= limits.well_after {
            self.failures = 0;
        }
        let pause = limits.first.saturating_mul(1 << self.failures.min(30)).min(limits.longest);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.saturating_add(u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX));
        pause
    }

    /// Somebody has changed it (a new version): what was before does not count.
    pub fn forget(&mut self) {
        *self = Backoff::default();
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r04_pauses_double_up_to_the_longest() {
        let (limits, mut backoff, mut now, mut starts) = (BackoffLimits::default(), Backoff::default(), 0, 0);
        let minute = 60_000_000_000;
        while now < 10 * minute {
            if backoff.may_start(now).is_ok() {
                starts += 1;
                backoff.failed(&limits, now, Duration::from_millis(1));
            }
            now += 1_000_000;
        }
        // 100 ms, 200 ms ... 25.6 s are nine pauses in 51 s; then one in 30 s.
        assert!((27..=29).contains(&starts), "{starts} starts in ten minutes");
    }

    #[test]
    fn who_has_lived_begins_anew() {
        let (limits, mut backoff) = (BackoffLimits::default(), Backoff::default());
        for _ in 0..5 {
            backoff.failed(&limits, 0, Duration::ZERO);
        }
        assert_eq!(backoff.failed(&limits, 0, Duration::from_secs(11)), limits.first);
        backoff.forget();
        assert_eq!(backoff.may_start(0), Ok(()));
    }
}
