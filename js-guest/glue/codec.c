/* Character encodings between bytes; see codec.h. Must not know JavaScript values nor allocate. */
#include "codec.h"

#include <string.h>

static const struct {
  const char *name;
  codec_encoding enc;
} names[] = {
    {"utf8", ENC_UTF8},     {"utf-8", ENC_UTF8},    {"ucs2", ENC_UCS2},     {"ucs-2", ENC_UCS2},
    {"utf16le", ENC_UCS2},  {"utf-16le", ENC_UCS2}, {"latin1", ENC_LATIN1}, {"binary", ENC_LATIN1},
    {"ascii", ENC_ASCII},   {"hex", ENC_HEX},       {"base64", ENC_BASE64}, {"base64url", ENC_BASE64URL},
};

static bool same_name(const char *known, const char *name, size_t len) {
  for (size_t i = 0; i < len; i++) {
    char c = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
    if (known[i] != c) return false;
  }
  return known[len] == 0;
}

codec_encoding codec_find(const char *name, size_t len) {
  if (len < 3 || len > 9) return ENC_UNKNOWN;
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (strlen(names[i].name) == len && same_name(names[i].name, name, len)) return names[i].enc;
  }
  return ENC_UNKNOWN;
}

static size_t ascii_run(const uint8_t *p, size_t len) {
  size_t i = 0;
  for (; i + 8 <= len; i += 8) {
    uint64_t word;
    memcpy(&word, p + i, 8);
    if (word & 0x8080808080808080u) break;
  }
  while (i < len && p[i] < 0x80) i++;
  return i;
}

bool codec_is_ascii(const uint8_t *p, size_t len) { return ascii_run(p, len) == len; }

/* How many bytes at p form one well-formed character beyond ASCII (its value in *c), or 0 with *bad set to the
 * length of the ill-formed sequence that one U+FFFD stands for (its maximal subpart). */
static size_t well_formed(const uint8_t *p, size_t left, uint32_t *c, size_t *bad) {
  uint8_t lead = p[0], low = 0x80, high = 0xBF;
  size_t need;
  if (lead >= 0xC2 && lead <= 0xDF) {
    need = 1;
    *c = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    need = 2;
    *c = lead & 0x0F;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    need = 3;
    *c = lead & 0x07;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    *bad = 1;
    return 0;
  }
  for (size_t i = 1; i <= need; i++) {
    if (i >= left || p[i] < low || p[i] > high) {
      *bad = i;
      return 0;
    }
    *c = *c << 6 | (p[i] & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return need + 1;
}

bool codec_is_utf8(const uint8_t *p, size_t len) {
  size_t i = 0, bad;
  uint32_t c;
  for (;;) {
    i += ascii_run(p + i, len - i);
    if (i == len) return true;
    size_t n = well_formed(p + i, len - i, &c, &bad);
    if (n == 0) return false;
    i += n;
  }
}

size_t codec_utf8_to_utf16(const uint8_t *p, size_t len, uint16_t *out) {
  size_t i = 0, count = 0, bad;
  while (i < len) {
    uint32_t c = p[i];
    if (c < 0x80) {
      i++;
    } else {
      size_t n = well_formed(p + i, len - i, &c, &bad);
      i += n ? n : bad;
      if (n == 0) c = 0xFFFD;
    }
    if (c < 0x10000) {
      if (out) out[count] = (uint16_t)c;
      count++;
    } else {
      if (out) {
        out[count] = (uint16_t)(0xD7C0 + (c >> 10));
        out[count + 1] = (uint16_t)(0xDC00 + (c & 0x3FF));
      }
      count += 2;
    }
  }
  return count;
}

static bool surrogate_at(const uint8_t *p, size_t i, size_t len) {
  return p[i] == 0xED && i + 2 < len && p[i + 1] >= 0xA0;
}

bool codec_has_surrogates(const uint8_t *p, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (surrogate_at(p, i, len)) return true;
  }
  return false;
}

void codec_replace_surrogates(uint8_t *p, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (surrogate_at(p, i, len)) memcpy(p + i, "\xEF\xBF\xBD", 3);
  }
}

static int hex_digit(uint16_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Both alphabets at once, as Node reads them. */
static int base64_digit(uint16_t c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  return c == '/' || c == '_' ? 63 : -1;
}

/* What is no digit is skipped, and '=' ends it. With out NULL it counts. */
static size_t base64_decode(const uint8_t *p, size_t len, uint8_t *out, size_t room) {
  uint32_t bits = 0;
  unsigned have = 0;
  size_t n = 0;
  for (size_t i = 0; i < len && p[i] != '=' && n < room; i++) {
    int digit = base64_digit(p[i]);
    if (digit < 0) continue;
    bits = bits << 6 | (uint32_t)digit;
    have += 6;
    if (have >= 8) {
      have -= 8;
      if (out) out[n] = (uint8_t)(bits >> have);
      n++;
    }
  }
  return n;
}

static size_t hex_decode(const uint8_t *p, size_t len, uint8_t *out, size_t room) {
  size_t n = 0;
  for (; n < room && 2 * n + 1 < len; n++) {
    int high = hex_digit(p[2 * n]), low = hex_digit(p[2 * n + 1]);
    if (high < 0 || low < 0) break;
    if (out) out[n] = (uint8_t)(high << 4 | low);
  }
  return n;
}

static size_t count_units(const uint8_t *utf8, size_t len) {
  size_t units = 0;
  for (size_t i = 0; i < len; i++) units += ((utf8[i] & 0xC0) != 0x80) + (utf8[i] >= 0xF0);
  return units;
}

size_t codec_encoded_length(codec_encoding enc, const uint8_t *utf8, size_t len) {
  switch (enc) {
    case ENC_UCS2: return 2 * count_units(utf8, len);
    case ENC_LATIN1:
    case ENC_ASCII: return count_units(utf8, len);
    case ENC_HEX: return hex_decode(utf8, len, NULL, SIZE_MAX);
    case ENC_BASE64:
    case ENC_BASE64URL: return base64_decode(utf8, len, NULL, SIZE_MAX);
    default: return len;
  }
}

static size_t utf8_encode(const uint8_t *utf8, size_t len, uint8_t *out, size_t room) {
  if (len > room) {
    len = room;
    while (len > 0 && (utf8[len] & 0xC0) == 0x80) len--;
  }
  memcpy(out, utf8, len);
  if (!codec_is_ascii(out, len)) codec_replace_surrogates(out, len);
  return len;
}

static size_t latin1_encode(const uint8_t *utf8, size_t len, uint8_t *out, size_t room) {
  codec_units units = {utf8, utf8 + len, 0};
  size_t n = ascii_run(utf8, len < room ? len : room);
  memcpy(out, utf8, n);
  units.at += n;
  uint16_t unit;
  while (n < room && codec_next_unit(&units, &unit)) out[n++] = (uint8_t)unit;
  return n;
}

static size_t ucs2_encode(const uint8_t *utf8, size_t len, uint8_t *out, size_t room) {
  codec_units units = {utf8, utf8 + len, 0};
  size_t n = 0;
  uint16_t unit;
  for (; n + 2 <= room && codec_next_unit(&units, &unit); n += 2) {
    out[n] = (uint8_t)unit;
    out[n + 1] = (uint8_t)(unit >> 8);
  }
  return n;
}

size_t codec_encode(codec_encoding enc, const uint8_t *utf8, size_t len, uint8_t *out, size_t room) {
  if (room == 0 || len == 0) return 0;
  switch (enc) {
    case ENC_UCS2: return ucs2_encode(utf8, len, out, room);
    case ENC_LATIN1:
    case ENC_ASCII: return latin1_encode(utf8, len, out, room);
    case ENC_HEX: return hex_decode(utf8, len, out, room);
    case ENC_BASE64:
    case ENC_BASE64URL: return base64_decode(utf8, len, out, room);
    default: return utf8_encode(utf8, len, out, room);
  }
}

size_t codec_text_length(codec_encoding enc, size_t len) {
  switch (enc) {
    case ENC_HEX: return 2 * len;
    case ENC_BASE64: return (len + 2) / 3 * 4;
    case ENC_BASE64URL: return len / 3 * 4 + (len % 3 ? len % 3 + 1 : 0);
    default: return len;
  }
}

static void base64_text(const uint8_t *p, size_t len, char *out, const char *last_two, bool pad) {
  static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  char table[64];
  memcpy(table, common, 62);
  memcpy(table + 62, last_two, 2);
  size_t i = 0;
  for (; i + 3 <= len; i += 3) {
    uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
    *out++ = table[v >> 18];
    *out++ = table[v >> 12 & 63];
    *out++ = table[v >> 6 & 63];
    *out++ = table[v & 63];
  }
  size_t left = len - i;
  if (left == 0) return;
  uint32_t v = (uint32_t)p[i] << 16 | (left == 2 ? (uint32_t)p[i + 1] << 8 : 0);
  *out++ = table[v >> 18];
  *out++ = table[v >> 12 & 63];
  if (left == 2) *out++ = table[v >> 6 & 63];
  if (!pad) return;
  if (left == 1) *out++ = '=';
  *out = '=';
}

void codec_to_text(codec_encoding enc, const uint8_t *p, size_t len, char *out) {
  static const char digits[] = "0123456789abcdef";
  switch (enc) {
    case ENC_HEX:
      for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
      }
      break;
    case ENC_BASE64: base64_text(p, len, out, "+/", true); break;
    case ENC_BASE64URL: base64_text(p, len, out, "-_", false); break;
    default: /* ascii */
      for (size_t i = 0; i < len; i++) out[i] = (char)(p[i] & 0x7F);
  }
}
