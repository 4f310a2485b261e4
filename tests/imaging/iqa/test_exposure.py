import numpy as np
import pytest

from davy.imaging.iqa import clipped_share, illumination_uniformity


def test_a_quarter_of_white_is_a_quarter_clipped():
    image = np.zeros((8, 8, 3), np.uint8)
    image[:4, :4] = 255
    assert clipped_share(image) == pytest.approx(0.25)


def test_even_light_is_uniform_and_a_lamp_in_the_dark_is_not():
    image = np.full((96, 96, 3), 20, np.uint8)
    assert illumination_uniformity(image) == pytest.approx(1)
    image[:24, :24] = 250
    assert illumination_uniformity(image) < 0.1


def test_a_black_picture_counts_as_even():
    assert illumination_uniformity(np.zeros((20, 20, 3), np.uint8)) == 1.0
