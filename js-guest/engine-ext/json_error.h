/* What is wrong with a text that JSON.parse refused, in the words of V8 11 (Node 20). Both parsers only say that a text is
 * bad; this reads it once more and finds the first bad place. Nothing recurses: a byte for each open bracket. Included by
 * quickjs.c in front of js_json_parse; must not know the parsers. */

typedef struct {
    JSContext *ctx;
    JSString *text;
    uint32_t at;
} JsonScan;

enum { JSON_OK, JSON_BAD };

/* How much of the text is quoted on either side of a bad character. */
enum { JSON_CONTEXT = 10 };

static int json_char(const JsonScan *s)
{
    return s->at < s->text->len ? string_get(s->text, s->at) : -1;
}

static void json_skip_space(JsonScan *s)
{
    for (int c = json_char(s); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = json_char(s))
        s->at++;
}

static JSValue json_part(const JsonScan *s, uint32_t from, uint32_t to)
{
    return js_sub_string(s->ctx, s->text, from, to);
}

static bool json_is_wellknown(const JsonScan *s)
{
    static const char *const words[] = { "NaN", "Infinity", "undefined", "[object Object]" };
    for (int i = 0; i < countof(words); i++) {
        uint32_t k = 0, len = strlen(words[i]);
        while (k < len && len == s->text->len && string_get(s->text, k) == (uint8_t)words[i][k])
            k++;
        if (k == len)
            return true;
    }
    return false;
}

static void json_bad_character(const JsonScan *s)
{
    uint32_t len = s->text->len, at = s->at, from = 0, to = len;
    if (json_is_wellknown(s)) {
        js_throw_words(s->ctx, JS_SYNTAX_ERROR, "\"%v\" is not valid JSON", JS_MKPTR(JS_TAG_STRING, s->text));
        return;
    }
    bool is_long = len >= 2 * JSON_CONTEXT + 1;
    if (is_long && at >= JSON_CONTEXT)
        from = at - JSON_CONTEXT;
    if (is_long && at < len - JSON_CONTEXT)
        to = at + JSON_CONTEXT;
    JSValue character = json_part(s, at, at + 1), part = json_part(s, from, to);
    js_throw_words(s->ctx, JS_SYNTAX_ERROR, "Unexpected token '%v', %s\"%v\"%s is not valid JSON", character,
                   from > 0 ? "..." : "", part, to < len ? "..." : "");
    JS_FreeValue(s->ctx, character);
    JS_FreeValue(s->ctx, part);
}

/* `what` is an expectation that was not met; without it the character decides. */
static int json_bad(const JsonScan *s, const char *what)
{
    int c = json_char(s);
    if (what)
        js_throw_words(s->ctx, JS_SYNTAX_ERROR, "%s in JSON at position %d", what, (int)s->at);
    else if (c < 0)
        js_throw_words(s->ctx, JS_SYNTAX_ERROR, "Unexpected end of JSON input");
    else if (c == '"')
        return json_bad(s, "Unexpected string");
    else if (c == '-' || (c >= '0' && c <= '9'))
        return json_bad(s, "Unexpected number");
    else
        json_bad_character(s);
    return JSON_BAD;
}

static bool json_is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool json_is_hex(int c)
{
    return json_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int json_scan_escape(JsonScan *s)
{
    int c = json_char(s);
    if (c >= 0 && c < 0x80 && strchr("\"\\/bfnrt", c) && c != 0) {
        s->at++;
        return JSON_OK;
    }
    if (c != 'u')
        return json_bad(s, c < 0 ? "Unterminated string" : "Bad escaped character");
    s->at++;
    for (int i = 0; i < 4; i++, s->at++)
        if (!json_is_hex(json_char(s)))
            return json_bad(s, json_char(s) < 0 ? "Unterminated string" : "Bad Unicode escape");
    return JSON_OK;
}

/* Behind the opening quote. */
static int json_scan_string(JsonScan *s)
{
    for (;;) {
        int c = json_char(s);
        if (c < 0)
            return json_bad(s, "Unterminated string");
        if (c < 0x20)
            return json_bad(s, "Bad control character in string literal");
        s->at++;
        if (c == '"')
            return JSON_OK;
        if (c == '\\' && json_scan_escape(s) == JSON_BAD)
            return JSON_BAD;
    }
}

static int json_scan_digits(JsonScan *s, const char *missing)
{
    if (!json_is_digit(json_char(s)))
        return json_bad(s, missing);
    while (json_is_digit(json_char(s)))
        s->at++;
    return JSON_OK;
}

static int json_scan_number(JsonScan *s)
{
    if (json_char(s) == '-')
        s->at++;
    if (json_char(s) == '0') {
        s->at++;
        if (json_is_digit(json_char(s)))
            return json_bad(s, NULL);
    } else if (json_scan_digits(s, "No number after minus sign") == JSON_BAD) {
        return JSON_BAD;
    }
    if (json_char(s) == '.') {
        s->at++;
        if (json_scan_digits(s, "Unterminated fractional number") == JSON_BAD)
            return JSON_BAD;
    }
    if (json_char(s) == 'e' || json_char(s) == 'E') {
        s->at++;
        if (json_char(s) == '+' || json_char(s) == '-')
            s->at++;
        return json_scan_digits(s, "Exponent part is missing a number");
    }
    return JSON_OK;
}

static int json_scan_word(JsonScan *s, const char *word)
{
    for (; *word; word++, s->at++)
        if (json_char(s) != *word)
            return json_bad(s, NULL);
    return JSON_OK;
}

/* A value without parts, or the opening of one with parts, which is put onto `open`. */
static int json_scan_value(JsonScan *s, DynBuf *open)
{
    int c = json_char(s);
    switch (c) {
    case '{':
    case '[':
        s->at++;
        dbuf_putc(open, c);
        return JSON_OK;
    case '"':
        s->at++;
        return json_scan_string(s);
    case 't': return json_scan_word(s, "true");
    case 'f': return json_scan_word(s, "false");
    case 'n': return json_scan_word(s, "null");
    default: return c == '-' || json_is_digit(c) ? json_scan_number(s) : json_bad(s, NULL);
    }
}

static int json_scan_name(JsonScan *s, const char *expected)
{
    if (json_char(s) != '"')
        return json_bad(s, expected);
    s->at++;
    if (json_scan_string(s) == JSON_BAD)
        return JSON_BAD;
    json_skip_space(s);
    if (json_char(s) != ':')
        return json_bad(s, "Expected ':' after property name");
    s->at++;
    return JSON_OK;
}

/* What may follow in an open object or array: closes it, or stands before its next value. */
static int json_scan_next(JsonScan *s, DynBuf *open, bool is_first)
{
    bool is_object = open->buf[open->size - 1] == '{';
    if (json_char(s) == (is_object ? '}' : ']')) {
        s->at++;
        open->size--;
        return JSON_OK;
    }
    if (!is_first && json_char(s) != ',')
        return json_bad(s, is_object ? "Expected ',' or '}' after property value" : "Expected ',' or ']' after array element");
    s->at += !is_first;
    json_skip_space(s);
    if (is_object && json_scan_name(s, is_first ? "Expected property name or '}'" : "Expected double-quoted property name"))
        return JSON_BAD;
    json_skip_space(s);
    return json_scan_value(s, open);
}

/* Throws what is wrong with `text` instead of the error that is pending. A text that is well-formed keeps its error. */
static void json_throw(JSContext *ctx, JSString *text)
{
    JSValue pending = JS_GetException(ctx);
    JsonScan s = { ctx, text, 0 };
    DynBuf open;
    js_dbuf_init(ctx, &open);
    json_skip_space(&s);
    size_t depth = 0;
    int result = json_scan_value(&s, &open);
    while (result == JSON_OK && open.size > 0 && !dbuf_error(&open)) {
        bool is_first = open.size > depth;
        depth = open.size;
        json_skip_space(&s);
        result = json_scan_next(&s, &open, is_first);
    }
    json_skip_space(&s);
    if (result == JSON_OK && s.at < text->len && !dbuf_error(&open)) {
        result = JSON_BAD;
        js_throw_words(ctx, JS_SYNTAX_ERROR, "Unexpected non-whitespace character after JSON at position %d", (int)s.at);
    }
    dbuf_free(&open);
    if (result == JSON_OK)
        JS_Throw(ctx, pending);
    else
        JS_FreeValue(ctx, pending);
}
