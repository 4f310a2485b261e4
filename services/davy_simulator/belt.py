"""The conveyor's load: a moving coal texture, and its coordinates at every pixel."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from davy_simulator.camera import Camera
from davy_simulator.chance import generator
from davy_simulator.geometry import Geometry

MATERIAL = 6  # BELT in vectors.h
TEXELS, ACROSS = 2048, 64  # TEXELS in compose.c
TEXELS_PER_M = 100
WIDTH_M, CENTRE_X = 1.2, -0.35  # as in scene.c
ONE = 64  # byte value that leaves the belt's light as it is
LUMPS = 5200


@dataclass(frozen=True, slots=True)
class Belt:
    """coordinates: texel along (-1: no belt) and across, (H, W, 2) int16; level: mip level, (H, W); three textures."""

    coordinates: NDArray[np.int16]
    level: NDArray[np.uint8]
    textures: tuple[NDArray[np.uint8], ...]
    top: int


def build_belt(camera: Camera, geometry: Geometry, seed: int) -> Belt | None:
    """None where the camera sees no belt."""
    mask = geometry.material == MATERIAL
    if not mask.any():
        return None
    points = camera.origin + camera.rays() * geometry.depth[:, :, None]
    z = points[:, :, 2]
    bend = -0.003 * z * z / (1 + 0.02 * np.abs(z))
    across = ((points[:, :, 0] - bend - CENTRE_X) / WIDTH_M + 0.5) * ACROSS
    along = np.floor(z * TEXELS_PER_M) % TEXELS
    coordinates = np.empty((*mask.shape, 2), np.int16)
    coordinates[:, :, 0] = np.where(mask, along, -1)
    coordinates[:, :, 1] = np.clip(across, 0, ACROSS - 1)
    level = np.digitize(geometry.depth * 720 / camera.size[1], (5.0, 10.0)).astype(np.uint8)
    top = int(np.argmax(mask.any(axis=1)))
    return Belt(coordinates, level, _textures(seed), top)


def _textures(seed: int) -> tuple[NDArray[np.uint8], ...]:
    """Lumps of coal with a bright and a dark side, at three sizes."""
    rng = generator(seed, "belt")
    coal = np.full((TEXELS, ACROSS), 0.35 * ONE, np.float32)
    for _ in range(LUMPS):
        size = float(np.clip(rng.lognormal(0.9, 0.55), 1, 9))
        row, column = int(rng.integers(TEXELS)), int(np.clip(rng.normal(ACROSS / 2, ACROSS / 5.2), 5, ACROSS - 6))
        tone, axes, angle = rng.uniform(0.35, 1.3), (round(size), round(size * rng.uniform(0.5, 0.8))), rng.uniform(0, 180)
        for wrap in (row - TEXELS, row, row + TEXELS):
            if -16 < wrap < TEXELS + 16:
                cv2.ellipse(coal, (column, wrap), axes, angle, 0, 360, 0.3 * tone * ONE, -1)
                inner = (max(axes[0] - 1, 0), max(axes[1] - 1, 0))
                cv2.ellipse(coal, (column, wrap - 1), inner, angle, 0, 360, tone * ONE, -1)
    coal *= rng.uniform(0.75, 1.25, coal.shape).astype(np.float32)
    sizes = [(ACROSS >> level, TEXELS >> level) for level in range(3)]
    return tuple(
        np.ascontiguousarray(np.clip(cv2.resize(coal, size, interpolation=cv2.INTER_AREA), 0, 255).astype(np.uint8))
        for size in sizes
    )
