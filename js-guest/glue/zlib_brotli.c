/* Brotli, over Google's library. Must not know JavaScript. */
#include "compress.h"

#include <stdio.h>

#include "brotli/decode.h"
#include "brotli/encode.h"

typedef struct {
  BrotliEncoderState *encoder; /* one of the two */
  BrotliDecoderState *decoder;
  bool encode;
  size_t count;
  uint32_t params[16];
  char code[64];
} brotli;

#define UNSET UINT32_MAX

static bool start(brotli *b) {
  bool good = true;
  if (b->encode) b->encoder = BrotliEncoderCreateInstance(zlib_alloc, zlib_free, NULL);
  else b->decoder = BrotliDecoderCreateInstance(zlib_alloc, zlib_free, NULL);
  if (!b->encoder && !b->decoder) return false;
  for (size_t i = 0; i < b->count && good; i++) {
    if (b->params[i] == UNSET) continue;
    good = b->encode ? BrotliEncoderSetParameter(b->encoder, (BrotliEncoderParameter)i, b->params[i])
                     : BrotliDecoderSetParameter(b->decoder, (BrotliDecoderParameter)i, b->params[i]);
  }
  return good;
}

static void stop(brotli *b) {
  if (b->encoder) BrotliEncoderDestroyInstance(b->encoder);
  if (b->decoder) BrotliDecoderDestroyInstance(b->decoder);
  b->encoder = NULL, b->decoder = NULL;
}

void *brotli_begin(bool encode, const uint32_t *params, size_t count) {
  brotli *b = zlib_alloc(NULL, sizeof *b);
  if (!b) return NULL;
  *b = (brotli){.encode = encode, .count = count < 16 ? count : 16};
  memcpy(b->params, params, b->count * sizeof *params);
  if (start(b)) return b;
  brotli_end(b);
  return NULL;
}

void brotli_end(void *state) {
  stop(state);
  zlib_free(NULL, state);
}

bool brotli_reset(void *state) {
  stop(state);
  return start(state);
}

static zlib_fault encode_step(brotli *b, zlib_step *step) {
  bool good = BrotliEncoderCompressStream(b->encoder, (BrotliEncoderOperation)step->flush, &step->in_left, &step->in, &step->out_left,
                                          &step->out, NULL);
  return good ? (zlib_fault){0} : (zlib_fault){"Compression failed", "ERR_BROTLI_COMPRESSION_FAILED", -1};
}

static zlib_fault decode_step(brotli *b, zlib_step *step) {
  BrotliDecoderResult result =
    BrotliDecoderDecompressStream(b->decoder, &step->in_left, &step->in, &step->out_left, &step->out, NULL);
  if (result == BROTLI_DECODER_RESULT_ERROR) {
    BrotliDecoderErrorCode error = BrotliDecoderGetErrorCode(b->decoder);
    snprintf(b->code, sizeof b->code, "ERR_%s", BrotliDecoderErrorString(error));
    return (zlib_fault){"Decompression failed", b->code, error};
  }
  if (step->flush == BROTLI_OPERATION_FINISH && result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) {
    return (zlib_fault){"unexpected end of file", "Z_BUF_ERROR", -5};
  }
  return (zlib_fault){0};
}

zlib_fault brotli_run(void *state, zlib_step *step) {
  brotli *b = state;
  return b->encode ? encode_step(b, step) : decode_step(b, step);
}
