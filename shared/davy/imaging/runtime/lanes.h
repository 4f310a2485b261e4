// Vectors of 16 words, 8 ints and 8 floats: the compiler's operators where C has one, else operations of this processor.
// lanes_portable.h defines each operation; the others give the same bits.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>
#pragma GCC diagnostic ignored "-Wpsabi" // every function with vector arguments is inlined, so no ABI can change

#define INLINE static inline __attribute__((always_inline))
enum { LANES = 16 }; // pixels per vector

typedef int16_t Words __attribute__((vector_size(32)));
typedef uint16_t Unsigned __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));
typedef float Floats __attribute__((vector_size(32)));
typedef uint8_t Octets __attribute__((vector_size(16)));
typedef uint8_t HalfOctets __attribute__((vector_size(8)));
typedef int16_t Half __attribute__((vector_size(16)));

// Two words for each of 16 pixels, in the order that suits plus_products; to_pixels restores the pixels' order.
typedef struct {
    Words part[2];
} Pairs;

typedef struct {
    int16_t words[16];
    uint8_t bytes[2][16]; // low and high bytes of the words
} Table;

INLINE Words words(int value) {
    const int16_t v = (int16_t)value;
    return (Words){v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v};
}
INLINE Ints ints(int32_t v) { return (Ints){v, v, v, v, v, v, v, v}; }
INLINE Floats floats(float v) { return (Floats){v, v, v, v, v, v, v, v}; }
INLINE Words load_words(const int16_t *from) {
    Words v;
    memcpy(&v, from, sizeof v);
    return v;
}
INLINE void store_words(int16_t *to, Words v) { memcpy(to, &v, sizeof v); }
INLINE Ints load_ints(const int32_t *from) {
    Ints v;
    memcpy(&v, from, sizeof v);
    return v;
}
INLINE void store_ints(int32_t *to, Ints v) { memcpy(to, &v, sizeof v); }
INLINE Floats load_floats(const float *from) {
    Floats v;
    memcpy(&v, from, sizeof v);
    return v;
}
INLINE void store_floats(float *to, Floats v) { memcpy(to, &v, sizeof v); }
INLINE Floats magnitude(Floats v) { return (Floats)((Ints)v & 0x7fffffff); }

#if defined __AVX2__
#include "lanes_avx2.h"
#elif defined __aarch64__
#include "lanes_neon.h"
#else
#include "lanes_portable.h"
#endif

INLINE Floats at_least(Floats v, float least) { return greater(v, floats(least)); }
INLINE Floats at_most(Floats v, float most) { return -at_least(-v, -most); }

// 2^x to 3e-6 relative, x in [-60, 60].
INLINE Floats exp2_fast(Floats x) {
    const Ints integer = cut(x + 64) - 64;
    const Floats part = x - to_floats(integer);
    const Floats p = 1.0f + part * (0.69314718f + part * (0.24022651f + part * (0.05550411f + part * (0.00961813f + part * 0.00133336f))));
    return p * (Floats)((integer + 127) << 23);
}

INLINE Table table_of(const int16_t words[16]) {
    Table table;
    for (int i = 0; i < 16; i++)
        table.words[i] = words[i], table.bytes[0][i] = (uint8_t)words[i], table.bytes[1][i] = (uint8_t)(words[i] >> 8);
    return table;
}
