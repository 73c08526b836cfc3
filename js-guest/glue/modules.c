/* Compiling scripts and modules, and the engine's module loader. Which file a name means, what kind it is and what it
 * exports, JavaScript decides (lib/internal/modules); here are only the engine's hooks. Must not know paths. */
#include <stdlib.h>

#include "core.h"

/* JavaScript's: resolve(specifier, base, attributes) -> url; load(url) -> source text, or { names, run } of a module that
 * is no JavaScript: run() answers an object with its values, when it is evaluated; meta(url, import.meta). */
static JSValue hook_resolve, hook_load, hook_meta;
/* JavaScript's too: decorate(error, text, first line) puts the place of a syntax error into its stack. */
static JSValue hook_decorate;

static void decorate(JSContext *ctx, JSValueConst text, int line) {
  int at_line, at_col;
  JSValue error = JS_GetException(ctx), file = JS_GetErrorPlace(ctx, error, &at_line, &at_col);
  if (JS_IsString(file) && JS_IsFunction(ctx, hook_decorate)) {
    JSValueConst args[] = { error, text, JS_NewInt32(ctx, line) };
    JSValue result = JS_Call(ctx, hook_decorate, JS_UNDEFINED, 3, args);
    if (JS_IsException(result)) JS_FreeValue(ctx, JS_GetException(ctx));
    JS_FreeValue(ctx, result);
  }
  JS_FreeValue(ctx, file);
  JS_Throw(ctx, error);
}

static JSValue evaluate(JSContext *ctx, JSValueConst text, JSValueConst name, int flags, int line) {
  size_t len;
  const char *source = JS_ToCStringLen(ctx, &len, text), *file = source ? JS_ToCString(ctx, name) : NULL;
  JSValue result = JS_EXCEPTION;
  if (file) {
    JSEvalOptions options = { JS_EVAL_OPTIONS_VERSION, flags, file, line };
    result = JS_Eval2(ctx, source, len, &options);
    if (JS_IsException(result)) decorate(ctx, text, line);
  }
  JS_FreeCString(ctx, file);
  JS_FreeCString(ctx, source);
  return result;
}

/* script(text, file, line): runs it in the global scope, answers its completion value. */
static JSValue js_script(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t line = 1;
  if (argc > 2 && JS_ToInt32(ctx, &line, argv[2])) return JS_EXCEPTION;
  return evaluate(ctx, argv[0], argv[1], JS_EVAL_TYPE_GLOBAL, line);
}

/* ---- Realms: global objects of their own, for node:vm ---- */

/* run(text, file, line): in the realm that this function is of. Its variables can be deleted, as eval's: node:vm moves them. */
static JSValue js_realm_run(JSContext *realm, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t line = 1;
  if (argc > 2 && JS_ToInt32(realm, &line, argv[2])) return JS_EXCEPTION;
  return evaluate(realm, argv[0], argv[1], JS_EVAL_TYPE_GLOBAL, line);
}

/* newRealm(): [its global object, its run]. The functions of a realm keep it alive. */
static JSValue js_new_realm(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSContext *realm = JS_NewContext(skep_rt);
  if (!realm) return JS_ThrowOutOfMemory(ctx);
  uint64_t seed = 0;
  skep_random(&seed, sizeof seed);
  JS_Reseed(realm, seed);
  JSValue pair = JS_NewArray(ctx);
  JS_SetPropertyUint32(ctx, pair, 0, JS_GetGlobalObject(realm));
  JS_SetPropertyUint32(ctx, pair, 1, JS_NewCFunction(realm, js_realm_run, "run", 3));
  JS_FreeContext(realm);
  return pair;
}

/* check(text, file, line): compiles and throws away. */
static JSValue js_check(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t line = 1;
  int flags = JS_ToBool(ctx, argv[3]) ? JS_EVAL_TYPE_MODULE : JS_EVAL_TYPE_GLOBAL;
  if (JS_ToInt32(ctx, &line, argv[2])) return JS_EXCEPTION;
  JSValue code = evaluate(ctx, argv[0], argv[1], flags | JS_EVAL_FLAG_COMPILE_ONLY, line);
  if (JS_IsException(code)) return code;
  JS_FreeValue(ctx, code);
  return JS_UNDEFINED;
}

/* parsesAsModule(text) */
static JSValue js_detect(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  size_t len;
  const char *source = JS_ToCStringLen(ctx, &len, argv[0]);
  if (!source) return JS_EXCEPTION;
  bool is = JS_DetectModule(source, len);
  JS_FreeCString(ctx, source);
  return JS_NewBool(ctx, is);
}

/* ---- ES modules ---- */

static char *normalize(JSContext *ctx, const char *base, const char *name, JSValueConst attributes, void *opaque) {
  JSValue args[] = { JS_NewString(ctx, name), JS_NewString(ctx, base), JS_DupValue(ctx, attributes) };
  JSValue url = JS_Call(ctx, hook_resolve, JS_UNDEFINED, 3, (JSValueConst *)args);
  for (size_t i = 0; i < SKEP_COUNT(args); i++) JS_FreeValue(ctx, args[i]);
  if (JS_IsException(url)) return NULL;
  char *copy = skep_strdup_value(ctx, url);
  JS_FreeValue(ctx, url);
  return copy;
}

static int set_exports(JSContext *ctx, JSModuleDef *m, JSValueConst names, JSValueConst values) {
  int64_t count = 0;
  int result = JS_GetLength(ctx, names, &count) ? -1 : 0;
  for (int64_t i = 0; result == 0 && i < count; i++) {
    JSValue key = JS_GetPropertyInt64(ctx, names, i);
    const char *name = JS_ToCString(ctx, key);
    JSValue value = name ? JS_GetPropertyStr(ctx, values, name) : JS_EXCEPTION;
    result = JS_IsException(value) ? -1 : JS_SetModuleExport(ctx, m, name, value);
    JS_FreeCString(ctx, name);
    JS_FreeValue(ctx, key);
  }
  return result;
}

/* The evaluation of a module of values: its private value is what load answered. */
static int fill_exports(JSContext *ctx, JSModuleDef *m) {
  JSValue loaded = JS_GetModulePrivateValue(ctx, m), run = JS_GetPropertyStr(ctx, loaded, "run");
  JSValue values = JS_Call(ctx, run, loaded, 0, NULL), names = JS_GetPropertyStr(ctx, loaded, "names");
  int result = JS_IsException(values) ? -1 : set_exports(ctx, m, names, values);
  JS_FreeValue(ctx, names);
  JS_FreeValue(ctx, values);
  JS_FreeValue(ctx, run);
  JS_FreeValue(ctx, loaded);
  return result;
}

static JSModuleDef *module_of_values(JSContext *ctx, const char *url, JSValue loaded) {
  JSValue names = JS_GetPropertyStr(ctx, loaded, "names");
  int64_t count = 0;
  JSModuleDef *m = JS_IsException(names) || JS_GetLength(ctx, names, &count) ? NULL : JS_NewCModule(ctx, url, fill_exports);
  for (int64_t i = 0; m && i < count; i++) {
    JSValue key = JS_GetPropertyInt64(ctx, names, i);
    const char *name = JS_ToCString(ctx, key);
    if (!name || JS_AddModuleExport(ctx, m, name) < 0) m = NULL;
    JS_FreeCString(ctx, name);
    JS_FreeValue(ctx, key);
  }
  JS_FreeValue(ctx, names);
  if (m) JS_SetModulePrivateValue(ctx, m, loaded);
  else JS_FreeValue(ctx, loaded);
  return m;
}

static JSModuleDef *module_of_source(JSContext *ctx, JSValueConst url, JSValueConst text) {
  JSValue code = evaluate(ctx, text, url, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY, 1);
  if (JS_IsException(code)) return NULL;
  JSModuleDef *m = JS_VALUE_GET_PTR(code); /* the context's list holds it */
  JS_FreeValue(ctx, code);
  JSValue args[] = { JS_DupValue(ctx, url), JS_GetImportMeta(ctx, m) };
  JSValue result = JS_Call(ctx, hook_meta, JS_UNDEFINED, 2, (JSValueConst *)args);
  JS_FreeValue(ctx, args[0]);
  JS_FreeValue(ctx, args[1]);
  if (JS_IsException(result)) return NULL;
  JS_FreeValue(ctx, result);
  return m;
}

static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque, JSValueConst attributes) {
  JSValue args[] = { JS_NewString(ctx, name) };
  JSValue loaded = JS_Call(ctx, hook_load, JS_UNDEFINED, 1, (JSValueConst *)args);
  JSModuleDef *m = NULL;
  if (JS_IsString(loaded)) m = module_of_source(ctx, args[0], loaded);
  else if (!JS_IsException(loaded)) m = module_of_values(ctx, name, JS_DupValue(ctx, loaded));
  JS_FreeValue(ctx, loaded);
  JS_FreeValue(ctx, args[0]);
  return m;
}

/* hook_resolve judges `type`; what else stands there means nothing, and must not make two modules of one. */
static int check_attributes(JSContext *ctx, void *opaque, JSValueConst attributes) {
  JSPropertyEnum *names;
  uint32_t count;
  if (JS_GetOwnPropertyNames(ctx, &names, &count, attributes, JS_GPN_STRING_MASK) < 0) return -1;
  for (uint32_t i = 0; i < count; i++) {
    const char *name = JS_AtomToCString(ctx, names[i].atom);
    if (name && strcmp(name, "type") != 0) JS_DeleteProperty(ctx, attributes, names[i].atom, 0);
    JS_FreeCString(ctx, name);
  }
  JS_FreePropertyEnum(ctx, names, count);
  return 0;
}

/* run(url, text): a module of this text; answers its namespace and the promise of its evaluation. */
static JSValue js_run_module(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue code = evaluate(ctx, argv[1], argv[0], JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY, 1);
  if (JS_IsException(code)) return code;
  JSModuleDef *m = JS_VALUE_GET_PTR(code);
  JSValue args[] = { JS_DupValue(ctx, argv[0]), JS_GetImportMeta(ctx, m) };
  JSValue result = JS_Call(ctx, hook_meta, JS_UNDEFINED, 2, (JSValueConst *)args);
  JS_FreeValue(ctx, args[0]);
  JS_FreeValue(ctx, args[1]);
  if (JS_IsException(result) || JS_ResolveModule(ctx, code) < 0) {
    JS_FreeValue(ctx, code);
    return JS_EXCEPTION;
  }
  JS_FreeValue(ctx, result);
  JSValue promise = JS_EvalFunction(ctx, code); /* links it, too: before that it has no namespace */
  JSValue namespace = JS_IsException(promise) ? JS_EXCEPTION : JS_GetModuleNamespace(ctx, m);
  if (JS_IsException(namespace)) {
    JS_FreeValue(ctx, promise);
    return JS_EXCEPTION;
  }
  JSValue pair = JS_NewArray(ctx);
  JS_SetPropertyUint32(ctx, pair, 0, namespace);
  JS_SetPropertyUint32(ctx, pair, 1, promise);
  return pair;
}

/* import(specifier, base): the promise of a module's namespace. */
static JSValue js_import(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  const char *name = JS_ToCString(ctx, argv[0]), *base = name ? JS_ToCString(ctx, argv[1]) : NULL;
  JSValue promise = base ? JS_LoadModule(ctx, base, name) : JS_EXCEPTION;
  JS_FreeCString(ctx, name);
  JS_FreeCString(ctx, base);
  return promise;
}

/* setExports(url, names, values): anew, of a module of values that is loaded. */
static JSValue js_set_exports(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  const char *url = JS_ToCString(ctx, argv[0]);
  JSModuleDef *m = url ? JS_FindModule(ctx, url) : NULL;
  int result = url && m ? set_exports(ctx, m, argv[1], argv[2]) : 0;
  JS_FreeCString(ctx, url);
  return result < 0 ? JS_EXCEPTION : JS_UNDEFINED;
}

/* require(specifier, base): the namespace of a module whose graph is synchronous; 1: it is not; 2: it is running already. */
static JSValue js_require(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  JSRequireResult result = JS_REQUIRE_THREW;
  const char *name = JS_ToCString(ctx, argv[0]), *base = name ? JS_ToCString(ctx, argv[1]) : NULL;
  JSValue namespace = base ? JS_RequireModule(ctx, base, name, &result) : JS_EXCEPTION;
  JS_FreeCString(ctx, name);
  JS_FreeCString(ctx, base);
  if (result == JS_REQUIRE_ASYNC) return JS_NewInt32(ctx, 1);
  if (result == JS_REQUIRE_CYCLE) return JS_NewInt32(ctx, 2);
  return namespace;
}

static JSValue place(JSContext *ctx, JSValue file, int line, int col) {
  if (!JS_IsString(file)) return file;
  JSValue array = JS_NewArray(ctx);
  JS_SetPropertyUint32(ctx, array, 0, file);
  JS_SetPropertyUint32(ctx, array, 1, JS_NewInt32(ctx, line));
  JS_SetPropertyUint32(ctx, array, 2, JS_NewInt32(ctx, col));
  return array;
}

/* errorPlace(error): [file, line, column] of a syntax error whose stack nobody has seen; throwPlace(value): of the last
 * `throw`, if it threw this value. undefined otherwise. */
static JSValue js_error_place(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int line = 0, col = 0;
  JSValue file = JS_GetErrorPlace(ctx, argv[0], &line, &col);
  return place(ctx, file, line, col);
}

static JSValue js_throw_place(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int line = 0, col = 0;
  JSValue file = JS_GetThrowPlace(ctx, argv[0], &line, &col);
  return place(ctx, file, line, col);
}

static JSValue js_set_hooks(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  hook_resolve = JS_DupValue(ctx, argv[0]);
  hook_load = JS_DupValue(ctx, argv[1]);
  hook_meta = JS_DupValue(ctx, argv[2]);
  return JS_UNDEFINED;
}

static JSValue js_set_decorate(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  hook_decorate = JS_DupValue(ctx, argv[0]);
  return JS_UNDEFINED;
}

static JSValue init_modules(JSContext *ctx) {
  JSValue object = JS_NewObject(ctx);
  skep_def_fn(ctx, object, "script", js_script, 3);
  skep_def_fn(ctx, object, "check", js_check, 4);
  skep_def_fn(ctx, object, "newRealm", js_new_realm, 0);
  skep_def_fn(ctx, object, "parsesAsModule", js_detect, 1);
  skep_def_fn(ctx, object, "run", js_run_module, 2);
  skep_def_fn(ctx, object, "import", js_import, 2);
  skep_def_fn(ctx, object, "require", js_require, 2);
  skep_def_fn(ctx, object, "setExports", js_set_exports, 3);
  skep_def_fn(ctx, object, "errorPlace", js_error_place, 1);
  skep_def_fn(ctx, object, "throwPlace", js_throw_place, 1);
  skep_def_fn(ctx, object, "setHooks", js_set_hooks, 3);
  skep_def_fn(ctx, object, "setDecorate", js_set_decorate, 1);
  return object;
}

void skep_init_modules(void) {
  hook_resolve = hook_load = hook_meta = hook_decorate = JS_UNDEFINED;
  JS_SetModuleLoaderFunc2(skep_rt, NULL, load, check_attributes, NULL);
  JS_SetModuleNormalizeFunc2(skep_rt, normalize);
  skep_binding("modules", init_modules);
}
