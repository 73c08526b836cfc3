/* internalBinding('zlib'): an object for each compressor and decompressor, that takes steps. Must not know streams, buffers of
 * output or options' names. */
#include "compress.h"

#include "buffer.h"
#include "core.h"
#include <zlib.h>

static JSClassID codec_class;

typedef struct {
  int mode;
  void *state; /* NULL: closed */
} codec;

static bool is_brotli(const codec *c) { return c->mode >= MODE_BROTLI_DECODE; }

void *zlib_alloc(void *opaque, size_t bytes) { return js_malloc_rt(skep_rt, bytes); }
void zlib_free(void *opaque, void *address) { js_free_rt(skep_rt, address); }

static void end_codec(codec *c) {
  if (!c->state) return;
  if (is_brotli(c)) brotli_end(c->state);
  else zlib_end(c->state);
  c->state = NULL;
}

static void finalize(JSRuntime *rt, JSValueConst value) {
  codec *c = JS_GetOpaque(value, codec_class);
  if (!c) return;
  end_codec(c);
  js_free_rt(rt, c);
}

static const JSClassDef codec_def = {"Zlib", .finalizer = finalize};

/* ---- Making ---- */

static void *begin_deflate(JSContext *ctx, int mode, int argc, JSValueConst *argv) {
  int32_t n[4] = {0};
  buffer_view dictionary = {0};
  for (int i = 0; i < 4; i++)
    if (JS_ToInt32(ctx, &n[i], argv[i + 1])) return NULL;
  bool given = argc > 5 && buffer_view_get(ctx, argv[5], &dictionary);
  zlib_settings settings = {n[0], n[1], n[2], n[3]};
  return zlib_begin(mode, &settings, given ? (dictionary.ptr ? dictionary.ptr : (const uint8_t *)"") : NULL, dictionary.len);
}

/* make(mode, windowBits, level, memLevel, strategy, dictionary) or make(mode, params): null when it cannot be. */
static JSValue js_make(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t mode = 0;
  buffer_view params = {0};
  if (JS_ToInt32(ctx, &mode, argv[0])) return JS_EXCEPTION;
  void *state = NULL;
  if (mode < MODE_BROTLI_DECODE) state = begin_deflate(ctx, mode, argc, argv);
  else if (buffer_view_need(ctx, argv[1], &params)) state = brotli_begin(mode == MODE_BROTLI_ENCODE, (uint32_t *)params.ptr, params.len / 4);
  if (!state) return JS_HasException(ctx) ? JS_EXCEPTION : JS_NULL;
  codec *c = js_malloc(ctx, sizeof *c);
  JSValue object = c ? JS_NewObjectClass(ctx, (int)codec_class) : JS_EXCEPTION;
  codec made = {mode, state};
  if (JS_IsException(object)) {
    end_codec(&made);
    js_free(ctx, c);
    return object;
  }
  *c = made;
  JS_SetOpaque(object, c);
  return object;
}

static codec *open_codec(JSContext *ctx, JSValueConst self) {
  codec *c = JS_GetOpaque2(ctx, self, codec_class);
  if (c && c->state) return c;
  if (c) JS_ThrowTypeError(ctx, "zlib binding closed");
  return NULL;
}

/* ---- Methods. A fault is answered as [message, code, number], nothing as undefined. ---- */

static JSValue answer(JSContext *ctx, zlib_fault fault) {
  if (!fault.message) return JS_UNDEFINED;
  JSValue list = JS_NewArray(ctx);
  JS_SetPropertyUint32(ctx, list, 0, JS_NewString(ctx, fault.message));
  JS_SetPropertyUint32(ctx, list, 1, JS_NewString(ctx, fault.code));
  JS_SetPropertyUint32(ctx, list, 2, JS_NewInt32(ctx, fault.number));
  return list;
}

/* write(flush, in, inOffset, inLength, out, outOffset, outLength, state): state gets what is left of out and of in. */
static JSValue js_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  codec *c = open_codec(ctx, self);
  buffer_view in = {0}, out, left;
  uint32_t flush, n[4];
  if (!c || JS_ToUint32(ctx, &flush, argv[0])) return JS_EXCEPTION;
  if (!buffer_view_need(ctx, argv[4], &out) || !buffer_view_need(ctx, argv[7], &left)) return JS_EXCEPTION;
  if (JS_IsObject(argv[1]) && !buffer_view_need(ctx, argv[1], &in)) return JS_EXCEPTION;
  for (int i = 0; i < 4; i++)
    if (JS_ToUint32(ctx, &n[i], argv[i < 2 ? i + 2 : i + 3])) return JS_EXCEPTION;
  if (n[0] > in.len || n[1] > in.len - n[0] || n[2] > out.len || n[3] > out.len - n[2] || left.len < 8) {
    return JS_ThrowRangeError(ctx, "out of bounds");
  }
  zlib_step step = {in.ptr ? in.ptr + n[0] : (const uint8_t *)"", n[1], out.ptr + n[2], n[3], flush};
  zlib_fault fault = is_brotli(c) ? brotli_run(c->state, &step) : zlib_run(c->state, &step);
  ((uint32_t *)left.ptr)[0] = (uint32_t)step.out_left;
  ((uint32_t *)left.ptr)[1] = (uint32_t)step.in_left;
  return answer(ctx, fault);
}

static JSValue js_reset(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  codec *c = open_codec(ctx, self);
  if (!c) return JS_EXCEPTION;
  if (!is_brotli(c)) return answer(ctx, zlib_reset(c->state));
  return brotli_reset(c->state) ? JS_UNDEFINED : answer(ctx, (zlib_fault){"Failed to reset stream", "ERR_ZLIB_RESET_FAILED", -1});
}

static JSValue js_params(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  codec *c = open_codec(ctx, self);
  int32_t level, strategy;
  if (!c || JS_ToInt32(ctx, &level, argv[0]) || JS_ToInt32(ctx, &strategy, argv[1])) return JS_EXCEPTION;
  return is_brotli(c) ? JS_UNDEFINED : answer(ctx, zlib_set_params(c->state, level, strategy));
}

static JSValue js_close(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  codec *c = JS_GetOpaque2(ctx, self, codec_class);
  if (!c) return JS_EXCEPTION;
  end_codec(c);
  return JS_UNDEFINED;
}

/* crc32(bytes, value) */
static JSValue js_crc32(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_bytes bytes;
  uint32_t value = 0;
  if (JS_ToUint32(ctx, &value, argv[1]) || !skep_bytes_get(ctx, argv[0], false, &bytes)) return JS_EXCEPTION;
  value = (uint32_t)crc32(value, bytes.ptr, (uInt)bytes.len);
  skep_bytes_free(ctx, &bytes);
  return JS_NewUint32(ctx, value);
}

static JSValue init_zlib(JSContext *ctx) {
  JSValue object = JS_NewObject(ctx), proto = JS_NewObject(ctx);
  JS_NewClassID(skep_rt, &codec_class);
  JS_NewClass(skep_rt, codec_class, &codec_def);
  skep_def_fn(ctx, proto, "write", js_write, 8);
  skep_def_fn(ctx, proto, "reset", js_reset, 0);
  skep_def_fn(ctx, proto, "params", js_params, 2);
  skep_def_fn(ctx, proto, "close", js_close, 0);
  JS_SetClassProto(ctx, codec_class, proto);
  skep_def_fn(ctx, object, "make", js_make, 6);
  skep_def_fn(ctx, object, "crc32", js_crc32, 2);
  return object;
}

void skep_init_zlib(void) { skep_binding("zlib", init_zlib); }
