// Reduce sums of columns to sums of blocks.
#pragma once
#include "lanes.h"

INLINE void sum_by(const int32_t *restrict from, float *restrict to, int count, const int block) {
    for (int j = 0; j < count; j++) {
        int32_t sum = 0;
        for (int i = 0; i < block; i++) sum += from[j * block + i];
        to[j] = (float)sum;
    }
}

// Reduce sums of columns, or of column pairs, to sums of `block` entries each.
static void block_sums(const int32_t *restrict columns, float *restrict to, int width, int block) {
    const int full = width / block;
    switch (block) { // constant sides let the compiler vectorise the inner loop: three times as fast
    case 1:
        sum_by(columns, to, full, 1);
        break;
    case 2:
        sum_by(columns, to, full, 2);
        break;
    case 3:
        sum_by(columns, to, full, 3);
        break;
    case 4:
        sum_by(columns, to, full, 4);
        break;
    case 9:
        sum_by(columns, to, full, 9);
        break;
    case 18:
        sum_by(columns, to, full, 18);
        break;
    default:
        for (int j = 0; j < full; j++) { // squares of a large white block exceed an int
            float sum = 0;
            for (int i = 0; i < block; i++) sum += (float)columns[j * block + i];
            to[j] = sum;
        }
    }
    if (full * block < width) {
        float sum = 0;
        for (int x = full * block; x < width; x++) sum += (float)columns[x];
        to[full] = sum;
    }
}
