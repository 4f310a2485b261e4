import numpy as np
import pytest

from davy_bench.methods.light_maps import exposure_fusion, guided_filter, lime


def halves(dark=20, lit=200):
    grey = np.where(np.arange(160) < 80, dark, lit).astype(np.uint8)
    return np.repeat(np.tile(grey, (120, 1))[:, :, None], 3, axis=2)


def test_lime_lifts_the_dark_half_more_than_the_lit_one():
    out = lime(halves()).astype(float)
    assert out[:, 20].mean() / 20 > 4
    assert out[:, 140].mean() / 200 < 1.3


def test_lime_keeps_hue():
    image = np.full((64, 64, 3), (10, 20, 40), np.uint8)
    out = lime(image)[32, 32].astype(float)
    assert out[2] / out[0] == pytest.approx(4, rel=0.1)


def test_fusion_lifts_the_dark_and_clips_no_light():
    out = exposure_fusion(halves())
    assert out[:, 20].mean() > 40
    assert out[:, 140].mean() < 250


def test_the_guided_filter_smooths_noise_and_keeps_an_edge():
    plane = halves()[:, :, 0].astype(np.float32) / 255
    noisy = plane + np.random.default_rng(1).normal(0, 0.01, plane.shape).astype(np.float32)
    smooth = guided_filter(noisy, 6)
    assert smooth[30:90, 20:60].std() < 0.5 * noisy[30:90, 20:60].std()
    assert smooth[60, 90] - smooth[60, 69] > 0.6
