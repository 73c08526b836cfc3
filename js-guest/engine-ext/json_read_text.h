/* The reader of json_read.h for one width of characters: included once with JSON_CHAR and JSON_NAME() for strings of
 * 8 bits and once for 16. Must not look at a character at or behind r->end: slices are not terminated. */

static JSValue JSON_NAME(value)(JsonReader *r, const JSON_CHAR *p, uint32_t site);

static inline const JSON_CHAR *JSON_NAME(skip)(const JSON_CHAR *p, const JSON_CHAR *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* The first character that is not plain, and in *seen the bits of all those before. */
static inline const JSON_CHAR *JSON_NAME(plain_end)(const JSON_CHAR *p, const JSON_CHAR *end, uint32_t *seen)
{
    if (sizeof(JSON_CHAR) == 1) {
        for (; end - p >= 8; p += 8) {
            uint64_t w;
            memcpy(&w, p, 8);
            w = json_special(w);
            if (w)
                return p + (ctz64(w) >> 3);
        }
    }
    for (; p < end && !json_is_special(*p); p++)
        *seen |= *p;
    return p;
}

/* A string of plain characters, as narrow as it can be. */
static inline JSValue JSON_NAME(plain)(JSContext *ctx, const JSON_CHAR *p, size_t len, uint32_t seen)
{
    if (len == 0)
        return js_empty_string(ctx->rt);
    if (seen > 0xff)
        return js_new_string16_len(ctx, (const uint16_t *)p, len);
    JSString *str = js_alloc_string(ctx, len, 0);
    if (!str)
        return JS_EXCEPTION;
    if (sizeof(JSON_CHAR) == 1)
        json_copy(str8(str), (const uint8_t *)p, len);
    else
        for (size_t i = 0; i < len; i++)
            str8(str)[i] = p[i];
    str8(str)[len] = '\0';
    return JS_MKPTR(JS_TAG_STRING, str);
}

static int JSON_NAME(write)(StringBuffer *b, const JSON_CHAR *p, size_t len)
{
    if (sizeof(JSON_CHAR) == 1)
        return string_buffer_write8(b, (const uint8_t *)p, len);
    return string_buffer_write16(b, (const uint16_t *)p, len);
}

/* The character that an escape stands for, or -1; *pp is behind the backslash and moves behind the escape. */
static int JSON_NAME(escape)(const JSON_CHAR **pp, const JSON_CHAR *end)
{
    const JSON_CHAR *p = *pp;
    int c = 0;

    if (p == end)
        return -1;
    *pp = p + 1;
    switch (*p++) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case '"': return '"';
    case '\\': return '\\';
    case '/': return '/';
    case 'u':
        if (end - p < 4)
            return -1;
        for (int i = 0; i < 4; i++) {
            int h = from_hex(*p++);
            if (h < 0)
                return -1;
            c = c << 4 | h;
        }
        *pp = p;
        return c;
    default:
        return -1;
    }
}

/* A string with escapes; `p` is at the first one. */
static no_inline JSValue JSON_NAME(escaped)(JsonReader *r, const JSON_CHAR *start, const JSON_CHAR *p)
{
    const JSON_CHAR *end = r->end;
    StringBuffer b_s, *b = &b_s;
    uint32_t seen = 0;

    if (string_buffer_init(r->ctx, b, p - start + 32))
        return JS_EXCEPTION;
    for (;;) {
        if (p > start && JSON_NAME(write)(b, start, p - start))
            break;
        if (p < end && *p == '"') {
            r->at = p + 1;
            return string_buffer_end(b);
        }
        if (p == end || *p++ != '\\') {
            json_decline(r);
            break;
        }
        int c = JSON_NAME(escape)(&p, end);
        if (c < 0) {
            json_decline(r);
            break;
        }
        if (string_buffer_putc16(b, c))
            break;
        start = p;
        p = JSON_NAME(plain_end)(p, end, &seen);
    }
    string_buffer_free(b);
    return JS_EXCEPTION;
}

/* `p` is behind the opening quote. */
static inline JSValue JSON_NAME(string)(JsonReader *r, const JSON_CHAR *p)
{
    uint32_t seen = 0;
    const JSON_CHAR *q = JSON_NAME(plain_end)(p, r->end, &seen);

    if (unlikely(q == r->end))
        return json_decline(r);
    if (likely(*q == '"')) {
        r->at = q + 1;
        return JSON_NAME(plain)(r->ctx, p, q - p, seen);
    }
    return *q == '\\' ? JSON_NAME(escaped)(r, p, q) : json_decline(r);
}

/* Whether the key at `p` is this one, which has no character that could be escaped. Answers where it ends. */
static inline const JSON_CHAR *JSON_NAME(is_key)(const JSON_CHAR *p, const JSON_CHAR *end, JSString *key)
{
    size_t len = key->len, i = 0;

    if ((size_t)(end - p) <= len || p[len] != '"')
        return NULL;
    if (key->is_wide_char) {
        while (i < len && p[i] == str16(key)[i])
            i++;
    } else {
        if (sizeof(JSON_CHAR) == 1) {
            for (; len - i >= 8; i += 8) {
                uint64_t a, b;
                memcpy(&a, p + i, 8);
                memcpy(&b, str8(key) + i, 8);
                if (a != b)
                    return NULL;
            }
        }
        while (i < len && p[i] == str8(key)[i])
            i++;
    }
    return i == len ? p + len + 1 : NULL;
}

/* The atom of the key at `p`; clears *record when it is none to remember a shape with. */
static JSAtom JSON_NAME(key)(JsonReader *r, const JSON_CHAR *p, bool *record)
{
    JSContext *ctx = r->ctx;
    uint32_t seen = 0;
    const JSON_CHAR *q = JSON_NAME(plain_end)(p, r->end, &seen);
    JSAtom atom;

    if (q == r->end || *q != '"') {
        *record = false;
        return json_string_atom(ctx, JSON_NAME(string)(r, p));
    }
    r->at = q + 1;
    if (sizeof(JSON_CHAR) == 1 && (q == p || !is_digit(*p))) {
        atom = __JS_FindAtom(ctx->rt, (const char *)p, q - p, JS_ATOM_TYPE_STRING);
        if (atom == JS_ATOM_NULL)
            atom = json_string_atom(ctx, JSON_NAME(plain)(ctx, p, q - p, seen));
    } else {
        atom = json_string_atom(ctx, JSON_NAME(plain)(ctx, p, q - p, seen));
    }
    if (__JS_AtomIsTaggedInt(atom) || q - p > JSON_RECORD_KEY_LEN)
        *record = false;
    return atom;
}

/* What stands behind a key: the colon, then the value. */
static inline JSValue JSON_NAME(member)(JsonReader *r, const JSON_CHAR *p, uint32_t site)
{
    const JSON_CHAR *end = r->end;

    p = JSON_NAME(skip)(p, end);
    if (p == end || *p != ':')
        return json_decline(r);
    return JSON_NAME(value)(r, JSON_NAME(skip)(p + 1, end), site);
}

/* Behind a value in an object or array: 1 and *pp at the next one, 0 and r->at behind the end, or -1. */
static inline int JSON_NAME(next)(JsonReader *r, const JSON_CHAR **pp, int close)
{
    const JSON_CHAR *end = r->end, *p = JSON_NAME(skip)(r->at, end);

    if (p < end && *p == ',') {
        *pp = JSON_NAME(skip)(p + 1, end);
        return 1;
    }
    if (p < end && *p == close) {
        r->at = p + 1;
        return 0;
    }
    r->declined = true;
    return -1;
}

/* The rest of an object whose keys are not those of a remembered shape; `p` is where a key has to be. */
static no_inline JSValue JSON_NAME(other_object)(JsonReader *r, const JSON_CHAR *p, uint32_t site, uint32_t place,
                                                 JSValue object, bool record)
{
    JSContext *ctx = r->ctx;
    JSObject *o = JS_VALUE_GET_OBJ(object);
    int more;

    do {
        if (p == r->end || *p != '"') {
            json_decline(r);
            goto fail;
        }
        JSAtom key = JSON_NAME(key)(r, p + 1, &record);
        if (key == JS_ATOM_NULL)
            goto fail;
        JSValue value = JSON_NAME(member)(r, r->at, json_site(site, key));
        if (JS_IsException(value) || json_define(ctx, o, key, value)) {
            JS_FreeAtom(ctx, key);
            goto fail;
        }
        JS_FreeAtom(ctx, key);
        more = JSON_NAME(next)(r, &p, '}');
    } while (more > 0);
    if (more < 0)
        goto fail;
    if (record && o->shape->is_hashed && o->shape->prop_count <= JSON_RECORD_KEYS)
        json_remember(ctx, place, o->shape);
    return object;
 fail:
    JS_FreeValue(ctx, object);
    return JS_EXCEPTION;
}

/* Reads members, their values onto the stack, for as long as the keys at *pp are those of a shape that this place
   remembers. *psh is referenced, since reading on may make the place forget it. */
static inline int JSON_NAME(follow)(JsonReader *r, const JSON_CHAR **pp, uint32_t site, JSShape **forms, JSShape **psh)
{
    const JSON_CHAR *end = r->end, *p = *pp, *q;
    JSShape *sh = *psh;
    int form = 0, count = 0, more;

    do {
        *pp = p;
        if (p == end || *p != '"') {
            r->declined = true;
            return JSON_FAILED;
        }
        while (count >= sh->prop_count ||
               !(q = JSON_NAME(is_key)(p + 1, end, r->ctx->rt->atom_array[get_shape_prop(sh)[count].atom]))) {
            form = json_other_form(forms, form, sh, count);
            if (form < 0)
                return JSON_OTHER_KEY;
            sh = json_switch_shape(r->ctx, psh, forms[form]);
        }
        JSValue value = JSON_NAME(member)(r, q, json_site(site, get_shape_prop(sh)[count].atom));
        if (JS_IsException(value) || json_push(r, value))
            return JSON_FAILED;
        count++;
        more = JSON_NAME(next)(r, &p, '}');
    } while (more > 0);
    if (more < 0)
        return JSON_FAILED;
    while (sh->prop_count != count) {
        form = json_other_form(forms, form, sh, count);
        if (form < 0)
            return JSON_ENDED_EARLY;
        sh = json_switch_shape(r->ctx, psh, forms[form]);
    }
    return JSON_DONE;
}

/* `p` is behind the brace. */
static no_inline JSValue JSON_NAME(object)(JsonReader *r, const JSON_CHAR *p, uint32_t site)
{
    js_weigh_frame(192);
    JSContext *ctx = r->ctx;
    uint32_t base = r->count;
    JSValue object = JS_EXCEPTION;
    int came = JSON_OTHER_KEY;

    if (js_check_stack_overflow(ctx->rt, 0))
        return JS_ThrowStackOverflow(ctx);
    p = JSON_NAME(skip)(p, r->end);
    if (p < (const JSON_CHAR *)r->end && *p == '}') {
        r->at = p + 1;
        return JS_NewObject(ctx);
    }
    /* objects of several kinds at one place often differ in their first key already */
    uint32_t place = json_site(site, (const JSON_CHAR *)r->end - p > 1 ? p[1] : 0) >> 16 & (JSON_PLACES - 1);
    JSShape **forms = r->state->shapes[place], *sh = forms[0];
    if (sh) {
        js_dup_shape(sh);
        came = JSON_NAME(follow)(r, &p, site, forms, &sh);
    }
    if (came == JSON_DONE)
        object = json_make_record(r, sh, base);
    else if (came != JSON_FAILED)
        object = json_make_begun(r, sh, base);
    if (came == JSON_ENDED_EARLY && !JS_IsException(object))
        json_remember(ctx, place, JS_VALUE_GET_OBJ(object)->shape);
    js_free_shape_null(ctx->rt, sh);
    if (came == JSON_OTHER_KEY && !JS_IsException(object))
        object = JSON_NAME(other_object)(r, p, site, place, object, true);
    return object;
}

/* `p` is behind the bracket. */
static no_inline JSValue JSON_NAME(array)(JsonReader *r, const JSON_CHAR *p, uint32_t site)
{
    js_weigh_frame(192);
    uint32_t base = r->count;
    int more = 1;

    if (js_check_stack_overflow(r->ctx->rt, 0))
        return JS_ThrowStackOverflow(r->ctx);
    p = JSON_NAME(skip)(p, r->end);
    if (p < (const JSON_CHAR *)r->end && *p == ']') {
        r->at = p + 1;
        more = 0;
    }
    site = json_site(site, 0);
    while (more > 0) {
        JSValue value = JSON_NAME(value)(r, p, site);
        if (JS_IsException(value) || json_push(r, value))
            return JS_EXCEPTION;
        more = JSON_NAME(next)(r, &p, ']');
    }
    return more < 0 ? JS_EXCEPTION : json_make_array(r, base);
}

/* A number whose value needs more than one operation. */
static no_inline JSValue JSON_NAME(hard_number)(JsonReader *r, const JSON_CHAR *p, size_t len)
{
    char text[JSON_LONGEST_NUMBER + 1];

    if (len > JSON_LONGEST_NUMBER)
        return json_decline(r);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)p[i];
    text[len] = '\0';
    return js_float64(strtod(text, NULL));
}

/* Reads digits into *whole and counts them; the first has to be there. */
static inline const JSON_CHAR *JSON_NAME(digits)(const JSON_CHAR *p, const JSON_CHAR *end, uint64_t *whole)
{
    for (; p < end && is_digit(*p); p++)
        *whole = *whole * 10 + (*p - '0');
    return p;
}

/* `p` is at the exponent's letter. Answers where it ends, NULL when it is none. */
static inline const JSON_CHAR *JSON_NAME(exponent)(const JSON_CHAR *p, const JSON_CHAR *end, int *exponent)
{
    uint64_t size = 0;
    bool minus = false;

    if (++p < end && (*p == '+' || *p == '-'))
        minus = *p++ == '-';
    const JSON_CHAR *q = JSON_NAME(digits)(p, end, &size);
    if (q == p)
        return NULL;
    /* what does not fit is beyond the exact powers anyway */
    int known = q - p > 4 ? 9999 : (int)size;
    *exponent += minus ? -known : known;
    return q;
}

static inline JSValue JSON_NAME(number)(JsonReader *r, const JSON_CHAR *p)
{
    const JSON_CHAR *start = p, *end = r->end, *first, *q;
    uint64_t whole = 0;
    int exponent = 0;
    bool minus = *p == '-';

    first = p += minus;
    p = JSON_NAME(digits)(p, end, &whole);
    if (p == first || (*first == '0' && p - first > 1))
        return json_decline(r);
    int digits = p - first;
    if (p == end || (*p != '.' && *p != 'e' && *p != 'E')) {
        r->at = p;
        if (digits < 10 || (digits < 19 && whole <= INT32_MAX)) {
            if (whole == 0 && minus)
                return js_float64(-0.0);
            return js_int32(minus ? -(int32_t)whole : (int32_t)whole);
        }
    } else {
        if (*p == '.') {
            q = JSON_NAME(digits)(p + 1, end, &whole);
            exponent = -(q - p - 1);
            if (exponent == 0)
                return json_decline(r);
            digits -= exponent;
            p = q;
        }
        if (p < end && (*p == 'e' || *p == 'E')) {
            p = JSON_NAME(exponent)(p, end, &exponent);
            if (!p)
                return json_decline(r);
        }
        r->at = p;
    }
    double value;
    if (digits < 19 && decimal_value(&value, whole, exponent))
        return js_float64(minus ? -value : value);
    return JSON_NAME(hard_number)(r, start, p - start);
}

static inline JSValue JSON_NAME(literal)(JsonReader *r, const JSON_CHAR *p, const char *word, JSValue value)
{
    size_t len = strlen(word);

    if ((size_t)((const JSON_CHAR *)r->end - p) < len)
        return json_decline(r);
    for (size_t i = 0; i < len; i++)
        if (p[i] != (JSON_CHAR)word[i])
            return json_decline(r);
    r->at = p + len;
    return value;
}

static JSValue JSON_NAME(value)(JsonReader *r, const JSON_CHAR *p, uint32_t site)
{
    if (p == r->end)
        return json_decline(r);
    switch (*p) {
    case '"':
        return JSON_NAME(string)(r, p + 1);
    case '{':
        return JSON_NAME(object)(r, p + 1, site);
    case '[':
        return JSON_NAME(array)(r, p + 1, site);
    case 't':
        return JSON_NAME(literal)(r, p, "true", JS_TRUE);
    case 'f':
        return JSON_NAME(literal)(r, p, "false", JS_FALSE);
    case 'n':
        return JSON_NAME(literal)(r, p, "null", JS_NULL);
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return JSON_NAME(number)(r, p);
    default:
        return json_decline(r);
    }
}

static JSValue JSON_NAME(text)(JsonReader *r, const JSON_CHAR *p, size_t len)
{
    r->end = p + len;
    JSValue value = JSON_NAME(value)(r, JSON_NAME(skip)(p, r->end), 1);
    if (!JS_IsException(value) && JSON_NAME(skip)(r->at, r->end) != r->end) {
        JS_FreeValue(r->ctx, value);
        return json_decline(r);
    }
    return value;
}
