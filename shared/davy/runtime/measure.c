// The first traversal of a picture: what is known of each block, and, for a fixed camera, noise that settles over time.
// davy.isp.blocks holds the same statistics.
#include "settle.h"

enum { SUMS = 9, PLANES = 8, MARGIN = 8 };

// One row of blocks: sums over its pixels of r, g, b, rr, gg, bb, rg, rb, gb for 16 columns each.
INLINE void column_sums(const int kind, const Picture *p, const Settled *s, const Colours *k, int top, int rows, int x,
                        const int count, int32_t *sums, int64_t pitch) {
    Ints low[SUMS] = {{0}}, high[SUMS] = {{0}};
    const Words one = words(1);
    Tint tint = {{{0}}};
    for (int y = top; y < top + rows; y += 2) {
        Words pixels[2][3] = {{{0}}};
        for (int row = 0; row < 2; row++) {
            if (y + row >= top + rows) break;
            load_rgb(kind, p, s, k, y + row, x, count, &tint, y + row == top, pixels[row]);
            for (int c = 0; c < 3; c++) {
                pixels[row][c] = (pixels[row][c] + 2) >> 2; // 1/16 levels: sums of squares stay ints
                for (int i = count; i < LANES; i++) pixels[row][c][i] = 0;
            }
        }
        Words l[3], h[3];
        for (int c = 0; c < 3; c++) {
            zip(pixels[0][c], pixels[1][c], &l[c], &h[c]);
            low[c] += pair_sums(l[c], one), high[c] += pair_sums(h[c], one);
            low[3 + c] += pair_sums(l[c], l[c]), high[3 + c] += pair_sums(h[c], h[c]);
        }
        low[6] += pair_sums(l[0], l[1]), high[6] += pair_sums(h[0], h[1]);
        low[7] += pair_sums(l[0], l[2]), high[7] += pair_sums(h[0], h[2]);
        low[8] += pair_sums(l[1], l[2]), high[8] += pair_sums(h[1], h[2]);
    }
    for (int m = 0; m < SUMS; m++) store_unzipped(sums + m * pitch + x, low[m], high[m]);
}

INLINE void sum_by(const int32_t *restrict from, float *restrict to, int count, const int block) {
    for (int j = 0; j < count; j++) {
        int32_t sum = 0;
        for (int i = 0; i < block; i++) sum += from[j * block + i];
        to[j] = (float)sum;
    }
}

// A block side that the compiler knows makes one or two vectors of the inner loop: three times as fast.
static void block_sums(const int32_t *restrict columns, float *restrict to, int width, int block) {
    const int full = width / block;
    switch (block) {
    case 1: sum_by(columns, to, full, 1); break;
    case 2: sum_by(columns, to, full, 2); break;
    case 3: sum_by(columns, to, full, 3); break;
    case 4: sum_by(columns, to, full, 4); break;
    case 9: sum_by(columns, to, full, 9); break;
    default: sum_by(columns, to, full, block);
    }
    if (full * block < width) sum_by(columns + full * block, to + full, 1, width - full * block);
}

// Sums of a row of blocks to means of r, g, b, y, y*y, y*r, y*g, y*b in display units of [0, 1]; the border's repeated outside.
static void means(const float *restrict sums, float *restrict out, int w, int64_t pitch, int width, int block, int rows, float level) {
    float *restrict to = out + MARGIN;
    const float whole = level / (rows * block), square = level * whole;
#define SUM(m) sums[(m) * pitch + j]
    for (int j = 0; j < w; j++) {
        const float yr = 0.299f * SUM(3) + 0.587f * SUM(6) + 0.114f * SUM(7);
        const float yg = 0.299f * SUM(6) + 0.587f * SUM(4) + 0.114f * SUM(8);
        const float yb = 0.299f * SUM(7) + 0.587f * SUM(8) + 0.114f * SUM(5);
        to[j] = SUM(0) * whole, to[pitch + j] = SUM(1) * whole, to[2 * pitch + j] = SUM(2) * whole;
        to[3 * pitch + j] = (0.299f * SUM(0) + 0.587f * SUM(1) + 0.114f * SUM(2)) * whole;
        to[4 * pitch + j] = (0.299f * yr + 0.587f * yg + 0.114f * yb) * square;
        to[5 * pitch + j] = yr * square, to[6 * pitch + j] = yg * square, to[7 * pitch + j] = yb * square;
    }
#undef SUM
    const float more = (float)block / (width - (w - 1) * block); // a narrow last block is a mean of what is there
    for (int p = 0; p < PLANES; p++) {
        float *row = out + p * pitch;
        row[MARGIN + w - 1] *= more;
        row[MARGIN - 1] = row[MARGIN], row[MARGIN + w] = row[MARGIN + w - 1];
    }
}

typedef struct {
    float *stats; // (h, PLANES, pitch), MARGIN floats before the first block
    int64_t pitch;
    int32_t block, h, w;
    int32_t *columns; // SUMS rows of the width, rounded up to LANES
    float *sums;      // SUMS rows of pitch
} Blocks;

INLINE void measure_row(const int kind, const Picture *p, const Settled *s, const Colours *k, const Blocks *b, int j) {
    const int top = j * b->block, rows = p->height - top < b->block ? p->height - top : b->block;
    const int64_t pitch = (p->width + LANES - 1) / LANES * LANES;
    int x = 0;
    for (; x + LANES <= p->width; x += LANES) column_sums(kind, p, s, k, top, rows, x, LANES, b->columns, pitch);
    if (x < p->width) column_sums(kind, p, s, k, top, rows, x, p->width - x, b->columns, pitch);
    for (int m = 0; m < SUMS; m++) block_sums(b->columns + m * pitch, b->sums + m * b->pitch, p->width, b->block);
    const float level = 1.0f / (16 * 255);
    means(b->sums, b->stats + (int64_t)j * PLANES * b->pitch, b->w, b->pitch, p->width, b->block, rows, level);
}

static void measure_rows(int kind, const Picture *p, const Settled *s, const Colours *k, const Blocks *b, int begin, int end) {
    for (int j = begin; j < end && j < b->h; j++) {
        switch (kind) {
        case BGR_BYTES: measure_row(BGR_BYTES, p, s, k, b, j); break;
        case BGR_SETTLED: measure_row(BGR_SETTLED, p, s, k, b, j); break;
        case YUV_BYTES: measure_row(YUV_BYTES, p, s, k, b, j); break;
        default: measure_row(YUV_SETTLED, p, s, k, b, j);
        }
    }
}

// Fill the blocks from the picture; where it settles (s is not NULL), from the settled picture, row by row while it is in the cache.
void davy_measure(const Picture *p, Settled *s, const Blocks *b) {
    const Colours k = colours_of(p->limited);
    if (!s) {
        measure_rows(p->format, p, s, &k, b, 0, b->h);
        return;
    }
    for (int j = 0; j <= s->h; j++) { // what moves reaches a block further: a row settles when the next one's motion is known
        if (j < s->h && !s->fresh) find_motion(p, s, j);
        if (j) settle_row(p, s, j - 1), measure_rows(p->format + 2, p, s, &k, b, 2 * (j - 1), 2 * j);
    }
}

// Mean luma of eight by eight parts of the picture.
void davy_coarse(const Blocks *b, float *out) {
    for (int i = 0; i < 8; i++) {
        const int begin = i * b->h / 8, end = (i + 1) * b->h / 8;
        float *restrict total = b->sums;
        memset(total, 0, b->w * sizeof(float));
        for (int y = begin; y < end; y++) {
            const float *restrict row = b->stats + ((int64_t)y * PLANES + 3) * b->pitch + MARGIN;
            for (int x = 0; x < b->w; x++) total[x] += row[x];
        }
        for (int j = 0; j < 8; j++) {
            const int left = j * b->w / 8, right = (j + 1) * b->w / 8;
            float sum = 0;
            for (int x = left; x < right; x++) sum += total[x];
            out[8 * i + j] = sum / ((end - begin) * (right - left));
        }
    }
}
