"""Light of an image, measured on one pixel in 64: cheap enough for an edge, without OpenCV.

The measures are those of `davy.imaging.iqa` on reduced luma: clipped and dark share, evenness. The layout of light and dark
distinguishes scenes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from davy.adapters.media import planes
from davy.domain.frame import Pixels, Plane, YuvImage

STEP = 8
DARK, CLIPPED = 32, 250  # of 255: darker shows nothing on a console; brighter is a lamp's core without detail
BINS = 32
GRID = 12  # blocks per side: a block is about the area of one lamp

Luma = Plane
Layout = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Light:
    """Args:
    mean: Of luma, in [0, 255].
    dark, clipped: Shares of the picture, in [0, 1].
    evenness: Darkest tenth over mean of the blocks' linear light, in [0, 1]: 1 is even, 0.1 a lamp in the dark.
    histogram: Of luma, shape (32,), sums to 1.
    layout: Mean luma of 12 x 12 blocks, mean 0 and deviation 1, shape (144,); all 0 for a flat picture.
    """

    mean: float
    dark: float
    clipped: float
    evenness: float
    histogram: NDArray[np.float64]
    layout: Layout


def reduced_luma(image: Pixels) -> Luma:
    """Return luma of every eighth pixel of every eighth row, shape (ceil(H / 8), ceil(W / 8)), uint8.

    Small images are reduced less.
    """
    sides = image.y.shape if isinstance(image, YuvImage) else image.shape[:2]
    return planes.luma_of(image, max(1, min(STEP, min(sides) // (2 * GRID))))


def measure(luma: Luma) -> Light:
    """Return the light of an image from its reduced luma, of any shape from (1, 1)."""
    blocks = _blocks(luma)
    linear = (blocks / 255) ** 2.2
    bright, deviation = float(linear.mean()), float(blocks.std())
    layout = (blocks - blocks.mean()) / deviation if deviation > 1 else np.zeros_like(blocks)
    return Light(
        mean=float(luma.mean()),
        dark=float((luma < DARK).mean()),
        clipped=float((luma >= CLIPPED).mean()),
        evenness=float(np.percentile(linear, 10)) / bright if bright > 0 else 1.0,
        histogram=np.bincount(luma.ravel() >> 3, minlength=BINS) / luma.size,
        layout=layout.astype(np.float32),
    )


def scene_distance(one: Layout, other: Layout) -> float:
    """Return the distance of two layouts in [0, 2]: 0 equal, 1 unrelated, 2 inverse. Flat ones are equal to each other only."""
    flat_one, flat_other = not one.any(), not other.any()
    if flat_one or flat_other:
        return 0.0 if flat_one and flat_other else 1.0
    return float(1 - (one * other).mean())


def _blocks(luma: Luma) -> NDArray[np.float64]:
    """Return the means of 12 x 12 blocks, shape (144,). A smaller image repeats its last pixels."""
    rows, columns = (np.linspace(0, side, GRID + 1).astype(int)[:-1].clip(max=side - 1) for side in luma.shape)
    sums = np.add.reduceat(np.add.reduceat(luma.astype(np.float64), rows, axis=0), columns, axis=1)
    heights, widths = (
        np.diff(np.append(starts, side)).clip(1) for starts, side in ((rows, luma.shape[0]), (columns, luma.shape[1]))
    )
    return (sums / np.outer(heights, widths)).ravel()
