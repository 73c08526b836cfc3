//! Keys: the names of the reactor's resources, and the slab they name places in.
//!
//! It must not know what is stored. *Invariant:* a key names one resource, once. When the resource
//! is gone its key names nothing, whatever moves into the same place: the place counts generations,
//! and retires when the count is used up.

/// What a key names. Stands in the key, so that a listener's key is never taken for a stream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A TCP or UNIX stream.
    Stream,
    /// A TCP or UNIX listener.
    Listener,
    /// A UDP socket.
    Datagram,
    /// The reactor's own: the waker, the signals. Never handed out.
    Control,
    /// A channel to another process.
    Channel,
}

/// The name of a stream or listener: index (29 bits), kind (3), generation (32, never 0).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(u64);

const INDEX_BITS: u32 = 29;
const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;

// A key travels through the kernel as mio's token, which is a usize.
const _: () = assert!(size_of::<usize>() >= size_of::<u64>(), "a key must fit in a mio token");

impl Key {
    pub(super) fn new(kind: Kind, index: u32, generation: u32) -> Key {
        debug_assert!(u64::from(index) <= INDEX_MASK);
        Key(u64::from(generation) << 32 | (kind as u64) << INDEX_BITS | u64::from(index))
    }

    /// What it names.
    pub fn kind(self) -> Kind {
        match (self.0 >> INDEX_BITS) & 7 {
            0 => Kind::Stream,
            1 => Kind::Listener,
            2 => Kind::Datagram,
            4 => Kind::Channel,
            _ => Kind::Control,
        }
    }

    /// Its place: small numbers, used again after the key is dead.
    pub fn index(self) -> usize {
        (self.0 & INDEX_MASK) as usize
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The key as a number, for logs and for a token that travels elsewhere.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// A key from a number. Any number will do: one that was never a key names nothing.
    pub fn from_bits(bits: u64) -> Key {
        Key(bits)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}#{}.{}", self.kind(), self.index(), self.generation())
    }
}

/// A slab of `T`s of one kind, with a free list. The place freed last is used first: it is warm in
/// the cache, and in tests it brings out any use of a stale key at once.
#[derive(Debug)]
pub(super) struct Slab<T> {
    kind: Kind,
    places: Vec<Place<T>>,
    free: u32,
    len: usize,
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    next_free: u32,
    value: Option<T>,
}

const NO_PLACE: u32 = u32::MAX;

impl<T> Slab<T> {
    pub(super) fn new(kind: Kind) -> Slab<T> {
        Slab { kind, places: Vec::new(), free: NO_PLACE, len: 0 }
    }

    /// How many are stored.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of one place.
    #[cfg(test)]
    pub(super) fn place_size() -> usize {
        size_of::<Place<T>>()
    }

    pub(super) fn insert(&mut self, value: T) -> Key {
        self.len += 1;
        if self.free == NO_PLACE {
            let index = u32::try_from(self.places.len()).expect("fewer fds than 2^29 exist");
            assert!(u64::from(index) <= INDEX_MASK, "fewer fds than 2^29 exist");
            self.places.push(Place { generation: 1, next_free: NO_PLACE, value: Some(value) });
            return Key::new(self.kind, index, 1);
        }
        let index = self.free;
        let place = &mut self.places[index as usize];
        self.free = place.next_free;
        place.value = Some(value);
        Key::new(self.kind, index, place.generation)
    }

    pub(super) fn get(&self, key: Key) -> Option<&T> {
        let place = self.places.get(key.index())?;
        if place.generation != key.generation() || key.kind() != self.kind {
            return None;
        }
        place.value.as_ref()
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let place = self.places.get_mut(key.index())?;
        if place.generation != key.generation() || key.kind() != self.kind {
            return None;
        }
        place.value.as_mut()
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let place = &mut self.places[key.index()];
        let value = place.value.take();
        self.len -= 1;
        // Generation 0 is given to no key: a place that has come round to it is never used again.
        place.generation = place.generation.wrapping_add(1);
        if place.generation != 0 {
            place.next_free = self.free;
            self.free = key.index() as u32;
        }
        value
    }
}
