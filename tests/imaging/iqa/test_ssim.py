import numpy as np
import pytest

from davy.domain.errors import ShapeError
from davy.imaging.iqa import ssim

skimage_metrics = pytest.importorskip("skimage.metrics")


def pair(seed=0, height=90, width=121):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = 120 + 80 * np.sin(x / 9) * np.cos(y / 13)
    clean = np.clip(base[:, :, None] + rng.normal(0, 4, (height, width, 3)), 0, 255)
    return clean.astype(np.uint8), np.clip(clean * 0.6 + rng.normal(0, 12, clean.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(3))
def test_it_agrees_with_scikit_image(seed):
    reference, image = pair(seed)
    theirs = skimage_metrics.structural_similarity(
        reference, image, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2, data_range=255
    )
    assert ssim(image, reference) == pytest.approx(theirs, abs=1e-3)


def test_equal_pictures_score_one():
    reference, _ = pair()
    assert ssim(reference, reference) == pytest.approx(1.0)


def test_a_picture_smaller_than_the_window_is_refused():
    with pytest.raises(ShapeError, match="11 x 11"):
        ssim(np.zeros((10, 40, 3), np.uint8), np.zeros((10, 40, 3), np.uint8))
