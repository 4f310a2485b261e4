// The full-resolution half of the ISP-CNN without torch. davy.isp holds the same arithmetic, differentiable; a test holds
// both within 2/255. All planes are float, row-major; pictures are BGR, 8 bit, any row stride.
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#define FAST __attribute__((target_clones("arch=haswell", "default")))
#else
#define FAST
#endif

enum { PLANES = 8, MAPS = 9, LANES = 8 };

// --- block statistics -------------------------------------------------------------------------------------------------

// One row of blocks: means over `rows` rows and `block` columns of r, g, b, y, y*y, y*r, y*g, y*b, in display units of [0, 1].
// planes: 3 * block * width scratch bytes. sums: PLANES * width scratch floats. out: PLANES planes that lie `plane` floats apart.
FAST void davy_block_row(const uint8_t *bgr, int64_t stride, int rows, int width, int block, uint8_t *restrict planes,
                         float *restrict sums, float *restrict out, int64_t plane) {
    for (int k = 0; k < rows; k++) {
        const uint8_t *restrict in = bgr + k * stride;
        uint8_t *restrict b = planes + (3 * k) * (int64_t)width, *restrict g = b + width, *restrict r = g + width;
        for (int x = 0; x < width; x++) b[x] = in[3 * x], g[x] = in[3 * x + 1], r[x] = in[3 * x + 2];
    }
    for (int x0 = 0; x0 < width; x0 += LANES) {
        const int lanes = width - x0 < LANES ? width - x0 : LANES;
        float acc[PLANES][LANES] = {{0}};
        for (int k = 0; k < rows; k++) {
            const uint8_t *pb = planes + (3 * k) * (int64_t)width + x0, *pg = pb + width, *pr = pg + width;
            uint8_t tail[3][LANES] = {{0}};
            if (lanes < LANES) {
                memcpy(tail[0], pb, lanes), memcpy(tail[1], pg, lanes), memcpy(tail[2], pr, lanes);
                pb = tail[0], pg = tail[1], pr = tail[2];
            }
            for (int i = 0; i < LANES; i++) {
                const float b = pb[i], g = pg[i], r = pr[i];
                const float y = 0.299f * r + 0.587f * g + 0.114f * b;
                acc[0][i] += r, acc[1][i] += g, acc[2][i] += b, acc[3][i] += y;
                acc[4][i] += y * y, acc[5][i] += y * r, acc[6][i] += y * g, acc[7][i] += y * b;
            }
        }
        for (int p = 0; p < PLANES; p++) memcpy(sums + (int64_t)p * width + x0, acc[p], lanes * sizeof(float));
    }
    const int blocks = (width + block - 1) / block;
    for (int p = 0; p < PLANES; p++) {
        const float unit = p < 4 ? 1.0f / 255 : 1.0f / (255.0f * 255.0f);
        const float *restrict from = sums + (int64_t)p * width;
        float *restrict to = out + p * plane;
        const float whole = unit / (rows * block);
        const int full = width / block;
        for (int j = 0; j < full; j++) {
            float sum = 0;
            for (int i = 0; i < block; i++) sum += from[j * block + i];
            to[j] = sum * whole;
        }
        for (int j = full; j < blocks; j++) {
            float sum = 0;
            for (int x = j * block; x < width; x++) sum += from[x];
            to[j] = sum * unit / (rows * (width - j * block));
        }
    }
}

// Area average of `from` (h, w) to (rows, columns), bins as torch's adaptive_avg_pool2d has them. scratch: h * columns floats.
FAST void davy_area_average(const float *restrict from, int h, int w, float *restrict to, int rows, int columns,
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

// Standard deviation of luma inside each block, from its mean and mean square.
FAST void davy_deviation(const float *restrict mean, const float *restrict square, float *restrict out, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        const float variance = square[i] - mean[i] * mean[i];
        out[i] = sqrtf((variance > 0 ? variance : 0) + 1e-8f);
    }
}

// --- maps on the block grid -------------------------------------------------------------------------------------------

// Mean over 3 x 3, the border repeated outside. scratch: w floats.
FAST static void box3(const float *restrict in, float *restrict out, int h, int w, float *restrict scratch) {
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

// From block statistics and cell parameters to the nine maps p, q, r (red, green, blue each): v = p * I + q * luma + r.
// stats: PLANES planes (h, w). cells: (bins + 5, rows, columns): log2 gain per luma bin, log2 colour r, g, b, keep, noise.
// scratch: 16 planes (h, w) and 8 * w floats.
FAST void davy_maps(const float *restrict stats, int h, int w, const float *restrict cells, int bins, int rows, int columns,
                    float black, float *restrict maps, float *restrict scratch) {
    const int64_t plane = (int64_t)h * w;
    const int cell_plane = rows * columns;
    float *mean = scratch, *a = scratch + PLANES * plane, *smooth = scratch + 14 * plane, *line = scratch + 16 * plane;
    for (int p = 0; p < PLANES; p++) box3(stats + p * plane, mean + p * plane, h, w, line);
    for (int y = 0; y < h; y++) {
        const Tap ty = tap(y, h, rows);
        const float *noise = cells + (int64_t)(bins + 4) * cell_plane;
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
    float *gain = smooth, *keep = smooth + plane;
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
            keep[i] = CELL(bins + 3);
            for (int c = 0; c < 3; c++) maps[c * plane + i] = CELL(bins + c);
#undef CELL
        }
    }
    for (int c = 0; c < 3; c++) {
        float *restrict p = maps + c * plane, *restrict q = maps + (3 + c) * plane, *restrict r = maps + (6 + c) * plane;
        for (int64_t i = 0; i < plane; i++) {
            const float g = exp2_fast(p[i] + gain[i]), base = 1 - keep[i];
            p[i] = g * keep[i];
            q[i] = g * base * q[i];
            r[i] = g * (base * r[i] - black);
        }
    }
}

// --- the fused pass ---------------------------------------------------------------------------------------------------

// One row of maps (columns w apart by plane) to picture width, bilinear between block centres.
FAST static void widen(const float *restrict maps, int64_t plane, int w, int block, int width, float *restrict out) {
    for (int m = 0; m < MAPS; m++) {
        const float *restrict from = maps + m * plane;
        float *restrict to = out + (int64_t)m * width;
        const int first = block / 2 + (block & 1);
        // Before the first centre and after the last the border's value holds.
        const int lead = first < width ? first : width;
        for (int x = 0; x < lead; x++) to[x] = from[0];
        for (int j = 0; j < w; j++) {
            const float low = from[j], step = (from[j + 1 < w ? j + 1 : j] - low);
            const int begin = (2 * j + 1) * block / 2, end = (2 * j + 3) * block / 2;
            const int stop = end + 1 < width ? end + 1 : width;
            for (int x = begin < 0 ? 0 : begin; x < stop; x++) {
                const float part = (x + 0.5f) / block - 0.5f - j;
                if (part >= 0 && part < 1) to[x] = low + step * part;
            }
        }
    }
}

// Rows [begin, end) of the picture. tone: 4096 bytes. scratch: (2 * MAPS * width) floats and 3 * width int16.
FAST void davy_apply(const uint8_t *bgr, int64_t stride, int begin, int end, int width, int h, int w, int block,
                     const float *restrict maps, float saturation, const uint8_t *restrict tone, uint8_t *out,
                     int64_t out_stride, float *restrict scratch) {
    const int64_t plane = (int64_t)h * w;
    float *upper = scratch, *lower = scratch + (int64_t)MAPS * width;
    int16_t *restrict index = (int16_t *)(scratch + 2 * (int64_t)MAPS * width);
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
        const uint8_t *restrict in = bgr + y * stride;
        const float *restrict u = upper, *restrict l = lower;
        const float unit = 1.0f / 255;
#define MAP(m) (u[(m) * (int64_t)width + x] + (l[(m) * (int64_t)width + x] - u[(m) * (int64_t)width + x]) * part)
        for (int x = 0; x < width; x++) {
            const float b = in[3 * x] * unit, g = in[3 * x + 1] * unit, r = in[3 * x + 2] * unit;
            const float luma = 0.299f * r + 0.587f * g + 0.114f * b;
            const float vr = MAP(0) * r + MAP(3) * luma + MAP(6);
            const float vg = MAP(1) * g + MAP(4) * luma + MAP(7);
            const float vb = MAP(2) * b + MAP(5) * luma + MAP(8);
            const float vy = 0.299f * vr + 0.587f * vg + 0.114f * vb;
            float or = (vy + saturation * (vr - vy)) * 4095.0f + 0.5f;
            float og = (vy + saturation * (vg - vy)) * 4095.0f + 0.5f;
            float ob = (vy + saturation * (vb - vy)) * 4095.0f + 0.5f;
            or = or < 0 ? 0 : or > 4095 ? 4095 : or, og = og < 0 ? 0 : og > 4095 ? 4095 : og, ob = ob < 0 ? 0 : ob > 4095 ? 4095 : ob;
            index[3 * x] = (int16_t)ob, index[3 * x + 1] = (int16_t)og, index[3 * x + 2] = (int16_t) or ;
        }
#undef MAP
        uint8_t *restrict to = out + y * out_stride;
        for (int x = 0; x < 3 * width; x++) to[x] = tone[index[x]];
    }
}
