/* Header names and values on their way out: Node's checks, the table behind setHeader, and the lines that go
 * to the host. It must not know what a field means: Content-Length and the like are the host's business. */
#include "http.h"

void http_block_init(http_block *b) {
  b->ptr = b->small;
  b->len = 0;
  b->cap = sizeof b->small;
}

void http_block_free(JSRuntime *rt, http_block *b) {
  if (b->ptr != b->small) js_free_rt(rt, b->ptr);
  http_block_init(b);
}

static bool grow(JSContext *ctx, http_block *b, size_t extra) {
  size_t cap = b->cap;
  if (extra > (1u << 24) || b->len > (1u << 24)) {
    JS_ThrowRangeError(ctx, "Headers are too large");
    return false;
  }
  while (cap < b->len + extra) cap *= 2;
  char *ptr = b->ptr == b->small ? js_malloc(ctx, cap) : js_realloc(ctx, b->ptr, cap);
  if (!ptr) return false;
  if (b->ptr == b->small) memcpy(ptr, b->small, b->len);
  b->ptr = ptr;
  b->cap = cap;
  return true;
}

bool http_block_add(JSContext *ctx, http_block *b, const void *bytes, size_t len) {
  if (b->len + len > b->cap && !grow(ctx, b, len)) return false;
  memcpy(b->ptr + b->len, bytes, len);
  b->len += len;
  return true;
}

/* ---- Names ---- */

static const char token_marks[] = "!#$%&'*+-.^_`|~";

static bool token_char(unsigned char c) {
  static bool table[256], filled;
  if (!filled) {
    for (int i = '0'; i <= '9'; i++) table[i] = true;
    for (int i = 'a'; i <= 'z'; i++) table[i] = table[i - 32] = true;
    for (const char *p = token_marks; *p; p++) table[(unsigned char)*p] = true;
    filled = true;
  }
  return table[c];
}

bool http_is_token(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (!token_char(text[i])) return false;
  }
  return len > 0;
}

static bool bad_name(JSContext *ctx, JSValueConst name, const char *label) {
  JSValue what = JS_NewString(ctx, label);
  JSValueConst args[] = {what, name};
  http_throw(ctx, "ERR_INVALID_HTTP_TOKEN", 2, args);
  JS_FreeValue(ctx, what);
  return false;
}

bool http_check_name(JSContext *ctx, JSValueConst name, const char *label) {
  if (!JS_IsString(name)) return bad_name(ctx, name, label);
  size_t len;
  const char *text = JS_ToCStringLen(ctx, &len, name);
  if (!text) return false;
  bool good = http_is_token(text, len);
  JS_FreeCString(ctx, text);
  return good || bad_name(ctx, name, label);
}

/* Names as programs write them, and their atoms: most are constants of the program, so the same string each time. A name is
 * held, so that its address is nobody else's. */
enum { NAMES = 64, NAME_BYTES = 64 };
static struct { JSValue name; JSAtom atom; } known[NAMES];

static uint32_t place_of(JSValueConst name) { return ((uintptr_t)JS_VALUE_GET_PTR(name) >> 4) % NAMES; }

static void remember(JSContext *ctx, JSValueConst name, JSAtom atom) {
  uint32_t at = place_of(name);
  if (known[at].atom != JS_ATOM_NULL) {
    JS_FreeValue(ctx, known[at].name);
    JS_FreeAtom(ctx, known[at].atom);
  }
  known[at].name = JS_DupValue(ctx, name);
  known[at].atom = JS_DupAtom(ctx, atom);
}

JSAtom http_name_atom(JSContext *ctx, JSValueConst name) {
  bool plain = JS_VALUE_GET_TAG(name) == JS_TAG_STRING;
  if (plain && known[place_of(name)].atom != JS_ATOM_NULL &&
      JS_VALUE_GET_PTR(known[place_of(name)].name) == JS_VALUE_GET_PTR(name)) {
    return JS_DupAtom(ctx, known[place_of(name)].atom);
  }
  size_t len;
  const char *text = JS_ToCStringLen(ctx, &len, name);
  if (!text) return JS_ATOM_NULL;
  char small[64], *lower = len <= sizeof small ? small : js_malloc(ctx, len);
  JSAtom atom = JS_ATOM_NULL;
  if (lower) {
    for (size_t i = 0; i < len; i++) lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i];
    atom = JS_NewAtomLen(ctx, lower, len);
    if (lower != small) js_free(ctx, lower);
  }
  JS_FreeCString(ctx, text);
  if (plain && len <= NAME_BYTES && atom != JS_ATOM_NULL) remember(ctx, name, atom);
  return atom;
}

/* ---- Values ---- */

/* Adds text (UTF-8 from the engine) as latin1. `bad`: a control character or one above U+00FF. */
static bool add_text(JSContext *ctx, http_block *b, const uint8_t *text, size_t len, bool *bad) {
  if (b && b->len + len > b->cap && !grow(ctx, b, len)) return false;
  char *out = b ? b->ptr + b->len : NULL;
  size_t n = 0;
  for (size_t i = 0; i < len; i++) {
    uint8_t c = text[i];
    if (c >= 0x80) {
      if ((c != 0xc2 && c != 0xc3) || i + 1 >= len) { *bad = true; return true; }
      c = (uint8_t)((c & 3) << 6 | (text[++i] & 0x3f));
      if (c < 0x80) { *bad = true; return true; }
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
      *bad = true;
      return true;
    }
    if (out) out[n] = c;
    n++;
  }
  if (b) b->len += n;
  return true;
}

bool http_add_latin1(JSContext *ctx, http_block *b, JSValueConst value, bool *bad) {
  size_t len;
  const char *text = JS_ToCStringLen(ctx, &len, value);
  if (!text) return false;
  bool good = add_text(ctx, b, (const uint8_t *)text, len, bad);
  JS_FreeCString(ctx, text);
  return good;
}

static bool bad_value(JSContext *ctx, JSValueConst name, JSValueConst value) {
  if (JS_IsUndefined(value)) {
    JSValueConst args[] = {value, name};
    http_throw(ctx, "ERR_HTTP_INVALID_HEADER_VALUE", 2, args);
  } else {
    JSValue what = JS_NewString(ctx, "header content");
    JSValueConst args[] = {what, name};
    http_throw(ctx, "ERR_INVALID_CHAR", 2, args);
    JS_FreeValue(ctx, what);
  }
  return false;
}

bool http_check_value(JSContext *ctx, JSValueConst name, JSValueConst value) {
  bool bad = JS_IsUndefined(value);
  if (!bad && !http_add_latin1(ctx, NULL, value, &bad)) return false;
  return !bad || bad_value(ctx, name, value);
}

/* ---- The table behind setHeader ---- */

http_entry *http_table_find(http_table *t, JSAtom key) {
  for (uint32_t i = 0; i < t->count; i++) {
    if (t->entries[i].key == key) return &t->entries[i];
  }
  return NULL;
}

bool http_table_set(JSContext *ctx, http_table *t, JSAtom key, JSValueConst name, JSValueConst value) {
  http_entry *entry = http_table_find(t, key);
  if (entry) {
    JS_FreeValue(ctx, entry->name);
    JS_FreeValue(ctx, entry->value);
  } else {
    if (t->count == t->cap) {
      uint32_t cap = t->cap ? t->cap * 2 : 4;
      http_entry *entries = js_realloc(ctx, t->entries, cap * sizeof *entries);
      if (!entries) return false;
      t->entries = entries;
      t->cap = cap;
    }
    entry = &t->entries[t->count++];
    entry->key = JS_DupAtom(ctx, key);
  }
  entry->name = JS_DupValue(ctx, name);
  entry->value = JS_DupValue(ctx, value);
  return true;
}

bool http_table_remove(JSContext *ctx, http_table *t, JSAtom key) {
  http_entry *entry = http_table_find(t, key);
  if (!entry) return false;
  http_entry gone = *entry;
  t->count--;
  memmove(entry, entry + 1, (t->entries + t->count - entry) * sizeof *entry);
  JS_FreeAtom(ctx, gone.key);
  JS_FreeValue(ctx, gone.name);
  JS_FreeValue(ctx, gone.value);
  return true;
}

void http_table_free(JSRuntime *rt, http_table *t) {
  for (uint32_t i = 0; i < t->count; i++) {
    JS_FreeAtomRT(rt, t->entries[i].key);
    JS_FreeValueRT(rt, t->entries[i].name);
    JS_FreeValueRT(rt, t->entries[i].value);
  }
  js_free_rt(rt, t->entries);
  JS_FreeValueRT(rt, t->unique);
  *t = (http_table){.unique = JS_UNDEFINED};
}

/* ---- Lines ---- */

static bool add_line(JSContext *ctx, http_block *b, JSValueConst name, JSValueConst value, bool check) {
  bool bad = check && JS_IsUndefined(value);
  uint32_t start = b->len;
  size_t len;
  const char *text = JS_ToCStringLen(ctx, &len, name);
  if (!text) return false;
  bool good = http_block_add(ctx, b, text, len) && http_block_add(ctx, b, ": ", 2);
  JS_FreeCString(ctx, text);
  if (!good) return false;
  if (!bad && !http_add_latin1(ctx, b, value, &bad)) return false;
  if (bad) {
    b->len = start;
    return bad_value(ctx, name, value);
  }
  return http_block_add(ctx, b, "\r\n", 2);
}

/* `uniqueHeaders`: a Set of lower-cased names whose values are joined with '; '. */
static int is_joined(JSContext *ctx, JSValueConst name, JSValueConst unique) {
  JSAtom key = http_name_atom(ctx, name);
  if (key == JS_ATOM_NULL) return -1;
  int joined = key == http_atoms[H_cookie];
  if (!joined && JS_IsObject(unique)) {
    JSValue text = JS_AtomToString(ctx, key);
    JSAtom has = JS_NewAtom(ctx, "has");
    JSValue found = JS_Invoke(ctx, unique, has, 1, (JSValueConst *)&text);
    JS_FreeAtom(ctx, has);
    JS_FreeValue(ctx, text);
    joined = JS_IsException(found) ? -1 : JS_ToBool(ctx, found);
    JS_FreeValue(ctx, found);
  }
  JS_FreeAtom(ctx, key);
  return joined;
}

static bool add_joined(JSContext *ctx, http_block *b, JSValueConst name, JSValueConst list, bool check) {
  JSAtom join = JS_NewAtom(ctx, "join");
  JSValue mark = JS_NewString(ctx, "; ");
  JSValue text = JS_Invoke(ctx, list, join, 1, (JSValueConst *)&mark);
  JS_FreeAtom(ctx, join);
  JS_FreeValue(ctx, mark);
  bool good = !JS_IsException(text) && add_line(ctx, b, name, text, check);
  JS_FreeValue(ctx, text);
  return good;
}

bool http_add_field(JSContext *ctx, http_block *b, JSValueConst name, JSValueConst value, bool check, JSValueConst unique) {
  if (check && !http_check_name(ctx, name, "Header name")) return false;
  if (!JS_IsArray(value)) return add_line(ctx, b, name, value, check);
  int64_t count = 0;
  if (JS_GetLength(ctx, value, &count) < 0) return false;
  int joined = count < 2 ? 0 : is_joined(ctx, name, unique);
  if (joined) return joined > 0 && add_joined(ctx, b, name, value, check);
  for (int64_t i = 0; i < count; i++) {
    JSValue one = JS_GetPropertyInt64(ctx, value, i);
    bool good = !JS_IsException(one) && add_line(ctx, b, name, one, check);
    JS_FreeValue(ctx, one);
    if (!good) return false;
  }
  return true;
}

bool http_add_table(JSContext *ctx, http_block *b, http_table *t) {
  for (uint32_t i = 0; i < t->count; i++) {
    if (!http_add_field(ctx, b, t->entries[i].name, t->entries[i].value, false, t->unique)) return false;
  }
  return true;
}

static bool add_pair(JSContext *ctx, http_block *b, JSValueConst list, int64_t at, JSValueConst unique) {
  JSValue name = JS_GetPropertyInt64(ctx, list, at), value = JS_GetPropertyInt64(ctx, list, at + 1);
  bool good = !JS_IsException(name) && !JS_IsException(value) && http_add_field(ctx, b, name, value, true, unique);
  JS_FreeValue(ctx, name);
  JS_FreeValue(ctx, value);
  return good;
}

/* [name, value, name, value] or [[name, value], ...] */
static bool add_array(JSContext *ctx, http_block *b, JSValueConst list, JSValueConst unique) {
  int64_t count = 0;
  if (JS_GetLength(ctx, list, &count) < 0) return false;
  JSValue first = JS_GetPropertyUint32(ctx, list, 0);
  bool nested = JS_IsArray(first);
  JS_FreeValue(ctx, first);
  if (!nested && count % 2) {
    JSValue what = JS_NewString(ctx, "headers");
    JSValueConst args[] = {what, list};
    http_throw(ctx, "ERR_INVALID_ARG_VALUE", 2, args);
    JS_FreeValue(ctx, what);
    return false;
  }
  for (int64_t i = 0; i < count; i += nested ? 1 : 2) {
    if (!nested) {
      if (!add_pair(ctx, b, list, i, unique)) return false;
      continue;
    }
    JSValue pair = JS_GetPropertyInt64(ctx, list, i);
    bool good = add_pair(ctx, b, pair, 0, unique);
    JS_FreeValue(ctx, pair);
    if (!good) return false;
  }
  return true;
}

bool http_add_argument(JSContext *ctx, http_block *b, JSValueConst headers, JSValueConst unique) {
  if (JS_IsArray(headers)) return add_array(ctx, b, headers, unique);
  if (!JS_IsObject(headers)) return true;
  JSPropertyEnum *names;
  uint32_t count;
  if (JS_GetOwnPropertyNames(ctx, &names, &count, headers, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) < 0) return false;
  bool good = true;
  for (uint32_t i = 0; i < count && good; i++) {
    JSValue name = JS_AtomToString(ctx, names[i].atom), value = JS_GetProperty(ctx, headers, names[i].atom);
    good = !JS_IsException(value) && http_add_field(ctx, b, name, value, true, unique);
    JS_FreeValue(ctx, name);
    JS_FreeValue(ctx, value);
  }
  JS_FreePropertyEnum(ctx, names, count);
  return good;
}
