/* DEFLATE in its three wrappings, over the zlib library, with what Node adds: gzip members one after another, trailing
 * garbage, and guessing the wrapping. Must not know JavaScript. */
#include "compress.h"

#define ZLIB_CONST
#include <zlib.h>

typedef struct {
  z_stream stream;
  int mode;
  zlib_settings settings;
  bool begun;
  int magic_seen; /* bytes of gzip's magic that UNZIP has met */
  uint8_t *dictionary;
  size_t dictionary_len;
  int broken; /* what the beginning came to */
} deflater;

static voidpf alloc_items(voidpf opaque, uInt items, uInt size) { return zlib_alloc(opaque, (size_t)items * size); }

static bool compresses(const deflater *d) { return d->mode == MODE_DEFLATE || d->mode == MODE_GZIP || d->mode == MODE_DEFLATERAW; }

static const char *code_name(int number) {
  switch (number) {
    case Z_OK: return "Z_OK";
    case Z_STREAM_END: return "Z_STREAM_END";
    case Z_NEED_DICT: return "Z_NEED_DICT";
    case Z_ERRNO: return "Z_ERRNO";
    case Z_STREAM_ERROR: return "Z_STREAM_ERROR";
    case Z_DATA_ERROR: return "Z_DATA_ERROR";
    case Z_MEM_ERROR: return "Z_MEM_ERROR";
    case Z_BUF_ERROR: return "Z_BUF_ERROR";
    case Z_VERSION_ERROR: return "Z_VERSION_ERROR";
  }
  return "Z_UNKNOWN";
}

static zlib_fault fault(const deflater *d, const char *usual, int number) {
  return (zlib_fault){d->stream.msg ? d->stream.msg : usual, code_name(number), number};
}

static const zlib_fault fine = {0};

/* ---- Beginning ---- */

void *zlib_begin(int mode, const zlib_settings *settings, const uint8_t *dictionary, size_t dictionary_len) {
  deflater *d = zlib_alloc(NULL, sizeof *d);
  if (!d) return NULL;
  *d = (deflater){.mode = mode, .settings = *settings};
  d->stream.zalloc = alloc_items;
  d->stream.zfree = zlib_free;
  if (!dictionary) return d;
  d->dictionary = zlib_alloc(NULL, dictionary_len ? dictionary_len : 1);
  if (!d->dictionary) {
    zlib_end(d);
    return NULL;
  }
  memcpy(d->dictionary, dictionary, dictionary_len);
  d->dictionary_len = dictionary_len;
  return d;
}

static int wrapped_bits(const deflater *d) {
  int bits = d->settings.window_bits;
  switch (d->mode) {
    case MODE_GZIP: case MODE_GUNZIP: return bits + 16;
    case MODE_UNZIP: return bits + 32;
    case MODE_DEFLATERAW: case MODE_INFLATERAW: return -bits;
  }
  return bits;
}

static int give_dictionary(deflater *d) {
  if (!d->dictionary) return Z_OK;
  if (d->mode == MODE_DEFLATE || d->mode == MODE_DEFLATERAW) return deflateSetDictionary(&d->stream, d->dictionary, d->dictionary_len);
  if (d->mode == MODE_INFLATERAW) return inflateSetDictionary(&d->stream, d->dictionary, d->dictionary_len);
  return Z_OK;
}

/* zlib's memory is taken when the first bytes come. */
static zlib_fault ready(deflater *d) {
  if (d->begun) return fine;
  const zlib_settings *s = &d->settings;
  int result = compresses(d) ? deflateInit2(&d->stream, s->level, Z_DEFLATED, wrapped_bits(d), s->mem_level, s->strategy)
                             : inflateInit2(&d->stream, wrapped_bits(d));
  if (result != Z_OK) return fault(d, "Init error", result);
  d->begun = true;
  result = give_dictionary(d);
  return result == Z_OK ? fine : (zlib_fault){"Failed to set dictionary", code_name(result), result};
}

static void end_stream(deflater *d) {
  if (!d->begun) return;
  if (compresses(d)) deflateEnd(&d->stream);
  else inflateEnd(&d->stream);
  d->begun = false;
}

void zlib_end(void *state) {
  deflater *d = state;
  end_stream(d);
  zlib_free(NULL, d->dictionary);
  zlib_free(NULL, d);
}

static int reset_stream(deflater *d) { return compresses(d) ? deflateReset(&d->stream) : inflateReset(&d->stream); }

zlib_fault zlib_reset(void *state) {
  deflater *d = state;
  zlib_fault begun = ready(d);
  if (begun.message) return begun;
  int result = reset_stream(d);
  if (result != Z_OK) return fault(d, "Failed to reset stream", result);
  result = give_dictionary(d);
  return result == Z_OK ? fine : (zlib_fault){"Failed to set dictionary", code_name(result), result};
}

zlib_fault zlib_set_params(void *state, int level, int strategy) {
  deflater *d = state;
  zlib_fault begun = ready(d);
  if (begun.message || (d->mode != MODE_DEFLATE && d->mode != MODE_DEFLATERAW)) return begun;
  int result = deflateParams(&d->stream, level, strategy);
  return result == Z_OK || result == Z_BUF_ERROR ? fine : fault(d, "Failed to set parameters", result);
}

/* ---- A step ---- */

/* gzip begins with 1f 8b; anything else is taken for zlib's wrapping. The two bytes may come one by one. */
static void guess(deflater *d) {
  const uint8_t *next = d->stream.next_in;
  size_t left = d->stream.avail_in;
  while (left > 0 && d->mode == MODE_UNZIP) {
    if (*next != (d->magic_seen == 0 ? 0x1f : 0x8b)) d->mode = MODE_INFLATE;
    else if (++d->magic_seen == 2) d->mode = MODE_GUNZIP;
    next++, left--;
  }
}

static int inflate_step(deflater *d, int flush) {
  z_stream *s = &d->stream;
  if (d->mode == MODE_UNZIP) guess(d);
  int result = inflate(s, flush);
  if (d->mode != MODE_INFLATERAW && result == Z_NEED_DICT && d->dictionary) {
    result = inflateSetDictionary(s, d->dictionary, d->dictionary_len);
    if (result == Z_OK) result = inflate(s, flush);
    else if (result == Z_DATA_ERROR) result = Z_NEED_DICT; /* the wrong one */
  }
  /* Another member follows, unless it is padding. What is no member is an error of its own. */
  while (s->avail_in > 0 && d->mode == MODE_GUNZIP && result == Z_STREAM_END && s->next_in[0] != 0) {
    reset_stream(d);
    result = inflate(s, flush);
  }
  return result;
}

static zlib_fault judge(const deflater *d, int result, uint32_t flush) {
  switch (result) {
    case Z_OK:
    case Z_BUF_ERROR:
      if (d->stream.avail_out != 0 && flush == Z_FINISH) return (zlib_fault){"unexpected end of file", "Z_BUF_ERROR", Z_BUF_ERROR};
      return fine;
    case Z_STREAM_END: return fine;
    case Z_NEED_DICT: return fault(d, d->dictionary ? "Bad dictionary" : "Missing dictionary", result);
  }
  return fault(d, "Zlib error", result);
}

zlib_fault zlib_run(void *state, zlib_step *step) {
  deflater *d = state;
  zlib_fault begun = ready(d);
  if (begun.message) return begun;
  z_stream *s = &d->stream;
  s->next_in = step->in, s->avail_in = (uInt)step->in_left;
  s->next_out = step->out, s->avail_out = (uInt)step->out_left;
  int result = compresses(d) ? deflate(s, (int)step->flush) : inflate_step(d, (int)step->flush);
  step->in_left = s->avail_in, step->out_left = s->avail_out;
  return judge(d, result, step->flush);
}
