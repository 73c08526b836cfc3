/* ES modules as a whole: a table that finds a loaded module by its name, a failed resolution that leaves nothing half
 * done, and require() of a module graph that is synchronous. Included by quickjs.c; must not know what names mean. */

#define JS_MODULE_TABLE_MASK (JS_MODULE_TABLE_SIZE - 1)

static void module_table_add(JSContext *ctx, JSModuleDef *m)
{
    JSModuleDef **slot = &ctx->module_table[m->module_name & JS_MODULE_TABLE_MASK];
    m->table_next = *slot;
    *slot = m;
}

static void module_table_remove(JSContext *ctx, JSModuleDef *m, JSAtom name)
{
    JSModuleDef **slot = &ctx->module_table[name & JS_MODULE_TABLE_MASK];
    while (*slot && *slot != m)
        slot = &(*slot)->table_next;
    if (*slot)
        *slot = m->table_next;
}

static JSModuleDef *js_find_loaded_module(JSContext *ctx, JSAtom name, JSValueConst attributes)
{
    JSModuleDef *m = ctx->module_table[name & JS_MODULE_TABLE_MASK];
    for (; m; m = m->table_next) {
        if (m->module_name != name)
            continue;
        int equal = js_module_attributes_equal(ctx, m->attributes, attributes);
        if (equal < 0)
            return NULL; /* exception */
        if (equal)
            return m;
    }
    return NULL;
}

static JSModuleDef *js_find_loaded_module_by_name(JSContext *ctx, JSAtom name)
{
    JSModuleDef *m = ctx->module_table[name & JS_MODULE_TABLE_MASK];
    while (m && m->module_name != name)
        m = m->table_next;
    return m;
}

/* Something of a graph could not be found: what was resolved on the way may lead to it, and is resolved again by who asks
 * next. Nothing is freed: other modules may point to it. */
static void unresolve_modules(JSContext *ctx)
{
    struct list_head *el;
    list_for_each(el, &ctx->loaded_modules) {
        JSModuleDef *m = list_entry(el, JSModuleDef, link);
        if (m->status == JS_MODULE_STATUS_UNLINKED)
            m->resolved = false;
    }
}

enum { GRAPH_HAS_AWAIT = 1, GRAPH_IS_RUNNING = 2 };

/* What stands in the graph below `m`; -1 without memory. Every module is looked at once, and no stack is used. */
static int survey_graph(JSContext *ctx, JSModuleDef *m)
{
    uint32_t mark = ++ctx->rt->module_survey;
    JSModuleDef **left = NULL;
    int count = 0, size = 0, found = 0;
    m->survey = mark;
    for (;;) {
        if (m->has_tla || m->status == JS_MODULE_STATUS_EVALUATING_ASYNC)
            found |= GRAPH_HAS_AWAIT;
        if (m->status == JS_MODULE_STATUS_LINKING || m->status == JS_MODULE_STATUS_EVALUATING)
            found |= GRAPH_IS_RUNNING;
        if (js_resize_array(ctx, (void **)&left, sizeof(left[0]), &size, count + m->req_module_entries_count + 1)) {
            js_free(ctx, left);
            return -1;
        }
        for (int i = 0; i < m->req_module_entries_count; i++) {
            JSModuleDef *next = m->req_module_entries[i].module;
            if (next && next->survey != mark) {
                next->survey = mark;
                left[count++] = next;
            }
        }
        if (count == 0)
            break;
        m = left[--count];
    }
    js_free(ctx, left);
    return found;
}

JSModuleDef *JS_FindModule(JSContext *ctx, const char *name)
{
    JSAtom atom = JS_NewAtom(ctx, name);
    JSModuleDef *m = js_find_loaded_module_by_name(ctx, atom);
    JS_FreeAtom(ctx, atom);
    return m;
}

JSValue JS_RequireModule(JSContext *ctx, const char *base, const char *specifier, JSRequireResult *result)
{
    *result = JS_REQUIRE_THREW;
    JSModuleDef *m = js_host_resolve_imported_module(ctx, base, specifier, JS_UNDEFINED);
    if (!m)
        return JS_EXCEPTION;
    if (m->status != JS_MODULE_STATUS_EVALUATING && js_resolve_module(ctx, m) < 0)
        return JS_EXCEPTION;
    int found = survey_graph(ctx, m);
    if (found < 0)
        return JS_EXCEPTION;
    if (found) {
        *result = found & GRAPH_IS_RUNNING ? JS_REQUIRE_CYCLE : JS_REQUIRE_ASYNC;
        return JS_UNDEFINED;
    }
    JSValue promise = JS_EvalFunction(ctx, JS_NewModuleValue(ctx, m));
    if (JS_IsException(promise))
        return promise;
    if (JS_PromiseState(ctx, promise) == JS_PROMISE_REJECTED) {
        js_promise_set_handled(ctx, promise);
        JSValue error = JS_PromiseResult(ctx, promise);
        JS_FreeValue(ctx, promise);
        return JS_Throw(ctx, error);
    }
    JS_FreeValue(ctx, promise);
    *result = JS_REQUIRE_DONE;
    return JS_GetModuleNamespace(ctx, m);
}
