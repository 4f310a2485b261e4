"""Lightness order error: does what was brighter stay brighter?"""

import cv2
import numpy as np

from davy.domain.frame import BgrImage
from davy.imaging.iqa.luminance import check_same

SHORT_SIDE_PX = 50  # every pair of pixels is compared, so the paper shrinks the picture first


def loe(image: BgrImage, source: BgrImage) -> float:
    """Mean number of pixels whose order of lightness to a pixel has turned round between source and image; 0 is best.

    Lightness is the largest of the three channels. The value grows with the area of the shrunken picture (short side
    50 px), as in the paper: 3750 pixels for 3:2.

    Source: Wang et al. 2013, "Naturalness preserved enhancement algorithm for non-uniform illumination images".

    Raises:
        ShapeError: the shapes differ.
    """
    check_same(image, source)
    after, before = _lightness(image), _lightness(source)
    turned = sum(int(np.count_nonzero((after[i] >= after) != (before[i] >= before))) for i in range(len(after)))
    return turned / len(after)


def _lightness(image: BgrImage) -> BgrImage:
    height, width = image.shape[:2]
    scale = min(SHORT_SIDE_PX / min(height, width), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    brightest = image.max(axis=2) if image.ndim == 3 else image
    return np.asarray(cv2.resize(brightest, size, interpolation=cv2.INTER_NEAREST), np.uint8).ravel()
