"""Recursive temporal denoising for a fixed camera, gated by motion."""

import numpy as np
from numpy.typing import NDArray

from davy.imaging.runtime.kernels import FULL_WEIGHT, LANES, YUV, DenoiserState, Floats, Picture, block_size

INITIAL_NOISE_FLOOR = 1.0  # levels: mean change of a block between frames, before it is measured


class TemporalDenoiser:
    """Blend each frame into the denoised picture; stateful: one per camera, one thread at a time.

    A pixel moves by `blend_weight` to the newest frame where its block changes no more than its noise floor, and completely
    where the scene moves or the light changes. Noise falls to sqrt(weight / (2 - weight)), and motion leaves no ghost.

    Source: Dubois and Sabri 1984, "Noise reduction in image sequences using motion-compensated temporal filtering", without
    motion compensation, as the camera is fixed.

    Args:
        like: A picture of the camera: all its pictures have this format, range and size.
        blend_weight: Weight of the newest frame where nothing moves, in (0, 1].
    """

    def __init__(self, like: Picture, blend_weight: float) -> None:
        self.key = picture_key(like)
        yuv, _, height, width = self.key
        block = block_size(height, width) * 2  # twice the maps' blocks: means of fewer pixels are too noisy
        pitch = -(-width // (2 * LANES)) * 2 * LANES
        h, w = -(-height // block), -(-width // block)
        chroma = (-(-height // 2), pitch // 2) if yuv == YUV else (height, pitch)
        self.levels: list[NDArray[np.int16]] = [np.zeros(shape, np.int16) for shape in ((height, pitch), chroma, chroma)]
        self._noise_floor: Floats = np.empty((h, w), np.float32)
        self._motion_mask: Floats = np.empty((h, w), np.float32)
        self._moving_rows: NDArray[np.uint8] = np.ones(h, np.uint8)
        planes = tuple(plane.ctypes.data for plane in self.levels)
        arrays = (array.ctypes.data for array in (self._noise_floor, self._motion_mask, self._moving_rows))
        self._state = DenoiserState(planes, pitch, *arrays, block, h, w, round(blend_weight * FULL_WEIGHT), True, False)
        self.reset()

    def reset(self) -> None:
        """Discard the denoised picture: the next frame shows another scene."""
        self._noise_floor.fill(INITIAL_NOISE_FLOOR)
        self._motion_mask.fill(1)
        self._moving_rows.fill(1)
        self._state.reset = True

    def state(self, reuse: bool = False) -> DenoiserState:
        """The state for the kernels that measure and render the next frame.

        Args:
            reuse: Let static rows keep their block statistics and maps of the previous frame.
        """
        self._state.reuse = reuse
        return self._state

    def mark_measured(self) -> None:
        """Record that the kernels have measured a frame."""
        self._state.reset = False


def picture_key(picture: Picture) -> tuple[int, int, int, int]:
    """Format, range, height and width, which all pictures of a camera share."""
    return picture.format, picture.limited, picture.height, picture.width
