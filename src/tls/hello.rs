//! The first words of a TLS client, heard without answering: for whoever is to choose who answers. It must not know who that
//! is, nor shake hands.
use rustls::server::Acceptor as Listening;
use std::fmt;

/// What has been heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// More must come.
    Part,
    /// The client asks for this name, or for none.
    Name(Option<String>),
    /// This is no TLS, or none that can be answered: what a client is told.
    Nonsense(Vec<u8>),
}

/// The beginning of one connection.
#[derive(Default)]
pub struct Hello(Listening);

impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hello")
    }
}

impl Hello {
    /// Takes in what came next.
    pub fn hear(&mut self, mut bytes: &[u8]) -> Heard {
        while !bytes.is_empty() {
            if self.0.read_tls(&mut bytes).is_err() {
                return Heard::Nonsense(Vec::new());
            }
            match self.0.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => {
                    return Heard::Name(accepted.client_hello().server_name().map(str::to_ascii_lowercase));
                }
                Err((_, mut alert)) => {
                    let mut told = Vec::new();
                    // A Vec takes all that it is given.
                    let _ = alert.write_all(&mut told);
                    return Heard::Nonsense(told);
                }
            }
        }
        Heard::Part
    }
}
