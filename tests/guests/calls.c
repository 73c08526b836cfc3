/* A guest for the tests that does by the boundary's calls alone what the SDK in C has words for, too: each path asks for one of them, and
 * is answered with what came of it. */
#include "../skep_guest.h"

#define OF(event) ((skep_handle)(event)->handle)
static const char LOCAL[] = "127.0.0.1";

/* The exchanges that wait for what no handle tells. */
static skep_handle timed, signalled;

static void answer(void *waiting, const void *bytes, size_t length) {
  skep_answer((skep_handle)(size_t)waiting, 200, "", bytes, length);
}

static void on_done(const skep_event *event, const uint8_t *payload, void *waiting) {
  if (event->kind != SKEP_EV_OP_DONE) return;
  skep_on(OF(event), 0, 0);
  if (event->flags & SKEP_DONE_FAILED) answer(waiting, "failed", 6);
  else answer(waiting, payload, event->len);
}

static void queue(int op, const char *path, size_t length, void *waiting) {
  struct {
    skep_file_request request;
    char path[256];
  } asked = {{.a = -1, .b = 1000, .path_len = (uint32_t)length}, ""};
  for (size_t i = 0; i < length; i++) asked.path[i] = path[i];
  skep_handle operation = skep_fs_queue(op, &asked, (uint32_t)(sizeof asked.request + length), 0, 0);
  if (operation < 0) answer(waiting, "refused", 7);
  else skep_on(operation, on_done, waiting);
}

static void on_stream(const skep_event *event, const uint8_t *payload, void *waiting) {
  if (event->kind == SKEP_EV_STREAM_OPEN) skep_stream_write(OF(event), "ping", 4);
  if (event->kind == SKEP_EV_STREAM_CLOSED && event->value) answer(waiting, "closed", 6);
  if (event->kind != SKEP_EV_STREAM_DATA) return;
  answer(waiting, payload, event->len);
  skep_close(OF(event));
}

/* What is said to a server, and what it answers with its head. */
static void on_asked(const skep_event *event, const uint8_t *payload, void *waiting) {
  static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  if (event->kind == SKEP_EV_STREAM_OPEN) {
    skep_http_client(OF(event), 0, 0);
    skep_http_expect(OF(event), SKEP_EXPECT_OTHER);
    skep_stream_write(OF(event), request, sizeof request - 1);
  }
  if (event->kind != SKEP_EV_HTTP_RESPONSE) return;
  size_t length;
  const uint8_t *body = skep_body(payload, &length);
  answer(waiting, body, length);
  skep_close(OF(event));
}

static void on_udp(const skep_event *event, const uint8_t *payload, void *waiting) {
  if (event->kind != SKEP_EV_UDP_MESSAGE) return;
  uint32_t from = 8u + payload[0] + payload[1] * 256u;
  answer(waiting, payload + from, event->len - from);
  skep_close(OF(event));
}

/* A body as it comes; what has been passed on may be followed by as much. */
static void on_body(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  if (event->kind == SKEP_EV_HTTP_BODY) {
    skep_http_write(OF(event), 0, payload, event->len);
    skep_credit(OF(event), (int)event->len);
  }
  if (event->kind == SKEP_EV_HTTP_END) {
    skep_on(OF(event), 0, 0);
    skep_http_end(OF(event), 0, 0, 0);
  }
}

static void echo(skep_handle exchange, const uint8_t *payload) {
  size_t length;
  const uint8_t *first = skep_body(payload, &length);
  skep_http_respond(exchange, 200, 0, 0, 0, first, length);
  if (((const skep_request *)payload)->flags & SKEP_REQUEST_COMPLETE) {
    skep_http_end(exchange, 0, 0, 0);
    return;
  }
  skep_on(exchange, on_body, 0);
  skep_credit(exchange, (int)length);
}

static int number(const uint8_t *payload, const char *name) {
  size_t length;
  const char *text = skep_header(payload, name, &length);
  int value = 0;
  for (size_t i = 0; i < length; i++) value = value * 10 + text[i] - '0';
  return value;
}

static void on_server(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  if (event->kind == SKEP_EV_LISTENING) skep_say("ready");
  if (event->kind != SKEP_EV_HTTP_REQUEST) return;
  void *waiting = (void *)(size_t)OF(event);
  size_t length;
  skep_handle made = 0;
  int port = number(payload, "x-port");
  skep_connect_options plain = {0, 0};
  switch (skep_target(payload, &length)[1]) {
    case 'b': return echo(OF(event), payload);
    case 't':
      timed = OF(event);
      skep_timer_arm(skep_clock(SKEP_CLOCK_MONOTONIC) + 20000000, 1);
      return;
    case 's':
      signalled = OF(event);
      skep_signal_watch(10, 1);
      skep_say("watching");
      return;
    case 'f': {
      const char *path = skep_header(payload, "x-path", &length);
      return queue(SKEP_FS_READ_FILE, path, length < 256 ? length : 255, waiting);
    }
    case 'i': return queue(SKEP_FS_READ_INPUT, "", 0, waiting);
    case 'n':
      made = skep_name_lookup("localhost", 9, 4, 0);
      skep_on(made, on_done, waiting);
      break;
    case 'c':
    case 'g':
      made = skep_net_connect(LOCAL, 9, port, &plain, sizeof plain);
      skep_on(made, skep_target(payload, &length)[1] == 'c' ? on_stream : on_asked, waiting);
      break;
    case 'u':
      made = skep_udp_bind(LOCAL, 9, 0, 0);
      skep_on(made, on_udp, waiting);
      if (made > 0) made = skep_udp_send(made, LOCAL, 9, port, "datagram", 8) < 0 ? -1 : made;
      break;
  }
  if (made < 0) answer(waiting, "refused", 7);
}

static void on_other(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  if (event->kind == SKEP_EV_TIMER) skep_answer(timed, 200, "", "timer", 5);
  if (event->kind == SKEP_EV_SIGNAL) skep_answer(signalled, 200, "", "signal", 6);
}

void skep_main(void) {
  skep_on_others(on_other, 0);
  skep_http_listen(LOCAL, PORT, on_server, 0);
}
