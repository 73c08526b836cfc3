/* What only the core of the glue shares (main.c, support.c, tasks.c, timers.c, modules.c, process.c, files.c): the
 * pieces that start the engine and run its queues. The network files need glue.h alone. */
#ifndef SKEP_CORE_H
#define SKEP_CORE_H

#include "glue.h"

/* ---- main.c ---- */
JSValue skep_internal_binding(const char *name); /* owned; an exception when there is none of this name */

/* The random bytes of START, taken once by process.c to renew what the image repeats. */
extern uint8_t skep_seed[32];

/* ---- tasks.c: nextTick's queue, jobs, rejections, the uncaught-exception path ---- */
void skep_init_tasks(void);
/* The value that stands for "the current asynchronous context" (AsyncLocalStorage's stores): taken when a callback is
 * queued, put back while it runs; the engine does the same for promises (patches/23-async-context.patch). undefined while
 * nobody uses one, and then free of cost. */
JSValue skep_context_enter(JSValueConst context); /* answers the one before, to be given to skep_context_leave */
void skep_context_leave(JSValue previous);

/* ---- operations.c: work off the loop ---- */
void skep_init_operations(void);
JSValue skep_operations_pending(JSContext *ctx);
/* OP_DONE of this operation will call callback(result, payload): result is -errno, or what the event's value says;
 * payload the text of a refusal, a Buffer of bytes, or undefined. With a `target` (a typed array) the bytes go there, the
 * result is their count and there is no payload; with an operation that opens something the result is its handle.
 * Borrows both; answers false with an exception pending, and then the operation is closed. */
bool skep_operation_pin(JSContext *ctx, skep_handle operation, JSValueConst callback, JSValueConst target);

/* A blob's bytes in a Buffer; the blob is gone. */
JSValue skep_take_blob(JSContext *ctx, skep_handle blob);

/* ---- timers.c ---- */
bool skep_immediates_wait(void);
void skep_timers_renew(void);  /* the host's timer is another host's */
void skep_timers_settle(void); /* tells the host the next deadline, once an entry */

/* ---- process.c ---- */
void skep_init_files(void);             /* files.c: internalBinding("fs") */
void skep_print(int fd, const char *text, size_t len);
void skep_print_error(JSValueConst error); /* to stderr, when no library is there to do better */

/* ---- support.c: small helpers for bindings ---- */
char *skep_strdup_value(JSContext *ctx, JSValueConst value);
void skep_def_fn(JSContext *ctx, JSValueConst obj, const char *name, JSCFunction *fn, int length);
void skep_def_int(JSContext *ctx, JSValueConst obj, const char *name, int64_t value);

#define SKEP_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
