import numpy as np
import pytest

from davy.imaging.iqa import psnr_db
from davy_bench.quality.measure import MAX_PSNR_DB, MEASURES, measure, with_mean_of

RNG = np.random.default_rng(3)
LOW = RNG.integers(0, 40, (64, 80, 3), dtype=np.uint8)


def test_a_picture_that_is_its_reference_gets_the_best_figures():
    figures = measure(LOW, LOW, LOW, 0.25)
    assert figures["psnr_db"] == figures["gm_db"] == MAX_PSNR_DB
    assert [figures[key] for key in ("ssim", "vif", "noise_gain")] == pytest.approx([1, 1, 1])
    assert figures["loe"] == figures["clipped_points"] == 0
    assert figures["ms"] == 250


def test_there_is_a_measure_for_every_figure():
    assert set(measure(LOW, LOW, LOW, 0)) == {column.key for column in MEASURES}


def test_without_a_reference_nothing_is_compared_with_one():
    assert set(measure(LOW, LOW, None, 0)) == {column.key for column in MEASURES if not column.needs_reference}


def test_clipped_points_are_percent_of_the_picture_beyond_the_inputs():
    burnt = LOW.copy()
    burnt[:16] = 255  # a quarter of the rows
    figures = measure(burnt, LOW, None, 0)
    assert figures["clipped_percent"] == figures["clipped_points"] == pytest.approx(25)


def test_psnr_is_not_aligned_and_gm_is():
    bright = (LOW * 2).astype(np.uint8)
    figures = measure(LOW, LOW, bright, 0)
    assert figures["psnr_db"] == pytest.approx(psnr_db(LOW, bright))
    assert figures["gm_db"] == MAX_PSNR_DB


def test_a_black_picture_cannot_be_aligned_and_does_no_harm():
    assert with_mean_of(np.zeros_like(LOW), LOW).max() == 0
