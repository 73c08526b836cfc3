/* write, end, cork and what follows them: when a response goes to the host, what waits for it, and which events
 * come of it. An ended response written in one go is one call. It must not know framing. */
#include "http.h"

/* Above HIGH_WATER write() answers false, as in Node. Up to QUEUE_WATER the host's queue stands for the kernel's buffer,
 * into which Node writes at once: 'drain' and callbacks come on the next tick, and the chunks of one turn go out in one
 * write. Above it they wait for the host's DRAIN. */
enum { HIGH_WATER = 16384, QUEUE_WATER = 131072 };

/* ---- To the host ---- */

static int32_t respond_flags(http_res *res) {
  uint32_t bits = res->bits;
  if (!(bits & (RES_NO_DATE | RES_CLOSE | RES_NO_CHUNKED | RES_REMOVED_CONNECTION | RES_REMOVED_LENGTH | RES_REMOVED_TE |
                RES_REASON | RES_STRICT | RES_IMPLICIT))) {
    return 0;
  }
  return (bits & RES_NO_DATE ? SKEP_RESPOND_NO_DATE : 0) | (bits & RES_CLOSE ? SKEP_RESPOND_CLOSE : 0) |
         (bits & RES_NO_CHUNKED ? SKEP_RESPOND_NO_CHUNKED : 0) | (bits & RES_IMPLICIT ? SKEP_RESPOND_IMPLICIT : 0) |
         (bits & RES_REMOVED_CONNECTION ? SKEP_RESPOND_REMOVED_CONNECTION : 0) |
         (bits & RES_REMOVED_LENGTH ? SKEP_RESPOND_REMOVED_CONTENT_LENGTH : 0) |
         (bits & RES_REMOVED_TE ? SKEP_RESPOND_REMOVED_TRANSFER_ENCODING : 0) |
         (bits & RES_REASON ? SKEP_RESPOND_REASON : 0) | (bits & RES_STRICT ? SKEP_RESPOND_STRICT_LENGTH : 0);
}

/* A status set after the head was made comes too late. */
static int32_t status_of(http_res *res) {
  if (res->bits & RES_HEAD) return res->told;
  return JS_VALUE_GET_TAG(res->status) == JS_TAG_INT ? JS_VALUE_GET_INT(res->status) : 200;
}

/* The head, if it has not gone yet, and bytes; `flags` are END and WATCH. Answers as http_write does. */
static int32_t send(http_res *res, const void *bytes, size_t len, int32_t flags) {
  if (!res->exchange) return 0;
  int64_t exchange = (int64_t)res->exchange;
  int32_t answer;
  if (!(res->bits & RES_SENT)) {
    res->bits |= RES_SENT;
    answer = skep_http_respond(exchange, status_of(res), flags | respond_flags(res), res->block.ptr, res->block.len, bytes, len);
  } else if (len) {
    answer = skep_http_write(exchange, flags, bytes, len);
  } else {
    answer = flags & SKEP_WRITE_END ? skep_http_end(exchange, flags & ~SKEP_WRITE_END, NULL, 0) : res->pending;
  }
  if (answer >= 0) res->pending = answer;
  if (len && !(flags & SKEP_WRITE_END)) http_count_frame(res, len);
  if (answer >= 0 && (flags & SKEP_WRITE_END)) res->bits |= RES_END_SENT;
  return answer;
}

static int32_t send_trailers(JSContext *ctx, http_res *res, int32_t flags) {
  int32_t answer = 0;
  if (!(res->bits & RES_SENT)) send(res, NULL, 0, 0);
  size_t len;
  const char *text = JS_ToCStringLen(ctx, &len, res->trailers);
  if (!text) return 0;
  if (res->exchange) answer = skep_http_end((int64_t)res->exchange, flags & ~SKEP_WRITE_END, text, len);
  res->bits |= RES_END_SENT;
  JS_FreeCString(ctx, text);
  return answer;
}

/* ---- Chunks ---- */

/* 1: latin1, 0: UTF-8, -1: another encoding. */
static int encoding_of(JSContext *ctx, JSValueConst value) {
  if (!JS_IsString(value)) return 0;
  const char *text = JS_ToCString(ctx, value);
  if (!text) return 0;
  int kind = -1;
  if (!strcasecmp(text, "utf8") || !strcasecmp(text, "utf-8")) kind = 0;
  else if (!strcasecmp(text, "latin1") || !strcasecmp(text, "binary") || !strcasecmp(text, "ascii")) kind = 1;
  JS_FreeCString(ctx, text);
  return kind;
}

/* A chunk as it is kept: a Uint8Array, or a string together with the flag `latin1`. Throws for anything else. */
static JSValue check_chunk(JSContext *ctx, JSValueConst chunk, JSValueConst encoding, bool *latin1) {
  *latin1 = false;
  if (JS_IsString(chunk)) {
    int kind = encoding_of(ctx, encoding);
    if (kind < 0) {
      JSValueConst args[] = {chunk, encoding};
      return http_hook(ctx, HOOK_TO_BUFFER, 2, args);
    }
    *latin1 = kind == 1;
    return JS_DupValue(ctx, chunk);
  }
  if (JS_IsObject(chunk) && JS_GetTypedArrayType(chunk) == JS_TYPED_ARRAY_UINT8) return JS_DupValue(ctx, chunk);
  if (JS_IsNull(chunk)) return http_throw(ctx, "ERR_STREAM_NULL_VALUES", 0, NULL);
  JSValue name = JS_NewString(ctx, "chunk"), types = JS_NewArray(ctx);
  JS_SetPropertyUint32(ctx, types, 0, JS_NewString(ctx, "string"));
  JS_SetPropertyUint32(ctx, types, 1, JS_NewString(ctx, "Buffer"));
  JS_SetPropertyUint32(ctx, types, 2, JS_NewString(ctx, "Uint8Array"));
  JSValueConst args[] = {name, types, chunk};
  http_throw(ctx, "ERR_INVALID_ARG_TYPE", 3, args);
  JS_FreeValue(ctx, name);
  JS_FreeValue(ctx, types);
  return JS_EXCEPTION;
}

static void queue_chunk(JSContext *ctx, http_res *res, JSValueConst chunk, bool latin1) {
  int64_t count = 0;
  if (JS_IsUndefined(res->queue)) res->queue = JS_NewArray(ctx);
  JS_GetLength(ctx, res->queue, &count);
  JS_SetPropertyInt64(ctx, res->queue, count, JS_DupValue(ctx, chunk));
  JS_SetPropertyInt64(ctx, res->queue, count + 1, JS_NewBool(ctx, latin1));
}

/* The host refused bytes for good (a limit of this guest's): a message with a hole must not go out. */
static void give_up(JSContext *ctx, http_res *res, int32_t answer) {
  int64_t conn = skep_http_conn((int64_t)res->exchange);
  if (conn > 0) skep_close(conn);
  res->bits |= RES_DESTROYED;
}

/* Answers pending bytes, or a negative errno when nothing was taken; -1000: a JavaScript exception. */
static int32_t send_value(JSContext *ctx, http_res *res, JSValueConst chunk, bool latin1, int32_t flags) {
  skep_bytes bytes;
  if (!skep_bytes_get(ctx, chunk, latin1, &bytes)) return -1000;
  bool end = flags & SKEP_WRITE_END;
  if ((res->bits & RES_NO_BODY) || !bytes.len) {
    bytes.len = 0;
    if (!end && (res->bits & RES_SENT)) {
      skep_bytes_free(ctx, &bytes);
      return res->pending;
    }
  }
  res->written += bytes.len;
  int32_t answer;
  if (end && !JS_IsUndefined(res->trailers)) {
    answer = send(res, bytes.ptr, bytes.len, 0);
    if (answer != -SKEP_EAGAIN) answer = send_trailers(ctx, res, flags);
  } else {
    answer = send(res, bytes.ptr, bytes.len, flags);
  }
  skep_bytes_free(ctx, &bytes);
  if (answer < 0 && answer != -SKEP_EAGAIN && answer != -SKEP_EBADF) give_up(ctx, res, answer);
  return answer;
}

static int fail_length(JSContext *ctx, http_res *res, int64_t got) {
  JSValue numbers[2] = {JS_NewInt64(ctx, got), JS_NewInt64(ctx, res->content_length)};
  http_throw(ctx, "ERR_HTTP_CONTENT_LENGTH_MISMATCH", 2, (JSValueConst *)numbers);
  return -1;
}

static int64_t byte_length(JSContext *ctx, JSValueConst chunk, bool latin1) {
  skep_bytes bytes;
  if (!skep_bytes_get(ctx, chunk, latin1, &bytes)) return 0;
  int64_t len = bytes.len;
  skep_bytes_free(ctx, &bytes);
  return len;
}

/* `strictContentLength` where a length was promised: more than that (or less, at the end) throws. */
static int check_length(JSContext *ctx, http_res *res, int64_t more, bool end) {
  if (!(res->bits & RES_STRICT) || res->content_length < 0 || (res->bits & (RES_NO_BODY | RES_REMOVED_LENGTH))) return 0;
  int64_t got = res->written + more;
  if (end ? got != res->content_length : got > res->content_length) return fail_length(ctx, res, got);
  return 0;
}

/* ---- write ---- */

static void later(JSContext *ctx, JSValueConst fn) {
  if (JS_IsFunction(ctx, fn)) JS_FreeValue(ctx, http_hook(ctx, HOOK_NEXT_TICK, 1, &fn));
}

/* Callbacks of writes: on the next tick, or when the queue has drained. */
static void after_write(JSContext *ctx, http_res *res, JSValueConst fn, bool waits) {
  if (!JS_IsFunction(ctx, fn)) return;
  if (!waits) {
    later(ctx, fn);
    return;
  }
  int64_t count = 0;
  if (JS_IsUndefined(res->after)) res->after = JS_NewArray(ctx);
  JS_GetLength(ctx, res->after, &count);
  JS_SetPropertyInt64(ctx, res->after, count, JS_DupValue(ctx, fn));
}

static void fail_later(JSContext *ctx, JSValueConst self, const char *code, JSValueConst fn) {
  JSValue name = JS_NewString(ctx, code);
  JSValueConst args[] = {self, name, fn};
  JSValue done = http_hook(ctx, HOOK_FAIL, 3, args);
  if (JS_IsException(done)) skep_uncaught();
  JS_FreeValue(ctx, done);
  JS_FreeValue(ctx, name);
}

static bool refused(JSContext *ctx, JSValueConst self, http_res *res, JSValueConst fn) {
  if (!(res->bits & (RES_FINISHED | RES_DESTROYED))) return false;
  fail_later(ctx, self, res->bits & RES_FINISHED ? "ERR_STREAM_WRITE_AFTER_END" : "ERR_STREAM_DESTROYED", fn);
  return true;
}

static int no_body_allowed(JSContext *ctx, http_res *res) {
  if (!(res->bits & RES_STRICT_BODY)) return 0;
  http_throw(ctx, "ERR_HTTP_BODY_NOT_ALLOWED", 0, NULL);
  return -1;
}

static bool waiting(http_res *res) { return !JS_IsUndefined(res->queue) || res->corked; }

/* The host takes so much a call, of a tenant 16 MiB with the head: a larger chunk goes in slices. Of text these are units of two bytes,
 * of which UTF-8 makes three at most. A length that the host would have derived from the whole is written out first. */
enum { SLICE = 4 << 20 };

static bool is_huge(JSContext *ctx, JSValueConst chunk) {
  int64_t len = 0;
  return !JS_IsUndefined(chunk) && JS_GetLength(ctx, chunk, &len) == 0 && len > SLICE;
}

static int queue_slices(JSContext *ctx, http_res *res, JSValueConst chunk, bool latin1) {
  if ((res->bits & RES_IMPLICIT) && !(res->bits & (RES_SENT | RES_REMOVED_LENGTH | RES_NO_CHUNKED))) {
    char line[48];
    int len = snprintf(line, sizeof line, "Content-Length: %lld\r\n", (long long)byte_length(ctx, chunk, latin1));
    if (!http_block_add(ctx, &res->block, line, len)) return -1;
  }
  res->bits &= ~RES_IMPLICIT;
  JSValue size = JS_NewInt32(ctx, SLICE), encoding = JS_NewString(ctx, latin1 ? "latin1" : "utf8");
  JSValueConst args[] = {chunk, encoding, size};
  JSValue list = http_hook(ctx, HOOK_SLICES, 3, args);
  JS_FreeValue(ctx, encoding);
  int64_t count = 0;
  if (JS_IsException(list) || JS_GetLength(ctx, list, &count) < 0) return -1;
  for (int64_t i = 0; i < count; i++) {
    JSValue slice = JS_GetPropertyInt64(ctx, list, i);
    queue_chunk(ctx, res, slice, false);
    JS_FreeValue(ctx, slice);
  }
  JS_FreeValue(ctx, list);
  return 0;
}

/* Why the queue that was flushed last was dropped: a negative errno, or 0. */
static int32_t flushed;

static bool flush_queue(JSContext *ctx, http_res *res);

static JSValue drain_fn;

static void drain_soon(JSContext *ctx, JSValueConst self, http_res *res) {
  if (res->bits & RES_DRAIN_SOON) return;
  res->bits |= RES_DRAIN_SOON;
  JSValueConst args[] = {drain_fn, self};
  JS_FreeValue(ctx, http_hook(ctx, HOOK_NEXT_TICK, 2, args));
}

/* Whether as much is held back by cork() as a writer should let come together, this chunk included. */
static bool holds_enough(JSContext *ctx, http_res *res, JSValueConst chunk) {
  int64_t len = 0;
  if (res->held < HIGH_WATER && JS_GetLength(ctx, chunk, &len) == 0) res->held += len < HIGH_WATER ? len : HIGH_WATER;
  return res->held >= HIGH_WATER;
}

/* One checked chunk that is not the last: 1 when the writer may go on, 0 when it should wait, -1 thrown. */
static int write_chunk(JSContext *ctx, JSValueConst self, http_res *res, JSValueConst chunk, bool latin1, JSValueConst fn) {
  if (!(res->bits & RES_HEAD) && !http_response_implicit(ctx, self, res)) return -1;
  if (res->bits & RES_NO_BODY) {
    if (no_body_allowed(ctx, res) < 0) return -1;
    if (!(res->bits & RES_SENT) && !waiting(res)) send(res, NULL, 0, 0);
    later(ctx, fn);
    return 1;
  }
  if ((res->bits & RES_STRICT) && check_length(ctx, res, byte_length(ctx, chunk, latin1), false) < 0) return -1;
  int32_t answer;
  if (is_huge(ctx, chunk)) {
    if (queue_slices(ctx, res, chunk, latin1) < 0) return -1;
    answer = res->corked || !flush_queue(ctx, res) ? -SKEP_EAGAIN : flushed < 0 ? flushed : res->pending;
  } else {
    answer = waiting(res) ? -SKEP_EAGAIN : send_value(ctx, res, chunk, latin1, 0);
    if (answer == -1000) return -1;
    if (answer == -SKEP_EAGAIN) queue_chunk(ctx, res, chunk, latin1);
  }
  if (answer < 0 && answer != -SKEP_EAGAIN) {
    // The client has gone, and who writes on and on without a pause would never be told so.
    later(ctx, fn);
    res->bits |= RES_NEED_DRAIN;
    return 0;
  }
  bool queued = answer == -SKEP_EAGAIN, full = queued || answer > QUEUE_WATER;
  bool waits = queued ? !res->corked || holds_enough(ctx, res, chunk) : answer > HIGH_WATER;
  after_write(ctx, res, fn, full || res->corked);
  if (waits) res->bits |= RES_NEED_DRAIN;
  if (waits && !full) drain_soon(ctx, self, res);
  return !waits;
}

static JSValue js_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_res *res = http_response_this(ctx, self);
  if (!res) return JS_EXCEPTION;
  if (res->bits & RES_WIRED) return http_wire(ctx, self, WIRE_WRITE, argc, argv);
  JSValueConst encoding = argc > 1 ? argv[1] : JS_UNDEFINED, fn = argc > 2 ? argv[2] : JS_UNDEFINED;
  if (JS_IsFunction(ctx, encoding)) {
    fn = encoding;
    encoding = JS_UNDEFINED;
  }
  bool latin1;
  JSValue chunk = check_chunk(ctx, argc > 0 ? argv[0] : JS_UNDEFINED, encoding, &latin1);
  if (JS_IsException(chunk)) return chunk;
  int more = refused(ctx, self, res, fn) ? 0 : write_chunk(ctx, self, res, chunk, latin1, fn);
  JS_FreeValue(ctx, chunk);
  return more < 0 ? JS_EXCEPTION : JS_NewBool(ctx, more);
}

/* ---- end ---- */

static int call_once(JSContext *ctx, JSValueConst self, JSAtom event, JSValueConst fn) {
  JSAtom once = JS_NewAtom(ctx, "once");
  JSValue name = JS_AtomToValue(ctx, event);
  JSValueConst args[] = {name, fn};
  JSValue done = JS_Invoke(ctx, self, once, 2, args);
  JS_FreeAtom(ctx, once);
  JS_FreeValue(ctx, name);
  int result = JS_IsException(done) ? -1 : 0;
  JS_FreeValue(ctx, done);
  return result;
}

/* All of it is the host's, and little of it waits there: what callbacks of writes take for written, too. */
static bool is_handed_over(http_res *res) {
  if (res->bits & RES_DONE || !(res->bits & RES_WATCHED)) return true;
  return res->bits & RES_END_SENT && !(res->bits & RES_END_QUEUED) && res->pending <= QUEUE_WATER;
}

/* end() on a response that has ended: only a callback is served. */
static JSValue end_again(JSContext *ctx, JSValueConst self, http_res *res, JSValueConst fn) {
  if (!JS_IsFunction(ctx, fn)) return JS_DupValue(ctx, self);
  if ((res->bits & RES_FINISHED) && is_handed_over(res)) {
    JSValue name = JS_NewString(ctx, "ERR_STREAM_ALREADY_FINISHED"), what = JS_NewString(ctx, "end");
    JSValueConst args[] = {self, name, fn, what};
    JS_FreeValue(ctx, http_hook(ctx, HOOK_FAIL, 4, args));
    JS_FreeValue(ctx, name);
    JS_FreeValue(ctx, what);
    return JS_DupValue(ctx, self);
  }
  return call_once(ctx, self, http_atoms[H_finish], fn) < 0 ? JS_EXCEPTION : JS_DupValue(ctx, self);
}

/* The host is asked to tell when the response is out: for listeners, for a request with listeners that waits to be
 * dumped, and where the request is still coming in, since then nothing else may end the exchange. */
static bool wants_done(JSContext *ctx, JSValueConst self, http_res *res) {
  http_req *req = http_request_of(ctx, res->req);
  if (req && (http_request_needs_dump(ctx, res->req, req) || !(req->bits & REQ_COMPLETE))) return true;
  const JSAtom wanted[] = {http_atoms[H_finish], http_atoms[H_close]};
  return skep_has_any_listener(ctx, self, wanted, 2);
}

static void flush_end(JSContext *ctx, http_res *res, JSValueConst chunk, bool latin1) {
  int32_t flags = SKEP_WRITE_END | (res->bits & RES_WATCHED ? SKEP_WRITE_WATCH : 0);
  int32_t answer;
  if (is_huge(ctx, chunk)) {
    res->bits |= RES_END_QUEUED;
    if (queue_slices(ctx, res, chunk, latin1) < 0) skep_uncaught();
    else if (!res->corked && flush_queue(ctx, res)) res->bits &= ~RES_END_QUEUED;
    return;
  }
  if (waiting(res)) {
    answer = -SKEP_EAGAIN;
  } else if (JS_IsUndefined(chunk)) {
    answer = JS_IsUndefined(res->trailers) ? send(res, NULL, 0, flags) : send_trailers(ctx, res, flags);
  } else {
    answer = send_value(ctx, res, chunk, latin1, flags);
  }
  if (answer == -1000) skep_uncaught();
  if (answer != -SKEP_EAGAIN) return;
  if (!JS_IsUndefined(chunk)) queue_chunk(ctx, res, chunk, latin1);
  res->bits |= RES_END_QUEUED;
}

static void uncork(JSContext *ctx, JSValueConst self, http_res *res);

/* What `end` does once its chunk is known to be good. */
static int finish(JSContext *ctx, JSValueConst self, http_res *res, JSValueConst chunk, bool latin1, JSValueConst fn) {
  bool destroyed = res->bits & RES_DESTROYED;
  if (!(res->bits & RES_HEAD) && !destroyed) {
    res->bits |= RES_IMPLICIT;
    if (!http_response_implicit(ctx, self, res)) {
      res->bits &= ~RES_IMPLICIT;
      return -1;
    }
  }
  if ((res->bits & RES_NO_BODY) && !JS_IsUndefined(chunk) && no_body_allowed(ctx, res) < 0) return -1;
  if (res->bits & RES_STRICT) {
    if (check_length(ctx, res, JS_IsUndefined(chunk) ? 0 : byte_length(ctx, chunk, latin1), true) < 0) return -1;
  }
  if (JS_IsFunction(ctx, fn) && call_once(ctx, self, http_atoms[H_finish], fn) < 0) return -1;
  if (res->corked) {
    res->corked = 1;
    uncork(ctx, self, res);
  }
  if (res->exchange && wants_done(ctx, self, res)) res->bits |= RES_WATCHED;
  res->bits |= RES_FINISHED;
  res->ended_turn = skep_turn_mono;
  if (!destroyed) flush_end(ctx, res, chunk, latin1);
  if (skep_has_listener(ctx, self, http_atoms[H_prefinish]) && skep_emit(ctx, self, http_atoms[H_prefinish], 0, NULL) < 0) return -1;
  http_req *req = http_request_of(ctx, res->req);
  if (req && res->exchange && !(req->bits & REQ_COMPLETE)) http_request_dump(ctx, res->req, req);
  if (req && !(res->bits & RES_WATCHED)) req->bits |= REQ_LET_GO;
  if (res->exchange) http_release(ctx, res->exchange);
  return 0;
}

static JSValue js_end(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_res *res = http_response_this(ctx, self);
  if (!res) return JS_EXCEPTION;
  if (res->bits & RES_WIRED) return http_wire(ctx, self, WIRE_END, argc, argv);
  JSValueConst given = argc > 0 ? argv[0] : JS_UNDEFINED, encoding = argc > 1 ? argv[1] : JS_UNDEFINED;
  JSValueConst fn = argc > 2 ? argv[2] : JS_UNDEFINED;
  if (JS_IsFunction(ctx, given)) {
    fn = given;
    given = encoding = JS_UNDEFINED;
  } else if (JS_IsFunction(ctx, encoding)) {
    fn = encoding;
    encoding = JS_UNDEFINED;
  }
  JSValue chunk = JS_UNDEFINED;
  bool latin1 = false;
  if (JS_ToBool(ctx, given) > 0) {
    chunk = check_chunk(ctx, given, encoding, &latin1);
    if (JS_IsException(chunk)) return chunk;
    if (res->bits & RES_FINISHED) {
      fail_later(ctx, self, "ERR_STREAM_WRITE_AFTER_END", fn);
      JS_FreeValue(ctx, chunk);
      return JS_DupValue(ctx, self);
    }
  } else if (res->bits & RES_FINISHED) {
    return end_again(ctx, self, res, fn);
  }
  int result = finish(ctx, self, res, chunk, latin1, fn);
  JS_FreeValue(ctx, chunk);
  return result < 0 ? JS_EXCEPTION : JS_DupValue(ctx, self);
}

/* ---- What waits ---- */

/* Sends queued chunks until the host takes no more. Answers true when all have gone. */
static bool flush_queue(JSContext *ctx, http_res *res) {
  flushed = 0;
  if (JS_IsUndefined(res->queue)) return true;
  JSValue queue = res->queue;
  res->queue = JS_UNDEFINED;
  res->held = 0;
  int64_t count = 0, at = 0;
  JS_GetLength(ctx, queue, &count);
  for (; at < count; at += 2) {
    JSValue chunk = JS_GetPropertyInt64(ctx, queue, at), flag = JS_GetPropertyInt64(ctx, queue, at + 1);
    bool last = at + 2 == count && (res->bits & RES_END_QUEUED);
    int32_t flags = last ? SKEP_WRITE_END | (res->bits & RES_WATCHED ? SKEP_WRITE_WATCH : 0) : 0;
    int32_t answer = send_value(ctx, res, chunk, JS_ToBool(ctx, flag), flags);
    if (answer == -SKEP_EAGAIN) {
      for (int64_t i = at; i < count; i += 2) {
        JSValue left = JS_GetPropertyInt64(ctx, queue, i), how = JS_GetPropertyInt64(ctx, queue, i + 1);
        queue_chunk(ctx, res, left, JS_ToBool(ctx, how));
        JS_FreeValue(ctx, left);
      }
      JS_FreeValue(ctx, chunk);
      break;
    }
    if (answer == -1000) skep_uncaught();
    if (answer < 0) flushed = answer;
    JS_FreeValue(ctx, chunk);
  }
  JS_FreeValue(ctx, queue);
  return JS_IsUndefined(res->queue);
}

/* `now`: from an event, where nothing of the script's is running. */
static void run_after(JSContext *ctx, http_res *res, bool now) {
  if (JS_IsUndefined(res->after)) return;
  JSValue list = res->after;
  res->after = JS_UNDEFINED;
  int64_t count = 0;
  JS_GetLength(ctx, list, &count);
  for (int64_t i = 0; i < count; i++) {
    JSValue fn = JS_GetPropertyInt64(ctx, list, i);
    if (now) skep_callback(fn, JS_UNDEFINED, 0, NULL);
    else later(ctx, fn);
    JS_FreeValue(ctx, fn);
  }
  JS_FreeValue(ctx, list);
}

static void uncork(JSContext *ctx, JSValueConst self, http_res *res) {
  if (!res->corked || --res->corked) return;
  if (!flush_queue(ctx, res) || res->pending > QUEUE_WATER) return;
  run_after(ctx, res, false);
  if (res->bits & RES_NEED_DRAIN) drain_soon(ctx, self, res);
}

static JSValue js_cork(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  http_res *res = http_response_this(ctx, self);
  if (!res) return JS_EXCEPTION;
  if (res->bits & RES_WIRED) return http_wire(ctx, self, magic ? WIRE_UNCORK : WIRE_CORK, 0, NULL);
  if (magic) uncork(ctx, self, res);
  else res->corked++;
  return JS_UNDEFINED;
}

static JSValue js_flush_headers(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_res *res = http_response_this(ctx, self);
  if (!res) return JS_EXCEPTION;
  if (res->bits & RES_WIRED) return http_wire(ctx, self, WIRE_FLUSH, 0, NULL);
  if (!(res->bits & RES_HEAD) && !http_response_implicit(ctx, self, res)) return JS_EXCEPTION;
  if (!(res->bits & RES_SENT)) send(res, NULL, 0, 0);
  return JS_UNDEFINED;
}

static int emit_drain(JSContext *ctx, JSValueConst self, http_res *res) {
  bool wanted = (res->bits & (RES_NEED_DRAIN | RES_FINISHED)) == RES_NEED_DRAIN;
  res->bits &= ~RES_NEED_DRAIN;
  return wanted ? skep_emit(ctx, self, http_atoms[H_drain], 0, NULL) : 0;
}

void http_response_drain(JSContext *ctx, JSValueConst self) {
  http_res *res = http_response_of(ctx, self);
  if (!res) return;
  res->pending = 0;
  if (!flush_queue(ctx, res)) return;
  if (res->bits & RES_END_QUEUED && !(res->bits & RES_END_SENT)) send(res, NULL, 0, SKEP_WRITE_END | (res->bits & RES_WATCHED ? SKEP_WRITE_WATCH : 0));
  res->bits &= ~RES_END_QUEUED;
  run_after(ctx, res, true);
  if (res->pending <= QUEUE_WATER && emit_drain(ctx, self, res) < 0) skep_uncaught();
  skep_after_callback();
}

/* On the tick after a write that the host's queue took. */
static JSValue js_drain(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_res *res = http_response_of(ctx, argv[0]);
  if (!res) return JS_UNDEFINED;
  res->bits &= ~RES_DRAIN_SOON;
  if (!JS_IsUndefined(res->queue) || res->pending > QUEUE_WATER || res->bits & RES_DESTROYED) return JS_UNDEFINED;
  return emit_drain(ctx, argv[0], res) < 0 ? JS_EXCEPTION : JS_UNDEFINED;
}

static JSValue close_fn;

static JSValue js_close(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_res *res = http_response_of(ctx, argv[0]);
  if (!res || (res->bits & RES_CLOSED)) return JS_UNDEFINED;
  res->bits |= RES_DESTROYED | RES_CLOSED;
  return skep_emit(ctx, argv[0], http_atoms[H_close], 0, NULL) < 0 ? JS_EXCEPTION : JS_UNDEFINED;
}

/* HTTP_DONE: the last byte is with the kernel. */
void http_response_done(JSContext *ctx, JSValueConst self) {
  http_res *res = http_response_of(ctx, self);
  if (!res || (res->bits & RES_DONE)) return;
  res->bits |= RES_DONE;
  res->pending = 0;
  run_after(ctx, res, true);
  if (skep_emit(ctx, self, http_atoms[H_finish], 0, NULL) < 0) skep_uncaught();
  /* On a tick that comes before those of a request which is only now let go: it closes after its response. */
  JSValueConst args[] = {close_fn, self};
  JS_FreeValue(ctx, http_hook(ctx, HOOK_NEXT_TICK, 2, args));
  http_req *req = http_request_of(ctx, res->req);
  if (req && (req->bits & REQ_COMPLETE)) http_request_dump(ctx, res->req, req);
  res->bits |= RES_DETACHED;
  skep_after_callback();
}

bool http_response_over(http_res *res) {
  if (!res->exchange) return true;
  return (res->bits & RES_END_SENT) && (!(res->bits & RES_WATCHED) || (res->bits & RES_DONE));
}

static const JSCFunctionListEntry methods[] = {
  JS_CFUNC_DEF("write", 3, js_write),
  JS_CFUNC_DEF("end", 3, js_end),
  JS_CFUNC_MAGIC_DEF("cork", 0, js_cork, 0),
  JS_CFUNC_MAGIC_DEF("uncork", 0, js_cork, 1),
  JS_CFUNC_DEF("flushHeaders", 0, js_flush_headers),
};

void http_write_init(JSContext *ctx, JSValue proto) {
  JS_SetPropertyFunctionList(ctx, proto, methods, sizeof methods / sizeof methods[0]);
  drain_fn = JS_NewCFunction(ctx, js_drain, "drain", 1);
  http_watch_init(ctx, proto);
  close_fn = JS_NewCFunction(ctx, js_close, "close", 1);
}
