/* What the two codecs of internalBinding('zlib') share. Must not know streams of Node's. */
#ifndef SKEP_COMPRESS_H
#define SKEP_COMPRESS_H

#include "glue.h"

/* Node's numbers. */
enum {
  MODE_NONE, MODE_DEFLATE, MODE_INFLATE, MODE_GZIP, MODE_GUNZIP, MODE_DEFLATERAW, MODE_INFLATERAW, MODE_UNZIP,
  MODE_BROTLI_DECODE, MODE_BROTLI_ENCODE
};

/* What is wrong, when `message` is set. */
typedef struct {
  const char *message, *code;
  int number;
} zlib_fault;

/* One step's input and output; what is left of them when it has been made. */
typedef struct {
  const uint8_t *in;
  size_t in_left;
  uint8_t *out;
  size_t out_left;
  uint32_t flush;
} zlib_step;

/* Memory of the engine's, so that a script's limit counts it. */
void *zlib_alloc(void *opaque, size_t bytes);
void zlib_free(void *opaque, void *address);

/* zlib_deflate.c: `state` is what begin has made. */
typedef struct { int window_bits, level, mem_level, strategy; } zlib_settings;
void *zlib_begin(int mode, const zlib_settings *settings, const uint8_t *dictionary, size_t dictionary_len);
void zlib_end(void *state);
zlib_fault zlib_run(void *state, zlib_step *step);
zlib_fault zlib_reset(void *state);
zlib_fault zlib_set_params(void *state, int level, int strategy);

/* zlib_brotli.c */
void *brotli_begin(bool encode, const uint32_t *params, size_t count); /* NULL: no memory, or a bad parameter */
void brotli_end(void *state);
zlib_fault brotli_run(void *state, zlib_step *step);
bool brotli_reset(void *state);

#endif
