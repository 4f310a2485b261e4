"""Peak signal-to-noise ratio."""

import math

import cv2

from davy.domain.frame import BgrImage
from davy.imaging.iqa.luminance import check_same


def psnr_db(image: BgrImage, reference: BgrImage) -> float:
    """10 log10(255^2 / mean squared error) over all pixels and channels, in dB; infinite for equal pictures.

    Raises:
        ShapeError: the shapes differ.
    """
    check_same(image, reference)
    squares = cv2.norm(image, reference, cv2.NORM_L2SQR)  # exact in double: 1 ms for 720p
    return math.inf if squares == 0 else 10 * math.log10(255**2 * image.size / squares)
