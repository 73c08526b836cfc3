//! R01: a rogue engine that makes every call with hostile arguments, against a model of its handles.
use super::puppet::{ANSWERS, Line, MEMORY, Puppet, SCRATCH, call};
use super::{state, state_with};
use crate::guest::{Command, Handle, Kind, Turn, Verdict};
use crate::policy::{Grants, Limits};
use skep_abi::errno::{EACCES, EAGAIN, EALREADY, EBADF, EFAULT, EINVAL, EMFILE, EMSGSIZE, EPIPE};
use skep_abi::{CALLS, Type};
use std::sync::Arc;

/// A small generator (SplitMix64): one seed, one run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

fn errno(number: i32) -> i64 {
    -i64::from(number)
}

#[test]
fn pointers_and_lengths() {
    let mut puppet = Puppet::new(state());
    let bad = [
        (MEMORY, 1),
        (MEMORY - 1, 2),
        (u32::MAX, 1),
        (u32::MAX, u32::MAX),
        (MEMORY - 8, u32::MAX - 3),
        (1, u32::MAX),
        (0, MEMORY + 1),
    ];
    for (ptr, len) in bad {
        let (ptr, len) = (i64::from(ptr), i64::from(len));
        for (name, arguments) in [
            ("random", vec![ptr, len]),
            ("log", vec![1, ptr, len]),
            ("why", vec![ptr, len]),
            ("start_info", vec![ptr, len]),
            ("listen", vec![ptr, len, 80, 0, 0, 0]),
            ("listen", vec![0, 0, 80, 0, ptr, len]),
            ("net_connect", vec![ptr, len, 80, 0, 0]),
            ("fs_read", vec![ptr, len]),
            ("fs_list", vec![ptr, len]),
            ("fs_stat", vec![ptr, len, 0, 0]),
            ("fs_realpath", vec![ptr, len, 0, 0]),
            ("fs_write", vec![ptr, len, 0, 0, 0]),
            ("inbox", vec![ptr, len]),
        ] {
            let answer = puppet.one(name, &arguments);
            assert!(answer < 0, "{name}({arguments:?}) = {answer}");
        }
    }
    assert!(puppet.guest.state().outbox.is_empty());
    assert_eq!(puppet.one("log", &[1, i64::from(MEMORY), 0]), 0, "no bytes at the end are no bytes");
    assert_eq!(puppet.one("why", &[i64::from(MEMORY - 4), 5]), errno(EFAULT));
}

#[test]
fn m06_numbers_are_bounded_before_anything_is_allocated() {
    let mut puppet = Puppet::new(state());
    assert_eq!(puppet.one("random", &[0, 65_537]), errno(EINVAL));
    assert_eq!(puppet.one("log", &[1, 0, 65_537]), errno(EMSGSIZE));
    assert_eq!(puppet.one("log", &[0, 0, 1]), errno(EBADF));
    assert_eq!(puppet.one("log", &[3, 0, 1]), errno(EBADF));
    assert_eq!(puppet.one("clock", &[3]), errno(EINVAL));
    assert_eq!(puppet.one("timer_arm", &[-2, 0]), errno(EINVAL));
    assert_eq!(puppet.one("inbox", &[8, 4096]), errno(EALREADY));
    assert_eq!(puppet.one("inbox", &[4, 4096]), errno(EINVAL));
    for signal in [0, -1, 9, 19, 65, i64::from(i32::MIN)] {
        assert_eq!(puppet.one("signal_watch", &[signal, 1]), errno(EINVAL));
    }
    for (port, backlog) in [(-2, 0), (65_536, 0), (i64::from(i32::MAX), 0), (i64::from(i32::MIN), 0)] {
        puppet.poke(SCRATCH, b"127.0.0.1");
        assert_eq!(puppet.one("listen", &[i64::from(SCRATCH), 9, port, backlog, 0, 0]), errno(EINVAL));
    }
    for option_bytes in [1, 39, 41, 80] {
        assert_eq!(puppet.one("listen", &[i64::from(SCRATCH), 9, 8080, 0, 0, option_bytes]), errno(EINVAL));
    }
    assert!(puppet.guest.state().outbox.is_empty());
    assert!(puppet.guest.state().handles.is_empty());
}

#[test]
fn refusals_of_the_policy_say_why() {
    let mut puppet = Puppet::new(state());
    puppet.poke(SCRATCH, b"127.0.0.1");
    let at = i64::from(SCRATCH);
    assert_eq!(puppet.one("listen", &[at, 9, 80, 0, 0, 0]), errno(EACCES));
    let len = puppet.one("why", &[at + 64, 200]);
    let why = puppet.guest.peek(SCRATCH + 64, len as u32);
    assert!(String::from_utf8_lossy(&why).contains("--allow-listen"));
    assert_eq!(puppet.one("net_connect", &[at, 9, 80, 0, 0]), errno(EACCES));
    assert_eq!(puppet.one("listen", &[at, 9, -1, 0, 0, 0]), errno(EACCES));
    assert!(puppet.one("listen", &[at, 9, 8080, 0, 0, 0]) > 0);
    for host in [&b"localhost"[..], b"127.0.0.1\0", b"\xff\xfe", b"1.2.3", b""] {
        puppet.poke(SCRATCH, host);
        assert_eq!(puppet.one("listen", &[at, host.len() as i64, 8080, 0, 0, 0]), errno(EINVAL));
    }
}

#[test]
fn m08_handles_have_a_limit() {
    let limits = Limits { handles: 10, ..Limits::default() };
    let mut puppet = Puppet::new(state_with(Grants::default(), limits));
    for _ in 0..10 {
        assert!(puppet.one("http_attach", &[0, 0, 0]) > 0);
    }
    assert_eq!(puppet.one("http_attach", &[0, 0, 0]), errno(EMFILE));
}

#[test]
fn writes_are_bounded_by_credit() {
    let limits = Limits { connection_pending_bytes: 100_000, ..Limits::default() };
    let mut puppet = Puppet::new(state_with(Grants::default(), limits));
    let stream = puppet.guest.state_mut().handles.insert(Kind::Stream).expect("there is room");
    let raw = stream.raw() as i64;
    assert_eq!(puppet.one("stream_write", &[raw, 0, 200_000]), 200_000, "an empty queue takes one call of any size");
    assert_eq!(puppet.one("stream_write", &[raw, 0, 1]), errno(EAGAIN));
    let state = puppet.guest.state_mut();
    assert_eq!(state.pending_total, 200_000);
    let slot = state.handles.get_mut(stream).expect("it lives");
    assert!(slot.wants_drain);
    slot.pending = 99_990;
    assert_eq!(puppet.one("stream_write", &[raw, 0, 10]), 100_000);
    assert_eq!(puppet.one("stream_write", &[raw, 0, 1]), errno(EAGAIN));
    assert_eq!(puppet.one("stream_shutdown", &[raw]), 0);
    assert_eq!(puppet.one("stream_write", &[raw, 0, 1]), errno(EPIPE));
    assert_eq!(puppet.one("stream_shutdown", &[raw]), errno(EPIPE));
}

#[test]
fn kinds_are_not_mixed_up() {
    let kinds = [Kind::Blob, Kind::Listener, Kind::Exchange, Kind::Connection, Kind::Attached, Kind::Stream];
    for kind in kinds {
        let mut puppet = Puppet::new(state());
        let handle = puppet.guest.state_mut().handles.insert(kind).expect("there is room");
        if kind == Kind::Blob {
            puppet.guest.state_mut().blobs.insert(handle, Arc::from(&b"text"[..]));
        }
        let raw = handle.raw() as i64;
        for (name, arguments, takes) in [
            ("blob_len", vec![raw], &[Kind::Blob][..]),
            ("blob_read", vec![raw, 0, 0, 4], &[Kind::Blob]),
            ("listen_set", vec![raw, 0, 40], &[Kind::Listener]),
            ("http_close_idle", vec![raw], &[Kind::Listener]),
            ("http_close_all", vec![raw], &[Kind::Listener]),
            ("http_attach", vec![raw, 0, 0], &[Kind::Listener]),
            ("http_feed", vec![raw, 0, 4], &[Kind::Attached]),
            ("http_respond", vec![raw, 200, 0, 0, 0, 0, 0], &[Kind::Exchange]),
            ("http_write", vec![raw, 0, 0, 4], &[Kind::Exchange]),
            ("http_inform", vec![raw, 100, 0, 0], &[Kind::Exchange]),
            ("http_watch", vec![raw], &[Kind::Exchange]),
            ("http_conn", vec![raw], &[Kind::Exchange]),
            ("credit", vec![raw, 1], &[Kind::Exchange, Kind::Stream]),
            ("stream_write", vec![raw, 0, 4], &[Kind::Stream]),
            ("stream_option", vec![raw, 1, 1], &[Kind::Stream, Kind::Connection, Kind::Attached]),
            ("http_upgrade", vec![raw], &[Kind::Exchange]),
        ] {
            let answer = puppet.one(name, &arguments);
            let expected = takes.contains(&kind);
            assert_eq!(answer >= 0, expected, "{name} of a {kind:?}: {answer}");
            assert!(expected || answer == errno(EBADF), "{name} of a {kind:?}: {answer}");
        }
    }
}

/// What the model knows: every handle that lives, by its number.
#[derive(Default)]
struct Model {
    live: Vec<(i64, Kind)>,
    dead: Vec<i64>,
}

impl Model {
    fn argument(&self, ty: Type, random: &mut Random) -> i64 {
        const EDGES: [i64; 12] =
            [0, 1, -1, i32::MIN as i64, i32::MAX as i64, u32::MAX as i64, i64::MIN, i64::MAX, 4096, 65_536, 40, 200];
        let near = i64::from(MEMORY) - 64 + random.below(128) as i64;
        match (ty, random.below(10)) {
            (Type::Handle, 0..6) if !self.live.is_empty() => self.live[random.below(self.live.len())].0,
            (Type::Handle, 6..8) if !self.dead.is_empty() => self.dead[random.below(self.dead.len())],
            (Type::Ptr, 0..6) => i64::from(SCRATCH) + random.below(4096) as i64,
            (Type::Len, 0..6) => random.below(300) as i64,
            (Type::I32 | Type::I64, 0..6) => random.below(600) as i64 - 2,
            (Type::Ptr | Type::Len, 6..8) => near,
            (_, 8) => random.next() as i64,
            _ => EDGES[random.below(EDGES.len())],
        }
    }

    /// Applies an answer. What the model says must agree with what the host did.
    fn learn(&mut self, name: &str, arguments: &[i64], answer: i64) {
        let kind = match name {
            "listen" => Some(Kind::Listener),
            "http_attach" => Some(Kind::Attached),
            "net_connect" | "http_upgrade" => Some(Kind::Stream),
            "http_conn" => Some(Kind::Connection),
            "fs_read" | "fs_list" => Some(Kind::Blob),
            _ => None,
        };
        if let (Some(kind), 1..) = (kind, answer)
            && !self.live.iter().any(|(raw, _)| *raw == answer)
        {
            assert!(!self.dead.contains(&answer), "{name} gave a number for the second time");
            self.live.push((answer, kind));
        }
        if name == "close" && answer == 0 {
            let at = self.live.iter().position(|(raw, _)| *raw == arguments[0]).expect("only the living can be closed");
            if self.live[at].1 == Kind::Blob {
                self.dead.push(self.live.swap_remove(at).0);
            }
        }
    }

    /// A handle of the wrong kind, or a dead or forged one, is never taken.
    fn check(&self, name: &str, types: &[(&str, Type)], arguments: &[i64], answer: i64) {
        for ((_, ty), raw) in types.iter().zip(arguments) {
            let optional = name == "http_attach" && *raw == 0;
            if *ty == Type::Handle && !optional && !self.live.iter().any(|(live, _)| live == raw) {
                assert!(answer < 0, "{name}({arguments:?}) took a handle that does not live: {answer}");
            }
        }
        for pair in types.windows(2).zip(arguments.windows(2)) {
            if let ([(_, Type::Ptr), (_, Type::Len)], [ptr, len]) = pair {
                let end = u64::from(*ptr as u32) + u64::from(*len as u32);
                assert!(answer < 0 || end <= u64::from(MEMORY), "{name}({arguments:?}) = {answer}");
            }
        }
    }
}

/// Whether a call that fills a buffer leaves the puppet's own program and answers alone: else it, and with it
/// this test, would lose the thread.
fn spares_the_puppet(types: &[(&str, Type)], arguments: &[i64]) -> bool {
    let own = [0u64..u64::from(SCRATCH), u64::from(ANSWERS)..u64::from(ANSWERS) + 1024];
    types.iter().enumerate().filter(|(_, (_, ty))| *ty == Type::Ptr).all(|(at, _)| {
        let start = u64::from(arguments[at] as u32);
        let len = match types.get(at + 1) {
            Some((_, Type::Len)) => u64::from(arguments[at + 1] as u32),
            _ => 32,
        };
        let end = start + len;
        end > u64::from(MEMORY) || own.iter().all(|own| end <= own.start || own.end <= start)
    })
}

/// The runtime's part: carries nothing out, but lets handles come and go.
fn play_the_runtime(puppet: &mut Puppet, model: &mut Model, random: &mut Random) {
    let state = puppet.guest.state_mut();
    let commands = state.outbox.take();
    for command in &commands {
        if let Command::Close { handle } = command
            && state.handles.remove(*handle).is_some()
        {
            let at = model.live.iter().position(|(raw, _)| *raw == handle.raw() as i64).expect("the model knows it");
            model.dead.push(model.live.swap_remove(at).0);
        }
    }
    state.outbox.recycle(commands);
    state.log_pending = 0;
    state.pending_total = 0;
    let kind = [Kind::Exchange, Kind::Stream, Kind::Exchange, Kind::Blob][random.below(4)];
    if state.handles.len() < 40
        && let Some(handle) = state.handles.insert(kind)
    {
        if kind == Kind::Blob {
            state.blobs.insert(handle, Arc::from(vec![7; random.below(500)]));
        }
        if let Some(slot) = state.handles.get_mut(handle) {
            slot.conn = handle.index() as u32;
        }
        model.live.push((handle.raw() as i64, kind));
    }
}

fn run_seed(seed: u64, rounds: usize) {
    let mut random = Random(seed);
    let mut puppet = Puppet::new(state());
    puppet.poke(SCRATCH, b"127.0.0.1\0::1/etc/passwd");
    let mut model = Model::default();
    for _ in 0..rounds {
        let program: Vec<Line> = (0..1 + random.below(20))
            .map(|_| {
                loop {
                    let index = random.below(CALLS.len());
                    let types = CALLS[index].params;
                    let arguments = types.iter().map(|(_, ty)| model.argument(*ty, &mut random)).collect::<Vec<_>>();
                    if index != call("exit") && spares_the_puppet(types, &arguments) {
                        break (index, arguments);
                    }
                }
            })
            .collect();
        let answers = puppet.run(&program).unwrap_or_else(|turn| panic!("seed {seed}: {turn:?}"));
        for ((index, arguments), answer) in program.iter().zip(answers) {
            let call = &CALLS[*index];
            model.check(call.name, call.params, arguments, answer);
            model.learn(call.name, arguments, answer);
        }
        let handles = &puppet.guest.state().handles;
        assert_eq!(handles.len(), model.live.len(), "seed {seed}");
        for (raw, kind) in &model.live {
            assert_eq!(handles.get(Handle::from_raw(*raw)).map(|slot| slot.kind), Some(*kind), "seed {seed}");
        }
        play_the_runtime(&mut puppet, &mut model, &mut random);
    }
}

#[test]
fn r01_random_calls_agree_with_the_model() {
    for seed in 0..60 {
        run_seed(seed, 60);
    }
}

#[test]
fn exit_among_other_calls() {
    let mut puppet = Puppet::new(state());
    let program = [(call("http_attach"), vec![0, 0, 0]), (call("exit"), vec![-3]), (call("clock"), vec![0])];
    assert_eq!(puppet.run(&program), Err(Turn::Ended(Verdict::Exited(-3))));
    assert_eq!(puppet.guest.state().handles.len(), 1, "its state can still be read");
}
