/* See skep_guest.h: streams, names, files, input, UDP, timers and signals. It must not know what anything is used for. */
#include "skep_own.h"

/* Bytes of the two paths of a file operation. */
#define PATHS 8192u
#define TIMERS 64
#define SIGNALS 16

static skep_handle told(skep_handle handle, skep_call call, void *data) {
  int error = handle < 0 ? (int)handle : skep_on(handle, call, data);
  return error ? error : handle;
}

skep_handle skep_connect(const char *host, int port, skep_call call, void *data) {
  skep_connect_options options = {.flags = SKEP_CONNECT_NO_DELAY};
  return told(skep_net_connect(host, skep_length(host), port, &options, sizeof options), call, data);
}

skep_handle skep_udp(const char *host, int port, skep_call call, void *data) {
  return told(skep_udp_bind(host, skep_length(host), port, 0), call, data);
}

skep_handle skep_udp_serve(skep_handle socket, skep_call call, void *data) {
  int error = skep_udp_option(socket, SKEP_UDP_RECEIVE, 1);
  return error ? error : told(socket, call, data);
}

const uint8_t *skep_datagram(const skep_event *event, const uint8_t *payload, size_t *length, skep_address_text *from) {
  uint32_t host = payload[0] + payload[1] * 256u;
  struct skep_buffer text = {from->host, 0, sizeof from->host - 1};
  skep_put_bytes(&text, payload + 8, host);
  from->host[text.used < text.room ? text.used : text.room] = 0;
  from->port = payload[2] + payload[3] * 256;
  *length = event->len - 8 - host;
  return payload + 8 + host;
}

skep_handle skep_lookup(const char *name, skep_call call, void *data) {
  return told(skep_name_lookup(name, skep_length(name), 0, 0), call, data);
}

/* Each is a line `family address`. */
int skep_found(const skep_event *event, const uint8_t *payload, uint32_t number, char *to, uint32_t room) {
  if (event->flags & SKEP_DONE_FAILED) return -(int)event->value;
  uint32_t at = 0;
  for (; number && at < event->len; at++) number -= payload[at] == '\n';
  while (at < event->len && payload[at] != ' ') at++;
  struct skep_buffer text = {to, 0, room ? room - 1 : 0};
  for (at++; at < event->len && payload[at] != '\n'; at++) skep_put_bytes(&text, payload + at, 1);
  if (!text.used || text.used > text.room) return text.used ? -SKEP_E2BIG : -SKEP_ENOENT;
  to[text.used] = 0;
  return (int)text.used;
}

/* ---- Files ---- */

static struct {
  skep_file_request request;
  char paths[PATHS];
} asked;
static struct skep_buffer paths;

static skep_handle queue(int op, const void *bytes, uint32_t length, skep_call call, void *data) {
  if (paths.used > PATHS) return -SKEP_ENAMETOOLONG;
  return told(skep_fs_queue(op, &asked, (uint32_t)sizeof asked.request + paths.used, bytes, length), call, data);
}

/* A path that is not absolute is one within the folder that the guest works in. */
static uint32_t add_path(const char *path) {
  uint32_t start = paths.used;
  if (*path && *path != '/' && start < PATHS) {
    int64_t folder = skep_said(skep_member(skep_start_record(), "cwd"), paths.at + start, PATHS - start);
    paths.used += (uint32_t)folder;
    skep_put(&paths, "/");
  }
  skep_put(&paths, path);
  return paths.used - start;
}

skep_handle skep_file(int op, const skep_file_question *question, skep_call call, void *data) {
  paths = (struct skep_buffer){asked.paths, 0, PATHS};
  int64_t a = op == SKEP_FS_MAKE_FOLDER ? 0 : -1;
  asked.request = (skep_file_request){.a = a, .flags = question->flags, .mode = question->mode};
  asked.request.path_len = question->path ? add_path(question->path) : 0;
  if (question->other && op == SKEP_FS_SYMLINK) {
    skep_put(&paths, question->other);
    asked.request.other_len = skep_length(question->other);
  } else if (question->other) {
    asked.request.other_len = add_path(question->other);
  }
  return queue(op, 0, 0, call, data);
}

static void ask_of(skep_handle file, int64_t position, int64_t length) {
  paths = (struct skep_buffer){asked.paths, 0, PATHS};
  asked.request = (skep_file_request){.file = (uint64_t)file, .a = position, .b = length};
}

skep_handle skep_file_read(skep_handle file, int64_t position, uint32_t length, skep_call call, void *data) {
  ask_of(file, position, length);
  return queue(SKEP_FS_READ, 0, 0, call, data);
}

skep_handle skep_file_write(skep_handle file, int64_t position, const void *bytes, uint32_t length, skep_call call, void *data) {
  ask_of(file, position, 0);
  return queue(SKEP_FS_WRITE, bytes, length, call, data);
}

skep_handle skep_input(uint32_t length, skep_call call, void *data) {
  ask_of(0, -1, length);
  return queue(SKEP_FS_READ_INPUT, 0, 0, call, data);
}

skep_handle skep_opened(const skep_event *event, const uint8_t *payload) {
  if (event->flags & SKEP_DONE_FAILED) return -(skep_handle)event->value;
  return event->flags & SKEP_DONE_HANDLE ? *(const skep_handle *)payload : -SKEP_EINVAL;
}

/* ---- Timers and signals ---- */

static struct timer {
  /* The order is counted: of two for the same moment the first that was set comes first. */
  int64_t deadline, order;
  skep_call call;
  void *data;
  /* To cancel it by; after 2^31 of them they begin anew. 0: free. */
  int number;
} timers[TIMERS];
static int64_t set;
static int last;

static struct timer *first(int64_t until) {
  struct timer *found = 0;
  for (struct timer *each = timers; each < timers + TIMERS; each++) {
    if (!each->number || each->deadline > until) continue;
    int sooner = !found || each->deadline < found->deadline;
    if (sooner || (each->deadline == found->deadline && each->order < found->order)) found = each;
  }
  return found;
}

void skep_timers_arm(void) {
  struct timer *next = first(INT64_MAX);
  if (next) skep_timer_arm(next->deadline, 1);
}

static struct timer *numbered(int number) {
  struct timer *each = timers;
  while (each < timers + TIMERS && each->number != number) each++;
  return each < timers + TIMERS ? each : 0;
}

int skep_after(uint32_t milliseconds, skep_call call, void *data) {
  struct timer *free = numbered(0);
  if (!free) return -SKEP_ENOMEM;
  do last = last == INT32_MAX ? 1 : last + 1;
  while (numbered(last));
  *free = (struct timer){skep_clock(SKEP_CLOCK_MONOTONIC) + milliseconds * INT64_C(1000000), ++set, call, data, last};
  skep_timers_arm();
  return last;
}

int skep_cancel(int number) {
  struct timer *found = number > 0 ? numbered(number) : 0;
  if (!found) return -SKEP_ENOENT;
  found->number = 0;
  if (first(INT64_MAX)) skep_timers_arm();
  else skep_timer_arm(-1, 0);
  return 0;
}

int skep_timers_due(const skep_event *event) {
  if (!first(INT64_MAX)) return 0;
  int64_t now = skep_clock(SKEP_CLOCK_MONOTONIC);
  int64_t before = set;
  for (struct timer *each = first(now); each; each = first(now)) {
    /* What is set meanwhile waits for the next turn, or one that sets itself would be here for ever. */
    if (each->order > before) break;
    struct timer due = *each;
    each->number = 0;
    due.call(event, 0, due.data);
  }
  skep_timers_arm();
  return 1;
}

static struct {
  int signal;
  skep_call call;
  void *data;
} signals[SIGNALS];

int skep_on_signal(int signal, skep_call call, void *data) {
  uint32_t at = 0;
  while (at < SIGNALS && signals[at].call && signals[at].signal != signal) at++;
  if (at == SIGNALS) return -SKEP_ENOMEM;
  int error = skep_signal_watch(signal, 1);
  if (error < 0) return error;
  signals[at].signal = signal;
  signals[at].call = call;
  signals[at].data = data;
  return 0;
}

int skep_signalled(const skep_event *event) {
  for (uint32_t at = 0; at < SIGNALS; at++) {
    if (!signals[at].call || signals[at].signal != (int)event->value) continue;
    signals[at].call(event, 0, signals[at].data);
    return 1;
  }
  return 0;
}
