// Compose one frame row by row in the first-level cache: static light, moving light, dust, bodies, noise, tone curve, 8 bits.
#include "vectors.h"
#include "abi.h"

#define MAX_ROW (3 * 2048)
#define MAX_VARYING 4
#define STEP 4        // scale of the light and air maps
#define NOISE_UNIT 20 // one standard deviation in the noise tile
#define TEXELS 2048   // length of the belt texture; its width is 64

typedef float Quad __attribute__((vector_size(16)));
typedef int Pick __attribute__((vector_size(16)));

typedef struct {
    int width, height;            // of the picture
    int padded, shift_x, shift_y; // width of the maps, and offset of the picture in them
    uint32_t seed;                // noise of this frame
    int varying;
    const uint16_t *base, *vary[MAX_VARYING];
    float factor[MAX_VARYING]; // brightness of the flickering lamps
    float unit;                // light per step of the uint16 maps
    const uint8_t *albedo;     // 255 is white
    const float *lit, *air;    // (rows, columns, 4), or NULL
    int columns;
    const float *nearest, *radiance; // depth and radiance of bodies inside box
    int box[4];
    float far;
    const int16_t *belt; // per pixel: texel along and across the belt, along < 0 outside it; or NULL
    const uint8_t *belt_level;
    const uint8_t *texture[3];
    int belt_offset, belt_top;
    int motes;
    const float *mote;           // x, y, radius, blue, green, red
    float shot, read, row_noise; // variance per light; variance; deviation
    float gain[3], floor[3];
    const int8_t *noise; // normal deviates in units of 1/20, times channel gains
    int noise_pixels;
    uint8_t *out;
} Frame;

static inline uint32_t hash(uint32_t x) {
    x ^= x >> 16, x *= 0x7feb352du, x ^= x >> 15, x *= 0x846ca68bu;
    return x ^ (x >> 16);
}

static inline float bell(uint32_t h) { // approximately normal: sum of four bytes
    return ((h & 255) + (h >> 8 & 255) + (h >> 16 & 255) + (h >> 24) - 510.0f) / 147.8f;
}

// Interpolate row y of a quarter-size map to full width, interleaved BGR.
static inline void widen(const Frame *f, const float *map, int y, float *row) {
    float v = (y + 0.5f) / STEP - 0.5f;
    int top = v < 0 ? 0 : (int)v;
    float k = v < 0 ? 0 : v - top;
    const Quad *a = (const Quad *)map + (size_t)top * f->columns, *b = a + f->columns; // one spare row below
    for (int i = 0; i < f->columns; i++) {
        Quad p = a[i] + (b[i] - a[i]) * k;
        int j = i + 1 < f->columns ? i + 1 : i;
        Quad d = (a[j] + (b[j] - a[j]) * k - p) * 0.25f;
        Quad p0 = SHUFFLE(p, 0, 1, 2, 0), d0 = SHUFFLE(d, 0, 1, 2, 0);
        Quad p1 = SHUFFLE(p, 1, 2, 0, 1), d1 = SHUFFLE(d, 1, 2, 0, 1);
        Quad p2 = SHUFFLE(p, 2, 0, 1, 2), d2 = SHUFFLE(d, 2, 0, 1, 2);
        Quad out[3] = {p0 + d0 * (Quad){0, 0, 0, 1}, p1 + d1 * (Quad){1, 1, 2, 2}, p2 + d2 * (Quad){2, 3, 3, 3}};
        memcpy(row + 12 * i, out, sizeof out);
    }
}

static inline void belt_row(const Frame *f, int y, float *x) {
    for (int p = 0; p < f->padded; p++) {
        size_t i = (size_t)y * f->padded + p;
        int along = f->belt[2 * i];
        if (along < 0) continue;
        int level = f->belt_level[i], v = ((along + f->belt_offset) & (TEXELS - 1)) >> level, u = f->belt[2 * i + 1] >> level;
        float k = f->texture[level][v * (64 >> level) + u] * (1 / 64.0f);
        x[3 * p] *= k, x[3 * p + 1] *= k, x[3 * p + 2] *= k;
    }
}

static inline void body_row(const Frame *f, int y, float *x) {
    size_t start = (size_t)y * f->padded;
    for (int p = f->box[0]; p < f->box[2]; p++)
        if (f->nearest[start + p] < f->far)
            for (int c = 0; c < 3; c++) x[3 * p + c] = f->radiance[3 * (start + p) + c];
}

static inline void mote_row(const Frame *f, int y, float *x) {
    for (int k = 0; k < f->motes; k++) {
        const float *m = f->mote + 6 * k;
        float dy = y - m[1], r2 = m[2] * m[2];
        if (dy * dy >= r2) continue;
        float half = sqrtf(r2 - dy * dy);
        int from = (int)larger(floor_fast(m[0] - half) + 1, 0), to = (int)smaller(m[0] + half, f->padded - 1);
        for (int p = from; p <= to; p++) {
            float dx = p - m[0], weight = 1 - (dx * dx + dy * dy) / r2;
            for (int c = 0; c < 3; c++) x[3 * p + c] += weight * m[3 + c];
        }
    }
}

#define INLINE static inline __attribute__((always_inline))

// restrict and scalar copies allow vectorisation: a byte store could alias any memory.
INLINE void set_scaled(float *restrict x, const uint16_t *restrict light, float by, int count) {
    for (int j = 0; j < count; j++) x[j] = light[j] * by;
}

INLINE void add_scaled(float *restrict x, const uint16_t *restrict light, float by, int count) {
    for (int j = 0; j < count; j++) x[j] += light[j] * by;
}

INLINE void add_lit(float *restrict x, const uint8_t *restrict albedo, const float *restrict light, int count) {
    for (int j = 0; j < count; j++) x[j] += albedo[j] * light[j];
}

// Convert light to bytes: shot and read noise, row noise, and the sRGB curve as a polynomial of sqrt(light), within 1.3 of 255.
INLINE void develop(const float *restrict light, const float *restrict black, const float *restrict gain, const int8_t *restrict noise,
                    float shot, float read, float band, uint8_t *restrict out, int count) {
    for (int j = 0; j < count; j++) {
        float v = light[j] + black[j];
        v = v > 0 ? v : 0; // fmaxf does not vectorise because of its NaN rules
        v += noise[j] * (1.0f / NOISE_UNIT) * sqrtf(shot * v + read) + band * gain[j];
        v = v > 0 ? v : 0, v = v < 1 ? v : 1;
        float s = sqrtf(v), tone = (((0.46993453f * s - 0.76567039f) * s + 0.12147864f) * s + 1.20245134f) * s - 0.02336934f;
        tone = tone > 0 ? tone : 0, tone = tone < 1 ? tone : 1;
        out[j] = (uint8_t)(int)(tone * 255.0f + 0.5f);
    }
}

void davy_compose(const Frame *f) {
    float x[MAX_ROW + 32], light[MAX_ROW + 32], gain[MAX_ROW + 32], black[MAX_ROW + 32];
    int all = 3 * f->padded, wide = 3 * f->width;
    for (int j = 0; j < wide; j++) gain[j] = f->gain[j % 3], black[j] = f->floor[j % 3];
    for (int line = 0; line < f->height; line++) {
        int y = line + f->shift_y;
        size_t start = (size_t)y * all;
        set_scaled(x, f->base + start, f->unit, all);
        for (int k = 0; k < f->varying; k++)
            if (f->factor[k] > 0) add_scaled(x, f->vary[k] + start, f->factor[k] * f->unit, all);
        if (f->lit) {
            widen(f, f->lit, y, light);
            add_lit(x, f->albedo + start, light, all);
        }
        if (f->belt && y >= f->belt_top) belt_row(f, y, x);
        if (y >= f->box[1] && y < f->box[3]) body_row(f, y, x);
        if (f->air) {
            widen(f, f->air, y, light);
            for (int j = 0; j < all; j++) x[j] += light[j];
        }
        mote_row(f, y, x);
        uint32_t h = hash(f->seed ^ hash((uint32_t)line * 0x9e3779b9u)), wide_h = hash(f->seed ^ hash(0x51ed27u + (uint32_t)line / 6));
        float band = f->row_noise * (bell(hash(h)) + 0.7f * bell(wide_h)); // single rows, and bands of six
        const int8_t *noise = f->noise + 3 * (size_t)(h % (uint32_t)(f->noise_pixels - f->width));
        develop(x + 3 * f->shift_x, black, gain, noise, f->shot, f->read, band, f->out + (size_t)line * wide, wide);
    }
}

EXPORT_ABI
EXPORT_SIZE(Frame)
