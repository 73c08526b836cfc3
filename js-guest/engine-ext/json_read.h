/* JSON.parse without a reviver, straight from the string's characters, with no tokens between. It reads every valid
 * text; of anything else it says only "declined", and the engine's own parser then starts over and words the error
 * (reading has no effects, so nothing is done twice). It must not run JavaScript, and must not raise a SyntaxError
 * itself. Included by quickjs.c; json_read_text.h is the part that depends on the width of characters. */
#ifndef SKEP_JSON_READ_H
#define SKEP_JSON_READ_H

#include "json_chars.h"
#include "json_shapes.h"

/* The values of the arrays and objects that are still open lie on one stack, since their number is known only at the
   end. JSProperty, so that a finished object takes its values as they lie. */
typedef struct JsonReader {
    JSContext *ctx;
    struct JSJsonState *state;
    const void *at; /* behind the value that was read last */
    const void *end;
    JSProperty *stack;
    uint32_t count, size;
    bool declined; /* else JS_EXCEPTION is a real one */
} JsonReader;

_Static_assert(sizeof(JSProperty) == sizeof(JSValue), "an array takes its values from a stack of properties");

#define JSON_LONGEST_NUMBER 63

static JSValue json_decline(JsonReader *r)
{
    r->declined = true;
    return JS_EXCEPTION;
}

static no_inline int json_grow(JsonReader *r)
{
    uint32_t size = r->size ? r->size * 2 : 64;
    JSProperty *stack = NULL;

    if (size < INT32_MAX / sizeof(*stack))
        stack = js_realloc(r->ctx, r->stack, size * sizeof(*stack));
    else
        JS_ThrowOutOfMemory(r->ctx);
    if (!stack)
        return -1;
    r->stack = stack;
    r->size = size;
    return 0;
}

/* Takes the value. */
static inline int json_push(JsonReader *r, JSValue value)
{
    if (unlikely(r->count == r->size) && json_grow(r)) {
        JS_FreeValue(r->ctx, value);
        return -1;
    }
    r->stack[r->count++].u.value = value;
    return 0;
}

/* The place in the text of what lies under a key (or 0, in an array) of the object at `site`. */
static inline uint32_t json_site(uint32_t site, uint32_t key)
{
    return (site ^ key) * 0x9e3779b1 + (site >> 15);
}

static JSValue json_make_array(JsonReader *r, uint32_t base)
{
    JSContext *ctx = r->ctx;
    uint32_t count = r->count - base;
    JSValue array = JS_NewArray(ctx);

    if (JS_IsException(array) || count == 0)
        return array;
    JSObject *p = JS_VALUE_GET_OBJ(array);
    p->u.array.u.values = js_malloc(ctx, count * sizeof(JSValue));
    if (!p->u.array.u.values) {
        JS_FreeValue(ctx, array);
        return JS_EXCEPTION;
    }
    for (uint32_t i = 0; i < count; i++)
        p->u.array.u.values[i] = r->stack[base + i].u.value;
    p->u.array.u1.size = count;
    p->u.array.count = count;
    p->prop[0].u.value = js_int32(count);
    r->count = base;
    return array;
}

/* The object that has exactly the keys of `sh`, with the values from `base` on. */
static JSValue json_make_record(JsonReader *r, JSShape *sh, uint32_t base)
{
    r->count = base; /* the values are the object's, whether it comes to be or not */
    return JS_NewObjectFromShape(r->ctx, js_dup_shape(sh), JS_CLASS_OBJECT, &r->stack[base]);
}

/* Takes the value. As JS_DefinePropertyValue does it on a plain object that no script has seen. */
static int json_define(JSContext *ctx, JSObject *p, JSAtom key, JSValue value)
{
    JSProperty *pr;

    if (unlikely(find_own_property(&pr, p, key) != NULL)) {
        set_value(ctx, &pr->u.value, value);
        return 0;
    }
    pr = add_property(ctx, p, key, JS_PROP_C_W_E);
    if (!pr) {
        JS_FreeValue(ctx, value);
        return -1;
    }
    pr->u.value = value;
    return 0;
}

/* The object begun along `sh`, which turned out to have other keys: the first ones are right. */
static JSValue json_make_begun(JsonReader *r, JSShape *sh, uint32_t base)
{
    JSContext *ctx = r->ctx;
    JSValue object = JS_NewObject(ctx);

    if (JS_IsException(object))
        return object;
    for (uint32_t i = base; i < r->count; i++) {
        JSValue value = r->stack[i].u.value;
        r->stack[i].u.value = JS_UNDEFINED;
        if (json_define(ctx, JS_VALUE_GET_OBJ(object), get_shape_prop(sh)[i - base].atom, value)) {
            JS_FreeValue(ctx, object);
            return JS_EXCEPTION;
        }
    }
    r->count = base;
    return object;
}

/* Takes the string. JS_ATOM_NULL and an exception when there is no memory. */
static JSAtom json_string_atom(JSContext *ctx, JSValue string)
{
    if (JS_IsException(string))
        return JS_ATOM_NULL;
    JSAtom atom = JS_NewAtomStr(ctx, JS_VALUE_GET_STRING(string));
    if (atom == JS_ATOM_NULL)
        JS_ThrowOutOfMemory(ctx);
    return atom;
}

/* What came of following a remembered shape. */
enum { JSON_FAILED = -1, JSON_DONE, JSON_ENDED_EARLY, JSON_OTHER_KEY };

static JSShape *json_switch_shape(JSContext *ctx, JSShape **psh, JSShape *sh)
{
    js_dup_shape(sh);
    js_free_shape(ctx->rt, *psh);
    return *psh = sh;
}

#define JSON_CHAR uint8_t
#define JSON_NAME(name) json8_##name
#include "json_read_text.h"
#undef JSON_CHAR
#undef JSON_NAME

#define JSON_CHAR uint16_t
#define JSON_NAME(name) json16_##name
#include "json_read_text.h"
#undef JSON_CHAR
#undef JSON_NAME

/* JS_UNINITIALIZED when the text was declined. */
static JSValue json_read(JSContext *ctx, JSString *text)
{
    JsonReader reader = { .ctx = ctx, .state = json_state(ctx) }, *r = &reader;
    JSValue value;

    if (!r->state)
        return JS_EXCEPTION;
    if (text->is_wide_char)
        value = json16_text(r, str16(text), text->len);
    else
        value = json8_text(r, str8(text), text->len);
    while (r->count > 0)
        JS_FreeValue(ctx, r->stack[--r->count].u.value);
    js_free(ctx, r->stack);
    return r->declined ? JS_UNINITIALIZED : value;
}

#endif
