import numpy as np

from davy.imaging.lowlight.codec import jpeg, quantise


def ramp():
    return np.dstack([np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))] * 3) * np.float32([1.0, 0.5, 0.2])


def test_good_jpeg_keeps_colours_in_their_order():
    assert np.abs(jpeg(ramp(), 95) - ramp()).mean() < 0.02


def test_lower_quality_loses_more():
    assert np.abs(jpeg(ramp(), 10) - ramp()).mean() > np.abs(jpeg(ramp(), 95) - ramp()).mean()


def test_quantising_moves_no_value_by_more_than_half_a_step():
    assert np.abs(quantise(ramp()) - ramp()).max() <= 0.5 / 255 + 1e-6
