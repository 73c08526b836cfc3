//! What only the simulation can show: rare orders of events, and whole runs from one seed.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use super::super::sim::{Faults, Rng, SimNet, SimPeer};
use super::super::*;
use super::bench::*;

/// A client of a run: what it will send, what it has got back.
struct Client {
    peer: Option<SimPeer>,
    sent: Vec<u8>,
    at: usize,
    back: Vec<u8>,
    /// It ends the connection rudely, or the network may: its bytes may be lost, not altered.
    rude: bool,
}

impl Client {
    fn new(net: &SimNet, addr: SocketAddr, dice: &mut Rng, rude: bool) -> Client {
        let sent = pattern([0, 1, 50, 5000, 100_000][dice.below(5)], dice.draw());
        let peer = net.connect(addr).ok();
        Client { peer, sent, at: 0, back: Vec::new(), rude }
    }

    /// One random step. Returns whether it is done.
    fn step(&mut self, dice: &mut Rng) -> bool {
        let Some(peer) = &self.peer else { return true };
        match dice.below(8) {
            0..3 if self.at < self.sent.len() => {
                let cut = dice.cut(20_000).min(self.sent.len() - self.at);
                if peer.send(&self.sent[self.at..self.at + cut]).is_ok() {
                    self.at += cut;
                }
                if self.at == self.sent.len() {
                    let _ = peer.shutdown();
                }
            }
            3 if self.sent.is_empty() => drop(peer.shutdown()),
            4 => peer.set_window([0, 1, 100, 65536][dice.below(4)]),
            5 if self.rude && dice.below(20) == 0 => {
                self.peer.take().expect("it is there").reset();
                return true;
            }
            _ => self.back.extend(peer.read(dice.cut(30_000))),
        }
        let peer = self.peer.as_ref().expect("it is there");
        if peer.saw_reset().is_some() || (peer.saw_end() && self.at == self.sent.len()) {
            self.back.extend(peer.read_all());
            self.peer = None;
            return true;
        }
        false
    }
}

/// One run of the echo server from one seed; a digest of all that happened.
fn run(seed: u64, faults: &Faults) -> u64 {
    let mut bench = SimBench::new(seed);
    let mut dice = bench.net.fork_dice();
    bench.net.faults(faults.clone());
    let rude = faults.reset > 0;
    let (listener, addr) = bench.listen();
    let (mut echo, mut digest) = (Echo::default(), 0_u64);
    let mut clients: Vec<Client> = Vec::new();
    let (mut born, mut done) = (0, 0);
    for turn in 0.. {
        assert!(turn < 60_000, "SEED={seed}: {} clients wait for ever", clients.len());
        if born < 12 && dice.below(3) == 0 {
            clients.push(Client::new(&bench.net, addr, &mut dice, rude));
            born += 1;
        }
        clients.retain_mut(|client| {
            if !client.step(&mut dice) {
                return true;
            }
            assert!(client.sent.starts_with(&client.back), "SEED={seed}: bytes were altered");
            if !client.rude {
                assert!(client.back == client.sent, "SEED={seed}: bytes were lost");
            }
            done += 1;
            digest = digest.rotate_left(7) ^ (turn << 20) ^ client.back.len() as u64;
            false
        });
        echo.turn(&mut bench, &mut dice);
        if done == 12 && echo.open.is_empty() && echo.accepted >= bench.reactor.stream_count() {
            break;
        }
    }
    assert_eq!(bench.reactor.close(listener), Ok(Closing::Done));
    // Nothing is held: the kernel's own descriptor and nothing else.
    assert_eq!((bench.reactor.stream_count(), bench.net.fds(0)), (0, 1), "SEED={seed}");
    digest
}

/// How many seeds; `SKEP_SEEDS` asks for more.
fn seeds() -> u64 {
    std::env::var("SKEP_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

#[test]
fn no_byte_and_no_wake_up_is_lost() {
    for seed in 0..seeds() {
        // Edges for nothing may make up for one that was lost: half the runs do without.
        let spurious = if seed % 2 == 0 { 0 } else { 200 };
        run(seed, &Faults { spurious, ..Faults::lossless() });
    }
}

#[test]
fn resets_are_survived() {
    let faults = Faults { reset: 20, aborted: 50, no_fd: 100, ..Faults::lossless() };
    for seed in 0..seeds() {
        run(seed, &faults);
    }
}

#[test]
fn one_seed_is_one_run() {
    let faults = Faults { reset: 20, aborted: 50, no_fd: 100, ..Faults::lossless() };
    for seed in 0..10 {
        assert_eq!(run(seed, &faults), run(seed, &faults), "SEED={seed}");
    }
    assert_ne!(run(1, &faults), run(2, &faults));
}

#[test]
fn want_of_descriptors() {
    let mut bench = SimBench::new(1);
    let (listener, addr) = bench.listen();
    // Its own, the listener's, the reserve is among them: three are free.
    bench.net.limit_fds(0, 5);
    let peers: Vec<_> = (0..20).map(|_| bench.net.connect(addr).expect("it listens")).collect();
    bench.turn();
    let mut facts = Vec::new();
    bench.reactor.accept_more(100, &mut facts);
    let keys: Vec<Key> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Accepted { stream, .. } => Some(*stream),
            _ => None,
        })
        .collect();
    assert_eq!(keys.len(), 3);
    let paused = facts.last().expect("it ran out");
    assert!(matches!(paused, Fact::AcceptPaused { error: Errno::EMFILE, shed: 17, .. }), "{paused:?}");
    assert_eq!(peers.iter().filter(|peer| peer.saw_reset().is_some()).count(), 17);
    // While it rests a new one waits, and the loop is not kept busy.
    let waiting = bench.net.connect(addr).expect("it listens");
    let idles = bench.net.idles();
    for _ in 0..3 {
        assert_eq!(bench.turn(), []);
        let mut facts = Vec::new();
        bench.reactor.accept_more(100, &mut facts);
        assert_eq!(facts, []);
    }
    assert!(bench.net.idles() >= idles + 2);
    assert_eq!(bench.reactor.close(keys[0]), Ok(Closing::Done));
    bench.reactor.rearm(listener).expect("it is open");
    let mut facts = bench.turn();
    bench.reactor.accept_more(100, &mut facts);
    assert!(matches!(facts[..], [Fact::Accepted { .. }]), "{facts:?}");
    assert_eq!(waiting.saw_reset(), None);
}

#[test]
fn a_zero_window_costs_nothing_but_what_is_pending() {
    let mut bench = SimBench::new(1);
    let (_, addr) = bench.listen();
    let peer = bench.net.connect(addr).expect("it listens");
    bench.turn();
    let mut facts = Vec::new();
    bench.reactor.accept_more(2, &mut facts);
    let Fact::Accepted { stream: key, .. } = facts[0] else { panic!("{facts:?}") };
    peer.set_window(0);
    bench.reactor.send(key, &[7; 1000]).expect("it is open");
    facts.clear();
    bench.reactor.flush(&mut facts);
    assert_eq!(facts, []);
    // Blocked, it is on no list: the loop sleeps, however much is sent.
    for round in 1..=10 {
        bench.reactor.send(key, &[7; 1000]).expect("it is open");
        assert_eq!(bench.reactor.pending_out(key), Ok(1000 * (round + 1)));
        let idles = bench.net.idles();
        assert_eq!(bench.turn(), []);
        assert_eq!(bench.net.idles(), idles + 1);
    }
    // One byte of window is one byte written.
    for pending in (10_000..11_000).rev() {
        peer.set_window(1);
        let mut facts = bench.turn();
        bench.reactor.flush(&mut facts);
        assert_eq!(facts, [Fact::Flushed { key, written: 1, pending }]);
        // A write that was cut short is not tried again before there is room.
        let idles = bench.net.idles();
        assert_eq!(bench.turn(), []);
        assert_eq!(bench.net.idles(), idles + 1);
        assert_eq!(peer.read_all(), [7]);
    }
    bench.reactor.reset(key).expect("it is open");
    assert_eq!(bench.reactor.stream_count(), 0);
}

#[test]
fn an_edge_of_a_closed_stream_is_not_its_successors() {
    let mut bench = SimBench::new(3);
    let (_, addr) = bench.listen();
    let (old, _peer) = bench.pair(addr);
    assert_eq!(bench.reactor.close(old), Ok(Closing::Done));
    let (new, _peer) = bench.pair(addr);
    bench.turn();
    bench.net.faults(Faults { stale: 1000, ..Faults::default() });
    for _ in 0..100 {
        let facts = bench.turn();
        assert_eq!(facts, [], "{old:?} {new:?}");
    }
}

/// A read of a UNIX socket may stop short of what is there: it proves nothing.
#[test]
fn short_reads_of_unix_sockets() {
    for seed in 0..50 {
        let mut bench = SimBench::new(seed);
        bench.net.faults(Faults { spurious: 0, ..Faults::lossless() });
        let path = std::path::Path::new("here");
        let options = ListenOptions::default();
        bench.reactor.listen_unix(path, &options).expect("the path is free");
        let peer = bench.net.connect_unix(path).expect("it listens");
        let bytes = pattern(3000, seed);
        peer.send(&bytes).expect("it lives");
        let mut dice = bench.dice();
        let (mut echo, mut back) = (Echo::default(), Vec::new());
        while back.len() < bytes.len() && bench.net.idles() < 100 {
            echo.turn(&mut bench, &mut dice);
            back.extend(peer.read_all());
        }
        assert!(back == bytes, "SEED={seed}: {} bytes came back", back.len());
    }
}

#[test]
fn two_reactors_talk() {
    let net = SimNet::new(5);
    net.faults(Faults::lossless());
    let (mut one, mut two) = (net.reactor(), net.reactor());
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = one.listen_tcp(any, &ListenOptions::default()).expect("port 0");
    let Ok(Addr::Ip(addr)) = one.local_addr(listener) else { panic!("it is bound") };
    let near = two.connect_tcp(addr, &ConnectOptions::default()).expect("it begins");
    let bytes = pattern(300_000, 1);
    two.send_vec(near, bytes.clone()).expect("it is kept");
    two.shutdown_write(near).expect("it is kept");
    let (mut far, mut got, mut buf) = (None, Vec::new(), [0; 777]);
    for _ in 0..TURNS {
        let mut facts = Vec::new();
        two.wait(Some(Duration::ZERO), &mut facts).expect("it can wait");
        two.flush(&mut facts);
        facts.clear();
        one.wait(Some(Duration::ZERO), &mut facts).expect("it can wait");
        one.accept_more(1, &mut facts);
        for fact in facts {
            match fact {
                Fact::Accepted { stream, .. } => far = Some(stream),
                Fact::Readable(key) => match one.read(key, &mut buf).expect("it lives") {
                    Read::Data { count, .. } => got.extend_from_slice(&buf[..count]),
                    Read::WouldBlock => {}
                    Read::Eof => {
                        assert!(Some(key) == far && got == bytes);
                        return;
                    }
                },
                other => panic!("{other:?}"),
            }
        }
    }
    panic!("it never ended");
}

#[test]
fn silence_is_left_to_the_owners_timer() {
    let net = SimNet::new(1);
    let mut reactor = net.reactor();
    let addr = SocketAddr::from(([192, 0, 2, 9], 80));
    net.silence(addr);
    let passed = Rc::new(Cell::new(Duration::ZERO));
    let clock = Rc::clone(&passed);
    net.on_idle(move |span| clock.set(clock.get() + span.expect("there is a timer")));
    let key = reactor.connect_tcp(addr, &ConnectOptions::default()).expect("it begins");
    let mut facts = Vec::new();
    for _ in 0..3 {
        reactor.wait(Some(Duration::from_secs(1)), &mut facts).expect("it can wait");
    }
    assert_eq!((facts.len(), passed.get()), (0, Duration::from_secs(3)));
    assert_eq!(reactor.close(key), Ok(Closing::Done));
    assert_eq!(net.fds(0), 1);
}

#[test]
fn signals_and_wake_ups() {
    let net = SimNet::new(1);
    let mut reactor = net.reactor();
    reactor.watch_signal(15).expect("any will do");
    let waker = reactor.waker();
    waker.wake().expect("nothing can fail");
    waker.wake().expect("nothing can fail");
    net.raise(15);
    net.raise(2);
    let mut facts = Vec::new();
    reactor.wait(None, &mut facts).expect("it can wait");
    assert_eq!(facts, [Fact::Signal(15), Fact::Woken]);
    assert_eq!(net.idles(), 0);
    reactor.wait(None, &mut facts).expect("it can wait");
    assert_eq!((facts.len(), net.idles()), (2, 1));
}

#[test]
fn many_readable_streams_share_the_waits() {
    let mut bench = SimBench::new(1);
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = ListenOptions { backlog: 5000, ..ListenOptions::default() };
    let listener = bench.reactor.listen_tcp(any, &options).expect("port 0");
    let Ok(Addr::Ip(addr)) = bench.reactor.local_addr(listener) else { panic!("it is bound") };
    let peers: Vec<_> = (0..3000).map(|_| bench.net.connect(addr).expect("it listens")).collect();
    bench.turn();
    let mut facts = Vec::new();
    bench.reactor.accept_more(3000, &mut facts);
    peers.iter().for_each(|peer| peer.send(b"xx").expect("it lives"));
    let mut told = std::collections::HashMap::<Key, u32>::new();
    for _ in 0..6 {
        let facts = bench.turn();
        assert!(facts.len() <= 1024, "{} facts", facts.len());
        for fact in facts {
            let Fact::Readable(key) = fact else { panic!("{fact:?}") };
            *told.entry(key).or_default() += 1;
        }
    }
    // Nobody read, so all are told again and again, in turn.
    assert_eq!(told.len(), 3000);
    assert!(told.values().all(|&times| (1..=3).contains(&times)));
}

#[test]
fn of_very_many_streams_a_flush_writes_so_many_and_the_next_one_the_others() {
    use super::super::stream::FLUSH_BUDGET;
    let (net, mut facts) = (SimNet::new(3), Vec::new());
    let mut reactor = net.reactor();
    let addr = SocketAddr::from(([127, 0, 0, 1], 9));
    net.serve(addr);
    let count = 2 * FLUSH_BUDGET + 10;
    let keys: Vec<Key> =
        (0..count).map(|_| reactor.connect_tcp(addr, &ConnectOptions::default()).expect("it is served")).collect();
    while facts.iter().filter(|fact| matches!(fact, Fact::Connected { result: Ok(()), .. })).count() < count {
        reactor.wait(Some(Duration::ZERO), &mut facts).expect("the simulation polls");
    }
    for key in &keys {
        reactor.send(*key, b"all").expect("it is open");
    }
    let flush = |reactor: &mut Reactor<_>| {
        let mut facts = Vec::new();
        reactor.flush(&mut facts);
        facts.iter().filter(|fact| matches!(fact, Fact::Flushed { written: 3, pending: 0, .. })).count()
    };
    assert_eq!(flush(&mut reactor), FLUSH_BUDGET);
    assert!(reactor.is_busy(), "nothing else would tell that some are left");
    assert_eq!(flush(&mut reactor), FLUSH_BUDGET);
    assert_eq!(flush(&mut reactor), 10);
    for key in &keys {
        reactor.send(*key, b"all").expect("it is open");
    }
    reactor.flush_all(&mut Vec::new());
    let peers = std::iter::from_fn(|| net.accept_at(addr));
    assert_eq!(peers.map(|peer| peer.read_all()).filter(|bytes| bytes == b"allall").count(), count);
}
