/* What runs after a callback: process.nextTick's queue, the engine's jobs, unhandled rejections; and the path that an
 * uncaught exception takes. Must not know what the callbacks are for. */
#include <stdlib.h>

#include "async.h"
#include "core.h"

#define INLINE_ARGS 3

typedef struct {
  JSValue fn, context, resource;
  double id, trigger;
  int argc; /* more than INLINE_ARGS: args[0] is an array of them */
  JSValue args[INLINE_ARGS];
} tick;

/* A ring: `head` is the oldest, `capacity` a power of two. */
static tick *ring;
static uint32_t ring_head, ring_count, ring_capacity;

/* Promises rejected without a handler, and those that got one later; looked at when the jobs are done. */
static JSValue rejected, handled;
static uint32_t rejected_count, handled_count;

/* JavaScript's part, given by setHandlers: (error, fromPromise), (rejected, handled), (value). */
static JSValue on_uncaught, on_rejections, on_bad_callback;

static bool running;

/* ---- Context ---- */

JSValue skep_context_enter(JSValueConst context) {
  return JS_SetAsyncContext(skep_ctx, JS_DupValue(skep_ctx, context));
}

void skep_context_leave(JSValue previous) {
  JS_FreeValue(skep_ctx, JS_SetAsyncContext(skep_ctx, previous));
}

/* ---- nextTick ---- */

static bool ring_grow(JSContext *ctx) {
  uint32_t capacity = ring_capacity ? ring_capacity * 2 : 64;
  tick *bigger = js_malloc(ctx, capacity * sizeof *bigger);
  if (!bigger) return false;
  for (uint32_t i = 0; i < ring_count; i++) bigger[i] = ring[(ring_head + i) & (ring_capacity - 1)];
  js_free(ctx, ring);
  ring = bigger, ring_capacity = capacity, ring_head = 0;
  return true;
}

static JSValue tick_resource(JSContext *ctx, const tick *t) {
  JSValue resource = skep_async_init("TickObject", t->id, t->trigger);
  JS_DefinePropertyValueStr(ctx, resource, "callback", JS_DupValue(ctx, t->fn), JS_PROP_C_W_E);
  return resource;
}

static JSValue js_next_tick(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  if (argc < 1 || !JS_IsFunction(ctx, argv[0])) {
    JSValueConst value = argc > 0 ? argv[0] : JS_UNDEFINED;
    return JS_Call(ctx, on_bad_callback, JS_UNDEFINED, 1, &value);
  }
  if (ring_count == ring_capacity && !ring_grow(ctx)) return JS_EXCEPTION;
  tick t = { .fn = JS_DupValue(ctx, argv[0]), .context = JS_DupValue(ctx, JS_GetAsyncContext(ctx)), .argc = argc - 1 };
  t.id = skep_async_new_id();
  t.trigger = skep_async_id();
  t.resource = skep_hooked ? tick_resource(ctx, &t) : JS_UNDEFINED;
  if (t.argc <= INLINE_ARGS) {
    for (int i = 0; i < t.argc; i++) t.args[i] = JS_DupValue(ctx, argv[i + 1]);
  } else {
    t.args[0] = JS_NewArray(ctx);
    for (int i = 0; i < t.argc; i++) JS_SetPropertyUint32(ctx, t.args[0], (uint32_t)i, JS_DupValue(ctx, argv[i + 1]));
  }
  ring[(ring_head + ring_count++) & (ring_capacity - 1)] = t;
  return JS_UNDEFINED;
}

static JSValue call_spread(JSContext *ctx, const tick *t) {
  JSValue *args = js_malloc(ctx, (size_t)t->argc * sizeof *args);
  if (!args) return JS_EXCEPTION;
  for (int i = 0; i < t->argc; i++) args[i] = JS_GetPropertyUint32(ctx, t->args[0], (uint32_t)i);
  JSValue result = JS_Call(ctx, t->fn, JS_UNDEFINED, t->argc, (JSValueConst *)args);
  for (int i = 0; i < t->argc; i++) JS_FreeValue(ctx, args[i]);
  js_free(ctx, args);
  return result;
}

static void run_ticks(JSContext *ctx) {
  while (ring_count) {
    tick t = ring[ring_head];
    ring_head = (ring_head + 1) & (ring_capacity - 1);
    ring_count--;
    JSValue previous = skep_context_enter(t.context);
    skep_frame outer = skep_frame_enter(t.id, t.trigger, t.resource);
    JSValue result = t.argc <= INLINE_ARGS ? JS_Call(ctx, t.fn, JS_UNDEFINED, t.argc, (JSValueConst *)t.args) : call_spread(ctx, &t);
    if (JS_IsException(result)) skep_uncaught();
    else JS_FreeValue(ctx, result);
    skep_frame_leave(outer);
    skep_context_leave(previous);
    if (skep_hooked) skep_async_destroy(t.id);
    JS_FreeValue(ctx, t.resource);
    JS_FreeValue(ctx, t.fn);
    JS_FreeValue(ctx, t.context);
    int held = t.argc <= INLINE_ARGS ? t.argc : 1;
    for (int i = 0; i < held; i++) JS_FreeValue(ctx, t.args[i]);
  }
}

/* ---- Jobs and rejections ---- */

static void run_jobs(void) {
  JSContext *ctx;
  for (;;) {
    int result = JS_ExecutePendingJob(skep_rt, &ctx);
    if (result == 0) return;
    if (result < 0) skep_uncaught();
  }
}

/* A job of its own error path must not see the queue's list while it grows: JavaScript gets the lists as they are. */
static bool judge_rejections(JSContext *ctx) {
  if (rejected_count + handled_count == 0) return false;
  JSValueConst lists[] = { rejected, handled };
  JSValue old_rejected = rejected, old_handled = handled;
  rejected = JS_NewArray(ctx), handled = JS_NewArray(ctx);
  rejected_count = handled_count = 0;
  JSValue result = JS_Call(ctx, on_rejections, JS_UNDEFINED, 2, lists);
  if (JS_IsException(result)) skep_uncaught();
  JS_FreeValue(ctx, result);
  JS_FreeValue(ctx, old_rejected);
  JS_FreeValue(ctx, old_handled);
  return true;
}

/* A promise that gets its handler before the queue is judged is no news: it leaves the list again. */
static bool forget_rejected(JSContext *ctx, JSValueConst promise) {
  for (uint32_t i = rejected_count; i >= 2; i -= 2) {
    JSValue other = JS_GetPropertyUint32(ctx, rejected, i - 2);
    bool same = JS_IsStrictEqual(ctx, other, promise);
    JS_FreeValue(ctx, other);
    if (!same) continue;
    for (; i < rejected_count; i++) JS_SetPropertyUint32(ctx, rejected, i - 2, JS_GetPropertyUint32(ctx, rejected, i));
    rejected_count -= 2;
    JS_SetLength(ctx, rejected, rejected_count);
    return true;
  }
  return false;
}

static void on_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, bool is_handled, void *opaque) {
  if (!is_handled) {
    JS_SetPropertyUint32(ctx, rejected, rejected_count++, JS_DupValue(ctx, promise));
    JS_SetPropertyUint32(ctx, rejected, rejected_count++, JS_DupValue(ctx, reason));
  } else if (!forget_rejected(ctx, promise)) {
    JS_SetPropertyUint32(ctx, handled, handled_count++, JS_DupValue(ctx, promise));
  }
}

/* ---- After a callback ---- */

void skep_after_callback(void) {
  if (running) return; /* already at it further down the stack */
  running = true;
  do {
    do {
      run_ticks(skep_ctx);
      run_jobs();
    } while (ring_count);
  } while (judge_rejections(skep_ctx) || ring_count || JS_IsJobPending(skep_rt));
  running = false;
}

bool skep_callback(JSValueConst fn, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue result = JS_UNDEFINED;
  /* An argument that there was no memory for. */
  for (int i = 0; i < argc; i++) {
    if (JS_IsException(argv[i])) result = JS_EXCEPTION;
  }
  if (!JS_IsException(result)) result = JS_Call(skep_ctx, fn, self, argc, argv);
  bool threw = JS_IsException(result);
  if (threw) skep_uncaught();
  else JS_FreeValue(skep_ctx, result);
  skep_after_callback();
  return !threw;
}

/* ---- Uncaught exceptions ---- */

void skep_uncaught(void) {
  JSContext *ctx = skep_ctx;
  JSValue error = JS_GetException(ctx);
  if (!JS_IsFunction(ctx, on_uncaught)) {
    skep_print_error(error);
    JS_FreeValue(ctx, error);
    return;
  }
  JSValueConst args[] = { error, JS_FALSE };
  JSValue result = JS_Call(ctx, on_uncaught, JS_UNDEFINED, 2, args);
  if (JS_IsException(result)) { /* Node's code for a failure while an exception is being handled */
    JSValue second = JS_GetException(ctx);
    skep_print_error(second);
    skep_exit(7);
  }
  JS_FreeValue(ctx, result);
  JS_FreeValue(ctx, error);
}

/* ---- Binding ---- */

static JSValue js_set_handlers(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue *const places[] = { &on_uncaught, &on_rejections, &on_bad_callback };
  for (int i = 0; i < 3; i++) {
    JSValue old = *places[i];
    *places[i] = JS_DupValue(ctx, argv[i]);
    JS_FreeValue(ctx, old);
  }
  return JS_UNDEFINED;
}

static JSValue js_get_context(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_DupValue(ctx, JS_GetAsyncContext(ctx));
}

static JSValue js_set_context(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_context_leave(JS_DupValue(ctx, argv[0]));
  return JS_UNDEFINED;
}

static JSValue js_run_jobs(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  run_jobs();
  return JS_UNDEFINED;
}

/* The job of one queueMicrotask: what it throws is uncaught, and the context is its maker's. */
static JSValue microtask_job(JSContext *ctx, int argc, JSValueConst *argv) {
  double id = 0, trigger = 0;
  JS_ToFloat64(ctx, &id, argv[2]);
  JS_ToFloat64(ctx, &trigger, argv[3]);
  JSValue previous = skep_context_enter(argv[1]);
  skep_frame outer = skep_frame_enter(id, trigger, argv[4]);
  JSValue result = JS_Call(ctx, argv[0], JS_UNDEFINED, 0, NULL);
  if (JS_IsException(result)) skep_uncaught(), result = JS_UNDEFINED; /* its handlers run in this frame */
  skep_frame_leave(outer);
  if (skep_hooked) skep_async_destroy(id);
  skep_context_leave(previous);
  return result;
}

static JSValue js_queue_microtask(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  double trigger = skep_async_id(), id = skep_async_new_id();
  JSValue resource = skep_async_init("Microtask", id, trigger);
  JSValueConst args[] = { argv[0], JS_GetAsyncContext(ctx), JS_NewNumber(ctx, id), JS_NewNumber(ctx, trigger), resource };
  int queued = JS_EnqueueJob(ctx, microtask_job, 5, args);
  JS_FreeValue(ctx, resource);
  return queued < 0 ? JS_EXCEPTION : JS_UNDEFINED;
}

static JSValue init_tasks(JSContext *ctx) {
  JSValue object = JS_NewObject(ctx);
  skep_def_fn(ctx, object, "nextTick", js_next_tick, 1);
  skep_def_fn(ctx, object, "setHandlers", js_set_handlers, 3);
  skep_def_fn(ctx, object, "getContext", js_get_context, 0);
  skep_def_fn(ctx, object, "setContext", js_set_context, 1);
  skep_def_fn(ctx, object, "runMicrotasks", js_run_jobs, 0);
  skep_def_fn(ctx, object, "enqueueMicrotask", js_queue_microtask, 1);
  return object;
}

void skep_init_tasks(void) {
  on_uncaught = on_rejections = on_bad_callback = JS_UNDEFINED;
  rejected = JS_NewArray(skep_ctx);
  handled = JS_NewArray(skep_ctx);
  JS_SetHostPromiseRejectionTracker(skep_rt, on_rejection, NULL);
  skep_binding("tasks", init_tasks);
}
