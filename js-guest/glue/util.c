/* internalBinding('util'): what only the engine knows of a value: its class, a promise's state, a proxy's target, what
 * an iterator has still to give. Must not run a script's code to tell, except where said. */
#include "glue.h"

/* The engine's classes by name, since their numbers are private to it. A test is one or more of them. */
typedef struct {
  const char *test;
  const char *classes; /* each between spaces */
} class_test;

static const class_test tests[] = {
    {"isAnyArrayBuffer", " ArrayBuffer SharedArrayBuffer "},
    {"isArrayBuffer", " ArrayBuffer "},
    {"isSharedArrayBuffer", " SharedArrayBuffer "},
    {"isArgumentsObject", " Arguments "},
    {"isAsyncFunction", " AsyncFunction AsyncGeneratorFunction "},
    {"isGeneratorFunction", " GeneratorFunction AsyncGeneratorFunction "},
    {"isGeneratorObject", " Generator AsyncGenerator "},
    {"isBigIntObject", " BigInt "},
    {"isBooleanObject", " Boolean "},
    {"isNumberObject", " Number "},
    {"isStringObject", " String "},
    {"isSymbolObject", " Symbol "},
    {"isBoxedPrimitive", " BigInt Boolean Number String Symbol "},
    {"isDataView", " DataView "},
    {"isDate", " Date "},
    {"isMap", " Map "},
    {"isMapIterator", " Map_Iterator "},
    {"isModuleNamespaceObject", " Module "},
    {"isNativeError", " Error "},
    {"isPromise", " Promise "},
    {"isProxy", " Proxy "},
    {"isRegExp", " RegExp "},
    {"isSet", " Set "},
    {"isSetIterator", " Set_Iterator "},
    {"isWeakMap", " WeakMap "},
    {"isWeakSet", " WeakSet "},
    {"isTypedArray", " Uint8ClampedArray Int8Array Uint8Array Int16Array Uint16Array Int32Array Uint32Array BigInt64Array"
                     " BigUint64Array Float16Array Float32Array Float64Array "},
    {"isArrayBufferView",
     " Uint8ClampedArray Int8Array Uint8Array Int16Array Uint16Array Int32Array Uint32Array BigInt64Array"
     " BigUint64Array Float16Array Float32Array Float64Array DataView "},
    {"isUint8Array", " Uint8Array "},
    {"isUint8ClampedArray", " Uint8ClampedArray "},
    {"isUint16Array", " Uint16Array "},
    {"isUint32Array", " Uint32Array "},
    {"isInt8Array", " Int8Array "},
    {"isInt16Array", " Int16Array "},
    {"isInt32Array", " Int32Array "},
    {"isFloat32Array", " Float32Array "},
    {"isFloat64Array", " Float64Array "},
    {"isBigInt64Array", " BigInt64Array "},
    {"isBigUint64Array", " BigUint64Array "},
};
#define TESTS (sizeof(tests) / sizeof(tests[0]))
_Static_assert(TESTS <= 64, "one bit a test");

/* For each class of the engine the tests it passes, a bit each. Classes of the glue come behind and pass none. */
#define CLASSES 128
static uint64_t passes[CLASSES];

static uint64_t bits_for(const char *name) {
  char spaced[64];
  size_t len = strlen(name);
  if (len + 3 > sizeof(spaced)) return 0;
  spaced[0] = ' ';
  for (size_t i = 0; i < len; i++) spaced[i + 1] = name[i] == ' ' ? '_' : name[i];
  spaced[len + 1] = ' ';
  spaced[len + 2] = 0;
  uint64_t bits = 0;
  for (size_t i = 0; i < TESTS; i++) {
    if (strstr(tests[i].classes, spaced)) bits |= (uint64_t)1 << i;
  }
  return bits;
}

static void learn_classes(JSContext *ctx) {
  for (JSClassID id = 1; id < CLASSES; id++) {
    JSAtom atom = JS_GetClassName(skep_rt, id);
    const char *name = atom == JS_ATOM_NULL ? NULL : JS_AtomToCString(ctx, atom);
    if (name) passes[id] = bits_for(name);
    bool last = name && strcmp(name, "CallSite") == 0;
    JS_FreeCString(ctx, name);
    JS_FreeAtom(ctx, atom);
    if (last) break; /* the engine's own end here */
  }
}

static JSValue js_test(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int bit) {
  (void)self;
  JSClassID id = argc > 0 && JS_IsObject(argv[0]) ? JS_GetClassID(argv[0]) : 0;
  return JS_NewBool(ctx, id > 0 && id < CLASSES && (passes[id] >> bit & 1));
}

static JSValue js_false(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  (void)argv;
  return JS_NewBool(ctx, false);
}

static JSValue pair_of(JSContext *ctx, JSValue first, JSValue second) {
  JSValue pair = JS_NewArray(ctx);
  if (JS_IsException(pair)) {
    JS_FreeValue(ctx, first);
    JS_FreeValue(ctx, second);
    return pair;
  }
  JS_SetPropertyUint32(ctx, pair, 0, first);
  JS_SetPropertyUint32(ctx, pair, 1, second);
  return pair;
}

/* getPromiseDetails(promise): [state, result], or undefined. */
static JSValue js_promise_details(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int state = argc > 0 ? (int)JS_PromiseState(ctx, argv[0]) : JS_PROMISE_NOT_A_PROMISE;
  if (state < 0) return JS_UNDEFINED;
  return pair_of(ctx, JS_NewInt32(ctx, state), state == JS_PROMISE_PENDING ? JS_UNDEFINED : JS_PromiseResult(ctx, argv[0]));
}

/* getProxyDetails(proxy, both = true): [target, handler], the target alone, or undefined. A revoked one has nulls. */
static JSValue js_proxy_details(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  if (argc < 1 || !JS_IsProxy(argv[0])) return JS_UNDEFINED;
  JSValue target = JS_GetProxyTarget(ctx, argv[0]);
  if (JS_IsException(target)) {
    JS_FreeValue(ctx, JS_GetException(ctx));
    target = JS_NULL;
  }
  if (argc > 1 && !JS_ToBool(ctx, argv[1])) return target;
  JSValue handler = JS_GetProxyHandler(ctx, argv[0]);
  if (JS_IsException(handler)) {
    JS_FreeValue(ctx, JS_GetException(ctx));
    handler = JS_NULL;
  }
  return pair_of(ctx, target, handler);
}

/* previewEntries(value, withKind): the items, or [items, whether they are keys and values in turn]. */
static JSValue js_preview_entries(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  bool pairs = false;
  if (argc < 1) return JS_UNDEFINED;
  JSValue items = JS_PreviewEntries(ctx, argv[0], &pairs);
  if (argc < 2 || JS_IsException(items) || JS_IsUndefined(items)) return items;
  return pair_of(ctx, items, JS_NewBool(ctx, pairs));
}

enum { ALL_PROPERTIES = 0, ONLY_ENUMERABLE = 2 };

/* getOwnNonIndexProperties(object, filter) */
static JSValue js_non_index(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  JSPropertyEnum *names;
  uint32_t count, used = 0;
  int32_t filter = 0;
  if (argc < 2 || !JS_IsObject(argv[0])) return JS_NewArray(ctx);
  if (JS_ToInt32(ctx, &filter, argv[1])) return JS_EXCEPTION;
  int flags = JS_GPN_STRING_MASK | JS_GPN_SYMBOL_MASK | (filter & ONLY_ENUMERABLE ? JS_GPN_ENUM_ONLY : 0);
  if (JS_GetOwnPropertyNames(ctx, &names, &count, argv[0], flags)) return JS_EXCEPTION;
  JSValue result = JS_NewArray(ctx);
  for (uint32_t i = 0; i < count && !JS_IsException(result); i++) {
    JSValue key = JS_AtomToValue(ctx, names[i].atom);
    bool index = false;
    if (JS_IsString(key)) {
      /* An array index, in its one spelling. */
      size_t len;
      const char *text = JS_ToCStringLen(ctx, &len, key);
      uint64_t number = 0;
      index = text && len > 0 && len <= 10 && (text[0] != '0' || len == 1);
      for (size_t k = 0; index && k < len; k++) {
        index = text[k] >= '0' && text[k] <= '9';
        number = number * 10 + (uint64_t)(text[k] - '0');
      }
      index = index && number < 0xFFFFFFFFu;
      JS_FreeCString(ctx, text);
    }
    if (index) {
      JS_FreeValue(ctx, key);
    } else if (JS_DefinePropertyValueUint32(ctx, result, used++, key, JS_PROP_C_W_E) < 0) {
      JS_FreeValue(ctx, result);
      result = JS_EXCEPTION;
    }
  }
  JS_FreePropertyEnum(ctx, names, count);
  return result;
}

/* getConstructorName(object): the engine's name for its class. */
static JSValue js_constructor_name(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  if (argc < 1 || !JS_IsObject(argv[0])) return JS_NewString(ctx, "");
  JSValue past = JS_GetPastClassName(ctx, argv[0]);
  if (!JS_IsUndefined(past)) return past;
  JSAtom atom = JS_GetClassName(skep_rt, JS_GetClassID(argv[0]));
  JSValue name = atom == JS_ATOM_NULL ? JS_NewString(ctx, "Object") : JS_AtomToString(ctx, atom);
  JS_FreeAtom(ctx, atom);
  return name;
}

/* detach(arrayBuffer): as structuredClone's transfer does. */
static JSValue js_detach(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  if (argc > 0 && JS_IsArrayBuffer(argv[0])) JS_DetachArrayBuffer(ctx, argv[0]);
  return JS_UNDEFINED;
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_DEF("getPromiseDetails", 1, js_promise_details),
    JS_CFUNC_DEF("getProxyDetails", 2, js_proxy_details),
    JS_CFUNC_DEF("previewEntries", 2, js_preview_entries),
    JS_CFUNC_DEF("getOwnNonIndexProperties", 2, js_non_index),
    JS_CFUNC_DEF("getConstructorName", 1, js_constructor_name),
    JS_CFUNC_DEF("detach", 1, js_detach),
};

static JSValue init_util(JSContext *ctx) {
  learn_classes(ctx);
  JSValue binding = JS_NewObject(ctx), types = JS_NewObject(ctx), constants = JS_NewObject(ctx);
  if (JS_IsException(binding) || JS_IsException(types) || JS_IsException(constants)) return JS_EXCEPTION;
  JS_SetPropertyFunctionList(ctx, binding, functions, sizeof(functions) / sizeof(functions[0]));
  for (size_t i = 0; i < TESTS; i++) {
    JSValue fn = JS_NewCFunctionMagic(ctx, js_test, tests[i].test, 1, JS_CFUNC_generic_magic, (int)i);
    JS_SetPropertyStr(ctx, types, tests[i].test, fn);
  }
  JS_SetPropertyStr(ctx, types, "isExternal", JS_NewCFunction(ctx, js_false, "isExternal", 1));
  static const char *const names[] = {"kPending", "kFulfilled", "kRejected"};
  for (int i = 0; i < 3; i++) JS_SetPropertyStr(ctx, constants, names[i], JS_NewInt32(ctx, i));
  JS_SetPropertyStr(ctx, constants, "ALL_PROPERTIES", JS_NewInt32(ctx, ALL_PROPERTIES));
  JS_SetPropertyStr(ctx, constants, "ONLY_ENUMERABLE", JS_NewInt32(ctx, ONLY_ENUMERABLE));
  JS_SetPropertyStr(ctx, binding, "types", types);
  JS_SetPropertyStr(ctx, binding, "constants", constants);
  return binding;
}

void skep_init_util(void) { skep_binding("util", init_util); }
