// Albedo, gloss and relief of the materials at a point.
#pragma once
#include "places.h"

static inline void paint(float *bgr, float b, float g, float r) { bgr[0] = b, bgr[1] = g, bgr[2] = r; }

static void albedo_at(const Scene *s, Vec p, Vec n, float depth, int material, float *bgr, float *gloss) {
    float coarse = fbm(s, p, 0.7f, 2), fine = fbm(s, p, 7.0f, 3), k;
    float grit = depth < 14 ? fbm(s, p, 46.0f, 2) * step_to(14, 5, depth) : 0; // invisible beyond 14 m
    *gloss = 0.02f;
    switch (material) {
    case ROCK: {
        float seam = step_to(0.12f, -0.12f, fabsf(p.y - 1.25f - 0.35f * noise(s, p.x * 0.3f, 1, p.z * 0.3f)) - 0.45f + 0.3f * coarse);
        k = (0.29f + 0.10f * coarse + 0.24f * fine + 0.22f * grit) * mix(1.0f, 0.42f, seam);
        float crack = fabsf(noise(s, p.x * 1.9f + 3, p.y * 3.3f, p.z * 1.9f) + 0.45f * fine);
        k *= 1 - 0.6f * step_to(0.07f, 0.015f, crack); // cracks follow the zero lines of noise
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
            paint(bgr, 0.5f, 0.5f, 0.5f), *gloss = 0.9f; // polished by wheels
        break;
    }
    case WOOD: { // grain direction: props upright, bars and sleepers across the road, planks along it
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
        break; // compose.c adds the coal as a moving texture
    case PAINT: {
        float dirt = step_to(-0.1f, 0.4f, coarse + fine);
        k = mix(1.0f, 0.4f, dirt);
        if (s->place == CONVEYOR)
            paint(bgr, 0.33f * k, 0.20f * k, 0.13f * k);
        else
            paint(bgr, 0.06f * k, 0.36f * k, 0.55f * k);
        if (s->place == FACE && p.z < 7.2f && p.y > 0.6f) { // warning stripes at the stern
            float stripe = repeat(p.x + p.y, 0.3f);
            if (stripe > 0) paint(bgr, 0.03f, 0.03f, 0.03f);
        }
        *gloss = 0.25f * (1 - dirt);
        break;
    }
    case SIGN:
        if (s->place == FACE)
            k = 0.42f * (1 + 0.3f * fine), paint(bgr, k * 0.45f, k * 0.95f, k); // the duct is yellow cloth
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

// Distance with the fine relief of rock, which the march leaves out for speed.
static inline float with_relief(const Scene *s, Vec p, int material, float d) {
    if (material != ROCK && material != FLOOR && material != COAL) return d;
    float relief = material == COAL ? 0.06f : material == FLOOR ? 0.025f : 0.05f;
    return d + relief * (fbm(s, p, 4.0f, 2) + 0.4f * fabsf(noise(s, p.x * 13, p.y * 13, p.z * 13)));
}

static inline float relief_at(const Scene *s, Vec p, int material) {
    int ignored;
    return with_relief(s, p, material, distance_at(s, p, &ignored));
}
