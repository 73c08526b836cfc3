//! The two directions of a connection as two enums; every change of state goes through a consuming transition here.
//!
//! | receiving   | head: no body | head: length | head: chunked | head: until close | end of body | last chunk |
//! |-------------|---------------|--------------|---------------|-------------------|-------------|------------|
//! | `Head`      | `End`         | `Length`     | `Chunked`     | `UntilClose`      |             |            |
//! | `Length`    |               |              |               |                   | `End`       |            |
//! | `Chunked`   |               |              |               |                   |             | `Trailers` |
//! | `Trailers`  |               |              |               |                   | `Head`, `Closed` or `Deciding` |
//! | `End`       | gives `Item::End`, then as `Trailers` above |
//! | `Deciding`  | `Tunnel` when the upgrade is accepted, else `Head` or `Closed` |
//! | `UntilClose`, `Tunnel`, `Closed`, `Failed` | stay |
//!
//! An interim response leaves `Head` in `Head`; a 101, or a 2xx to CONNECT, leads from `Head` to `Tunnel`.
//! Any state goes to `Failed` on a fault and never leaves it (R11).
//!
//! | sending      | body bytes                | end                    |
//! |--------------|---------------------------|------------------------|
//! | `NoBody`     | dropped (R12)             | `Ended`                |
//! | `Length(n)`  | `Length(n - sent)`, excess dropped | `Ended`, closing if n > 0 |
//! | `Chunked`    | one chunk                 | last chunk, `Ended`    |
//! | `UntilClose` | as they are               | `Ended`, closing       |
//! | `Ended`      | fault                     | fault                  |
//!
//! It must not know bytes: the decoder and the encoder do.

use super::body::Chunks;
use super::error::Reason;
use super::framing::BodyKind;

/// Where the receiving direction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiving {
    /// Before or inside a head.
    Head,
    /// Inside a body of known length, with this many bytes to come; never 0.
    Length(u64),
    /// Inside a chunked body.
    Chunked(Chunks),
    /// Inside a body that ends with the stream.
    UntilClose,
    /// After the last chunk, before or inside the trailer section.
    Trailers,
    /// The body is over; its end has not been told yet.
    End,
    /// The message asked for an upgrade and nobody has answered: nothing is parsed (R13).
    Deciding,
    /// The bytes are another protocol's.
    Tunnel,
    /// The connection's last message is over.
    Closed,
    /// A fault was found.
    Failed(Reason),
}

/// What becomes of the receiving direction when the current message is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct After {
    /// The peer may send another message.
    pub keep_alive: bool,
    /// Whether it leaves HTTP.
    pub upgrade: Upgrade,
}

/// Where an upgrade stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    /// Not asked for, or refused.
    No,
    /// Asked for, not answered.
    Asked,
    /// Granted.
    Accepted,
}

impl Receiving {
    /// A complete head was read and its body is `kind`.
    pub fn head_read(self, kind: BodyKind) -> Receiving {
        debug_assert_eq!(self, Receiving::Head, "a head is read only where one is due");
        match kind {
            BodyKind::None | BodyKind::Length(0) => Receiving::End,
            BodyKind::Length(length) => Receiving::Length(length),
            BodyKind::Chunked => Receiving::Chunked(Chunks::default()),
            BodyKind::UntilClose => Receiving::UntilClose,
        }
    }

    /// `taken` bytes of a body of known length were read.
    pub fn body_read(self, taken: u64) -> Receiving {
        match self {
            Receiving::Length(left) if left > taken => Receiving::Length(left - taken),
            Receiving::Length(_) => Receiving::End,
            other => other,
        }
    }

    /// The message's end was told.
    pub fn message_ended(self, after: After) -> Receiving {
        match after {
            After { upgrade: Upgrade::Accepted, .. } => Receiving::Tunnel,
            After { upgrade: Upgrade::Asked, .. } => Receiving::Deciding,
            After { keep_alive: true, .. } => Receiving::Head,
            After { keep_alive: false, .. } => Receiving::Closed,
        }
    }

    /// The upgrade asked for was granted (a 101 or a 2xx to CONNECT is on its way out) or refused.
    pub fn decided(self, after: After) -> Receiving {
        match self {
            Receiving::Deciding => self.message_ended(after),
            other => other,
        }
    }

    /// A fault was found.
    pub fn failed(self, reason: Reason) -> Receiving {
        match self {
            Receiving::Failed(first) => Receiving::Failed(first),
            _ => Receiving::Failed(reason),
        }
    }
}

/// Where the sending direction stands within one message whose head is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// This message has no body on the wire.
    NoBody,
    /// So many bytes are still owed.
    Length(u64),
    /// Chunk after chunk.
    Chunked,
    /// Until the connection closes.
    UntilClose,
    /// The message is over.
    Ended,
}

impl Sending {
    /// `taken` bytes of body were written.
    pub fn body_sent(self, taken: u64) -> Sending {
        match self {
            Sending::Length(left) => Sending::Length(left.saturating_sub(taken)),
            other => other,
        }
    }

    /// Whether the message may end here with the connection's framing intact.
    pub fn is_whole(self) -> bool {
        !matches!(self, Sending::Length(1..) | Sending::UntilClose)
    }

    /// The message was ended.
    pub fn ended(self) -> Sending {
        Sending::Ended
    }
}
