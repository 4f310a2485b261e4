import numpy as np
import pytest

from davy_trainer.evaluation.dark_regions import dark_blocks, dark_figures, dark_psnr_db


def half_dark():
    """Left half 20, right half 200, with a black column at the left border."""
    image = np.full((64, 64, 3), 200, np.uint8)
    image[:, :32] = 20
    image[:, :8] = 0
    return image


def test_the_darkest_quarter_lies_in_the_dark_half_and_not_in_the_rim():
    blocks = dark_blocks(half_dark())
    assert len(blocks) == 14  # a quarter of the 56 that see anything
    assert all(8 <= columns.start < 32 for _, columns in blocks)


def test_a_wholly_black_picture_has_dark_blocks_too():
    assert len(dark_blocks(np.zeros((64, 64, 3), np.uint8))) == 16


def test_dark_luma_and_contrast_are_of_the_enhanced_picture():
    low, enhanced = half_dark(), half_dark()
    enhanced[:, 8:32] = 102
    found = dark_figures(low, enhanced)
    assert found["dark_luma"] == pytest.approx(0.4, abs=1e-4) and found["dark_contrast"] == pytest.approx(0, abs=1e-5)
    enhanced[:, 12:16] = 51  # half of every block of the first dark column is half as bright: deviation 1/3 of the mean
    assert dark_figures(low, enhanced)["dark_contrast"] > 0.05


def test_dark_psnr_ignores_what_happens_in_the_light():
    low, ground_truth = half_dark(), half_dark()
    spoilt = ground_truth.copy()
    spoilt[:, 32:] = 0
    assert dark_psnr_db(low, spoilt, ground_truth) == 100
    spoilt[:, 8:32] = 20 + 51
    assert dark_psnr_db(low, spoilt, ground_truth) == pytest.approx(13.98, abs=0.01)  # 20 log10(255 / 51)
