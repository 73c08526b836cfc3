/* See skep_guest.h: asking HTTP servers. The host reads what they answer; what is asked is written here. It must not know what an
 * answer is good for. */
#include "skep_own.h"

/* Bytes of a request's head. */
#define HEAD (16u << 10)
/* Bytes of a chunk, and of what stands around them. */
#define CHUNK (64u << 10)
#define AROUND 16u

/* What goes out with one call: a head, or a chunk. */
static char bytes[CHUNK + AROUND];
static struct skep_buffer out;

skep_handle skep_http_connect(const char *host, int port, skep_call call, void *data) {
  skep_handle connection = skep_connect(host, port, call, data);
  if (connection < 0) return connection;
  int error = skep_http_client(connection, 0, 0);
  if (error) skep_close(connection), skep_on(connection, 0, 0);
  return error ? error : connection;
}

/* ---- What may be sent ---- */

static int is_visible(const char *text) {
  for (; *text; text++) {
    if (*text <= ' ' || *text > '~') return 0;
  }
  return 1;
}

/* A letter of a field's name or a method. */
static int is_token(char letter) {
  static const char others[] = "!#$%&'*+-.^_`|~";
  int found = (letter >= '0' && letter <= '9') || ((letter | 32) >= 'a' && (letter | 32) <= 'z');
  for (uint32_t i = 0; !found && i + 1 < sizeof others; i++) found = others[i] == letter;
  return found;
}

/* The length of a line's name and of the line without its end; 0 when it is none that can be sent. */
static uint32_t line(const char *text, uint32_t *name) {
  uint32_t at = 0;
  while (is_token(text[at])) at++;
  *name = at;
  if (!at || text[at] != ':') return 0;
  while ((uint8_t)text[at] >= ' ' ? text[at] != 127 : text[at] == '\t') at++;
  return text[at] == '\r' && text[at + 1] == '\n' ? at : 0;
}

static int is_named(const char *line, uint32_t length, const char *name) {
  return length == skep_length(name) && skep_same(line, name, length);
}

/* What its fields ask for; -SKEP_EINVAL when they cannot be sent: what frames a message is said here alone. */
static int expected(const skep_question *question) {
  int kind = SKEP_EXPECT_OTHER;
  uint32_t name, length;
  for (const char *at = question->fields; at && *at; at += length + 2) {
    length = line(at, &name);
    if (!length || is_named(at, name, "host") || is_named(at, name, "content-length") || is_named(at, name, "transfer-encoding")) {
      return -SKEP_EINVAL;
    }
    if (is_named(at, name, "upgrade")) kind = SKEP_EXPECT_UPGRADE;
  }
  if (is_named("CONNECT", 7, question->method)) return SKEP_EXPECT_CONNECT;
  return is_named("HEAD", 4, question->method) ? SKEP_EXPECT_HEAD : kind;
}

/* ---- Out ---- */

/* Methods that have no body unless one is given. */
static int is_bare(const char *method) {
  static const char *const bare[] = {"GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT"};
  for (uint32_t i = 0; i < sizeof bare / sizeof *bare; i++) {
    if (is_named(bare[i], skep_length(bare[i]), method)) return 1;
  }
  return 0;
}

static void put_head(const skep_question *question) {
  out = (struct skep_buffer){bytes, 0, HEAD};
  skep_put(&out, question->method);
  skep_put(&out, " ");
  skep_put(&out, question->target);
  skep_put(&out, " HTTP/1.1\r\nHost: ");
  skep_put(&out, question->host);
  skep_put(&out, "\r\n");
  if (question->fields) skep_put(&out, question->fields);
  if (question->in_parts) {
    skep_put(&out, "Transfer-Encoding: chunked\r\n");
  } else if (question->length || !is_bare(question->method)) {
    skep_put(&out, "Content-Length: ");
    skep_put_number(&out, (int64_t)question->length, 10);
    skep_put(&out, "\r\n");
  }
  skep_put(&out, "\r\n");
}

int skep_http_ask(skep_handle connection, const skep_question *given) {
  skep_question question = *given;
  if (!question.method) question.method = "GET";
  if (!question.target) question.target = "/";
  if (!question.host) return -SKEP_EINVAL;
  int kind = expected(&question);
  for (const char *at = question.method; *at; at++) {
    if (!is_token(*at)) return -SKEP_EINVAL;
  }
  int is_empty = !*question.method || !*question.target || !*question.host;
  if (kind < 0 || is_empty || !is_visible(question.target) || !is_visible(question.host)) return -SKEP_EINVAL;
  if (question.in_parts && question.length) return -SKEP_EINVAL;
  put_head(&question);
  if (out.used > HEAD) return -SKEP_E2BIG;
  /* The host knows that an answer is coming when it has begun. */
  int *due = skep_http_due(connection);
  if (due && *due) return -SKEP_EBUSY;
  int waiting = skep_http_expect(connection, kind);
  if (due && waiting >= 0) *due = 1;
  if (waiting >= 0) waiting = skep_stream_write(connection, out.at, out.used);
  if (waiting >= 0 && question.length) waiting = skep_stream_write(connection, question.body, question.length);
  /* A head without its body must not be taken for a request. */
  if (waiting < 0 && waiting != -SKEP_EBUSY) skep_stream_reset(connection);
  return waiting;
}

int skep_http_part(skep_handle connection, const void *part, size_t length) {
  if (length > CHUNK) return -SKEP_EMSGSIZE;
  out = (struct skep_buffer){bytes, 0, sizeof bytes};
  skep_put_number(&out, (int64_t)length, 16);
  skep_put(&out, "\r\n");
  skep_put_bytes(&out, part, length);
  skep_put(&out, "\r\n");
  return skep_stream_write(connection, out.at, out.used);
}
