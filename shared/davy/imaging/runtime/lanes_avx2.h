// The lane operations in AVX2, and in AVX-512 where it has a better one.
#pragma once
#include "lanes.h"
#include <immintrin.h>

INLINE Floats greater(Floats a, Floats b) { return (Floats)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE float greatest(Floats v) {
    float most = v[0];
    for (int i = 1; i < 8; i++) most = v[i] > most ? v[i] : most;
    return most;
}
INLINE int any_set(Floats v) { return !_mm256_testz_si256((__m256i)v, (__m256i)v); }
INLINE Floats root(Floats v) { return (Floats)_mm256_sqrt_ps((__m256)v); }
INLINE Ints cut(Floats v) { return __builtin_convertvector(v, Ints); }
INLINE Floats to_floats(Ints v) { return __builtin_convertvector(v, Floats); }
INLINE Ints to_ints(Floats v) { return (Ints)_mm256_cvtps_epi32((__m256)v); }
INLINE Words to_words(Floats first, Floats second) {
    return (Words)_mm256_permute4x64_epi64(_mm256_packs_epi32((__m256i)to_ints(first), (__m256i)to_ints(second)), 0xd8);
}

INLINE Words load_octets(const uint8_t *from) {
    Octets v;
    memcpy(&v, from, sizeof v);
    return __builtin_convertvector(v, Words);
}
INLINE __m128i as_octets(Words v) { return _mm_packus_epi16(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1)); }
INLINE void store_octets(uint8_t *to, Words v) { _mm_storeu_si128((__m128i *)to, as_octets(v)); }

INLINE void load_triples(const uint8_t *from, Words out[3]) {
    const __m128i a = _mm_loadu_si128((const __m128i *)from), b = _mm_loadu_si128((const __m128i *)(from + 16));
    const __m128i c = _mm_loadu_si128((const __m128i *)(from + 32));
    const __m128i at0 = _mm_setr_epi8(0, 3, 6, 9, 12, 15, 2, 5, 8, 11, 14, 1, 4, 7, 10, 13);
    const __m128i at1 = _mm_setr_epi8(1, 4, 7, 10, 13, 0, 3, 6, 9, 12, 15, 2, 5, 8, 11, 14);
    const __m128i at2 = _mm_setr_epi8(2, 5, 8, 11, 14, 1, 4, 7, 10, 13, 0, 3, 6, 9, 12, 15);
    const __m128i first = _mm_setr_epi8(-1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1); // bytes 0, 3, ... of a vector
    const __m128i second = _mm_setr_epi8(0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0);
    const __m128i x = _mm_blendv_epi8(_mm_blendv_epi8(b, a, first), c, second);
    const __m128i y = _mm_blendv_epi8(_mm_blendv_epi8(c, a, second), b, first);
    const __m128i z = _mm_blendv_epi8(_mm_blendv_epi8(a, b, second), c, first);
    out[0] = (Words)_mm256_cvtepu8_epi16(_mm_shuffle_epi8(x, at0));
    out[1] = (Words)_mm256_cvtepu8_epi16(_mm_shuffle_epi8(y, at1));
    out[2] = (Words)_mm256_cvtepu8_epi16(_mm_shuffle_epi8(z, at2));
}
INLINE void store_triples(uint8_t *to, const Words v[3]) {
    const __m128i p[3] = {as_octets(v[0]), as_octets(v[1]), as_octets(v[2])};
    const __m128i at0 = _mm_setr_epi8(0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10, 5);
    const __m128i at1 = _mm_setr_epi8(5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10);
    const __m128i at2 = _mm_setr_epi8(10, 5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15);
    const __m128i x = _mm_shuffle_epi8(p[0], at0), y = _mm_shuffle_epi8(p[1], at1), z = _mm_shuffle_epi8(p[2], at2);
    const __m128i first = _mm_setr_epi8(-1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1);
    const __m128i second = _mm_setr_epi8(0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0);
    _mm_storeu_si128((__m128i *)to, _mm_blendv_epi8(_mm_blendv_epi8(z, x, first), y, second));
    _mm_storeu_si128((__m128i *)(to + 16), _mm_blendv_epi8(_mm_blendv_epi8(x, y, first), z, second));
    _mm_storeu_si128((__m128i *)(to + 32), _mm_blendv_epi8(_mm_blendv_epi8(y, z, first), x, second));
}

INLINE Words scaled(Words a, Words b) { return (Words)_mm256_mulhrs_epi16((__m256i)a, (__m256i)b); }
INLINE Words sum_within(Words a, Words b, int top) {
    const __m256i sum = _mm256_adds_epi16((__m256i)a, (__m256i)b);
    return (Words)_mm256_max_epi16(_mm256_min_epi16(sum, (__m256i)words(top)), _mm256_setzero_si256());
}
INLINE Words mean_of(Words a, Words b) { return (Words)_mm256_avg_epu16((__m256i)a, (__m256i)b); }
INLINE Words lesser(Words a, Words b) { return (Words)_mm256_min_epi16((__m256i)a, (__m256i)b); }
INLINE int all_within(Words least, Words low, Words most, Words high, int top) {
    const __m256i bottom = _mm256_adds_epi16((__m256i)least, (__m256i)low), peak = _mm256_adds_epi16((__m256i)most, (__m256i)high);
    const __m256i over = _mm256_cmpgt_epi16(peak, (__m256i)words(top)), under = _mm256_cmpgt_epi16(_mm256_setzero_si256(), bottom);
    const __m256i beyond = _mm256_or_si256(over, under);
    return _mm256_testz_si256(beyond, beyond);
}
INLINE Words doubled(Half half) {
    const __m256i wide = _mm256_cvtepu16_epi32((__m128i)half);
    return (Words)_mm256_or_si256(wide, _mm256_slli_epi32(wide, 16));
}
INLINE Ints shifted(Ints v, int by) { return (Ints)_mm256_sra_epi32((__m256i)v, _mm_cvtsi32_si128(by)); }
INLINE void add_words(int32_t *sums, Words v) {
    store_ints(sums, load_ints(sums) + (Ints)_mm256_cvtepi16_epi32(_mm256_castsi256_si128((__m256i)v)));
    store_ints(sums + 8, load_ints(sums + 8) + (Ints)_mm256_cvtepi16_epi32(_mm256_extracti128_si256((__m256i)v, 1)));
}

INLINE Ints plus_madd(Ints to, Words a, Words b) {
#ifdef __AVX512VNNI__
    return (Ints)_mm256_dpwssd_epi32((__m256i)to, (__m256i)a, (__m256i)b);
#else
    return to + (Ints)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#endif
}
INLINE Ints plus_pair_sums(Ints sums, Words v) { return plus_madd(sums, v, words(1)); }
INLINE Words pair_means(Words a, Words b) {
    const Ints means[2] = {plus_pair_sums(ints(0), a) >> 1, plus_pair_sums(ints(0), b) >> 1};
    return (Words)_mm256_permute4x64_epi64(_mm256_packs_epi32((__m256i)means[0], (__m256i)means[1]), 0xd8);
}

typedef struct {
    Ints sums;
} PairProducts;

INLINE PairProducts no_products(void) { return (PairProducts){ints(0)}; }
INLINE PairProducts plus_pair_products(PairProducts to, Words a, Words b) { return (PairProducts){plus_madd(to.sums, a, b)}; }
INLINE Ints total(PairProducts products) { return products.sums; }

// Zipped: pixels 0-3 and 8-11, then 4-7 and 12-15.
INLINE Pairs pairs_of(Words a, Words b) {
    return (Pairs){{(Words)_mm256_unpacklo_epi16((__m256i)a, (__m256i)b), (Words)_mm256_unpackhi_epi16((__m256i)a, (__m256i)b)}};
}
INLINE void plus_products(Ints sums[2], Pairs a, Pairs b) {
    for (int i = 0; i < 2; i++) sums[i] = plus_madd(sums[i], a.part[i], b.part[i]);
}
INLINE void widened(Words v, int by, Ints out[2]) {
    const Pairs high = pairs_of(words(0), v);
    for (int i = 0; i < 2; i++) out[i] = shifted((Ints)high.part[i], 16 - by);
}
INLINE void to_pixels(Ints sums[2]) {
    const __m256i low = (__m256i)sums[0], high = (__m256i)sums[1];
    sums[0] = (Ints)_mm256_permute2x128_si256(low, high, 0x20), sums[1] = (Ints)_mm256_permute2x128_si256(low, high, 0x31);
}
INLINE Words packed(Ints first, Ints second) { return (Words)_mm256_packus_epi32((__m256i)first, (__m256i)second); }

#ifdef __AVX512BW__
INLINE void look_up(const Table *table, const Words index[2], Words out[2]) {
    for (int i = 0; i < 2; i++) out[i] = (Words)_mm256_permutexvar_epi16((__m256i)index[i], (__m256i)load_words(table->words));
}
#else
INLINE __m256i shuffled(const uint8_t *bytes, __m256i index) {
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)bytes)), index);
}
INLINE void look_up(const Table *table, const Words index[2], Words out[2]) {
    const __m256i both = _mm256_packus_epi16((__m256i)index[0], (__m256i)index[1]);
    const __m256i low = shuffled(table->bytes[0], both), high = shuffled(table->bytes[1], both);
    out[0] = (Words)_mm256_unpacklo_epi8(low, high), out[1] = (Words)_mm256_unpackhi_epi8(low, high);
}
#endif

INLINE void neighbours(const int16_t *const from[2], int one_vector, Words pick, Words *left, Words *right) {
    const __m128i *first = (const __m128i *)from[0], *second = (const __m128i *)from[1];
    const __m256i blocks = one_vector ? _mm256_broadcastsi128_si256(_mm_loadu_si128(first)) : _mm256_loadu2_m128i(second, first);
    const Words next = pick + 0x0202;
    *left = (Words)_mm256_shuffle_epi8(blocks, (__m256i)pick), *right = (Words)_mm256_shuffle_epi8(blocks, (__m256i)next);
}
INLINE Floats picked_floats(Floats cells, Ints index) { return (Floats)_mm256_permutevar8x32_ps((__m256)cells, (__m256i)index); }
