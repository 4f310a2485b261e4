// Miners as capsules: ray-cast inside their bounding boxes over the static picture, lit by every lamp.
#include "vectors.h"
#include "abi.h"

typedef struct {
    float a[3], b[3], radius;
    float colour[3];              // albedo, BGR
    float stripe_from, stripe_to; // reflective band as fractions from a to b; none where equal
    float glow;                   // > 0: emits light
} Body;

typedef struct {
    const float *depth; // static scene, which hides bodies behind it
    float *nearest;     // depth of the bodies, FAR where empty
    float *radiance;    // BGR
    int box[4];         // bounds of all bodies: left, top, right, bottom
} Canvas;

static inline float hit_capsule(Vec o, Vec d, const Body *c, float *share) {
    Vec a = load_vec(c->a), ba = sub(load_vec(c->b), a), oa = sub(o, a);
    float baba = dot(ba, ba), bard = dot(ba, d), baoa = dot(ba, oa), rdoa = dot(d, oa), oaoa = dot(oa, oa);
    float r2 = c->radius * c->radius;
    float qa = baba - bard * bard, qb = baba * rdoa - baoa * bard, qc = baba * oaoa - baoa * baoa - r2 * baba;
    float h = qb * qb - qa * qc;
    if (h < 0) return -1;
    float t = (-qb - sqrtf(h)) / larger(qa, 1e-9f), y = baoa + t * bard;
    if (y > 0 && y < baba) {
        *share = y / baba;
        return t;
    }
    *share = y <= 0 ? 0 : 1;
    Vec oc = y <= 0 ? oa : sub(o, load_vec(c->b));
    float qb2 = dot(d, oc), h2 = qb2 * qb2 - (dot(oc, oc) - r2);
    return h2 > 0 ? -qb2 - sqrtf(h2) : -1;
}

// Bounding box of a capsule in the picture: left, top, right, bottom. Returns 0 if it is empty or behind the lens.
static int bounds(const Scene *s, const Body *c, int box[4]) {
    float left = 1e9f, top = 1e9f, right = -1e9f, bottom = -1e9f;
    for (int end = 0; end < 2; end++) {
        Vec p = sub(load_vec(end ? c->b : c->a), load_vec(s->origin));
        float z = dot(p, load_vec(s->forward)) - c->radius;
        if (z < 0.2f) return 0;
        float x = s->centre_x + s->focal * dot(p, load_vec(s->right)) / (z + c->radius);
        float y = s->centre_y - s->focal * dot(p, load_vec(s->up)) / (z + c->radius), r = 1.15f * s->focal * c->radius / z + 1;
        left = smaller(left, x - r), right = larger(right, x + r), top = smaller(top, y - r), bottom = larger(bottom, y + r);
    }
    box[0] = (int)clamp(left, 0, s->width), box[2] = (int)clamp(right + 1, 0, s->width);
    box[1] = (int)clamp(top, 0, s->height), box[3] = (int)clamp(bottom + 1, 0, s->height);
    return box[0] < box[2] && box[1] < box[3];
}

static void shade(const Scene *s, const Body *c, Vec ray, float t, float share, const Light *lights, int lamps, float ambient,
                  float extinction, int even, float *bgr) {
    Vec p = add(load_vec(s->origin), mul(ray, t)), a = load_vec(c->a), way;
    Vec n = unit(sub(p, add(a, mul(sub(load_vec(c->b), a), share))));
    int stripe = share > c->stripe_from && share < c->stripe_to;
    float light_bgr[3] = {ambient, ambient, ambient};
    if (even) {
        float level = 0.55f + 0.25f * n.y - 0.3f * dot(n, ray);
        for (int k = 0; k < 3; k++) light_bgr[k] = level;
    } else
        for (int k = 0; k < lamps; k++) {
            float strength = arriving(lights + k, p, &way) * (larger(dot(n, way), 0) + 0.03f);
            for (int j = 0; j < 3; j++) light_bgr[j] += strength * lights[k].colour[j];
        }
    float passed = even ? 1.0f : expf(-extinction * t), fold = 1.0f - 0.25f * (0.5f + 0.5f * sinf(37 * share + 5 * n.x)) * !stripe;
    for (int k = 0; k < 3; k++) {
        float albedo = stripe ? (even ? 0.75f : 1.6f) : c->colour[k] * fold; // retroreflective: brighter than white in the dark
        bgr[k] = passed * (albedo * light_bgr[k] + (c->glow > 0 ? (even ? 0.6f : c->glow) : 0));
    }
}

void davy_bodies(const Scene *s, const Body *bodies, int count, const Light *lights, int lamps, float ambient, float extinction, int even,
                 Canvas *to) {
    for (int k = 0; k < count; k++) {
        int box[4];
        if (!bounds(s, bodies + k, box)) continue;
        for (int e = 0; e < 2; e++) {
            to->box[e] = box[e] < to->box[e] ? box[e] : to->box[e];
            to->box[e + 2] = box[e + 2] > to->box[e + 2] ? box[e + 2] : to->box[e + 2];
        }
        for (int row = box[1]; row < box[3]; row++)
            for (int column = box[0]; column < box[2]; column++) {
                size_t i = (size_t)row * s->width + column;
                Vec ray = ray_of(s, column, row);
                float share = 0, t = hit_capsule(load_vec(s->origin), ray, bodies + k, &share);
                if (t <= 0.1f || t > to->depth[i] || t >= to->nearest[i]) continue;
                to->nearest[i] = t;
                shade(s, bodies + k, ray, t, share, lights, lamps, ambient, extinction, even, to->radiance + 3 * i);
            }
    }
}

EXPORT_ABI
EXPORT_SIZE(Scene)
EXPORT_SIZE(Body)
EXPORT_SIZE(Light)
EXPORT_SIZE(Canvas)
