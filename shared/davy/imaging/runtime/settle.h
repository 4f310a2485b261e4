// A fixed camera's frames over time: each pixel goes a share of the way to the newest frame, all of it where something moves.
#pragma once
#include "block_sums.h"
#include "picture.h"

static const float RESTLESS = 1.0f / 16; // how fast the usual change of a block follows the newest
static const float FLOOR = 0.15f;        // levels: what rounding to 8 bits changes by itself
static const float QUIET = 2.5f;         // times the usual change: noise does not exceed it
static const float CERTAIN = 5.0f;       // times the usual change: this is motion, or another light

enum { AHEAD = 512 }; // words that are fetched before they are used: what settled has left the cache since the last frame

typedef struct {     // one thread's
    int32_t *line;   // pitch
    int16_t *shares; // pitch for luma, pitch / 2 for chroma
    float *row;      // w
} Rooms;

INLINE void add_columns(int32_t *line, Words change) {
    Ints low, high;
    memcpy(&low, line, sizeof low), memcpy(&high, line + 8, sizeof high);
#ifdef __AVX2__
    low += (Ints)_mm256_cvtepi16_epi32(_mm256_castsi256_si128((__m256i)change));
    high += (Ints)_mm256_cvtepi16_epi32(_mm256_extracti128_si256((__m256i)change, 1));
#else
    for (int i = 0; i < 8; i++) low[i] += change[i], high[i] += change[8 + i];
#endif
    memcpy(line, &low, sizeof low), memcpy(line + 8, &high, sizeof high);
}

// How far `rows` rows of bytes lie above the settled ones, by columns; columns beyond the width are of no meaning.
static void column_changes(const uint8_t *from, int64_t stride, const int16_t *levels, int64_t pitch, int rows, int width, int32_t *line) {
    memset(line, 0, (size_t)pitch * sizeof *line);
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < width; x += LANES) {
            __builtin_prefetch(levels + y * pitch + x + AHEAD);
            add_columns(line + x, settled_octets(from + y * stride + x, width - x) - load_words(levels + y * pitch + x));
        }
}

enum { THIRDS = 2 }; // bits by which each of three colours is coarser, so that their sum is a word

static void triple_changes(const Picture *p, const Settled *s, int top, int rows, int32_t *line) {
    memset(line, 0, (size_t)s->pitch * sizeof *line);
    for (int y = top; y < top + rows; y++)
        for (int x = 0; x < p->width; x += LANES) {
            uint8_t room[3 * LANES];
            Words now[3], sum = words(0);
            load_triples(filled(p->bytes[0] + y * p->stride[0] + 3 * (int64_t)x, p->width - x, 3, room), now);
            for (int c = 0; c < 3; c++) {
                __builtin_prefetch(s->levels[c] + y * s->pitch + x + AHEAD);
                sum += scaled((now[c] << FRACTION) - load_words(s->levels[c] + y * s->pitch + x), words(32768 >> THIRDS));
            }
            add_columns(line + x, sum);
        }
}

// Add the size of each block's mean change, in levels, to changes. values: how many lie in each column. sums: room for w.
static void add_changes(const int32_t *line, int block, int width, float values, float part, float *restrict sums,
                        float *restrict changes) {
    block_sums(line, sums, width, block);
    const int full = width / block, rest = width - full * block;
    const float each = part / ((1 << FRACTION) * values);
    for (int i = 0; i < full; i++) changes[i] += each / block * fabsf(sums[i]);
    if (rest) changes[full] += each / rest * fabsf(sums[full]);
}

// How far each block of row j has left what was seen before, to gates: 0 (noise) to 1 (motion).
static void find_motion(const Picture *p, const Settled *s, const Rooms *r, int j) {
    const int top = j * s->block, rows = p->height - top < s->block ? p->height - top : s->block;
    float *changes = s->gates + (int64_t)j * s->w, *usual = s->usual + (int64_t)j * s->w;
    memset(changes, 0, s->w * sizeof *changes);
    if (p->format == BGR) {
        triple_changes(p, s, top, rows, r->line);
        add_changes(r->line, s->block, p->width, 3.0f * rows / (1 << THIRDS), 1, r->row, changes);
    } else {
        column_changes(p->bytes[0] + top * p->stride[0], p->stride[0], s->levels[0] + top * s->pitch, s->pitch, rows, p->width, r->line);
        add_changes(r->line, s->block, p->width, rows, 1, r->row, changes);
        const int half = top / 2, few = (rows + 1) / 2, narrow = (p->width + 1) / 2;
        const int64_t pitch = s->pitch / 2;
        for (int c = 1; c < 3; c++) {
            column_changes(p->bytes[c] + half * p->stride[c], p->stride[c], s->levels[c] + half * pitch, pitch, few, narrow, r->line);
            add_changes(r->line, s->block / 2, narrow, few, 0.5f, r->row, changes);
        }
    }
    float most = 0;
    for (int i = 0; i < s->w; i++) {
        const float change = changes[i], over = (change / (usual[i] + FLOOR) - QUIET) / (CERTAIN - QUIET);
        const float newest = change < 4 * usual[i] + FLOOR ? change : 4 * usual[i] + FLOOR; // motion must not become usual
        changes[i] = over < 0 ? 0 : over > 1 ? 1 : over;
        usual[i] += (newest - usual[i]) * RESTLESS;
        most = changes[i] > most ? changes[i] : most;
    }
    s->moves[j] = most >= 1;
}

INLINE void put_share(int16_t *to, int count, int16_t share) {
    for (; count >= LANES; to += LANES, count -= LANES) store_words(to, words(share));
    for (int x = 0; x < count; x++) to[x] = share;
}

// Shares for row j by pixel, luma's and then chroma's: the most of the gates of a block and of its neighbours.
static void spread_shares(const Settled *s, const Rooms *r, int j) {
    int16_t *chroma = r->shares + s->pitch;
    const float *here = s->gates + (int64_t)j * s->w, *above = j ? here - s->w : here, *below = j + 1 < s->h ? here + s->w : here;
    float *restrict most = r->row;
    for (int i = 0; i < s->w; i++) {
        const float outer = above[i] > below[i] ? above[i] : below[i];
        most[i] = outer > here[i] ? outer : here[i];
    }
    for (int i = 0; i < s->w; i++) {
        const float left = most[i ? i - 1 : 0], right = most[i + 1 < s->w ? i + 1 : i], outer = left > right ? left : right;
        const int16_t share = (int16_t)(s->least + (32767 - s->least) * (outer > most[i] ? outer : most[i]) + 0.5f);
        const int begin = i * s->block, end = i == s->w - 1 ? (int)s->pitch : begin + s->block;
        put_share(r->shares + begin, end - begin, share), put_share(chroma + begin / 2, (end - begin) / 2, share);
    }
}

INLINE void settle_words(int16_t *levels, Words now, const int16_t *shares) {
    const Words before = load_words(levels);
    store_words(levels, before + scaled((now << FRACTION) - before, load_words(shares)));
}

static void settle_plane(const uint8_t *from, int64_t stride, int16_t *levels, int64_t pitch, int rows, int width, const int16_t *shares) {
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < width; x += LANES) {
            uint8_t room[LANES];
            settle_words(levels + y * pitch + x, load_octets(filled(from + y * stride + x, width - x, 1, room)), shares + x);
        }
}

static void settle_triples(const Picture *p, const Settled *s, int top, int rows, const int16_t *shares) {
    for (int y = top; y < top + rows; y++)
        for (int x = 0; x < p->width; x += LANES) {
            uint8_t room[3 * LANES];
            Words now[3];
            load_triples(filled(p->bytes[0] + y * p->stride[0] + 3 * (int64_t)x, p->width - x, 3, room), now);
            for (int c = 0; c < 3; c++) settle_words(s->levels[c] + y * s->pitch + x, now[c], shares + x);
        }
}

// Move row j of settling blocks on to the newest frame.
static void settle_row(const Picture *p, const Settled *s, const Rooms *r, int j) {
    const int top = j * s->block, rows = p->height - top < s->block ? p->height - top : s->block;
    spread_shares(s, r, j);
    if (p->format == BGR) {
        settle_triples(p, s, top, rows, r->shares);
        return;
    }
    settle_plane(p->bytes[0] + top * p->stride[0], p->stride[0], s->levels[0] + top * s->pitch, s->pitch, rows, p->width, r->shares);
    const int half = top / 2;
    const int64_t pitch = s->pitch / 2;
    for (int c = 1; c < 3; c++)
        settle_plane(p->bytes[c] + half * p->stride[c], p->stride[c], s->levels[c] + half * pitch, pitch, (rows + 1) / 2,
                     (p->width + 1) / 2, r->shares + s->pitch);
}
