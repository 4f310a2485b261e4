// The full-resolution pass: v = p * I + q * luma + r with maps interpolated between block centres, then the tone curve.
#include "maps.h"
#include "picture.h"
#include "abi.h"

enum { LINE = 64 };                                                 // bytes of a cache line
enum { TONE_STEPS = 16, TONE_FRACTION = 7, ROWS = 16, TILE = 256 }; // ROWS, TILE: rows and columns per pass

typedef struct {
    Maps maps;
    const int32_t *first;         // first block of each eight pixels
    const int16_t *pick, *weight; // per pixel: byte offset of its left block; weight of its right block, in 1/32768
    float *rows;                  // two rows of maps and their bounds, (2, MAPS + 2, pitch)
    int16_t *map_tiles;           // (cached_rows, tiles, 2 * MAPS, map_tile_pitch)
    int32_t *shifts;              // (cached_rows, tiles, 2)
    int16_t *chroma;              // chroma of the row above, two words per pixel pair
    const float *tone_curve;      // TONE_STEPS + 1, from 0 to 1
    int32_t block, map_tile_pitch;
    int32_t cached_rows; // 1, or all rows of map tiles: static rows of the next frame reuse theirs
    int32_t row[2];      // index of each of the two rows of maps
    int32_t done;        // first row of pixels that is not rendered yet
} Rendering;

typedef struct {
    Table base, rise; // at the first position of each step, with the rounding half; up to the next step
} Tone;

static Tone tone_of(const float *tone_curve) {
    int16_t at[TONE_STEPS + 1], rise[TONE_STEPS];
    for (int i = 0; i <= TONE_STEPS; i++) at[i] = (int16_t)(tone_curve[i] * (255 << TONE_FRACTION) + 0.5f + (1 << (TONE_FRACTION - 1)));
    for (int i = 0; i < TONE_STEPS; i++) rise[i] = at[i + 1] - at[i];
    return (Tone){table_of(at), table_of(rise)};
}

// Apply the tone curve to two rows of positions, 0 to 65535; the result is in 1/128 level.
INLINE void apply_tone(Words v[2], const Tone *tone) {
    const Words index[2] = {(Words)((Unsigned)v[0] >> 12), (Words)((Unsigned)v[1] >> 12)};
    Words base[2], rise[2];
    look_up(&tone->base, index, base), look_up(&tone->rise, index, rise);
    for (int row = 0; row < 2; row++) v[row] = base[row] + scaled(rise[row], (v[row] << 3) & 0x7ff8);
}

INLINE Words levels_of(Words v) { return (Words)((Unsigned)v >> TONE_FRACTION); }

// Store the first `count` of 16 pixels as bytes.
INLINE void put_octets(uint8_t *to, Words v, int count) {
    uint8_t buffer[LANES];
    store_octets(count < LANES ? buffer : to, v);
    if (count < LANES) memcpy(to, buffer, count);
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

// Store two rows that share their chroma.
INLINE void put_pair(const Picture *out, const Colours *k, int y, int x, const int count, Words rgb[2][3]) {
    const Words luma[2] = {luma_of(rgb[0]), luma_of(rgb[1])}, mean = mean_of(luma[0], luma[1]);
    put_luma(out, k, y, x, count, luma[0]), put_luma(out, k, y + 1, x, count, luma[1]);
    put_chroma(out, k, y, x, count, pair_means(mean_of(rgb[0][2], rgb[1][2]) - mean, mean_of(rgb[0][0], rgb[1][0]) - mean));
}

// Store one row of a pair; the upper row's chroma waits in `above`.
INLINE void put_single(const Picture *out, const Colours *k, int y, int x, const int count, const Words rgb[3], int16_t *above) {
    const Words luma = luma_of(rgb);
    put_luma(out, k, y, x, count, luma);
    const Words chroma = pair_means(rgb[2] - luma, rgb[0] - luma);
    if (!(y & 1) && y + 1 < out->height) {
        store_words(above, chroma);
        return;
    }
    put_chroma(out, k, y, x, count, y & 1 ? (chroma >> 1) + (load_words(above) >> 1) : chroma);
}

INLINE void put_bgr(const Picture *out, int y, int x, const int count, const Words rgb[3]) {
    uint8_t buffer[3 * LANES], *to = out->bytes[0] + y * out->stride[0] + 3 * (int64_t)x;
    const Words bgr[3] = {levels_of(rgb[2]), levels_of(rgb[1]), levels_of(rgb[0])};
    store_triples(count < LANES ? buffer : to, bgr);
    if (count < LANES) memcpy(to, buffer, 3 * count);
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

typedef struct { // maps of one channel at 16 pixels: (p, q) as pairs of words, r as ints, and their steps from row to row
    Pairs pairs, pair_steps;
    Ints rest[2], rest_steps[2];
} Slice;

typedef struct {          // maps between two rows of blocks over TILE columns, as words: v << shift
    int16_t *rows;        // each map followed by its step downwards, (2 * MAPS, pitch)
    int64_t pitch, first; // first: index of the first block
    int shift, more;      // r is shifted by `more` bits less
} MapTile;

// Exponent of the power of two that bounds the maps of two rows, with 1 % margin so that rounding stays within a word.
INLINE int exponent_of(const Rendering *r, const float *upper, const float *lower, int row, int64_t first, int64_t last) {
    const float *u = upper + row * r->maps.pitch, *l = lower + row * r->maps.pitch;
    Floats most = floats(1e-3f);
    for (int64_t j = first; j < last; j += 8) most = greater(most, greater(load_floats(u + j), load_floats(l + j)));
    int exponent;
    frexpf(greatest(most) * 1.01f, &exponent);
    return exponent;
}

// Build a map tile up to column `end`. part: position of its first row between upper and lower, 0 to 1.
static void build_map_tile(const Rendering *r, const float *upper, const float *lower, float part, int end, MapTile *map_tile) {
    const int64_t pitch = r->maps.pitch, first = map_tile->first, last = r->first[(end - 1) / 8] + 8;
    const float each = 1.0f / r->block;
    const int exponents[2] = {exponent_of(r, upper, lower, MAPS, first, last), exponent_of(r, upper, lower, MAPS + 1, first, last)};
    const int shift = exponents[0] > 15 ? 0 : exponents[0] < 3 ? 12 : 15 - exponents[0];
    const int more = shift + exponents[1] > 15 ? shift + exponents[1] - 15 : 0;
    const float scale = (float)(1 << shift);
    for (int m = 0; m < MAPS; m++) {
        const float unit = m < 6 ? scale : scale / (1 << more);
        const float *u = upper + m * pitch + first, *l = lower + m * pitch + first;
        int16_t *start = map_tile->rows + 2 * m * map_tile->pitch, *step = start + map_tile->pitch;
        for (int64_t j = 0; j <= last - first; j += LANES) {
            const Floats a[2] = {load_floats(u + j) * unit, load_floats(u + j + 8) * unit};
            const Floats down[2] = {load_floats(l + j) * unit - a[0], load_floats(l + j + 8) * unit - a[1]};
            store_words(start + j, to_words(a[0] + part * down[0], a[1] + part * down[1]));
            store_words(step + j, to_words(down[0] * each, down[1] * each));
        }
    }
    map_tile->shift = shift, map_tile->more = more;
}

// Interpolate a map tile's row at 16 columns. one_vector: eight blocks cover all 16 columns.
INLINE Words interpolate(const int16_t *row, const int64_t at[2], int one_vector, Words pick, Words weight) {
    const int16_t *const from[2] = {row + at[0], row + at[1]};
    Words left, right;
    neighbours(from, one_vector, pick, &left, &right);
    const Words difference = (Words)((Unsigned)right - (Unsigned)left); // wraps where blocks are 1 px high, whose steps are unused
    return left + scaled(difference, weight);
}

INLINE void slice_map_tile(const Rendering *r, const MapTile *map_tile, int x, int c, Slice *slice) {
    const int64_t at[2] = {r->first[x / 8] - map_tile->first, r->first[x / 8 + 1] - map_tile->first};
    const Words pick = load_words(r->pick + x), weight = load_words(r->weight + x);
    const int one_vector = r->block > 2;
    Words p[2], q[2], rest[2];
    for (int down = 0; down < 2; down++) {
        const int16_t *row = map_tile->rows + (2 * c + down) * map_tile->pitch;
        p[down] = interpolate(row, at, one_vector, pick, weight);
        q[down] = interpolate(row + 6 * map_tile->pitch, at, one_vector, pick, weight);
        rest[down] = interpolate(row + 12 * map_tile->pitch, at, one_vector, pick, weight);
    }
    slice->pairs = pairs_of(p[0], q[0]), slice->pair_steps = pairs_of(p[1], q[1]);
    widened(rest[0], map_tile->more, slice->rest), widened(rest[1], map_tile->more, slice->rest_steps);
    for (int i = 0; i < 2; i++) slice->rest[i] += 1 << map_tile->shift >> 1;
}

INLINE Words next_row(Slice *slice, Words value, Words luma, int shift) {
    Ints v[2] = {slice->rest[0], slice->rest[1]};
    plus_products(v, pairs_of(value, luma), slice->pairs);
    for (int i = 0; i < 2; i++) { // wraps past the last row, which is unused
        slice->pairs.part[i] = (Words)((Unsigned)slice->pairs.part[i] + (Unsigned)slice->pair_steps.part[i]);
        slice->rest[i] += slice->rest_steps[i];
    }
    return packed(shifted(v[0], shift), shifted(v[1], shift));
}

// Render 16 columns of rows [begin, end), which lie between two rows of block centres.
INLINE void render_columns(const int kind, const Picture *in, const DenoiserState *s, const Picture *out, const Colours *k,
                           const Rendering *r, const MapTile *map_tile, int begin, int end, int x, const int count, const Tone *tone) {
    Words pixels[ROWS + 1][3], luma[ROWS + 1];
    Tint tint = {{{0}}};
    const int rows = end - begin;
    for (int i = 0; i < rows; i++) {
        load_rgb(kind, in, s, k, begin + i, x, count, &tint, !i, pixels[i]);
        const Words twice[3] = {pixels[i][0] << 1, pixels[i][1] << 1, pixels[i][2] << 1}; // one more bit: high gain would show the rounding
        luma[i] = luma_of(twice);
    }
    for (int c = 0; c < 3; c++) {
        Slice slice;
        slice_map_tile(r, map_tile, x, c, &slice);
        for (int i = 0; i < rows; i += 2) { // an odd count computes one unused row
            Words v[2];
            for (int row = 0; row < 2; row++) v[row] = next_row(&slice, pixels[i + row][c], luma[i + row], map_tile->shift);
            apply_tone(v, tone);
            for (int row = 0; row < 2; row++) pixels[i + row][c] = v[row];
        }
    }
    put_rows(kind & 1, out, k, begin, rows, x, count, pixels, r->chroma + x);
}

// Prefetch columns [x, last): tiles are too short for the hardware prefetcher.
INLINE void prefetch_pixels(const int kind, const Picture *in, const DenoiserState *s, int begin, int end, int x, int last) {
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

// Row y of the maps, clamped to the first and last row.
static const float *map_row_at(Rendering *r, int y) {
    y = y < 0 ? 0 : y < r->maps.h ? y : r->maps.h - 1;
    float *row = r->rows + (y & 1) * (MAPS + 2) * r->maps.pitch;
    if (r->row[y & 1] != y) map_row(&r->maps, y, row), prefetch_stats(&r->maps, y);
    r->row[y & 1] = y;
    return row;
}

static void prefetch_map_tile(const Rendering *r, int64_t i) {
    const char *map_tile = (const char *)(r->map_tiles + 2 * MAPS * i * r->map_tile_pitch);
    for (int64_t at = 0; at < 2 * MAPS * r->map_tile_pitch * (int64_t)sizeof *r->map_tiles; at += LINE) __builtin_prefetch(map_tile + at);
}

// Render rows [begin, end) of pixels between rows j and j + 1 of the maps. cached: the map tiles are valid.
INLINE void render_rows(const int kind, const Picture *in, const DenoiserState *s, const Picture *out, const Colours *k, Rendering *r,
                        int j, int cached, int begin, int end, float part, const Tone *tone) {
    const float *upper = cached ? NULL : map_row_at(r, j), *lower = cached ? NULL : map_row_at(r, j + 1);
    const int64_t tiles = (in->width + TILE - 1) / TILE, row = (j + 1) % r->cached_rows * tiles;
    for (int64_t i = 0; i < tiles; i++) {
        const int tile = i * TILE, last = tile + TILE < in->width ? tile + TILE : in->width;
        int32_t *shifts = r->shifts + 2 * (row + i);
        MapTile map_tile = {r->map_tiles + 2 * MAPS * (row + i) * r->map_tile_pitch, r->map_tile_pitch, r->first[tile / 8], shifts[0],
                            shifts[1]};
        prefetch_pixels(kind, in, s, begin, end, last, last + TILE);
        if (cached) prefetch_map_tile(r, row + i + 1);
        if (!cached) build_map_tile(r, upper, lower, part, last, &map_tile), shifts[0] = map_tile.shift, shifts[1] = map_tile.more;
        int x = tile;
        for (; x + LANES <= last; x += LANES) render_columns(kind, in, s, out, k, r, &map_tile, begin, end, x, LANES, tone);
        if (x < last) render_columns(kind, in, s, out, k, r, &map_tile, begin, end, x, last - x, tone);
    }
}

// Render rows [begin, finish) of the picture, begin even: from its bytes, or from denoised levels where s is not NULL.
void davy_render(const Picture *in, const DenoiserState *s, const Picture *out, Rendering *r, int32_t begin, int32_t finish) {
    const Colours k = colours_of(in->limited);
    const Tone tone = tone_of(r->tone_curve);
    const int kind = in->format + (s ? 2 : 0), h = r->maps.h;
    const float lead = 0.5f * r->block - 0.5f; // row of the first block centre
    int j = -1;
    while (j + 1 < h && (int)ceilf(lead + (j + 1) * r->block) <= begin) j++;
    if (begin != r->done || !begin) begin_maps(&r->maps), r->row[0] = r->row[1] = -1; // otherwise the last call is continued
    r->done = finish;
    for (int y = begin; j < h && y < finish; j++) { // rows between the centres of rows j and j + 1 of blocks
        const int end = j + 1 < h ? (int)ceilf(lead + (j + 1) * r->block) : finish;
        // Maps j and j + 1 use statistics up to two rows beyond, so denoiser blocks around those must be static. Blocks higher
        // than ROWS use several map tiles in turn, which the cache does not hold.
        const int cached = s && r->cached_rows > 1 && r->block <= ROWS && rows_static(s, (j - 2) / 2 - 1, (j + 3) / 2 + 2);
        while (y < end && y < finish) {
            const float part = (y - lead) / r->block - j;
            int last = end < finish ? end : finish;
            last = last < y + ROWS ? last : y + ROWS;
#define RENDER(kind) render_rows(kind, in, s, out, &k, r, j, cached, y, last, part, &tone)
            switch (kind) {
            case BGR_BYTES:
                RENDER(BGR_BYTES);
                break;
            case YUV_BYTES:
                RENDER(YUV_BYTES);
                break;
            case BGR_DENOISED:
                RENDER(BGR_DENOISED);
                break;
            default:
                RENDER(YUV_DENOISED);
            }
#undef RENDER
            y = last;
        }
    }
}

EXPORT_ABI
EXPORT_SIZE(Picture)
EXPORT_SIZE(DenoiserState)
EXPORT_SIZE(Maps)
EXPORT_SIZE(Rendering)
