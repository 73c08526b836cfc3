//! A rate with a burst, and how much of it is used: CPU time, bytes, tries. It must not know clocks nor what is
//! counted: callers hand in monotonic nanoseconds and amounts.
use serde::{Deserialize, Serialize};

const SECOND: u64 = 1_000_000_000;

/// So many a second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    pub per_second: u64,
    pub burst: u64,
}

/// What is used of a rate and has not flown back yet. It may be more than the burst: what could not be known before it
/// was done (a stretch of running) becomes a debt, so that no pattern of use gets more than the rate in the long run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    used: u64,
    at: u64,
}

impl Bucket {
    /// Uses some, as much as it may be.
    pub fn charge(&mut self, rate: Rate, now: u64, amount: u64) {
        self.settle(rate, now);
        self.used = self.used.saturating_add(amount);
    }

    /// Uses some that was used since this was last looked at: what has flown back meanwhile is taken from it too.
    pub fn charge_late(&mut self, rate: Rate, now: u64, amount: u64) {
        self.used = self.used.saturating_add(amount);
        self.settle(rate, now);
    }

    /// Uses some if there is as much.
    pub fn take(&mut self, rate: Rate, now: u64, amount: u64) -> bool {
        self.settle(rate, now);
        let fits = self.used.saturating_add(amount) <= rate.burst;
        self.used += if fits { amount } else { 0 };
        fits
    }

    /// Whether more is used than may be at once.
    pub fn is_overdrawn(&mut self, rate: Rate, now: u64) -> bool {
        self.settle(rate, now);
        self.used >= rate.burst
    }

    /// When `amount` can be taken, or the whole burst where that is less.
    pub fn ready_at(&mut self, rate: Rate, now: u64, amount: u64) -> u64 {
        self.settle(rate, now);
        let excess = self.used.saturating_sub(rate.burst - amount.min(rate.burst));
        let Some(rest) = u128::from(rate.per_second).checked_sub(1) else { return u64::MAX };
        let span = (u128::from(excess) * u128::from(SECOND) + rest) / u128::from(rate.per_second);
        self.at.saturating_add(u64::try_from(span).unwrap_or(u64::MAX)).max(now)
    }

    #[cfg(test)]
    pub fn used(&self) -> u64 {
        self.used
    }

    /// What has flown back since it was last looked at. The clock is moved on by whole units only: none is lost,
    /// however often this is asked.
    fn settle(&mut self, rate: Rate, now: u64) {
        let passed = now.saturating_sub(self.at);
        let back = if self.used == 0 { 0 } else { scaled(passed, rate.per_second, SECOND) };
        if back >= self.used {
            (self.used, self.at) = (0, self.at.max(now));
        } else if back > 0 {
            self.used -= back;
            self.at += scaled(back, SECOND, rate.per_second);
        }
    }
}

/// `amount * by / over`, or the most that there can be.
fn scaled(amount: u64, by: u64, over: u64) -> u64 {
    match amount.checked_mul(by) {
        // The usual case, which costs one division of the machine's.
        Some(product) => product / over,
        None => u64::try_from(u128::from(amount) * u128::from(by) / u128::from(over)).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 1000, burst: 100 };
    const MS: u64 = 1_000_000;

    #[test]
    fn a_burst_then_the_rate() {
        let mut bucket = Bucket::default();
        let taken = (0..10_000).filter(|tick| bucket.take(RATE, tick * MS / 10, 1)).count();
        // A second of a thousand, and the hundred at its beginning.
        assert!((1099..=1101).contains(&taken), "{taken}");
    }

    #[test]
    fn small_numbers_and_large_ones_are_counted_alike() {
        /// As it is defined, in numbers that everything fits into.
        fn settled(used: u64, at: u64, rate: u64, now: u64) -> (u64, u64) {
            let back = u128::from(now.saturating_sub(at)) * u128::from(rate) / 1_000_000_000;
            if back >= u128::from(used) {
                return (0, at.max(now));
            }
            (used - back as u64, at + (back * 1_000_000_000 / u128::from(rate.max(1))) as u64)
        }
        let mut seed = 7_u64;
        let mut dice = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> (seed >> 58)
        };
        for _ in 0..100_000 {
            let (used, at, per_second, now) = (dice(), dice(), dice(), dice());
            let mut bucket = Bucket { used, at };
            bucket.settle(Rate { per_second, burst: 1 }, now);
            assert_eq!((bucket.used, bucket.at), settled(used, at, per_second, now), "{used} {at} {per_second} {now}");
        }
    }

    #[test]
    fn a_debt_is_paid_before_more_is_taken() {
        let mut bucket = Bucket::default();
        bucket.charge(RATE, 0, 1100);
        assert!(bucket.is_overdrawn(RATE, 999 * MS));
        assert!(!bucket.is_overdrawn(RATE, 1001 * MS));
        assert!(!bucket.take(RATE, 1001 * MS, 50));
        assert_eq!(bucket.ready_at(RATE, 1001 * MS, 50), 1050 * MS);
        assert!(bucket.take(RATE, 1050 * MS, 50));
    }

    #[test]
    fn asking_often_loses_nothing() {
        let mut bucket = Bucket::default();
        bucket.charge(RATE, 0, 200);
        for nanosecond in (0..100 * MS).step_by(77) {
            bucket.is_overdrawn(RATE, nanosecond);
        }
        assert!(bucket.is_overdrawn(RATE, 100 * MS - 1));
        assert!(!bucket.is_overdrawn(RATE, 101 * MS));
    }

    #[test]
    fn more_than_the_burst_is_never_there() {
        let mut bucket = Bucket::default();
        assert!(!bucket.take(RATE, 0, 101));
        assert!(bucket.take(RATE, 3600 * 1000 * MS, 100));
        assert!(!bucket.take(RATE, 3600 * 1000 * MS, 1));
        assert_eq!(bucket.ready_at(RATE, 3600 * 1000 * MS, 1_000_000), 3_600_100 * MS);
    }

    #[test]
    fn extremes_are_numbers_too() {
        let mut bucket = Bucket::default();
        let most = Rate { per_second: u64::MAX, burst: u64::MAX };
        bucket.charge(most, u64::MAX, u64::MAX);
        bucket.charge(most, u64::MAX, u64::MAX);
        assert!(bucket.is_overdrawn(most, u64::MAX));
        let mut never = Bucket::default();
        never.charge(Rate { per_second: 0, burst: 5 }, 7, 6);
        assert_eq!(never.ready_at(Rate { per_second: 0, burst: 5 }, 7, 1), u64::MAX);
    }

    #[test]
    fn a_rate_may_change_while_it_is_used() {
        let mut bucket = Bucket::default();
        bucket.charge(RATE, 0, 100);
        assert!(bucket.is_overdrawn(RATE, 0));
        assert!(!bucket.is_overdrawn(Rate { burst: 200, ..RATE }, 0));
    }
}
