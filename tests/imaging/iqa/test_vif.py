import cv2
import numpy as np
import pytest

from davy.domain.errors import ShapeError
from davy.imaging.iqa import vif


def pair(height=120, width=161):
    rng = np.random.default_rng(2)
    clean = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3)).astype(np.uint8), (0, 0), 2)
    clean = cv2.normalize(clean, None, 0, 255, cv2.NORM_MINMAX)
    noisy = np.clip(clean * 0.7 + rng.normal(0, 10, clean.shape), 0, 255).astype(np.uint8)
    return clean, noisy


def test_it_agrees_with_sewar_on_grey():
    sewar = pytest.importorskip("sewar.full_ref")
    reference, image = pair()
    theirs = sewar.vifp(cv2.cvtColor(reference, cv2.COLOR_BGR2GRAY), cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    assert vif(image, reference) == pytest.approx(theirs, abs=1e-6)


def test_equal_pictures_score_one_and_noise_lowers_it():
    reference, image = pair()
    assert vif(reference, reference) == pytest.approx(1.0, abs=1e-6)
    assert vif(image, reference) < 0.7


def test_a_flat_reference_has_nothing_to_lose():
    grey = np.full((64, 64, 3), 90, np.uint8)
    assert vif(grey, grey) == 1.0


def test_a_small_picture_is_refused():
    with pytest.raises(ShapeError, match="41 x 41"):
        vif(np.zeros((40, 64, 3), np.uint8), np.zeros((40, 64, 3), np.uint8))
