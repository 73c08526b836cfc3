//! Images: captured, spawned from, written and read back.
use super::{batch, cell, engine, guest_text, state, state_with, wasm, whole_turn};
use crate::guest::cache::{self, CacheFolder};
use crate::guest::{Cell, Den, Done, Guest, Image, Kit, Occupant, Risen, Sleeper, Turn, Verdict, make_spare};
use crate::policy::{Grants, Limits, PURSE_CELLS, Purse};
use anyhow::Context as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::AtomicU64;

/// Counts turns in a global and in memory; exits with both when they differ.
const COUNT: &str = "
    (global.set $turns (i32.add (global.get $turns) (i32.const 1)))
    (i32.store (i32.const 200000) (i32.add (i32.load (i32.const 200000)) (i32.const 1)))
    (if (i32.gt_u (global.get $turns) (i32.const 44)) (then (drop (call $exit (i32.load (i32.const 200000))))))
    (i32.const 0)";

fn turns_until_exit(guest: &mut Guest) -> (u32, i32) {
    for turn in 1..100 {
        match whole_turn(guest, &batch()) {
            Turn::Done { .. } => {}
            Turn::Ended(Verdict::Exited(code)) => return (turn, code),
            other => panic!("{other:?}"),
        }
    }
    panic!("the guest does not exit");
}

#[test]
fn an_image_at_hand_is_the_same_and_nobody_can_write_to_it() {
    let folder = std::env::temp_dir();
    let cell = cell(&guest_text(COUNT, "")).at_hand(&folder);
    let mut first = cell.spawn(state()).expect("a guest can be spawned");
    assert_eq!(whole_turn(&mut first, &batch()), Turn::Done { wants: 0 });
    let layer = first.capture().expect("an image can be taken");
    assert!(layer.own_bytes() > 0 && layer.own_bytes() < 1 << 20, "over the pages at hand");
    let mut clone = cell.with_image(layer).spawn(state()).expect("a clone can be spawned");
    assert_eq!(turns_until_exit(&mut clone), (4, 5));
    assert!(first.doze().is_some());
    assert_eq!(turns_until_exit(&mut first), (4, 5));
    assert_eq!(turns_until_exit(&mut cell.spawn(state()).expect("a guest can be spawned")), (5, 5));
    assert!(!cell.image().can_be_written());
}

#[test]
fn a_clone_goes_on_where_the_guest_was() {
    let cell = cell(&guest_text(COUNT, ""));
    let mut guest = cell.spawn(state()).expect("a guest can be spawned");
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 });
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 });
    let image = guest.capture().expect("an image can be taken");
    let mut clone = cell.with_image(image.clone()).spawn(state()).expect("a clone can be spawned");
    assert_eq!(turns_until_exit(&mut clone), (3, 5));
    assert_eq!(turns_until_exit(&mut guest), (3, 5), "the guest was not touched");
    assert_eq!(turns_until_exit(&mut cell.spawn(state()).expect("a guest can be spawned")), (5, 5));
    assert!(guest.capture().is_err(), "no image of the dead");

    let mut bytes = Vec::new();
    image.write_to(&mut bytes).expect("a vector takes all");
    let back = Image::read_from(&mut bytes.as_slice()).expect("it can be read back");
    assert_eq!(back.memory_bytes(), image.memory_bytes());
    assert!(back.own_bytes() == 0 && back.resident_bytes() <= image.resident_bytes());
    let mut woken = cell.with_image(back).spawn(state()).expect("it can be woken");
    assert_eq!(turns_until_exit(&mut woken), (3, 5));
    for len in 0..bytes.len() {
        assert!(Image::read_from(&mut &bytes[..len]).is_err(), "cut at {len}");
    }
}

#[test]
fn an_image_of_grown_memory_keeps_what_was_written() {
    let body = "(if (i32.eq (memory.size) (i32.const 4))
          (then (drop (memory.grow (i32.const 5))) (i32.store (i32.const 500000) (i32.const 77)))
          (else (drop (call $exit (i32.add (i32.load (i32.const 500000)) (memory.size))))))
        (i32.const 0)";
    let cell = cell(&guest_text(body, ""));
    let mut guest = cell.spawn(state()).expect("a guest can be spawned");
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 });
    let image = guest.capture().expect("an image can be taken");
    assert_eq!(image.memory_bytes(), 9 << 16);
    assert!(image.resident_bytes() < 64 << 10);
    let mut clone = cell.with_image(image).spawn(state()).expect("a clone can be spawned");
    assert_eq!(whole_turn(&mut clone, &batch()), Turn::Ended(Verdict::Exited(86)));
}

#[test]
fn p11_a_clone_holds_what_its_image_has_from_its_first_moment_on() {
    let grow = "(drop (memory.grow (i32.const 12))) (i32.const 0)";
    let cell = cell(&guest_text(grow, ""));
    let mut guest = cell.spawn(state()).expect("a guest can be spawned");
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 });
    let image = guest.capture().expect("an image can be taken");
    let cells: Vec<AtomicU64> = (0..PURSE_CELLS).map(|_| AtomicU64::new(0)).collect();
    let cells: &'static [AtomicU64] = cells.leak();
    let root = Purse::of_root(cells).expect("cells enough");
    let clone = || {
        let row = root.claim(0).expect("a row");
        let limits = Limits { memory_bytes: 40 << 16, memory_of_tree: true, ..Limits::default() };
        let mut state = state_with(Grants::default(), limits);
        state.share(Purse::of_child(cells, row).expect("it was claimed"));
        cell.with_image(image.clone()).spawn(state)
    };
    let (one, other) = (clone().expect("16 pages of 40"), clone().expect("32 of 40"));
    assert_eq!((one.state().memory_bytes(), other.state().memory_bytes()), (16 << 16, 16 << 16));
    assert_eq!(root.memory(), 32 << 16);
    assert!(clone().is_err(), "a third would go over what all may have");
    assert_eq!(root.memory(), 32 << 16, "what was refused is not counted");
}

#[test]
fn guests_of_one_image_do_not_see_each_other() {
    let cell = cell(&guest_text(COUNT, ""));
    let mut guests: Vec<Guest> = (0..8).map(|_| cell.spawn(state()).expect("a guest can be spawned")).collect();
    for _ in 0..4 {
        for guest in &mut guests {
            assert_eq!(whole_turn(guest, &batch()), Turn::Done { wants: 0 });
        }
    }
    for guest in &mut guests {
        assert_eq!(turns_until_exit(guest), (1, 5));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_guest_that_gets_a_spare_starts_as_any_other_and_sees_nothing_of_them() {
    let cell = cell(&guest_text(COUNT, ""));
    let fresh = || cell.spawn(state()).expect("a guest can be spawned");
    let own = |guest: &mut Guest| guest.written().expect("it was spawned from an image").1;
    let others: Vec<Guest> = (0..20)
        .map(|_| {
            let mut guest = fresh();
            assert_eq!(own(&mut guest), 0, "nobody has waited yet");
            (0..4).for_each(|_| assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 }));
            guest
        })
        .collect();
    for _ in 0..3 {
        make_spare();
        let mut guest = fresh();
        let pages = own(&mut guest);
        assert!((4096..64 << 10).contains(&pages), "{pages} bytes are its own before it runs");
        assert_eq!(guest.peek(200_000, 4), [0; 4]);
        assert_eq!(turns_until_exit(&mut guest), (5, 5));
    }
    let mut one_more = fresh();
    assert_eq!(own(&mut one_more), 0, "the last of them has been taken");
    others.into_iter().for_each(|mut guest| assert_eq!(turns_until_exit(&mut guest), (1, 5)));
}

#[cfg(target_os = "linux")]
#[test]
fn m11_a_thousand_guests_leave_nothing() {
    let count = |path: &str| std::fs::read_dir(path).map(Iterator::count).unwrap_or(0);
    let maps = || std::fs::read_to_string("/proc/self/maps").expect("linux has it").lines().count();
    let cell = cell(&guest_text(COUNT, ""));
    let one = || {
        let mut guest = cell.spawn(state()).expect("a guest can be spawned");
        assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 });
        let image = guest.capture().expect("an image can be taken");
        drop(cell.with_image(image).spawn(state()).expect("a clone can be spawned"));
    };
    one();
    let before = (count("/proc/self/fd"), maps());
    for _ in 0..1000 {
        one();
    }
    let after = (count("/proc/self/fd"), maps());
    // Other tests run beside this one.
    assert!(after.0 <= before.0 + 50 && after.1 <= before.1 + 400, "{before:?} {after:?}");
}

#[test]
fn a_kit_is_a_guest_for_another_process() {
    let folder = CacheFolder(None);
    let text = guest_text(COUNT, "");
    let kit = cache::kit(engine(), &wasm(&text), &folder, |_| {}).expect("a kit can be made");
    let sent = |kit: &Kit| {
        let (code, image) = (kit.code_file().try_clone_to_owned(), kit.image_file().try_clone_to_owned());
        (code.expect("a descriptor"), image.expect("a descriptor"), kit.head())
    };
    let layer = |kit: &Kit| kit.layer_file().map(|file| file.try_clone_to_owned().expect("a descriptor"));
    let (code, image, head) = sent(&kit);
    for len in 0..head.len() {
        let (code, image, _) = sent(&kit);
        assert!(Kit::from_parts(code, image, None, &head[..len]).is_err(), "cut at {len}");
    }
    let taken = Kit::from_parts(code, image, None, &head).expect("all is there");
    let cell = taken.cell(engine()).expect("the code is this engine's");
    let mut guest = cell.spawn(state()).expect("a guest can be spawned");
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 });
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 });

    let clone = taken.with_image(guest.capture().expect("an image can be taken"));
    let (code, image, head) = sent(&clone);
    let clone = Kit::from_parts(code, image, layer(&clone), &head).expect("all is there");
    let mut clone = clone.cell(engine()).expect("the code runs").spawn(state()).expect("a clone can be spawned");
    assert_eq!(turns_until_exit(&mut clone), (3, 5));
    assert_eq!(turns_until_exit(&mut guest), (3, 5), "the guest was not touched");
}

#[cfg(target_os = "linux")]
#[test]
fn a_kit_of_files_that_can_change_is_none() {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
    let kit =
        cache::kit(engine(), &wasm(&guest_text(COUNT, "")), &CacheFolder(None), |_| {}).expect("a kit can be made");
    let file = |bytes: u64, seals: SealFlags| {
        let file = memfd_create("test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("a file in memory");
        ftruncate(&file, bytes).expect("it can be as long");
        fcntl_add_seals(&file, seals).expect("it can be sealed");
        file
    };
    let whole = cell(&guest_text(COUNT, "")).image().memory_bytes();
    let code = || kit.code_file().try_clone_to_owned().expect("a descriptor");
    let all = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK;
    assert!(Kit::from_parts(code(), file(whole, all), None, &kit.head()).is_ok());
    assert!(Kit::from_parts(code(), file(whole - 65536, all), None, &kit.head()).is_err(), "too short");
    for missing in [SealFlags::WRITE, SealFlags::GROW, SealFlags::SHRINK] {
        assert!(Kit::from_parts(code(), file(whole, all - missing), None, &kit.head()).is_err(), "{missing:?}");
        let image = kit.image_file().try_clone_to_owned().expect("a descriptor");
        let loose = Kit::from_parts(file(whole, all - missing), image, None, &kit.head()).expect("the image is whole");
        assert!(loose.cell(engine()).is_err(), "{missing:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_image_is_a_layer_of_what_was_written() {
    let first = cell(&guest_text(COUNT, ""));
    let mut guest = first.spawn(state()).expect("a guest can be spawned");
    for turn in 1..=4 {
        assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 });
        let image = guest.capture().expect("an image can be taken");
        assert!((1..=8192).contains(&image.own_bytes()), "turn {turn}: {}", image.own_bytes());
        let again = guest.capture().expect("an image can be taken");
        assert_eq!(again.own_bytes(), image.own_bytes());
        let mut clone = first.with_image(image).spawn(state()).expect("a clone can be spawned");
        assert_eq!(turns_until_exit(&mut clone).1, 5, "turn {turn}");
    }
    // Nothing was written: nothing is kept.
    let mut idle = first.spawn(state()).expect("a guest can be spawned");
    assert_eq!(idle.capture().expect("an image can be taken").own_bytes(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_guest_that_wrote_most_of_its_memory_has_a_whole_image_and_goes_on() {
    let fill = "(memory.fill (i32.const 70000) (i32.add (i32.const 1) (i32.load (i32.const 69000))) (i32.const 180000))
        (i32.store (i32.const 69000) (i32.add (i32.const 1) (i32.load (i32.const 69000))))
        (if (i32.eq (i32.load (i32.const 69000)) (i32.const 4)) (then (drop (call $exit (i32.load8_u (i32.const 249999))))))
        (i32.const 0)";
    let cell = cell(&guest_text(fill, ""));
    let mut guest = cell.spawn(state()).expect("a guest can be spawned");
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 });
    let image = guest.capture().expect("an image can be taken");
    assert_eq!(image.own_bytes(), 0, "it is whole");
    // Its memory was mapped anew under it.
    assert_eq!(guest.peek(70_000, 4), [1; 4]);
    guest.poke(100, b"x");
    let layer = guest.capture().expect("an image can be taken");
    assert!((1..=4096).contains(&layer.own_bytes()), "{}", layer.own_bytes());
    for image in [image, layer] {
        let mut clone = cell.with_image(image).spawn(state()).expect("a clone can be spawned");
        for _ in 0..2 {
            assert_eq!(whole_turn(&mut clone, &batch()), Turn::Done { wants: 0 });
        }
        assert_eq!(whole_turn(&mut clone, &batch()), Turn::Ended(Verdict::Exited(4)));
    }
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 });
}

#[cfg(target_os = "linux")]
#[test]
fn layers_that_lie_are_refused() {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    let kit =
        cache::kit(engine(), &wasm(&guest_text(COUNT, "")), &CacheFolder(None), |_| {}).expect("a kit can be made");
    let whole = kit.image().memory_bytes();
    let sealed = |bytes: &[u8], seals: SealFlags| {
        let file = memfd_create("test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("a file in memory");
        rustix::io::write(&file, bytes).expect("it takes all");
        fcntl_add_seals(&file, seals).expect("it can be sealed");
        file
    };
    let all = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK;
    let layer = |bytes: u64, runs: &[(u64, u64)], content: usize| {
        let mut out = b"SKEPLAY1".to_vec();
        let words = [bytes, runs.len() as u64].into_iter().chain(runs.iter().flat_map(|(start, len)| [*start, *len]));
        words.for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
        out.resize(out.len() + content, 7);
        out
    };
    let take = |layer: rustix::fd::OwnedFd| {
        let image = kit.image_file().try_clone_to_owned().expect("a descriptor");
        kit.with_image_files(image, Some(layer), &kit.head())
    };
    let good = layer(whole, &[(4096, 4096), (16384, 4096)], 8192);
    let taken = take(sealed(&good, all)).expect("it is one");
    let mut guest = cell(&guest_text(COUNT, "")).with_image(taken.image().clone()).spawn(state()).expect("it fits");
    assert_eq!((guest.peek(4095, 2), guest.peek(20479, 2)), (vec![0, 7], vec![7, 0]));
    for len in 0..good.len() {
        assert!(take(sealed(&good[..len], all)).is_err(), "cut at {len}");
    }
    for missing in [SealFlags::WRITE, SealFlags::GROW, SealFlags::SHRINK] {
        assert!(take(sealed(&good, all - missing)).is_err(), "{missing:?}");
    }
    let lies = [
        ("longer than it says", layer(whole, &[(0, 4096)], 8192)),
        ("outside", layer(whole, &[(whole, 4096)], 4096)),
        ("beyond the end", layer(whole, &[(whole - 4096, 8192)], 8192)),
        ("overlapping", layer(whole, &[(0, 8192), (4096, 4096)], 12288)),
        ("backwards", layer(whole, &[(8192, 4096), (0, 4096)], 8192)),
        ("empty", layer(whole, &[(0, 0)], 0)),
        ("around the end of numbers", layer(whole, &[(u64::MAX - 4095, 8192)], 8192)),
        ("smaller than what is below", layer(whole - 65536, &[], 0)),
        ("larger than any memory", layer(1 << 40, &[], 0)),
        ("of half pages", layer(whole + 100, &[], 0)),
        ("no layer", vec![0; 4096]),
    ];
    for (name, bytes) in lies {
        assert!(take(sealed(&bytes, all)).is_err(), "{name}");
    }
    let mut many = layer(whole, &[], 0);
    many[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(take(sealed(&many, all)).is_err(), "runs without end");
}

/// A den of a test's own.
struct Place(Den, std::path::PathBuf);

impl Place {
    fn new() -> Place {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the system has random bytes");
        let path = std::env::temp_dir().join(format!("skep-den-{:x}", u64::from_le_bytes(random)));
        Place(Den::open(&path).expect("a den can be made"), path)
    }

    fn hibernate(&self, guest: Guest) -> Result<Sleeper, Box<(Guest, anyhow::Error)>> {
        self.hibernate_within(guest, MOST)
    }

    /// A page at a time.
    fn hibernate_within(&self, guest: Guest, most: usize) -> Result<Sleeper, Box<(Guest, anyhow::Error)>> {
        let mut seat = Occupant::Awake(guest);
        let slept = seat.begin_sleep(most).and_then(|()| {
            let write = loop {
                if let Some(work) = seat.fall_on(&self.0, 4096)? {
                    break work;
                }
            };
            anyhow::ensure!(matches!(write.run(), Done::Number(0)), "it is not written");
            let mut husk = seat.fall_asleep().context("nobody has entered it")?;
            while !husk.shed(4096) {}
            Ok(())
        });
        match (slept, seat) {
            (Ok(()), Occupant::Asleep(sleeper)) => Ok(*sleeper),
            (Err(error), Occupant::Awake(guest)) => Err(Box::new((guest, error))),
            _ => panic!("it is neither awake nor asleep"),
        }
    }

    fn asleep(&self, guest: Guest) -> Sleeper {
        self.hibernate(guest).map_err(|failed| failed.1).expect("it sleeps between two turns")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.1);
    }
}

/// More than the guests of these tests write.
const MOST: usize = 1 << 20;

fn awake(sleeper: Sleeper) -> Guest {
    woken(sleeper).expect("it wakes")
}

/// By a thread's way, a page at a time.
fn woken(sleeper: Sleeper) -> anyhow::Result<Guest> {
    let mut seat = Occupant::Asleep(Box::new(sleeper));
    match seat.reading().context("it sleeps")?.run() {
        Done::Bytes(bytes) => drop(seat.rise(bytes)?),
        other => anyhow::bail!("{other:?}"),
    }
    while matches!(seat.rise_on(1)?, Risen::Partly) {
        assert!(seat.is_asleep());
    }
    match seat {
        Occupant::Awake(guest) => Ok(guest),
        _ => panic!("it is awake"),
    }
}

#[test]
fn a_guest_that_slept_goes_on_where_it_was() {
    let (cell, place) = (cell(&guest_text(COUNT, "")), Place::new());
    let mut guest = cell.spawn(state()).expect("a guest can be spawned");
    for _ in 0..3 {
        assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 });
        let turns = guest.state().meter.turns;
        let sleeper = place.asleep(guest);
        assert!(sleeper.own_bytes() <= 256, "{}", sleeper.own_bytes());
        assert_eq!(sleeper.state().meter.turns, turns, "the host remembers it");
        guest = awake(sleeper);
        assert_eq!(guest.state().meter.turns, turns);
    }
    assert_eq!(turns_until_exit(&mut guest), (2, 5));
    let dead = place.hibernate(guest).err().expect("the dead do not sleep");
    assert!(dead.0.verdict().is_some());

    let idle = place.asleep(cell.spawn(state()).expect("a guest can be spawned"));
    assert_eq!(idle.own_bytes(), 8, "nothing was written, nothing is kept but how large it is");
    assert_eq!(turns_until_exit(&mut awake(idle)), (5, 5));
}

#[test]
fn memory_that_grew_is_there_after_sleep_and_too_much_of_it_keeps_awake() {
    let (cell, place) = (cell(&guest_text(COUNT, "")), Place::new());
    let mut guest = cell.spawn(state()).expect("a guest can be spawned");
    let before = guest.state().memory_bytes();
    guest.grow(1);
    assert_eq!(guest.state().memory_bytes(), before + 65_536);
    guest.poke(before as u32 + 100, b"grown");
    guest.poke(before as u32 + 65_530, b"end");
    let mut guest = awake(place.asleep(guest));
    assert_eq!(guest.state().memory_bytes(), before + 65_536);
    assert_eq!(guest.peek(before as u32 + 96, 12), b"\0\0\0\0grown\0\0\0");
    assert_eq!(guest.peek(before as u32 + 65_530, 3), b"end");
    let refused = place.hibernate_within(guest, 4096).err().expect("three pages were written");
    assert!(refused.1.to_string().contains("at most 4096"), "{:#}", refused.1);
    // An image of one that was woken, and a limit that was lowered while it slept.
    let mut guest = refused.0;
    let mut clone = cell.with_image(guest.capture().expect("it is at rest")).spawn(state()).expect("it can be spawned");
    assert_eq!(clone.peek(before as u32 + 100, 5), b"grown");
    let mut clone = awake(place.asleep(clone_of(&mut clone, &cell)));
    assert_eq!(clone.peek(before as u32 + 100, 5), b"grown");
    let mut sleeper = place.asleep(guest);
    sleeper.state_mut().set_limits(Limits { memory_bytes: before, ..Limits::default() });
    let guest = awake(sleeper);
    assert_eq!(guest.state().memory_bytes(), before + 65_536, "what it had it has");
    assert_eq!(guest.state().limits.memory_bytes, before);
}

#[test]
fn a_sleeper_that_finds_no_memory_sleeps_on_as_it_was() {
    let (cell, place) = (cell(&guest_text(COUNT, "")), Place::new());
    let mut guest = cell.spawn(state()).expect("a guest can be spawned");
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 });
    let limits = Limits { memory_bytes: guest.state().memory_bytes() + 65_536, ..Limits::default() };
    let mut sleeper = place.asleep(guest);
    sleeper.state_mut().set_limits(limits.clone());
    let cells: &[AtomicU64] = (0..PURSE_CELLS).map(|_| AtomicU64::new(0)).collect::<Vec<_>>().leak();
    let purse = Purse::of_root(cells).expect("there are cells enough");
    let neighbour = purse.claim(limits.memory_bytes).expect("there is a row");
    sleeper.state_mut().limiter.share(purse);
    let mut seat = Occupant::Asleep(Box::new(sleeper));
    for _ in 0..2 {
        assert!(!seat.wake().expect("nothing is wrong with it"), "its tree has no room");
        let Done::Bytes(bytes) = seat.reading().expect("it sleeps").run() else { panic!("it was read") };
        assert!(matches!(seat.rise(bytes).expect("nothing is wrong with it"), Risen::NotNow(_)));
        assert_eq!(seat.state().limits.memory_bytes, limits.memory_bytes);
    }
    purse.take_back(neighbour);
    let Done::Bytes(bytes) = seat.reading().expect("it sleeps").run() else { panic!("it was read") };
    assert!(matches!(seat.rise(bytes).expect("there is room"), Risen::Partly));
    // What an operator sets meanwhile stays.
    seat.state_mut().set_limits(Limits { files: 3, ..limits });
    while matches!(seat.rise_on(1).expect("there is room"), Risen::Partly) {}
    assert_eq!(seat.state().limits.files, 3);
    assert_eq!(turns_until_exit(seat.awake()), (4, 5));
}

#[test]
fn what_was_found_on_a_way_to_sleep_that_is_given_up_is_a_threads_to_drop() {
    let (cell, place) = (cell(&guest_text(COUNT, "")), Place::new());
    for (pages, much) in [(1, false), (16, true)] {
        let mut guest = cell.spawn(state()).expect("a guest can be spawned");
        let before = guest.state().memory_bytes() as u32;
        guest.grow(pages);
        (0..pages as u32 * 16).for_each(|page| guest.poke(before + page * 4096, &[7; 4096]));
        let mut seat = Occupant::Awake(guest);
        seat.begin_sleep(16 << 20).expect("it is at rest");
        for _ in 0..pages * 16 - 1 {
            assert!(seat.fall_on(&place.0, 4096).expect("there is room").is_none());
        }
        assert!(seat.clear_up().is_none(), "it is on its way");
        assert_eq!(whole_turn(seat.awake(), &batch()), Turn::Done { wants: 0 });
        assert_eq!((seat.falls(), seat.clear_up().is_some()), (false, much));
        assert!(seat.clear_up().is_none(), "once");
    }
}

/// One that starts from a layer.
fn clone_of(guest: &mut Guest, cell: &Cell) -> Guest {
    cell.with_image(guest.capture().expect("it is at rest")).spawn(state()).expect("it can be spawned")
}

#[test]
fn a_den_is_private_and_does_not_outlive_its_process() {
    let (cell, place) = (cell(&guest_text(COUNT, "")), Place::new());
    let entries = || std::fs::read_dir(&place.1).expect("it is there").map(|entry| entry.expect("it is").path());
    let folder = entries().next().expect("there is a den");
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&place.1), mode(&folder)), (0o700, 0o700));
    let sleeper = place.asleep(cell.spawn(state()).expect("a guest can be spawned"));
    // What a process leaves that was killed: nobody holds its lock.
    let left = place.1.join("den-left");
    std::fs::create_dir(&left).expect("it can be made");
    std::fs::write(left.join("1"), b"a sleeper's memory").expect("it can be written");
    let other = Den::open(&place.1).expect("another can be made");
    assert!(!left.exists(), "it is swept");
    assert_eq!(entries().count(), 2, "that of one that lives is not");
    drop(other);
    assert_eq!(entries().count(), 1);
    turns_until_exit(&mut awake(sleeper));
    let sleeper = place.asleep(cell.spawn(state()).expect("a guest can be spawned"));
    // While another makes its own, which is not locked yet, nobody sweeps.
    std::fs::create_dir(&left).expect("it can be made");
    let makes = std::fs::File::open(&place.1).expect("it is there");
    makes.lock().expect("nobody has it");
    place.0.close();
    assert!(left.exists());
    drop(makes);
    place.0.close();
    assert_eq!(entries().count(), 0, "a process that ends leaves nothing");
    assert!(woken(sleeper).is_err());
    std::fs::set_permissions(&place.1, std::fs::Permissions::from_mode(0o777)).expect("it is ours");
    assert!(Den::open(&place.1).is_err(), "others may write there");
}

/// 10,000 lives, each of which fills its memory with a secret, some of them asleep in between.
#[test]
fn m09_no_life_sees_a_byte_of_another() {
    const SECRET: u8 = 0xa7;
    let (cell, place) = (cell(&guest_text(COUNT, "")), Place::new());
    let fresh = cell.spawn(state()).expect("a guest can be spawned").peek(0, 4 << 16);
    assert!(!fresh.contains(&SECRET), "the guest's own bytes do not look like it");
    for life in 0..10_000 {
        let mut guest = cell.spawn(state()).expect("a guest can be spawned");
        // A page of each stretch is enough to see, and the whole memory now and then.
        let seen = if life % 100 == 0 { guest.peek(0, 4 << 16) } else { guest.peek(131_072, 4096) };
        assert!(!seen.contains(&SECRET), "life {life} saw another's bytes");
        guest.poke(131_072, &[SECRET; 65_536]);
        if life % 50 == 0 {
            let sleeper = place.asleep(guest);
            let mut other = cell.spawn(state()).expect("a guest can be spawned");
            assert_eq!(other.peek(0, 4 << 16), fresh, "life {life}: a sleeper's bytes are in the image");
            assert_eq!(awake(sleeper).peek(131_072, 65_536), [SECRET; 65_536]);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_guest_that_dozes_keeps_all_that_it_has_written_and_none_of_its_pages() {
    let body = "
    (if (i32.eq (memory.size) (i32.const 4)) (then (drop (memory.grow (i32.const 1)))))
    (i32.store (i32.const 100000) (i32.const 0))
    (i32.store (i32.const 200000) (i32.add (i32.load (i32.const 200000)) (i32.const 1)))
    (i32.store (i32.const 270000) (i32.add (i32.load (i32.const 270000)) (i32.const 2)))
    (if (i32.eq (i32.load (i32.const 200000)) (i32.const 4))
      (then (drop (call $exit (i32.add (i32.load (i32.const 200000)) (i32.load (i32.const 270000)))))))
    (i32.const 0)";
    let cell = cell(&guest_text(body, ""));
    let mut guest = cell.spawn(state()).expect("a guest can be spawned");
    for turn in 1..4 {
        assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 0 });
        let kept = guest.doze().expect("linux tells what was written");
        assert!((1..1000).contains(&kept), "{kept} bytes");
        assert_eq!(guest.doze(), None, "it dozes");
        if turn == 2 {
            // An image of it is an image of what it was.
            let image = guest.capture().expect("an image can be taken");
            let mut clone = cell.with_image(image).spawn(state()).expect("a clone can be spawned");
            assert_eq!(whole_turn(&mut clone, &batch()), Turn::Done { wants: 0 });
            assert_eq!(whole_turn(&mut clone, &batch()), Turn::Ended(Verdict::Exited(12)));
        }
    }
    assert_eq!(guest.peek(200_000, 4), 3_u32.to_le_bytes());
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Ended(Verdict::Exited(12)));
    assert_eq!(guest.doze(), None, "the dead do not doze");
}
