// The lane operations in NEON, which every AArch64 processor has: each vector is two of 128 bits.
#pragma once
#include "lanes.h"
#include <arm_neon.h>

// memcpy of a half keeps both halves in registers; a union, or a shuffle by GCC, moves them through memory.
#define HALVES(Vector, name, Register)                                                                                                     \
    INLINE Register name##_half(Vector v, const int i) {                                                                                   \
        Register half;                                                                                                                     \
        memcpy(&half, (const char *)&v + 16 * i, sizeof half);                                                                             \
        return half;                                                                                                                       \
    }                                                                                                                                      \
    INLINE Vector name##_both(Register first, Register second) {                                                                           \
        Vector v;                                                                                                                          \
        memcpy(&v, &first, sizeof first), memcpy((char *)&v + 16, &second, sizeof second);                                                 \
        return v;                                                                                                                          \
    }
HALVES(Words, words, int16x8_t)
HALVES(Unsigned, unsigned, uint16x8_t)
HALVES(Ints, ints, int32x4_t)
HALVES(Floats, floats, float32x4_t)
#undef HALVES
// An operation on one or two vectors, half by half.
#define EACH(to, from, operation, v) to##_both(operation(from##_half(v, 0)), operation(from##_half(v, 1)))
#define EACH2(name, operation, a, b)                                                                                                       \
    name##_both(operation(name##_half(a, 0), name##_half(b, 0)), operation(name##_half(a, 1), name##_half(b, 1)))

INLINE Floats greater(Floats a, Floats b) { return EACH2(floats, vmaxq_f32, a, b); }
INLINE float greatest(Floats v) { return vmaxvq_f32(vmaxq_f32(floats_half(v, 0), floats_half(v, 1))); }
INLINE int any_set(Floats v) {
    const Ints bits = (Ints)v;
    return vmaxvq_u32(vreinterpretq_u32_s32(vorrq_s32(ints_half(bits, 0), ints_half(bits, 1)))) != 0;
}
INLINE Floats root(Floats v) { return EACH(floats, floats, vsqrtq_f32, v); }
INLINE Ints cut(Floats v) { return EACH(ints, floats, vcvtq_s32_f32, v); }
INLINE Floats to_floats(Ints v) { return EACH(floats, ints, vcvtq_f32_s32, v); }
INLINE Ints to_ints(Floats v) { return EACH(ints, floats, vcvtnq_s32_f32, v); }
INLINE int16x8_t narrow(Ints v) { return vqmovn_high_s32(vqmovn_s32(ints_half(v, 0)), ints_half(v, 1)); }
INLINE Words to_words(Floats first, Floats second) { return words_both(narrow(to_ints(first)), narrow(to_ints(second))); }

INLINE Words from_octets(uint8x16_t v) {
    return words_both(vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(v))), vreinterpretq_s16_u16(vmovl_high_u8(v)));
}
INLINE uint8x16_t as_octets(Words v) { // low bytes
    return vuzp1q_u8(vreinterpretq_u8_s16(words_half(v, 0)), vreinterpretq_u8_s16(words_half(v, 1)));
}
INLINE Words load_octets(const uint8_t *from) { return from_octets(vld1q_u8(from)); }
INLINE void store_octets(uint8_t *to, Words v) { vst1q_u8(to, as_octets(v)); }
INLINE void load_triples(const uint8_t *from, Words out[3]) {
    const uint8x16x3_t v = vld3q_u8(from);
    for (int c = 0; c < 3; c++) out[c] = from_octets(v.val[c]);
}
INLINE void store_triples(uint8_t *to, const Words v[3]) {
    const uint8x16x3_t octets = {{as_octets(v[0]), as_octets(v[1]), as_octets(v[2])}};
    vst3q_u8(to, octets);
}

INLINE Words scaled(Words a, Words b) { return EACH2(words, vqrdmulhq_s16, a, b); }
INLINE Words lesser(Words a, Words b) { return EACH2(words, vminq_s16, a, b); }
INLINE Words sum_saturated(Words a, Words b) { return EACH2(words, vqaddq_s16, a, b); }
INLINE Words sum_within(Words a, Words b, int top) {
    const Words sum = lesser(sum_saturated(a, b), words(top)), zero = words(0);
    return EACH2(words, vmaxq_s16, sum, zero);
}
INLINE Words mean_of(Words a, Words b) {
    const Unsigned first = (Unsigned)a, second = (Unsigned)b;
    return (Words)EACH2(unsigned, vrhaddq_u16, first, second);
}
INLINE int16x8_t pair_mean(Words v) {
    const int16x8_t first = words_half(v, 0), second = words_half(v, 1);
    return vhaddq_s16(vuzp1q_s16(first, second), vuzp2q_s16(first, second));
}
INLINE Words pair_means(Words a, Words b) { return words_both(pair_mean(a), pair_mean(b)); }
INLINE int all_within(Words least, Words low, Words most, Words high, int top) {
    const Words bottom = sum_saturated(least, low), room = words(top) - sum_saturated(most, high); // below 0 where it is beyond
    const Words beyond = bottom | room;
    return vminvq_s16(vminq_s16(words_half(beyond, 0), words_half(beyond, 1))) >= 0;
}
INLINE Words doubled(Half half) {
    return words_both(vzip1q_s16((int16x8_t)half, (int16x8_t)half), vzip2q_s16((int16x8_t)half, (int16x8_t)half));
}
INLINE Ints shifted(Ints v, int by) {
    const int32x4_t left = vdupq_n_s32(-by);
    return ints_both(vshlq_s32(ints_half(v, 0), left), vshlq_s32(ints_half(v, 1), left));
}
INLINE void add_words(int32_t *sums, Words v) {
    for (int i = 0; i < 2; i++) {
        vst1q_s32(sums + 8 * i, vaddw_s16(vld1q_s32(sums + 8 * i), vget_low_s16(words_half(v, i))));
        vst1q_s32(sums + 8 * i + 4, vaddw_high_s16(vld1q_s32(sums + 8 * i + 4), words_half(v, i)));
    }
}

INLINE Ints plus_pair_sums(Ints sums, Words v) {
    return ints_both(vpadalq_s16(ints_half(sums, 0), words_half(v, 0)), vpadalq_s16(ints_half(sums, 1), words_half(v, 1)));
}

typedef struct {
    Ints sums[2]; // of single words: neighbours are added at the end
} PairProducts;

INLINE Ints plus_eight(Ints to, int16x8_t a, int16x8_t b) {
    return ints_both(vmlal_s16(ints_half(to, 0), vget_low_s16(a), vget_low_s16(b)), vmlal_high_s16(ints_half(to, 1), a, b));
}
INLINE PairProducts no_products(void) { return (PairProducts){{ints(0), ints(0)}}; }
INLINE PairProducts plus_pair_products(PairProducts to, Words a, Words b) {
    for (int i = 0; i < 2; i++) to.sums[i] = plus_eight(to.sums[i], words_half(a, i), words_half(b, i));
    return to;
}
INLINE int32x4_t folded(Ints v) { return vpaddq_s32(ints_half(v, 0), ints_half(v, 1)); }
INLINE Ints total(PairProducts products) { return ints_both(folded(products.sums[0]), folded(products.sums[1])); }

INLINE Pairs pairs_of(Words a, Words b) { return (Pairs){{a, b}}; }
INLINE void plus_products(Ints sums[2], Pairs a, Pairs b) {
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++) sums[i] = plus_eight(sums[i], words_half(a.part[k], i), words_half(b.part[k], i));
}
INLINE void widened(Words v, int by, Ints out[2]) {
    for (int i = 0; i < 2; i++) {
        const int16x8_t half = words_half(v, i);
        out[i] = shifted(ints_both(vmovl_s16(vget_low_s16(half)), vmovl_high_s16(half)), -by);
    }
}
INLINE void to_pixels(Ints sums[2]) { (void)sums; }
INLINE int16x8_t saturated(Ints v) { return vreinterpretq_s16_u16(vqmovun_high_s32(vqmovun_s32(ints_half(v, 0)), ints_half(v, 1))); }
INLINE Words packed(Ints first, Ints second) { return words_both(saturated(first), saturated(second)); }

INLINE void look_up(const Table *table, const Words index[2], Words out[2]) {
    const uint8x16_t low = vld1q_u8(table->bytes[0]), high = vld1q_u8(table->bytes[1]);
    for (int i = 0; i < 2; i++) {
        const uint8x16_t at = as_octets(index[i]), lows = vqtbl1q_u8(low, at), highs = vqtbl1q_u8(high, at);
        out[i] = words_both(vreinterpretq_s16_u8(vzip1q_u8(lows, highs)), vreinterpretq_s16_u8(vzip2q_u8(lows, highs)));
    }
}
INLINE Words picked(int16x8_t first, int16x8_t second, Words pick) {
    const Unsigned at = (Unsigned)pick;
    return words_both(vreinterpretq_s16_u8(vqtbl1q_u8(vreinterpretq_u8_s16(first), vreinterpretq_u8_u16(unsigned_half(at, 0)))),
                      vreinterpretq_s16_u8(vqtbl1q_u8(vreinterpretq_u8_s16(second), vreinterpretq_u8_u16(unsigned_half(at, 1)))));
}
INLINE void neighbours(const int16_t *const from[2], int one_vector, Words pick, Words *left, Words *right) {
    const int16x8_t first = vld1q_s16(from[0]), second = vld1q_s16(from[one_vector ? 0 : 1]);
    *left = picked(first, second, pick), *right = picked(first, second, pick + 0x0202);
}
INLINE Floats picked_floats(Floats cells, Ints index) {
    const uint8x16x2_t table = {{vreinterpretq_u8_f32(floats_half(cells, 0)), vreinterpretq_u8_f32(floats_half(cells, 1))}};
    const Ints bytes = index * 0x04040404 + 0x03020100;
    return floats_both(vreinterpretq_f32_u8(vqtbl2q_u8(table, vreinterpretq_u8_s32(ints_half(bytes, 0)))),
                       vreinterpretq_f32_u8(vqtbl2q_u8(table, vreinterpretq_u8_s32(ints_half(bytes, 1)))));
}
#undef EACH
#undef EACH2
