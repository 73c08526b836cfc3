/* Listeners and byte streams for lib/net.js: thin calls, and events that find the object of their handle. It must
 * not know what a Socket or a Server is. */
#include "handles.h"
#include "stream_fast.h"

static skep_pins objects = {.type = "TCPWRAP"};
static JSValue on_data;

/* ---- Calls ---- */

typedef struct { const char *text; size_t len; } text_arg;

static bool get_text(JSContext *ctx, JSValueConst value, text_arg *out) {
  out->text = JS_ToCStringLen(ctx, &out->len, value);
  return out->text != NULL;
}

static int64_t number_of(JSContext *ctx, JSValueConst value) {
  int64_t n = 0;
  JS_ToInt64(ctx, &n, value);
  return n;
}

/* An array of numbers in the order of the record's fields. */
static skep_listen_options options_of(JSContext *ctx, JSValueConst list) {
  skep_listen_options options = {0};
  uint32_t *words = (uint32_t *)&options;
  for (uint32_t i = 0; i < sizeof options / 4 && JS_IsObject(list); i++) {
    JSValue value = JS_GetPropertyUint32(ctx, list, i);
    double n = 0;
    JS_ToFloat64(ctx, &n, value);
    words[i] = n > 4294967295.0 ? 4294967295u : n > 0 ? (uint32_t)n : 0;
    JS_FreeValue(ctx, value);
  }
  return options;
}

/* listen(host, port, backlog, options) */
static JSValue js_listen(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  text_arg host;
  if (!get_text(ctx, argv[0], &host)) return JS_EXCEPTION;
  skep_listen_options options = options_of(ctx, argv[3]);
  int32_t port = (int32_t)number_of(ctx, argv[1]), backlog = (int32_t)number_of(ctx, argv[2]);
  int64_t answer = skep_listen(host.text, host.len, port, backlog, &options, sizeof options);
  JS_FreeCString(ctx, host.text);
  return JS_NewInt64(ctx, answer);
}

/* connect(host, port, flags, localAddress or '', localPort) */
static JSValue js_connect(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  struct { skep_connect_options head; char local[64]; } options = {0};
  text_arg host, local;
  if (!get_text(ctx, argv[0], &host)) return JS_EXCEPTION;
  if (!get_text(ctx, argv[3], &local)) {
    JS_FreeCString(ctx, host.text);
    return JS_EXCEPTION;
  }
  options.head.flags = (uint32_t)number_of(ctx, argv[2]);
  options.head.local_port = (uint32_t)number_of(ctx, argv[4]);
  /* Too long for an address: cut, it is none either way. */
  size_t local_len = local.len < sizeof options.local ? local.len : sizeof options.local;
  memcpy(options.local, local.text, local_len);
  int32_t port = (int32_t)number_of(ctx, argv[1]);
  int64_t answer = skep_net_connect(host.text, host.len, port, &options, sizeof options.head + local_len);
  JS_FreeCString(ctx, local.text);
  JS_FreeCString(ctx, host.text);
  return JS_NewInt64(ctx, answer);
}

static JSValue js_settle(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewInt32(ctx, skep_settle());
}

/* why(): the text of the policy's last refusal */
static JSValue js_why(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  char text[512];
  int32_t len = skep_why(text, sizeof text);
  return JS_NewStringLen(ctx, text, len < 0 ? 0 : len < (int32_t)sizeof text ? (size_t)len : sizeof text);
}

/* listenSet(handle, options), attach(listener, options), client(stream, options) */
static JSValue js_with_options(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  skep_listen_options options = options_of(ctx, argv[1]);
  skep_handle handle = skep_value_handle(ctx, argv[0]);
  if (magic == 2) return JS_NewInt32(ctx, skep_http_client(handle, &options, sizeof options));
  if (magic) return JS_NewInt64(ctx, skep_http_attach(handle, &options, sizeof options));
  return JS_NewInt32(ctx, skep_listen_set(handle, &options, sizeof options));
}

enum { CALL_CLOSE, CALL_SHUTDOWN, CALL_RESET, CALL_CLOSE_IDLE, CALL_CLOSE_ALL, CALL_UPGRADE, CALL_CONN, CALL_COUNT };

static JSValue js_call(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  skep_handle handle = skep_value_handle(ctx, argv[0]);
  switch (magic) {
    case CALL_CLOSE: return JS_NewInt32(ctx, skep_close(handle));
    case CALL_SHUTDOWN: return JS_NewInt32(ctx, skep_stream_shutdown(handle));
    case CALL_RESET: return JS_NewInt32(ctx, skep_stream_reset(handle));
    case CALL_CLOSE_IDLE: return JS_NewInt32(ctx, skep_http_close_idle(handle));
    case CALL_CLOSE_ALL: return JS_NewInt32(ctx, skep_http_close_all(handle));
    case CALL_UPGRADE: return JS_NewInt64(ctx, skep_http_upgrade(handle));
    case CALL_COUNT: return JS_NewInt32(ctx, skep_connections(handle));
    case CALL_CONN: return JS_NewInt64(ctx, skep_http_conn(handle));
  }
  return JS_UNDEFINED;
}

static JSValue js_ref(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewInt32(ctx, skep_handle_ref(skep_value_handle(ctx, argv[0]), JS_ToBool(ctx, argv[1])));
}

static JSValue js_option(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t which = (int32_t)number_of(ctx, argv[1]);
  return JS_NewInt32(ctx, skep_stream_option(skep_value_handle(ctx, argv[0]), which, number_of(ctx, argv[2])));
}

static JSValue js_credit(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewInt32(ctx, skep_credit(skep_value_handle(ctx, argv[0]), (int32_t)number_of(ctx, argv[1])));
}

/* write(handle, chunk, latin1), magic 1: feed(handle, chunk): what the call answers. */
static JSValue js_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  skep_bytes bytes;
  if (!skep_bytes_get(ctx, argv[1], argc > 2 && JS_ToBool(ctx, argv[2]) > 0, &bytes)) return JS_EXCEPTION;
  skep_handle handle = skep_value_handle(ctx, argv[0]);
  int32_t answer = magic ? skep_http_feed(handle, bytes.ptr, bytes.len) : skep_stream_write(handle, bytes.ptr, bytes.len);
  skep_bytes_free(ctx, &bytes);
  return JS_NewInt32(ctx, answer);
}

/* traffic(connection, side): bytes so far. */
static JSValue js_traffic(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewInt64(ctx, skep_traffic(skep_value_handle(ctx, argv[0]), (int32_t)number_of(ctx, argv[1])));
}

static JSValue js_address(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  char text[256];
  int32_t len = skep_address(skep_value_handle(ctx, argv[0]), (int32_t)number_of(ctx, argv[1]), text, sizeof text);
  if (len < 0) return JS_NewInt32(ctx, len);
  return JS_NewStringLen(ctx, text, len < (int32_t)sizeof text ? (size_t)len : sizeof text);
}

/* ---- Objects ---- */

/* objects(): all that are attached. */
static JSValue js_objects(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue array = JS_NewArray(ctx);
  uint32_t used = 0;
  for (uint32_t i = 0; i < objects.cap; i++)
    if (objects.pins[i].key) JS_SetPropertyUint32(ctx, array, used++, JS_DupValue(ctx, objects.pins[i].first));
  return array;
}

/* ---- Events ---- */

static void data_event(const skep_event *event, const uint8_t *payload) {
  skep_pin *found = skep_pins_find(&objects, event->handle);
  if (!found) return;
  JSContext *ctx = skep_ctx;
  JSValue object = JS_DupValue(ctx, found->first);
  if (skep_stream_fast_data(ctx, object, payload, event->len)) {
    JS_FreeValue(ctx, object);
    return;
  }
  JSValue bytes = skep_new_buffer(ctx, payload, event->len);
  JSValueConst args[] = {object, bytes, JS_NewInt32(ctx, (int32_t)event->len)};
  skep_callback(on_data, JS_UNDEFINED, 3, args);
  JS_FreeValue(ctx, bytes);
  JS_FreeValue(ctx, object);
}

/* An accepted stream is found by its listener, all else by its own handle. */
static void plain_event(const skep_event *event, const uint8_t *payload) {
  uint64_t key = event->handle;
  if (event->kind == SKEP_EV_ACCEPTED) {
    if (event->len < 8) return;
    memcpy(&key, payload, 8);
  }
  skep_pin *found = skep_pins_find(&objects, key);
  if (!found) {
    if (event->kind == SKEP_EV_ACCEPTED) skep_close((int64_t)event->handle);
    return;
  }
  JSContext *ctx = skep_ctx;
  JSValue object = JS_DupValue(ctx, found->first), kind = JS_NewInt32(ctx, event->kind);
  JSValue handle = JS_NewInt64(ctx, event->handle), value = JS_NewInt32(ctx, (int32_t)event->value);
  JSValue text = event->kind == SKEP_EV_LISTENING ? JS_NewStringLen(ctx, (const char *)payload, event->len)
                                                  : JS_NewInt32(ctx, event->flags);
  JSValueConst args[] = {object, kind, handle, value, text};
  skep_callback(objects.on_event, JS_UNDEFINED, 5, args);
  JS_FreeValue(ctx, text);
  JS_FreeValue(ctx, object);
}

/* ---- The binding ---- */

static JSValue js_setup_data(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  on_data = JS_DupValue(ctx, argv[0]);
  return JS_UNDEFINED;
}

static const JSCFunctionListEntry functions[] = {
  JS_CFUNC_DEF("setupData", 1, js_setup_data),
  JS_CFUNC_DEF("setupSocket", 5, skep_stream_setup_socket),
  JS_CFUNC_DEF("listen", 4, js_listen),
  JS_CFUNC_DEF("connect", 5, js_connect),
  JS_CFUNC_DEF("settle", 0, js_settle),
  JS_CFUNC_DEF("why", 0, js_why),
  JS_CFUNC_MAGIC_DEF("listenSet", 2, js_with_options, 0),
  JS_CFUNC_MAGIC_DEF("attach", 2, js_with_options, 1),
  JS_CFUNC_MAGIC_DEF("client", 2, js_with_options, 2),
  JS_CFUNC_MAGIC_DEF("close", 1, js_call, CALL_CLOSE),
  JS_CFUNC_MAGIC_DEF("shutdown", 1, js_call, CALL_SHUTDOWN),
  JS_CFUNC_MAGIC_DEF("reset", 1, js_call, CALL_RESET),
  JS_CFUNC_MAGIC_DEF("closeIdle", 1, js_call, CALL_CLOSE_IDLE),
  JS_CFUNC_MAGIC_DEF("closeAll", 1, js_call, CALL_CLOSE_ALL),
  JS_CFUNC_MAGIC_DEF("upgrade", 1, js_call, CALL_UPGRADE),
  JS_CFUNC_MAGIC_DEF("connections", 1, js_call, CALL_COUNT),
  JS_CFUNC_MAGIC_DEF("conn", 1, js_call, CALL_CONN),
  JS_CFUNC_DEF("ref", 2, js_ref),
  JS_CFUNC_DEF("option", 3, js_option),
  JS_CFUNC_DEF("credit", 2, js_credit),
  JS_CFUNC_MAGIC_DEF("write", 3, js_write, 0),
  JS_CFUNC_MAGIC_DEF("feed", 2, js_write, 1),
  JS_CFUNC_DEF("traffic", 2, js_traffic),
  JS_CFUNC_DEF("address", 2, js_address),
  JS_CFUNC_DEF("objects", 0, js_objects),
};

static JSValue init_binding(JSContext *ctx) {
  JSValue binding = JS_NewObject(ctx);
  JS_SetPropertyFunctionList(ctx, binding, functions, sizeof functions / sizeof functions[0]);
  skep_pins_bind(ctx, binding, &objects);
  return binding;
}

void skep_init_stream(void) {
  skep_binding("stream", init_binding);
  for (uint16_t kind = SKEP_EV_LISTENING; kind <= SKEP_EV_STREAM_CLOSED; kind++) {
    skep_on(kind, kind == SKEP_EV_STREAM_DATA ? data_event : plain_event);
  }
}
