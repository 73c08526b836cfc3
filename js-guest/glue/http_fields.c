/* The fields of a request's head as JavaScript sees them: `headers` by Node's joining rules, `rawHeaders`. Made
 * from the copy of the head that the request keeps. It must not know sockets, bodies or what a field means. */
#include "http.h"

static const char *const known_fields[] = {
#define X(name) name,
  SKEP_KNOWN_FIELDS(X)
#undef X
};
#define KNOWN (sizeof known_fields / sizeof known_fields[0])
static JSAtom known_atoms[KNOWN];

/* Fields of which the first one counts and the others are dropped. */
static const char *const once_fields[] = {
  "age", "authorization", "content-length", "content-type", "etag", "expires", "from", "host",
  "if-modified-since", "if-unmodified-since", "last-modified", "location", "max-forwards",
  "proxy-authorization", "referer", "retry-after", "server", "user-agent",
};
#define ONCE (sizeof once_fields / sizeof once_fields[0])
static JSAtom once_atoms[ONCE];

/* ---- Text of the head ---- */

JSValue http_latin1(JSContext *ctx, const uint8_t *text, uint32_t len) {
  uint32_t high = 0;
  for (uint32_t i = 0; i < len; i++) high += text[i] >> 7;
  if (!high) return JS_NewStringLen(ctx, (const char *)text, len);
  char *wide = js_malloc(ctx, len + high);
  if (!wide) return JS_EXCEPTION;
  uint32_t n = 0;
  for (uint32_t i = 0; i < len; i++) {
    if (text[i] < 0x80) {
      wide[n++] = text[i];
    } else {
      wide[n++] = 0xc0 | text[i] >> 6;
      wide[n++] = 0x80 | (text[i] & 0x3f);
    }
  }
  JSValue value = JS_NewStringLen(ctx, wide, n);
  js_free(ctx, wide);
  return value;
}

static const skep_field *fields_of(http_req *req) { return (const skep_field *)req->head; }
const uint8_t *http_raw_of(http_req *req) { return req->head + req->field_count * sizeof(skep_field); }

static JSAtom field_atom(JSContext *ctx, const uint8_t *raw, const skep_field *field) {
  if (field->known && field->known <= KNOWN) return JS_DupAtom(ctx, known_atoms[field->known - 1]);
  char lower[256], *text = field->name_len <= sizeof lower ? lower : js_malloc(ctx, field->name_len);
  if (!text) return JS_ATOM_NULL;
  for (uint32_t i = 0; i < field->name_len; i++) {
    uint8_t c = raw[field->name + i];
    text[i] = c >= 'A' && c <= 'Z' ? c + 32 : c;
  }
  JSAtom atom = JS_NewAtomLen(ctx, text, field->name_len);
  if (text != lower) js_free(ctx, text);
  return atom;
}

static bool counts_once(JSAtom name) {
  for (size_t i = 0; i < ONCE; i++) {
    if (once_atoms[i] == name) return true;
  }
  return false;
}

static JSValue concat(JSContext *ctx, JSValue a, const char *mark, JSValue b) {
  size_t na, nb;
  const char *ta = JS_ToCStringLen(ctx, &na, a), *tb = JS_ToCStringLen(ctx, &nb, b);
  JSValue joined = JS_EXCEPTION;
  char *text = ta && tb ? js_malloc(ctx, na + nb + 2) : NULL;
  if (text) {
    memcpy(text, ta, na);
    memcpy(text + na, mark, 2);
    memcpy(text + na + 2, tb, nb);
    joined = JS_NewStringLen(ctx, text, na + nb + 2);
    js_free(ctx, text);
  }
  JS_FreeCString(ctx, ta);
  JS_FreeCString(ctx, tb);
  JS_FreeValue(ctx, a);
  JS_FreeValue(ctx, b);
  return joined;
}

static JSValue list_of(JSContext *ctx, JSValue value) {
  JSValue list = JS_NewArray(ctx);
  if (JS_IsException(list)) {
    JS_FreeValue(ctx, value);
    return list;
  }
  if (JS_SetPropertyUint32(ctx, list, 0, value) >= 0) return list;
  JS_FreeValue(ctx, list);
  return JS_EXCEPTION;
}

/* One more field of a message, by Node's rules for repeated ones. Defined, never assigned: a field
 * named __proto__ is a property like any other. */
static int join_field(JSContext *ctx, JSValueConst into, JSAtom name, JSValue value, bool join_all) {
  if (JS_IsException(value)) return -1;
  bool is_list = name == http_atoms[H_set_cookie];
  int has = JS_GetOwnProperty(ctx, NULL, into, name);
  if (has < 0) {
    JS_FreeValue(ctx, value);
    return -1;
  }
  if (!has) {
    if (is_list) value = list_of(ctx, value);
    return JS_IsException(value) ? -1 : JS_DefinePropertyValue(ctx, into, name, value, JS_PROP_C_W_E);
  }
  JSValue before = JS_GetProperty(ctx, into, name);
  int result = 0;
  if (is_list) {
    int64_t count = 0;
    JS_GetLength(ctx, before, &count);
    result = JS_SetPropertyInt64(ctx, before, count, value);
    JS_FreeValue(ctx, before);
  } else if (!join_all && counts_once(name)) {
    JS_FreeValue(ctx, before);
    JS_FreeValue(ctx, value);
  } else {
    const char *mark = name == http_atoms[H_cookie] ? "; " : ", ";
    JSValue joined = concat(ctx, before, mark, value);
    result = JS_IsException(joined) ? -1 : JS_DefinePropertyValue(ctx, into, name, joined, JS_PROP_C_W_E);
  }
  return result;
}

JSValue http_request_headers(JSContext *ctx, http_req *req) {
  JSValue headers = JS_NewObject(ctx);
  if (JS_IsException(headers)) return headers;
  const uint8_t *raw = http_raw_of(req);
  for (uint32_t i = 0; i < req->field_count; i++) {
    const skep_field *field = &fields_of(req)[i];
    JSAtom name = field_atom(ctx, raw, field);
    JSValue value = http_latin1(ctx, raw + field->value, field->value_len);
    if (name == JS_ATOM_NULL || JS_IsException(value)) {
      JS_FreeAtom(ctx, name);
      JS_FreeValue(ctx, value);
      JS_FreeValue(ctx, headers);
      return JS_EXCEPTION;
    }
    int joined = join_field(ctx, headers, name, value, req->bits & REQ_JOIN_DUPLICATES);
    JS_FreeAtom(ctx, name);
    if (joined < 0) {
      JS_FreeValue(ctx, headers);
      return JS_EXCEPTION;
    }
  }
  return headers;
}

JSValue http_request_raw_headers(JSContext *ctx, http_req *req) {
  JSValue list = JS_NewArray(ctx);
  if (JS_IsException(list)) return list;
  const uint8_t *raw = http_raw_of(req);
  for (uint32_t i = 0; i < req->field_count; i++) {
    const skep_field *field = &fields_of(req)[i];
    JSValue name = http_latin1(ctx, raw + field->name, field->name_len);
    JSValue value = http_latin1(ctx, raw + field->value, field->value_len);
    bool whole = !JS_IsException(name) && !JS_IsException(value);
    whole = JS_SetPropertyUint32(ctx, list, i * 2, name) >= 0 && whole;
    whole = JS_SetPropertyUint32(ctx, list, i * 2 + 1, value) >= 0 && whole;
    if (!whole) {
      JS_FreeValue(ctx, list);
      return JS_EXCEPTION;
    }
  }
  return list;
}

/* joinFields(list of name, value, ...; distinct; joinDuplicates): headers from raw ones, for trailers. */
static JSValue js_join_fields(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int64_t count = 0;
  if (JS_GetLength(ctx, argv[0], &count) < 0) return JS_EXCEPTION;
  JSValue into = JS_NewObject(ctx);
  if (JS_IsException(into)) return into;
  for (int64_t i = 0; i + 1 < count; i += 2) {
    JSValue name = JS_GetPropertyInt64(ctx, argv[0], i);
    JSAtom key = http_name_atom(ctx, name);
    JS_FreeValue(ctx, name);
    if (key == JS_ATOM_NULL) {
      JS_FreeValue(ctx, into);
      return JS_EXCEPTION;
    }
    int joined = join_field(ctx, into, key, JS_GetPropertyInt64(ctx, argv[0], i + 1), argc > 1 && JS_ToBool(ctx, argv[1]));
    JS_FreeAtom(ctx, key);
    if (joined < 0) {
      JS_FreeValue(ctx, into);
      return JS_EXCEPTION;
    }
  }
  return into;
}

void http_fields_init(JSContext *ctx, JSValue binding) {
  for (size_t i = 0; i < KNOWN; i++) known_atoms[i] = JS_NewAtom(ctx, known_fields[i]);
  for (size_t i = 0; i < ONCE; i++) once_atoms[i] = JS_NewAtom(ctx, once_fields[i]);
  JS_SetPropertyStr(ctx, binding, "joinFields", JS_NewCFunction(ctx, js_join_fields, "joinFields", 2));
}
