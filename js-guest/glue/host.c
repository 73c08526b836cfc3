/* Calls by the program that this host is part of, and calls of its functions. Values are text (JSON) or bytes here; what
 * is called, and what a value means, JavaScript knows (lib/skep/host.js). */
#include "core.h"

/* JavaScript's: (handle, callee, is it bytes, name, value), (handle, is it bytes, failed, value or errno). */
static JSValue on_call, on_reply;

static JSValue value_of(JSContext *ctx, uint16_t flags, const uint8_t *at, uint32_t len) {
  if (flags & SKEP_VALUE_BLOB) {
    skep_handle blob = 0;
    if (len >= sizeof blob) memcpy(&blob, at, sizeof blob);
    return skep_take_blob(ctx, blob);
  }
  if (flags & SKEP_VALUE_BYTES) return skep_new_buffer(ctx, at, len);
  return JS_NewStringLen(ctx, (const char *)at, len);
}

static void finish(JSValueConst fn, int argc, JSValue *args) {
  if (JS_IsException(args[argc - 1])) skep_uncaught();
  else skep_callback(fn, JS_UNDEFINED, argc, (JSValueConst *)args);
  for (int i = 0; i < argc; i++) JS_FreeValue(skep_ctx, args[i]);
}

static void tell_call(const skep_event *event, const uint8_t *payload) {
  JSContext *ctx = skep_ctx;
  uint32_t name = event->value, at = (name + 7) & ~7u;
  if (name > event->len || at > event->len) return;
  JSValue args[] = {
    skep_handle_value(ctx, (skep_handle)event->handle),
    JS_NewInt32(ctx, event->flags & SKEP_CALLEE_MASK),
    JS_NewBool(ctx, event->flags & SKEP_VALUE_BYTES),
    JS_NewStringLen(ctx, (const char *)payload, name),
    event->flags & SKEP_VALUE_FAILED ? JS_NULL : value_of(ctx, event->flags, payload + at, event->len - at),
  };
  finish(on_call, 5, args);
}

static void tell_reply(const skep_event *event, const uint8_t *payload) {
  JSContext *ctx = skep_ctx;
  bool failed = event->flags & SKEP_VALUE_FAILED;
  JSValue args[] = {
    skep_handle_value(ctx, (skep_handle)event->handle),
    JS_NewBool(ctx, event->flags & SKEP_VALUE_BYTES),
    JS_NewBool(ctx, failed),
    failed && event->value ? JS_NewInt32(ctx, (int32_t)event->value) : value_of(ctx, event->flags, payload, event->len),
  };
  finish(on_reply, 4, args);
}

/* reply(handle, failed, value): a string is JSON, anything else bytes; 0 or -errno. */
static JSValue js_reply(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_bytes bytes;
  if (!skep_bytes_get(ctx, argv[2], false, &bytes)) return JS_EXCEPTION;
  int32_t flags = JS_IsString(argv[2]) ? 0 : SKEP_VALUE_BYTES;
  if (JS_ToBool(ctx, argv[1])) flags |= SKEP_VALUE_FAILED;
  int32_t result = skep_call_reply(skep_value_handle(ctx, argv[0]), flags, bytes.ptr, (uint32_t)bytes.len);
  skep_bytes_free(ctx, &bytes);
  return JS_NewInt32(ctx, result);
}

/* call(name, value): as above; a handle or -errno. */
static JSValue js_call(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_bytes name, bytes;
  if (!skep_bytes_get(ctx, argv[0], false, &name)) return JS_EXCEPTION;
  if (!skep_bytes_get(ctx, argv[1], false, &bytes)) {
    skep_bytes_free(ctx, &name);
    return JS_EXCEPTION;
  }
  int32_t flags = JS_IsString(argv[1]) ? 0 : SKEP_VALUE_BYTES;
  int64_t handle = skep_host_call(name.ptr, (uint32_t)name.len, flags, bytes.ptr, (uint32_t)bytes.len);
  skep_bytes_free(ctx, &name);
  skep_bytes_free(ctx, &bytes);
  return JS_NewInt64(ctx, handle);
}

static JSValue js_set_handlers(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  on_call = JS_DupValue(ctx, argv[0]);
  on_reply = JS_DupValue(ctx, argv[1]);
  return JS_UNDEFINED;
}

static JSValue init_host(JSContext *ctx) {
  JSValue object = JS_NewObject(ctx);
  skep_def_fn(ctx, object, "reply", js_reply, 3);
  skep_def_fn(ctx, object, "call", js_call, 2);
  skep_def_fn(ctx, object, "setHandlers", js_set_handlers, 2);
  return object;
}

void skep_init_host(void) {
  on_call = on_reply = JS_UNDEFINED;
  skep_on(SKEP_EV_CALL, tell_call);
  skep_on(SKEP_EV_HOST_REPLY, tell_reply);
  skep_binding("host", init_host);
}
