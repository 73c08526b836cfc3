/* See skep_guest.h. Compiled with -ffreestanding: without it a compiler takes skep_length's loop for strlen, which is not
 * here. It must not know what a guest serves. */
#include "skep_own.h"

#define INBOX (256u << 10)
#define PAGE (64u << 10)
/* The low bits of a handle are its place in the host's table, and in ours. */
#define PLACE 0xffffffu
#define MOVED 256

static _Alignas(8) uint8_t inbox_bytes[INBOX];

struct entry {
  skep_handle handle;
  skep_call call;
  void *data;
  /* Of a connection: an HTTP answer is due, or coming. */
  int due;
};

/* Grows at the end of memory; the old one is left behind: each is twice as large as the one before. */
static struct entry *table;
static uint32_t places;
static struct entry others;
/* Entries whose place another handle has got: their last events may still wait to be delivered. */
static struct entry moved[MOVED];
static uint32_t moves;

static int grow(uint32_t place) {
  uint32_t wanted = places ? places : 1024;
  while (wanted <= place) wanted *= 2;
  uint32_t bytes = wanted * sizeof(struct entry);
  size_t at = __builtin_wasm_memory_grow(0, (bytes + PAGE - 1) / PAGE);
  if (at == (size_t)-1) return -SKEP_ENOMEM;
  struct entry *larger = (struct entry *)(at * PAGE);
  for (uint32_t i = 0; i < places; i++) larger[i] = table[i];
  table = larger;
  places = wanted;
  return 0;
}

int skep_on(skep_handle handle, skep_call call, void *data) {
  uint32_t place = (uint32_t)handle & PLACE;
  if (place >= places) {
    if (!call) return 0;
    int error = grow(place);
    if (error) return error;
  }
  struct entry *entry = &table[place];
  if (call && entry->handle && entry->handle != handle) moved[moves++ % MOVED] = *entry;
  if (call || entry->handle == handle) *entry = (struct entry){call ? handle : 0, call, data, entry->handle == handle && entry->due};
  for (uint32_t i = 0; !call && i < MOVED && i < moves; i++) {
    if (moved[i].handle == handle) moved[i].handle = 0;
  }
  return 0;
}

/* Who is told of a handle's events; 0 when nobody is. */
static struct entry *entry_of(skep_handle handle) {
  uint32_t place = (uint32_t)handle & PLACE;
  if (handle && place < places && table[place].handle == handle) return &table[place];
  for (uint32_t i = 0; handle && i < MOVED && i < moves; i++) {
    if (moved[i].handle == handle) return &moved[i];
  }
  return 0;
}

int skep_on_as(skep_handle handle, skep_handle other) {
  const struct entry *entry = entry_of(other);
  return entry ? skep_on(handle, entry->call, entry->data) : 0;
}

void skep_on_others(skep_call call, void *data) {
  others = (struct entry){0, call, data, 0};
}

int *skep_http_due(skep_handle connection) {
  struct entry *entry = entry_of(connection);
  return entry ? &entry->due : 0;
}

/* The last of an HTTP answer, or of HTTP. One below 200 comes before the real one. */
static int is_last(const skep_event *event, const uint8_t *payload) {
  if (event->kind != SKEP_EV_HTTP_RESPONSE) return event->kind == SKEP_EV_HTTP_END || event->kind == SKEP_EV_HTTP_FAULT;
  uint32_t flags = ((const skep_request *)payload)->flags;
  return flags & SKEP_REQUEST_UPGRADE || (flags & SKEP_REQUEST_COMPLETE && skep_status(payload) >= 200);
}

static const skep_listen_options http_options = {
    .flags = SKEP_LISTEN_HTTP | SKEP_LISTEN_REQUIRE_HOST | SKEP_LISTEN_NO_DELAY,
    .headers_timeout = 60000,
    .request_timeout = 300000,
    .keep_alive_timeout = 5000,
    .keep_alive_buffer = 1000,
};

static skep_handle told(skep_handle handle, skep_call call, void *data) {
  if (handle < 0) return handle;
  int error = skep_on(handle, call, data);
  return error ? error : handle;
}

static skep_handle listen_with(const char *host, int port, skep_listen_options options, skep_call call, void *data) {
  skep_handle shared = skep_worker_listen(host, port, &options);
  if (shared != -SKEP_ENOSYS) return told(shared, call, data);
  return told(skep_listen(host, skep_length(host), port, 511, &options, sizeof options), call, data);
}

skep_handle skep_http_listen(const char *host, int port, skep_call call, void *data) {
  return listen_with(host, port, http_options, call, data);
}

int skep_http_upgrades(skep_handle listener) {
  skep_listen_options options = http_options;
  options.flags |= SKEP_LISTEN_UPGRADE | SKEP_LISTEN_CONNECT;
  return skep_worker_set(listener, &options);
}

skep_handle skep_http_shared(int id, skep_call call, void *data) {
  return told(skep_listen_shared(id, &http_options, sizeof http_options), call, data);
}

static const skep_listen_options net_options = {.flags = SKEP_LISTEN_NO_DELAY};

/* One that came with a message and has rested so far. */
static skep_handle serve(skep_handle listener, const skep_listen_options *options, skep_call call, void *data) {
  int error = skep_on(listener, call, data);
  if (!error) error = skep_listen_set(listener, options, sizeof *options);
  return error ? error : listener;
}

skep_handle skep_http_serve(skep_handle listener, skep_call call, void *data) {
  return serve(listener, &http_options, call, data);
}

skep_handle skep_net_serve(skep_handle listener, skep_call call, void *data) {
  return serve(listener, &net_options, call, data);
}

skep_handle skep_net_listen(const char *host, int port, skep_call call, void *data) {
  return listen_with(host, port, net_options, call, data);
}

int skep_answer(skep_handle exchange, int status, const char *fields, const void *body, size_t length) {
  int flags = SKEP_RESPOND_END | SKEP_RESPOND_IMPLICIT;
  return skep_http_respond(exchange, status, flags, fields, skep_length(fields), body, length);
}

static const char *raw(const uint8_t *payload) {
  const skep_request *request = (const skep_request *)payload;
  return (const char *)payload + sizeof *request + request->field_count * sizeof(skep_field);
}

const char *skep_target(const uint8_t *payload, size_t *length) {
  const skep_request *request = (const skep_request *)payload;
  *length = request->target_len;
  return raw(payload) + request->target;
}

static char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? letter + 32 : letter;
}

int skep_same(const char *a, const char *b, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (lower(a[i]) != lower(b[i])) return 0;
  }
  return 1;
}

const char *skep_header(const uint8_t *payload, const char *name, size_t *length) {
  const skep_request *request = (const skep_request *)payload;
  const skep_field *fields = (const skep_field *)(request + 1);
  size_t wanted = skep_length(name);
  for (uint32_t i = 0; i < request->field_count; i++) {
    if (fields[i].name_len == wanted && skep_same(raw(payload) + fields[i].name, name, wanted)) {
      *length = fields[i].value_len;
      return raw(payload) + fields[i].value;
    }
  }
  *length = 0;
  return 0;
}

const uint8_t *skep_body(const uint8_t *payload, size_t *length) {
  const skep_request *request = (const skep_request *)payload;
  *length = request->body_len;
  return (const uint8_t *)raw(payload) + request->raw_len;
}

int skep_status(const uint8_t *payload) {
  return (int)((const skep_request *)payload)->conn;
}

int skep_is_whole(const uint8_t *payload) {
  return (((const skep_request *)payload)->flags & SKEP_REQUEST_COMPLETE) != 0;
}

size_t skep_length(const char *text) {
  size_t length = 0;
  while (text[length]) length++;
  return length;
}

void skep_say(const char *text) {
  skep_log(1, text, skep_length(text));
  skep_log(1, "\n", 1);
}

void skep_tell(skep_event *event, const uint8_t *payload) {
  skep_handle to = (skep_handle)event->handle;
  if (!skep_worker_event(event)) return;
  if (event->kind == SKEP_EV_TIMER && skep_timers_due(event)) return;
  if (event->kind == SKEP_EV_SIGNAL && skep_signalled(event)) return;
  if (event->kind == SKEP_EV_CALL) return skep_called(event, payload);
  if (event->kind == SKEP_EV_HTTP_REQUEST || event->kind == SKEP_EV_ACCEPTED) to = *(const skep_handle *)payload;
  struct entry *found = entry_of(to);
  if (found) {
    if (is_last(event, payload)) found->due = 0;
    struct entry entry = *found;
    int gone = event->kind == SKEP_EV_STREAM_CLOSED || event->kind == SKEP_EV_LISTENER_CLOSED ||
               event->kind == SKEP_EV_LISTEN_FAILED || event->kind == SKEP_EV_HTTP_DONE || event->kind == SKEP_EV_HTTP_ABORTED ||
               event->kind == SKEP_EV_CHILD_FAILED || event->kind == SKEP_EV_CHILD_EXIT || event->kind == SKEP_EV_CHANNEL_CLOSED ||
               event->kind == SKEP_EV_OP_DONE || event->kind == SKEP_EV_HOST_REPLY || event->kind == SKEP_EV_UDP_CLOSED;
    if (gone) skep_on(to, 0, 0);
    entry.call(event, payload, entry.data);
  } else if (others.call) {
    others.call(event, payload, others.data);
  }
}

/* A clone goes on from where its image was taken: there main has run. */
static void begin(const skep_event *event) {
  /* The timer was another host's. */
  if (event->flags & SKEP_START_CLONED) skep_timers_arm();
  if (!(event->flags & SKEP_START_CLONED)) {
    skep_worker_begin();
    skep_main();
  } else if (!(event->flags & SKEP_START_SAME)) {
    skep_worker_forget();
  }
}

__attribute__((export_name("skep_abi"))) int skep_guest_abi(void) {
  skep_inbox(inbox_bytes, INBOX);
  return SKEP_ABI_VERSION;
}

__attribute__((export_name("skep_on_events"))) int skep_guest_on_events(int length) {
  uint8_t *at = inbox_bytes + sizeof(skep_batch), *end = inbox_bytes + length;
  while (at < end) {
    skep_event *event = (skep_event *)at;
    at += event->size;
    if (event->kind == SKEP_EV_START) begin(event);
    int internal = event->kind == SKEP_EV_CHANNEL_MESSAGE && event->flags & SKEP_CHANNEL_INTERNAL;
    if (!internal || !skep_worker_hears(event, (uint8_t *)(event + 1))) skep_tell(event, (uint8_t *)(event + 1));
  }
  return 0;
}
