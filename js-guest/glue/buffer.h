/* What the files of internalBinding('buffer') share. Must not know lib/buffer.js beyond the hooks it registers. */
#ifndef SKEP_BUFFER_H
#define SKEP_BUFFER_H

#include "codec.h"
#include "glue.h"

/* The bytes a typed array, DataView or ArrayBuffer has now, as the engine knows them: length properties that a script
 * redefined do not matter, and a detached or shrunk buffer has none. Valid until JavaScript runs again. */
typedef struct {
  uint8_t *ptr;
  size_t len;
} buffer_view;

/* Answers false, with nothing pending, when the value is none of these. */
bool buffer_view_get(JSContext *ctx, JSValueConst value, buffer_view *out);
/* The same, with a TypeError pending. */
bool buffer_view_need(JSContext *ctx, JSValueConst value, buffer_view *out);

/* Throws what lib/buffer.js makes of the arguments; answers JS_EXCEPTION. Takes no ownership. */
JSValue buffer_fail(JSContext *ctx, const char *what, int argc, JSValueConst *argv);

/* A number argument as an index: NaN and missing are `missing`, anything out of 0..max is brought inside.
 * Answers false with an exception pending. */
bool buffer_index(JSContext *ctx, JSValueConst value, size_t missing, size_t max, size_t *out);

/* The encoding an argument names; undefined is UTF-8, ENC_UNKNOWN has nothing pending. */
codec_encoding buffer_encoding(JSContext *ctx, JSValueConst value);

/* A new Buffer of `len` zeros, its bytes in *bytes. */
JSValue buffer_alloc(JSContext *ctx, size_t len, uint8_t **bytes);

/* Bytes as a JavaScript string. */
JSValue buffer_to_string(JSContext *ctx, codec_encoding enc, const uint8_t *p, size_t len);

/* Further parts of the binding. */
void buffer_add_numbers(JSContext *ctx, JSValueConst methods);
void buffer_add_search(JSContext *ctx, JSValueConst binding);
void buffer_add_text(JSContext *ctx, JSValueConst binding, JSValueConst methods);

#endif
