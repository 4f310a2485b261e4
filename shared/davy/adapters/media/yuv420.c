// Conversion between BGR and planar Y'CbCr 4:2:0 of BT.601 in full range, as in JPEG. 8 bit, any row stride.
// Fixed point with 16 fractional bits: within 1/255 of exact arithmetic.
#include <stdint.h>
#include "abi.h"

enum { CHUNK = 128 }; // pixels per step: even, and small enough for the first-level cache

static inline uint8_t clip(int32_t value) { return value < 0 ? 0 : value > 255 ? 255 : value; }
static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static inline void deinterleave(const uint8_t *restrict bgr, int count, uint8_t *restrict b, uint8_t *restrict g, uint8_t *restrict r) {
    for (int x = 0; x < count; x++) b[x] = bgr[3 * x], g[x] = bgr[3 * x + 1], r[x] = bgr[3 * x + 2];
    if (count & 1) b[count] = b[count - 1], g[count] = g[count - 1], r[count] = r[count - 1]; // last column of an odd width
}

static inline void luma(const uint8_t *restrict b, const uint8_t *restrict g, const uint8_t *restrict r, int count, uint8_t *restrict y) {
    for (int x = 0; x < count; x++) y[x] = (7471 * b[x] + 38470 * g[x] + 19595 * r[x] + 32768) >> 16;
}

// Chroma is the mean over 2 x 2 pixels; odd borders are repeated.
void davy_planes_from_bgr(const uint8_t *bgr, int64_t stride, int height, int width, uint8_t *y, int64_t y_stride, uint8_t *u, uint8_t *v,
                          int64_t chroma_stride) {
    uint8_t b[2][CHUNK], g[2][CHUNK], r[2][CHUNK];
    for (int64_t row = 0; row < height; row += 2) {
        const int64_t next = min64(row + 1, height - 1);
        uint8_t *restrict us = u + row / 2 * chroma_stride, *restrict vs = v + row / 2 * chroma_stride;
        for (int64_t x0 = 0; x0 < width; x0 += CHUNK) {
            const int count = min64(CHUNK, width - x0), halves = (count + 1) / 2;
            deinterleave(bgr + row * stride + 3 * x0, count, b[0], g[0], r[0]);
            deinterleave(bgr + next * stride + 3 * x0, count, b[1], g[1], r[1]);
            luma(b[0], g[0], r[0], count, y + row * y_stride + x0);
            if (next > row) luma(b[1], g[1], r[1], count, y + next * y_stride + x0);
            for (int x = 0; x < halves; x++) {
                const int32_t bs = b[0][2 * x] + b[0][2 * x + 1] + b[1][2 * x] + b[1][2 * x + 1];
                const int32_t gs = g[0][2 * x] + g[0][2 * x + 1] + g[1][2 * x] + g[1][2 * x + 1];
                const int32_t rs = r[0][2 * x] + r[0][2 * x + 1] + r[1][2 * x] + r[1][2 * x + 1];
                us[x0 / 2 + x] = clip((32768 * bs - 21709 * gs - 11059 * rs + (128 << 18) + (1 << 17)) >> 18);
                vs[x0 / 2 + x] = clip((32768 * rs - 27439 * gs - 5329 * bs + (128 << 18) + (1 << 17)) >> 18);
            }
        }
    }
}

// 2 x 2 pixels share their chroma.
void davy_planes_to_bgr(const uint8_t *y, int64_t y_stride, const uint8_t *u, const uint8_t *v, int64_t chroma_stride, int height,
                        int width, uint8_t *restrict bgr, int64_t stride) {
    for (int64_t row = 0; row < height; row++) {
        const uint8_t *ys = y + row * y_stride, *us = u + row / 2 * chroma_stride, *vs = v + row / 2 * chroma_stride;
        uint8_t *restrict to = bgr + row * stride;
        for (int64_t x = 0; x < width; x++) {
            const int32_t cb = us[x / 2] - 128, cr = vs[x / 2] - 128, light = (ys[x] << 16) + 32768;
            to[3 * x] = clip((light + 116130 * cb) >> 16);
            to[3 * x + 1] = clip((light - 22554 * cb - 46802 * cr) >> 16);
            to[3 * x + 2] = clip((light + 91881 * cr) >> 16);
        }
    }
}

// Luma of another matrix also depends on chroma.
static void convert_luma(const uint8_t *restrict y, const uint8_t *restrict u, const uint8_t *restrict v, int width, const int32_t *m,
                         int32_t black, uint8_t *restrict to) {
    for (int x = 0; x + 1 < width; x += 2) {
        const int32_t chroma = m[1] * (u[x / 2] - 128) + m[2] * (v[x / 2] - 128) + 32768;
        to[x] = clip((m[0] * (y[x] - black) + chroma) >> 16);
        to[x + 1] = clip((m[0] * (y[x + 1] - black) + chroma) >> 16);
    }
    if (width & 1) {
        const int x = width - 1;
        to[x] = clip((m[0] * (y[x] - black) + m[1] * (u[x / 2] - 128) + m[2] * (v[x / 2] - 128) + 32768) >> 16);
    }
}

// Convert another range or matrix to full range of BT.601. m: 3 x 3 rows Y, U, V in 1/65536, on (Y - black, U - 128, V - 128).
void davy_planes_to_full(const uint8_t *y, int64_t y_stride, const uint8_t *u, const uint8_t *v, int64_t chroma_stride, int height,
                         int width, const int32_t *m, int32_t black, uint8_t *y_to, int64_t y_to_stride, uint8_t *u_to, uint8_t *v_to,
                         int64_t chroma_to_stride) {
    for (int64_t row = 0; row < height; row++) {
        const uint8_t *restrict from = y + row * y_stride;
        uint8_t *restrict to = y_to + row * y_to_stride;
        if (m[1] || m[2]) {
            convert_luma(from, u + row / 2 * chroma_stride, v + row / 2 * chroma_stride, width, m, black, to);
        } else {
            for (int x = 0; x < width; x++) to[x] = clip((m[0] * (from[x] - black) + 32768) >> 16);
        }
    }
    for (int64_t row = 0; row < (height + 1) / 2; row++) {
        const uint8_t *restrict us = u + row * chroma_stride, *restrict vs = v + row * chroma_stride;
        uint8_t *restrict ut = u_to + row * chroma_to_stride, *restrict vt = v_to + row * chroma_to_stride;
        for (int x = 0; x < (width + 1) / 2; x++) {
            const int32_t cb = us[x] - 128, cr = vs[x] - 128;
            ut[x] = clip((m[4] * cb + m[5] * cr + (128 << 16) + 32768) >> 16);
            vt[x] = clip((m[7] * cb + m[8] * cr + (128 << 16) + 32768) >> 16);
        }
    }
}

EXPORT_ABI
