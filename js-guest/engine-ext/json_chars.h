/* Which characters a JSON string holds as they are, eight at a time where they are bytes. Knows nothing of the engine.
 * Included by quickjs.c. */
#ifndef SKEP_JSON_CHARS_H
#define SKEP_JSON_CHARS_H

/* Bytes that end a run of plain characters in a string: the high bit of each such byte, exact up to the lowest one
   (the host of a Wasm guest is little-endian, and so is the guest). */
static inline uint64_t json_special(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101, highs = ones << 7;
    uint64_t quote = w ^ ones * '"', slash = w ^ ones * '\\';
    return ((w - ones * 0x20) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & ~w & highs;
}

static inline bool json_is_special(uint32_t c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

static inline void json_copy(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size > 64) {
        memcpy(to, from, size);
        return;
    }
    for (; size >= 8; size -= 8, to += 8, from += 8)
        memcpy(to, from, 8);
    for (; size > 0; size--)
        *to++ = *from++;
}

#endif
