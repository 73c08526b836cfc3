//! Timers: a heap by deadline, then by the order in which they were armed.
//!
//! It must not know what a timer is for nor what time it is: the moment comes in as an argument.
//!
//! A timeout of a connection is moved at every request and fires almost never, so moving one to a
//! later moment must be nearly free. It is: the slot gets its new deadline and the heap entry stays
//! where it is. When that entry reaches the top it is seen to be out of date and is put back at its
//! true place. An entry is *valid* when its sequence number is the one its slot remembers; every
//! armed slot has exactly one valid entry, and the entry's place is never later than the slot's
//! deadline. Hence no timer is late, and as the deadline is read from the slot, none is early.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::clock::Mono;

/// The name of one armed timer. A name is never used twice: after the timer fired or was cancelled
/// it names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerId(u64);

impl TimerId {
    fn new(index: u32, generation: u32) -> TimerId {
        TimerId(u64::from(generation) << 32 | u64::from(index))
    }

    fn index(self) -> usize {
        (self.0 & u64::from(u32::MAX)) as usize
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// A timer that has fired. Its name is already dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The name it had.
    pub id: TimerId,
    /// The number its owner gave it.
    pub token: u64,
    /// The moment it was armed for, which is never after the `now` given to `expire`.
    pub deadline: Mono,
}

/// Timers by deadline, then by order of arming. One armed timer costs 72 bytes.
#[derive(Debug, Default)]
pub struct Timers {
    slots: Vec<Slot>,
    free: Option<u32>,
    heap: BinaryHeap<Reverse<Entry>>,
    armed: usize,
    sequence: u64,
}

#[derive(Debug)]
struct Slot {
    deadline: Mono,
    /// When it was armed or moved last: decides among equal deadlines.
    sequence: u64,
    /// The sequence number of its valid heap entry.
    entry: u64,
    /// The place of that entry: never later than `deadline`.
    entry_deadline: Mono,
    token: u64,
    generation: u32,
    /// While armed: itself. While free: the next free slot, or itself at the end of the list.
    link: u32,
    // `armed` is told by the generation: odd while armed, even while free.
}

/// Ordered by the fields in this order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    deadline: Mono,
    sequence: u64,
    index: u32,
}

/// Dead heap entries are swept when they outnumber the living by this many: enough that the sweep,
/// which visits every entry, costs each cancelled timer a constant.
const SWEEP_SLACK: usize = 64;

impl Timers {
    /// No timers.
    pub fn new() -> Timers {
        Timers::default()
    }

    /// How many timers are armed.
    pub fn len(&self) -> usize {
        self.armed
    }

    /// Whether none is armed.
    pub fn is_empty(&self) -> bool {
        self.armed == 0
    }

    /// Arms a timer; `token` is handed back when it fires.
    pub fn arm(&mut self, deadline: Mono, token: u64) -> TimerId {
        let sequence = self.next_sequence();
        let index = self.take_slot();
        let slot = &mut self.slots[index as usize];
        slot.generation += 1;
        slot.deadline = deadline;
        slot.sequence = sequence;
        slot.entry = sequence;
        slot.entry_deadline = deadline;
        slot.token = token;
        slot.link = index;
        let id = TimerId::new(index, slot.generation);
        self.armed += 1;
        self.heap.push(Reverse(Entry { deadline, sequence, index }));
        id
    }

    /// Moves an armed timer to another moment, as if it were armed anew. Moving it later, or back to
    /// any moment after the place of its heap entry, touches two fields. False if it is not armed.
    pub fn rearm(&mut self, id: TimerId, deadline: Mono) -> bool {
        let sequence = self.sequence;
        let Some(slot) = self.slot_mut(id) else {
            return false;
        };
        slot.deadline = deadline;
        slot.sequence = sequence;
        if deadline < slot.entry_deadline {
            slot.entry = sequence;
            slot.entry_deadline = deadline;
            self.heap.push(Reverse(Entry { deadline, sequence, index: id.index() as u32 }));
            self.sweep();
        }
        self.sequence += 1;
        true
    }

    /// Cancels a timer: it will not fire. False if it is not armed.
    pub fn cancel(&mut self, id: TimerId) -> bool {
        if self.slot_mut(id).is_none() {
            return false;
        }
        self.release(id.index() as u32);
        self.sweep();
        true
    }

    /// The moment a timer is armed for, if it is armed.
    pub fn deadline(&self, id: TimerId) -> Option<Mono> {
        let slot = self.slots.get(id.index())?;
        (slot.generation == id.generation()).then_some(slot.deadline)
    }

    /// The earliest deadline, if any is armed. It puts back what stands too early in the heap, hence
    /// `&mut`; each entry put back was a `rearm` that cost nothing.
    pub fn next_deadline(&mut self) -> Option<Mono> {
        self.settle();
        self.heap.peek().map(|Reverse(entry)| entry.deadline)
    }

    /// Fires what is due at `now`, at most `max`, appending to `out` in order of deadline, then of
    /// arming. Returns how many; what is left stays due and `next_deadline` still tells of it.
    pub fn expire(&mut self, now: Mono, max: usize, out: &mut Vec<Expired>) -> usize {
        let mut fired = 0;
        while fired < max && self.next_deadline().is_some_and(|deadline| deadline <= now) {
            let Reverse(entry) = self.heap.pop().expect("next_deadline has just seen it");
            let slot = &self.slots[entry.index as usize];
            let id = TimerId::new(entry.index, slot.generation);
            out.push(Expired { id, token: slot.token, deadline: slot.deadline });
            self.release(entry.index);
            fired += 1;
        }
        fired
    }

    /// Entries of the heap, dead ones included.
    #[cfg(test)]
    pub(super) fn heap_len(&self) -> usize {
        self.heap.len()
    }

    /// Bytes of one armed timer.
    #[cfg(test)]
    pub(super) fn bytes_per_timer() -> usize {
        size_of::<Slot>() + size_of::<Reverse<Entry>>()
    }

    /// Makes the top of the heap, if there is one, a valid entry that stands at its true place.
    fn settle(&mut self) {
        while let Some(Reverse(top)) = self.heap.peek() {
            let (index, sequence) = (top.index, top.sequence);
            let slot = &mut self.slots[index as usize];
            let valid = slot.entry == sequence && slot.generation % 2 == 1;
            if valid && slot.sequence == sequence {
                return;
            }
            self.heap.pop();
            if valid {
                slot.entry = slot.sequence;
                slot.entry_deadline = slot.deadline;
                let (deadline, sequence) = (slot.deadline, slot.sequence);
                self.heap.push(Reverse(Entry { deadline, sequence, index }));
            }
        }
    }

    /// Bounds the heap: it never holds more than twice the armed timers and some slack.
    fn sweep(&mut self) {
        if self.heap.len() > 2 * self.armed + SWEEP_SLACK {
            let slots = &self.slots;
            self.heap.retain(|Reverse(entry)| {
                let slot = &slots[entry.index as usize];
                slot.entry == entry.sequence && slot.generation % 2 == 1
            });
            self.heap.shrink_to(4 * self.armed + SWEEP_SLACK);
        }
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }

    fn slot_mut(&mut self, id: TimerId) -> Option<&mut Slot> {
        self.slots.get_mut(id.index()).filter(|slot| slot.generation == id.generation())
    }

    fn take_slot(&mut self) -> u32 {
        if let Some(index) = self.free {
            let next = self.slots[index as usize].link;
            self.free = (next != index).then_some(next);
            return index;
        }
        let index = u32::try_from(self.slots.len()).expect("4 billion timers do not fit in memory");
        self.slots.push(Slot {
            deadline: Mono::ZERO,
            sequence: 0,
            entry: 0,
            entry_deadline: Mono::ZERO,
            token: 0,
            generation: 0,
            link: index,
        });
        index
    }

    /// Frees an armed slot. A slot whose generations are used up is retired, so that no name ever
    /// comes back: 48 bytes for each two billion timers.
    fn release(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        self.armed -= 1;
        slot.generation = slot.generation.wrapping_add(1);
        if slot.generation != 0 {
            slot.link = self.free.unwrap_or(index);
            self.free = Some(index);
        }
    }
}
