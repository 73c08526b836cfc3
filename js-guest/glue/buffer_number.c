/* internalBinding('buffer'), numbers: readX and writeX of Buffer.prototype. Must not know Node's error texts: what is
 * wrong goes to lib's hook with the values at hand. */
#include "buffer.h"

/* A method's magic: bytes (0 means the byteLength argument), and what the bytes are. */
enum { SIZE_MASK = 15, BIG = 16, SIGNED = 32, FLOAT = 64, BIGINT = 128 };

static uint64_t load(const uint8_t *p, int size, bool big) {
  uint64_t v = 0;
  for (int i = 0; i < size; i++) v |= (uint64_t)p[i] << 8 * (big ? size - 1 - i : i);
  return v;
}

static void store(uint8_t *p, int size, bool big, uint64_t v) {
  for (int i = 0; i < size; i++) p[i] = (uint8_t)(v >> 8 * (big ? size - 1 - i : i));
}

static JSValue bad_offset(JSContext *ctx, JSValueConst offset, size_t len, int size) {
  JSValueConst args[] = {offset, JS_NewInt64(ctx, (int64_t)len - size)};
  return buffer_fail(ctx, "numberOffset", 2, args);
}

/* The place an offset argument names, or NULL with an exception pending. */
static uint8_t *place(JSContext *ctx, JSValueConst self, JSValueConst offset, bool needed, int size) {
  buffer_view view;
  double at = 0;
  if (!buffer_view_need(ctx, self, &view)) return NULL;
  if (JS_IsNumber(offset)) {
    JS_ToFloat64(ctx, &at, offset);
  } else if (needed || !JS_IsUndefined(offset)) {
    bad_offset(ctx, offset, view.len, size);
    return NULL;
  }
  if (view.len < (size_t)size || !(at >= 0 && at <= (double)(view.len - (size_t)size)) || at != (double)(size_t)at) {
    JSValueConst real = JS_IsUndefined(offset) ? JS_NewInt32(ctx, 0) : offset;
    bad_offset(ctx, real, view.len, size);
    return NULL;
  }
  return view.ptr + (size_t)at;
}

/* The size in a byteLength argument, or 0 with an exception pending. */
static int size_argument(JSContext *ctx, JSValueConst value) {
  double size = 0;
  if (JS_IsNumber(value)) JS_ToFloat64(ctx, &size, value);
  if (size >= 1 && size <= 6 && size == (double)(int)size) return (int)size;
  buffer_fail(ctx, "numberSize", 1, &value);
  return 0;
}

static JSValue js_read(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  JSValueConst offset = argc > 0 ? argv[0] : JS_UNDEFINED;
  int size = magic & SIZE_MASK;
  bool sized = size == 0;
  if (sized) {
    if (JS_IsUndefined(offset)) return bad_offset(ctx, offset, 0, 0);
    size = size_argument(ctx, argc > 1 ? argv[1] : JS_UNDEFINED);
    if (size == 0) return JS_EXCEPTION;
  }
  const uint8_t *p = place(ctx, self, offset, sized, size);
  if (p == NULL) return JS_EXCEPTION;
  uint64_t v = load(p, size, magic & BIG);
  if (magic & FLOAT) {
    double number;
    if (size == 4) {
      uint32_t bits = (uint32_t)v;
      float single;
      memcpy(&single, &bits, 4);
      number = single;
    } else {
      memcpy(&number, &v, 8);
    }
    return JS_NewFloat64(ctx, number);
  }
  if (magic & BIGINT) return magic & SIGNED ? JS_NewBigInt64(ctx, (int64_t)v) : JS_NewBigUint64(ctx, v);
  if (!(magic & SIGNED)) return JS_NewInt64(ctx, (int64_t)v);
  int unused = 64 - 8 * size;
  return JS_NewInt64(ctx, (int64_t)(v << unused) >> unused);
}

static bool in_range(double number, int size, bool is_signed) {
  double whole = (double)(1ull << 8 * size);
  double min = is_signed ? -whole / 2 : 0, max = is_signed ? whole / 2 - 1 : whole - 1;
  return !(number < min || number > max);
}

static uint64_t whole_bits(double number) {
  if (number != number) return 0;
  return (uint64_t)(int64_t)number;
}

static uint64_t float_bits(double number, int size) {
  uint64_t v = 0;
  if (size == 4) {
    float single = (float)number;
    uint32_t bits;
    memcpy(&bits, &single, 4);
    return bits;
  }
  memcpy(&v, &number, 8);
  return v;
}

static JSValue js_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  JSValueConst value = argc > 0 ? argv[0] : JS_UNDEFINED, offset = argc > 1 ? argv[1] : JS_UNDEFINED;
  int size = magic & SIZE_MASK;
  bool sized = size == 0;
  double number = 0;
  uint64_t bits = 0;
  if (sized) {
    size = size_argument(ctx, argc > 2 ? argv[2] : JS_UNDEFINED);
    if (size == 0) return JS_EXCEPTION;
  }
  if (magic & BIGINT) {
    /* lib has checked the range; the low 64 bits are the same for both signs. */
    int64_t big;
    if (JS_ToBigInt64(ctx, &big, value)) return JS_EXCEPTION;
    bits = (uint64_t)big;
  } else if (JS_ToFloat64(ctx, &number, value)) {
    return JS_EXCEPTION;
  } else if (magic & FLOAT) {
    bits = float_bits(number, size);
  } else if (in_range(number, size, magic & SIGNED)) {
    bits = whole_bits(number);
  } else {
    JSValueConst args[] = {JS_NewFloat64(ctx, number), JS_NewInt32(ctx, size), JS_NewBool(ctx, magic & SIGNED), offset};
    return buffer_fail(ctx, "numberRange", 4, args);
  }
  uint8_t *p = place(ctx, self, offset, sized, size);
  if (p == NULL) return JS_EXCEPTION;
  store(p, size, magic & BIG, bits);
  double at = 0;
  if (JS_IsNumber(offset)) JS_ToFloat64(ctx, &at, offset);
  return JS_NewInt64(ctx, (int64_t)at + size);
}

#define BOTH_ENDS(name, size, kind)                                   \
  JS_CFUNC_MAGIC_DEF("read" name "LE", 1, js_read, size | kind),        \
  JS_CFUNC_MAGIC_DEF("read" name "BE", 1, js_read, size | kind | BIG),    \
  JS_CFUNC_MAGIC_DEF("write" name "LE", 2, js_write, size | kind),      \
  JS_CFUNC_MAGIC_DEF("write" name "BE", 2, js_write, size | kind | BIG)

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_MAGIC_DEF("readUInt8", 1, js_read, 1),
    JS_CFUNC_MAGIC_DEF("readInt8", 1, js_read, 1 | SIGNED),
    JS_CFUNC_MAGIC_DEF("writeUInt8", 2, js_write, 1),
    JS_CFUNC_MAGIC_DEF("writeInt8", 2, js_write, 1 | SIGNED),
    BOTH_ENDS("UInt16", 2, 0),
    BOTH_ENDS("Int16", 2, SIGNED),
    BOTH_ENDS("UInt32", 4, 0),
    BOTH_ENDS("Int32", 4, SIGNED),
    BOTH_ENDS("BigUInt64", 8, BIGINT),
    BOTH_ENDS("BigInt64", 8, BIGINT | SIGNED),
    BOTH_ENDS("Float", 4, FLOAT),
    BOTH_ENDS("Double", 8, FLOAT),
    BOTH_ENDS("UInt", 0, 0),
    BOTH_ENDS("Int", 0, SIGNED),
};

void buffer_add_numbers(JSContext *ctx, JSValueConst methods) {
  JS_SetPropertyFunctionList(ctx, methods, functions, sizeof(functions) / sizeof(functions[0]));
}
