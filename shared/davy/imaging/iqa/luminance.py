"""What the measures share: the same shape is demanded, and grey is BT.601 luma."""

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.errors import ShapeError
from davy.domain.frame import BgrImage


def luma(image: BgrImage) -> NDArray[np.float64]:
    """BT.601 luma of BGR (H, W, 3), or a grey picture (H, W) as it is: shape (H, W), in [0, 255], not rounded."""
    if image.ndim == 2:
        return image.astype(np.float64)
    if image.ndim != 3 or image.shape[2] != 3:
        raise ShapeError("image", image.shape, "(H, W, 3) or (H, W)")
    grey: NDArray[np.float64] = image.astype(np.float64) @ np.array([0.114, 0.587, 0.299])
    return grey


def rounded_luma(image: BgrImage) -> NDArray[np.float64]:
    """The same, rounded to 8 bits as OpenCV's conversion does it."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(grey, np.float64)


def check_same(image: BgrImage, reference: BgrImage) -> None:
    """Raises ShapeError unless both have the same shape."""
    if image.shape != reference.shape:
        raise ShapeError("image", image.shape, str(reference.shape))
