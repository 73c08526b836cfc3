/* The expression behind a value on a frame's stack, printed from the bytecode that pushed it: `o.foo`, `f(...).x`, `a?.b`.
 * The code is walked backwards from the instruction that failed, through jumps where it has to be; what cannot be told is
 * "(intermediate value)", as in V8. Nothing is trusted but the bytecode's own sizes and stack effects. Included by quickjs.c
 * behind error_words.h; must not know which errors there are but those at its end. */

enum { SITE_DEPTH = 12, SITE_CODE = 1 << 20 };

typedef struct {
    JSContext *ctx;
    JSFunctionBytecode *b;
    DynBuf *out;
    uint32_t *starts; /* where each instruction begins */
    int count, nested;
    int at; /* the instruction that failed */
    bool optional; /* the walk passed a test for null and undefined */
    bool unknown; /* something could not be told */
} Site;

static const uint8_t *site_code(Site *s, int i)
{
    return s->b->byte_code_buf + s->starts[i];
}

/* Finds the instructions of the function that a frame is in, and the one that the frame's counter has just passed. */
static bool site_open(Site *s, JSContext *ctx, JSStackFrame *sf, DynBuf *out)
{
    JSFunctionBytecode *b = sf ? bytecode_of(sf->cur_func) : NULL;
    if (!b || !sf->cur_pc || b->byte_code_len > SITE_CODE)
        return false;
    uint32_t pc = sf->cur_pc - b->byte_code_buf, at = 0;
    *s = (Site){ .ctx = ctx, .b = b, .out = out, .at = -1 };
    s->starts = js_malloc_rt(ctx->rt, sizeof(*s->starts) * (b->byte_code_len + 1));
    if (!s->starts)
        return false;
    while (at < (uint32_t)b->byte_code_len) {
        s->starts[s->count] = at;
        at += short_opcode_info(b->byte_code_buf[at]).size;
        if (at == pc)
            s->at = s->count;
        s->count++;
    }
    s->starts[s->count] = at;
    if (s->at < 0)
        js_free_rt(ctx->rt, s->starts);
    return s->at >= 0;
}

static void site_close(Site *s)
{
    js_free_rt(s->ctx->rt, s->starts);
}

static bool is_final(int op)
{
    return op == OP_goto || op == OP_goto8 || op == OP_goto16 || op == OP_return || op == OP_return_undef ||
        op == OP_return_async || op == OP_throw || op == OP_throw_error || op == OP_ret || op == OP_tail_call ||
        op == OP_tail_call_method;
}

/* The offset that an instruction jumps to, or -1. */
static int64_t jump_target(Site *s, int i)
{
    const uint8_t *code = site_code(s, i);
    switch (short_opcode_info(*code).fmt) {
    case OP_FMT_label: return (int64_t)s->starts[i] + 1 + (int32_t)get_u32(code + 1);
    case OP_FMT_label8: return (int64_t)s->starts[i] + 1 + (int8_t)code[1];
    case OP_FMT_label16: return (int64_t)s->starts[i] + 1 + (int16_t)get_u16(code + 1);
    default: return -1;
    }
}

static int jump_to(Site *s, int i)
{
    for (int from = 0; from < s->count; from++)
        if (jump_target(s, from) == s->starts[i])
            return from;
    return -1;
}

/* Arguments of a call, which do not count as popped in the table. */
static int call_arguments(const uint8_t *code)
{
    switch (short_opcode_info(*code).fmt) {
    case OP_FMT_npop:
    case OP_FMT_npop_u16: return get_u16(code + 1);
    case OP_FMT_npopx: return *code - OP_call0;
    default: return 0;
    }
}

/* The instruction that pushed the value `*depth` below the top, as the stack is before instruction `i`; `*depth` becomes
 * the value's place among those it pushed, 0 for the topmost. */
static int site_producer(Site *s, int i, int *depth)
{
    for (int steps = 0; i > 0 && steps < 4096; steps++) {
        int from = i - 1;
        if (is_final(*site_code(s, from)))
            from = jump_to(s, i);
        if (from < 0)
            return -1;
        const uint8_t *code = site_code(s, from);
        int pops = short_opcode_info(*code).n_pop + call_arguments(code), pushes = short_opcode_info(*code).n_push;
        if (short_opcode_info(*code).fmt == OP_FMT_atom_label_u8)
            return -1; /* `with` pushes in one of its ways only */
        s->optional |= *code == OP_is_undefined_or_null;
        if (*depth < pushes)
            return from + 1 < s->count && from == i - 1 && jump_to(s, i) >= 0 && *code != OP_dup ? -1 : from;
        *depth += pops - pushes;
        i = from;
    }
    return -1;
}

static void put_unknown(Site *s)
{
    s->unknown = true;
    dbuf_putstr(s->out, "(intermediate value)");
}

static void put_name(Site *s, JSAtom name)
{
    char first[ATOM_GET_STR_BUF_SIZE];
    if (name == JS_ATOM_NULL || name == JS_ATOM_empty_string ||
        JS_AtomGetStr(s->ctx, first, sizeof(first), name)[0] == '<')
        put_unknown(s);
    else
        put_atom(s->ctx, s->out, name);
}

static void put_local(Site *s, int index, bool is_arg)
{
    JSAtom name = JS_ATOM_NULL;
    if (s->b->vardefs)
        name = s->b->vardefs[is_arg ? index : s->b->arg_count + index].var_name;
    put_name(s, name);
}

static void put_constant(Site *s, uint32_t index)
{
    JSValueConst value = s->b->cpool[index];
    if (JS_IsString(value)) {
        dbuf_putc(s->out, '"');
        put_string(s->ctx, s->out, value);
        dbuf_putc(s->out, '"');
    } else if (JS_IsNumber(value) || JS_IsBigInt(value)) {
        put_string(s->ctx, s->out, value);
    } else {
        put_unknown(s);
    }
}

static void put_site(Site *s, int i, int depth);

/* `object.name`, the object being `depth` below the top before instruction `i`. */
static void put_member(Site *s, int i, int depth, JSAtom name)
{
    bool before = s->optional;
    s->optional = false;
    put_site(s, i, depth);
    dbuf_putstr(s->out, s->optional ? "?." : ".");
    s->optional = before;
    put_atom(s->ctx, s->out, name);
}

static void put_element(Site *s, int i)
{
    int depth = 0, key = site_producer(s, i, &depth);
    if (key >= 0 && *site_code(s, key) == OP_push_atom_value) {
        put_member(s, i, 1, get_u32(site_code(s, key) + 1));
        return;
    }
    put_site(s, i, 1);
    dbuf_putc(s->out, '[');
    put_site(s, i, 0);
    dbuf_putc(s->out, ']');
}

/* `super.name` and `object.#name`, whose keys are pushed as values. */
static void put_keyed(Site *s, int i, int object)
{
    int depth = 0, key = site_producer(s, i, &depth);
    if (object < 0)
        put_unknown(s);
    else
        put_site(s, i, object);
    dbuf_putc(s->out, '.');
    if (key >= 0 && *site_code(s, key) == OP_push_atom_value)
        put_atom(s->ctx, s->out, get_u32(site_code(s, key) + 1));
    else
        put_site(s, i, 0);
}

/* How deep the callee lies before a call, or -1. */
static int callee_depth(const uint8_t *code)
{
    switch (*code) {
    case OP_call0:
    case OP_call1:
    case OP_call2:
    case OP_call3:
    case OP_call:
    case OP_tail_call:
    case OP_eval:
    case OP_call_method:
    case OP_tail_call_method: return call_arguments(code);
    case OP_call_constructor: return call_arguments(code) + 1;
    case OP_apply: return 2;
    default: return -1;
    }
}

static void put_array(Site *s, int i, int count)
{
    dbuf_putc(s->out, '[');
    for (int left = count; left > 0; left--) {
        put_site(s, i, left - 1);
        if (left > 1)
            dbuf_putc(s->out, ',');
    }
    dbuf_putc(s->out, ']');
}

/* What an instruction pushed, `slot` from the top. False where that is not known. */
static bool put_variable(Site *s, const uint8_t *code, int slot)
{
    int op = *code;
    switch (op) {
    case OP_get_loc: case OP_get_loc_check: case OP_set_loc: put_local(s, get_u16(code + 1), false); return true;
    case OP_get_loc8: case OP_set_loc8: put_local(s, code[1], false); return true;
    case OP_get_loc0: case OP_get_loc1: case OP_get_loc2: case OP_get_loc3:
        put_local(s, op - OP_get_loc0, false);
        return true;
    case OP_get_loc0_loc1: put_local(s, slot == 0, false); return true;
    case OP_set_loc0: case OP_set_loc1: case OP_set_loc2: case OP_set_loc3:
        put_local(s, op - OP_set_loc0, false);
        return true;
    case OP_get_arg: case OP_set_arg: put_local(s, get_u16(code + 1), true); return true;
    case OP_get_arg0: case OP_get_arg1: case OP_get_arg2: case OP_get_arg3:
        put_local(s, op - OP_get_arg0, true);
        return true;
    case OP_get_var_ref: case OP_get_var_ref_check:
        put_name(s, s->b->closure_var[get_u16(code + 1)].var_name);
        return true;
    case OP_get_var_ref0: case OP_get_var_ref1: case OP_get_var_ref2: case OP_get_var_ref3:
        put_name(s, s->b->closure_var[op - OP_get_var_ref0].var_name);
        return true;
    case OP_get_var: case OP_get_var_undef: put_name(s, get_u32(code + 1)); return true;
    default: return false;
    }
}

static bool put_literal(Site *s, const uint8_t *code)
{
    int op = *code;
    switch (op) {
    case OP_push_this: dbuf_putstr(s->out, "this"); return true;
    case OP_undefined: dbuf_putstr(s->out, "undefined"); return true;
    case OP_null: dbuf_putstr(s->out, "null"); return true;
    case OP_push_true: dbuf_putstr(s->out, "true"); return true;
    case OP_push_false: dbuf_putstr(s->out, "false"); return true;
    case OP_object: dbuf_putstr(s->out, "{}"); return true;
    case OP_define_field: case OP_define_method: dbuf_putstr(s->out, "{(intermediate value)}"); return true;
    case OP_push_empty_string: dbuf_putstr(s->out, "\"\""); return true;
    case OP_push_minus1: case OP_push_0: case OP_push_1: case OP_push_2: case OP_push_3:
    case OP_push_4: case OP_push_5: case OP_push_6: case OP_push_7:
        dbuf_printf(s->out, "%d", op - OP_push_0);
        return true;
    case OP_push_i8: dbuf_printf(s->out, "%d", (int8_t)code[1]); return true;
    case OP_push_i16: dbuf_printf(s->out, "%d", (int16_t)get_u16(code + 1)); return true;
    case OP_push_i32: dbuf_printf(s->out, "%d", (int32_t)get_u32(code + 1)); return true;
    case OP_push_const8: put_constant(s, code[1]); return true;
    case OP_push_const: put_constant(s, get_u32(code + 1)); return true;
    case OP_push_atom_value:
        dbuf_putc(s->out, '"');
        put_atom(s->ctx, s->out, get_u32(code + 1));
        dbuf_putc(s->out, '"');
        return true;
    default: return false;
    }
}

static void put_produced(Site *s, int i, int slot)
{
    const uint8_t *code = site_code(s, i);
    if (put_variable(s, code, slot) || put_literal(s, code))
        return;
    switch (*code) {
    case OP_dup: case OP_to_propkey: case OP_set_name: case OP_to_object:
        put_site(s, i, 0);
        break;
    case OP_swap: put_site(s, i, !slot); break;
    case OP_get_field: put_member(s, i, 0, get_u32(code + 1)); break;
    case OP_get_length: put_member(s, i, 0, JS_ATOM_length); break;
    case OP_get_field2:
        if (slot == 0)
            put_member(s, i, 0, get_u32(code + 1));
        else
            put_site(s, i, 0);
        break;
    case OP_get_array_el: put_element(s, i); break;
    case OP_get_array_el2:
        if (slot == 0)
            put_element(s, i);
        else
            put_site(s, i, 1);
        break;
    case OP_get_private_field: put_keyed(s, i, 1); break;
    case OP_get_super_value: put_keyed(s, i, -1); break;
    case OP_array_from: put_array(s, i, get_u16(code + 1)); break;
    case OP_call_constructor: put_unknown(s); break;
    default:
        if (callee_depth(code) >= 0) {
            put_site(s, i, callee_depth(code));
            dbuf_putstr(s->out, "(...)");
        } else {
            put_unknown(s);
        }
    }
}

/* The value `depth` below the top of the stack before instruction `i`. */
static void put_site(Site *s, int i, int depth)
{
    int from = s->nested < SITE_DEPTH ? site_producer(s, i, &depth) : -1;
    if (from < 0) {
        put_unknown(s);
        return;
    }
    s->nested++;
    put_produced(s, from, depth);
    s->nested--;
}

/* ---- Errors that name what stands in the script ---- */

/* Whether the arguments of a call that failed lie on the frame's own stack: then the frame's code made the call. */
static bool is_own_call(JSStackFrame *sf, JSValueConst *argv)
{
    JSFunctionBytecode *b = sf ? bytecode_of(sf->cur_func) : NULL;
    JSValueConst *stack = b ? vc(sf->var_buf) : NULL;
    return b && argv >= stack && argv <= stack + b->var_count + b->stack_size;
}

static no_inline JSValue js_throw_not_callable(JSContext *ctx, JSValueConst func, JSValueConst *argv, const char *what)
{
    JSStackFrame *sf = ctx->rt->current_stack_frame;
    DynBuf out;
    Site s;
    js_dbuf_init(ctx, &out);
    if (is_own_call(sf, argv) && site_open(&s, ctx, sf, &out)) {
        int depth = callee_depth(site_code(&s, s.at));
        if (depth >= 0)
            put_site(&s, s.at, depth);
        else
            put_value(ctx, &out, func);
        site_close(&s);
    } else {
        put_value(ctx, &out, func);
    }
    dbuf_printf(&out, " is not a %s", what);
    return throw_text(ctx, JS_TYPE_ERROR, &out);
}

/* The instruction before which the stack holds what a pattern or a loop took. A declaration's value is pushed behind its
 * pattern, and a jump leads back: in front of the pattern lies an `undefined` that stands for it. */
static int taken_at(Site *s)
{
    int depth = 0, from = site_producer(s, s->at, &depth), back = jump_to(s, s->at);
    while (from >= 0 && *site_code(s, from) == OP_dup) {
        depth = 0;
        from = site_producer(s, from, &depth);
    }
    bool is_declared = from >= 0 && *site_code(s, from) == OP_undefined && back > s->at;
    return is_declared ? back : s->at;
}

/* The iterated expression, if the frame is at an instruction that iterates. */
static bool put_iterated(JSContext *ctx, DynBuf *out)
{
    Site s;
    if (!site_open(&s, ctx, ctx->rt->current_stack_frame, out))
        return false;
    int op = *site_code(&s, s.at), depth = 0, at = taken_at(&s);
    bool is_known = op == OP_for_of_start || op == OP_for_await_of_start || op == OP_append;
    int from = is_known ? site_producer(&s, at, &depth) : -1;
    int callee = from >= 0 && *site_code(&s, from) != OP_call_constructor ? callee_depth(site_code(&s, from)) : -1;
    if (callee >= 0)
        put_site(&s, from, callee);
    else if (is_known)
        put_site(&s, at, 0);
    dbuf_putstr(out, callee >= 0 ? " is not a function or its return value is not " : " is not ");
    site_close(&s);
    return is_known && !s.unknown;
}

static no_inline JSValue js_throw_not_iterable(JSContext *ctx, JSValueConst value, bool is_async)
{
    DynBuf out;
    js_dbuf_init(ctx, &out);
    if (put_iterated(ctx, &out)) {
        dbuf_putstr(&out, is_async ? "async iterable" : "iterable");
    } else {
        out.size = 0;
        put_typed(ctx, &out, value);
        dbuf_printf(&out, " is not %siterable (cannot read property Symbol(Symbol.%s))", is_async ? "async " : "",
                    is_async ? "asyncIterator" : "iterator");
    }
    return throw_text(ctx, JS_TYPE_ERROR, &out);
}

/* The first property that a pattern takes, behind the instruction that failed. */
static JSAtom pattern_property(Site *s)
{
    for (int i = s->at + 1; i < s->count && i < s->at + 6; i++) {
        const uint8_t *code = site_code(s, i);
        if (*code == OP_get_field || *code == OP_get_field2 || *code == OP_define_field)
            return get_u32(code + 1);
    }
    return JS_ATOM_NULL;
}

/* null or undefined was to be taken apart by a pattern, or is the object of `with`. */
static no_inline JSValue js_throw_not_object(JSContext *ctx, JSValueConst value)
{
    DynBuf out;
    Site s;
    js_dbuf_init(ctx, &out);
    if (!site_open(&s, ctx, ctx->rt->current_stack_frame, &out)) {
        dbuf_free(&out);
        return JS_ThrowTypeError(ctx, "Cannot convert undefined or null to object");
    }
    JSAtom property = pattern_property(&s);
    int depth = 0, from = site_producer(&s, s.at, &depth);
    while (from >= 0 && *site_code(&s, from) == OP_dup) {
        depth = 0;
        from = site_producer(&s, from, &depth);
    }
    if (from >= 0 && property && (*site_code(&s, from) == OP_get_field2 || *site_code(&s, from) == OP_get_array_el2)) {
        site_close(&s);
        dbuf_free(&out);
        return js_throw_words(ctx, JS_TYPE_ERROR, "Cannot read properties of %v (reading '%a')", value, property);
    }
    dbuf_putstr(&out, "Cannot destructure ");
    if (property) {
        dbuf_putstr(&out, "property '");
        put_atom(ctx, &out, property);
        dbuf_putstr(&out, "' of ");
    }
    size_t before = out.size;
    dbuf_putc(&out, '\'');
    put_site(&s, taken_at(&s), 0);
    if (s.unknown) {
        out.size = before + 1;
        put_value(ctx, &out, value);
    }
    dbuf_putstr(&out, "' as it is ");
    put_value(ctx, &out, value);
    dbuf_putc(&out, '.');
    site_close(&s);
    return throw_text(ctx, JS_TYPE_ERROR, &out);
}
