/* What JSON keeps from one text to the next: the shapes of the objects read last, by the place where they stood in
 * their text, so that the next text of the same form needs no lookup of keys. A guess, never a truth: the reader
 * compares every key. Must hold little whatever is read, and must be seen by the cycle collector, or a context
 * would never be freed. Included by quickjs.c. */
#ifndef SKEP_JSON_SHAPES_H
#define SKEP_JSON_SHAPES_H

/* A place remembers some forms: optional keys and unions are common. The newest is the first. */
#define JSON_PLACES 32
#define JSON_FORMS 4
/* Objects with more keys, or keys longer than this, are tables rather than records: they are not remembered. */
#define JSON_RECORD_KEYS 64
#define JSON_RECORD_KEY_LEN 64

struct JSJsonState {
    JSShape *shapes[JSON_PLACES][JSON_FORMS];
    int last_length; /* of the last text written: a guess at the next one's */
};

/* NULL and an exception when there is no memory. */
static struct JSJsonState *json_state(JSContext *ctx)
{
    if (!ctx->json)
        ctx->json = js_mallocz(ctx, sizeof(*ctx->json));
    return ctx->json;
}

static void json_state_mark(JSRuntime *rt, JSContext *ctx, JS_MarkFunc *mark_func)
{
    if (!ctx->json)
        return;
    for (int i = 0; i < JSON_PLACES; i++) {
        for (int j = 0; j < JSON_FORMS && ctx->json->shapes[i][j]; j++)
            mark_func(rt, &ctx->json->shapes[i][j]->header);
    }
}

static void json_state_free(JSContext *ctx)
{
    if (!ctx->json)
        return;
    for (int i = 0; i < JSON_PLACES; i++) {
        for (int j = 0; j < JSON_FORMS; j++)
            js_free_shape_null(ctx->rt, ctx->json->shapes[i][j]);
    }
    js_free_rt(ctx->rt, ctx->json);
    ctx->json = NULL;
}

/* A shape that is referenced from here is shared, so the engine copies it before it changes it: what is remembered
   stays as it is. */
static void json_remember(JSContext *ctx, uint32_t place, JSShape *sh)
{
    JSShape **forms = ctx->json->shapes[place];
    int i;

    for (i = 0; i < JSON_FORMS - 1 && forms[i] && forms[i] != sh; i++)
        continue;
    JSShape *gone = forms[i];
    for (; i > 0; i--)
        forms[i] = forms[i - 1];
    forms[0] = js_dup_shape(sh);
    js_free_shape_null(ctx->rt, gone);
}

/* A form of this place that begins with the first `count` keys of `sh`, the next one after index `from`. */
static int json_other_form(JSShape **forms, int from, JSShape *sh, int count)
{
    for (int i = from + 1; i < JSON_FORMS && forms[i]; i++) {
        int same = 0;
        if (forms[i]->prop_count < count)
            continue;
        while (same < count && get_shape_prop(forms[i])[same].atom == get_shape_prop(sh)[same].atom)
            same++;
        if (same == count)
            return i;
    }
    return -1;
}

#endif
