import numpy as np
import pytest

from davy.imaging.lowlight.exposure import exposure_for_mean, linear_to_srgb, srgb_to_linear, vignette


def test_encoding_undoes_decoding_within_a_quarter_of_an_8_bit_step():
    display = np.linspace(0, 1, 1000, dtype=np.float32)
    assert np.abs(linear_to_srgb(srgb_to_linear(display)) - display).max() < 0.25 / 255


def test_middle_grey_of_linear_light_encodes_to_the_standards_value():
    assert linear_to_srgb(np.float32([0.214]))[0] == pytest.approx(0.5, abs=2e-3)


def test_light_over_white_clips():
    assert linear_to_srgb(np.float32([7.0]))[0] == 1.0


def test_metering_reaches_the_wanted_mean():
    light = np.random.default_rng(1).random((32, 32, 3), dtype=np.float32) ** 3
    gain = exposure_for_mean(light, 0.1)
    assert linear_to_srgb(light * np.float32(gain)).mean() == pytest.approx(0.1, abs=2e-3)


def test_vignette_leaves_the_centre_and_dims_the_corner():
    plane = vignette((101, 201), 0.4)
    assert plane[50, 100] == pytest.approx(1.0)
    assert plane[0, 0] == pytest.approx(0.6)
