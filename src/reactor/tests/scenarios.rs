//! What must hold on every kernel.

use super::super::*;
use super::bench::*;

/// Runs each scenario on the operating system, on the plain simulation, and on twenty faulty ones.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        mod on_os {
            use super::super::bench::OsBench;
            $(#[test] fn $name() { super::$name(&mut OsBench::new()); })*
        }
        mod simulated {
            use super::super::bench::SimBench;
            $(#[test] fn $name() { super::$name(&mut SimBench::new(1)); })*
        }
        mod with_faults {
            use super::super::super::sim::Faults;
            use super::super::bench::SimBench;
            $(#[test] fn $name() {
                for seed in 0..super::SEEDS {
                    println!("SEED={seed}");
                    let mut bench = SimBench::new(seed);
                    bench.net.faults(Faults::lossless());
                    super::$name(&mut bench);
                }
            })*
        }
    };
}

/// Seeds a scenario is run with.
const SEEDS: u64 = 20;

scenarios! {
    echo_of_much, many_connections, the_peer_half_closes, we_half_close, the_peer_resets,
    a_reset_is_told_to_a_paused_stream, we_reset, close_drains_first, draining_dies_with_the_peer,
    pausing_forgets_nothing, a_fin_is_told_to_a_paused_stream, connecting, connecting_to_nobody,
    accepting_within_a_budget, a_paused_listener_accepts_nothing, stale_keys, big_and_small_pieces,
    what_is_left_is_told_again, sending_after_the_end, an_empty_read_is_refused,
}

fn echo_of_much<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let mut dice = bench.dice();
    let (mut peer, sent) = (bench.dial(addr), pattern(bench.flood().min(1 << 20), 3));
    let (mut at, mut back, mut echo) = (0, Vec::new(), Echo::default());
    for _ in 0..TURNS {
        if at < sent.len() {
            let cut = dice.cut(9000).min(sent.len() - at);
            at += peer.send(&sent[at..at + cut]).expect("it lives");
            if at == sent.len() {
                peer.shutdown();
            }
        }
        echo.turn(bench, &mut dice);
        back.extend(peer.read());
        if echo.accepted > 0 && echo.open.is_empty() && peer.saw_end() {
            break;
        }
    }
    assert!(back == sent, "{} bytes came back", back.len());
    assert_eq!(bench.reactor().stream_count(), 0);
}

fn many_connections<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let mut dice = bench.dice();
    let mut echo = Echo::default();
    let mut peers = Vec::new();
    for number in 0..300 {
        let mut peer = bench.dial(addr);
        let text = format!("number {number}, ").repeat(1 + number % 5);
        assert_eq!(peer.send(text.as_bytes()), Some(text.len()));
        peers.push((peer, text, Vec::new()));
        // So that the queue of the listener is never full.
        if number % 64 == 0 {
            echo.turn(bench, &mut dice);
        }
    }
    for _ in 0..TURNS {
        echo.turn(bench, &mut dice);
        for (peer, text, back) in &mut peers {
            if back.len() < text.len() {
                back.extend(peer.read());
            }
        }
        if peers.iter().all(|(_, text, back)| back.len() == text.len()) {
            break;
        }
        // Those that were shed for want of descriptors come again.
        for (peer, text, back) in &mut peers {
            if back.is_empty() && peer.saw_reset() {
                *peer = bench.dial(addr);
                peer.send(text.as_bytes());
            }
        }
    }
    assert!(peers.iter().all(|(_, text, back)| text.as_bytes() == back));
    assert_eq!(bench.reactor().stream_count(), 300);
    drop(peers);
    for _ in 0..TURNS {
        if echo.open.is_empty() {
            break;
        }
        echo.turn(bench, &mut dice);
    }
    assert_eq!(bench.reactor().stream_count(), 0);
}

fn the_peer_half_closes<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let (key, mut peer) = bench.pair(addr);
    peer.send(b"question");
    peer.shutdown();
    assert_eq!(bench.read_to_end(key), (b"question".to_vec(), Ok(())));
    // Nothing is readable any more, whatever edges come.
    bench.reactor().send(key, b"answer").expect("our side is open");
    bench.until(|fact| match *fact {
        Fact::Flushed { pending: 0, .. } => Some(()),
        Fact::Readable(_) => panic!("{fact:?}"),
        _ => None,
    });
    bench.reactor().shutdown_write(key).expect("our side is open");
    bench.until(|fact| (*fact == Fact::Finished(key)).then_some(()));
    let mut back = Vec::new();
    for _ in 0..TURNS {
        back.extend(peer.read());
        if back == b"answer" && peer.saw_end() {
            break;
        }
    }
    assert_eq!(back, b"answer");
    assert_eq!(bench.reactor().close(key), Ok(Closing::Done));
}

fn we_half_close<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let (key, mut peer) = bench.pair(addr);
    bench.reactor().send(key, b"that is all").expect("it is open");
    bench.reactor().shutdown_write(key).expect("it is open");
    bench.until(|fact| (*fact == Fact::Finished(key)).then_some(()));
    let mut back = Vec::new();
    while !(back == b"that is all" && peer.saw_end()) {
        back.extend(peer.read());
    }
    peer.send(b"one more");
    peer.shutdown();
    assert_eq!(bench.read_to_end(key), (b"one more".to_vec(), Ok(())));
    assert_eq!(bench.reactor().close(key), Ok(Closing::Done));
}

fn the_peer_resets<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let (key, peer) = bench.pair(addr);
    peer.reset();
    bench.until(|fact| (*fact == Fact::Readable(key)).then_some(()));
    assert_eq!(bench.read_to_end(key).1, Err(Errno::ECONNRESET));
    assert_eq!(bench.reactor().send(key, b"x"), Err(Errno::EPIPE));
    assert_eq!(bench.reactor().close(key), Ok(Closing::Done));
}

fn a_reset_is_told_to_a_paused_stream<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let (key, peer) = bench.pair(addr);
    bench.reactor().pause(key).expect("it is open");
    peer.reset();
    let error = bench.until(|fact| match *fact {
        Fact::Broken { key: of, error } if of == key => Some(error),
        Fact::Readable(_) => panic!("it is paused"),
        _ => None,
    });
    assert_eq!(error, Errno::ECONNRESET);
    assert_eq!(bench.reactor().close(key), Ok(Closing::Done));
}

fn we_reset<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let (key, mut peer) = bench.pair(addr);
    bench.reactor().reset(key).expect("it is open");
    assert_eq!(bench.reactor().stream_count(), 0);
    for _ in 0..TURNS {
        if peer.saw_reset() {
            return;
        }
    }
    panic!("it was not reset");
}

fn close_drains_first<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let (key, mut peer) = bench.pair(addr);
    let bytes = pattern(bench.flood(), 5);
    bench.reactor().send_vec(key, bytes.clone()).expect("it is open");
    assert_eq!(bench.reactor().close(key), Ok(Closing::Draining));
    assert_eq!(bench.reactor().send(key, b"x"), Err(Errno::EPIPE));
    assert_eq!(bench.reactor().read(key, &mut [0]), Err(Errno::EBADF));
    assert_eq!(bench.reactor().close(key), Err(Errno::EBADF));
    let (mut back, mut closed) = (Vec::new(), false);
    for _ in 0..TURNS {
        if closed {
            break;
        }
        let mut facts = bench.turn();
        bench.reactor().flush(&mut facts);
        for fact in facts {
            assert_eq!(fact, Fact::Closed { key, error: None });
            closed = true;
        }
        back.extend(peer.read());
    }
    while !peer.saw_end_after(&mut back) {}
    assert!(back == bytes);
    assert_eq!(bench.reactor().pending_out(key), Err(Errno::EBADF));
}

trait ReadOn {
    fn saw_end_after(&mut self, into: &mut Vec<u8>) -> bool;
}

impl ReadOn for Box<dyn Peer> {
    fn saw_end_after(&mut self, into: &mut Vec<u8>) -> bool {
        into.extend(self.read());
        self.is_at_end()
    }
}

fn draining_dies_with_the_peer<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let (key, peer) = bench.pair(addr);
    let bytes = vec![1; bench.flood()];
    bench.reactor().send_vec(key, bytes).expect("it is open");
    assert_eq!(bench.reactor().close(key), Ok(Closing::Draining));
    let mut facts = Vec::new();
    bench.reactor().flush(&mut facts);
    peer.reset();
    let error = bench.until(|fact| match *fact {
        Fact::Closed { key: of, error } if of == key => Some(error),
        other => panic!("{other:?}"),
    });
    assert!(matches!(error, Some(Errno::ECONNRESET | Errno::EPIPE)), "{error:?}");
    assert_eq!(bench.reactor().stream_count(), 0);
}

fn pausing_forgets_nothing<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let (key, mut peer) = bench.pair(addr);
    let (other, mut friend) = bench.pair(addr);
    bench.reactor().pause(key).expect("it is open");
    peer.send(b"while you were out");
    // Whatever is told of the second stream, the first stays silent.
    for _ in 0..5 {
        friend.send(b"x");
        bench.until(|fact| match *fact {
            Fact::Readable(of) if of == key => panic!("it is paused"),
            Fact::Readable(of) => (of == other).then_some(()),
            _ => None,
        });
        let _ = bench.reactor().read(other, &mut [0; 100]);
    }
    bench.reactor().resume(key).expect("it is open");
    bench.reactor().resume(key).expect("twice is once");
    peer.shutdown();
    assert_eq!(bench.read_to_end(key).0, b"while you were out");
}

fn a_fin_is_told_to_a_paused_stream<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let (key, mut peer) = bench.pair(addr);
    bench.reactor().pause(key).expect("it is open");
    peer.send(b"last words");
    peer.shutdown();
    bench.until(|fact| (*fact == Fact::PeerClosed(key)).then_some(()));
    bench.reactor().send(key, b"go on").expect("our side is open");
    bench.until(|fact| match *fact {
        Fact::PeerClosed(_) => panic!("told twice"),
        Fact::Flushed { pending, .. } => (pending == 0).then_some(()),
        _ => None,
    });
    bench.reactor().resume(key).expect("it is open");
    assert_eq!(bench.read_to_end(key), (b"last words".to_vec(), Ok(())));
}

fn connecting<B: Bench>(bench: &mut B) {
    let (addr, mut accept) = bench.outside();
    let options = ConnectOptions { nodelay: true, local: None };
    let key = bench.reactor().connect_tcp(addr, &options).expect("it begins");
    assert!(matches!(bench.reactor().read(key, &mut [0]), Err(Errno::ENOTCONN)));
    bench.reactor().send(key, b"early").expect("it is kept");
    let result = bench.until(|fact| match *fact {
        Fact::Connected { key: of, result } if of == key => Some(result),
        _ => None,
    });
    assert_eq!(result, Ok(()));
    assert_eq!(bench.reactor().peer_addr(key), Ok(Addr::Ip(addr)));
    bench.reactor().shutdown_write(key).expect("it is open");
    let mut peer = accept().expect("it is connected");
    let mut back = Vec::new();
    for _ in 0..TURNS {
        let mut facts = Vec::new();
        bench.reactor().wait(Some(Duration::ZERO), &mut facts).expect("the kernel can wait");
        bench.reactor().flush(&mut facts);
        back.extend(peer.read());
        if back == b"early" && peer.saw_end() {
            break;
        }
    }
    assert_eq!(back, b"early");
    peer.send(b"late");
    drop(peer);
    assert_eq!(bench.read_to_end(key), (b"late".to_vec(), Ok(())));
}

fn connecting_to_nobody<B: Bench>(bench: &mut B) {
    let addr = bench.nowhere();
    let key = bench.reactor().connect_tcp(addr, &ConnectOptions::default()).expect("it begins");
    bench.reactor().send(key, b"early").expect("it is kept");
    let result = bench.until(|fact| match *fact {
        Fact::Connected { key: of, result } if of == key => Some(result),
        other => panic!("{other:?}"),
    });
    assert_eq!(result, Err(Errno::ECONNREFUSED));
    assert_eq!(bench.reactor().send(key, b"x"), Err(Errno::EPIPE));
    assert_eq!(bench.reactor().close(key), Ok(Closing::Done));
}

fn accepting_within_a_budget<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let _peers: Vec<_> = (0..50).map(|_| bench.dial(addr)).collect();
    let mut come = 0;
    for _ in 0..TURNS {
        bench.turn();
        let mut facts = Vec::new();
        bench.reactor().accept_more(7, &mut facts);
        let mut now = 0;
        for fact in facts {
            match fact {
                Fact::Accepted { .. } => now += 1,
                Fact::AcceptPaused { listener, shed, .. } => {
                    come += shed;
                    bench.reactor().rearm(listener).expect("it is open");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(now <= 7, "{now} at once");
        come += now;
        if come == 50 {
            return;
        }
    }
    panic!("{come} came");
}

fn a_paused_listener_accepts_nothing<B: Bench>(bench: &mut B) {
    let (first, first_addr) = bench.listen();
    let (_, second_addr) = bench.listen();
    bench.reactor().pause(first).expect("it is open");
    let _waiting = bench.dial(first_addr);
    let (_, _peer) = bench.pair(second_addr);
    assert_eq!(bench.reactor().stream_count(), 1);
    bench.reactor().resume(first).expect("it is open");
    let before = bench.reactor().stream_count();
    for _ in 0..TURNS {
        let mut facts = bench.turn();
        facts.clear();
        bench.reactor().accept_more(1, &mut facts);
        match facts.first() {
            Some(Fact::AcceptPaused { shed: 1, .. }) => return,
            Some(&Fact::AcceptPaused { listener, .. }) => {
                bench.reactor().rearm(listener).expect("it is open");
            }
            Some(Fact::Accepted { listener, .. }) => {
                assert_eq!(*listener, first);
                assert_eq!(bench.reactor().stream_count(), before + 1);
                return;
            }
            _ => {}
        }
    }
    panic!("it never came");
}

fn stale_keys<B: Bench>(bench: &mut B) {
    let (listener, addr) = bench.listen();
    let (old, _peer) = bench.pair(addr);
    assert_eq!(bench.reactor().close(old), Ok(Closing::Done));
    // The next one gets the same place.
    let (new, mut peer) = bench.pair(addr);
    assert_eq!(old.to_bits() as u32, new.to_bits() as u32);
    let reactor = bench.reactor();
    let forged = [old, listener, Key::from_bits(0), Key::from_bits(u64::MAX)];
    for key in forged {
        assert_eq!(reactor.read(key, &mut [0]), Err(Errno::EBADF));
        assert_eq!(reactor.send(key, b"x"), Err(Errno::EBADF));
        assert_eq!(reactor.send_vec(key, vec![1]), Err(Errno::EBADF));
        assert_eq!(reactor.out_buffer(key), Err(Errno::EBADF));
        assert_eq!(reactor.pending_out(key), Err(Errno::EBADF));
        assert_eq!(reactor.shutdown_write(key), Err(Errno::EBADF));
        assert_eq!(reactor.reset(key), Err(Errno::EBADF));
        assert_eq!(reactor.peer_addr(key), Err(Errno::EBADF));
        assert_eq!(reactor.set_nodelay(key, true), Err(Errno::EBADF));
    }
    for key in [old, new, Key::from_bits(0), Key::from_bits(u64::MAX)] {
        assert_eq!(reactor.rearm(key), Err(Errno::EBADF));
    }
    for key in [old, Key::from_bits(0), Key::from_bits(u64::MAX)] {
        assert_eq!(reactor.close(key), Err(Errno::EBADF));
        assert_eq!(reactor.pause(key), Err(Errno::EBADF));
        assert_eq!(reactor.resume(key), Err(Errno::EBADF));
        assert_eq!(reactor.local_addr(key), Err(Errno::EBADF));
    }
    peer.send(b"still here");
    peer.shutdown();
    assert_eq!(bench.read_to_end(new).0, b"still here");
}

fn big_and_small_pieces<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let mut dice = bench.dice();
    let (key, mut peer) = bench.pair(addr);
    let (mut sent, mut back) = (Vec::new(), Vec::new());
    for round in 0..30 {
        let length = [1, 100, 5000, 16 * 1024, 70_000, 200_000][dice.below(6)];
        let bytes = pattern(length, round);
        send_somehow(bench.reactor(), &mut dice, key, &bytes);
        sent.extend(bytes);
        if dice.below(3) == 0 {
            let mut facts = Vec::new();
            bench.reactor().flush(&mut facts);
        }
        if dice.below(5) == 0 {
            back.extend(peer.read());
        }
    }
    for _ in 0..TURNS {
        back.extend(peer.read());
        if back.len() == sent.len() {
            break;
        }
        let mut facts = Vec::new();
        bench.reactor().wait(Some(Duration::from_millis(1)), &mut facts).expect("it can wait");
        bench.reactor().flush(&mut facts);
    }
    assert!(back == sent);
    assert_eq!(bench.reactor().pending_out(key), Ok(0));
}

fn what_is_left_is_told_again<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let (key, mut peer) = bench.pair(addr);
    peer.send(b"abcdef");
    let mut read = Vec::new();
    while read.len() < 6 {
        bench.until(|fact| (*fact == Fact::Readable(key)).then_some(()));
        let mut byte = [0];
        match bench.reactor().read(key, &mut byte).expect("it lives") {
            Read::Data { count: 1, more } => {
                assert!(more, "a full buffer proves nothing");
                read.push(byte[0]);
            }
            Read::WouldBlock => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(read, b"abcdef");
}

fn sending_after_the_end<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let (key, _peer) = bench.pair(addr);
    bench.reactor().shutdown_write(key).expect("it is open");
    for _ in 0..2 {
        assert_eq!(bench.reactor().send(key, b"x"), Err(Errno::EPIPE));
        assert_eq!(bench.reactor().out_buffer(key), Err(Errno::EPIPE));
        assert_eq!(bench.reactor().shutdown_write(key), Err(Errno::EPIPE));
        bench.reactor().flush(&mut Vec::new());
    }
}

fn an_empty_read_is_refused<B: Bench>(bench: &mut B) {
    let (_, addr) = bench.listen();
    let (key, _peer) = bench.pair(addr);
    assert_eq!(bench.reactor().read(key, &mut []), Err(Errno::EINVAL));
}
