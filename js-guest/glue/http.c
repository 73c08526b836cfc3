/* HTTP events: a request becomes two objects and one 'request' event; bodies, ends, aborts find their exchange. It
 * must not know sockets or framing, and keeps an exchange only while something is still to come for it. */
#include "handles.h"
#include "http.h"

JSAtom http_atoms[H_NAMES];
JSValue http_hooks[HOOKS];
const char *const http_methods[] = {
#define X(name) name,
  SKEP_METHODS(X)
#undef X
};
const int http_method_count = sizeof http_methods / sizeof http_methods[0];

static const char *const atom_names[H_NAMES] = {
  "request", "finish", "close", "prefinish", "end", "data", "error", "drain", "readable", "aborted", "on",
  "writeHead", "_implicitHeader", "length", "push", "write", "set-cookie", "cookie", "content-length",
  "content-disposition", "transfer-encoding", "connection", "pause", "resume", "emit", "_dump", "url",
  "headers", "trailer", "date",
};

/* ---- Hooks ---- */

JSValue http_hook(JSContext *ctx, int hook, int argc, JSValueConst *argv) {
  return JS_Call(ctx, http_hooks[hook], JS_UNDEFINED, argc, argv);
}

JSValue http_throw(JSContext *ctx, const char *code, int argc, JSValueConst *argv) {
  JSValueConst args[5];
  JSValue name = JS_NewString(ctx, code);
  args[0] = name;
  if (argc > 4) argc = 4;
  for (int i = 0; i < argc; i++) args[i + 1] = argv[i];
  JSValue done = http_hook(ctx, HOOK_THROW, argc + 1, args);
  JS_FreeValue(ctx, name);
  if (!JS_IsException(done)) {
    JS_FreeValue(ctx, done);
    JS_ThrowInternalError(ctx, "%s", code);
  }
  return JS_EXCEPTION;
}

static void run_hook(JSContext *ctx, int hook, int argc, JSValueConst *argv) {
  JSValue done = http_hook(ctx, hook, argc, argv);
  if (JS_IsException(done)) skep_uncaught();
  JS_FreeValue(ctx, done);
  skep_after_callback();
}

/* ---- Servers ---- */

typedef struct { uint64_t handle; JSValue server; bool custom, join, strict_body; } http_server;
static http_server *servers;
static uint32_t server_count;

static http_server *find_server(uint64_t handle) {
  for (uint32_t i = 0; i < server_count; i++) {
    if (servers[i].handle == handle) return &servers[i];
  }
  return NULL;
}

/* serve(handle, server, custom, joinDuplicates, rejectBodies) */
static JSValue js_serve(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_server *grown = js_realloc(ctx, servers, (server_count + 1) * sizeof *grown);
  if (!grown) return JS_EXCEPTION;
  servers = grown;
  servers[server_count++] = (http_server){
    (uint64_t)skep_value_handle(ctx, argv[0]), JS_DupValue(ctx, argv[1]),
    JS_ToBool(ctx, argv[2]) > 0, JS_ToBool(ctx, argv[3]) > 0, JS_ToBool(ctx, argv[4]) > 0,
  };
  return JS_UNDEFINED;
}

static JSValue js_unserve(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_server *found = find_server((uint64_t)skep_value_handle(ctx, argv[0]));
  if (!found) return JS_UNDEFINED;
  JS_FreeValue(ctx, found->server);
  *found = servers[--server_count];
  return JS_UNDEFINED;
}

/* ---- Exchanges ---- */

static skep_pins exchanges = {.type = "HTTPINCOMINGMESSAGE"};
static JSValueConst dispatched[2]; /* while http_dispatching is set by dispatch() */
static bool observed;

static void let_go(JSContext *ctx, uint64_t exchange) {
  JSValue req, res;
  if (!skep_pins_take(&exchanges, exchange, &req, &res)) return;
  JS_FreeValue(ctx, req);
  JS_FreeValue(ctx, res);
}

static bool is_over(JSContext *ctx, JSValueConst req_value, JSValueConst res_value) {
  http_req *req = http_request_of(ctx, req_value);
  http_res *res = http_response_of(ctx, res_value);
  return (!res || http_response_over(res)) && (!req || (req->bits & (REQ_COMPLETE | REQ_ABORTED | REQ_UPGRADE)));
}

void http_release(JSContext *ctx, uint64_t exchange) {
  skep_pin *pin = skep_pins_find(&exchanges, exchange);
  if (pin && is_over(ctx, pin->first, pin->second)) let_go(ctx, exchange);
}

/* letGo(exchange, req, res): the connection has left HTTP. */
static JSValue js_let_go(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_req *req = argc > 1 ? http_request_of(ctx, argv[1]) : NULL;
  http_res *res = argc > 2 ? http_response_of(ctx, argv[2]) : NULL;
  if (req) req->bits |= REQ_UPGRADE | REQ_COMPLETE;
  if (res) res->exchange = 0, res->bits |= RES_DETACHED;
  let_go(ctx, (uint64_t)skep_value_handle(ctx, argv[0]));
  return JS_UNDEFINED;
}

/* ---- A request ---- */

static bool make_messages(JSContext *ctx, JSValueConst server, bool custom, JSValue pair[2]) {
  pair[0] = pair[1] = JS_UNDEFINED;
  if (custom) {
    JSValue made = http_hook(ctx, HOOK_MAKE, 1, &server);
    if (JS_IsException(made)) return false;
    pair[0] = JS_GetPropertyUint32(ctx, made, 0);
    pair[1] = JS_GetPropertyUint32(ctx, made, 1);
    JS_FreeValue(ctx, made);
    return true;
  }
  pair[0] = http_request_new(ctx, http_req_proto);
  if (JS_IsException(pair[0])) return false;
  pair[1] = http_response_new(ctx, http_res_proto, pair[0]);
  return !JS_IsException(pair[1]);
}

/* Each exchange is pinned after its callback, unless that has ended it: then nothing is to come. */
void http_pin(JSContext *ctx, uint64_t exchange, JSValueConst req, JSValueConst res) {
  if (!is_over(ctx, req, res)) skep_pins_add(ctx, &exchanges, exchange, JS_DupValue(ctx, req), JS_DupValue(ctx, res));
}

enum { SPECIAL = SKEP_REQUEST_UPGRADE | SKEP_REQUEST_EXPECT_CONTINUE | SKEP_REQUEST_EXPECT_OTHER | SKEP_REQUEST_OVER_LIMIT };

static void tell_observers(JSContext *ctx, JSValueConst server, JSValue pair[2]) {
  JSValueConst args[] = {server, pair[0], pair[1]};
  JSValue done = http_hook(ctx, HOOK_OBSERVE, 3, args);
  if (JS_IsException(done)) skep_uncaught();
  JS_FreeValue(ctx, done);
}

static void dispatch(JSContext *ctx, JSValueConst server, http_req *req, JSValue pair[2]) {
  uint64_t exchange = req->exchange;
  http_dispatching = req;
  dispatched[0] = pair[0];
  dispatched[1] = pair[1];
  if (observed) tell_observers(ctx, server, pair);
  if (req->flags & SPECIAL) {
    JSValue flags = JS_NewInt32(ctx, req->flags);
    JSValueConst args[] = {server, pair[0], pair[1], flags};
    JSValue done = http_hook(ctx, HOOK_SPECIAL, 4, args);
    if (JS_IsException(done)) skep_uncaught();
    JS_FreeValue(ctx, done);
  } else if (skep_emit(ctx, server, http_atoms[H_request], 2, (JSValueConst *)pair) < 0) {
    skep_uncaught();
  }
  http_dispatching = NULL;
  http_pin(ctx, exchange, pair[0], pair[1]);
  skep_after_callback();
  if (req->bits & REQ_TOUCHED) http_request_flow(ctx, pair[0]);
}

static void on_request(const skep_event *event, const uint8_t *payload) {
  JSContext *ctx = skep_ctx;
  const skep_request *record = (const skep_request *)payload;
  http_server *at = find_server(record->listener), options = at ? *at : (http_server){.custom = true};
  JSValue server = at ? JS_DupValue(ctx, at->server) : JS_UNDEFINED, pair[2] = {JS_UNDEFINED, JS_UNDEFINED};
  if (!at) {
    JSValue args[] = {JS_NewInt64(ctx, (int64_t)event->handle), JS_NewInt64(ctx, record->conn)};
    server = http_hook(ctx, HOOK_ORPHAN, 2, (JSValueConst *)args);
  }
  bool made = JS_IsObject(server) && make_messages(ctx, server, options.custom, pair);
  http_req *req = made ? http_request_of(ctx, pair[0]) : NULL;
  http_res *res = made ? http_response_of(ctx, pair[1]) : NULL;
  if (req && res && http_request_fill(ctx, req, event->handle, record)) {
    if (options.join) req->bits |= REQ_JOIN_DUPLICATES;
    if (options.strict_body) res->bits |= RES_STRICT_BODY;
    if (options.custom) JS_FreeValue(ctx, req->socket), req->socket = JS_UNDEFINED;
    http_response_attach(res, req);
    dispatch(ctx, server, req, pair);
  } else if (JS_HasException(ctx)) {
    skep_uncaught();
    skep_after_callback();
  }
  JS_FreeValue(ctx, pair[1]);
  JS_FreeValue(ctx, pair[0]);
  JS_FreeValue(ctx, server);
}

/* ---- What follows a request ---- */

typedef void follow_fn(JSContext *ctx, JSValueConst req, JSValueConst res, const skep_event *event, const uint8_t *payload);

static void follow(const skep_event *event, const uint8_t *payload, follow_fn *fn) {
  JSContext *ctx = skep_ctx;
  skep_pin *found = skep_pins_find(&exchanges, event->handle);
  if (!found) return;
  JSValue req = JS_DupValue(ctx, found->first), res = JS_DupValue(ctx, found->second);
  fn(ctx, req, res, event, payload);
  http_release(ctx, event->handle);
  JS_FreeValue(ctx, req);
  JS_FreeValue(ctx, res);
}

static void body(JSContext *ctx, JSValueConst req, JSValueConst res, const skep_event *event, const uint8_t *payload) {
  http_request_body(ctx, req, payload, event->len);
}

static void ended(JSContext *ctx, JSValueConst req, JSValueConst res, const skep_event *event, const uint8_t *payload) {
  http_request_ended(ctx, req, payload, event->len);
}

static void drained(JSContext *ctx, JSValueConst req, JSValueConst res, const skep_event *event, const uint8_t *payload) {
  http_response_drain(ctx, res);
}

static void abort_request(JSContext *ctx, JSValueConst value, uint32_t number);

static void done(JSContext *ctx, JSValueConst req_value, JSValueConst res, const skep_event *event, const uint8_t *payload) {
  let_go(ctx, event->handle);
  http_response_done(ctx, res);
  http_req *req = http_request_of(ctx, req_value);
  if (req && !(req->bits & REQ_COMPLETE)) { /* the connection ended before the body did */
    abort_request(ctx, req_value, 0);
    skep_after_callback();
  }
}

/* The request is destroyed with ECONNRESET unless it was read to its end: by lib, when anybody has touched it. */
static void abort_request(JSContext *ctx, JSValueConst value, uint32_t number) {
  http_req *req = http_request_of(ctx, value);
  if (!req) return;
  req->exchange = 0;
  bool read = (req->bits & REQ_COMPLETE) && (req->bits & (REQ_END_EMITTED | REQ_DESTROYED));
  bool touched = (req->bits & REQ_TOUCHED) || !JS_IsUndefined(req->state);
  if (!touched && !read) req->bits |= REQ_ABORTED | REQ_DESTROYED;
  if (!touched) return;
  JSValue errno_value = JS_NewInt32(ctx, (int32_t)number);
  JSValueConst args[] = {value, errno_value};
  JSValue done = http_hook(ctx, HOOK_ABORTED, 2, args);
  if (JS_IsException(done)) skep_uncaught();
  JS_FreeValue(ctx, done);
}

/* The client is gone: first the request hears of it, then the response closes. */
static void aborted(JSContext *ctx, JSValueConst req, JSValueConst res_value, const skep_event *event, const uint8_t *payload) {
  http_res *res = http_response_of(ctx, res_value);
  let_go(ctx, event->handle);
  abort_request(ctx, req, event->value);
  if (res && !(res->bits & RES_CLOSED)) {
    res->exchange = 0;
    res->bits |= RES_DESTROYED | RES_CLOSED | RES_DETACHED;
    if (skep_emit(ctx, res_value, http_atoms[H_close], 0, NULL) < 0) skep_uncaught();
  }
  skep_after_callback();
}

static void on_body(const skep_event *event, const uint8_t *payload) { follow(event, payload, body); }
static void on_end(const skep_event *event, const uint8_t *payload) { follow(event, payload, ended); }
static void on_drain(const skep_event *event, const uint8_t *payload) { follow(event, payload, drained); }
static void on_done(const skep_event *event, const uint8_t *payload) { follow(event, payload, done); }
static void on_aborted(const skep_event *event, const uint8_t *payload) { follow(event, payload, aborted); }

/* ---- Connections ---- */

static uint64_t read_u64(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static void on_connection(const skep_event *event, const uint8_t *payload) {
  JSContext *ctx = skep_ctx;
  http_server *at = find_server(event->len >= 8 ? read_u64(payload) : 0);
  if (!at) return;
  JSValue server = JS_DupValue(ctx, at->server), handle = JS_NewInt64(ctx, event->handle);
  JSValue conn = JS_NewInt64(ctx, event->len >= 16 ? read_u64(payload + 8) : 0);
  JSValueConst args[] = {server, handle, conn};
  run_hook(ctx, HOOK_CONNECTION, 3, args);
  JS_FreeValue(ctx, server);
}

/* u64 listener, u64 connection number, u32 bytes parsed, u16 and u16 lengths of code and message, these, the packet. */
static void on_client_error(const skep_event *event, const uint8_t *payload) {
  JSContext *ctx = skep_ctx;
  if (event->len < 24) return;
  http_server *at = find_server(read_u64(payload)); /* none: a connection over a stream of the script's own */
  uint32_t parsed;
  uint16_t lens[2];
  memcpy(&parsed, payload + 16, 4);
  memcpy(lens, payload + 20, 4);
  uint32_t start = 24 + lens[0] + lens[1];
  if (start > event->len) return;
  const char *text = (const char *)payload + 24;
  JSValue args[] = {
    at ? JS_DupValue(ctx, at->server) : JS_UNDEFINED, JS_NewInt64(ctx, event->handle), JS_NewInt64(ctx, read_u64(payload + 8)),
    JS_NewInt32(ctx, (int32_t)event->value), JS_NewInt64(ctx, parsed), JS_NewStringLen(ctx, text, lens[0]),
    JS_NewStringLen(ctx, text + lens[0], lens[1]), skep_new_buffer(ctx, payload + start, event->len - start),
  };
  run_hook(ctx, HOOK_CLIENT_ERROR, 8, (JSValueConst *)args);
  for (int i = 0; i < 8; i++) JS_FreeValue(ctx, args[i]);
}

static void on_conn_event(const skep_event *event, const uint8_t *payload) {
  JSContext *ctx = skep_ctx;
  JSValue kind = JS_NewInt32(ctx, event->kind), conn = JS_NewInt64(ctx, event->handle);
  JSValue value = JS_NewInt32(ctx, (int32_t)event->value);
  JSValue bytes = event->kind == SKEP_EV_CONN_OUT && event->len ? skep_new_buffer(ctx, payload, event->len) : JS_UNDEFINED;
  JSValueConst args[] = {kind, conn, value, bytes};
  run_hook(ctx, HOOK_CONN_EVENT, 4, args);
  JS_FreeValue(ctx, bytes);
}

/* ---- The binding ---- */

/* observe(on): whether HOOK_OBSERVE is called. */
static JSValue js_observe(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  observed = JS_ToBool(ctx, argv[0]) > 0;
  return JS_UNDEFINED;
}

typedef struct { JSValueConst first, last; http_req *first_req, *last_req; } under_way;

static void consider(JSContext *ctx, under_way *found, uint64_t conn, JSValueConst req_value, JSValueConst res_value) {
  http_req *req = http_request_of(ctx, req_value);
  http_res *res = http_response_of(ctx, res_value);
  if (!req || req->conn != conn) return;
  if (!found->last_req || req->serial > found->last_req->serial) found->last = req_value, found->last_req = req;
  if (!res || http_response_over(res) || (res->bits & RES_DETACHED)) return;
  if (!found->first_req || req->serial < found->first_req->serial) found->first = res_value, found->first_req = req;
}

/* underWay(conn): [the request that came last, the response whose turn it is] of a connection, or nulls. */
static JSValue js_under_way(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  uint64_t conn = (uint64_t)skep_value_handle(ctx, argv[0]);
  under_way found = {JS_NULL, JS_NULL, NULL, NULL};
  for (uint32_t i = 0; conn && i < exchanges.cap; i++) {
    if (exchanges.pins[i].key) consider(ctx, &found, conn, exchanges.pins[i].first, exchanges.pins[i].second);
  }
  if (conn && http_dispatching && http_dispatching->conn == conn) consider(ctx, &found, conn, dispatched[0], dispatched[1]);
  if (conn && http_ending && http_ending->conn == conn) consider(ctx, &found, conn, http_ending_value, JS_UNDEFINED);
  JSValue list = JS_NewArray(ctx);
  JS_SetPropertyUint32(ctx, list, 0, JS_DupValue(ctx, found.last));
  JS_SetPropertyUint32(ctx, list, 1, JS_DupValue(ctx, found.first));
  return list;
}

static JSValue js_setup(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  for (uint32_t i = 0; i < HOOKS; i++) http_hooks[i] = JS_GetPropertyUint32(ctx, argv[0], i);
  return JS_UNDEFINED;
}

static JSValue words(JSContext *ctx) {
  JSValue list = JS_NewArray(ctx);
  for (int i = 0; i < http_method_count; i++) JS_SetPropertyUint32(ctx, list, i, JS_NewString(ctx, http_methods[i]));
  return list;
}

static JSValue js_is_token(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  if (argc < 1) return JS_FALSE;
  size_t len;
  const char *text = JS_ToCStringLen(ctx, &len, argv[0]);
  if (!text) return JS_EXCEPTION;
  bool good = http_is_token(text, len);
  JS_FreeCString(ctx, text);
  return JS_NewBool(ctx, good);
}

/* hasBadChar(value): a character that no header may carry. */
static JSValue js_has_bad_char(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  bool bad = false;
  if (!http_add_latin1(ctx, NULL, argc > 0 ? argv[0] : JS_UNDEFINED, &bad)) return JS_EXCEPTION;
  return JS_NewBool(ctx, bad);
}

static JSValue init_binding(JSContext *ctx) {
  JSValue binding = JS_NewObject(ctx);
  for (int i = 0; i < H_NAMES; i++) http_atoms[i] = JS_NewAtom(ctx, atom_names[i]);
  for (int i = 0; i < HOOKS; i++) http_hooks[i] = JS_UNDEFINED;
  http_request_init(ctx, binding);
  http_response_init(ctx, binding);
  http_client_init(ctx, binding);
  JS_SetPropertyStr(ctx, binding, "methods", words(ctx));
  JS_SetPropertyStr(ctx, binding, "setup", JS_NewCFunction(ctx, js_setup, "setup", 1));
  JS_SetPropertyStr(ctx, binding, "serve", JS_NewCFunction(ctx, js_serve, "serve", 5));
  JS_SetPropertyStr(ctx, binding, "unserve", JS_NewCFunction(ctx, js_unserve, "unserve", 1));
  JS_SetPropertyStr(ctx, binding, "observe", JS_NewCFunction(ctx, js_observe, "observe", 1));
  JS_SetPropertyStr(ctx, binding, "underWay", JS_NewCFunction(ctx, js_under_way, "underWay", 1));
  JS_SetPropertyStr(ctx, binding, "letGo", JS_NewCFunction(ctx, js_let_go, "letGo", 1));
  JS_SetPropertyStr(ctx, binding, "isToken", JS_NewCFunction(ctx, js_is_token, "isToken", 1));
  JS_SetPropertyStr(ctx, binding, "hasBadChar", JS_NewCFunction(ctx, js_has_bad_char, "hasBadChar", 1));
  return binding;
}

void skep_init_http(void) {
  skep_binding("http", init_binding);
  skep_on(SKEP_EV_HTTP_REQUEST, on_request);
  skep_on(SKEP_EV_HTTP_BODY, on_body);
  skep_on(SKEP_EV_HTTP_END, on_end);
  skep_on(SKEP_EV_HTTP_DRAIN, on_drain);
  skep_on(SKEP_EV_HTTP_DONE, on_done);
  skep_on(SKEP_EV_HTTP_ABORTED, on_aborted);
  skep_on(SKEP_EV_HTTP_CONNECTION, on_connection);
  skep_on(SKEP_EV_CLIENT_ERROR, on_client_error);
  skep_on(SKEP_EV_CONN_CLOSED, on_conn_event);
  skep_on(SKEP_EV_CONN_OUT, on_conn_event);
  skep_on(SKEP_EV_CONN_TIMEOUT, on_conn_event);
  skep_on(SKEP_EV_CONN_END, on_conn_event);
}
