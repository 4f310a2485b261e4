// The static mine, ray-marched once per camera into a G-buffer, and its visibility maps. Called from davy_simulator.kernels.
#include "materials.h"
#include "abi.h"

#define FAR_M 70.0f
#define BLOCK 8

// Normal by forward differences from the march's last distance d. A symmetric stencil costs a third more without visible gain.
static inline Vec bumped_normal(const Scene *s, Vec p, float depth, int material, float d) {
    float e = larger(0.0016f * depth, 0.003f), here = with_relief(s, p, material, d);
    float x = relief_at(s, (Vec){p.x + e, p.y, p.z}, material), y = relief_at(s, (Vec){p.x, p.y + e, p.z}, material);
    return unit((Vec){x - here, y - here, relief_at(s, (Vec){p.x, p.y, p.z + e}, material) - here});
}

// Distance from `start` over which the cone of a block of `side` pixels is empty.
static inline float clear_way(const Scene *s, int column, int row, int side, float start) {
    float half = side / 2.0f, spread = 1.5f * half / s->focal, t = start;
    Vec ray = ray_of(s, column + half - 0.5f, row + half - 0.5f);
    int ignored;
    for (int i = 0; i < 60 && t < FAR_M; i++) {
        float d = distance_at(s, add(load_vec(s->origin), mul(ray, t)), &ignored) - spread * t;
        if (d < 0.001f * t) break;
        t += d * 0.8f;
    }
    return larger(t - 2 * spread * t, start);
}

// March one pixel from distance t, up to which its ray is empty.
static inline void march(const Scene *s, int column, int row, float t, float *depth, float *normal, float *albedo, float *gloss,
                         uint8_t *material) {
    size_t i = (size_t)row * s->width + column;
    Vec ray = ray_of(s, column, row), p = load_vec(s->origin);
    int found = ROCK;
    float d = 0;
    for (int step = 0; step < 80 && t < FAR_M; step++) {
        p = add(load_vec(s->origin), mul(ray, t));
        d = distance_at(s, p, &found);
        if (d < 0.0011f * t) break;
        t += d * 0.88f;
    }
    Vec n = bumped_normal(s, p, t, found, d);
    depth[i] = t, material[i] = (uint8_t)found;
    normal[3 * i] = n.x, normal[3 * i + 1] = n.y, normal[3 * i + 2] = n.z;
    albedo_at(s, p, n, t, found, albedo + 3 * i, gloss + i);
}

// Fill the G-buffer of rows [first, last), first a multiple of 8: distance along the ray, normal, albedo (BGR), gloss, material.
// Cones of 8 x 8 and then 2 x 2 pixels march first, which saves most steps along walls.
void davy_gbuffer(const Scene *s, int first, int last, float *depth, float *normal, float *albedo, float *gloss, uint8_t *material) {
    for (int top = first; top < last; top += BLOCK)
        for (int left = 0; left < s->width; left += BLOCK) {
            float start = clear_way(s, left, top, BLOCK, 0.05f);
            for (int y = top; y < top + BLOCK && y < last; y += 2)
                for (int x = left; x < left + BLOCK && x < s->width; x += 2) {
                    float near = clear_way(s, x, y, 2, start);
                    for (int k = 0; k < 4; k++)
                        if (x + (k & 1) < s->width && y + (k >> 1) < last)
                            march(s, x + (k & 1), y + (k >> 1), near, depth, normal, albedo, gloss, material);
                }
        }
}

// Fill rows [first, last) of the coarse grid, every `step` pixels: ambient occlusion, and visibility of each lamp, 0 to 1.
void davy_visibility(const Scene *s, int step, int first, int last, const float *depth, const float *normal, float *openness,
                     float *visibility) {
    int columns = (s->width + step - 1) / step, rows = (s->height + step - 1) / step, ignored;
    for (int row = first; row < last; row++)
        for (int column = 0; column < columns; column++) {
            int y = row * step + step / 2, x = column * step + step / 2;
            y = y < s->height ? y : s->height - 1, x = x < s->width ? x : s->width - 1;
            size_t i = (size_t)y * s->width + x, o = (size_t)row * columns + column;
            Vec n = load_vec(normal + 3 * i), p = add(load_vec(s->origin), mul(ray_of(s, x, y), depth[i] - 0.02f));
            float closed = 0, weight = 1;
            for (int k = 1; k <= 4; k++, weight *= 0.65f) {
                float h = 0.13f * k;
                closed += weight * larger(h - distance_at(s, add(p, mul(n, h)), &ignored), 0);
            }
            openness[o] = clamp(1 - 1.5f * closed, 0.15f, 1);
            for (int lamp = 0; lamp < s->lamps; lamp++) {
                Vec to = sub(load_vec(s->lamp[lamp]), p);
                float reach = sqrtf(dot(to, to)) - 0.35f, lit = 1, t = 0.06f;
                Vec way = unit(to);
                for (int k = 0; k < 34 && t < reach; k++) {
                    float d = distance_at(s, add(p, mul(way, t)), &ignored);
                    lit = smaller(lit, 14 * d / t);
                    if (lit < 0.02f) break;
                    t += clamp(d * 0.9f, 0.03f, 2.0f);
                }
                visibility[((size_t)lamp * rows + row) * columns + column] = clamp(lit, 0, 1);
            }
        }
}

EXPORT_ABI
EXPORT_SIZE(Scene)
