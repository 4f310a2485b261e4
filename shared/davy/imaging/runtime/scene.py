"""Global measures of a picture from its thumbnail; davy.imaging.isp.scene defines the same arithmetic."""

from functools import cache

import numpy as np

from davy.imaging.runtime.kernels import Floats

LEAST_CHROMA, LEAST_SHARE_OF_LUMA = np.float32(0.5 / 255), np.float32(0.02)
INFORMATIVE_LUMA = np.float32(4 / 255)
GREY_SHARE, COLOUR_SHARE = 0.2, 0.4


def colour_evidence(thumb: Floats) -> float:
    """Detect colour: 1 for a colour picture, 0 for a colourless one. It samples every second pixel of a thumbnail (4, h, w)."""
    red, green, blue = thumb[:3, ::2, ::2]
    y = np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue
    chroma = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    coloured = np.clip(chroma / (LEAST_CHROMA + LEAST_SHARE_OF_LUMA * y) - 1, 0, 1)
    weight = np.minimum(y / INFORMATIVE_LUMA, 1)
    share = float((coloured * weight).sum()) / max(float(weight.sum()), 1.0)
    return min(max((share - GREY_SHARE) / (COLOUR_SHARE - GREY_SHARE), 0.0), 1.0)


def local_luma(thumb: Floats, rows: int, columns: int) -> Floats:
    """Mean luma of a thumbnail (4, h, w) around each cell of a map, (rows, columns)."""
    down, across = _area(rows, thumb.shape[1]), _area(columns, thumb.shape[2])
    red, green, blue = (down @ channel @ across.T for channel in thumb[:3])
    means: Floats = np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue
    return means


@cache
def _area(cells: int, count: int) -> Floats:
    """Matrix (cells, count) of area means, equal to torch's adaptive_avg_pool2d."""
    at, cell = np.arange(count), np.arange(cells)[:, None]
    inside = (at >= cell * count // cells) & (at < -(-(cell + 1) * count // cells))
    matrix: Floats = (inside / inside.sum(1, keepdims=True)).astype(np.float32)
    return matrix
