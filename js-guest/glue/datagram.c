/* UDP sockets for lib/dgram.js and the resolver, and the system's resolver: thin calls, and events that find the object
 * of their handle. It must not know what a message means. */
#include "core.h"
#include "handles.h"

static skep_pins objects = {.type = "UDPWRAP"};

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

/* ---- Calls ---- */

/* bind(host, port, flags) */
static JSValue js_bind(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  text_arg host;
  if (!get_text(ctx, argv[0], &host)) return JS_EXCEPTION;
  int64_t answer = skep_udp_bind(host.text, host.len, (int32_t)number_of(ctx, argv[1]), (int32_t)number_of(ctx, argv[2]));
  JS_FreeCString(ctx, host.text);
  return JS_NewInt64(ctx, answer);
}

/* connect(handle, host or '', port) */
static JSValue js_connect(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  text_arg host;
  if (!get_text(ctx, argv[1], &host)) return JS_EXCEPTION;
  skep_handle handle = skep_value_handle(ctx, argv[0]);
  int32_t answer = skep_udp_connect(handle, host.text, host.len, (int32_t)number_of(ctx, argv[2]));
  JS_FreeCString(ctx, host.text);
  return JS_NewInt32(ctx, answer);
}

/* send(handle, bytes, host or '', port) */
static JSValue js_send(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_bytes bytes;
  text_arg host;
  if (!skep_bytes_get(ctx, argv[1], false, &bytes)) return JS_EXCEPTION;
  if (!get_text(ctx, argv[2], &host)) {
    skep_bytes_free(ctx, &bytes);
    return JS_EXCEPTION;
  }
  skep_handle handle = skep_value_handle(ctx, argv[0]);
  int32_t port = (int32_t)number_of(ctx, argv[3]);
  int32_t answer = skep_udp_send(handle, host.text, host.len, port, bytes.ptr, bytes.len);
  JS_FreeCString(ctx, host.text);
  skep_bytes_free(ctx, &bytes);
  return JS_NewInt32(ctx, answer);
}

/* option(handle, which, value) */
static JSValue js_option(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t which = (int32_t)number_of(ctx, argv[1]);
  return JS_NewInt32(ctx, skep_udp_option(skep_value_handle(ctx, argv[0]), which, number_of(ctx, argv[2])));
}

/* member(handle, group, interface, join) */
static JSValue js_member(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  text_arg group, interface;
  if (!get_text(ctx, argv[1], &group)) return JS_EXCEPTION;
  if (!get_text(ctx, argv[2], &interface)) {
    JS_FreeCString(ctx, group.text);
    return JS_EXCEPTION;
  }
  skep_handle handle = skep_value_handle(ctx, argv[0]);
  int32_t join = JS_ToBool(ctx, argv[3]) > 0;
  int32_t answer = skep_udp_member(handle, group.text, group.len, interface.text, interface.len, join);
  JS_FreeCString(ctx, interface.text);
  JS_FreeCString(ctx, group.text);
  return JS_NewInt32(ctx, answer);
}

/* lookup(host, family, hints, callback), magic 1: nameOf(address, port, callback): the operation, or an error number. The
 * callback gets (error number or count, Buffer of text). */
static JSValue js_names(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  text_arg host;
  if (!get_text(ctx, argv[0], &host)) return JS_EXCEPTION;
  int32_t first = (int32_t)number_of(ctx, argv[1]);
  skep_handle operation = magic ? skep_name_of(host.text, host.len, first)
                                : skep_name_lookup(host.text, host.len, first, (int32_t)number_of(ctx, argv[2]));
  JS_FreeCString(ctx, host.text);
  if (operation > 0 && !skep_operation_pin(ctx, operation, argv[magic ? 2 : 3], JS_UNDEFINED)) return JS_EXCEPTION;
  return JS_NewInt64(ctx, operation);
}

/* ---- Objects and events ---- */

/* (object, kind, value, flags) or, of a message, (object, kind, bytes, address, port). */
static void udp_event(const skep_event *event, const uint8_t *payload) {
  JSContext *ctx = skep_ctx;
  skep_pin *found = skep_pins_find(&objects, event->handle);
  if (!found) return;
  JSValue object = JS_DupValue(ctx, found->first);
  JSValue args[] = {object, JS_NewInt32(ctx, event->kind), JS_NewInt32(ctx, (int32_t)event->value),
                    JS_NewInt32(ctx, event->flags), JS_UNDEFINED};
  if (event->kind == SKEP_EV_UDP_MESSAGE && event->len >= 8) {
    uint16_t address_len, port;
    memcpy(&address_len, payload, 2);
    memcpy(&port, payload + 2, 2);
    uint32_t head = 8u + address_len;
    if (head <= event->len) {
      args[2] = skep_new_buffer(ctx, payload + head, event->len - head);
      args[3] = JS_NewStringLen(ctx, (const char *)payload + 8, address_len);
      args[4] = JS_NewInt32(ctx, port);
    }
  }
  skep_callback(objects.on_event, JS_UNDEFINED, 5, (JSValueConst *)args);
  JS_FreeValue(ctx, args[2]);
  JS_FreeValue(ctx, args[3]);
  JS_FreeValue(ctx, object);
}

static const JSCFunctionListEntry functions[] = {
  JS_CFUNC_DEF("bind", 3, js_bind),
  JS_CFUNC_DEF("connect", 3, js_connect),
  JS_CFUNC_DEF("send", 4, js_send),
  JS_CFUNC_DEF("option", 3, js_option),
  JS_CFUNC_DEF("member", 4, js_member),
  JS_CFUNC_MAGIC_DEF("lookup", 4, js_names, 0),
  JS_CFUNC_MAGIC_DEF("nameOf", 3, js_names, 1),
};

static JSValue init_binding(JSContext *ctx) {
  JSValue binding = JS_NewObject(ctx);
  JS_SetPropertyFunctionList(ctx, binding, functions, sizeof functions / sizeof functions[0]);
  skep_pins_bind(ctx, binding, &objects);
  return binding;
}

void skep_init_datagram(void) {
  skep_binding("datagram", init_binding);
  for (uint16_t kind = SKEP_EV_UDP_BOUND; kind <= SKEP_EV_UDP_CLOSED; kind++) skep_on(kind, udp_event);
}
