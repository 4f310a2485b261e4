// From block statistics and cell parameters to nine maps, row by row: v = p * I + q * luma + r for red, green, blue.
// davy.imaging.isp.guided and davy.imaging.isp.pipeline define the same arithmetic.
#pragma once
#include "lanes.h"

enum { PLANES = 6, MARGIN = 8, MAPS = 9, BINS = 8, GRID_CHANNELS = BINS + 9, FINE_CHANNELS = BINS + 3 };
enum { COLOUR = BINS, KEEP = BINS + 3, NOISE, VEIL, SATURATION = VEIL + 3 }; // channels of a cell after the bins

enum { REACH = 2 }; // rows of blocks above and below that row_offset compares with

// The values equal those of davy.imaging.isp.pipeline and davy.imaging.isp.rows.
static const float MAX_LOG2_GAIN = 5.5f, MAX_VEIL = 0.4f, CHROMA_NOISE = 0.5f, LEAST_CHROMA = 2.5f / 255;
static const float DARK = 0.25f, FLAT = 0.03f, LEAST_SHARE = 0.03f, MAX_OFFSET = 0.03f;

typedef struct {           // a parameter map, and two of its rows interpolated to block width
    const float *params;   // (channels, rows, columns)
    const int32_t *column; // index of the left cell of each block; w rounded up to LANES
    const float *weight;   // weight of the right cell
    float *upsampled;      // two rows of cells at block width, (2, channels, pitch)
    int32_t rows, columns;
    int32_t upsampled_row[2]; // index of each of the two rows
    int32_t one_vector;       // eight neighbouring cells cover eight blocks
} Grid;

typedef struct {
    const float *stats; // (h, PLANES, pitch), MARGIN floats before the first block and MARGIN after the last
    int64_t pitch;
    int32_t h, w;
    Grid coarse, fine;                                 // GRID_CHANNELS channels; FINE_CHANNELS channels, added to bins and veil
    float row_noise, chroma_noise, colourless, colour; // see davy.imaging.isp.pipeline; colourless is 0 in a colour picture
    float *fits;                                       // slopes and offsets of the base, three rows, (3, 6, pitch)
    float *buffer;                                     // (PLANES + 6, pitch)
    int32_t fit_row[3];                                // index of the row of blocks of each fit
} Maps;

// Mean over 3 x 3 of three rows whose margins repeat the border; leaves the margins of `to` unchanged.
INLINE void box3(const float *above, const float *here, const float *below, float *buffer, float *to, int w) {
    for (int x = 0; x < 2 * MARGIN + w; x += 8)
        store_floats(buffer + x, load_floats(above + x) + load_floats(here + x) + load_floats(below + x));
    for (int x = MARGIN; x < MARGIN + w; x += 8)
        store_floats(to + x, (load_floats(buffer + x - 1) + load_floats(buffer + x) + load_floats(buffer + x + 1)) * (1.0f / 9));
}

// Interpolate one row of cells to block width.
INLINE void interpolate_row(const Grid *g, const float *restrict from, float *restrict to, int width) {
    for (int x = 0; g->one_vector && x < width; x += 8) {
        const int32_t start = g->column[x] < g->columns - 8 ? g->column[x] : g->columns - 8;
        const Ints left = load_ints(g->column + x) - start;
        const Floats cells = load_floats(from + start), low = picked_floats(cells, left), high = picked_floats(cells, left + 1);
        store_floats(to + x, low + (high - low) * load_floats(g->weight + x));
    }
    if (g->one_vector) return;
    for (int x = 0; x < width; x++) to[x] = from[g->column[x]] + (from[g->column[x] + 1] - from[g->column[x]]) * g->weight[x];
}

// Interpolate the two rows of cells around row y of h rows of blocks. Returns the weight of the second row.
INLINE float interpolate_rows(Grid *g, const int channels, int y, int h, int w, int64_t pitch, const float **low, const float **high) {
    float position = (y + 0.5f) * g->rows / h - 0.5f;
    position = position < 0 ? 0 : position > g->rows - 1 ? g->rows - 1 : position;
    const int first = (int)position < g->rows - 1 ? (int)position : g->rows - 2;
    for (int row = first; row < first + 2; row++) {
        float *upsampled = g->upsampled + (row & 1) * channels * pitch;
        if (g->upsampled_row[row & 1] == row) continue;
        for (int c = 0; c < channels; c++)
            interpolate_row(g, g->params + ((int64_t)c * g->rows + row) * g->columns, upsampled + c * pitch,
                            (w + LANES - 1) / LANES * LANES);
        g->upsampled_row[row & 1] = row;
    }
    *low = g->upsampled + (first & 1) * channels * pitch, *high = g->upsampled + ((first + 1) & 1) * channels * pitch;
    return position - first;
}

#define AT(row, c) load_floats((row) + (c) * pitch + x)
#define LUMA(row, c) (0.299f * AT(row, c) + 0.587f * AT(row, (c) + 1) + 0.114f * AT(row, (c) + 2))
#define CELL(c) (AT(low, c) + (AT(high, c) - AT(low, c)) * weight)
#define DETAIL(c) (AT(fine_low, c) + (AT(fine_high, c) - AT(fine_low, c)) * fine_weight)

INLINE Floats within(Floats v, float least, float most) { return at_least(at_most(v, most), least); }

INLINE Floats darkness(Floats luma) { return within(2 - luma * (2 / DARK), 0, 1); }

// Estimate the row noise of row y of blocks in display units: its offset from neighbouring rows where it is flat and dark.
// davy.imaging.isp.rows defines the same estimate.
static float row_offset(const Maps *m, int y) {
    const int64_t pitch = m->pitch;
    const float *at[2 * REACH + 1];
    for (int k = 0; k <= 2 * REACH; k++) {
        const int row = y + k - REACH < 0 ? 0 : y + k - REACH > m->h - 1 ? m->h - 1 : y + k - REACH;
        at[k] = m->stats + (int64_t)row * PLANES * pitch + MARGIN;
    }
    float sums[2] = {0, 0};
    for (int x = 0; x < m->w; x += 8) {
        Floats around = floats(0);
        for (int k = 0; k <= 2 * REACH; k++) around += LUMA(at[k], 0);
        const Floats luma = LUMA(at[REACH], 0), difference = luma - around * (1.0f / (2 * REACH + 1)), far = difference * (1 / FLAT);
        const Floats weight = darkness(luma) * at_least(1 - far * far, 0), part = weight * difference;
        for (int i = 0; i < 8 && x + i < m->w; i++) sums[0] += part[i], sums[1] += weight[i];
    }
    const float offset = sums[0] / (sums[1] + LEAST_SHARE * m->w);
    return offset < -MAX_OFFSET ? -MAX_OFFSET : offset > MAX_OFFSET ? MAX_OFFSET : offset;
}

// Compute slopes and offsets of the base over luma for row y of blocks, unless they are cached; not smoothed yet.
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
    float *mean = m->buffer + pitch;
    for (int p = 0; p < PLANES; p++) box3(at[0] + p * pitch, at[1] + p * pitch, at[2] + p * pitch, m->buffer, mean + p * pitch, w);
    const float weight = interpolate_rows(&m->coarse, GRID_CHANNELS, y, m->h, w, pitch, &low, &high);
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

// Invalidate the cached rows; call it before the first row of a picture.
static void begin_maps(Maps *m) {
    for (int k = 0; k < 2; k++) m->coarse.upsampled_row[k] = m->fine.upsampled_row[k] = -1;
    m->fit_row[0] = m->fit_row[1] = m->fit_row[2] = -1;
}

// Shrink chroma noise at eight blocks from x: scale the weight of the pixel's own chroma and the saturation of the base.
INLINE void shrink_chroma(const Maps *m, const float *fit, int x, Floats slope, Floats offset, Floats luma, Floats noise, Floats *own,
                          Floats *saturation) {
    const int64_t pitch = m->pitch;
    const Floats red = (AT(fit, 0) - slope) * luma + AT(fit, 3) - offset, blue = (AT(fit, 2) - slope) * luma + AT(fit, 5) - offset;
    const Floats energy = red * red + blue * blue, chance = CHROMA_NOISE * noise;
    const Floats shrunk = 1 - m->chroma_noise * (1 - energy / (energy + chance * chance));
    const Floats certain = within(energy * (1 / (LEAST_CHROMA * LEAST_CHROMA)) - 1, 0, 1);
    const Floats kept = (1 - m->colourless) * m->colour * shrunk;
    *own = kept * *own + m->colourless * m->colour * certain, *saturation *= kept;
}

// Compute row y of the maps, (MAPS + 2, pitch) without margin. The last two rows bound the magnitude of p and q, and of r.
// The maps take pixels in 1/64 level and luma in 1/128 level to positions on the tone curve, 0 to 65535.
static void map_row(Maps *m, int y, float *out) {
    const int64_t pitch = m->pitch;
    const int w = m->w;
    const float *at[3], *low, *high, *fine_low, *fine_high;
    for (int k = 0; k < 3; k++) {
        const int row = y + k - 1 < 0 ? 0 : y + k - 1 > m->h - 1 ? m->h - 1 : y + k - 1;
        fit_row(m, row);
        at[k] = m->fits + (row % 3) * 6 * pitch;
    }
    float *smooth = m->buffer + pitch;
    for (int c = 0; c < 6; c++) box3(at[0] + c * pitch, at[1] + c * pitch, at[2] + c * pitch, m->buffer, smooth + c * pitch, w);
    const float weight = interpolate_rows(&m->coarse, GRID_CHANNELS, y, m->h, w, pitch, &low, &high);
    const float fine_weight = interpolate_rows(&m->fine, FINE_CHANNELS, y, m->h, w, pitch, &fine_low, &fine_high);
    const float *fit = smooth + MARGIN;
    const float *means = m->stats + (int64_t)y * PLANES * pitch + MARGIN;
    const float unit = 65535.0f / (255 << 6), top = 65535; // pixels are in 1/64 level
    const float offset_of_row = m->row_noise > 0 ? m->row_noise * row_offset(m, y) : 0;
    const int chroma_unchanged = m->chroma_noise <= 0 && m->colourless <= 0 && m->colour == 1;
    for (int x = 0; x < w; x += 8) {
        const Floats slope = LUMA(fit, 0), offset = LUMA(fit, 3), luma = LUMA(means, 0);
        const Floats shift = offset_of_row * darkness(luma);
        const Floats guide = within(slope * (luma - shift) + offset, 0, 1);
        const Floats position = root(guide + 1e-6f) * (BINS - 1);
        Floats log_gain = floats(0);
        for (int bin = 0; bin < BINS; bin++) { // hat function: linear between two bins; most bins weigh nothing
            const Floats hat = at_least(1 - magnitude(position - (float)bin), 0);
            if (any_set(hat)) log_gain += hat * (CELL(bin) + DETAIL(bin));
        }
        log_gain = within(log_gain, -MAX_LOG2_GAIN, MAX_LOG2_GAIN);
        const Floats keep = CELL(KEEP);
        Floats saturation = exp2_fast(CELL(SATURATION)), own = keep;
        if (!chroma_unchanged) shrink_chroma(m, fit, x, slope, offset, luma, CELL(NOISE), &own, &saturation);
        for (int c = 0; c < 3; c++) {
            const Floats gain = exp2_fast(log_gain + CELL(COLOUR + c)), based = gain * (1 - keep);
            const Floats a = slope + saturation * (AT(fit, c) - slope), b = offset + saturation * (AT(fit, 3 + c) - offset);
            const Floats veil = within(CELL(VEIL + c) + DETAIL(BINS + c), 0, MAX_VEIL);
            const Floats p = gain * own, q = based * a + gain * (keep - own);
            store_floats(out + c * pitch + x, unit * p);
            store_floats(out + (3 + c) * pitch + x, 0.5f * unit * q); // luma is in 1/128 level
            store_floats(out + (6 + c) * pitch + x, top * (based * b - gain * veil - (p + q) * shift));
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
#undef DETAIL
#undef CELL
#undef LUMA
#undef AT

// Prefetch the block statistics for the next row of maps; pixels have evicted them by then.
static void prefetch_stats(const Maps *m, int y) {
    if (y + 3 >= m->h) return;
    const float *row = m->stats + (int64_t)(y + 3) * PLANES * m->pitch;
    for (int64_t at = 0; at < PLANES * m->pitch; at += 16) __builtin_prefetch(row + at, 0, 2);
}
