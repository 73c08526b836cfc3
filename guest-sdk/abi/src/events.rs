//! Events and the records in them, little endian, as they stand in the guest's inbox. It must not
//! know who writes or reads them.

// In the prelude since Rust 1.80; guests may be older.
use core::mem::size_of;

/// Stands at the start of the inbox when `skep_on_events` is called; events follow at once.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Events in the batch.
    pub count: u32,
    /// Bytes of the batch, this header included.
    pub size: u32,
    /// The turn's monotonic clock, ns.
    pub mono: u64,
    /// The turn's wall clock, ns since 1970.
    pub wall: u64,
}

/// Header of one event; `size - 24` bytes of payload and padding follow. Records are 8-aligned.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Bytes to the next event, this header and padding included.
    pub size: u32,
    /// One of the kinds below.
    pub kind: u16,
    /// Bits by kind.
    pub flags: u16,
    /// The handle it is about, or 0.
    pub handle: u64,
    /// Payload bytes without padding.
    pub len: u32,
    /// A number by kind: errno, port, byte count...
    pub value: u32,
}

/// Opens the payload of HTTP_REQUEST; then `field_count` [`Field`]s, `raw_len` bytes of the head as
/// it came (offsets point into these), `body_len` bytes of body.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The listener that accepted the connection.
    pub listener: u64,
    /// A number that is the same for all requests of one connection (not a handle; see `http_conn`).
    pub conn: u64,
    /// Index into the table METHODS.
    pub method: u8,
    /// HTTP/1.minor.
    pub minor: u8,
    /// Bits of `request`.
    pub flags: u16,
    /// Where the request target stands in the raw head.
    pub target: u32,
    /// Its length.
    pub target_len: u32,
    pub field_count: u32,
    pub raw_len: u32,
    pub body_len: u32,
}

/// One header field: where it stands in the raw bytes that follow the fields.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Field {
    pub name: u32,
    pub name_len: u16,
    /// Index + 1 into the table KNOWN_FIELDS, or 0.
    pub known: u16,
    pub value: u32,
    pub value_len: u32,
}

/// What `listen` and `listen_set` take. Times in milliseconds, 0 is never; sizes in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListenOptions {
    /// Bits of `listen`.
    pub flags: u32,
    pub headers_timeout: u32,
    pub request_timeout: u32,
    pub keep_alive_timeout: u32,
    pub keep_alive_buffer: u32,
    pub max_header_size: u32,
    pub max_headers: u32,
    pub max_requests: u32,
    /// `server.timeout`: without traffic; 0 is never.
    pub idle_timeout: u32,
    /// 0 is no limit but the policy's.
    pub max_connections: u32,
}

/// What `net_connect` takes; the text of our own address may follow it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Bits of `connect`.
    pub flags: u32,
    /// Our own port; 0 lets the system choose.
    pub local_port: u32,
}

/// What `fs_call` and `fs_queue` take; `path_len` bytes of a path and `other_len` of a second one follow it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileRequest {
    /// Handle of an open file or folder, or 0.
    pub file: u64,
    /// Numbers by operation.
    pub a: i64,
    pub b: i64,
    pub flags: u32,
    pub mode: u32,
    pub path_len: u32,
    pub other_len: u32,
}

/// What STAT, LSTAT and FSTAT answer.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileStat {
    pub dev: i64,
    pub mode: i64,
    pub nlink: i64,
    pub uid: i64,
    pub gid: i64,
    pub rdev: i64,
    pub blksize: i64,
    pub ino: i64,
    pub size: i64,
    pub blocks: i64,
    /// Last access, last modification, last change of state, birth: seconds and nanoseconds of each.
    pub times: [i64; 8],
}

/// What `child_start` takes; `stdio` records [`ChildStdio`] follow it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChildOptions {
    /// Bits of `child`.
    pub flags: u32,
    /// Arguments among the texts.
    pub args: u32,
    /// Variables among the texts.
    pub env: u32,
    /// How many descriptors it gets.
    pub stdio: u32,
    /// With flag SYNC: bytes kept of each output; 0 is none.
    pub max_buffer: u32,
    /// User and group that a program runs as; -1: as this process.
    pub uid: i32,
    pub gid: i32,
    pub unused: u32,
}

/// One descriptor of a child.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChildStdio {
    /// One of the constants `child_stdio`.
    pub kind: u32,
    /// INHERIT: which of this process's own, 0 to 2.
    pub number: u32,
    /// STREAM, FILE: what it gets.
    pub handle: u64,
}

/// What `child_status` answers.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChildStatus {
    /// One of the constants `child_state`.
    pub state: u32,
    /// 0 before it has started.
    pub pid: u32,
    /// Exit code; of a child that could not be started the errno.
    pub code: i32,
    /// The signal that ended it, or 0.
    pub signal: u32,
    /// One of the constants `reason`.
    pub reason: u32,
    /// 1: an output has become longer than max_buffer.
    pub overflow: u32,
}

/// Opens the payload of CHANNEL_MESSAGE; the message's bytes follow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// What came with it, or 0. A stream begins without credit; a listener rests until `listen_set` tells its options.
    pub handle: u64,
    /// One of the constants `attached`.
    pub kind: u32,
    pub unused: u32,
}

/// One line of the table of events.
#[derive(Debug)]
pub struct EventInfo {
    pub name: &'static str,
    pub kind: u16,
    pub doc: &'static str,
}

macro_rules! events {
    ($($name:ident = $kind:literal, $doc:literal;)*) => {
        $(#[doc = $doc] pub const $name: u16 = $kind;)*
        /// Every event, in order.
        pub static EVENTS: &[EventInfo] = &[$(EventInfo { name: stringify!($name), kind: $kind, doc: $doc }),*];
    };
}

events! {
    WARM = 1, "Warm-up, before the image is taken: payload is a module's name; handle is a blob with its text. An empty name ends the list: evaluate the library, then answer.";
    START = 2, "The guest comes to life: renew entropy (payload: 32 random bytes) and clocks, read start_info, run the script. Also sent to a clone; flags: see the constants `start`.";
    TIMER = 3, "The deadline of timer_arm has passed.";
    SOON = 4, "The pass of the loop that was asked for with wants::SOON.";
    SIGNAL = 5, "A watched signal; value is its number.";
    BEFORE_EXIT = 6, "Nothing is left to wait for: new work may be started.";
    EXIT = 7, "Last event: run exit handlers and call exit. value is the proposed code; flags 1: a signal or the operator asks.";
    LISTENING = 10, "A listener is open; value is the port; payload its address as text.";
    LISTEN_FAILED = 11, "value is the errno; the handle is gone.";
    LISTENER_CLOSED = 12, "The listener and all its connections are closed; the handle is gone.";
    ACCEPTED = 13, "A plain listener (value unused; payload u64: the listener) accepted a stream: handle.";
    STREAM_OPEN = 14, "net_connect has succeeded.";
    STREAM_DATA = 15, "Bytes; they use up credit. Of an HTTP connection: with option TEE, after what was parsed of them.";
    STREAM_END = 16, "The peer has sent FIN.";
    STREAM_DRAIN = 17, "The queue of a stream has become empty after a write answered more than 128 KiB or -EAGAIN.";
    STREAM_FINISHED = 18, "stream_shutdown has been carried out.";
    STREAM_TIMEOUT = 19, "No traffic for as long as option TIMEOUT says.";
    STREAM_CLOSED = 20, "The stream is gone, and its handle; value is an errno or 0; flags 1: it was our own address that could not be had.";
    HTTP_REQUEST = 30, "A request; handle is the exchange; payload opens with the record Request.";
    HTTP_BODY = 31, "Bytes of a request's body; they use up credit.";
    HTTP_END = 32, "The body is whole; payload: trailers as `Name: value` CRLF lines.";
    HTTP_DRAIN = 33, "The connection's queue has become empty after a write answered more than 128 KiB or -EAGAIN.";
    HTTP_DONE = 34, "Asked for by WATCH: the response is with the kernel; the exchange's handle is gone.";
    HTTP_ABORTED = 35, "The connection was lost before the exchange was over; value is an errno or 0; the handle is gone.";
    HTTP_CONNECTION = 36, "A new connection (flag WATCH_CONNECTIONS): handle is the connection; payload u64: the listener, u64: its number (Request.conn). Nothing is read from it before.";
    CLIENT_ERROR = 37, "A malformed or late request, told when the answers due before it are out. With the flag CLIENT_ERROR the connection has left HTTP and is the stream `handle`, to be answered and closed by the guest; its handle of the connection is gone without CONN_CLOSED. A guest without the flag that has a handle of the connection is told by that, with 65536 added to value: the host has answered. An attached connection is told by its handle, and CONN_CLOSED follows. value is the status that fits; payload u64 listener or 0, u64 connection number, u32 bytes parsed, u16 length of code, u16 length of message, code, message, then the raw packet.";
    CONN_CLOSED = 38, "A connection with a handle is closed; value is an errno or 0.";
    CONN_OUT = 39, "Bytes that an attached connection wants sent. CONN_CLOSED: close the stream after them.";
    CONN_TIMEOUT = 40, "No traffic on a connection for as long as option TIMEOUT says.";
    HTTP_RESPONSE = 41, "Client role: a head on the stream `handle`; payload as HTTP_REQUEST's, where `conn` is the status, `target` the reason phrase, `method` 255. Interim heads come so, too, each complete. With the flag UPGRADE the stream has left HTTP: its body is what came after the head, and STREAM_DATA follows.";
    HTTP_FAULT = 42, "Client role: what came on the stream is no response, or nobody asked; nothing more is read. Payload u32 bytes parsed, u16 length of code, u16 length of message, code, message, then the raw packet.";
    CONN_END = 46, "The peer of a connection with a handle has sent FIN.";
    UDP_BOUND = 60, "A UDP socket is open; value is the port; payload its address as text.";
    UDP_MESSAGE = 61, "A message; payload: u16 length of the sender's address, u16 its port, u32 0, the address as text, then the message.";
    UDP_SENT = 62, "What became of the oldest udp_send that was not told of: value is an errno or 0.";
    UDP_CONNECTED = 63, "udp_connect has been carried out: value is an errno or 0.";
    UDP_ERROR = 64, "Receiving or an option failed: value is an errno; flags 1: it was an option.";
    UDP_CLOSED = 65, "The socket is gone, and its handle; value is an errno or 0.";
    OP_DONE = 50, "An operation off the loop is over; its handle is gone. flags: see the constants `done`; value is an errno, or a number or byte count; payload: bytes, or u64 a handle, or the text of a refusal.";
    FS_CHANGED = 51, "A watched entry has changed; value: see the constants `changed`; payload: the name in a watched folder, or nothing. With flag FAILED value is an errno and the handle is gone.";
    CHILD_STARTED = 70, "A child runs; value is its process id.";
    CHILD_FAILED = 71, "A child could not be started: value is the errno; payload the text of a refusal, if it was one. Its handle is gone; its streams and its channel close by themselves.";
    CHILD_EXIT = 72, "A child has ended; value is its exit code, or with flags 1 the signal that ended it; payload u32: why, see the constants `reason`. Its handle is gone; its streams and its channel end by themselves.";
    CHANNEL_MESSAGE = 73, "A message, or a part of one; flags: see the constants `channel`; payload opens with the record Attached.";
    CHANNEL_DRAIN = 74, "The queue of a channel has become empty after channel_send answered more than 128 KiB or -EAGAIN.";
    CHANNEL_SENT = 75, "value more of the oldest calls of channel_send are with the kernel.";
    CALL = 80, "The program that this host is part of calls the guest; handle is the call, to be answered with `call_reply`. flags: one of the constants `callee`, and bits of `value`. value is the length of a name; payload: the name, padded to a multiple of 8, then the value.";
    HOST_REPLY = 81, "What came of a host_call, whose handle is gone; flags: see the constants `value`. With FAILED value is an errno or 0, and the payload a text.";
    CHANNEL_CLOSED = 76, "The channel is closed; value is an errno or 0; the handle is gone.";
}

const _: () = {
    assert!(size_of::<Batch>() == 24 && size_of::<Event>() == 24);
    assert!(size_of::<Request>() == 40 && size_of::<Field>() == 16);
    assert!(size_of::<ListenOptions>() == 40 && size_of::<ConnectOptions>() == 8);
    assert!(size_of::<FileRequest>() == 40 && size_of::<FileStat>() == 144);
    assert!(size_of::<ChildOptions>() == 32 && size_of::<ChildStdio>() == 16);
    assert!(size_of::<ChildStatus>() == 24 && size_of::<Attached>() == 16);
};
