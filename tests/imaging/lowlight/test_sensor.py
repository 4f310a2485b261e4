from dataclasses import replace

import numpy as np
import pytest

from davy.imaging.lowlight.sensor import GAINS, Sensor, expose

QUIET = Sensor(full_well_e=1e12, read_noise=0.0, row_noise=0.0, black_offset=0.0, hot_share=0.0, grain_px=0.0)


def grey(light):
    return np.full((128, 128, 3), light, np.float32)


def test_a_noiseless_sensor_reads_the_light():
    assert expose(grey(0.5), QUIET, np.random.default_rng(0)) == pytest.approx(grey(0.5), abs=1e-4)


@pytest.mark.parametrize("grain_px", [0.0, 0.8])
def test_shot_noise_has_the_variance_of_the_photon_count(grain_px):
    noisy = expose(grey(0.5), replace(QUIET, full_well_e=1000.0, grain_px=grain_px), np.random.default_rng(0))
    assert noisy[:, :, 1].std() == pytest.approx((0.5 / 1000) ** 0.5 * GAINS[1], rel=0.05)


def test_noise_is_relatively_stronger_in_the_dark():
    sensor = replace(QUIET, full_well_e=1000.0, read_noise=0.002)
    dark, bright = (expose(grey(v), sensor, np.random.default_rng(0))[:, :, 1].std() / v for v in (0.01, 0.5))
    assert dark > 5 * bright


def test_row_noise_is_shared_by_a_row():
    noisy = expose(grey(0.1), replace(QUIET, row_noise=0.01), np.random.default_rng(0))[:, :, 1]
    assert noisy.std(axis=1).max() < 1e-5
    assert noisy.mean(axis=1).std() == pytest.approx(0.01, rel=0.3)


def test_the_dark_is_purple():
    red, green, blue = expose(grey(0.0), replace(QUIET, black_offset=0.01), np.random.default_rng(0)).mean((0, 1))
    assert blue > red > green > 0


def test_hot_pixels_are_few_and_bright():
    noisy = expose(grey(0.0), replace(QUIET, hot_share=1e-3), np.random.default_rng(0))
    assert 2 <= (noisy.max(axis=2) > 0.005).sum() <= 40
