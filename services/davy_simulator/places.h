// Signed distance fields of the four places: distance and material at a point. Metres; x to the right, y up, z along the
// roadway, the floor at y = 0.
#pragma once
#include "shapes.h"

enum Place { GALLERY, FACE, CONVEYOR, JUNCTION };

static inline float bend(float z, float k) { return k * z * z / (1 + 0.02f * fabsf(z)); }

static inline void gallery(const Scene *s, Vec p, float *best, int *found) {
    p.x -= bend(p.z, 0.006f);
    float profile = arch(p.x, p.y, 2.5f, 1.5f);
    nearer(rough(s, p, profile, 0.16f), ROCK, best, found);
    nearer(uneven_floor(s, p), FLOOR, best, found);
    steel_ribs(profile, p.z, 1.25f, best, found);
    Vec track = {p.x + 0.45f, p.y, p.z};
    rails(track, 0.9f, best, found);
    pipes(p, 2.2f, best, found);
    cables(p, -2.28f, 2.05f, best, found);
    nearer(box3(p.x - 2.05f, p.y - 1.75f, p.z - 9.0f, 0.02f, 0.22f, 0.32f), SIGN, best, found);
    nearer(box3(p.x - 1.7f, p.y - 0.25f, p.z - 11.5f, 0.3f, 0.3f, 0.55f) - 0.03f, PAINT, best, found);
}

static inline void roadheader(Vec p, float *best, int *found) {
    p.x += 0.2f, p.z -= 8.6f;
    float bound = box3(p.x, p.y - 1.1f, p.z, 1.5f, 1.3f, 4.6f);
    if (bound > 0.8f) {
        nearer(bound, PAINT, best, found);
        return;
    }
    float side = fabsf(p.x);
    nearer(box3(side - 0.85f, p.y - 0.38f, p.z + 0.2f, 0.24f, 0.26f, 1.75f) - 0.1f, DARK_STEEL, best, found); // tracks
    nearer(box3(p.x, p.y - 0.95f, p.z + 0.3f, 0.75f, 0.3f, 1.7f) - 0.05f, PAINT, best, found);                // hull
    nearer(box3(p.x - 0.45f, p.y - 1.5f, p.z + 0.2f, 0.35f, 0.35f, 0.55f) - 0.03f, PAINT, best, found);       // cab
    nearer(box3(p.x - 0.45f, p.y - 2.02f, p.z + 0.2f, 0.45f, 0.03f, 0.7f), DARK_STEEL, best, found);          // canopy
    nearer(box3(p.x + 0.5f, p.y - 1.35f, p.z + 1.0f, 0.22f, 0.16f, 0.6f) - 0.04f, DARK_STEEL, best, found);   // motor
    nearer(capsule(p, (Vec){0, 1.15f, 1.2f}, (Vec){0.25f, 1.75f, 3.3f}, 0.24f), PAINT, best, found);          // boom
    nearer(capsule(p, (Vec){-0.3f, 1.0f, 1.3f}, (Vec){-0.1f, 1.45f, 2.7f}, 0.07f), STEEL, best, found);       // ram
    Vec head = sub(p, (Vec){0.3f, 1.85f, 3.75f});
    float length = sqrtf(dot(head, head));
    float teeth = 0.05f * sinf(13 * atan2f(head.y, head.x) + 9 * head.z) * sinf(14 * head.z);
    nearer((length - 0.42f - teeth) * 0.7f, STEEL, best, found);                                    // cutting head
    nearer(box3(p.x, p.y - 0.2f, p.z - 2.3f, 1.15f, 0.05f, 0.6f) - 0.03f, STEEL, best, found);      // apron
    nearer(box3(p.x, p.y - 0.75f, p.z + 3.2f, 0.3f, 0.06f, 1.5f) - 0.02f, DARK_STEEL, best, found); // tail conveyor
}

static inline void face(const Scene *s, Vec p, float *best, int *found) {
    float profile = arch(p.x, p.y, 2.9f, 1.4f);
    nearer(rough(s, p, profile, 0.22f), ROCK, best, found);
    float wall = 13.2f - p.z + 0.15f * fabsf(p.x); // the coal face
    nearer(rough(s, p, wall, 0.45f) * 0.85f, COAL, best, found);
    nearer(uneven_floor(s, p), FLOOR, best, found);
    Vec heap = sub(p, (Vec){1.5f, -0.35f, 11.9f});
    heap.y *= 1.6f;
    nearer(rough(s, p, sqrtf(dot(heap, heap)) - 1.2f, 0.22f) * 0.55f, COAL, best, found);
    if (p.z < 9.4f)
        steel_ribs(profile, p.z, 1.0f, best, found);
    else
        nearer(larger(p.z - 9.2f, 0.3f), STEEL, best, found);
    roadheader(p, best, found);
    cables(p, -2.65f, 1.9f, best, found);
    Vec duct = {p.x - 1.75f, p.y - 3.05f, p.z}; // ventilation duct, with seams
    float ring = 0.012f * cosf(p.z * 12.0f);
    float tube = sqrtf(duct.x * duct.x + duct.y * duct.y) - 0.4f - ring;
    nearer(larger(tube, p.z - 10.5f) * 0.9f, SIGN, best, found);
}

static inline void conveyor(const Scene *s, Vec p, float *best, int *found) {
    p.x -= bend(p.z, -0.003f);
    float profile = trapezium(p.x, p.y, 2.35f, 2.75f, 0.12f);
    nearer(rough(s, p, profile + 0.12f, 0.14f), ROCK, best, found);
    nearer(uneven_floor(s, p), FLOOR, best, found);
    float z = repeat(p.z, 1.35f), lean = fabsf(p.x) + 0.12f * p.y - 2.2f;
    float wobble = 0.02f * noise(s, p.x, p.y * 1.5f, floor_fast(p.z / 1.35f + 0.5f) * 3.7f);
    nearer((sqrtf(lean * lean + z * z) - 0.105f - wobble) * 0.95f, WOOD, best, found); // props
    float top = p.y - 2.6f;
    nearer(larger(sqrtf(top * top + z * z) - 0.12f - wobble, fabsf(p.x) - 2.1f), WOOD, best, found); // bars
    float bay = floor_fast(p.z / 1.35f), course = floor_fast(p.y / 0.25f); // planks behind the props; some have fallen
    if (noise(s, bay * 1.7f + (p.x > 0 ? 9 : 0), course * 1.3f, 2.5f) > -0.15f && p.y > 0.7f)
        nearer(box2(profile - 0.01f, repeat(p.y - 0.125f, 0.25f), 0.025f, 0.115f) * 0.8f, WOOD, best, found);
    // the belt: a trough on idlers
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
        nearer(larger(fabsf(p.y - 0.3f) - 0.012f, edge - 0.55f), DARK_STEEL, best, found); // return run
        nearer(box2(edge - 0.72f, p.y - 0.62f, 0.035f, 0.07f), PAINT, best, found);        // stringers
        float leg = repeat(p.z, 1.8f);
        nearer(box3(edge - 0.72f, p.y - 0.3f, leg, 0.03f, 0.34f, 0.04f), PAINT, best, found);
        nearer(larger(sqrtf((p.y - 0.6f) * (p.y - 0.6f) + leg * leg) - 0.06f, edge - 0.62f), STEEL, best, found); // idlers
    }
    cables(p, 1.98f, 2.05f, best, found);
    float pipe = sqrtf((p.x - 1.95f) * (p.x - 1.95f) + (p.y - 0.5f) * (p.y - 0.5f)) - 0.1f;
    nearer(pipe, PIPE, best, found);
}

static inline void junction(const Scene *s, Vec p, float *best, int *found) {
    float main_road = arch(p.x - bend(p.z, -0.004f), p.y, 2.7f, 1.3f);
    // the second roadway leaves to the right, 50 degrees off, from z = 8 on
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
    Vec track = {p.x + 0.5f - bend(p.z, -0.004f), p.y, p.z};
    rails(track, 0.9f, best, found);
    cables(track, -2.45f + 0.5f, 2.0f, best, found);
    Vec prop = {fabsf(p.x - 2.55f), p.y, fabsf(p.z - 6.6f)};
    nearer(sqrtf(prop.x * prop.x + prop.z * prop.z) - 0.12f, WOOD, best, found);
    nearer(box3(p.x + 1.9f, p.y - 0.3f, p.z - 7.0f, 0.35f, 0.3f, 0.7f) - 0.04f, PAINT, best, found); // a chest
    nearer(box3(p.x - 2.2f, p.y - 2.0f, p.z - 6.45f, 0.38f, 0.24f, 0.02f), SIGN, best, found);
}

static inline float distance_at(const Scene *s, Vec p, int *material) {
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
        Vec q = sub(p, load_vec(s->lamp[i]));
        q.x = larger(fabsf(q.x) - 0.10f, 0);
        nearer(sqrtf(dot(q, q)) - 0.055f, LAMP, &best, &found);
    }
    *material = found;
    return best;
}
