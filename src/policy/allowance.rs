//! The CPU time of whoever has a thread to himself: what there is of it in all, and a second, for him or for his tree. It must
//! not know clocks: callers hand in monotonic nanoseconds, and what the thread has used.
use super::{AtLimit, Bucket, Limits, Purse, Rate};
use std::time::Duration;

/// Up to where he rests when he is over his rate: more than a wake-up costs.
const QUANTUM_NS: u64 = 1_000_000;

/// What there is, and what is used of it.
#[derive(Debug)]
pub struct Allowance {
    most: Option<Duration>,
    rate: Option<Rate>,
    at_rate: AtLimit,
    purse: Option<Purse>,
    /// What the thread itself had used when this was last looked at.
    seen: u64,
    /// What is counted: the tree's, since he came, where there is one.
    used: u64,
    bucket: Bucket,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    GoesOn,
    /// Nothing for so long.
    Rests(Duration),
    /// There is nothing left.
    Over,
}

impl Allowance {
    pub fn new(limits: &Limits) -> Allowance {
        Allowance {
            most: limits.cpu_total,
            rate: limits.cpu_ns,
            at_rate: limits.at_cpu,
            purse: None,
            seen: 0,
            used: 0,
            bucket: Bucket::default(),
        }
    }

    /// What he uses counts with his tree's.
    pub fn share(&mut self, purse: Purse) {
        self.purse = Some(purse);
        self.used = purse.cpu();
    }

    /// Whether there is anything to look at.
    pub fn is_bounded(&self) -> bool {
        self.most.is_some() || self.rate.is_some() || self.purse.is_some()
    }

    /// His thread has used so much by now.
    pub fn look(&mut self, now: u64, thread: Duration) -> Pace {
        let thread = u64::try_from(thread.as_nanos()).unwrap_or(u64::MAX);
        let more = thread.saturating_sub(std::mem::replace(&mut self.seen, thread));
        let before = self.used;
        // While a row is taken back its share is missing for a moment.
        self.used = self.purse.map_or(before.saturating_add(more), |purse| purse.spend(more).max(before));
        if self.most.is_some_and(|most| Duration::from_nanos(self.used) >= most) {
            return Pace::Over;
        }
        let Some(rate) = self.rate else { return Pace::GoesOn };
        self.bucket.charge_late(rate, now, self.used - before);
        match self.bucket.is_overdrawn(rate, now) {
            false => Pace::GoesOn,
            true if self.at_rate == AtLimit::End => Pace::Over,
            true => {
                let until = self.bucket.ready_at(rate, now, QUANTUM_NS);
                Pace::Rests(Duration::from_nanos(until.saturating_sub(now)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PURSE_CELLS;
    use std::sync::atomic::AtomicU64;

    const MS: u64 = 1_000_000;

    fn tenth() -> Limits {
        Limits { cpu_ns: Some(Rate { per_second: 100 * MS, burst: 100 * MS }), ..Limits::default() }
    }

    /// He computes whenever he may, a tick at a time. Answers when he had used so much.
    fn until_used(allowance: &mut Allowance, mut now: u64, used: u64) -> u64 {
        let mut thread = allowance.seen;
        let until = thread + used;
        while thread < until {
            (now, thread) = (now + MS, thread + MS);
            match allowance.look(now, Duration::from_nanos(thread)) {
                Pace::GoesOn => {}
                Pace::Rests(span) => now += span.as_nanos() as u64,
                Pace::Over => panic!("he was to go on"),
            }
        }
        now
    }

    #[test]
    fn a_rate_holds_after_its_burst_and_comes_back_with_rest() {
        let mut allowance = Allowance::new(&tenth());
        let now = until_used(&mut allowance, 0, 100 * MS);
        assert!((100 * MS..130 * MS).contains(&now), "the burst, at once: {now}");
        let then = until_used(&mut allowance, now, 1000 * MS);
        assert!((9_900 * MS..=10_100 * MS).contains(&(then - now)), "a tenth of the time: {}", then - now);
        let now = then + 2000 * MS;
        let then = until_used(&mut allowance, now, 100 * MS);
        assert!(then - now < 130 * MS, "who has rested has his burst again: {}", then - now);
    }

    #[test]
    fn all_that_there_is_is_the_end_and_so_is_a_rate_where_that_is_chosen() {
        let mut allowance = Allowance::new(&Limits { cpu_total: Some(Duration::from_millis(50)), ..Limits::default() });
        assert_eq!(allowance.look(0, Duration::from_millis(49)), Pace::GoesOn);
        assert_eq!(allowance.look(0, Duration::from_millis(50)), Pace::Over);
        let mut allowance = Allowance::new(&Limits { at_cpu: AtLimit::End, ..tenth() });
        assert_eq!(allowance.look(0, Duration::from_millis(99)), Pace::GoesOn);
        assert_eq!(allowance.look(0, Duration::from_millis(100)), Pace::Over);
        assert!(allowance.is_bounded() && !Allowance::new(&Limits::default()).is_bounded());
    }

    #[test]
    fn p11_what_others_of_the_tree_use_is_not_there_for_him() {
        let cells: Vec<AtomicU64> = (0..PURSE_CELLS).map(|_| AtomicU64::new(0)).collect();
        let cells: &'static [AtomicU64] = cells.leak();
        let root = Purse::of_root(cells).expect("cells enough");
        root.spend(1000 * MS);
        let child = |limits: &Limits| {
            let mut allowance = Allowance::new(limits);
            allowance.share(Purse::of_child(cells, root.claim(0).expect("a row")).expect("it was claimed"));
            allowance
        };
        let mut slow = child(&tenth());
        let mut ends = child(&Limits { cpu_total: Some(Duration::from_millis(1150)), ..Limits::default() });
        assert_eq!(slow.look(0, Duration::from_millis(90)), Pace::GoesOn, "he owes nothing of what was before him");
        assert_eq!(root.cpu(), 1090 * MS, "what he has used is seen by all");
        assert_eq!(ends.look(0, Duration::from_millis(59)), Pace::GoesOn);
        assert!(matches!(slow.look(MS, Duration::from_millis(91)), Pace::Rests(_)), "another has used the rest");
        assert_eq!(ends.look(0, Duration::from_millis(59)), Pace::Over);
    }
}
