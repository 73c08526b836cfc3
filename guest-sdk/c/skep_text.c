/* See skep_own.h: texts, as much of JSON as it takes to read the start record and the words of a channel, and buffers that
 * texts are put into. It must not know what any of them says. */
#include "skep_own.h"

#define PAGE (64u << 10)

struct skep_text skep_start_record(void) {
  static struct skep_text record;
  if (!record.at) {
    int length = skep_start_info(0, 0);
    size_t at = __builtin_wasm_memory_grow(0, (length + PAGE) / PAGE);
    if (length <= 0 || at == (size_t)-1) return (struct skep_text){"", 0};
    record = (struct skep_text){(const char *)(at * PAGE), (uint32_t)length};
    skep_start_info(record.at, length);
  }
  return record;
}

/* ---- Reading ---- */

/* The end of the string that begins with the quote at `at`; the text's end when it has none. */
static uint32_t string_end(struct skep_text json, uint32_t at) {
  for (at++; at < json.length && json.at[at] != '"'; at++) at += json.at[at] == '\\';
  return at < json.length ? at : json.length;
}

struct skep_text skep_member(struct skep_text json, const char *name) {
  uint32_t wanted = skep_length(name), depth = 0;
  for (uint32_t at = 0; at < json.length; at++) {
    char letter = json.at[at];
    if (letter == '{' || letter == '[') depth++;
    /* What comes after the object is another's. */
    if ((letter == '}' || letter == ']') && --depth == 0) break;
    if (letter != '"') continue;
    uint32_t end = string_end(json, at), length = end - at - 1, same = 0;
    while (same < length && same < wanted && json.at[at + 1 + same] == name[same]) same++;
    int found = depth == 1 && same == wanted && length == wanted && end + 2 < json.length && json.at[end + 1] == ':';
    at = end;
    if (!found) continue;
    struct skep_text rest = {json.at + end + 2, json.length - end - 2};
    if (*rest.at == '"') return (struct skep_text){rest.at + 1, string_end(rest, 0) - 1};
    return rest;
  }
  return (struct skep_text){0, 0};
}

struct skep_text skep_value_at(struct skep_text text) {
  uint32_t depth = 0, at = 0;
  for (int quoted = 0; at < text.length; at++) {
    char letter = text.at[at];
    if (quoted && letter == '\\') at++;
    else if (letter == '"') quoted = !quoted;
    else if (!quoted && (letter == '{' || letter == '[')) depth++;
    else if (!quoted && depth == 0 && (letter == '}' || letter == ']' || letter == ',')) break;
    else if (!quoted && (letter == '}' || letter == ']')) depth--;
  }
  return (struct skep_text){text.at, at < text.length ? at : text.length};
}

int64_t skep_number(struct skep_text text) {
  int64_t value = 0;
  uint32_t negative = text.length && text.at[0] == '-';
  for (uint32_t i = negative; i < text.length && i < 18 && text.at[i] >= '0' && text.at[i] <= '9'; i++) value = value * 10 + text.at[i] - '0';
  return negative ? -value : value;
}

int skep_equal(struct skep_text text, const char *other) {
  uint32_t at = 0;
  while (at < text.length && text.at[at] == other[at] && other[at]) at++;
  return text.at && at == text.length && !other[at];
}

/* ---- Words and variables ---- */

/* A number of four hexadecimal digits; 0 where there are none. */
static uint32_t unit(struct skep_text text, uint32_t at) {
  uint32_t value = 0;
  for (uint32_t i = at; i < at + 4; i++) {
    char letter = i < text.length ? text.at[i] : 0, low = letter | 32;
    if (letter >= '0' && letter <= '9') value = value * 16 + (uint32_t)(letter - '0');
    else if (low >= 'a' && low <= 'f') value = value * 16 + (uint32_t)(low - 'a') + 10;
    else return 0;
  }
  return value;
}

/* One letter behind a backslash at `at`, as UTF-8; answers where it ends. */
static uint32_t escape(struct skep_text text, uint32_t at, char letter[4], uint32_t *bytes) {
  static const char plain[] = "n\nr\rt\tb\bf\f";
  char named = at + 1 < text.length ? text.at[at + 1] : 0;
  letter[0] = named;
  *bytes = 1;
  for (uint32_t i = 0; i + 1 < sizeof plain; i += 2) {
    if (plain[i] == named) letter[0] = plain[i + 1];
  }
  if (named != 'u') return at + 2;
  uint32_t code = unit(text, at + 2), end = at + 6;
  if (code >= 0xd800 && code < 0xdc00 && end + 1 < text.length && text.at[end] == '\\' && text.at[end + 1] == 'u') {
    code = 0x10000 + ((code - 0xd800) << 10) + ((unit(text, end + 2) - 0xdc00) & 0x3ff);
    end += 6;
  }
  *bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (uint32_t i = *bytes; i > 1; code >>= 6) letter[--i] = (char)(0x80 | (code & 0x3f));
  letter[0] = (char)((*bytes == 1 ? 0 : 0xf00 >> *bytes) | code);
  return end;
}

int64_t skep_said(struct skep_text text, char *to, uint32_t room) {
  uint32_t used = 0;
  for (uint32_t at = 0, bytes = 1; at < text.length;) {
    char letter[4] = {text.at[at]};
    bytes = 1;
    at = text.at[at] == '\\' ? escape(text, at, letter, &bytes) : at + 1;
    for (uint32_t i = 0; i < bytes; i++, used++) {
      if (used + 1 < room) to[used] = letter[i];
    }
  }
  if (room) to[used < room ? used : room - 1] = 0;
  return used;
}

int64_t skep_word(uint32_t number, char *to, uint32_t room) {
  struct skep_text rest = skep_member(skep_start_record(), "argv");
  while (rest.length && *rest.at != ']') {
    struct skep_text word = skep_value_at((struct skep_text){rest.at + 1, rest.length - 1});
    if (word.length < 2) break;
    if (number-- == 0) return skep_said((struct skep_text){word.at + 1, word.length - 2}, to, room);
    rest = (struct skep_text){word.at + word.length, rest.length - 1 - word.length};
  }
  return -SKEP_ENOENT;
}

int64_t skep_variable(const char *name, char *to, uint32_t room) {
  struct skep_text value = skep_member(skep_member(skep_start_record(), "env"), name);
  return value.at ? skep_said(value, to, room) : -SKEP_ENOENT;
}

int64_t skep_memory_limit(void) {
  return skep_number(skep_member(skep_start_record(), "memoryLimit"));
}

/* ---- Writing ---- */

void skep_put_bytes(struct skep_buffer *buffer, const void *from, uint32_t length) {
  const char *bytes = from;
  for (uint32_t i = 0; i < length && buffer->used + i < buffer->room; i++) buffer->at[buffer->used + i] = bytes[i];
  buffer->used += length;
}

void skep_put(struct skep_buffer *buffer, const char *text) {
  skep_put_bytes(buffer, text, skep_length(text));
}

void skep_put_number(struct skep_buffer *buffer, int64_t value, uint32_t base) {
  char digits[24] = "";
  int at = 23;
  int64_t left = value < 0 ? -value : value;
  do digits[--at] = "0123456789abcdef"[left % base], left /= base;
  while (left);
  if (value < 0) digits[--at] = '-';
  skep_put(buffer, digits + at);
}

void skep_put_escaped(struct skep_buffer *buffer, const char *text) {
  for (; *text; text++) {
    if ((uint8_t)*text < ' ') {
      skep_put(buffer, (uint8_t)*text < 16 ? "\\u000" : "\\u00");
      skep_put_number(buffer, (uint8_t)*text, 16);
      continue;
    }
    if (*text == '"' || *text == '\\') skep_put(buffer, "\\");
    skep_put_bytes(buffer, text, 1);
  }
}
