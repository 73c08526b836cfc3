//! TLS: from the wire's bytes to what is said in them, and back. It is rustls's; here stand what a server shows (an
//! [`Identity`] for each name) and the life of one connection ([`Session`]).
//!
//! It must not know sockets, readiness, HTTP, guests or the time: bytes come in and go out, and who moves them is the
//! reactor's business. Whose name leads where is not known here either.

mod hello;
mod identity;
mod session;

pub use hello::{Heard, Hello};
pub use identity::{Acceptor, Bad, Identity};
pub use session::{Plain, Session};

#[cfg(test)]
pub(crate) mod tests;
