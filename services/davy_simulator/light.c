/* Light in the mine: what does not move is computed once per camera, the lamps on the miners' caps once per frame. */
#include "mine.h"
#include "abi.h"

typedef struct {
    const float *depth, *normal, *albedo, *gloss; /* the G-buffer */
    const uint8_t *material;
    const float *open, *seen; /* ambient occlusion; how much of the lamp is seen; both of full size */
    float extinction;         /* dust, 1/m */
    float bounce;             /* light that the walls throw back, as a share of the lamp's */
} surface;

/* Add one lamp's light to radiance (BGR), as it reaches the lens through the dust. */
void mine_lamp(const scene *s, const surface *g, const light *l, float glow, float *radiance) {
    for (int row = 0; row < s->height; row++)
        for (int column = 0; column < s->width; column++) {
            size_t i = (size_t)row * s->width + column;
            vec ray = ray_of(s, column, row), n = of(g->normal + 3 * i), way;
            vec p = add(of(s->origin), mul(ray, g->depth[i]));
            float passed = expf(-g->extinction * g->depth[i]);
            vec gap = sub(p, of(l->position));
            float square = dot(gap, gap);
            if (g->material[i] == LAMP) { /* the glass of this lamp, or of another, which light does not enter */
                if (square < 0.09f)
                    for (int c = 0; c < 3; c++) radiance[3 * i + c] += glow * passed * (0.4f + 0.6f * l->colour[c]);
                continue;
            }
            float strength = arriving(l, p, &way);
            float lambert = larger(dot(n, way), 0) * strength * g->seen[i];
            float shine = larger(dot(n, unit(sub(way, ray))), 0);
            shine *= shine, shine *= shine, shine *= shine, shine *= shine, shine *= shine; /* to the 32nd */
            float spark = g->gloss[i] * shine * 2.5f * strength * g->seen[i];
            float fill = g->bounce * l->power * g->open[i] / (square + 6.0f);
            for (int c = 0; c < 3; c++)
                radiance[3 * i + c] +=
                    passed * l->colour[c] * (g->albedo[3 * i + c] * (lambert * (0.35f + 0.65f * g->open[i]) + fill) + spark);
        }
}

/* The same scene under even light and clear air: what a well-lit camera would see. */
void mine_even(const scene *s, const surface *g, float *radiance) {
    for (int row = 0; row < s->height; row++)
        for (int column = 0; column < s->width; column++) {
            size_t i = (size_t)row * s->width + column;
            vec ray = ray_of(s, column, row), n = of(g->normal + 3 * i);
            float level = g->open[i] * (0.55f + 0.25f * n.y - 0.3f * dot(n, ray)); /* soft light from above and behind */
            for (int c = 0; c < 3; c++) radiance[3 * i + c] = g->material[i] == LAMP ? 2.0f : g->albedo[3 * i + c] * larger(level, 0.05f);
        }
}

/* Low-resolution planes of one frame, as separate arrays so that the loops vectorise. */
typedef struct {
    int count;
    const float *x, *y, *z;    /* points, m */
    const float *nx, *ny, *nz; /* normals */
    const float *rx, *ry, *rz; /* rays */
    const float *depth;        /* m along the ray */
    const float *passed;       /* through the dust */
} coarse;

/* One cap lamp on `count` points: light that falls on them, and light that the dust before them scatters into the lens. */
static inline __attribute__((always_inline)) void cap_lamp(int count, const float *restrict x, const float *restrict y,
                                                           const float *restrict z, const float *restrict nx, const float *restrict ny,
                                                           const float *restrict nz, const float *restrict rx, const float *restrict ry,
                                                           const float *restrict rz, const float *restrict depth,
                                                           const float *restrict passed, vec lamp, vec aim, vec eye, float power,
                                                           float scatter, float *restrict lit, float *restrict air) {
    float eye_square = dot(eye, eye);
    for (int i = 0; i < count; i++) {
        float dx = x[i] - lamp.x, dy = y[i] - lamp.y, dz = z[i] - lamp.z;
        float square = dx * dx + dy * dy + dz * dz + 0.04f, inverse = 1.0f / sqrtf(square);
        float cosine = (dx * aim.x + dy * aim.y + dz * aim.z) * inverse;
        float facing = -(dx * nx[i] + dy * ny[i] + dz * nz[i]) * inverse;
        cosine = cosine > 0 ? cosine : 0, facing = facing > 0 ? facing : 0;
        float c2 = cosine * cosine, c4 = c2 * c2, c16 = c4 * c4 * c4 * c4;
        float beam = 0.06f * c2 + c16 + 2.0f * c16 * c16 * c16; /* stray light, the cone, the hot spot */
        lit[i] = power * inverse * inverse * (beam * facing + 0.012f) * passed[i];
        float along = eye.x * rx[i] + eye.y * ry[i] + eye.z * rz[i];
        float beside = eye_square - along * along;
        float halo = scatter / (sqrtf(beside > 0 ? beside : 0) + 0.06f);
        air[i] = along < depth[i] ? halo : 0.0f; /* hidden behind the rock where it is not */
    }
}

#define CHUNK 256

/* Cap lamps: light on the rock (to be multiplied by albedo), and light scattered by dust, are added to lit and air, each
 * (count, 4): BGR and a spare. */
void mine_moving_light(const scene *s, const coarse *g, const light *lights, int lamps, float extinction, float *lit, float *air) {
    float fallen[CHUNK], scattered[CHUNK];
    for (int k = 0; k < lamps; k++) {
        const light *l = lights + k;
        vec lamp = of(l->position), eye = sub(lamp, of(s->origin));
        for (int o = 0; o < g->count; o += CHUNK) {
            int count = g->count - o < CHUNK ? g->count - o : CHUNK;
            cap_lamp(count, g->x + o, g->y + o, g->z + o, g->nx + o, g->ny + o, g->nz + o, g->rx + o, g->ry + o, g->rz + o, g->depth + o,
                     g->passed + o, lamp, of(l->aim), eye, l->power, l->power * extinction * 0.22f, fallen, scattered);
            for (int i = 0; i < count; i++)
                for (int c = 0; c < 3; c++) {
                    lit[4 * (o + i) + c] += fallen[i] * l->colour[c];
                    air[4 * (o + i) + c] += scattered[i] * l->colour[c];
                }
        }
    }
}

EXPORT_ABI
EXPORT_SIZE(Scene, scene)
EXPORT_SIZE(Surface, surface)
EXPORT_SIZE(Light, light)
EXPORT_SIZE(Coarse, coarse)
