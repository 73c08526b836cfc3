/* See skep_guest.h: the program that the host is part of, where there is one. It must not know what any call is about. */
#include "skep_own.h"

/* What a refusal says at most, and what stands at its end. */
#define WHY 1024
#define END "\",\"stack\":\"\"}"

static skep_call answering;
static void *answering_data;

void skep_on_calls(skep_call call, void *data) {
  answering = call;
  answering_data = data;
}

int skep_refuse(skep_handle call, const char *why) {
  char text[WHY];
  struct skep_buffer said = {text, 0, WHY - (sizeof END - 1)};
  skep_put(&said, "{\"name\":\"Error\",\"message\":\"");
  uint32_t start = said.used;
  skep_put_escaped(&said, why);
  /* What is too long is not said: a piece might end within a letter. */
  if (said.used > said.room) said.used = start;
  said.room = WHY;
  skep_put(&said, END);
  return skep_call_reply(call, SKEP_VALUE_FAILED, text, said.used);
}

/* What the call is given nobody takes. Where there is no room even for a refusal the handle goes, which says as much. */
static void refuse(const skep_event *event, const uint8_t *payload, const char *why) {
  skep_bytes value = skep_value(event, payload);
  skep_let_go(&value);
  if (skep_refuse((skep_handle)event->handle, why) < 0) skep_close((skep_handle)event->handle);
}

void skep_called(const skep_event *event, const uint8_t *payload) {
  if ((event->flags & SKEP_CALLEE_MASK) != SKEP_CALLEE_FUNCTION) refuse(event, payload, "this guest runs no scripts");
  else if (event->flags & SKEP_VALUE_FAILED) refuse(event, payload, "what the call is given did not come");
  else if (!answering) refuse(event, payload, "this guest answers no calls");
  else answering(event, payload, answering_data);
}

const char *skep_function(const skep_event *event, const uint8_t *payload, size_t *length) {
  *length = event->value;
  return (const char *)payload;
}

skep_handle skep_ask_host(const char *name, int flags, const void *value, size_t length, skep_call call, void *data) {
  skep_handle asked = skep_host_call(name, skep_length(name), flags, value, length);
  int error = asked < 0 ? (int)asked : skep_on(asked, call, data);
  return error ? error : asked;
}

skep_bytes skep_value(const skep_event *event, const uint8_t *payload) {
  uint32_t start = event->kind == SKEP_EV_CALL ? (event->value + 7) & ~7u : 0;
  int in_blob = event->kind == SKEP_EV_OP_DONE ? event->flags & SKEP_DONE_BLOB : event->flags & SKEP_VALUE_BLOB;
  skep_bytes bytes = {payload + start, event->len - start, 0};
  if (in_blob) {
    bytes.blob = *(const skep_handle *)(payload + start);
    bytes.length = (uint64_t)skep_blob_len(bytes.blob);
  }
  return bytes;
}

uint32_t skep_copy(const skep_bytes *bytes, uint64_t from, void *to, uint32_t length) {
  if (from >= bytes->length) return 0;
  if (length > bytes->length - from) length = (uint32_t)(bytes->length - from);
  uint8_t *at = to;
  if (bytes->blob) {
    int copied = skep_blob_read(bytes->blob, (int64_t)from, to, length);
    return copied < 0 ? 0 : (uint32_t)copied;
  }
  for (uint32_t i = 0; i < length; i++) at[i] = bytes->at[from + i];
  return length;
}

void skep_let_go(skep_bytes *bytes) {
  if (bytes->blob) skep_close(bytes->blob);
  *bytes = (skep_bytes){0, 0, 0};
}
