"""Fingerprint of an image: size, mean luma, and a hash that is similar for images of one scene."""

from dataclasses import dataclass

import cv2
import numpy as np

from davy.adapters.media import jpeg

HASH_SIZE = (9, 8)  # width, height: 8 differences in each of 8 rows
DECODED_WIDTH = 64  # pixels; decoding uses libjpeg's smallest scale of at least this width


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Size, light and hash of an image.

    Args:
        mean: Mean luma, in [0, 255].
        dhash: Difference hash, 8 bytes.
    """

    width: int
    height: int
    mean: float
    dhash: bytes


def fingerprint_of(data: bytes) -> Fingerprint:
    """Decode a JPEG at a small scale and return its fingerprint.

    Raises:
        UnreadableImageError: the JPEG is damaged.
        ImageTooLargeError: the image has more than 64 million pixels.

    Source: N. Krawetz 2013, "Kind of like that" (dHash).
    """
    width, height = jpeg.size_of(data)
    luma = cv2.cvtColor(jpeg.decode_reduced(data, DECODED_WIDTH), cv2.COLOR_BGR2GRAY)
    small = np.asarray(cv2.resize(luma, HASH_SIZE, interpolation=cv2.INTER_AREA), np.int16)
    bits = np.packbits(small[:, 1:] > small[:, :-1])
    return Fingerprint(width, height, float(luma.mean()), bits.tobytes())
