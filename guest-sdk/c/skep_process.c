/* See skep_guest.h: processes of this guest's. It must not know what they do. */
#include "skep_own.h"

#define PAGE (64u << 10)
/* Bytes of all that a child is told. */
#define TEXTS (16u << 10)

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

/* The end of the string that begins with the quote at `at`. */
static uint32_t string_end(struct skep_text json, uint32_t at) {
  for (at++; at < json.length && json.at[at] != '"'; at++) at += json.at[at] == '\\';
  return at;
}

struct skep_text skep_member(struct skep_text json, const char *name) {
  uint32_t wanted = skep_length(name), depth = 0;
  for (uint32_t at = 0; at < json.length; at++) {
    char letter = json.at[at];
    if (letter == '{' || letter == '[') depth++;
    if (letter == '}' || letter == ']') depth--;
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

/* Lengths and bytes, one after the other; `used` grows beyond TEXTS where there is no room. */
struct texts {
  uint8_t bytes[TEXTS];
  uint32_t used;
};

static void add(struct texts *texts, const char *from, uint32_t length) {
  for (uint32_t i = 0; i < length && texts->used + i < TEXTS; i++) texts->bytes[texts->used + i] = (uint8_t)from[i];
  texts->used += length;
}

static void add_length(struct texts *texts, uint32_t length) {
  for (int i = 0; i < 4; i++) add(texts, (const char[]){(char)(length >> (8 * i))}, 1);
}

static void add_text(struct texts *texts, const char *text) {
  add_length(texts, skep_length(text));
  add(texts, text, skep_length(text));
}

/* A path within JSON. What our own record says is escaped already. */
static void add_escaped(struct texts *texts, const char *path) {
  for (; *path; path++) {
    if (*path == '"' || *path == '\\') add(texts, "\\", 1);
    add(texts, path, 1);
  }
}

/* The program's JSON: its length is known when it is written. */
static void add_program(struct texts *texts, const char *file, const char *sharing) {
  uint32_t start = texts->used;
  add_length(texts, 0);
  const char *head = "{\"mode\":\"file\",\"main\":\"", *info = "\",\"info\":{\"serialization\":\"json\",\"sharing\":\"";
  add(texts, head, skep_length(head));
  if (file) {
    add_escaped(texts, file);
  } else {
    struct skep_text main = skep_member(skep_start_record(), "main");
    add(texts, main.at, main.length);
  }
  add(texts, info, skep_length(info));
  add(texts, sharing, skep_length(sharing));
  add(texts, "\"}}", 3);
  uint32_t end = texts->used;
  texts->used = start;
  add_length(texts, end - start - 4);
  texts->used = end;
}

static skep_handle begin(const char *file, const char *sharing, const char *const *words, uint32_t count, skep_call call, void *data) {
  static struct texts texts;
  texts.used = 0;
  add_program(&texts, file, sharing);
  add_text(&texts, "skep");
  add_text(&texts, "");
  for (uint32_t i = 0; i < count; i++) add_text(&texts, words[i]);
  if (texts.used > TEXTS) return -SKEP_E2BIG;
  struct {
    skep_child_options options;
    skep_child_entry entries[4];
  } record = {
      {.flags = SKEP_CHILD_GUEST | SKEP_CHILD_CHANNEL | SKEP_CHILD_CLONE_ENV, .args = count, .stdio = 4, .uid = -1, .gid = -1},
      {{SKEP_STDIO_IGNORE, 0, 0}, {SKEP_STDIO_INHERIT, 1, 0}, {SKEP_STDIO_INHERIT, 2, 0}, {SKEP_STDIO_CHANNEL, 0, 0}},
  };
  skep_handle child = skep_child_start(&record, sizeof record, texts.bytes, texts.used);
  int error = child < 0 ? (int)child : skep_on(child, call, data);
  return error ? error : child;
}

skep_handle skep_fork(const char *file, const char *const *words, uint32_t count, skep_call call, void *data) {
  return begin(file, "", words, count, call, data);
}

skep_handle skep_fork_worker(int number, skep_call call, void *data) {
  char digits[12] = "";
  int at = 11;
  for (int left = number; left > 0; left /= 10) digits[--at] = (char)('0' + left % 10);
  return begin(0, digits + at, 0, 0, call, data);
}

int skep_worker(void) {
  return (int)skep_number(skep_member(skep_member(skep_start_record(), "info"), "sharing"));
}
