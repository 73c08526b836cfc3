//! The table of calls. It must not know who prints it or who registers it: both walk [`CALLS`] or
//! hand [`for_each_call`](crate::for_each_call) a macro of their own.

/// What a parameter or a result is; all travel as `i32` or `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Plain 32-bit number.
    I32,
    /// Plain 64-bit number.
    I64,
    /// Address in the guest's memory (`i32`).
    Ptr,
    /// Byte count that belongs to the pointer before it (`i32`).
    Len,
    /// Handle (`i64`).
    Handle,
}

/// One line of the table.
#[derive(Debug)]
pub struct Call {
    /// Import name.
    pub name: &'static str,
    /// Parameters in order.
    pub params: &'static [(&'static str, Type)],
    /// Result: below zero is `-errno`.
    pub result: Type,
    /// What it does, what it answers, which event follows.
    pub doc: &'static str,
}

/// Hands the whole table to the macro `$mac`: `name(param: Type, ...) -> Type, "doc";` a line.
#[macro_export]
macro_rules! for_each_call {
    ($mac:ident) => {
        $mac! {
            inbox(ptr: Ptr, len: Len) -> I32, "Tells the host where events go: once, at start; 4 KiB to 16 MiB, 8-aligned.";
            clock(which: I32) -> I64, "The time now; see the constants `clock`. Answers at once.";
            random(ptr: Ptr, len: Len) -> I32, "Fills at most 64 KiB with random bytes. Answers at once.";
            log(fd: I32, ptr: Ptr, len: Len) -> I32, "Queues bytes for standard output (1) or error (2); at most 64 KiB a call. -EAGAIN when the guest's log budget is used up.";
            exit(code: I32) -> I32, "Ends the guest with this exit code; does not return.";
            why(ptr: Ptr, len: Len) -> I32, "Copies the text of the last refusal (what was denied, which flag grants it); answers its length.";
            start_info(ptr: Ptr, len: Len) -> I32, "Copies the guest's start record (JSON: argv, env, cwd, pid...), answers its whole length; call with len 0 to ask for it.";
            env_ask(name: Ptr, len: Len) -> I32, "Asks about one environment variable that the start record does not hold: 0 when the host has none of that name, -EACCES (see `why`) when it has one that was not granted. Answers at once.";
            blob_len(blob: Handle) -> I64, "Length of a blob in bytes. Answers at once.";
            blob_read(blob: Handle, offset: I64, ptr: Ptr, len: Len) -> I32, "Copies bytes of a blob, answers how many. Answers at once.";
            settle() -> I32, "Has all that was asked for so far carried out before it answers (0): the guest yields as at the end of a slice. After it `address` knows what `listen` got.";
            close(handle: Handle) -> I32, "Lets go of a handle: a blob is freed, a listener stops accepting, a stream is destroyed.";
            handle_ref(handle: Handle, on: I32) -> I32, "Whether this handle keeps the loop alive (it does from the start).";
            timer_arm(deadline: I64, keep: I32) -> I32, "The guest's one timer: monotonic nanoseconds, or -1 for none; `keep` tells whether it keeps the loop alive. TIMER follows, never early.";
            signal_watch(signal: I32, on: I32) -> I32, "SIGNAL events instead of the default action.";
            fs_call(op: I32, request: Ptr, request_len: Len, data: Ptr, data_len: Len) -> I64, "Does a file operation at once; see the table of file operations. request is a FileRequest record and the path or paths after it; data is what WRITE writes, or where READ and answers of bytes go (data_len 0: they become a blob). Answers a number, a byte count or a handle.";
            fs_queue(op: I32, request: Ptr, request_len: Len, data: Ptr, data_len: Len) -> I64, "The same off the loop, answers the operation's handle; OP_DONE follows. READ's length is the request's b. -EAGAIN when too many operations are under way: one that ends makes room.";
            fs_watch(path: Ptr, len: Len) -> I64, "Watches a file or folder; FS_CHANGED tells of each change until the handle is closed. -ENOSYS where the system tells nothing.";
            listen(host: Ptr, host_len: Len, port: I32, backlog: I32, options: Ptr, options_len: Len) -> I64, "Opens a listener (port -1: host is a UNIX socket path); options are a ListenOptions record. LISTENING or LISTEN_FAILED follows.";
            listen_set(listener: Handle, options: Ptr, options_len: Len) -> I32, "Changes limits and flags of a listener; new connections and requests see them.";
            connections(listener: Handle) -> I32, "How many connections the listener has open. Answers at once.";
            http_close_idle(listener: Handle) -> I32, "Closes connections that wait for a request.";
            http_close_all(listener: Handle) -> I32, "Closes every connection of the listener.";
            http_attach(listener: Handle, options: Ptr, options_len: Len) -> I64, "An HTTP connection over a stream the guest has itself: feed it with http_feed, CONN_OUT brings bytes to send. listener may be 0. With the flag CLIENT it reads responses, and sends nothing.";
            http_feed(conn: Handle, ptr: Ptr, len: Len) -> I32, "Bytes that arrived on an attached stream, or before http_client on one of the host's; len 0 is its end.";
            http_client(stream: Handle, options: Ptr, options_len: Len) -> I32, "Reads responses from a stream (client role; of the ListenOptions, max_header_size and max_headers count): HTTP_RESPONSE, HTTP_BODY, HTTP_END and HTTP_FAULT about its handle take the place of STREAM_DATA. -EALREADY when it does so already.";
            http_expect(stream: Handle, kind: I32) -> I32, "Client role: a request goes out, and this is how its response will be read (constants `expect`). Before the response it may be said again; -EBUSY inside one.";
            http_respond(exchange: Handle, status: I32, flags: I32, fields: Ptr, fields_len: Len, body: Ptr, body_len: Len) -> I32, "Status line, fields (`Name: value` CRLF lines) and the first or only part of the body. Answers the bytes that wait to be sent.";
            http_write(exchange: Handle, flags: I32, ptr: Ptr, len: Len) -> I32, "More of the body. Answers the bytes that wait to be sent; -EAGAIN when the connection's cap is reached: nothing was taken, HTTP_DRAIN follows.";
            http_end(exchange: Handle, flags: I32, trailers: Ptr, trailers_len: Len) -> I32, "Ends the message, with trailers if it is chunked.";
            http_inform(exchange: Handle, status: I32, fields: Ptr, fields_len: Len) -> I32, "An informational response: 100, 102 or 103.";
            http_watch(exchange: Handle) -> I32, "Asks for HTTP_DONE late; -EBADF when the exchange is over already.";
            http_upgrade(exchange: Handle) -> I64, "Takes the connection from HTTP (after 'upgrade' or CONNECT): a stream handle; bytes that came after the head, and were not part of its event, arrive as STREAM_DATA. While earlier responses of the connection are due, what is written waits for them.";
            http_conn(exchange: Handle) -> I64, "The connection's handle, made on first use (an attached connection has its own): good for addresses, options, close, and the calls stream_*, which act on the socket beneath HTTP. CONN_CLOSED follows at its end.";
            credit(handle: Handle, bytes: I32) -> I32, "The guest can take this many more bytes of a request body or stream; each starts with 64 KiB. Nothing is read beyond it.";
            net_connect(host: Ptr, host_len: Len, port: I32, options: Ptr, options_len: Len) -> I64, "Opens a stream to a numeric address (port -1: UNIX path); options are a ConnectOptions record, then our own address as text if it matters. STREAM_OPEN or STREAM_CLOSED follows.";
            udp_bind(host: Ptr, host_len: Len, port: I32, flags: I32) -> I64, "Opens a UDP socket with a numeric address; flags: see the constants `udp`. UDP_BOUND or UDP_CLOSED follows.";
            udp_connect(socket: Handle, host: Ptr, host_len: Len, port: I32) -> I32, "Has a UDP socket send to and hear from this address only; an empty host takes that back. UDP_CONNECTED follows.";
            udp_send(socket: Handle, host: Ptr, host_len: Len, port: I32, ptr: Ptr, len: Len) -> I32, "Sends one message to a numeric address (an empty host: to where it is connected). Answers the bytes that wait; -EAGAIN at the cap. UDP_SENT follows, in order.";
            udp_option(socket: Handle, option: I32, value: I64) -> I32, "See the constants `udp`.";
            udp_member(socket: Handle, group: Ptr, group_len: Len, interface: Ptr, interface_len: Len, join: I32) -> I32, "Joins a multicast group (a numeric address) on an interface (an IPv4 address, an IPv6 interface's number, or nothing), or leaves it.";
            name_lookup(host: Ptr, host_len: Len, family: I32, hints: I32) -> I64, "Asks the system's resolver for a name's addresses, off the loop; family 0, 4 or 6, hints as Node's dns. OP_DONE brings a line `family address` for each. Needs a grant for some address.";
            name_of(host: Ptr, host_len: Len, port: I32) -> I64, "Asks the system's resolver for the names of a numeric address and a port, off the loop. OP_DONE brings two lines.";
            stream_write(stream: Handle, ptr: Ptr, len: Len) -> I32, "Queues bytes (on an HTTP connection: after what has been sent of its responses so far). Answers the bytes that wait to be sent; -EAGAIN at the cap, STREAM_DRAIN follows.";
            stream_shutdown(stream: Handle) -> I32, "Sends FIN after what is queued; STREAM_FINISHED follows. An HTTP connection ends with that.";
            stream_reset(stream: Handle) -> I32, "Closes with RST.";
            stream_option(stream: Handle, option: I32, value: I64) -> I32, "See the constants `option`; a connection's handle will do too.";
            traffic(conn: Handle, side: I32) -> I64, "Bytes that an HTTP connection's socket has sent (side 0) or received (1) so far. Answers at once.";
            child_start(options: Ptr, options_len: Len, texts: Ptr, texts_len: Len) -> I64, "Starts a process: another guest, or a program that was granted by name. options are a ChildOptions record and its ChildStdio records; texts are strings, each a u32 length and its bytes: the program (of a guest: JSON {mode: file|eval|print|stdin, main, source, inputType, execArgv, info}; info is given to its start record as it is), argv[0], the folder it begins in (empty: this guest's), the arguments, then the environment as `NAME=value`. Answers a handle; CHILD_STARTED or CHILD_FAILED follows.";
            child_stdio(child: Handle, index: I32) -> I64, "The stream of an entry of kind PIPE, from the start; it begins without credit. -ENOENT when the entry is of another kind.";
            child_channel(child: Handle) -> I64, "The channel to a child that was started with one, from the start. -ENOENT when it has none.";
            child_pid(child: Handle) -> I64, "Its process id, or -errno of what kept it from starting; -EAGAIN before that is known: `settle` waits for it. Of a child that could not be started the handle is good until CHILD_FAILED has been told.";
            child_kill(child: Handle, signal: I32) -> I32, "Sends it a signal; 0 only asks whether it lives. -ESRCH when it has ended.";
            child_wait(child: Handle, milliseconds: I64) -> I32, "Answers 0 after the child has ended, or an output has become longer than max_buffer (told once), or the time is over (-1: never): the guest is held meanwhile, and events wait. Of a child with flag SYNC also its outputs are waited for, unless it was killed by `child_kill`.";
            child_status(child: Handle, ptr: Ptr, len: Len) -> I32, "Copies its ChildStatus. Answers at once.";
            child_output(child: Handle, index: I32) -> I64, "A blob of what a child with flag SYNC has written into an entry of kind PIPE so far; each call gives what the calls before have not, as far as there is room for a blob: -EAGAIN, and all of it stays, when there is none. -ENOENT when the entry is of another kind.";
            process_kill(pid: I32, signal: I32) -> I32, "Sends a signal to a child of this guest (others need the grant of all programs: -ESRCH). For itself the guest calls `signal_raise`.";
            signal_raise(signal: I32) -> I32, "Does to this guest's own process what the signal does, unless it is watched: SIGNAL then follows.";
            parent_channel() -> I64, "The channel to the process that started this one with a channel. -ENOENT when there is none, or it is closed. The handle does not keep the loop alive before `handle_ref` says so.";
            channel_send(channel: Handle, flags: I32, ptr: Ptr, len: Len, attach: Handle) -> I32, "Queues a message, at most 1 MiB a call: a longer one comes in parts, all but the last with flag MORE; see the constants `channel`. attach: 0, or what travels with its last part: a stream, an HTTP connection (which leaves HTTP), a listener, a UDP socket. Without KEEP it is gone here: STREAM_CLOSED, CONN_CLOSED, LISTENER_CLOSED or UDP_CLOSED follows when it has been sent. Answers the bytes that wait; -EAGAIN at the cap: nothing was taken, CHANNEL_DRAIN follows.";
            listener_share(listener: Handle, channel: Handle, id: I32) -> I32, "Hands the listener's connections to the child at the other end of a channel as well, under this number, in turn with the others that share it. From the first sharing on it gives none to this guest.";
            listener_unshare(listener: Handle, channel: Handle) -> I32, "Takes that back. What was handed over and not begun goes to the others.";
            listen_shared(id: I32, options: Ptr, options_len: Len) -> I64, "A listener that is fed with the connections which the parent shares under this number. Whether there is such a listener only the parent knows. Closing it gives back what was not begun.";
            clone() -> I64, "A new process that goes on from this guest's image as it stands when the turn ends: answers a Child handle with a channel. The clone is sent START with flag CLONED.";
            call_reply(call: Handle, flags: I32, ptr: Ptr, len: Len) -> I32, "Answers a CALL; its handle is gone. flags: BYTES and FAILED of the constants `value`. -EAGAIN when this turn has asked for too much: nothing was taken.";
            host_call(name: Ptr, name_len: Len, flags: I32, ptr: Ptr, len: Len) -> I64, "Calls a function of the program that this host is part of, with one value; flags: BYTES of the constants `value`. Needs a grant of that name. HOST_REPLY follows, about the handle that is answered; `close` says that nobody waits any more. -EAGAIN when too many operations are under way.";
            address(handle: Handle, side: I32, ptr: Ptr, len: Len) -> I32, "Writes `family port address` as text (side 0 local, 1 peer); answers its length. Side 2, of HTTP connections that came in TLS: the name that was asked for, maybe none; -EBADF of others. Answers at once.";
        }
    };
}

macro_rules! table {
    ($($name:ident($($param:ident: $ty:ident),*) -> $result:ident, $doc:literal;)*) => {
        /// Every call, in order.
        pub static CALLS: &[Call] = &[$(Call {
            name: stringify!($name),
            params: &[$((stringify!($param), Type::$ty)),*],
            result: Type::$result,
            doc: $doc,
        }),*];
    };
}
for_each_call!(table);
