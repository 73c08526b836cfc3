/* What the glue's files share. The glue translates between the boundary (skep.h) and QuickJS; it
 * decides nothing: no grant, no limit, no protocol rule lives here. One guest is one runtime and one
 * context, so both are globals. It must not keep anything that an image cannot carry: no host
 * pointer, no clock value that is used after the turn, no entropy from before START. */
#ifndef SKEP_GLUE_H
#define SKEP_GLUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "quickjs.h"
#include "skep.h"

extern JSRuntime *skep_rt;
extern JSContext *skep_ctx;

/* The turn's clocks, from the batch header. */
extern uint64_t skep_turn_mono, skep_turn_wall;

/* ---- Events (main.c). Each glue file registers its kinds in its init function. ---- */
typedef void skep_event_fn(const skep_event *event, const uint8_t *payload);
void skep_on(uint16_t kind, skep_event_fn *fn);

/* Calls a JavaScript callback from an event: an exception goes to the uncaught-exception path, and
 * afterwards skep_after_callback runs. Takes no ownership. Answers false when the callback threw. */
bool skep_callback(JSValueConst fn, JSValueConst self, int argc, JSValueConst *argv);

/* After each callback: nextTicks, then jobs until both are empty, then unhandled rejections. Cheap
 * when there is nothing to do. */
void skep_after_callback(void);

/* The pending exception of skep_ctx goes to process's uncaught-exception path. */
void skep_uncaught(void);

/* ---- Bindings (main.c): internalBinding(name) makes the object on first use by calling init. ---- */
typedef JSValue skep_binding_init(JSContext *ctx);
void skep_binding(const char *name, skep_binding_init *init);

/* Every glue file has one of these, called once by main.c while the engine starts (before the image). */
void skep_init_buffer(void);  /* buffer.c: internalBinding('buffer') */
void skep_init_events(void);  /* events.c: EventEmitter in C, internalBinding('events') */
void skep_init_timers(void);  /* timers.c: internalBinding('timers') */
void skep_init_modules(void); /* modules.c: ES modules, compile, internalBinding('modules') */
void skep_init_process(void); /* process.c: internalBinding('process'), log, exit, fs calls */
void skep_init_util(void);    /* util.c: internalBinding('util'): types, promise details, proxies... */
void skep_init_stream(void);  /* stream.c: internalBinding('stream'): listeners and byte streams (net) */
/* A handle that served somebody else so far serves who runs now (async.c): a kept connection, the next request. */
void skep_async_renew(skep_handle handle, const char *type);

void skep_init_zlib(void);    /* zlib.c: internalBinding('zlib') */
void skep_init_crypto(void);  /* crypto.c: internalBinding('crypto'): digests */
void skep_init_datagram(void); /* datagram.c: internalBinding('datagram'): UDP, names */
void skep_init_child(void);    /* child.c: internalBinding('child'): processes and channels */
void skep_init_host(void);     /* host.c: internalBinding('host'): the embedding program's calls, and calls of its functions */
void skep_init_http(void);    /* http.c, http_*.c: internalBinding('http') */

/* ---- Helpers (support.c) ---- */

/* Bytes of a JavaScript value for a call: a string as UTF-8 (without a copy when the engine allows it),
 * latin1 when asked, or the bytes of an ArrayBuffer, typed array or DataView. Free with skep_bytes_free.
 * Answers false with a TypeError pending when the value is none of these. */
typedef struct {
  const uint8_t *ptr;
  size_t len;
  const char *owned; /* to be freed, or NULL */
  bool latin1;       /* how it was allocated: support.c's business */
} skep_bytes;
bool skep_bytes_get(JSContext *ctx, JSValueConst value, bool latin1, skep_bytes *out);
void skep_bytes_free(JSContext *ctx, skep_bytes *bytes);

/* A Node-style system error (code, errno, syscall; address and port where given) made for -errno;
 * throws it and answers JS_EXCEPTION. EACCES takes its text from skep_why. */
JSValue skep_throw_errno(JSContext *ctx, int32_t result, const char *syscall);
JSValue skep_make_errno(JSContext *ctx, int32_t err, const char *syscall);

/* Handles travel in JavaScript as numbers (they stay below 2^53). */
static inline JSValue skep_handle_value(JSContext *ctx, skep_handle h) { return JS_NewInt64(ctx, h); }
static inline skep_handle skep_value_handle(JSContext *ctx, JSValueConst v) {
  int64_t h = 0;
  return JS_ToInt64(ctx, &h, v) ? 0 : h;
}

/* A Buffer (lib's class, prototype known after lib/buffer.js has registered it) over a copy of bytes. */
JSValue skep_new_buffer(JSContext *ctx, const uint8_t *ptr, size_t len);

/* EventEmitter in C (events.c): emit to listeners of `self` without going through JavaScript's emit when
 * it is not overridden. Answers 1 when there were listeners, 0 when none, -1 with an exception pending. */
int skep_emit(JSContext *ctx, JSValueConst self, JSAtom event, int argc, JSValueConst *argv);
/* Whether `self` has a listener for the event; touches nothing. */
/* What is called for an event: a function, a list of them, or undefined; and calling that (it is given away), -1 when it
 * threw. For an emitter whose `emit` is known to be EventEmitter's. */
JSValue skep_handler(JSContext *ctx, JSValueConst self, JSAtom event);
int skep_call_handler(JSContext *ctx, JSValueConst self, JSAtom event, JSValue handler, int argc, JSValueConst *argv);
bool skep_has_listener(JSContext *ctx, JSValueConst self, JSAtom event);
bool skep_has_any_listener(JSContext *ctx, JSValueConst self, const JSAtom *wanted, int count);

#endif
