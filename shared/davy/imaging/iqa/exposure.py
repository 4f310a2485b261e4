"""Without a reference: how much is burnt out, and how even the light is."""

import cv2
import numpy as np

from davy.domain.frame import BgrImage
from davy.imaging.iqa.luminance import luma

CLIPPED = 250  # of 255: a lamp's core after JPEG
GRID = 12  # blocks per side: about the area that one lamp lights


def clipped_share(image: BgrImage, threshold: float = CLIPPED) -> float:
    """Share of pixels, in [0, 1], whose luma is at least threshold (of 255): highlights that hold no detail."""
    return float((luma(image) >= threshold).mean())


def illumination_uniformity(image: BgrImage) -> float:
    """Darkest tenth over mean of the block brightnesses, in [0, 1]: 1 is even light, 0.1 a lamp in the dark.

    A picture's stand-in for U0 = E_min / E_mean, which lighting engineers measure on the floor.
    Source: EN 12464-1, uniformity of illuminance; display values are made linear with a gamma of 2.2 first.
    """
    light = (luma(image) / 255) ** 2.2
    blocks = np.asarray(cv2.resize(light, (GRID, GRID), interpolation=cv2.INTER_AREA), np.float64)
    mean = float(blocks.mean())
    return float(np.percentile(blocks, 10)) / mean if mean > 0 else 1.0
