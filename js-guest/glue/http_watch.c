/* Who asks late: listeners for 'finish' and 'close' that come after end(), and 1xx answers before it. It must not know how
 * a response is written. */
#include "http.h"

static JSValue done_fn;

static JSValue js_done(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_res *res = http_response_of(ctx, argv[0]);
  if (!res || (res->bits & RES_DONE)) return JS_UNDEFINED;
  res->bits |= RES_DONE;
  if (skep_emit(ctx, argv[0], http_atoms[H_finish], 0, NULL) < 0) return JS_EXCEPTION;
  res->bits |= RES_DETACHED | RES_DESTROYED | RES_CLOSED;
  return skep_emit(ctx, argv[0], http_atoms[H_close], 0, NULL) < 0 ? JS_EXCEPTION : JS_UNDEFINED;
}

/* A listener for 'finish' or 'close' that comes after end(). In the turn of the end the host has not begun to send, and
 * will not remember: the events come on the next tick. Later it is asked to tell, while it knows the exchange. */
static void watch_late(JSContext *ctx, JSValueConst self, http_res *res) {
  if (!(res->bits & RES_FINISHED) || (res->bits & (RES_WATCHED | RES_DONE)) || !res->exchange) return;
  res->bits |= RES_WATCHED;
  if (res->bits & RES_END_QUEUED) return;
  if (res->ended_turn != skep_turn_mono) {
    skep_http_watch((int64_t)res->exchange);
    return;
  }
  JSValueConst args[] = {done_fn, self};
  JS_FreeValue(ctx, http_hook(ctx, HOOK_NEXT_TICK, 2, args));
}

static JSValue js_on(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSAtom type = JS_ValueToAtom(ctx, argc > 0 ? argv[0] : JS_UNDEFINED);
  if (type == JS_ATOM_NULL) return JS_EXCEPTION;
  if (argc < 2 || !JS_IsFunction(ctx, argv[1])) {
    JS_FreeAtom(ctx, type);
    JSValue name = JS_NewString(ctx, "listener"), kind = JS_NewString(ctx, "Function");
    JSValueConst args[] = {name, kind, argc > 1 ? argv[1] : JS_UNDEFINED};
    http_throw(ctx, "ERR_INVALID_ARG_TYPE", 3, args);
    JS_FreeValue(ctx, name);
    JS_FreeValue(ctx, kind);
    return JS_EXCEPTION;
  }
  int result = skep_add_listener(ctx, self, type, argv[1], false);
  if (result >= 0 && (type == http_atoms[H_finish] || type == http_atoms[H_close])) {
    http_res *res = http_response_of(ctx, self);
    if (res) watch_late(ctx, self, res);
  }
  JS_FreeAtom(ctx, type);
  return result < 0 ? JS_EXCEPTION : JS_DupValue(ctx, self);
}

/* inform(res, status, lines): 100, 102, 103. */
static JSValue js_inform(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  http_res *res = http_response_this(ctx, self);
  int32_t status = 100;
  if (!res || JS_ToInt32(ctx, &status, argv[0]) < 0) return JS_EXCEPTION;
  size_t len = 0;
  const char *text = argc > 1 && JS_IsString(argv[1]) ? JS_ToCStringLen(ctx, &len, argv[1]) : NULL;
  if (res->exchange && !(res->bits & RES_DESTROYED)) skep_http_inform((int64_t)res->exchange, status, text, len);
  if (text) JS_FreeCString(ctx, text);
  return JS_UNDEFINED;
}

static const JSCFunctionListEntry methods[] = {
  JS_CFUNC_DEF("_inform", 2, js_inform),
};

void http_watch_init(JSContext *ctx, JSValue proto) {
  JS_SetPropertyFunctionList(ctx, proto, methods, sizeof methods / sizeof methods[0]);
  JSValue on = JS_NewCFunction(ctx, js_on, "on", 2);
  JS_DefinePropertyValueStr(ctx, proto, "addListener", JS_DupValue(ctx, on), JS_PROP_C_W_E);
  JS_DefinePropertyValueStr(ctx, proto, "on", on, JS_PROP_C_W_E);
  done_fn = JS_NewCFunction(ctx, js_done, "done", 1);
}
