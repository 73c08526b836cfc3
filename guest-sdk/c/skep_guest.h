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

/* Listens for streams; each ACCEPTED goes to `call`, with the stream as event->handle. */
skep_handle skep_net_listen(const char *host, int port, skep_call call, void *data);

/* Answers a request whole: fields are `Name: value` lines, each ended by CR LF. */
int skep_answer(skep_handle exchange, int status, const char *fields, const void *body, size_t length);

/* A request's parts, in the payload of HTTP_REQUEST. Names are compared without regard to case; 0 when it has none. */
const char *skep_target(const uint8_t *payload, size_t *length);
const char *skep_header(const uint8_t *payload, const char *name, size_t *length);
const uint8_t *skep_body(const uint8_t *payload, size_t *length);

/* Starts a process of its own that runs the guest or script in `file` (0: this guest's file) with these words. CHILD_STARTED,
 * CHILD_FAILED and CHILD_EXIT go to `call`; `skep_child_channel` has its channel. Answers the child's handle or -errno. */
skep_handle skep_fork(const char *file, const char *const *words, uint32_t count, skep_call call, void *data);

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

/* Of a CHANNEL_MESSAGE: the message, JSON text when a script has sent it, and what came with it, or 0 (its kind stands in the
 * skep_attached at the payload's head). */
const char *skep_message(const skep_event *event, const uint8_t *payload, size_t *length, skep_handle *came);

/* Sends a message (JSON text of less than 900 bytes) with a stream, which is gone here. Answers what waits to be sent, or -errno. */
int skep_send_with(skep_handle channel, const char *message, skep_handle stream);

/* A line for standard output. */
void skep_say(const char *text);

size_t skep_length(const char *text);
#endif
