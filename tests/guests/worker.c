/* A guest for the tests of workers, as worker.rs: it listens on any port, or at the path that the variable PLACE names, answers
 * with its number and sends back what it is sent; a socket that comes with a message it greets and gives back. With the variable TELL
 * it says at its listener's end which port that was. */
#include "../skep_guest.h"

static skep_handle listener;
static uint32_t port;
static int closed;

static void tell_closed(int own) {
  char text[] = "own 00000";
  for (uint32_t at = sizeof text - 2; port && at > 3; at--, port /= 10) text[at] = (char)('0' + port % 10);
  if (skep_variable("TELL", 0, 0) >= 0) skep_say(own ? text : "another's");
}

static void on_server(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  char text[] = {closed ? 'c' : (char)('0' + skep_script_worker()), 0};
  if (event->kind == SKEP_EV_LISTENING) port = (skep_handle)event->handle == listener ? event->value : 0;
  if (event->kind == SKEP_EV_LISTENER_CLOSED) {
    closed = 1;
    tell_closed((skep_handle)event->handle == listener);
  }
  if (event->kind == SKEP_EV_HTTP_REQUEST) skep_answer((skep_handle)event->handle, 200, "", text, 1);
  if (event->kind == SKEP_EV_LISTEN_FAILED) skep_exit((int)event->value);
}

static void on_liar(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  size_t length;
  skep_handle came;
  if (event->kind != SKEP_EV_CHANNEL_MESSAGE) return;
  const char *message = skep_message(event, payload, &length, &came);
  skep_channel_send(skep_parent_channel(), 0, message, (uint32_t)length, 0);
}

static void on_child(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  if (event->kind == SKEP_EV_CHILD_FAILED) skep_exit((int)event->value);
}

static void fork_liar(void) {
  char path[1000];
  skep_variable("LIAR", path, sizeof path);
  skep_handle child = skep_fork(path, 0, 0, on_child, 0);
  skep_on(skep_child_channel(child), on_liar, 0);
}

static void on_parent(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  if (event->kind == SKEP_EV_CHANNEL_CLOSED && !skep_script_worker()) skep_exit(3);
  if (event->kind != SKEP_EV_CHANNEL_MESSAGE) return;
  size_t length;
  skep_handle came;
  const char *message = skep_message(event, payload, &length, &came);
  if (came) {
    skep_stream_write(came, "greetings ", 10);
    if (skep_send_with((skep_handle)event->handle, "{\"back\":[\"}\"]}", came) < 0) skep_close(came);
  } else if (length == 6 && message[1] == 'f' && message[4] == 'l') {
    /* As much as the channel takes in one turn, to the last byte. */
    static char large[512 << 10];
    for (size_t i = 0; i < sizeof large; i++) large[i] = i ? 'x' : '"';
    for (size_t size = sizeof large; size >= 2; size /= 2) {
      large[size - 1] = '"';
      while (skep_channel_send((skep_handle)event->handle, 0, large, (uint32_t)size, 0) >= 0) continue;
    }
  } else if (length == 6 && message[1] == 'f' && message[4] == 'k') {
    fork_liar();
  } else {
    skep_channel_send((skep_handle)event->handle, 0, message, (uint32_t)length, 0);
  }
}

void skep_main(void) {
  skep_handle parent = skep_parent_channel();
  skep_on(parent, on_parent, 0);
  skep_handle_ref(parent, 1);
  char path[100];
  int named = skep_variable("PLACE", path, sizeof path) >= 0;
  if (skep_script_worker()) listener = skep_http_listen(named ? path : "127.0.0.1", named ? -1 : 0, on_server, 0);
  if (listener < 0) skep_exit((int)-listener);
}
