/* An HTTP server: every request gets the same answer. */
#include "../skep_guest.h"

#ifndef PORT
#define PORT 1337
#endif

static void on_event(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  if (event->kind == SKEP_EV_LISTENING) skep_say("Server running");
  if (event->kind == SKEP_EV_LISTEN_FAILED) skep_exit(1);
  if (event->kind == SKEP_EV_HTTP_REQUEST) {
    skep_answer((skep_handle)event->handle, 200, "Content-Type: text/plain\r\n", "Hello World\n", 12);
  }
}

void skep_main(void) {
  if (skep_http_listen("127.0.0.1", PORT, on_event, 0) < 0) skep_exit(1);
}
