/* internalBinding('fs'): the calls of the file system, the one group that answers at once. A failure is answered as a
 * negative errno, so that the module loader's many misses cost no exception. Must not know paths' meaning. */
#include <stdlib.h>

#include "core.h"

#define MOST_PATH 4096

typedef struct {
  const char *ptr;
  size_t len;
} path_arg;

static bool path_get(JSContext *ctx, JSValueConst value, path_arg *path) {
  path->ptr = JS_ToCStringLen(ctx, &path->len, value);
  return path->ptr != NULL;
}

static JSValue js_stat(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  path_arg path;
  skep_stat stat = { 0 };
  if (!path_get(ctx, argv[0], &path)) return JS_EXCEPTION;
  int32_t result = skep_fs_stat(path.ptr, (uint32_t)path.len, &stat, JS_ToBool(ctx, argv[1]));
  JS_FreeCString(ctx, path.ptr);
  if (result < 0) return JS_NewInt32(ctx, result);
  JSValue array = JS_NewArray(ctx);
  JS_SetPropertyUint32(ctx, array, 0, JS_NewUint32(ctx, stat.kind));
  JS_SetPropertyUint32(ctx, array, 1, JS_NewUint32(ctx, stat.mode));
  JS_SetPropertyUint32(ctx, array, 2, JS_NewInt64(ctx, (int64_t)stat.size));
  JS_SetPropertyUint32(ctx, array, 3, JS_NewFloat64(ctx, (double)stat.mtime_ns / 1e6));
  JS_SetPropertyUint32(ctx, array, 4, JS_NewInt64(ctx, (int64_t)stat.inode));
  JS_SetPropertyUint32(ctx, array, 5, JS_NewBigUint64(ctx, stat.mtime_ns));
  return array;
}

/* kind(path): the entry's kind, following links, or a negative errno. */
static JSValue js_kind(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  path_arg path;
  skep_stat stat = { 0 };
  if (!path_get(ctx, argv[0], &path)) return JS_EXCEPTION;
  int32_t result = skep_fs_stat(path.ptr, (uint32_t)path.len, &stat, 1);
  JS_FreeCString(ctx, path.ptr);
  return JS_NewInt32(ctx, result < 0 ? result : (int32_t)stat.kind);
}

/* A blob's bytes into memory of the engine, one more than its length so that text can be ended with 0. */
static uint8_t *take_blob(JSContext *ctx, skep_handle blob, size_t *out_len) {
  int64_t len = skep_blob_len(blob);
  uint8_t *bytes = len < 0 || len >= INT32_MAX ? NULL : js_malloc(ctx, (size_t)len + 1);
  for (int64_t at = 0; bytes && at < len;) {
    int32_t got = skep_blob_read(blob, at, bytes + at, (uint32_t)(len - at));
    if (got <= 0) {
      len = at;
      break;
    }
    at += got;
  }
  skep_close(blob);
  if (!bytes) {
    if (!JS_HasException(ctx)) JS_ThrowOutOfMemory(ctx);
    return NULL;
  }
  bytes[len] = 0;
  *out_len = (size_t)len;
  return bytes;
}

/* read(path, asText): a string without a BOM's special treatment, or a Buffer; or a negative errno. */
static JSValue js_read(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  path_arg path;
  size_t len;
  if (!path_get(ctx, argv[0], &path)) return JS_EXCEPTION;
  int64_t blob = skep_fs_read(path.ptr, (uint32_t)path.len);
  JS_FreeCString(ctx, path.ptr);
  if (blob < 0) return JS_NewInt32(ctx, (int32_t)blob);
  uint8_t *bytes = take_blob(ctx, blob, &len);
  if (!bytes) return JS_EXCEPTION;
  JSValue value = JS_ToBool(ctx, argv[1]) ? JS_NewStringLen(ctx, (char *)bytes, len) : skep_new_buffer(ctx, bytes, len);
  js_free(ctx, bytes);
  return value;
}

static JSValue js_realpath(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  path_arg path;
  char real[MOST_PATH];
  if (!path_get(ctx, argv[0], &path)) return JS_EXCEPTION;
  int32_t len = skep_fs_realpath(path.ptr, (uint32_t)path.len, real, sizeof real);
  JS_FreeCString(ctx, path.ptr);
  if (len > (int32_t)sizeof real) len = -SKEP_ENAMETOOLONG;
  return len < 0 ? JS_NewInt32(ctx, len) : JS_NewStringLen(ctx, real, (size_t)len);
}

/* list(path): [name, kind, name, kind...] or a negative errno. */
static JSValue js_list(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  path_arg path;
  size_t len;
  if (!path_get(ctx, argv[0], &path)) return JS_EXCEPTION;
  int64_t blob = skep_fs_list(path.ptr, (uint32_t)path.len);
  JS_FreeCString(ctx, path.ptr);
  if (blob < 0) return JS_NewInt32(ctx, (int32_t)blob);
  uint8_t *bytes = take_blob(ctx, blob, &len);
  if (!bytes) return JS_EXCEPTION;
  JSValue array = JS_NewArray(ctx);
  uint32_t count = 0;
  for (size_t at = 0; at + 4 <= len;) {
    size_t name_len = bytes[at + 2] | (size_t)bytes[at + 3] << 8;
    if (name_len > len - at - 4) break;
    JS_SetPropertyUint32(ctx, array, count++, JS_NewStringLen(ctx, (char *)bytes + at + 4, name_len));
    JS_SetPropertyUint32(ctx, array, count++, JS_NewInt32(ctx, bytes[at]));
    at += 4 + name_len;
  }
  js_free(ctx, bytes);
  return array;
}

/* write(path, text or bytes, flags): 0 or a negative errno. */
static JSValue js_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  path_arg path;
  skep_bytes bytes;
  int32_t flags;
  if (JS_ToInt32(ctx, &flags, argv[2]) || !path_get(ctx, argv[0], &path)) return JS_EXCEPTION;
  if (!skep_bytes_get(ctx, argv[1], false, &bytes)) {
    JS_FreeCString(ctx, path.ptr);
    return JS_EXCEPTION;
  }
  int32_t result = skep_fs_write(path.ptr, (uint32_t)path.len, bytes.ptr, (uint32_t)bytes.len, flags);
  skep_bytes_free(ctx, &bytes);
  JS_FreeCString(ctx, path.ptr);
  return JS_NewInt32(ctx, result);
}

/* why(): the text of the last refusal. */
static JSValue js_why(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  char text[1024] = "";
  int32_t len = skep_why(text, sizeof text);
  if (len < 0) len = 0;
  return JS_NewStringLen(ctx, text, len < (int32_t)sizeof text ? (size_t)len : sizeof text);
}

static JSValue init_fs(JSContext *ctx) {
  JSValue object = JS_NewObject(ctx);
  skep_def_fn(ctx, object, "stat", js_stat, 2);
  skep_def_fn(ctx, object, "kind", js_kind, 1);
  skep_def_fn(ctx, object, "read", js_read, 2);
  skep_def_fn(ctx, object, "realpath", js_realpath, 1);
  skep_def_fn(ctx, object, "list", js_list, 1);
  skep_def_fn(ctx, object, "write", js_write, 3);
  skep_def_fn(ctx, object, "why", js_why, 0);
  return object;
}

void skep_init_files(void) {
  skep_binding("fs", init_fs);
}
