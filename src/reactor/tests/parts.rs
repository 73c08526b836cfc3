//! Keys, readiness and outbufs by themselves.

use std::io::IoSlice;

use super::super::key::{Key, Kind, Slab};
use super::super::outbuf::{BIG, OutBuf, SLICES, Spares};
use super::super::readiness::{Edges, Readiness};
use super::super::sim::Rng;
use super::super::sim::SimStream;
use super::super::stream::Stream;
use super::super::{Errno, Kernel, MioKernel};
use super::bench::pattern;

#[test]
fn an_idle_connection_is_small() {
    let place = Slab::<Stream<<MioKernel as Kernel>::Stream>>::place_size();
    println!("a stream with its place: {place} bytes");
    assert!(place <= 96, "{place} bytes");
    let simulated = Slab::<Stream<SimStream>>::place_size();
    assert!(simulated <= 128, "{simulated} bytes");
    assert_eq!(size_of::<Key>(), 8);
    assert!(size_of::<super::super::Fact>() <= 72);
}

#[test]
fn a_key_names_one_thing_once() {
    let mut slab = Slab::new(Kind::Stream);
    let mut dice = Rng::new(11);
    let mut living: Vec<(Key, u64)> = Vec::new();
    let mut dead: Vec<Key> = Vec::new();
    for step in 0..20_000 {
        if dice.below(2) == 0 || living.is_empty() {
            let key = slab.insert(step);
            assert!(living.iter().all(|&(other, _)| other != key));
            living.push((key, step));
        } else {
            let (key, value) = living.swap_remove(dice.below(living.len()));
            assert_eq!(slab.remove(key), Some(value));
            dead.push(key);
        }
        if let Some(&(key, value)) = living.get(dice.below(living.len())) {
            assert_eq!(slab.get(key), Some(&value));
        }
        if !dead.is_empty() {
            let key = dead[dice.below(dead.len())];
            assert!(slab.get(key).is_none() && slab.get_mut(key).is_none());
            assert!(slab.remove(key).is_none());
        }
        assert_eq!(slab.len(), living.len());
    }
}

#[test]
fn a_key_of_another_kind_names_nothing() {
    let mut slab = Slab::new(Kind::Listener);
    let key = slab.insert(());
    assert_eq!(key.kind(), Kind::Listener);
    let stream = Key::new(Kind::Stream, key.index() as u32, 1);
    assert!(slab.get(stream).is_none() && slab.remove(stream).is_none());
    for bits in [0, 1, u64::MAX, 1 << 30, 1 << 32, 3 << 30, 1 << 63] {
        if Key::from_bits(bits) != key {
            assert_eq!(slab.get(Key::from_bits(bits)), None);
        }
    }
}

const READ: Edges = Edges { read: true, write: false, read_closed: false, error: false };
const FIN: Edges = Edges { read: true, write: false, read_closed: true, error: false };
const WRITE: Edges = Edges { read: false, write: true, read_closed: false, error: false };
const DEATH: Edges = Edges { read: true, write: true, read_closed: true, error: true };

/// What is done to a readiness, and whether it may be read and written after it.
type Row = (&'static str, fn(&mut Readiness), bool, bool);

#[test]
fn the_table_of_readiness() {
    let tables: &[&[Row]] = &[
        &[
            ("read edge", |r| r.signalled(READ), true, true),
            ("a short read drains", |r| r.read_short(), false, true),
            ("a write edge says nothing of reading", |r| r.signalled(WRITE), false, true),
            ("a second edge", |r| r.signalled(READ), true, true),
            ("EAGAIN drains", |r| r.read_blocked(), false, true),
        ],
        &[
            ("data and FIN in one", |r| r.signalled(FIN), true, true),
            ("a short read proves nothing now", |r| r.read_short(), true, true),
            ("and again", |r| r.read_short(), true, true),
            ("the end", |r| r.read_ended(), false, true),
            ("every later event says FIN too", |r| r.signalled(FIN), false, true),
        ],
        &[
            ("data", |r| r.signalled(READ), true, true),
            ("FIN before the read", |r| r.signalled(FIN), true, true),
            ("so a short read proves nothing", |r| r.read_short(), true, true),
            ("a FIN that was a lie", |r| r.read_blocked(), false, true),
            ("data", |r| r.signalled(READ), true, true),
            ("short reads drain again", |r| r.read_short(), false, true),
        ],
        &[
            ("full", |r| r.write_blocked(), false, false),
            ("read edge", |r| r.signalled(READ), true, false),
            ("room", |r| r.signalled(WRITE), true, true),
        ],
        &[
            ("full", |r| r.write_blocked(), false, false),
            ("death makes both worth a try", |r| r.signalled(DEATH), true, true),
            ("a short read is not the end", |r| r.read_short(), true, true),
            ("the error", |r| r.read_ended(), false, true),
        ],
    ];
    for table in tables {
        let mut ready = Readiness::connected();
        for (what, act, may_read, may_write) in *table {
            act(&mut ready);
            assert_eq!((ready.may_read(), ready.may_write()), (*may_read, *may_write), "{what}");
        }
    }
}

/// *Armed or on the run list*, against a model of a kernel that makes one edge per change, with
/// every order of events and operations that the dice give.
#[test]
fn no_wake_up_is_lost() {
    for seed in 0..2000 {
        let mut dice = Rng::new(seed);
        let mut ready = Readiness::connected();
        let (mut bytes, mut fin, mut edge) = (0_usize, false, false);
        let (mut queued, mut ended) = (false, false);
        for _ in 0..60 {
            match dice.below(5) {
                // The kernel: bytes or FIN arrive, which makes an edge.
                0 if !fin => (bytes, edge) = (bytes + dice.cut(5), true),
                1 if !fin && dice.below(4) == 0 => (fin, edge) = (true, true),
                // The edge is fetched, with the state of that moment; a spurious one at times.
                2 if edge || dice.below(4) == 0 => {
                    let read = bytes > 0 || fin || !edge;
                    ready.signalled(Edges { read, read_closed: fin, ..Edges::default() });
                    edge = false;
                    queued |= ready.enqueue();
                }
                3 => {
                    if dice.below(2) == 0 {
                        ready.pause()
                    } else {
                        ready.resume();
                        queued |= ready.enqueue();
                    }
                }
                // The owner reads when it is told to.
                _ if queued && ready.runnable() => {
                    let asked = dice.cut(6);
                    if bytes == 0 && fin {
                        ready.read_ended();
                        ended = true;
                    } else if bytes == 0 {
                        ready.read_blocked();
                    } else if bytes < asked {
                        bytes = 0;
                        ready.read_short();
                    } else {
                        bytes -= asked;
                    }
                }
                _ => {}
            }
            if queued && ready.dequeue() {
                queued = false;
            }
            let something = bytes > 0 || (fin && !ended);
            let paused = ready.is_paused();
            assert!(!something || edge || queued || (paused && ready.may_read()), "SEED={seed}");
            assert_eq!(queued, ready.runnable(), "SEED={seed}");
        }
    }
}

#[test]
fn each_list_holds_it_once() {
    let mut ready = Readiness::connected();
    assert!(ready.soil());
    assert!(!ready.soil());
    ready.cleaned();
    assert!(ready.soil());
    assert!(!ready.enqueue(), "nothing to read");
    ready.signalled(READ);
    assert!(ready.enqueue());
    assert!(!ready.enqueue());
    assert!(!ready.dequeue(), "something to read");
    ready.pause();
    assert!(ready.dequeue());
    ready.resume();
    assert!(ready.enqueue());
}

/// Writes `out` to the end, `cut` bytes a time at most.
fn drain(out: &mut OutBuf, spares: &mut Spares, max: usize, mut cut: impl FnMut() -> usize) -> Vec<u8> {
    let mut written = Vec::new();
    while out.pending() > 0 {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let (count, total) = out.front(&mut slices, max);
        assert!(count > 0 && total > 0 && total <= max);
        let flat: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
        assert_eq!(flat.len(), total);
        assert!(slices[..count].iter().all(|slice| !slice.is_empty()));
        let taken = cut().min(total);
        written.extend_from_slice(&flat[..taken]);
        out.advance(taken, spares);
    }
    written
}

#[test]
fn partial_writes_at_every_length() {
    let pieces = [3, BIG, 5, 1, BIG + 7, BIG, 2, 0, 9];
    let all: Vec<Vec<u8>> = pieces.iter().enumerate().map(|(at, &len)| pattern(len, at as u64)).collect();
    let whole = all.concat();
    let near_edges = (0..whole.len()).filter(|at| at % 1021 == 0 || (at + 40) % BIG < 80);
    for first in near_edges {
        let (mut out, mut spares) = (OutBuf::default(), Spares::default());
        for piece in &all {
            out.push_vec(piece.clone(), &mut spares);
        }
        assert_eq!(out.pending(), whole.len());
        let mut slices = [IoSlice::new(&[]); SLICES];
        assert_eq!(out.front(&mut slices, usize::MAX).1, whole.len());
        out.advance(first, &mut spares);
        assert_eq!(out.pending(), whole.len() - first);
        // What is appended to a partly written buffer comes after the rest.
        out.push(b"more", &mut spares);
        let rest = drain(&mut out, &mut spares, usize::MAX, || usize::MAX);
        assert!(rest[..rest.len() - 4] == whole[first..] && rest.ends_with(b"more"), "{first}");
    }
}

#[test]
fn an_outbuf_is_a_queue_of_bytes() {
    for seed in 0..60 {
        let mut dice = Rng::new(seed);
        let (mut out, mut spares) = (OutBuf::default(), Spares::default());
        let (mut sent, mut written) = (Vec::new(), Vec::new());
        for step in 0..40 {
            let length = [0, 1, 30, 3000, BIG - 1, BIG, 40_000][dice.below(7)];
            let bytes = pattern(length, step);
            match dice.below(4) {
                0 => out.push(&bytes, &mut spares),
                1 => out.push_vec(bytes.clone(), &mut spares),
                _ => out.tail(&mut spares).extend_from_slice(&bytes),
            }
            sent.extend(bytes);
            while dice.below(3) > 0 && out.pending() > 0 {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let (count, total) = out.front(&mut slices, 1 + dice.below(100_000));
                let taken = dice.cut(total);
                let flat: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
                written.extend_from_slice(&flat[..taken]);
                out.advance(taken, &mut spares);
            }
            assert_eq!(out.pending(), sent.len() - written.len(), "SEED={seed}");
        }
        written.extend(drain(&mut out, &mut spares, 70_000, || 30_000));
        assert!(written == sent, "SEED={seed}");
    }
}

#[test]
fn a_drained_outbuf_holds_nothing() {
    let (mut out, mut spares) = (OutBuf::default(), Spares::default());
    out.push(b"hello", &mut spares);
    out.push_vec(vec![0; BIG], &mut spares);
    out.push(b"hello", &mut spares);
    drain(&mut out, &mut spares, usize::MAX, || 7);
    assert_eq!(format!("{out:?}"), format!("{:?}", OutBuf::default()));
    // The next stream gets the buffer of the last.
    let spare = out.tail(&mut spares);
    assert!(spare.is_empty() && spare.capacity() >= 5);
}

#[test]
fn the_makers_of_big_pieces_get_some_of_them_back() {
    let (mut out, mut spares) = (OutBuf::default(), Spares::default());
    for size in 1..=20 {
        out.push_vec(Vec::with_capacity(20_000), &mut spares);
        out.push_vec(vec![1; 20_000 + size], &mut spares);
        drain(&mut out, &mut spares, usize::MAX, || usize::MAX);
    }
    assert!(spares.big.iter().all(Vec::is_empty));
    let kept: Vec<usize> = spares.big.iter().map(Vec::capacity).collect();
    assert_eq!(kept, (20_013..=20_020).collect::<Vec<_>>(), "the newest");
    out.push_vec(vec![1; 1 << 20], &mut spares);
    drain(&mut out, &mut spares, usize::MAX, || usize::MAX);
    assert!(spares.big.iter().all(|spare| spare.capacity() < 1 << 20), "too large to be kept");
}

#[test]
fn a_big_vec_is_not_copied() {
    let (mut out, mut spares) = (OutBuf::default(), Spares::default());
    let bytes = vec![1; BIG];
    let at = bytes.as_ptr();
    out.push(b"head", &mut spares);
    out.push_vec(bytes, &mut spares);
    let mut slices = [IoSlice::new(&[]); SLICES];
    assert_eq!(out.front(&mut slices, usize::MAX).0, 2);
    assert_eq!(slices[1].as_ptr(), at);
}

#[test]
fn errors_have_nodes_names() {
    assert_eq!(Errno::ECONNRESET.name(), "ECONNRESET");
    assert_eq!(Errno::from_raw(0x7fff).name(), "UNKNOWN");
    assert_eq!(std::io::Error::from(Errno::EPIPE).kind(), std::io::ErrorKind::BrokenPipe);
    assert_eq!(Errno::from(std::io::Error::other("made up")), Errno::EINVAL);
}
