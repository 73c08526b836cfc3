/* Two workers behind one address; each tells its number, and is replaced when it ends. */
#include "../skep_guest.h"

#ifndef PORT
#define PORT 1337
#endif

#define WORKERS 2
/* The address, as primary and workers call it. */
#define ADDRESS 1

static skep_handle listener;

static void start_worker(int number);

static void on_child(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload;
  if (event->kind == SKEP_EV_CHILD_FAILED) skep_exit(1);
  if (event->kind == SKEP_EV_CHILD_EXIT) start_worker((int)(intptr_t)data);
}

static void start_worker(int number) {
  skep_handle child = skep_fork_worker(number, on_child, (void *)(intptr_t)number);
  if (child < 0 || skep_listener_share(listener, skep_child_channel(child), ADDRESS) < 0) skep_exit(1);
}

static void on_primary(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  if (event->kind == SKEP_EV_LISTENING) skep_say("Server running");
  if (event->kind == SKEP_EV_LISTEN_FAILED) skep_exit(1);
}

static void on_worker(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload;
  if (event->kind == SKEP_EV_HTTP_REQUEST) {
    char text[] = "Hello from worker 0\n";
    text[18] = (char)('0' + *(int *)data);
    skep_answer((skep_handle)event->handle, 200, "Content-Type: text/plain\r\n", text, sizeof text - 1);
  }
}

void skep_main(void) {
  static int number;
  number = skep_worker();
  if (number) {
    skep_http_shared(ADDRESS, on_worker, &number);
    return;
  }
  listener = skep_http_listen("127.0.0.1", PORT, on_primary, 0);
  if (listener < 0) skep_exit(1);
  for (int each = 1; each <= WORKERS; each++) start_worker(each);
}
