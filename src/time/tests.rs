//! Tests of the room: the timers against a model, and both clocks.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

/// splitmix64: this room uses no other.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[derive(Default)]
struct Model {
    /// By deadline, then by order of arming.
    timers: BTreeMap<(Mono, u64), (TimerId, u64)>,
    sequence: u64,
}

impl Model {
    fn arm(&mut self, id: TimerId, deadline: Mono, token: u64) {
        self.timers.insert((deadline, self.sequence), (id, token));
        self.sequence += 1;
    }

    fn remove(&mut self, id: TimerId) -> Option<u64> {
        let place = self.timers.iter().find(|(_, (of, _))| *of == id).map(|(&place, _)| place)?;
        self.timers.remove(&place).map(|(_, token)| token)
    }

    fn expire(&mut self, now: Mono, max: usize) -> Vec<Expired> {
        let due = self.timers.range(..=(now, u64::MAX)).take(max);
        let due: Vec<_> = due.map(|(&place, &timer)| (place, timer)).collect();
        self.timers.retain(|place, _| !due.iter().any(|(of, _)| of == place));
        due.iter().map(|&((deadline, _), (id, token))| Expired { id, token, deadline }).collect()
    }
}

#[test]
fn timers_are_their_model() {
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let (mut timers, mut model) = (Timers::new(), Model::default());
        let (mut ids, mut now) = (Vec::new(), Mono::ZERO);
        for step in 0..600 {
            // Few moments, so that many are equal.
            let deadline = Mono(now.0.saturating_sub(3) + dice.below(40));
            let pick = ids.get(dice.below(1 + ids.len() as u64) as usize).copied();
            match (dice.below(10), pick) {
                (0..4, _) | (_, None) => {
                    let id = timers.arm(deadline, step);
                    assert!(!ids.contains(&id), "SEED={seed}: a name came back");
                    ids.push(id);
                    model.arm(id, deadline, step);
                }
                (4..7, Some(id)) => {
                    let token = model.remove(id);
                    assert_eq!(timers.rearm(id, deadline), token.is_some(), "SEED={seed}");
                    token.into_iter().for_each(|token| model.arm(id, deadline, token));
                }
                (7, Some(id)) => {
                    assert_eq!(timers.cancel(id), model.remove(id).is_some(), "SEED={seed}");
                }
                (_, Some(_)) => {
                    now = Mono(now.0 + dice.below(10));
                    let (max, mut fired) = (dice.below(5) as usize, Vec::new());
                    let count = timers.expire(now, max, &mut fired);
                    assert_eq!(count, fired.len());
                    assert!(fired.iter().all(|timer| timer.deadline <= now), "never early");
                    assert_eq!(fired, model.expire(now, max), "SEED={seed}");
                }
            }
            let first = model.timers.keys().next().map(|&(deadline, _)| deadline);
            assert_eq!((timers.next_deadline(), timers.len()), (first, model.timers.len()));
        }
        let mut fired = Vec::new();
        timers.expire(Mono::NEVER, usize::MAX, &mut fired);
        assert_eq!(fired, model.expire(Mono::NEVER, usize::MAX), "SEED={seed}");
        assert!(timers.is_empty() && timers.next_deadline().is_none());
    }
}

#[test]
fn a_batch_is_bounded_and_the_rest_stays_due() {
    let mut timers = Timers::new();
    for token in 0..1000 {
        timers.arm(Mono(5), token);
    }
    let mut fired = Vec::new();
    assert_eq!(timers.expire(Mono(4), 1000, &mut fired), 0);
    for batch in 0..10 {
        fired.clear();
        assert_eq!(timers.expire(Mono(5), 100, &mut fired), 100);
        let tokens: Vec<u64> = fired.iter().map(|timer| timer.token).collect();
        assert_eq!(tokens, (batch * 100..batch * 100 + 100).collect::<Vec<_>>());
    }
    assert_eq!(timers.next_deadline(), None);
}

#[test]
fn rearming_and_cancelling_hold_no_memory() {
    let mut timers = Timers::new();
    let ids: Vec<TimerId> = (0..100).map(|token| timers.arm(Mono(1000), token)).collect();
    // A keep-alive connection: later at each request, and between two lengths of timeout.
    for request in 0..10_000_u64 {
        for &id in &ids {
            assert!(timers.rearm(id, Mono(1000 + request * 10 + (request % 2) * 5000)));
        }
    }
    assert!(timers.heap_len() <= 400, "{} entries", timers.heap_len());
    // Ever earlier, which is the worst.
    for request in 0..10_000_u64 {
        assert!(timers.rearm(ids[0], Mono(900 - request / 20)));
    }
    assert!(timers.heap_len() <= 400, "{} entries", timers.heap_len());
    // Armed and cancelled for ever.
    for round in 0..100_000 {
        let id = timers.arm(Mono(1 << 40), round);
        assert!(timers.cancel(id));
        assert!(!timers.cancel(id) && !timers.rearm(id, Mono(1)));
        assert_eq!(timers.deadline(id), None);
    }
    assert!(timers.heap_len() <= 400, "{} entries", timers.heap_len());
    assert_eq!(timers.len(), 100);
}

#[test]
fn a_timer_is_small() {
    assert!(Timers::bytes_per_timer() <= 80, "{} bytes", Timers::bytes_per_timer());
}

#[test]
fn the_virtual_clock_moves_when_it_is_moved() {
    let clock = VirtualClock::new(1_000);
    let same = clock.clone();
    clock.advance(Duration::from_nanos(5));
    assert_eq!((same.now_mono(), same.wall()), (Mono(5), 1_005));
    // The wall clock may jump back; the monotonic one does not see it.
    clock.set_wall(7);
    assert_eq!((same.now_mono(), same.wall()), (Mono(5), 7));
    clock.advance_to(Mono(4));
    clock.advance_to(Mono(10));
    assert_eq!((same.now_mono(), same.wall()), (Mono(10), 12));
}

#[test]
fn moments_saturate() {
    assert_eq!(Mono(5).plus(Duration::from_nanos(6)), Mono(11));
    assert_eq!(Mono(5).plus(Duration::MAX), Mono::NEVER);
    assert_eq!(Mono::NEVER.plus(Duration::from_secs(1)), Mono::NEVER);
    assert_eq!(Mono(5).since(Mono(11)), Duration::ZERO);
    assert_eq!(Mono(11).since(Mono(5)), Duration::from_nanos(6));
}

#[test]
fn the_systems_clock_is_monotone() {
    let clock = OsClock::new();
    let mut last = Mono::ZERO;
    for _ in 0..1000 {
        let now = clock.now_mono();
        assert!(now >= last);
        last = now;
    }
    assert!(clock.wall() > 1_600_000_000_000_000_000);
}
