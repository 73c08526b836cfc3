/* Timers and immediates below lib/timers.js: a heap by deadline and order of insertion, a queue of immediates, and the
 * host's one timer. Must not know what a Timeout looks like: JavaScript fires it. */
#include <stdlib.h>

#include "async.h"
#include "core.h"

/* So many callbacks an entry; the rest comes with the next event, and others' turns lie between. */
#define MOST_CALLBACKS 1000
#define NOWHERE UINT32_MAX

typedef struct {
  JSValue timer;
  int64_t due;   /* ms of the monotonic clock */
  uint64_t order;
  uint32_t heap_at; /* NOWHERE: the slot is free, and `next_free` counts */
  uint32_t next_free;
  bool refed;
} slot;

static slot *slots;
static uint32_t slot_count, slot_capacity, first_free = NOWHERE;
static uint32_t *heap; /* slot numbers */
static uint32_t heap_count;
static uint32_t refed_timers;
static uint64_t orders;
static bool dirty; /* the host's timer may stand wrong */

static struct { /* a ring; the capacity is a power of two */
  JSValue immediate;
} *soon;
static uint32_t soon_head, soon_count, soon_capacity, refed_soon;

static JSValue fire_timer, fire_immediate; /* JavaScript's: (timer) and (immediate) */

/* ---- The heap ---- */

static bool earlier(uint32_t a, uint32_t b) {
  return slots[a].due != slots[b].due ? slots[a].due < slots[b].due : slots[a].order < slots[b].order;
}

static void put(uint32_t at, uint32_t id) {
  heap[at] = id;
  slots[id].heap_at = at;
}

static void sift_up(uint32_t at, uint32_t id) {
  while (at > 0 && earlier(id, heap[(at - 1) / 2])) {
    put(at, heap[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  put(at, id);
}

static void sift_down(uint32_t at, uint32_t id) {
  for (;;) {
    uint32_t child = at * 2 + 1;
    if (child >= heap_count) break;
    if (child + 1 < heap_count && earlier(heap[child + 1], heap[child])) child++;
    if (!earlier(heap[child], id)) break;
    put(at, heap[child]);
    at = child;
  }
  put(at, id);
}

static void heap_remove(uint32_t at) {
  uint32_t last = heap[--heap_count];
  if (at == heap_count) return;
  if (at > 0 && earlier(last, heap[(at - 1) / 2])) sift_up(at, last);
  else sift_down(at, last);
}

static bool grow(JSContext *ctx) {
  uint32_t capacity = slot_capacity ? slot_capacity * 2 : 16;
  slot *more_slots = js_realloc(ctx, slots, capacity * sizeof *slots);
  if (!more_slots) return false;
  slots = more_slots;
  uint32_t *more_heap = js_realloc(ctx, heap, capacity * sizeof *heap);
  if (!more_heap) return false;
  heap = more_heap;
  slot_capacity = capacity;
  return true;
}

/* Takes the timer out; its value is the caller's now. */
static JSValue release(uint32_t id) {
  slot *s = &slots[id];
  JSValue timer = s->timer;
  heap_remove(s->heap_at);
  if (s->refed) refed_timers--;
  s->timer = JS_UNDEFINED;
  s->heap_at = NOWHERE;
  s->next_free = first_free;
  first_free = id;
  dirty = true;
  return timer;
}

static int64_t now_ms(void) {
  return skep_clock(SKEP_CLOCK_MONOTONIC) / 1000000;
}

/* ---- Binding ---- */

/* insert(timer, ms, refed, start): answers the slot, good for one firing. start < 0: now. */
static JSValue js_insert(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int64_t ms, start = -1;
  if (JS_ToInt64(ctx, &ms, argv[1]) || JS_ToInt64(ctx, &start, argv[3])) return JS_EXCEPTION;
  uint32_t id = first_free;
  if (id != NOWHERE) {
    first_free = slots[id].next_free;
  } else {
    if (slot_count == slot_capacity && !grow(ctx)) return JS_EXCEPTION;
    id = slot_count++;
  }
  slot *s = &slots[id];
  s->timer = JS_DupValue(ctx, argv[0]);
  s->due = (start < 0 ? now_ms() : start) + ms;
  s->order = orders++;
  s->refed = JS_ToBool(ctx, argv[2]);
  if (s->refed) refed_timers++;
  sift_up(heap_count++, id);
  dirty = true;
  return JS_NewUint32(ctx, id);
}

static uint32_t used_slot(JSContext *ctx, JSValueConst value) {
  uint32_t id;
  if (JS_ToUint32(ctx, &id, value) || id >= slot_count || slots[id].heap_at == NOWHERE) return NOWHERE;
  return id;
}

static JSValue js_remove(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  uint32_t id = used_slot(ctx, argv[0]);
  if (id != NOWHERE) JS_FreeValue(ctx, release(id));
  return JS_UNDEFINED;
}

static JSValue js_set_ref(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  uint32_t id = used_slot(ctx, argv[0]);
  bool on = JS_ToBool(ctx, argv[1]);
  if (id == NOWHERE || slots[id].refed == on) return JS_UNDEFINED;
  slots[id].refed = on;
  refed_timers += on ? 1 : -1;
  dirty = true;
  return JS_UNDEFINED;
}

static JSValue js_now_ms(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  return JS_NewInt64(ctx, now_ms());
}

/* later(immediate): at the end of the queue, counted as one that keeps the loop alive. */
static JSValue js_later(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  if (soon_count == soon_capacity) {
    uint32_t capacity = soon_capacity ? soon_capacity * 2 : 16;
    void *more = js_malloc(ctx, capacity * sizeof *soon);
    if (!more) return JS_EXCEPTION;
    for (uint32_t i = 0; i < soon_count; i++)
      ((JSValue *)more)[i] = soon[(soon_head + i) & (soon_capacity - 1)].immediate;
    js_free(ctx, soon);
    soon = more, soon_head = 0, soon_capacity = capacity;
  }
  soon[(soon_head + soon_count++) & (soon_capacity - 1)].immediate = JS_DupValue(ctx, argv[0]);
  refed_soon++;
  return JS_UNDEFINED;
}

/* refImmediate(by): +1 or -1, told by JavaScript when one is unref'd, ref'd, cleared or fired. */
static JSValue js_ref_immediate(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t by = 0;
  if (JS_ToInt32(ctx, &by, argv[0])) return JS_EXCEPTION;
  refed_soon += (uint32_t)by;
  return JS_UNDEFINED;
}

/* active(): how many timers and immediates keep the loop alive. */
static JSValue js_active(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue pair = JS_NewArray(ctx);
  JS_SetPropertyUint32(ctx, pair, 0, JS_NewUint32(ctx, refed_timers));
  JS_SetPropertyUint32(ctx, pair, 1, JS_NewUint32(ctx, refed_soon));
  return pair;
}

static JSValue js_set_fire(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  fire_timer = JS_DupValue(ctx, argv[0]);
  fire_immediate = JS_DupValue(ctx, argv[1]);
  return JS_UNDEFINED;
}

static JSValue init_timers(JSContext *ctx) {
  JSValue object = JS_NewObject(ctx);
  skep_def_fn(ctx, object, "insert", js_insert, 4);
  skep_def_fn(ctx, object, "remove", js_remove, 1);
  skep_def_fn(ctx, object, "setRef", js_set_ref, 2);
  skep_def_fn(ctx, object, "now", js_now_ms, 0);
  skep_def_fn(ctx, object, "later", js_later, 1);
  skep_def_fn(ctx, object, "refImmediate", js_ref_immediate, 1);
  skep_def_fn(ctx, object, "active", js_active, 0);
  skep_def_fn(ctx, object, "setFire", js_set_fire, 2);
  return object;
}

/* ---- Events ---- */

/* Calls JavaScript's part in the frame of the timer or immediate; answers whether it came to its end. */
static bool call_in_frame(JSValueConst fn, JSValueConst object) {
  JSContext *ctx = skep_ctx;
  skep_frame outer = skep_frame_enter(0, 0, object);
  JSValue result = JS_Call(ctx, fn, JS_UNDEFINED, 1, &object);
  bool good = !JS_IsException(result);
  if (good) JS_FreeValue(ctx, result);
  else skep_uncaught();
  skep_frame_leave(outer);
  return good;
}

static void fire(JSValueConst fn, JSValueConst object) {
  call_in_frame(fn, object);
  skep_after_callback();
}

static void on_timer(const skep_event *event, const uint8_t *payload) {
  /* What is set while we run is due in a millisecond at the earliest, and so not in this pass. */
  int64_t now = (int64_t)(skep_turn_mono / 1000000);
  uint64_t newest = orders;
  dirty = true;
  for (int left = MOST_CALLBACKS; left > 0 && heap_count; left--) {
    uint32_t id = heap[0];
    if (slots[id].due > now || slots[id].order >= newest) break;
    JSValue timer = release(id);
    fire(fire_timer, timer);
    JS_FreeValue(skep_ctx, timer);
  }
}

static bool is_cleared(JSValueConst immediate) {
  JSValue callback = JS_GetPropertyStr(skep_ctx, immediate, "_onImmediate");
  bool cleared = !JS_IsObject(callback);
  JS_FreeValue(skep_ctx, callback);
  return cleared;
}

/* Those that wait now: one that an immediate sets comes in the next pass. As in Node, ticks and jobs wait after an immediate
 * that failed, until one has not. */
static void on_soon(const skep_event *event, const uint8_t *payload) {
  uint32_t left = soon_count < MOST_CALLBACKS ? soon_count : MOST_CALLBACKS;
  while (left-- > 0 && soon_count) {
    JSValue immediate = soon[soon_head].immediate;
    soon_head = (soon_head + 1) & (soon_capacity - 1);
    soon_count--;
    if (!is_cleared(immediate) && (call_in_frame(fire_immediate, immediate) || left == 0 || !soon_count)) skep_after_callback();
    JS_FreeValue(skep_ctx, immediate);
  }
}

bool skep_immediates_wait(void) {
  return refed_soon > 0;
}

void skep_timers_renew(void) {
  dirty = true;
}

void skep_timers_settle(void) {
  if (!dirty) return;
  dirty = false;
  if (heap_count == 0) skep_timer_arm(-1, 0);
  else skep_timer_arm(slots[heap[0]].due * 1000000, refed_timers > 0);
}

void skep_init_timers(void) {
  fire_timer = fire_immediate = JS_UNDEFINED;
  skep_on(SKEP_EV_TIMER, on_timer);
  skep_on(SKEP_EV_SOON, on_soon);
  skep_binding("timers", init_timers);
}
