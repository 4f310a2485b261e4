"""The G-buffer: what stands behind every pixel of a camera that does not move, ray-marched once."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from davy_simulator.camera import Camera
from davy_simulator.chance import generator
from davy_simulator.kernels import MAX_LAMPS, Floats, Scene, Surface, floats, kernel, octets
from davy_simulator.places import Place

NOISE_SIDE = 32
SHADOW_STEP = 4  # shadows and ambient occlusion are soft: a sixteenth of the pixels is enough
BANDS = 8  # pieces of the picture that threads take
BOUNCE = 0.035  # of a lamp's light comes back from the walls


@dataclass(frozen=True, slots=True)
class Geometry:
    """Maps of the padded size (H, W); `openness` is ambient occlusion, `visibility` holds one shadow map per lamp."""

    scene: Scene
    noise: Floats
    depth: Floats
    normal: Floats
    albedo: Floats
    gloss: Floats
    material: NDArray[np.uint8]
    openness: Floats
    visibility: list[Floats]

    def surface(self, lamp: int, extinction_per_m: float) -> Surface:
        """The kernels' view of it, for one lamp."""
        pointers = [a.ctypes.data for a in (self.depth, self.normal, self.albedo, self.gloss, self.material, self.openness)]
        return Surface(*pointers, self.visibility[lamp].ctypes.data, extinction_per_m, BOUNCE)


def build_geometry(place: Place, camera: Camera, seed: int) -> Geometry:
    """Ray-march the place: about 0.6 s of one core at 720p, spread over the cores there are."""
    noise = generator(seed, place.name, "rock").uniform(-1, 1, NOISE_SIDE**3).astype(np.float32)
    scene = Scene(place=place.shape, lamps=len(place.lamps), noise=noise.ctypes.data)
    for index, lamp in enumerate(place.lamps[:MAX_LAMPS]):
        scene.lamp[index][:] = lamp.position
    camera.describe(scene)
    width, height = camera.padded
    depth, gloss = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    normal, albedo = np.empty((height, width, 3), np.float32), np.empty((height, width, 3), np.float32)
    material = np.empty((height, width), np.uint8)
    march = kernel("gbuffer")
    _in_bands(
        -(-height // 8),
        lambda first, last: march(
            scene,
            first * 8,
            min(last * 8, height),
            floats(depth),
            floats(normal),
            floats(albedo),
            floats(gloss),
            octets(material),
        ),
    )
    openness, visibility = _visibility(scene, depth, normal)
    return Geometry(scene, noise, depth, normal, albedo, gloss, material, openness, visibility)


def _visibility(scene: Scene, depth: Floats, normal: Floats) -> tuple[Floats, list[Floats]]:
    """Ambient occlusion and shadow maps at full size."""
    height, width = depth.shape
    rows, columns = -(-height // SHADOW_STEP), -(-width // SHADOW_STEP)
    openness, shadows = np.empty((rows, columns), np.float32), np.empty((scene.lamps, rows, columns), np.float32)
    fill = kernel("visibility")
    _in_bands(
        rows,
        lambda first, last: fill(
            scene, SHADOW_STEP, first, last, floats(depth), floats(normal), floats(openness), floats(shadows)
        ),
    )
    return _enlarge(openness, depth.shape), [_enlarge(plane, depth.shape) for plane in shadows]


def _enlarge(plane: Floats, shape: tuple[int, ...]) -> Floats:
    return np.asarray(cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def _in_bands(rows: int, work: Callable[[int, int], object]) -> None:
    """Call work(first, last) over all rows, in as many threads as there are cores; the kernels let go of the lock."""
    edges = np.linspace(0, rows, BANDS + 1).astype(int).tolist()
    with ThreadPoolExecutor(max_workers=min(BANDS, os.cpu_count() or 1)) as pool:
        list(pool.map(work, edges[:-1], edges[1:]))
