/* The blocks of MD5 (RFC 1321), for one stream or for two side by side.

   Each of the 64 steps of a block needs the one before it, so that a processor waits most of the time. A second stream
   fits into these waits: two blocks of two streams take hardly longer than one. */

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t a, b, c, d;
} md5_state;

static const md5_state MD5_START = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

/* floor(2^32 * |sin(i + 1)|), i in radians. */
static const uint32_t MD5_SINES[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static const int MD5_TURNS[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static inline uint32_t md5_word(const unsigned char *block, int number) {
    const unsigned char *at = block + 4 * number;
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* `i` is known where this is unrolled, which leaves a handful of instructions. */
static inline __attribute__((always_inline)) void md5_step(md5_state *s, const unsigned char *block, int i) {
    uint32_t b = s->b, c = s->c, d = s->d, sum = s->a + MD5_SINES[i];
    int turn = MD5_TURNS[i / 16][i % 4];
    switch (i / 16) {
    case 0:
        sum += md5_word(block, i) + (d ^ (b & (c ^ d)));
        break;
    case 1:
        /* RFC 1321 has "or" between the two; they share no bit, and a sum need not wait for b. */
        sum += md5_word(block, (5 * i + 1) % 16) + (c & ~d);
        sum += b & d;
        break;
    case 2:
        sum += md5_word(block, (3 * i + 5) % 16) + (b ^ (c ^ d));
        break;
    default:
        sum += md5_word(block, 7 * i % 16) + (c ^ (b | ~d));
    }
    s->a = d;
    s->d = c;
    s->c = b;
    s->b = b + (sum << turn | sum >> (32 - turn));
}

static inline void md5_add(md5_state *s, const md5_state *more) {
    s->a += more->a;
    s->b += more->b;
    s->c += more->c;
    s->d += more->d;
}

static void md5_blocks(md5_state *state, const unsigned char *at, size_t blocks) {
    for (; blocks > 0; blocks--, at += 64) {
        md5_state s = *state;
#pragma GCC unroll 64
        for (int i = 0; i < 64; i++) {
            md5_step(&s, at, i);
        }
        md5_add(state, &s);
    }
}

static void md5_blocks_of_two(md5_state *one, const unsigned char *at, md5_state *other, const unsigned char *other_at,
                              size_t blocks) {
    for (; blocks > 0; blocks--, at += 64, other_at += 64) {
        md5_state s = *one, t = *other;
#pragma GCC unroll 64
        for (int i = 0; i < 64; i++) {
            md5_step(&s, at, i);
            md5_step(&t, other_at, i);
        }
        md5_add(one, &s);
        md5_add(other, &t);
    }
}
