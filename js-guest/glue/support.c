/* Helpers that every binding uses: bytes of values, Node-style system errors, definitions on objects. Must not know any
 * one binding. */
#include <stdio.h>
#include <stdlib.h>

#include "core.h"

/* ---- Bytes ---- */

/* latin1: each code unit's low byte, as Node's 'latin1' encoding does. */
static bool latin1_bytes(JSContext *ctx, JSValueConst value, skep_bytes *out) {
  size_t len;
  const uint16_t *units = JS_ToCStringLenUTF16(ctx, &len, value);
  if (!units) return false;
  char *bytes = js_malloc(ctx, len + 1);
  if (bytes) {
    for (size_t i = 0; i < len; i++) bytes[i] = (char)units[i];
    *out = (skep_bytes){ (const uint8_t *)bytes, len, NULL, true };
  }
  JS_FreeCStringUTF16(ctx, units);
  return bytes != NULL;
}

static bool view_bytes(JSContext *ctx, JSValueConst value, skep_bytes *out) {
  size_t offset, length, size;
  JSValue buffer;
  if (JS_GetTypedArrayType(value) >= 0) {
    buffer = JS_GetTypedArrayBuffer(ctx, value, &offset, &length, NULL);
    if (JS_IsException(buffer)) return false;
  } else {
    int64_t at, count;
    JSValue v = JS_GetPropertyStr(ctx, value, "byteOffset");
    if (JS_IsException(v) || JS_ToInt64(ctx, &at, v)) return false;
    v = JS_GetPropertyStr(ctx, value, "byteLength");
    if (JS_IsException(v) || JS_ToInt64(ctx, &count, v)) return false;
    offset = (size_t)at, length = (size_t)count;
    buffer = JS_GetPropertyStr(ctx, value, "buffer");
    if (JS_IsException(buffer)) return false;
  }
  uint8_t *start = JS_GetArrayBuffer(ctx, &size, buffer);
  JS_FreeValue(ctx, buffer); /* the view keeps it alive */
  if (!start && length == 0) {
    JS_FreeValue(ctx, JS_GetException(ctx));
    start = (uint8_t *)"";
  } else if (!start) {
    return false;
  } else if (offset > size || length > size - offset) {
    JS_ThrowTypeError(ctx, "view is out of bounds");
    return false;
  } else {
    start += offset;
  }
  *out = (skep_bytes){ start, length, NULL, false };
  return true;
}

bool skep_bytes_get(JSContext *ctx, JSValueConst value, bool latin1, skep_bytes *out) {
  *out = (skep_bytes){ (const uint8_t *)"", 0, NULL, false };
  if (JS_IsString(value)) {
    if (latin1) {
      if (!latin1_bytes(ctx, value, out)) return false;
      out->owned = (const char *)out->ptr;
      out->latin1 = true;
      return true;
    }
    size_t len;
    const char *text = JS_ToCStringLen(ctx, &len, value);
    if (!text) return false;
    *out = (skep_bytes){ (const uint8_t *)text, len, text, false };
    return true;
  }
  if (JS_IsArrayBuffer(value)) {
    size_t size;
    uint8_t *start = JS_GetArrayBuffer(ctx, &size, value);
    if (!start && size) return false;
    if (!start) JS_FreeValue(ctx, JS_GetException(ctx));
    *out = (skep_bytes){ start ? start : (const uint8_t *)"", start ? size : 0, NULL, false };
    return true;
  }
  if (JS_GetTypedArrayType(value) >= 0 || JS_IsDataView(value)) return view_bytes(ctx, value, out);
  JS_ThrowTypeError(ctx, "argument must be a string, an ArrayBuffer or a view of one");
  return false;
}

void skep_bytes_free(JSContext *ctx, skep_bytes *bytes) {
  if (!bytes->owned) return;
  if (bytes->latin1) js_free(ctx, (void *)bytes->owned);
  else JS_FreeCString(ctx, bytes->owned);
  bytes->owned = NULL;
}

/* ---- System errors ---- */

typedef struct {
  const char *name;
  int32_t number;
  const char *text;
} errno_entry;

static const errno_entry errnos[] = {
#define X(name, number, text) { name, number, text },
  SKEP_ERRNOS(X)
#undef X
};

static const errno_entry *errno_of(int32_t number) {
  for (size_t i = 0; i < SKEP_COUNT(errnos); i++)
    if (errnos[i].number == number) return &errnos[i];
  return NULL;
}

JSValue skep_make_errno(JSContext *ctx, int32_t err, const char *syscall) {
  char why[512] = "", text[768];
  if (err < 0) err = -err;
  const errno_entry *entry = errno_of(err);
  const char *name = entry ? entry->name : "UNKNOWN", *reason = entry ? entry->text : "unknown error";
  /* A refusal says what was denied and which flag grants it. */
  if (err == SKEP_EACCES || err == SKEP_EPERM) {
    int32_t len = skep_why(why, sizeof why - 1);
    if (len > 0) {
      why[len < (int32_t)sizeof why - 1 ? len : (int32_t)sizeof why - 1] = 0;
      reason = why;
    }
  }
  if (syscall) snprintf(text, sizeof text, "%s: %s, %s", name, reason, syscall);
  else snprintf(text, sizeof text, "%s: %s", name, reason);
  JSValue error = JS_NewPlainError(ctx, "%s", text);
  if (JS_IsException(error)) return error;
  JS_SetPropertyStr(ctx, error, "errno", JS_NewInt32(ctx, -err));
  JS_SetPropertyStr(ctx, error, "code", JS_NewString(ctx, name));
  if (syscall) JS_SetPropertyStr(ctx, error, "syscall", JS_NewString(ctx, syscall));
  return error;
}

JSValue skep_throw_errno(JSContext *ctx, int32_t result, const char *syscall) {
  JSValue error = skep_make_errno(ctx, result, syscall);
  return JS_IsException(error) ? error : JS_Throw(ctx, error);
}

/* ---- Definitions ---- */

void skep_def_fn(JSContext *ctx, JSValueConst obj, const char *name, JSCFunction *fn, int length) {
  JS_DefinePropertyValueStr(ctx, obj, name, JS_NewCFunction(ctx, fn, name, length), JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
}

void skep_def_int(JSContext *ctx, JSValueConst obj, const char *name, int64_t value) {
  JS_DefinePropertyValueStr(ctx, obj, name, JS_NewInt64(ctx, value), JS_PROP_C_W_E);
}

char *skep_strdup_value(JSContext *ctx, JSValueConst value) {
  const char *text = JS_ToCString(ctx, value);
  char *copy = text ? js_strdup(ctx, text) : NULL;
  JS_FreeCString(ctx, text);
  return copy;
}
