// Vectors, camera and lamps, shared by the simulator's kernels.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __clang__
#define SHUFFLE(v, a, b, c, d) __builtin_shufflevector(v, v, a, b, c, d)
#else
#define SHUFFLE(v, a, b, c, d) __builtin_shuffle(v, (Pick){a, b, c, d})
#endif
#define MAX_LAMPS 8

typedef struct {
    float x, y, z;
} Vec;

enum Material { ROCK, FLOOR, STEEL, WOOD, PIPE, CABLE, BELT, PAINT, LAMP, COAL, SIGN, DARK_STEEL };

typedef struct {
    int place;
    int lamps;
    float lamp[MAX_LAMPS][3];
    const float *noise; // 32 cubed, in [-1, 1]
    float origin[3], right[3], up[3], forward[3];
    float focal, centre_x, centre_y; // pixels
    int width, height;
} Scene;

// A light at one instant. The radiance of a white wall at 1 m on its axis is power * colour (the factor 1 / pi is omitted).
typedef struct {
    float position[3], aim[3], colour[3]; // colour: blue, green, red
    float power, spread;                  // spread: 0 shines in all directions; otherwise the beam falls off as cos**spread
} Light;

// They replace fmaxf, fminf and floorf, whose NaN rules make library calls and prevent vectorisation.
static inline float larger(float a, float b) { return a > b ? a : b; }
static inline float smaller(float a, float b) { return a < b ? a : b; }
static inline float floor_fast(float x) {
    float cut = (float)(int)x;
    return cut > x ? cut - 1 : cut;
}
static inline Vec add(Vec a, Vec b) { return (Vec){a.x + b.x, a.y + b.y, a.z + b.z}; }
static inline Vec sub(Vec a, Vec b) { return (Vec){a.x - b.x, a.y - b.y, a.z - b.z}; }
static inline Vec mul(Vec a, float k) { return (Vec){a.x * k, a.y * k, a.z * k}; }
static inline float dot(Vec a, Vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static inline Vec unit(Vec a) { return mul(a, 1.0f / sqrtf(dot(a, a) + 1e-20f)); }
static inline Vec load_vec(const float *p) { return (Vec){p[0], p[1], p[2]}; }
static inline float clamp(float x, float lo, float hi) { return x < lo ? lo : x > hi ? hi : x; }
static inline float mix(float a, float b, float k) { return a + (b - a) * k; }
static inline float step_to(float lo, float hi, float x) {
    float k = clamp((x - lo) / (hi - lo), 0, 1);
    return k * k * (3 - 2 * k);
}

// Ray of a pixel in world space.
static inline Vec ray_of(const Scene *s, float column, float row) {
    float a = (column + 0.5f - s->centre_x) / s->focal, b = (s->centre_y - row - 0.5f) / s->focal;
    return unit(add(load_vec(s->forward), add(mul(load_vec(s->right), a), mul(load_vec(s->up), b))));
}

// Irradiance at p from a light, without surface and colour. way: direction to the light.
static inline float arriving(const Light *l, Vec p, Vec *way) {
    Vec from = sub(p, load_vec(l->position));
    float square = dot(from, from) + 0.04f; // the lamp glass is 0.2 m wide, which bounds the distance
    float inverse = 1.0f / sqrtf(square);
    *way = mul(from, -inverse);
    float beam = 1;
    if (l->spread > 0) {
        float cosine = larger(-dot(*way, load_vec(l->aim)), 0);
        float narrow = cosine * cosine; // cos**spread; spread is a power of two, 2 to 64
        for (float power = 2; power < l->spread; power *= 2) narrow *= narrow;
        beam = narrow;
    }
    return l->power * beam * inverse * inverse;
}
