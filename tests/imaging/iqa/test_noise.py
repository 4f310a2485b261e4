import numpy as np
import pytest

from davy.imaging.iqa import noise_gain, noise_level


def noisy(level, sigma, seed=0):
    noise = np.random.default_rng(seed).normal(0, sigma, (128, 128, 1))
    return np.clip(np.rint(level + np.repeat(noise, 3, axis=2)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("sigma", [3.0, 8.0])
def test_white_noise_is_measured_at_its_deviation(sigma):
    assert noise_level(noisy(100, sigma)) == pytest.approx(sigma, rel=0.15)


def test_a_clean_picture_has_the_noise_of_rounding():
    assert noise_level(noisy(100, 0)) == pytest.approx(0.289, abs=0.01)


def test_a_gain_of_three_triples_the_noise():
    source = noisy(30, 3.0)
    assert noise_gain((source * 3.0).clip(0, 255).astype(np.uint8), source) == pytest.approx(3, rel=0.1)


def test_a_picture_smaller_than_a_block_is_one_block():
    assert noise_gain(noisy(30, 3.0)[:9, :12], noisy(30, 3.0)[:9, :12]) == pytest.approx(1)
