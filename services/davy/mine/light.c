/* Light in the mine: what does not move is computed once per camera, the lamps on the miners' caps once per frame. */
#include "mine.h"

typedef struct {
    const float *depth, *normal, *albedo, *gloss; /* the G-buffer */
    const uint8_t *material;
    const float *open, *seen; /* ambient occlusion; how much of the lamp is seen; both of full size */
    float extinction;         /* dust, 1/m */
    float bounce;             /* light that the walls throw back, as a share of the lamp's */
} surface;

/* Add one lamp's light to radiance (BGR), as it reaches the lens through the dust. */
HOT void mine_lamp(const scene *s, const surface *g, const light *l, float glow, float *radiance) {
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
                radiance[3 * i + c] += passed * l->colour[c] * (g->albedo[3 * i + c] * (lambert * (0.35f + 0.65f * g->open[i]) + fill) + spark);
        }
}

/* The same scene under even light and clear air: what a well-lit camera would see. */
HOT void mine_even(const scene *s, const surface *g, float *radiance) {
    for (int row = 0; row < s->height; row++)
        for (int column = 0; column < s->width; column++) {
            size_t i = (size_t)row * s->width + column;
            vec ray = ray_of(s, column, row), n = of(g->normal + 3 * i);
            float level = g->open[i] * (0.55f + 0.25f * n.y - 0.3f * dot(n, ray)); /* soft light from above and behind */
            for (int c = 0; c < 3; c++)
                radiance[3 * i + c] = g->material[i] == LAMP ? 2.0f : g->albedo[3 * i + c] * larger(level, 0.05f);
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

/* Cap lamps: light on the rock (to be multiplied by albedo) and light scattered by dust, each (count, 4), BGR and a spare. */
HOT void mine_moving_light(const scene *s, const coarse *g, const light *lights, int lamps, float extinction, float *lit, float *air) {
    for (int k = 0; k < lamps; k++) {
        const light *l = lights + k;
        vec lamp = of(l->position), aim = of(l->aim), eye = sub(lamp, of(s->origin));
        float eye_square = dot(eye, eye);
        for (int i = 0; i < g->count; i++) {
            float dx = g->x[i] - lamp.x, dy = g->y[i] - lamp.y, dz = g->z[i] - lamp.z;
            float square = dx * dx + dy * dy + dz * dz + 0.04f, inverse = 1.0f / sqrtf(square);
            float cosine = larger((dx * aim.x + dy * aim.y + dz * aim.z) * inverse, 0);
            float facing = larger(-(dx * g->nx[i] + dy * g->ny[i] + dz * g->nz[i]) * inverse, 0);
            float c2 = cosine * cosine, c4 = c2 * c2, c16 = c4 * c4 * c4 * c4;
            float beam = 0.06f * c2 + c16 + 2.0f * c16 * c16 * c16; /* stray light, the cone, the hot spot */
            float level = l->power * inverse * inverse * (beam * facing + 0.012f) * g->passed[i];
            float along = eye.x * g->rx[i] + eye.y * g->ry[i] + eye.z * g->rz[i];
            float beside = larger(eye_square - along * along, 0);
            float before = along < g->depth[i] ? 1.0f : 0.0f;
            float halo = before * l->power * extinction * 0.22f / (sqrtf(beside) + 0.06f);
            for (int c = 0; c < 3; c++) {
                lit[4 * i + c] += level * l->colour[c];
                air[4 * i + c] += halo * l->colour[c];
            }
        }
    }
}
