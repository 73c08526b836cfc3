//! What a proxy tells of a connection is forgotten with the connection, whatever becomes of it: the hall's books say whose each
//! tale is, after each turn. They must not know how it is told.
use super::calm::SECOND;
use super::hive::Hive;
use crate::reactor::sim::SimPeer;
use crate::runtime::{FrontKind, FrontPlan};
use std::net::SocketAddr;

/// A header of version 2: the client came to the proxy in TLS, and asked for `a.example`.
fn header() -> Vec<u8> {
    let name = b"a.example";
    let addresses = [10, 0, 0, 7, 10, 0, 0, 1, 200, 0, 1, 187];
    let rest = [&[2, 0, name.len() as u8], &name[..], &[0x20, 0, 5, 1, 0, 0, 0, 0]].concat();
    let length = (addresses.len() + rest.len()) as u16;
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &length.to_be_bytes()[..], &addresses, &rest].concat()
}

/// A connection by a proxied front, after its header.
fn visit(hive: &mut Hive, kind: FrontKind) -> SimPeer {
    visit_with(hive, kind, &header())
}

fn visit_with(hive: &mut Hive, kind: FrontKind, header: &[u8]) -> SimPeer {
    let at = SocketAddr::from(([127, 0, 0, 1], 81));
    hive.calm.hall.add_front(FrontPlan { at, kind, proxied: true }).expect("the address is free");
    let peer = hive.calm.net.connect(at).expect("the front listens");
    peer.send(header).expect("the connection is open");
    hive.calm.pass(SECOND);
    peer
}

#[test]
fn what_a_proxy_tells_of_a_stream_is_forgotten() {
    let mut hive = Hive::new("require('net').createServer((socket) => socket.end('hello')).listen(80)");
    let peer = visit(&mut hive, FrontKind::Only(0));
    assert_eq!(peer.read_all(), b"hello");
    assert_eq!(hive.calm.hall.tenants.tales.keys().count(), 0);
}

#[test]
fn what_a_proxy_tells_is_forgotten_when_a_guest_ends_with_connections_open() {
    let mut hive = Hive::new("serve((req, res) => { res.write('x'); setTimeout(() => process.exit(1), 3000) })");
    let peer = visit(&mut hive, FrontKind::Shared);
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
    hive.calm.pass(SECOND);
    assert_eq!(hive.calm.hall.tenants.tales.keys().count(), 1);
    hive.calm.pass(5 * SECOND);
    assert!(hive.view().guests.is_empty(), "{}", hive.log());
    assert_eq!(hive.calm.hall.tenants.tales.keys().count(), 0);
}

#[test]
fn headers_that_many_hold_together_are_bounded() {
    let mut hive = Hive::with("serve((req, res) => res.end('up'))", |_, limits| limits.visitor_bytes = 40);
    let half = &header()[..30];
    let first = visit_with(&mut hive, FrontKind::Shared, half);
    let at = SocketAddr::from(([127, 0, 0, 1], 81));
    let second = hive.calm.net.connect(at).expect("the front listens");
    second.send(half).expect("the connection is open");
    hive.pass(SECOND);
    assert!(second.saw_end() || second.saw_reset().is_some(), "both hold more than they may together");
    assert!(!first.saw_end() && first.saw_reset().is_none());
}
