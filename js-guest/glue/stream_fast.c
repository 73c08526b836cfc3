/* A socket's message past its stream's bookkeeping: a chunk for a reader that flows and has nothing waiting is emitted at
 * once, bytes that nobody waits for go to the host at once, and the state of either side stays what it was, as it would be
 * when the chunk was through. All else, and everything of who has replaced a method, is the stream's (lib/internal/net/
 * socket.js). It must not know where a chunk comes from. */
#include "stream_fast.h"

#include "own_slots.h"

/* As in socket.js. */
enum { HIGH_WATER = 131072, LUMP = 32768 };

#define ZERO JS_MKVAL(JS_TAG_INT, 0)
#define SLOT_COUNT(slots) ((int)(sizeof(slots) / sizeof(slots)[0]))

/* Names that begin with k are the symbols of socket.js. */
enum { R_STATE, R_OWED, R_BYTES };
static JSOwnSlot reading[] = {
  [R_STATE] = {"_readableState", .kind = JS_SLOT_GET}, [R_OWED] = {"kOwed", .kind = JS_SLOT_GET},
  [R_BYTES] = {"kBytesRead", .kind = JS_SLOT_GET}, {"kInUse", .kind = JS_SLOT_IS, .wanted = JS_FALSE},
  {"push", .kind = JS_SLOT_NOT}, {"_read", .kind = JS_SLOT_NOT}, {"emit", .kind = JS_SLOT_NOT},
};
static JSOwnSlot flowing[] = {
  {"reading", .kind = JS_SLOT_IS, .wanted = JS_TRUE}, {"flowing", .kind = JS_SLOT_IS, .wanted = JS_TRUE},
  {"length", .kind = JS_SLOT_IS, .wanted = ZERO}, {"sync", .kind = JS_SLOT_IS, .wanted = JS_FALSE},
  {"ended", .kind = JS_SLOT_IS, .wanted = JS_FALSE}, {"awaitDrainWriters", .kind = JS_SLOT_IS, .wanted = JS_NULL},
  {"dataEmitted", .kind = JS_SLOT_IS, .wanted = JS_TRUE}, {"decoder", .kind = JS_SLOT_MAY, .wanted = JS_NULL},
  {"multiAwaitDrain", .kind = JS_SLOT_MAY, .wanted = JS_FALSE}, {"destroyed", .kind = JS_SLOT_MAY, .wanted = JS_FALSE},
  {"errored", .kind = JS_SLOT_MAY, .wanted = JS_NULL}, {"readingMore", .kind = JS_SLOT_MAY, .wanted = JS_FALSE},
};
enum { W_STATE, W_HANDLE, W_BYTES };
static JSOwnSlot writing[] = {
  [W_STATE] = {"_writableState", .kind = JS_SLOT_GET}, [W_HANDLE] = {"kHandle", .kind = JS_SLOT_GET},
  [W_BYTES] = {"kBytesWritten", .kind = JS_SLOT_GET}, {"connecting", .kind = JS_SLOT_IS, .wanted = JS_FALSE},
  {"_write", .kind = JS_SLOT_NOT},
};
enum { S_MARK };
static JSOwnSlot idle[] = {
  [S_MARK] = {"highWaterMark", .kind = JS_SLOT_GET}, {"writing", .kind = JS_SLOT_IS, .wanted = JS_FALSE},
  {"needDrain", .kind = JS_SLOT_IS, .wanted = JS_FALSE}, {"length", .kind = JS_SLOT_IS, .wanted = ZERO},
  {"corked", .kind = JS_SLOT_MAY, .wanted = ZERO}, {"ending", .kind = JS_SLOT_MAY, .wanted = JS_FALSE},
  {"destroyed", .kind = JS_SLOT_MAY, .wanted = JS_FALSE}, {"errored", .kind = JS_SLOT_MAY, .wanted = JS_NULL},
  {"constructed", .kind = JS_SLOT_MAY, .wanted = JS_TRUE},
};

/* The methods that a script may replace, where they stand: Socket, Duplex, Readable, Stream, EventEmitter. */
enum { PROTOTYPES = 5 };
static JSOwnSlot at_socket[] = {
  {"push", .kind = JS_SLOT_NOT}, {"emit", .kind = JS_SLOT_NOT}, {"_read", .kind = JS_SLOT_IS}, {"_write", .kind = JS_SLOT_IS},
};
static JSOwnSlot at_duplex[] = {{"push", .kind = JS_SLOT_NOT}, {"emit", .kind = JS_SLOT_NOT}};
static JSOwnSlot at_readable[] = {{"push", .kind = JS_SLOT_IS}, {"emit", .kind = JS_SLOT_NOT}};
static JSOwnSlot at_stream[] = {{"emit", .kind = JS_SLOT_NOT}};
static JSOwnSlot at_emitter[] = {{"emit", .kind = JS_SLOT_IS}};
static struct { JSOwnSlot *slots; int count; JSValue object; } prototypes[PROTOTYPES] = {
  {at_socket, SLOT_COUNT(at_socket), JS_UNDEFINED}, {at_duplex, SLOT_COUNT(at_duplex), JS_UNDEFINED},
  {at_readable, SLOT_COUNT(at_readable), JS_UNDEFINED}, {at_stream, SLOT_COUNT(at_stream), JS_UNDEFINED},
  {at_emitter, SLOT_COUNT(at_emitter), JS_UNDEFINED},
};
static JSValue buffer_proto, slow_write, overflow;
static JSAtom data_atom;
static bool ready;

static bool methods_are_ours(JSContext *ctx, JSValueConst socket) {
  if (!ready || !JS_IsChildOf(socket, prototypes[0].object)) return false;
  for (int i = 0; i < PROTOTYPES; i++)
    if (!JS_CheckOwnSlots(ctx, prototypes[i].object, prototypes[i].slots, prototypes[i].count)) return false;
  return true;
}

/* Adds to a count that lies in a socket; a number needs no reference. */
static bool add_to(JSContext *ctx, JSValue *at, uint32_t count) {
  double sum = count;
  if (JS_VALUE_GET_TAG(*at) == JS_TAG_INT) sum += JS_VALUE_GET_INT(*at);
  else if (JS_TAG_IS_FLOAT64(JS_VALUE_GET_TAG(*at))) sum += JS_VALUE_GET_FLOAT64(*at);
  else return false;
  *at = sum <= INT32_MAX ? JS_NewInt32(ctx, (int32_t)sum) : JS_NewFloat64(ctx, sum);
  return true;
}

/* Whether the socket's reader flows and has nothing waiting; then the bytes are counted. Runs no script. */
static bool count_in(JSContext *ctx, JSValueConst socket, uint32_t len) {
  if (!JS_CheckOwnSlots(ctx, socket, reading, SLOT_COUNT(reading)) ||
      !JS_CheckOwnSlots(ctx, *reading[R_STATE].at, flowing, SLOT_COUNT(flowing))) return false;
  JSValue *owed = reading[R_OWED].at;
  if (JS_VALUE_GET_TAG(*owed) != JS_TAG_INT || (uint32_t)JS_VALUE_GET_INT(*owed) + len >= LUMP) return false;
  if (!add_to(ctx, reading[R_BYTES].at, len)) return false;
  *owed = JS_NewInt32(ctx, JS_VALUE_GET_INT(*owed) + (int32_t)len);
  return true;
}

bool skep_stream_fast_data(JSContext *ctx, JSValueConst socket, const uint8_t *payload, uint32_t len) {
  if (!methods_are_ours(ctx, socket)) return false;
  /* Ahead of the other checks: an accessor of the script's may run here. */
  JSValue handler = skep_handler(ctx, socket, data_atom);
  if (!JS_IsObject(handler) || !count_in(ctx, socket, len)) {
    if (JS_IsException(handler)) JS_FreeValue(ctx, JS_GetException(ctx));
    JS_FreeValue(ctx, handler);
    return false;
  }
  JSValue bytes = skep_new_buffer(ctx, payload, len);
  JSValueConst args[] = {bytes};
  if (JS_IsException(bytes)) JS_FreeValue(ctx, handler), skep_uncaught();
  else if (skep_call_handler(ctx, socket, data_atom, handler, 1, args) < 0) skep_uncaught();
  JS_FreeValue(ctx, bytes);
  skep_after_callback();
  return true;
}

/* Whether the chunk has gone; `waiting` bytes wait with it. */
static bool write_now(JSContext *ctx, JSValueConst socket, JSValueConst chunk, size_t *len, int32_t *waiting) {
  if (!JS_IsChildOf(chunk, buffer_proto) || !methods_are_ours(ctx, socket) ||
      !JS_CheckOwnSlots(ctx, socket, writing, SLOT_COUNT(writing)) ||
      !JS_CheckOwnSlots(ctx, *writing[W_STATE].at, idle, SLOT_COUNT(idle))) return false;
  JSValue mark = *idle[S_MARK].at;
  skep_handle handle = skep_value_handle(ctx, *writing[W_HANDLE].at);
  skep_bytes bytes;
  if (handle <= 0 || JS_VALUE_GET_TAG(mark) != JS_TAG_INT || !JS_IsNumber(*writing[W_BYTES].at) ||
      !skep_bytes_get(ctx, chunk, false, &bytes)) return false;
  *len = bytes.len;
  *waiting = bytes.len < (uint32_t)JS_VALUE_GET_INT(mark) ? skep_stream_write(handle, bytes.ptr, bytes.len) : -1;
  skep_bytes_free(ctx, &bytes);
  return *waiting >= 0 && add_to(ctx, writing[W_BYTES].at, (uint32_t)*len);
}

static JSValue js_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  size_t len;
  int32_t waiting;
  bool bare = argc >= 1 && JS_IsObject(argv[0]) && JS_IsUndefined(argv[1]) && JS_IsUndefined(argv[2]);
  if (!bare || JS_GetTypedArrayType(argv[0]) != JS_TYPED_ARRAY_UINT8 || !write_now(ctx, self, argv[0], &len, &waiting))
    return JS_Call(ctx, slow_write, self, argc, argv);
  if (waiting <= HIGH_WATER) return JS_TRUE;
  JSValue size = JS_NewInt64(ctx, (int64_t)len);
  JSValueConst args[] = {self, size};
  JSValue done = JS_Call(ctx, overflow, JS_UNDEFINED, 2, args);
  if (JS_IsException(done)) return done;
  JS_FreeValue(ctx, done);
  return JS_TRUE;
}

/* ---- Setting up ---- */

static void name_slots(JSContext *ctx, JSValueConst names, JSOwnSlot *slots, int count) {
  for (int i = 0; i < count; i++) {
    const char *name = slots[i].name;
    JSValue known = JS_GetPropertyStr(ctx, names, name);
    if (JS_IsSymbol(known)) slots[i].atom = JS_ValueToAtom(ctx, known);
    else slots[i].atom = JS_NewAtom(ctx, name);
    if (JS_IsFunction(ctx, known) && slots[i].kind == JS_SLOT_IS) slots[i].wanted = JS_DupValue(ctx, known);
    JS_FreeValue(ctx, known);
  }
}

/* setupSocket(names, prototypes, Buffer.prototype, slow, overflow): the function that is Socket.prototype.write. `names`
 * has the symbols and the methods that must not have been replaced. */
JSValue skep_stream_setup_socket(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  name_slots(ctx, argv[0], reading, SLOT_COUNT(reading));
  name_slots(ctx, argv[0], flowing, SLOT_COUNT(flowing));
  name_slots(ctx, argv[0], writing, SLOT_COUNT(writing));
  name_slots(ctx, argv[0], idle, SLOT_COUNT(idle));
  for (uint32_t i = 0; i < PROTOTYPES; i++) {
    prototypes[i].object = JS_GetPropertyUint32(ctx, argv[1], i);
    name_slots(ctx, argv[0], prototypes[i].slots, prototypes[i].count);
  }
  buffer_proto = JS_DupValue(ctx, argv[2]);
  slow_write = JS_DupValue(ctx, argv[3]);
  overflow = JS_DupValue(ctx, argv[4]);
  data_atom = JS_NewAtom(ctx, "data");
  ready = true;
  return JS_NewCFunction(ctx, js_write, "write", 3);
}
