//! TLS on a stream: an echo server whose clients are rustls's own, on the simulated network with all its faults, and what a
//! peer can do that does not shake hands.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;

use rustls::ClientConnection;
use rustls::pki_types::CertificateDer;

use super::super::sim::{Faults, Rng, SimNet, SimPeer};
use super::super::*;
use super::bench::*;
use crate::tls::Acceptor;
use crate::tls::tests::{client, identity};

/// One TLS client: what it says, and what it has heard.
struct Speaker {
    peer: SimPeer,
    tls: ClientConnection,
    said: Vec<u8>,
    at: usize,
    heard: Vec<u8>,
    ended: bool,
}

impl Speaker {
    fn new(net: &SimNet, addr: SocketAddr, trusted: CertificateDer<'static>, said: Vec<u8>) -> Speaker {
        let peer = net.connect(addr).expect("it listens");
        Speaker { peer, tls: client(trusted, "a.test"), said, at: 0, heard: Vec::new(), ended: false }
    }

    /// One random step; whether all is said and heard.
    fn step(&mut self, dice: &mut Rng) -> bool {
        if self.at < self.said.len() {
            let cut = dice.cut(20_000).min(self.said.len() - self.at);
            self.at += self.tls.writer().write(&self.said[self.at..self.at + cut]).expect("it is open");
        } else if !self.ended && !self.tls.is_handshaking() {
            self.ended = true;
            self.tls.send_close_notify();
        }
        let mut wire = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut wire).expect("a Vec takes all");
        }
        for piece in wire.chunks(dice.cut(3000).max(1)) {
            self.peer.send(piece).expect("it is connected");
        }
        self.peer.set_window([1, 100, 65536][dice.below(3)]);
        let bytes = self.peer.read(dice.cut(30_000));
        let mut bytes = &bytes[..];
        while !bytes.is_empty() {
            self.tls.read_tls(&mut bytes).expect("there is room");
            self.tls.process_new_packets().expect("an honest server");
            let mut buf = [0; 1 << 15];
            while let Ok(count @ 1..) = self.tls.reader().read(&mut buf) {
                self.heard.extend_from_slice(&buf[..count]);
            }
        }
        let over = self.peer.saw_end();
        if over {
            assert_eq!(self.tls.reader().read(&mut [0]).expect("an end in order"), 0, "close_notify came first");
        }
        over
    }
}

fn speaking_echo() -> (Echo, CertificateDer<'static>) {
    let (identity, trusted) = identity(&["a.test"]);
    (Echo { tls: Some(Acceptor::new([], Some(identity))), ..Echo::default() }, trusted)
}

fn run(seed: u64, faults: Faults) {
    let mut bench = SimBench::new(seed);
    let mut dice = bench.net.fork_dice();
    bench.net.faults(faults);
    let (listener, addr) = bench.listen();
    let (mut echo, trusted) = speaking_echo();
    let speak = |_| {
        let said = pattern([1, 50, 5000, 100_000][dice.below(4)], dice.draw());
        Speaker::new(&bench.net, addr, trusted.clone(), said)
    };
    let mut speakers: Vec<Speaker> = (0..4).map(speak).collect();
    for turn in 0.. {
        assert!(turn < 60_000, "SEED={seed}: {} clients wait for ever", speakers.len());
        speakers.retain_mut(|speaker| {
            let over = speaker.step(&mut dice);
            assert!(!over || speaker.heard == speaker.said, "SEED={seed}: bytes were lost or altered");
            !over
        });
        echo.turn(&mut bench, &mut dice);
        if speakers.is_empty() && echo.open.is_empty() {
            break;
        }
    }
    assert_eq!((echo.accepted, echo.dead), (4, 0), "SEED={seed}");
    assert_eq!(bench.reactor.close(listener), Ok(Closing::Done));
    assert_eq!((bench.reactor.stream_count(), bench.net.fds(0)), (0, 1), "SEED={seed}");
}

#[test]
fn no_byte_and_no_wake_up_is_lost_under_tls() {
    for seed in 0..30 {
        let spurious = if seed % 2 == 0 { 0 } else { 200 };
        run(seed, Faults { spurious, ..Faults::lossless() });
    }
}

/// Turns of the echo server until it has dealt with what this peer sent.
fn tell(bench: &mut SimBench, echo: &mut Echo, peer: &SimPeer, bytes: &[u8]) {
    let mut dice = bench.net.fork_dice();
    if !bytes.is_empty() {
        peer.send(bytes).expect("it is connected");
    }
    for _ in 0..20 {
        echo.turn(bench, &mut dice);
    }
}

#[test]
fn who_does_not_speak_tls_is_told_so_and_is_gone() {
    let mut bench = SimBench::new(1);
    let (_, addr) = bench.listen();
    let (mut echo, _) = speaking_echo();
    let peer = bench.net.connect(addr).expect("it listens");
    tell(&mut bench, &mut echo, &peer, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((echo.accepted, echo.dead, echo.open.len()), (1, 1, 0));
    assert_eq!(peer.read_all().first(), Some(&0x15), "an alert");
    assert!(peer.saw_end() || peer.saw_reset().is_some());
    assert_eq!(bench.reactor.stream_count(), 0);
}

#[test]
fn who_never_shakes_hands_costs_no_turns() {
    let mut bench = SimBench::new(1);
    let (_, addr) = bench.listen();
    let (mut echo, trusted) = speaking_echo();
    let peer = bench.net.connect(addr).expect("it listens");
    let mut hello = Vec::new();
    client(trusted, "a.test").write_tls(&mut hello).expect("a Vec takes all");
    tell(&mut bench, &mut echo, &peer, &hello[..hello.len() / 2]);
    let key = *echo.open.keys().next().expect("it was accepted");
    bench.reactor.send(key, b"too early").expect("it is open");
    tell(&mut bench, &mut echo, &peer, b"");
    assert!(peer.read_all().is_empty(), "nothing is said in the clear");
    let before = bench.net.idles();
    tell(&mut bench, &mut echo, &peer, b"");
    assert!(bench.net.idles() > before, "the loop sleeps");
    assert_eq!(bench.reactor.share(key).err(), Some(Errno::ENOTSUP));
    // Closing does not wait for what can never be said.
    assert_eq!(bench.reactor.close(key), Ok(Closing::Done));
    tell(&mut bench, &mut echo, &peer, b"");
    assert_eq!(bench.reactor.stream_count(), 0);
}

#[test]
fn a_stream_takes_one_veil() {
    let mut bench = SimBench::new(1);
    let (_, addr) = bench.listen();
    let (identity, _) = identity(&["a.test"]);
    let acceptor = Acceptor::new([], Some(identity));
    let _peer = bench.net.connect(addr).expect("it listens");
    let mut echo = Echo { tls: Some(acceptor.clone()), ..Echo::default() };
    let mut dice = bench.net.fork_dice();
    for _ in 0..5 {
        echo.turn(&mut bench, &mut dice);
    }
    let key = *echo.open.keys().next().expect("it was accepted");
    assert!(bench.reactor.veil(key).expect("it has one").is_handshaking());
    assert_eq!(bench.reactor.set_veil(key, acceptor.begin()), Err(Errno::EINVAL));
}
