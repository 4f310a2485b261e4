"""Two classical methods that lift the dark by a map of the light: BGR (H, W, 3), uint8 in and out, a fresh array."""

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage

LIME_EXPONENT = 0.8  # of the illumination, as the paper sets it
LIME_FLOOR = 0.02  # of [0, 1]: less light than this is not divided by
GUIDE_SHARE, GUIDE_EPSILON = 1 / 30, 1e-3  # radius of the guided filter, of the short side; variance that counts as an edge
EXPOSURES = (1.0, 0.5, 0.28)  # exponents of the three pictures that are fused

Plane = NDArray[np.float32]


def lime(image: BgrImage) -> BgrImage:
    """Divide by the illumination: the brightest channel, smoothed along edges, to the power of 0.8; no denoising.

    Source: Guo, Li, Ling 2017, "LIME: low-light image enhancement via illumination map estimation"; the paper's solver is
    replaced by a guided filter (He, Sun, Tang 2013), which keeps the same edges at a hundredth of the time.
    """
    scaled = image.astype(np.float32) / 255
    brightest = scaled.max(axis=2)
    radius = max(round(min(image.shape[:2]) * GUIDE_SHARE), 1)
    light = np.clip(guided_filter(brightest, radius), LIME_FLOOR, 1) ** LIME_EXPONENT
    return np.asarray(np.clip(np.rint(255 * scaled / light[:, :, None]), 0, 255), np.uint8)


def exposure_fusion(image: BgrImage) -> BgrImage:
    """Mertens' fusion of the picture and of two brighter copies of it, made by gamma.

    Source: Mertens, Kautz, Van Reeth 2007, "Exposure fusion", as OpenCV implements it.
    """
    levels = np.arange(256) / 255
    exposures = [np.asarray(cv2.LUT(image, np.rint(255 * levels**exponent).astype(np.uint8))) for exponent in EXPOSURES]
    fused = cv2.createMergeMertens().process(exposures)
    return np.asarray(np.clip(np.rint(255 * np.nan_to_num(fused)), 0, 255), np.uint8)


def guided_filter(plane: Plane, radius: int) -> Plane:
    """The plane (H, W), smooth but along its own edges. Source: He, Sun, Tang 2013, "Guided image filtering"."""
    size = (2 * radius + 1, 2 * radius + 1)
    mean = cv2.blur(plane, size)
    variance = np.maximum(cv2.blur(plane * plane, size) - mean * mean, 0)
    slope = variance / (variance + np.float32(GUIDE_EPSILON))
    offset = mean - slope * mean
    smooth: Plane = np.asarray(cv2.blur(slope, size) * plane + cv2.blur(offset, size), np.float32)
    return smooth
