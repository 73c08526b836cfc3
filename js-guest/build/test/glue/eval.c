// The smallest glue there can be: evaluates a text and returns "=" or "!" with the result or the exception as a string.
// For build/test/engine.test.mjs only; not part of the guest.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "quickjs.h"

#define EXPORT(name) __attribute__((export_name(#name)))

static JSRuntime *runtime;
static JSContext *context;
static char *answer;

uint64_t skep_wall_ns(void)
{
    return 1000000000000000000u;
}

uint64_t skep_mono_ns(void)
{
    return 0;
}

// What a message to another process goes through.
static JSValue clone(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
    size_t size;
    uint8_t *bytes = JS_WriteObject(ctx, &size, argv[0], JS_WRITE_OBJ_REFERENCE);
    if (!bytes)
        return JS_EXCEPTION;
    JSValue copy = JS_ReadObject(ctx, bytes, size, JS_READ_OBJ_REFERENCE);
    js_free(ctx, bytes);
    return copy;
}

// The module "m7" imports "m8", and so on without end; "e7" and "s7" the same by other kinds of export.
static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque, JSValueConst attributes)
{
    static const char *const forms[] = { "import {} from 'm", "export {x} from 'e", "export * from 's" };
    char text[64], digits[16];
    int number = atoi(name + 1) + 1;
    char *at = digits + sizeof digits - 1;
    *at = 0;
    for (int rest = number; rest > 0; rest /= 10)
        *--at = (char)('0' + rest % 10);
    strcpy(text, forms[name[0] == 'm' ? 0 : name[0] == 'e' ? 1 : 2]);
    strcat(strcat(text, at), "'");
    if (number > 5000)
        strcpy(text, "export let x = 1");
    JSValue value = JS_Eval(ctx, text, strlen(text), name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(value))
        return NULL;
    JSModuleDef *module = JS_VALUE_GET_PTR(value);
    JS_FreeValue(ctx, value);
    return module;
}

EXPORT(start) void start(uint64_t hash_key)
{
    JS_SetHashKey(hash_key);
    runtime = JS_NewRuntime();
    context = JS_NewContext(runtime);
    JS_SetModuleLoaderFunc2(runtime, NULL, load, NULL, NULL);
    JSValue global = JS_GetGlobalObject(context);
    JS_SetPropertyStr(context, global, "clone", JS_NewCFunction(context, clone, "clone", 1));
    JS_FreeValue(context, global);
}

EXPORT(reseed) void reseed(uint64_t seed)
{
    JS_Reseed(context, seed);
}

EXPORT(freeze) int freeze(void)
{
    return JS_FreezeAtoms(runtime);
}

EXPORT(renew) void renew(uint64_t hash_key)
{
    JS_RenewHashKey(runtime, hash_key);
}

EXPORT(buffer) char *buffer(int size)
{
    return malloc((size_t)size + 1);
}

EXPORT(eval) const char *eval(char *text, int size)
{
    JSContext *done;
    text[size] = 0;
    int kind = strncmp(text, "import ", 7) == 0 ? JS_EVAL_TYPE_MODULE : JS_EVAL_TYPE_GLOBAL;
    JSValue value = JS_Eval(context, text, (size_t)size, "test.js", kind);
    free(text);
    while (JS_ExecutePendingJob(runtime, &done) > 0)
        continue;
    int failed = JS_IsException(value);
    if (failed)
        value = JS_GetException(context);
    const char *shown = JS_ToCString(context, value);
    if (!shown)
        JS_FreeValue(context, JS_GetException(context));
    const char *result = shown ? shown : "no string";
    free(answer);
    answer = malloc(strlen(result) + 2);
    answer[0] = failed ? '!' : '=';
    strcpy(answer + 1, result);
    if (shown)
        JS_FreeCString(context, shown);
    JS_FreeValue(context, value);
    JS_RunGC(runtime);
    return answer;
}
