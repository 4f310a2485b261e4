"""Noise in flat regions, and how much an enhancement raises it where it was dark."""

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage
from davy.imaging.iqa.luminance import check_same, luma

BLOCK_PX = 16
LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float64) / 6  # unit gain for white noise
DARKEST_SHARE = 0.5  # of blocks count as dark
FLATTEST_SHARE = 0.25  # of the dark blocks count as flat
QUANTISATION = 1 / np.sqrt(12)  # noise of rounding to 8 bits: no picture is quieter


def noise_level(image: BgrImage) -> float:
    """Standard deviation of the noise, in units of 1/255: the quartile of the quietest blocks.

    Source: Immerkaer 1996, "Fast noise variance estimation", per block of 16 px.
    """
    return max(float(np.percentile(_block_noise(luma(image)), 25)), float(QUANTISATION))


def noise_gain(image: BgrImage, source: BgrImage) -> float:
    """How many times stronger the noise of image is than the source's, in the source's dark and flat blocks.

    Raises:
        ShapeError: the shapes differ.
    """
    check_same(image, source)
    before = luma(source)
    noise, brightness = _block_noise(before), _blocks(before).mean(axis=(1, 3))
    dark = brightness <= np.quantile(brightness, DARKEST_SHARE)
    flat = dark & (noise <= np.quantile(noise[dark], FLATTEST_SHARE))
    after = _block_noise(luma(image))[flat].mean()
    return max(float(after), float(QUANTISATION)) / max(float(noise[flat].mean()), float(QUANTISATION))


def _block_noise(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of the Laplacian residual per block, shape (H // 16, W // 16)."""
    residual = np.asarray(cv2.filter2D(plane, -1, LAPLACIAN), np.float64)
    deviation: NDArray[np.float64] = np.sqrt(np.square(_blocks(residual)).mean(axis=(1, 3)))
    return deviation


def _blocks(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """View as (rows, 16, columns, 16), what does not fill a block cut off; a small picture is one block."""
    height, width = plane.shape
    if min(height, width) < BLOCK_PX:
        return plane[None, :, None, :].reshape(1, height, 1, width)
    rows, columns = height // BLOCK_PX, width // BLOCK_PX
    return plane[: rows * BLOCK_PX, : columns * BLOCK_PX].reshape(rows, BLOCK_PX, columns, BLOCK_PX)
