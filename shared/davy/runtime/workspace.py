"""The buffers for pictures of one size, and what is computed in them."""

import ctypes

import numpy as np
from numpy.typing import NDArray

from davy.runtime.kernels import (
    CELLS,
    LANES,
    MAPS,
    MARGIN,
    PLANES,
    SUMS,
    Blocks,
    Floats,
    Maps,
    Picture,
    Rendering,
    Settled,
    block_size,
    kernel,
)
from davy.runtime.parameters import COLUMNS, ROWS, Parameters

COARSE = 8  # parts per side of the scene's coarse picture


class Workspace:
    """Buffers for pictures of one size, so that a frame allocates nothing; used by one thread at a time."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.block = block = block_size(height, width)
        self.h, self.w = -(-height // block), -(-width // block)
        self._pitch = pitch = MARGIN + -(-self.w // LANES) * LANES + MARGIN
        self._buffers: list[NDArray[np.generic]] = []
        stats = np.zeros((self.h, PLANES, pitch), np.float32)
        self.stats: Floats = stats[:, :, MARGIN : MARGIN + self.w].transpose(1, 0, 2)
        self._coarse: Floats = np.empty((COARSE, COARSE), np.float32)
        self._edges: NDArray[np.int32] = np.empty(0, np.int32)
        self._sums: Floats = np.zeros((SUMS, pitch), np.float32)
        padded = -(-width // LANES) * LANES
        at, sums = self._keep(stats), self._keep(self._sums)
        self._blocks = Blocks(at, pitch, block, self.h, self.w, self._keep(np.zeros((SUMS, padded), np.int32)), sums)
        column, part = _taps(np.minimum(np.arange(pitch - 2 * MARGIN), self.w - 1), self.w, COLUMNS)
        rooms = (self._keep(np.zeros((count, pitch), np.float32)) for count in (2 * CELLS, 3 * 6, PLANES + 1))
        maps = Maps(at, pitch, self.h, self.w, ROWS, COLUMNS, None, self._keep(column), self._keep(part), *rooms)
        left, share = _taps(np.minimum(np.arange(padded), width - 1), self.w * block, self.w)
        first = left[::8].copy()
        low = 2 * (left.reshape(-1, LANES if block > 2 else 8) - first[:: 2 if block > 2 else 1, None])
        pick, weight = (low + 256 * (low + 1)).astype(np.int16), np.minimum(share * 32768 + 0.5, 32767).astype(np.int16)
        rows, chroma = np.zeros((2, 2 * MAPS + 2, pitch), np.float32), np.zeros(padded, np.int16)
        arrays = [self._keep(array) for array in (first, pick, weight, rows, chroma)]
        self._rendering = Rendering(maps, *arrays, None, block)

    def _keep(self, array: NDArray[np.generic]) -> int:
        self._buffers.append(array)
        return array.ctypes.data

    def measure(self, picture: Picture, settled: Settled | None = None) -> None:
        """Fill stats from the picture, or from what it settles to: (6, h, w), means of red, green, blue, luma times each."""
        kernel("measure", "measure")(_at(picture), _at(settled), _at(self._blocks))

    def coarse(self) -> Floats:
        """Mean luma of 8 by 8 parts of the picture."""
        kernel("measure", "coarse")(_at(self._blocks), self._coarse.ctypes.data)
        return self._coarse.copy()

    def thumbnail(self, out: Floats) -> None:
        """Area means and deviation to out (4, rows, columns): red, green, blue, deviation of luma."""
        size = self._pitch, self.h, self.w, out.ctypes.data, out.shape[1], out.shape[2]
        if self._edges.size != 2 * out.shape[2]:
            self._edges = np.empty(2 * out.shape[2], np.int32)
        kernel("thumbnail", "thumbnail")(self._blocks.stats, *size, self._sums.ctypes.data, self._edges.ctypes.data)

    def render(self, picture: Picture, parameters: Parameters, out: Picture, settled: Settled | None = None) -> None:
        """The fused pass over the picture that was measured, or over what it settled to."""
        rendering = self._rendering
        rendering.maps.cells, rendering.knots = parameters.cells.ctypes.data, parameters.knots.ctypes.data
        kernel("render", "render")(_at(picture), _at(settled), _at(out), _at(rendering))


def _at(structure: ctypes.Structure | None) -> int | None:
    return None if structure is None else ctypes.addressof(structure)


def _taps(at: NDArray[np.int64], count: int, cells: int) -> tuple[NDArray[np.int32], Floats]:
    """Bilinear between cell centres, clamped at the border: the left cell, the last but one at most; the right one's weight."""
    position = np.clip((at + 0.5) * cells / count - 0.5, 0, cells - 1)
    left = np.minimum(position.astype(np.int32), max(cells - 2, 0))
    return left, (position - left).astype(np.float32)
