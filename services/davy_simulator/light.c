// Light in the mine: static lamps once per camera, cap lamps once per frame.
#include "vectors.h"
#include "abi.h"

typedef struct {
    const float *depth, *normal, *albedo, *gloss; // the G-buffer
    const uint8_t *material;
    const float *openness, *visibility; // ambient occlusion; of the lamp; both full size
    float extinction;                   // dust, 1/m
    float bounce;                       // indirect light from the walls, as a fraction of the lamp's
} Surface;

// Add the light of one lamp to radiance (BGR), attenuated by dust on its way to the lens.
void davy_lamp(const Scene *s, const Surface *g, const Light *l, float glow, float *radiance) {
    for (int row = 0; row < s->height; row++)
        for (int column = 0; column < s->width; column++) {
            size_t i = (size_t)row * s->width + column;
            Vec ray = ray_of(s, column, row), n = load_vec(g->normal + 3 * i), way;
            Vec p = add(load_vec(s->origin), mul(ray, g->depth[i]));
            float passed = expf(-g->extinction * g->depth[i]);
            Vec gap = sub(p, load_vec(l->position));
            float square = dot(gap, gap);
            if (g->material[i] == LAMP) { // glass of this lamp, or of another, which reflects nothing
                if (square < 0.09f)
                    for (int c = 0; c < 3; c++) radiance[3 * i + c] += glow * passed * (0.4f + 0.6f * l->colour[c]);
                continue;
            }
            float strength = arriving(l, p, &way);
            float lambert = larger(dot(n, way), 0) * strength * g->visibility[i];
            float shine = larger(dot(n, unit(sub(way, ray))), 0);
            shine *= shine, shine *= shine, shine *= shine, shine *= shine, shine *= shine; // power 32
            float spark = g->gloss[i] * shine * 2.5f * strength * g->visibility[i];
            float fill = g->bounce * l->power * g->openness[i] / (square + 6.0f);
            for (int c = 0; c < 3; c++)
                radiance[3 * i + c] +=
                    passed * l->colour[c] * (g->albedo[3 * i + c] * (lambert * (0.35f + 0.65f * g->openness[i]) + fill) + spark);
        }
}

// Add even light in clear air to radiance: the well-lit reference picture.
void davy_even(const Scene *s, const Surface *g, float *radiance) {
    for (int row = 0; row < s->height; row++)
        for (int column = 0; column < s->width; column++) {
            size_t i = (size_t)row * s->width + column;
            Vec ray = ray_of(s, column, row), n = load_vec(g->normal + 3 * i);
            float level = g->openness[i] * (0.55f + 0.25f * n.y - 0.3f * dot(n, ray)); // soft light from above and behind
            for (int c = 0; c < 3; c++) radiance[3 * i + c] = g->material[i] == LAMP ? 2.0f : g->albedo[3 * i + c] * larger(level, 0.05f);
        }
}

// Low-resolution planes of one frame, as separate arrays so that the loops vectorise.
typedef struct {
    int count;
    const float *x, *y, *z;    // points, m
    const float *nx, *ny, *nz; // normals
    const float *rx, *ry, *rz; // rays
    const float *depth;        // m along the ray
    const float *passed;       // through the dust
} Coarse;

// One cap lamp at `count` points: irradiance, and light scattered into the lens by dust in front of them.
static inline __attribute__((always_inline)) void cap_lamp(int count, const float *restrict x, const float *restrict y,
                                                           const float *restrict z, const float *restrict nx, const float *restrict ny,
                                                           const float *restrict nz, const float *restrict rx, const float *restrict ry,
                                                           const float *restrict rz, const float *restrict depth,
                                                           const float *restrict passed, Vec lamp, Vec aim, Vec eye, float power,
                                                           float scatter, float *restrict lit, float *restrict air) {
    float eye_square = dot(eye, eye);
    for (int i = 0; i < count; i++) {
        float dx = x[i] - lamp.x, dy = y[i] - lamp.y, dz = z[i] - lamp.z;
        float square = dx * dx + dy * dy + dz * dz + 0.04f, inverse = 1.0f / sqrtf(square);
        float cosine = (dx * aim.x + dy * aim.y + dz * aim.z) * inverse;
        float facing = -(dx * nx[i] + dy * ny[i] + dz * nz[i]) * inverse;
        cosine = cosine > 0 ? cosine : 0, facing = facing > 0 ? facing : 0;
        float c2 = cosine * cosine, c4 = c2 * c2, c16 = c4 * c4 * c4 * c4;
        float beam = 0.06f * c2 + c16 + 2.0f * c16 * c16 * c16; // stray light, cone, hot spot
        lit[i] = power * inverse * inverse * (beam * facing + 0.012f) * passed[i];
        float along = eye.x * rx[i] + eye.y * ry[i] + eye.z * rz[i];
        float across = eye_square - along * along;
        float halo = scatter / (sqrtf(across > 0 ? across : 0) + 0.06f);
        air[i] = along < depth[i] ? halo : 0.0f; // otherwise hidden behind the rock
    }
}

#define CHUNK 256

// Add the cap lamps to lit (irradiance, before albedo) and air (scattered by dust), each (count, 4): BGR and one unused.
void davy_moving_light(const Scene *s, const Coarse *g, const Light *lights, int lamps, float extinction, float *lit, float *air) {
    float fallen[CHUNK], scattered[CHUNK];
    for (int k = 0; k < lamps; k++) {
        const Light *l = lights + k;
        Vec lamp = load_vec(l->position), eye = sub(lamp, load_vec(s->origin));
        for (int o = 0; o < g->count; o += CHUNK) {
            int count = g->count - o < CHUNK ? g->count - o : CHUNK;
            cap_lamp(count, g->x + o, g->y + o, g->z + o, g->nx + o, g->ny + o, g->nz + o, g->rx + o, g->ry + o, g->rz + o, g->depth + o,
                     g->passed + o, lamp, load_vec(l->aim), eye, l->power, l->power * extinction * 0.22f, fallen, scattered);
            for (int i = 0; i < count; i++)
                for (int c = 0; c < 3; c++) {
                    lit[4 * (o + i) + c] += fallen[i] * l->colour[c];
                    air[4 * (o + i) + c] += scattered[i] * l->colour[c];
                }
        }
    }
}

EXPORT_ABI
EXPORT_SIZE(Scene)
EXPORT_SIZE(Surface)
EXPORT_SIZE(Light)
EXPORT_SIZE(Coarse)
