// Noise, and signed distances to the shapes of places.h.
#pragma once
#include "vectors.h"

// Value noise from a table, period 32: eight loads, no hashing.
static inline float noise(const Scene *s, float x, float y, float z) {
    float fx = floor_fast(x), fy = floor_fast(y), fz = floor_fast(z);
    int ix = (int)fx & 31, iy = (int)fy & 31, iz = (int)fz & 31;
    int jx = (ix + 1) & 31, jy = ((iy + 1) & 31) << 5, jz = ((iz + 1) & 31) << 10;
    x -= fx, y -= fy, z -= fz, iy <<= 5, iz <<= 10;
    x *= x * (3 - 2 * x), y *= y * (3 - 2 * y), z *= z * (3 - 2 * z);
    const float *t = s->noise;
    float a = mix(mix(t[ix + iy + iz], t[jx + iy + iz], x), mix(t[ix + jy + iz], t[jx + jy + iz], x), y);
    float b = mix(mix(t[ix + iy + jz], t[jx + iy + jz], x), mix(t[ix + jy + jz], t[jx + jy + jz], x), y);
    return mix(a, b, z);
}

static inline float fbm(const Scene *s, Vec p, float frequency, int octaves) {
    float sum = 0, weight = 0.5f;
    p = mul(p, frequency);
    for (int i = 0; i < octaves; i++, weight *= 0.5f) { // rotate each octave to hide the lattice
        p = (Vec){0.36f * p.x + 0.48f * p.y - 0.8f * p.z, -0.8f * p.x + 0.6f * p.y, 0.48f * p.x + 0.64f * p.y + 0.6f * p.z};
        sum += weight * noise(s, p.x + 7.3f * i, p.y, p.z);
        p = mul(p, 2.03f);
    }
    return sum;
}

static inline float box2(float x, float y, float half_x, float half_y) {
    float dx = fabsf(x) - half_x, dy = fabsf(y) - half_y;
    float ox = larger(dx, 0), oy = larger(dy, 0);
    return sqrtf(ox * ox + oy * oy) + smaller(larger(dx, dy), 0);
}

static inline float box3(float x, float y, float z, float half_x, float half_y, float half_z) {
    float dx = fabsf(x) - half_x, dy = fabsf(y) - half_y, dz = fabsf(z) - half_z;
    float ox = larger(dx, 0), oy = larger(dy, 0), oz = larger(dz, 0);
    return sqrtf(ox * ox + oy * oy + oz * oz) + smaller(larger(dx, larger(dy, dz)), 0);
}

static inline float capsule(Vec p, Vec a, Vec b, float radius) {
    Vec pa = sub(p, a), ba = sub(b, a);
    float h = clamp(dot(pa, ba) / dot(ba, ba), 0, 1);
    Vec q = sub(pa, mul(ba, h));
    return sqrtf(dot(q, q)) - radius;
}

static inline float repeat(float z, float period) { return z - period * floor_fast(z / period + 0.5f); }

static inline void nearer(float d, int material, float *best, int *found) {
    if (d < *best) *best = d, *found = material;
}

// Distance from inside to an arch of half width w with vertical walls up to h.
static inline float arch(float x, float y, float w, float h) { return y > h ? w - sqrtf(x * x + (y - h) * (y - h)) : w - fabsf(x); }

// Distance from inside to a timbered trapezium.
static inline float trapezium(float x, float y, float w, float h, float lean) {
    float wall = (w - fabsf(x) - lean * y) / sqrtf(1 + lean * lean);
    return smaller(wall, h - y);
}

static inline float rough(const Scene *s, Vec p, float d, float amplitude) {
    if (d > 3 * amplitude + 0.1f) return d - 1.2f * amplitude; // a lower bound suffices far from the rock
    return d + amplitude * (0.75f * noise(s, p.x * 0.9f, p.y * 0.9f, p.z * 0.9f) + 0.35f * noise(s, p.x * 2.9f, p.y * 2.9f, p.z * 2.9f));
}

static inline float uneven_floor(const Scene *s, Vec p) {
    if (p.y > 0.4f) return p.y - 0.1f;
    return p.y - 0.07f * noise(s, p.x * 0.8f, 0.5f, p.z * 0.8f) - 0.03f * noise(s, p.x * 3.1f, 9.5f, p.z * 3.1f);
}

static inline void rails(Vec p, float gauge, float *best, int *found) {
    if (p.y > 0.8f) {
        nearer(p.y - 0.3f, STEEL, best, found);
        return;
    }
    float side = fabsf(p.x) - gauge / 2;
    nearer(smaller(box2(side, p.y - 0.17f, 0.035f, 0.018f), box2(side, p.y - 0.12f, 0.012f, 0.05f)), DARK_STEEL, best, found);
    nearer(box3(p.x, p.y - 0.04f, repeat(p.z, 0.75f), gauge / 2 + 0.25f, 0.06f, 0.11f) - 0.01f, WOOD, best, found);
}

static inline void pipes(Vec p, float wall_x, float *best, int *found) {
    float near_wall = fabsf(p.x - wall_x);
    if (near_wall > 0.9f) {
        nearer(near_wall - 0.5f, PIPE, best, found);
        return;
    }
    float flange = fabsf(repeat(p.z, 4.0f)) < 0.05f ? 0.035f : 0.0f;
    float big = sqrtf((p.x - wall_x) * (p.x - wall_x) + (p.y - 0.75f) * (p.y - 0.75f)) - 0.13f - flange;
    float small = sqrtf((p.x - wall_x + 0.05f) * (p.x - wall_x + 0.05f) + (p.y - 1.12f) * (p.y - 1.12f)) - 0.06f - flange * 0.7f;
    nearer(smaller(big, small), PIPE, best, found);
}

// Cables that sag between hangers 2.4 m apart.
static inline void cables(Vec p, float wall_x, float height, float *best, int *found) {
    float dx = p.x - wall_x;
    if (fabsf(dx) > 0.7f) {
        nearer(fabsf(dx) - 0.4f, CABLE, best, found);
        return;
    }
    float u = p.z / 2.4f - floor_fast(p.z / 2.4f);
    float sag = 4 * u * (1 - u);
    for (int i = 0; i < 3; i++) {
        float dy = p.y - (height - 0.16f * i - sag * (0.10f + 0.035f * i));
        nearer((sqrtf(dx * dx + dy * dy) - (i == 1 ? 0.035f : 0.022f)) * 0.9f, CABLE, best, found);
    }
}

static inline void steel_ribs(float profile, float z, float period, float *best, int *found) {
    float across = repeat(z, period);
    // U section: a flange and two webs
    nearer(box2(profile - 0.05f, across, 0.045f, 0.07f) - 0.008f, STEEL, best, found);
}
