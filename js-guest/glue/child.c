/* Processes that this guest has started, its own parent, and the channels between them, for lib/child_process.js and
 * lib/cluster.js: thin calls, and events that find the object of their handle. It must not know what a message means. */
#include "core.h"
#include "handles.h"

static skep_pins objects = {.type = "PROCESSWRAP"};

static int64_t number_of(JSContext *ctx, JSValueConst value) {
  int64_t n = 0;
  JS_ToInt64(ctx, &n, value);
  return n;
}

static int64_t item_of(JSContext *ctx, JSValueConst list, uint32_t index) {
  JSValue value = JS_GetPropertyUint32(ctx, list, index);
  int64_t n = number_of(ctx, value);
  JS_FreeValue(ctx, value);
  return n;
}

/* ---- Starting ---- */

/* A buffer that grows. */
typedef struct { uint8_t *bytes; size_t len, cap; bool failed; } grown;

static void put(JSContext *ctx, grown *to, const void *bytes, size_t len) {
  if (to->failed) return;
  if (len > to->cap - to->len) {
    size_t cap = len > SIZE_MAX / 4 || to->len > SIZE_MAX / 4 ? 0 : (to->len + len) * 2;
    uint8_t *bigger = cap ? js_realloc(ctx, to->bytes, cap) : NULL;
    if (!bigger) {
      if (!cap) JS_ThrowOutOfMemory(ctx);
      to->failed = true;
      return;
    }
    to->bytes = bigger;
    to->cap = cap;
  }
  memcpy(to->bytes + to->len, bytes, len);
  to->len += len;
}

/* The texts of an array, each behind its length. */
static bool put_texts(JSContext *ctx, grown *to, JSValueConst list) {
  int64_t count = 0;
  if (JS_GetLength(ctx, list, &count) < 0) return false;
  for (int64_t i = 0; i < count && !to->failed; i++) {
    JSValue value = JS_GetPropertyInt64(ctx, list, i);
    size_t len;
    const char *text = JS_ToCStringLen(ctx, &len, value);
    JS_FreeValue(ctx, value);
    if (!text) return false;
    uint32_t length = (uint32_t)len;
    put(ctx, to, &length, sizeof length);
    put(ctx, to, text, len);
    JS_FreeCString(ctx, text);
  }
  return !to->failed;
}

/* start([flags, args, env, max_buffer, uid, gid], [kind, number, handle, ...], texts) */
static JSValue js_start(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int64_t entries = 0;
  if (JS_GetLength(ctx, argv[1], &entries) < 0) return JS_EXCEPTION;
  skep_child_options head = {
    .flags = (uint32_t)item_of(ctx, argv[0], 0), .args = (uint32_t)item_of(ctx, argv[0], 1),
    .env = (uint32_t)item_of(ctx, argv[0], 2), .stdio = (uint32_t)(entries / 3),
    .max_buffer = (uint32_t)item_of(ctx, argv[0], 3), .uid = (int32_t)item_of(ctx, argv[0], 4),
    .gid = (int32_t)item_of(ctx, argv[0], 5),
  };
  grown options = {0}, texts = {0};
  put(ctx, &options, &head, sizeof head);
  for (uint32_t i = 0; i < head.stdio && !options.failed; i++) {
    skep_child_entry entry = {
      .kind = (uint32_t)item_of(ctx, argv[1], i * 3), .number = (uint32_t)item_of(ctx, argv[1], i * 3 + 1),
      .handle = (uint64_t)item_of(ctx, argv[1], i * 3 + 2),
    };
    put(ctx, &options, &entry, sizeof entry);
  }
  JSValue answer = JS_EXCEPTION;
  if (put_texts(ctx, &texts, argv[2]) && !options.failed) {
    answer = JS_NewInt64(ctx, skep_child_start(options.bytes, options.len, texts.bytes, texts.len));
  }
  js_free(ctx, options.bytes);
  js_free(ctx, texts.bytes);
  return answer;
}

/* ---- Calls on a child or a channel ---- */

enum { CALL_STDIO, CALL_CHANNEL, CALL_PID, CALL_KILL, CALL_WAIT, CALL_OUTPUT, CALL_UNSHARE };

static JSValue js_call(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  skep_handle handle = skep_value_handle(ctx, argv[0]);
  int64_t second = argc > 1 ? number_of(ctx, argv[1]) : 0;
  switch (magic) {
    case CALL_STDIO: return JS_NewInt64(ctx, skep_child_stdio(handle, (int32_t)second));
    case CALL_CHANNEL: return JS_NewInt64(ctx, skep_child_channel(handle));
    case CALL_PID: return JS_NewInt64(ctx, skep_child_pid(handle));
    case CALL_KILL: return JS_NewInt32(ctx, skep_child_kill(handle, (int32_t)second));
    case CALL_WAIT: return JS_NewInt32(ctx, skep_child_wait(handle, second));
    case CALL_OUTPUT: return JS_NewInt64(ctx, skep_child_output(handle, (int32_t)second));
    case CALL_UNSHARE: return JS_NewInt32(ctx, skep_listener_unshare(handle, second));
  }
  return JS_UNDEFINED;
}

/* status(child): [state, pid, code, signal, reason, overflow] or an error number */
static JSValue js_status(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_child_state status = {0};
  int32_t answer = skep_child_status(skep_value_handle(ctx, argv[0]), &status, sizeof status);
  if (answer < 0) return JS_NewInt32(ctx, answer);
  const int32_t words[] = {(int32_t)status.state, (int32_t)status.pid, status.code, (int32_t)status.signal,
                           (int32_t)status.reason, (int32_t)status.overflow};
  JSValue list = JS_NewArray(ctx);
  for (uint32_t i = 0; i < SKEP_COUNT(words); i++) JS_SetPropertyUint32(ctx, list, i, JS_NewInt32(ctx, words[i]));
  return list;
}

/* blob(handle): its bytes; the blob is freed. */
static JSValue js_blob(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_handle handle = skep_value_handle(ctx, argv[0]);
  int64_t len = skep_blob_len(handle);
  if (len < 0) return JS_NewInt64(ctx, len);
  uint8_t *bytes = js_malloc(ctx, len > 0 ? (size_t)len : 1);
  if (!bytes) {
    skep_close(handle);
    return JS_EXCEPTION;
  }
  int64_t got = 0;
  while (got < len) {
    int32_t count = skep_blob_read(handle, got, bytes + got, (size_t)(len - got));
    if (count <= 0) break;
    got += count;
  }
  JSValue buffer = skep_new_buffer(ctx, bytes, (size_t)got);
  js_free(ctx, bytes);
  skep_close(handle);
  return buffer;
}

/* killPid(pid, signal), magic 1: raise(signal) */
static JSValue js_kill_pid(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  int32_t first = (int32_t)number_of(ctx, argv[0]);
  if (magic) return JS_NewInt32(ctx, skep_signal_raise(first));
  return JS_NewInt32(ctx, skep_process_kill(first, (int32_t)number_of(ctx, argv[1])));
}

/* clone() */
static JSValue js_clone(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewInt64(ctx, skep_clone());
}

static JSValue js_parent(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewInt64(ctx, skep_parent_channel());
}

/* send(channel, flags, text or bytes, attached handle or 0) */
static JSValue js_send(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_bytes bytes;
  if (!skep_bytes_get(ctx, argv[2], false, &bytes)) return JS_EXCEPTION;
  skep_handle channel = skep_value_handle(ctx, argv[0]), attach = skep_value_handle(ctx, argv[3]);
  int32_t answer = skep_channel_send(channel, (int32_t)number_of(ctx, argv[1]), bytes.ptr, bytes.len, attach);
  skep_bytes_free(ctx, &bytes);
  return JS_NewInt32(ctx, answer);
}

/* share(listener, channel, id) */
static JSValue js_share(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_handle listener = skep_value_handle(ctx, argv[0]), channel = skep_value_handle(ctx, argv[1]);
  return JS_NewInt32(ctx, skep_listener_share(listener, channel, (int32_t)number_of(ctx, argv[2])));
}

/* listenShared(id, options): options are the words of a ListenOptions record. */
static JSValue js_listen_shared(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_listen_options options = {0};
  uint32_t *words = (uint32_t *)&options;
  for (uint32_t i = 0; i < sizeof options / 4; i++) {
    int64_t word = item_of(ctx, argv[1], i);
    words[i] = word > UINT32_MAX ? UINT32_MAX : word > 0 ? (uint32_t)word : 0;
  }
  return JS_NewInt64(ctx, skep_listen_shared((int32_t)number_of(ctx, argv[0]), &options, sizeof options));
}

/* ---- Objects and events ---- */

/* forget(): all objects, none of which hears anything any more. */
static JSValue js_forget(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue list = JS_NewArray(ctx), object, none;
  uint32_t count = 0, i = 0;
  if (JS_IsException(list)) return list;
  /* What is taken leaves its place to another. */
  while (i < objects.cap) {
    if (!objects.pins[i].key) i++;
    else if (skep_pins_take(&objects, objects.pins[i].key, &object, &none)) JS_SetPropertyUint32(ctx, list, count++, object);
  }
  return list;
}

/* (object, kind, handle, value, flags), of an end (..., reason), and of a message (..., bytes, attached handle or 0, its
 * kind). What came with a message that nobody hears is closed. */
static void child_event(const skep_event *event, const uint8_t *payload) {
  JSContext *ctx = skep_ctx;
  skep_attached attached = {0};
  bool message = event->kind == SKEP_EV_CHANNEL_MESSAGE && event->len >= sizeof attached;
  if (message) memcpy(&attached, payload, sizeof attached);
  skep_pin *found = skep_pins_find(&objects, event->handle);
  if (!found) {
    if (attached.handle) skep_close((int64_t)attached.handle);
    return;
  }
  JSValue object = JS_DupValue(ctx, found->first), bytes = JS_UNDEFINED;
  if (message) bytes = skep_new_buffer(ctx, payload + sizeof attached, event->len - sizeof attached);
  if (event->kind == SKEP_EV_CHILD_EXIT && event->len >= 4) bytes = JS_NewInt32(ctx, payload[0]);
  JSValueConst args[] = {object, JS_NewInt32(ctx, event->kind), JS_NewInt64(ctx, event->handle),
                         JS_NewInt32(ctx, (int32_t)event->value), JS_NewInt32(ctx, event->flags), bytes,
                         JS_NewInt64(ctx, (int64_t)attached.handle), JS_NewInt32(ctx, (int32_t)attached.kind)};
  skep_callback(objects.on_event, JS_UNDEFINED, SKEP_COUNT(args), args);
  JS_FreeValue(ctx, bytes);
  JS_FreeValue(ctx, object);
}

static const JSCFunctionListEntry functions[] = {
  JS_CFUNC_DEF("start", 3, js_start),
  JS_CFUNC_MAGIC_DEF("stdio", 2, js_call, CALL_STDIO),
  JS_CFUNC_MAGIC_DEF("channel", 1, js_call, CALL_CHANNEL),
  JS_CFUNC_MAGIC_DEF("pid", 1, js_call, CALL_PID),
  JS_CFUNC_MAGIC_DEF("kill", 2, js_call, CALL_KILL),
  JS_CFUNC_MAGIC_DEF("wait", 2, js_call, CALL_WAIT),
  JS_CFUNC_MAGIC_DEF("output", 2, js_call, CALL_OUTPUT),
  JS_CFUNC_DEF("status", 1, js_status),
  JS_CFUNC_DEF("blob", 1, js_blob),
  JS_CFUNC_MAGIC_DEF("killPid", 2, js_kill_pid, 0),
  JS_CFUNC_MAGIC_DEF("raise", 1, js_kill_pid, 1),
  JS_CFUNC_DEF("parent", 0, js_parent),
  JS_CFUNC_DEF("clone", 0, js_clone),
  JS_CFUNC_DEF("forget", 0, js_forget),
  JS_CFUNC_DEF("send", 4, js_send),
  JS_CFUNC_DEF("share", 3, js_share),
  JS_CFUNC_MAGIC_DEF("unshare", 2, js_call, CALL_UNSHARE),
  JS_CFUNC_DEF("listenShared", 2, js_listen_shared),
};

static JSValue init_binding(JSContext *ctx) {
  JSValue binding = JS_NewObject(ctx), kinds = JS_NewObject(ctx);
  JS_SetPropertyFunctionList(ctx, binding, functions, SKEP_COUNT(functions));
  skep_pins_bind(ctx, binding, &objects);
  skep_def_int(ctx, kinds, "STREAM", SKEP_ATTACHED_STREAM);
  skep_def_int(ctx, kinds, "LISTENER", SKEP_ATTACHED_LISTENER);
  skep_def_int(ctx, kinds, "DATAGRAM", SKEP_ATTACHED_DATAGRAM);
  JS_SetPropertyStr(ctx, binding, "kinds", kinds);
  return binding;
}

void skep_init_child(void) {
  skep_binding("child", init_binding);
  for (uint16_t kind = SKEP_EV_CHILD_STARTED; kind <= SKEP_EV_CHANNEL_CLOSED; kind++) skep_on(kind, child_event);
}
