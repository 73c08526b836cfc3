/* Errors in the words of V8, which programs, test suites and log filters match on. What was called, iterated over or taken
 * apart is read back from the bytecode around the place (call_words.h) when the error is made, so that nothing is kept for
 * it while all goes well. Looks at plain data only: nothing here runs script. Included by quickjs.c behind stack_frame.h;
 * must not know who throws. */

/* ---- A value in words ---- */

static void put_string(JSContext *ctx, DynBuf *out, JSValueConst value)
{
    size_t len;
    const char *text = JS_ToCStringLen(ctx, &len, value);
    if (text)
        dbuf_put(out, (const uint8_t *)text, len);
    JS_FreeCString(ctx, text);
}

static void put_atom(JSContext *ctx, DynBuf *out, JSAtom atom)
{
    JSValue value = JS_AtomToValue(ctx, atom);
    if (JS_VALUE_GET_TAG(value) == JS_TAG_SYMBOL && JS_AtomGetKind(ctx, atom) == JS_ATOM_KIND_PRIVATE) {
        JS_FreeValue(ctx, value);
        value = JS_AtomToString(ctx, atom);
    }
    if (JS_VALUE_GET_TAG(value) == JS_TAG_SYMBOL) {
        dbuf_putstr(out, "Symbol(");
        JSValue text = JS_AtomToString(ctx, atom);
        put_string(ctx, out, text);
        JS_FreeValue(ctx, text);
        dbuf_putc(out, ')');
    } else {
        put_string(ctx, out, value);
    }
    JS_FreeValue(ctx, value);
}

/* Data found along the prototypes. */
static JSValueConst found_data(JSContext *ctx, JSObject *p, JSAtom atom)
{
    for (int depth = 0; p && depth < 1000; p = proto_of(p), depth++) {
        JSProperty *pr;
        if (p->class_id == JS_CLASS_PROXY)
            break;
        if (find_own_property(&pr, p, atom))
            return own_data(ctx, p, atom);
    }
    return JS_UNDEFINED;
}

static const char *class_word(JSContext *ctx, JSObject *p)
{
    switch (p->class_id) {
    case JS_CLASS_ARRAY: return "Array";
    case JS_CLASS_REGEXP: return "RegExp";
    case JS_CLASS_DATE: return "Date";
    case JS_CLASS_ARGUMENTS:
    case JS_CLASS_MAPPED_ARGUMENTS: return "Arguments";
    default: return NULL;
    }
}

static void put_error(JSContext *ctx, DynBuf *out, JSObject *p)
{
    JSValueConst name = found_data(ctx, p, JS_ATOM_name), message = found_data(ctx, p, JS_ATOM_message);
    bool has_message = JS_VALUE_GET_TAG(message) == JS_TAG_STRING && JS_VALUE_GET_STRING(message)->len > 0;
    if (JS_VALUE_GET_TAG(name) == JS_TAG_STRING)
        put_string(ctx, out, name);
    else
        dbuf_putstr(out, "Error");
    if (has_message) {
        dbuf_putstr(out, ": ");
        put_string(ctx, out, message);
    }
}

static void put_object(JSContext *ctx, DynBuf *out, JSObject *p)
{
    JSValueConst object = JS_MKPTR(JS_TAG_OBJECT, p);
    if (JS_IsFunction(ctx, object)) {
        const char *name = get_func_name(ctx, object);
        dbuf_putstr(out, is_class(object) ? "class " : "function ");
        dbuf_putstr(out, name ? name : "");
        dbuf_putstr(out, bytecode_of(object) ? is_class(object) ? " { ... }" : "() { ... }" : "() { [native code] }");
        JS_FreeCString(ctx, name);
        return;
    }
    if (p->class_id == JS_CLASS_ERROR) {
        put_error(ctx, out, p);
        return;
    }
    JSValueConst to_string = found_data(ctx, p, JS_ATOM_toString);
    JSValueConst plain = own_data(ctx, JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_OBJECT]), JS_ATOM_toString);
    if (JS_IsObject(plain) && js_same_value(ctx, to_string, plain)) {
        JSValueConst ctor = found_data(ctx, p, JS_ATOM_constructor);
        const char *name = JS_IsObject(ctor) ? get_func_name(ctx, ctor) : NULL;
        if (name && name[0]) {
            dbuf_printf(out, "#<%s>", name);
            JS_FreeCString(ctx, name);
            return;
        }
        JS_FreeCString(ctx, name);
    }
    JSValueConst tag = found_data(ctx, p, JS_ATOM_Symbol_toStringTag);
    dbuf_putstr(out, "[object ");
    if (JS_VALUE_GET_TAG(tag) == JS_TAG_STRING)
        put_string(ctx, out, tag);
    else if (is_typed_array(p->class_id))
        put_atom(ctx, out, ctx->rt->class_array[p->class_id].class_name);
    else
        dbuf_putstr(out, class_word(ctx, p) ? class_word(ctx, p) : "Object");
    dbuf_putc(out, ']');
}

/* As V8 words a value where it may run nothing. */
static void put_value(JSContext *ctx, DynBuf *out, JSValueConst value)
{
    switch (JS_VALUE_GET_NORM_TAG(value)) {
    case JS_TAG_OBJECT:
        put_object(ctx, out, JS_VALUE_GET_OBJ(value));
        break;
    case JS_TAG_SYMBOL: {
        JSAtom atom = js_symbol_to_atom(ctx, value);
        put_atom(ctx, out, atom);
        break;
    }
    default:
        put_string(ctx, out, value);
    }
}

/* A function by its name, a private name without the word Symbol, anything else as it is. */
static void put_named(JSContext *ctx, DynBuf *out, JSValueConst value)
{
    const char *name = JS_IsFunction(ctx, value) ? get_func_name(ctx, value) : NULL;
    if (JS_VALUE_GET_TAG(value) == JS_TAG_SYMBOL) {
        JSValue text = JS_AtomToString(ctx, js_symbol_to_atom(ctx, value));
        put_string(ctx, out, text);
        JS_FreeValue(ctx, text);
    } else if (name && name[0]) {
        dbuf_putstr(out, name);
    } else {
        put_value(ctx, out, value);
    }
    JS_FreeCString(ctx, name);
}

static const char *type_word(JSContext *ctx, JSValueConst value)
{
    switch (js_operator_typeof(ctx, value)) {
    case JS_ATOM_undefined: return "undefined";
    case JS_ATOM_number: return "number";
    case JS_ATOM_boolean: return "boolean";
    case JS_ATOM_string: return "string";
    case JS_ATOM_symbol: return "symbol";
    case JS_ATOM_bigint: return "bigint";
    case JS_ATOM_function: return "function";
    default: return "object";
    }
}

/* "number 5", 'string "a"', "object null", "undefined", "object". */
static void put_typed(JSContext *ctx, DynBuf *out, JSValueConst value)
{
    int tag = JS_VALUE_GET_NORM_TAG(value);
    dbuf_putstr(out, type_word(ctx, value));
    if (JS_IsString(value)) {
        dbuf_putstr(out, " \"");
        put_string(ctx, out, value);
        dbuf_putc(out, '"');
    } else if (tag == JS_TAG_NULL || tag == JS_TAG_BOOL || tag == JS_TAG_INT || tag == JS_TAG_FLOAT64) {
        dbuf_putc(out, ' ');
        put_string(ctx, out, value);
    }
}

/* ---- Throwing ---- */

/* As JS_ThrowError does, but for the text's length. Frees `out`. */
static JSValue throw_text(JSContext *ctx, JSErrorEnum kind, DynBuf *out)
{
    JSStackFrame *sf = ctx->rt->current_stack_frame;
    bool add_backtrace = !sf || JS_GetFunctionBytecode(sf->cur_func) == NULL;
    dbuf_putc(out, 0);
    JSValue error = dbuf_error(out) ? JS_EXCEPTION : JS_MakeError2(ctx, kind, add_backtrace, (char *)out->buf);
    dbuf_free(out);
    return JS_Throw(ctx, JS_IsException(error) ? JS_NULL : error);
}

/* `format` may hold %v (a value's words), %n (a function's name, else its words), %y (its type and value), %t (its type), %a (an atom), %s and %d. */
static JSValue js_throw_words(JSContext *ctx, JSErrorEnum kind, const char *format, ...)
{
    DynBuf out;
    va_list ap;
    js_dbuf_init(ctx, &out);
    va_start(ap, format);
    for (const char *c = format; *c; c++) {
        if (*c != '%') {
            dbuf_putc(&out, *c);
            continue;
        }
        switch (*++c) {
        case 'v': put_value(ctx, &out, va_arg(ap, JSValueConst)); break;
        case 'y': put_typed(ctx, &out, va_arg(ap, JSValueConst)); break;
        case 'n': put_named(ctx, &out, va_arg(ap, JSValueConst)); break;
        case 't': dbuf_putstr(&out, type_word(ctx, va_arg(ap, JSValueConst))); break;
        case 'a': put_atom(ctx, &out, va_arg(ap, JSAtom)); break;
        case 's': dbuf_putstr(&out, va_arg(ap, const char *)); break;
        case 'd': dbuf_printf(&out, "%d", va_arg(ap, int)); break;
        }
    }
    va_end(ap);
    return throw_text(ctx, kind, &out);
}

/* Why a property was not changed. Answers -1 where the flags ask for an error, else false. */
static int js_refuse_property(JSContext *ctx, int flags, JSRefusal why, JSValueConst object, JSAtom name)
{
    if (!(flags & JS_PROP_THROW) && !((flags & JS_PROP_THROW_STRICT) && is_strict_mode(ctx)))
        return false;
    bool is_object = JS_VALUE_GET_TAG(object) == JS_TAG_OBJECT;
    switch (why) {
    case JS_REFUSE_READ_ONLY:
        js_throw_words(ctx, JS_TYPE_ERROR, "Cannot assign to read only property '%a' of %s '%v'", name,
                       is_object ? "object" : type_word(ctx, object), object);
        break;
    case JS_REFUSE_GETTER:
        js_throw_words(ctx, JS_TYPE_ERROR, "Cannot set property %a of %v which has only a getter", name, object);
        break;
    case JS_REFUSE_CREATE:
        js_throw_words(ctx, JS_TYPE_ERROR, "Cannot create property '%a' on %t '%v'", name, object, object);
        break;
    case JS_REFUSE_ADD:
        js_throw_words(ctx, JS_TYPE_ERROR, "Cannot add property %a, object is not extensible", name);
        break;
    case JS_REFUSE_DEFINE:
        js_throw_words(ctx, JS_TYPE_ERROR, "Cannot define property %a, object is not extensible", name);
        break;
    case JS_REFUSE_REDEFINE:
        js_throw_words(ctx, JS_TYPE_ERROR, "Cannot redefine property: %a", name);
        break;
    case JS_REFUSE_DELETE:
        js_throw_words(ctx, JS_TYPE_ERROR, "Cannot delete property '%a' of %v", name, object);
        break;
    }
    return -1;
}

/* ---- Errors of functions ---- */

static JSValue js_throw_needs_new(JSContext *ctx, JSValueConst func)
{
    const char *name = get_func_name(ctx, func);
    JSValue thrown = js_throw_words(ctx, JS_TYPE_ERROR, name && strcmp(name, "Promise") == 0
                                    ? "%s constructor cannot be invoked without 'new'" : "Constructor %s requires 'new'",
                                    name ? name : "");
    JS_FreeCString(ctx, name);
    return thrown;
}

/* A method was called on what is not of its class: the method is the native function that runs. */
static JSValue js_throw_receiver(JSContext *ctx, JSAtom class_name)
{
    JSStackFrame *sf = ctx->rt->current_stack_frame;
    const char *name = sf && !bytecode_of(sf->cur_func) ? get_func_name(ctx, sf->cur_func) : NULL;
    if (!name || !name[0] || sf->is_constructor) {
        JS_FreeCString(ctx, name);
        return js_throw_words(ctx, JS_TYPE_ERROR, "%a object expected", class_name);
    }
    bool is_getter = strncmp(name, "get ", 4) == 0;
    JSValue thrown = js_throw_words(ctx, JS_TYPE_ERROR, "Method %s%a.prototype.%s called on incompatible receiver %v",
                                    is_getter ? "get " : "", class_name, is_getter ? name + 4 : name, sf->this_val);
    JS_FreeCString(ctx, name);
    return thrown;
}

static JSValue throw_this(JSContext *ctx, const char *class_name, const char *before, const char *after)
{
    JSStackFrame *sf = ctx->rt->current_stack_frame;
    const char *name = sf && !bytecode_of(sf->cur_func) ? get_func_name(ctx, sf->cur_func) : NULL;
    JSValue thrown = js_throw_words(ctx, JS_TYPE_ERROR, "%s.prototype.%s%s%s", class_name, name ? name : "valueOf", before,
                                    after);
    JS_FreeCString(ctx, name);
    return thrown;
}

static JSValue js_throw_nullish_this(JSContext *ctx, const char *class_name)
{
    return throw_this(ctx, class_name, " called on null or undefined", "");
}

static JSValue js_throw_wrong_this(JSContext *ctx, const char *class_name)
{
    DynBuf what;
    js_dbuf_init(ctx, &what);
    dbuf_printf(&what, " requires that 'this' be a %s", class_name);
    dbuf_putc(&what, 0);
    JSValue thrown = throw_this(ctx, class_name, dbuf_error(&what) ? "" : (char *)what.buf, "");
    dbuf_free(&what);
    return thrown;
}

/* Words of libregexp that V8 has others for. */
static const char *regexp_word(const char *why)
{
    static const char *const words[][2] = {
        { "unexpected end", "Unterminated character class" },
        { "expecting ')'", "Unterminated group" },
        { "nothing to repeat", "Nothing to repeat" },
        { "duplicate group name", "Duplicate capture group name" },
        { "extraneous characters at the end", "Unmatched ')'" },
        { "invalid group name", "Invalid capture group name" },
        { "invalid group", "Invalid group" },
        { "invalid class range", "Range out of order in character class" },
        { "group name not defined", "Invalid named capture referenced" },
        { "invalid repetition count", "numbers out of order in {} quantifier" },
        { "invalid escape sequence in regular expression", "Invalid escape" },
        { "unknown unicode property name", "Invalid property name" },
        { "unknown unicode property value", "Invalid property name" },
        { "malformed unicode char", "Invalid Unicode escape" },
        { "back reference out of range in regular expression", "Invalid escape" },
        { "invalid decimal escape in regular expression", "Invalid decimal escape" },
    };
    for (int i = 0; i < countof(words); i++)
        if (strcmp(why, words[i][0]) == 0)
            return words[i][1];
    return why;
}

static JSValue js_throw_bad_regexp(JSContext *ctx, JSValueConst pattern, JSValueConst flags, const char *why)
{
    JSValue none = JS_UNDEFINED;
    bool has_flags = JS_IsString(flags);
    none = has_flags ? JS_UNDEFINED : JS_AtomToString(ctx, JS_ATOM_empty_string);
    JSValue thrown = js_throw_words(ctx, JS_SYNTAX_ERROR, "Invalid regular expression: /%v/%v: %s", pattern,
                                    has_flags ? flags : none, regexp_word(why));
    JS_FreeValue(ctx, none);
    return thrown;
}

/* ---- A circle in JSON ---- */

static void put_link(JSContext *ctx, DynBuf *out, JSObject *from, JSObject *to)
{
    JSShapeProperty *prs = get_shape_prop(from->shape);
    if (from->class_id == JS_CLASS_ARRAY && from->fast_array) {
        for (uint32_t i = 0; i < from->u.array.count; i++) {
            JSValueConst value = from->u.array.u.values[i];
            if (JS_VALUE_GET_TAG(value) == JS_TAG_OBJECT && JS_VALUE_GET_OBJ(value) == to) {
                dbuf_printf(out, "index %u", (unsigned)i);
                return;
            }
        }
    }
    for (int i = 0; i < from->shape->prop_count; i++) {
        bool is_data = prs[i].atom != JS_ATOM_NULL && (prs[i].flags & JS_PROP_TMASK) == JS_PROP_NORMAL;
        if (is_data && JS_VALUE_GET_TAG(from->prop[i].u.value) == JS_TAG_OBJECT &&
            JS_VALUE_GET_OBJ(from->prop[i].u.value) == to) {
            dbuf_putstr(out, "property '");
            put_atom(ctx, out, prs[i].atom);
            dbuf_putc(out, '\'');
            return;
        }
    }
    dbuf_putstr(out, "property"); /* a getter or a toJSON made it */
}

static void put_constructor(JSContext *ctx, DynBuf *out, JSObject *p)
{
    JSValueConst ctor = found_data(ctx, p, JS_ATOM_constructor);
    const char *name = JS_IsObject(ctor) ? get_func_name(ctx, ctor) : NULL;
    dbuf_printf(out, "object with constructor '%s'", name && name[0] ? name : "Object");
    JS_FreeCString(ctx, name);
}

/* `chain` leads from the object that comes again to the one that holds it; V8 shows two links and the last. */
static void js_throw_circular(JSContext *ctx, JSObject **chain, int count)
{
    DynBuf out;
    js_dbuf_init(ctx, &out);
    dbuf_putstr(&out, "Converting circular structure to JSON\n    --> starting at ");
    put_constructor(ctx, &out, chain[0]);
    for (int i = 1; i < count; i++) {
        if (i > 2 && i < count - 1) {
            dbuf_putstr(&out, i == 3 ? "\n    |     ..." : "");
            continue;
        }
        dbuf_putstr(&out, "\n    |     ");
        put_link(ctx, &out, chain[i - 1], chain[i]);
        dbuf_putstr(&out, " -> ");
        put_constructor(ctx, &out, chain[i]);
    }
    dbuf_putstr(&out, "\n    --- ");
    put_link(ctx, &out, chain[count - 1], chain[0]);
    dbuf_putstr(&out, " closes the circle");
    throw_text(ctx, JS_TYPE_ERROR, &out);
}
