// The second traversal of a picture: v = p * I + q * luma + r by maps between four block centres, then the tone curve.
#include "maps.h"
#include "picture.h"
#include "abi.h"

enum { LINE = 64 };                                                 // bytes that the processor fetches at once
enum { TONE_STEPS = 16, TONE_FRACTION = 7, ROWS = 16, TILE = 256 }; // rows and columns that are treated together

typedef struct {
    Maps maps;
    const int32_t *first;         // for each eight pixels a block
    const int16_t *pick, *weight; // for each pixel how many blocks further its left one is, as bytes; of 32768, the right one's
    float *rows;                  // two rows of maps and their sizes, (2, MAPS + 2, pitch)
    int16_t *strips;              // `kept` rows of strips, (kept, tiles, 2 * MAPS, strip_pitch)
    int32_t *shifts;              // (kept, tiles, 2)
    int16_t *chroma;              // of the row above, two words for two pixels
    const float *knots;           // TONE_STEPS + 1, from 0 to 1
    int32_t block, strip_pitch;
    int32_t kept;   // 1, or all rows of strips of a camera's frames, as they stand where nothing moved
    int32_t row[2]; // which rows of maps are there
    int32_t done;   // pixels are rendered up to this row
} Rendering;

typedef struct {
    int16_t base[TONE_STEPS], rise[TONE_STEPS]; // the half that rounds is in the base
    uint8_t bytes[4][TONE_STEPS];               // low and high bytes of base, then of rise, as shuffles look them up
} Tone;

static Tone tone_of(const float *knots) {
    Tone tone;
    int16_t at[TONE_STEPS + 1];
    for (int i = 0; i <= TONE_STEPS; i++) at[i] = (int16_t)(knots[i] * (255 << TONE_FRACTION) + 0.5f + (1 << (TONE_FRACTION - 1)));
    for (int i = 0; i < TONE_STEPS; i++) {
        tone.base[i] = at[i], tone.rise[i] = at[i + 1] - at[i];
        tone.bytes[0][i] = (uint8_t)tone.base[i], tone.bytes[1][i] = (uint8_t)(tone.base[i] >> 8);
        tone.bytes[2][i] = (uint8_t)tone.rise[i], tone.bytes[3][i] = (uint8_t)(tone.rise[i] >> 8);
    }
    return tone;
}

#if defined __AVX2__ && !defined __AVX512BW__
INLINE __m256i shuffled(const uint8_t *table, __m256i index) {
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table)), index);
}
#endif

// The tone curve at two rows of positions, 0 to 65535, in 1/128 of a level.
INLINE void apply_tone(Words v[2], const Tone *tone) {
    const Words index[2] = {(Words)((Unsigned)v[0] >> 12), (Words)((Unsigned)v[1] >> 12)};
    Words base[2], rise[2];
#ifdef __AVX512BW__
    for (int row = 0; row < 2; row++) {
        base[row] = (Words)_mm256_permutexvar_epi16((__m256i)index[row], (__m256i)load_words(tone->base));
        rise[row] = (Words)_mm256_permutexvar_epi16((__m256i)index[row], (__m256i)load_words(tone->rise));
    }
#elif defined __AVX2__
    const __m256i both = _mm256_packus_epi16((__m256i)index[0], (__m256i)index[1]);
    const __m256i base_low = shuffled(tone->bytes[0], both), base_high = shuffled(tone->bytes[1], both);
    const __m256i rise_low = shuffled(tone->bytes[2], both), rise_high = shuffled(tone->bytes[3], both);
    base[0] = (Words)_mm256_unpacklo_epi8(base_low, base_high), base[1] = (Words)_mm256_unpackhi_epi8(base_low, base_high);
    rise[0] = (Words)_mm256_unpacklo_epi8(rise_low, rise_high), rise[1] = (Words)_mm256_unpackhi_epi8(rise_low, rise_high);
#else
    for (int row = 0; row < 2; row++)
        for (int i = 0; i < LANES; i++) base[row][i] = tone->base[index[row][i]], rise[row][i] = tone->rise[index[row][i]];
#endif
    for (int row = 0; row < 2; row++) v[row] = base[row] + scaled(rise[row], (v[row] << 3) & 0x7ff8);
}

INLINE Words levels_of(Words v) { return (Words)((Unsigned)v >> TONE_FRACTION); }

// 16 pixels and what of them there is to bytes.
INLINE void put_octets(uint8_t *to, Words v, int count) {
    uint8_t room[LANES];
    store_octets(count < LANES ? room : to, v);
    if (count < LANES) memcpy(to, room, count);
}

// u of eight pairs of pixels, then v, of halves of blue and red less luma.
INLINE Words chroma_of(Words blue, Words red) {
    const Words one = words(1);
    const Ints u = pair_sums(blue, one) >> 1, v = pair_sums(red, one) >> 1;
#ifdef __AVX2__
    return (Words)_mm256_permute4x64_epi64(_mm256_packs_epi32((__m256i)u, (__m256i)v), 0xd8);
#else
    Words both;
    for (int i = 0; i < 8; i++) both[i] = (int16_t)u[i], both[8 + i] = (int16_t)v[i];
    return both;
#endif
}

INLINE void put_chroma(const Picture *out, const Colours *k, int y, int x, const int count, Words chroma) {
    uint8_t bytes[LANES];
    store_octets(bytes, levels_of(scaled(chroma, k->chroma) + words((128 << TONE_FRACTION) + (1 << (TONE_FRACTION - 1)))));
    const int64_t row = y >> 1, pairs = count < LANES ? (count + 1) / 2 : 8;
    memcpy(out->bytes[1] + row * out->stride[1] + (x >> 1), bytes, pairs);
    memcpy(out->bytes[2] + row * out->stride[2] + (x >> 1), bytes + 8, pairs);
}

INLINE void put_luma(const Picture *out, const Colours *k, int y, int x, const int count, Words luma) {
    put_octets(out->bytes[0] + y * out->stride[0] + x, levels_of(out->limited ? scaled(luma, k->fit) + k->floor : luma), count);
}

// Two rows that share their chroma.
INLINE void put_pair(const Picture *out, const Colours *k, int y, int x, const int count, Words rgb[2][3]) {
    const Words luma[2] = {luma_of(rgb[0]), luma_of(rgb[1])}, mean = mean_of(luma[0], luma[1]);
    put_luma(out, k, y, x, count, luma[0]), put_luma(out, k, y + 1, x, count, luma[1]);
    put_chroma(out, k, y, x, count, chroma_of(mean_of(rgb[0][2], rgb[1][2]) - mean, mean_of(rgb[0][0], rgb[1][0]) - mean));
}

// A row whose neighbour is treated at another time: the upper one's chroma waits.
INLINE void put_single(const Picture *out, const Colours *k, int y, int x, const int count, const Words rgb[3], int16_t *above) {
    const Words luma = luma_of(rgb);
    put_luma(out, k, y, x, count, luma);
    const Words chroma = chroma_of(rgb[2] - luma, rgb[0] - luma);
    if (!(y & 1) && y + 1 < out->height) {
        store_words(above, chroma);
        return;
    }
    put_chroma(out, k, y, x, count, y & 1 ? (chroma >> 1) + (load_words(above) >> 1) : chroma);
}

INLINE void put_bgr(const Picture *out, int y, int x, const int count, const Words rgb[3]) {
    uint8_t room[3 * LANES], *to = out->bytes[0] + y * out->stride[0] + 3 * (int64_t)x;
    const Words bgr[3] = {levels_of(rgb[2]), levels_of(rgb[1]), levels_of(rgb[0])};
    store_triples(count < LANES ? room : to, bgr);
    if (count < LANES) memcpy(to, room, 3 * count);
}

INLINE void put_rows(const int yuv, const Picture *out, const Colours *k, int begin, int rows, int x, const int count, Words rgb[][3],
                     int16_t *above) {
    if (!yuv) {
        for (int i = 0; i < rows; i++) put_bgr(out, begin + i, x, count, rgb[i]);
        return;
    }
    for (int i = 0; i < rows;) {
        if (!((begin + i) & 1) && i + 1 < rows) {
            put_pair(out, k, begin + i, x, count, rgb + i);
            i += 2;
        } else {
            put_single(out, k, begin + i, x, count, rgb[i], above);
            i++;
        }
    }
}

typedef struct { // of one channel at 16 pixels, zipped: (p, q) as pairs of words, r as ints; what each changes by from row to row
    Words pairs[2], pair_steps[2];
    Ints rest[2], rest_steps[2];
} Slice;

typedef struct {          // maps between two rows of blocks under TILE columns, as words of as many bits as fit: v << shift
    int16_t *rows;        // each map, and behind it its change downwards, (2 * MAPS, pitch)
    int64_t pitch, first; // first: block
    int shift, more;      // more: by which r's words are too small
} Strip;

// Of the power of two that no size in a row of maps or its neighbour exceeds; a little more, so that nothing rounds beyond a word.
INLINE int exponent_of(const Rendering *r, const float *upper, const float *lower, int row, int64_t first, int64_t last) {
    const float *u = upper + row * r->maps.pitch, *l = lower + row * r->maps.pitch;
    Floats most = floats(1e-3f);
    for (int64_t j = first; j < last; j += 8) most = greater(most, greater(load_floats(u + j), load_floats(l + j)));
    int exponent;
    frexpf(greatest(most) * 1.01f, &exponent);
    return exponent;
}

// Fill the strip as far as column `end`; its first row of pixels lies `part` of the way.
static void cut_strip(const Rendering *r, const float *upper, const float *lower, float part, int end, Strip *strip) {
    const int64_t pitch = r->maps.pitch, first = strip->first, last = r->first[(end - 1) / 8] + 8;
    const float each = 1.0f / r->block;
    const int exponents[2] = {exponent_of(r, upper, lower, MAPS, first, last), exponent_of(r, upper, lower, MAPS + 1, first, last)};
    const int shift = exponents[0] > 15 ? 0 : exponents[0] < 3 ? 12 : 15 - exponents[0];
    const int more = shift + exponents[1] > 15 ? shift + exponents[1] - 15 : 0;
    const float scale = (float)(1 << shift);
    for (int m = 0; m < MAPS; m++) {
        const float unit = m < 6 ? scale : scale / (1 << more);
        const float *u = upper + m * pitch + first, *l = lower + m * pitch + first;
        int16_t *start = strip->rows + 2 * m * strip->pitch, *step = start + strip->pitch;
        for (int64_t j = 0; j <= last - first; j += LANES) {
            const Floats a[2] = {load_floats(u + j) * unit, load_floats(u + j + 8) * unit};
            const Floats down[2] = {load_floats(l + j) * unit - a[0], load_floats(l + j + 8) * unit - a[1]};
            store_words(start + j, to_words(a[0] + part * down[0], a[1] + part * down[1]));
            store_words(step + j, to_words(down[0] * each, down[1] * each));
        }
    }
    strip->shift = shift, strip->more = more;
}

// A row of a strip at 16 columns, between its blocks. near: eight blocks are enough for all of them.
INLINE Words spread(const int16_t *row, const int64_t at[2], int near, Words pick, Words weight) {
#ifdef __AVX2__
    const __m128i *first = (const __m128i *)(row + at[0]), *second = (const __m128i *)(row + at[1]);
    const __m256i blocks = near ? _mm256_broadcastsi128_si256(_mm_loadu_si128(first)) : _mm256_loadu2_m128i(second, first);
    const Words left = (Words)_mm256_shuffle_epi8(blocks, (__m256i)pick), next = pick + 0x0202;
    const Words right = (Words)_mm256_shuffle_epi8(blocks, (__m256i)next);
#else
    Words left, right;
    for (int i = 0; i < LANES; i++) {
        const int64_t block = at[near ? 0 : i / 8] + (pick[i] & 15) / 2;
        left[i] = row[block], right[i] = row[block + 1];
    }
#endif
    return left + scaled(right - left, weight);
}

INLINE Ints shifted(Ints v, int by) {
#ifdef __AVX2__
    return (Ints)_mm256_sra_epi32((__m256i)v, _mm_cvtsi32_si128(by));
#else
    return v >> by;
#endif
}

INLINE void slice_strip(const Rendering *r, const Strip *strip, int x, int c, Slice *slice) {
    const int64_t at[2] = {r->first[x / 8] - strip->first, r->first[x / 8 + 1] - strip->first};
    const Words pick = load_words(r->pick + x), weight = load_words(r->weight + x), zero = words(0);
    const int near = r->block > 2;
    Words p[2], q[2], rest[2];
    for (int down = 0; down < 2; down++) {
        const int16_t *row = strip->rows + (2 * c + down) * strip->pitch;
        p[down] = spread(row, at, near, pick, weight);
        q[down] = spread(row + 6 * strip->pitch, at, near, pick, weight);
        rest[down] = spread(row + 12 * strip->pitch, at, near, pick, weight);
    }
    zip(p[0], q[0], &slice->pairs[0], &slice->pairs[1]), zip(p[1], q[1], &slice->pair_steps[0], &slice->pair_steps[1]);
    Words low, high;
    zip(zero, rest[0], &low, &high);
    const int down = 16 - strip->more, half = 1 << strip->shift >> 1;
    slice->rest[0] = shifted((Ints)low, down) + half, slice->rest[1] = shifted((Ints)high, down) + half;
    zip(zero, rest[1], &low, &high);
    slice->rest_steps[0] = shifted((Ints)low, down), slice->rest_steps[1] = shifted((Ints)high, down);
}

INLINE Words next_row(Slice *slice, Words value, Words luma, int shift) {
    Words low, high;
    zip(value, luma, &low, &high);
    const Ints v[2] = {plus_pair_sums(slice->rest[0], low, slice->pairs[0]), plus_pair_sums(slice->rest[1], high, slice->pairs[1])};
    for (int half = 0; half < 2; half++) slice->pairs[half] += slice->pair_steps[half], slice->rest[half] += slice->rest_steps[half];
    return packed(shifted(v[0], shift), shifted(v[1], shift));
}

// Rows [begin, end), all of which lie between two rows of block centres, at 16 columns. The first row lies `part` of the way.
INLINE void render_columns(const int kind, const Picture *in, const Settled *s, const Picture *out, const Colours *k, const Rendering *r,
                           const Strip *strip, int begin, int end, int x, const int count, const Tone *tone) {
    Words pixels[ROWS + 1][3], luma[ROWS + 1];
    Tint tint = {{{0}}};
    const int rows = end - begin;
    for (int i = 0; i < rows; i++) {
        load_rgb(kind, in, s, k, begin + i, x, count, &tint, !i, pixels[i]);
        const Words twice[3] = {pixels[i][0] << 1, pixels[i][1] << 1, pixels[i][2] << 1}; // its rounding would show where gain is high
        luma[i] = luma_of(twice);
    }
    for (int c = 0; c < 3; c++) {
        Slice slice;
        slice_strip(r, strip, x, c, &slice);
        for (int i = 0; i < rows; i += 2) { // of an odd number, the last with one that nobody reads
            Words v[2];
            for (int row = 0; row < 2; row++) v[row] = next_row(&slice, pixels[i + row][c], luma[i + row], strip->shift);
            apply_tone(v, tone);
            for (int row = 0; row < 2; row++) pixels[i + row][c] = v[row];
        }
    }
    put_rows(kind & 1, out, k, begin, rows, x, count, pixels, r->chroma + x);
}

// Bring what is read of columns [x, end) nearer: tiles are too short for the processor to see where it goes on.
INLINE void fetch_tile(const int kind, const Picture *in, const Settled *s, int begin, int end, int x, int last) {
    if (last > in->width) last = in->width;
    const int64_t each = kind & 2 ? sizeof(int16_t) : kind == BGR_BYTES ? 3 : 1;
    for (int y = begin; y < end && y < in->height; y++)
        for (int plane = 0; plane < (kind == BGR_BYTES ? 1 : 3); plane++) {
            const int half = (kind & 1) && plane;
            if (half && (y & 1)) continue;
            const int64_t pitch = kind & 2 ? each * s->pitch >> half : in->stride[plane];
            const char *row = (kind & 2 ? (const char *)s->levels[plane] : (const char *)in->bytes[plane]) + (y >> half) * pitch;
            for (int64_t at = each * (x >> half); at < each * (last >> half); at += LINE) __builtin_prefetch(row + at);
        }
}

// Row y of maps, of which there is none beyond the first and the last.
static const float *map_at(Rendering *r, int y) {
    y = y < 0 ? 0 : y < r->maps.h ? y : r->maps.h - 1;
    float *row = r->rows + (y & 1) * (MAPS + 2) * r->maps.pitch;
    if (r->row[y & 1] != y) map_row(&r->maps, y, row), fetch_stats(&r->maps, y);
    r->row[y & 1] = y;
    return row;
}

static void fetch_strip(const Rendering *r, int64_t i) {
    const char *strip = (const char *)(r->strips + 2 * MAPS * i * r->strip_pitch);
    for (int64_t at = 0; at < 2 * MAPS * r->strip_pitch * (int64_t)sizeof *r->strips; at += LINE) __builtin_prefetch(strip + at);
}

// Rows [begin, end) of pixels between rows j and j + 1 of maps. stand: by strips that are there.
INLINE void render_rows(const int kind, const Picture *in, const Settled *s, const Picture *out, const Colours *k, Rendering *r, int j,
                        int stand, int begin, int end, float part, const Tone *tone) {
    const float *upper = stand ? NULL : map_at(r, j), *lower = stand ? NULL : map_at(r, j + 1);
    const int64_t tiles = (in->width + TILE - 1) / TILE, row = (j + 1) % r->kept * tiles;
    for (int64_t i = 0; i < tiles; i++) {
        const int tile = i * TILE, last = tile + TILE < in->width ? tile + TILE : in->width;
        int32_t *shifts = r->shifts + 2 * (row + i);
        Strip strip = {r->strips + 2 * MAPS * (row + i) * r->strip_pitch, r->strip_pitch, r->first[tile / 8], shifts[0], shifts[1]};
        fetch_tile(kind, in, s, begin, end, last, last + TILE);
        if (stand) fetch_strip(r, row + i + 1);
        if (!stand) cut_strip(r, upper, lower, part, last, &strip), shifts[0] = strip.shift, shifts[1] = strip.more;
        int x = tile;
        for (; x + LANES <= last; x += LANES) render_columns(kind, in, s, out, k, r, &strip, begin, end, x, LANES, tone);
        if (x < last) render_columns(kind, in, s, out, k, r, &strip, begin, end, x, last - x, tone);
    }
}

// Rows [begin, finish) of the picture, begin even, from its bytes or, where s is not NULL, from what it settled to.
void davy_render(const Picture *in, const Settled *s, const Picture *out, Rendering *r, int32_t begin, int32_t finish) {
    const Colours k = colours_of(in->limited);
    const Tone tone = tone_of(r->knots);
    const int kind = in->format + (s ? 2 : 0), h = r->maps.h;
    const float lead = 0.5f * r->block - 0.5f; // of the first centre
    int j = -1;
    while (j + 1 < h && (int)ceilf(lead + (j + 1) * r->block) <= begin) j++;
    if (begin != r->done || !begin) begin_maps(&r->maps), r->row[0] = r->row[1] = -1; // else it goes on
    r->done = finish;
    for (int y = begin; j < h && y < finish; j++) { // rows between the centres of rows j and j + 1 of blocks
        const int end = j + 1 < h ? (int)ceilf(lead + (j + 1) * r->block) : finish;
        // Maps j and j + 1 are made of blocks up to two rows beyond, those of twice that height and their neighbours. More than ROWS
        // rows of pixels have several strips in turn.
        const int stand = s && r->kept > 1 && r->block <= ROWS && all_stand(s, (j - 2) / 2 - 1, (j + 3) / 2 + 2);
        while (y < end && y < finish) {
            const float part = (y - lead) / r->block - j;
            int last = end < finish ? end : finish;
            last = last < y + ROWS ? last : y + ROWS;
#define RENDER(kind) render_rows(kind, in, s, out, &k, r, j, stand, y, last, part, &tone)
            switch (kind) {
            case BGR_BYTES:
                RENDER(BGR_BYTES);
                break;
            case YUV_BYTES:
                RENDER(YUV_BYTES);
                break;
            case BGR_SETTLED:
                RENDER(BGR_SETTLED);
                break;
            default:
                RENDER(YUV_SETTLED);
            }
#undef RENDER
            y = last;
        }
    }
}

EXPORT_ABI
EXPORT_SIZE(Picture, Picture)
EXPORT_SIZE(Settled, Settled)
EXPORT_SIZE(Maps, Maps)
EXPORT_SIZE(Rendering, Rendering)
