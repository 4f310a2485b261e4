"""Visual information fidelity, in the pixel domain."""

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.errors import ShapeError
from davy.domain.frame import BgrImage
from davy.imaging.iqa.luminance import check_same, rounded_luma

NOISE_VARIANCE = 2.0  # of the model of the eye, in squares of 1/255
EPSILON = 1e-10
SMALLEST_PX = 41  # four scales of valid windows of 17, 9, 5 and 3 px

Plane = NDArray[np.float64]


def vif(image: BgrImage, reference: BgrImage) -> float:
    """The share of the reference's information that an eye can still take from the image: 1 for equal pictures, 0 for none.

    A picture of more contrast than its reference may score over 1. Computed on grey.

    Source: Sheikh and Bovik 2006, "Image information and visual quality", pixel-domain version; the same as sewar.vifp.

    Raises:
        ShapeError: the shapes differ, or a side is under 41 px.
    """
    check_same(image, reference)
    if min(image.shape[:2]) < SMALLEST_PX:
        raise ShapeError("image", image.shape, f"at least {SMALLEST_PX} x {SMALLEST_PX} px")
    output, true = rounded_luma(image), rounded_luma(reference)
    kept = there = 0.0
    for scale in range(1, 5):
        window = 2 ** (5 - scale) + 1
        if scale > 1:
            output, true = _valid(output, window)[::2, ::2], _valid(true, window)[::2, ::2]
        scale_kept, scale_there = _information(output, true, window)
        kept, there = kept + scale_kept, there + scale_there
    return kept / there if there > 0 else 1.0  # a flat reference holds no information to lose


def _information(output: Plane, true: Plane, window: int) -> tuple[float, float]:
    """(information kept, information there) at one scale, in units of log10."""
    mean_true, mean_output = _valid(true, window), _valid(output, window)
    var_true = np.maximum(_valid(true * true, window) - mean_true**2, 0)
    var_output = np.maximum(_valid(output * output, window) - mean_output**2, 0)
    covariance = _valid(true * output, window) - mean_true * mean_output
    gain = covariance / (var_true + EPSILON)
    lost = var_output - gain * covariance
    flat = var_true < EPSILON
    gain[flat], lost[flat], var_true[flat] = 0, var_output[flat], 0
    blank = var_output < EPSILON
    gain[blank], lost[blank] = 0, 0
    inverted = gain < 0
    gain[inverted], lost[inverted] = 0, var_output[inverted]
    lost = np.maximum(lost, EPSILON)
    kept = np.log10(1 + gain**2 * var_true / (lost + NOISE_VARIANCE)).sum()
    return float(kept), float(np.log10(1 + var_true / NOISE_VARIANCE).sum())


def _valid(plane: Plane, window: int) -> Plane:
    """Gaussian window, without the border it does not fill."""
    kernel = cv2.getGaussianKernel(window, window / 5)
    blurred = np.asarray(cv2.sepFilter2D(plane, -1, kernel, kernel), np.float64)
    edge = window // 2
    return blurred[edge : plane.shape[0] - edge, edge : plane.shape[1] - edge]
