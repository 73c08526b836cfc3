//! A client of rustls's own against our sessions, in memory: whole, byte by byte, and with lies.
use super::*;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io::{Read as _, Write as _};
use std::sync::Arc;

/// A certificate for these names, signed by itself, with its key; and the certificate as a client wants it.
pub(crate) fn certificate(names: &[&str]) -> (Vec<u8>, Vec<u8>, CertificateDer<'static>) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).expect("the names are names");
    (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes(), made.cert.der().clone())
}

pub(crate) fn identity(names: &[&str]) -> (Identity, CertificateDer<'static>) {
    let (chain, key, der) = certificate(names);
    (Identity::from_pem(&chain, &key).expect("just made"), der)
}

/// A client that trusts this certificate only.
pub(crate) fn client(trusted: CertificateDer<'static>, name: &str) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("ring");
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::try_from(name.to_owned()).expect("a name")).expect("a client")
}

/// Moves bytes between the two, `step` at a time, until neither has any.
fn exchange(client: &mut ClientConnection, server: &mut Session, step: usize) -> std::io::Result<()> {
    loop {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire)?;
        }
        let quiet = wire.is_empty() && server.waiting().is_empty();
        for mut piece in wire.chunks(step) {
            while !piece.is_empty() {
                server.take_in(&mut piece)?;
            }
        }
        while !server.waiting().is_empty() {
            let count = server.waiting().len().min(step);
            let mut piece = &server.waiting()[..count];
            while !piece.is_empty() {
                client.read_tls(&mut piece)?;
                client.process_new_packets().map_err(std::io::Error::other)?;
            }
            server.advance(count);
        }
        if quiet {
            return Ok(());
        }
    }
}

fn pair(step: usize) -> (ClientConnection, Session) {
    let (identity, der) = identity(&["a.test"]);
    let mut server = Acceptor::new([("A.test".to_owned(), identity)], None).begin();
    let mut client = client(der, "a.test");
    exchange(&mut client, &mut server, step).expect("hands are shaken");
    assert!(!server.is_handshaking() && !client.is_handshaking());
    (client, server)
}

#[test]
fn hands_are_shaken_however_the_bytes_are_cut() {
    for step in [1, 2, 7, 1000, 1 << 20] {
        let (mut client, mut server) = pair(step);
        assert_eq!(server.server_name(), Some("a.test"));
        client.writer().write_all(b"question").expect("taken");
        exchange(&mut client, &mut server, step).expect("said");
        let mut buf = [0; 64];
        assert!(server.has_more());
        assert_eq!(server.read(&mut buf[..3]), Plain::Bytes(3));
        assert_eq!(server.read(&mut buf[3..]), Plain::Bytes(5));
        assert_eq!((server.read(&mut buf[8..]), server.has_more()), (Plain::Nothing, false));
        assert_eq!(&buf[..8], b"question");
        assert_eq!(server.seal(b"answer"), 6);
        exchange(&mut client, &mut server, step).expect("said");
        let mut answer = [0; 6];
        client.reader().read_exact(&mut answer).expect("there");
        assert_eq!(&answer, b"answer");
    }
}

#[test]
fn each_side_says_that_it_ends() {
    let (mut client, mut server) = pair(1 << 20);
    client.writer().write_all(b"last").expect("taken");
    client.send_close_notify();
    exchange(&mut client, &mut server, 1 << 20).expect("said");
    assert_eq!(
        (server.read(&mut [0; 8]), server.has_more()),
        (Plain::Bytes(4), true),
        "the end came with the last bytes"
    );
    assert_eq!(server.read(&mut [0; 8]), Plain::End);
    server.close();
    server.close();
    assert_eq!(server.seal(b"more"), 0, "nothing is said after the end");
    exchange(&mut client, &mut server, 100).expect("said");
    assert_eq!(client.reader().read(&mut [0; 8]).expect("an end in order"), 0);
}

#[test]
fn what_is_sealed_at_once_is_bounded() {
    let (mut client, mut server) = pair(1 << 20);
    let long = vec![b'x'; 1 << 20];
    let mut done = 0;
    while done < long.len() {
        let taken = server.seal(&long[done..]);
        assert!(taken > 0 && server.waiting().len() < 80 << 10, "{} sealed", server.waiting().len());
        done += taken;
        assert_eq!(server.seal(b"y"), 0, "it is full");
        while !server.waiting().is_empty() {
            let mut piece = &server.waiting()[..server.waiting().len().min(8192)];
            let count = client.read_tls(&mut piece).expect("taken");
            server.advance(count);
            client.process_new_packets().expect("records");
            let mut sink = [0; 1 << 15];
            while client.reader().read(&mut sink).is_ok_and(|count| count > 0) {}
        }
    }
}

#[test]
fn names_choose_the_certificate() {
    let (one, one_der) = identity(&["one.test"]);
    let (wild, wild_der) = identity(&["*.wild.test"]);
    let (other, other_der) = identity(&["other.test", "else.test"]);
    let named = [("one.test".to_owned(), one), ("*.wild.test".to_owned(), wild)];
    let cases = [
        (one_der.clone(), "one.test", true),
        (wild_der.clone(), "x.wild.test", true),
        (other_der, "else.test", true),
        (wild_der, "one.test", false),
        (one_der, "else.test", false),
    ];
    for (der, name, fits) in cases {
        let mut server = Acceptor::new(named.clone(), Some(other.clone())).begin();
        let mut client = client(der, name);
        assert_eq!(exchange(&mut client, &mut server, 1 << 20).is_ok(), fits, "{name}");
    }
    let mut server = Acceptor::new(named, None).begin();
    let (_, der) = identity(&["else.test"]);
    assert!(exchange(&mut client(der, "else.test"), &mut server, 1 << 20).is_err(), "nobody has this name");
}

#[test]
fn lies_end_the_connection_with_an_alert() {
    let (identity, _) = identity(&["a.test"]);
    let lies: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        &[0x16, 3, 1, 0xff, 0xff, 1],
        &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0],
        &[0x17, 3, 3, 0, 1, 0],
        &[0xff; 600],
    ];
    for lie in lies {
        let mut server = Acceptor::new([], Some(identity.clone())).begin();
        let mut bytes = lie;
        let mut failed = false;
        while !bytes.is_empty() && !failed {
            failed = server.take_in(&mut bytes).is_err();
        }
        if failed {
            assert_eq!(server.waiting()[0], 0x15, "an alert");
            assert!(server.take_in(&mut &b"more"[..]).is_err(), "it stays broken");
        }
        assert!(server.is_handshaking());
        assert_eq!(server.read(&mut [0; 8]), Plain::Nothing);
    }
}

#[test]
fn certificates_that_do_not_fit_are_named() {
    let (chain, key, _) = certificate(&["a.test"]);
    let (other, _, _) = certificate(&["a.test"]);
    assert_eq!(Identity::from_pem(&other, &key).err(), Some(Bad::Pair));
    assert!(matches!(Identity::from_pem(b"", &key), Err(Bad::Certificate(_))));
    assert!(matches!(Identity::from_pem(&key, &key), Err(Bad::Certificate(_))));
    assert!(matches!(Identity::from_pem(&chain, b"nothing"), Err(Bad::Key(_))));
    assert!(matches!(Identity::from_pem(&chain, &chain), Err(Bad::Key(_))));
    let broken = String::from_utf8_lossy(&chain).replace("MI", "!!").into_bytes();
    assert!(matches!(Identity::from_pem(&broken, &key), Err(Bad::Certificate(_))));
}
