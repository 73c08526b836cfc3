/* internalBinding('buffer'), strings: toString, write and the like per encoding, byteLength, from a string, UTF-8 for
 * TextEncoder and TextDecoder. Must not know which arguments Node accepts where; lib has looked. */
#include "buffer.h"

/* Node's buffer.constants.MAX_STRING_LENGTH; below the engine's own limit. */
#define MAX_STRING ((1u << 28) - 16) /* the engine's: patches/26-length-limits.patch */

codec_encoding buffer_encoding(JSContext *ctx, JSValueConst value) {
  if (!JS_IsString(value)) return JS_IsUndefined(value) || JS_IsNull(value) ? ENC_UTF8 : ENC_UNKNOWN;
  size_t len;
  const char *name = JS_ToCStringLen(ctx, &len, value);
  if (name == NULL) {
    JS_FreeValue(ctx, JS_GetException(ctx));
    return ENC_UNKNOWN;
  }
  codec_encoding enc = codec_find(name, len);
  JS_FreeCString(ctx, name);
  return enc;
}

static JSValue too_long(JSContext *ctx) { return buffer_fail(ctx, "string", 0, NULL); }

/* The engine wants the characters U+0080..U+00FF as UTF-8 to keep a string at a byte a character. */
static JSValue latin1_string(JSContext *ctx, const uint8_t *p, size_t len) {
  if (codec_is_ascii(p, len)) return JS_NewStringLen(ctx, (const char *)p, len);
  char *text = js_malloc(ctx, 2 * len);
  if (text == NULL) return JS_EXCEPTION;
  size_t n = 0;
  for (size_t i = 0; i < len; i++) {
    if (p[i] < 0x80) {
      text[n++] = (char)p[i];
    } else {
      text[n++] = (char)(0xC0 | p[i] >> 6);
      text[n++] = (char)(0x80 | (p[i] & 0x3F));
    }
  }
  JSValue result = JS_NewStringLen(ctx, text, n);
  js_free(ctx, text);
  return result;
}

/* Units that all fit a byte must become a narrow string: the engine takes equal strings of two widths for two atoms. */
static JSValue units_string(JSContext *ctx, uint16_t *units, size_t count) {
  uint16_t all = 0;
  for (size_t i = 0; i < count; i++) all |= units[i];
  if (all > 0xFF) return JS_NewStringUTF16(ctx, units, count);
  uint8_t *narrow = (uint8_t *)units;
  for (size_t i = 0; i < count; i++) narrow[i] = (uint8_t)units[i];
  return latin1_string(ctx, narrow, count);
}

static JSValue ucs2_string(JSContext *ctx, const uint8_t *p, size_t len) {
  size_t count = len / 2;
  if (count == 0) return JS_NewStringLen(ctx, "", 0);
  uint16_t *units = js_malloc(ctx, 2 * count);
  if (units == NULL) return JS_EXCEPTION;
  memcpy(units, p, 2 * count);
  JSValue result = units_string(ctx, units, count);
  js_free(ctx, units);
  return result;
}

static JSValue utf8_string(JSContext *ctx, const uint8_t *p, size_t len) {
  if (codec_is_utf8(p, len)) return JS_NewStringLen(ctx, (const char *)p, len);
  size_t count = codec_utf8_to_utf16(p, len, NULL);
  uint16_t *units = js_malloc(ctx, 2 * count);
  if (units == NULL) return JS_EXCEPTION;
  codec_utf8_to_utf16(p, len, units);
  JSValue result = units_string(ctx, units, count);
  js_free(ctx, units);
  return result;
}

JSValue buffer_to_string(JSContext *ctx, codec_encoding enc, const uint8_t *p, size_t len) {
  if (len == 0) return JS_NewStringLen(ctx, "", 0);
  if (enc == ENC_UCS2 ? len / 2 > MAX_STRING : len > MAX_STRING) return too_long(ctx);
  if (enc == ENC_UTF8) return utf8_string(ctx, p, len);
  if (enc == ENC_LATIN1) return latin1_string(ctx, p, len);
  if (enc == ENC_UCS2) return ucs2_string(ctx, p, len);
  size_t room = codec_text_length(enc, len);
  if (room > MAX_STRING) return too_long(ctx);
  char *text = js_malloc(ctx, room);
  if (text == NULL) return JS_EXCEPTION;
  codec_to_text(enc, p, len, text);
  JSValue result = JS_NewStringLen(ctx, text, room);
  js_free(ctx, text);
  return result;
}

static JSValue slice_string(JSContext *ctx, JSValueConst self, codec_encoding enc, JSValueConst from, JSValueConst to) {
  buffer_view view;
  size_t start, end;
  if (!buffer_view_need(ctx, self, &view)) return JS_EXCEPTION;
  if (!buffer_index(ctx, from, 0, view.len, &start) ||
      !buffer_index(ctx, to, JS_IsUndefined(to) ? view.len : 0, view.len, &end))
    return JS_EXCEPTION;
  /* Reading the arguments may have run a script that shrank it. */
  if (!buffer_view_need(ctx, self, &view)) return JS_EXCEPTION;
  if (end > view.len) end = view.len;
  if (start >= end) return JS_NewStringLen(ctx, "", 0);
  return buffer_to_string(ctx, enc, view.ptr + start, end - start);
}

static JSValue js_slice(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int enc) {
  return slice_string(ctx, self, (codec_encoding)enc, argc > 0 ? argv[0] : JS_UNDEFINED,
                      argc > 1 ? argv[1] : JS_UNDEFINED);
}

static JSValue js_to_string(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  codec_encoding enc = ENC_UTF8;
  if (argc > 0 && !JS_IsUndefined(argv[0])) {
    /* Like Node, which asks for the encoding's string form. */
    JSValue name = JS_ToString(ctx, argv[0]);
    if (JS_IsException(name)) return name;
    enc = buffer_encoding(ctx, name);
    JS_FreeValue(ctx, name);
    if (enc == ENC_UNKNOWN) return buffer_fail(ctx, "encoding", 1, argv);
  }
  return slice_string(ctx, self, enc, argc > 1 ? argv[1] : JS_UNDEFINED, argc > 2 ? argv[2] : JS_UNDEFINED);
}

/* xWrite(string, offset, length): how many bytes were written. */
static JSValue js_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int enc) {
  if (argc < 1 || !JS_IsString(argv[0])) return buffer_fail(ctx, "argument", argc < 1 ? 0 : 1, argv);
  buffer_view view;
  size_t offset, room, len;
  if (!buffer_index(ctx, argc > 1 ? argv[1] : JS_UNDEFINED, 0, SIZE_MAX / 2, &offset) ||
      !buffer_index(ctx, argc > 2 ? argv[2] : JS_UNDEFINED, SIZE_MAX / 2, SIZE_MAX / 2, &room))
    return JS_EXCEPTION;
  const char *text = JS_ToCStringLen(ctx, &len, argv[0]);
  if (text == NULL) return JS_EXCEPTION;
  JSValue result = JS_EXCEPTION;
  if (!buffer_view_need(ctx, self, &view)) goto done;
  if (offset > view.len) {
    result = buffer_fail(ctx, "offset", 0, NULL);
    goto done;
  }
  if (room > view.len - offset) room = view.len - offset;
  size_t n = room ? codec_encode((codec_encoding)enc, (const uint8_t *)text, len, view.ptr + offset, room) : 0;
  result = JS_NewInt64(ctx, (int64_t)n);
done:
  JS_FreeCString(ctx, text);
  return result;
}

/* fromString(string, encoding): a new Buffer. */
static JSValue js_from_string(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  codec_encoding enc = argc > 1 ? buffer_encoding(ctx, argv[1]) : ENC_UTF8;
  if (enc == ENC_UNKNOWN) return buffer_fail(ctx, "encoding", 1, argv + 1);
  size_t len;
  const char *text = argc > 0 ? JS_ToCStringLen(ctx, &len, argv[0]) : NULL;
  if (text == NULL) return JS_EXCEPTION;
  size_t size = codec_encoded_length(enc, (const uint8_t *)text, len);
  uint8_t *bytes;
  JSValue made = buffer_alloc(ctx, size, &bytes);
  if (!JS_IsException(made)) codec_encode(enc, (const uint8_t *)text, len, bytes, size);
  JS_FreeCString(ctx, text);
  return made;
}

/* byteLength(string, encoding): as Buffer.byteLength tells it, which guesses for hex and base64. */
static JSValue js_byte_length(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  codec_encoding enc = argc > 1 ? buffer_encoding(ctx, argv[1]) : ENC_UTF8;
  if (enc == ENC_UNKNOWN) enc = ENC_UTF8;
  size_t len;
  const char *text = argc > 0 ? JS_ToCStringLen(ctx, &len, argv[0]) : NULL;
  if (text == NULL) return JS_EXCEPTION;
  const uint8_t *p = (const uint8_t *)text;
  size_t size = len;
  if (enc == ENC_UCS2 || enc == ENC_LATIN1 || enc == ENC_ASCII) size = codec_encoded_length(enc, p, len);
  if (enc == ENC_HEX) size = codec_encoded_length(ENC_LATIN1, p, len) / 2;
  if (enc == ENC_BASE64 || enc == ENC_BASE64URL) {
    size_t chars = codec_encoded_length(ENC_LATIN1, p, len);
    if (chars > 1 && p[len - 1] == '=') chars -= 1 + (p[len - 2] == '=');
    size = chars / 4 * 3 + chars % 4 * 3 / 4;
  }
  JS_FreeCString(ctx, text);
  return JS_NewInt64(ctx, (int64_t)size);
}

/* encodeInto(string, view): [units read, bytes written]. */
static JSValue js_encode_into(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  buffer_view view;
  size_t len;
  const char *text = argc > 1 ? JS_ToCStringLen(ctx, &len, argv[0]) : NULL;
  if (text == NULL) return JS_EXCEPTION;
  JSValue pair = JS_EXCEPTION;
  if (!buffer_view_need(ctx, argv[1], &view)) goto done;
  size_t written = view.len ? codec_encode(ENC_UTF8, (const uint8_t *)text, len, view.ptr, view.len) : 0;
  size_t read = codec_encoded_length(ENC_LATIN1, (const uint8_t *)text, written);
  pair = JS_NewArray(ctx);
  if (JS_IsException(pair)) goto done;
  JS_SetPropertyUint32(ctx, pair, 0, JS_NewInt64(ctx, (int64_t)read));
  JS_SetPropertyUint32(ctx, pair, 1, JS_NewInt64(ctx, (int64_t)written));
done:
  JS_FreeCString(ctx, text);
  return pair;
}

/* encodeUtf8(string): a plain Uint8Array, for TextEncoder. */
static JSValue js_encode_utf8(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  size_t len, real;
  const char *text = argc > 0 ? JS_ToCStringLen(ctx, &len, argv[0]) : NULL;
  if (text == NULL) return JS_EXCEPTION;
  JSValue made = JS_NewUint8ArrayCopy(ctx, (const uint8_t *)text, len);
  JS_FreeCString(ctx, text);
  if (JS_IsException(made)) return made;
  uint8_t *bytes = JS_GetUint8Array(ctx, &real, made);
  if (bytes && !codec_is_ascii(bytes, real)) codec_replace_surrogates(bytes, real);
  return made;
}

/* decodeUtf8(view, ignoreBOM, fatal): a string, or undefined when fatal and ill-formed. */
static JSValue js_decode_utf8(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  buffer_view view;
  if (argc < 3 || !buffer_view_need(ctx, argv[0], &view)) return JS_EXCEPTION;
  if (JS_ToBool(ctx, argv[2]) && !codec_is_utf8(view.ptr, view.len)) return JS_UNDEFINED;
  if (!JS_ToBool(ctx, argv[1]) && view.len >= 3 && memcmp(view.ptr, "\xEF\xBB\xBF", 3) == 0) {
    view.ptr += 3;
    view.len -= 3;
  }
  return buffer_to_string(ctx, ENC_UTF8, view.ptr, view.len);
}

/* isUtf8(view), isAscii(view); magic tells which. */
static JSValue js_is(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int enc) {
  (void)self;
  buffer_view view;
  if (argc < 1 || !buffer_view_need(ctx, argv[0], &view)) return JS_EXCEPTION;
  return JS_NewBool(ctx, enc == ENC_ASCII ? codec_is_ascii(view.ptr, view.len) : codec_is_utf8(view.ptr, view.len));
}

/* normalEncoding(name): Node's name for it ('utf8', 'utf16le', 'latin1', ...) or undefined. */
static JSValue js_normal_encoding(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  static const char *const known[] = {"utf8", "utf16le", "latin1", "ascii", "hex", "base64", "base64url"};
  (void)self;
  codec_encoding enc = argc > 0 && JS_IsString(argv[0]) ? buffer_encoding(ctx, argv[0]) : ENC_UNKNOWN;
  return enc == ENC_UNKNOWN ? JS_UNDEFINED : JS_NewString(ctx, known[enc]);
}

/* toWellFormed(string): lone surrogates become U+FFFD. */
static JSValue js_well_formed(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  JSValue text = JS_ToString(ctx, argc > 0 ? argv[0] : JS_UNDEFINED);
  if (JS_IsException(text)) return text;
  size_t len;
  const char *bytes = JS_ToCStringLen(ctx, &len, text);
  JSValue result = JS_EXCEPTION;
  if (bytes != NULL && !codec_has_surrogates((const uint8_t *)bytes, len)) {
    result = JS_DupValue(ctx, text);
  } else if (bytes != NULL) {
    uint8_t *copy = js_malloc(ctx, len);
    if (copy != NULL) {
      memcpy(copy, bytes, len);
      codec_replace_surrogates(copy, len);
      result = JS_NewStringLen(ctx, (const char *)copy, len);
      js_free(ctx, copy);
    }
  }
  JS_FreeCString(ctx, bytes);
  JS_FreeValue(ctx, text);
  return result;
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_DEF("fromString", 2, js_from_string),
    JS_CFUNC_DEF("byteLength", 2, js_byte_length),
    JS_CFUNC_DEF("encodeInto", 2, js_encode_into),
    JS_CFUNC_DEF("encodeUtf8", 1, js_encode_utf8),
    JS_CFUNC_DEF("decodeUtf8", 3, js_decode_utf8),
    JS_CFUNC_MAGIC_DEF("isUtf8", 1, js_is, ENC_UTF8),
    JS_CFUNC_MAGIC_DEF("isAscii", 1, js_is, ENC_ASCII),
    JS_CFUNC_DEF("normalEncoding", 1, js_normal_encoding),
    JS_CFUNC_DEF("toWellFormed", 1, js_well_formed),
};

static const JSCFunctionListEntry method_functions[] = {
    JS_CFUNC_DEF("toString", 3, js_to_string),
    JS_CFUNC_MAGIC_DEF("utf8Slice", 2, js_slice, ENC_UTF8),
    JS_CFUNC_MAGIC_DEF("ucs2Slice", 2, js_slice, ENC_UCS2),
    JS_CFUNC_MAGIC_DEF("latin1Slice", 2, js_slice, ENC_LATIN1),
    JS_CFUNC_MAGIC_DEF("asciiSlice", 2, js_slice, ENC_ASCII),
    JS_CFUNC_MAGIC_DEF("hexSlice", 2, js_slice, ENC_HEX),
    JS_CFUNC_MAGIC_DEF("base64Slice", 2, js_slice, ENC_BASE64),
    JS_CFUNC_MAGIC_DEF("base64urlSlice", 2, js_slice, ENC_BASE64URL),
    JS_CFUNC_MAGIC_DEF("utf8Write", 3, js_write, ENC_UTF8),
    JS_CFUNC_MAGIC_DEF("ucs2Write", 3, js_write, ENC_UCS2),
    JS_CFUNC_MAGIC_DEF("latin1Write", 3, js_write, ENC_LATIN1),
    JS_CFUNC_MAGIC_DEF("asciiWrite", 3, js_write, ENC_ASCII),
    JS_CFUNC_MAGIC_DEF("hexWrite", 3, js_write, ENC_HEX),
    JS_CFUNC_MAGIC_DEF("base64Write", 3, js_write, ENC_BASE64),
    JS_CFUNC_MAGIC_DEF("base64urlWrite", 3, js_write, ENC_BASE64URL),
};

void buffer_add_text(JSContext *ctx, JSValueConst binding, JSValueConst methods) {
  JS_SetPropertyFunctionList(ctx, binding, functions, sizeof(functions) / sizeof(functions[0]));
  JS_SetPropertyFunctionList(ctx, methods, method_functions, sizeof(method_functions) / sizeof(method_functions[0]));
}
