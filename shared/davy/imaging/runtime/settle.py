"""A fixed camera's frames over time: noise settles where nothing moves."""

import numpy as np
from numpy.typing import NDArray

from davy.imaging.runtime.kernels import LANES, WHITE_SHARE, YUV, Floats, Picture, Settled, block_size

USUAL = 1.0  # levels: how much a block's mean changes between frames, until it is known


class Settler:
    """Recursive smoothing over time, gated by motion; stateful: one per camera, one thread at a time.

    A pixel goes `share` of the way to the newest frame where its block changes by no more than it usually does, and all of the
    way where something moves or the light changes: noise falls to sqrt(share / (2 - share)), and what moves leaves no ghost.

    Source: Dubois and Sabri 1984, "Noise reduction in image sequences using motion-compensated temporal filtering", without the
    compensation, as the camera is fixed.

    Args:
        like: A picture of the camera: all have its format, range and size.
        share: Of the newest frame where nothing moves.
    """

    def __init__(self, like: Picture, share: float) -> None:
        self.key = picture_key(like)
        yuv, _, height, width = self.key
        block = block_size(height, width) * 2  # coarser than the maps' blocks: the mean of fewer pixels is too noisy
        pitch = -(-width // (2 * LANES)) * 2 * LANES
        h, w = -(-height // block), -(-width // block)
        chroma = (-(-height // 2), pitch // 2) if yuv == YUV else (height, pitch)
        self.levels: list[NDArray[np.int16]] = [np.zeros(shape, np.int16) for shape in ((height, pitch), chroma, chroma)]
        self._usual: Floats = np.empty((h, w), np.float32)
        self._gates: Floats = np.empty((h, w), np.float32)
        self._moves: NDArray[np.uint8] = np.ones(h, np.uint8)
        at = tuple(plane.ctypes.data for plane in self.levels)
        state = self._usual.ctypes.data, self._gates.ctypes.data, self._moves.ctypes.data
        self._settled = Settled(at, pitch, *state, block, h, w, round(share * WHITE_SHARE), True, False)
        self.forget()

    def forget(self) -> None:
        """Start anew: the next frame shows another scene."""
        self._usual.fill(USUAL)
        self._gates.fill(1)
        self._moves.fill(1)
        self._settled.fresh = True

    def next(self, keep: bool = False) -> Settled:
        """For the kernels that measure the next frame, and then render it.

        keep: They may leave what they know of rows of blocks, and the maps made of it, as it is where nothing certainly moves.
        """
        self._settled.keep = keep
        return self._settled

    def seen(self) -> None:
        """A frame was measured."""
        self._settled.fresh = False


def picture_key(picture: Picture) -> tuple[int, int, int, int]:
    """Format, range, height and width: what one camera's pictures have in common."""
    return picture.format, picture.limited, picture.height, picture.width
