// The lane operations in plain C: their definition, and the code of processors without other.
#pragma once
#include "lanes.h"

typedef int32_t Wide __attribute__((vector_size(64)));

INLINE Floats greater(Floats a, Floats b) {
    const Ints above = a > b;
    return (Floats)(((Ints)a & above) | ((Ints)b & ~above));
}
INLINE float greatest(Floats v) {
    float most = v[0];
    for (int i = 1; i < 8; i++) most = v[i] > most ? v[i] : most;
    return most;
}
INLINE int any_set(Floats v) { // whether any lane differs from +0
    int set = 0;
    for (int i = 0; i < 8; i++) set |= ((Ints)v)[i];
    return set != 0;
}
INLINE Floats root(Floats v) {
    for (int i = 0; i < 8; i++) v[i] = sqrtf(v[i]);
    return v;
}

// Round towards 0.
INLINE Ints cut(Floats v) { return __builtin_convertvector(v, Ints); }
INLINE Floats to_floats(Ints v) { return __builtin_convertvector(v, Floats); }

// Round to the nearest integer, and halves to even.
INLINE Ints to_ints(Floats v) {
    Ints out = ints(0);
    for (int i = 0; i < 8; i++) out[i] = (int32_t)lrintf(v[i]);
    return out;
}

// Round sixteen floats to words, with saturation.
INLINE Words to_words(Floats first, Floats second) {
    Words out = words(0);
    const Ints v[2] = {to_ints(first), to_ints(second)};
    for (int i = 0; i < LANES; i++)
        out[i] = (int16_t)(v[i / 8][i % 8] < -32768 ? -32768 : v[i / 8][i % 8] > 32767 ? 32767 : v[i / 8][i % 8]);
    return out;
}

INLINE Words load_octets(const uint8_t *from) {
    Octets v;
    memcpy(&v, from, sizeof v);
    return __builtin_convertvector(v, Words);
}
INLINE void store_octets(uint8_t *to, Words v) { // v: 0 to 255
    const Octets packed = __builtin_convertvector(v, Octets);
    memcpy(to, &packed, sizeof packed);
}

// Load 16 pixels of three bytes and separate their channels.
INLINE void load_triples(const uint8_t *from, Words out[3]) {
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < LANES; i++) out[c][i] = from[3 * i + c];
}
INLINE void store_triples(uint8_t *to, const Words v[3]) {
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < LANES; i++) to[3 * i + c] = (uint8_t)v[c][i];
}

// a * b / 2^15, rounded; not both are -32768.
INLINE Words scaled(Words a, Words b) {
    const Wide product = __builtin_convertvector(a, Wide) * __builtin_convertvector(b, Wide);
    return __builtin_convertvector((product + (1 << 14)) >> 15, Words);
}

// a + b within [0, top].
INLINE Words sum_within(Words a, Words b, int top) {
    Wide sum = __builtin_convertvector(a, Wide) + __builtin_convertvector(b, Wide);
    sum &= sum > 0;
    const Wide over = sum > top;
    return __builtin_convertvector((sum & ~over) | ((over & 1) * top), Words);
}

// Mean of a and b, rounded up; both at most 32767.
INLINE Words mean_of(Words a, Words b) { return (Words)(((Unsigned)a + (Unsigned)b + 1) >> 1); }

// Means of neighbours, rounded down: eight of a, then eight of b.
INLINE Words pair_means(Words a, Words b) {
    Words out = words(0);
    for (int i = 0; i < 8; i++) out[i] = (int16_t)((a[2 * i] + a[2 * i + 1]) >> 1), out[8 + i] = (int16_t)((b[2 * i] + b[2 * i + 1]) >> 1);
    return out;
}

INLINE Words lesser(Words a, Words b) {
    const Words below = a < b;
    return (a & below) | (b & ~below);
}

// Whether least + low >= 0 and most + high <= top in all lanes.
INLINE int all_within(Words least, Words low, Words most, Words high, int top) {
    for (int i = 0; i < LANES; i++)
        if (least[i] + low[i] < 0 || most[i] + high[i] > top) return 0;
    return 1;
}

// Repeat each word.
INLINE Words doubled(Half half) {
    Words out = words(0);
    for (int i = 0; i < LANES; i++) out[i] = half[i / 2];
    return out;
}

INLINE Ints shifted(Ints v, int by) { return v >> by; }

// Add sixteen words to sixteen ints.
INLINE void add_words(int32_t *sums, Words v) {
    for (int i = 0; i < LANES; i++) sums[i] += v[i];
}

// Add the sums of neighbours.
INLINE Ints plus_pair_sums(Ints sums, Words v) {
    for (int i = 0; i < 8; i++) sums[i] += v[2 * i] + v[2 * i + 1];
    return sums;
}

typedef struct {
    Ints sums;
} PairProducts; // sums of a[i] * b[i] over pairs of neighbours and over any number of vectors

INLINE PairProducts no_products(void) { return (PairProducts){ints(0)}; }
INLINE PairProducts plus_pair_products(PairProducts to, Words a, Words b) {
    for (int i = 0; i < 8; i++) to.sums[i] += a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
    return to;
}
INLINE Ints total(PairProducts products) { return products.sums; }

INLINE Pairs pairs_of(Words a, Words b) { return (Pairs){{a, b}}; }

// Add to the ints of 16 pixels the products of two pairs of words.
INLINE void plus_products(Ints sums[2], Pairs a, Pairs b) {
    for (int i = 0; i < LANES; i++) sums[i / 8][i % 8] += a.part[0][i] * b.part[0][i] + a.part[1][i] * b.part[1][i];
}

// Sixteen words as ints, times 2^by, in the order of the pairs; by: 0 to 16.
INLINE void widened(Words v, int by, Ints out[2]) {
    out[0] = out[1] = ints(0);
    for (int i = 0; i < LANES; i++) out[i / 8][i % 8] = v[i] * (1 << by);
}

// Restore the order of the pixels.
INLINE void to_pixels(Ints sums[2]) { (void)sums; }

// Saturate to [0, 65535] and restore the order of the pixels.
INLINE Words packed(Ints first, Ints second) {
    Words out = words(0);
    for (int i = 0; i < LANES; i++) {
        const int32_t each = (i < 8 ? first : second)[i % 8];
        out[i] = (int16_t)(uint16_t)(each < 0 ? 0 : each > 65535 ? 65535 : each);
    }
    return out;
}

// Words of a table at indices 0 to 15, for two vectors at a time.
INLINE void look_up(const Table *table, const Words index[2], Words out[2]) {
    out[0] = out[1] = words(0);
    for (int i = 0; i < LANES; i++) out[0][i] = table->words[index[0][i]], out[1][i] = table->words[index[1][i]];
}

// For each lane the word at its pick, an offset in bytes, and the next one: of eight words at from[0], and at from[1] for the last
// eight lanes, unless one vector holds them all.
INLINE void neighbours(const int16_t *const from[2], int one_vector, Words pick, Words *left, Words *right) {
    *left = *right = words(0);
    for (int i = 0; i < LANES; i++) {
        const int16_t *at = from[one_vector ? 0 : i / 8] + (pick[i] & 15) / 2;
        (*left)[i] = at[0], (*right)[i] = at[1];
    }
}

// Floats of eight at indices 0 to 7.
INLINE Floats picked_floats(Floats cells, Ints index) {
    Floats out = floats(0);
    for (int i = 0; i < 8; i++) out[i] = cells[index[i] & 7];
    return out;
}
