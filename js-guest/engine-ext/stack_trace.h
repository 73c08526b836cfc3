/* Stack traces: what is kept of the stack when an error is made. Keeping is cheap (functions, receivers, program
 * counters); the text is made when `stack` is first looked at (stack_read.h), so that a name or message given later shows
 * in it. Included by quickjs.c; must not know what is written of a frame. */

typedef struct JSTraceFrame {
    JSValue func;       /* undefined: the place of a syntax error */
    JSValue receiver;
    JSValue file;       /* of such a place only */
    int pc;             /* in the function's bytecode; -1: unknown or native */
    int line, col;      /* of such a place only */
    bool constructor;
    bool async;
} JSTraceFrame;

struct JSTrace {
    int count;
    JSTraceFrame frames[];
};

/* ---- Keeping ---- */

static void trace_free_frame(JSRuntime *rt, JSTraceFrame *f)
{
    JS_FreeValueRT(rt, f->func);
    JS_FreeValueRT(rt, f->receiver);
    JS_FreeValueRT(rt, f->file);
}

static void trace_free(JSRuntime *rt, JSTrace *trace)
{
    for (int i = 0; i < trace->count; i++)
        trace_free_frame(rt, &trace->frames[i]);
    js_free_rt(rt, trace);
}

static void trace_mark_frame(JSRuntime *rt, JSTraceFrame *f, JS_MarkFunc *mark_func)
{
    JS_MarkValue(rt, f->func, mark_func);
    JS_MarkValue(rt, f->receiver, mark_func);
}

static void trace_mark(JSRuntime *rt, JSTrace *trace, JS_MarkFunc *mark_func)
{
    for (int i = 0; i < trace->count; i++)
        trace_mark_frame(rt, &trace->frames[i], mark_func);
}

static JSFunctionBytecode *bytecode_of(JSValueConst func)
{
    if (JS_VALUE_GET_TAG(func) != JS_TAG_OBJECT)
        return NULL;
    JSObject *p = JS_VALUE_GET_OBJ(func);
    return js_class_has_bytecode(p->class_id) ? p->u.func.function_bytecode : NULL;
}

/* A built-in that only passes a call on, and a function of the embedder on a plain object: no frames of V8's. */
static bool is_hidden(JSContext *ctx, JSStackFrame *sf)
{
    JSObject *p = JS_VALUE_GET_OBJ(sf->cur_func);
    if (js_class_has_bytecode(p->class_id) || sf->is_constructor)
        return false;
    if (p->class_id != JS_CLASS_C_FUNCTION)
        return true;
    JSCFunction *f = p->u.cfunc.c_function.generic;
    if (f == js_function_call || f == (JSCFunction *)js_function_apply || f == js_reflect_apply || f == js_reflect_construct)
        return true;
    if (JS_VALUE_GET_TAG(sf->this_val) != JS_TAG_OBJECT)
        return JS_IsUndefined(sf->this_val) || JS_IsNull(sf->this_val);
    JSObject *receiver = JS_VALUE_GET_OBJ(sf->this_val);
    if (receiver->class_id == JS_CLASS_REGEXP) {
        JSProperty *pr; /* [Symbol.replace] and the like stand behind a string's method */
        JSShapeProperty *prs = find_own_property(&pr, p, JS_ATOM_name);
        JSValue name = prs && !(prs->flags & JS_PROP_TMASK) ? pr->u.value : JS_UNDEFINED;
        return JS_VALUE_GET_TAG(name) == JS_TAG_STRING && JS_VALUE_GET_STRING(name)->len > 0 &&
            string_get(JS_VALUE_GET_STRING(name), 0) == '[';
    }
    return receiver->class_id == JS_CLASS_OBJECT && receiver->shape->proto != NULL &&
        JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_OBJECT]) == receiver->shape->proto &&
        !find_own_property1(receiver, JS_ATOM_Symbol_toStringTag);
}

static void trace_keep(JSContext *ctx, JSTraceFrame *f, JSStackFrame *sf, bool async)
{
    JSFunctionBytecode *b = bytecode_of(sf->cur_func);
    f->func = js_dup(sf->cur_func);
    f->receiver = js_dup(sf->this_val);
    f->file = JS_UNDEFINED;
    f->pc = b && sf->cur_pc ? (int)(sf->cur_pc - b->byte_code_buf - 1) : -1;
    f->line = f->col = -1;
    f->constructor = sf->is_constructor;
    f->async = async;
}

static JSCFunctionDataRecord *promise_all_of(JSValueConst func)
{
    JSCFunctionDataRecord *record = JS_GetOpaque(func, JS_CLASS_C_FUNCTION_DATA);
    return record && record->func == js_promise_all_resolve_element ? record : NULL;
}

/* The async function that waits for this one, when there is just one. `through`, not owned, becomes the function by which
 * Promise.all stands between them. */
static JSAsyncFunctionData *awaiter_of(JSAsyncFunctionData *s, JSValue *through)
{
    *through = JS_UNDEFINED;
    JSValue resolve = s->resolving_funcs[0];
    for (int hops = 0; hops < 8; hops++) {
        if (JS_VALUE_GET_TAG(resolve) != JS_TAG_OBJECT ||
            JS_VALUE_GET_OBJ(resolve)->class_id != JS_CLASS_PROMISE_RESOLVE_FUNCTION)
            return NULL;
        JSPromiseFunctionData *data = JS_VALUE_GET_OBJ(resolve)->u.promise_function_data;
        JSPromiseData *promise = data ? JS_GetOpaque(data->promise, JS_CLASS_PROMISE) : NULL;
        if (!promise || promise->promise_state != JS_PROMISE_PENDING)
            return NULL;
        struct list_head *list = &promise->promise_reactions[0];
        if (list_empty(list) || list->next->next != list)
            return NULL;
        JSPromiseReactionData *rd = list_entry(list->next, JSPromiseReactionData, link);
        if (JS_VALUE_GET_TAG(rd->handler) != JS_TAG_OBJECT)
            return NULL;
        JSObject *handler = JS_VALUE_GET_OBJ(rd->handler);
        if (handler->class_id == JS_CLASS_ASYNC_FUNCTION_RESOLVE) {
            JSAsyncFunctionData *next = handler->u.async_function_data;
            return next && next->is_active && next->func_state.frame.cur_sp ? next : NULL;
        }
        resolve = rd->handler; /* a promise resolved with this one */
        JSCFunctionDataRecord *all = promise_all_of(resolve);
        if (all) {
            *through = resolve;
            resolve = all->data[3];
        }
    }
    return NULL;
}

static JSAsyncFunctionData *async_of(JSStackFrame *sf)
{
    JSGCObjectHeader *owner = sf->cur_gc_obj;
    if (!bytecode_of(sf->cur_func) || !owner || JS_GC_TYPE(owner) != JS_GC_OBJ_TYPE_ASYNC_FUNCTION)
        return NULL;
    return (JSAsyncFunctionData *)owner;
}

/* Walks the frames that show; counts them, and keeps them when there is room to. `waiting` is the async function whose
 * awaiters follow when there is no frame. */
static int trace_walk(JSContext *ctx, JSStackFrame *sf, JSAsyncFunctionData *waiting, int limit, JSTraceFrame *out)
{
    int count = 0;
    for (; sf && count < limit; sf = sf->prev_frame) {
        if (!is_hidden(ctx, sf)) {
            if (out)
                trace_keep(ctx, &out[count], sf, false);
            count++;
        }
        if (!sf->prev_frame)
            waiting = async_of(sf);
        JSFunctionBytecode *b = bytecode_of(sf->cur_func);
        if (b && b->backtrace_barrier)
            break;
    }
    for (int left = 64; waiting && left > 0 && count < limit; left--) {
        JSValue through;
        waiting = awaiter_of(waiting, &through);
        if (!waiting)
            break;
        if (!JS_IsUndefined(through) && count + 1 < limit) {
            if (out)
                out[count] = (JSTraceFrame){ .func = js_dup(through), .receiver = JS_UNDEFINED, .file = JS_UNDEFINED,
                    .pc = -1, .line = -1, .col = -1, .async = true };
            count++;
        }
        if (out)
            trace_keep(ctx, &out[count], &waiting->func_state.frame, true);
        count++;
    }
    return count;
}

/* Error.stackTraceLimit; -1 when it is no number, and then no stack is kept. */
static int trace_limit(JSContext *ctx)
{
    JSProperty *pr;
    if (JS_VALUE_GET_TAG(ctx->error_ctor) != JS_TAG_OBJECT)
        return 10;
    JSShapeProperty *prs = find_own_property(&pr, JS_VALUE_GET_OBJ(ctx->error_ctor), JS_ATOM_stackTraceLimit);
    if (!prs || (prs->flags & JS_PROP_TMASK) != JS_PROP_NORMAL)
        return -1;
    if (JS_VALUE_GET_TAG(pr->u.value) == JS_TAG_INT)
        return max_int(0, JS_VALUE_GET_INT(pr->u.value));
    if (!JS_TAG_IS_FLOAT64(JS_VALUE_GET_TAG(pr->u.value)))
        return -1;
    double limit = JS_VALUE_GET_FLOAT64(pr->u.value);
    return limit > 100000 ? 100000 : limit > 0 ? (int)limit : 0;
}

/* Gives `error` a stack. With JS_BACKTRACE_FLAG_FILTER_FUNC frames start below the filter function, if it is one. */
static void build_backtrace(JSContext *ctx, JSValueConst error, JSValueConst filter, const char *filename,
                            int line, int col, int flags)
{
    JSRuntime *rt = ctx->rt;
    bool explicit = (flags & JS_BACKTRACE_FLAG_FILTER_FUNC) != 0;
    int limit = trace_limit(ctx), count = 0, place = filename != NULL;
    if (limit < 0 || JS_VALUE_GET_TAG(error) != JS_TAG_OBJECT)
        return;
    if (!explicit && !can_store_error_stack(error) && !can_add_backtrace(error))
        return;
    JSValue file = place ? JS_NewString(ctx, filename) : JS_UNDEFINED;
    if (JS_IsException(file))
        return; /* `error` may have been the exception, whose place want of memory has taken */
    JSStackFrame *sf = rt->current_stack_frame;
    JSAsyncFunctionData *waiting = NULL;
    if (sf && (flags & JS_BACKTRACE_FLAG_SKIP_FIRST_LEVEL))
        sf = sf->prev_frame;
    if (explicit && JS_IsFunction(ctx, filter)) {
        while (sf && !js_same_value(ctx, sf->cur_func, filter))
            sf = sf->prev_frame;
        if (sf && !sf->prev_frame)
            waiting = async_of(sf);
        if (sf)
            sf = sf->prev_frame;
    }
    if (!(place && (flags & JS_BACKTRACE_FLAG_SINGLE_LEVEL)))
        count = trace_walk(ctx, sf, waiting, limit, NULL);
    JSTrace *trace = js_malloc_rt(rt, sizeof(*trace) + sizeof(JSTraceFrame) * (count + place));
    if (!trace) {
        JS_FreeValue(ctx, file);
        return; /* an error without a stack is still an error */
    }
    trace->count = count + place;
    if (place)
        trace->frames[0] = (JSTraceFrame){ .func = JS_UNDEFINED, .receiver = JS_UNDEFINED,
            .file = file, .pc = -1, .line = line, .col = col };
    if (count)
        trace_walk(ctx, sf, waiting, limit, trace->frames + place);
    JSObject *p = JS_VALUE_GET_OBJ(error);
    if (find_own_property1(p, JS_ATOM_stack) && JS_DeleteProperty(ctx, error, JS_ATOM_stack, 0) <= 0) {
        trace_free(rt, trace);
        return;
    }
    if (!p->extensible || p->is_exotic ||
        JS_DefineAutoInitProperty(ctx, error, JS_ATOM_stack, JS_AUTOINIT_ID_STACK, trace,
                                  JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE) < 0)
        trace_free(rt, trace);
}
