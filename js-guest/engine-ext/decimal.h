/* Decimal text to double and back, for the numbers where one multiplication or division is known to be exact. Pure
 * arithmetic: it knows no engine type, keeps nothing, and says "not me" for every number that needs more than this,
 * so that its caller goes to the general way. Included by quickjs.c. */
#ifndef SKEP_DECIMAL_H
#define SKEP_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The powers of ten that a double holds exactly. */
static const double decimal_powers[23] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};
#define DECIMAL_POWER_MAX 22

/* The longest text of decimal_text(), with its sign and point. */
#define DECIMAL_TEXT_MAX 24

/* mantissa * 10^exponent, rounded correctly: both operands are exact, and IEEE 754 rounds the one operation so. */
static inline bool decimal_value(double *out, uint64_t mantissa, int exponent)
{
    if (mantissa > (uint64_t)1 << 53 || exponent < -DECIMAL_POWER_MAX || exponent > DECIMAL_POWER_MAX)
        return false;
    double value = (double)(int64_t)mantissa;
    *out = exponent < 0 ? value / decimal_powers[-exponent] : value * decimal_powers[exponent];
    return true;
}

/* `size` below 1e15 as whole * 10^-places with as few places as there can be.
   Two decimals of at most 15 digits never round to the same double. So when one of them gives `size` back, it is the
   only one, and hence (its trailing zeros aside) the shortest and the nearest. */
static inline bool decimal_split(double size, uint64_t *whole, int *places)
{
    if (size < 1e13) {
        /* money and the like */
        *places = 2;
        *whole = (uint64_t)(size * 100 + 0.5);
        if ((double)(int64_t)*whole / 100 == size)
            goto strip;
    }
    int most = 1;
    while (most < DECIMAL_POWER_MAX - 1 && size * decimal_powers[most + 1] < 1e15)
        most++;
    *places = most;
    *whole = (uint64_t)(size * decimal_powers[most] + 0.5);
    if (*whole >= 1000000000000000 || (double)(int64_t)*whole / decimal_powers[most] != size)
        return false;
 strip:
    while (*places > 0 && *whole % 10 == 0) {
        *whole /= 10;
        *places -= 1;
    }
    return true;
}

static inline char *decimal_digit(char *at, uint32_t digit, int count, int places)
{
    if (count == places && places > 0)
        *--at = '.';
    *--at = (char)('0' + digit);
    return at;
}

/* What Number.prototype.toString() gives, without a zero at the end; its length, or 0 for "not me". */
static inline size_t decimal_text(char *out, double value)
{
    char digits[DECIMAL_TEXT_MAX], *end = digits + sizeof digits, *at = end;
    double size = value < 0 ? -value : value;
    int places = 0, count = 0;

    if (!(size < 1e15) || (size < 1e-6 && size != 0))
        return 0;
    uint64_t whole = (uint64_t)size;
    if ((double)(int64_t)whole != size && !decimal_split(size, &whole, &places))
        return 0;
    for (; whole > UINT32_MAX; whole /= 10)
        at = decimal_digit(at, whole % 10, count++, places);
    /* narrow divisions are the cheaper ones */
    for (uint32_t low = (uint32_t)whole; low != 0 || count <= places; low /= 10)
        at = decimal_digit(at, low % 10, count++, places);
    if (value < 0)
        *--at = '-';
    size_t length = (size_t)(end - at);
    for (size_t i = 0; i < length; i++)
        out[i] = at[i];
    return length;
}

#endif
