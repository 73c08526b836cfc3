/* OutgoingMessage and ServerResponse: an opaque object with accessors, the header calls and writeHead. What is
 * sent, and when, is in http_write.c. It must not know how a message is framed: a status, a block of lines
 * and a few flags go to the host, which adds Date, Connection, Content-Length and Transfer-Encoding. */
#include "http.h"

JSClassID http_res_class;
JSValue http_res_proto;
static JSValue outgoing_proto, carrier_symbol, write_head_fn, implicit_fn;
static JSAtom carrier;

/* ---- The class ---- */

static void finalizer(JSRuntime *rt, JSValueConst value) {
  http_res *res = JS_GetOpaque(value, http_res_class);
  if (!res) return;
  JS_FreeValueRT(rt, res->req);
  JS_FreeValueRT(rt, res->status);
  JS_FreeValueRT(rt, res->message);
  JS_FreeValueRT(rt, res->queue);
  JS_FreeValueRT(rt, res->after);
  JS_FreeValueRT(rt, res->trailers);
  http_table_free(rt, &res->fields);
  http_block_free(rt, &res->block);
  js_free_rt(rt, res);
}

static void mark(JSRuntime *rt, JSValueConst value, JS_MarkFunc *fn) {
  http_res *res = JS_GetOpaque(value, http_res_class);
  if (!res) return;
  JS_MarkValue(rt, res->req, fn);
  JS_MarkValue(rt, res->status, fn);
  JS_MarkValue(rt, res->message, fn);
  JS_MarkValue(rt, res->queue, fn);
  JS_MarkValue(rt, res->after, fn);
  JS_MarkValue(rt, res->trailers, fn);
  JS_MarkValue(rt, res->fields.unique, fn);
  for (uint32_t i = 0; i < res->fields.count; i++) {
    JS_MarkValue(rt, res->fields.entries[i].name, fn);
    JS_MarkValue(rt, res->fields.entries[i].value, fn);
  }
}

static const JSClassDef class_def = {"ServerResponse", .finalizer = finalizer, .gc_mark = mark};

JSValue http_response_new(JSContext *ctx, JSValueConst proto, JSValueConst req) {
  JSValue value = JS_NewObjectProtoClass(ctx, proto, http_res_class);
  if (JS_IsException(value)) return value;
  http_res *res = js_malloc(ctx, sizeof *res);
  if (!res) {
    JS_FreeValue(ctx, value);
    return JS_EXCEPTION;
  }
  memset(res, 0, offsetof(http_res, block));
  http_block_init(&res->block);
  res->content_length = -1;
  res->status = JS_NewInt32(ctx, 200);
  res->req = JS_DupValue(ctx, req);
  res->message = res->queue = res->after = res->trailers = res->fields.unique = JS_UNDEFINED;
  JS_SetOpaque(value, res);
  return value;
}

/* What a response takes from its request. */
void http_response_attach(http_res *res, http_req *req) {
  static const int head = 2; /* METHODS */
  res->exchange = req->exchange;
  if (req->method == head) res->bits |= RES_NO_BODY;
  if (req->minor < 1) res->bits |= RES_NO_CHUNKED;
  if (!(req->flags & SKEP_REQUEST_KEEP_ALIVE)) res->bits |= RES_CLOSE;
}

http_res *http_response_of(JSContext *ctx, JSValueConst value) {
  http_res *res = JS_GetOpaque(value, http_res_class);
  if (res || !JS_IsObject(value)) return res;
  JSValue held = JS_GetProperty(ctx, value, carrier);
  if (JS_IsObject(held)) res = JS_GetOpaque(held, http_res_class);
  JS_FreeValue(ctx, held);
  JSValue at = JS_DupValue(ctx, value);
  for (int depth = 0; !res && depth < 8 && JS_IsObject(at); depth++) { /* Object.create(res) */
    JSValue up = JS_GetPrototype(ctx, at);
    JS_FreeValue(ctx, at);
    at = up;
    res = JS_GetOpaque(at, http_res_class);
  }
  JS_FreeValue(ctx, at);
  return res;
}

http_res *http_response_this(JSContext *ctx, JSValueConst value) {
  http_res *res = JS_GetOpaque(value, http_res_class);
  if (!res) res = http_response_of(ctx, value);
  if (!res) JS_ThrowTypeError(ctx, "not an OutgoingMessage");
  return res;
}

/* newResponse(prototype, req) and adoptResponse(object, req), for lib's constructors. */
static JSValue js_new(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  JSValueConst req = argc > 1 ? argv[1] : JS_UNDEFINED;
  JSValue value = http_response_new(ctx, magic ? http_res_proto : argv[0], req);
  if (JS_IsException(value)) return value;
  http_req *incoming = http_request_of(ctx, req);
  if (incoming && incoming->head) http_response_attach(JS_GetOpaque(value, http_res_class), incoming);
  if (!magic) return value;
  JS_DefinePropertyValue(ctx, argv[0], carrier, value, JS_PROP_CONFIGURABLE);
  return JS_UNDEFINED;
}

/* ---- setHeader and its kin ---- */

static bool refuse_sent(JSContext *ctx, http_res *res, const char *verb) {
  if (!(res->bits & RES_HEAD)) return false;
  JSValue what = JS_NewString(ctx, verb);
  http_throw(ctx, "ERR_HTTP_HEADERS_SENT", 1, (JSValueConst *)&what);
  JS_FreeValue(ctx, what);
  return true;
}

static JSAtom plain_name(JSContext *ctx, int argc, JSValueConst *argv) {
  if (argc > 0 && JS_IsString(argv[0])) return http_name_atom(ctx, argv[0]);
  JSValue what = JS_NewString(ctx, "name"), type = JS_NewString(ctx, "string");
  JSValueConst args[] = {what, type, argc > 0 ? argv[0] : JS_UNDEFINED};
  http_throw(ctx, "ERR_INVALID_ARG_TYPE", 3, args);
  JS_FreeValue(ctx, what);
  JS_FreeValue(ctx, type);
  return JS_ATOM_NULL;
}

static JSValue js_set_header(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_res *res = http_response_this(ctx, self);
  if (!res || refuse_sent(ctx, res, "set")) return JS_EXCEPTION;
  JSValueConst name = argc > 0 ? argv[0] : JS_UNDEFINED, value = argc > 1 ? argv[1] : JS_UNDEFINED;
  if (!http_check_name(ctx, name, "Header name") || !http_check_value(ctx, name, value)) return JS_EXCEPTION;
  JSAtom key = http_name_atom(ctx, name);
  if (key == JS_ATOM_NULL) return JS_EXCEPTION;
  bool good = http_table_set(ctx, &res->fields, key, name, value);
  JS_FreeAtom(ctx, key);
  return good ? JS_DupValue(ctx, self) : JS_EXCEPTION;
}

static JSValue as_list(JSContext *ctx, JSValueConst value) {
  JSValue list = JS_NewArray(ctx);
  int64_t count = 0;
  if (!JS_IsArray(value)) {
    JS_SetPropertyUint32(ctx, list, 0, JS_DupValue(ctx, value));
    return list;
  }
  JS_GetLength(ctx, value, &count);
  for (int64_t i = 0; i < count; i++) JS_SetPropertyInt64(ctx, list, i, JS_GetPropertyInt64(ctx, value, i));
  return list;
}

static bool append(JSContext *ctx, http_res *res, JSValueConst name, JSValueConst value) {
  if (!http_check_name(ctx, name, "Header name") || !http_check_value(ctx, name, value)) return false;
  JSAtom key = http_name_atom(ctx, name);
  http_entry *entry = http_table_find(&res->fields, key);
  bool good = true;
  if (!entry) {
    good = http_table_set(ctx, &res->fields, key, name, value);
  } else {
    JSValue list = as_list(ctx, entry->value), more = as_list(ctx, value);
    int64_t count = 0, extra = 0;
    JS_GetLength(ctx, list, &count);
    JS_GetLength(ctx, more, &extra);
    for (int64_t i = 0; i < extra; i++) JS_SetPropertyInt64(ctx, list, count + i, JS_GetPropertyInt64(ctx, more, i));
    JS_FreeValue(ctx, more);
    JS_FreeValue(ctx, entry->value);
    entry->value = list;
  }
  JS_FreeAtom(ctx, key);
  return good;
}

static JSValue js_append_header(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_res *res = http_response_this(ctx, self);
  if (!res || refuse_sent(ctx, res, "append")) return JS_EXCEPTION;
  bool good = append(ctx, res, argc > 0 ? argv[0] : JS_UNDEFINED, argc > 1 ? argv[1] : JS_UNDEFINED);
  return good ? JS_DupValue(ctx, self) : JS_EXCEPTION;
}

/* magic 0: getHeader, 1: hasHeader */
static JSValue js_get_header(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  http_res *res = http_response_this(ctx, self);
  JSAtom key = res ? plain_name(ctx, argc, argv) : JS_ATOM_NULL;
  if (key == JS_ATOM_NULL) return JS_EXCEPTION;
  http_entry *entry = http_table_find(&res->fields, key);
  JS_FreeAtom(ctx, key);
  if (magic) return JS_NewBool(ctx, entry != NULL);
  return entry ? JS_DupValue(ctx, entry->value) : JS_UNDEFINED;
}

static JSValue js_remove_header(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_res *res = http_response_this(ctx, self);
  JSAtom key = res ? plain_name(ctx, argc, argv) : JS_ATOM_NULL;
  if (key == JS_ATOM_NULL) return JS_EXCEPTION;
  if (refuse_sent(ctx, res, "remove")) {
    JS_FreeAtom(ctx, key);
    return JS_EXCEPTION;
  }
  http_table_remove(ctx, &res->fields, key);
  if (key == http_atoms[H_connection]) res->bits |= RES_REMOVED_CONNECTION;
  if (key == http_atoms[H_content_length]) res->bits |= RES_REMOVED_LENGTH;
  if (key == http_atoms[H_transfer_encoding]) res->bits |= RES_REMOVED_TE;
  if (key == http_atoms[H_date]) res->bits |= RES_NO_DATE;
  JS_FreeAtom(ctx, key);
  return JS_UNDEFINED;
}

/* magic 0: getHeaders, 1: getHeaderNames, 2: getRawHeaderNames */
static JSValue js_list_headers(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  http_res *res = http_response_this(ctx, self);
  if (!res) return JS_EXCEPTION;
  JSValue out = magic ? JS_NewArray(ctx) : JS_NewObjectProto(ctx, JS_NULL);
  for (uint32_t i = 0; i < res->fields.count; i++) {
    http_entry *entry = &res->fields.entries[i];
    if (magic == 0) JS_DefinePropertyValue(ctx, out, entry->key, JS_DupValue(ctx, entry->value), JS_PROP_C_W_E);
    else JS_SetPropertyUint32(ctx, out, i, magic == 1 ? JS_AtomToString(ctx, entry->key) : JS_DupValue(ctx, entry->name));
  }
  return out;
}

/* ---- writeHead ---- */

/* With setHeader's table in use, writeHead's headers go over it: an array's names replace, then repeat. */
static bool merge(JSContext *ctx, http_res *res, JSValueConst headers) {
  if (!JS_IsArray(headers)) {
    JSPropertyEnum *names;
    uint32_t count;
    if (!JS_IsObject(headers)) return true;
    if (JS_GetOwnPropertyNames(ctx, &names, &count, headers, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) < 0) return false;
    bool good = true;
    for (uint32_t i = 0; i < count && good; i++) {
      JSValue pair[2] = {JS_AtomToString(ctx, names[i].atom), JS_GetProperty(ctx, headers, names[i].atom)};
      good = !JS_IsException(pair[1]) && http_check_name(ctx, pair[0], "Header name") && http_check_value(ctx, pair[0], pair[1]);
      JSAtom key = good ? http_name_atom(ctx, pair[0]) : JS_ATOM_NULL;
      good = good && http_table_set(ctx, &res->fields, key, pair[0], pair[1]);
      JS_FreeAtom(ctx, key);
      JS_FreeValue(ctx, pair[0]);
      JS_FreeValue(ctx, pair[1]);
    }
    JS_FreePropertyEnum(ctx, names, count);
    return good;
  }
  int64_t count = 0;
  if (JS_GetLength(ctx, headers, &count) < 0) return false;
  if (count % 2) {
    JSValue what = JS_NewString(ctx, "headers");
    JSValueConst args[] = {what, headers};
    http_throw(ctx, "ERR_INVALID_ARG_VALUE", 2, args);
    JS_FreeValue(ctx, what);
    return false;
  }
  for (int64_t pass = 0; pass < 2; pass++) {
    for (int64_t i = 0; i < count; i += 2) {
      JSValue name = JS_GetPropertyInt64(ctx, headers, i), value = JS_GetPropertyInt64(ctx, headers, i + 1);
      bool good = true;
      if (pass == 0) {
        JSAtom key = plain_name(ctx, 1, (JSValueConst *)&name);
        good = key != JS_ATOM_NULL;
        if (good) http_table_remove(ctx, &res->fields, key);
        JS_FreeAtom(ctx, key);
      } else {
        good = append(ctx, res, name, value);
      }
      JS_FreeValue(ctx, name);
      JS_FreeValue(ctx, value);
      if (!good) return false;
    }
  }
  return true;
}

/* The value in the block of the field whose name (with its colon) is given, or NULL; `*stop` is its end. */
static const char *find_line(http_res *res, const char *name, size_t len, const char **stop) {
  const char *at = res->block.ptr, *end = at + res->block.len;
  while (at < end) {
    const char *line = memchr(at, '\r', end - at);
    if (!line) return NULL;
    if ((size_t)(line - at) > len && (at[0] | 32) == name[0] && strncasecmp(at, name, len) == 0) {
      *stop = line;
      return at + len;
    }
    at = line + 2;
  }
  return NULL;
}

/* Where strictContentLength is asked for, the length that the block promises. */
static void find_length(http_res *res) {
  const char *line, *at = find_line(res, "content-length:", 15, &line);
  if (!at) return;
  int64_t n = 0;
  for (; at < line; at++) {
    if (*at >= '0' && *at <= '9' && n < INT64_MAX / 16) n = n * 10 + (*at - '0');
  }
  res->content_length = n;
}

/* The size in hexadecimal and two line ends. */
void http_count_frame(http_res *res, size_t len) {
  if (res->framed_turn != skep_turn_mono) res->framed_turn = skep_turn_mono, res->framed = 0;
  res->framed += (35 - __builtin_clz((uint32_t)len)) / 4 + 4;
}

/* Bytes that wait, with what frames them: the host counts that only when it has done it. */
int32_t http_response_pending(http_res *res) {
  const char *stop;
  if (res->bits & RES_DONE) return 0;
  bool chunked = res->framed && res->framed_turn == skep_turn_mono && !(res->bits & (RES_NO_CHUNKED | RES_REMOVED_TE)) &&
                 !find_line(res, "content-length:", 15, &stop);
  return res->pending + (chunked ? res->framed : 0);
}

/* Trailers need chunks, which a length, or a message without a body, rules out. */
static int check_trailer(JSContext *ctx, http_res *res) {
  const char *stop;
  if (!find_line(res, "trailer:", 8, &stop) || find_line(res, "transfer-encoding:", 18, &stop)) return 0;
  if (!(res->bits & (RES_NO_BODY | RES_NO_CHUNKED)) && !find_line(res, "content-length:", 15, &stop)) return 0;
  http_throw(ctx, "ERR_HTTP_TRAILER_INVALID", 0, NULL);
  return -1;
}

static int bad_status(JSContext *ctx, JSValueConst given) {
  http_throw(ctx, "ERR_HTTP_INVALID_STATUS_CODE", 1, &given);
  return -1;
}

static int add_reason(JSContext *ctx, http_res *res) {
  bool bad = false;
  if (!http_add_latin1(ctx, &res->block, res->message, &bad)) return -1;
  if (bad) {
    JSValue what = JS_NewString(ctx, "statusMessage");
    http_throw(ctx, "ERR_INVALID_CHAR", 1, (JSValueConst *)&what);
    JS_FreeValue(ctx, what);
    return -1;
  }
  res->bits |= RES_REASON;
  return http_block_add(ctx, &res->block, "\r\n", 2) ? 0 : -1;
}

/* writeHead(status[, message][, headers]): makes the block; nothing is sent yet. */
int http_write_head(JSContext *ctx, http_res *res, int argc, JSValueConst *argv) {
  JSValueConst given = argc > 0 ? argv[0] : JS_UNDEFINED, headers = argc > 2 ? argv[2] : JS_UNDEFINED;
  int32_t status;
  if (refuse_sent(ctx, res, "write")) return -1;
  if (JS_ToInt32(ctx, &status, given) < 0) return -1;
  if (status < 100 || status > 999) return bad_status(ctx, given);
  if (argc > 1 && JS_IsString(argv[1])) {
    JS_FreeValue(ctx, res->message);
    res->message = JS_DupValue(ctx, argv[1]);
  } else if (argc > 1 && !JS_IsObject(headers)) {
    headers = argv[1];
  }
  JS_FreeValue(ctx, res->status);
  res->status = JS_NewInt32(ctx, status);
  res->block.len = 0;
  if (res->fields.count && !merge(ctx, res, headers)) return -1;
  if (JS_IsString(res->message) && add_reason(ctx, res) < 0) return -1;
  bool good = res->fields.count ? http_add_table(ctx, &res->block, &res->fields)
                                : http_add_argument(ctx, &res->block, headers, res->fields.unique);
  if (!good) {
    res->bits &= ~RES_REASON;
    return -1;
  }
  if (status == 204 || status == 304 || status < 200) res->bits |= RES_NO_BODY;
  if (check_trailer(ctx, res) < 0) return -1;
  if ((res->bits & (RES_EXPECT | RES_SENT_100)) == RES_EXPECT) res->bits |= RES_CLOSE;
  if (res->bits & RES_STRICT) find_length(res);
  res->told = status;
  res->bits |= RES_HEAD;
  return 0;
}

static JSValue js_write_head(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_res *res = http_response_this(ctx, self);
  if (!res || http_write_head(ctx, res, argc, argv) < 0) return JS_EXCEPTION;
  return JS_DupValue(ctx, self);
}

static bool is_own(JSValueConst fn, JSValueConst ours) {
  return JS_IsObject(fn) && JS_VALUE_GET_PTR(fn) == JS_VALUE_GET_PTR(ours);
}

static bool call_and_drop(JSContext *ctx, JSValueConst fn, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue done = JS_Call(ctx, fn, self, argc, argv);
  bool good = !JS_IsException(done);
  JS_FreeValue(ctx, done);
  return good;
}

/* A head that nobody wrote. Packages replace writeHead on one response (on-headers), so theirs is asked. */
bool http_response_implicit(JSContext *ctx, JSValueConst self, http_res *res) {
  JSValue implicit = JS_GetProperty(ctx, self, http_atoms[H__implicitHeader]);
  bool good;
  if (!is_own(implicit, implicit_fn)) {
    good = call_and_drop(ctx, implicit, self, 0, NULL);
  } else {
    JSValue write_head = JS_GetProperty(ctx, self, http_atoms[H_writeHead]);
    JSValue status = JS_DupValue(ctx, res->status);
    if (is_own(write_head, write_head_fn)) good = http_write_head(ctx, res, 1, (JSValueConst *)&status) == 0;
    else good = call_and_drop(ctx, write_head, self, 1, (JSValueConst *)&status);
    JS_FreeValue(ctx, status);
    JS_FreeValue(ctx, write_head);
  }
  JS_FreeValue(ctx, implicit);
  return good;
}

static JSValue js_implicit(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_res *res = http_response_this(ctx, self);
  if (!res) return JS_EXCEPTION;
  JSValue status = JS_DupValue(ctx, res->status);
  JSValue done = JS_Invoke(ctx, self, http_atoms[H_writeHead], 1, (JSValueConst *)&status);
  JS_FreeValue(ctx, status);
  return done;
}

/* The fields of the head, without the reason that may stand before them. */
static JSValue lines_of(JSContext *ctx, http_res *res) {
  const char *at = res->block.ptr, *end = at + res->block.len;
  const char *line = res->bits & RES_REASON ? memchr(at, '\n', end - at) : NULL;
  if (line) at = line + 1;
  return http_latin1(ctx, (const uint8_t *)at, end - at);
}

/* A response that no exchange stands behind, over a stream of the script's own: lib frames and writes it. */
JSValue http_wire(JSContext *ctx, JSValueConst self, int what, int argc, JSValueConst *argv) {
  JSValue number = JS_NewInt32(ctx, what);
  JSValueConst args[5] = {self, number, JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED};
  for (int i = 0; i < argc && i < 3; i++) args[i + 2] = argv[i];
  return http_hook(ctx, HOOK_WIRE, 5, args);
}

/* ---- Accessors ---- */

/* Flags; `off` ones read true while the bit is clear. */
static const struct { const char *name; uint32_t bit; bool off; } flags[] = {
  {"finished", RES_FINISHED, false}, {"sendDate", RES_NO_DATE, true}, {"shouldKeepAlive", RES_CLOSE, true},
  {"useChunkedEncodingByDefault", RES_NO_CHUNKED, true}, {"strictContentLength", RES_STRICT, false},
  {"_hasBody", RES_NO_BODY, true}, {"_removedConnection", RES_REMOVED_CONNECTION, false},
  {"_removedContLen", RES_REMOVED_LENGTH, false}, {"_removedTE", RES_REMOVED_TE, false},
  {"destroyed", RES_DESTROYED, false}, {"_closed", RES_CLOSED, false}, {"_sent100", RES_SENT_100, false},
  {"_expect_continue", RES_EXPECT, false}, {"_headerSent", RES_SENT, false}, {"_last", RES_LAST, false},
  {"_detached", RES_DETACHED, false}, {"_wired", RES_WIRED, false}, {"_rejectNonStandardBodyWrites", RES_STRICT_BODY, false},
};

static JSValue js_get_flag(JSContext *ctx, JSValueConst self, int magic) {
  http_res *res = http_response_of(ctx, self);
  if (!res) return JS_UNDEFINED;
  /* Nobody waited for its end, which came with the turn's. */
  if (flags[magic].bit == RES_DESTROYED && (res->bits & (RES_FINISHED | RES_WATCHED)) == RES_FINISHED && res->exchange &&
      res->ended_turn != skep_turn_mono) {
    return JS_TRUE;
  }
  return JS_NewBool(ctx, !(res->bits & flags[magic].bit) == flags[magic].off);
}

static JSValue js_set_flag(JSContext *ctx, JSValueConst self, JSValueConst value, int magic) {
  http_res *res = http_response_of(ctx, self);
  bool on = JS_ToBool(ctx, value) > 0;
  if (!res) {
    if (JS_IsObject(self)) JS_DefinePropertyValueStr(ctx, self, flags[magic].name, JS_DupValue(ctx, value), JS_PROP_C_W_E);
  } else if (on != flags[magic].off) {
    res->bits |= flags[magic].bit;
  } else {
    res->bits &= ~flags[magic].bit;
  }
  return JS_UNDEFINED;
}

enum {
  V_STATUS, V_MESSAGE, V_REQ, V_LENGTH, V_HEAD_MADE, V_ENDED, V_FINISHED, V_PENDING, V_OUTPUT_SIZE, V_CORKED, V_NEED_DRAIN,
  V_TRAILERS, V_UNIQUE, V_EXCHANGE, V_LINES, V_COUNT
};
static const char *const values[V_COUNT] = {
  "statusCode", "statusMessage", "req", "_contentLength", "headersSent", "writableEnded", "writableFinished",
  "writableLength", "outputSize", "writableCorked", "writableNeedDrain", "_trailer", "_uniqueHeaders", "_exchange", "_lines",
};

static JSValue js_get_value(JSContext *ctx, JSValueConst self, int magic) {
  http_res *res = http_response_of(ctx, self);
  if (!res) return JS_UNDEFINED;
  uint32_t bits = res->bits;
  switch (magic) {
    case V_STATUS: return JS_DupValue(ctx, res->status);
    case V_MESSAGE: return JS_DupValue(ctx, res->message);
    case V_REQ: return JS_DupValue(ctx, res->req);
    case V_LENGTH: return res->content_length < 0 ? JS_NULL : JS_NewInt64(ctx, res->content_length);
    case V_HEAD_MADE: return JS_NewBool(ctx, bits & RES_HEAD);
    case V_ENDED: return JS_NewBool(ctx, bits & RES_FINISHED);
    case V_FINISHED:
      return JS_NewBool(ctx, (bits & RES_FINISHED) && (!(bits & RES_WATCHED) || (bits & RES_DONE)) &&
                               !(bits & RES_END_QUEUED));
    case V_PENDING:
    case V_OUTPUT_SIZE: return JS_NewInt32(ctx, http_response_pending(res));
    case V_CORKED: return JS_NewInt32(ctx, res->corked);
    case V_NEED_DRAIN: return JS_NewBool(ctx, (bits & RES_NEED_DRAIN) && !(bits & (RES_DESTROYED | RES_FINISHED)));
    case V_TRAILERS: return JS_IsUndefined(res->trailers) ? JS_NewString(ctx, "") : JS_DupValue(ctx, res->trailers);
    case V_UNIQUE: return JS_DupValue(ctx, res->fields.unique);
    case V_EXCHANGE: return JS_NewInt64(ctx, res->exchange);
    case V_LINES:
      if (!(bits & RES_HEAD)) return JS_NULL;
      return lines_of(ctx, res);
  }
  return JS_UNDEFINED;
}

static JSValue js_set_value(JSContext *ctx, JSValueConst self, JSValueConst value, int magic) {
  http_res *res = http_response_of(ctx, self);
  JSValue *slot = NULL;
  if (res && magic == V_STATUS) slot = &res->status;
  if (res && magic == V_MESSAGE) slot = &res->message;
  if (res && magic == V_REQ) slot = &res->req;
  if (res && magic == V_TRAILERS) slot = &res->trailers;
  if (res && magic == V_UNIQUE) slot = &res->fields.unique;
  if (slot) {
    JSValue before = *slot;
    *slot = JS_DupValue(ctx, value);
    JS_FreeValue(ctx, before);
  } else if (res && magic == V_LENGTH) {
    int64_t n = -1;
    if (JS_IsNumber(value)) JS_ToInt64(ctx, &n, value);
    res->content_length = n;
  } else if (res && magic == V_NEED_DRAIN) {
    return JS_UNDEFINED;
  } else if (!res && JS_IsObject(self)) {
    JS_DefinePropertyValueStr(ctx, self, values[magic], JS_DupValue(ctx, value), JS_PROP_C_W_E);
  }
  return JS_UNDEFINED;
}

/* ---- The binding ---- */

static void accessor(JSContext *ctx, JSValueConst proto, const char *name, JSCFunctionType get, JSCFunctionType set, int magic) {
  JSAtom atom = JS_NewAtom(ctx, name);
  JSValue getter = JS_NewCFunction2(ctx, get.generic, name, 0, JS_CFUNC_getter_magic, magic);
  JSValue setter = JS_NewCFunction2(ctx, set.generic, name, 1, JS_CFUNC_setter_magic, magic);
  JS_DefinePropertyGetSet(ctx, proto, atom, getter, setter, JS_PROP_CONFIGURABLE | JS_PROP_HAS_CONFIGURABLE);
  JS_FreeAtom(ctx, atom);
}

static const JSCFunctionListEntry outgoing_methods[] = {
  JS_CFUNC_DEF("setHeader", 2, js_set_header),
  JS_CFUNC_DEF("appendHeader", 2, js_append_header),
  JS_CFUNC_MAGIC_DEF("getHeader", 1, js_get_header, 0),
  JS_CFUNC_MAGIC_DEF("hasHeader", 1, js_get_header, 1),
  JS_CFUNC_DEF("removeHeader", 1, js_remove_header),
  JS_CFUNC_MAGIC_DEF("getHeaders", 0, js_list_headers, 0),
  JS_CFUNC_MAGIC_DEF("getHeaderNames", 0, js_list_headers, 1),
  JS_CFUNC_MAGIC_DEF("getRawHeaderNames", 0, js_list_headers, 2),
};

/* setupResponse(OutgoingMessage.prototype, ServerResponse.prototype) */
static JSValue js_setup(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  outgoing_proto = JS_DupValue(ctx, argv[0]);
  http_res_proto = JS_DupValue(ctx, argv[1]);
  JS_SetPropertyFunctionList(ctx, outgoing_proto, outgoing_methods, sizeof outgoing_methods / sizeof outgoing_methods[0]);
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    JSCFunctionType get = {.getter_magic = js_get_flag}, set = {.setter_magic = js_set_flag};
    accessor(ctx, outgoing_proto, flags[i].name, get, set, (int)i);
  }
  for (int i = 0; i < V_COUNT; i++) {
    JSCFunctionType get = {.getter_magic = js_get_value}, set = {.setter_magic = js_set_value};
    accessor(ctx, i <= V_MESSAGE ? http_res_proto : outgoing_proto, values[i], get, set, i);
  }
  write_head_fn = JS_NewCFunction(ctx, js_write_head, "writeHead", 1);
  implicit_fn = JS_NewCFunction(ctx, js_implicit, "_implicitHeader", 0);
  JS_DefinePropertyValueStr(ctx, http_res_proto, "writeHead", JS_DupValue(ctx, write_head_fn), JS_PROP_C_W_E);
  JS_DefinePropertyValueStr(ctx, http_res_proto, "_implicitHeader", JS_DupValue(ctx, implicit_fn), JS_PROP_C_W_E);
  http_write_init(ctx, outgoing_proto);
  return JS_UNDEFINED;
}

void http_response_init(JSContext *ctx, JSValue binding) {
  JSRuntime *rt = JS_GetRuntime(ctx);
  JS_NewClassID(rt, &http_res_class);
  JS_NewClass(rt, http_res_class, &class_def);
  outgoing_proto = http_res_proto = write_head_fn = implicit_fn = JS_UNDEFINED;
  carrier_symbol = JS_NewSymbol(ctx, "kResponse", false);
  carrier = JS_ValueToAtom(ctx, carrier_symbol);
  JSValue adopt = JS_NewCFunctionMagic(ctx, js_new, "adoptResponse", 2, JS_CFUNC_generic_magic, 1);
  JS_SetPropertyStr(ctx, binding, "newResponse", JS_NewCFunctionMagic(ctx, js_new, "newResponse", 2, JS_CFUNC_generic_magic, 0));
  JS_SetPropertyStr(ctx, binding, "adoptResponse", adopt);
  JS_SetPropertyStr(ctx, binding, "setupResponse", JS_NewCFunction(ctx, js_setup, "setupResponse", 2));
}
