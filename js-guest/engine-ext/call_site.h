/* CallSite objects, as V8 has them: each holds one frame of a trace (stack_trace.h) and answers questions about it.
 * Included by quickjs.c behind stack_trace.h; must not know how frames are kept. */

static void js_callsite_finalizer(JSRuntime *rt, JSValueConst val)
{
    JSTraceFrame *f = JS_GetOpaque(val, JS_CLASS_CALL_SITE);
    if (f) {
        trace_free_frame(rt, f);
        js_free_rt(rt, f);
    }
}

static void js_callsite_mark(JSRuntime *rt, JSValueConst val, JS_MarkFunc *mark_func)
{
    JSTraceFrame *f = JS_GetOpaque(val, JS_CLASS_CALL_SITE);
    if (f)
        trace_mark_frame(rt, f, mark_func);
}

static JSValue js_new_callsite(JSContext *ctx, const JSTraceFrame *f)
{
    JSValue obj = js_create_from_ctor(ctx, JS_UNDEFINED, JS_CLASS_CALL_SITE);
    if (JS_IsException(obj))
        return obj;
    JSTraceFrame *copy = js_malloc(ctx, sizeof(*copy));
    if (!copy) {
        JS_FreeValue(ctx, obj);
        return JS_EXCEPTION;
    }
    *copy = *f;
    copy->func = js_dup(f->func);
    copy->receiver = js_dup(f->receiver);
    copy->file = js_dup(f->file);
    JS_SetOpaqueInternal(obj, copy);
    return obj;
}

enum {
    SITE_THIS, SITE_TYPE, SITE_FUNCTION, SITE_FUNCTION_NAME, SITE_METHOD, SITE_FILE, SITE_LINE, SITE_COLUMN,
    SITE_EVAL_ORIGIN, SITE_TOPLEVEL, SITE_EVAL, SITE_NATIVE, SITE_CONSTRUCTOR, SITE_ASYNC, SITE_FALSE, SITE_NULL,
    SITE_TEXT, SITE_SCRIPT_NAME,
};

static JSValue site_string(JSContext *ctx, const char *text)
{
    JSValue value = text ? JS_NewString(ctx, text) : JS_NULL;
    JS_FreeCString(ctx, text);
    return value;
}

static bool site_is_strict(const JSTraceFrame *f)
{
    JSFunctionBytecode *b = bytecode_of(f->func);
    return b && b->is_strict_mode;
}

static JSValue site_number(JSContext *ctx, const JSTraceFrame *f, bool want_line)
{
    int line, col;
    frame_position(ctx, f, &line, &col);
    int number = want_line ? line : col;
    return number < 0 ? JS_NULL : js_int32(number);
}

static JSValue site_file(JSContext *ctx, const JSTraceFrame *f)
{
    return frame_is_eval(ctx, f) ? JS_UNDEFINED : frame_file(ctx, f);
}

static JSValue site_origin(JSContext *ctx, const JSTraceFrame *f)
{
    JSFunctionBytecode *b = bytecode_of(f->func);
    const char *file = b && b->filename ? JS_AtomToCString(ctx, b->filename) : NULL, *comma;
    JSValue value = JS_UNDEFINED;
    if (is_eval_name(file) && (comma = strrchr(file, ',')) != NULL)
        value = JS_NewStringLen(ctx, file, (size_t)(comma - file));
    JS_FreeCString(ctx, file);
    return value;
}

static JSValue site_text(JSContext *ctx, const JSTraceFrame *f)
{
    DynBuf out;
    js_dbuf_init(ctx, &out);
    put_frame(ctx, &out, f);
    JSValue text = dbuf_error(&out) ? JS_EXCEPTION : JS_NewStringLen(ctx, (char *)out.buf, out.size);
    dbuf_free(&out);
    return text;
}

/* What V8 hides of strict functions is hidden here: their receiver, and themselves. */
static JSValue js_callsite_get(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv, int magic)
{
    const JSTraceFrame *f = JS_GetOpaque2(ctx, this_val, JS_CLASS_CALL_SITE);
    if (!f)
        return JS_EXCEPTION;
    switch (magic) {
    case SITE_THIS:
        if (site_is_strict(f) || f->async || frame_is_toplevel(ctx, f))
            return JS_UNDEFINED;
        return js_dup(f->receiver);
    case SITE_TYPE:
        if (bytecode_of(f->func) && !site_is_strict(f) && frame_is_toplevel(ctx, f))
            return JS_AtomToString(ctx, JS_ATOM_Object); /* the global object stands in for no receiver */
        return site_string(ctx, frame_type(ctx, f));
    case SITE_FUNCTION: return site_is_strict(f) ? JS_UNDEFINED : js_dup(f->func);
    case SITE_FUNCTION_NAME: return site_string(ctx, frame_function(ctx, f));
    case SITE_METHOD: return site_string(ctx, frame_method(ctx, f));
    case SITE_FILE: case SITE_SCRIPT_NAME: return site_file(ctx, f);
    case SITE_LINE: return site_number(ctx, f, true);
    case SITE_COLUMN: return site_number(ctx, f, false);
    case SITE_EVAL_ORIGIN: return site_origin(ctx, f);
    case SITE_TOPLEVEL: return js_bool(frame_is_toplevel(ctx, f));
    case SITE_EVAL: return js_bool(frame_is_eval(ctx, f));
    case SITE_NATIVE: return js_bool(!bytecode_of(f->func));
    case SITE_CONSTRUCTOR: return js_bool(f->constructor);
    case SITE_ASYNC: return js_bool(f->async);
    case SITE_FALSE: return JS_FALSE;
    case SITE_TEXT: return site_text(ctx, f);
    default: return JS_NULL;
    }
}

#define SITE(name, what) JS_CFUNC_MAGIC_DEF(name, 0, js_callsite_get, what)

static const JSCFunctionListEntry js_callsite_proto_funcs[] = {
    SITE("getColumnNumber", SITE_COLUMN),
    SITE("getEnclosingColumnNumber", SITE_COLUMN),
    SITE("getEnclosingLineNumber", SITE_LINE),
    SITE("getEvalOrigin", SITE_EVAL_ORIGIN),
    SITE("getFileName", SITE_FILE),
    SITE("getFunction", SITE_FUNCTION),
    SITE("getFunctionName", SITE_FUNCTION_NAME),
    SITE("getLineNumber", SITE_LINE),
    SITE("getMethodName", SITE_METHOD),
    SITE("getPosition", SITE_NULL),
    SITE("getPromiseIndex", SITE_NULL),
    SITE("getScriptNameOrSourceURL", SITE_SCRIPT_NAME),
    SITE("getThis", SITE_THIS),
    SITE("getTypeName", SITE_TYPE),
    SITE("isAsync", SITE_ASYNC),
    SITE("isConstructor", SITE_CONSTRUCTOR),
    SITE("isEval", SITE_EVAL),
    SITE("isNative", SITE_NATIVE),
    SITE("isPromiseAll", SITE_FALSE),
    SITE("isToplevel", SITE_TOPLEVEL),
    SITE("toString", SITE_TEXT),
};

static const JSClassShortDef js_callsite_class_def[] = {
    { JS_ATOM_CallSite, js_callsite_finalizer, js_callsite_mark }, /* JS_CLASS_CALL_SITE */
};

static int _JS_AddIntrinsicCallSite(JSContext *ctx)
{
    JSRuntime *rt = ctx->rt;
    if (!JS_IsRegisteredClass(rt, JS_CLASS_CALL_SITE) &&
        init_class_range(rt, js_callsite_class_def, JS_CLASS_CALL_SITE, countof(js_callsite_class_def)))
        return -1;
    ctx->class_proto[JS_CLASS_CALL_SITE] = JS_NewObject(ctx);
    return JS_SetPropertyFunctionList(ctx, ctx->class_proto[JS_CLASS_CALL_SITE], js_callsite_proto_funcs,
                                      countof(js_callsite_proto_funcs));
}
