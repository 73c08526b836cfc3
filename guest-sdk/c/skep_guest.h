/* Guests of Skep in C: who is told of which event, and the few things every server needs. It stands on skep.h, the
 * printed boundary, and needs no C library. Compile the other files here, skep_*.c, with your own file, for wasm32. */
#ifndef SKEP_GUEST_H
#define SKEP_GUEST_H
#include <stddef.h>
#include "../include/skep.h"

/* Told of an event; the payload (event->len bytes) is good until it returns. */
typedef void (*skep_call)(const skep_event *event, const uint8_t *payload, void *data);

/* You define it: runs when the guest comes to life, sets things up, and returns. */
void skep_main(void);

/* Has the events of a handle told there; call 0: nowhere. Answers 0, or -SKEP_ENOMEM. */
int skep_on(skep_handle handle, skep_call call, void *data);

/* Told of events that no handle's call was told of: TIMER, SIGNAL, EXIT... */
void skep_on_others(skep_call call, void *data);

/* Listens for HTTP with Node's timeouts; each HTTP_REQUEST goes to `call`, and so do LISTENING and LISTEN_FAILED. Answers the
 * listener's handle or -errno. */
skep_handle skep_http_listen(const char *host, int port, skep_call call, void *data);

/* Requests with `Upgrade` (SKEP_REQUEST_UPGRADE among their flags), and CONNECT, may leave HTTP: `skep_http_upgrade` answers the stream that
 * the exchange's connection is from then on, and what is written to it is the answer. Any other answer is as ever. */
int skep_http_upgrades(skep_handle listener);

/* Listens for streams; each ACCEPTED goes to `call`, with the stream as event->handle. */
skep_handle skep_net_listen(const char *host, int port, skep_call call, void *data);

/* Answers a request whole: fields are `Name: value` lines, each ended by CR LF. */
int skep_answer(skep_handle exchange, int status, const char *fields, const void *body, size_t length);

/* The parts of a request or a response, in the payload of HTTP_REQUEST and HTTP_RESPONSE. Names are compared without regard to case; 0 when it has none. */
const char *skep_target(const uint8_t *payload, size_t *length);
const char *skep_header(const uint8_t *payload, const char *name, size_t *length);
const uint8_t *skep_body(const uint8_t *payload, size_t *length);

/* Whether that body is all of it; else HTTP_BODY and HTTP_END follow, and what has been dealt with, this part too, is to be given
 * back by skep_credit. */
int skep_is_whole(const uint8_t *payload);

/* ---- Streams, names, UDP ---- */

/* Opens a stream to a numeric address (port -1: a UNIX socket's path). STREAM_OPEN and all that follows go to `call`; what is written
 * before goes when it is open. STREAM_CLOSED with an errno: it cannot be reached. */
skep_handle skep_connect(const char *host, int port, skep_call call, void *data);

/* Asks for a name's addresses: OP_DONE goes to `call`, where skep_found writes one of them, from 0 on. It answers its length, or
 * -errno: -SKEP_ENOENT when there are no more. */
skep_handle skep_lookup(const char *name, skep_call call, void *data);
int skep_found(const skep_event *event, const uint8_t *payload, uint32_t number, char *to, uint32_t room);

/* A UDP socket (port 0: any); `skep_udp_send` sends. Of an UDP_MESSAGE skep_datagram has the message, and whose it is. */
typedef struct {
  char host[48];
  int port;
} skep_address_text;
skep_handle skep_udp(const char *host, int port, skep_call call, void *data);
const uint8_t *skep_datagram(const skep_event *event, const uint8_t *payload, size_t *length, skep_address_text *from);

/* One that came with a message receives nothing until it is served: then as skep_udp, but that there is no UDP_BOUND. Answers its handle,
 * or -SKEP_EBADF when it is no UDP socket. */
skep_handle skep_udp_serve(skep_handle socket, skep_call call, void *data);

/* ---- Files and input: done off the loop, OP_DONE goes to `call` ---- */

/* One of the file operations (SKEP_FS_STAT, SKEP_FS_READ_FILE...) on a path, or two; what they want is said in skep.h, and what they
 * bring skep_value gives. Of what was opened skep_opened answers the handle, to be closed by `skep_close`, or -errno. */
typedef struct {
  const char *path, *other;
  uint32_t flags, mode;
} skep_file_question;
skep_handle skep_file(int op, const skep_file_question *question, skep_call call, void *data);
skep_handle skep_opened(const skep_event *event, const uint8_t *payload);

/* Reads at most so many bytes, or writes; a position below 0 is the file's own. */
skep_handle skep_file_read(skep_handle file, int64_t position, uint32_t length, skep_call call, void *data);
skep_handle skep_file_write(skep_handle file, int64_t position, const void *bytes, uint32_t length, skep_call call, void *data);

/* Reads standard input once, at most so many bytes; nothing comes at its end. */
skep_handle skep_input(uint32_t length, skep_call call, void *data);

/* ---- Timers and signals ---- */

/* TIMER goes to `call` once, not before; at most 64 wait at once (-SKEP_ENOMEM). Answers a number to cancel it by. Who arms the
 * host's timer himself (`skep_timer_arm`) uses none of these. */
int skep_after(uint32_t milliseconds, skep_call call, void *data);
int skep_cancel(int number);

/* SIGNAL goes to `call`, in place of what the signal does by itself. */
int skep_on_signal(int signal, skep_call call, void *data);

/* ---- Asking HTTP servers ---- */

/* A connection to a server at a numeric address (port -1: a UNIX socket's path); skep_lookup finds those of names. Questions may
 * follow at once. STREAM_OPEN and STREAM_CLOSED go to `call`, and of each answer HTTP_RESPONSE, HTTP_BODY and HTTP_END, or HTTP_FAULT,
 * when it is no HTTP. Close it when no more is to be asked, and at STREAM_END or HTTP_FAULT: an answer that is not whole then is lost. */
skep_handle skep_http_connect(const char *host, int port, skep_call call, void *data);

/* What is asked. The host is said in `Host`; fields are lines as in skep_answer, none of those that frame a message. A body that
 * is `in_parts` follows by skep_http_part, any other is whole. */
typedef struct {
  const char *method, *target, *host, *fields;
  const void *body;
  size_t length;
  int in_parts;
} skep_question;

/* Asks, one question at a time: -SKEP_EBUSY while an answer is coming. -SKEP_EINVAL: it cannot be sent; -SKEP_E2BIG: its head is too
 * long. When it answers another error the connection is lost. Above SKEP_DRAIN_ABOVE it is followed by STREAM_DRAIN. */
int skep_http_ask(skep_handle connection, const skep_question *question);

/* Some more of its body, at most 64 KiB; none: that was all. -SKEP_EAGAIN: nothing was taken, STREAM_DRAIN follows. */
int skep_http_part(skep_handle connection, const void *part, size_t length);

/* The status of an HTTP_RESPONSE. Those below 200 come before the real one. */
int skep_status(const uint8_t *payload);

/* ---- Processes ---- */

/* Starts a process of its own that runs the guest or script in `file` (0: this guest's file) with these words. CHILD_STARTED,
 * CHILD_FAILED and CHILD_EXIT go to `call`; `skep_child_channel` has its channel. Answers the child's handle or -errno. */
skep_handle skep_fork(const char *file, const char *const *words, uint32_t count, skep_call call, void *data);

/* Another program, which was granted by name. Each of its first three descriptors is SKEP_STDIO_IGNORE (0), SKEP_STDIO_INHERIT or
 * SKEP_STDIO_PIPE; without variables it has this guest's, without a folder it begins in this guest's. */
typedef struct {
  const char *program, *folder;
  const char *const *words, *const *variables;
  uint32_t word_count, variable_count;
  uint32_t stdio[3];
} skep_command;

/* Starts it. CHILD_STARTED, CHILD_FAILED and CHILD_EXIT go to `call`; `skep_child_kill` sends it a signal. Answers the child's handle or
 * -errno (-SKEP_EACCES without the grant: skep_why tells which). */
skep_handle skep_spawn(const skep_command *command, skep_call call, void *data);

/* The stream of a descriptor that is a pipe: its events go to `call`. What it reads it is given by skep_stream_write and its end by
 * skep_stream_shutdown; what it has written comes as STREAM_DATA, as far as there is skep_credit. Close each at its STREAM_END. */
skep_handle skep_pipe(skep_handle child, int number, skep_call call, void *data);

/* The words that this guest was started with (the host's program, the guest's file, its own) and its variables: writes text with an
 * end of 0, cut to the room there is, and answers its length; -SKEP_ENOENT when there is none. */
int64_t skep_word(uint32_t number, char *to, uint32_t room);
int64_t skep_variable(const char *name, char *to, uint32_t room);

/* Bytes that its memory may have. */
int64_t skep_memory_limit(void);

/* `skep_clone` (of skep.h) starts a process that goes on from this one's memory as it stands when the turn has ended. Tell by
 * `skep_on` who hears of it: CHILD_STARTED comes in both, with the value 0 in the clone; `skep_parent_channel` is the clone's way
 * to the process that it was, `skep_child_channel` the way to the clone. */

/* Several processes of this guest: starts worker `number` (1 on), in which `skep_worker` answers it; 0 in others. A listener is
 * shared by `skep_listener_share` with the worker's channel, and asked for by `skep_http_shared` under the same id. */
skep_handle skep_fork_worker(int number, skep_call call, void *data);
int skep_worker(void);
skep_handle skep_http_shared(int id, skep_call call, void *data);

/* A process that a script's cluster has started as a worker: its number there, or 0. What it listens on by skep_http_listen and
 * skep_net_listen the primary opens and shares among its workers, as in Node. `skep_stop` is how such a listener is closed
 * (and any other). */
int skep_script_worker(void);
int skep_stop(skep_handle listener);

/* Of a CHANNEL_MESSAGE: the message, JSON text when a script has sent it (with SKEP_CHANNEL_MORE among the event's flags, a part of
 * it), and what came with it, or 0: of the kind SKEP_ATTACHED_STREAM, _LISTENER or _DATAGRAM (a UDP socket). Close it, or it lives on. */
const char *skep_message(const skep_event *event, const uint8_t *payload, size_t *length, skep_handle *came);
int skep_attached_kind(const uint8_t *payload);

/* A listener that came with a message rests until it is served: as skep_http_listen and skep_net_listen, but that there is no LISTENING. */
skep_handle skep_http_serve(skep_handle listener, skep_call call, void *data);
skep_handle skep_net_serve(skep_handle listener, skep_call call, void *data);

/* Sends a message (JSON text of less than 900 bytes) with a stream, which is gone here. Answers what waits to be sent, or -errno: -SKEP_EBADF
 * when it is none, or is gone, -SKEP_EPIPE when it was closed. */
int skep_send_with(skep_handle channel, const char *message, skep_handle stream);

/* The same with a listener, which both have from then on. */
int skep_send_listener(skep_handle channel, const char *message, skep_handle listener);

/* The same with a UDP socket, which both have from then on: each datagram comes to one of them, unless one closes its own or sets
 * SKEP_UDP_RECEIVE to 0 by `skep_udp_option`. -SKEP_EINVAL: it is not bound yet. */
int skep_send_datagram(skep_handle channel, const char *message, skep_handle socket);

/* ---- The program that this host is part of (skep::Runtime) ---- */

/* Has its calls told there: CALL, whose handle is answered once, then or later, by `skep_call_reply` (flags 0: JSON text,
 * SKEP_VALUE_BYTES: bytes) or skep_refuse. Without this they are refused. */
void skep_on_calls(skep_call call, void *data);

/* The function's name, of a CALL. */
const char *skep_function(const skep_event *event, const uint8_t *payload, size_t *length);

/* Says that it cannot be done, and why. */
int skep_refuse(skep_handle call, const char *why);

/* Calls a function of the program's; HOST_REPLY goes to `call` (with SKEP_VALUE_FAILED among its flags it failed: its value is an
 * errno, or 0 and a text is told). Answers a handle or -errno (-SKEP_EACCES without the grant). */
skep_handle skep_ask_host(const char *name, int flags, const void *value, size_t length, skep_call call, void *data);

/* What a CALL, a HOST_REPLY or an OP_DONE brings: where it stands, until the event has been told, or in a blob, which is to be let go
 * of. The flag SKEP_VALUE_BYTES of the event tells bytes from JSON text. */
typedef struct {
  const uint8_t *at;
  uint64_t length;
  skep_handle blob;
} skep_bytes;
skep_bytes skep_value(const skep_event *event, const uint8_t *payload);

/* Copies bytes from there on; answers how many. */
uint32_t skep_copy(const skep_bytes *bytes, uint64_t from, void *to, uint32_t length);
void skep_let_go(skep_bytes *bytes);

/* A line for standard output. */
void skep_say(const char *text);

size_t skep_length(const char *text);
#endif
