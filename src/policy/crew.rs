//! How many instances of a tenant there are: always so many, or more under load and fewer after it. One look a second judges
//! by the requests under way, which grow as soon as answers take longer than requests need to come, whatever it is that they
//! wait for. It must not know what an instance is, nor clocks: a look is a call.
use serde::{Deserialize, Serialize};

/// Requests under way for each instance, beyond which there is to be one more: several at once are an evented server's
/// everyday life, and more of them mean that it is behind.
pub const REQUESTS_EACH: u16 = 16;

/// Looks in a row at which one fewer would do, before there is one fewer: to start one costs little, to let one go moves its
/// connections.
const CALM: u16 = 30;

/// What an operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instances {
    pub least: u16,
    pub most: u16,
    /// Requests under way for each.
    pub requests: u16,
}

impl Instances {
    /// Always so many.
    pub fn fixed(count: u16) -> Instances {
        Instances { least: count, most: count, requests: REQUESTS_EACH }
    }

    /// Whether their number changes.
    pub fn scale(self) -> bool {
        self.most > self.least
    }

    /// How many of them the process at this place has, of several that they are dealt to in turn.
    pub fn share(wanted: u16, place: usize, processes: usize) -> u16 {
        let (wanted, processes) = (usize::from(wanted), processes.max(1));
        (wanted / processes + usize::from(place < wanted % processes)) as u16
    }
}

/// What a look has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    More,
    Fewer,
}

/// How many there are to be now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crew {
    wanted: u16,
    calm: u16,
}

impl Crew {
    pub fn new(plan: Instances) -> Crew {
        Crew { wanted: plan.least, calm: 0 }
    }

    pub fn wanted(self) -> u16 {
        self.wanted
    }

    /// The plan is another: what is wanted stays, as far as it may.
    pub fn fit(&mut self, plan: Instances) {
        self.set(self.wanted.clamp(plan.least, plan.most.max(plan.least)));
    }

    /// So many from here on.
    pub fn set(&mut self, wanted: u16) {
        *self = Crew { wanted, calm: 0 };
    }

    /// One look: so many requests are under way.
    pub fn look(&mut self, plan: Instances, requests: u64) -> Option<Change> {
        let room = |count: u16| u64::from(count) * u64::from(plan.requests);
        if requests > room(self.wanted) {
            self.calm = 0;
            if self.wanted >= plan.most {
                return None;
            }
            self.wanted += 1;
            return Some(Change::More);
        }
        // Half of what one fewer has room for: there is no going back and forth.
        let fewer = self.wanted > plan.least && requests * 2 <= room(self.wanted - 1);
        self.calm = if fewer { self.calm + 1 } else { 0 };
        if self.calm < CALM {
            return None;
        }
        (self.wanted, self.calm) = (self.wanted - 1, 0);
        Some(Change::Fewer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Instances = Instances { least: 1, most: 3, requests: 10 };

    #[test]
    fn one_more_at_each_look_under_load_and_one_fewer_after_long_calm() {
        let mut crew = Crew::new(PLAN);
        assert_eq!((crew.look(PLAN, 10), crew.wanted()), (None, 1), "as many as it is to have");
        assert_eq!((crew.look(PLAN, 11), crew.wanted()), (Some(Change::More), 2));
        assert_eq!(crew.look(PLAN, 20), None);
        assert_eq!((crew.look(PLAN, 1000), crew.wanted()), (Some(Change::More), 3));
        assert_eq!((crew.look(PLAN, 1000), crew.wanted()), (None, 3), "no more than may be");
        for wanted in [2, 1] {
            assert!((1..CALM).all(|_| crew.look(PLAN, 0).is_none()));
            assert_eq!((crew.look(PLAN, 0), crew.wanted()), (Some(Change::Fewer), wanted));
        }
        assert!((0..3 * CALM).all(|_| crew.look(PLAN, 0).is_none()), "no fewer than are to be");
    }

    #[test]
    fn load_between_two_numbers_changes_nothing() {
        let mut crew = Crew::new(PLAN);
        crew.look(PLAN, 11);
        // One would do for ten, and does not come back for six.
        assert!((0..10 * CALM).all(|look| crew.look(PLAN, [6, 20][usize::from(look % 2)]).is_none()));
        assert!((1..CALM).all(|_| crew.look(PLAN, 5).is_none()));
        assert_eq!(crew.look(PLAN, 6), None, "calm is not in pieces");
        assert!((1..CALM).all(|_| crew.look(PLAN, 5).is_none()));
        assert_eq!(crew.look(PLAN, 5), Some(Change::Fewer));
    }

    #[test]
    fn instances_are_dealt_in_turn() {
        let shares = |wanted| (0..3).map(|place| Instances::share(wanted, place, 3)).collect::<Vec<_>>();
        assert_eq!((shares(1), shares(3), shares(5)), (vec![1, 0, 0], vec![1, 1, 1], vec![2, 2, 1]));
    }

    #[test]
    fn another_plan_keeps_what_it_may() {
        let mut crew = Crew::new(PLAN);
        crew.set(3);
        crew.fit(Instances { most: 2, ..PLAN });
        assert_eq!(crew.wanted(), 2);
        crew.fit(Instances::fixed(4));
        assert_eq!(crew.wanted(), 4);
    }
}
