/* The guest's door: the exports, the inbox, the engine's creation, and the table from event kinds to the functions that
 * know them. Must not know what any event means but WARM; nothing about HTTP, files or timers. */
#include <stdlib.h>

#include "async.h"
#include "core.h"
#include "heap.h"

#define INBOX_BYTES (256 * 1024)
#define MOST_KINDS 96
#define MOST_BINDINGS 32

/* The shadow stack is 2.25 MiB (build/flags.mjs); what JavaScript may not use is for C that does not recurse. */
#define JS_STACK_BYTES (2048 * 1024)
/* While the library is evaluated nothing it makes is garbage: a collection would only cost time. START sets the rest. */
#define NO_GC ((size_t)-1)

JSRuntime *skep_rt;
JSContext *skep_ctx;
uint64_t skep_turn_mono, skep_turn_wall;

static uint8_t inbox[INBOX_BYTES] __attribute__((aligned(16)));
static bool inbox_told;

static skep_event_fn *handlers[MOST_KINDS];

static struct {
  const char *name;
  skep_binding_init *init;
  JSValue object;
} bindings[MOST_BINDINGS];
static int binding_count;

/* The library's texts between WARM and their compilation. */
static JSValue library_texts;
static JSValue process_object;

/* ---- Exports ---- */

#define EXPORT(name) __attribute__((export_name(name), used))

static void tell_inbox(void) {
  if (inbox_told) return;
  inbox_told = true;
  skep_inbox(inbox, sizeof inbox);
}

EXPORT("skep_abi") int32_t skep_abi(void) {
  return SKEP_ABI_VERSION;
}

/* A reactor's constructors run once before anything else: the host knows the inbox before the first batch. */
__attribute__((constructor)) static void at_load(void) {
#ifdef __wasm__
  tell_inbox();
#endif
}

static const skep_event *event_at(const uint8_t *at, const uint8_t *end) {
  if ((size_t)(end - at) < sizeof(skep_event)) return NULL;
  const skep_event *event = (const skep_event *)at;
  if (event->size < sizeof(skep_event) || event->size > (size_t)(end - at) || event->size % 8) return NULL;
  if (event->len > event->size - sizeof(skep_event)) return NULL;
  return event;
}

/* Nothing of the event before is left: neither its frame nor a context that a callback entered for good. */
static void deliver(skep_event_fn *fn, const skep_event *event, const uint8_t *payload) {
  if (skep_rt) skep_frame_reset(event->kind == SKEP_EV_START ? 1 : 0);
  if (skep_hooked || skep_async_keeps()) skep_async_dispatch(fn, event, payload);
  else fn(event, payload);
  if (skep_rt && !JS_IsUndefined(JS_GetAsyncContext(skep_ctx))) skep_context_leave(JS_UNDEFINED);
}

EXPORT("skep_on_events") int32_t skep_on_events(int32_t len) {
  tell_inbox();
  if (len == 0) return 0;
  if (len < (int32_t)sizeof(skep_batch) || len > INBOX_BYTES) return SKEP_WANTS_BROKEN;
  const skep_batch *batch = (const skep_batch *)inbox;
  if (batch->size > (uint32_t)len) return SKEP_WANTS_BROKEN;
  skep_turn_mono = batch->mono;
  skep_turn_wall = batch->wall;
  if (skep_rt) JS_UpdateStackTop(skep_rt);
  const uint8_t *at = inbox + sizeof *batch, *end = inbox + batch->size;
  for (uint32_t left = batch->count; left > 0; left--) {
    const skep_event *event = event_at(at, end);
    if (!event) return SKEP_WANTS_BROKEN;
    skep_event_fn *fn = event->kind < MOST_KINDS ? handlers[event->kind] : NULL;
    if (fn && (skep_rt || event->kind == SKEP_EV_WARM)) deliver(fn, event, at + sizeof *event);
    at += event->size;
  }
  if (skep_rt) skep_timers_settle();
  return skep_immediates_wait() ? SKEP_WANTS_SOON : 0;
}

/* The C library's clocks (wasi_stubs.c asks). */
uint64_t skep_wall_ns(void) { return (uint64_t)skep_clock(SKEP_CLOCK_WALL); }
uint64_t skep_mono_ns(void) { return (uint64_t)skep_clock(SKEP_CLOCK_MONOTONIC); }

/* ---- Registration ---- */

void skep_on(uint16_t kind, skep_event_fn *fn) {
  if (kind < MOST_KINDS) handlers[kind] = fn;
}

void skep_binding(const char *name, skep_binding_init *init) {
  if (binding_count == MOST_BINDINGS) abort();
  bindings[binding_count].name = name;
  bindings[binding_count].init = init;
  bindings[binding_count++].object = JS_UNDEFINED;
}

JSValue skep_internal_binding(const char *name) {
  for (int i = 0; i < binding_count; i++) {
    if (strcmp(bindings[i].name, name) != 0) continue;
    if (JS_IsUndefined(bindings[i].object)) {
      JSValue object = bindings[i].init(skep_ctx);
      if (JS_IsException(object)) return object;
      bindings[i].object = object;
    }
    return JS_DupValue(skep_ctx, bindings[i].object);
  }
  return JS_ThrowReferenceError(skep_ctx, "No such internal binding: %s", name);
}

static JSValue js_internal_binding(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  const char *name = JS_ToCString(ctx, argv[0]);
  if (!name) return JS_EXCEPTION;
  JSValue object = skep_internal_binding(name);
  JS_FreeCString(ctx, name);
  return object;
}

/* ---- The library ---- */

/* compile(id, keeps text): the module's function, compiled when first asked for; undefined when there is no such module. */
static JSValue js_compile_builtin(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSAtom id = JS_ValueToAtom(ctx, argv[0]);
  if (id == JS_ATOM_NULL) return JS_EXCEPTION;
  JSValue text = JS_GetProperty(ctx, library_texts, id);
  if (JS_IsString(text)) {
    size_t id_len, len;
    const char *name = JS_AtomToCStringLen(ctx, &id_len, id), *source = JS_ToCStringLen(ctx, &len, text);
    char file[256];
    snprintf(file, sizeof file, "node:%s", name ? name : "");
    JS_FreeValue(ctx, text);
    bool strips = js_strip_source;
    if (argc > 1 && JS_ToBool(ctx, argv[1])) js_strip_source = false;
    text = source ? JS_Eval(ctx, source, len, file, JS_EVAL_TYPE_GLOBAL) : JS_EXCEPTION;
    js_strip_source = strips;
    JS_FreeCString(ctx, name);
    JS_FreeCString(ctx, source);
    if (!JS_IsException(text)) JS_DeleteProperty(ctx, library_texts, id, 0);
  }
  JS_FreeAtom(ctx, id);
  return text;
}

static JSValue js_builtin_ids(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSPropertyEnum *names;
  uint32_t count;
  if (JS_GetOwnPropertyNames(ctx, &names, &count, library_texts, JS_GPN_STRING_MASK) < 0) return JS_EXCEPTION;
  JSValue array = JS_NewArray(ctx);
  for (uint32_t i = 0; i < count; i++) JS_SetPropertyUint32(ctx, array, i, JS_AtomToString(ctx, names[i].atom));
  JS_FreePropertyEnum(ctx, names, count);
  return array;
}

static JSValue init_builtins(JSContext *ctx) {
  JSValue object = JS_NewObject(ctx);
  skep_def_fn(ctx, object, "compile", js_compile_builtin, 2);
  skep_def_fn(ctx, object, "ids", js_builtin_ids, 0);
  return object;
}

static void start_engine(void) {
  uint64_t key = 0;
  skep_random(&key, sizeof key);
  JS_SetHashKey(key);
  js_strip_source = true;
  skep_rt = JS_NewRuntime2(&skep_heap, NULL);
  if (!skep_rt) abort();
  JS_SetMaxStackSize(skep_rt, JS_STACK_BYTES);
  JS_SetGCThreshold(skep_rt, NO_GC);
  skep_ctx = JS_NewContext(skep_rt);
  if (!skep_ctx) abort();
  library_texts = JS_NewObject(skep_ctx);
  process_object = JS_NewObject(skep_ctx);
  skep_binding("builtins", init_builtins);
  skep_init_async();
  skep_init_tasks();
  skep_init_util();
  skep_init_buffer();
  skep_init_events();
  skep_init_timers();
  skep_init_process();
  skep_init_files();
  skep_init_operations();
  skep_init_modules();
  skep_init_stream();
  skep_init_crypto();
  skep_init_zlib();
  skep_init_datagram();
  skep_init_child();
  skep_init_host();
  skep_init_http();
}

/* lib/internal/bootstrap.js evaluates everything else. */
static void evaluate_library(void) {
  JSContext *ctx = skep_ctx;
  JSValue id = JS_NewString(ctx, "internal/bootstrap");
  JSValue fn = js_compile_builtin(ctx, JS_UNDEFINED, 1, (JSValueConst *)&id);
  JSValue exports = JS_NewObject(ctx), module = JS_NewObject(ctx);
  JSValue binding = JS_NewCFunction(ctx, js_internal_binding, "internalBinding", 1);
  JSValueConst args[] = { exports, JS_UNDEFINED, module, process_object, binding };
  JSValue result = JS_IsException(fn) ? fn : JS_Call(ctx, fn, JS_UNDEFINED, 5, args);
  if (JS_IsException(result)) {
    JSValue error = JS_GetException(ctx);
    skep_print_error(error);
    JS_FreeValue(ctx, error);
  } else {
    JS_FreeValue(ctx, fn);
  }
  JS_FreeValue(ctx, result);
  JS_FreeValue(ctx, id);
  JS_FreeValue(ctx, exports);
  JS_FreeValue(ctx, module);
  JS_FreeValue(ctx, binding);
  skep_after_callback();
  JS_KeepStill(skep_rt); /* what is left stays, and is not walked again */
  js_strip_source = false;
  if (JS_FreezeAtoms(skep_rt) < 0) abort(); /* warm-up only: an image whose hashes cannot be renewed is no image */
  JS_LeaveArenas(skep_rt);
  skep_heap_warm();
}

static void keep_text(const skep_event *event, const uint8_t *payload) {
  JSContext *ctx = skep_ctx;
  skep_handle blob = (skep_handle)event->handle;
  int64_t len = skep_blob_len(blob);
  char *text = len < 0 ? NULL : malloc((size_t)len + 1);
  if (!text) abort(); /* warm-up only: an image without its library is no image */
  for (int64_t at = 0; at < len;) {
    int32_t got = skep_blob_read(blob, at, text + at, (uint32_t)(len - at));
    if (got <= 0) abort();
    at += got;
  }
  skep_close(blob);
  JSAtom id = JS_NewAtomLen(ctx, (const char *)payload, event->len);
  JS_SetProperty(ctx, library_texts, id, JS_NewStringLen(ctx, text, (size_t)len));
  JS_FreeAtom(ctx, id);
  explicit_bzero(text, (size_t)len); /* no garbage in the image */
  free(text);
}

static void on_warm(const skep_event *event, const uint8_t *payload) {
  if (!skep_rt) start_engine();
  if (event->len) keep_text(event, payload);
  else evaluate_library();
}

__attribute__((constructor)) static void register_warm(void) {
  skep_on(SKEP_EV_WARM, on_warm);
}
