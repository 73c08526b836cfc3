/* A TCP server that sends back what it is sent. A peer that does not read is not read from either: the credit of what it
 * sent is given back when its answer has gone. */
#include "../skep_guest.h"

#ifndef PORT
#define PORT 7007
#endif

/* Streams at once; the low 24 bits of a handle number them. */
#define STREAMS (64 << 10)

/* Credit that each is owed. */
static uint32_t owed[STREAMS];

static void on_stream(const skep_event *event, const uint8_t *payload, void *data) {
  skep_handle stream = (skep_handle)event->handle;
  uint32_t place = (uint32_t)stream & 0xffffff;
  (void)data;
  switch (event->kind) {
    case SKEP_EV_STREAM_DATA: {
      int waiting = skep_stream_write(stream, payload, event->len);
      if (waiting < 0) {
        skep_stream_reset(stream);
      } else if (waiting > SKEP_DRAIN_ABOVE) {
        owed[place] += event->len;
      } else {
        skep_credit(stream, event->len);
      }
      break;
    }
    case SKEP_EV_STREAM_DRAIN:
      skep_credit(stream, owed[place]);
      owed[place] = 0;
      break;
    case SKEP_EV_STREAM_END:
      skep_close(stream);
      break;
    case SKEP_EV_STREAM_CLOSED:
      owed[place] = 0;
      break;
  }
}

static void on_listener(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  if (event->kind == SKEP_EV_LISTENING) skep_say("Server running");
  if (event->kind == SKEP_EV_LISTEN_FAILED) skep_exit(1);
  if (event->kind == SKEP_EV_ACCEPTED) {
    skep_handle stream = (skep_handle)event->handle;
    if (((uint32_t)stream & 0xffffff) >= STREAMS || skep_on(stream, on_stream, 0) < 0) skep_stream_reset(stream);
  }
}

void skep_main(void) {
  if (skep_net_listen("127.0.0.1", PORT, on_listener, 0) < 0) skep_exit(1);
}
