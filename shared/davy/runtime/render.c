// The second traversal of a picture: v = p * I + q * luma + r by maps between four block centres, then the tone curve.
#include "maps.h"
#include "picture.h"

enum { TONE_STEPS = 16, TONE_FRACTION = 7 };

typedef struct {
    Maps maps;
    const int32_t *first, *pick; // for each eight pixels a block, for each pixel how many blocks further its left one is
    const float *weight;         // for each pixel, of its right block
    float *rows;                 // 2 rows of maps and their steps, (2, 2 * MAPS, pitch)
    int16_t *chroma;             // of the row above, two words for two pixels
    const float *knots;          // TONE_STEPS + 1, from 0 to 1
    int32_t block;
} Rendering;

typedef struct {
    int16_t base[TONE_STEPS], rise[TONE_STEPS];
    uint8_t bytes[4][TONE_STEPS]; // low and high bytes of base, then of rise, as shuffles look them up
} Tone;

static Tone tone_of(const float *knots) {
    Tone tone;
    int16_t at[TONE_STEPS + 1];
    for (int i = 0; i <= TONE_STEPS; i++) at[i] = (int16_t)(knots[i] * (255 << TONE_FRACTION) + 0.5f);
    for (int i = 0; i < TONE_STEPS; i++) {
        tone.base[i] = at[i], tone.rise[i] = at[i + 1] - at[i];
        tone.bytes[0][i] = (uint8_t)tone.base[i], tone.bytes[1][i] = (uint8_t)(tone.base[i] >> 8);
        tone.bytes[2][i] = (uint8_t)tone.rise[i], tone.bytes[3][i] = (uint8_t)(tone.rise[i] >> 8);
    }
    return tone;
}

#ifdef __AVX2__
INLINE __m256i shuffled(const uint8_t *table, __m256i index) {
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table)), index);
}
#endif

// The tone curve at positions of 0 to 32767, in 1/128 of a level.
INLINE Words toned(Words position, const Tone *tone) {
    const Words fraction = (position << 4) & 0x7ff0, index = position >> 11;
#ifdef __AVX2__
    const __m256i even = (__m256i)(index | words(-32768)), odd = (__m256i)((index << 8) | words(0x80)); // 0x80: a byte of 0
    const Words base = (Words)(shuffled(tone->bytes[0], even) | shuffled(tone->bytes[1], odd));
    const Words rise = (Words)(shuffled(tone->bytes[2], even) | shuffled(tone->bytes[3], odd));
#else
    Words base, rise;
    for (int i = 0; i < LANES; i++) base[i] = tone->base[index[i]], rise[i] = tone->rise[index[i]];
#endif
    return base + scaled(rise, fraction);
}

INLINE Words levels_of(Words v) { return (Words)((Unsigned)(v + (1 << (TONE_FRACTION - 1))) >> TONE_FRACTION); }

// 16 pixels and what of them there is to bytes.
INLINE void put_octets(uint8_t *to, Words v, int count) {
    uint8_t room[LANES];
    store_octets(count < LANES ? room : to, v);
    if (count < LANES) memcpy(to, room, count);
}

// Blue and red differences of pairs of pixels, eight each, where a row above is waiting joined with it and written.
INLINE void put_chroma(const Picture *out, const Colours *k, int y, int x, const int count, const Words rgb[3], Words luma, int16_t *above) {
    const Words one = words(1);
    const Ints u = pair_sums((rgb[2] - luma) >> 1, one), v = pair_sums((rgb[0] - luma) >> 1, one);
    Words both;
#ifdef __AVX2__
    both = (Words)_mm256_permute4x64_epi64(_mm256_packs_epi32((__m256i)u, (__m256i)v), 0xd8); // u 0 to 7, v 0 to 7
#else
    for (int i = 0; i < 8; i++) both[i] = (int16_t)u[i], both[8 + i] = (int16_t)v[i];
#endif
    const int waits = !(y & 1) && y + 1 < out->height;
    if (waits) {
        store_words(above, both);
        return;
    }
    if (y & 1) both = (both >> 1) + (load_words(above) >> 1);
    both = scaled(both, k->chroma) + words(128 << TONE_FRACTION);
    uint8_t bytes[LANES];
    store_octets(bytes, levels_of(both));
    const int64_t row = y >> 1, pairs = count < LANES ? (count + 1) / 2 : 8;
    memcpy(out->bytes[1] + row * out->stride[1] + (x >> 1), bytes, pairs);
    memcpy(out->bytes[2] + row * out->stride[2] + (x >> 1), bytes + 8, pairs);
}

INLINE void put(const int yuv, const Picture *out, const Colours *k, int y, int x, const int count, const Words rgb[3], int16_t *above) {
    if (!yuv) {
        uint8_t room[3 * LANES], *to = out->bytes[0] + y * out->stride[0] + 3 * (int64_t)x;
        const Words bgr[3] = {levels_of(rgb[2]), levels_of(rgb[1]), levels_of(rgb[0])};
        store_triples(count < LANES ? room : to, bgr);
        if (count < LANES) memcpy(to, room, 3 * count);
        return;
    }
    const Words luma = scaled(rgb[0], words(9798)) + scaled(rgb[1], words(19235)) + scaled(rgb[2], words(3735));
    put_octets(out->bytes[0] + y * out->stride[0] + x, levels_of(scaled(luma, k->fit) + k->floor), count);
    put_chroma(out, k, y, x, count, rgb, luma, above);
}

// Rows [begin, end), all of which lie between two rows of block centres, at 16 columns. The first row lies `part` of the way.
INLINE void render_columns(const int kind, const Picture *in, const Settled *s, const Picture *out, const Colours *k, const Rendering *r,
                           const float *upper, const float *lower, int begin, int end, float part, int x, const int count,
                           const Tone *tone) {
    Floats from[2][MAPS], change[2][MAPS];
    const int64_t pitch = r->maps.pitch;
    for (int half = 0; half < 2; half++) {
        const int64_t at = r->first[x / 8 + half];
        const Ints pick = load_ints(r->pick + x + 8 * half);
        const Floats weight = load_floats(r->weight + x + 8 * half);
        for (int m = 0; m < MAPS; m++) {
            const float *u = upper + m * pitch + at, *l = lower + m * pitch + at;
            from[half][m] = picked(u, pick) + weight * picked(u + MAPS * pitch, pick);
            change[half][m] = picked(l, pick) + weight * picked(l + MAPS * pitch, pick) - from[half][m];
        }
    }
    const float each = 1.0f / r->block;
    for (int y = begin; y < end; y++, part += each) {
        Words rgb[3];
        Floats values[3][2], results[3][2];
        load_rgb(kind, in, s, k, y, x, count, rgb);
        for (int c = 0; c < 3; c++) to_floats(rgb[c], values[c]);
        for (int half = 0; half < 2; half++) {
            const Floats luma = 0.299f * values[0][half] + 0.587f * values[1][half] + 0.114f * values[2][half];
            for (int c = 0; c < 3; c++) {
#define MAP(m) (from[half][m] + part * change[half][m])
                results[c][half] = MAP(c) * values[c][half] + MAP(3 + c) * luma + MAP(6 + c);
#undef MAP
            }
        }
        for (int c = 0; c < 3; c++) rgb[c] = toned(to_words(results[c]), tone);
        put(kind & 1, out, k, y, x, count, rgb, r->chroma + x);
    }
}

INLINE void render_rows(const int kind, const Picture *in, const Settled *s, const Picture *out, const Colours *k, const Rendering *r,
                        const float *upper, const float *lower, int begin, int end, float part, const Tone *tone) {
    int x = 0;
    for (; x + LANES <= in->width; x += LANES) render_columns(kind, in, s, out, k, r, upper, lower, begin, end, part, x, LANES, tone);
    if (x < in->width) render_columns(kind, in, s, out, k, r, upper, lower, begin, end, part, x, in->width - x, tone);
}

// The whole picture, from its bytes or, where s is not NULL, from what it settled to.
void davy_render(const Picture *in, const Settled *s, const Picture *out, Rendering *r) {
    const Colours k = colours_of(in->limited);
    const Tone tone = tone_of(r->knots);
    const int kind = in->format + (s ? 2 : 0), height = in->height, h = r->maps.h;
    const int64_t row = 2 * MAPS * r->maps.pitch;
    const float lead = 0.5f * r->block - 0.5f; // of the first centre
    r->maps.level = kind == BGR_BYTES ? 255 : 255 << FRACTION;
    r->maps.wide_row[0] = r->maps.wide_row[1] = -1;
    map_row(&r->maps, 0, r->rows);
    for (int j = -1, y = 0; j < h && y < height; j++) { // rows between the centres of rows j and j + 1 of blocks
        const int high = j + 1 < h ? j + 1 : h - 1, low = j < 0 ? 0 : j;
        if (j >= 0 && high > j) map_row(&r->maps, high, r->rows + (high & 1) * row);
        const int end = j + 1 < h ? (int)ceilf(lead + (j + 1) * r->block) : height;
        const float *upper = r->rows + (low & 1) * row, *lower = r->rows + (high & 1) * row;
        const float part = (y - lead) / r->block - j;
        const int last = end < height ? end : height;
#define RENDER(kind) render_rows(kind, in, s, out, &k, r, upper, lower, y, last, part, &tone)
        switch (kind) {
        case BGR_BYTES: RENDER(BGR_BYTES); break;
        case YUV_BYTES: RENDER(YUV_BYTES); break;
        case BGR_SETTLED: RENDER(BGR_SETTLED); break;
        default: RENDER(YUV_SETTLED);
        }
#undef RENDER
        y = last > y ? last : y;
    }
}
