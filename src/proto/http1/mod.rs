//! HTTP/1.1, sans-IO, for both roles (RFC 9110, RFC 9112), as strict as section 2 of the security cases asks
//! and otherwise as Node behaves.
//!
//! Receiving: [`Decoder::decode`] takes bytes and gives one [`Item`] at a time; the caller loops.
//! Sending: the `encode_*` functions append to a `Vec<u8>` and give a [`ResponseFraming`] to carry on with.
//!
//! *Invariant:* one place (`framing`) decides where a message ends, from the same fields the script is shown.
//! It must not know sockets, time, or what a guest is; limits come in as arguments.

mod body;
mod date;
mod decode;
mod encode;
mod encode_body;
mod encode_fields;
mod error;
mod framing;
mod head;
mod headers;
mod limits;
mod method;
mod scan;
mod state;
mod status;
mod target;

pub use date::{imf_fixdate, rfc3339};
pub use decode::{Decoder, EofKind, Item, ResponseTo, Role, Scratch, Step};
pub use encode::{
    Removed, RequestHead, ResponseHead, encode_error_response, encode_informational, encode_request_head,
    encode_response, encode_response_head,
};
pub use encode_body::{Accepted, ResponseFraming, Sent, chunk_head, encode_body, encode_end};
pub use error::{EncodeFault, Reason};
pub use framing::{BodyKind, Expect};
pub use head::{Head, Span, StartLine, Trailers};
pub use headers::{Field, HeaderId, is_token, is_trailer_allowed};
pub use limits::Limits;
pub use method::Method;
pub use status::default_reason;

#[cfg(test)]
mod tests;
