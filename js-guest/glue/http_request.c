/* IncomingMessage: an opaque object with accessors on its prototype; whatever a script does not touch is
 * never made. Its body flows to 'data' and 'end' listeners from here until something asks for
 * `_readableState`; from then on lib's Readable has it. It must not know how a head is parsed. */
#include "http.h"

JSClassID http_req_class;
JSValue http_req_proto;
http_req *http_dispatching, *http_ending;
JSValueConst http_ending_value;
static JSValue readable_on, carrier_symbol, flow_tick;
static JSAtom carrier;

/* ---- The class ---- */

static void finalizer(JSRuntime *rt, JSValueConst value) {
  http_req *req = JS_GetOpaque(value, http_req_class);
  if (!req) return;
  JS_FreeValueRT(rt, req->url);
  JS_FreeValueRT(rt, req->headers);
  JS_FreeValueRT(rt, req->body);
  JS_FreeValueRT(rt, req->state);
  JS_FreeValueRT(rt, req->socket);
  JS_FreeValueRT(rt, req->trailers);
  js_free_rt(rt, req->head);
  js_free_rt(rt, req);
}

static void mark(JSRuntime *rt, JSValueConst value, JS_MarkFunc *fn) {
  http_req *req = JS_GetOpaque(value, http_req_class);
  if (!req) return;
  JS_MarkValue(rt, req->url, fn);
  JS_MarkValue(rt, req->headers, fn);
  JS_MarkValue(rt, req->body, fn);
  JS_MarkValue(rt, req->state, fn);
  JS_MarkValue(rt, req->socket, fn);
  JS_MarkValue(rt, req->trailers, fn);
}

static const JSClassDef class_def = {"IncomingMessage", .finalizer = finalizer, .gc_mark = mark};

JSValue http_request_new(JSContext *ctx, JSValueConst proto) {
  JSValue value = JS_NewObjectProtoClass(ctx, proto, http_req_class);
  if (JS_IsException(value)) return value;
  http_req *req = js_mallocz(ctx, sizeof *req);
  if (!req) {
    JS_FreeValue(ctx, value);
    return JS_EXCEPTION;
  }
  req->headers = req->body = req->state = req->socket = req->trailers = JS_UNDEFINED;
  req->url = JS_UNINITIALIZED; /* not made yet; a script may well set it to undefined */
  JS_SetOpaque(value, req);
  return value;
}

/* `IncomingMessage.call(this, socket)` of an old-style subclass leaves a carrier on `this`. */
http_req *http_request_of(JSContext *ctx, JSValueConst value) {
  http_req *req = JS_GetOpaque(value, http_req_class);
  if (req || !JS_IsObject(value)) return req;
  JSValue held = JS_GetProperty(ctx, value, carrier);
  if (JS_IsObject(held)) req = JS_GetOpaque(held, http_req_class);
  JS_FreeValue(ctx, held);
  JSValue at = JS_DupValue(ctx, value);
  for (int depth = 0; !req && depth < 8 && JS_IsObject(at); depth++) { /* Object.create(req) */
    JSValue up = JS_GetPrototype(ctx, at);
    JS_FreeValue(ctx, at);
    at = up;
    req = JS_GetOpaque(at, http_req_class);
  }
  JS_FreeValue(ctx, at);
  return req;
}

/* newRequest(prototype, socket) and adoptRequest(object, socket), for lib's constructor. */
static JSValue js_new(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  JSValue value = http_request_new(ctx, magic ? http_req_proto : argv[0]);
  http_req *req = JS_IsException(value) ? NULL : JS_GetOpaque(value, http_req_class);
  if (!req) return value;
  req->socket = argc > 1 ? JS_DupValue(ctx, argv[1]) : JS_UNDEFINED;
  if (!magic) return value;
  JS_DefinePropertyValue(ctx, argv[0], carrier, value, JS_PROP_CONFIGURABLE);
  return JS_UNDEFINED;
}

/* Takes a request's head out of the inbox: one copy, kept until the object dies. */
bool http_request_fill(JSContext *ctx, http_req *req, uint64_t exchange, const skep_request *record) {
  uint32_t fields = record->field_count * sizeof(skep_field);
  static uint32_t serials;
  req->serial = ++serials;
  req->head = js_malloc(ctx, fields + record->raw_len + 1);
  if (!req->head) return false;
  memcpy(req->head, record + 1, fields + record->raw_len);
  req->exchange = exchange;
  req->conn = record->conn;
  req->listener = record->listener;
  req->field_count = record->field_count;
  req->raw_len = record->raw_len;
  req->target = record->target;
  req->target_len = record->target_len;
  req->flags = record->flags;
  req->method = record->method;
  req->minor = record->minor;
  if (record->flags & SKEP_REQUEST_COMPLETE) req->bits |= REQ_COMPLETE;
  if (record->body_len) {
    const uint8_t *body = (const uint8_t *)(record + 1) + fields + record->raw_len;
    req->body = skep_new_buffer(ctx, body, record->body_len);
    req->owed = record->body_len;
  }
  return true;
}

/* ---- Accessors ---- */

enum {
  G_METHOD, G_URL, G_HEADERS, G_RAW_HEADERS, G_VERSION, G_MAJOR, G_MINOR, G_COMPLETE, G_ABORTED, G_UPGRADE,
  G_SOCKET, G_CONNECTION, G_STATE, G_CONSUMED, G_DUMPED, G_RAW_TRAILERS, G_JOIN, G_COUNT
};
static const char *const getters[G_COUNT] = {
  "method", "url", "headers", "rawHeaders", "httpVersion", "httpVersionMajor", "httpVersionMinor", "complete",
  "aborted", "upgrade", "socket", "connection", "_readableState", "_consumed", "_dumped", "rawTrailers",
  "joinDuplicateHeaders",
};
static JSAtom getter_atoms[G_COUNT];

/* An own property takes the accessor's place. */
static JSValue shadow(JSContext *ctx, JSValueConst self, int magic, JSValue value) {
  if (JS_IsException(value)) return value;
  JS_DefinePropertyValue(ctx, self, getter_atoms[magic], JS_DupValue(ctx, value), JS_PROP_C_W_E);
  return value;
}

/* What there was no memory for is made again when it is asked for again. */
static JSValue keep(JSContext *ctx, JSValue *place, JSValue made) {
  if (JS_IsException(made)) return made;
  *place = made;
  return JS_DupValue(ctx, made);
}

static JSValue socket_of(JSContext *ctx, http_req *req) {
  if (JS_IsUndefined(req->socket) && req->conn) {
    JSValue conn = JS_NewInt64(ctx, req->conn), exchange = JS_NewInt64(ctx, req->exchange);
    JSValue listener = JS_NewInt64(ctx, req->listener);
    JSValueConst args[] = {exchange, conn, listener, JS_NewInt64(ctx, req->named)};
    req->socket = http_hook(ctx, HOOK_SOCKET, 4, args);
  }
  if (JS_IsException(req->socket)) {
    req->socket = JS_UNDEFINED;
    return JS_EXCEPTION;
  }
  return JS_DupValue(ctx, req->socket);
}

static JSValue state_of(JSContext *ctx, JSValueConst self, http_req *req) {
  if (JS_IsUndefined(req->state)) {
    JSValue made = http_hook(ctx, HOOK_STATE, 1, &self);
    if (JS_IsException(made)) return made;
    if (JS_IsUndefined(req->state)) req->state = made; /* lib has set it already, to fill it */
    else JS_FreeValue(ctx, made);
  }
  return JS_DupValue(ctx, req->state);
}

static JSValue get_text(JSContext *ctx, JSValueConst self, http_req *req, int magic) {
  switch (magic) {
    case G_METHOD:
      if (!req->head || req->method >= http_method_count) return JS_NULL;
      return JS_NewString(ctx, http_methods[req->method]);
    case G_URL:
      if (!JS_IsUninitialized(req->url)) return JS_DupValue(ctx, req->url);
      if (!req->head) return JS_NewString(ctx, "");
      return keep(ctx, &req->url, http_latin1(ctx, http_raw_of(req) + req->target, req->target_len));
    case G_HEADERS:
      if (!JS_IsUndefined(req->headers)) return JS_DupValue(ctx, req->headers);
      return keep(ctx, &req->headers, req->head ? http_request_headers(ctx, req) : JS_NewObject(ctx));
    case G_RAW_HEADERS:
      return shadow(ctx, self, magic, req->head ? http_request_raw_headers(ctx, req) : JS_NewArray(ctx));
    case G_VERSION:
      if (!req->head) return JS_NULL;
      return JS_NewString(ctx, req->minor ? "1.1" : "1.0");
    case G_RAW_TRAILERS:
      if (JS_IsUndefined(req->trailers)) req->trailers = JS_NewArray(ctx);
      return JS_DupValue(ctx, req->trailers);
  }
  return JS_UNDEFINED;
}

static JSValue js_get(JSContext *ctx, JSValueConst self, int magic) {
  http_req *req = http_request_of(ctx, self);
  if (!req) return JS_UNDEFINED;
  switch (magic) {
    case G_MAJOR: return req->head ? JS_NewInt32(ctx, 1) : JS_NULL;
    case G_MINOR: return req->head ? JS_NewInt32(ctx, req->minor) : JS_NULL;
    /* As in Node, where the end of a message is noticed only after its 'request' callback. */
    case G_COMPLETE: return JS_NewBool(ctx, (req->bits & REQ_COMPLETE) && req != http_dispatching);
    case G_ABORTED: return JS_NewBool(ctx, req->bits & REQ_ABORTED);
    case G_UPGRADE: return req->head ? JS_NewBool(ctx, req->bits & REQ_UPGRADE) : JS_NULL;
    case G_SOCKET:
    case G_CONNECTION: return socket_of(ctx, req);
    case G_STATE: return state_of(ctx, self, req);
    case G_CONSUMED: return JS_NewBool(ctx, req->bits & (REQ_CONSUMED | REQ_FLOWING));
    case G_DUMPED: return JS_NewBool(ctx, req->bits & REQ_DUMPED);
    case G_JOIN: return JS_NewBool(ctx, req->bits & REQ_JOIN_DUPLICATES);
  }
  return get_text(ctx, self, req, magic);
}

static void put(JSContext *ctx, JSValue *slot, JSValueConst value) {
  JSValue before = *slot;
  *slot = JS_DupValue(ctx, value);
  JS_FreeValue(ctx, before);
}

static void put_bit(JSContext *ctx, http_req *req, uint32_t bit, JSValueConst value) {
  if (JS_ToBool(ctx, value) > 0) req->bits |= bit;
  else req->bits &= ~bit;
}

static JSValue js_set(JSContext *ctx, JSValueConst self, JSValueConst value, int magic) {
  http_req *req = JS_GetOpaque(self, http_req_class);
  if (!req && magic != G_STATE) {
    JSValue held = JS_IsObject(self) ? JS_GetProperty(ctx, self, carrier) : JS_UNDEFINED;
    if (JS_IsObject(held)) req = JS_GetOpaque(held, http_req_class);
    JS_FreeValue(ctx, held);
  } else if (!req) {
    req = http_request_of(ctx, self);
  }
  if (req) {
    switch (magic) {
      case G_URL: put(ctx, &req->url, value); return JS_UNDEFINED;
      case G_HEADERS: put(ctx, &req->headers, value); return JS_UNDEFINED;
      case G_STATE: put(ctx, &req->state, value); return JS_UNDEFINED;
      case G_RAW_TRAILERS: put(ctx, &req->trailers, value); return JS_UNDEFINED;
      case G_SOCKET: case G_CONNECTION: put(ctx, &req->socket, value); return JS_UNDEFINED;
      case G_COMPLETE: put_bit(ctx, req, REQ_COMPLETE, value); return JS_UNDEFINED;
      case G_ABORTED: put_bit(ctx, req, REQ_ABORTED, value); return JS_UNDEFINED;
      case G_CONSUMED: put_bit(ctx, req, REQ_CONSUMED, value); return JS_UNDEFINED;
      case G_DUMPED: put_bit(ctx, req, REQ_DUMPED, value); return JS_UNDEFINED;
      case G_UPGRADE: put_bit(ctx, req, REQ_UPGRADE, value); return JS_UNDEFINED;
      case G_JOIN: put_bit(ctx, req, REQ_JOIN_DUPLICATES, value); return JS_UNDEFINED;
    }
  }
  if (!JS_IsObject(self)) return JS_UNDEFINED;
  JS_DefinePropertyValue(ctx, self, getter_atoms[magic], JS_DupValue(ctx, value), JS_PROP_C_W_E);
  return JS_UNDEFINED;
}

/* requestInfo(req): [exchange, conn, bits, flags, method number] for lib. */
static JSValue js_info(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_req *req = http_request_of(ctx, argv[0]);
  if (!req) return JS_NULL;
  JSValue list = JS_NewArray(ctx);
  JS_SetPropertyUint32(ctx, list, 0, JS_NewInt64(ctx, req->exchange));
  JS_SetPropertyUint32(ctx, list, 1, JS_NewInt64(ctx, req->conn));
  JS_SetPropertyUint32(ctx, list, 2, JS_NewInt32(ctx, req->bits));
  JS_SetPropertyUint32(ctx, list, 3, JS_NewInt32(ctx, req->flags));
  JS_SetPropertyUint32(ctx, list, 4, JS_NewInt64(ctx, req->listener));
  return list;
}

/* markRequest(req, bits): sets states that lib has brought about. */
static JSValue js_mark(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_req *req = http_request_of(ctx, argv[0]);
  int32_t bits = 0;
  JS_ToInt32(ctx, &bits, argv[1]);
  if (req) req->bits |= (uint32_t)bits;
  return JS_UNDEFINED;
}

/* takeBody(req): what has arrived, as a Buffer or an Array of them, or undefined. */
static JSValue js_take_body(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_req *req = http_request_of(ctx, argv[0]);
  if (!req) return JS_UNDEFINED;
  JSValue body = req->body;
  req->body = JS_UNDEFINED;
  if (!req->told) return body;
  JSValue from = JS_NewUint32(ctx, req->told);
  req->told = 0;
  JSAtom slice = JS_NewAtom(ctx, "slice");
  JSValue rest = JS_Invoke(ctx, body, slice, 1, (JSValueConst *)&from);
  JS_FreeAtom(ctx, slice);
  JS_FreeValue(ctx, body);
  return rest;
}

static void grant(http_req *req, uint32_t bytes) {
  if (bytes && req->exchange && !(req->bits & REQ_COMPLETE)) skep_credit((int64_t)req->exchange, (int32_t)bytes);
}

/* As in Node, a socket that a script has touched is paused while the reader of its request is behind. */
static void tell_socket(JSContext *ctx, http_req *req, int how) {
  JSValue socket = JS_DupValue(ctx, req->socket);
  req->bits ^= REQ_STOPPED;
  JSValue done = JS_Invoke(ctx, socket, http_atoms[how], 0, NULL);
  if (JS_IsException(done)) skep_uncaught();
  JS_FreeValue(ctx, done);
  JS_FreeValue(ctx, socket);
}

static void stop_socket(JSContext *ctx, http_req *req) {
  enum { BEHIND = 16384 };
  if (req->conn && req->owed >= BEHIND && !(req->bits & REQ_STOPPED) && JS_IsObject(req->socket)) tell_socket(ctx, req, H_pause);
}

static void owe_nothing(JSContext *ctx, http_req *req) {
  grant(req, req->owed);
  req->owed = 0;
  if (req->bits & REQ_STOPPED) tell_socket(ctx, req, H_resume);
}

/* grantCredit(req): the reader has taken what was pushed. */
static JSValue js_grant(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_req *req = http_request_of(ctx, argv[0]);
  if (req) owe_nothing(ctx, req);
  return JS_UNDEFINED;
}

/* ---- Flow ---- */

static void tell(JSContext *ctx, JSValueConst self, JSAtom event, int argc, JSValueConst *argv) {
  if (skep_emit(ctx, self, event, argc, argv) < 0) skep_uncaught();
}

/* One piece: a listener may stop the flow after any. */
static void flow_body(JSContext *ctx, JSValueConst self, http_req *req) {
  int64_t count = 0;
  owe_nothing(ctx, req); /* may run the script, which may dump the body */
  JSValue piece = req->body;
  if (JS_IsUndefined(piece)) return;
  if (JS_IsArray(piece)) {
    JS_GetLength(ctx, piece, &count);
    piece = JS_GetPropertyUint32(ctx, req->body, req->told++);
  }
  if (req->told >= count) {
    if (count) JS_FreeValue(ctx, req->body);
    req->body = JS_UNDEFINED;
    req->told = 0;
  }
  tell(ctx, self, http_atoms[H_data], 1, (JSValueConst *)&piece);
  JS_FreeValue(ctx, piece);
}

/* A listener of `req` nearly always holds `res`, and that holds `req`: a circle a request, which only the cycle
 * collector would find. Nothing more is emitted after 'close', so the listeners go. */
static void drop_listeners(JSContext *ctx, JSValueConst self) {
  static JSAtom events, count;
  if (!events) {
    events = JS_NewAtom(ctx, "_events");
    count = JS_NewAtom(ctx, "_eventsCount");
  }
  JS_SetProperty(ctx, self, events, JS_UNDEFINED);
  JS_SetProperty(ctx, self, count, JS_NewInt32(ctx, 0));
}

/* One thing that is due to the listeners of a flowing request; false when nothing is. Each is followed by
 * ticks and jobs, as in Node, where they come in ticks of their own. */
static bool flow_step(JSContext *ctx, JSValueConst self, http_req *req) {
  if (!JS_IsUndefined(req->state) || !(req->bits & (REQ_FLOWING | REQ_DUMPED))) return false;
  if (!JS_IsUndefined(req->body)) {
    flow_body(ctx, self, req);
    return true;
  }
  if (!(req->bits & REQ_COMPLETE) || (req->bits & REQ_ABORTED)) return false;
  if (!(req->bits & REQ_END_EMITTED)) {
    req->bits |= REQ_END_EMITTED | REQ_CONSUMED;
    http_ending = req;
    http_ending_value = self;
    tell(ctx, self, http_atoms[H_end], 0, NULL);
    http_ending = NULL;
    return true;
  }
  if (req->bits & REQ_CLOSE_EMITTED) return false;
  req->bits |= REQ_CLOSE_EMITTED | REQ_DESTROYED;
  tell(ctx, self, http_atoms[H_close], 0, NULL);
  drop_listeners(ctx, self);
  return true;
}

/* From an event: ticks and jobs run between the steps. */
void http_request_flow(JSContext *ctx, JSValueConst self) {
  http_req *req = http_request_of(ctx, self);
  while (req && flow_step(ctx, self, req)) skep_after_callback();
}

static void queue_flow(JSContext *ctx, JSValueConst self, http_req *req);

static JSValue js_flow_tick(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_req *req = http_request_of(ctx, argv[0]);
  if (!req) return JS_UNDEFINED;
  req->bits &= ~REQ_QUEUED;
  if (flow_step(ctx, argv[0], req)) queue_flow(ctx, argv[0], req);
  return JS_UNDEFINED;
}

static void queue_flow(JSContext *ctx, JSValueConst self, http_req *req) {
  if ((req->bits & REQ_QUEUED) || req == http_dispatching) return; /* dispatch flows by itself */
  req->bits |= REQ_QUEUED;
  JSValueConst args[] = {flow_tick, self};
  JS_FreeValue(ctx, http_hook(ctx, HOOK_NEXT_TICK, 2, args));
}

/* on, addListener: 'data' starts the flow; a request with a state, or one made by hand, is a Readable. */
static JSValue js_on(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_req *req = http_request_of(ctx, self);
  JSAtom type = argc > 1 ? JS_ValueToAtom(ctx, argv[0]) : JS_ATOM_NULL;
  bool plain = req && req->exchange && JS_IsUndefined(req->state) && type != JS_ATOM_NULL &&
               type != http_atoms[H_readable] && JS_IsFunction(ctx, argv[1]);
  JSValue result;
  if (!plain) {
    result = JS_Call(ctx, readable_on, self, argc, argv);
  } else if (skep_add_listener(ctx, self, type, argv[1], false) < 0) {
    result = JS_EXCEPTION;
  } else {
    req->bits |= REQ_TOUCHED;
    /* Nobody had asked for its end when its response ended. */
    bool late = (req->bits & REQ_LET_GO) && (type == http_atoms[H_end] || type == http_atoms[H_close]);
    if (late) http_request_dump(ctx, self, req);
    if (type == http_atoms[H_data] && !(req->bits & REQ_FLOWING)) {
      req->bits |= REQ_FLOWING;
      queue_flow(ctx, self, req);
    }
    result = JS_DupValue(ctx, self);
  }
  JS_FreeAtom(ctx, type);
  return result;
}

/* ---- What the host brings ---- */

static void push(JSContext *ctx, JSValueConst self, http_req *req, JSValue chunk, uint32_t len) {
  JSValue more = JS_Invoke(ctx, self, http_atoms[H_push], 1, (JSValueConst *)&chunk);
  JS_FreeValue(ctx, chunk);
  if (JS_IsException(more)) skep_uncaught();
  else if (JS_ToBool(ctx, more) > 0) grant(req, len);
  else req->owed += len, stop_socket(ctx, req);
  JS_FreeValue(ctx, more);
}

void http_request_body(JSContext *ctx, JSValueConst self, const uint8_t *bytes, uint32_t len) {
  http_req *req = http_request_of(ctx, self);
  if (!req || (req->bits & REQ_ABORTED)) return;
  if (JS_IsUndefined(req->state) && (req->bits & REQ_DUMPED)) {
    grant(req, len);
    return;
  }
  JSValue chunk = skep_new_buffer(ctx, bytes, len);
  if (JS_IsException(chunk)) {
    skep_uncaught();
  } else if (!JS_IsUndefined(req->state)) {
    push(ctx, self, req, chunk, len);
  } else if ((req->bits & REQ_FLOWING) && JS_IsUndefined(req->body)) {
    grant(req, len);
    tell(ctx, self, http_atoms[H_data], 1, (JSValueConst *)&chunk);
    JS_FreeValue(ctx, chunk);
  } else {
    req->owed += len;
    if (!JS_IsArray(req->body)) {
      JSValue list = JS_NewArray(ctx);
      if (!JS_IsUndefined(req->body)) JS_SetPropertyUint32(ctx, list, 0, req->body);
      req->body = list;
    }
    int64_t count = 0;
    JS_GetLength(ctx, req->body, &count);
    JS_SetPropertyInt64(ctx, req->body, count, chunk);
    stop_socket(ctx, req);
  }
  skep_after_callback();
}

static JSValue parse_trailers(JSContext *ctx, const uint8_t *text, uint32_t len) {
  JSValue list = JS_NewArray(ctx);
  uint32_t n = 0, at = 0;
  while (at < len) {
    uint32_t end = at, colon = at;
    while (end + 1 < len && !(text[end] == '\r' && text[end + 1] == '\n')) end++;
    while (colon < end && text[colon] != ':') colon++;
    if (colon == end) break;
    uint32_t value = colon + 1;
    while (value < end && (text[value] == ' ' || text[value] == '\t')) value++;
    JS_SetPropertyUint32(ctx, list, n++, http_latin1(ctx, text + at, colon - at));
    JS_SetPropertyUint32(ctx, list, n++, http_latin1(ctx, text + value, end - value));
    at = end + 2;
  }
  return list;
}

void http_request_ended(JSContext *ctx, JSValueConst self, const uint8_t *trailers, uint32_t len) {
  http_req *req = http_request_of(ctx, self);
  if (!req || (req->bits & REQ_ABORTED)) return;
  req->bits |= REQ_COMPLETE;
  if (len) {
    JSValue list = parse_trailers(ctx, trailers, len);
    put(ctx, &req->trailers, list);
    JS_FreeValue(ctx, list);
  }
  if (!JS_IsUndefined(req->state)) push(ctx, self, req, JS_NULL, 0);
  else http_request_flow(ctx, self);
  skep_after_callback();
}

/* ---- A body that nobody reads ---- */

bool http_request_needs_dump(JSContext *ctx, JSValueConst self, http_req *req) {
  if (req->bits & (REQ_DUMPED | REQ_CONSUMED | REQ_FLOWING)) return false;
  const JSAtom wanted[] = {http_atoms[H_end], http_atoms[H_close]};
  if (JS_IsUndefined(req->state) && !skep_has_any_listener(ctx, self, wanted, 2)) return false;
  /* They will hear of it when the exchange is gone, and may ask for the socket then. */
  if (!req->named && req->exchange && JS_IsUndefined(req->socket)) req->named = skep_http_conn((int64_t)req->exchange);
  return true;
}

void http_request_dump(JSContext *ctx, JSValueConst self, http_req *req) {
  if (req->bits & (REQ_DUMPED | REQ_CONSUMED | REQ_FLOWING)) return;
  if (!JS_IsUndefined(req->state)) {
    JSValue done = JS_Invoke(ctx, self, http_atoms[H__dump], 0, NULL);
    if (JS_IsException(done)) skep_uncaught();
    JS_FreeValue(ctx, done);
    return;
  }
  req->bits |= REQ_DUMPED;
  owe_nothing(ctx, req);
  JS_FreeValue(ctx, req->body);
  req->body = JS_UNDEFINED;
  req->told = 0;
  if (req->bits & REQ_TOUCHED) queue_flow(ctx, self, req);
}

/* ---- The binding ---- */

/* setupRequest(IncomingMessage.prototype, Readable.prototype.on) */
static JSValue js_setup(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_req_proto = JS_DupValue(ctx, argv[0]);
  readable_on = JS_DupValue(ctx, argv[1]);
  for (int i = 0; i < G_COUNT; i++) {
    getter_atoms[i] = JS_NewAtom(ctx, getters[i]);
    JSCFunctionType get = {.getter_magic = js_get}, set = {.setter_magic = js_set};
    JSValue getter = JS_NewCFunction2(ctx, get.generic, getters[i], 0, JS_CFUNC_getter_magic, i);
    JSValue setter = JS_NewCFunction2(ctx, set.generic, getters[i], 1, JS_CFUNC_setter_magic, i);
    JS_DefinePropertyGetSet(ctx, http_req_proto, getter_atoms[i], getter, setter,
                            JS_PROP_CONFIGURABLE | JS_PROP_HAS_CONFIGURABLE);
  }
  JSValue on = JS_NewCFunction(ctx, js_on, "on", 2);
  JS_DefinePropertyValueStr(ctx, http_req_proto, "addListener", JS_DupValue(ctx, on), JS_PROP_C_W_E);
  JS_DefinePropertyValueStr(ctx, http_req_proto, "on", on, JS_PROP_C_W_E);
  return JS_UNDEFINED;
}

void http_request_init(JSContext *ctx, JSValue binding) {
  JSRuntime *rt = JS_GetRuntime(ctx);
  JS_NewClassID(rt, &http_req_class);
  JS_NewClass(rt, http_req_class, &class_def);
  http_req_proto = readable_on = JS_UNDEFINED;
  http_fields_init(ctx, binding);
  carrier_symbol = JS_NewSymbol(ctx, "kRequest", false);
  carrier = JS_ValueToAtom(ctx, carrier_symbol);
  flow_tick = JS_NewCFunction(ctx, js_flow_tick, "flow", 1);
  JSValue adopt = JS_NewCFunctionMagic(ctx, js_new, "adoptRequest", 2, JS_CFUNC_generic_magic, 1);
  JS_SetPropertyStr(ctx, binding, "newRequest", JS_NewCFunctionMagic(ctx, js_new, "newRequest", 2, JS_CFUNC_generic_magic, 0));
  JS_SetPropertyStr(ctx, binding, "adoptRequest", adopt);
  JS_SetPropertyStr(ctx, binding, "setupRequest", JS_NewCFunction(ctx, js_setup, "setupRequest", 2));
  JS_SetPropertyStr(ctx, binding, "requestInfo", JS_NewCFunction(ctx, js_info, "requestInfo", 1));
  JS_SetPropertyStr(ctx, binding, "markRequest", JS_NewCFunction(ctx, js_mark, "markRequest", 2));
  JS_SetPropertyStr(ctx, binding, "takeBody", JS_NewCFunction(ctx, js_take_body, "takeBody", 1));
  JS_SetPropertyStr(ctx, binding, "grantCredit", JS_NewCFunction(ctx, js_grant, "grantCredit", 1));
}
