"""A fixed camera's frames over time: noise settles where nothing moves."""

import numpy as np
from numpy.typing import NDArray

from davy.frame import BgrImage
from davy.runtime.kernels import Bytes, Floats, block_size, library

USUAL = 1.0  # bytes: how much a block's mean changes between frames, until it is known


class Settler:
    """Recursive smoothing over time, gated by motion; stateful: one per camera, one thread at a time.

    A pixel goes `share` of the way to the newest frame where its block changes by no more than it usually does, and all of the
    way where something moves or the light changes: noise falls to sqrt(share / (2 - share)), and what moves leaves no ghost.

    Source: Dubois and Sabri 1984, "Noise reduction in image sequences using motion-compensated temporal filtering", without the
    compensation, as the camera is fixed.
    """

    def __init__(self, height: int, width: int, share: float) -> None:
        self.height, self.width, self.share = height, width, share
        self.block = block_size(height, width) * 2  # coarser than the maps' blocks: the mean of fewer pixels is too noisy
        self._h, self._w = -(-height // self.block), -(-width // self.block)
        self._state: NDArray[np.uint16] = np.empty((height, width, 3), np.uint16)
        self._out: Bytes = np.empty((height, width, 3), np.uint8)
        self._usual: Floats = np.empty((self._h, self._w), np.float32)
        self.gates: Floats = np.zeros((self._h, self._w), np.float32)
        self._wide: Floats = np.empty(self._w, np.float32)
        self._line: NDArray[np.int32] = np.empty(3 * width, np.int32)
        self._known = False

    def forget(self) -> None:
        """Start anew: the next frame shows another scene."""
        self._known = False

    def settle(self, image: BgrImage) -> BgrImage:
        """The frame with its noise settled: (H, W, 3) uint8, a buffer that the next call writes again.

        Args:
            image: The next frame, (H, W, 3) uint8, contiguous pixels within a row.
        """
        if not self._known:
            np.left_shift(image, 8, out=self._state, dtype=np.uint16)
            self._usual.fill(USUAL)
            self._known = True
            return image
        size = self.height, self.width, self.block
        at, state, gates = (image.ctypes.data, image.strides[0]), self._state.ctypes.data, self.gates.ctypes.data
        wide, line = self._wide.ctypes.data, self._line.ctypes.data
        library().davy_motion(*at, *size, self._h, self._w, state, self._usual.ctypes.data, gates, wide, line)
        library().davy_settle(*at, *size, self._w, gates, round(256 * self.share), state, self._out.ctypes.data, line)
        return self._out
