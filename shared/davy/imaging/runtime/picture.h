// Pictures as they come, 8 bit, and as they settle over time, in 1/64 of a level: 16 pixels at a time as red, green and blue.
#pragma once
#include "lanes.h"

enum { BGR = 0, YUV = 1 };                                               // formats
enum { BGR_BYTES = 0, YUV_BYTES = 1, BGR_SETTLED = 2, YUV_SETTLED = 3 }; // what a picture is read from
enum { FRACTION = 6, TOP = 255 << FRACTION };                            // bits below a level; white

typedef struct {
    int32_t format, limited, height, width; // limited: luma 16 to 235, chroma 16 to 240
    uint8_t *bytes[3];                      // BGR: the first alone; y, u, v
    int64_t stride[3];
} Picture;

typedef struct {
    int16_t *levels[3]; // blue, green, red; or y, u, v, those two at half the height and half the pitch
    int64_t pitch;      // words from row to row, a multiple of 2 * LANES: what lies beyond the width repeats the last pixel
    float *usual, *gates;
    uint8_t *moves;                          // h: whether some block of the row certainly does
    int32_t block, h, w, least, fresh, keep; // keep: what is known of rows that stand
} Settled;

// Whether what is known of rows [begin, end) of settling blocks, as far as there are such, stands: none of them has moved.
INLINE int all_stand(const Settled *s, int begin, int end) {
    for (int j = begin < 0 ? 0 : begin; j < end && j < s->h; j++)
        if (s->moves[j]) return 0;
    return s->keep;
}

// Of BT.601, for words: the fractions of scaled().
typedef struct {
    Words black, stretch, red, green_u, green_v, blue; // in: luma's black and what is added to it; chroma's shares
    Words fit, floor, chroma;                          // out; chroma: blue's eight times, then red's
} Colours;

INLINE Colours colours_of(int limited) {
    const double y = limited ? 255.0 / 219 : 1, c = limited ? 255.0 / 224 : 1, unit = 32768;
    const int16_t u = (int16_t)(unit / (1.772 * c) + 0.5), v = (int16_t)(unit / (1.402 * c) + 0.5);
#define SHARE(value) words((int)((value) * unit + ((value) < 0 ? -0.5 : 0.5)))
    return (Colours){
        .black = words(limited ? 16 << FRACTION : 0),
        .stretch = SHARE(y - 1),
        .red = SHARE(1.402 * c - 1),
        .green_u = SHARE(-0.344136 * c),
        .green_v = SHARE(-0.714136 * c),
        .blue = SHARE((1.772 * c - 1) / 2),
        .fit = SHARE(219.0 / 255),
        .floor = words((16 << 7) + 9), // 9: the half that rounds is in luma, and shrinks with it

        .chroma = {u, u, u, u, u, u, u, u, v, v, v, v, v, v, v, v},
    };
#undef SHARE
}

// The first `count` bytes, the last one of `size` repeated up to 16 of them.
INLINE const uint8_t *filled(const uint8_t *from, int count, int size, uint8_t *room) {
    if (count >= LANES) return from;
    memcpy(room, from, (size_t)count * size);
    for (int i = count * size; i < LANES * size; i++) room[i] = room[i - size];
    return room;
}

INLINE Words settled_octets(const uint8_t *from, int count) { // bytes as levels
    uint8_t room[LANES];
    return load_octets(filled(from, count, 1, room)) << FRACTION;
}

INLINE Words chroma_octets(const uint8_t *from, int count) { // count: of pixels
    uint8_t room[LANES];
    Few few;
    memcpy(&few, count < LANES ? filled(from, (count + 1) / 2, 1, room) : from, sizeof few);
    return doubled(__builtin_convertvector(few, Half) << FRACTION);
}

INLINE Words chroma_levels(const int16_t *from) {
    Half half;
    memcpy(&half, from, sizeof half);
    return doubled(half);
}

INLINE Words luma_of(const Words rgb[3]) {
    return scaled(rgb[0], words(9798)) + scaled(rgb[1], words(19235)) + scaled(rgb[2], words(3735));
}

typedef struct { // what chroma adds to luma
    Words rgb[3];
} Tint;

INLINE Tint tint_of(Words u, Words v, const Colours *k) {
    const Words middle = words(128 << FRACTION);
    u -= middle, v -= middle;
    const Words part = scaled(u, k->blue);
    return (Tint){{v + scaled(v, k->red), scaled(u, k->green_u) + scaled(v, k->green_v), u + part + part}};
}

INLINE Tint load_tint(const int kind, const Picture *p, const Settled *s, const Colours *k, int y, int x, const int count) {
    if (kind == YUV_SETTLED) {
        const int64_t at = (y >> 1) * (s->pitch >> 1) + (x >> 1);
        return tint_of(chroma_levels(s->levels[1] + at), chroma_levels(s->levels[2] + at), k);
    }
    const uint8_t *u = p->bytes[1] + (y >> 1) * p->stride[1] + (x >> 1), *v = p->bytes[2] + (y >> 1) * p->stride[2] + (x >> 1);
    return tint_of(chroma_octets(u, count), chroma_octets(v, count), k);
}

INLINE Words load_luma(const int kind, const Picture *p, const Settled *s, const Colours *k, int y, int x, const int count) {
    Words luma;
    if (kind == YUV_SETTLED) {
        luma = load_words(s->levels[0] + y * s->pitch + x);
    } else {
        luma = settled_octets(p->bytes[0] + y * p->stride[0] + x, count);
    }
    if (p->limited) luma -= k->black, luma += scaled(luma, k->stretch);
    return luma;
}

// Pixels x to x + 15 of row y (only `count` of them are there: the last is repeated) as red, green, blue, in 1/64 of a level.
// tint: of the row before, to be used by both rows that share it; null for a single row.
INLINE void load_rgb(const int kind, const Picture *p, const Settled *s, const Colours *k, int y, int x, const int count, Tint *tint,
                     int fresh, Words rgb[3]) {
    if (kind == BGR_BYTES) {
        uint8_t room[3 * LANES];
        Words bgr[3];
        load_triples(filled(p->bytes[0] + y * p->stride[0] + 3 * (int64_t)x, count, 3, room), bgr);
        for (int c = 0; c < 3; c++) rgb[c] = bgr[2 - c] << FRACTION;
    } else if (kind == BGR_SETTLED) {
        for (int c = 0; c < 3; c++) rgb[c] = load_words(s->levels[2 - c] + y * s->pitch + x);
    } else {
        if (fresh || !(y & 1)) *tint = load_tint(kind, p, s, k, y, x, count);
        const Words luma = load_luma(kind, p, s, k, y, x, count);
        for (int c = 0; c < 3; c++) rgb[c] = sum_within(luma, tint->rgb[c], TOP);
    }
}
