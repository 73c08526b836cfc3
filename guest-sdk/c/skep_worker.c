/* See skep_own.h: words between the libraries at both ends of a channel, which are those of Node's library here. The other end may be
 * a script: the primary of a cluster whose worker this process is, or one that sends sockets. It must not know what is
 * served. */
#include "skep_own.h"

#define PLACES 16
#define HOST 112
#define WORD 1024
#define OWED 16
/* Streams that came by a channel and are counted for the server that they are of, and servers. */
#define COUNTED 256
#define SERVERS 16
#define KEY 32

/* What this process listens on by the primary; free where `real` is 0. */
struct place {
  int64_t question;
  /* As its owner knows it, and as the host does: another one, where the primary has given the listener itself. */
  skep_handle handle, real;
  skep_listen_options options;
  int port, index;
  char host[HOST];
};

static struct place places[PLACES];
static skep_handle primary;
static int number, leaving;
static int64_t serial;

/* A server that streams came of, by the name that its process gives it; free where the name is empty. */
static struct server {
  skep_handle channel;
  char key[KEY];
  uint32_t streams;
  /* Its process waits for the last of them. */
  int closing;
} servers[SERVERS];

static struct {
  skep_handle stream;
  struct server *server;
} counted[COUNTED];

/* ---- Out ---- */

static char letters[WORD];
static struct skep_buffer word = {letters, 0, WORD};

static void put(const char *text) {
  skep_put(&word, text);
}

static void put_number(int64_t value) {
  skep_put_number(&word, value, 10);
}

/* Words that a full channel has not taken, in their order. */
static struct {
  skep_handle channel;
  uint32_t used;
  char at[WORD];
} owed[OWED];
static uint32_t owing;

static int owes(skep_handle channel) {
  for (uint32_t i = 0; i < owing; i++) {
    if (owed[i].channel == channel) return 1;
  }
  return 0;
}

/* A full channel gets the word when it has drained. */
static void say(skep_handle channel) {
  int full = owes(channel) || skep_channel_send(channel, SKEP_CHANNEL_INTERNAL, word.at, word.used, 0) == -SKEP_EAGAIN;
  if (full && owing == OWED) {
    /* The other end would wait for ever for what is lost. */
    skep_close(channel);
  } else if (full) {
    owed[owing].channel = channel;
    owed[owing].used = word.used;
    for (uint32_t i = 0; i < word.used; i++) owed[owing].at[i] = word.at[i];
    owing++;
  }
  word.used = 0;
}

/* The channel has room, or is gone: what it was owed goes, or is forgotten. */
static void pay(skep_handle channel, int gone) {
  uint32_t kept = 0;
  int full = 0;
  for (uint32_t i = 0; i < owing; i++) {
    int own = owed[i].channel == channel;
    if (own && !gone && !full) full = skep_channel_send(channel, SKEP_CHANNEL_INTERNAL, owed[i].at, owed[i].used, 0) == -SKEP_EAGAIN;
    if (own && !full) continue;
    owed[kept].channel = owed[i].channel;
    owed[kept].used = owed[i].used;
    for (uint32_t j = 0; j < owed[i].used; j++) owed[kept].at[j] = owed[i].at[j];
    kept++;
  }
  owing = kept;
}

static void begin_word(const char *what, const struct place *place, int port) {
  put("{\"act\":\"cluster\",\"do\":\"");
  put(what);
  put("\",\"address\":\"");
  if (place->port < 0 && *place->host != '/') {
    /* The primary works in a folder of its own. In the record it is escaped already. */
    struct skep_text folder = skep_member(skep_start_record(), "cwd");
    skep_put_bytes(&word, folder.at, folder.length);
    put("/");
  }
  skep_put_escaped(&word, place->host);
  put("\",\"port\":");
  put_number(port);
  put(",\"family\":");
  int is_6 = 0;
  for (const char *at = place->host; *at; at++) is_6 |= *at == ':';
  put(place->port < 0 ? "-1" : is_6 ? "6" : "4");
  put(",\"index\":");
  put_number(place->index);
}

void skep_worker_begin(void) {
  skep_handle channel = skep_parent_channel();
  if (channel < 0) return;
  number = (int)skep_number(skep_member(skep_member(skep_start_record(), "info"), "worker"));
  if (number == 0) return;
  primary = channel;
  /* As long as there is a primary there may be work. */
  skep_handle_ref(primary, 1);
  put("{\"act\":\"cluster\",\"do\":\"online\"}");
  say(primary);
}

void skep_worker_forget(void) {
  number = 0;
  primary = 0;
  owing = 0;
  for (uint32_t i = 0; i < COUNTED; i++) counted[i].stream = 0;
  for (struct server *each = servers; each < servers + SERVERS; each++) each->key[0] = 0;
  for (struct place *place = places; place < places + PLACES; place++) place->real = 0;
}

int skep_script_worker(void) {
  return number;
}

static int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

skep_handle skep_worker_listen(const char *host, int port, const skep_listen_options *options) {
  if (!number) return -SKEP_ENOSYS;
  struct place *free = 0;
  int index = 0;
  for (struct place *place = places; place < places + PLACES; place++) {
    if (!place->real) free = place;
    else if (place->port == port && same(place->host, host) && place->index >= index) index = place->index + 1;
  }
  if (!free || skep_length(host) >= HOST) return free ? -SKEP_EINVAL : -SKEP_EMFILE;
  *free = (struct place){.question = ++serial, .options = *options, .port = port, .index = index};
  for (int at = 0; host[at]; at++) free->host[at] = host[at];
  begin_word("listen", free, port);
  put(",\"backlog\":511,\"mode\":0,\"as\":");
  put_number(serial);
  put(",\"question\":");
  put_number(serial);
  put("}");
  /* It is the longest word about a place: where it fits, the others do. */
  skep_handle handle = word.used > WORD ? -SKEP_ENAMETOOLONG : skep_listen_shared((int)serial, options, sizeof *options);
  if (handle < 0) {
    word.used = 0;
    return handle;
  }
  free->handle = free->real = handle;
  say(primary);
  return handle;
}

static struct place *place_of(skep_handle handle) {
  for (struct place *place = places; place < places + PLACES; place++) {
    if (place->real && place->handle == handle) return place;
  }
  return 0;
}

int skep_worker_set(skep_handle listener, const skep_listen_options *options) {
  struct place *place = place_of(listener);
  if (place) place->options = *options;
  return skep_listen_set(place ? place->real : listener, options, sizeof *options);
}

int skep_stop(skep_handle listener) {
  struct place *place = place_of(listener);
  skep_handle real = place ? place->real : listener;
  skep_http_close_idle(real);
  int closed = skep_close(real);
  if (place) {
    begin_word("close", place, place->port);
    put("}");
    say(primary);
  }
  return closed;
}

/* ---- In ---- */

static void tell(int kind, skep_handle handle, uint32_t value) {
  skep_event event = {.size = sizeof event, .kind = (uint16_t)kind, .handle = (uint64_t)handle, .value = value};
  skep_tell(&event, 0);
}

static void answered(struct skep_text answer, skep_handle given, uint32_t kind) {
  int64_t question = skep_number(skep_member(answer, "to"));
  struct place *place = 0;
  for (struct place *each = places; each < places + PLACES; each++) {
    if (each->real && each->question == question) place = each;
  }
  if (!place || leaving) {
    if (given) skep_close(given);
    return;
  }
  place->question = 0;
  skep_handle handle = place->handle;
  int64_t error = skep_number(skep_member(answer, "errno"));
  if (!error && given && (kind != SKEP_ATTACHED_LISTENER || skep_on_as(given, handle) < 0)) error = SKEP_EADDRINUSE;
  if (error) {
    if (given) skep_close(given);
    skep_close(handle);
    tell(SKEP_EV_LISTEN_FAILED, handle, (uint32_t)(error < 0 ? -error : error));
    return;
  }
  if (given) {
    place->real = given;
    skep_on(handle, 0, 0);
    skep_listen_set(given, &place->options, sizeof place->options);
    skep_close(handle);
  }
  struct skep_text port = skep_member(skep_member(answer, "place"), "port");
  int at = port.at ? (int)skep_number(port) : place->port;
  begin_word("listening", place, at);
  put("}");
  say(primary);
  tell(SKEP_EV_LISTENING, place->real, at < 0 ? 0 : (uint32_t)at);
}

static void leave_when_empty(void) {
  for (struct place *place = places; place < places + PLACES; place++) {
    if (place->real) return;
  }
  skep_close(primary);
}

static void leave(void) {
  leaving = 1;
  for (struct place *place = places; place < places + PLACES; place++) {
    if (!place->real) continue;
    skep_http_close_idle(place->real);
    skep_close(place->real);
  }
  leave_when_empty();
}

/* ---- How many of a server's streams are here: its process asks ---- */

static struct server *server_of(skep_handle channel, struct skep_text key) {
  for (struct server *each = servers; each < servers + SERVERS; each++) {
    if (each->key[0] && each->channel == channel && skep_equal(key, each->key)) return each;
  }
  return 0;
}

/* One more. What there is no room for is not counted. */
static void count(skep_handle channel, struct skep_text key, skep_handle stream) {
  struct server *server = server_of(channel, key);
  for (struct server *each = servers; !server && each < servers + SERVERS && key.length && key.length < KEY; each++) {
    if (each->key[0]) continue;
    *(server = each) = (struct server){.channel = channel};
    for (uint32_t i = 0; i < key.length; i++) each->key[i] = key.at[i];
  }
  for (uint32_t i = 0; server && i < COUNTED; i++) {
    if (counted[i].stream) continue;
    counted[i].stream = stream;
    counted[i].server = server;
    server->streams++;
    return;
  }
  if (server && !server->streams) server->key[0] = 0;
}

static void say_sockets(const char *what, struct skep_text key) {
  put("{\"act\":\"sockets\",\"is\":\"");
  put(what);
  put("\",\"key\":\"");
  skep_put_bytes(&word, key.at, key.length);
  put("\"");
}

static void say_empty(skep_handle channel, struct skep_text key) {
  say_sockets("empty", key);
  put("}");
  say(channel);
}

static void asked(skep_handle channel, struct skep_text text) {
  struct skep_text want = skep_member(text, "want"), key = skep_member(text, "key");
  if (!want.at || !key.at || key.length > WORD / 2) return;
  struct server *server = server_of(channel, key);
  if (skep_equal(want, "count")) {
    say_sockets("count", key);
    put(",\"count\":");
    put_number(server ? server->streams : 0);
    put("}");
    say(channel);
  } else if (server) {
    server->closing = 1;
  } else {
    say_empty(channel, key);
  }
}

static void stream_closed(skep_handle stream) {
  for (uint32_t i = 0; i < COUNTED; i++) {
    if (counted[i].stream != stream) continue;
    struct server *server = counted[i].server;
    counted[i].stream = 0;
    if (--server->streams) return;
    if (server->closing) say_empty(server->channel, (struct skep_text){server->key, skep_length(server->key)});
    server->key[0] = 0;
    return;
  }
}

static void forget_counts(skep_handle channel) {
  for (uint32_t i = 0; i < COUNTED; i++) {
    if (counted[i].stream && counted[i].server->channel == channel) counted[i].stream = 0;
  }
  for (struct server *each = servers; each < servers + SERVERS; each++) {
    if (each->channel == channel) each->key[0] = 0;
  }
}

int skep_worker_event(skep_event *event) {
  skep_handle handle = (skep_handle)event->handle;
  int gone = event->kind == SKEP_EV_CHANNEL_CLOSED;
  if (gone) forget_counts((skep_handle)event->handle);
  if (event->kind == SKEP_EV_STREAM_CLOSED) stream_closed((skep_handle)event->handle);
  if (gone || event->kind == SKEP_EV_CHANNEL_DRAIN) pay((skep_handle)event->handle, gone);
  if (!number) return 1;
  if (event->kind == SKEP_EV_CHANNEL_CLOSED && (skep_handle)event->handle == primary && !leaving) skep_exit(0);
  int over = event->kind == SKEP_EV_LISTENER_CLOSED || event->kind == SKEP_EV_LISTEN_FAILED, heard = 1;
  if (!over && event->kind != SKEP_EV_LISTENING) return 1;
  for (struct place *place = places; place < places + PLACES; place++) {
    if (place->real == handle) {
      event->handle = (uint64_t)place->handle;
      if (over) place->real = 0;
    } else if (place->handle == handle) {
      /* Another one has taken its place. */
      heard = 0;
    }
  }
  if (over && leaving) leave_when_empty();
  return heard;
}

/* The message takes the place of the word that it came in. */
static void unwrap(skep_event *event, uint8_t *payload, struct skep_text message) {
  uint8_t *to = payload + sizeof(skep_attached);
  for (uint32_t i = 0; i < message.length; i++) to[i] = (uint8_t)message.at[i];
  event->len = (uint32_t)sizeof(skep_attached) + message.length;
  event->flags = 0;
}

int skep_worker_hears(skep_event *event, uint8_t *payload) {
  if (event->len < sizeof(skep_attached) || event->flags & SKEP_CHANNEL_MORE) return 1;
  skep_attached *came = (skep_attached *)payload;
  struct skep_text text = {(const char *)payload + sizeof *came, event->len - (uint32_t)sizeof *came};
  struct skep_text act = skep_member(text, "act");
  /* What a child of this process says so is not the primary's. */
  if (number && (skep_handle)event->handle == primary && skep_equal(act, "cluster")) {
    if (skep_member(text, "to").at) answered(text, (skep_handle)came->handle, came->kind);
    else if (came->handle) skep_close((skep_handle)came->handle);
    if (skep_equal(skep_member(text, "do"), "disconnect")) leave();
    return 1;
  }
  if (skep_equal(act, "sockets")) asked((skep_handle)event->handle, text);
  int handed = skep_equal(act, "handle");
  if (handed || came->handle) {
    /* What it cannot read it has to acknowledge too: else nothing comes any more. */
    put("{\"act\":\"ack\"}");
    say((skep_handle)event->handle);
  }
  if (!handed) {
    if (came->handle) skep_close((skep_handle)came->handle);
    return 1;
  }
  if (came->kind == SKEP_ATTACHED_STREAM) {
    skep_credit((skep_handle)came->handle, SKEP_FIRST_CREDIT);
    count((skep_handle)event->handle, skep_member(text, "key"), (skep_handle)came->handle);
  }
  /* Others may have it too: what was read here before it is served would be lost to them. */
  if (came->kind == SKEP_ATTACHED_DATAGRAM) skep_udp_option((skep_handle)came->handle, SKEP_UDP_RECEIVE, 0);
  struct skep_text message = skep_member(text, "message");
  /* Of a text the quotes belong to it. */
  if (message.at && message.at[-1] == '"') message = (struct skep_text){message.at - 1, message.length + 2};
  else if (message.at) message = skep_value_at(message);
  unwrap(event, payload, message);
  return 0;
}

/* The message in the words of the library at the other end, and with it what is attached. It is to be what the words name: the other
 * end takes anything else for a lie, and ends the channel. */
static int send_with(skep_handle channel, const char *words, const char *message, skep_handle attach, int flags) {
  put("{\"act\":\"handle\",\"type\":\"");
  put(words);
  put(",\"message\":");
  put(message);
  put("}");
  int waiting = -SKEP_EMSGSIZE;
  if (word.used <= WORD) waiting = skep_channel_send(channel, flags | SKEP_CHANNEL_INTERNAL, word.at, word.used, attach);
  word.used = 0;
  return waiting;
}

int skep_send_with(skep_handle channel, const char *message, skep_handle stream) {
  /* No option has this number: it is asked only what it is. */
  if (skep_stream_option(stream, 0, 0) == -SKEP_EBADF) return -SKEP_EBADF;
  char text[64] = "";
  int pipe = skep_address(stream, 1, text, sizeof text) <= 0 || text[0] != 'I';
  return send_with(channel, pipe ? "net.Socket\",\"pipe\":true" : "net.Socket\",\"pipe\":false", message, stream, 0);
}

int skep_send_listener(skep_handle channel, const char *message, skep_handle listener) {
  int is = skep_connections(listener);
  return is < 0 ? is : send_with(channel, "net.Server\",\"pipe\":false", message, listener, SKEP_CHANNEL_KEEP);
}

int skep_send_datagram(skep_handle channel, const char *message, skep_handle socket) {
  char text[64] = "";
  if (skep_udp_option(socket, 0, 0) == -SKEP_EBADF) return -SKEP_EBADF;
  if (skep_address(socket, 0, text, sizeof text) <= 0) return -SKEP_EINVAL;
  const char *words = text[3] == '6' ? "dgram.Socket\",\"family\":\"udp6\"" : "dgram.Socket\",\"family\":\"udp4\"";
  return send_with(channel, words, message, socket, SKEP_CHANNEL_KEEP);
}

int skep_attached_kind(const uint8_t *payload) {
  return (int)((const skep_attached *)payload)->kind;
}

const char *skep_message(const skep_event *event, const uint8_t *payload, size_t *length, skep_handle *came) {
  *came = (skep_handle)((const skep_attached *)payload)->handle;
  *length = event->len - sizeof(skep_attached);
  return (const char *)payload + sizeof(skep_attached);
}
