/* Character encodings between bytes: UTF-8, UTF-16, latin1, hex, base64. Pure functions over memory the caller
 * owns; knows no JavaScript value and allocates nothing. */
#ifndef SKEP_CODEC_H
#define SKEP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { ENC_UTF8, ENC_UCS2, ENC_LATIN1, ENC_ASCII, ENC_HEX, ENC_BASE64, ENC_BASE64URL, ENC_UNKNOWN } codec_encoding;

/* The encoding of a name in any case ("utf-8", "UCS2", "binary"), or ENC_UNKNOWN. */
codec_encoding codec_find(const char *name, size_t len);

bool codec_is_ascii(const uint8_t *p, size_t len);
bool codec_is_utf8(const uint8_t *p, size_t len);

/* WHATWG decoding with U+FFFD for each ill-formed sequence. `out` may be NULL to count the units. */
size_t codec_utf8_to_utf16(const uint8_t *p, size_t len, uint16_t *out);

/* Lone surrogates, which the engine hands out as three bytes ED A0..BF xx, become EF BF BD in place. */
void codec_replace_surrogates(uint8_t *p, size_t len);
bool codec_has_surrogates(const uint8_t *p, size_t len);

/* The next UTF-16 unit of the engine's UTF-8 (lone surrogates allowed, otherwise well formed). */
typedef struct {
  const uint8_t *at, *end;
  uint16_t low; /* the second half of a pair, or 0 */
} codec_units;
static inline bool codec_next_unit(codec_units *u, uint16_t *unit) {
  if (u->low) {
    *unit = u->low;
    u->low = 0;
    return true;
  }
  if (u->at >= u->end) return false;
  uint32_t c = *u->at++;
  size_t left = (size_t)(u->end - u->at);
  if (c < 0x80) {
    *unit = (uint16_t)c;
  } else if (c < 0xE0 && left >= 1) {
    *unit = (uint16_t)((c & 0x1F) << 6 | (u->at[0] & 0x3F));
    u->at += 1;
  } else if (c < 0xF0 && left >= 2) {
    *unit = (uint16_t)((c & 0x0F) << 12 | (u->at[0] & 0x3Fu) << 6 | (u->at[1] & 0x3F));
    u->at += 2;
  } else if (left >= 3) {
    c = (c & 0x07) << 18 | (u->at[0] & 0x3Fu) << 12 | (u->at[1] & 0x3Fu) << 6 | (u->at[2] & 0x3Fu);
    u->at += 3;
    c -= 0x10000;
    *unit = (uint16_t)(0xD800 + (c >> 10));
    u->low = (uint16_t)(0xDC00 + (c & 0x3FF));
  } else {
    *unit = 0xFFFD;
    u->at = u->end;
  }
  return true;
}

/* How many bytes a string takes in an encoding; exact, as the writers below write them. */
size_t codec_encoded_length(codec_encoding enc, const uint8_t *utf8, size_t len);

/* Writes a string in an encoding, at most `room` bytes and never part of a character. Answers the bytes. */
size_t codec_encode(codec_encoding enc, const uint8_t *utf8, size_t len, uint8_t *out, size_t room);

/* Bytes as text: the characters are ASCII and `out` has the room that codec_text_length tells. */
size_t codec_text_length(codec_encoding enc, size_t len);
void codec_to_text(codec_encoding enc, const uint8_t *p, size_t len, char *out);

#endif
