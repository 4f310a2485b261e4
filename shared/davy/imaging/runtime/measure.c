// First pass over a picture: block statistics, after temporal denoising for a fixed camera.
// davy.imaging.isp.blocks defines the same statistics.
#include "block_sums.h"
#include "moments.h"
#include "temporal_denoising.h"
#include "abi.h"

enum { PLANES = 6, MARGIN = 8 };

// Convert sums of a row of blocks to means of r, g, b, y*r, y*g, y*b in display units [0, 1]; margins repeat the border.
INLINE void means(const int yuv_sums, const float *sums, float *out, int w, int64_t pitch, int width, int block, int rows) {
    const float scale = 1.0f / (16 * 255) / (rows * block), square = scale / (16 * 255);
#define SUM(m) load_floats(sums + (m) * pitch + j)
    for (int j = 0; j < w; j += 8) {
        Floats means[PLANES];
        if (yuv_sums) {
            means[0] = SUM(0) + SUM(1), means[2] = SUM(0) + SUM(2);
            means[1] = SUM(0) - (0.299f / 0.587f) * SUM(1) - (0.114f / 0.587f) * SUM(2);
            means[3] = SUM(3) + SUM(4), means[5] = SUM(3) + SUM(5);
            means[4] = SUM(3) - (0.299f / 0.587f) * SUM(4) - (0.114f / 0.587f) * SUM(5);
        } else {
            means[0] = SUM(0), means[1] = SUM(1), means[2] = SUM(2);
            means[3] = 0.299f * SUM(3) + 0.587f * SUM(6) + 0.114f * SUM(7);
            means[4] = 0.299f * SUM(6) + 0.587f * SUM(4) + 0.114f * SUM(8);
            means[5] = 0.299f * SUM(7) + 0.587f * SUM(8) + 0.114f * SUM(5);
        }
        for (int p = 0; p < PLANES; p++)
            store_floats(out + p * pitch + MARGIN + j,
                         at_least(means[p], 0) * (p < 3 ? scale : square)); // rounding may give values below 0
    }
#undef SUM
    const float more = (float)block / (width - (w - 1) * block); // a narrow last block averages the pixels it has
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
    int32_t *columns; // SUMS rows of width rounded up to LANES
    float *sums;      // SUMS rows of pitch
    Buffers buffers;
} Blocks;

INLINE void measure_row(const int kind, const int even, const Picture *p, const DenoiserState *s, const Colours *k, const Blocks *b,
                        int j) {
    const int top = j * b->block, rows = p->height - top < b->block ? p->height - top : b->block;
    const int yuv_sums = even && (kind & 1);
    Columns columns = {b->columns, (p->width + LANES - 1) / LANES * LANES, 0};
#define ADD(x, count)                                                                                                                      \
    if (yuv_sums) {                                                                                                                        \
        sum_yuv(kind, p, s, k, top + y, part, x, count, &columns);                                                                         \
    } else {                                                                                                                               \
        sum_rgb(kind, even, p, s, k, top + y, part, x, count, &columns);                                                                   \
    }
    for (int y = 0; y < rows; y += ROWS, columns.add = 1) {
        const int part = rows - y < ROWS ? rows - y : ROWS;
        int x = 0;
        for (; x + LANES <= p->width; x += LANES) { ADD(x, LANES) }
        if (x < p->width) { ADD(x, p->width - x) }
    }
#undef ADD
    for (int m = 0; m < (yuv_sums ? YUV_SUMS : SUMS); m++)
        block_sums(columns.sums + m * columns.pitch, b->sums + m * b->pitch, even ? (p->width + 1) / 2 : p->width,
                   even ? b->block / 2 : b->block);
    means(yuv_sums, b->sums, b->stats + (int64_t)j * PLANES * b->pitch, b->w, b->pitch, p->width, b->block, rows);
}

static void measure_rows(int kind, const Picture *p, const DenoiserState *s, const Colours *k, const Blocks *b, int begin, int end) {
    for (int j = begin; j < end && j < b->h; j++) {
        switch (kind + 4 * (b->block % 2)) {
        case BGR_BYTES:
            measure_row(BGR_BYTES, 1, p, s, k, b, j);
            break;
        case BGR_DENOISED:
            measure_row(BGR_DENOISED, 1, p, s, k, b, j);
            break;
        case YUV_BYTES:
            measure_row(YUV_BYTES, 1, p, s, k, b, j);
            break;
        case YUV_DENOISED:
            measure_row(YUV_DENOISED, 1, p, s, k, b, j);
            break;
        case 4 + BGR_BYTES:
            measure_row(BGR_BYTES, 0, p, s, k, b, j);
            break;
        case 4 + BGR_DENOISED:
            measure_row(BGR_DENOISED, 0, p, s, k, b, j);
            break;
        case 4 + YUV_BYTES:
            measure_row(YUV_BYTES, 0, p, s, k, b, j);
            break;
        default:
            measure_row(YUV_DENOISED, 0, p, s, k, b, j);
        }
    }
}

// Update the motion mask of row j of denoiser blocks.
void davy_detect_motion(const Picture *p, const DenoiserState *s, const Blocks *b, int32_t j) {
    if (!s->reset) find_motion(p, s, &b->buffers, j);
}

// Denoise row j once the motion of the next row is known, as motion dilates by one block. Measure it while it is cached.
INLINE void denoise_and_measure(const Picture *p, const DenoiserState *s, const Colours *k, const Blocks *b, int j) {
    denoise_row(p, s, &b->buffers, j);
    if (!rows_static(s, j - 1, j + 2)) measure_rows(p->format + 2, p, s, k, b, 2 * j, 2 * j + 2);
}

// Measure rows [begin, end) of denoiser blocks, each twice as high as a statistics block. s is NULL without denoising.
// The caller detects motion of rows at borders between row tiles first: another thread may have denoised its side already.
void davy_measure(const Picture *p, const DenoiserState *s, const Blocks *b, int32_t begin, int32_t end) {
    const Colours k = colours_of(p->limited);
    if (!s) {
        measure_rows(p->format, p, s, &k, b, 2 * begin, 2 * end);
        return;
    }
    const int first = begin ? begin + 1 : 0, last = end < s->h ? end - 1 : end;
    for (int j = begin; j <= end; j++) {
        if (j >= first && j < last) davy_detect_motion(p, s, b, j);
        if (j > begin) denoise_and_measure(p, s, &k, b, j - 1);
    }
}

enum { ROWS_PER_PASS = 8 }; // rows of denoiser blocks per rendering call
typedef void Render(const Picture *in, const DenoiserState *s, const Picture *out, void *rendering, int32_t begin, int32_t finish);

// Run both passes as one: render rows while their denoised levels are cached. Maps need statistics of less than two denoiser
// blocks below.
void davy_measure_and_render(const Picture *p, const DenoiserState *s, const Blocks *b, Render *render, const Picture *out,
                             void *rendering) {
    const Colours k = colours_of(p->limited);
    for (int j = 0, done = 0; j <= s->h; j++) {
        if (j < s->h) davy_detect_motion(p, s, b, j);
        if (j) denoise_and_measure(p, s, &k, b, j - 1);
        if (j < s->h && (j < 3 || j % ROWS_PER_PASS)) continue;
        const int ready = j < s->h ? (j - 2) * s->block : p->height;
        render(p, s, out, rendering, done, ready);
        done = ready;
    }
}

// Mean luma of 8 x 8 parts of the picture.
void davy_coarse_luma(const Blocks *b, float *out) {
    for (int i = 0; i < 8; i++) {
        const int begin = i * b->h / 8, end = (i + 1) * b->h / 8;
        float *restrict total = b->sums;
        memset(total, 0, b->w * sizeof(float));
        for (int y = begin; y < end; y++) {
            const float *restrict r = b->stats + (int64_t)y * PLANES * b->pitch + MARGIN, *g = r + b->pitch, *blue = g + b->pitch;
            for (int x = 0; x < b->w; x++) total[x] += 0.299f * r[x] + 0.587f * g[x] + 0.114f * blue[x];
        }
        for (int j = 0; j < 8; j++) {
            const int left = j * b->w / 8, right = (j + 1) * b->w / 8;
            float sum = 0;
            for (int x = left; x < right; x++) sum += total[x];
            out[8 * i + j] = sum / ((end - begin) * (right - left));
        }
    }
}

EXPORT_ABI
EXPORT_SIZE(Picture)
EXPORT_SIZE(DenoiserState)
EXPORT_SIZE(Blocks)
