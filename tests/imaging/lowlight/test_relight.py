import time

import numpy as np
import pytest

from davy.domain.errors import ShapeError
from davy.imaging.lowlight import DarkRecipe, MineRecipe, darken, relight_as_mine


def photograph(height=128, width=192):
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0 : 1 : 1j * height, 0 : 1 : 1j * width]
    base = 0.45 + 0.25 * np.sin(9 * x)[:, :, None] * np.cos(7 * y)[:, :, None] + 0.1 * rng.random((height, width, 3))
    return base.astype(np.float32)


@pytest.mark.parametrize("degrade", [relight_as_mine, darken])
def test_the_same_generator_state_gives_the_same_picture(degrade):
    first, second = (degrade(photograph(), np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, degrade(photograph(), np.random.default_rng(4)))


@pytest.mark.parametrize("degrade", [relight_as_mine, darken])
def test_the_picture_is_float32_of_the_same_shape_in_range(degrade):
    made = degrade(photograph(97, 131), np.random.default_rng(0))
    assert made.shape == (97, 131, 3)
    assert made.dtype == np.float32
    assert made.min() >= 0
    assert made.max() <= 1


def test_the_input_is_not_changed():
    image = photograph()
    before = image.copy()
    relight_as_mine(image, np.random.default_rng(0))
    darken(image, np.random.default_rng(0))
    assert np.array_equal(image, before)


def test_darkened_photographs_have_the_mean_of_low_light_photographs():
    means = [darken(photograph(), np.random.default_rng(seed)).mean() * 255 for seed in range(24)]
    darkest, brightest = (255 * bound for bound in DarkRecipe().display_mean)
    assert min(means) > 0.8 * darkest
    assert max(means) < 1.15 * brightest


def test_mine_pictures_are_dark_and_uneven():
    made = [relight_as_mine(photograph(), np.random.default_rng(seed)) for seed in range(24)]
    assert 25 < np.mean([m.mean() for m in made]) * 255 < 75
    spread = [np.percentile(m, 98) / max(np.percentile(m, 10), 1 / 255) for m in made]
    assert np.median(spread) > 2.5  # the photograph itself has 2.6 with even light


def test_a_hanging_lamp_is_nearly_clipped():
    recipe = MineRecipe(head_lamp_share=0.0)
    made = [relight_as_mine(photograph(), np.random.default_rng(seed), recipe) for seed in range(12)]
    assert np.mean([m.max() > 0.97 for m in made]) > 0.8


def test_black_and_white_pictures_stay_finite():
    for value in (0.0, 1.0):
        image = np.full((32, 32, 3), value, np.float32)
        assert np.isfinite(relight_as_mine(image, np.random.default_rng(0))).all()
        assert np.isfinite(darken(image, np.random.default_rng(0))).all()


def test_a_grey_plane_is_refused_with_its_shape():
    with pytest.raises(ShapeError, match=r"image has shape \(64, 64\)"):
        relight_as_mine(np.zeros((64, 64), np.float32), np.random.default_rng(0))


def test_training_can_afford_it():
    image, rng = photograph(256, 384), np.random.default_rng(0)
    relight_as_mine(image, rng)
    times = []
    for _ in range(10):
        start = time.thread_time()
        relight_as_mine(image, rng)
        times.append(time.thread_time() - start)
    assert min(times) < 0.05  # about 10 ms on an idle core


def test_depth_of_another_size_is_told():
    with pytest.raises(ShapeError, match="depth"):
        relight_as_mine(photograph(), np.random.default_rng(0), depth=np.ones((64, 96), np.float32))


def test_what_is_far_from_the_lamp_is_darker():
    depth = np.full((128, 192), 3, np.float32)
    depth[:, 96:] = 60
    recipe = MineRecipe(
        lamps=(1, 1), head_lamp_share=1, spot_exponent=(2, 2.1), ambient=(0.01, 0.01), extinction_per_m=(1e-4, 2e-4)
    )
    made = relight_as_mine(photograph(), np.random.default_rng(1), recipe, depth)
    assert made[:, :90].mean() > 3 * made[:, 102:].mean()
