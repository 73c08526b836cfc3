/* A map from handles of the host to the JavaScript values that stand for them while something is in flight: what
 * is in it is pinned. It must not know what the values are. */
#ifndef SKEP_HANDLES_H
#define SKEP_HANDLES_H
#include "glue.h"

/* key 0: empty. `owner` is async.c's, in its own map. */
typedef struct { uint64_t key; JSValue first, second; const char *owner; } skep_pin;
/* `type` names what the handles are to async_hooks; NULL: nothing that keeps an asynchronous context. `on_event` is what
 * the library gave to setup(). */
typedef struct { skep_pin *pins; uint32_t count, cap; const char *type; JSValue on_event; } skep_pins;

skep_pin *skep_pins_find(skep_pins *map, uint64_t key);
/* Takes ownership of both values. */
bool skep_pins_add(JSContext *ctx, skep_pins *map, uint64_t key, JSValue first, JSValue second);
/* Gives ownership of both values to the caller. */
bool skep_pins_take(skep_pins *map, uint64_t key, JSValue *first, JSValue *second);
/* Gives a binding setup(onEvent), attachObject(handle, object), which pins it, and detachObject(handle). */
void skep_pins_bind(JSContext *ctx, JSValueConst binding, skep_pins *map);
#endif
