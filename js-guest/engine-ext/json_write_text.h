/* Strings, numbers and words as JSON text, put behind one another into a StringBuffer. Knows characters and nothing of
 * objects; must reserve before it writes. The buffer turns to 16-bit characters when the first one comes that needs
 * them. Included by quickjs.c. */
#ifndef SKEP_JSON_WRITE_TEXT_H
#define SKEP_JSON_WRITE_TEXT_H

#include "json_chars.h"

/* Room for `n` more characters. */
static inline int json_room(StringBuffer *b, int n)
{
    if (likely(b->size - b->len >= n))
        return 0;
    /* too much for any string is told by the function itself */
    return string_buffer_realloc(b, n > JS_STRING_LEN_MAX - b->len ? JS_STRING_LEN_MAX + 1 : b->len + n, 0);
}

static inline int json_put_char(StringBuffer *b, int c)
{
    if (unlikely(b->len >= b->size) && json_room(b, 1))
        return -1;
    if (b->is_wide_char)
        str16(b->str)[b->len++] = c;
    else
        str8(b->str)[b->len++] = c;
    return 0;
}

/* Plain ASCII, a few characters. */
static int json_put_word(StringBuffer *b, const char *word, int len)
{
    if (json_room(b, len))
        return -1;
    if (b->is_wide_char) {
        for (int i = 0; i < len; i++)
            str16(b->str)[b->len + i] = (uint8_t)word[i];
    } else {
        for (int i = 0; i < len; i++)
            str8(b->str)[b->len + i] = word[i];
    }
    b->len += len;
    return 0;
}

static int json_put_int(StringBuffer *b, int32_t value)
{
    char text[16], *at = text + sizeof text;
    uint32_t size = value < 0 ? -(uint32_t)value : (uint32_t)value;

    do {
        *--at = '0' + size % 10;
        size /= 10;
    } while (size > 0);
    if (value < 0)
        *--at = '-';
    return json_put_word(b, at, text + sizeof text - at);
}

static int json_put_double(StringBuffer *b, double value)
{
    char text[128];
    JSDTOATempMem memory;
    int len = decimal_text(text, value);

    if (len == 0) {
        if (!isfinite(value))
            return json_put_word(b, "null", 4);
        len = js_dtoa(text, value, 10, 0, JS_DTOA_FORMAT_FREE, &memory);
    }
    return json_put_word(b, text, len);
}

/* An escape sequence for `c`, and room for `rest` more characters behind it. */
static no_inline int json_put_escape(StringBuffer *b, uint32_t c, int rest)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = { '\\', 'u', hex[c >> 12 & 15], hex[c >> 8 & 15], hex[c >> 4 & 15], hex[c & 15] };
    int len = 2;

    switch (c) {
    case '\t': text[1] = 't'; break;
    case '\r': text[1] = 'r'; break;
    case '\n': text[1] = 'n'; break;
    case '\b': text[1] = 'b'; break;
    case '\f': text[1] = 'f'; break;
    case '"': case '\\': text[1] = c; break;
    default: len = 6;
    }
    return json_put_word(b, text, len) || json_room(b, rest);
}

/* A string of 8-bit characters into a buffer of the same. */
static int json_put_string8(StringBuffer *b, const uint8_t *p, int len)
{
    const uint8_t *end = p + len;

    if (json_room(b, len > JS_STRING_LEN_MAX - 2 ? len : len + 2))
        return -1;
    uint8_t *to = str8(b->str) + b->len;
    *to++ = '"';
    for (;;) {
        for (; end - p >= 8; p += 8, to += 8) {
            uint64_t w;
            memcpy(&w, p, 8);
            if (json_special(w))
                break;
            memcpy(to, &w, 8);
        }
        while (p < end && !json_is_special(*p))
            *to++ = *p++;
        b->len = to - str8(b->str);
        if (p == end)
            break;
        uint8_t c = *p++;
        if (json_put_escape(b, c, end - p + 1))
            return -1;
        to = str8(b->str) + b->len;
    }
    return json_put_char(b, '"');
}

/* Any string into a buffer of 16-bit characters. A surrogate without its other half is escaped. */
static int json_put_string16(StringBuffer *b, JSString *s)
{
    int len = s->len;

    if (json_room(b, len > JS_STRING_LEN_MAX - 2 ? len : len + 2))
        return -1;
    str16(b->str)[b->len++] = '"';
    for (int i = 0; i < len; i++) {
        uint32_t c = string_get(s, i);
        if (unlikely(is_surrogate(c))) {
            if (is_hi_surrogate(c) && i + 1 < len && is_lo_surrogate(string_get(s, i + 1))) {
                str16(b->str)[b->len++] = c;
                str16(b->str)[b->len++] = string_get(s, ++i);
                continue;
            }
        } else if (likely(!json_is_special(c))) {
            str16(b->str)[b->len++] = c;
            continue;
        }
        if (json_put_escape(b, c, len - i))
            return -1;
    }
    return json_put_char(b, '"');
}

static int json_put_string(StringBuffer *b, JSString *s)
{
    if (likely(!s->is_wide_char && !b->is_wide_char))
        return json_put_string8(b, str8(s), s->len);
    if (!b->is_wide_char && string_buffer_widen(b, max_int(b->size, 16)))
        return -1;
    return json_put_string16(b, s);
}

#endif
