//! What proxies have told of connections that are given away, by the proxies' own ends of them: the newest so many. It must not
//! know who gives them away, nor what is told.
use super::handover::Pass;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;

#[derive(Default)]
pub(super) struct Passes {
    /// With their ages.
    known: HashMap<SocketAddr, (u64, Pass)>,
    by_age: BTreeMap<u64, SocketAddr>,
    next: u64,
}

impl Passes {
    /// Keeps one; beyond `most` the oldest goes.
    pub fn keep(&mut self, end: SocketAddr, pass: Pass, most: usize) {
        self.next += 1;
        if let Some((before, _)) = self.known.insert(end, (self.next, pass)) {
            self.by_age.remove(&before);
        }
        self.by_age.insert(self.next, end);
        if self.known.len() > most
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.known.remove(&oldest);
        }
    }

    pub fn take(&mut self, end: SocketAddr) -> Option<Pass> {
        let (age, pass) = self.known.remove(&end)?;
        self.by_age.remove(&age);
        Some(pass)
    }
}

/// A visitor that a process gave back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Return {
    /// The client's end of it.
    pub end: SocketAddr,
    /// The process, if it has no instance of the visitor's tenant now: another one may have.
    pub unmanned: Option<u32>,
}

/// Visitors that processes gave back, by front and client's end: one connection is here once, however many copies of it a process
/// sends, or they would be descriptors without end.
#[derive(Default)]
pub(super) struct Returned(HashSet<(u32, SocketAddr)>);

impl Returned {
    /// Whether it is taken. Others than those that come back find room too: they have half of what `most` visitors there may be.
    pub fn takes(&mut self, front: u32, end: SocketAddr, visitors: usize, most: usize) -> bool {
        visitors < most / 2 && self.0.insert((front, end))
    }

    /// It is no visitor any more.
    pub fn forget(&mut self, front: u32, end: SocketAddr) {
        self.0.remove(&(front, end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p05_a_connection_that_is_given_back_is_here_once_and_leaves_room_for_others() {
        let mut returned = Returned::default();
        assert!(returned.takes(0, end(1), 0, 8));
        assert!(!returned.takes(0, end(1), 1, 8), "a copy");
        assert!(returned.takes(1, end(1), 1, 8) && returned.takes(0, end(2), 3, 8));
        assert!(!returned.takes(0, end(3), 4, 8), "half of all are there");
        returned.forget(0, end(1));
        assert!(returned.takes(0, end(1), 3, 8), "given away, and back again");
    }

    fn end(number: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], number))
    }

    #[test]
    fn the_newest_are_kept_and_none_is_left_behind() {
        let mut passes = Passes::default();
        (0..10).for_each(|number| passes.keep(end(number), Pass::of(end(number)), 4));
        // One is told of anew: it is the newest then.
        passes.keep(end(6), Pass::of(end(60)), 4);
        passes.keep(end(10), Pass::of(end(10)), 4);
        let kept: Vec<u16> = (0..20).filter(|number| passes.known.contains_key(&end(*number))).collect();
        assert_eq!(kept, [6, 8, 9, 10]);
        assert_eq!(passes.take(end(6)), Some(Pass::of(end(60))));
        assert_eq!(passes.take(end(6)), None);
        for number in 0..1000 {
            passes.keep(end(number), Pass::of(end(number)), 4);
            passes.take(end(number));
        }
        assert!(passes.known.len() <= 4 && passes.by_age.len() == passes.known.len());
    }
}
