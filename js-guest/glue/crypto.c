/* internalBinding('crypto'): digests and HMACs as objects that take bytes, and PBKDF2. Must not know Node's streams or what a
 * digest is called elsewhere. */
#include "buffer.h"
#include "core.h"
#include "digest.h"

static JSClassID digest_class, hmac_class;

static void finalize_digest(JSRuntime *rt, JSValueConst value) { js_free_rt(rt, JS_GetOpaque(value, digest_class)); }
static void finalize_hmac(JSRuntime *rt, JSValueConst value) { js_free_rt(rt, JS_GetOpaque(value, hmac_class)); }

static const JSClassDef digest_def = {"Digest", .finalizer = finalize_digest};
static const JSClassDef hmac_def = {"HmacDigest", .finalizer = finalize_hmac};

static const digest_kind *kind_of(JSContext *ctx, JSValueConst value) {
  int32_t at = -1;
  if (JS_ToInt32(ctx, &at, value)) return NULL;
  if (at >= 0 && at < digest_kind_count) return &digest_kinds[at];
  JS_ThrowRangeError(ctx, "no such digest");
  return NULL;
}

/* ---- Text is taken as UTF-8. Half of a pair is U+FFFD, which is as long as what the engine writes for it. ---- */

static bool has_half_pair(const skep_bytes *in) {
  for (const uint8_t *p = in->ptr, *end = p + in->len; (p = memchr(p, 0xed, (size_t)(end - p))) && p + 1 < end; p++) {
    if (p[1] >= 0xa0) return true;
  }
  return false;
}

static void update_text(digest_state *d, const skep_bytes *in) {
  static const uint8_t replacement[] = {0xef, 0xbf, 0xbd};
  const uint8_t *from = in->ptr, *end = from + in->len;
  for (const uint8_t *p = from; p + 2 < end; p++) {
    if (p[0] != 0xed || p[1] < 0xa0) continue;
    digest_update(d, from, (size_t)(p - from));
    digest_update(d, replacement, 3);
    from = p + 3;
    p += 2;
  }
  digest_update(d, from, (size_t)(end - from));
}

static bool update_with(JSContext *ctx, digest_state *d, JSValueConst value) {
  skep_bytes bytes;
  if (!skep_bytes_get(ctx, value, false, &bytes)) return false;
  if (bytes.owned && has_half_pair(&bytes)) update_text(d, &bytes);
  else digest_update(d, bytes.ptr, bytes.len);
  skep_bytes_free(ctx, &bytes);
  return true;
}

/* ---- Digest: create(kind), update(bytes), digest(), clone() ---- */

static JSValue make_digest(JSContext *ctx, const digest_state *from) {
  JSValue object = JS_NewObjectClass(ctx, (int)digest_class);
  if (JS_IsException(object)) return object;
  digest_state *d = js_malloc(ctx, sizeof *d);
  if (!d) {
    JS_FreeValue(ctx, object);
    return JS_EXCEPTION;
  }
  *d = *from;
  JS_SetOpaque(object, d);
  return object;
}

static JSValue js_create(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  const digest_kind *kind = kind_of(ctx, argv[0]);
  if (!kind) return JS_EXCEPTION;
  digest_state fresh;
  digest_begin(&fresh, kind);
  return make_digest(ctx, &fresh);
}

static JSValue js_update(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  digest_state *d = JS_GetOpaque2(ctx, self, digest_class);
  if (!d || !update_with(ctx, d, argv[0])) return JS_EXCEPTION;
  return JS_DupValue(ctx, self);
}

/* digest([encoding]): text in an encoding that is known, else a Buffer. What was taken in stays, so that copies of a
 * finished one are copies. */
static JSValue js_digest(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  digest_state *d = JS_GetOpaque2(ctx, self, digest_class);
  if (!d) return JS_EXCEPTION;
  digest_state last = *d;
  uint8_t out[DIGEST_MOST];
  digest_end(&last, out);
  codec_encoding enc = JS_IsString(argv[0]) ? buffer_encoding(ctx, argv[0]) : ENC_UNKNOWN;
  return enc == ENC_UNKNOWN ? skep_new_buffer(ctx, out, d->kind->length) : buffer_to_string(ctx, enc, out, d->kind->length);
}

static JSValue js_clone(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  digest_state *d = JS_GetOpaque2(ctx, self, digest_class);
  return d ? make_digest(ctx, d) : JS_EXCEPTION;
}

/* ---- HMAC: createHmac(kind, key), update(bytes), digest() ---- */

static JSValue js_create_hmac(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  const digest_kind *kind = kind_of(ctx, argv[0]);
  skep_bytes key;
  if (!kind || !skep_bytes_get(ctx, argv[1], false, &key)) return JS_EXCEPTION;
  JSValue object = JS_NewObjectClass(ctx, (int)hmac_class);
  digest_hmac *h = js_malloc(ctx, sizeof *h);
  if (h && !JS_IsException(object)) {
    digest_hmac_begin(h, kind, key.ptr, key.len);
    JS_SetOpaque(object, h);
  } else {
    JS_FreeValue(ctx, object);
    object = JS_EXCEPTION;
    js_free(ctx, h);
  }
  skep_bytes_free(ctx, &key);
  return object;
}

static JSValue js_hmac_update(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  digest_hmac *h = JS_GetOpaque2(ctx, self, hmac_class);
  if (!h || !update_with(ctx, &h->inner, argv[0])) return JS_EXCEPTION;
  return JS_DupValue(ctx, self);
}

static JSValue js_hmac_digest(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  digest_hmac *h = JS_GetOpaque2(ctx, self, hmac_class);
  if (!h) return JS_EXCEPTION;
  digest_hmac last = *h;
  uint8_t out[DIGEST_MOST];
  digest_hmac_end(&last, out);
  return skep_new_buffer(ctx, out, h->inner.kind->length);
}

/* ---- pbkdf2Block(kind, password, salt, number, rounds, state): one block of the key, or part of its rounds ----
 * `state` is two digests long: the running sum and the last value. Rounds go on from it, so that JavaScript may stop between
 * two calls. */

static JSValue js_pbkdf2_block(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  const digest_kind *kind = kind_of(ctx, argv[0]);
  skep_bytes password, salt, state;
  uint32_t number, rounds;
  if (!kind || JS_ToUint32(ctx, &number, argv[3]) || JS_ToUint32(ctx, &rounds, argv[4])) return JS_EXCEPTION;
  size_t len = kind->length;
  if (!JS_IsObject(argv[5]) || rounds == 0) return JS_ThrowTypeError(ctx, "bad state");
  if (!skep_bytes_get(ctx, argv[5], false, &state)) return JS_EXCEPTION;
  if (state.len != 2 * len) return JS_ThrowTypeError(ctx, "bad state");
  if (!skep_bytes_get(ctx, argv[1], false, &password)) return JS_EXCEPTION;
  if (!skep_bytes_get(ctx, argv[2], false, &salt)) {
    skep_bytes_free(ctx, &password);
    return JS_EXCEPTION;
  }
  uint8_t *sum = (uint8_t *)state.ptr, *last = sum + len;
  digest_hmac keyed, h;
  digest_hmac_begin(&keyed, kind, password.ptr, password.len);
  if (number) { /* the first round of this block */
    uint32_t big = __builtin_bswap32(number);
    h = keyed;
    digest_update(&h.inner, salt.ptr, salt.len);
    digest_update(&h.inner, (const uint8_t *)&big, 4);
    digest_hmac_end(&h, last);
    memcpy(sum, last, len);
    rounds--;
  }
  while (rounds-- > 0) {
    h = keyed;
    digest_update(&h.inner, last, len);
    digest_hmac_end(&h, last);
    for (size_t i = 0; i < len; i++) sum[i] ^= last[i];
  }
  skep_bytes_free(ctx, &password);
  skep_bytes_free(ctx, &salt);
  return JS_UNDEFINED;
}

/* ---- timingSafeEqual(a, b): of views of one length ---- */

static JSValue js_equal(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  skep_bytes a, b;
  if (!skep_bytes_get(ctx, argv[0], false, &a)) return JS_EXCEPTION;
  if (!skep_bytes_get(ctx, argv[1], false, &b)) {
    skep_bytes_free(ctx, &a);
    return JS_EXCEPTION;
  }
  volatile uint8_t difference = 0;
  for (size_t i = 0; i < a.len && i < b.len; i++) difference |= a.ptr[i] ^ b.ptr[i];
  bool equal = a.len == b.len && difference == 0;
  skep_bytes_free(ctx, &a);
  skep_bytes_free(ctx, &b);
  return JS_NewBool(ctx, equal);
}

/* ---- The binding ---- */

static JSValue init_crypto(JSContext *ctx) {
  JSValue object = JS_NewObject(ctx), kinds = JS_NewObject(ctx);
  JSValue digest_proto = JS_NewObject(ctx), hmac_proto = JS_NewObject(ctx);
  JS_NewClassID(skep_rt, &digest_class);
  JS_NewClass(skep_rt, digest_class, &digest_def);
  JS_NewClassID(skep_rt, &hmac_class);
  JS_NewClass(skep_rt, hmac_class, &hmac_def);
  skep_def_fn(ctx, digest_proto, "update", js_update, 1);
  skep_def_fn(ctx, digest_proto, "digest", js_digest, 1);
  skep_def_fn(ctx, digest_proto, "clone", js_clone, 0);
  skep_def_fn(ctx, hmac_proto, "update", js_hmac_update, 1);
  skep_def_fn(ctx, hmac_proto, "digest", js_hmac_digest, 0);
  JS_SetClassProto(ctx, digest_class, digest_proto);
  JS_SetClassProto(ctx, hmac_class, hmac_proto);
  for (int i = 0; i < digest_kind_count; i++) {
    JS_SetPropertyStr(ctx, kinds, digest_kinds[i].name, JS_NewInt32(ctx, i));
  }
  JS_SetPropertyStr(ctx, object, "kinds", kinds);
  skep_def_fn(ctx, object, "create", js_create, 1);
  skep_def_fn(ctx, object, "createHmac", js_create_hmac, 2);
  skep_def_fn(ctx, object, "pbkdf2Block", js_pbkdf2_block, 6);
  skep_def_fn(ctx, object, "equal", js_equal, 2);
  return object;
}

void skep_init_crypto(void) { skep_binding("crypto", init_crypto); }
