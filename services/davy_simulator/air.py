"""Dust: a drifting haze that the lamps light up, and motes that float past the lens."""

import math
from functools import cache

import cv2
import numpy as np

from davy_simulator.camera import Camera
from davy_simulator.chance import chance, generator
from davy_simulator.kernels import Floats
from davy_simulator.places import Place

TILE = 512  # of the haze texture, in pixels of the quarter-size maps; it wraps
CLOUDS = ((0.30, (5.0, 1.3)), (0.22, (-8.0, 2.1)))  # contrast, drift in maps' px/s, for 320 px across
MOTES = 90
ROOM_M = (3.2, 2.2, 4.5)  # where they float: a box before the lens
DRIFT_M_S = (0.10, -0.03, -0.22)


class Haze:
    """A factor on the scattered light that drifts like smoke: mean 1, shape of the quarter-size maps."""

    def __init__(self, place: Place, seed: int) -> None:
        self._tiles = [_clouds(seed, index) for index in range(len(CLOUDS))]
        self._start = [round(1e4 * chance(seed, place.name, "haze", axis)) for axis in "xy"]

    def at(self, t_s: float, shape: tuple[int, int]) -> Floats:
        rows, columns = shape
        factor = np.ones(shape, np.float32)
        for tile, (contrast, (across, down)) in zip(self._tiles, CLOUDS, strict=True):
            x, y = (
                (begin + math.floor(t_s * speed * columns / 320)) % TILE
                for begin, speed in zip(self._start, (across, down), strict=True)
            )
            factor *= 1 + np.float32(contrast) * tile[y : y + rows, x : x + columns]
        return factor


class Motes:
    """Specks of dust near the lens, out of focus; each lit by what lamps there are near it."""

    def __init__(self, place: Place, camera: Camera, seed: int) -> None:
        rng = generator(seed, place.name, "motes")
        self._camera = camera
        self._start = rng.uniform(0, 1, (MOTES, 3)) * ROOM_M
        self._sway = rng.uniform(0, 2 * math.pi, (MOTES, 3))
        self._size = rng.uniform(0.5, 1.4, MOTES)
        self._lamps = np.array([lamp.position for lamp in place.lamps], np.float32)
        self._power = np.array([lamp.power for lamp in place.lamps], np.float32)
        self._brightness = 0.02 + 1.2 * place.extinction_per_m

    def at(self, t_s: float, light: float) -> Floats:
        """Motes in view, rows (x, y, radius in px, blue, green, red); light scales them to the exposure."""
        room = np.array(ROOM_M)
        sway = 0.12 * np.sin(self._sway + t_s * (0.4 + 0.5 * self._sway / math.pi))
        local = (self._start + np.array(DRIFT_M_S) * t_s + sway) % room - room * (0.5, 0.5, 0.0) + (0, 0, 0.5)
        camera = self._camera
        world = camera.origin + local @ np.stack([camera.right, camera.up, camera.forward])
        spots = camera.project(world)
        square = np.square(world[:, None, :] - self._lamps[None]).sum(axis=2) + 0.3
        lit = (self._power / square).sum(axis=1) * light * self._brightness * self._size
        radius = camera.size[0] / 1280 * self._size * np.clip(3.2 / spots[:, 2], 0.8, 6.0)
        value = np.minimum(lit / np.maximum(radius, 1), 0.35)
        motes = np.stack([spots[:, 0], spots[:, 1], radius, value, value * 0.97, value * 0.92], axis=1)
        inside = (spots[:, 0] > 0) & (spots[:, 0] < camera.padded[0]) & (spots[:, 1] > 0) & (spots[:, 1] < camera.padded[1])
        return np.ascontiguousarray(motes[inside], np.float32)


@cache
def _clouds(seed: int, index: int) -> Floats:
    """Periodic noise of unit deviation, laid twice in both directions so that any window is one slice."""
    rng = generator(seed, "haze", index)
    tile = np.zeros((TILE, TILE), np.float32)
    for scale, weight in ((16, 1.0), (8, 0.6), (4, 0.35)):
        coarse = rng.standard_normal((scale, scale)).astype(np.float32)
        padded = np.pad(coarse, 2, mode="wrap")
        step = TILE // scale
        fine = cv2.resize(padded, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        tile += np.float32(weight) * fine[2 * step : 2 * step + TILE, 2 * step : 2 * step + TILE]
    tile = np.clip(tile / tile.std(), -2, 2)
    return np.tile(tile, (2, 2))
