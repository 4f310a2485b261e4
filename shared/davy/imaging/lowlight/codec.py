"""Encoding by a camera: JPEG, or rounding to 8 bits."""

import cv2
import numpy as np

from davy.imaging.lowlight.exposure import FloatImage


def jpeg(image: FloatImage, quality: int) -> FloatImage:
    """Encode display-encoded RGB (H, W, 3) in [0, 1] as JPEG of quality 1 to 100 and decode it."""
    pixels = (np.clip(image, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    _, data = cv2.imencode(
        ".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality]
    )  # encoder and decoder use the same channel order
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.multiply(decoded, np.float32(1 / 255), dtype=np.float32)


def quantise(image: FloatImage) -> FloatImage:
    """Round display-encoded values to 8 bits."""
    rounded: FloatImage = np.rint(np.clip(image, 0, 1) * np.float32(255)) * np.float32(1 / 255)
    return rounded
