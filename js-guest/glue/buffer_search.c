/* internalBinding('buffer'), searching: compare, indexOf, fill. Must not know which arguments Node accepts; lib has
 * looked, and every number is brought inside the bytes again. */
#include "buffer.h"

/* What is looked for or filled with: a string in an encoding, or bytes. */
typedef struct {
  const uint8_t *ptr;
  size_t len;
  const char *text;
  uint8_t *made;
} pattern;

static void pattern_free(JSContext *ctx, pattern *p) {
  JS_FreeCString(ctx, p->text);
  js_free(ctx, p->made);
}

static bool pattern_get(JSContext *ctx, JSValueConst value, codec_encoding enc, pattern *out) {
  *out = (pattern){0};
  if (!JS_IsString(value)) {
    buffer_view view;
    if (!buffer_view_need(ctx, value, &view)) return false;
    out->ptr = view.ptr;
    out->len = view.len;
    return true;
  }
  size_t len;
  out->text = JS_ToCStringLen(ctx, &len, value);
  if (out->text == NULL) return false;
  const uint8_t *utf8 = (const uint8_t *)out->text;
  if (enc == ENC_UTF8 && !codec_has_surrogates(utf8, len)) {
    out->ptr = utf8;
    out->len = len;
    return true;
  }
  out->len = codec_encoded_length(enc, utf8, len);
  out->made = js_malloc(ctx, out->len + 1);
  if (out->made == NULL) {
    JS_FreeCString(ctx, out->text);
    return false;
  }
  codec_encode(enc, utf8, len, out->made, out->len);
  out->ptr = out->made;
  return true;
}

static int order(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
  size_t common = a_len < b_len ? a_len : b_len;
  int result = common ? memcmp(a, b, common) : 0;
  if (result == 0) result = (a_len > b_len) - (a_len < b_len);
  return (result > 0) - (result < 0);
}

/* compare(a, b) */
static JSValue js_compare(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  buffer_view a, b;
  if (argc < 2 || !buffer_view_need(ctx, argv[0], &a) || !buffer_view_need(ctx, argv[1], &b)) return JS_EXCEPTION;
  return JS_NewInt32(ctx, order(a.ptr, a.len, b.ptr, b.len));
}

static bool range_of(const buffer_view *view, size_t start, size_t end, buffer_view *out) {
  if (end > view->len) end = view->len;
  if (start > end) start = end;
  *out = (buffer_view){view->ptr + start, end - start};
  return true;
}

/* compareRange(a, aStart, aEnd, b, bStart, bEnd) */
static JSValue js_compare_range(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  buffer_view a, b;
  size_t at[4];
  static const int numbers[] = {1, 2, 4, 5};
  if (argc < 6) return JS_EXCEPTION;
  for (int i = 0; i < 4; i++) {
    if (!buffer_index(ctx, argv[numbers[i]], 0, SIZE_MAX / 2, &at[i])) return JS_EXCEPTION;
  }
  if (!buffer_view_need(ctx, argv[0], &a) || !buffer_view_need(ctx, argv[3], &b)) return JS_EXCEPTION;
  range_of(&a, at[0], at[1], &a);
  range_of(&b, at[2], at[3], &b);
  return JS_NewInt32(ctx, order(a.ptr, a.len, b.ptr, b.len));
}

static int64_t find_forward(const uint8_t *hay, size_t len, const pattern *p, size_t from, size_t step) {
  if (step == 1) {
    size_t last = len - p->len;
    while (from <= last) {
      const uint8_t *hit = memchr(hay + from, p->ptr[0], last - from + 1);
      if (hit == NULL) return -1;
      from = (size_t)(hit - hay);
      if (memcmp(hit, p->ptr, p->len) == 0) return (int64_t)from;
      from++;
    }
    return -1;
  }
  for (; from + p->len <= len; from += step) {
    if (memcmp(hay + from, p->ptr, p->len) == 0) return (int64_t)from;
  }
  return -1;
}

static int64_t find_backward(const uint8_t *hay, const pattern *p, size_t from, size_t step) {
  for (int64_t at = (int64_t)from; at >= 0; at -= (int64_t)step) {
    if (hay[at] == p->ptr[0] && memcmp(hay + at, p->ptr, p->len) == 0) return at;
  }
  return -1;
}

/* Where a search begins for Node's byteOffset, or -1 when it cannot find anything. */
static int64_t start_of(size_t len, double offset, size_t needle, bool forward) {
  double n = (double)len;
  if (offset < 0) {
    if (offset + n >= 0) return (int64_t)(offset + n);
    return forward || needle == 0 ? 0 : -1;
  }
  if (offset + (double)needle <= n) return (int64_t)offset;
  if (needle == 0) return (int64_t)len;
  return forward ? -1 : (int64_t)len - 1;
}

static int64_t find(const buffer_view *hay, const pattern *needle, double offset, bool forward, codec_encoding enc) {
  int64_t from = start_of(hay->len, offset, needle->len, forward);
  if (needle->len == 0) return from;
  if (from < 0 || needle->len > hay->len) return -1;
  size_t step = 1, len = hay->len, at = (size_t)from;
  if (enc == ENC_UCS2) {
    if (needle->len < 2 || len < 2) return -1;
    step = 2;
    at &= ~(size_t)1;
    len &= ~(size_t)1;
    if (needle->len > len) return -1;
  }
  if (forward) return at + needle->len > len ? -1 : find_forward(hay->ptr, len, needle, at, step);
  if (at > len - needle->len) at = len - needle->len;
  return find_backward(hay->ptr, needle, at, step);
}

/* indexOf(buffer, string or view or number, byteOffset, encoding, forward) */
static JSValue js_index_of(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  buffer_view hay;
  pattern needle = {0};
  double offset;
  uint8_t byte;
  if (argc < 5 || JS_ToFloat64(ctx, &offset, argv[2])) return JS_EXCEPTION;
  codec_encoding enc = JS_IsNumber(argv[1]) ? ENC_UTF8 : buffer_encoding(ctx, argv[3]);
  bool forward = JS_ToBool(ctx, argv[4]);
  if (JS_IsNumber(argv[1])) {
    uint32_t number;
    if (JS_ToUint32(ctx, &number, argv[1])) return JS_EXCEPTION;
    byte = (uint8_t)number;
    needle.ptr = &byte;
    needle.len = 1;
  } else if (!pattern_get(ctx, argv[1], enc, &needle)) {
    return JS_EXCEPTION;
  }
  JSValue result = JS_EXCEPTION;
  if (buffer_view_need(ctx, argv[0], &hay)) result = JS_NewInt64(ctx, find(&hay, &needle, offset, forward, enc));
  pattern_free(ctx, &needle);
  return result;
}

static void fill_repeating(uint8_t *to, size_t len, const uint8_t *from, size_t from_len) {
  size_t done = from_len < len ? from_len : len;
  memmove(to, from, done);
  while (done < len) {
    size_t n = done < len - done ? done : len - done;
    memcpy(to + done, to, n);
    done += n;
  }
}

/* fill(buffer, string or view or number, start, end, encoding): false when there is nothing to fill with. */
static JSValue js_fill(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  buffer_view view;
  size_t start, end;
  if (argc < 5 || !buffer_index(ctx, argv[2], 0, SIZE_MAX / 2, &start) ||
      !buffer_index(ctx, argv[3], 0, SIZE_MAX / 2, &end))
    return JS_EXCEPTION;
  uint32_t number = 0;
  bool is_number = !JS_IsString(argv[1]) && !buffer_view_get(ctx, argv[1], &view);
  if (is_number && JS_ToUint32(ctx, &number, argv[1])) return JS_EXCEPTION;
  pattern with = {0};
  if (!is_number && !pattern_get(ctx, argv[1], buffer_encoding(ctx, argv[4]), &with)) return JS_EXCEPTION;
  JSValue result = JS_EXCEPTION;
  if (!buffer_view_need(ctx, argv[0], &view)) goto done;
  if (end > view.len || start > end) {
    result = buffer_fail(ctx, "bounds", 0, NULL);
    goto done;
  }
  result = JS_NewBool(ctx, is_number || with.len > 0);
  if (start == end) goto done;
  if (is_number) {
    memset(view.ptr + start, (int)(number & 0xFF), end - start);
  } else if (with.len > 0) {
    fill_repeating(view.ptr + start, end - start, with.ptr, with.len);
  }
done:
  pattern_free(ctx, &with);
  return result;
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_DEF("compare", 2, js_compare),
    JS_CFUNC_DEF("compareRange", 6, js_compare_range),
    JS_CFUNC_DEF("indexOf", 5, js_index_of),
    JS_CFUNC_DEF("fill", 5, js_fill),
};

void buffer_add_search(JSContext *ctx, JSValueConst binding) {
  JS_SetPropertyFunctionList(ctx, binding, functions, sizeof(functions) / sizeof(functions[0]));
}
