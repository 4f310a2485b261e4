import math

import numpy as np
import pytest

from davy.domain.errors import ShapeError
from davy.imaging.iqa import psnr_db


def test_equal_pictures_have_infinite_psnr():
    image = np.full((8, 8, 3), 7, np.uint8)
    assert psnr_db(image, image) == math.inf


def test_an_error_of_one_everywhere_is_48_db():
    image = np.full((8, 8, 3), 7, np.uint8)
    assert psnr_db(image, image + 1) == pytest.approx(20 * math.log10(255))


def test_black_against_white_is_0_db():
    assert psnr_db(np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)) == pytest.approx(0)


def test_other_shapes_are_refused():
    with pytest.raises(ShapeError):
        psnr_db(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8))
