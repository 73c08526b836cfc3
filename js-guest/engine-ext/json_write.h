/* JSON.stringify without a replacer or an indentation: straight from shapes and arrays into one string. Scripts may
 * see it work (toJSON, getters, proxies) and may change anything under its hands; after each such moment it goes by
 * the specification's own steps, key by key. It must not keep a borrowed value over a moment in which JavaScript may
 * run. Included by quickjs.c; json_write_text.h puts the characters. */
#ifndef SKEP_JSON_WRITE_H
#define SKEP_JSON_WRITE_H

#include "json_shapes.h"
#include "json_write_text.h"

#define JSON_SEEN 8
#define JSON_FIRST_MAX 16384

typedef struct JsonWriter {
    JSContext *ctx;
    StringBuffer b;
    uint32_t calls; /* goes up whenever JavaScript may have run */
    /* Shapes that were looked through lately; what was found holds while no JavaScript runs. */
    struct {
        JSShape *shape;
        uint32_t calls, traits;
    } seen[JSON_SEEN];
} JsonWriter;

/* The objects around the one being written. */
typedef struct JsonFrame {
    JSObject *object;
    const struct JsonFrame *around;
} JsonFrame;

/* Traits of a shape. */
enum {
    JSON_NO_TO_JSON = 1, /* neither its objects nor their prototypes have a toJSON */
    JSON_IN_ORDER = 2,   /* its keys lie in the order in which they are enumerated */
};

static int json_write_object(JsonWriter *w, JSValueConst value, const JsonFrame *around);

/* Throws: `first` comes again inside itself, in the innermost of the frames. */
static void json_circle(JSContext *ctx, const JsonFrame *first, const JsonFrame *innermost)
{
    int count = 1;
    for (const JsonFrame *f = innermost; f != first; f = f->around)
        count++;
    JSObject **chain = js_malloc(ctx, sizeof(*chain) * count);
    if (!chain)
        return;
    const JsonFrame *f = innermost;
    for (int i = count; i > 0; f = f->around)
        chain[--i] = f->object;
    js_throw_circular(ctx, chain, count);
    js_free(ctx, chain);
}

static bool json_lacks_to_json(JSObject *p)
{
    for (; p; p = p->shape->proto) {
        /* an array is exotic in its indices and its length only */
        if (p->is_exotic && p->class_id != JS_CLASS_ARRAY)
            return false;
        if (find_own_property1(p, JS_ATOM_toJSON))
            return false;
    }
    return true;
}

static inline bool json_is_string_atom(JSRuntime *rt, JSAtom atom)
{
    return __JS_AtomIsTaggedInt(atom) || rt->atom_array[atom]->atom_type == JS_ATOM_TYPE_STRING;
}

/* Array indices are enumerated first, in rising order. Those above 2^31 are strings here: 10 digits. */
static bool json_keys_in_order(JSRuntime *rt, JSShape *sh)
{
    bool strings = false;
    int64_t last = -1;

    for (int i = 0; i < sh->prop_count; i++) {
        JSShapeProperty *prs = &get_shape_prop(sh)[i];
        if (prs->atom == JS_ATOM_NULL || !(prs->flags & JS_PROP_ENUMERABLE) || !json_is_string_atom(rt, prs->atom))
            continue;
        if ((prs->flags & JS_PROP_TMASK) == JS_PROP_VARREF)
            return false;
        if (__JS_AtomIsTaggedInt(prs->atom)) {
            if (strings || __JS_AtomToUInt32(prs->atom) <= last)
                return false;
            last = __JS_AtomToUInt32(prs->atom);
        } else {
            JSAtomStruct *key = rt->atom_array[prs->atom];
            if (key->len == 10 && is_num(string_get(key, 0)))
                return false;
            strings = true;
        }
    }
    return true;
}

static uint32_t json_traits(JsonWriter *w, JSObject *p)
{
    uint32_t at = ((uintptr_t)p->shape >> 4) % JSON_SEEN;

    if (w->seen[at].shape != p->shape || w->seen[at].calls != w->calls) {
        w->seen[at].shape = p->shape;
        w->seen[at].calls = w->calls;
        w->seen[at].traits = (json_lacks_to_json(p) ? JSON_NO_TO_JSON : 0) |
            (json_keys_in_order(w->ctx->rt, p->shape) ? JSON_IN_ORDER : 0);
    }
    return w->seen[at].traits;
}

/* The value that stands for an object or a bigint: itself, or what its toJSON gives. Owned by the caller. */
static JSValue json_stand_in(JsonWriter *w, JSValueConst value, JSAtom key, int64_t index)
{
    JSContext *ctx = w->ctx;

    if (JS_IsObject(value) && (json_traits(w, JS_VALUE_GET_OBJ(value)) & JSON_NO_TO_JSON))
        return js_dup(value);
    JSValue self = js_dup(value), name = JS_UNDEFINED, answer;
    w->calls++;
    JSValue to_json = JS_GetProperty(ctx, self, JS_ATOM_toJSON);
    if (JS_IsException(to_json))
        goto fail;
    if (!JS_IsFunction(ctx, to_json)) {
        JS_FreeValue(ctx, to_json);
        return self;
    }
    name = key != JS_ATOM_NULL ? JS_AtomToString(ctx, key) : JS_ToStringFree(ctx, js_int64(index));
    if (JS_IsException(name)) {
        JS_FreeValue(ctx, to_json);
        goto fail;
    }
    answer = JS_CallFree(ctx, to_json, self, 1, vc(&name));
    JS_FreeValue(ctx, name);
    JS_FreeValue(ctx, self);
    return answer;
 fail:
    JS_FreeValue(ctx, self);
    return JS_EXCEPTION;
}

static inline bool json_has_stand_in(JSValueConst value)
{
    int tag = JS_VALUE_GET_TAG(value);
    return tag == JS_TAG_OBJECT || tag == JS_TAG_BIG_INT || tag == JS_TAG_SHORT_BIG_INT;
}

/* Whether the value leaves any text: undefined, symbols and functions do not. */
static inline bool json_has_text(JSContext *ctx, JSValueConst value)
{
    switch (JS_VALUE_GET_NORM_TAG(value)) {
    case JS_TAG_OBJECT:
        return !JS_IsFunction(ctx, value);
    case JS_TAG_STRING:
    case JS_TAG_STRING_ROPE:
    case JS_TAG_INT:
    case JS_TAG_FLOAT64:
    case JS_TAG_BOOL:
    case JS_TAG_NULL:
    case JS_TAG_SHORT_BIG_INT:
    case JS_TAG_BIG_INT:
        return true;
    default:
        return false;
    }
}

/* A value that has text and stands for itself. */
static int json_write_value(JsonWriter *w, JSValueConst value, const JsonFrame *around)
{
    switch (JS_VALUE_GET_NORM_TAG(value)) {
    case JS_TAG_STRING:
        return json_put_string(&w->b, JS_VALUE_GET_STRING(value));
    case JS_TAG_INT:
        return json_put_int(&w->b, JS_VALUE_GET_INT(value));
    case JS_TAG_FLOAT64:
        return json_put_double(&w->b, JS_VALUE_GET_FLOAT64(value));
    case JS_TAG_BOOL:
        return JS_VALUE_GET_BOOL(value) ? json_put_word(&w->b, "true", 4) : json_put_word(&w->b, "false", 5);
    case JS_TAG_NULL:
        return json_put_word(&w->b, "null", 4);
    case JS_TAG_OBJECT:
        return json_write_object(w, value, around);
    case JS_TAG_STRING_ROPE: {
        JSValue flat = JS_ToString(w->ctx, value);
        if (JS_IsException(flat))
            return -1;
        int failed = json_put_string(&w->b, JS_VALUE_GET_STRING(flat));
        JS_FreeValue(w->ctx, flat);
        return failed;
    }
    default:
        JS_ThrowTypeError(w->ctx, "Do not know how to serialize a BigInt");
        return -1;
    }
}

static int json_put_key(JsonWriter *w, JSAtom key, bool first)
{
    if (!first && json_put_char(&w->b, ','))
        return -1;
    if (__JS_AtomIsTaggedInt(key)) {
        if (json_put_char(&w->b, '"') || json_put_int(&w->b, __JS_AtomToUInt32(key)) || json_put_char(&w->b, '"'))
            return -1;
    } else if (json_put_string(&w->b, w->ctx->rt->atom_array[key])) {
        return -1;
    }
    return json_put_char(&w->b, ':');
}

/* The member `key`, if its value has text; *first says whether it is the first of its object. */
static int json_write_member(JsonWriter *w, JSAtom key, JSValueConst value, const JsonFrame *frame, bool *first)
{
    JSValue own = JS_UNDEFINED;
    int failed = 0;

    if (json_has_stand_in(value)) {
        own = json_stand_in(w, value, key, 0);
        if (JS_IsException(own))
            return -1;
        value = own;
    }
    if (json_has_text(w->ctx, value)) {
        failed = json_put_key(w, key, *first) || json_write_value(w, value, frame);
        *first = false;
    }
    JS_FreeValue(w->ctx, own);
    return failed ? -1 : 0;
}

static int json_write_element(JsonWriter *w, int64_t index, JSValueConst value, const JsonFrame *frame)
{
    JSValue own = JS_UNDEFINED;
    int failed;

    if (index > 0 && json_put_char(&w->b, ','))
        return -1;
    if (json_has_stand_in(value)) {
        own = json_stand_in(w, value, JS_ATOM_NULL, index);
        if (JS_IsException(own))
            return -1;
        value = own;
    }
    failed = json_has_text(w->ctx, value) ? json_write_value(w, value, frame) : json_put_word(&w->b, "null", 4);
    JS_FreeValue(w->ctx, own);
    return failed;
}

/* Members in the order of the shape. The keys are those of now, whatever the members' own code does to the object:
   a shape that is shared, or a copy, does not change. */
static int json_write_record(JsonWriter *w, JSValueConst object, const JsonFrame *frame)
{
    JSContext *ctx = w->ctx;
    JSObject *p = frame->object;
    JSShape *sh = p->shape->is_hashed ? js_dup_shape(p->shape) : js_clone_shape(ctx, p->shape);
    uint32_t calls = w->calls;
    bool first = true;
    int failed = 0;

    if (!sh)
        return -1;
    for (int i = 0; i < sh->prop_count && !failed; i++) {
        JSShapeProperty *prs = &get_shape_prop(sh)[i];
        if (prs->atom == JS_ATOM_NULL || !(prs->flags & JS_PROP_ENUMERABLE) ||
            !json_is_string_atom(ctx->rt, prs->atom))
            continue;
        if (likely(w->calls == calls && (prs->flags & JS_PROP_TMASK) == JS_PROP_NORMAL)) {
            failed = json_write_member(w, prs->atom, p->prop[i].u.value, frame, &first);
        } else {
            w->calls++;
            JSValue value = JS_GetProperty(ctx, object, prs->atom);
            failed = JS_IsException(value) || json_write_member(w, prs->atom, value, frame, &first);
            JS_FreeValue(ctx, value);
        }
    }
    js_free_shape(ctx->rt, sh);
    return failed ? -1 : 0;
}

/* Members by the specification's steps: for exotic objects, and keys that lie in another order. */
static int json_write_keys(JsonWriter *w, JSValueConst object, const JsonFrame *frame)
{
    JSContext *ctx = w->ctx;
    bool first = true;
    int64_t count;
    int failed = 0;

    w->calls++;
    JSValue keys = js_object_keys(ctx, JS_UNDEFINED, 1, &object, JS_ITERATOR_KIND_KEY);
    if (JS_IsException(keys))
        return -1;
    failed = js_get_length64(ctx, &count, keys);
    for (int64_t i = 0; !failed && i < count; i++) {
        JSValue value = JS_EXCEPTION;
        JSAtom key = JS_ATOM_NULL;
        JSValue name = JS_GetPropertyInt64(ctx, keys, i);
        if (!JS_IsException(name))
            key = JS_ValueToAtom(ctx, name);
        if (key != JS_ATOM_NULL)
            value = JS_GetProperty(ctx, object, key);
        w->calls++;
        failed = JS_IsException(value) || json_write_member(w, key, value, frame, &first);
        JS_FreeValue(ctx, value);
        JS_FreeAtom(ctx, key);
        JS_FreeValue(ctx, name);
    }
    JS_FreeValue(ctx, keys);
    return failed ? -1 : 0;
}

static int json_write_elements(JsonWriter *w, JSValueConst array, const JsonFrame *frame)
{
    JSContext *ctx = w->ctx;
    JSObject *p = frame->object;
    bool plain = p->class_id == JS_CLASS_ARRAY;
    int64_t length;

    if (!plain)
        w->calls++;
    if (js_get_length64(ctx, &length, array))
        return -1;
    for (int64_t i = 0; i < length; i++) {
        if (likely(plain && p->fast_array && i < p->u.array.count)) {
            if (json_write_element(w, i, p->u.array.u.values[i], frame))
                return -1;
            continue;
        }
        w->calls++;
        JSValue value = JS_GetPropertyInt64(ctx, array, i);
        int failed = JS_IsException(value) || json_write_element(w, i, value, frame);
        JS_FreeValue(ctx, value);
        if (failed)
            return -1;
    }
    return 0;
}

/* An object that stands for a primitive. 1 when `value` is none. */
static int json_write_boxed(JsonWriter *w, JSValueConst value)
{
    JSContext *ctx = w->ctx;
    JSObject *p = JS_VALUE_GET_OBJ(value);
    JSValue plain;
    int failed;

    switch (p->class_id) {
    case JS_CLASS_STRING:
        plain = JS_ToString(ctx, value);
        break;
    case JS_CLASS_NUMBER:
        plain = JS_ToNumber(ctx, value);
        break;
    case JS_CLASS_BOOLEAN:
    case JS_CLASS_BIG_INT:
        plain = js_dup(p->u.object_data);
        break;
    case JS_CLASS_RAWJSON:
        plain = JS_GetProperty(ctx, value, JS_ATOM_rawJSON);
        w->calls++;
        return JS_IsException(plain) ? -1 : string_buffer_concat_value_free(&w->b, plain);
    default:
        return 1;
    }
    w->calls++;
    if (JS_IsException(plain))
        return -1;
    failed = json_write_value(w, plain, NULL);
    JS_FreeValue(ctx, plain);
    return failed;
}

/* The caller holds a reference to the object. */
static no_inline int json_write_object(JsonWriter *w, JSValueConst value, const JsonFrame *around)
{
    js_weigh_frame(256);
    JSContext *ctx = w->ctx;
    JSObject *p = JS_VALUE_GET_OBJ(value);
    JsonFrame frame = { p, around };
    int is_array;

    if (js_check_stack_overflow(ctx->rt, 0)) {
        JS_ThrowStackOverflow(ctx);
        return -1;
    }
    if (unlikely(p->class_id != JS_CLASS_OBJECT && p->class_id != JS_CLASS_ARRAY)) {
        int done = json_write_boxed(w, value);
        if (done <= 0)
            return done;
    }
    for (const JsonFrame *f = around; f; f = f->around) {
        if (f->object == p) {
            json_circle(ctx, f, around);
            return -1;
        }
    }
    is_array = p->class_id == JS_CLASS_ARRAY ? 1 : p->is_exotic ? js_is_array(ctx, value) : 0;
    if (is_array < 0)
        return -1;
    if (is_array) {
        if (json_put_char(&w->b, '[') || json_write_elements(w, value, &frame))
            return -1;
        return json_put_char(&w->b, ']');
    }
    if (json_put_char(&w->b, '{'))
        return -1;
    if (p->is_exotic || !(json_traits(w, p) & JSON_IN_ORDER)) {
        if (json_write_keys(w, value, &frame))
            return -1;
    } else if (json_write_record(w, value, &frame)) {
        return -1;
    }
    return json_put_char(&w->b, '}');
}

/* How much to ask for at first: texts of one program are often alike. */
static int json_first_size(struct JSJsonState *state, JSValueConst value)
{
    if (JS_VALUE_GET_TAG(value) == JS_TAG_STRING)
        return min_int(JS_VALUE_GET_STRING(value)->len, JS_STRING_LEN_MAX - 2) + 2;
    if (!JS_IsObject(value))
        return 16;
    return max_int(64, min_int(state->last_length + state->last_length / 16, JSON_FIRST_MAX));
}

/* The text of a value that was given neither a replacer nor an indentation; undefined when it has none. */
static JSValue json_write(JSContext *ctx, JSValueConst value)
{
    JsonWriter writer = { .ctx = ctx }, *w = &writer;
    struct JSJsonState *state = json_state(ctx);
    JSValue own;

    if (!state)
        return JS_EXCEPTION;
    if (json_has_stand_in(value))
        own = json_stand_in(w, value, JS_ATOM_empty_string, 0);
    else
        own = js_dup(value);
    if (JS_IsException(own))
        return own;
    if (!json_has_text(ctx, own)) {
        JS_FreeValue(ctx, own);
        return JS_UNDEFINED;
    }
    if (string_buffer_init(ctx, &w->b, json_first_size(state, own)))
        goto fail;
    if (json_write_value(w, own, NULL)) {
        string_buffer_free(&w->b);
        goto fail;
    }
    JS_FreeValue(ctx, own);
    state->last_length = w->b.len;
    return string_buffer_end(&w->b);
 fail:
    JS_FreeValue(ctx, own);
    return JS_EXCEPTION;
}

#endif
