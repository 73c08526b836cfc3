//! TLS for tests: certificates made on the spot, and a client that trusts these alone. It must not know what is served.
#![allow(dead_code, reason = "each test file uses its part")]
use super::support::{Client, DEADLINE, file};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

pub type Root = CertificateDer<'static>;
pub type Tls = Client<StreamOwned<ClientConnection, TcpStream>>;

/// A configuration that names what [`certify`] writes.
pub const OWN: &str = "certificate = 'cert.pem'\nkey = 'key.pem'\n";

/// Writes a certificate for this name and its key into a folder; answers what a client trusts.
pub fn certify(place: &Path, name: &str) -> Root {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a name");
    file(place, "cert.pem", &made.cert.pem());
    file(place, "key.pem", &made.signing_key.serialize_pem());
    made.cert.der().clone()
}

/// A client once it trusts who it speaks to.
pub fn connect(port: u16, roots: &[Root], name: &str) -> io::Result<Tls> {
    veil(Client::connect(port).stream, roots, name)
}

/// The same on a connection that has been used before.
pub fn veil(mut socket: TcpStream, roots: &[Root], name: &str) -> io::Result<Tls> {
    let mut store = RootCertStore::empty();
    roots.iter().for_each(|root| store.add(root.clone()).expect("a certificate"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("both");
    let config = Arc::new(builder.with_root_certificates(store).with_no_client_auth());
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    socket.set_read_timeout(Some(DEADLINE))?;
    let mut session = ClientConnection::new(config, name).expect("a client");
    while session.is_handshaking() {
        session.complete_io(&mut socket)?;
    }
    Ok(Client::over(StreamOwned::new(session, socket)))
}
