/* A guest for the tests of what the SDK in C has words for. Its first word tells what it does. */
#include "../skep_guest.h"

#define OF(event) ((skep_handle)(event)->handle)

static char line[4096];
static uint32_t used;

static void put(const void *bytes, size_t length) {
  for (size_t i = 0; i < length && used + 1 < sizeof line; i++) line[used++] = ((const char *)bytes)[i];
  line[used] = 0;
}

static void say(const char *text) {
  put(text, skep_length(text));
  skep_say(line);
  used = 0;
}

static void number(int64_t value) {
  char digits[20];
  int at = 20;
  if (value < 0) put("-", 1);
  for (uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value; at == 20 || left; left /= 10) digits[--at] = (char)('0' + left % 10);
  put(digits + at, 20 - at);
}

static void why(void) {
  char text[200];
  int length = skep_why(text, sizeof text);
  put(text, length < 200 ? length : 200);
  say("");
}

static char words[6][200];

static int to_number(const char *text) {
  int value = 0;
  for (; *text; text++) value = value * 10 + *text - '0';
  return value;
}

/* ---- Other programs ---- */

static skep_handle input, output, errors;
static uint64_t written, wanted, read;

static void feed(void) {
  static char piece[50000];
  for (; written < wanted; written += sizeof piece) {
    int waiting = skep_stream_write(input, piece, sizeof piece);
    if (waiting == -SKEP_EAGAIN) return;
    if (waiting < 0) skep_exit(1);
    if (waiting > SKEP_DRAIN_ABOVE) {
      written += sizeof piece;
      return;
    }
  }
  skep_stream_shutdown(input);
}

static void on_pipe(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  if (event->kind == SKEP_EV_STREAM_DRAIN) feed();
  if (event->kind == SKEP_EV_STREAM_DATA && OF(event) == output) {
    read += event->len;
    skep_credit(output, (int)event->len);
    if (event->len < 100) {
      put("out ", 4);
      put(payload, event->len);
      say("");
    }
  }
  if (event->kind == SKEP_EV_STREAM_DATA && OF(event) == errors) {
    put("err ", 4);
    put(payload, event->len);
    say("");
  }
  if (event->kind == SKEP_EV_STREAM_END && OF(event) == output) {
    number((int64_t)read);
    say(" read");
  }
  if (event->kind == SKEP_EV_STREAM_END) skep_close(OF(event));
}

static void on_child(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  if (event->kind == SKEP_EV_CHILD_STARTED) {
    say(event->value ? "started" : "no pid");
    if (words[0][0] == 'k') skep_child_kill(OF(event), 15);
  }
  if (event->kind == SKEP_EV_CHILD_FAILED) {
    put("failed ", 7);
    number(event->value);
    say("");
  }
  if (event->kind == SKEP_EV_CHILD_EXIT) {
    put(event->flags & 1 ? "killed " : "exited ", 7);
    number(event->value);
    say("");
  }
}

static void spawn(void) {
  const char *arguments[] = {words[2], words[3]}, *variables[] = {"GIVEN=value", "PATH=/usr/bin:/bin"};
  skep_command command = {
      .program = words[1],
      .folder = "/",
      .words = arguments,
      .variables = variables,
      .word_count = words[2][0] ? words[3][0] ? 2 : 1 : 0,
      .variable_count = 2,
      .stdio = {SKEP_STDIO_PIPE, SKEP_STDIO_PIPE, SKEP_STDIO_PIPE},
  };
  skep_handle child = skep_spawn(&command, on_child, 0);
  if (child < 0) {
    number(child);
    put(" ", 1);
    return why();
  }
  input = skep_pipe(child, 0, on_pipe, 0);
  output = skep_pipe(child, 1, on_pipe, 0);
  errors = skep_pipe(child, 2, on_pipe, 0);
  wanted = words[0][0] == 'k' ? 0 : 3000000;
  feed();
}

static void spawn_lies(void) {
  skep_command command = {.program = "sh", .stdio = {SKEP_STDIO_CHANNEL}};
  number(skep_spawn(&command, on_child, 0));
  static char large[20000];
  for (uint32_t i = 0; i + 1 < sizeof large; i++) large[i] = 'x';
  command = (skep_command){.program = large};
  put(" ", 1);
  number(skep_spawn(&command, on_child, 0));
  put(" ", 1);
  number(skep_pipe(77, 1, on_pipe, 0));
  say("");
}

/* ---- What comes with a message ---- */

static void on_request(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  if (event->kind == SKEP_EV_HTTP_REQUEST) skep_answer(OF(event), 200, "", "in C", 4);
}

static void on_accepted(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  if (event->kind != SKEP_EV_ACCEPTED) return;
  skep_stream_write(OF(event), "a stream in C", 13);
  skep_close(OF(event));
}

static void on_own(const skep_event *event, const uint8_t *payload, void *data) {
  if (event->kind == SKEP_EV_LISTENING) skep_send_listener(skep_parent_channel(), "[\"mine\"]", OF(event));
  on_accepted(event, payload, data);
}

static void on_held(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  if (event->kind == SKEP_EV_STREAM_END) skep_close(OF(event));
}

static void on_parent(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  static skep_handle serving;
  if (event->kind == SKEP_EV_CHANNEL_CLOSED) skep_exit(3);
  if (event->kind != SKEP_EV_CHANNEL_MESSAGE) return;
  size_t length;
  skep_handle came;
  const char *message = skep_message(event, payload, &length, &came);
  char act = length > 2 ? message[1] : 0;
  if (came && skep_attached_kind(payload) == SKEP_ATTACHED_STREAM) {
    skep_on(came, on_held, 0);
    skep_stream_write(came, "held", 4);
  } else if (came && act == 'h') {
    serving = skep_http_serve(came, on_request, 0);
  } else if (came && act == 'n') {
    serving = skep_net_serve(came, on_accepted, 0);
  } else if (act == 'o') {
    serving = skep_net_listen("127.0.0.1", 0, on_own, 0);
    return;
  } else if (act == 's') {
    skep_stop(serving);
  } else if (act == 'v') {
    /* What stands beside the variables is none. */
    number(skep_variable("serialization", 0, 0));
    skep_channel_send(OF(event), 0, line, used, 0);
    used = 0;
    return;
  }
  skep_channel_send(OF(event), 0, "\"done\"", 6, 0);
}

/* ---- A program that calls ---- */

static void on_reply(const skep_event *event, const uint8_t *payload, void *waiting) {
  skep_handle call = (skep_handle)(size_t)waiting;
  if (event->flags & SKEP_VALUE_FAILED) {
    char text[100] = "";
    skep_bytes value = skep_value(event, payload);
    skep_copy(&value, 0, text, sizeof text - 1);
    skep_let_go(&value);
    skep_refuse(call, text);
    return;
  }
  static char copy[300000];
  skep_bytes value = skep_value(event, payload);
  uint32_t length = skep_copy(&value, 0, copy, sizeof copy);
  skep_let_go(&value);
  skep_call_reply(call, event->flags & SKEP_VALUE_BYTES, copy, length);
}

static int is(const char *text, size_t length, const char *other) {
  size_t at = 0;
  while (at < length && other[at] == text[at]) at++;
  return at == length && !other[at];
}

static void on_call(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  static int64_t count;
  static uint8_t argument[300000];
  size_t length;
  const char *name = skep_function(event, payload, &length);
  skep_bytes value = skep_value(event, payload);
  uint32_t given = skep_copy(&value, 0, argument, sizeof argument - 1);
  skep_let_go(&value);
  if (is(name, length, "count")) {
    number(++count);
    skep_call_reply(OF(event), 0, line, used);
    used = 0;
  } else if (is(name, length, "reverse")) {
    for (uint32_t i = 0; i < given / 2; i++) {
      uint8_t last = argument[given - 1 - i];
      argument[given - 1 - i] = argument[i];
      argument[i] = last;
    }
    skep_call_reply(OF(event), SKEP_VALUE_BYTES, argument, given);
  } else if (is(name, length, "ask")) {
    int flags = event->flags & SKEP_VALUE_BYTES;
    if (skep_ask_host("echo", flags, argument, given, on_reply, (void *)(size_t)OF(event)) < 0) skep_refuse(OF(event), "no");
  } else if (is(name, length, "denied")) {
    int64_t error = skep_ask_host("secret", 0, "1", 1, on_reply, 0);
    int said = skep_why(line, sizeof line - 1);
    line[said < 0 ? 0 : said] = 0;
    skep_refuse(OF(event), error == -SKEP_EACCES ? line : "granted");
  } else if (is(name, length, "spin")) {
    for (;;) __asm__ volatile("");
  } else if (is(name, length, "grow")) {
    number(__builtin_wasm_memory_grow(0, 1024) != (size_t)-1);
    skep_call_reply(OF(event), 0, line, used);
    used = 0;
  } else {
    argument[given] = 0;
    skep_refuse(OF(event), event->flags & SKEP_VALUE_BYTES ? (const char *)argument : "no \"such\"\n function");
  }
}

/* ---- Asking a server ---- */

static uint64_t sent, got;

static void send_parts(skep_handle connection) {
  static char piece[50000];
  while (sent < 5000000) {
    int waiting = skep_http_part(connection, piece, sizeof piece);
    if (waiting == -SKEP_EAGAIN) return;
    if (waiting < 0) skep_exit(1);
    sent += sizeof piece;
    if (waiting > SKEP_DRAIN_ABOVE) return;
  }
  if (sent == 5000000 && skep_http_part(connection, 0, 0) >= 0) sent++;
}

static void on_answer(const skep_event *event, const uint8_t *payload, void *data) {
  size_t length;
  int whole = 0, last = *(const int *)data;
  if (event->kind == SKEP_EV_STREAM_DRAIN) send_parts(OF(event));
  if (event->kind == SKEP_EV_HTTP_RESPONSE) {
    number(skep_status(payload));
    put(" ", 1);
    const char *field = skep_header(payload, "X-Field", &length);
    put(field, length);
    say("");
    skep_body(payload, &length);
    got += length;
    whole = skep_is_whole(payload);
    if (!whole) skep_credit(OF(event), (int)length);
    if (!whole && skep_http_ask(OF(event), &(skep_question){.host = "a"}) != -SKEP_EBUSY) say("asked while it comes");
    whole &= skep_status(payload) >= 200;
  }
  if (event->kind == SKEP_EV_HTTP_BODY) {
    got += event->len;
    skep_credit(OF(event), (int)event->len);
  }
  if (event->kind == SKEP_EV_HTTP_FAULT) say("fault");
  if (event->kind == SKEP_EV_HTTP_END || whole) {
    number((int64_t)got);
    say(" got");
    got = 0;
    static const int yes = 1;
    if (!last) {
      skep_on(OF(event), on_answer, (void *)&yes);
      skep_question again = {.host = words[2], .target = "/again"};
      number(skep_http_ask(OF(event), &again) > 0);
      say(" again");
    } else {
      skep_close(OF(event));
    }
  }
  if (event->kind == SKEP_EV_STREAM_END || event->kind == SKEP_EV_HTTP_FAULT) skep_close(OF(event));
  if (event->kind == SKEP_EV_STREAM_CLOSED) {
    put("closed ", 7);
    number(event->value);
    say("");
  }
}

static void ask(void) {
  static const int no = 0, yes = 1;
  skep_handle connection = skep_http_connect("127.0.0.1", to_number(words[1]), on_answer, words[3][0] == 'o' ? (void *)&yes : (void *)&no);
  if (connection < 0) {
    number(connection);
    return say("");
  }
  static const skep_question wrong[] = {
      {.host = "a", .fields = "A: b\r\n\r\n"},  {.host = "a", .fields = "A b\r\n"},           {.host = "a", .fields = "A: b\nC: d\r\n"},
      {.host = "a", .fields = "content-LENGTH: 1\r\n"}, {.host = "a", .fields = "Host: b\r\n"}, {.host = "a b"},
      {.host = "a", .target = "/ x"}, {.host = "a", .method = "GE T"}, {.host = ""}, {.target = "/"},
      {.host = "a", .fields = "A: b"}, {.host = "a", .in_parts = 1, .length = 1, .body = "x"},
  };
  for (uint32_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    if (skep_http_ask(connection, &wrong[i]) != -SKEP_EINVAL) number(i), say(" can be sent");
  }
  skep_question question = {.host = words[2], .target = "/first", .fields = "X-Own: 1\r\n"};
  if (words[3][0] == 'h' ) question.method = "HEAD";
  if (words[3][0] == 'p') question.method = "POST", question.in_parts = 1;
  if (words[3][0] == 'b') question.method = "POST", question.body = "body", question.length = 4;
  if (skep_http_ask(connection, &question) < 0) say("not sent");
  if (skep_http_ask(connection, &question) != -SKEP_EBUSY) say("asked twice");
  if (question.in_parts) send_parts(connection);
}

/* ---- Leaving HTTP ---- */

static void on_left(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  if (event->kind == SKEP_EV_STREAM_DATA) {
    skep_stream_write(OF(event), payload, event->len);
    skep_credit(OF(event), (int)event->len);
  }
  if (event->kind == SKEP_EV_STREAM_END) skep_close(OF(event));
}

static void on_leaving(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
  if (event->kind == SKEP_EV_LISTENING) {
    put("PORT ", 5);
    number(event->value);
    say("");
  }
  if (event->kind != SKEP_EV_HTTP_REQUEST) return;
  if (!(((const skep_request *)payload)->flags & SKEP_REQUEST_UPGRADE)) {
    skep_answer(OF(event), 200, "", "plain", 5);
    return;
  }
  size_t length;
  const uint8_t *first = skep_body(payload, &length);
  skep_handle stream = skep_http_upgrade(OF(event));
  if (stream < 0 || skep_on(stream, on_left, 0) < 0) skep_exit(1);
  skep_stream_write(stream, answer, sizeof answer - 1);
  skep_stream_write(stream, first, length);
  skep_credit(stream, (int)length);
}

/* ---- Files, input, UDP, names, timers, signals ---- */

static int step;
static skep_handle opened;

static void on_file(const skep_event *event, const uint8_t *payload, void *data);

/* One operation after the other on what is named by the words. */
static void next_file(void) {
  skep_file_question one = {.path = words[1]}, two = {.path = words[1], .other = words[2]};
  skep_file_question create = {.path = words[1], .flags = 0102, .mode = 0600};
  skep_handle asked = 0;
  switch (step++) {
    case 0: asked = skep_file(SKEP_FS_OPEN, &create, on_file, 0); break;
    case 1: asked = skep_file_write(opened, -1, "contents", 8, on_file, 0); break;
    case 2: asked = skep_file_write(opened, 3, "X", 1, on_file, 0); break;
    case 3: asked = skep_file_read(opened, 2, 4, on_file, 0); break;
    case 4:
      skep_close(opened);
      asked = skep_file(SKEP_FS_RENAME, &two, on_file, 0);
      break;
    case 5: asked = skep_file(SKEP_FS_READ_FILE, &one, on_file, 0); break;
    case 6: asked = skep_file(SKEP_FS_READ_FILE, &(skep_file_question){.path = words[2]}, on_file, 0); break;
    case 7: asked = skep_file(SKEP_FS_READ_FILE, &(skep_file_question){.path = "/etc/passwd"}, on_file, 0); break;
    default: return;
  }
  if (asked < 0) {
    number(asked);
    say(" at once");
  }
}

static void on_file(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  if (event->kind != SKEP_EV_OP_DONE) return;
  if (event->flags & SKEP_DONE_FAILED) {
    put("failed ", 7);
    number(event->value);
    say("");
  } else if (step == 1) {
    opened = skep_opened(event, payload);
    say(opened > 0 ? "opened" : "nothing");
  } else {
    char text[100] = "";
    skep_bytes value = skep_value(event, payload);
    uint32_t length = skep_copy(&value, 0, text, sizeof text);
    skep_let_go(&value);
    number(event->value);
    put(" ", 1);
    put(text, length);
    say("");
  }
  next_file();
}

static void on_input(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  skep_bytes value = skep_value(event, payload);
  read += value.length;
  skep_let_go(&value);
  if (value.length == 0 && event->len == 0) {
    number((int64_t)read);
    say(" read");
    return;
  }
  skep_input(1000, on_input, 0);
}

static void on_datagram(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  if (event->kind == SKEP_EV_UDP_BOUND) skep_udp_send(OF(event), "127.0.0.1", 9, to_number(words[1]), "datagram", 8);
  if (event->kind != SKEP_EV_UDP_MESSAGE) return;
  size_t length;
  skep_address_text from;
  const uint8_t *message = skep_datagram(event, payload, &length, &from);
  put(message, length);
  put(" of ", 4);
  put(from.host, skep_length(from.host));
  say(from.port == to_number(words[1]) ? " there" : " elsewhere");
  skep_close(OF(event));
}

static void on_connected(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  if (event->kind == SKEP_EV_STREAM_OPEN) say("open");
  if (event->kind == SKEP_EV_STREAM_DATA) {
    put(payload, event->len);
    say("");
  }
  if (event->kind == SKEP_EV_STREAM_END) skep_close(OF(event));
  if (event->kind == SKEP_EV_STREAM_CLOSED) {
    number(event->value);
    say(" closed");
  }
}

static void on_name(const skep_event *event, const uint8_t *payload, void *data) {
  (void)data;
  char address[48];
  for (uint32_t i = 0; skep_found(event, payload, i, address, sizeof address) > 0; i++) {
    if (address[0] != '1') continue;
    skep_handle stream = skep_connect(address, to_number(words[1]), on_connected, 0);
    if (stream < 0) return why();
    if (skep_stream_write(stream, "ping", 4) < 0) say("not written");
    return;
  }
  say("no address");
}

static int late;

static void on_time(const skep_event *event, const uint8_t *payload, void *data) {
  (void)event, (void)payload;
  put(data, 1);
  if (*(char *)data == 'z') {
    number(skep_cancel(late));
    say("");
  }
}

static void on_again(const skep_event *event, const uint8_t *payload, void *data) {
  (void)event, (void)payload;
  int *left = data;
  if (--*left) skep_after(0, on_again, data);
  else skep_say("again and again");
}

static void time(void) {
  static int left = 3;
  skep_after(0, on_again, &left);
  skep_after(1, on_time, "a");
  skep_after(20, on_time, "c");
  skep_after(20, on_time, "d");
  skep_after(40, on_time, "z");
  late = skep_after(100000, on_time, "never");
  int gone = skep_after(2, on_time, "never");
  number(skep_cancel(gone));
  number(skep_cancel(gone));
  int most = 0, numbers[64];
  while ((numbers[most] = skep_after(50000, on_time, "never")) > 0) most++;
  put(" ", 1);
  number(most);
  put(" ", 1);
  for (int i = 0; i < most; i++) skep_cancel(numbers[i]);
}

static void on_signal(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  put("signal ", 7);
  number(event->value);
  say("");
  if (event->value == 15) skep_exit(5);
}

static void listen_for_signals(void) {
  number(skep_on_signal(10, on_signal, 0));
  number(skep_on_signal(15, on_signal, 0));
  put(" ", 1);
  number(skep_on_signal(9, on_signal, 0));
  skep_after(600000, on_signal, 0);
  say(" ready");
}

void skep_main(void) {
  for (uint32_t i = 0; i < 6; i++) skep_word(2 + i, words[i], sizeof words[i]);
  char called[8];
  if (skep_variable("CALLED", called, sizeof called) >= 0) return skep_on_calls(on_call, 0);
  switch (words[0][0]) {
    case 's':
    case 'k': return spawn();
    case 'l': return spawn_lies();
    case 'a': return ask();
    case 'f': return next_file();
    case 't': return time();
    case 'S': return listen_for_signals();
    case 'U':
      if (skep_http_upgrades(skep_http_listen("127.0.0.1", 0, on_leaving, 0)) < 0) say("refused");
      return;
    case 'i':
      skep_input(1000, on_input, 0);
      return;
    case 'u':
      if (skep_udp("127.0.0.1", 0, on_datagram, 0) < 0) say("refused");
      return;
    case 'n':
      if (skep_lookup("localhost", on_name, 0) < 0) why();
      return;
    case 'w':
      for (uint32_t i = 0; i < 5; i++) {
        number(skep_word(i + 2, words[i], i == 1 ? 3 : sizeof words[i]));
        put(" ", 1);
        say(words[i]);
      }
      number(skep_variable("MADE", words[0], sizeof words[0]));
      put(" ", 1);
      return say(words[0]);
    case 'x':
      for (;;) __asm__ volatile("");
    case 'g':
      number(skep_memory_limit());
      say(" at most");
      while (__builtin_wasm_memory_grow(0, 16) != (size_t)-1) continue;
      return say("no more");
    default:
      skep_on(skep_parent_channel(), on_parent, 0);
      skep_handle_ref(skep_parent_channel(), 1);
  }
}
