//! Limits on Wasm's own resources and on calls.
use super::puppet::{Line, Puppet, call};
use super::{batch, cell, guest_text, state, state_with, whole_turn};
use crate::guest::command::Outbox;
use crate::guest::{Body, Turn, Verdict};
use crate::policy::{Bound, Grants, Limits};

#[test]
fn m01_memory_grows_to_the_limit_and_no_further() {
    // Grows page by page; exits with the size at which growing was refused.
    let body = "(loop $on (br_if $on (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (i32.store8 (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)) (i32.const 1))
        (drop (call $exit (memory.size))) (i32.const 0)";
    let limits = Limits { memory_bytes: 40 * 65536, ..Limits::default() };
    let text = guest_text(body, "");
    let mut guest = cell(&text).spawn(state_with(Grants::default(), limits)).expect("a guest can be spawned");
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Ended(Verdict::Exited(40)));
}

#[test]
fn a_growth_that_cannot_be_is_not_held() {
    let limits = Limits { memory_bytes: 1 << 32, ..Limits::default() };
    let body = "(drop (memory.grow (i32.const 32767))) (drop (memory.grow (i32.const 8))) (i32.const 0)";
    for (most, held, refused) in [("", 12, 1), (" 8", 4, 0)] {
        let text = guest_text(body, "").replacen(
            "(memory (export \"memory\") 4",
            &format!("(memory (export \"memory\") 4{most}"),
            1,
        );
        assert!(text.contains(&format!("\"memory\") 4{most}")), "{text}");
        let mut guest =
            cell(&text).spawn(state_with(Grants::default(), limits.clone())).expect("a guest can be spawned");
        assert!(matches!(whole_turn(&mut guest, &batch()), Turn::Done { .. }));
        let state = guest.state();
        assert_eq!((state.limiter.memory_now, state.meter.hits(Bound::Memory)), (held << 16, refused), "at most{most}");
    }
}

#[test]
fn a_guest_that_starts_too_large_is_refused() {
    let limits = Limits { memory_bytes: 65536, ..Limits::default() };
    let spawned = cell(&guest_text("(i32.const 0)", "")).spawn(state_with(Grants::default(), limits));
    let text = spawned.err().expect("it must be refused").to_string();
    assert!(text.contains("memory"), "{text}");
}

#[test]
fn t01_clocks_go_forward_in_grains() {
    let told = |clock_ns| {
        let mut puppet = Puppet::new(state_with(Grants::default(), Limits { clock_ns, ..Limits::default() }));
        let clock = call("clock");
        let asked: Vec<Line> = (0..60).map(|at| (clock, vec![at % 3])).collect();
        // The meter of CPU begins at nothing: some of it has to be used for its clock to be seen going.
        (0..20).flat_map(|_| puppet.run(&asked).expect("the puppet lives")).collect::<Vec<i64>>()
    };
    for grain in [1_000, 100_000, 1_000_000] {
        let times = told(grain);
        assert!(times.iter().all(|time| *time >= 0 && time % i64::from(grain) == 0), "{times:?}");
        for which in 0..3 {
            let one: Vec<i64> = times.iter().skip(which).step_by(3).copied().collect();
            assert!(one.is_sorted(), "clock {which}: {one:?}");
        }
    }
    // Nothing is taken from who has the system's own; all of 400 times at whole microseconds would be a wonder.
    assert!(told(1).iter().any(|time| time % 1_000 != 0));
}

#[test]
fn t01_a_deadline_is_met_by_the_clock_that_set_it() {
    let mut state = state_with(Grants::default(), Limits { clock_ns: 100_000, ..Limits::default() });
    for behind in [0, 1, 99_999, 123_456_789, -77] {
        state.behind = behind;
        for due in [0, 1, 99_999, 100_000, 100_001, 5_000_000, 5_000_001] {
            let outside = state.outside_at(due);
            assert!(state.mono(outside) >= due && state.mono(outside) - due < 100_000, "{due} at {outside}");
        }
        assert!(state.outside_at(u64::MAX) > 1 << 63, "a deadline that never comes");
    }
}

#[test]
fn m03_tables_have_a_limit() {
    let text = guest_text("(i32.const 0)", "(table 200000 funcref)");
    assert!(super::try_cell(&text).is_err());
}

#[test]
fn l01_log_has_a_budget() {
    // Logs until refused; exits with how often that worked.
    let body = "(loop $on
          (if (i32.eqz (call $log (i32.const 2) (i32.const 0) (i32.const 65536)))
            (then (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $on))))
        (drop (call $exit (local.get $n))) (i32.const 0)";
    let mut guest = cell(&guest_text(body, "")).spawn(state()).expect("a guest can be spawned");
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Ended(Verdict::Exited(16)));
    assert_eq!(guest.state().log_pending, 1 << 20);
}

#[test]
fn a_lent_buffer_is_taken_where_it_is_about_the_bodys_size() {
    let mut outbox = Outbox::default();
    outbox.spares.extend([100_000, 40_000, 20_000].map(Vec::with_capacity));
    let capacity = |body| match body {
        Body::Own(bytes) => bytes.capacity(),
        Body::Small(_) => 0,
    };
    assert_eq!(capacity(outbox.body(&[1; 30_000])), 40_000);
    assert_eq!(capacity(outbox.body(&[1; 30_000])), 30_000, "neither too small nor more than twice as large");
    assert_eq!(outbox.body(&[7; 60_000]).len(), 60_000);
    assert_eq!(outbox.spares.len(), 1);
}
