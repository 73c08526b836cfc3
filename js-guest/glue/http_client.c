/* The client role: heads of responses become IncomingMessages, which lib gives to the request they answer; bodies and
 * ends find them as they find requests (http.c), by the stream's handle. It must not know which request that is. */
#include "http.h"

static JSValue on_response, on_fault;

static void run(JSContext *ctx, JSValue fn, int argc, JSValueConst *argv) {
  JSValue done = JS_Call(ctx, fn, JS_UNDEFINED, argc, argv);
  if (JS_IsException(done)) skep_uncaught();
  JS_FreeValue(ctx, done);
}

/* onResponse(handle, res, status, reason, flags, bytes of head and body) */
static void response_event(const skep_event *event, const uint8_t *payload) {
  JSContext *ctx = skep_ctx;
  const skep_request *record = (const skep_request *)payload;
  JSValue value = http_request_new(ctx, http_req_proto);
  http_req *req = JS_IsException(value) ? NULL : http_request_of(ctx, value);
  if (!req || !http_request_fill(ctx, req, event->handle, record)) {
    JS_FreeValue(ctx, value);
    skep_uncaught();
    return;
  }
  JSValue handle = JS_NewInt64(ctx, event->handle), status = JS_NewInt32(ctx, (int32_t)record->conn);
  JSValue reason = http_latin1(ctx, http_raw_of(req) + record->target, record->target_len);
  JSValue flags = JS_NewInt32(ctx, record->flags), size = JS_NewInt64(ctx, (int64_t)record->raw_len + record->body_len);
  req->target_len = 0;
  req->conn = 0;
  JSValueConst args[] = {handle, value, status, reason, flags, size};
  http_dispatching = req;
  run(ctx, on_response, 6, args);
  http_dispatching = NULL;
  http_pin(ctx, event->handle, value, JS_UNDEFINED);
  skep_after_callback();
  if (req->bits & REQ_TOUCHED) http_request_flow(ctx, value);
  JS_FreeValue(ctx, reason);
  JS_FreeValue(ctx, value);
}

/* u32 bytes parsed, u16 and u16 lengths of code and message, these, the packet. */
static void fault_event(const skep_event *event, const uint8_t *payload) {
  JSContext *ctx = skep_ctx;
  uint32_t parsed;
  uint16_t lens[2];
  if (event->len < 8) return;
  memcpy(&parsed, payload, 4);
  memcpy(lens, payload + 4, 4);
  uint32_t start = 8 + lens[0] + lens[1];
  if (start > event->len) return;
  const char *text = (const char *)payload + 8;
  JSValue args[] = {
    JS_NewInt64(ctx, event->handle), JS_NewInt64(ctx, parsed), JS_NewStringLen(ctx, text, lens[0]),
    JS_NewStringLen(ctx, text + lens[0], lens[1]), skep_new_buffer(ctx, payload + start, event->len - start),
  };
  run(ctx, on_fault, 5, (JSValueConst *)args);
  for (int i = 0; i < 5; i++) JS_FreeValue(ctx, args[i]);
  skep_after_callback();
}

/* setupClient(onResponse, onFault) */
static JSValue js_setup(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  on_response = JS_DupValue(ctx, argv[0]);
  on_fault = JS_DupValue(ctx, argv[1]);
  return JS_UNDEFINED;
}

/* expect(handle, kind) */
static JSValue js_expect(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t kind = 0;
  if (JS_ToInt32(ctx, &kind, argv[1])) return JS_EXCEPTION;
  skep_async_renew(skep_value_handle(ctx, argv[0]), "HTTPCLIENTREQUEST");
  return JS_NewInt32(ctx, skep_http_expect(skep_value_handle(ctx, argv[0]), kind));
}

void http_client_init(JSContext *ctx, JSValue binding) {
  on_response = on_fault = JS_UNDEFINED;
  JS_SetPropertyStr(ctx, binding, "setupClient", JS_NewCFunction(ctx, js_setup, "setupClient", 2));
  JS_SetPropertyStr(ctx, binding, "expect", JS_NewCFunction(ctx, js_expect, "expect", 2));
  skep_on(SKEP_EV_HTTP_RESPONSE, response_event);
  skep_on(SKEP_EV_HTTP_FAULT, fault_event);
}
