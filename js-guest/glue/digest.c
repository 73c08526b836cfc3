/* The digests of digest.h, after RFC 1321, FIPS 180-4 and RFC 2104. In C, since an ETag costs one a response. Must not know
 * JavaScript. */
#include "digest.h"

#include <stdbool.h>
#include <string.h>

enum { MD5, SHA1, SHA256, SHA512 };

static const uint32_t start_md5[8] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
static const uint32_t start_sha1[8] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
static const uint32_t start_224[8] = {0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4};
static const uint32_t start_256[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
static const uint64_t start_384[8] = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
                                      0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};
static const uint64_t start_512[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                                      0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

const digest_kind digest_kinds[] = {
  {"md5", 16, 64, MD5, start_md5},           {"sha1", 20, 64, SHA1, start_sha1},
  {"sha224", 28, 64, SHA256, start_224},     {"sha256", 32, 64, SHA256, start_256},
  {"sha384", 48, 128, SHA512, start_384},    {"sha512", 64, 128, SHA512, start_512},
};
const int digest_kind_count = sizeof digest_kinds / sizeof digest_kinds[0];

/* ---- Words ---- */

static inline uint32_t rol(uint32_t x, int n) { return x << n | x >> (32 - n); }
static inline uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }
static inline uint64_t ror64(uint64_t x, int n) { return x >> n | x << (64 - n); }
static inline uint32_t big32(const uint8_t *p) { uint32_t x; memcpy(&x, p, 4); return __builtin_bswap32(x); }
static inline uint64_t big64(const uint8_t *p) { uint64_t x; memcpy(&x, p, 8); return __builtin_bswap64(x); }

/* ---- One block ---- */

static const uint32_t md5_k[64] = {
  0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1,
  0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453,
  0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942,
  0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05,
  0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d,
  0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static void block_md5(uint32_t *h, const uint8_t *p) {
  static const uint8_t turns[16] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
  uint32_t w[16], a = h[0], b = h[1], c = h[2], d = h[3];
  memcpy(w, p, 64);
  for (int i = 0; i < 64; i++) {
    uint32_t f;
    int g;
    if (i < 16) f = d ^ (b & (c ^ d)), g = i;
    else if (i < 32) f = c ^ (d & (b ^ c)), g = (5 * i + 1) & 15;
    else if (i < 48) f = b ^ c ^ d, g = (3 * i + 5) & 15;
    else f = c ^ (b | ~d), g = (7 * i) & 15;
    uint32_t next = b + rol(a + f + md5_k[i] + w[g], turns[(i / 16) * 4 + (i & 3)]);
    a = d, d = c, c = b, b = next;
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d;
}

static void block_sha1(uint32_t *h, const uint8_t *p) {
  uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
  for (int i = 0; i < 16; i++) w[i] = big32(p + 4 * i);
  for (int i = 16; i < 80; i++) w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
#define ROUND(f, k)                                          \
  do {                                                       \
    uint32_t next = rol(a, 5) + (f) + e + (k) + w[i];        \
    e = d, d = c, c = rol(b, 30), b = a, a = next;           \
  } while (0)
  int i = 0;
  for (; i < 20; i++) ROUND(d ^ (b & (c ^ d)), 0x5a827999);
  for (; i < 40; i++) ROUND(b ^ c ^ d, 0x6ed9eba1);
  for (; i < 60; i++) ROUND((b & c) | (d & (b | c)), 0x8f1bbcdc);
  for (; i < 80; i++) ROUND(b ^ c ^ d, 0xca62c1d6);
#undef ROUND
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

/* SHA-512's constants; SHA-256's are the upper halves of the first 64. */
static const uint64_t sha2_k[80] = {
  0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc, 0x3956c25bf348b538, 0x59f111f1b605d019,
  0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
  0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3,
  0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65, 0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
  0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
  0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
  0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b, 0xa2bfe8a14cf10364, 0xa81a664bbc423001,
  0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
  0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb,
  0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
  0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b, 0xca273eceea26619c, 0xd186b8c721c0c207,
  0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
  0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a,
  0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

#define SHA2_ROUNDS(type, rounds, load, size, k, s0, s1, e0, e1)                                    \
  type w[rounds], v[8];                                                                             \
  for (int i = 0; i < 16; i++) w[i] = load(p + size * i);                                           \
  for (int i = 16; i < rounds; i++) w[i] = s1(w[i - 2]) + w[i - 7] + s0(w[i - 15]) + w[i - 16];     \
  memcpy(v, h, sizeof v);                                                                           \
  for (int i = 0; i < rounds; i++) {                                                                \
    type t1 = v[7] + e1(v[4]) + (v[6] ^ (v[4] & (v[5] ^ v[6]))) + (k) + w[i];                       \
    type t2 = e0(v[0]) + ((v[0] & v[1]) | (v[2] & (v[0] | v[1])));                                  \
    v[7] = v[6], v[6] = v[5], v[5] = v[4], v[4] = v[3] + t1;                                        \
    v[3] = v[2], v[2] = v[1], v[1] = v[0], v[0] = t1 + t2;                                          \
  }                                                                                                 \
  for (int i = 0; i < 8; i++) h[i] += v[i];

#define S0_32(x) (ror(x, 7) ^ ror(x, 18) ^ (x) >> 3)
#define S1_32(x) (ror(x, 17) ^ ror(x, 19) ^ (x) >> 10)
#define E0_32(x) (ror(x, 2) ^ ror(x, 13) ^ ror(x, 22))
#define E1_32(x) (ror(x, 6) ^ ror(x, 11) ^ ror(x, 25))
#define S0_64(x) (ror64(x, 1) ^ ror64(x, 8) ^ (x) >> 7)
#define S1_64(x) (ror64(x, 19) ^ ror64(x, 61) ^ (x) >> 6)
#define E0_64(x) (ror64(x, 28) ^ ror64(x, 34) ^ ror64(x, 39))
#define E1_64(x) (ror64(x, 14) ^ ror64(x, 18) ^ ror64(x, 41))

static void block_sha256(uint32_t *h, const uint8_t *p) {
  SHA2_ROUNDS(uint32_t, 64, big32, 4, (uint32_t)(sha2_k[i] >> 32), S0_32, S1_32, E0_32, E1_32)
}

static void block_sha512(uint64_t *h, const uint8_t *p) {
  SHA2_ROUNDS(uint64_t, 80, big64, 8, sha2_k[i], S0_64, S1_64, E0_64, E1_64)
}

static void take_block(digest_state *d, const uint8_t *p) {
  switch (d->kind->family) {
    case MD5: block_md5(d->state.w32, p); break;
    case SHA1: block_sha1(d->state.w32, p); break;
    case SHA256: block_sha256(d->state.w32, p); break;
    case SHA512: block_sha512(d->state.w64, p); break;
  }
}

/* ---- Whole messages ---- */

void digest_begin(digest_state *d, const digest_kind *kind) {
  d->kind = kind;
  d->total = 0;
  memcpy(&d->state, kind->start, kind->block / 2);
}

void digest_update(digest_state *d, const uint8_t *bytes, size_t len) {
  size_t block = d->kind->block, held = d->total % block;
  d->total += len;
  if (held) {
    size_t wanted = block - held < len ? block - held : len;
    memcpy(d->block + held, bytes, wanted);
    bytes += wanted, len -= wanted;
    if (held + wanted < block) return;
    take_block(d, d->block);
  }
  for (; len >= block; bytes += block, len -= block) take_block(d, bytes);
  memcpy(d->block, bytes, len);
}

void digest_end(digest_state *d, uint8_t *out) {
  size_t block = d->kind->block, held = d->total % block, tail = block / 8;
  bool little = d->kind->family == MD5;
  uint64_t bits = d->total * 8;
  d->block[held++] = 0x80;
  if (held > block - tail) {
    memset(d->block + held, 0, block - held);
    take_block(d, d->block);
    held = 0;
  }
  memset(d->block + held, 0, block - held);
  uint64_t written = little ? bits : __builtin_bswap64(bits);
  memcpy(d->block + block - 8, &written, 8);
  take_block(d, d->block);
  uint8_t whole[DIGEST_MOST];
  for (int i = 0; i < 8; i++) {
    if (block == 128) d->state.w64[i] = __builtin_bswap64(d->state.w64[i]);
    else if (!little) d->state.w32[i] = __builtin_bswap32(d->state.w32[i]);
  }
  memcpy(whole, &d->state, sizeof whole);
  memcpy(out, whole, d->kind->length);
}

/* ---- HMAC ---- */

void digest_hmac_begin(digest_hmac *h, const digest_kind *kind, const uint8_t *key, size_t len) {
  uint8_t pad[128] = {0};
  if (len > kind->block) {
    digest_begin(&h->inner, kind);
    digest_update(&h->inner, key, len);
    digest_end(&h->inner, pad);
  } else {
    memcpy(pad, key, len);
  }
  for (int i = 0; i < kind->block; i++) pad[i] ^= 0x36;
  digest_begin(&h->inner, kind);
  digest_update(&h->inner, pad, kind->block);
  for (int i = 0; i < kind->block; i++) pad[i] ^= 0x36 ^ 0x5c;
  digest_begin(&h->outer, kind);
  digest_update(&h->outer, pad, kind->block);
}

void digest_hmac_end(digest_hmac *h, uint8_t *out) {
  uint8_t inner[DIGEST_MOST];
  digest_end(&h->inner, inner);
  digest_update(&h->outer, inner, h->inner.kind->length);
  digest_end(&h->outer, out);
}
