// The engine with what a test of test262 may ask of its host: print, $262 and a loader of modules. One instance runs
// one test: start, then the harness's files and the test itself through `evaluate`. Not part of the guest.
// Must not know how a verdict is made of what it tells (build/test262/worker.mjs).
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "quickjs.h"

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("skep"), import_name(#name)))

// A test that wants more than this is told that memory is out.
#define MEMORY_BYTES (1024u * 1024 * 1024)

enum { FLAG_MODULE = 1, FLAG_STRICT = 2, FLAG_ASYNC = 4 };
enum { DONE = 0, FAILED_EARLY = 1, FAILED_RUNNING = 2 };

IMPORT(print) void host_print(const char *text, int size);
IMPORT(clock) double host_clock(void);
// The size of the file, or -1; `take` then copies it.
IMPORT(load) int host_load(const char *name, int size);
IMPORT(take) void host_take(char *to);

static JSRuntime *runtime;
static JSContext *context;
static char *answer;

uint64_t skep_wall_ns(void)
{
    return (uint64_t)(host_clock() * 1e6);
}

uint64_t skep_mono_ns(void)
{
    return skep_wall_ns();
}

static JSValue js_print(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
    size_t size;
    const char *text = JS_ToCStringLen(ctx, &size, argc > 0 ? argv[0] : JS_UNDEFINED);
    if (!text)
        return JS_EXCEPTION;
    host_print(text, (int)size);
    JS_FreeCString(ctx, text);
    return JS_UNDEFINED;
}

static JSValue js_detach(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JS_DetachArrayBuffer(ctx, argv[0]);
    return JS_UNDEFINED;
}

static JSValue js_eval_script(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
    size_t size;
    const char *text = JS_ToCStringLen(ctx, &size, argv[0]);
    if (!text)
        return JS_EXCEPTION;
    JSValue value = JS_Eval(ctx, text, size, "<evalScript>", JS_EVAL_TYPE_GLOBAL);
    JS_FreeCString(ctx, text);
    return value;
}

static JSValue js_gc(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JS_RunGC(JS_GetRuntime(ctx));
    return JS_UNDEFINED;
}

static JSValue js_html_dda(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
    return JS_NULL;
}

static JSValue js_create_realm(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv);

// print and $262 of a realm. Returns the $262.
static JSValue add_helpers(JSContext *ctx)
{
    JSValue global = JS_GetGlobalObject(ctx);
    JSValue html_dda = JS_NewCFunction(ctx, js_html_dda, "IsHTMLDDA", 0);
    JS_SetIsHTMLDDA(ctx, html_dda);
    JSValue host = JS_NewObject(ctx);
    JS_SetPropertyStr(ctx, host, "createRealm", JS_NewCFunction(ctx, js_create_realm, "createRealm", 0));
    JS_SetPropertyStr(ctx, host, "detachArrayBuffer", JS_NewCFunction(ctx, js_detach, "detachArrayBuffer", 1));
    JS_SetPropertyStr(ctx, host, "evalScript", JS_NewCFunction(ctx, js_eval_script, "evalScript", 1));
    JS_SetPropertyStr(ctx, host, "gc", JS_NewCFunction(ctx, js_gc, "gc", 0));
    JS_SetPropertyStr(ctx, host, "global", JS_DupValue(ctx, global));
    JS_SetPropertyStr(ctx, host, "IsHTMLDDA", html_dda);
    JS_SetPropertyStr(ctx, global, "print", JS_NewCFunction(ctx, js_print, "print", 1));
    JS_SetPropertyStr(ctx, global, "$262", JS_DupValue(ctx, host));
    JS_FreeValue(ctx, global);
    return host;
}

static JSValue js_create_realm(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JSContext *realm = JS_NewContext(JS_GetRuntime(ctx));
    if (!realm)
        return JS_ThrowOutOfMemory(ctx);
    JSValue host = add_helpers(realm);
    JS_FreeContext(realm); // its functions keep it
    return host;
}

// ---- modules: JavaScript, or one value as the default export

static int set_default(JSContext *ctx, JSModuleDef *module)
{
    return JS_SetModuleExport(ctx, module, "default", JS_GetModulePrivateValue(ctx, module));
}

static JSModuleDef *value_module(JSContext *ctx, const char *name, JSValue value)
{
    if (JS_IsException(value))
        return NULL;
    JSModuleDef *module = JS_NewCModule(ctx, name, set_default);
    JS_AddModuleExport(ctx, module, "default");
    JS_SetModulePrivateValue(ctx, module, value);
    return module;
}

// The attribute "type", or "" where there is none.
static void read_type(JSContext *ctx, JSValueConst attributes, char *type, size_t room)
{
    type[0] = 0;
    if (!JS_IsObject(attributes))
        return;
    JSValue value = JS_GetPropertyStr(ctx, attributes, "type");
    const char *text = JS_IsString(value) ? JS_ToCString(ctx, value) : NULL;
    if (text && strlen(text) < room)
        strcpy(type, text);
    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, value);
}

static JSModuleDef *make_module(JSContext *ctx, const char *name, const char *type, const char *text, size_t size)
{
    if (strcmp(type, "json") == 0)
        return value_module(ctx, name, JS_ParseJSON(ctx, text, size, name));
    if (strcmp(type, "text") == 0)
        return value_module(ctx, name, JS_NewStringLen(ctx, text, size));
    if (strcmp(type, "bytes") == 0) {
        JSValue bytes = JS_NewUint8ArrayCopy(ctx, (const uint8_t *)text, size);
        JSValue buffer = JS_GetTypedArrayBuffer(ctx, bytes, NULL, NULL, NULL);
        JS_SetImmutableArrayBuffer(buffer, true);
        JS_FreeValue(ctx, buffer);
        return value_module(ctx, name, bytes);
    }
    if (type[0]) {
        JS_ThrowTypeError(ctx, "unsupported module type: '%s'", type);
        return NULL;
    }
    JSValue value = JS_Eval(ctx, text, size, name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(value))
        return NULL;
    JSModuleDef *module = JS_VALUE_GET_PTR(value);
    JS_FreeValue(ctx, value);
    return module;
}

static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque, JSValueConst attributes)
{
    char type[16];
    int size = host_load(name, (int)strlen(name));
    if (size < 0) {
        JS_ThrowReferenceError(ctx, "could not load module filename '%s'", name);
        return NULL;
    }
    char *text = malloc((size_t)size + 1);
    host_take(text);
    text[size] = 0;
    read_type(ctx, attributes, type, sizeof type);
    JSModuleDef *module = make_module(ctx, name, type, text, (size_t)size);
    free(text);
    return module;
}

// ---- what the worker calls

EXPORT(start) void start(uint64_t hash_key)
{
    JS_SetHashKey(hash_key);
    runtime = JS_NewRuntime();
    JS_SetMemoryLimit(runtime, MEMORY_BYTES);
    JS_SetCanBlock(runtime, false);
    JS_KeepShapes(runtime);
    JS_SetModuleLoaderFunc2(runtime, NULL, load, NULL, NULL);
    context = JS_NewContext(runtime);
    JS_FreeValue(context, add_helpers(context));
    JS_KeepStill(runtime); /* as the guest's engine, warmed up */
}

EXPORT(buffer) char *buffer(int size)
{
    return malloc((size_t)size + 1);
}

// Runs the promise's jobs, all of them, and gives the outcome: an exception, or what `waited` is settled to.
static JSValue settle(JSValue waited, int is_async)
{
    JSContext *done;
    int ran;
    while ((ran = JS_ExecutePendingJob(runtime, &done)) > 0)
        continue;
    JSValue outcome = JS_UNDEFINED;
    if (ran < 0)
        outcome = JS_EXCEPTION;
    else if (!is_async && JS_PromiseState(context, waited) == JS_PROMISE_REJECTED)
        outcome = JS_Throw(context, JS_PromiseResult(context, waited));
    else if (!is_async && JS_PromiseState(context, waited) == JS_PROMISE_PENDING)
        outcome = JS_ThrowTypeError(context, "promise is pending");
    JS_FreeValue(context, waited);
    return outcome;
}

static int keep_message(void)
{
    JSValue exception = JS_GetException(context);
    const char *text = JS_ToCString(context, exception);
    if (!text)
        JS_FreeValue(context, JS_GetException(context));
    free(answer);
    answer = strdup(text ? text : "an exception that has no string");
    JS_FreeCString(context, text);
    JS_FreeValue(context, exception);
    return (int)strlen(answer);
}

EXPORT(evaluate) int evaluate(char *text, int size, const char *name, int flags)
{
    int how = flags & FLAG_MODULE ? JS_EVAL_TYPE_MODULE : JS_EVAL_TYPE_GLOBAL;
    if (flags & FLAG_STRICT)
        how |= JS_EVAL_FLAG_STRICT;
    text[size] = 0;
    JSValue value = JS_Eval(context, text, (size_t)size, name, how | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(value))
        return FAILED_EARLY;
    value = JS_EvalFunction(context, value);
    if (!JS_IsException(value) && (flags & (FLAG_MODULE | FLAG_ASYNC)))
        value = settle(value, flags & FLAG_ASYNC);
    if (JS_IsException(value))
        return FAILED_RUNNING;
    JS_FreeValue(context, value);
    return DONE;
}

// What the last failure threw, as text: its size, then where it lies.
EXPORT(message_size) int message_size(void)
{
    return keep_message();
}

EXPORT(message) const char *message(void)
{
    return answer;
}
