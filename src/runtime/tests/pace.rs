//! Peers that are slow on purpose, on the virtual clock: a body that trickles in, a response that is sipped. Those above
//! the least rates of `policy/limits.rs` are served to the end, those below are cut off, and not before their grace is
//! over. They must not know how the hall measures.
use super::calm::{Calm, SECOND};
use super::sim::plain;
use crate::guest::{Entropy, GuestState, Surroundings};
use crate::policy::{Grants, HttpLimits, Limits};
use crate::reactor::sim::SimPeer;
use skep_abi::listen;
use std::net::SocketAddr;
use std::time::Duration;

const PORT: u16 = 8001;

/// Nothing waits longer than this, seconds.
const FOREVER: u64 = 3600;

/// The start record of `guest.wat`: the port, then ListenOptions without any timeout, so that rates alone decide.
pub(super) fn start_info(port: u16) -> Vec<u8> {
    let mut numbers = [0; 11];
    (numbers[0], numbers[1]) = (u32::from(port), listen::HTTP | listen::REQUIRE_HOST);
    numbers.iter().flat_map(|number: &u32| number.to_le_bytes()).collect()
}

impl Calm {
    /// With one server.
    fn serving() -> Calm {
        let mut calm = Calm::new(0);
        let limits = Limits { slice: Duration::from_secs(3600), ..Limits::default() };
        let outside = Box::new(Surroundings(calm.clock.clone(), Entropy::seeded(&[0; 32])));
        let state = GuestState::new(Grants::default(), limits, outside, start_info(PORT));
        calm.hall.seat(plain().spawn(state).expect("a guest can be spawned"));
        calm.pass(SECOND);
        calm
    }

    fn send(&self, request: &str) -> SimPeer {
        let peer = self.net.connect(SocketAddr::from(([127, 0, 0, 1], PORT))).expect("somebody listens");
        peer.send(request.as_bytes()).expect("the connection is open");
        peer
    }

    /// Seconds until the hall is done with this peer, which does `each` once a second.
    fn seconds_until_gone(&mut self, peer: &SimPeer, mut each: impl FnMut(&SimPeer)) -> u64 {
        for second in 0..FOREVER {
            if peer.saw_end() || peer.saw_reset().is_some() {
                return second;
            }
            each(peer);
            self.pass(SECOND);
        }
        panic!("the peer is served for ever");
    }
}

fn limits() -> HttpLimits {
    Limits::default().http
}

fn grace_seconds() -> u64 {
    u64::from(limits().rate_grace_ms) / 1000
}

#[test]
fn a_body_that_trickles_is_refused_after_its_grace() {
    let mut calm = Calm::serving();
    let trickle = vec![b'x'; limits().min_body_bytes_per_second as usize / 2];
    let peer = calm.send("POST /d1.600000.1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    let mut answer = Vec::new();
    let seconds = calm.seconds_until_gone(&peer, |peer| {
        let _refused = peer.send(&trickle);
        answer.extend(peer.read_all());
    });
    answer.extend(peer.read_all());
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
    let grace = grace_seconds();
    assert!((grace..=3 * grace).contains(&seconds), "cut off after {seconds} s; the grace is {grace} s");
}

#[test]
fn a_body_that_keeps_up_the_least_rate_is_read_to_its_end() {
    let mut calm = Calm::serving();
    let piece = vec![b'x'; limits().min_body_bytes_per_second as usize + 10];
    let pieces = 100;
    let length = piece.len() * pieces;
    let peer = calm.send(&format!("POST /e0.0.1 HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"));
    let mut answer = Vec::new();
    for _ in 0..pieces {
        peer.send(&piece).expect("the connection is open");
        calm.pass(SECOND);
        answer.extend(peer.read_all());
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer[..answer.len().min(300)]));
    assert!(answer.ends_with(b"0\r\n\r\n"), "the echo is whole");
    assert!(answer.len() > length);
}

#[test]
fn a_reader_that_sips_is_cut_off_after_its_grace() {
    let mut calm = Calm::serving();
    let sip = limits().min_drain_bytes_per_second as usize / 4;
    let peer = calm.send("GET /l400000.0.1 HTTP/1.1\r\nHost: a\r\n\r\n");
    peer.set_window(4096);
    let mut taken = 0;
    let seconds = calm.seconds_until_gone(&peer, |peer| taken += peer.read(sip).len());
    assert!(taken < 100_000, "{taken} bytes were taken");
    let grace = grace_seconds();
    assert!((grace..=3 * grace).contains(&seconds), "cut off after {seconds} s; the grace is {grace} s");
}

#[test]
fn a_reader_that_keeps_up_the_least_rate_gets_all_of_it() {
    let mut calm = Calm::serving();
    let gulp = limits().min_drain_bytes_per_second as usize * 3 / 2;
    let peer = calm.send("GET /l400000.0.1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    peer.set_window(4096);
    let mut taken = 0;
    calm.seconds_until_gone(&peer, |peer| taken += peer.read(gulp).len());
    assert!(taken > 400_000, "only {taken} bytes came");
    assert_eq!(peer.saw_reset(), None);
}
