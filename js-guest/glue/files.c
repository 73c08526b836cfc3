/* internalBinding('fs'): file operations, at once and off the loop. A failure is answered as a negative errno, so that the
 * module loader's many misses cost no exception. Must not know what an operation is for, nor paths' meaning. */
#include <stdlib.h>

#include "core.h"

#define MOST_PATHS (2 * 4096)
#define STAT_WORDS 18

/* The record and the paths after it, as one call takes them. */
static struct {
  skep_file_request head;
  uint8_t paths[MOST_PATHS];
} ask;

static bool put_path(JSContext *ctx, JSValueConst value, uint32_t at, uint32_t *len, int64_t *error) {
  skep_bytes bytes;
  *len = 0;
  if (JS_IsUndefined(value)) return true;
  if (!skep_bytes_get(ctx, value, false, &bytes)) return false;
  if (bytes.len > MOST_PATHS - at) {
    *error = -SKEP_ENAMETOOLONG;
  } else {
    memcpy(ask.paths + at, bytes.ptr, bytes.len);
    *len = (uint32_t)bytes.len;
  }
  skep_bytes_free(ctx, &bytes);
  return true;
}

static bool int_of(JSContext *ctx, JSValueConst value, int64_t *out) {
  *out = 0;
  return JS_IsUndefined(value) || JS_ToInt64Ext(ctx, out, value) == 0;
}

/* file, path, other, flags, mode, a, b: the arguments of every operation. False with an exception pending; an error that
 * shows here already goes to *error. */
static bool fill_ask(JSContext *ctx, int argc, JSValueConst *argv, int64_t *error) {
  int64_t numbers[5] = { 0 };
  static const int places[] = { 0, 3, 4, 5, 6 };
  *error = 0;
  for (int i = 0; i < 5; i++) {
    if (places[i] < argc && !int_of(ctx, argv[places[i]], &numbers[i])) return false;
  }
  ask.head = (skep_file_request){ .file = (uint64_t)numbers[0], .flags = (uint32_t)numbers[1], .mode = (uint32_t)numbers[2],
                                  .a = numbers[3], .b = numbers[4] };
  JSValueConst path = argc > 1 ? argv[1] : JS_UNDEFINED, other = argc > 2 ? argv[2] : JS_UNDEFINED;
  return put_path(ctx, path, 0, &ask.head.path_len, error) &&
         put_path(ctx, other, ask.head.path_len, &ask.head.other_len, error);
}

static uint32_t ask_len(void) {
  return (uint32_t)sizeof ask.head + ask.head.path_len + ask.head.other_len;
}

static int32_t op_of(JSContext *ctx, JSValueConst value) {
  int32_t op = 0;
  return JS_ToInt32(ctx, &op, value) ? 0 : op;
}

/* call(op, file, path, other, flags, mode, a, b): what the operation answers, a number. */
static JSValue js_call(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int64_t error;
  if (!fill_ask(ctx, argc - 1, argv + 1, &error)) return JS_EXCEPTION;
  if (error) return JS_NewInt64(ctx, error);
  return JS_NewInt64(ctx, skep_fs_call(op_of(ctx, argv[0]), &ask, ask_len(), "", 0));
}

/* text(op, asBuffer, file, path, other, flags, mode): the path that the operation answers. */
static JSValue js_text(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  char text[4096 + 8];
  int64_t error;
  if (!fill_ask(ctx, argc - 2, argv + 2, &error)) return JS_EXCEPTION;
  int64_t len = error ? error : skep_fs_call(op_of(ctx, argv[0]), &ask, ask_len(), text, sizeof text);
  if (len < 0) return JS_NewInt64(ctx, len);
  if (JS_ToBool(ctx, argv[1])) return skep_new_buffer(ctx, (uint8_t *)text, (size_t)len);
  return JS_NewStringLen(ctx, text, (size_t)len);
}

static JSValue stat_array(JSContext *ctx, const int64_t *words, bool big) {
  JSValue array = JS_NewArray(ctx);
  for (uint32_t i = 0; i < STAT_WORDS; i++) {
    JSValue value = big ? JS_NewBigInt64(ctx, words[i]) : JS_NewInt64(ctx, words[i]);
    JS_SetPropertyUint32(ctx, array, i, value);
  }
  return array;
}

/* stat(op, asBigInt, file, path, other, flags, mode, a): the record's words, in its order. */
static JSValue js_stat(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_file_stat stat = { 0 };
  int64_t error;
  if (!fill_ask(ctx, argc - 2, argv + 2, &error)) return JS_EXCEPTION;
  int64_t len = error ? error : skep_fs_call(op_of(ctx, argv[0]), &ask, ask_len(), &stat, sizeof stat);
  if (len < 0) return JS_NewInt64(ctx, len);
  return stat_array(ctx, (const int64_t *)&stat, JS_ToBool(ctx, argv[1]));
}

/* words(buffer, asBigInt): the numbers of an answer that came in an event. */
static JSValue js_words(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_bytes bytes;
  if (!skep_bytes_get(ctx, argv[0], false, &bytes)) return JS_EXCEPTION;
  JSValue array = JS_NewArray(ctx);
  for (uint32_t i = 0; i < bytes.len / 8; i++) {
    int64_t word;
    memcpy(&word, bytes.ptr + 8 * i, 8);
    JS_SetPropertyUint32(ctx, array, i, JS_ToBool(ctx, argv[1]) ? JS_NewBigInt64(ctx, word) : JS_NewInt64(ctx, word));
  }
  skep_bytes_free(ctx, &bytes);
  return array;
}

/* A blob's bytes into memory of the engine, one more than its length so that text can be ended with 0. */
static uint8_t *take_blob(JSContext *ctx, skep_handle blob, size_t *out_len) {
  int64_t len = skep_blob_len(blob);
  uint8_t *bytes = len < 0 || len >= INT32_MAX ? NULL : js_malloc(ctx, (size_t)len + 1);
  for (int64_t at = 0; bytes && at < len;) {
    int32_t got = skep_blob_read(blob, at, bytes + at, (uint32_t)(len - at));
    if (got <= 0) {
      len = at;
      break;
    }
    at += got;
  }
  skep_close(blob);
  if (!bytes) {
    if (!JS_HasException(ctx)) JS_ThrowOutOfMemory(ctx);
    return NULL;
  }
  bytes[len] = 0;
  *out_len = (size_t)len;
  return bytes;
}

/* bytes(op, asText, file, path, other, flags, mode, a): an answer of any length, as a Buffer or as text. */
static JSValue js_bytes(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  size_t len;
  int64_t error;
  if (!fill_ask(ctx, argc - 2, argv + 2, &error)) return JS_EXCEPTION;
  int64_t blob = error ? error : skep_fs_call(op_of(ctx, argv[0]), &ask, ask_len(), "", 0);
  if (blob < 0) return JS_NewInt64(ctx, blob);
  uint8_t *bytes = take_blob(ctx, blob, &len);
  if (!bytes) return JS_EXCEPTION;
  JSValue value = JS_ToBool(ctx, argv[1]) ? JS_NewStringLen(ctx, (char *)bytes, len) : skep_new_buffer(ctx, bytes, len);
  js_free(ctx, bytes);
  return value;
}

/* entries(buffer, asBuffer): [name, kind, name, kind...] of a folder's listing. */
static JSValue js_entries(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_bytes bytes;
  if (!skep_bytes_get(ctx, argv[0], false, &bytes)) return JS_EXCEPTION;
  bool as_buffer = JS_ToBool(ctx, argv[1]);
  JSValue array = JS_NewArray(ctx);
  uint32_t count = 0;
  for (size_t at = 0; at + 4 <= bytes.len;) {
    size_t len = bytes.ptr[at + 2] | (size_t)bytes.ptr[at + 3] << 8;
    if (len > bytes.len - at - 4) break;
    const uint8_t *name = bytes.ptr + at + 4;
    JSValue value = as_buffer ? skep_new_buffer(ctx, name, len) : JS_NewStringLen(ctx, (const char *)name, len);
    JS_SetPropertyUint32(ctx, array, count++, value);
    JS_SetPropertyUint32(ctx, array, count++, JS_NewInt32(ctx, bytes.ptr[at]));
    at += 4 + len;
  }
  skep_bytes_free(ctx, &bytes);
  return array;
}

/* A part of some bytes: offset and length as the library has checked them, cut to what there is now. */
static void cut(JSContext *ctx, skep_bytes *bytes, JSValueConst offset, JSValueConst length) {
  int64_t at = 0, len = (int64_t)bytes->len;
  int_of(ctx, offset, &at);
  if (!JS_IsUndefined(length)) int_of(ctx, length, &len);
  if (at < 0 || at > (int64_t)bytes->len) at = (int64_t)bytes->len;
  if (len < 0 || len > (int64_t)bytes->len - at) len = (int64_t)bytes->len - at;
  bytes->ptr += at;
  bytes->len = (size_t)len;
}

/* move(op, file, bytes, offset, length, position): READ into, or WRITE from, a view, or WRITE of a string. */
static JSValue js_move(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_bytes bytes;
  int64_t file, position = -1;
  if (!int_of(ctx, argv[1], &file) || !int_of(ctx, argv[5], &position)) return JS_EXCEPTION;
  if (!skep_bytes_get(ctx, argv[2], false, &bytes)) return JS_EXCEPTION;
  skep_bytes part = bytes;
  cut(ctx, &part, argv[3], argv[4]);
  skep_file_request request = { .file = (uint64_t)file, .a = position };
  int64_t answer = skep_fs_call(op_of(ctx, argv[0]), &request, sizeof request, part.ptr, (uint32_t)part.len);
  skep_bytes_free(ctx, &bytes);
  return JS_NewInt64(ctx, answer);
}

/* queue(op, callback, target, file, path, other, flags, mode, a, b, data, offset, length): the operation or a negative errno;
 * callback(result, payload) follows, see operations.c. */
static JSValue js_queue(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int64_t error;
  skep_bytes data = { (const uint8_t *)"", 0, NULL, false }, part = data;
  if (!fill_ask(ctx, argc - 3, argv + 3, &error)) return JS_EXCEPTION;
  if (error) return JS_NewInt64(ctx, error);
  if (argc > 10 && !JS_IsUndefined(argv[10])) {
    if (!skep_bytes_get(ctx, argv[10], false, &data)) return JS_EXCEPTION;
    part = data;
    cut(ctx, &part, argv[11], argv[12]);
  }
  int64_t operation = skep_fs_queue(op_of(ctx, argv[0]), &ask, ask_len(), part.ptr, (uint32_t)part.len);
  skep_bytes_free(ctx, &data);
  if (operation < 0) return JS_NewInt64(ctx, operation);
  if (!skep_operation_pin(ctx, operation, argv[1], argv[2])) return JS_EXCEPTION;
  return skep_handle_value(ctx, operation);
}

/* read(path, asText) and realpath(path): for the module loader. */
static JSValue js_read(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue op = JS_NewInt32(ctx, SKEP_FS_READ_FILE);
  JSValueConst args[] = { op, argv[1], JS_UNDEFINED, argv[0] };
  return js_bytes(ctx, self, 4, args);
}

static JSValue js_realpath(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue op = JS_NewInt32(ctx, SKEP_FS_REAL_PATH);
  JSValueConst args[] = { op, JS_FALSE, JS_UNDEFINED, argv[0] };
  return js_text(ctx, self, 4, args);
}

/* kind(path): the entry's kind, following links, or a negative errno. */
static JSValue js_kind(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValueConst args[] = { JS_UNDEFINED, argv[0] };
  int64_t error;
  if (!fill_ask(ctx, 2, args, &error)) return JS_EXCEPTION;
  return JS_NewInt64(ctx, error ? error : skep_fs_call(SKEP_FS_KIND, &ask, ask_len(), "", 0));
}

static JSValue js_close(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewInt32(ctx, skep_close(skep_value_handle(ctx, argv[0])));
}

/* watch(path): a handle, or a negative errno. */
static JSValue js_watch(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_bytes path;
  if (!skep_bytes_get(ctx, argv[0], false, &path)) return JS_EXCEPTION;
  int64_t handle = skep_fs_watch(path.ptr, (uint32_t)path.len);
  skep_bytes_free(ctx, &path);
  return JS_NewInt64(ctx, handle);
}

static JSValue js_ref(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewInt32(ctx, skep_handle_ref(skep_value_handle(ctx, argv[0]), JS_ToBool(ctx, argv[1])));
}

static JSValue on_change = JS_UNDEFINED;

static JSValue js_set_watch_handler(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue old = on_change;
  on_change = JS_DupValue(ctx, argv[0]);
  JS_FreeValue(ctx, old);
  return JS_UNDEFINED;
}

/* The handler gets (handle, bits, name, errno): the name as a Buffer or undefined. */
static void on_changed(const skep_event *event, const uint8_t *payload) {
  JSContext *ctx = skep_ctx;
  bool failed = event->flags & SKEP_CHANGED_FAILED;
  JSValue args[] = {
    skep_handle_value(ctx, (skep_handle)event->handle), JS_NewInt32(ctx, failed ? 0 : (int32_t)event->value),
    event->len ? skep_new_buffer(ctx, payload, event->len) : JS_UNDEFINED, JS_NewInt32(ctx, failed ? -(int32_t)event->value : 0),
  };
  skep_callback(on_change, JS_UNDEFINED, 4, (JSValueConst *)args);
  JS_FreeValue(ctx, args[2]);
}

/* why(): the text of the last refusal. */
static JSValue js_why(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  char text[1024] = "";
  int32_t len = skep_why(text, sizeof text);
  if (len < 0) len = 0;
  return JS_NewStringLen(ctx, text, len < (int32_t)sizeof text ? (size_t)len : sizeof text);
}

static JSValue js_pending(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return skep_operations_pending(ctx);
}

static JSValue init_fs(JSContext *ctx) {
  JSValue object = JS_NewObject(ctx);
  skep_def_fn(ctx, object, "call", js_call, 8);
  skep_def_fn(ctx, object, "text", js_text, 7);
  skep_def_fn(ctx, object, "stat", js_stat, 8);
  skep_def_fn(ctx, object, "words", js_words, 2);
  skep_def_fn(ctx, object, "bytes", js_bytes, 8);
  skep_def_fn(ctx, object, "entries", js_entries, 2);
  skep_def_fn(ctx, object, "move", js_move, 6);
  skep_def_fn(ctx, object, "queue", js_queue, 13);
  skep_def_fn(ctx, object, "read", js_read, 2);
  skep_def_fn(ctx, object, "realpath", js_realpath, 1);
  skep_def_fn(ctx, object, "kind", js_kind, 1);
  skep_def_fn(ctx, object, "watch", js_watch, 1);
  skep_def_fn(ctx, object, "ref", js_ref, 2);
  skep_def_fn(ctx, object, "setWatchHandler", js_set_watch_handler, 1);
  skep_def_fn(ctx, object, "close", js_close, 1);
  skep_def_fn(ctx, object, "why", js_why, 0);
  skep_def_fn(ctx, object, "pending", js_pending, 0);
  JSValue ops = JS_NewObject(ctx);
#define X(name, number) skep_def_int(ctx, ops, name, number);
  SKEP_FILE_OPS(X)
#undef X
  JS_SetPropertyStr(ctx, object, "ops", ops);
  return object;
}

void skep_init_files(void) {
  skep_binding("fs", init_fs);
  skep_on(SKEP_EV_FS_CHANGED, on_changed);
}
