"""The C kernels of pixels.c, typed. Calls release the GIL."""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davy.native import load_kernels

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
PLANES, MAPS, CHUNK = 8, 9, 64  # as in pixels.c
TONE_SIZE = 4096

_SIGNATURES = {
    "davy_block_row": "p l i i i p p p l",
    "davy_area_average": "p i i p i i p",
    "davy_deviation": "p p l",
    "davy_maps": "p i i p i i i p p",
    "davy_apply": "p l i i i i i i p p p l p",
    "davy_motion": "p l i i i i i p p p p p",
    "davy_settle": "p l i i i i p i p p p",
}
_TYPES = {"p": ctypes.c_void_p, "l": ctypes.c_int64, "i": ctypes.c_int, "f": ctypes.c_float}


@cache
def library() -> ctypes.CDLL:
    """The compiled kernels with their signatures.

    Raises:
        KernelsMissingError: they were not compiled when Davy was installed.
    """
    loaded = load_kernels(Path(__file__).parent, "pixels")
    for name, signature in _SIGNATURES.items():
        function = getattr(loaded, name)
        function.argtypes = [_TYPES[letter] for letter in signature.split()]
        function.restype = None
    return loaded


def block_size(height: int, width: int) -> int:
    """Side of a block in pixels, as davy.isp.blocks.block_size has it."""
    return max(1, min(height, width) // 240)


class Workspace:
    """Buffers for pictures of one size, so that a frame allocates nothing; used by one thread at a time."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.block = block = block_size(height, width)
        self.h, self.w = -(-height // block), -(-width // block)
        self.stats: Floats = np.empty((PLANES, self.h, self.w), np.float32)
        self.maps: Floats = np.empty((MAPS, self.h, self.w), np.float32)
        self._row_bytes: Bytes = np.empty(3 * block * width + CHUNK, np.uint8)
        self._row_sums: Floats = np.empty(PLANES * (width + CHUNK), np.float32)
        self._planes: Floats = np.empty(19 * self.h * self.w + 8 * self.w, np.float32)
        self._rows: Floats = np.empty(2 * MAPS * width + 3 * width, np.float32)

    def measure(self, image: Bytes) -> None:
        """Fill stats from a BGR picture (H, W, 3) whose pixels are contiguous within a row."""
        call, stride = library().davy_block_row, image.strides[0]
        at, to = image.ctypes.data, self.stats.ctypes.data
        scratch = self._row_bytes.ctypes.data, self._row_sums.ctypes.data
        for row in range(self.h):
            top = row * self.block
            rows = min(self.block, self.height - top)
            call(at + top * stride, stride, rows, self.width, self.block, *scratch, to + 4 * row * self.w, self.h * self.w)

    def thumbnail(self, out: Floats) -> None:
        """Area means and deviation to out (4, rows, columns): red, green, blue, deviation of luma."""
        kernels, scratch = library(), self._planes
        if scratch.size < self.h * out.shape[2]:  # a narrow strip has fewer blocks in a row than the thumbnail has columns
            scratch = np.empty(self.h * out.shape[2], np.float32)
        for target, plane in zip(out, (*self.stats[:3], self.stats[4]), strict=True):
            kernels.davy_area_average(plane.ctypes.data, self.h, self.w, target.ctypes.data, *target.shape, scratch.ctypes.data)
        kernels.davy_deviation(out.ctypes.data, out[3].ctypes.data, out[0].size)

    def solve(self, cells: Floats) -> None:
        """Fill maps from stats and cell parameters (bins + 9, rows, columns), see pixels.c."""
        channels, rows, columns = cells.shape
        library().davy_maps(
            self.stats.ctypes.data,
            self.h,
            self.w,
            cells.ctypes.data,
            channels - 9,
            rows,
            columns,
            self.maps.ctypes.data,
            self._planes.ctypes.data,
        )

    def apply(self, image: Bytes, tone: Bytes, out: Bytes) -> None:
        """The fused pass over the whole picture."""
        library().davy_apply(
            image.ctypes.data,
            image.strides[0],
            0,
            self.height,
            self.width,
            self.h,
            self.w,
            self.block,
            self.maps.ctypes.data,
            tone.ctypes.data,
            out.ctypes.data,
            out.strides[0],
            self._rows.ctypes.data,
        )
