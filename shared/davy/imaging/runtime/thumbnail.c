// The network's input: area averages of the block statistics, equal to torch's adaptive_avg_pool2d.
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "abi.h"

enum { PLANES = 6, MARGIN = 8, CHANNELS = 4 };

// stats: (h, PLANES, pitch), MARGIN floats before the first block. out: (CHANNELS, rows, columns): red, green, blue, deviation of luma.
// buffer: w floats. edges: 2 * columns.
void davy_thumbnail(const float *restrict stats, int64_t pitch, int h, int w, float *restrict out, int rows, int columns,
                    float *restrict buffer, int32_t *restrict edges) {
    const int64_t count = (int64_t)rows * columns;
    for (int j = 0; j < columns; j++) {
        edges[2 * j] = (int32_t)((int64_t)j * w / columns);
        edges[2 * j + 1] = (int32_t)(((int64_t)(j + 1) * w + columns - 1) / columns);
    }
    for (int p = 0; p < CHANNELS; p++)
        for (int i = 0; i < rows; i++) {
            const int top = (int)((int64_t)i * h / rows), bottom = (int)(((int64_t)(i + 1) * h + rows - 1) / rows);
            memset(buffer, 0, w * sizeof(float));
            for (int y = top; y < bottom; y++) {
                const float *restrict row = stats + ((int64_t)y * PLANES + p) * pitch + MARGIN, *next = row + pitch, *third = next + pitch;
                if (p < 3) {
                    for (int x = 0; x < w; x++) buffer[x] += row[x];
                } else { // luma squared
                    for (int x = 0; x < w; x++) buffer[x] += 0.299f * row[x] + 0.587f * next[x] + 0.114f * third[x];
                }
            }
            float *restrict to = out + p * count + (int64_t)i * columns;
            for (int j = 0; j < columns; j++) {
                float sum = 0;
                for (int x = edges[2 * j]; x < edges[2 * j + 1]; x++) sum += buffer[x];
                to[j] = sum / ((bottom - top) * (edges[2 * j + 1] - edges[2 * j]));
            }
        }
    float *restrict deviation = out + 3 * count;
    for (int64_t i = 0; i < count; i++) {
        const float luma = 0.299f * out[i] + 0.587f * out[count + i] + 0.114f * out[2 * count + i];
        const float variance = deviation[i] - luma * luma;
        deviation[i] = sqrtf((variance > 0 ? variance : 0) + 1e-8f);
    }
}

EXPORT_ABI
