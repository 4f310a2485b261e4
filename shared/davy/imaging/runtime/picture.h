// Read 16 pixels at a time as red, green and blue: from 8-bit pictures, or from denoised levels in units of 1/64.
#pragma once
#include "lanes.h"

enum { BGR = 0, YUV = 1 };                                                 // formats
enum { BGR_BYTES = 0, YUV_BYTES = 1, BGR_DENOISED = 2, YUV_DENOISED = 3 }; // source of the pixels
enum { FRACTION = 6, TOP = 255 << FRACTION };                              // fractional bits of a level; white

typedef struct {
    int32_t format, limited, height, width; // limited: luma 16 to 235, chroma 16 to 240
    uint8_t *bytes[3];                      // BGR uses the first; YUV has y, u, v
    int64_t stride[3];
} Picture;

typedef struct {
    int16_t *levels[3];                            // blue, green, red; or y, u, v, with u and v at half height and half pitch
    int64_t pitch;                                 // words per row, a multiple of 2 * LANES; padding repeats the last pixel
    float *noise_floor, *motion_mask;              // per block: usual change in levels; 0 (noise) to 1 (motion)
    uint8_t *moving_rows;                          // h: whether any block of the row certainly moves
    int32_t block, h, w, min_weight, reset, reuse; // reuse: static rows keep their statistics and maps
} DenoiserState;

// Whether statistics and maps of rows [begin, end) of denoiser blocks stay valid: no block in them moved.
INLINE int rows_static(const DenoiserState *s, int begin, int end) {
    for (int j = begin < 0 ? 0 : begin; j < end && j < s->h; j++)
        if (s->moving_rows[j]) return 0;
    return s->reuse;
}

// BT.601 coefficients as fractions for scaled().
typedef struct {
    Words black, stretch, red, green_u, green_v, blue; // reading: luma's black level and gain - 1; chroma's coefficients
    Words fit, floor, chroma;                          // writing; chroma: eight of blue, then eight of red
} Colours;

INLINE Colours colours_of(int limited) {
    const double y = limited ? 255.0 / 219 : 1, c = limited ? 255.0 / 224 : 1, unit = 32768;
    const int16_t u = (int16_t)(unit / (1.772 * c) + 0.5), v = (int16_t)(unit / (1.402 * c) + 0.5);
#define FRACTION_OF(value) words((int)((value) * unit + ((value) < 0 ? -0.5 : 0.5)))
    return (Colours){
        .black = words(limited ? 16 << FRACTION : 0),
        .stretch = FRACTION_OF(y - 1),
        .red = FRACTION_OF(1.402 * c - 1),
        .green_u = FRACTION_OF(-0.344136 * c),
        .green_v = FRACTION_OF(-0.714136 * c),
        .blue = FRACTION_OF((1.772 * c - 1) / 2),
        .fit = FRACTION_OF(219.0 / 255),
        .floor = words((16 << 7) + 9), // 9: luma holds the rounding half, which the fit scales down
        .chroma = {u, u, u, u, u, u, u, u, v, v, v, v, v, v, v, v},
    };
#undef FRACTION_OF
}

// Pad `count` pixels of `size` bytes to 16 by repeating the last one.
INLINE const uint8_t *padded(const uint8_t *from, int count, int size, uint8_t *buffer) {
    if (count >= LANES) return from;
    memcpy(buffer, from, (size_t)count * size);
    for (int i = count * size; i < LANES * size; i++) buffer[i] = buffer[i - size];
    return buffer;
}

INLINE Words octet_levels(const uint8_t *from, int count) { // bytes as levels
    uint8_t buffer[LANES];
    return load_octets(padded(from, count, 1, buffer)) << FRACTION;
}

INLINE Words chroma_octets(const uint8_t *from, int count) { // count: pixels
    uint8_t buffer[LANES];
    HalfOctets half;
    memcpy(&half, count < LANES ? padded(from, (count + 1) / 2, 1, buffer) : from, sizeof half);
    return doubled(__builtin_convertvector(half, Half) << FRACTION);
}

INLINE Words chroma_levels(const int16_t *from) {
    Half half;
    memcpy(&half, from, sizeof half);
    return doubled(half);
}

INLINE Words luma_of(const Words rgb[3]) {
    return scaled(rgb[0], words(9798)) + scaled(rgb[1], words(19235)) + scaled(rgb[2], words(3735));
}

typedef struct { // red, green, blue less luma
    Words rgb[3];
} Tint;

INLINE Tint tint_of(Words u, Words v, const Colours *k) {
    const Words middle = words(128 << FRACTION);
    u -= middle, v -= middle;
    const Words part = scaled(u, k->blue);
    return (Tint){{v + scaled(v, k->red), scaled(u, k->green_u) + scaled(v, k->green_v), u + part + part}};
}

INLINE Tint load_tint(const int kind, const Picture *p, const DenoiserState *s, const Colours *k, int y, int x, const int count) {
    if (kind == YUV_DENOISED) {
        const int64_t at = (y >> 1) * (s->pitch >> 1) + (x >> 1);
        return tint_of(chroma_levels(s->levels[1] + at), chroma_levels(s->levels[2] + at), k);
    }
    const uint8_t *u = p->bytes[1] + (y >> 1) * p->stride[1] + (x >> 1), *v = p->bytes[2] + (y >> 1) * p->stride[2] + (x >> 1);
    return tint_of(chroma_octets(u, count), chroma_octets(v, count), k);
}

INLINE Words load_luma(const int kind, const Picture *p, const DenoiserState *s, const Colours *k, int y, int x, const int count) {
    Words luma;
    if (kind == YUV_DENOISED) {
        luma = load_words(s->levels[0] + y * s->pitch + x);
    } else {
        luma = octet_levels(p->bytes[0] + y * p->stride[0] + x, count);
    }
    if (p->limited) luma -= k->black, luma += scaled(luma, k->stretch);
    return luma;
}

// Load pixels x to x + 15 of row y as red, green, blue in 1/64 level; repeat the last of `count` pixels.
// tint: chroma of the row pair, loaded on even rows or when stale.
INLINE void load_rgb(const int kind, const Picture *p, const DenoiserState *s, const Colours *k, int y, int x, const int count, Tint *tint,
                     int tint_stale, Words rgb[3]) {
    if (kind == BGR_BYTES) {
        uint8_t buffer[3 * LANES];
        Words bgr[3];
        load_triples(padded(p->bytes[0] + y * p->stride[0] + 3 * (int64_t)x, count, 3, buffer), bgr);
        for (int c = 0; c < 3; c++) rgb[c] = bgr[2 - c] << FRACTION;
    } else if (kind == BGR_DENOISED) {
        for (int c = 0; c < 3; c++) rgb[c] = load_words(s->levels[2 - c] + y * s->pitch + x);
    } else {
        if (tint_stale || !(y & 1)) *tint = load_tint(kind, p, s, k, y, x, count);
        const Words luma = load_luma(kind, p, s, k, y, x, count);
        for (int c = 0; c < 3; c++) rgb[c] = sum_within(luma, tint->rgb[c], TOP);
    }
}
