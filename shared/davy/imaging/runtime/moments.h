// Sum a row of blocks by columns: first and second moments, enough for the means of red, green, blue and luma times each.
#pragma once
#include "picture.h"

// RGB: r, g, b, rr, gg, bb, rg, rb, gb. YUV: y, r - y, b - y, yy, y (r - y), y (b - y). Units are 1/16 level, so that an int
// holds the products of many rows.
enum { SUMS = 9, YUV_SUMS = 6, ROWS = 16 }; // ROWS: rows per pass

typedef struct {
    int32_t *sums; // SUMS rows of pitch
    int64_t pitch;
    int add; // 1: add to the sums; 0: overwrite them
} Columns;

INLINE Words sixteenths(Words v) { return (v + 2) >> 2; }

INLINE void keep_first(Words v[3], int count) {
    for (int c = 0; c < 3; c++)
        for (int i = count; i < LANES; i++) v[c][i] = 0;
}

INLINE void put_sums(const Columns *to, int m, int64_t at, Ints sums) {
    int32_t *place = to->sums + m * to->pitch + at;
    if (to->add) sums += load_ints(place);
    memcpy(place, &sums, sizeof sums);
}

// Sum the products of channels a and b over rows, for pairs of neighbouring pixels; b = 3 stands for the constant 1.
INLINE Ints pair_moments(Words v[][3], int rows, int a, int b) {
    PairProducts products = no_products();
    Ints sums = ints(0);
    for (int i = 0; i < rows; i++) {
        if (b == 3) {
            sums = plus_pair_sums(sums, v[i][a]);
        } else {
            products = plus_pair_products(products, v[i][a], v[i][b]);
        }
    }
    return b == 3 ? sums : total(products);
}

// Sum the products of channels a and b over pairs of rows, for single pixels.
INLINE void pixel_moments(Pairs v[][3], int pairs, int a, int b, Ints sums[2]) {
    const Pairs one = {{words(1), words(1)}};
    sums[0] = sums[1] = ints(0);
    for (int i = 0; i < pairs; i++) plus_products(sums, v[i][a], b == 3 ? one : v[i][b]);
    to_pixels(sums);
}

// even: eight sums of column pairs; otherwise one sum per column.
INLINE void sum_rgb(const int kind, const int even, const Picture *p, const DenoiserState *s, const Colours *k, int top, int rows, int x,
                    const int count, const Columns *to) {
    Words v[ROWS + 1][3];
    Pairs paired[ROWS / 2 + 1][3];
    Tint tint = {{{0}}};
    for (int i = 0; i < rows; i++) {
        load_rgb(kind, p, s, k, top + i, x, count, &tint, !i, v[i]);
        for (int c = 0; c < 3; c++) v[i][c] = sixteenths(v[i][c]);
        keep_first(v[i], count);
    }
    const int pairs = (rows + 1) / 2;
    if (!even) {
        for (int c = 0; c < 3; c++) v[rows][c] = words(0);
        for (int i = 0; i < pairs; i++)
            for (int c = 0; c < 3; c++) paired[i][c] = pairs_of(v[2 * i][c], v[2 * i + 1][c]);
    }
#define PUT(m, a, b)                                                                                                                       \
    if (even) {                                                                                                                            \
        put_sums(to, m, x / 2, pair_moments(v, rows, a, b));                                                                               \
    } else {                                                                                                                               \
        Ints sums[2];                                                                                                                      \
        pixel_moments(paired, pairs, a, b, sums);                                                                                          \
        put_sums(to, m, x, sums[0]), put_sums(to, m, x + 8, sums[1]);                                                                      \
    }
    PUT(0, 0, 3) PUT(1, 1, 3) PUT(2, 2, 3) PUT(3, 0, 0) PUT(4, 1, 1) PUT(5, 2, 2) PUT(6, 0, 1) PUT(7, 0, 2) PUT(8, 1, 2)
#undef PUT
}

INLINE Ints pair_products(Words a, Words b) { return total(plus_pair_products(no_products(), a, b)); }

// Add one or two rows that share chroma to the sums of column pairs.
INLINE void add_yuv(const Words luma[2], const Tint *tint, int rows, const int count, Ints sums[YUV_SUMS]) {
    const Words *add = tint->rgb, other = luma[rows - 1];
    const Words low = lesser(lesser(add[0], add[1]), add[2]), high = -lesser(lesser(-add[0], -add[1]), -add[2]);
    if (count == LANES && all_within(lesser(luma[0], other), low, -lesser(-luma[0], -other), high, TOP)) {
        Ints sum = ints(0); // no channel clips, so chroma gives red - y and blue - y
        PairProducts squares = no_products();
        for (int i = 0; i < rows; i++) {
            const Words y = sixteenths(luma[i]);
            sum = plus_pair_sums(sum, y), squares = plus_pair_products(squares, y, y);
        }
        const Ints red = (Ints)sixteenths(add[0]) >> 16, blue = (Ints)sixteenths(add[2]) >> 16;
        sums[0] += sum, sums[1] += red * (2 * rows), sums[2] += blue * (2 * rows);
        sums[3] += total(squares), sums[4] += sum * red, sums[5] += sum * blue;
        return;
    }
    for (int i = 0; i < rows; i++) {
        Words rgb[3];
        for (int c = 0; c < 3; c++) rgb[c] = sixteenths(sum_within(luma[i], add[c], TOP));
        keep_first(rgb, count);
        const Words y = luma_of(rgb), red = rgb[0] - y, blue = rgb[2] - y;
        sums[0] = plus_pair_sums(sums[0], y), sums[1] = plus_pair_sums(sums[1], red), sums[2] = plus_pair_sums(sums[2], blue);
        sums[3] += pair_products(y, y), sums[4] += pair_products(y, red), sums[5] += pair_products(y, blue);
    }
}

INLINE void sum_yuv(const int kind, const Picture *p, const DenoiserState *s, const Colours *k, int top, int rows, int x, const int count,
                    const Columns *to) {
    Ints sums[YUV_SUMS] = {{0}};
    for (int y = top; y < top + rows;) {
        const int rows_here = !(y & 1) && y + 1 < top + rows ? 2 : 1;
        const Tint tint = load_tint(kind, p, s, k, y, x, count);
        Words luma[2];
        for (int row = 0; row < rows_here; row++) luma[row] = load_luma(kind, p, s, k, y + row, x, count);
        add_yuv(luma, &tint, rows_here, count, sums);
        y += rows_here;
    }
    for (int m = 0; m < YUV_SUMS; m++) put_sums(to, m, x / 2, sums[m]);
}
