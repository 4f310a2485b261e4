import cv2
import numpy as np
import pytest

from davy_bench.methods.baselines import BASELINES, auto_gamma, clahe, equalise, gamma, gamma_clahe, retinex, wide_blur


def flat(level, size=(64, 80)):
    return np.full((*size, 3), level, np.uint8)


def ramp():
    return np.repeat(np.linspace(0, 60, 80).astype(np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_keeps_shape_type_and_its_input(name):
    image = np.random.default_rng(1).integers(0, 60, (64, 80, 3), dtype=np.uint8)
    before = image.copy()
    out = BASELINES[name](image)
    assert (out.shape, out.dtype) == (image.shape, np.uint8)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_survives_black_and_white(name):
    for level in (0, 255):
        assert BASELINES[name](flat(level)).dtype == np.uint8


def test_gamma_two_is_the_square_root():
    assert gamma(flat(64), 2)[0, 0, 0] == 128  # 255 * sqrt(64 / 255) = 127.7
    assert gamma(flat(255), 2)[0, 0, 0] == 255


def test_auto_gamma_brings_an_even_picture_to_the_middle_and_darkens_none():
    assert auto_gamma(flat(10))[0, 0, 0] in (127, 128)
    assert auto_gamma(flat(200))[0, 0, 0] == 200


def test_equalisation_spreads_a_dark_ramp_over_the_whole_range():
    out = equalise(ramp())
    assert out.min() <= 5
    assert out.max() >= 250


def test_clahe_raises_contrast_less_than_equalisation():
    image = ramp()
    assert image.std() < clahe(image).std() < equalise(image).std()


def test_gamma_clahe_is_clahe_of_the_brightened():
    assert np.array_equal(gamma_clahe(ramp()), clahe(gamma(ramp())))


def test_retinex_brings_two_halves_in_different_light_together():
    stripes = (np.indices((240, 320)).sum(axis=0) // 4 % 2 * 40 + 20).astype(np.float32)
    lit = stripes * np.where(np.arange(320) < 160, 0.25, 1.0)[None, :]
    out = retinex(np.repeat(lit[:, :, None], 3, axis=2).astype(np.uint8)).astype(float)
    before = lit[:, 240:].mean() / lit[:, :80].mean()
    after = out[:, 240:].mean() / out[:, :80].mean()
    assert before == pytest.approx(4)
    assert after < 1.6


def test_the_fast_wide_blur_is_the_slow_one_within_two_levels():
    image = cv2.GaussianBlur(np.random.default_rng(2).uniform(0, 255, (200, 300, 3)).astype(np.float32), (0, 0), 5) * 4 - 384
    assert np.abs(wide_blur(image, 30) - cv2.GaussianBlur(image, (0, 0), 30)).max() < 2
