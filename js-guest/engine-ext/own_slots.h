/* Checks of many properties of one object at once, for the embedder's fast ways: what a script's object would answer is
 * read where it lies, without a call, a reference or a hash. Says "no" to everything that is not plain data (accessors,
 * frozen properties, exotic objects), so that its caller goes the general way. The table remembers where each name was
 * last time: a guess, compared at each use. */
#ifndef SKEP_OWN_SLOTS_H
#define SKEP_OWN_SLOTS_H

#include "quickjs.h"

/* IS: own, and this very value. MAY: the same, or not own. NOT: not own. GET: own; `at` tells where, until the next call
   of anything that could change the object. */
enum { JS_SLOT_IS, JS_SLOT_MAY, JS_SLOT_NOT, JS_SLOT_GET };

typedef struct JSOwnSlot {
    const char *name; /* the embedder's own; unused here */
    JSAtom atom;
    int kind;
    JSValue wanted; /* compared by identity: no strings, no doubles */
    JSValue *at;
    uint32_t index;      /* where it was */
    struct JSShape *without; /* a shape that lacks it; referenced, so it stays as it is */
} JSOwnSlot;

/* Whether all of them hold. Runs no script, throws nothing. */
bool JS_CheckOwnSlots(JSContext *ctx, JSValueConst obj, JSOwnSlot *slots, int count);
/* Whether it is an object with this very prototype. */
bool JS_IsChildOf(JSValueConst obj, JSValueConst proto);

#endif
