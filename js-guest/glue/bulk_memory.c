// memcpy, memmove, memset, calloc and realloc in pieces. One bulk-memory instruction is one step that the host cannot interrupt, and
// filling fresh memory costs about a millisecond a mebibyte: so none is longer than PIECE. Between pieces the loop's
// back edge is where the host's epoch check stands. Knows nothing about the engine.
#include <stddef.h>
#include <stdint.h>

void *malloc(size_t size);
void free(void *block);
size_t malloc_usable_size(void *block);

#define PIECE ((size_t)64 * 1024)

void *memset(void *dest, int byte, size_t size)
{
    char *to = dest;
    while (size > PIECE) {
        __builtin_memset(to, byte, PIECE);
        to += PIECE;
        size -= PIECE;
    }
    __builtin_memset(to, byte, size);
    return dest;
}

void *memcpy(void *restrict dest, const void *restrict src, size_t size)
{
    char *to = dest;
    const char *from = src;
    while (size > PIECE) {
        __builtin_memcpy(to, from, PIECE);
        to += PIECE;
        from += PIECE;
        size -= PIECE;
    }
    __builtin_memcpy(to, from, size);
    return dest;
}

// A piece may overlap itself (memory.copy allows that); the order of the pieces is what must suit the direction.
void *memmove(void *dest, const void *src, size_t size)
{
    char *to = dest;
    const char *from = src;
    if ((uintptr_t)to <= (uintptr_t)from) {
        while (size > PIECE) {
            __builtin_memmove(to, from, PIECE);
            to += PIECE;
            from += PIECE;
            size -= PIECE;
        }
        __builtin_memmove(to, from, size);
        return dest;
    }
    while (size > PIECE) {
        size -= PIECE;
        __builtin_memmove(to + size, from + size, PIECE);
    }
    __builtin_memmove(to, from, size);
    return dest;
}

// The C library was compiled with the instructions inline in these two; the linker (--wrap) leads their callers here.

void *__wrap_calloc(size_t count, size_t each)
{
    size_t size;
    if (__builtin_mul_overflow(count, each, &size))
        return NULL;
    void *block = malloc(size);
    return block ? memset(block, 0, size) : NULL;
}

void *__real_realloc(void *block, size_t size);

// Growing a large block may copy it, and whether it will cannot be known before: so it is copied here. Only when
// there is no room for two is the original asked, which can still grow the block where it lies.
void *__wrap_realloc(void *block, size_t size)
{
    size_t had = block ? malloc_usable_size(block) : 0;
    if (had <= PIECE || size <= had)
        return __real_realloc(block, size);
    void *moved = malloc(size);
    if (!moved)
        return __real_realloc(block, size);
    memcpy(moved, block, had);
    free(block);
    return moved;
}
