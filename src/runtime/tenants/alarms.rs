//! What a process of tenants says of configurations that have changed: each time the whole is read again, so who is wrong is
//! heard ever less often. It must not know what is read, nor who says so.
use crate::policy::{Backoff, BackoffLimits};
use crate::time::Mono;
use std::time::Duration;

/// How often the whole configuration is read again at most for the sake of processes that say it has changed.
const EVERY: Duration = Duration::from_millis(500);

/// Where nothing had changed, the next reading for that process's sake waits longer.
const FALSE: BackoffLimits = BackoffLimits {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(60),
    // Not asked: none of them lives.
    well_after: Duration::from_secs(60),
};

/// Those of one process.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    raised: bool,
    wrong: Backoff,
}

impl Alarms {
    /// It says that something has changed. Answers when to look.
    pub fn raise(&mut self, now: Mono) -> Mono {
        self.raised = true;
        now.plus(self.wrong.may_start(now.0).err().unwrap_or_default().max(EVERY))
    }

    /// It has been looked, whoever said so, and something had changed or not.
    pub fn looked(&mut self, now: Mono, changed: bool) {
        match (std::mem::take(&mut self.raised), changed) {
            (true, true) => self.wrong.forget(),
            (true, false) => {
                self.wrong.failed(&FALSE, now.0, Duration::ZERO);
            }
            (false, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Somebody says without end that something has changed. Answers when it is looked, in so much time.
    fn readings(alarms: &mut Alarms, from: Mono, span: Duration, changed: impl Fn(usize) -> bool) -> Vec<Mono> {
        let (mut now, mut all) = (from, Vec::new());
        loop {
            now = alarms.raise(now);
            if now.since(from) > span {
                return all;
            }
            alarms.looked(now, changed(all.len()));
            all.push(now);
        }
    }

    #[test]
    fn who_is_wrong_is_heard_ever_less_often() {
        let mut alarms = Alarms::default();
        let all = readings(&mut alarms, Mono(0), 600 * SECOND, |_| false);
        // After half a second, then after 1, 2, 4... and 60.
        assert_eq!(all[..4], [500, 1500, 3500, 7500].map(|ms| Mono(ms * 1_000_000)));
        assert_eq!(all.len(), 7 + 8, "{all:?}");
        // Of what another has said it is neither right nor wrong.
        alarms.looked(Mono(0), false);
        let before = alarms.wrong;
        alarms.looked(Mono(0), true);
        alarms.looked(Mono(0), false);
        assert_eq!(alarms.wrong, before);
    }

    #[test]
    fn who_is_right_is_heard_at_once() {
        let mut alarms = Alarms::default();
        let all = readings(&mut alarms, Mono(0), 10 * SECOND, |_| true);
        assert_eq!(all.len(), 20);
        let mut alarms = Alarms::default();
        readings(&mut alarms, Mono(0), 100 * SECOND, |_| false);
        let from = Mono::ZERO.plus(1000 * SECOND);
        let all = readings(&mut alarms, from, 10 * SECOND, |at| at == 0);
        let expected = [SECOND / 2, SECOND, 2 * SECOND].map(|span| from.plus(span));
        assert_eq!(all[..3], expected, "what was before does not count");
    }
}
