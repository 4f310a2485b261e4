import cv2
import numpy as np
import pytest

from davy.domain.errors import ShapeError
from davy_bench.quality.visibility import (
    chroma,
    find_dark_regions,
    is_hazy,
    local_contrast,
    noise_level,
    row_bands,
    structure,
    visibility_metrics,
)

SHAPE = (160, 224)


def heading(noise=1.0, bands=0.0, seed=1):
    """A dark heading: a lit right half, and rocks of 8 px in the dark left one; grey BGR."""
    rng = np.random.default_rng(seed)
    rocks = cv2.resize(rng.normal(0, 3, (SHAPE[0] // 8, SHAPE[1] // 8)).astype(np.float32), SHAPE[::-1])
    light = np.where(np.arange(SHAPE[1]) < SHAPE[1] // 2, 25.0, 150.0)[None, :]
    lines = rng.normal(0, 1, (SHAPE[0], 1)) * bands
    plane = light + rocks + lines + rng.normal(0, 1, SHAPE) * noise
    return np.repeat(np.clip(np.rint(plane), 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def plane(image):
    return image[:, :, 0].astype(np.float32)


def brightened(image, factor):
    return np.clip(np.rint(image.astype(np.float32) * factor), 0, 255).astype(np.uint8)


def test_the_dark_is_the_darkest_four_tenths_without_any_lit_block():
    mask = find_dark_regions(plane(heading())).mask
    assert mask.mean() == pytest.approx(0.4, abs=0.02)
    assert not mask[:, SHAPE[1] // 2 :].any()


def test_a_gain_raises_visibility_until_noise_is_visible():
    raw = heading(noise=0.4)
    lifted = visibility_metrics(brightened(raw, 3), raw, None, 0.0)
    assert lifted["visibility"] > 1.5 * visibility_metrics(raw, raw, None, 0.0)["visibility"]
    assert lifted["noise_gain"] == pytest.approx(1, abs=0.15)
    noisy = brightened(heading(noise=6), 3)
    assert visibility_metrics(noisy, raw, None, 0.0)["visibility"] < lifted["visibility"] / 2


def test_smoothing_noise_raises_visibility_and_lowers_noise():
    raw = heading(noise=4)
    smooth = np.asarray(cv2.GaussianBlur(raw, (0, 0), 1.5))
    before, after = visibility_metrics(raw, raw, None, 0.0), visibility_metrics(smooth, raw, None, 0.0)
    assert after["visibility"] > before["visibility"]
    assert after["dark_noise"] < 0.4 * before["dark_noise"]


def test_white_noise_is_no_structure():
    rng = np.random.default_rng(2)
    light = np.where(np.arange(SHAPE[1]) < SHAPE[1] // 2, 40, 150)[None, :]
    noise = (light + rng.normal(0, 6, SHAPE)).astype(np.float32)
    dark = find_dark_regions(noise)
    assert noise_level(noise, dark.flat) == pytest.approx(6, abs=0.4)
    assert structure(noise, dark) < 0.9


def test_bands_of_rows_are_found_and_are_no_structure():
    plain, banded = plane(heading()), plane(heading(bands=4))
    dark = find_dark_regions(plain)
    assert row_bands(banded, dark.mask) > 3
    assert row_bands(plain, dark.mask) < 0.4 * row_bands(banded, dark.mask)
    assert structure(banded, dark) == pytest.approx(structure(plain, dark), rel=0.2)


def test_bands_at_equal_gain_do_not_grow_by_a_gain():
    raw = heading(bands=3)
    assert visibility_metrics(brightened(raw, 2), raw, None, 0.0)["bands"] == pytest.approx(1, abs=0.1)


def test_haze_lowers_contrast_and_differs_from_dark():
    stripes = 127.5 + 127.5 * np.sin(np.arange(SHAPE[1]) / 6)
    clear = np.tile(stripes.astype(np.float32), (SHAPE[0], 1))
    hazy = 0.3 * clear + 110
    assert local_contrast(hazy) < 0.5 * local_contrast(clear)
    assert is_hazy(hazy)
    assert not is_hazy(clear)


def test_figures_that_do_not_apply_are_absent():
    raw = heading()
    figures = visibility_metrics(raw, raw, None, 0.0)
    assert "hazy_contrast" not in figures
    assert figures["chroma"] == pytest.approx(chroma(raw)) == 0
    coloured = raw.copy()
    coloured[:, :, 2] = np.minimum(coloured[:, :, 2] + 40, 255)
    assert "chroma" not in visibility_metrics(raw, coloured, None, 0.0)


def test_pictures_of_different_shapes_are_refused():
    with pytest.raises(ShapeError):
        visibility_metrics(heading(), heading()[:-1], None, 0.0)


def test_a_black_frame_has_figures():
    black = np.zeros((*SHAPE, 3), np.uint8)
    assert all(np.isfinite(value) for value in visibility_metrics(black, black, None, 0.0).values())
