/* The static mine: signed distance fields of four places, ray-marched once per camera into a G-buffer.
 *
 * Metres; x to the right, y up, z along the roadway, the floor at y = 0. Called from davy_simulator.kernels.
 */
#include "shapes.h"
#include "abi.h"

#define FAR_M 70.0f
#define BLOCK 8

enum place { GALLERY, FACE, CONVEYOR, JUNCTION };

/* --- the places ----------------------------------------------------------------------------------------------------- */

static inline float bend(float z, float k) { return k * z * z / (1 + 0.02f * fabsf(z)); }

static inline void gallery(const scene *s, vec p, float *best, int *found) {
    p.x -= bend(p.z, 0.006f);
    float profile = arch(p.x, p.y, 2.5f, 1.5f);
    nearer(rough(s, p, profile, 0.16f), ROCK, best, found);
    nearer(uneven_floor(s, p), FLOOR, best, found);
    steel_ribs(profile, p.z, 1.25f, best, found);
    vec track = {p.x + 0.45f, p.y, p.z};
    rails(track, 0.9f, best, found);
    pipes(p, 2.2f, best, found);
    cables(p, -2.28f, 2.05f, best, found);
    nearer(box3(p.x - 2.05f, p.y - 1.75f, p.z - 9.0f, 0.02f, 0.22f, 0.32f), SIGN, best, found);
    nearer(box3(p.x - 1.7f, p.y - 0.25f, p.z - 11.5f, 0.3f, 0.3f, 0.55f) - 0.03f, PAINT, best, found);
}

static inline void roadheader(vec p, float *best, int *found) {
    p.x += 0.2f, p.z -= 8.6f;
    float bound = box3(p.x, p.y - 1.1f, p.z, 1.5f, 1.3f, 4.6f);
    if (bound > 0.8f) {
        nearer(bound, PAINT, best, found);
        return;
    }
    float side = fabsf(p.x);
    nearer(box3(side - 0.85f, p.y - 0.38f, p.z + 0.2f, 0.24f, 0.26f, 1.75f) - 0.1f, DARK_STEEL, best, found); /* tracks */
    nearer(box3(p.x, p.y - 0.95f, p.z + 0.3f, 0.75f, 0.3f, 1.7f) - 0.05f, PAINT, best, found);                /* hull */
    nearer(box3(p.x - 0.45f, p.y - 1.5f, p.z + 0.2f, 0.35f, 0.35f, 0.55f) - 0.03f, PAINT, best, found);       /* cab */
    nearer(box3(p.x - 0.45f, p.y - 2.02f, p.z + 0.2f, 0.45f, 0.03f, 0.7f), DARK_STEEL, best, found);          /* canopy */
    nearer(box3(p.x + 0.5f, p.y - 1.35f, p.z + 1.0f, 0.22f, 0.16f, 0.6f) - 0.04f, DARK_STEEL, best, found);   /* motor */
    nearer(capsule(p, (vec){0, 1.15f, 1.2f}, (vec){0.25f, 1.75f, 3.3f}, 0.24f), PAINT, best, found);          /* boom */
    nearer(capsule(p, (vec){-0.3f, 1.0f, 1.3f}, (vec){-0.1f, 1.45f, 2.7f}, 0.07f), STEEL, best, found);       /* ram */
    vec head = sub(p, (vec){0.3f, 1.85f, 3.75f});
    float length = sqrtf(dot(head, head));
    float teeth = 0.05f * sinf(13 * atan2f(head.y, head.x) + 9 * head.z) * sinf(14 * head.z);
    nearer((length - 0.42f - teeth) * 0.7f, STEEL, best, found);                                    /* cutting head */
    nearer(box3(p.x, p.y - 0.2f, p.z - 2.3f, 1.15f, 0.05f, 0.6f) - 0.03f, STEEL, best, found);      /* apron */
    nearer(box3(p.x, p.y - 0.75f, p.z + 3.2f, 0.3f, 0.06f, 1.5f) - 0.02f, DARK_STEEL, best, found); /* tail conveyor */
}

static inline void face(const scene *s, vec p, float *best, int *found) {
    float profile = arch(p.x, p.y, 2.9f, 1.4f);
    nearer(rough(s, p, profile, 0.22f), ROCK, best, found);
    float wall = 13.2f - p.z + 0.15f * fabsf(p.x); /* the coal face */
    nearer(rough(s, p, wall, 0.45f) * 0.85f, COAL, best, found);
    nearer(uneven_floor(s, p), FLOOR, best, found);
    vec heap = sub(p, (vec){1.5f, -0.35f, 11.9f});
    heap.y *= 1.6f;
    nearer(rough(s, p, sqrtf(dot(heap, heap)) - 1.2f, 0.22f) * 0.55f, COAL, best, found);
    if (p.z < 9.4f)
        steel_ribs(profile, p.z, 1.0f, best, found);
    else
        nearer(larger(p.z - 9.2f, 0.3f), STEEL, best, found);
    roadheader(p, best, found);
    cables(p, -2.65f, 1.9f, best, found);
    vec duct = {p.x - 1.75f, p.y - 3.05f, p.z}; /* ventilation duct, with seams */
    float ring = 0.012f * cosf(p.z * 12.0f);
    float tube = sqrtf(duct.x * duct.x + duct.y * duct.y) - 0.4f - ring;
    nearer(larger(tube, p.z - 10.5f) * 0.9f, SIGN, best, found);
}

static inline void conveyor(const scene *s, vec p, float *best, int *found) {
    p.x -= bend(p.z, -0.003f);
    float profile = trapezium(p.x, p.y, 2.35f, 2.75f, 0.12f);
    nearer(rough(s, p, profile + 0.12f, 0.14f), ROCK, best, found);
    nearer(uneven_floor(s, p), FLOOR, best, found);
    float z = repeat(p.z, 1.35f), lean = fabsf(p.x) + 0.12f * p.y - 2.2f;
    float wobble = 0.02f * noise(s, p.x, p.y * 1.5f, whole(p.z / 1.35f + 0.5f) * 3.7f);
    nearer((sqrtf(lean * lean + z * z) - 0.105f - wobble) * 0.95f, WOOD, best, found); /* props */
    float top = p.y - 2.6f;
    nearer(larger(sqrtf(top * top + z * z) - 0.12f - wobble, fabsf(p.x) - 2.1f), WOOD, best, found); /* bars */
    float bay = whole(p.z / 1.35f), course = whole(p.y / 0.25f); /* planks behind the props; some have fallen */
    if (noise(s, bay * 1.7f + (p.x > 0 ? 9 : 0), course * 1.3f, 2.5f) > -0.15f && p.y > 0.7f)
        nearer(box2(profile - 0.01f, repeat(p.y - 0.125f, 0.25f), 0.025f, 0.115f) * 0.8f, WOOD, best, found);
    /* the belt: a trough on idlers */
    float x = p.x + 0.35f, edge = fabsf(x);
    float bound = box2(x, p.y - 0.55f, 0.85f, 0.6f);
    if (bound > 0.5f) {
        nearer(bound, BELT, best, found);
    } else {
        float trough = 0.72f + 0.3f * larger(edge - 0.25f, 0);
        float heap = 0.17f * (1 - (x * x) / (0.48f * 0.48f));
        heap = larger(heap, 0) * (1 + 0.25f * noise(s, p.x * 4, 3.5f, p.z * 0.6f));
        nearer(larger(fabsf(p.y - trough) - 0.02f, edge - 0.6f) * 0.9f, BELT, best, found);
        nearer(larger(p.y - trough - heap, larger(trough - 0.02f - p.y, edge - 0.5f)) * 0.85f, BELT, best, found);
        nearer(larger(fabsf(p.y - 0.3f) - 0.012f, edge - 0.55f), DARK_STEEL, best, found); /* return run */
        nearer(box2(edge - 0.72f, p.y - 0.62f, 0.035f, 0.07f), PAINT, best, found);        /* stringers */
        float leg = repeat(p.z, 1.8f);
        nearer(box3(edge - 0.72f, p.y - 0.3f, leg, 0.03f, 0.34f, 0.04f), PAINT, best, found);
        nearer(larger(sqrtf((p.y - 0.6f) * (p.y - 0.6f) + leg * leg) - 0.06f, edge - 0.62f), STEEL, best, found); /* idlers */
    }
    cables(p, 1.98f, 2.05f, best, found);
    float pipe = sqrtf((p.x - 1.95f) * (p.x - 1.95f) + (p.y - 0.5f) * (p.y - 0.5f)) - 0.1f;
    nearer(pipe, PIPE, best, found);
}

static inline void junction(const scene *s, vec p, float *best, int *found) {
    float main_road = arch(p.x - bend(p.z, -0.004f), p.y, 2.7f, 1.3f);
    /* the second roadway leaves to the right, 50 degrees off, from z = 8 on */
    float u = (p.x - 1.0f) * 0.77f + (p.z - 8.5f) * 0.64f, v = (p.x - 1.0f) * -0.64f + (p.z - 8.5f) * 0.77f;
    float side_road = arch(v, p.y, 2.2f, 1.2f);
    side_road = smaller(side_road, u + 1.5f);
    float air = larger(main_road, side_road);
    nearer(rough(s, p, air, 0.2f) * 0.9f, ROCK, best, found);
    nearer(uneven_floor(s, p), FLOOR, best, found);
    if (side_road < main_road) {
        if (side_road < 0.15f) steel_ribs(main_road, p.z, 1.4f, best, found);
    } else if (main_road < 0.15f)
        steel_ribs(side_road, u, 1.4f, best, found);
    vec track = {p.x + 0.5f - bend(p.z, -0.004f), p.y, p.z};
    rails(track, 0.9f, best, found);
    cables(track, -2.45f + 0.5f, 2.0f, best, found);
    vec prop = {fabsf(p.x - 2.55f), p.y, fabsf(p.z - 6.6f)};
    nearer(sqrtf(prop.x * prop.x + prop.z * prop.z) - 0.12f, WOOD, best, found);
    nearer(box3(p.x + 1.9f, p.y - 0.3f, p.z - 7.0f, 0.35f, 0.3f, 0.7f) - 0.04f, PAINT, best, found); /* a chest */
    nearer(box3(p.x - 2.2f, p.y - 2.0f, p.z - 6.45f, 0.38f, 0.24f, 0.02f), SIGN, best, found);
}

static inline float distance_at(const scene *s, vec p, int *material) {
    float best = 1e9f;
    int found = ROCK;
    switch (s->place) {
    case GALLERY:
        gallery(s, p, &best, &found);
        break;
    case FACE:
        face(s, p, &best, &found);
        break;
    case CONVEYOR:
        conveyor(s, p, &best, &found);
        break;
    default:
        junction(s, p, &best, &found);
    }
    for (int i = 0; i < s->lamps; i++) {
        vec q = sub(p, of(s->lamp[i]));
        q.x = larger(fabsf(q.x) - 0.10f, 0);
        nearer(sqrtf(dot(q, q)) - 0.055f, LAMP, &best, &found);
    }
    *material = found;
    return best;
}

/* --- what stands at a point ----------------------------------------------------------------------------------------- */

static inline void paint(float *bgr, float b, float g, float r) { bgr[0] = b, bgr[1] = g, bgr[2] = r; }

static void albedo_at(const scene *s, vec p, vec n, float depth, int material, float *bgr, float *gloss) {
    float coarse = fbm(s, p, 0.7f, 2), fine = fbm(s, p, 7.0f, 3), k;
    float grit = depth < 14 ? fbm(s, p, 46.0f, 2) * step_to(14, 5, depth) : 0; /* finer than a pixel farther away */
    *gloss = 0.02f;
    switch (material) {
    case ROCK: {
        float seam = step_to(0.12f, -0.12f, fabsf(p.y - 1.25f - 0.35f * noise(s, p.x * 0.3f, 1, p.z * 0.3f)) - 0.45f + 0.3f * coarse);
        k = (0.29f + 0.10f * coarse + 0.24f * fine + 0.22f * grit) * mix(1.0f, 0.42f, seam);
        float crack = fabsf(noise(s, p.x * 1.9f + 3, p.y * 3.3f, p.z * 1.9f) + 0.45f * fine);
        k *= 1 - 0.6f * step_to(0.07f, 0.015f, crack); /* cracks follow the zero lines of noise */
        float mesh = smaller(fabsf(repeat(p.z, 0.12f)), fabsf(repeat(p.y + 0.3f * p.x, 0.12f)));
        if (s->place != CONVEYOR && p.y > 1.2f) k = mix(k, 0.34f, step_to(0.012f, 0.004f, mesh) * 0.6f * step_to(12, 4, depth));
        k = larger(k, 0.03f);
        paint(bgr, k * 0.86f, k * 0.95f, k * (1.0f + 0.08f * coarse));
        *gloss = 0.03f + 0.10f * step_to(0.2f, 0.5f, coarse);
        break;
    }
    case FLOOR: {
        float wet = step_to(0.08f, 0.3f, noise(s, p.x * 0.55f, 4.5f, p.z * 0.35f));
        k = larger(0.26f + 0.08f * coarse + 0.20f * fine + 0.26f * grit, 0.04f) * mix(1.0f, 0.45f, wet);
        paint(bgr, k * 0.82f, k * 0.93f, k);
        *gloss = 0.04f + 0.75f * wet;
        break;
    }
    case COAL:
        k = larger(0.11f + 0.03f * coarse + 0.12f * fine + 0.12f * grit, 0.025f);
        paint(bgr, k * 1.04f, k, k * 0.98f);
        *gloss = 0.35f;
        break;
    case STEEL:
    case DARK_STEEL: {
        float rust = step_to(-0.15f, 0.25f, coarse + 0.6f * fine);
        k = (material == STEEL ? 0.34f : 0.2f) * (1 + 0.5f * fine);
        paint(bgr, k * mix(1.0f, 0.42f, rust), k * mix(1.0f, 0.62f, rust), k * mix(1.0f, 0.95f, rust));
        *gloss = mix(0.35f, 0.08f, rust);
        if (material == DARK_STEEL && n.y > 0.7f && p.y > 0.16f && p.y < 0.25f)
            paint(bgr, 0.5f, 0.5f, 0.5f), *gloss = 0.9f; /* polished by wheels */
        break;
    }
    case WOOD: { /* the grain runs along the trunk: up the props, across the road in bars and sleepers, along the road in planks */
        int upright = s->place != GALLERY && p.y > 0.2f && p.y < 2.45f && fabsf(n.y) < 0.5f, across = !upright && fabsf(n.x) < 0.6f;
        float grain = noise(s, p.x * (across ? 1.5f : 37.0f), p.y * (upright ? 1.5f : 41.0f), p.z * (upright || across ? 43.0f : 2.0f));
        k = larger(0.28f * (1 + 0.45f * grain + 0.4f * fine + 0.2f * coarse), 0.03f);
    }
        paint(bgr, k * 0.54f, k * 0.77f, k);
        break;
    case PIPE:
        k = 0.36f * (1 + 0.5f * fine);
        if (fabsf(repeat(p.z, 4.0f)) < 0.06f)
            paint(bgr, k * 0.5f, k * 0.6f, k * 0.8f);
        else
            paint(bgr, k * (p.y > 0.95f ? 0.4f : 1.0f), k * (p.y > 0.95f ? 0.5f : 0.9f), k * (p.y > 0.95f ? 1.3f : 0.75f));
        *gloss = 0.3f;
        break;
    case CABLE:
        paint(bgr, 0.07f, 0.07f, 0.075f), *gloss = 0.12f;
        break;
    case BELT:
        paint(bgr, 0.2f, 0.2f, 0.2f), *gloss = 0.05f;
        break; /* its coal comes from a moving texture */
    case PAINT: {
        float dirt = step_to(-0.1f, 0.4f, coarse + fine);
        k = mix(1.0f, 0.4f, dirt);
        if (s->place == CONVEYOR)
            paint(bgr, 0.33f * k, 0.20f * k, 0.13f * k);
        else
            paint(bgr, 0.06f * k, 0.36f * k, 0.55f * k);
        if (s->place == FACE && p.z < 7.2f && p.y > 0.6f) { /* warning stripes at the stern */
            float stripe = repeat(p.x + p.y, 0.3f);
            if (stripe > 0) paint(bgr, 0.03f, 0.03f, 0.03f);
        }
        *gloss = 0.25f * (1 - dirt);
        break;
    }
    case SIGN:
        if (s->place == FACE)
            k = 0.42f * (1 + 0.3f * fine), paint(bgr, k * 0.45f, k * 0.95f, k); /* the duct is yellow cloth */
        else {
            float border = (fabsf(repeat(p.y * 5 + 0.2f, 1)) < 0.12f) ? 0.2f : 1.0f;
            paint(bgr, 0.10f * border, 0.55f * border, 0.62f * border);
        }
        *gloss = 0.2f;
        break;
    default:
        paint(bgr, 0.8f, 0.8f, 0.8f);
    }
}

/* Distance, and on rock its fine relief, which would only slow the march down. */
static inline float with_relief(const scene *s, vec p, int material, float d) {
    if (material != ROCK && material != FLOOR && material != COAL) return d;
    float relief = material == COAL ? 0.06f : material == FLOOR ? 0.025f : 0.05f;
    return d + relief * (fbm(s, p, 4.0f, 2) + 0.4f * fabsf(noise(s, p.x * 13, p.y * 13, p.z * 13)));
}

static inline float relief_at(const scene *s, vec p, int material) {
    int ignored;
    return with_relief(s, p, material, distance_at(s, p, &ignored));
}

/* Forward differences from a point of which the march has left the distance: a symmetric stencil costs a third more, and nobody sees the difference. */
static inline vec bumped_normal(const scene *s, vec p, float depth, int material, float d) {
    float e = larger(0.0016f * depth, 0.003f), here = with_relief(s, p, material, d);
    float x = relief_at(s, (vec){p.x + e, p.y, p.z}, material), y = relief_at(s, (vec){p.x, p.y + e, p.z}, material);
    return unit((vec){x - here, y - here, relief_at(s, (vec){p.x, p.y, p.z + e}, material) - here});
}

/* How far the cone of a block of `side` pixels goes from `start` before it may touch anything. */
static inline float clear_way(const scene *s, int column, int row, int side, float start) {
    float half = side / 2.0f, spread = 1.5f * half / s->focal, t = start;
    vec ray = ray_of(s, column + half - 0.5f, row + half - 0.5f);
    int ignored;
    for (int i = 0; i < 60 && t < FAR_M; i++) {
        float d = distance_at(s, add(of(s->origin), mul(ray, t)), &ignored) - spread * t;
        if (d < 0.001f * t) break;
        t += d * 0.8f;
    }
    return larger(t - 2 * spread * t, start);
}

/* One pixel, from a distance at which its ray is known to be free. */
static inline void march(const scene *s, int column, int row, float t, float *depth, float *normal, float *albedo, float *gloss,
                         uint8_t *material) {
    size_t i = (size_t)row * s->width + column;
    vec ray = ray_of(s, column, row), p = of(s->origin);
    int found = ROCK;
    float d = 0;
    for (int step = 0; step < 80 && t < FAR_M; step++) {
        p = add(of(s->origin), mul(ray, t));
        d = distance_at(s, p, &found);
        if (d < 0.0011f * t) break;
        t += d * 0.88f;
    }
    vec n = bumped_normal(s, p, t, found, d);
    depth[i] = t, material[i] = (uint8_t)found;
    normal[3 * i] = n.x, normal[3 * i + 1] = n.y, normal[3 * i + 2] = n.z;
    albedo_at(s, p, n, t, found, albedo + 3 * i, gloss + i);
}

/* G-buffer of the rows [first, last), first a multiple of 8: distance along the ray, normal, albedo (BGR), gloss, material.
 * Cones of 8 x 8, then of 2 x 2 pixels go first: along a wall they save most of the steps. */
void mine_gbuffer(const scene *s, int first, int last, float *depth, float *normal, float *albedo, float *gloss, uint8_t *material) {
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

/* For every `step`th pixel of the rows [first, last) of the coarse grid: ambient occlusion, and how much of each lamp it sees. */
void mine_visibility(const scene *s, int step, int first, int last, const float *depth, const float *normal, float *open, float *seen) {
    int columns = (s->width + step - 1) / step, rows = (s->height + step - 1) / step, ignored;
    for (int row = first; row < last; row++)
        for (int column = 0; column < columns; column++) {
            int y = row * step + step / 2, x = column * step + step / 2;
            y = y < s->height ? y : s->height - 1, x = x < s->width ? x : s->width - 1;
            size_t i = (size_t)y * s->width + x, o = (size_t)row * columns + column;
            vec n = of(normal + 3 * i), p = add(of(s->origin), mul(ray_of(s, x, y), depth[i] - 0.02f));
            float closed = 0, weight = 1;
            for (int k = 1; k <= 4; k++, weight *= 0.65f) {
                float h = 0.13f * k;
                closed += weight * larger(h - distance_at(s, add(p, mul(n, h)), &ignored), 0);
            }
            open[o] = clamp(1 - 1.5f * closed, 0.15f, 1);
            for (int lamp = 0; lamp < s->lamps; lamp++) {
                vec to = sub(of(s->lamp[lamp]), p);
                float reach = sqrtf(dot(to, to)) - 0.35f, lit = 1, t = 0.06f;
                vec way = unit(to);
                for (int k = 0; k < 34 && t < reach; k++) {
                    float d = distance_at(s, add(p, mul(way, t)), &ignored);
                    lit = smaller(lit, 14 * d / t);
                    if (lit < 0.02f) break;
                    t += clamp(d * 0.9f, 0.03f, 2.0f);
                }
                seen[((size_t)lamp * rows + row) * columns + column] = clamp(lit, 0, 1);
            }
        }
}

EXPORT_ABI
EXPORT_SIZE(Scene, scene)
