/* What the kernels of the simulated mine share: vectors, the camera, the lamps. */
#ifndef DAVY_MINE_H
#define DAVY_MINE_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __clang__
#define SHUFFLE(v, a, b, c, d) __builtin_shufflevector(v, v, a, b, c, d)
#else
#define SHUFFLE(v, a, b, c, d) __builtin_shuffle(v, (pick){a, b, c, d})
#endif
#define MAX_LAMPS 8

typedef struct {
    float x, y, z;
} vec;

enum material { ROCK, FLOOR, STEEL, WOOD, PIPE, CABLE, BELT, PAINT, LAMP, COAL, SIGN, DARK_STEEL };

typedef struct {
    int place;
    int lamps;
    float lamp[MAX_LAMPS][3];
    const float *noise; /* 32 cubed, in [-1, 1] */
    float origin[3], right[3], up[3], forward[3];
    float focal, centre_x, centre_y; /* pixels */
    int width, height;
} scene;

/* A light as it stands at one instant: radiance of a white wall at 1 m on its axis is power * colour / pi, pi left out. */
typedef struct {
    float position[3], aim[3], colour[3]; /* colour: blue, green, red */
    float power, spread;                  /* spread: 0 shines to all sides, else the beam falls as cos**spread */
} light;

/* Not fmaxf, fminf and floorf: where NaN is heeded those are library calls, and stop the compiler from vectorising. */
static inline float larger(float a, float b) { return a > b ? a : b; }
static inline float smaller(float a, float b) { return a < b ? a : b; }
static inline float whole(float x) {
    float cut = (float)(int)x;
    return cut > x ? cut - 1 : cut;
}
static inline vec add(vec a, vec b) { return (vec){a.x + b.x, a.y + b.y, a.z + b.z}; }
static inline vec sub(vec a, vec b) { return (vec){a.x - b.x, a.y - b.y, a.z - b.z}; }
static inline vec mul(vec a, float k) { return (vec){a.x * k, a.y * k, a.z * k}; }
static inline float dot(vec a, vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static inline vec unit(vec a) { return mul(a, 1.0f / sqrtf(dot(a, a) + 1e-20f)); }
static inline vec of(const float *p) { return (vec){p[0], p[1], p[2]}; }
static inline float clamp(float x, float lo, float hi) { return x < lo ? lo : x > hi ? hi : x; }
static inline float mix(float a, float b, float k) { return a + (b - a) * k; }
static inline float step_to(float lo, float hi, float x) {
    float k = clamp((x - lo) / (hi - lo), 0, 1);
    return k * k * (3 - 2 * k);
}

/* The ray of a pixel, in world space. */
static inline vec ray_of(const scene *s, float column, float row) {
    float a = (column + 0.5f - s->centre_x) / s->focal, b = (s->centre_y - row - 0.5f) / s->focal;
    return unit(add(of(s->forward), add(mul(of(s->right), a), mul(of(s->up), b))));
}

/* Light that arrives at p, without surface and colour. */
static inline float arriving(const light *l, vec p, vec *way) {
    vec from = sub(p, of(l->position));
    float square = dot(from, from) + 0.04f; /* the glass is 0.2 m wide: no surface is nearer to all of it */
    float inverse = 1.0f / sqrtf(square);
    *way = mul(from, -inverse);
    float beam = 1;
    if (l->spread > 0) {
        float cosine = larger(-dot(*way, of(l->aim)), 0);
        float narrow = cosine * cosine; /* cos**spread for the powers of two that lamps have: 2, 4, ..., 64 */
        for (float power = 2; power < l->spread; power *= 2) narrow *= narrow;
        beam = narrow;
    }
    return l->power * beam * inverse * inverse;
}

#endif
