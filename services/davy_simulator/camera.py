"""The camera: a pinhole that hangs still; its maps have a margin, in which vibration shifts the picture."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from davy.domain.errors import InvalidInputError
from davy_simulator.kernels import Floats, Scene
from davy_simulator.places import Place

MARGIN_PX = 4  # the most that vibration shifts the picture, each way
FOCAL = 0.62  # focal length in picture widths: 78 degrees across
COARSE = 4  # STEP in compose.c: moving light and dust are computed at a quarter of the size
SMALLEST, LARGEST = (64, 48), (1920, 1080)  # rows of compose.c hold 2048 px


@dataclass(frozen=True, slots=True)
class Camera:
    """size is the picture's (width, height); padded the maps', multiples of 4."""

    size: tuple[int, int]
    padded: tuple[int, int]
    origin: Floats
    right: Floats
    up: Floats
    forward: Floats
    focal_px: float

    @property
    def centre(self) -> tuple[float, float]:
        """The optical axis in the maps, px."""
        return MARGIN_PX + self.size[0] / 2, MARGIN_PX + self.size[1] / 2

    def rays(self, step: int = 1) -> Floats:
        """Unit vectors through the centres of blocks of step px, shape (rows, columns, 3)."""
        columns, rows = (np.arange(extent // step, dtype=np.float32) * step + step / 2 for extent in self.padded)
        across = (columns - self.centre[0]) / self.focal_px
        down = (self.centre[1] - rows) / self.focal_px
        rays = self.forward + across[None, :, None] * self.right + down[:, None, None] * self.up
        return np.asarray(rays / np.linalg.norm(rays, axis=2, keepdims=True), np.float32)

    def project(self, points: NDArray[np.floating]) -> Floats:
        """World points (N, 3) to map px and distance along the axis in m, shape (N, 3)."""
        away = np.asarray(points, np.float32) - self.origin
        z = away @ self.forward
        safe = np.maximum(z, 1e-3)
        x = self.centre[0] + self.focal_px * (away @ self.right) / safe
        y = self.centre[1] - self.focal_px * (away @ self.up) / safe
        return np.stack([x, y, z], axis=1).astype(np.float32)

    def describe(self, scene: Scene) -> None:
        """Write the camera into the kernels' scene."""
        scene.origin[:], scene.right[:] = self.origin.tolist(), self.right.tolist()
        scene.up[:], scene.forward[:] = self.up.tolist(), self.forward.tolist()
        scene.focal, (scene.centre_x, scene.centre_y) = self.focal_px, self.centre
        scene.width, scene.height = self.padded


def camera_at(place: Place, size: tuple[int, int]) -> Camera:
    """The place's camera, taking pictures of size (width, height).

    Raises:
        InvalidInputError: the size is out of range.
    """
    width, height = size
    if not (SMALLEST[0] <= width <= LARGEST[0] and SMALLEST[1] <= height <= LARGEST[1]):
        raise InvalidInputError(f"a mine camera of {width}x{height} is out of range: use 64x48 to 1920x1080")
    forward = _unit(np.subtract(place.looks_at, place.camera))
    right = _unit(np.array([forward[2], 0.0, -forward[0]]))
    up = np.cross(forward, right).astype(np.float32)
    padded = (_multiple(width + 2 * MARGIN_PX), _multiple(height + 2 * MARGIN_PX))
    return Camera(size, padded, np.array(place.camera, np.float32), right, up, forward, FOCAL * width)


def _unit(vector: NDArray[np.floating]) -> Floats:
    array = np.array(vector, np.float32)
    return np.asarray(array / math.sqrt(float(array @ array)), np.float32)


def _multiple(extent: int) -> int:
    return -(-extent // COARSE) * COARSE
