/* internalBinding('async'): ids of asynchronous work, the frames they run in, and the hooks that watch them
 * (lib/internal/async_hooks.js has the hooks). Handles of the host keep the context they were made in. Must not know what
 * a context holds. */
#include "async.h"
#include "core.h"
#include "handles.h"

enum { ON_INIT, ON_BEFORE, ON_AFTER, ON_DESTROY, ON_RESOLVE, ON_KINDS };

bool skep_hooked;
static skep_frame current;
static double last_id = 1;
static JSValue listeners[ON_KINDS];
static JSAtom id_atom, trigger_atom;

/* ---- Ids ---- */

double skep_async_new_id(void) { return ++last_id; }

static double number_at(JSContext *ctx, JSValueConst object, JSAtom atom) {
  double number = 0;
  if (!JS_IsObject(object)) return 0;
  JSValue value = JS_GetProperty(ctx, object, atom);
  if (!JS_IsNumber(value) || JS_ToFloat64(ctx, &number, value)) number = 0;
  JS_FreeValue(ctx, value);
  return number;
}

/* False when neither the frame nor its resource has an id. */
static bool resolve(JSContext *ctx) {
  if (current.id != 0) return true;
  current.id = number_at(ctx, current.resource, id_atom);
  if (current.id != 0) current.trigger = number_at(ctx, current.resource, trigger_atom);
  return current.id != 0;
}

double skep_async_id(void) {
  if (!resolve(skep_ctx)) current.id = skep_async_new_id();
  return current.id;
}

static void put_number(JSContext *ctx, JSValueConst object, JSAtom atom, double number, int flags) {
  JS_DefinePropertyValue(ctx, object, atom, JS_NewNumber(ctx, number), flags);
}

static void mark(JSContext *ctx, JSValueConst object, double id, double trigger, int flags) {
  put_number(ctx, object, id_atom, id, flags);
  put_number(ctx, object, trigger_atom, trigger, flags);
}

/* ---- Telling the hooks; they end the process themselves when they throw ---- */

static void tell(JSContext *ctx, int kind, int argc, JSValueConst *argv) {
  JSValue done = JS_Call(ctx, listeners[kind], JS_UNDEFINED, argc, argv);
  if (JS_IsException(done)) skep_uncaught();
  else JS_FreeValue(ctx, done);
}

static void tell_id(JSContext *ctx, int kind, double id) {
  JSValueConst args[] = {JS_NewNumber(ctx, id)};
  tell(ctx, kind, 1, args);
}

static void tell_init(JSContext *ctx, double id, const char *type, double trigger, JSValueConst resource) {
  JSValue args[] = {JS_NewNumber(ctx, id), JS_NewString(ctx, type), JS_NewNumber(ctx, trigger), JS_DupValue(ctx, resource)};
  tell(ctx, ON_INIT, 4, (JSValueConst *)args);
  for (int i = 0; i < 4; i++) JS_FreeValue(ctx, args[i]);
}

void skep_async_destroy(double id) { tell_id(skep_ctx, ON_DESTROY, id); }

JSValue skep_async_init(const char *type, double id, double trigger) {
  if (!skep_hooked) return JS_UNDEFINED;
  JSValue resource = JS_NewObject(skep_ctx);
  mark(skep_ctx, resource, id, trigger, JS_PROP_C_W_E);
  tell_init(skep_ctx, id, type, trigger, resource);
  return resource;
}

/* ---- Frames ---- */

static void tell_current(int kind) {
  if (resolve(skep_ctx)) tell_id(skep_ctx, kind, current.id);
}

skep_frame skep_frame_enter(double id, double trigger, JSValueConst resource) {
  skep_frame previous = current;
  current = (skep_frame){id, trigger, JS_DupValue(skep_ctx, resource)};
  if (skep_hooked) tell_current(ON_BEFORE);
  return previous;
}

void skep_frame_leave(skep_frame previous) {
  if (skep_hooked) tell_current(ON_AFTER);
  JS_FreeValue(skep_ctx, current.resource);
  current = previous;
}

void skep_frame_reset(double id) {
  JS_FreeValue(skep_ctx, current.resource);
  current = (skep_frame){id, 0, JS_UNDEFINED};
}

/* ---- Promises: only while a hook is enabled; a frame each, on a stack of our own ---- */

static skep_frame *stack;
static uint32_t stack_count, stack_capacity;

static bool push(JSContext *ctx, skep_frame frame) {
  if (stack_count == stack_capacity) {
    uint32_t capacity = stack_capacity ? stack_capacity * 2 : 16;
    skep_frame *more = js_realloc(ctx, stack, capacity * sizeof *more);
    if (!more) return false;
    stack = more, stack_capacity = capacity;
  }
  stack[stack_count++] = frame;
  return true;
}

/* A promise from before the hooks gets its id when it is first met. */
static double promise_id(JSContext *ctx, JSValueConst promise) {
  double id = number_at(ctx, promise, id_atom);
  if (id == 0) mark(ctx, promise, id = skep_async_new_id(), skep_async_id(), JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
  return id;
}

static void promise_made(JSContext *ctx, JSValueConst promise, JSValueConst parent) {
  double trigger = JS_IsObject(parent) ? promise_id(ctx, parent) : skep_async_id();
  double id = skep_async_new_id();
  mark(ctx, promise, id, trigger, JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
  tell_init(ctx, id, "PROMISE", trigger, promise);
}

static void promise_after(JSContext *ctx, JSValueConst promise) {
  double id = promise_id(ctx, promise);
  bool ours = stack_count > 0 && JS_IsStrictEqual(ctx, current.resource, promise);
  if (ours) skep_frame_leave(stack[--stack_count]);
  else if (skep_hooked) tell_id(ctx, ON_AFTER, id); /* hooked while it ran */
}

static void on_promise(JSContext *ctx, JSPromiseHookType type, JSValueConst promise, JSValueConst parent, void *opaque) {
  JSValue pending = JS_HasException(ctx) ? JS_GetException(ctx) : JS_UNINITIALIZED;
  switch (type) {
    case JS_PROMISE_HOOK_INIT: promise_made(ctx, promise, parent); break;
    case JS_PROMISE_HOOK_RESOLVE: tell_id(ctx, ON_RESOLVE, promise_id(ctx, promise)); break;
    case JS_PROMISE_HOOK_AFTER: promise_after(ctx, promise); break;
    case JS_PROMISE_HOOK_BEFORE: {
      double id = promise_id(ctx, promise);
      push(ctx, skep_frame_enter(id, number_at(ctx, promise, trigger_atom), promise));
    }
  }
  if (!JS_IsUninitialized(pending)) JS_Throw(ctx, pending);
}

/* ---- Handles ---- */

static skep_pins kept;  /* handle -> the context, and the resource when there are hooks */
static uint64_t awaited; /* the last handle that somebody pinned */

void skep_async_born(uint64_t handle, const char *type) {
  JSContext *ctx = skep_ctx;
  awaited = handle;
  skep_pin *known = skep_pins_find(&kept, handle);
  if (known) { /* the answer to a request has come: what was the request's ends with it */
    known->owner = type;
    return;
  }
  JSValue resource = skep_hooked ? skep_async_init(type, skep_async_new_id(), skep_async_id()) : JS_UNDEFINED;
  if (skep_pins_add(ctx, &kept, handle, JS_DupValue(ctx, JS_GetAsyncContext(ctx)), resource)) skep_pins_find(&kept, handle)->owner = type;
}

bool skep_async_keeps(void) { return kept.count > 0; }

/* The stream itself takes all with it. */
static bool may_end(const skep_pin *pin, const char *type) {
  return !pin->owner || strcmp(type, "TCPWRAP") == 0 || strcmp(pin->owner, type) == 0;
}

void skep_async_gone(uint64_t handle, const char *type) {
  JSContext *ctx = skep_ctx;
  JSValue context, resource;
  skep_pin *pin = skep_pins_find(&kept, handle);
  if (!pin || (type && !may_end(pin, type))) return;
  if (!skep_pins_take(&kept, handle, &context, &resource)) return;
  double id = number_at(ctx, resource, id_atom);
  if (id != 0 && skep_hooked) tell_id(ctx, ON_DESTROY, id);
  JS_FreeValue(ctx, context);
  JS_FreeValue(ctx, resource);
}

void skep_async_renew(skep_handle handle, const char *type) {
  skep_async_gone((uint64_t)handle, NULL);
  if (skep_hooked || !JS_IsUndefined(JS_GetAsyncContext(skep_ctx))) skep_async_born((uint64_t)handle, type);
}

/* A request, a connection: what a listener brings runs in the listener's context. */
static uint64_t listener_of(const skep_event *event, const uint8_t *payload) {
  uint64_t listener = 0;
  if (event->kind == SKEP_EV_HTTP_REQUEST && event->len >= sizeof(skep_request)) return ((const skep_request *)payload)->listener;
  bool named = event->kind == SKEP_EV_ACCEPTED || event->kind == SKEP_EV_HTTP_CONNECTION || event->kind == SKEP_EV_CLIENT_ERROR;
  if (named && event->len >= 8) memcpy(&listener, payload, 8);
  return listener;
}

/* With hooks, a request is a resource of its own, from its first event on. */
static skep_pin *find_kept(const skep_event *event, uint64_t listener) {
  skep_pin *own = skep_pins_find(&kept, event->handle);
  skep_pin *by = own || !listener ? NULL : skep_pins_find(&kept, listener);
  if (own || !skep_hooked || event->kind != SKEP_EV_HTTP_REQUEST) return own ? own : by;
  JSContext *ctx = skep_ctx;
  double trigger = by ? number_at(ctx, by->second, id_atom) : 0;
  JSValue resource = skep_async_init("HTTPINCOMINGMESSAGE", skep_async_new_id(), trigger ? trigger : 1);
  by = skep_pins_find(&kept, listener); /* the hook may have moved the table */
  JSValue context = JS_DupValue(ctx, by ? by->first : JS_UNDEFINED);
  skep_pins_add(ctx, &kept, event->handle, context, resource);
  return skep_pins_find(&kept, event->handle);
}

void skep_async_dispatch(skep_event_fn *fn, const skep_event *event, const uint8_t *payload) {
  bool request = event->kind == SKEP_EV_HTTP_REQUEST;
  uint64_t handle = event->handle;
  awaited = 0;
  skep_pin *pin = find_kept(event, listener_of(event, payload));
  if (!pin) {
    fn(event, payload);
    return;
  }
  JSContext *ctx = skep_ctx;
  JSValue resource = JS_DupValue(ctx, pin->second);
  JSValue outer = skep_context_enter(pin->first);
  skep_frame previous = skep_frame_enter(0, 0, resource);
  fn(event, payload);
  skep_frame_leave(previous);
  skep_context_leave(outer);
  JS_FreeValue(ctx, resource);
  if (request && awaited != handle) skep_async_gone(handle, NULL); /* answered at once: nothing is to come */
}

/* ---- Binding ---- */

static JSValue js_id(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewNumber(ctx, skep_async_id());
}

static JSValue js_trigger(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_async_id();
  return JS_NewNumber(ctx, current.trigger);
}

static JSValue js_resource(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  if (JS_IsUndefined(current.resource)) current.resource = JS_NewObject(ctx);
  return JS_DupValue(ctx, current.resource);
}

static JSValue js_new_id(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewNumber(ctx, skep_async_new_id());
}

/* stamp(timer, type, context key): id and trigger become properties, and the context if there is one. */
static JSValue js_stamp(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValueConst context = JS_GetAsyncContext(ctx);
  double trigger = skep_async_id(), id = skep_async_new_id();
  mark(ctx, argv[0], id, trigger, JS_PROP_C_W_E);
  if (!JS_IsUndefined(context)) {
    JSAtom key = JS_ValueToAtom(ctx, argv[2]);
    JS_DefinePropertyValue(ctx, argv[0], key, JS_DupValue(ctx, context), JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
    JS_FreeAtom(ctx, key);
  }
  if (!skep_hooked) return JS_UNDEFINED;
  JSValueConst args[] = {JS_NewNumber(ctx, id), argv[1], JS_NewNumber(ctx, trigger), argv[0]};
  tell(ctx, ON_INIT, 4, args);
  return JS_UNDEFINED;
}

/* run(resource, id, trigger, context, fn, self, ...args) */
static JSValue js_run(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  double id, trigger;
  if (JS_ToFloat64(ctx, &id, argv[1]) || JS_ToFloat64(ctx, &trigger, argv[2])) return JS_EXCEPTION;
  JSValue outer = skep_context_enter(argv[3]);
  skep_frame previous = skep_frame_enter(id, trigger, argv[0]);
  JSValue result = JS_Call(ctx, argv[4], argv[5], argc > 6 ? argc - 6 : 0, argv + 6);
  JSValue pending = JS_IsException(result) ? JS_GetException(ctx) : JS_UNDEFINED;
  skep_frame_leave(previous);
  skep_context_leave(outer);
  return JS_IsException(result) ? JS_Throw(ctx, pending) : result;
}

/* within(context, fn, self, ...args) */
static JSValue js_within(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue outer = skep_context_enter(argv[0]);
  JSValue result = JS_Call(ctx, argv[1], argv[2], argc > 3 ? argc - 3 : 0, argv + 3);
  skep_context_leave(outer);
  return result;
}

/* setHooked(on): promises are watched with the rest. */
static JSValue js_set_hooked(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_hooked = JS_ToBool(ctx, argv[0]) > 0;
  JS_SetPromiseHook(skep_rt, skep_hooked ? on_promise : NULL, NULL);
  return JS_UNDEFINED;
}

static JSValue js_listen(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  for (int i = 0; i < ON_KINDS; i++) listeners[i] = JS_DupValue(ctx, argv[i]);
  return JS_UNDEFINED;
}

static JSValue init_async(JSContext *ctx) {
  JSValue object = JS_NewObject(ctx);
  skep_def_fn(ctx, object, "executionAsyncId", js_id, 0);
  skep_def_fn(ctx, object, "triggerAsyncId", js_trigger, 0);
  skep_def_fn(ctx, object, "executionAsyncResource", js_resource, 0);
  skep_def_fn(ctx, object, "newId", js_new_id, 0);
  skep_def_fn(ctx, object, "stamp", js_stamp, 3);
  skep_def_fn(ctx, object, "run", js_run, 6);
  skep_def_fn(ctx, object, "within", js_within, 3);
  skep_def_fn(ctx, object, "setHooked", js_set_hooked, 1);
  skep_def_fn(ctx, object, "listen", js_listen, ON_KINDS);
  JS_SetPropertyStr(ctx, object, "id", JS_AtomToValue(ctx, id_atom));
  JS_SetPropertyStr(ctx, object, "trigger", JS_AtomToValue(ctx, trigger_atom));
  return object;
}

static JSAtom new_symbol(const char *name) {
  JSValue symbol = JS_NewSymbol(skep_ctx, name, false);
  JSAtom atom = JS_ValueToAtom(skep_ctx, symbol);
  JS_FreeValue(skep_ctx, symbol);
  return atom;
}

void skep_init_async(void) {
  current = (skep_frame){1, 0, JS_UNDEFINED};
  for (int i = 0; i < ON_KINDS; i++) listeners[i] = JS_UNDEFINED;
  id_atom = new_symbol("asyncId");
  trigger_atom = new_symbol("triggerId");
  skep_binding("async", init_async);
}
