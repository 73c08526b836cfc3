/* Message digests over 64-byte and 128-byte blocks: MD5, SHA-1, SHA-2. Must not know JavaScript. */
#ifndef SKEP_DIGEST_H
#define SKEP_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_MOST 64 /* bytes of the longest */

typedef struct {
  const char *name;
  uint8_t length, block; /* bytes */
  uint8_t family;
  const void *start;
} digest_kind;

extern const digest_kind digest_kinds[];
extern const int digest_kind_count;

typedef struct {
  const digest_kind *kind;
  uint64_t total; /* bytes taken in */
  union { uint32_t w32[8]; uint64_t w64[8]; } state;
  uint8_t block[128];
} digest_state;

void digest_begin(digest_state *d, const digest_kind *kind);
void digest_update(digest_state *d, const uint8_t *bytes, size_t len);
void digest_end(digest_state *d, uint8_t *out); /* kind->length bytes */

typedef struct { digest_state inner, outer; } digest_hmac;

void digest_hmac_begin(digest_hmac *h, const digest_kind *kind, const uint8_t *key, size_t len);
void digest_hmac_end(digest_hmac *h, uint8_t *out);

#endif
