/* internalBinding('buffer'), the base: views, allocation, copying, slices. Must not know encodings (buffer_text.c) nor
 * what Node's errors look like (lib/buffer.js registers a hook that throws them). */
#include "buffer.h"

static JSValue buffer_ctor, uint8_ctor, fail_hook;

static void drop_exception(JSContext *ctx) { JS_FreeValue(ctx, JS_GetException(ctx)); }

/* A DataView's window is read through the prototype's own getters, kept from before any script ran. */
static JSValue view_getters[3];

static bool array_buffer_bytes(JSContext *ctx, JSValueConst value, buffer_view *out) {
  out->ptr = JS_GetArrayBuffer(ctx, &out->len, value);
  if (out->ptr == NULL) {
    out->len = 0;
    drop_exception(ctx); /* detached */
  }
  return true;
}

static bool window_bytes(JSContext *ctx, JSValue buffer, size_t offset, size_t length, buffer_view *out) {
  buffer_view whole;
  array_buffer_bytes(ctx, buffer, &whole);
  JS_FreeValue(ctx, buffer);
  if (whole.ptr == NULL || offset > whole.len || length > whole.len - offset) {
    *out = (buffer_view){NULL, 0};
  } else {
    *out = (buffer_view){whole.ptr + offset, length};
  }
  return true;
}

static bool data_view_bytes(JSContext *ctx, JSValueConst value, buffer_view *out) {
  int64_t offset = 0, length = 0;
  JSValue buffer = JS_Call(ctx, view_getters[0], value, 0, NULL);
  JSValue at = JS_Call(ctx, view_getters[1], value, 0, NULL);
  JSValue size = JS_Call(ctx, view_getters[2], value, 0, NULL);
  bool detached = JS_IsException(buffer) || JS_IsException(at) || JS_IsException(size);
  if (detached) {
    drop_exception(ctx);
    *out = (buffer_view){NULL, 0};
    JS_FreeValue(ctx, buffer);
  } else {
    JS_ToInt64(ctx, &offset, at);
    JS_ToInt64(ctx, &length, size);
    window_bytes(ctx, buffer, (size_t)offset, (size_t)length, out);
  }
  JS_FreeValue(ctx, at);
  JS_FreeValue(ctx, size);
  return true;
}

bool buffer_view_get(JSContext *ctx, JSValueConst value, buffer_view *out) {
  *out = (buffer_view){NULL, 0};
  if (!JS_IsObject(value)) return false;
  int type = JS_GetTypedArrayType(value);
  if (type < 0) {
    if (JS_IsArrayBuffer(value)) return array_buffer_bytes(ctx, value, out);
    return JS_IsDataView(value) && data_view_bytes(ctx, value, out);
  }
  if (type == JS_TYPED_ARRAY_UINT8 || type == JS_TYPED_ARRAY_UINT8C) {
    out->ptr = JS_GetUint8Array(ctx, &out->len, value);
    if (out->ptr == NULL) {
      out->len = 0;
      if (JS_HasException(ctx)) drop_exception(ctx);
    }
    return true;
  }
  size_t offset, length;
  JSValue buffer = JS_GetTypedArrayBuffer(ctx, value, &offset, &length, NULL);
  if (JS_IsException(buffer)) {
    drop_exception(ctx);
    return true;
  }
  return window_bytes(ctx, buffer, offset, length, out);
}

bool buffer_view_need(JSContext *ctx, JSValueConst value, buffer_view *out) {
  if (buffer_view_get(ctx, value, out)) return true;
  buffer_fail(ctx, "view", 1, &value);
  return false;
}

JSValue buffer_fail(JSContext *ctx, const char *what, int argc, JSValueConst *argv) {
  JSValueConst args[5];
  JSValue name = JS_NewString(ctx, what);
  if (JS_IsException(name)) return name;
  args[0] = name;
  for (int i = 0; i < argc && i < 4; i++) args[i + 1] = argv[i];
  JSValue result = JS_Call(ctx, fail_hook, JS_UNDEFINED, argc + 1, args);
  JS_FreeValue(ctx, name);
  if (JS_IsException(result)) return result;
  JS_FreeValue(ctx, result);
  return JS_ThrowTypeError(ctx, "buffer: %s", what);
}

bool buffer_index(JSContext *ctx, JSValueConst value, size_t missing, size_t max, size_t *out) {
  double number;
  *out = missing;
  if (JS_IsUndefined(value)) return true;
  if (JS_ToFloat64(ctx, &number, value)) return false;
  if (number != number) return true;
  *out = number <= 0 ? 0 : number >= (double)max ? max : (size_t)number;
  return true;
}

JSValue buffer_alloc(JSContext *ctx, size_t len, uint8_t **bytes) {
  JSValue size = JS_NewInt64(ctx, (int64_t)len);
  JSValue made = JS_CallConstructor2(ctx, uint8_ctor, buffer_ctor, 1, (JSValueConst *)&size);
  if (JS_IsException(made)) return made;
  size_t real;
  *bytes = JS_GetUint8Array(ctx, &real, made);
  if (real == len) return made;
  JS_FreeValue(ctx, made);
  return JS_ThrowRangeError(ctx, "Array buffer allocation failed");
}

JSValue skep_new_buffer(JSContext *ctx, const uint8_t *ptr, size_t len) {
  uint8_t *bytes;
  JSValue made = buffer_alloc(ctx, len, &bytes);
  if (!JS_IsException(made) && len > 0) memcpy(bytes, ptr, len);
  return made;
}

/* A Buffer over a window of the ArrayBuffer under a typed array. */
static JSValue window(JSContext *ctx, JSValueConst self, size_t start, size_t length) {
  size_t offset;
  JSValue args[3];
  args[0] = JS_GetTypedArrayBuffer(ctx, self, &offset, NULL, NULL);
  if (JS_IsException(args[0])) return args[0];
  args[1] = JS_NewInt64(ctx, (int64_t)(offset + start));
  args[2] = JS_NewInt64(ctx, (int64_t)length);
  JSValue made = JS_CallConstructor2(ctx, uint8_ctor, buffer_ctor, 3, (JSValueConst *)args);
  JS_FreeValue(ctx, args[0]);
  return made;
}

/* A start or end that counts from the back when it is negative. */
static bool relative_index(JSContext *ctx, JSValueConst value, size_t missing, size_t len, size_t *out) {
  double number;
  *out = missing;
  if (JS_IsUndefined(value)) return true;
  if (JS_ToFloat64(ctx, &number, value)) return false;
  if (number != number) number = 0;
  /* Toward zero first: -0.5 is 0, not one from the back. */
  if (number < 0) number = -(double)(number < -9e15 ? (uint64_t)9e15 : (uint64_t)-number);
  if (number < 0) number += (double)len;
  *out = number <= 0 ? 0 : number >= (double)len ? len : (size_t)number;
  return true;
}

static JSValue js_subarray(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  buffer_view view;
  size_t start, end;
  if (!buffer_view_need(ctx, self, &view)) return JS_EXCEPTION;
  if (!relative_index(ctx, argc > 0 ? argv[0] : JS_UNDEFINED, 0, view.len, &start)) return JS_EXCEPTION;
  if (!relative_index(ctx, argc > 1 ? argv[1] : JS_UNDEFINED, view.len, view.len, &end)) return JS_EXCEPTION;
  return window(ctx, self, start, end > start ? end - start : 0);
}

/* copy(source, target, targetStart, sourceStart, count): lib has checked the numbers; they are brought inside again. */
static JSValue js_copy(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  buffer_view from, to;
  size_t to_at, from_at, count;
  (void)self;
  if (argc < 5) return JS_NewInt32(ctx, 0);
  if (!buffer_index(ctx, argv[2], 0, SIZE_MAX / 2, &to_at) || !buffer_index(ctx, argv[3], 0, SIZE_MAX / 2, &from_at) ||
      !buffer_index(ctx, argv[4], 0, SIZE_MAX / 2, &count))
    return JS_EXCEPTION;
  if (!buffer_view_need(ctx, argv[0], &from) || !buffer_view_need(ctx, argv[1], &to)) return JS_EXCEPTION;
  if (from_at >= from.len || to_at >= to.len) return JS_NewInt32(ctx, 0);
  if (count > from.len - from_at) count = from.len - from_at;
  if (count > to.len - to_at) count = to.len - to_at;
  memmove(to.ptr + to_at, from.ptr + from_at, count);
  return JS_NewInt64(ctx, (int64_t)count);
}

/* alloc(size): zeros. */
static JSValue js_alloc(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  uint8_t *bytes;
  size_t size;
  (void)self;
  if (argc < 1 || !buffer_index(ctx, argv[0], 0, INT32_MAX, &size)) return JS_EXCEPTION;
  return buffer_alloc(ctx, size, &bytes);
}

/* from(view): a Buffer with a copy of the bytes. */
static JSValue js_from_view(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  buffer_view view;
  uint8_t *bytes;
  (void)self;
  if (argc < 1 || !buffer_view_need(ctx, argv[0], &view)) return JS_EXCEPTION;
  JSValue made = buffer_alloc(ctx, view.len, &bytes);
  if (JS_IsException(made) || view.len == 0) return made;
  /* The allocation ran no script, but may have collected: look again. */
  if (buffer_view_get(ctx, argv[0], &view)) memcpy(bytes, view.ptr, view.len);
  return made;
}

static JSValue js_swap(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int width) {
  buffer_view view;
  (void)argc;
  (void)argv;
  if (!buffer_view_need(ctx, self, &view)) return JS_EXCEPTION;
  if (view.len % (size_t)width != 0) {
    JSValueConst bits = JS_NewInt32(ctx, width * 8);
    return buffer_fail(ctx, "swap", 1, &bits);
  }
  for (size_t i = 0; i < view.len; i += (size_t)width) {
    for (int a = 0, b = width - 1; a < b; a++, b--) {
      uint8_t kept = view.ptr[i + (size_t)a];
      view.ptr[i + (size_t)a] = view.ptr[i + (size_t)b];
      view.ptr[i + (size_t)b] = kept;
    }
  }
  return JS_DupValue(ctx, self);
}

/* setHooks(Buffer, fail): the constructor whose prototype new Buffers get, and what throws Node's errors. */
static JSValue js_set_hooks(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  if (argc < 2 || !JS_IsConstructor(ctx, argv[0]) || !JS_IsFunction(ctx, argv[1]))
    return JS_ThrowTypeError(ctx, "setHooks(Buffer, fail)");
  JS_FreeValue(ctx, buffer_ctor);
  JS_FreeValue(ctx, fail_hook);
  buffer_ctor = JS_DupValue(ctx, argv[0]);
  fail_hook = JS_DupValue(ctx, argv[1]);
  return JS_UNDEFINED;
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_DEF("setHooks", 2, js_set_hooks),
    JS_CFUNC_DEF("alloc", 1, js_alloc),
    JS_CFUNC_DEF("fromView", 1, js_from_view),
    JS_CFUNC_DEF("copy", 5, js_copy),
};

static const JSCFunctionListEntry method_functions[] = {
    JS_CFUNC_DEF("subarray", 2, js_subarray),
    JS_CFUNC_DEF("slice", 2, js_subarray),
    JS_CFUNC_MAGIC_DEF("swap16", 0, js_swap, 2),
    JS_CFUNC_MAGIC_DEF("swap32", 0, js_swap, 4),
    JS_CFUNC_MAGIC_DEF("swap64", 0, js_swap, 8),
};

static JSValue own_getter(JSContext *ctx, JSValueConst object, const char *name) {
  JSAtom atom = JS_NewAtom(ctx, name);
  JSPropertyDescriptor desc = {0, JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED};
  int found = JS_GetOwnProperty(ctx, &desc, object, atom);
  JS_FreeAtom(ctx, atom);
  if (found <= 0) return JS_UNDEFINED;
  JS_FreeValue(ctx, desc.value);
  JS_FreeValue(ctx, desc.setter);
  return desc.getter;
}

static JSValue init_buffer(JSContext *ctx) {
  JSValue global = JS_GetGlobalObject(ctx);
  uint8_ctor = JS_GetPropertyStr(ctx, global, "Uint8Array");
  JSValue data_view = JS_GetPropertyStr(ctx, global, "DataView");
  JSValue proto = JS_GetPropertyStr(ctx, data_view, "prototype");
  view_getters[0] = own_getter(ctx, proto, "buffer");
  view_getters[1] = own_getter(ctx, proto, "byteOffset");
  view_getters[2] = own_getter(ctx, proto, "byteLength");
  JS_FreeValue(ctx, proto);
  JS_FreeValue(ctx, data_view);
  JS_FreeValue(ctx, global);
  buffer_ctor = JS_DupValue(ctx, uint8_ctor);
  fail_hook = JS_UNDEFINED;

  JSValue binding = JS_NewObject(ctx), methods = JS_NewObject(ctx);
  if (JS_IsException(binding) || JS_IsException(methods)) return JS_EXCEPTION;
  JS_SetPropertyFunctionList(ctx, binding, functions, sizeof(functions) / sizeof(functions[0]));
  JS_SetPropertyFunctionList(ctx, methods, method_functions, sizeof(method_functions) / sizeof(method_functions[0]));
  buffer_add_text(ctx, binding, methods);
  buffer_add_search(ctx, binding);
  buffer_add_numbers(ctx, methods);
  JS_SetPropertyStr(ctx, binding, "methods", methods);
  return binding;
}

void skep_init_buffer(void) { skep_binding("buffer", init_buffer); }
