// Vectors of 16 words, 8 ints and 8 floats: the compiler's operators where C has one, AVX2 intrinsics where it has none.
// Loops replace the intrinsics on other processors and give the same bits.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif
#pragma GCC diagnostic ignored "-Wpsabi" // every function with vector arguments is inlined, so no ABI can change

#define INLINE static inline __attribute__((always_inline))
enum { LANES = 16 }; // pixels per vector

typedef int16_t Words __attribute__((vector_size(32)));
typedef uint16_t Unsigned __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));
typedef float Floats __attribute__((vector_size(32)));
typedef uint8_t Octets __attribute__((vector_size(16)));
typedef uint8_t HalfOctets __attribute__((vector_size(8)));
typedef int32_t Wide __attribute__((vector_size(64)));
typedef int16_t Half __attribute__((vector_size(16)));

INLINE Words words(int value) {
    const int16_t v = (int16_t)value;
    return (Words){v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v};
}
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
INLINE Floats load_floats(const float *from) {
    Floats v;
    memcpy(&v, from, sizeof v);
    return v;
}
INLINE void store_floats(float *to, Floats v) { memcpy(to, &v, sizeof v); }
INLINE Floats at_least(Floats v, float least) {
#ifdef __AVX2__
    return (Floats)_mm256_max_ps((__m256)v, (__m256)floats(least));
#else
    const Ints above = v > least;
    return (Floats)(((Ints)v & above) | ((Ints)floats(least) & ~above));
#endif
}
INLINE Floats at_most(Floats v, float most) { return -at_least(-v, -most); }
INLINE Floats magnitude(Floats v) { return (Floats)((Ints)v & 0x7fffffff); }
INLINE int any_set(Floats v) { // whether any lane differs from +0
#ifdef __AVX2__
    return !_mm256_testz_si256((__m256i)v, (__m256i)v);
#else
    int set = 0;
    for (int i = 0; i < 8; i++) set |= ((Ints)v)[i];
    return set != 0;
#endif
}
INLINE Floats root(Floats v) {
#ifdef __AVX2__
    return (Floats)_mm256_sqrt_ps((__m256)v);
#else
    for (int i = 0; i < 8; i++) v[i] = sqrtf(v[i]);
    return v;
#endif
}

// 2^x to 3e-6 relative, x in [-60, 60].
INLINE Floats exp2_fast(Floats x) {
    const Ints integer = __builtin_convertvector(x + 64, Ints) - 64;
    const Floats part = x - __builtin_convertvector(integer, Floats);
    const Floats p = 1.0f + part * (0.69314718f + part * (0.24022651f + part * (0.05550411f + part * (0.00961813f + part * 0.00133336f))));
    return p * (Floats)((integer + 127) << 23);
}

INLINE Words load_octets(const uint8_t *from) {
    Octets v;
    memcpy(&v, from, sizeof v);
    return __builtin_convertvector(v, Words);
}
INLINE void store_octets(uint8_t *to, Words v) { // v: 0 to 255
#ifdef __AVX2__
    const __m128i packed = _mm_packus_epi16(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1));
    _mm_storeu_si128((__m128i *)to, packed);
#else
    const Octets packed = __builtin_convertvector(v, Octets);
    memcpy(to, &packed, sizeof packed);
#endif
}

// a * b / 2^15, rounded.
INLINE Words scaled(Words a, Words b) {
#ifdef __AVX2__
    return (Words)_mm256_mulhrs_epi16((__m256i)a, (__m256i)b);
#else
    const Wide product = __builtin_convertvector(a, Wide) * __builtin_convertvector(b, Wide);
    return __builtin_convertvector((product + (1 << 14)) >> 15, Words);
#endif
}

// a + b within [0, top].
INLINE Words sum_within(Words a, Words b, int top) {
#ifdef __AVX2__
    const __m256i sum = _mm256_adds_epi16((__m256i)a, (__m256i)b);
    return (Words)_mm256_max_epi16(_mm256_min_epi16(sum, (__m256i)words(top)), _mm256_setzero_si256());
#else
    Wide sum = __builtin_convertvector(a, Wide) + __builtin_convertvector(b, Wide);
    sum &= sum > 0;
    const Wide over = sum > top;
    return __builtin_convertvector((sum & ~over) | ((over & 1) * top), Words);
#endif
}

// Sums of a[i] * b[i] over pairs of neighbours.
INLINE Ints pair_sums(Words a, Words b) {
#ifdef __AVX2__
    return (Ints)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#else
    Ints sums;
    for (int i = 0; i < 8; i++) sums[i] = a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
    return sums;
#endif
}

// v plus the pair sums of a and b.
INLINE Ints plus_pair_sums(Ints v, Words a, Words b) {
#ifdef __AVX512VNNI__
    return (Ints)_mm256_dpwssd_epi32((__m256i)v, (__m256i)a, (__m256i)b);
#else
    return v + pair_sums(a, b);
#endif
}

// Mean of a and b, rounded up; both at most 32767.
INLINE Words mean_of(Words a, Words b) {
#ifdef __AVX2__
    return (Words)_mm256_avg_epu16((__m256i)a, (__m256i)b);
#else
    return (Words)(((Unsigned)a + (Unsigned)b + 1) >> 1);
#endif
}

// Interleave a and b: lanes 0-3 and 8-11 to low, lanes 4-7 and 12-15 to high.
INLINE void zip(Words a, Words b, Words *low, Words *high) {
#ifdef __AVX2__
    *low = (Words)_mm256_unpacklo_epi16((__m256i)a, (__m256i)b);
    *high = (Words)_mm256_unpackhi_epi16((__m256i)a, (__m256i)b);
#else
    Words l, h;
    for (int i = 0; i < 8; i++) {
        const int from = i < 4 ? i : i + 4;
        l[2 * i] = a[from], l[2 * i + 1] = b[from], h[2 * i] = a[from + 4], h[2 * i + 1] = b[from + 4];
    }
    *low = l, *high = h;
#endif
}

// Restore the order of the pixels after zip.
INLINE void unzip(Ints low, Ints high, Ints out[2]) {
#ifdef __AVX2__
    out[0] = (Ints)_mm256_permute2x128_si256((__m256i)low, (__m256i)high, 0x20);
    out[1] = (Ints)_mm256_permute2x128_si256((__m256i)low, (__m256i)high, 0x31);
#else
    for (int i = 0; i < 4; i++) out[0][i] = low[i], out[0][i + 4] = high[i], out[1][i] = low[i + 4], out[1][i + 4] = high[i + 4];
#endif
}

INLINE Words lesser(Words a, Words b) {
#ifdef __AVX2__
    return (Words)_mm256_min_epi16((__m256i)a, (__m256i)b);
#else
    const Words below = a < b;
    return (a & below) | (b & ~below);
#endif
}

// Whether least + low >= 0 and most + high <= top in all lanes.
INLINE int all_within(Words least, Words low, Words most, Words high, int top) {
#ifdef __AVX2__
    const __m256i bottom = _mm256_adds_epi16((__m256i)least, (__m256i)low), peak = _mm256_adds_epi16((__m256i)most, (__m256i)high);
    const __m256i over = _mm256_cmpgt_epi16(peak, (__m256i)words(top)), under = _mm256_cmpgt_epi16(_mm256_setzero_si256(), bottom);
    const __m256i beyond = _mm256_or_si256(over, under);
    return _mm256_testz_si256(beyond, beyond);
#else
    for (int i = 0; i < LANES; i++)
        if (least[i] + low[i] < 0 || most[i] + high[i] > top) return 0;
    return 1;
#endif
}

// Repeat each word.
INLINE Words doubled(Half half) {
#ifdef __AVX2__
    const __m256i wide = _mm256_cvtepu16_epi32((__m128i)half);
    return (Words)_mm256_or_si256(wide, _mm256_slli_epi32(wide, 16));
#else
    Words out;
    for (int i = 0; i < LANES; i++) out[i] = half[i / 2];
    return out;
#endif
}

// Round to the nearest integer.
INLINE Ints to_ints(Floats v) {
#ifdef __AVX2__
    return (Ints)_mm256_cvtps_epi32((__m256)v);
#else
    return __builtin_convertvector(v + (Floats)((Ints)floats(0.5f) | ((Ints)v & INT32_MIN)), Ints);
#endif
}

// Saturate zipped lanes to [0, 65535] and restore the order of the pixels.
INLINE Words packed(Ints low, Ints high) {
#ifdef __AVX2__
    return (Words)_mm256_packus_epi32((__m256i)low, (__m256i)high);
#else
    Words out;
    for (int i = 0; i < LANES; i++) {
        const int32_t each = (i & 4 ? high : low)[(i & 3) + (i & 8) / 2];
        out[i] = (int16_t)(uint16_t)(each < 0 ? 0 : each > 65535 ? 65535 : each);
    }
    return out;
#endif
}

// Round sixteen floats to words, with saturation.
INLINE Words to_words(Floats first, Floats second) {
#ifdef __AVX2__
    return (Words)_mm256_permute4x64_epi64(_mm256_packs_epi32((__m256i)to_ints(first), (__m256i)to_ints(second)), 0xd8);
#else
    Words out;
    const Ints v[2] = {to_ints(first), to_ints(second)};
    for (int i = 0; i < LANES; i++)
        out[i] = (int16_t)(v[i / 8][i % 8] < -32768 ? -32768 : v[i / 8][i % 8] > 32767 ? 32767 : v[i / 8][i % 8]);
    return out;
#endif
}

INLINE float greatest(Floats v) {
    float most = v[0];
    for (int i = 1; i < 8; i++) most = v[i] > most ? v[i] : most;
    return most;
}
INLINE Floats greater(Floats a, Floats b) {
#ifdef __AVX2__
    return (Floats)_mm256_max_ps((__m256)a, (__m256)b);
#else
    const Ints above = a > b;
    return (Floats)(((Ints)a & above) | ((Ints)b & ~above));
#endif
}

// Load 16 pixels of three bytes and separate their channels.
INLINE void load_triples(const uint8_t *from, Words out[3]) {
#ifdef __AVX2__
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
#else
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < LANES; i++) out[c][i] = from[3 * i + c];
#endif
}

INLINE void store_triples(uint8_t *to, const Words v[3]) {
#ifdef __AVX2__
    __m128i p[3];
    for (int c = 0; c < 3; c++) p[c] = _mm_packus_epi16(_mm256_castsi256_si128((__m256i)v[c]), _mm256_extracti128_si256((__m256i)v[c], 1));
    const __m128i at0 = _mm_setr_epi8(0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10, 5);
    const __m128i at1 = _mm_setr_epi8(5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10);
    const __m128i at2 = _mm_setr_epi8(10, 5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15);
    const __m128i x = _mm_shuffle_epi8(p[0], at0), y = _mm_shuffle_epi8(p[1], at1), z = _mm_shuffle_epi8(p[2], at2);
    const __m128i first = _mm_setr_epi8(-1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1);
    const __m128i second = _mm_setr_epi8(0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0);
    _mm_storeu_si128((__m128i *)to, _mm_blendv_epi8(_mm_blendv_epi8(z, x, first), y, second));
    _mm_storeu_si128((__m128i *)(to + 16), _mm_blendv_epi8(_mm_blendv_epi8(x, y, first), z, second));
    _mm_storeu_si128((__m128i *)(to + 32), _mm_blendv_epi8(_mm_blendv_epi8(y, z, first), x, second));
#else
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < LANES; i++) to[3 * i + c] = (uint8_t)v[c][i];
#endif
}
