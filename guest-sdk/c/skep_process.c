/* See skep_guest.h: processes of this guest's, other programs. It must not know what they do. */
#include "skep_own.h"

/* Bytes of all that a child is told. */
#define TEXTS (16u << 10)

/* Lengths and bytes, one after the other. */
static char bytes[TEXTS];
static struct skep_buffer texts;

static void add_length(uint32_t length) {
  skep_put_bytes(&texts, (const char[]){(char)length, (char)(length >> 8), (char)(length >> 16), (char)(length >> 24)}, 4);
}

static void add_text(const char *text) {
  add_length(skep_length(text));
  skep_put(&texts, text);
}

static void add_texts(const char *const *each, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) add_text(each[i]);
}

/* The program's JSON: its length is known when it is written. What our own record says is escaped already. */
static void add_program(const char *file, const char *sharing) {
  uint32_t start = texts.used;
  add_length(0);
  skep_put(&texts, "{\"mode\":\"file\",\"main\":\"");
  if (file) {
    skep_put_escaped(&texts, file);
  } else {
    struct skep_text main = skep_member(skep_start_record(), "main");
    skep_put_bytes(&texts, main.at, main.length);
  }
  skep_put(&texts, "\",\"info\":{\"serialization\":\"json\",\"sharing\":\"");
  skep_put(&texts, sharing);
  skep_put(&texts, "\"}}");
  uint32_t end = texts.used;
  texts.used = start;
  add_length(end - start - 4);
  texts.used = end;
}

static skep_handle start(const void *record, uint32_t length, skep_call call, void *data) {
  if (texts.used > TEXTS) return -SKEP_E2BIG;
  skep_handle child = skep_child_start(record, length, bytes, texts.used);
  int error = child < 0 ? (int)child : skep_on(child, call, data);
  return error ? error : child;
}

static skep_handle begin(const char *file, const char *sharing, const char *const *words, uint32_t count, skep_call call, void *data) {
  texts = (struct skep_buffer){bytes, 0, TEXTS};
  add_program(file, sharing);
  add_text("skep");
  add_text("");
  add_texts(words, count);
  struct {
    skep_child_options options;
    skep_child_entry entries[4];
  } record = {
      {.flags = SKEP_CHILD_GUEST | SKEP_CHILD_CHANNEL | SKEP_CHILD_CLONE_ENV, .args = count, .stdio = 4, .uid = -1, .gid = -1},
      {{SKEP_STDIO_IGNORE, 0, 0}, {SKEP_STDIO_INHERIT, 1, 0}, {SKEP_STDIO_INHERIT, 2, 0}, {SKEP_STDIO_CHANNEL, 0, 0}},
  };
  return start(&record, sizeof record, call, data);
}

skep_handle skep_fork(const char *file, const char *const *words, uint32_t count, skep_call call, void *data) {
  return begin(file, "", words, count, call, data);
}

skep_handle skep_fork_worker(int number, skep_call call, void *data) {
  char digits[12] = "";
  struct skep_buffer text = {digits, 0, sizeof digits - 1};
  skep_put_number(&text, number, 10);
  return begin(0, digits, 0, 0, call, data);
}

int skep_worker(void) {
  return (int)skep_number(skep_member(skep_member(skep_start_record(), "info"), "sharing"));
}

/* ---- Other programs ---- */

skep_handle skep_spawn(const skep_command *command, skep_call call, void *data) {
  texts = (struct skep_buffer){bytes, 0, TEXTS};
  add_text(command->program);
  add_text(command->program);
  add_text(command->folder ? command->folder : "");
  add_texts(command->words, command->word_count);
  add_texts(command->variables, command->variable_count);
  struct {
    skep_child_options options;
    skep_child_entry entries[3];
  } record = {
      {.flags = command->variables ? 0 : SKEP_CHILD_CLONE_ENV, .args = command->word_count, .env = command->variable_count, .stdio = 3, .uid = -1, .gid = -1},
      {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}},
  };
  for (uint32_t i = 0; i < 3; i++) {
    uint32_t kind = command->stdio[i];
    if (kind != SKEP_STDIO_PIPE && kind != SKEP_STDIO_INHERIT && kind != SKEP_STDIO_IGNORE) return -SKEP_EINVAL;
    record.entries[i] = (skep_child_entry){kind, kind == SKEP_STDIO_INHERIT ? i : 0, 0};
  }
  return start(&record, sizeof record, call, data);
}

skep_handle skep_pipe(skep_handle child, int number, skep_call call, void *data) {
  skep_handle stream = skep_child_stdio(child, number);
  int error = stream < 0 ? (int)stream : skep_on(stream, call, data);
  if (error) return error;
  skep_credit(stream, SKEP_FIRST_CREDIT);
  return stream;
}
