/* EventEmitter's hot half: emit, on, once, off and look-ups over the same `_events`, `_eventsCount`
 * and `_maxListeners` properties that packages peek at. lib/events.js has the rest (constructor, warnings,
 * promises). It must not know who emits: not http, not streams. */
#include "glue.h"

enum {
  A_EVENTS, A_COUNT, A_MAX, A_NEW, A_REMOVE, A_ERROR, A_LISTENER, A_WARNED, A_EMIT, A_LENGTH,
  A_REMOVE_LISTENER, A_OFF_ALIAS, A_ON, A_PREPEND, A_NAMES
};
static const char *const names[A_NAMES] = {
  "_events", "_eventsCount", "_maxListeners", "newListener", "removeListener", "error", "listener",
  "warned", "emit", "length", "removeListener", "off", "on", "prependListener",
};
static JSAtom atoms[A_NAMES];
static JSAtom capture_atom, monitor_atom;
static JSValue emit_fn, on_unhandled, on_leak, on_capture, on_invalid;
static bool ready;

/* ---- Emitting ---- */

/* One listener's answer: a promise is watched when the emitter captures rejections. */
static int settle(JSContext *ctx, JSValueConst self, JSAtom type, JSValue result, int argc, JSValueConst *argv) {
  if (JS_IsException(result)) return -1;
  if (!JS_IsObject(result)) {
    JS_FreeValue(ctx, result);
    return 0;
  }
  JSValue capture = JS_GetProperty(ctx, self, capture_atom);
  int wanted = JS_IsException(capture) ? -1 : JS_ToBool(ctx, capture);
  JS_FreeValue(ctx, capture);
  if (wanted > 0) {
    JSValue args = JS_NewArray(ctx);
    for (int i = 0; i < argc; i++) JS_SetPropertyUint32(ctx, args, i, JS_DupValue(ctx, argv[i]));
    JSValue name = JS_AtomToValue(ctx, type);
    JSValueConst hook[] = {self, result, name, args};
    JSValue done = JS_Call(ctx, on_capture, JS_UNDEFINED, 4, hook);
    if (JS_IsException(done)) wanted = -1;
    JS_FreeValue(ctx, done);
    JS_FreeValue(ctx, name);
    JS_FreeValue(ctx, args);
  }
  JS_FreeValue(ctx, result);
  return wanted < 0 ? -1 : 0;
}

/* Listeners may come and go while they are called, so the list is copied first. */
static int call_list(JSContext *ctx, JSValueConst self, JSAtom type, JSValueConst list, int argc, JSValueConst *argv) {
  int64_t count = 0;
  if (JS_GetLength(ctx, list, &count) < 0) return -1;
  if (count > INT32_MAX / (int64_t)sizeof(JSValue)) {
    JS_ThrowRangeError(ctx, "too many listeners");
    return -1;
  }
  JSValue few[8], *copy = few;
  if (count > 8) {
    copy = js_malloc(ctx, count * sizeof(JSValue));
    if (!copy) return -1;
  }
  for (int64_t i = 0; i < count; i++) copy[i] = JS_GetPropertyInt64(ctx, list, i);
  int failed = 0;
  for (int64_t i = 0; i < count; i++) {
    if (!failed) failed = settle(ctx, self, type, JS_Call(ctx, copy[i], self, argc, argv), argc, argv);
    JS_FreeValue(ctx, copy[i]);
  }
  if (copy != few) js_free(ctx, copy);
  return failed < 0 ? -1 : 1;
}

int skep_call_handler(JSContext *ctx, JSValueConst self, JSAtom type, JSValue handler, int argc, JSValueConst *argv) {
  int answer = 1;
  if (JS_IsException(handler)) return -1;
  if (JS_IsFunction(ctx, handler)) {
    if (settle(ctx, self, type, JS_Call(ctx, handler, self, argc, argv), argc, argv) < 0) answer = -1;
  } else if (JS_IsObject(handler)) {
    answer = call_list(ctx, self, type, handler, argc, argv);
  } else {
    answer = 0;
  }
  JS_FreeValue(ctx, handler);
  return answer;
}

JSValue skep_handler(JSContext *ctx, JSValueConst self, JSAtom type) {
  JSValue events = JS_GetProperty(ctx, self, atoms[A_EVENTS]);
  if (!JS_IsObject(events)) {
    if (JS_IsException(events)) return events;
    JS_FreeValue(ctx, events);
    return JS_UNDEFINED;
  }
  JSValue handler = JS_GetProperty(ctx, events, type);
  JS_FreeValue(ctx, events);
  return handler;
}

static int emit_error(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int heard = skep_call_handler(ctx, self, monitor_atom, skep_handler(ctx, self, monitor_atom), argc, argv);
  if (heard < 0) return -1;
  JSValue handler = skep_handler(ctx, self, atoms[A_ERROR]);
  if (JS_IsException(handler)) return -1;
  if (!JS_IsUndefined(handler)) return skep_call_handler(ctx, self, atoms[A_ERROR], handler, argc, argv);
  JSValueConst hook[] = {self, argc > 0 ? argv[0] : JS_UNDEFINED};
  JSValue thrown = JS_Call(ctx, on_unhandled, JS_UNDEFINED, 2, hook);
  if (JS_IsException(thrown)) return -1;
  JS_FreeValue(ctx, thrown);
  return 0;
}

static int emit_plain(JSContext *ctx, JSValueConst self, JSAtom type, int argc, JSValueConst *argv) {
  if (type == atoms[A_ERROR]) return emit_error(ctx, self, argc, argv);
  return skep_call_handler(ctx, self, type, skep_handler(ctx, self, type), argc, argv);
}

static JSValue js_emit(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSAtom type = JS_ValueToAtom(ctx, argc > 0 ? argv[0] : JS_UNDEFINED);
  if (type == JS_ATOM_NULL) return JS_EXCEPTION;
  int heard = emit_plain(ctx, self, type, argc > 0 ? argc - 1 : 0, argv + 1);
  JS_FreeAtom(ctx, type);
  return heard < 0 ? JS_EXCEPTION : JS_NewBool(ctx, heard);
}

/* An emitter whose `emit` was replaced (by a tracer, by a subclass) is emitted to through that. */
int skep_emit(JSContext *ctx, JSValueConst self, JSAtom event, int argc, JSValueConst *argv) {
  JSValue fn = JS_GetProperty(ctx, self, atoms[A_EMIT]);
  if (JS_IsException(fn)) return -1;
  bool plain = JS_IsObject(fn) && JS_VALUE_GET_PTR(fn) == JS_VALUE_GET_PTR(emit_fn);
  if (plain) {
    JS_FreeValue(ctx, fn);
    return emit_plain(ctx, self, event, argc, argv);
  }
  JSValueConst with_name[6];
  if (argc > 5) argc = 5;
  JSValue name = JS_AtomToValue(ctx, event);
  with_name[0] = name;
  for (int i = 0; i < argc; i++) with_name[i + 1] = argv[i];
  JSValue heard = JS_Call(ctx, fn, self, argc + 1, with_name);
  JS_FreeValue(ctx, fn);
  JS_FreeValue(ctx, name);
  if (JS_IsException(heard)) return -1;
  int answer = JS_ToBool(ctx, heard);
  JS_FreeValue(ctx, heard);
  return answer;
}

/* One look at `_events` for all of them: most messages have no listener of any kind. */
bool skep_has_any_listener(JSContext *ctx, JSValueConst self, const JSAtom *wanted, int count) {
  JSValue events = JS_GetProperty(ctx, self, atoms[A_EVENTS]);
  bool has = false;
  for (int i = 0; JS_IsObject(events) && !has && i < count; i++) {
    JSValue handler = JS_GetProperty(ctx, events, wanted[i]);
    has = JS_IsObject(handler);
    if (JS_IsException(handler)) JS_FreeValue(ctx, JS_GetException(ctx));
    JS_FreeValue(ctx, handler);
  }
  if (JS_IsException(events)) JS_FreeValue(ctx, JS_GetException(ctx));
  JS_FreeValue(ctx, events);
  return has;
}

bool skep_has_listener(JSContext *ctx, JSValueConst self, JSAtom event) {
  JSValue handler = skep_handler(ctx, self, event);
  bool has = JS_IsObject(handler);
  if (JS_IsException(handler)) JS_FreeValue(ctx, JS_GetException(ctx));
  JS_FreeValue(ctx, handler);
  return has;
}

/* ---- Adding ---- */

static int32_t get_count(JSContext *ctx, JSValueConst self) {
  int32_t count = 0;
  JSValue value = JS_GetProperty(ctx, self, atoms[A_COUNT]);
  if (!JS_IsException(value)) JS_ToInt32(ctx, &count, value);
  JS_FreeValue(ctx, value);
  return count;
}

static int add_count(JSContext *ctx, JSValueConst self, int by) {
  return JS_SetProperty(ctx, self, atoms[A_COUNT], JS_NewInt32(ctx, get_count(ctx, self) + by));
}

/* `listener.listener` where it has one (a once wrapper), else the listener. */
static JSValue unwrapped(JSContext *ctx, JSValueConst listener) {
  JSValue inner = JS_GetProperty(ctx, listener, atoms[A_LISTENER]);
  if (JS_IsFunction(ctx, inner)) return inner;
  JS_FreeValue(ctx, inner);
  return JS_DupValue(ctx, listener);
}

static int tell(JSContext *ctx, JSValueConst self, JSAtom event, JSAtom type, JSValueConst listener) {
  JSValue name = JS_AtomToValue(ctx, type);
  JSValue inner = unwrapped(ctx, listener);
  JSValueConst argv[] = {name, inner};
  int heard = skep_emit(ctx, self, event, 2, argv);
  JS_FreeValue(ctx, name);
  JS_FreeValue(ctx, inner);
  return heard;
}

/* The table of listeners, made on first use; JS_EXCEPTION when that fails. */
static JSValue events_for_adding(JSContext *ctx, JSValueConst self, JSAtom type, JSValueConst listener) {
  JSValue events = JS_GetProperty(ctx, self, atoms[A_EVENTS]);
  if (JS_IsException(events)) return events;
  if (!JS_IsObject(events)) {
    JS_FreeValue(ctx, events);
    events = JS_NewObjectProto(ctx, JS_NULL);
    if (JS_SetProperty(ctx, self, atoms[A_EVENTS], JS_DupValue(ctx, events)) < 0 ||
        JS_SetProperty(ctx, self, atoms[A_COUNT], JS_NewInt32(ctx, 0)) < 0) {
      JS_FreeValue(ctx, events);
      return JS_EXCEPTION;
    }
    return events;
  }
  JSValue wanted = JS_GetProperty(ctx, events, atoms[A_NEW]);
  bool told = !JS_IsUndefined(wanted);
  JS_FreeValue(ctx, wanted);
  if (!told) return events;
  JS_FreeValue(ctx, events);
  if (tell(ctx, self, atoms[A_NEW], type, listener) < 0) return JS_EXCEPTION;
  return JS_GetProperty(ctx, self, atoms[A_EVENTS]); /* a listener may have replaced it */
}

static int put_into_list(JSContext *ctx, JSValueConst list, JSValueConst listener, bool first) {
  int64_t count = 0;
  if (JS_GetLength(ctx, list, &count) < 0) return -1;
  if (!first) return JS_SetPropertyInt64(ctx, list, count, JS_DupValue(ctx, listener));
  for (int64_t i = count; i > 0; i--) {
    if (JS_SetPropertyInt64(ctx, list, i, JS_GetPropertyInt64(ctx, list, i - 1)) < 0) return -1;
  }
  return JS_SetPropertyInt64(ctx, list, 0, JS_DupValue(ctx, listener));
}

/* `given` is the event's name as the script wrote it, which a warning repeats. */
static int check_leak(JSContext *ctx, JSValueConst self, JSValueConst given, JSValueConst list) {
  int64_t count = 0;
  if (JS_GetLength(ctx, list, &count) < 0) return -1;
  JSValue warned = JS_GetProperty(ctx, list, atoms[A_WARNED]);
  bool silent = count < 2 || JS_ToBool(ctx, warned) > 0;
  JS_FreeValue(ctx, warned);
  if (silent) return 0;
  JSValue own = JS_GetProperty(ctx, self, atoms[A_MAX]);
  int32_t limit = 0;
  bool fits = JS_VALUE_GET_TAG(own) == JS_TAG_INT && (limit = JS_VALUE_GET_INT(own), limit == 0 || count <= limit);
  JS_FreeValue(ctx, own);
  if (fits) return 0;
  JSValueConst hook[] = {self, given, list};
  JSValue done = JS_Call(ctx, on_leak, JS_UNDEFINED, 3, hook);
  if (JS_IsException(done)) return -1;
  JS_FreeValue(ctx, done);
  return 0;
}

static int add_into(JSContext *ctx, JSValueConst self, JSValueConst events, JSAtom type, JSValueConst given,
                    JSValueConst listener, bool first) {
  JSValue existing = JS_GetProperty(ctx, events, type);
  if (JS_IsException(existing)) return -1;
  if (JS_IsUndefined(existing)) {
    if (JS_SetProperty(ctx, events, type, JS_DupValue(ctx, listener)) < 0) return -1;
    return add_count(ctx, self, 1);
  }
  int result;
  if (JS_IsFunction(ctx, existing)) {
    JSValueConst both[] = { first ? listener : existing, first ? existing : listener };
    JSValue list = JS_NewArray(ctx);
    result = JS_IsException(list) ? -1 : 0;
    for (uint32_t i = 0; i < 2 && result >= 0; i++) result = JS_SetPropertyUint32(ctx, list, i, JS_DupValue(ctx, both[i]));
    JS_FreeValue(ctx, existing);
    existing = list;
    if (result >= 0) result = JS_SetProperty(ctx, events, type, JS_DupValue(ctx, list));
  } else {
    result = put_into_list(ctx, existing, listener, first);
  }
  if (result >= 0) result = check_leak(ctx, self, given, existing);
  JS_FreeValue(ctx, existing);
  return result;
}

static int add_listener(JSContext *ctx, JSValueConst self, JSAtom type, JSValueConst given, JSValueConst listener,
                        bool first) {
  JSValue events = events_for_adding(ctx, self, type, listener);
  if (JS_IsException(events)) return -1;
  int result = add_into(ctx, self, events, type, given, listener, first);
  JS_FreeValue(ctx, events);
  return result;
}

static bool is_listener(JSContext *ctx, JSValueConst listener) {
  if (JS_IsFunction(ctx, listener)) return true;
  JS_FreeValue(ctx, JS_Call(ctx, on_invalid, JS_UNDEFINED, 1, &listener));
  return false;
}

/* magic 0: on, 1: prependListener */
static JSValue js_on(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  JSValueConst listener = argc > 1 ? argv[1] : JS_UNDEFINED;
  if (!is_listener(ctx, listener)) return JS_EXCEPTION;
  JSAtom type = JS_ValueToAtom(ctx, argv[0]);
  if (type == JS_ATOM_NULL) return JS_EXCEPTION;
  int result = add_listener(ctx, self, type, argv[0], listener, magic == 1);
  JS_FreeAtom(ctx, type);
  return result < 0 ? JS_EXCEPTION : JS_DupValue(ctx, self);
}

int skep_add_listener(JSContext *ctx, JSValueConst self, JSAtom type, JSValueConst listener, bool first) {
  JSValue given = JS_AtomToValue(ctx, type);
  int result = add_listener(ctx, self, type, given, listener, first);
  JS_FreeValue(ctx, given);
  return result;
}

/* ---- once: a callable object that takes itself off the list before it calls ---- */

typedef struct { JSValue target, listener; JSAtom type; bool fired; } once_state;
static JSClassID once_class;

static void once_finalizer(JSRuntime *rt, JSValueConst value) {
  once_state *once = JS_GetOpaque(value, once_class);
  if (!once) return;
  JS_FreeValueRT(rt, once->target);
  JS_FreeValueRT(rt, once->listener);
  JS_FreeAtomRT(rt, once->type);
  js_free_rt(rt, once);
}

static void once_mark(JSRuntime *rt, JSValueConst value, JS_MarkFunc *mark) {
  once_state *once = JS_GetOpaque(value, once_class);
  if (!once) return;
  JS_MarkValue(rt, once->target, mark);
  JS_MarkValue(rt, once->listener, mark);
}

static JSValue once_call(JSContext *ctx, JSValueConst fn, JSValueConst self, int argc, JSValueConst *argv, int flags) {
  once_state *once = JS_GetOpaque(fn, once_class);
  if (!once || once->fired) return JS_UNDEFINED;
  JSValue target = JS_DupValue(ctx, once->target), listener = JS_DupValue(ctx, once->listener);
  JSValue name = JS_AtomToValue(ctx, once->type);
  JSValueConst off[] = {name, fn};
  JSValue done = JS_Invoke(ctx, target, atoms[A_REMOVE_LISTENER], 2, off);
  JS_FreeValue(ctx, name);
  JSValue result = JS_EXCEPTION;
  if (!JS_IsException(done)) {
    once->fired = true;
    result = JS_Call(ctx, listener, target, argc, argv);
  }
  JS_FreeValue(ctx, done);
  JS_FreeValue(ctx, target);
  JS_FreeValue(ctx, listener);
  return result;
}

static const JSClassDef once_def = {
  "Function", .finalizer = once_finalizer, .gc_mark = once_mark, .call = once_call,
};

static JSValue new_once(JSContext *ctx, JSValueConst self, JSAtom type, JSValueConst listener) {
  JSValue wrapper = JS_NewObjectClass(ctx, once_class);
  if (JS_IsException(wrapper)) return wrapper;
  once_state *once = js_mallocz(ctx, sizeof *once);
  if (!once) {
    JS_FreeValue(ctx, wrapper);
    return JS_EXCEPTION;
  }
  once->target = JS_DupValue(ctx, self);
  once->listener = JS_DupValue(ctx, listener);
  once->type = JS_DupAtom(ctx, type);
  JS_SetOpaque(wrapper, once);
  JS_DefinePropertyValue(ctx, wrapper, atoms[A_LISTENER], JS_DupValue(ctx, listener), JS_PROP_C_W_E);
  return wrapper;
}

/* Goes through `self.on` (or prependListener), since streams and servers have their own. */
static JSValue js_once(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  JSValueConst listener = argc > 1 ? argv[1] : JS_UNDEFINED;
  if (!is_listener(ctx, listener)) return JS_EXCEPTION;
  JSAtom type = JS_ValueToAtom(ctx, argv[0]);
  if (type == JS_ATOM_NULL) return JS_EXCEPTION;
  JSValue wrapper = new_once(ctx, self, type, listener);
  JS_FreeAtom(ctx, type);
  if (JS_IsException(wrapper)) return wrapper;
  JSValueConst args[] = {argv[0], wrapper};
  JSValue done = JS_Invoke(ctx, self, atoms[magic ? A_PREPEND : A_ON], 2, args);
  JS_FreeValue(ctx, wrapper);
  if (JS_IsException(done)) return done;
  JS_FreeValue(ctx, done);
  return JS_DupValue(ctx, self);
}

/* ---- Removing ---- */

static bool is_same(JSContext *ctx, JSValueConst entry, JSValueConst listener) {
  if (JS_IsStrictEqual(ctx, entry, listener)) return true;
  if (!JS_IsObject(entry)) return false;
  JSValue inner = JS_GetProperty(ctx, entry, atoms[A_LISTENER]);
  bool same = JS_IsObject(inner) && JS_IsStrictEqual(ctx, inner, listener);
  JS_FreeValue(ctx, inner);
  return same;
}

static int told_of_removal(JSContext *ctx, JSValueConst self, JSValueConst events, JSAtom type, JSValueConst listener) {
  JSValue wanted = JS_GetProperty(ctx, events, atoms[A_REMOVE]);
  bool told = !JS_IsUndefined(wanted);
  JS_FreeValue(ctx, wanted);
  return told ? tell(ctx, self, atoms[A_REMOVE], type, listener) : 0;
}

static int remove_only(JSContext *ctx, JSValueConst self, JSValueConst events, JSAtom type, JSValueConst entry) {
  int32_t left = get_count(ctx, self) - 1;
  if (JS_SetProperty(ctx, self, atoms[A_COUNT], JS_NewInt32(ctx, left)) < 0) return -1;
  if (left == 0) return JS_SetProperty(ctx, self, atoms[A_EVENTS], JS_NewObjectProto(ctx, JS_NULL));
  if (JS_DeleteProperty(ctx, events, type, 0) < 0) return -1;
  return told_of_removal(ctx, self, events, type, entry);
}

static int remove_from_list(JSContext *ctx, JSValueConst self, JSValueConst events, JSAtom type, JSValueConst list,
                            JSValueConst listener) {
  int64_t count = 0, at;
  if (JS_GetLength(ctx, list, &count) < 0) return -1;
  for (at = count - 1; at >= 0; at--) {
    JSValue entry = JS_GetPropertyInt64(ctx, list, at);
    bool same = is_same(ctx, entry, listener);
    JS_FreeValue(ctx, entry);
    if (same) break;
  }
  if (at < 0) return 0;
  for (; at < count - 1; at++) {
    if (JS_SetPropertyInt64(ctx, list, at, JS_GetPropertyInt64(ctx, list, at + 1)) < 0) return -1;
  }
  if (JS_SetLength(ctx, list, count - 1) < 0) return -1;
  if (count == 2 && JS_SetProperty(ctx, events, type, JS_GetPropertyInt64(ctx, list, 0)) < 0) return -1;
  return told_of_removal(ctx, self, events, type, listener);
}

static JSValue js_off(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValueConst listener = argc > 1 ? argv[1] : JS_UNDEFINED;
  if (!is_listener(ctx, listener)) return JS_EXCEPTION;
  JSValue events = JS_GetProperty(ctx, self, atoms[A_EVENTS]);
  if (JS_IsException(events)) return events;
  int result = 0;
  if (JS_IsObject(events)) {
    JSAtom type = JS_ValueToAtom(ctx, argv[0]);
    JSValue list = type == JS_ATOM_NULL ? JS_EXCEPTION : JS_GetProperty(ctx, events, type);
    if (JS_IsException(list)) result = -1;
    else if (JS_IsObject(list) && is_same(ctx, list, listener)) result = remove_only(ctx, self, events, type, list);
    else if (JS_IsObject(list) && !JS_IsFunction(ctx, list)) result = remove_from_list(ctx, self, events, type, list, listener);
    JS_FreeValue(ctx, list);
    JS_FreeAtom(ctx, type);
  }
  JS_FreeValue(ctx, events);
  return result < 0 ? JS_EXCEPTION : JS_DupValue(ctx, self);
}

static JSValue js_listener_count(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSAtom type = JS_ValueToAtom(ctx, argc > 0 ? argv[0] : JS_UNDEFINED);
  if (type == JS_ATOM_NULL) return JS_EXCEPTION;
  JSValue handler = skep_handler(ctx, self, type);
  JS_FreeAtom(ctx, type);
  if (JS_IsException(handler)) return handler;
  int64_t count = 0;
  bool only = JS_IsFunction(ctx, handler);
  if (only) {
    count = 1;
    if (argc > 1 && JS_IsObject(argv[1])) count = is_same(ctx, handler, argv[1]);
  } else if (JS_IsObject(handler)) {
    JS_GetLength(ctx, handler, &count);
    if (argc > 1 && JS_IsObject(argv[1])) {
      int64_t found = 0;
      for (int64_t i = 0; i < count; i++) {
        JSValue entry = JS_GetPropertyInt64(ctx, handler, i);
        found += is_same(ctx, entry, argv[1]);
        JS_FreeValue(ctx, entry);
      }
      count = found;
    }
  }
  JS_FreeValue(ctx, handler);
  return JS_NewInt64(ctx, count);
}

/* ---- The binding ---- */

/* setup({ kCapture, errorMonitor }, unhandled, leak, capture, invalid) */
static JSValue js_setup(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  if (argc < 6 || ready) return JS_ThrowTypeError(ctx, "setup");
  capture_atom = JS_ValueToAtom(ctx, argv[0]);
  monitor_atom = JS_ValueToAtom(ctx, argv[1]);
  on_unhandled = JS_DupValue(ctx, argv[2]);
  on_leak = JS_DupValue(ctx, argv[3]);
  on_capture = JS_DupValue(ctx, argv[4]);
  on_invalid = JS_DupValue(ctx, argv[5]);
  ready = true;
  return JS_UNDEFINED;
}

static JSValue init_binding(JSContext *ctx) {
  JSValue binding = JS_NewObject(ctx);
  JSRuntime *rt = JS_GetRuntime(ctx);
  JS_NewClassID(rt, &once_class);
  JS_NewClass(rt, once_class, &once_def);
  JS_SetClassProto(ctx, once_class, JS_GetFunctionProto(ctx));
  for (int i = 0; i < A_NAMES; i++) atoms[i] = JS_NewAtom(ctx, names[i]);
  emit_fn = JS_NewCFunction(ctx, js_emit, "emit", 1);
  JS_SetPropertyStr(ctx, binding, "emit", JS_DupValue(ctx, emit_fn));
  JS_SetPropertyStr(ctx, binding, "setup", JS_NewCFunction(ctx, js_setup, "setup", 6));
  JS_SetPropertyStr(ctx, binding, "addListener", JS_NewCFunctionMagic(ctx, js_on, "addListener", 2, JS_CFUNC_generic_magic, 0));
  JS_SetPropertyStr(ctx, binding, "prependListener", JS_NewCFunctionMagic(ctx, js_on, "prependListener", 2, JS_CFUNC_generic_magic, 1));
  JS_SetPropertyStr(ctx, binding, "once", JS_NewCFunctionMagic(ctx, js_once, "once", 2, JS_CFUNC_generic_magic, 0));
  JS_SetPropertyStr(ctx, binding, "prependOnceListener", JS_NewCFunctionMagic(ctx, js_once, "prependOnceListener", 2, JS_CFUNC_generic_magic, 1));
  JS_SetPropertyStr(ctx, binding, "removeListener", JS_NewCFunction(ctx, js_off, "removeListener", 2));
  JS_SetPropertyStr(ctx, binding, "listenerCount", JS_NewCFunction(ctx, js_listener_count, "listenerCount", 1));
  return binding;
}

void skep_init_events(void) { skep_binding("events", init_binding); }
