"""Structural similarity."""

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.errors import ShapeError
from davy.domain.frame import BgrImage
from davy.imaging.iqa.luminance import check_same

SIGMA_PX = 1.5
RADIUS_PX = 5  # the 11 x 11 window of the paper
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(image: BgrImage, reference: BgrImage) -> float:
    """Mean structural similarity over pixels and channels, in [-1, 1], 1 for equal pictures.

    Source: Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity"; the same as
    scikit-image's structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False).

    Raises:
        ShapeError: the shapes differ, or a side is under 11 px.
    """
    check_same(image, reference)
    if min(image.shape[:2]) < 2 * RADIUS_PX + 1:
        raise ShapeError("image", image.shape, "at least 11 x 11 px")
    x, y = image.astype(np.float64), reference.astype(np.float64)
    mean_x, mean_y = _smooth(x), _smooth(y)
    variance_x, variance_y = _smooth(x * x) - mean_x**2, _smooth(y * y) - mean_y**2
    covariance = _smooth(x * y) - mean_x * mean_y
    similar = ((2 * mean_x * mean_y + C1) * (2 * covariance + C2)) / (
        (mean_x**2 + mean_y**2 + C1) * (variance_x + variance_y + C2)
    )
    return float(similar[RADIUS_PX:-RADIUS_PX, RADIUS_PX:-RADIUS_PX].mean())


def _smooth(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    blurred = cv2.GaussianBlur(plane, (2 * RADIUS_PX + 1, 2 * RADIUS_PX + 1), SIGMA_PX, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float64)
