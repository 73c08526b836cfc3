/* The Skep boundary for guests in C. Printed from guest-sdk/abi by tests/abi.rs: do not edit. */
#ifndef SKEP_H
#define SKEP_H
#include <stdint.h>

#define SKEP_ABI_VERSION 2
typedef int64_t skep_handle;

typedef struct { uint32_t count, size; uint64_t mono, wall; } skep_batch;
typedef struct { uint32_t size; uint16_t kind, flags; uint64_t handle; uint32_t len, value; } skep_event;
typedef struct {
  uint64_t listener, conn;
  uint8_t method, minor;
  uint16_t flags;
  uint32_t target, target_len, field_count, raw_len, body_len;
} skep_request;
typedef struct { uint32_t name; uint16_t name_len, known; uint32_t value, value_len; } skep_field;
typedef struct {
  uint32_t flags, headers_timeout, request_timeout, keep_alive_timeout, keep_alive_buffer,
      max_header_size, max_headers, max_requests, idle_timeout, max_connections;
} skep_listen_options;
typedef struct { uint32_t flags, local_port; } skep_connect_options;
typedef struct {
  uint64_t file;
  int64_t a, b;
  uint32_t flags, mode, path_len, other_len;
} skep_file_request;
typedef struct {
  int64_t dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks, times[8];
} skep_file_stat;
typedef struct {
  uint32_t flags, args, env, stdio, max_buffer;
  int32_t uid, gid;
  uint32_t unused;
} skep_child_options;
typedef struct { uint32_t kind, number; uint64_t handle; } skep_child_entry;
typedef struct { uint32_t state, pid; int32_t code; uint32_t signal, reason, overflow; } skep_child_state;
typedef struct { uint64_t handle; uint32_t kind, unused; } skep_attached;
_Static_assert(sizeof(skep_batch) == 24 && sizeof(skep_event) == 24, "records");
_Static_assert(sizeof(skep_request) == 40 && sizeof(skep_field) == 16, "records");
_Static_assert(sizeof(skep_listen_options) == 40 && sizeof(skep_file_request) == 40 && sizeof(skep_file_stat) == 144, "records");

/* A write that answers more waiting bytes is followed by a DRAIN event. */
#define SKEP_DRAIN_ABOVE 131072
#define SKEP_WANTS_SOON 1
#define SKEP_WANTS_BROKEN 2
#define SKEP_START_CLONED 1
#define SKEP_START_SAME 2
#define SKEP_RESPOND_END 1
#define SKEP_RESPOND_IMPLICIT 2
#define SKEP_RESPOND_NO_DATE 4
#define SKEP_RESPOND_CLOSE 8
#define SKEP_RESPOND_NO_CHUNKED 16
#define SKEP_RESPOND_REMOVED_CONNECTION 32
#define SKEP_RESPOND_REMOVED_CONTENT_LENGTH 64
#define SKEP_RESPOND_REMOVED_TRANSFER_ENCODING 128
#define SKEP_RESPOND_REASON 256
#define SKEP_RESPOND_WATCH 512
#define SKEP_RESPOND_STRICT_LENGTH 1024
#define SKEP_WRITE_END 1
#define SKEP_WRITE_WATCH 512
#define SKEP_REQUEST_KEEP_ALIVE 1
#define SKEP_REQUEST_HAS_BODY 2
#define SKEP_REQUEST_COMPLETE 4
#define SKEP_REQUEST_UPGRADE 8
#define SKEP_REQUEST_EXPECT_CONTINUE 16
#define SKEP_REQUEST_EXPECT_OTHER 32
#define SKEP_REQUEST_CHUNKED 64
#define SKEP_REQUEST_OVER_LIMIT 128
#define SKEP_CLIENT_ERROR_ANSWERED 65536
#define SKEP_LISTEN_HTTP 1
#define SKEP_LISTEN_REQUIRE_HOST 2
#define SKEP_LISTEN_WATCH_CONNECTIONS 4
#define SKEP_LISTEN_UPGRADE 8
#define SKEP_LISTEN_CONNECT 16
#define SKEP_LISTEN_CLIENT_ERROR 32
#define SKEP_LISTEN_CHECK_CONTINUE 64
#define SKEP_LISTEN_IPV6_ONLY 128
#define SKEP_LISTEN_NO_DELAY 256
#define SKEP_LISTEN_TCP_KEEP_ALIVE 512
#define SKEP_LISTEN_HALF_OPEN 1024
#define SKEP_LISTEN_UPGRADE_HEAD 2048
#define SKEP_LISTEN_PAUSED 4096
#define SKEP_LISTEN_CLIENT 8192
#define SKEP_LISTEN_TELL_IDLE 16384
#define SKEP_LISTEN_REST 32768
#define SKEP_EXPECT_OTHER 0
#define SKEP_EXPECT_HEAD 1
#define SKEP_EXPECT_CONNECT 2
#define SKEP_EXPECT_UPGRADE 3
#define SKEP_CONNECT_NO_DELAY 1
#define SKEP_CONNECT_PAUSED 2
#define SKEP_UDP_IPV6_ONLY 1
#define SKEP_UDP_REUSE_ADDRESS 2
#define SKEP_UDP_BROADCAST 1
#define SKEP_UDP_TTL 2
#define SKEP_UDP_MULTICAST_TTL 3
#define SKEP_UDP_MULTICAST_LOOP 4
#define SKEP_UDP_RECV_BUFFER 5
#define SKEP_UDP_SEND_BUFFER 6
#define SKEP_UDP_RECEIVE 7
#define SKEP_OPTION_NO_DELAY 1
#define SKEP_OPTION_KEEP_ALIVE 2
#define SKEP_OPTION_TIMEOUT 3
#define SKEP_OPTION_PAUSE 4
#define SKEP_OPTION_TEE 5
#define SKEP_CLOCK_MONOTONIC 0
#define SKEP_CLOCK_WALL 1
#define SKEP_CLOCK_CPU 2
#define SKEP_CHANGED_RENAMED 1
#define SKEP_CHANGED_CHANGED 2
#define SKEP_CHANGED_FAILED 1
#define SKEP_DONE_FAILED 1
#define SKEP_DONE_BLOB 2
#define SKEP_DONE_HANDLE 4
#define SKEP_CHILD_GUEST 1
#define SKEP_CHILD_CHANNEL 2
#define SKEP_CHILD_DETACHED 4
#define SKEP_CHILD_CLONE_ENV 8
#define SKEP_CHILD_SYNC 16
#define SKEP_STDIO_IGNORE 0
#define SKEP_STDIO_INHERIT 1
#define SKEP_STDIO_PIPE 2
#define SKEP_STDIO_STREAM 3
#define SKEP_STDIO_FILE 4
#define SKEP_STDIO_CHANNEL 5
#define SKEP_STATE_STARTING 0
#define SKEP_STATE_RUNNING 1
#define SKEP_STATE_ENDED 2
#define SKEP_STATE_FAILED 3
#define SKEP_REASON_UNKNOWN 0
#define SKEP_REASON_EXIT 1
#define SKEP_REASON_SIGNAL 2
#define SKEP_REASON_TRAP 3
#define SKEP_REASON_DEADLINE 4
#define SKEP_REASON_MEMORY 5
#define SKEP_REASON_PROTOCOL 6
#define SKEP_REASON_PARENT_GONE 7
#define SKEP_CHANNEL_INTERNAL 1
#define SKEP_CHANNEL_MORE 2
#define SKEP_CHANNEL_KEEP 4
#define SKEP_ATTACHED_NOTHING 0
#define SKEP_ATTACHED_STREAM 1
#define SKEP_ATTACHED_LISTENER 2
#define SKEP_ATTACHED_DATAGRAM 3
#define SKEP_CALLEE_MASK 3
#define SKEP_CALLEE_FUNCTION 0
#define SKEP_CALLEE_SCRIPT 1
#define SKEP_CALLEE_MODULE 2
#define SKEP_CALLEE_FILE 3
#define SKEP_VALUE_BYTES 4
#define SKEP_VALUE_FAILED 8
#define SKEP_VALUE_BLOB 16
#define SKEP_FS_RECURSIVE 1
#define SKEP_FS_COPY_EXCL 1
#define SKEP_FS_COPY_CLONE 2
#define SKEP_FS_COPY_CLONE_ONLY 4

/* Events. */
#define SKEP_EV_WARM 1 /* Warm-up, before the image is taken: payload is a module's name; handle is a blob with its text. An empty name ends the list: evaluate the library, then answer. */
#define SKEP_EV_START 2 /* The guest comes to life: renew entropy (payload: 32 random bytes) and clocks, read start_info, run the script. Also sent to a clone; flags: see the constants `start`. */
#define SKEP_EV_TIMER 3 /* The deadline of timer_arm has passed. */
#define SKEP_EV_SOON 4 /* The pass of the loop that was asked for with wants::SOON. */
#define SKEP_EV_SIGNAL 5 /* A watched signal; value is its number. */
#define SKEP_EV_BEFORE_EXIT 6 /* Nothing is left to wait for: new work may be started. */
#define SKEP_EV_EXIT 7 /* Last event: run exit handlers and call exit. value is the proposed code; flags 1: a signal or the operator asks. */
#define SKEP_EV_LISTENING 10 /* A listener is open; value is the port; payload its address as text. */
#define SKEP_EV_LISTEN_FAILED 11 /* value is the errno; the handle is gone. */
#define SKEP_EV_LISTENER_CLOSED 12 /* The listener and all its connections are closed; the handle is gone. */
#define SKEP_EV_ACCEPTED 13 /* A plain listener (value unused; payload u64: the listener) accepted a stream: handle. */
#define SKEP_EV_STREAM_OPEN 14 /* net_connect has succeeded. */
#define SKEP_EV_STREAM_DATA 15 /* Bytes; they use up credit. Of an HTTP connection: with option TEE, after what was parsed of them. */
#define SKEP_EV_STREAM_END 16 /* The peer has sent FIN. */
#define SKEP_EV_STREAM_DRAIN 17 /* The queue of a stream has become empty after a write answered more than 128 KiB or -EAGAIN. */
#define SKEP_EV_STREAM_FINISHED 18 /* stream_shutdown has been carried out. */
#define SKEP_EV_STREAM_TIMEOUT 19 /* No traffic for as long as option TIMEOUT says. */
#define SKEP_EV_STREAM_CLOSED 20 /* The stream is gone, and its handle; value is an errno or 0; flags 1: it was our own address that could not be had. */
#define SKEP_EV_HTTP_REQUEST 30 /* A request; handle is the exchange; payload opens with the record Request. */
#define SKEP_EV_HTTP_BODY 31 /* Bytes of a request's body; they use up credit. */
#define SKEP_EV_HTTP_END 32 /* The body is whole; payload: trailers as `Name: value` CRLF lines. */
#define SKEP_EV_HTTP_DRAIN 33 /* The connection's queue has become empty after a write answered more than 128 KiB or -EAGAIN. */
#define SKEP_EV_HTTP_DONE 34 /* Asked for by WATCH: the response is with the kernel; the exchange's handle is gone. */
#define SKEP_EV_HTTP_ABORTED 35 /* The connection was lost before the exchange was over; value is an errno or 0; the handle is gone. */
#define SKEP_EV_HTTP_CONNECTION 36 /* A new connection (flag WATCH_CONNECTIONS): handle is the connection; payload u64: the listener, u64: its number (Request.conn). Nothing is read from it before. */
#define SKEP_EV_CLIENT_ERROR 37 /* A malformed or late request, told when the answers due before it are out. With the flag CLIENT_ERROR the connection has left HTTP and is the stream `handle`, to be answered and closed by the guest; its handle of the connection is gone without CONN_CLOSED. A guest without the flag that has a handle of the connection is told by that, with 65536 added to value: the host has answered. An attached connection is told by its handle, and CONN_CLOSED follows. value is the status that fits; payload u64 listener or 0, u64 connection number, u32 bytes parsed, u16 length of code, u16 length of message, code, message, then the raw packet. */
#define SKEP_EV_CONN_CLOSED 38 /* A connection with a handle is closed; value is an errno or 0. */
#define SKEP_EV_CONN_OUT 39 /* Bytes that an attached connection wants sent. CONN_CLOSED: close the stream after them. */
#define SKEP_EV_CONN_TIMEOUT 40 /* No traffic on a connection for as long as option TIMEOUT says. */
#define SKEP_EV_HTTP_RESPONSE 41 /* Client role: a head on the stream `handle`; payload as HTTP_REQUEST's, where `conn` is the status, `target` the reason phrase, `method` 255. Interim heads come so, too, each complete. With the flag UPGRADE the stream has left HTTP: its body is what came after the head, and STREAM_DATA follows. */
#define SKEP_EV_HTTP_FAULT 42 /* Client role: what came on the stream is no response, or nobody asked; nothing more is read. Payload u32 bytes parsed, u16 length of code, u16 length of message, code, message, then the raw packet. */
#define SKEP_EV_CONN_END 46 /* The peer of a connection with a handle has sent FIN. */
#define SKEP_EV_UDP_BOUND 60 /* A UDP socket is open; value is the port; payload its address as text. */
#define SKEP_EV_UDP_MESSAGE 61 /* A message; payload: u16 length of the sender's address, u16 its port, u32 0, the address as text, then the message. */
#define SKEP_EV_UDP_SENT 62 /* What became of the oldest udp_send that was not told of: value is an errno or 0. */
#define SKEP_EV_UDP_CONNECTED 63 /* udp_connect has been carried out: value is an errno or 0. */
#define SKEP_EV_UDP_ERROR 64 /* Receiving or an option failed: value is an errno; flags 1: it was an option. */
#define SKEP_EV_UDP_CLOSED 65 /* The socket is gone, and its handle; value is an errno or 0. */
#define SKEP_EV_OP_DONE 50 /* An operation off the loop is over; its handle is gone. flags: see the constants `done`; value is an errno, or a number or byte count; payload: bytes, or u64 a handle, or the text of a refusal. */
#define SKEP_EV_FS_CHANGED 51 /* A watched entry has changed; value: see the constants `changed`; payload: the name in a watched folder, or nothing. With flag FAILED value is an errno and the handle is gone. */
#define SKEP_EV_CHILD_STARTED 70 /* A child runs; value is its process id. */
#define SKEP_EV_CHILD_FAILED 71 /* A child could not be started: value is the errno; payload the text of a refusal, if it was one. Its handle is gone; its streams and its channel close by themselves. */
#define SKEP_EV_CHILD_EXIT 72 /* A child has ended; value is its exit code, or with flags 1 the signal that ended it; payload u32: why, see the constants `reason`. Its handle is gone; its streams and its channel end by themselves. */
#define SKEP_EV_CHANNEL_MESSAGE 73 /* A message, or a part of one; flags: see the constants `channel`; payload opens with the record Attached. */
#define SKEP_EV_CHANNEL_DRAIN 74 /* The queue of a channel has become empty after channel_send answered more than 128 KiB or -EAGAIN. */
#define SKEP_EV_CHANNEL_SENT 75 /* value more of the oldest calls of channel_send are with the kernel. */
#define SKEP_EV_CALL 80 /* The program that this host is part of calls the guest; handle is the call, to be answered with `call_reply`. flags: one of the constants `callee`, and bits of `value`. value is the length of a name; payload: the name, padded to a multiple of 8, then the value. */
#define SKEP_EV_HOST_REPLY 81 /* What came of a host_call, whose handle is gone; flags: see the constants `value`. With FAILED value is an errno or 0, and the payload a text. */
#define SKEP_EV_CHANNEL_CLOSED 76 /* The channel is closed; value is an errno or 0; the handle is gone. */

/* File operations. */
#define SKEP_FS_OPEN 1 /* Opens the path; flags are Linux's O_ numbers, mode is for a new file. Regular files and folders only. Answers a handle. */
#define SKEP_FS_STAT 2 /* What the path leads to: a FileStat record. */
#define SKEP_FS_LSTAT 3 /* The same of a link itself. */
#define SKEP_FS_STATFS 4 /* Seven i64: type, bsize, blocks, bfree, bavail, files, ffree. */
#define SKEP_FS_KIND 5 /* What the path leads to, as libuv numbers entries: 1 file, 2 folder, 3 link, 4 FIFO, 5 socket, 6 and 7 devices. */
#define SKEP_FS_ACCESS 6 /* Whether mode (4 read, 2 write, 1 execute) is allowed. */
#define SKEP_FS_READ_LINK 7 /* Where a link points. */
#define SKEP_FS_REAL_PATH 8 /* The path without links and dots. */
#define SKEP_FS_LIST 9 /* All entries of a folder, sorted: {u8 kind, u8 0, u16 length, name} each. */
#define SKEP_FS_OPEN_FOLDER 10 /* Opens a folder for READ_FOLDER. Answers a handle. */
#define SKEP_FS_READ_FILE 11 /* A whole regular file. */
#define SKEP_FS_COPY 12 /* Copies a regular file to the second path; flags COPY_*. */
#define SKEP_FS_MAKE_FOLDER 13 /* Makes a folder of this mode. With flag RECURSIVE also those on the way: answers the path of the first one made, or nothing; the path's first a bytes name what must be there. */
#define SKEP_FS_MAKE_TEMPORARY 14 /* Makes a folder whose name is the path and six random letters; answers its path. */
#define SKEP_FS_REMOVE_FOLDER 15 /* Removes an empty folder. */
#define SKEP_FS_REMOVE 16 /* Removes what is no folder. */
#define SKEP_FS_RENAME 17 /* To the second path. */
#define SKEP_FS_LINK 18 /* Makes the second path another name of the file. */
#define SKEP_FS_SYMLINK 19 /* Makes the path a link to the text of the second. */
#define SKEP_FS_CHANGE_MODE 20 /* Sets permissions. Set-user-id and set-group-id are -EPERM. */
#define SKEP_FS_CHANGE_OWNER 21 /* Sets owner a and group b (-1: stays), as far as a process without privileges may. */
#define SKEP_FS_CHANGE_OWNER_OF_LINK 22 /* The same of a link itself. */
#define SKEP_FS_CHANGE_TIMES 23 /* Sets the times of access (a) and modification (b): seconds since 1970, as the bits of a double. */
#define SKEP_FS_CHANGE_TIMES_OF_LINK 24 /* The same of a link itself. */
#define SKEP_FS_CLOSE 25 /* Closes an open file or folder. What is under way on it goes on. */
#define SKEP_FS_FSTAT 26 /* The FileStat of an open file; without a handle, of standard descriptor a. */
#define SKEP_FS_READ 27 /* Reads once from position a, or from the file's own when a is below zero; queued, at most b bytes. */
#define SKEP_FS_WRITE 28 /* Writes at position a, or at the file's own when a is below zero. Answers the bytes written. */
#define SKEP_FS_TRUNCATE 29 /* Sets the length to a. */
#define SKEP_FS_SYNC 30 /* Waits until all of it is on the disk. */
#define SKEP_FS_SYNC_DATA 31 /* The same of its contents. */
#define SKEP_FS_SET_MODE 32 /* CHANGE_MODE of an open file. */
#define SKEP_FS_SET_OWNER 33 /* CHANGE_OWNER of an open file. */
#define SKEP_FS_SET_TIMES 34 /* CHANGE_TIMES of an open file. */
#define SKEP_FS_READ_FOLDER 35 /* The next entries of an open folder, at most a, as LIST gives them but in the system's order; nothing at its end. */
#define SKEP_FS_READ_INPUT 36 /* Reads once from the program's standard input, without a handle: waits until something comes, and answers nothing at its end. Queued, at most b bytes, and one at a time. */
#define SKEP_FS_OPEN_STREAM 37 /* A socket that the process was given as a descriptor becomes a stream too, without credit: answers the stream's handle. At once only. */
#define SKEP_FS_WINDOW_SIZE 38 /* Of the terminal that standard output (a: 1) or error (2) is, without a handle: columns * 65536 + rows. -ENODEV where it is none. At once only. */

/* X(name, number) for every file operation. */
#define SKEP_FILE_OPS(X) \
  X("OPEN", 1) \
  X("STAT", 2) \
  X("LSTAT", 3) \
  X("STATFS", 4) \
  X("KIND", 5) \
  X("ACCESS", 6) \
  X("READ_LINK", 7) \
  X("REAL_PATH", 8) \
  X("LIST", 9) \
  X("OPEN_FOLDER", 10) \
  X("READ_FILE", 11) \
  X("COPY", 12) \
  X("MAKE_FOLDER", 13) \
  X("MAKE_TEMPORARY", 14) \
  X("REMOVE_FOLDER", 15) \
  X("REMOVE", 16) \
  X("RENAME", 17) \
  X("LINK", 18) \
  X("SYMLINK", 19) \
  X("CHANGE_MODE", 20) \
  X("CHANGE_OWNER", 21) \
  X("CHANGE_OWNER_OF_LINK", 22) \
  X("CHANGE_TIMES", 23) \
  X("CHANGE_TIMES_OF_LINK", 24) \
  X("CLOSE", 25) \
  X("FSTAT", 26) \
  X("READ", 27) \
  X("WRITE", 28) \
  X("TRUNCATE", 29) \
  X("SYNC", 30) \
  X("SYNC_DATA", 31) \
  X("SET_MODE", 32) \
  X("SET_OWNER", 33) \
  X("SET_TIMES", 34) \
  X("READ_FOLDER", 35) \
  X("READ_INPUT", 36) \
  X("OPEN_STREAM", 37) \
  X("WINDOW_SIZE", 38)

/* Error numbers: a result below zero is one of these, negated. */
#define SKEP_EPERM 1 /* operation not permitted */
#define SKEP_ENOENT 2 /* no such file or directory */
#define SKEP_ESRCH 3 /* no such process */
#define SKEP_EINTR 4 /* interrupted system call */
#define SKEP_EIO 5 /* i/o error */
#define SKEP_ENXIO 6 /* no such device or address */
#define SKEP_E2BIG 7 /* argument list too long */
#define SKEP_EBADF 9 /* bad file descriptor */
#define SKEP_EAGAIN 11 /* resource temporarily unavailable */
#define SKEP_ENOMEM 12 /* not enough memory */
#define SKEP_EACCES 13 /* permission denied */
#define SKEP_EFAULT 14 /* bad address in system call argument */
#define SKEP_EBUSY 16 /* resource busy or locked */
#define SKEP_EEXIST 17 /* file already exists */
#define SKEP_EXDEV 18 /* cross-device link not permitted */
#define SKEP_ENODEV 19 /* no such device */
#define SKEP_ENOTDIR 20 /* not a directory */
#define SKEP_EISDIR 21 /* illegal operation on a directory */
#define SKEP_EINVAL 22 /* invalid argument */
#define SKEP_ENFILE 23 /* file table overflow */
#define SKEP_EMFILE 24 /* too many open files */
#define SKEP_ETXTBSY 26 /* text file is busy */
#define SKEP_EFBIG 27 /* file too large */
#define SKEP_ENOSPC 28 /* no space left on device */
#define SKEP_ESPIPE 29 /* invalid seek */
#define SKEP_EROFS 30 /* read-only file system */
#define SKEP_EMLINK 31 /* too many links */
#define SKEP_EPIPE 32 /* broken pipe */
#define SKEP_ENAMETOOLONG 36 /* name too long */
#define SKEP_ENOSYS 38 /* function not implemented */
#define SKEP_ENOTEMPTY 39 /* directory not empty */
#define SKEP_ELOOP 40 /* too many symbolic links encountered */
#define SKEP_EPROTO 71 /* protocol error */
#define SKEP_EOVERFLOW 75 /* value too large for defined data type */
#define SKEP_EILSEQ 84 /* illegal byte sequence */
#define SKEP_ENOTSOCK 88 /* socket operation on non-socket */
#define SKEP_EMSGSIZE 90 /* message too long */
#define SKEP_EOPNOTSUPP 95 /* operation not supported on socket */
#define SKEP_EAFNOSUPPORT 97 /* address family not supported */
#define SKEP_EADDRINUSE 98 /* address already in use */
#define SKEP_EADDRNOTAVAIL 99 /* address not available */
#define SKEP_ENETDOWN 100 /* network is down */
#define SKEP_ENETUNREACH 101 /* network is unreachable */
#define SKEP_ECONNABORTED 103 /* software caused connection abort */
#define SKEP_ECONNRESET 104 /* connection reset by peer */
#define SKEP_ENOBUFS 105 /* no buffer space available */
#define SKEP_EISCONN 106 /* socket is already connected */
#define SKEP_ENOTCONN 107 /* socket is not connected */
#define SKEP_ETIMEDOUT 110 /* connection timed out */
#define SKEP_ECONNREFUSED 111 /* connection refused */
#define SKEP_EHOSTUNREACH 113 /* host is unreachable */
#define SKEP_EALREADY 114 /* connection already in progress */
#define SKEP_EDQUOT 122 /* disk quota exceeded */
#define SKEP_ECANCELED 125 /* operation canceled */
#define SKEP_ENOTFOUND 3008 /* unknown node or service */

/* X(name, number, message) for every error. */
#define SKEP_ERRNOS(X) \
  X("EPERM", 1, "operation not permitted") \
  X("ENOENT", 2, "no such file or directory") \
  X("ESRCH", 3, "no such process") \
  X("EINTR", 4, "interrupted system call") \
  X("EIO", 5, "i/o error") \
  X("ENXIO", 6, "no such device or address") \
  X("E2BIG", 7, "argument list too long") \
  X("EBADF", 9, "bad file descriptor") \
  X("EAGAIN", 11, "resource temporarily unavailable") \
  X("ENOMEM", 12, "not enough memory") \
  X("EACCES", 13, "permission denied") \
  X("EFAULT", 14, "bad address in system call argument") \
  X("EBUSY", 16, "resource busy or locked") \
  X("EEXIST", 17, "file already exists") \
  X("EXDEV", 18, "cross-device link not permitted") \
  X("ENODEV", 19, "no such device") \
  X("ENOTDIR", 20, "not a directory") \
  X("EISDIR", 21, "illegal operation on a directory") \
  X("EINVAL", 22, "invalid argument") \
  X("ENFILE", 23, "file table overflow") \
  X("EMFILE", 24, "too many open files") \
  X("ETXTBSY", 26, "text file is busy") \
  X("EFBIG", 27, "file too large") \
  X("ENOSPC", 28, "no space left on device") \
  X("ESPIPE", 29, "invalid seek") \
  X("EROFS", 30, "read-only file system") \
  X("EMLINK", 31, "too many links") \
  X("EPIPE", 32, "broken pipe") \
  X("ENAMETOOLONG", 36, "name too long") \
  X("ENOSYS", 38, "function not implemented") \
  X("ENOTEMPTY", 39, "directory not empty") \
  X("ELOOP", 40, "too many symbolic links encountered") \
  X("EPROTO", 71, "protocol error") \
  X("EOVERFLOW", 75, "value too large for defined data type") \
  X("EILSEQ", 84, "illegal byte sequence") \
  X("ENOTSOCK", 88, "socket operation on non-socket") \
  X("EMSGSIZE", 90, "message too long") \
  X("EOPNOTSUPP", 95, "operation not supported on socket") \
  X("EAFNOSUPPORT", 97, "address family not supported") \
  X("EADDRINUSE", 98, "address already in use") \
  X("EADDRNOTAVAIL", 99, "address not available") \
  X("ENETDOWN", 100, "network is down") \
  X("ENETUNREACH", 101, "network is unreachable") \
  X("ECONNABORTED", 103, "software caused connection abort") \
  X("ECONNRESET", 104, "connection reset by peer") \
  X("ENOBUFS", 105, "no buffer space available") \
  X("EISCONN", 106, "socket is already connected") \
  X("ENOTCONN", 107, "socket is not connected") \
  X("ETIMEDOUT", 110, "connection timed out") \
  X("ECONNREFUSED", 111, "connection refused") \
  X("EHOSTUNREACH", 113, "host is unreachable") \
  X("EALREADY", 114, "connection already in progress") \
  X("EDQUOT", 122, "disk quota exceeded") \
  X("ECANCELED", 125, "operation canceled") \
  X("ENOTFOUND", 3008, "unknown node or service")

/* Request methods by number. */
#define SKEP_METHODS(X) \
  X("DELETE") \
  X("GET") \
  X("HEAD") \
  X("POST") \
  X("PUT") \
  X("CONNECT") \
  X("OPTIONS") \
  X("TRACE") \
  X("COPY") \
  X("LOCK") \
  X("MKCOL") \
  X("MOVE") \
  X("PROPFIND") \
  X("PROPPATCH") \
  X("SEARCH") \
  X("UNLOCK") \
  X("BIND") \
  X("REBIND") \
  X("UNBIND") \
  X("ACL") \
  X("REPORT") \
  X("MKACTIVITY") \
  X("CHECKOUT") \
  X("MERGE") \
  X("M-SEARCH") \
  X("NOTIFY") \
  X("SUBSCRIBE") \
  X("UNSUBSCRIBE") \
  X("PATCH") \
  X("PURGE") \
  X("MKCALENDAR") \
  X("LINK") \
  X("UNLINK") \
  X("SOURCE") \
  X("QUERY")

/* Field names by number, from 1. */
#define SKEP_KNOWN_FIELDS(X) \
  X("host") \
  X("connection") \
  X("content-length") \
  X("transfer-encoding") \
  X("upgrade") \
  X("expect") \
  X("keep-alive") \
  X("date") \
  X("trailer") \
  X("te") \
  X("accept") \
  X("accept-encoding") \
  X("accept-language") \
  X("accept-ranges") \
  X("access-control-allow-credentials") \
  X("access-control-allow-headers") \
  X("access-control-allow-methods") \
  X("access-control-allow-origin") \
  X("access-control-expose-headers") \
  X("access-control-max-age") \
  X("access-control-request-headers") \
  X("access-control-request-method") \
  X("age") \
  X("allow") \
  X("authorization") \
  X("cache-control") \
  X("content-disposition") \
  X("content-encoding") \
  X("content-language") \
  X("content-location") \
  X("content-range") \
  X("content-security-policy") \
  X("content-type") \
  X("cookie") \
  X("dnt") \
  X("etag") \
  X("expires") \
  X("forwarded") \
  X("from") \
  X("if-match") \
  X("if-modified-since") \
  X("if-none-match") \
  X("if-range") \
  X("if-unmodified-since") \
  X("last-modified") \
  X("link") \
  X("location") \
  X("max-forwards") \
  X("origin") \
  X("pragma") \
  X("proxy-authenticate") \
  X("proxy-authorization") \
  X("proxy-connection") \
  X("range") \
  X("referer") \
  X("retry-after") \
  X("sec-websocket-accept") \
  X("sec-websocket-extensions") \
  X("sec-websocket-key") \
  X("sec-websocket-protocol") \
  X("sec-websocket-version") \
  X("sec-fetch-dest") \
  X("sec-fetch-mode") \
  X("sec-fetch-site") \
  X("sec-fetch-user") \
  X("server") \
  X("set-cookie") \
  X("strict-transport-security") \
  X("upgrade-insecure-requests") \
  X("user-agent") \
  X("vary") \
  X("via") \
  X("warning") \
  X("www-authenticate") \
  X("x-forwarded-for") \
  X("x-forwarded-host") \
  X("x-forwarded-proto") \
  X("x-powered-by") \
  X("x-requested-with")

/* Calls. */
/* Tells the host where events go: once, at start; 4 KiB to 16 MiB, 8-aligned. */
__attribute__((import_module("skep"), import_name("inbox")))
int32_t skep_inbox(const void *ptr, uint32_t len);
/* The time now; see the constants `clock`. Answers at once. */
__attribute__((import_module("skep"), import_name("clock")))
int64_t skep_clock(int32_t which);
/* Fills at most 64 KiB with random bytes. Answers at once. */
__attribute__((import_module("skep"), import_name("random")))
int32_t skep_random(const void *ptr, uint32_t len);
/* Queues bytes for standard output (1) or error (2); at most 64 KiB a call. -EAGAIN when the guest's log budget is used up. */
__attribute__((import_module("skep"), import_name("log")))
int32_t skep_log(int32_t fd, const void *ptr, uint32_t len);
/* Ends the guest with this exit code; does not return. */
__attribute__((import_module("skep"), import_name("exit")))
int32_t skep_exit(int32_t code);
/* Copies the text of the last refusal (what was denied, which flag grants it); answers its length. */
__attribute__((import_module("skep"), import_name("why")))
int32_t skep_why(const void *ptr, uint32_t len);
/* Copies the guest's start record (JSON: argv, env, cwd, pid...), answers its whole length; call with len 0 to ask for it. */
__attribute__((import_module("skep"), import_name("start_info")))
int32_t skep_start_info(const void *ptr, uint32_t len);
/* Asks about one environment variable that the start record does not hold: 0 when the host has none of that name, -EACCES (see `why`) when it has one that was not granted. Answers at once. */
__attribute__((import_module("skep"), import_name("env_ask")))
int32_t skep_env_ask(const void *name, uint32_t len);
/* Length of a blob in bytes. Answers at once. */
__attribute__((import_module("skep"), import_name("blob_len")))
int64_t skep_blob_len(skep_handle blob);
/* Copies bytes of a blob, answers how many. Answers at once. */
__attribute__((import_module("skep"), import_name("blob_read")))
int32_t skep_blob_read(skep_handle blob, int64_t offset, const void *ptr, uint32_t len);
/* Has all that was asked for so far carried out before it answers (0): the guest yields as at the end of a slice. After it `address` knows what `listen` got. */
__attribute__((import_module("skep"), import_name("settle")))
int32_t skep_settle(void);
/* Lets go of a handle: a blob is freed, a listener stops accepting, a stream is destroyed. */
__attribute__((import_module("skep"), import_name("close")))
int32_t skep_close(skep_handle handle);
/* Whether this handle keeps the loop alive (it does from the start). */
__attribute__((import_module("skep"), import_name("handle_ref")))
int32_t skep_handle_ref(skep_handle handle, int32_t on);
/* The guest's one timer: monotonic nanoseconds, or -1 for none; `keep` tells whether it keeps the loop alive. TIMER follows, never early. */
__attribute__((import_module("skep"), import_name("timer_arm")))
int32_t skep_timer_arm(int64_t deadline, int32_t keep);
/* SIGNAL events instead of the default action. */
__attribute__((import_module("skep"), import_name("signal_watch")))
int32_t skep_signal_watch(int32_t signal, int32_t on);
/* Does a file operation at once; see the table of file operations. request is a FileRequest record and the path or paths after it; data is what WRITE writes, or where READ and answers of bytes go (data_len 0: they become a blob). Answers a number, a byte count or a handle. */
__attribute__((import_module("skep"), import_name("fs_call")))
int64_t skep_fs_call(int32_t op, const void *request, uint32_t request_len, const void *data, uint32_t data_len);
/* The same off the loop, answers the operation's handle; OP_DONE follows. READ's length is the request's b. -EAGAIN when too many operations are under way: one that ends makes room. */
__attribute__((import_module("skep"), import_name("fs_queue")))
int64_t skep_fs_queue(int32_t op, const void *request, uint32_t request_len, const void *data, uint32_t data_len);
/* Watches a file or folder; FS_CHANGED tells of each change until the handle is closed. -ENOSYS where the system tells nothing. */
__attribute__((import_module("skep"), import_name("fs_watch")))
int64_t skep_fs_watch(const void *path, uint32_t len);
/* Opens a listener (port -1: host is a UNIX socket path); options are a ListenOptions record. LISTENING or LISTEN_FAILED follows. */
__attribute__((import_module("skep"), import_name("listen")))
int64_t skep_listen(const void *host, uint32_t host_len, int32_t port, int32_t backlog, const void *options, uint32_t options_len);
/* Changes limits and flags of a listener; new connections and requests see them. */
__attribute__((import_module("skep"), import_name("listen_set")))
int32_t skep_listen_set(skep_handle listener, const void *options, uint32_t options_len);
/* How many connections the listener has open. Answers at once. */
__attribute__((import_module("skep"), import_name("connections")))
int32_t skep_connections(skep_handle listener);
/* Closes connections that wait for a request. */
__attribute__((import_module("skep"), import_name("http_close_idle")))
int32_t skep_http_close_idle(skep_handle listener);
/* Closes every connection of the listener. */
__attribute__((import_module("skep"), import_name("http_close_all")))
int32_t skep_http_close_all(skep_handle listener);
/* An HTTP connection over a stream the guest has itself: feed it with http_feed, CONN_OUT brings bytes to send. listener may be 0. With the flag CLIENT it reads responses, and sends nothing. */
__attribute__((import_module("skep"), import_name("http_attach")))
int64_t skep_http_attach(skep_handle listener, const void *options, uint32_t options_len);
/* Bytes that arrived on an attached stream, or before http_client on one of the host's; len 0 is its end. */
__attribute__((import_module("skep"), import_name("http_feed")))
int32_t skep_http_feed(skep_handle conn, const void *ptr, uint32_t len);
/* Reads responses from a stream (client role; of the ListenOptions, max_header_size and max_headers count): HTTP_RESPONSE, HTTP_BODY, HTTP_END and HTTP_FAULT about its handle take the place of STREAM_DATA. -EALREADY when it does so already. */
__attribute__((import_module("skep"), import_name("http_client")))
int32_t skep_http_client(skep_handle stream, const void *options, uint32_t options_len);
/* Client role: a request goes out, and this is how its response will be read (constants `expect`). Before the response it may be said again; -EBUSY inside one. */
__attribute__((import_module("skep"), import_name("http_expect")))
int32_t skep_http_expect(skep_handle stream, int32_t kind);
/* Status line, fields (`Name: value` CRLF lines) and the first or only part of the body. Answers the bytes that wait to be sent. */
__attribute__((import_module("skep"), import_name("http_respond")))
int32_t skep_http_respond(skep_handle exchange, int32_t status, int32_t flags, const void *fields, uint32_t fields_len, const void *body, uint32_t body_len);
/* More of the body. Answers the bytes that wait to be sent; -EAGAIN when the connection's cap is reached: nothing was taken, HTTP_DRAIN follows. */
__attribute__((import_module("skep"), import_name("http_write")))
int32_t skep_http_write(skep_handle exchange, int32_t flags, const void *ptr, uint32_t len);
/* Ends the message, with trailers if it is chunked. */
__attribute__((import_module("skep"), import_name("http_end")))
int32_t skep_http_end(skep_handle exchange, int32_t flags, const void *trailers, uint32_t trailers_len);
/* An informational response: 100, 102 or 103. */
__attribute__((import_module("skep"), import_name("http_inform")))
int32_t skep_http_inform(skep_handle exchange, int32_t status, const void *fields, uint32_t fields_len);
/* Asks for HTTP_DONE late; -EBADF when the exchange is over already. */
__attribute__((import_module("skep"), import_name("http_watch")))
int32_t skep_http_watch(skep_handle exchange);
/* Takes the connection from HTTP (after 'upgrade' or CONNECT): a stream handle; bytes that came after the head, and were not part of its event, arrive as STREAM_DATA. While earlier responses of the connection are due, what is written waits for them. */
__attribute__((import_module("skep"), import_name("http_upgrade")))
int64_t skep_http_upgrade(skep_handle exchange);
/* The connection's handle, made on first use (an attached connection has its own): good for addresses, options, close, and the calls stream_*, which act on the socket beneath HTTP. CONN_CLOSED follows at its end. */
__attribute__((import_module("skep"), import_name("http_conn")))
int64_t skep_http_conn(skep_handle exchange);
/* The guest can take this many more bytes of a request body or stream; each starts with 64 KiB. Nothing is read beyond it. */
__attribute__((import_module("skep"), import_name("credit")))
int32_t skep_credit(skep_handle handle, int32_t bytes);
/* Opens a stream to a numeric address (port -1: UNIX path); options are a ConnectOptions record, then our own address as text if it matters. STREAM_OPEN or STREAM_CLOSED follows. */
__attribute__((import_module("skep"), import_name("net_connect")))
int64_t skep_net_connect(const void *host, uint32_t host_len, int32_t port, const void *options, uint32_t options_len);
/* Opens a UDP socket with a numeric address; flags: see the constants `udp`. UDP_BOUND or UDP_CLOSED follows. */
__attribute__((import_module("skep"), import_name("udp_bind")))
int64_t skep_udp_bind(const void *host, uint32_t host_len, int32_t port, int32_t flags);
/* Has a UDP socket send to and hear from this address only; an empty host takes that back. UDP_CONNECTED follows. */
__attribute__((import_module("skep"), import_name("udp_connect")))
int32_t skep_udp_connect(skep_handle socket, const void *host, uint32_t host_len, int32_t port);
/* Sends one message to a numeric address (an empty host: to where it is connected). Answers the bytes that wait; -EAGAIN at the cap. UDP_SENT follows, in order. */
__attribute__((import_module("skep"), import_name("udp_send")))
int32_t skep_udp_send(skep_handle socket, const void *host, uint32_t host_len, int32_t port, const void *ptr, uint32_t len);
/* See the constants `udp`. */
__attribute__((import_module("skep"), import_name("udp_option")))
int32_t skep_udp_option(skep_handle socket, int32_t option, int64_t value);
/* Joins a multicast group (a numeric address) on an interface (an IPv4 address, an IPv6 interface's number, or nothing), or leaves it. */
__attribute__((import_module("skep"), import_name("udp_member")))
int32_t skep_udp_member(skep_handle socket, const void *group, uint32_t group_len, const void *interface, uint32_t interface_len, int32_t join);
/* Asks the system's resolver for a name's addresses, off the loop; family 0, 4 or 6, hints as Node's dns. OP_DONE brings a line `family address` for each. Needs a grant for some address. */
__attribute__((import_module("skep"), import_name("name_lookup")))
int64_t skep_name_lookup(const void *host, uint32_t host_len, int32_t family, int32_t hints);
/* Asks the system's resolver for the names of a numeric address and a port, off the loop. OP_DONE brings two lines. */
__attribute__((import_module("skep"), import_name("name_of")))
int64_t skep_name_of(const void *host, uint32_t host_len, int32_t port);
/* Queues bytes (on an HTTP connection: after what has been sent of its responses so far). Answers the bytes that wait to be sent; -EAGAIN at the cap, STREAM_DRAIN follows. */
__attribute__((import_module("skep"), import_name("stream_write")))
int32_t skep_stream_write(skep_handle stream, const void *ptr, uint32_t len);
/* Sends FIN after what is queued; STREAM_FINISHED follows. An HTTP connection ends with that. */
__attribute__((import_module("skep"), import_name("stream_shutdown")))
int32_t skep_stream_shutdown(skep_handle stream);
/* Closes with RST. */
__attribute__((import_module("skep"), import_name("stream_reset")))
int32_t skep_stream_reset(skep_handle stream);
/* See the constants `option`; a connection's handle will do too. */
__attribute__((import_module("skep"), import_name("stream_option")))
int32_t skep_stream_option(skep_handle stream, int32_t option, int64_t value);
/* Bytes that an HTTP connection's socket has sent (side 0) or received (1) so far. Answers at once. */
__attribute__((import_module("skep"), import_name("traffic")))
int64_t skep_traffic(skep_handle conn, int32_t side);
/* Starts a process: another guest, or a program that was granted by name. options are a ChildOptions record and its ChildStdio records; texts are strings, each a u32 length and its bytes: the program (of a guest: JSON {mode: file|eval|print|stdin, main, source, inputType, execArgv, info}; info is given to its start record as it is), argv[0], the folder it begins in (empty: this guest's), the arguments, then the environment as `NAME=value`. Answers a handle; CHILD_STARTED or CHILD_FAILED follows. */
__attribute__((import_module("skep"), import_name("child_start")))
int64_t skep_child_start(const void *options, uint32_t options_len, const void *texts, uint32_t texts_len);
/* The stream of an entry of kind PIPE, from the start; it begins without credit. -ENOENT when the entry is of another kind. */
__attribute__((import_module("skep"), import_name("child_stdio")))
int64_t skep_child_stdio(skep_handle child, int32_t index);
/* The channel to a child that was started with one, from the start. -ENOENT when it has none. */
__attribute__((import_module("skep"), import_name("child_channel")))
int64_t skep_child_channel(skep_handle child);
/* Its process id, or -errno of what kept it from starting; -EAGAIN before that is known: `settle` waits for it. Of a child that could not be started the handle is good until CHILD_FAILED has been told. */
__attribute__((import_module("skep"), import_name("child_pid")))
int64_t skep_child_pid(skep_handle child);
/* Sends it a signal; 0 only asks whether it lives. -ESRCH when it has ended. */
__attribute__((import_module("skep"), import_name("child_kill")))
int32_t skep_child_kill(skep_handle child, int32_t signal);
/* Answers 0 after the child has ended, or an output has become longer than max_buffer (told once), or the time is over (-1: never): the guest is held meanwhile, and events wait. Of a child with flag SYNC also its outputs are waited for, unless it was killed by `child_kill`. */
__attribute__((import_module("skep"), import_name("child_wait")))
int32_t skep_child_wait(skep_handle child, int64_t milliseconds);
/* Copies its ChildStatus. Answers at once. */
__attribute__((import_module("skep"), import_name("child_status")))
int32_t skep_child_status(skep_handle child, const void *ptr, uint32_t len);
/* A blob of what a child with flag SYNC has written into an entry of kind PIPE so far; each call gives what the calls before have not, as far as there is room for a blob: -EAGAIN, and all of it stays, when there is none. -ENOENT when the entry is of another kind. */
__attribute__((import_module("skep"), import_name("child_output")))
int64_t skep_child_output(skep_handle child, int32_t index);
/* Sends a signal to a child of this guest (others need the grant of all programs: -ESRCH). For itself the guest calls `signal_raise`. */
__attribute__((import_module("skep"), import_name("process_kill")))
int32_t skep_process_kill(int32_t pid, int32_t signal);
/* Does to this guest's own process what the signal does, unless it is watched: SIGNAL then follows. */
__attribute__((import_module("skep"), import_name("signal_raise")))
int32_t skep_signal_raise(int32_t signal);
/* The channel to the process that started this one with a channel. -ENOENT when there is none, or it is closed. The handle does not keep the loop alive before `handle_ref` says so. */
__attribute__((import_module("skep"), import_name("parent_channel")))
int64_t skep_parent_channel(void);
/* Queues a message, at most 1 MiB a call: a longer one comes in parts, all but the last with flag MORE; see the constants `channel`. attach: 0, or what travels with its last part: a stream, an HTTP connection (which leaves HTTP), a listener, a UDP socket. Without KEEP it is gone here: STREAM_CLOSED, CONN_CLOSED, LISTENER_CLOSED or UDP_CLOSED follows when it has been sent. Answers the bytes that wait; -EAGAIN at the cap: nothing was taken, CHANNEL_DRAIN follows. */
__attribute__((import_module("skep"), import_name("channel_send")))
int32_t skep_channel_send(skep_handle channel, int32_t flags, const void *ptr, uint32_t len, skep_handle attach);
/* Hands the listener's connections to the child at the other end of a channel as well, under this number, in turn with the others that share it. From the first sharing on it gives none to this guest. */
__attribute__((import_module("skep"), import_name("listener_share")))
int32_t skep_listener_share(skep_handle listener, skep_handle channel, int32_t id);
/* Takes that back. What was handed over and not begun goes to the others. */
__attribute__((import_module("skep"), import_name("listener_unshare")))
int32_t skep_listener_unshare(skep_handle listener, skep_handle channel);
/* A listener that is fed with the connections which the parent shares under this number. Whether there is such a listener only the parent knows. Closing it gives back what was not begun. */
__attribute__((import_module("skep"), import_name("listen_shared")))
int64_t skep_listen_shared(int32_t id, const void *options, uint32_t options_len);
/* A new process that goes on from this guest's image as it stands when the turn ends: answers a Child handle with a channel. The clone is sent START with flag CLONED. */
__attribute__((import_module("skep"), import_name("clone")))
int64_t skep_clone(void);
/* Answers a CALL; its handle is gone. flags: BYTES and FAILED of the constants `value`. -EAGAIN when this turn has asked for too much: nothing was taken. */
__attribute__((import_module("skep"), import_name("call_reply")))
int32_t skep_call_reply(skep_handle call, int32_t flags, const void *ptr, uint32_t len);
/* Calls a function of the program that this host is part of, with one value; flags: BYTES of the constants `value`. Needs a grant of that name. HOST_REPLY follows, about the handle that is answered; `close` says that nobody waits any more. -EAGAIN when too many operations are under way. */
__attribute__((import_module("skep"), import_name("host_call")))
int64_t skep_host_call(const void *name, uint32_t name_len, int32_t flags, const void *ptr, uint32_t len);
/* Writes `family port address` as text (side 0 local, 1 peer); answers its length. Side 2, of HTTP connections that came in TLS: the name that was asked for, maybe none; -EBADF of others. Answers at once. */
__attribute__((import_module("skep"), import_name("address")))
int32_t skep_address(skep_handle handle, int32_t side, const void *ptr, uint32_t len);

#endif
