// The full-resolution half of the ISP-CNN without torch. davy.isp holds the same arithmetic, differentiable; a test holds
// both within 2/255. All planes are float, row-major; pictures are BGR, 8 bit, any row stride.
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { PLANES = 8, MAPS = 9, CHUNK = 64 };
#define TONE_TOP 4095.0f

// Blue, green, red of one row, one after the other.
static inline __attribute__((always_inline)) void split_row(const uint8_t *restrict in, uint8_t *restrict out, int width) {
    uint8_t *restrict b = out, *restrict g = out + width, *restrict r = out + 2 * (int64_t)width;
    for (int x = 0; x < width; x++) b[x] = in[3 * x], g[x] = in[3 * x + 1], r[x] = in[3 * x + 2];
}

// --- block statistics -------------------------------------------------------------------------------------------------

static inline __attribute__((always_inline)) void sum_by(const float *restrict from, float *restrict to, int count,
                                                         const int block, float scale) {
    for (int j = 0; j < count; j++) {
        float sum = 0;
        for (int i = 0; i < block; i++) sum += from[j * block + i];
        to[j] = sum * scale;
    }
}

// One row of blocks: means over `rows` rows and `block` columns of r, g, b, y, y*y, y*r, y*g, y*b, in display units of [0, 1].
// planes: 3 * block * width + CHUNK scratch bytes. sums: PLANES * (width + CHUNK) scratch floats. out: PLANES planes that lie
// `plane` floats apart.
void davy_block_row(const uint8_t *bgr, int64_t stride, int rows, int width, int block, uint8_t *restrict planes,
                         float *restrict sums, float *restrict out, int64_t plane) {
    const int64_t padded = (width + CHUNK - 1) / CHUNK * CHUNK; // whole chunks only: what lies beyond the row is not summed
    for (int k = 0; k < rows; k++) {
        split_row(bgr + k * stride, planes + (3 * k) * (int64_t)width, width);
    }
    for (int x0 = 0; x0 < width; x0 += CHUNK) { // a chunk's sums stay in the first-level cache
        float acc[PLANES][CHUNK] = {{0}};
        for (int k = 0; k < rows; k++) {
            const uint8_t *restrict b = planes + (3 * k) * (int64_t)width + x0;
            const uint8_t *restrict g = b + width, *restrict r = g + width;
            for (int i = 0; i < CHUNK; i++) {
                const float y = 0.299f * r[i] + 0.587f * g[i] + 0.114f * b[i];
                acc[0][i] += r[i], acc[1][i] += g[i], acc[2][i] += b[i], acc[3][i] += y;
                acc[4][i] += y * y, acc[5][i] += y * r[i], acc[6][i] += y * g[i], acc[7][i] += y * b[i];
            }
        }
        for (int p = 0; p < PLANES; p++) memcpy(sums + p * padded + x0, acc[p], sizeof(acc[p]));
    }
    const int blocks = (width + block - 1) / block;
    for (int p = 0; p < PLANES; p++) {
        const float unit = p < 4 ? 1.0f / 255 : 1.0f / (255.0f * 255.0f);
        const float *restrict from = sums + p * padded;
        float *restrict to = out + p * plane;
        const float whole = unit / (rows * block);
        const int full = width / block;
        switch (block) { // as in widen
        case 1: sum_by(from, to, full, 1, whole); break;
        case 2: sum_by(from, to, full, 2, whole); break;
        case 3: sum_by(from, to, full, 3, whole); break;
        case 4: sum_by(from, to, full, 4, whole); break;
        case 8: sum_by(from, to, full, 8, whole); break;
        case 9: sum_by(from, to, full, 9, whole); break;
        default: sum_by(from, to, full, block, whole);
        }
        for (int j = full; j < blocks; j++) {
            float sum = 0;
            for (int x = j * block; x < width; x++) sum += from[x];
            to[j] = sum * unit / (rows * (width - j * block));
        }
    }
}

// Area average of `from` (h, w) to (rows, columns), bins as torch's adaptive_avg_pool2d has them. scratch: h * columns floats.
void davy_area_average(const float *restrict from, int h, int w, float *restrict to, int rows, int columns,
                            float *restrict scratch) {
    for (int y = 0; y < h; y++)
        for (int j = 0; j < columns; j++) {
            const int begin = j * w / columns, end = ((j + 1) * w + columns - 1) / columns;
            float sum = 0;
            for (int x = begin; x < end; x++) sum += from[(int64_t)y * w + x];
            scratch[y * columns + j] = sum / (end - begin);
        }
    for (int i = 0; i < rows; i++) {
        const int begin = i * h / rows, end = ((i + 1) * h + rows - 1) / rows;
        float *restrict row = to + (int64_t)i * columns;
        memset(row, 0, columns * sizeof(float));
        for (int y = begin; y < end; y++)
            for (int j = 0; j < columns; j++) row[j] += scratch[y * columns + j];
        for (int j = 0; j < columns; j++) row[j] /= end - begin;
    }
}

// Standard deviation of luma under each place of the thumbnail, from its means (red, green, blue, `count` apart) and its mean
// square, which `deviation` holds before.
void davy_deviation(const float *restrict rgb, float *restrict deviation, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        const float luma = 0.299f * rgb[i] + 0.587f * rgb[count + i] + 0.114f * rgb[2 * count + i];
        const float variance = deviation[i] - luma * luma;
        deviation[i] = sqrtf((variance > 0 ? variance : 0) + 1e-8f);
    }
}

// --- maps on the block grid -------------------------------------------------------------------------------------------

// Mean over 3 x 3, the border repeated outside. scratch: w floats.
static void box3(const float *restrict in, float *restrict out, int h, int w, float *restrict scratch) {
    for (int y = 0; y < h; y++) {
        const float *above = in + (int64_t)(y ? y - 1 : 0) * w, *here = in + (int64_t)y * w;
        const float *below = in + (int64_t)(y < h - 1 ? y + 1 : y) * w;
        for (int x = 0; x < w; x++) scratch[x] = above[x] + here[x] + below[x];
        float *restrict row = out + (int64_t)y * w;
        for (int x = 1; x < w - 1; x++) row[x] = (scratch[x - 1] + scratch[x] + scratch[x + 1]) * (1.0f / 9);
        row[0] = (2 * scratch[0] + scratch[w > 1]) * (1.0f / 9);
        row[w - 1] = w > 1 ? (scratch[w - 2] + 2 * scratch[w - 1]) * (1.0f / 9) : row[0];
    }
}

// 2^x to 3e-6 relative, x in [-60, 60]: a polynomial, which vectorises where exp2f does not.
static inline float exp2_fast(float x) {
    const float whole = floorf(x), part = x - whole;
    const float p = 1.0f + part * (0.69314718f + part * (0.24022651f + part * (0.05550411f + part * (0.00961813f + part * 0.00133336f))));
    union {
        int32_t bits;
        float value;
    } scale = {((int32_t)whole + 127) << 23};
    return p * scale.value;
}

typedef struct {
    int low, high;
    float weight; // of high
} Tap;

static inline Tap tap(int at, int count, int cells) { // bilinear between cell centres, clamped at the border
    float position = (at + 0.5f) * cells / count - 0.5f;
    if (position < 0) position = 0;
    int low = (int)position;
    if (low > cells - 1) low = cells - 1;
    return (Tap){low, low + 1 < cells ? low + 1 : low, position - low};
}

// From block statistics and cell parameters to the nine maps p, q, r (red, green, blue each): v = p * I + q * luma + r, from
// bytes I to positions v in the tone table, rounding included.
// stats: PLANES planes (h, w). cells: (bins + 9, rows, columns): log2 gain per luma bin, log2 colour r, g, b, keep, noise,
// veil r, g, b, log2 saturation. scratch: 19 planes (h, w) and 8 * w floats.
void davy_maps(const float *restrict stats, int h, int w, const float *restrict cells, int bins, int rows, int columns,
                    float *restrict maps, float *restrict scratch) {
    enum { KEEP = 3, NOISE = 4, VEIL = 5, SATURATION = 8 }; // channels after the bins
    const int64_t plane = (int64_t)h * w;
    const int cell_plane = rows * columns;
    float *mean = scratch, *a = scratch + PLANES * plane, *smooth = scratch + 14 * plane, *line = scratch + 19 * plane;
    for (int p = 0; p < PLANES; p++) box3(stats + p * plane, mean + p * plane, h, w, line);
    for (int y = 0; y < h; y++) {
        const Tap ty = tap(y, h, rows);
        const float *noise = cells + (int64_t)(bins + NOISE) * cell_plane;
        for (int x = 0; x < w; x++) {
            const Tap tx = tap(x, w, columns);
            const float *top = noise + ty.low * columns, *bottom = noise + ty.high * columns;
            const float n0 = top[tx.low] + (top[tx.high] - top[tx.low]) * tx.weight;
            const float n1 = bottom[tx.low] + (bottom[tx.high] - bottom[tx.low]) * tx.weight;
            line[x] = n0 + (n1 - n0) * ty.weight;
        }
        const int64_t row = (int64_t)y * w;
        for (int x = 0; x < w; x++) {
            const int64_t i = row + x;
            const float luma = mean[3 * plane + i];
            float variance = mean[4 * plane + i] - luma * luma;
            variance = variance > 0 ? variance : 0;
            const float scale = 1.0f / (variance + line[x] * line[x]);
            for (int c = 0; c < 3; c++) {
                const float value = mean[c * plane + i];
                const float slope = (mean[(5 + c) * plane + i] - luma * value) * scale;
                a[c * plane + i] = slope;
                a[(3 + c) * plane + i] = value - slope * luma;
            }
        }
    }
    for (int c = 0; c < 3; c++) { // the maps' q and r hold a and b, smoothed, until they are weighted
        box3(a + c * plane, maps + (3 + c) * plane, h, w, line);
        box3(a + (3 + c) * plane, maps + (6 + c) * plane, h, w, line);
    }
    float *gain = smooth, *keep = smooth + plane, *veil = smooth + 2 * plane;
    for (int y = 0; y < h; y++) {
        const Tap ty = tap(y, h, rows);
        for (int x = 0; x < w; x++) {
            const int64_t i = (int64_t)y * w + x;
            const float slope = 0.299f * maps[3 * plane + i] + 0.587f * maps[4 * plane + i] + 0.114f * maps[5 * plane + i];
            const float offset = 0.299f * maps[6 * plane + i] + 0.587f * maps[7 * plane + i] + 0.114f * maps[8 * plane + i];
            float guide = slope * stats[3 * plane + i] + offset;
            guide = guide < 0 ? 0 : guide > 1 ? 1 : guide;
            const Tap tx = tap(x, w, columns);
            const int i00 = ty.low * columns + tx.low, i01 = ty.low * columns + tx.high;
            const int i10 = ty.high * columns + tx.low, i11 = ty.high * columns + tx.high;
            const float w11 = ty.weight * tx.weight, w10 = ty.weight - w11, w01 = tx.weight - w11, w00 = 1 - ty.weight - w01;
#define CELL(channel) \
    (w00 * cells[(channel) * cell_plane + i00] + w01 * cells[(channel) * cell_plane + i01] + \
     w10 * cells[(channel) * cell_plane + i10] + w11 * cells[(channel) * cell_plane + i11])
            const float position = sqrtf(guide + 1e-6f) * (bins - 1);
            int bin = (int)position;
            bin = bin > bins - 2 ? bins - 2 : bin;
            float part = position - bin;
            part = part > 1 ? 1 : part;
            const float low = CELL(bin), high = CELL(bin + 1);
            const float log_gain = low + (high - low) * part;
            gain[i] = log_gain;
            keep[i] = CELL(bins + KEEP);
            const float saturation = exp2_fast(CELL(bins + SATURATION));
            for (int c = 0; c < 3; c++) {
                maps[c * plane + i] = CELL(bins + c);
                veil[c * plane + i] = CELL(bins + VEIL + c);
                maps[(3 + c) * plane + i] = slope + saturation * (maps[(3 + c) * plane + i] - slope);
                maps[(6 + c) * plane + i] = offset + saturation * (maps[(6 + c) * plane + i] - offset);
            }
#undef CELL
        }
    }
    for (int c = 0; c < 3; c++) {
        float *restrict p = maps + c * plane, *restrict q = maps + (3 + c) * plane, *restrict r = maps + (6 + c) * plane;
        for (int64_t i = 0; i < plane; i++) {
            const float g = exp2_fast(p[i] + gain[i]), base = 1 - keep[i];
            p[i] = TONE_TOP / 255 * g * keep[i];
            q[i] = TONE_TOP / 255 * g * base * q[i];
            r[i] = TONE_TOP * g * (base * r[i] - veil[c * plane + i]) + 0.5f;
        }
    }
}

// --- the fused pass ---------------------------------------------------------------------------------------------------

// One row of maps (planes apart) to picture width, bilinear between block centres; outside the centres the border's value.
static inline __attribute__((always_inline)) void widen_by(const float *restrict maps, int64_t plane, int w, const int block,
                                                           int width, float *restrict out) {
    const int lead = (block + 1) / 2 < width ? (block + 1) / 2 : width; // pixels before the first centre
    const float first = (lead + 0.5f) / block - 0.5f, each = 1.0f / block;
    for (int m = 0; m < MAPS; m++) {
        const float *restrict from = maps + m * plane;
        float *restrict to = out + (int64_t)m * width;
        for (int x = 0; x < lead; x++) to[x] = from[0];
        int x = lead, j = 0;
        for (; x + block <= width && j + 1 < w; j++, x += block) {
            const float low = from[j], step = from[j + 1] - low;
            for (int i = 0; i < block; i++) to[x + i] = low + step * (first + i * each);
        }
        for (; x < width; x++) {
            const float position = (x + 0.5f) / block - 0.5f;
            const int low = (int)position;
            to[x] = low + 1 < w ? from[low] + (from[low + 1] - from[low]) * (position - low) : from[w - 1];
        }
    }
}

// A block side known to the compiler makes the inner loop one or two vectors: three times as fast.
static void widen(const float *restrict maps, int64_t plane, int w, int block, int width, float *restrict out) {
    switch (block) {
    case 1: widen_by(maps, plane, w, 1, width, out); break;
    case 2: widen_by(maps, plane, w, 2, width, out); break;
    case 3: widen_by(maps, plane, w, 3, width, out); break;
    case 4: widen_by(maps, plane, w, 4, width, out); break;
    case 8: widen_by(maps, plane, w, 8, width, out); break;
    case 9: widen_by(maps, plane, w, 9, width, out); break;
    default: widen_by(maps, plane, w, block, width, out);
    }
}

// v = p * I + q * luma + r, with maps between two rows; to positions in the tone table, blue, green, red.
static inline __attribute__((always_inline)) void fuse_row(const uint8_t *restrict pixels, const float *restrict u,
                                                           const float *restrict l, float part, int16_t *restrict index,
                                                           int width) {
#define MAP(m) (u[(m) * width + x] + (l[(m) * width + x] - u[(m) * width + x]) * part)
    for (int x = 0; x < width; x++) {
        const float b = pixels[x], g = pixels[width + x], r = pixels[2 * width + x];
        const float luma = 0.299f * r + 0.587f * g + 0.114f * b;
        const float vr = MAP(0) * r + MAP(3) * luma + MAP(6);
        const float vg = MAP(1) * g + MAP(4) * luma + MAP(7);
        const float vb = MAP(2) * b + MAP(5) * luma + MAP(8);
        index[x] = (int16_t)(vb < 0 ? 0 : vb > TONE_TOP ? TONE_TOP : vb);
        index[width + x] = (int16_t)(vg < 0 ? 0 : vg > TONE_TOP ? TONE_TOP : vg);
        index[2 * width + x] = (int16_t)(vr < 0 ? 0 : vr > TONE_TOP ? TONE_TOP : vr);
    }
#undef MAP
}

// Rows [begin, end) of the picture. tone: 4096 bytes. scratch: 2 * MAPS * width floats, 3 * width int16, 3 * width bytes.
void davy_apply(const uint8_t *bgr, int64_t stride, int begin, int end, int width, int h, int w, int block,
                     const float *restrict maps, const uint8_t *restrict tone, uint8_t *out, int64_t out_stride,
                     float *restrict scratch) {
    const int64_t plane = (int64_t)h * w;
    float *upper = scratch, *lower = scratch + (int64_t)MAPS * width;
    int16_t *index = (int16_t *)(scratch + 2 * (int64_t)MAPS * width);
    uint8_t *pixels = (uint8_t *)(index + 3 * (int64_t)width);
    int have_upper = -1, have_lower = -1;
    for (int y = begin; y < end; y++) {
        float position = (y + 0.5f) / block - 0.5f;
        if (position < 0) position = 0;
        int low = (int)position;
        if (low > h - 1) low = h - 1;
        const int high = low + 1 < h ? low + 1 : low;
        const float part = position - low;
        if (have_upper != low) {
            if (have_lower == low) {
                float *swap = upper;
                upper = lower, lower = swap, have_upper = low, have_lower = -1;
            } else {
                widen(maps + (int64_t)low * w, plane, w, block, width, upper), have_upper = low;
            }
        }
        if (have_lower != high) widen(maps + (int64_t)high * w, plane, w, block, width, lower), have_lower = high;
        split_row(bgr + y * stride, pixels, width);
        fuse_row(pixels, upper, lower, part, index, width);
        uint8_t *restrict to = out + y * out_stride;
        for (int x = 0; x < width; x++) {
            to[3 * x] = tone[index[x]], to[3 * x + 1] = tone[index[width + x]], to[3 * x + 2] = tone[index[2 * width + x]];
        }
    }
}

// --- a fixed camera's frames over time ----------------------------------------------------------------------------------

enum { RESTLESS_SHIFT = 4 };       // the usual change of a block follows the newest by 1/16
static const float FLOOR = 0.15f;  // bytes: what rounding to 8 bits changes by itself
static const float QUIET = 2.5f;   // times the usual change: noise does not exceed it
static const float CERTAIN = 5.0f; // times the usual change: this is motion, or another light

// How far each block has left what was seen before, 0 (noise) to 1 (motion), from bytes and the settled picture `state` (8.8 bits).
// usual: what each block's mean changes by when nothing moves, bytes; follows. gates: (h, w). line: 3 * width int32. wide: w floats.
void davy_motion(const uint8_t *bgr, int64_t stride, int height, int width, int block, int h, int w, const uint16_t *restrict state,
                 float *restrict usual, float *restrict gates, float *restrict wide, int32_t *restrict line) {
    const int count = 3 * width, step = 3 * block;
    for (int j = 0; j < h; j++) {
        const int top = j * block, rows = height - top < block ? height - top : block;
        memset(line, 0, count * sizeof(int32_t));
        for (int k = 0; k < rows; k++) {
            const uint8_t *restrict now = bgr + (top + k) * stride;
            const uint16_t *restrict before = state + (int64_t)(top + k) * count;
            for (int x = 0; x < count; x++) line[x] += (now[x] << 8) - before[x];
        }
        for (int i = 0; i < w; i++) {
            const int begin = i * step, end = begin + step < count ? begin + step : count;
            int64_t sum = 0;
            for (int x = begin; x < end; x++) sum += line[x];
            const float change = fabsf((float)sum) / (256.0f * rows * (end - begin));
            float *restrict habit = usual + (int64_t)j * w + i;
            const float over = (change / (*habit + FLOOR) - QUIET) / (CERTAIN - QUIET);
            gates[(int64_t)j * w + i] = over < 0 ? 0 : over > 1 ? 1 : over;
            const float newest = change < 4 * *habit + FLOOR ? change : 4 * *habit + FLOOR; // motion must not become usual
            *habit += (newest - *habit) / (1 << RESTLESS_SHIFT);
        }
    }
    for (int j = 0; j < h; j++) { // what moves reaches a block further, sideways, then up and down
        float *restrict row = gates + (int64_t)j * w;
        for (int i = 0; i < w; i++) {
            const float left = row[i ? i - 1 : 0], right = row[i < w - 1 ? i + 1 : i];
            wide[i] = row[i] > left ? (row[i] > right ? row[i] : right) : (left > right ? left : right);
        }
        memcpy(row, wide, w * sizeof(float));
    }
    memset(wide, 0, w * sizeof(float));
    for (int j = 0; j < h; j++) {
        float *restrict row = gates + (int64_t)j * w;
        const float *restrict below = gates + (int64_t)(j < h - 1 ? j + 1 : j) * w;
        for (int i = 0; i < w; i++) {
            const float here = row[i], most = here > below[i] ? here : below[i];
            row[i] = most > wide[i] ? most : wide[i];
            wide[i] = here;
        }
    }
}

// Move the settled picture towards the newest by `least` (of 256) where nothing moves and wholly where something does; its bytes to out.
void davy_settle(const uint8_t *bgr, int64_t stride, int height, int width, int block, int w, const float *restrict gates, int least,
                 uint16_t *restrict state, uint8_t *restrict out, int32_t *restrict line) {
    const int count = 3 * width, step = 3 * block;
    for (int y = 0; y < height; y++) {
        if (y % block == 0) {
            const float *restrict row = gates + (int64_t)(y / block) * w;
            for (int i = 0; i < w; i++) {
                const int share = least + (int)((256 - least) * row[i] + 0.5f);
                for (int x = i * step; x < (i + 1) * step && x < count; x++) line[x] = share;
            }
        }
        const uint8_t *restrict now = bgr + y * stride;
        uint16_t *restrict settled = state + (int64_t)y * count;
        uint8_t *restrict to = out + (int64_t)y * count;
        for (int x = 0; x < count; x++) {
            const int32_t before = settled[x], next = before + ((((now[x] << 8) - before) * line[x] + 128) >> 8);
            settled[x] = (uint16_t)next;
            to[x] = (uint8_t)((next + 128) >> 8);
        }
    }
}
