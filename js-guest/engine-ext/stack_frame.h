/* What one frame of a stack trace says, in the words of V8: function, receiver's type, method, place; and the line that is
 * written of it. Looks at plain data only: nothing here runs script. Included by quickjs.c behind stack_trace.h. */

/* ---- What a frame says ---- */

static bool is_place(const JSTraceFrame *f)
{
    return JS_IsUndefined(f->func);
}

/* A string, or null. Code of eval has "eval at NAME (FILE:LINE:COLUMN), <anonymous>" for its file. */
static JSValue frame_file(JSContext *ctx, const JSTraceFrame *f)
{
    if (is_place(f))
        return js_dup(f->file);
    JSFunctionBytecode *b = bytecode_of(f->func);
    return b && b->filename ? JS_AtomToString(ctx, b->filename) : JS_NULL;
}

static bool is_eval_name(const char *file)
{
    return file && strncmp(file, "eval at ", 8) == 0;
}

static bool frame_is_eval(JSContext *ctx, const JSTraceFrame *f)
{
    JSFunctionBytecode *b = bytecode_of(f->func);
    const char *file = b && b->filename ? JS_AtomToCString(ctx, b->filename) : NULL;
    bool is = is_eval_name(file);
    JS_FreeCString(ctx, file);
    return is;
}

static void frame_position(JSContext *ctx, const JSTraceFrame *f, int *line, int *col)
{
    JSFunctionBytecode *b = bytecode_of(f->func);
    *line = f->line, *col = f->col;
    if (b && f->pc >= 0)
        *line = find_line_num(ctx, b, (uint32_t)f->pc, col);
}

/* Owned, or NULL for a nameless function. */
static const char *frame_function(JSContext *ctx, const JSTraceFrame *f)
{
    JSFunctionBytecode *b = bytecode_of(f->func);
    if (b && b->func_name == JS_ATOM__eval_)
        return frame_is_eval(ctx, f) ? JS_AtomToCString(ctx, JS_ATOM_eval) : NULL;
    if (b && b->func_name == JS_ATOM_class_fields_init) {
        JSValue name = JS_NewString(ctx, "<instance_members_initializer>");
        const char *text = JS_ToCString(ctx, name);
        JS_FreeValue(ctx, name);
        return text;
    }
    const char *name = get_func_name(ctx, f->func);
    if (name && name[0] && !(strcmp(name, "anonymous") == 0 && frame_is_eval(ctx, f)))
        return name;
    JS_FreeCString(ctx, name);
    return b && frame_is_eval(ctx, f) ? JS_AtomToCString(ctx, JS_ATOM_eval) : NULL;
}

static bool frame_is_toplevel(JSContext *ctx, const JSTraceFrame *f)
{
    return is_place(f) || JS_IsUndefined(f->receiver) || JS_IsNull(f->receiver) ||
        JS_VALUE_GET_TAG(f->receiver) == JS_TAG_UNINITIALIZED || js_same_value(ctx, f->receiver, ctx->global_obj);
}

/* A property's value without running script: data of the object itself, or nothing. */
static JSValue own_data(JSContext *ctx, JSObject *p, JSAtom atom)
{
    JSProperty *pr;
    if (p->class_id == JS_CLASS_PROXY)
        return JS_UNDEFINED;
    JSShapeProperty *prs = find_own_property(&pr, p, atom);
    if (prs && (prs->flags & JS_PROP_TMASK) == JS_PROP_AUTOINIT && js_autoinit_get_id(pr) == JS_AUTOINIT_ID_PROP &&
        JS_AutoInitProperty(ctx, p, atom, pr, prs) == 0)
        prs = find_own_property(&pr, p, atom);
    return prs && (prs->flags & JS_PROP_TMASK) == JS_PROP_NORMAL ? pr->u.value : JS_UNDEFINED;
}

static JSObject *proto_of(JSObject *p)
{
    return p->class_id == JS_CLASS_PROXY ? NULL : p->shape->proto;
}

static JSObject *receiver_object(JSContext *ctx, JSValueConst receiver)
{
    switch (JS_VALUE_GET_NORM_TAG(receiver)) {
    case JS_TAG_OBJECT: return JS_VALUE_GET_OBJ(receiver);
    case JS_TAG_STRING: case JS_TAG_STRING_ROPE: return JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_STRING]);
    case JS_TAG_INT: case JS_TAG_FLOAT64: return JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_NUMBER]);
    case JS_TAG_BOOL: return JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_BOOLEAN]);
    case JS_TAG_SYMBOL: return JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_SYMBOL]);
    case JS_TAG_BIG_INT: case JS_TAG_SHORT_BIG_INT: return JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_BIG_INT]);
    default: return NULL;
    }
}

static bool is_class(JSValueConst func)
{
    JSFunctionBytecode *b = bytecode_of(func);
    return b && JS_VALUE_GET_OBJ(func)->is_constructor && b->is_strict_mode && !b->has_prototype;
}

/* The class a receiver seems to be of; owned, or NULL. */
static const char *frame_type(JSContext *ctx, const JSTraceFrame *f)
{
    JSObject *p = receiver_object(ctx, f->receiver);
    if (!p)
        return NULL;
    if (p->class_id == JS_CLASS_PROXY)
        return JS_AtomToCString(ctx, JS_ATOM_Proxy);
    if (JS_VALUE_GET_TAG(f->receiver) == JS_TAG_OBJECT && JS_IsFunction(ctx, f->receiver)) {
        const char *name = is_class(f->receiver) ? get_func_name(ctx, f->receiver) : NULL;
        return name && name[0] ? name : JS_AtomToCString(ctx, JS_ATOM_Function);
    }
    for (int depth = 0; p && depth < 1000; p = proto_of(p), depth++) {
        JSValue tag = own_data(ctx, p, JS_ATOM_Symbol_toStringTag);
        if (JS_VALUE_GET_TAG(tag) == JS_TAG_STRING)
            return JS_ToCString(ctx, tag);
        JSValue ctor = own_data(ctx, p, JS_ATOM_constructor);
        const char *name = JS_VALUE_GET_TAG(ctor) == JS_TAG_OBJECT ? get_func_name(ctx, ctor) : NULL;
        if (name && name[0])
            return name;
        JS_FreeCString(ctx, name);
    }
    return JS_AtomToCString(ctx, JS_ATOM_Object);
}

static bool property_is(JSObject *p, JSAtom atom, JSObject *func)
{
    JSProperty *pr;
    JSShapeProperty *prs = find_own_property(&pr, p, atom);
    if (!prs)
        return false;
    if ((prs->flags & JS_PROP_TMASK) == JS_PROP_GETSET)
        return pr->u.getset.getter == func || pr->u.getset.setter == func;
    return (prs->flags & JS_PROP_TMASK) == JS_PROP_NORMAL && JS_VALUE_GET_TAG(pr->u.value) == JS_TAG_OBJECT &&
        JS_VALUE_GET_OBJ(pr->u.value) == func;
}

/* The name under which the receiver has the function; JS_ATOM_NULL when there is none, or more than one. */
static JSAtom find_method(JSObject *start, JSObject *func)
{
    JSAtom found = JS_ATOM_NULL;
    for (JSObject *p = start; p && p->class_id != JS_CLASS_PROXY; p = proto_of(p)) {
        JSShapeProperty *prs = get_shape_prop(p->shape);
        for (int i = 0; i < p->shape->prop_count; i++) {
            if (prs[i].atom == JS_ATOM_NULL || !property_is(p, prs[i].atom, func) || prs[i].atom == found)
                continue;
            if (found != JS_ATOM_NULL)
                return JS_ATOM_NULL;
            found = prs[i].atom;
        }
    }
    return found;
}

static const char *frame_method(JSContext *ctx, const JSTraceFrame *f)
{
    JSObject *receiver = receiver_object(ctx, f->receiver);
    if (!receiver || JS_VALUE_GET_TAG(f->func) != JS_TAG_OBJECT)
        return NULL;
    JSObject *func = JS_VALUE_GET_OBJ(f->func);
    const char *name = get_func_name(ctx, f->func), *key = name;
    if (name && name[0]) {
        if (strncmp(name, "get ", 4) == 0 || strncmp(name, "set ", 4) == 0)
            key += 4;
        JSAtom atom = JS_NewAtom(ctx, key);
        bool has = false;
        for (JSObject *p = receiver; p && !has && p->class_id != JS_CLASS_PROXY; p = proto_of(p)) {
            has = property_is(p, atom, func);
            if (!has && find_own_property1(p, atom))
                break;
        }
        JS_FreeCString(ctx, name);
        name = has ? JS_AtomToCString(ctx, atom) : NULL;
        JS_FreeAtom(ctx, atom);
        if (name)
            return name;
    } else {
        JS_FreeCString(ctx, name);
    }
    JSAtom found = find_method(receiver, func);
    return found == JS_ATOM_NULL ? NULL : JS_AtomToCString(ctx, found);
}

/* ---- The text of a frame ---- */

static bool is_identifier(const char *text)
{
    if (*text >= '0' && *text <= '9')
        return false;
    for (; *text; text++)
        if (!((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9') ||
              *text == '_' || *text == '$' || (*text & 0x80)))
            return false;
    return true;
}

static bool ends_with_method(const char *function, const char *method)
{
    size_t a = strlen(function), b = strlen(method);
    if (a < b || strcmp(function + a - b, method) != 0)
        return false;
    return a == b || function[a - b - 1] == '.' || function[a - b - 1] == ' ';
}

static void put_method_call(JSContext *ctx, DynBuf *out, const JSTraceFrame *f, const char *function)
{
    const char *type = frame_type(ctx, f), *method = frame_method(ctx, f);
    if (function) {
        if (type && type[0] && is_identifier(function))
            dbuf_printf(out, "%s.", type);
        dbuf_putstr(out, function);
        if (method && method[0] && (!ends_with_method(function, method) || strncmp(function, "get ", 4) == 0 ||
                                    strncmp(function, "set ", 4) == 0))
            dbuf_printf(out, " [as %s]", method);
    } else {
        if (type && type[0])
            dbuf_printf(out, "%s.", type);
        dbuf_putstr(out, method && method[0] ? method : "<anonymous>");
    }
    JS_FreeCString(ctx, type);
    JS_FreeCString(ctx, method);
}

static void put_location(JSContext *ctx, DynBuf *out, const JSTraceFrame *f)
{
    JSValue file = frame_file(ctx, f);
    const char *text = JS_VALUE_GET_TAG(file) == JS_TAG_STRING ? JS_ToCString(ctx, file) : NULL;
    int line, col;
    frame_position(ctx, f, &line, &col);
    dbuf_putstr(out, text ? text : "<anonymous>");
    if (text && line >= 0)
        dbuf_printf(out, ":%d:%d", line, col);
    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, file);
}

static void put_promise_all(DynBuf *out, JSCFunctionDataRecord *record)
{
    static const char *const names[] = { "all", "allSettled", "any", "all" };
    dbuf_printf(out, "async Promise.%s (index %d)", names[record->magic & 3], JS_VALUE_GET_INT(record->data[1]));
}

static void put_frame(JSContext *ctx, DynBuf *out, const JSTraceFrame *f)
{
    if (f->async && promise_all_of(f->func)) {
        put_promise_all(out, promise_all_of(f->func));
        return;
    }
    const char *function = is_place(f) ? NULL : frame_function(ctx, f);
    bool bare = false;
    if (f->async)
        dbuf_putstr(out, "async ");
    if (f->constructor)
        dbuf_printf(out, "new %s", function ? function : "<anonymous>");
    else if (!frame_is_toplevel(ctx, f))
        put_method_call(ctx, out, f, function);
    else if (function)
        dbuf_putstr(out, function);
    else
        bare = true;
    if (!bare)
        dbuf_putstr(out, " (");
    put_location(ctx, out, f);
    if (!bare)
        dbuf_putc(out, ')');
    JS_FreeCString(ctx, function);
}
