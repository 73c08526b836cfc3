/* The guest's life: START, BEFORE_EXIT, EXIT and SIGNAL, and what lib/process.js needs from below: log, exit, clocks,
 * memory. Must not know what process means to JavaScript. */
#include <stdlib.h>

#include "core.h"

#define LOG_PIECE 65536

uint8_t skep_seed[32];

/* JavaScript's handlers, in the order of setEvents' arguments. */
enum { AT_START, AT_BEFORE_EXIT, AT_EXIT, AT_SIGNAL, HANDLERS };
static JSValue handlers[HANDLERS];

/* ---- Log ---- */

/* Not inlined: a guest that settles yields where a function or a turn of a loop begins. */
static __attribute__((noinline)) int32_t try_log(int fd, const char *text, uint32_t len) {
  return skep_log(fd, text, len);
}

void skep_print(int fd, const char *text, size_t len) {
  while (len) {
    uint32_t piece = len < LOG_PIECE ? (uint32_t)len : LOG_PIECE;
    int32_t refused = try_log(fd, text, piece);
    if (refused == -SKEP_EAGAIN) {
      /* Whoever reads is slow. What has been written goes out first, as with Node's pipes; only a tenant is not waited for. */
      skep_settle();
      refused = try_log(fd, text, piece);
    }
    if (refused < 0) return; /* over budget: the rest is lost, and the host says so */
    text += piece, len -= piece;
  }
}

static void print_property(JSContext *ctx, JSValueConst value, bool own_text) {
  size_t len;
  const char *text = JS_ToCStringLen(ctx, &len, value);
  if (text) skep_print(2, text, len);
  else JS_FreeValue(ctx, JS_GetException(ctx));
  if (own_text) skep_print(2, "\n", 1);
  JS_FreeCString(ctx, text);
}

void skep_print_error(JSValueConst error) {
  JSContext *ctx = skep_ctx;
  JSValue stack = JS_IsObject(error) ? JS_GetPropertyStr(ctx, error, "stack") : JS_UNDEFINED;
  if (JS_IsException(stack)) JS_FreeValue(ctx, JS_GetException(ctx));
  print_property(ctx, error, true);
  if (JS_IsString(stack)) print_property(ctx, stack, true);
  JS_FreeValue(ctx, stack);
}

/* log(fd, text or bytes) */
static JSValue js_log(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t fd;
  skep_bytes bytes;
  if (JS_ToInt32(ctx, &fd, argv[0]) || !skep_bytes_get(ctx, argv[1], false, &bytes)) return JS_EXCEPTION;
  skep_print(fd, (const char *)bytes.ptr, bytes.len);
  skep_bytes_free(ctx, &bytes);
  return JS_UNDEFINED;
}

/* ---- Clocks and memory ---- */

/* hrtime(out, which): out is a Float64Array of [seconds, nanoseconds]. */
static JSValue js_hrtime(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t which = 0;
  if (argc > 0 && JS_ToInt32(ctx, &which, argv[0])) return JS_EXCEPTION;
  int64_t now = skep_clock(which);
  JSValue pair = JS_NewArray(ctx);
  JS_SetPropertyUint32(ctx, pair, 0, JS_NewInt64(ctx, now / 1000000000));
  JS_SetPropertyUint32(ctx, pair, 1, JS_NewInt64(ctx, now % 1000000000));
  return pair;
}

static JSValue js_hrtime_bigint(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewBigInt64(ctx, skep_clock(SKEP_CLOCK_MONOTONIC));
}

/* now(which): milliseconds with fractions. */
static JSValue js_now(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t which = 0;
  if (argc > 0 && JS_ToInt32(ctx, &which, argv[0])) return JS_EXCEPTION;
  return JS_NewFloat64(ctx, (double)skep_clock(which) / 1e6);
}

/* memory(): [bytes of the whole guest, bytes allocated by the engine, in use] */
static JSValue js_memory(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSMemoryUsage usage;
  JS_ComputeMemoryUsage(skep_rt, &usage);
#ifdef __wasm__
  int64_t whole = (int64_t)__builtin_wasm_memory_size(0) * 65536;
#else
  int64_t whole = usage.malloc_size;
#endif
  JSValue array = JS_NewArray(ctx);
  JS_SetPropertyUint32(ctx, array, 0, JS_NewInt64(ctx, whole));
  JS_SetPropertyUint32(ctx, array, 1, JS_NewInt64(ctx, usage.malloc_size));
  JS_SetPropertyUint32(ctx, array, 2, JS_NewInt64(ctx, usage.memory_used_size));
  return array;
}

static JSValue js_gc(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JS_RunGC(skep_rt);
  return JS_UNDEFINED;
}

/* random(view): fills it. */
static JSValue js_random(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_bytes bytes;
  if (!skep_bytes_get(ctx, argv[0], false, &bytes)) return JS_EXCEPTION;
  for (size_t at = 0; at < bytes.len && !bytes.owned;) {
    uint32_t piece = bytes.len - at < LOG_PIECE ? (uint32_t)(bytes.len - at) : LOG_PIECE;
    int32_t result = skep_random(bytes.ptr + at, piece);
    if (result < 0) return skep_throw_errno(ctx, result, "getrandom");
    at += piece;
  }
  skep_bytes_free(ctx, &bytes);
  return JS_UNDEFINED;
}

/* ---- Environment ---- */

/* askVariable(name): why a variable that exists is not seen, or undefined when there is none. */
static JSValue js_ask_variable(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  char why[1024];
  size_t len;
  const char *name = JS_ToCStringLen(ctx, &len, argv[0]);
  if (!name) return JS_EXCEPTION;
  bool denied = skep_env_ask(name, (uint32_t)len) < 0;
  JS_FreeCString(ctx, name);
  int32_t said = denied ? skep_why(why, sizeof why) : 0;
  if (said <= 0) return JS_UNDEFINED;
  return JS_NewStringLen(ctx, why, said < (int32_t)sizeof why ? (size_t)said : sizeof why);
}

/* ---- Exit and signals ---- */

static JSValue js_exit(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t code = 0;
  if (JS_ToInt32(ctx, &code, argv[0])) return JS_EXCEPTION;
  skep_exit(code);
  return JS_UNDEFINED;
}

static JSValue js_signal_watch(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t signal;
  if (JS_ToInt32(ctx, &signal, argv[0])) return JS_EXCEPTION;
  return JS_NewInt32(ctx, skep_signal_watch(signal, JS_ToBool(ctx, argv[1])));
}

static JSValue js_errno(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t number;
  if (JS_ToInt32(ctx, &number, argv[0])) return JS_EXCEPTION;
  const char *syscall = argc > 1 && JS_IsString(argv[1]) ? JS_ToCString(ctx, argv[1]) : NULL;
  JSValue error = skep_make_errno(ctx, number, syscall);
  JS_FreeCString(ctx, syscall);
  return error;
}

static JSValue js_error_names(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue list = JS_NewArray(ctx);
  uint32_t i = 0;
#define X(name, number, text)                                              \
  JS_SetPropertyUint32(ctx, list, i++, JS_NewString(ctx, name));           \
  JS_SetPropertyUint32(ctx, list, i++, JS_NewInt32(ctx, number));          \
  JS_SetPropertyUint32(ctx, list, i++, JS_NewString(ctx, text));
  SKEP_ERRNOS(X)
#undef X
  return list;
}

/* ---- Events ---- */


static JSValue start_info(JSContext *ctx) {
  int32_t len = skep_start_info(NULL, 0);
  if (len <= 0) return JS_NewObject(ctx);
  char *text = js_malloc(ctx, (size_t)len + 1);
  if (!text) return JS_EXCEPTION;
  skep_start_info(text, (uint32_t)len);
  text[len] = 0;
  JSValue info = JS_ParseJSON(ctx, text, (size_t)len, "<start info>");
  js_free(ctx, text);
  return info;
}

/* Garbage that may pile up between two collections of cycles: a 128th of what the guest may have. */
#define GC_SHARE 128
#define LEAST_GC_BYTES (512.0 * 1024)
#define MOST_GC_BYTES (4.0 * 1024 * 1024)

/* Collecting costs the same however little there is to collect, but nothing collects when memory has run out. */
static void space_collections(JSContext *ctx, JSValueConst info) {
  double limit = 0;
  JSValue value = JS_GetPropertyStr(ctx, info, "memoryLimit");
  if (JS_IsNumber(value)) JS_ToFloat64(ctx, &limit, value);
  JS_FreeValue(ctx, value);
  double bytes = limit / GC_SHARE;
  if (!(bytes >= LEAST_GC_BYTES)) bytes = LEAST_GC_BYTES;
  if (bytes > MOST_GC_BYTES) bytes = MOST_GC_BYTES;
  JS_SetGCSlack(skep_rt, (size_t)bytes);
  JS_KeepShapes(skep_rt); /* without memory for it, shapes are made anew */
}

static void on_start(const skep_event *event, const uint8_t *payload) {
  memcpy(skep_seed, payload, event->len < sizeof skep_seed ? event->len : sizeof skep_seed);
  uint64_t seeds[2];
  memcpy(seeds, skep_seed, sizeof seeds);
  JS_ReseedAll(skep_rt, seeds[0]);
  JS_RenewHashKey(skep_rt, seeds[1]);
  skep_timers_renew();
  if (event->flags & SKEP_START_SAME) return;
  JSValue info = start_info(skep_ctx);
  if (JS_IsException(info)) {
    skep_uncaught();
    return;
  }
  space_collections(skep_ctx, info);
  JSValueConst args[] = { info, JS_NewInt32(skep_ctx, event->flags) };
  skep_callback(handlers[AT_START], JS_UNDEFINED, 2, args);
  JS_FreeValue(skep_ctx, info);
}

static void on_before_exit(const skep_event *event, const uint8_t *payload) {
  skep_callback(handlers[AT_BEFORE_EXIT], JS_UNDEFINED, 0, NULL);
}

static void on_exit_event(const skep_event *event, const uint8_t *payload) {
  JSValueConst args[] = { JS_NewInt32(skep_ctx, (int32_t)event->value), JS_NewInt32(skep_ctx, event->flags) };
  skep_callback(handlers[AT_EXIT], JS_UNDEFINED, 2, args);
}

static void on_signal(const skep_event *event, const uint8_t *payload) {
  JSValueConst args[] = { JS_NewInt32(skep_ctx, (int32_t)event->value) };
  skep_callback(handlers[AT_SIGNAL], JS_UNDEFINED, 1, args);
}

static JSValue js_set_events(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  for (int i = 0; i < HANDLERS; i++) {
    JS_FreeValue(ctx, handlers[i]);
    handlers[i] = JS_DupValue(ctx, argv[i]);
  }
  return JS_UNDEFINED;
}

static JSValue init_process(JSContext *ctx) {
  JSValue object = JS_NewObject(ctx);
  skep_def_fn(ctx, object, "log", js_log, 2);
  skep_def_fn(ctx, object, "hrtime", js_hrtime, 1);
  skep_def_fn(ctx, object, "hrtimeBigInt", js_hrtime_bigint, 0);
  skep_def_fn(ctx, object, "now", js_now, 1);
  skep_def_fn(ctx, object, "memory", js_memory, 0);
  skep_def_fn(ctx, object, "gc", js_gc, 0);
  skep_def_fn(ctx, object, "random", js_random, 1);
  skep_def_fn(ctx, object, "askVariable", js_ask_variable, 1);
  skep_def_fn(ctx, object, "exit", js_exit, 1);
  skep_def_fn(ctx, object, "signalWatch", js_signal_watch, 2);
  skep_def_fn(ctx, object, "makeErrno", js_errno, 2);
  skep_def_fn(ctx, object, "errorNames", js_error_names, 0);
  skep_def_fn(ctx, object, "setEvents", js_set_events, HANDLERS);
  JS_SetPropertyStr(ctx, object, "engineVersion", JS_NewString(ctx, JS_GetVersion()));
  return object;
}

void skep_init_process(void) {
  for (int i = 0; i < HANDLERS; i++) handlers[i] = JS_UNDEFINED;
  skep_on(SKEP_EV_START, on_start);
  skep_on(SKEP_EV_BEFORE_EXIT, on_before_exit);
  skep_on(SKEP_EV_EXIT, on_exit_event);
  skep_on(SKEP_EV_SIGNAL, on_signal);
  skep_binding("process", init_process);
}
