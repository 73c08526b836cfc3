//! The seats of a hall, and which of them have something to do. Whoever may change a seat gets it by `get_mut` or by index,
//! and that notes it: a seat is judged anew when it may have changed, and costs nothing in the turns in which it has not.
//! It must not know why one is ready, nor whose turn it is.
use super::seat::Seat;
use slab::Slab;
use std::collections::BTreeSet;
use std::ops::{Index, IndexMut, Range};

/// Which of the sets a seat is in: guests that are ready, but for those that compute; these; guests that are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    Light,
    Heavy,
    Held,
}

/// What is kept of a seat's place in the lists.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    /// It may have changed since it was last ranked, and since it was last asked whether it lives.
    unranked: bool,
    unasked: bool,
    rank: Option<Rank>,
}

#[derive(Default)]
pub(super) struct Seats {
    all: Slab<Seat>,
    /// Places whose seats may have changed, in two lists that are worked off at different times. A place that was left
    /// meanwhile does no harm.
    unranked: Vec<u32>,
    unasked: Vec<u32>,
    /// By [`Rank`].
    ranks: [BTreeSet<u32>; 3],
}

impl Seats {
    pub fn insert(&mut self, seat: Seat) -> usize {
        let index = self.all.insert(seat);
        self.note(index);
        index
    }

    pub fn remove(&mut self, index: usize) -> Option<Seat> {
        let seat = self.all.try_remove(index)?;
        if let Some(rank) = seat.marks.rank {
            self.ranks[rank as usize].remove(&(index as u32));
        }
        Some(seat)
    }

    pub fn get(&self, index: usize) -> Option<&Seat> {
        self.all.get(index)
    }

    pub fn get_mut(&mut self, index: usize) -> Option<&mut Seat> {
        self.note(index);
        self.all.get_mut(index)
    }

    pub fn contains(&self, index: usize) -> bool {
        self.all.contains(index)
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub fn iter(&self) -> slab::Iter<'_, Seat> {
        self.all.iter()
    }

    pub fn iter_mut(&mut self) -> slab::IterMut<'_, Seat> {
        for index in 0..self.all.capacity() {
            self.note(index);
        }
        self.all.iter_mut()
    }

    /// Somebody may change it from here on.
    fn note(&mut self, index: usize) {
        let Some(Seat { marks, .. }) = self.all.get_mut(index) else { return };
        if !std::mem::replace(&mut marks.unranked, true) {
            self.unranked.push(index as u32);
        }
        if !std::mem::replace(&mut marks.unasked, true) {
            self.unasked.push(index as u32);
        }
    }

    /// Puts what has changed into the sets where it belongs.
    fn settle(&mut self) {
        while let Some(index) = self.unranked.pop() {
            let Some(seat) = self.all.get_mut(index as usize) else { continue };
            seat.marks.unranked = false;
            let rank = seat.rank();
            let before = std::mem::replace(&mut seat.marks.rank, rank);
            if before == rank {
                continue;
            }
            if let Some(before) = before {
                self.ranks[before as usize].remove(&index);
            }
            if let Some(rank) = rank {
                self.ranks[rank as usize].insert(index);
            }
        }
    }

    /// The first seat of that rank among these places.
    pub fn next(&mut self, rank: Rank, among: Range<u32>) -> Option<u32> {
        self.settle();
        self.ranks[rank as usize].range(among).next().copied()
    }

    /// Whether a guest may run and has something to do.
    pub fn any_ready(&mut self) -> bool {
        self.any(Rank::Light) || self.any(Rank::Heavy)
    }

    pub fn any(&mut self, rank: Rank) -> bool {
        self.settle();
        !self.ranks[rank as usize].is_empty()
    }

    /// Seats that may have come to their end since this was last asked: only what changes a seat ends it.
    pub fn take_unasked(&mut self) -> Vec<u32> {
        let mut list = std::mem::take(&mut self.unasked);
        list.retain(|index| {
            let seat = self.all.get_mut(*index as usize);
            seat.is_some_and(|seat| std::mem::take(&mut seat.marks.unasked))
        });
        list
    }

    /// The list that [`Self::take_unasked`] gave: its memory is used again.
    pub fn give_back(&mut self, mut list: Vec<u32>) {
        list.clear();
        list.append(&mut self.unasked);
        self.unasked = list;
    }
}

impl Index<usize> for Seats {
    type Output = Seat;

    fn index(&self, index: usize) -> &Seat {
        &self.all[index]
    }
}

impl IndexMut<usize> for Seats {
    fn index_mut(&mut self, index: usize) -> &mut Seat {
        self.note(index);
        &mut self.all[index]
    }
}

#[cfg(test)]
impl Seats {
    /// Panics when a seat that has not changed stands in another set than it should, or is to be reaped and nobody will.
    pub fn audit(&self) {
        for (index, seat) in &self.all {
            let place = index as u32;
            let sets = self.ranks.iter().filter(|set| set.contains(&place)).count();
            assert_eq!(sets, usize::from(seat.marks.rank.is_some()), "a seat stands in one set at most");
            let noted = self.unranked.contains(&place);
            assert!(noted || seat.rank() == seat.marks.rank, "seat {index} has changed, and nobody has noted it");
            assert!(seat.is_alive() || self.unasked.contains(&place), "seat {index} is at its end, and is not asked");
        }
    }

    /// How many the next turn will look at.
    pub fn noted(&self) -> usize {
        self.unranked.len().max(self.unasked.len()) + self.ranks.iter().map(BTreeSet::len).sum::<usize>()
    }
}
