/* The `stack` of an error when it is first looked at, as text or by Error.prepareStackTrace, and what the embedder may ask
 * of errors. Script may run here. Included by quickjs.c behind stack_frame.h; must not know how frames are kept. */

/* The first line: what Error.prototype.toString says of the error now. A part that cannot be read counts as none. */
static void put_header(JSContext *ctx, DynBuf *out, JSValueConst error)
{
    static const JSAtom parts[2] = { JS_ATOM_name, JS_ATOM_message };
    size_t start = out->size;
    for (int i = 0; i < 2; i++) {
        JSValue part = JS_GetProperty(ctx, error, parts[i]);
        const char *text = NULL;
        size_t len = 0;
        if (!JS_IsException(part) && !JS_IsUndefined(part))
            text = JS_ToCStringLen(ctx, &len, part);
        else if (i == 0)
            dbuf_putstr(out, "Error");
        if (text && len > 0) {
            if (out->size > start)
                dbuf_putstr(out, ": ");
            dbuf_put(out, (const uint8_t *)text, len);
        }
        JS_FreeCString(ctx, text);
        JS_FreeValue(ctx, part);
        if (JS_HasException(ctx))
            JS_FreeValue(ctx, JS_GetException(ctx));
    }
}

static JSValue trace_text(JSContext *ctx, JSTrace *trace, JSValueConst error)
{
    DynBuf out;
    js_dbuf_init(ctx, &out);
    put_header(ctx, &out, error);
    for (int i = 0; i < trace->count; i++) {
        if (is_place(&trace->frames[i]))
            continue; /* JS_GetErrorPlace tells of it */
        dbuf_putstr(&out, "\n    at ");
        put_frame(ctx, &out, &trace->frames[i]);
    }
    JSValue text = dbuf_error(&out) ? JS_UNDEFINED : JS_NewStringLen(ctx, (char *)out.buf, out.size);
    dbuf_free(&out);
    return text;
}

/* ---- `stack` is looked at ---- */

static JSValue js_new_callsite(JSContext *ctx, const JSTraceFrame *f);

static JSValue prepared(JSContext *ctx, JSTrace *trace, JSValueConst error, JSValueConst prepare)
{
    JSValue sites = JS_NewArray(ctx);
    uint32_t used = 0;
    for (int i = 0; i < trace->count && !JS_IsException(sites); i++) {
        if (is_place(&trace->frames[i]))
            continue;
        JSValue site = js_new_callsite(ctx, &trace->frames[i]);
        if (JS_IsException(site) || JS_DefinePropertyValueUint32(ctx, sites, used++, site, JS_PROP_C_W_E) < 0) {
            JS_FreeValue(ctx, sites);
            sites = JS_EXCEPTION;
        }
    }
    if (JS_IsException(sites))
        return sites;
    JSValueConst args[] = { error, sites };
    JSValue stack = JS_Call(ctx, prepare, ctx->error_ctor, 2, args);
    JS_FreeValue(ctx, sites);
    return stack;
}

/* Makes the value of the property. Script may run here and change the object, so the property is an ordinary one before
 * anything is asked, and is looked up again to be filled. */
static int stack_autoinit(JSContext *ctx, JSObject *p, JSProperty *pr, JSShapeProperty *prs)
{
    JSContext *realm = js_autoinit_get_realm(pr);
    JSTrace *trace = pr->u.init.opaque;
    JSValue error = js_dup(JS_MKPTR(JS_TAG_OBJECT, p)), stack, pending = JS_GetException(ctx);
    prs->flags &= ~JS_PROP_TMASK;
    pr->u.value = JS_UNDEFINED;
    JSValue prepare = js_dup(own_data(ctx, JS_VALUE_GET_OBJ(realm->error_ctor), JS_ATOM_prepareStackTrace));
    stack = JS_IsFunction(realm, prepare) ? prepared(realm, trace, error, prepare) : trace_text(realm, trace, error);
    JS_FreeValue(ctx, prepare);
    trace_free(ctx->rt, trace);
    JS_FreeContext(realm);
    int result = JS_IsException(stack) ? -1 : 0;
    if (result == 0) {
        prs = find_own_property(&pr, p, JS_ATOM_stack);
        if (prs && (prs->flags & JS_PROP_TMASK) == JS_PROP_NORMAL && JS_IsUndefined(pr->u.value))
            pr->u.value = js_dup(stack);
        JS_FreeValue(ctx, stack);
        JS_Throw(ctx, pending);
    } else {
        JS_FreeValue(ctx, pending);
    }
    JS_FreeValue(ctx, error);
    return result;
}

/* ---- For the embedder ---- */

static JSTrace *trace_of(JSValueConst error)
{
    JSProperty *pr;
    if (JS_VALUE_GET_TAG(error) != JS_TAG_OBJECT)
        return NULL;
    JSShapeProperty *prs = find_own_property(&pr, JS_VALUE_GET_OBJ(error), JS_ATOM_stack);
    if (!prs || (prs->flags & JS_PROP_TMASK) != JS_PROP_AUTOINIT || js_autoinit_get_id(pr) != JS_AUTOINIT_ID_STACK)
        return NULL;
    return pr->u.init.opaque;
}

JSValue JS_GetErrorPlace(JSContext *ctx, JSValueConst error, int *line, int *col)
{
    JSTrace *trace = trace_of(error);
    if (!trace || trace->count == 0 || !is_place(&trace->frames[0]))
        return JS_UNDEFINED;
    *line = trace->frames[0].line, *col = trace->frames[0].col;
    return js_dup(trace->frames[0].file);
}

/* A `finally` throws on what it caught: the first place stays. (The value is held so that its address is its own.) */
static void note_throw(JSContext *ctx, JSStackFrame *sf, JSValueConst value)
{
    JSRuntime *rt = ctx->rt;
    JSFunctionBytecode *b = bytecode_of(sf->cur_func);
    bool same = memcmp(&value, &rt->throw_value, sizeof(value)) == 0;
    if (same && JS_VALUE_GET_TAG(value) == JS_TAG_OBJECT)
        return;
    if (same) {
        const char *file = b->filename ? JS_AtomToCString(ctx, b->filename) : NULL;
        bool internal = file && strncmp(file, "node:", 5) == 0;
        JS_FreeCString(ctx, file);
        if (internal)
            return;
    }
    JSValue old_func = rt->throw_func, old_value = rt->throw_value;
    rt->throw_func = js_dup(sf->cur_func);
    rt->throw_pc = (int)(sf->cur_pc - b->byte_code_buf - 1);
    rt->throw_value = js_dup(value);
    JS_FreeValue(ctx, old_func);
    JS_FreeValue(ctx, old_value);
}

JSValue JS_GetThrowPlace(JSContext *ctx, JSValueConst value, int *line, int *col)
{
    JSRuntime *rt = ctx->rt;
    JSFunctionBytecode *b = bytecode_of(rt->throw_func);
    if (!b || !b->filename || memcmp(&value, &rt->throw_value, sizeof(value)) != 0)
        return JS_UNDEFINED;
    *line = find_line_num(ctx, b, (uint32_t)rt->throw_pc, col);
    return JS_AtomToString(ctx, b->filename);
}

/* The name of eval's code: where it was called from. */
static char *eval_origin(JSContext *ctx)
{
    JSStackFrame *sf = ctx->rt->current_stack_frame;
    while (sf && !bytecode_of(sf->cur_func))
        sf = sf->prev_frame;
    DynBuf out;
    js_dbuf_init(ctx, &out);
    dbuf_putstr(&out, "eval at ");
    if (sf) {
        JSTraceFrame f;
        trace_keep(ctx, &f, sf, false);
        const char *name = frame_function(ctx, &f);
        dbuf_printf(&out, "%s (", name ? name : "<anonymous>");
        JS_FreeCString(ctx, name);
        size_t before = out.size;
        put_location(ctx, &out, &f);
        if (out.size - before > 1000) { /* eval in eval in eval... */
            out.size = before;
            dbuf_putstr(&out, "<anonymous>");
        }
        dbuf_putc(&out, ')');
        trace_free_frame(ctx->rt, &f);
    } else {
        dbuf_putstr(&out, "<anonymous>");
    }
    dbuf_putstr(&out, ", <anonymous>");
    dbuf_putc(&out, 0);
    if (dbuf_error(&out)) {
        dbuf_free(&out);
        return NULL;
    }
    return (char *)out.buf;
}

/* The script or module in which code of eval was written: FILE in "eval at NAME (FILE:LINE:COLUMN), <anonymous>", which
 * may be eval's code itself. Any other name is its own. Takes `name`. */
static JSAtom eval_script(JSContext *ctx, JSAtom name)
{
    static const char tail[] = "), <anonymous>";
    size_t len, depth = 0;
    const char *text = JS_AtomToCStringLen(ctx, &len, name);
    const char *start = text;
    if (!text)
        return name;
    for (const char *next; is_eval_name(start) && (next = strstr(start, " (")); depth++)
        start = next + 2;
    const char *end = text + len;
    for (size_t i = 0; i < depth; i++) {
        if (end - start >= (ptrdiff_t)strlen(tail) && memcmp(end - strlen(tail), tail, strlen(tail)) == 0)
            end -= strlen(tail);
        for (int numbers = 0; numbers < 2; numbers++) {
            const char *at = end;
            while (at > start && at[-1] >= '0' && at[-1] <= '9')
                at--;
            if (at < end && at > start && at[-1] == ':')
                end = at - 1;
        }
    }
    JSAtom script = depth ? JS_NewAtomLen(ctx, start, end - start) : JS_DupAtom(ctx, name);
    JS_FreeCString(ctx, text);
    JS_FreeAtom(ctx, name);
    return script;
}
