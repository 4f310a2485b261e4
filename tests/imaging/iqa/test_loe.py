import numpy as np
import pytest

from davy.imaging.iqa import loe


def ramp():
    return np.repeat(np.tile(np.linspace(0, 200, 60), (60, 1))[:, :, None], 3, axis=2).astype(np.uint8)


def test_a_monotone_curve_keeps_the_order():
    brighter = (255 * (ramp() / 255.0) ** 0.5).round().astype(np.uint8)
    assert loe(brighter, ramp()) < 0.02 * 2500  # only what rounding merges


def test_a_negative_turns_every_pair_of_other_lightness_round():
    assert loe(255 - ramp(), ramp()) == pytest.approx(50 * 49, rel=0.02)  # all but the 50 of the own column
