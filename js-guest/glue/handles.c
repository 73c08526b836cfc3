/* The map of handles.h: open addressing, linear probing, no tombstones. It must not know who pins what. */
#include "handles.h"

#include "async.h"

static uint32_t slot_of(skep_pins *map, uint64_t key) {
  return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (map->cap - 1);
}

skep_pin *skep_pins_find(skep_pins *map, uint64_t key) {
  if (!map->count || !key) return NULL;
  for (uint32_t i = slot_of(map, key);; i = (i + 1) & (map->cap - 1)) {
    if (map->pins[i].key == key) return &map->pins[i];
    if (!map->pins[i].key) return NULL;
  }
}

static void insert(skep_pins *map, skep_pin pin) {
  uint32_t i = slot_of(map, pin.key);
  while (map->pins[i].key) i = (i + 1) & (map->cap - 1);
  map->pins[i] = pin;
}

static bool grow(JSContext *ctx, skep_pins *map) {
  skep_pins bigger = *map;
  bigger.cap = map->cap ? map->cap * 2 : 64;
  bigger.pins = js_calloc(ctx, bigger.cap, sizeof(skep_pin));
  if (!bigger.pins) return false;
  for (uint32_t i = 0; i < map->cap; i++) {
    if (map->pins[i].key) insert(&bigger, map->pins[i]);
  }
  js_free(ctx, map->pins);
  *map = bigger;
  return true;
}

bool skep_pins_add(JSContext *ctx, skep_pins *map, uint64_t key, JSValue first, JSValue second) {
  if (map->count * 4 >= map->cap * 3 && !grow(ctx, map)) {
    JS_FreeValue(ctx, first);
    JS_FreeValue(ctx, second);
    return false;
  }
  insert(map, (skep_pin){key, first, second, NULL});
  map->count++;
  if (map->type && (skep_hooked || !JS_IsUndefined(JS_GetAsyncContext(ctx)))) skep_async_born(key, map->type);
  return true;
}

bool skep_pins_take(skep_pins *map, uint64_t key, JSValue *first, JSValue *second) {
  skep_pin *pin = skep_pins_find(map, key);
  if (!pin) return false;
  *first = pin->first;
  *second = pin->second;
  uint32_t hole = (uint32_t)(pin - map->pins), mask = map->cap - 1;
  for (uint32_t i = (hole + 1) & mask; map->pins[i].key; i = (i + 1) & mask) {
    uint32_t home = slot_of(map, map->pins[i].key);
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    map->pins[hole] = map->pins[i];
    hole = i;
  }
  map->pins[hole].key = 0;
  map->count--;
  if (map->type) skep_async_gone(key, map->type);
  return true;
}

/* ---- What bindings have in common ---- */

enum { SETUP, ATTACH, DETACH, CALLS };
static skep_pins *bound[8];

static JSValue js_pins(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  skep_pins *map = bound[magic / CALLS];
  if (magic % CALLS == SETUP) {
    map->on_event = JS_DupValue(ctx, argv[0]);
    return JS_UNDEFINED;
  }
  uint64_t key = (uint64_t)skep_value_handle(ctx, argv[0]);
  JSValue object, none;
  if (magic % CALLS == ATTACH) {
    if (!skep_pins_add(ctx, map, key, JS_DupValue(ctx, argv[1]), JS_UNDEFINED)) return JS_EXCEPTION;
  } else if (skep_pins_take(map, key, &object, &none)) {
    JS_FreeValue(ctx, object);
  }
  return JS_UNDEFINED;
}

void skep_pins_bind(JSContext *ctx, JSValueConst binding, skep_pins *map) {
  static const struct { const char *name; int length; } calls[CALLS] = {{"setup", 1}, {"attachObject", 2}, {"detachObject", 1}};
  int at = 0;
  while (bound[at] && bound[at] != map) at++;
  bound[at] = map;
  for (int i = 0; i < CALLS; i++) {
    JSValue fn = JS_NewCFunctionMagic(ctx, js_pins, calls[i].name, calls[i].length, JS_CFUNC_generic_magic, at * CALLS + i);
    JS_DefinePropertyValueStr(ctx, binding, calls[i].name, fn, JS_PROP_C_W_E);
  }
}
