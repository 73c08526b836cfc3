/* A guest for the tests of UDP sockets that travel, as datagrams.rs. Its peer, the process that started it or the file that its first word
 * names, tells it what to do. What the SDK's words do not let it say, it says by the call itself when it is to lie. */
#include "../skep_guest.h"

#define OF(event) ((skep_handle)(event)->handle)

static skep_handle peer, kept;

static void tell(const char *json) {
  skep_channel_send(peer, 0, json, (uint32_t)skep_length(json), 0);
}

static int is(const char *text, size_t length, const char *other) {
  size_t at = 0;
  while (at < length && other[at] == text[at]) at++;
  return at == length && !other[at];
}

static void on_socket(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  if (event->kind == SKEP_EV_UDP_CLOSED) tell(event->value ? "\"failed\"" : "\"closed\"");
  if (event->kind != SKEP_EV_UDP_MESSAGE) return;
  size_t length;
  skep_address_text from;
  const uint8_t *message = skep_datagram(event, payload, &length, &from);
  char answer[100] = "here: ";
  uint32_t used = 6;
  for (size_t i = 0; i < length && used < sizeof answer; i++) answer[used++] = (char)message[i];
  if (length) skep_udp_send(OF(event), from.host, (uint32_t)skep_length(from.host), from.port, answer, used);
  else skep_close(OF(event));
}

/* ---- A socket of this guest's ---- */

static char host[48];
static int port;

/* It goes to the peer, twice; then it is used here, too. */
static void on_own(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  if (event->kind == SKEP_EV_UDP_SENT) skep_close(OF(event));
  if (event->kind != SKEP_EV_UDP_BOUND) return;
  skep_udp_option(OF(event), SKEP_UDP_RECEIVE, 0);
  if (skep_send_datagram(peer, "\"one\"", OF(event)) < 0 || skep_send_datagram(peer, "\"two\"", OF(event)) < 0) skep_exit(4);
  skep_udp_send(OF(event), host, (uint32_t)skep_length(host), port, "still mine", 10);
}

/* "yours HOST PORT" */
static void offer(const char *message, size_t length) {
  uint32_t used = 0;
  size_t at = 7;
  for (; at < length && message[at] != ' ' && used + 1 < sizeof host; at++) host[used++] = message[at];
  host[used] = 0;
  port = 0;
  for (at++; at < length && message[at] != '"'; at++) port = port * 10 + message[at] - '0';
  if (skep_udp(host, 0, on_own, 0) < 0) skep_exit(5);
}

/* ---- What cannot be done ---- */

static char said[200] = "[";
static uint32_t used = 1;
static skep_handle listener;

static void note(int64_t answer) {
  uint64_t left = answer < 0 ? -(uint64_t)answer : (uint64_t)answer;
  if (used > 1) said[used++] = ',';
  if (answer < 0) said[used++] = '-';
  if (left > 9) said[used++] = (char)('0' + left / 10 % 10);
  said[used++] = (char)('0' + left % 10);
}

static void on_wrong(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  if (event->kind == SKEP_EV_UDP_BOUND) {
    /* Handles of another kind, or of nothing. */
    note(skep_send_datagram(peer, "1", listener));
    note(skep_send_datagram(peer, "2", peer));
    note(skep_send_datagram(peer, "3", 0));
    note(skep_send_with(peer, "4", OF(event)));
    note(skep_send_listener(peer, "5", OF(event)));
    note(skep_udp_serve(listener, on_wrong, 0));
    skep_close(OF(event));
    note(skep_send_datagram(peer, "6", OF(event)));
    skep_stop(listener);
  }
  if (event->kind != SKEP_EV_UDP_CLOSED) return;
  note(skep_send_datagram(peer, "7", OF(event)));
  note(skep_udp_serve(OF(event), on_wrong, 0));
  said[used++] = ']';
  tell(said);
}

static void wrong(void) {
  listener = skep_net_listen("127.0.0.1", 0, on_wrong, 0);
  note(skep_send_datagram(peer, "0", skep_udp("127.0.0.1", 0, on_wrong, 0)));
}

/* ---- Lies ---- */

static void on_lie(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  static const char socket[] = "{\"act\":\"handle\",\"type\":\"dgram.Socket\",\"family\":\"udp4\",\"message\":\"forget\"}";
  static const char server[] = "{\"act\":\"handle\",\"type\":\"net.Server\",\"pipe\":false,\"message\":\"forget\"}";
  if (event->kind == SKEP_EV_LISTENING) {
    skep_channel_send(peer, SKEP_CHANNEL_INTERNAL, socket, sizeof socket - 1, OF(event));
    skep_udp("127.0.0.1", 0, on_lie, 0);
  } else if (event->kind == SKEP_EV_UDP_BOUND) {
    skep_channel_send(peer, SKEP_CHANNEL_INTERNAL, server, sizeof server - 1, OF(event));
  }
}

static void lie(void) {
  skep_net_listen("127.0.0.1", 0, on_lie, 0);
}

/* What was made of both. */
static void hear(const char *message, size_t length) {
  static int heard;
  skep_log(1, message, (uint32_t)length);
  skep_log(1, "\n", 1);
  if (++heard == 2) skep_close(peer);
}

/* ---- What the peer says ---- */

static int lies;

static void on_peer(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  if (event->kind != SKEP_EV_CHANNEL_MESSAGE) return;
  size_t length;
  skep_handle came;
  const char *message = skep_message(event, payload, &length, &came);
  if (lies) return hear(message, length);
  if (came && skep_attached_kind(payload) != SKEP_ATTACHED_DATAGRAM) {
    skep_close(came);
    tell("\"a listener\"");
  } else if (came) {
    if (is(message, length, "\"forget\"")) skep_close(came);
    else if (is(message, length, "\"later\"")) kept = came;
    else if (skep_udp_serve(came, on_socket, 0) != came) skep_exit(6);
    tell("\"has it\"");
  } else if (is(message, length, "\"listen\"")) {
    skep_udp_serve(kept, on_socket, 0);
  } else if (is(message, length, "\"wrong\"")) {
    wrong();
  } else if (is(message, length, "\"lie\"")) {
    lie();
  } else if (length > 7 && is(message, 7, "\"yours ")) {
    offer(message, length);
  } else {
    tell("\"what?\"");
  }
}

static void on_child(const skep_event *event, const uint8_t *payload, void *data) {
  (void)event, (void)payload, (void)data;
}

void skep_main(void) {
  static char file[1000], word[8];
  peer = skep_parent_channel();
  if (peer < 0 && skep_word(2, file, sizeof file) > 0) {
    skep_handle child = skep_fork(file, 0, 0, on_child, 0);
    if (child < 0) skep_exit(7);
    peer = skep_child_channel(child);
    lies = skep_word(3, word, sizeof word) > 0;
    if (lies) lie();
  }
  skep_on(peer, on_peer, 0);
  skep_handle_ref(peer, 1);
}
