// From block statistics and cell parameters to nine maps, row by row: v = p * I + q * luma + r for red, green, blue.
// davy.imaging.isp.guided and davy.imaging.isp.pipeline hold the same arithmetic.
#pragma once
#include "lanes.h"

enum { PLANES = 6, MARGIN = 8, MAPS = 9, BINS = 8, CELLS = BINS + 9 };
enum { COLOUR = BINS, KEEP = BINS + 3, NOISE, VEIL, SATURATION = VEIL + 3 }; // channels of a cell after the bins

typedef struct {
    const float *stats; // (h, PLANES, pitch), MARGIN floats before the first block and MARGIN after the last
    int64_t pitch;
    int32_t h, w, rows, columns;
    const float *cells;    // (CELLS, rows, columns)
    const int32_t *column; // pitch - 2 * MARGIN: the cell to the left of each block
    const float *weight;   // w: of the cell to the right
    float *wide;           // 2 rows of cells at block width, (2, CELLS, pitch)
    float *fits;           // 3 rows of the base's slopes and offsets, (3, 6, pitch)
    float *room;           // (PLANES + 6, pitch)
    int32_t wide_row[2];   // which row of cells lies there
    int32_t fit_row[3];    // and which row of blocks' fits
} Maps;

// Mean over 3 x 3 of three rows whose margins repeat the border; the margins of `to` are left alone.
INLINE void box3(const float *above, const float *here, const float *below, float *room, float *to, int w) {
    for (int x = 0; x < 2 * MARGIN + w; x += 8) store_floats(room + x, load_floats(above + x) + load_floats(here + x) + load_floats(below + x));
    for (int x = MARGIN; x < MARGIN + w; x += 8)
        store_floats(to + x, (load_floats(room + x - 1) + load_floats(room + x) + load_floats(room + x + 1)) * (1.0f / 9));
}

// The two rows of cells around row y of blocks, at block width; the weight of the second.
static float widen_cells(Maps *m, int y, const float **low, const float **high) {
    float position = (y + 0.5f) * m->rows / m->h - 0.5f;
    position = position < 0 ? 0 : position > m->rows - 1 ? m->rows - 1 : position;
    const int width = (m->w + LANES - 1) / LANES * LANES;
    const int first = (int)position < m->rows - 1 ? (int)position : m->rows - 2;
    for (int row = first; row < first + 2; row++) {
        float *wide = m->wide + (row & 1) * CELLS * m->pitch;
        if (m->wide_row[row & 1] == row) continue;
        for (int c = 0; c < CELLS; c++) {
            const float *restrict from = m->cells + ((int64_t)c * m->rows + row) * m->columns;
            float *restrict to = wide + c * m->pitch;
            for (int x = 0; x < width; x++) to[x] = from[m->column[x]] + (from[m->column[x] + 1] - from[m->column[x]]) * m->weight[x];
        }
        m->wide_row[row & 1] = row;
    }
    *low = m->wide + (first & 1) * CELLS * m->pitch, *high = m->wide + ((first + 1) & 1) * CELLS * m->pitch;
    return position - first;
}

#define AT(row, c) load_floats((row) + (c) * pitch + x)
#define LUMA(row, c) (0.299f * AT(row, c) + 0.587f * AT(row, (c) + 1) + 0.114f * AT(row, (c) + 2))
#define CELL(c) (AT(low, c) + (AT(high, c) - AT(low, c)) * weight)

// Slopes and offsets (red, green, blue each) of the base over luma, before they are smoothed, of row y of blocks, unless they are there.
static void fit_row(Maps *m, int y) {
    if (m->fit_row[y % 3] == y) return;
    m->fit_row[y % 3] = y;
    const int64_t pitch = m->pitch;
    const int w = m->w;
    const float *at[3], *low, *high;
    for (int k = 0; k < 3; k++) {
        const int row = y + k - 1 < 0 ? 0 : y + k - 1 > m->h - 1 ? m->h - 1 : y + k - 1;
        at[k] = m->stats + (int64_t)row * PLANES * pitch;
    }
    float *mean = m->room + pitch;
    for (int p = 0; p < PLANES; p++) box3(at[0] + p * pitch, at[1] + p * pitch, at[2] + p * pitch, m->room, mean + p * pitch, w);
    const float weight = widen_cells(m, y, &low, &high);
    const float *means = mean + MARGIN;
    float *fit = m->fits + (y % 3) * 6 * pitch + MARGIN;
    for (int x = 0; x < w; x += 8) {
        const Floats luma = LUMA(means, 0), noise = CELL(NOISE);
        const Floats scale = 1.0f / (at_least(LUMA(means, 3) - luma * luma, 0) + noise * noise);
        for (int c = 0; c < 3; c++) {
            const Floats slope = (AT(means, 3 + c) - luma * AT(means, c)) * scale;
            store_floats(fit + c * pitch + x, slope), store_floats(fit + (3 + c) * pitch + x, AT(means, c) - slope * luma);
        }
    }
    for (int c = 0; c < 6; c++) fit[c * pitch - 1] = fit[c * pitch], fit[c * pitch + w] = fit[c * pitch + w - 1];
}

// Before any row of maps of a picture.
static void begin_maps(Maps *m) {
    m->wide_row[0] = m->wide_row[1] = -1;
    m->fit_row[0] = m->fit_row[1] = m->fit_row[2] = -1;
}

// Row y of the maps and, behind them, the largest size of p and q, and of r, with what each changes by to the right:
// (MAPS + 2, pitch), no margin. From pixels in 1/64 of a level to positions of the tone curve, 0 to 65535.
static void map_row(Maps *m, int y, float *out) {
    const int64_t pitch = m->pitch;
    const int w = m->w;
    const float *at[3], *low, *high;
    for (int k = 0; k < 3; k++) {
        const int row = y + k - 1 < 0 ? 0 : y + k - 1 > m->h - 1 ? m->h - 1 : y + k - 1;
        fit_row(m, row);
        at[k] = m->fits + (row % 3) * 6 * pitch;
    }
    float *smooth = m->room + pitch;
    for (int c = 0; c < 6; c++) box3(at[0] + c * pitch, at[1] + c * pitch, at[2] + c * pitch, m->room, smooth + c * pitch, w);
    const float weight = widen_cells(m, y, &low, &high);
    const float *fit = smooth + MARGIN;
    const float *means = m->stats + (int64_t)y * PLANES * pitch + MARGIN;
    const float unit = 65535.0f / (255 << 6), top = 65535; // from 1/64 of a level
    for (int x = 0; x < w; x += 8) {
        const Floats slope = LUMA(fit, 0), offset = LUMA(fit, 3);
        const Floats guide = at_least(at_most(slope * LUMA(means, 0) + offset, 1), 0);
        const Floats position = root(guide + 1e-6f) * (BINS - 1);
        Floats log_gain = floats(0);
        for (int bin = 0; bin < BINS; bin++) // the hat function: linear between two bins
            log_gain += at_least(1 - magnitude(position - (float)bin), 0) * CELL(bin);
        const Floats keep = CELL(KEEP), saturation = exp2_fast(CELL(SATURATION));
        for (int c = 0; c < 3; c++) {
            const Floats gain = exp2_fast(log_gain + CELL(COLOUR + c)), based = gain * (1 - keep);
            const Floats a = slope + saturation * (AT(fit, c) - slope), b = offset + saturation * (AT(fit, 3 + c) - offset);
            store_floats(out + c * pitch + x, unit * gain * keep);
            store_floats(out + (3 + c) * pitch + x, unit * based * a);
            store_floats(out + (6 + c) * pitch + x, top * (based * b - gain * CELL(VEIL + c)));
        }
    }
    for (int c = 0; c < MAPS; c++) out[c * pitch + w] = out[c * pitch + w - 1];
    for (int x = 0; x < w; x += 8) {
        Floats most[2] = {floats(0), floats(0)};
        for (int c = 0; c < MAPS; c++) {
            const Floats here = AT(out, c), step = load_floats(out + c * pitch + x + 1) - here;
            most[c / 6] = greater(most[c / 6], greater(magnitude(here), magnitude(step)));
        }
        store_floats(out + MAPS * pitch + x, most[0]), store_floats(out + (MAPS + 1) * pitch + x, most[1]);
    }
}
#undef CELL
#undef LUMA
#undef AT

// Bring the block statistics nearer that the row of maps after y reads first: by then pixels have driven them out.
static void fetch_stats(const Maps *m, int y) {
    if (y + 3 >= m->h) return;
    const float *row = m->stats + (int64_t)(y + 3) * PLANES * m->pitch;
    for (int64_t at = 0; at < PLANES * m->pitch; at += 16) __builtin_prefetch(row + at, 0, 2);
}
