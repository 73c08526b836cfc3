//! Tenants that sleep and wake: what wakes them, what keeps them awake, what is left of it when it goes wrong. They must not
//! know how a guest's memory is put aside.
use super::calm::SECOND;
use super::hive::{HIBERNATE, Hive};
use crate::reactor::sim::SimPeer;
use rustix::io::Errno;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

/// Counts its requests.
const COUNT: &str = "let count = 0; serve((req, res) => {
  res.end(`${process.uptime().toFixed()} ${++count}`);
})";

#[test]
fn a_tenant_without_work_sleeps_and_goes_on_with_the_next_request() {
    let mut hive = Hive::new(COUNT);
    let peer = hive.connect();
    assert_eq!(hive.ask(&peer, "/"), "0 1");
    assert_eq!(hive.view().state, "running");
    hive.rest();
    let view = hive.view();
    assert_eq!((view.starts, view.hibernations, view.wakes), (1, 1, 0));
    assert_eq!((view.guests[0].state, view.guests[0].memory_bytes), ("sleeping", 0));
    assert_eq!(hive.files().len(), 1);
    let length = fs::metadata(&hive.files()[0]).expect("it is there").len();
    assert_eq!(length, view.guests[0].at_rest_bytes + 32, "its code, and what is kept");
    // The connection was held meanwhile, and another one may come.
    assert_eq!(hive.ask(&peer, "/"), "12 2");
    assert_eq!(hive.files().len(), 0, "who is awake has no file");
    hive.rest();
    let other = hive.connect();
    assert_eq!(hive.ask(&other, "/"), "24 3");
    let view = hive.view();
    assert_eq!((view.state, view.starts, view.hibernations, view.wakes), ("running", 1, 2, 2));
    assert_eq!(hive.log(), "");
}

#[test]
fn bytes_that_come_one_by_one_wake_it_once() {
    let mut hive = Hive::new(COUNT);
    let peer = hive.connect();
    hive.ask(&peer, "/");
    hive.rest();
    for byte in b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n" {
        peer.send(&[*byte]).expect("the connection is open");
        hive.calm.hall.turn();
    }
    assert!(hive.answer(&peer).ends_with(" 3"), "both are answered");
    assert_eq!(hive.view().wakes, 1);
}

#[test]
fn a_peer_that_leaves_wakes_nobody() {
    let mut hive = Hive::new(COUNT);
    let peer = hive.connect();
    hive.ask(&peer, "/");
    hive.rest();
    peer.close();
    hive.pass(SECOND);
    let view = hive.view();
    assert_eq!((view.state, view.wakes, view.guests[0].connections), ("sleeping", 0, 0));
    let other = hive.connect();
    assert_eq!(hive.ask(&other, "/"), "13 2");
}

#[test]
fn a_timer_wakes_it_in_time() {
    let mut hive = Hive::new(
        "let fired; const began = Date.now(); setTimeout(() => { fired = Date.now() - began; }, 60_000);
         serve((req, res) => res.end(`after ${fired}`))",
    );
    let peer = hive.connect();
    assert_eq!(hive.ask(&peer, "/"), "after undefined");
    hive.rest();
    hive.pass(60 * SECOND - HIBERNATE - 3 * SECOND);
    assert_eq!(hive.view().wakes, 0);
    hive.pass(2 * SECOND);
    assert_eq!(hive.view().wakes, 1);
    assert_eq!(hive.ask(&peer, "/"), "after 60000");
    assert_eq!(hive.view().wakes, 1, "it was awake");
}

#[test]
fn what_is_under_way_keeps_it_awake() {
    for code in [
        // A timer that is never far away.
        "setInterval(() => {}, 9_500); setInterval(() => {}, 10_500);
         serve((req, res) => res.end('up'))",
        // A request in flight.
        "serve((req, res) => {
           if (req.url === '/late') setTimeout(() => res.end('late'), 100_000); else res.end('up');
         })",
        // A response that is not over.
        "serve((req, res) => {
           if (req.url === '/late') { res.write('late'); setTimeout(() => res.end(), 100_000); } else res.end('up');
         })",
    ] {
        let mut hive = Hive::new(code);
        let (peer, late) = (hive.connect(), hive.connect());
        assert_eq!(hive.ask(&peer, "/"), "up");
        late.send(b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
        hive.pass(90 * SECOND);
        assert_eq!((hive.view().state, hive.view().hibernations), ("running", 0), "{code}");
    }
    let mut hive = Hive::new("serve((req, res) => setTimeout(() => res.end('late'), 30_000))");
    let peer = hive.connect();
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
    hive.pass(31 * SECOND);
    assert_eq!(hive.answer(&peer), "late");
    hive.rest();
}

#[test]
fn one_that_is_not_to_sleep_does_not() {
    let mut hive = Hive::with(COUNT, |plan, _| plan.hibernate = None);
    let peer = hive.connect();
    hive.ask(&peer, "/");
    hive.pass(1000 * SECOND);
    assert_eq!((hive.view().state, hive.view().hibernations), ("running", 0));
    // Stopped instead; and one that sleeps is stopped in the end, without being woken for it.
    for hibernate in [None, Some(HIBERNATE)] {
        let mut hive = Hive::with(COUNT, |plan, _| {
            (plan.hibernate, plan.idle) = (hibernate, Some(40 * SECOND));
        });
        let peer = hive.connect();
        hive.ask(&peer, "/");
        hive.pass(45 * SECOND);
        let view = hive.view();
        assert_eq!((view.state, view.wakes), ("stopped", 0));
        assert_eq!(hive.files().len(), 0, "nothing is left of it");
        assert_eq!(hive.ask(&peer, "/"), "0 1", "its connection is served by the next");
    }
}

#[test]
fn one_that_has_written_too_much_stays_awake_and_is_told_so() {
    let mut hive = Hive::with(COUNT, |_, limits| limits.hibernate_bytes = 4096);
    let peer = hive.connect();
    hive.ask(&peer, "/");
    hive.pass(20 * SECOND);
    hive.ask(&peer, "/");
    hive.pass(100 * SECOND);
    assert_eq!((hive.view().state, hive.view().hibernations), ("running", 0));
    let log = hive.log();
    assert_eq!(log.matches("skep: a: stays awake: ").count(), 1, "once: {log}");
    assert_eq!(hive.files().len(), 0);
    assert!(hive.ask(&peer, "/").ends_with(" 3"));
}

#[test]
fn new_code_is_served_while_the_old_sleeps() {
    let mut hive = Hive::new(COUNT);
    let peer = hive.connect();
    hive.ask(&peer, "/");
    hive.rest();
    *hive.code.borrow_mut() = "serve((req, res) => res.end('new'))".into();
    hive.calm.hall.deploy(0);
    hive.pass(SECOND);
    assert_eq!(hive.ask(&peer, "/"), "new");
    let view = hive.view();
    assert_eq!((view.wakes, view.guests.len()), (0, 1), "the old one is gone, and was not woken for it");
    assert_eq!(hive.files().len(), 0);
    hive.rest();
    assert_eq!(hive.ask(&peer, "/"), "new");
}

/// What may have happened to a sleeper's file.
type Damage = fn(&Path);

const DAMAGES: [(&str, Damage); 8] = [
    ("gone", |file| fs::remove_file(file).expect("it was there")),
    ("empty", |file| fs::write(file, b"").expect("it can be written")),
    ("cut short", |file| change(file, |bytes| bytes.truncate(bytes.len() - 1))),
    ("longer", |file| change(file, |bytes| bytes.push(0))),
    ("changed at its beginning", |file| change(file, |bytes| bytes[0] ^= 1)),
    ("changed at its end", |file| change(file, |bytes| *bytes.last_mut().expect("it has bytes") ^= 0x80)),
    ("a link to the same bytes", |file| {
        let aside = file.with_extension("aside");
        fs::rename(file, &aside).expect("it was there");
        symlink(&aside, file).expect("links can be made");
    }),
    ("readable by others", |file| {
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).expect("it is ours");
    }),
];

fn change(file: &Path, how: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).expect("it can be read");
    how(&mut bytes);
    fs::write(file, bytes).expect("it can be written");
}

/// Whatever is wrong with its file, the tenant starts anew, and whoever asks is answered: on a connection that it had, and on
/// another.
#[test]
fn s01_a_sleeper_whose_file_is_not_as_it_was_starts_anew() {
    for (name, damage) in DAMAGES {
        for by_another in [false, true] {
            let mut hive = Hive::new(COUNT);
            let first = hive.connect();
            assert_eq!(hive.ask(&first, "/"), "0 1");
            hive.rest();
            damage(&hive.files()[0]);
            let peer = if by_another { hive.connect() } else { first };
            assert_eq!(hive.ask(&peer, "/"), "0 1", "{name}");
            let view = hive.view();
            assert_eq!((view.state, view.starts, view.wakes), ("running", 2, 0), "{name}");
            let log = hive.log();
            assert_eq!(log.matches("skep: a: cannot be woken, and starts anew: ").count(), 1, "{name}: {log}");
            assert_eq!(hive.ask(&peer, "/"), "0 2", "{name}");
            hive.rest();
            assert_eq!(hive.ask(&peer, "/"), "12 3", "{name}: the next one sleeps and wakes");
        }
    }
}

/// One that is woken by its timer loses no request by it: none was there.
#[test]
fn a_timer_that_cannot_wake_it_starts_it_anew() {
    let mut hive = Hive::new("setTimeout(() => {}, 60_000); serve((req, res) => res.end('up'))");
    let peer = hive.connect();
    hive.ask(&peer, "/");
    hive.rest();
    fs::remove_file(&hive.files()[0]).expect("it was there");
    hive.pass(50 * SECOND);
    assert_eq!(hive.view().starts, 2);
    assert_eq!(hive.ask(&peer, "/"), "up");
}

#[test]
fn an_old_file_does_not_stand_for_a_newer_one() {
    let mut hive = Hive::new(COUNT);
    let peer = hive.connect();
    hive.ask(&peer, "/");
    hive.rest();
    let old = fs::read(&hive.files()[0]).expect("it can be read");
    hive.ask(&peer, "/");
    hive.rest();
    let file = hive.files().remove(0);
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    fs::write(&file, old).expect("it can be written");
    assert_eq!(hive.ask(&peer, "/"), "0 1", "a new life, not an older one");
}

/// Twelve megabytes of its own, all of which count; and how many requests there were.
const LARGE: &str = "const all = Array.from({ length: 12 }, (_, at) => Buffer.alloc(1 << 20, at + 1)); let count = 0;
  serve((req, res) => res.end(`${all.map((one) => one[0] + one[one.length - 1]).join()} ${++count}`));";

const SUMS: &str = "2,4,6,8,10,12,14,16,18,20,22,24";

/// One that is to sleep in a moment, after so many turns of falling asleep.
fn falling(hive: &mut Hive, peer: &SimPeer, turns: usize) {
    assert_eq!(hive.ask(peer, "/"), format!("{SUMS} 1"));
    hive.pass(HIBERNATE - Duration::from_millis(100));
    for _ in 0..200 {
        hive.calm.clock.advance(Duration::from_millis(1));
        hive.calm.hall.turn_within(Some(Duration::ZERO));
        if hive.calm.hall.tenants.has_pieces() {
            return pieces(hive, turns);
        }
    }
    panic!("it does not fall asleep");
}

/// So many turns, in each of which there is a piece to be done.
fn pieces(hive: &mut Hive, turns: usize) {
    for _ in 0..turns {
        assert!(hive.calm.hall.tenants.has_pieces());
        hive.calm.hall.turn_within(Some(Duration::ZERO));
        hive.calm.hall.audit();
    }
}

#[test]
fn a_large_one_falls_asleep_and_wakes_a_piece_a_turn() {
    let mut hive = Hive::new(LARGE);
    let peer = hive.connect();
    falling(&mut hive, &peer, 12);
    hive.rest();
    assert_eq!(hive.view().hibernations, 1);
    assert!(hive.view().guests[0].at_rest_bytes > 12 << 20);
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
    for _ in 0..4 {
        hive.calm.hall.turn_within(Some(Duration::ZERO));
    }
    pieces(&mut hive, 4);
    let view = hive.view();
    assert_eq!(
        (view.state, view.wakes, hive.files().len()),
        ("sleeping", 0, 0),
        "its file is read, and it is not awake yet"
    );
    // Whoever comes meanwhile waits, too.
    let other = hive.connect();
    other.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the front listens");
    pieces(&mut hive, 1);
    assert_eq!(hive.answer(&peer), format!("{SUMS} 2"));
    assert_eq!(hive.answer(&other), format!("{SUMS} 3"));
    assert_eq!((hive.view().wakes, hive.log().as_str()), (1, ""));
    hive.rest();
    assert_eq!(hive.ask(&other, "/"), format!("{SUMS} 4"));
}

#[test]
fn what_comes_while_it_falls_asleep_is_served_at_once_and_it_has_not_slept() {
    for turns in [0, 3, 10] {
        let mut hive = Hive::new(LARGE);
        let peer = hive.connect();
        falling(&mut hive, &peer, turns);
        assert_eq!(hive.ask(&peer, "/"), format!("{SUMS} 2"));
        let view = hive.view();
        assert_eq!((view.state, view.hibernations, view.wakes, hive.files().len()), ("running", 0, 0, 0));
        hive.rest();
        assert_eq!(hive.ask(&peer, "/"), format!("{SUMS} 3"));
        assert_eq!((hive.view().hibernations, hive.view().wakes), (1, 1));
    }
}

#[test]
fn one_that_is_stopped_on_its_way_leaves_nothing() {
    let mut hive = Hive::new(LARGE);
    let peer = hive.connect();
    falling(&mut hive, &peer, 5);
    hive.calm.hall.stop_tenant(0);
    hive.pass(2 * SECOND);
    assert_eq!((hive.view().state, hive.view().hibernations), ("stopped", 0));
    assert_eq!(hive.ask(&peer, "/"), format!("{SUMS} 1"));
    hive.rest();
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
    for _ in 0..4 {
        hive.calm.hall.turn_within(Some(Duration::ZERO));
    }
    pieces(&mut hive, 1);
    hive.code.replace("serve((req, res) => res.end('new'))".into());
    hive.calm.hall.deploy(0);
    hive.pass(SECOND);
    assert!(!hive.answer(&peer).is_empty(), "by whichever has it");
    assert_eq!((hive.ask(&hive.connect(), "/"), hive.files().len()), ("new".into(), 0));
}

#[test]
fn where_nothing_can_be_written_it_stays_awake_and_is_told_so() {
    let mut hive = Hive::new(COUNT);
    let peer = hive.connect();
    hive.ask(&peer, "/");
    fs::remove_dir_all(hive.den.folder().read_link().expect("it is there")).expect("it is ours");
    hive.pass(50 * SECOND);
    assert_eq!((hive.view().state, hive.view().hibernations), ("running", 0));
    let log = hive.log();
    assert_eq!(log.matches("skep: a: stays awake: its memory cannot be put aside: No such file").count(), 1, "{log}");
    assert!(hive.ask(&peer, "/").ends_with(" 2"));
}

#[test]
fn a_den_has_a_bound_and_who_is_beyond_it_stays_awake() {
    let mut hive = Hive::new(COUNT);
    let peer = hive.connect();
    hive.ask(&peer, "/");
    hive.rest();
    let bytes = hive.view().guests[0].at_rest_bytes;
    hive.ask(&peer, "/");
    hive.den.set_most(bytes / 2);
    hive.pass(50 * SECOND);
    assert_eq!((hive.view().state, hive.view().hibernations, hive.files().len()), ("running", 1, 0));
    let told = format!("skep: a: stays awake: those that sleep have 0 bytes on disk already, of {}\n", bytes / 2);
    assert_eq!(hive.log(), told);
    assert!(hive.ask(&peer, "/").ends_with(" 3"));
    hive.den.set_most(bytes * 2);
    hive.rest();
}

/// As [`DAMAGES`] of a small one, which is read at once.
#[test]
fn s01_a_large_one_whose_file_is_not_as_it_was_starts_anew() {
    for (name, damage) in DAMAGES {
        for by_another in [false, true] {
            let mut hive = Hive::new(LARGE);
            let first = hive.connect();
            hive.ask(&first, "/");
            hive.rest();
            damage(&hive.files()[0]);
            let peer = if by_another { hive.connect() } else { first };
            assert_eq!(hive.ask(&peer, "/"), format!("{SUMS} 1"), "{name}");
            let view = hive.view();
            assert_eq!((view.state, view.starts, view.wakes), ("running", 2, 0), "{name}");
            assert_eq!(hive.log().matches("skep: a: cannot be woken, and starts anew: ").count(), 1, "{name}");
        }
    }
}

/// While the system has no descriptor to open a sleeper's file with, it sleeps on, and loses nothing.
#[test]
fn who_cannot_be_woken_for_want_of_descriptors_is_woken_later_as_it_was() {
    for (code, answer) in [(COUNT, "12 2".to_owned()), (LARGE, format!("{SUMS} 2"))] {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM] {
            let mut hive = Hive::new(code);
            let first = hive.connect();
            hive.ask(&first, "/");
            hive.rest();
            hive.den.lack(errno.raw_os_error());
            let other = hive.connect();
            for peer in [&first, &other] {
                peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
            }
            hive.pass(2 * SECOND);
            let view = hive.view();
            assert_eq!((view.state, view.starts, view.wakes), ("sleeping", 1, 0), "{errno}");
            assert_eq!(hive.log().matches("skep: a: cannot be woken yet: ").count(), 1, "once: {}", hive.log());
            assert!(!hive.calm.hall.tenants.has_pieces(), "nobody asks without end");
            hive.den.lack(0);
            hive.pass(SECOND);
            let answers = [&first, &other].map(|peer| String::from_utf8_lossy(&peer.read_all()).into_owned());
            assert!(
                answers.iter().any(|text| text.ends_with(answer.rsplit_once(' ').expect("two words").1)),
                "{answers:?}"
            );
            assert!(answers.iter().all(|text| text.starts_with("HTTP/1.1 200 ")), "{answers:?}");
            assert_eq!((hive.view().starts, hive.view().wakes), (1, 1));
        }
    }
}

/// Who stays awake since nothing can be kept of it still gives its pages back.
#[test]
fn who_cannot_sleep_dozes() {
    let mut hive = Hive::new(COUNT);
    let peer = hive.connect();
    hive.ask(&peer, "/");
    hive.den.set_most(0);
    let state = |hive: &Hive| hive.view().guests[0].state;
    hive.pass(HIBERNATE - SECOND);
    assert_eq!(state(&hive), "dozing");
    hive.pass(2 * SECOND);
    assert!(hive.log().contains("stays awake: "), "{}", hive.log());
    hive.pass(8 * SECOND);
    assert_eq!(state(&hive), "dozing");
    assert!(hive.ask(&peer, "/").ends_with(" 2"));
}

/// The operator's signal may come in the very turn in which a tenant is to be looked at.
#[test]
fn a_signal_ends_all_in_the_turn_in_which_a_tenant_would_be_looked_at() {
    let mut hive = Hive::new(COUNT);
    hive.calm.hall.handle_signal(15).expect("the simulation has signals");
    let peer = hive.connect();
    hive.ask(&peer, "/");
    hive.calm.clock.advance(HIBERNATE + SECOND);
    hive.calm.net.raise(15);
    hive.calm.hall.turn_within(Some(Duration::ZERO));
    assert!(hive.calm.hall.seats.is_empty() && !hive.calm.hall.tenants.is_open());
}
