/* Operations off the loop: each is a handle, a callback, and perhaps a place for its bytes, until OP_DONE says that it is
 * over. What starts one (a file call, a name's look-up) pins it here. Must not know what any operation does. */
#include "core.h"
#include "handles.h"

/* Callback and target. The context of who began it is kept by async.c. */
static skep_pins pins = {.type = "FSREQCALLBACK"};

bool skep_operation_pin(JSContext *ctx, skep_handle operation, JSValueConst callback, JSValueConst target) {
  uint64_t key = (uint64_t)operation;
  bool pinned = skep_pins_add(ctx, &pins, key, JS_DupValue(ctx, callback), JS_DupValue(ctx, target));
  if (!pinned) skep_close(operation);
  return pinned;
}

/* The callbacks of all that is under way. */
JSValue skep_operations_pending(JSContext *ctx) {
  JSValue array = JS_NewArray(ctx);
  uint32_t used = 0;
  for (uint32_t i = 0; i < pins.cap; i++)
    if (pins.pins[i].key) JS_SetPropertyUint32(ctx, array, used++, JS_DupValue(ctx, pins.pins[i].first));
  return array;
}

JSValue skep_take_blob(JSContext *ctx, skep_handle blob) {
  int64_t len = skep_blob_len(blob);
  uint8_t *bytes = len < 0 || len >= INT32_MAX ? NULL : js_malloc(ctx, (size_t)len + 1);
  JSValue buffer = JS_EXCEPTION;
  if (bytes) {
    int64_t at = 0;
    for (int32_t got = 1; at < len && got > 0; at += got > 0 ? got : 0) {
      got = skep_blob_read(blob, at, bytes + at, (uint32_t)(len - at));
    }
    buffer = skep_new_buffer(ctx, bytes, (size_t)at);
    js_free(ctx, bytes);
  } else if (!JS_HasException(ctx)) {
    JS_ThrowOutOfMemory(ctx);
  }
  skep_close(blob);
  return buffer;
}

/* Into the place that waits for the bytes; answers how many went there. */
static int64_t fill_target(JSContext *ctx, JSValueConst target, const skep_event *event, const uint8_t *payload) {
  skep_bytes place;
  skep_handle blob = 0;
  if (event->flags & SKEP_DONE_BLOB) memcpy(&blob, payload, sizeof blob);
  int64_t count = -SKEP_EINVAL;
  if (skep_bytes_get(ctx, target, false, &place)) {
    size_t len = event->value < place.len ? event->value : place.len;
    count = (int64_t)len;
    if (!blob) memcpy((uint8_t *)place.ptr, payload, len);
    for (int64_t at = 0; blob && at < count;) {
      int32_t got = skep_blob_read(blob, at, (uint8_t *)place.ptr + at, (uint32_t)(count - at));
      if (got <= 0) count = at;
      at += got > 0 ? got : 0;
    }
    skep_bytes_free(ctx, &place);
  } else {
    JS_FreeValue(ctx, JS_GetException(ctx)); /* its buffer was detached meanwhile */
  }
  if (blob) skep_close(blob);
  return count;
}

static JSValue payload_of(JSContext *ctx, const skep_event *event, const uint8_t *payload) {
  if (event->flags & SKEP_DONE_FAILED) {
    return event->len ? JS_NewStringLen(ctx, (const char *)payload, event->len) : JS_UNDEFINED;
  }
  if (event->flags & SKEP_DONE_BLOB) {
    skep_handle blob;
    memcpy(&blob, payload, sizeof blob);
    return skep_take_blob(ctx, blob);
  }
  return event->len ? skep_new_buffer(ctx, payload, event->len) : JS_UNDEFINED;
}

static void on_done(const skep_event *event, const uint8_t *payload) {
  JSContext *ctx = skep_ctx;
  JSValue callback, target;
  if (!skep_pins_take(&pins, event->handle, &callback, &target)) return;
  JSValue args[] = { JS_NewInt64(ctx, event->value), JS_UNDEFINED };
  if (event->flags & SKEP_DONE_FAILED) args[0] = JS_NewInt64(ctx, -(int64_t)event->value);
  if (event->flags & SKEP_DONE_HANDLE) {
    skep_handle opened;
    memcpy(&opened, payload, sizeof opened);
    args[0] = skep_handle_value(ctx, opened);
  } else if (!(event->flags & SKEP_DONE_FAILED) && !JS_IsUndefined(target)) {
    args[0] = JS_NewInt64(ctx, fill_target(ctx, target, event, payload));
  } else {
    args[1] = payload_of(ctx, event, payload);
  }
  if (JS_IsException(args[1])) { /* no memory for what came: that is what came */
    JS_FreeValue(ctx, JS_GetException(ctx));
    args[0] = JS_NewInt64(ctx, -SKEP_ENOMEM);
    args[1] = JS_UNDEFINED;
  }
  skep_callback(callback, JS_UNDEFINED, 2, (JSValueConst *)args);
  JS_FreeValue(ctx, args[1]);
  JS_FreeValue(ctx, target);
  JS_FreeValue(ctx, callback);
}

void skep_init_operations(void) {
  skep_on(SKEP_EV_OP_DONE, on_done);
}
