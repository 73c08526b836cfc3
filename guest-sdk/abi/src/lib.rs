//! The boundary between the Skep host and its guests: every call a guest may make, every event it
//! may be sent, and the records both sides read. This crate is the one source: the host's linker,
//! the Rust externs, `guest-sdk/include/skep.h`, `docs/abi.md` and the fuzz dictionary all come
//! from it, and `tests/abi.rs` fails when a printed file is stale.
//!
//! It must not know: std, any dependency, how either side is implemented.
//!
//! Rules that hold for every call:
//! * parameters are `i32` or `i64`; a buffer is a `(ptr, len)` pair in the guest's linear memory;
//! * a result below zero is `-errno` (numbers of [`errno`]); zero or more is the answer;
//! * a handle is a positive `i64` that names one resource of this guest and is never used twice;
//! * no call does I/O (but those of the group `fs`, which is the written exception): it checks, it
//!   copies what it was given, and it queues a command. What comes of it arrives as an event.
#![no_std]
#![forbid(unsafe_code)]

pub mod calls;
pub mod errno;
pub mod events;
pub mod file_op;
pub mod names;
pub mod print;

pub use calls::{Call, Type, CALLS};
pub use events::{
    Attached, Batch, ChildOptions, ChildStatus, ChildStdio, ConnectOptions, Event, EventInfo, Field, FileRequest,
    FileStat, ListenOptions, Request, EVENTS,
};
pub use file_op::{FileOp, FILE_OPS};

/// Version of the whole boundary; a guest built for another one is refused at load. What raises it stands in docs/abi.md.
pub const VERSION: u32 = 2;

/// Bytes waiting on a connection, stream or channel: a write that answers more is followed by a DRAIN event.
pub const DRAIN_ABOVE: u32 = 128 << 10;

/// Wasm module name under which every call is imported.
pub const MODULE: &str = "skep";

/// Exports that the host looks up in a guest.
pub mod exports {
    /// `() -> i32`: the [`VERSION`](crate::VERSION) that the guest was built for.
    pub const ABI: &str = "skep_abi";
    /// `(len: i32) -> i32`: takes a batch of `len` bytes out of the inbox; answers with [`wants`](crate::wants) bits.
    pub const ON_EVENTS: &str = "skep_on_events";
    /// `()`: constructors of a reactor module, called once before anything else. Optional.
    pub const INITIALIZE: &str = "_initialize";
    /// Linear memory.
    pub const MEMORY: &str = "memory";
}

/// Bits of START's flags.
pub mod start {
    /// The guest is a clone: its heap remembers what is another's. The start record is its own.
    pub const CLONED: u16 = 1;
    /// A clone whose start record is the one that its heap has read, and that has no child or channel to forget: only
    /// entropy and clocks are new.
    pub const SAME: u16 = 1 << 1;
}

/// Bits of the answer of `skep_on_events`.
pub mod wants {
    /// Something (an immediate) is to run in the next pass of the loop: do not sleep.
    pub const SOON: u32 = 1;
    /// The inbox held a batch that the guest could not take; the host ends the guest.
    pub const BROKEN: u32 = 2;
}

/// Bits of `http_respond`'s `flags`.
pub mod respond {
    /// The body given is all of it: this call ends the response.
    pub const END: u32 = 1;
    /// No explicit writeHead came before the end: Content-Length may be derived from the body given.
    pub const IMPLICIT: u32 = 1 << 1;
    /// `res.sendDate = false`.
    pub const NO_DATE: u32 = 1 << 2;
    /// `res.shouldKeepAlive = false`.
    pub const CLOSE: u32 = 1 << 3;
    /// `res.useChunkedEncodingByDefault = false`.
    pub const NO_CHUNKED: u32 = 1 << 4;
    /// The script called `removeHeader('connection')`.
    pub const REMOVED_CONNECTION: u32 = 1 << 5;
    /// The script called `removeHeader('content-length')`.
    pub const REMOVED_CONTENT_LENGTH: u32 = 1 << 6;
    /// The script called `removeHeader('transfer-encoding')`.
    pub const REMOVED_TRANSFER_ENCODING: u32 = 1 << 7;
    /// The field block opens with a reason phrase of its own, ended by CRLF.
    pub const REASON: u32 = 1 << 8;
    /// The script wants HTTP_DONE when the last byte has been handed to the kernel.
    pub const WATCH: u32 = 1 << 9;
    /// `strictContentLength`: a body that differs from Content-Length is `-EMSGSIZE`.
    pub const STRICT_LENGTH: u32 = 1 << 10;
}

/// Bits of `http_write`'s `flags`.
pub mod write {
    /// This chunk ends the message.
    pub const END: u32 = 1;
    /// As [`respond::WATCH`](crate::respond::WATCH).
    pub const WATCH: u32 = 1 << 9;
}

/// Bits of [`Request::flags`](events::Request) and of HTTP events' `flags`.
pub mod request {
    /// The connection may carry another request after this one.
    pub const KEEP_ALIVE: u16 = 1;
    /// A body follows or is inlined (Content-Length above 0 or chunked).
    pub const HAS_BODY: u16 = 1 << 1;
    /// The message is whole: no HTTP_BODY and no HTTP_END follow.
    pub const COMPLETE: u16 = 1 << 2;
    /// The client asks to upgrade, or the method is CONNECT.
    pub const UPGRADE: u16 = 1 << 3;
    /// `Expect: 100-continue`.
    pub const EXPECT_CONTINUE: u16 = 1 << 4;
    /// Another Expect value.
    pub const EXPECT_OTHER: u16 = 1 << 5;
    /// The body is chunked.
    pub const CHUNKED: u16 = 1 << 6;
    /// `maxRequestsPerSocket` is passed: the script should see 'dropRequest' and a 503 go out.
    pub const OVER_LIMIT: u16 = 1 << 7;
}

/// Bits of CLIENT_ERROR's value, above the status.
pub mod client_error {
    /// The host has answered; the event's handle is that of the connection, which goes.
    pub const ANSWERED: u32 = 1 << 16;
}

/// Bits of [`ListenOptions::flags`](events::ListenOptions).
pub mod listen {
    /// An HTTP server; without it a plain stream listener.
    pub const HTTP: u32 = 1;
    /// `requireHostHeader`.
    pub const REQUIRE_HOST: u32 = 1 << 1;
    /// The script listens for 'connection': send HTTP_CONNECTION.
    pub const WATCH_CONNECTIONS: u32 = 1 << 2;
    /// The script listens for 'upgrade': without it an Upgrade request is an ordinary one.
    pub const UPGRADE: u32 = 1 << 3;
    /// The script listens for 'connect': without it CONNECT closes the connection.
    pub const CONNECT: u32 = 1 << 4;
    /// The script listens for 'clientError': without it the host answers 4xx itself.
    pub const CLIENT_ERROR: u32 = 1 << 5;
    /// The script listens for 'checkContinue': without it the host sends 100 itself.
    pub const CHECK_CONTINUE: u32 = 1 << 6;
    /// `ipv6Only`.
    pub const IPV6_ONLY: u32 = 1 << 7;
    /// `noDelay` on accepted streams.
    pub const NO_DELAY: u32 = 1 << 8;
    /// `keepAlive` (TCP) on accepted streams.
    pub const TCP_KEEP_ALIVE: u32 = 1 << 9;
    /// `allowHalfOpen` on accepted plain streams. On HTTP connections: the answers due to a peer that has sent FIN may
    /// come at any time; without it the connection ends when the guest has been told of its requests.
    pub const HALF_OPEN: u32 = 1 << 10;
    /// A request that asks to leave HTTP and has no body of its own carries what has come after its head where the
    /// body would stand; the stream of `http_upgrade` begins after that.
    pub const UPGRADE_HEAD: u32 = 1 << 11;
    /// `pauseOnConnect`: accepted streams are not read before the guest gives credit; they start with none.
    pub const PAUSED: u32 = 1 << 12;
    /// `http_attach` in the client role: responses are fed.
    pub const CLIENT: u32 = 1 << 13;
    /// A connection that has a handle and has idled for `keep_alive_timeout` is told of (CONN_TIMEOUT), not closed.
    pub const TELL_IDLE: u32 = 1 << 14;
    /// It listens and accepts nothing before `listen_set` is called without this flag.
    pub const REST: u32 = 1 << 15;
}

/// Bits of [`ConnectOptions::flags`](events::ConnectOptions).
pub mod connect {
    /// TCP_NODELAY from the start.
    pub const NO_DELAY: u32 = 1;
    /// The stream starts without credit.
    pub const PAUSED: u32 = 1 << 1;
}

/// What the response that `http_expect` announces answers: it decides whether there is a body.
pub mod expect {
    /// Any request but those below.
    pub const OTHER: u32 = 0;
    /// A HEAD request.
    pub const HEAD: u32 = 1;
    /// A CONNECT request: a 2xx leaves HTTP.
    pub const CONNECT: u32 = 2;
    /// A request that offers an upgrade: a 101 leaves HTTP.
    pub const UPGRADE: u32 = 3;
}

/// Flags of `udp_bind`, and what `udp_option` can set.
pub mod udp {
    /// A flag of `udp_bind`: `ipv6Only`.
    pub const IPV6_ONLY: u32 = 1;
    /// A flag of `udp_bind`: others may have the same address.
    pub const REUSE_ADDRESS: u32 = 1 << 1;
    /// An option: value 0 or 1.
    pub const BROADCAST: u32 = 1;
    /// An option: 1 to 255.
    pub const TTL: u32 = 2;
    /// An option: 0 to 255.
    pub const MULTICAST_TTL: u32 = 3;
    /// An option: value 0 or 1.
    pub const MULTICAST_LOOP: u32 = 4;
    /// An option: bytes of the kernel's buffer.
    pub const RECV_BUFFER: u32 = 5;
    /// An option: bytes of the kernel's buffer.
    pub const SEND_BUFFER: u32 = 6;
    /// An option: value 0 or 1, whether messages are read.
    pub const RECEIVE: u32 = 7;
}

/// What `stream_option` can set.
pub mod option {
    /// value 0 or 1.
    pub const NO_DELAY: u32 = 1;
    /// value: seconds before the first probe, or -1 for off.
    pub const KEEP_ALIVE: u32 = 2;
    /// value: milliseconds without traffic until STREAM_TIMEOUT, 0 for never.
    pub const TIMEOUT: u32 = 3;
    /// HTTP connections only; value 1: nothing is read, 0: reading goes on.
    pub const PAUSE: u32 = 4;
    /// HTTP connections only; value 1: what is read and parsed is told as STREAM_DATA as well (no credit is used).
    pub const TEE: u32 = 5;
}

/// Clocks of the call `clock`.
pub mod clock {
    /// Nanoseconds, monotonic, from an origin of the host's choice.
    pub const MONOTONIC: u32 = 0;
    /// Nanoseconds since 1970-01-01 UTC.
    pub const WALL: u32 = 1;
    /// CPU nanoseconds that this guest has used.
    pub const CPU: u32 = 2;
}

/// Bits of FS_CHANGED's `value`, and its one flag.
pub mod changed {
    /// Something came, went or got another name.
    pub const RENAMED: u32 = 1;
    /// Contents or attributes changed.
    pub const CHANGED: u32 = 1 << 1;
    /// A flag: it cannot be watched.
    pub const FAILED: u16 = 1;
}

/// Bits of OP_DONE's `flags`.
pub mod done {
    /// It failed: value is the errno; the payload is the text of a refusal, if it was one.
    pub const FAILED: u16 = 1;
    /// The payload is a blob's handle: what came of it is too long for an event. value is its length.
    pub const BLOB: u16 = 1 << 1;
    /// The payload is the handle of what was opened.
    pub const HANDLE: u16 = 1 << 2;
}

/// Bits of [`ChildOptions::flags`](events::ChildOptions).
pub mod child {
    /// Another guest of this very program; without it a program that was granted by name.
    pub const GUEST: u32 = 1;
    /// A guest with a channel.
    pub const CHANNEL: u32 = 1 << 1;
    /// In a session of its own.
    pub const DETACHED: u32 = 1 << 2;
    /// The environment is this guest's own, as it was granted at its start.
    pub const CLONE_ENV: u32 = 1 << 3;
    /// For `child_wait`: no event is sent of it, its handle lives until `close`, and what it writes into PIPEs is kept
    /// for `child_output`.
    pub const SYNC: u32 = 1 << 4;
}

/// What a descriptor of a child is: [`ChildStdio::kind`](events::ChildStdio).
pub mod child_stdio {
    /// `/dev/null`.
    pub const IGNORE: u32 = 0;
    /// A descriptor of this process.
    pub const INHERIT: u32 = 1;
    /// One end of a pair; the other is the stream of `child_stdio`.
    pub const PIPE: u32 = 2;
    /// A stream of this guest.
    pub const STREAM: u32 = 3;
    /// An open file of this guest.
    pub const FILE: u32 = 4;
    /// Where Node's channel would stand: nothing is there.
    pub const CHANNEL: u32 = 5;
}

/// How far a child's life has come: [`ChildStatus::state`](events::ChildStatus).
pub mod child_state {
    pub const STARTING: u32 = 0;
    pub const RUNNING: u32 = 1;
    pub const ENDED: u32 = 2;
    /// It could not be started.
    pub const FAILED: u32 = 3;
}

/// Why a child has ended.
pub mod reason {
    /// It is not a guest, or did not say.
    pub const UNKNOWN: u32 = 0;
    /// It called exit, or had nothing left to do.
    pub const EXIT: u32 = 1;
    /// A signal.
    pub const SIGNAL: u32 = 2;
    /// Its code did what Wasm forbids.
    pub const TRAP: u32 = 3;
    /// It used more CPU than it may.
    pub const DEADLINE: u32 = 4;
    /// Memory.
    pub const MEMORY: u32 = 5;
    /// It, or its parent, broke the channel's protocol.
    pub const PROTOCOL: u32 = 6;
    /// The process that started it is gone.
    pub const PARENT_GONE: u32 = 7;
}

/// What CALL asks for, in the low bits of its flags.
pub mod callee {
    /// The bits of a CALL's flags that hold one of these.
    pub const MASK: u16 = 3;
    /// A function that the program exports; the name is its.
    pub const FUNCTION: u16 = 0;
    /// The value is a script's text: it is run, and what it comes to is the answer. The name says where it is from.
    pub const SCRIPT: u16 = 1;
    /// The value is a module's text: it is evaluated, and what it exports can be called from then on.
    pub const MODULE: u16 = 2;
    /// The name is a file's path: it is loaded as a module, if it may be read.
    pub const FILE: u16 = 3;
}

/// What the value of a CALL, a `call_reply`, a `host_call` or a HOST_REPLY is: bits of their flags.
pub mod value {
    /// Plain bytes; without it JSON, as UTF-8.
    pub const BYTES: u16 = 1 << 2;
    /// It failed. Of a `call_reply` the value is JSON `{name, message, stack}`; of a HOST_REPLY a text.
    pub const FAILED: u16 = 1 << 3;
    /// Of the events: a blob's handle stands for the value, which is too long for an event.
    pub const BLOB: u16 = 1 << 4;
}

/// Flags of `channel_send` and CHANNEL_MESSAGE.
pub mod channel {
    /// From library to library: never a script's message, whatever it contains.
    pub const INTERNAL: u32 = 1;
    /// More of this message follows.
    pub const MORE: u32 = 1 << 1;
    /// Of `channel_send`: what is attached stays usable here.
    pub const KEEP: u32 = 1 << 2;
}

/// What came with a message: [`Attached::kind`](events::Attached).
pub mod attached {
    pub const NOTHING: u32 = 0;
    pub const STREAM: u32 = 1;
    pub const LISTENER: u32 = 2;
    pub const DATAGRAM: u32 = 3;
}
