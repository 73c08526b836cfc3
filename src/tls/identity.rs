//! What a server shows: a certificate and its key for each name, and what it takes from clients. It must not know where
//! the bytes of a certificate come from.
use super::Session;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// What is wrong with a certificate or a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bad {
    /// No certificate, or one that cannot be read.
    Certificate(String),
    /// No private key (PKCS#8, PKCS#1 or SEC1), or one that cannot be used.
    Key(String),
    /// The key is not the certificate's.
    Pair,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bad::Certificate(why) => write!(f, "the certificate cannot be used: {why}"),
            Bad::Key(why) => write!(f, "the private key cannot be used: {why}"),
            Bad::Pair => write!(f, "the private key is not that of the certificate"),
        }
    }
}

impl std::error::Error for Bad {}

/// A chain of certificates with the key of its first. Two are equal when their chains are.
#[derive(Clone)]
pub struct Identity {
    key: Arc<CertifiedKey>,
    pem: Arc<(String, String)>,
}

impl PartialEq for Identity {
    fn eq(&self, other: &Identity) -> bool {
        self.key.cert == other.key.cert
    }
}

impl Eq for Identity {}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({} certificates)", self.key.cert.len())
    }
}

impl Identity {
    /// From PEM: the chain, the server's own certificate first, and a key, which may stand in the same text.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Identity, Bad> {
        let pem = [chain, key].map(|text| String::from_utf8_lossy(text).into_owned());
        let read = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
        let chain = read.map_err(|error| Bad::Certificate(error.to_string()))?;
        if chain.is_empty() {
            return Err(Bad::Certificate("there is none in the file".into()));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| Bad::Key(error.to_string()))?;
        let pair = CertifiedKey::from_der(chain, key, &ring::default_provider());
        pair.map(|pair| Identity { key: Arc::new(pair), pem: Arc::new(pem.into()) }).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => Bad::Pair,
            rustls::Error::InvalidCertificate(_) => Bad::Certificate(error.to_string()),
            _ => Bad::Key(error.to_string()),
        })
    }
}

impl Identity {
    /// As it was read: for another process that is to show it.
    pub fn pem(&self) -> (String, String) {
        (*self.pem).clone()
    }
}

/// Takes TLS connections (1.2 and 1.3; HTTP/1.1 is what is spoken in them).
#[derive(Clone, Debug)]
pub struct Acceptor(Arc<ServerConfig>);

impl Acceptor {
    /// Shows each client the identity of the name that it asks for, `*.` standing for one label; else `otherwise`, and
    /// without one the handshake fails.
    pub fn new(named: impl IntoIterator<Item = (String, Identity)>, otherwise: Option<Identity>) -> Acceptor {
        let named = named.into_iter().map(|(name, identity)| (name.to_ascii_lowercase(), identity.key)).collect();
        let names = Arc::new(Names { named, otherwise: otherwise.map(|identity| identity.key) });
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("ring has suites for both versions");
        let mut config = builder.with_no_client_auth().with_cert_resolver(names);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Tickets keep nothing here for those who never come back. Without entropy there are none: each shakes hands anew.
        if let Ok(ticketer) = ring::Ticketer::new() {
            config.ticketer = ticketer;
        }
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        Acceptor(Arc::new(config))
    }

    /// One connection, before its first byte.
    pub fn begin(&self) -> Session {
        let server =
            ServerConnection::new(self.0.clone()).expect("the configuration has all that a connection asks of it");
        Session::new(server.into())
    }
}

#[derive(Debug)]
struct Names {
    named: HashMap<String, Arc<CertifiedKey>>,
    otherwise: Option<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let found = hello.server_name().and_then(|name| self.find(&name.to_ascii_lowercase()));
        found.or(self.otherwise.as_ref()).cloned()
    }
}

impl Names {
    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let wild = || self.named.get(&format!("*.{}", name.split_once('.')?.1));
        self.named.get(name).or_else(wild)
    }
}
