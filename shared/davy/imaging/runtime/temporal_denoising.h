// Recursive temporal denoising for a fixed camera: each pixel moves by a blend weight to the newest frame, completely where the
// motion mask is 1.
#pragma once
#include "block_sums.h"
#include "picture.h"

static const float NOISE_FLOOR_RATE = 1.0f / 16; // smoothing factor of a block's noise floor
static const float QUANTISATION = 0.15f;         // levels: change by rounding to 8 bits alone
static const float NOISE_LIMIT = 2.5f;           // times the noise floor: noise stays below
static const float MOTION_LIMIT = 5.0f;          // times the noise floor: motion or a change of light is above

enum { AHEAD = 512 }; // words of prefetch distance: the levels of the last frame have left the cache

typedef struct {            // of one thread
    int32_t *line;          // pitch
    int16_t *blend_weights; // pitch for luma, pitch / 2 for chroma; 32767 is 1
    float *row;             // w
} Buffers;

// Sum the differences of `rows` rows of bytes from the levels, by columns; sums beyond the width are undefined.
static void column_changes(const uint8_t *from, int64_t stride, const int16_t *levels, int64_t pitch, int rows, int width, int32_t *line) {
    memset(line, 0, (size_t)pitch * sizeof *line);
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < width; x += LANES) {
            __builtin_prefetch(levels + y * pitch + x + AHEAD);
            add_words(line + x, octet_levels(from + y * stride + x, width - x) - load_words(levels + y * pitch + x));
        }
}

enum { SUM_SHIFT = 2 }; // bits dropped from each of three colours, so that their sum fits a word

static void triple_changes(const Picture *p, const DenoiserState *s, int top, int rows, int32_t *line) {
    memset(line, 0, (size_t)s->pitch * sizeof *line);
    for (int y = top; y < top + rows; y++)
        for (int x = 0; x < p->width; x += LANES) {
            uint8_t buffer[3 * LANES];
            Words now[3], sum = words(0);
            load_triples(padded(p->bytes[0] + y * p->stride[0] + 3 * (int64_t)x, p->width - x, 3, buffer), now);
            for (int c = 0; c < 3; c++) {
                __builtin_prefetch(s->levels[c] + y * s->pitch + x + AHEAD);
                sum += scaled((now[c] << FRACTION) - load_words(s->levels[c] + y * s->pitch + x), words(32768 >> SUM_SHIFT));
            }
            add_words(line + x, sum);
        }
}

// Add the magnitude of each block's mean change, in levels, to changes. values: samples per column. sums: buffer of w floats.
static void add_changes(const int32_t *line, int block, int width, float values, float part, float *restrict sums,
                        float *restrict changes) {
    block_sums(line, sums, width, block);
    const int full = width / block, rest = width - full * block;
    const float each = part / ((1 << FRACTION) * values);
    for (int i = 0; i < full; i++) changes[i] += each / block * fabsf(sums[i]);
    if (rest) changes[full] += each / rest * fabsf(sums[full]);
}

// Fill row j of the motion mask, 0 (noise) to 1 (motion), and update the noise floor.
static void find_motion(const Picture *p, const DenoiserState *s, const Buffers *r, int j) {
    const int top = j * s->block, rows = p->height - top < s->block ? p->height - top : s->block;
    float *changes = s->motion_mask + (int64_t)j * s->w, *noise_floor = s->noise_floor + (int64_t)j * s->w;
    memset(changes, 0, s->w * sizeof *changes);
    if (p->format == BGR) {
        triple_changes(p, s, top, rows, r->line);
        add_changes(r->line, s->block, p->width, 3.0f * rows / (1 << SUM_SHIFT), 1, r->row, changes);
    } else {
        column_changes(p->bytes[0] + top * p->stride[0], p->stride[0], s->levels[0] + top * s->pitch, s->pitch, rows, p->width, r->line);
        add_changes(r->line, s->block, p->width, rows, 1, r->row, changes);
        const int half = top / 2, chroma_rows = (rows + 1) / 2, chroma_width = (p->width + 1) / 2;
        const int64_t pitch = s->pitch / 2;
        for (int c = 1; c < 3; c++) {
            column_changes(p->bytes[c] + half * p->stride[c], p->stride[c], s->levels[c] + half * pitch, pitch, chroma_rows, chroma_width,
                           r->line);
            add_changes(r->line, s->block / 2, chroma_width, chroma_rows, 0.5f, r->row, changes);
        }
    }
    float peak = 0;
    for (int i = 0; i < s->w; i++) {
        const float change = changes[i], over = (change / (noise_floor[i] + QUANTISATION) - NOISE_LIMIT) / (MOTION_LIMIT - NOISE_LIMIT);
        const float limit = 4 * noise_floor[i] + QUANTISATION, newest = change < limit ? change : limit; // motion must not raise it
        changes[i] = over < 0 ? 0 : over > 1 ? 1 : over;
        noise_floor[i] += (newest - noise_floor[i]) * NOISE_FLOOR_RATE;
        peak = changes[i] > peak ? changes[i] : peak;
    }
    s->moving_rows[j] = peak >= 1;
}

INLINE void put_weight(int16_t *to, int count, int16_t weight) {
    for (; count >= LANES; to += LANES, count -= LANES) store_words(to, words(weight));
    for (int x = 0; x < count; x++) to[x] = weight;
}

// Fill the blend weights of row j per pixel, for luma and then for chroma: the motion mask, dilated by one block.
static void fill_blend_weights(const DenoiserState *s, const Buffers *r, int j) {
    int16_t *chroma = r->blend_weights + s->pitch;
    const float *here = s->motion_mask + (int64_t)j * s->w, *above = j ? here - s->w : here, *below = j + 1 < s->h ? here + s->w : here;
    float *restrict most = r->row;
    for (int i = 0; i < s->w; i++) {
        const float outer = above[i] > below[i] ? above[i] : below[i];
        most[i] = outer > here[i] ? outer : here[i];
    }
    for (int i = 0; i < s->w; i++) {
        const float left = most[i ? i - 1 : 0], right = most[i + 1 < s->w ? i + 1 : i], outer = left > right ? left : right;
        const int16_t weight = (int16_t)(s->min_weight + (32767 - s->min_weight) * (outer > most[i] ? outer : most[i]) + 0.5f);
        const int begin = i * s->block, end = i == s->w - 1 ? (int)s->pitch : begin + s->block;
        put_weight(r->blend_weights + begin, end - begin, weight), put_weight(chroma + begin / 2, (end - begin) / 2, weight);
    }
}

INLINE void blend_words(int16_t *levels, Words now, const int16_t *blend_weights) {
    const Words before = load_words(levels);
    store_words(levels, before + scaled((now << FRACTION) - before, load_words(blend_weights)));
}

static void blend_plane(const uint8_t *from, int64_t stride, int16_t *levels, int64_t pitch, int rows, int width,
                        const int16_t *blend_weights) {
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < width; x += LANES) {
            uint8_t buffer[LANES];
            blend_words(levels + y * pitch + x, load_octets(padded(from + y * stride + x, width - x, 1, buffer)), blend_weights + x);
        }
}

static void blend_triples(const Picture *p, const DenoiserState *s, int top, int rows, const int16_t *blend_weights) {
    for (int y = top; y < top + rows; y++)
        for (int x = 0; x < p->width; x += LANES) {
            uint8_t buffer[3 * LANES];
            Words now[3];
            load_triples(padded(p->bytes[0] + y * p->stride[0] + 3 * (int64_t)x, p->width - x, 3, buffer), now);
            for (int c = 0; c < 3; c++) blend_words(s->levels[c] + y * s->pitch + x, now[c], blend_weights + x);
        }
}

// Blend the newest frame into row j of denoiser blocks.
static void denoise_row(const Picture *p, const DenoiserState *s, const Buffers *r, int j) {
    const int top = j * s->block, rows = p->height - top < s->block ? p->height - top : s->block;
    fill_blend_weights(s, r, j);
    if (p->format == BGR) {
        blend_triples(p, s, top, rows, r->blend_weights);
        return;
    }
    blend_plane(p->bytes[0] + top * p->stride[0], p->stride[0], s->levels[0] + top * s->pitch, s->pitch, rows, p->width, r->blend_weights);
    const int half = top / 2;
    const int64_t pitch = s->pitch / 2;
    for (int c = 1; c < 3; c++)
        blend_plane(p->bytes[c] + half * p->stride[c], p->stride[c], s->levels[c] + half * pitch, pitch, (rows + 1) / 2, (p->width + 1) / 2,
                    r->blend_weights + s->pitch);
}
