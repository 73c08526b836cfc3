//! The bench: a reactor on either kernel with peers from outside, and an echo server on it.

use std::collections::HashMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::super::sim::{Rng, SimKernel, SimNet, SimPeer};
use super::super::*;
use crate::tls::Acceptor;

/// The other end of a connection, in the test's hands. Nothing blocks.
pub trait Peer {
    /// Sends as much as is taken; returns how much, `None` when the connection is dead.
    fn send(&mut self, bytes: &[u8]) -> Option<usize>;
    /// What has come.
    fn read(&mut self) -> Vec<u8>;
    /// Whether all has been read and FIN came.
    fn saw_end(&mut self) -> bool;
    /// Whether what was read last came up to FIN. Reads nothing: more may have come since.
    fn is_at_end(&self) -> bool;
    /// Whether it was reset.
    fn saw_reset(&mut self) -> bool;
    fn shutdown(&mut self);
    fn reset(self: Box<Self>);
}

/// Takes the next connection that has come.
pub type Accept = Box<dyn FnMut() -> Option<Box<dyn Peer>>>;

/// A reactor with its surroundings.
pub trait Bench {
    type Kernel: Kernel;
    fn reactor(&mut self) -> &mut Reactor<Self::Kernel>;
    /// A client that connects to the reactor's listener.
    fn dial(&mut self, addr: SocketAddr) -> Box<dyn Peer>;
    /// A server of the outside world: its address, and how to take what came.
    fn outside(&mut self) -> (SocketAddr, Accept);
    /// An address where nobody listens.
    fn nowhere(&mut self) -> SocketAddr;
    fn dice(&mut self) -> Rng;
    /// More bytes than a connection holds under way.
    fn flood(&self) -> usize;

    /// One turn without accepting.
    fn turn(&mut self) -> Vec<Fact> {
        let mut facts = Vec::new();
        self.reactor().wait(Some(PATIENCE), &mut facts).expect("the kernel can wait");
        facts
    }

    fn listen(&mut self) -> (Key, SocketAddr) {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let key = self.reactor().listen_tcp(any, &ListenOptions::default()).expect("port 0");
        match self.reactor().local_addr(key) {
            Ok(Addr::Ip(addr)) => (key, addr),
            other => panic!("{other:?}"),
        }
    }

    /// Connects a client and accepts it.
    fn pair(&mut self, addr: SocketAddr) -> (Key, Box<dyn Peer>) {
        let peer = self.dial(addr);
        for _ in 0..TURNS {
            let mut facts = self.turn();
            facts.clear();
            self.reactor().accept_more(1, &mut facts);
            for fact in facts {
                match fact {
                    Fact::Accepted { stream, .. } => return (stream, peer),
                    Fact::AcceptPaused { listener, shed, .. } => {
                        self.reactor().rearm(listener).expect("it is open");
                        if shed > 0 {
                            return self.pair(addr);
                        }
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        panic!("nothing was accepted");
    }

    /// Waits, flushing, until `wanted` picks a fact.
    fn until<T>(&mut self, mut wanted: impl FnMut(&Fact) -> Option<T>) -> T {
        let mut silent = 0;
        while silent < SILENCE {
            let mut facts = self.turn();
            self.reactor().flush(&mut facts);
            silent = if facts.is_empty() { silent + 1 } else { 0 };
            if let Some(found) = facts.iter().find_map(&mut wanted) {
                return found;
            }
        }
        panic!("it never came");
    }

    /// Reads a stream until it ends, in an error or not.
    fn read_to_end(&mut self, key: Key) -> (Vec<u8>, Result<()>) {
        let mut bytes = Vec::new();
        let mut buf = [0; 1000];
        for _ in 0..TURNS {
            match self.reactor().read(key, &mut buf) {
                Ok(Read::Data { count, .. }) => bytes.extend_from_slice(&buf[..count]),
                Ok(Read::Eof) => return (bytes, Ok(())),
                Err(error) => return (bytes, Err(error)),
                Ok(Read::WouldBlock) => self.until(|fact| (*fact == Fact::Readable(key)).then_some(())),
            }
        }
        panic!("it never ended");
    }
}

/// How long a wait may last. All that is waited for comes from this process, so a wait that ends by
/// this is either a lost wake-up or one for which the peer has still to be asked.
pub const PATIENCE: Duration = Duration::from_millis(20);

/// How many turns without a fact mean that none will come.
const SILENCE: usize = 500;

/// How many turns a thing may take before it is held for lost.
pub const TURNS: usize = 200_000;

/// The second is how many waits in a row brought nothing.
pub struct OsBench(pub OsReactor, usize);

impl OsBench {
    pub fn new() -> OsBench {
        OsBench(OsReactor::new().expect("there are descriptors"), 0)
    }
}

impl Bench for OsBench {
    type Kernel = MioKernel;

    fn reactor(&mut self) -> &mut OsReactor {
        &mut self.0
    }

    fn dial(&mut self, addr: SocketAddr) -> Box<dyn Peer> {
        Box::new(OsPeer::new(TcpStream::connect(addr).expect("it listens")))
    }

    fn outside(&mut self) -> (SocketAddr, Accept) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port 0");
        let addr = listener.local_addr().expect("it is bound");
        (addr, Box::new(move || Some(Box::new(OsPeer::new(listener.accept().ok()?.0)))))
    }

    fn nowhere(&mut self) -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port 0");
        listener.local_addr().expect("it is bound")
    }

    fn dice(&mut self) -> Rng {
        Rng::new(7)
    }

    fn flood(&self) -> usize {
        16 << 20
    }

    /// Here a wait for nothing takes time: a lost wake-up must not take for ever.
    fn turn(&mut self) -> Vec<Fact> {
        let mut facts = Vec::new();
        self.0.wait(Some(PATIENCE), &mut facts).expect("the kernel can wait");
        self.1 = if facts.is_empty() { self.1 + 1 } else { 0 };
        assert!(self.1 < 4 * SILENCE, "it never came");
        facts
    }
}

pub struct OsPeer {
    stream: TcpStream,
    ended: bool,
    reset: bool,
}

impl OsPeer {
    pub fn new(stream: TcpStream) -> OsPeer {
        stream.set_nonblocking(true).expect("it is a socket");
        OsPeer { stream, ended: false, reset: false }
    }
}

impl Peer for OsPeer {
    fn send(&mut self, bytes: &[u8]) -> Option<usize> {
        match self.stream.write(bytes) {
            Ok(count) => Some(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
            Err(_) => None,
        }
    }

    fn read(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut buf = [0; 16384];
        while !self.ended && !self.reset && bytes.len() < 256 * 1024 {
            match self.stream.read(&mut buf) {
                Ok(0) => self.ended = true,
                Ok(count) => bytes.extend_from_slice(&buf[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.reset = true,
            }
        }
        bytes
    }

    fn saw_end(&mut self) -> bool {
        assert!(self.read().is_empty());
        self.ended
    }

    fn is_at_end(&self) -> bool {
        self.ended
    }

    fn saw_reset(&mut self) -> bool {
        assert!(self.read().is_empty());
        self.reset
    }

    fn shutdown(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("it is connected");
    }

    fn reset(self: Box<Self>) {
        rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO)).expect("it is a socket");
    }
}

pub struct SimBench {
    pub reactor: Reactor<SimKernel>,
    pub net: SimNet,
}

impl SimBench {
    pub fn new(seed: u64) -> SimBench {
        let net = SimNet::new(seed);
        SimBench { reactor: net.reactor(), net }
    }
}

impl Bench for SimBench {
    type Kernel = SimKernel;

    fn reactor(&mut self) -> &mut Reactor<SimKernel> {
        &mut self.reactor
    }

    fn dial(&mut self, addr: SocketAddr) -> Box<dyn Peer> {
        Box::new(self.net.connect(addr).expect("it listens"))
    }

    fn outside(&mut self) -> (SocketAddr, Accept) {
        let addr = SocketAddr::from(([192, 0, 2, 1], 80));
        self.net.serve(addr);
        let net = self.net.clone();
        (addr, Box::new(move || Some(Box::new(net.accept_at(addr)?))))
    }

    fn nowhere(&mut self) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 2], 80))
    }

    fn dice(&mut self) -> Rng {
        self.net.fork_dice()
    }

    fn flood(&self) -> usize {
        200_000
    }
}

impl Peer for SimPeer {
    fn send(&mut self, bytes: &[u8]) -> Option<usize> {
        SimPeer::send(self, bytes).ok().map(|()| bytes.len())
    }

    fn read(&mut self) -> Vec<u8> {
        self.read_all()
    }

    fn saw_end(&mut self) -> bool {
        SimPeer::saw_end(self)
    }

    fn is_at_end(&self) -> bool {
        SimPeer::saw_end(self)
    }

    fn saw_reset(&mut self) -> bool {
        SimPeer::saw_reset(self).is_some()
    }

    fn shutdown(&mut self) {
        SimPeer::shutdown(self).expect("it is connected");
    }

    fn reset(self: Box<Self>) {
        SimPeer::reset(*self);
    }
}

/// An echo server with backpressure: it reads in buffers of random size, sends back, pauses while
/// much is pending, and closes at the end or on an error.
#[derive(Default)]
pub struct Echo {
    /// Streams, and whether their end was read.
    pub open: HashMap<Key, bool>,
    pub accepted: usize,
    pub dead: usize,
    /// It speaks TLS.
    pub tls: Option<Acceptor>,
}

const MUCH: usize = 32 * 1024;

impl Echo {
    /// Acts on the facts of one turn, accepts and flushes.
    pub fn turn<B: Bench>(&mut self, bench: &mut B, dice: &mut Rng) {
        let mut facts = bench.turn();
        self.act(bench, dice, &facts);
        facts.clear();
        bench.reactor().accept_more(8, &mut facts);
        bench.reactor().flush(&mut facts);
        self.act(bench, dice, &facts);
    }

    fn act<B: Bench>(&mut self, bench: &mut B, dice: &mut Rng, facts: &[Fact]) {
        for &fact in facts {
            match fact {
                Fact::Readable(key) => self.readable(bench.reactor(), dice, key),
                Fact::Accepted { stream, .. } => {
                    self.accepted += 1;
                    if let Some(acceptor) = &self.tls {
                        bench.reactor().set_veil(stream, acceptor.begin()).expect("it is new");
                    }
                    assert!(self.open.insert(stream, false).is_none(), "keys are never reused");
                }
                Fact::AcceptPaused { listener, .. } => {
                    bench.reactor().rearm(listener).expect("it is open");
                }
                Fact::Flushed { key, pending, .. } if pending <= MUCH && self.open.contains_key(&key) => {
                    bench.reactor().resume(key).expect("it is open");
                }
                Fact::Broken { key, .. } => {
                    assert!(self.open.remove(&key).is_some(), "death is told once, to the owner");
                    self.dead += 1;
                    assert_eq!(bench.reactor().close(key), Ok(Closing::Done));
                }
                Fact::Closed { key, .. } => {
                    assert_eq!(self.open.remove(&key), Some(true), "only what was left draining");
                }
                _ => {}
            }
        }
    }

    fn readable<K: Kernel>(&mut self, reactor: &mut Reactor<K>, dice: &mut Rng, key: Key) {
        let mut buf = [0; 4096];
        let size = dice.cut(buf.len());
        match reactor.read(key, &mut buf[..size]) {
            Err(Errno::EBADF) => assert!(!self.open.contains_key(&key)),
            Err(_) => {
                assert!(self.open.remove(&key).is_some(), "death is told once, to the owner");
                self.dead += 1;
                assert_eq!(reactor.close(key), Ok(Closing::Done));
            }
            Ok(Read::Data { count, .. }) => {
                send_somehow(reactor, dice, key, &buf[..count]);
                if reactor.pending_out(key).expect("it is open") > MUCH {
                    reactor.pause(key).expect("it is open");
                }
            }
            Ok(Read::WouldBlock) => {}
            Ok(Read::Eof) => match reactor.close(key).expect("it is open") {
                Closing::Done => assert_eq!(self.open.remove(&key), Some(false)),
                Closing::Draining => assert_eq!(self.open.insert(key, true), Some(false)),
            },
        }
    }
}

/// Sends by each of the three ways.
pub fn send_somehow<K: Kernel>(reactor: &mut Reactor<K>, dice: &mut Rng, key: Key, bytes: &[u8]) {
    match dice.below(3) {
        0 => reactor.send(key, bytes),
        1 => reactor.send_vec(key, bytes.to_vec()),
        _ => reactor.out_buffer(key).map(|out| out.extend_from_slice(bytes)),
    }
    .expect("it is open");
}

/// Bytes that differ everywhere.
pub fn pattern(length: usize, seed: u64) -> Vec<u8> {
    let mut dice = Rng::new(seed);
    let mut bytes: Vec<u8> = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend(dice.draw().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
