"""Everything of a camera's picture that does not move, computed once and kept as the frame kernel reads it."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.imaging.lowlight.exposure import exposure_for_mean
from davy_simulator import lamps
from davy_simulator.belt import Belt, build_belt
from davy_simulator.camera import COARSE, Camera
from davy_simulator.geometry import Geometry, build_geometry
from davy_simulator.kernels import Floats, Light, Scene, floats, kernel
from davy_simulator.places import Place

UNIT = 1 / 8192  # light per step of the uint16 maps: white is 8192, so a lamp may be 8 times over white
TRUTH_MEAN = 0.43  # of [0, 1]: 110 of 255, a well-exposed picture
AMBIENT = 0.0012  # light without a lamp, before exposure: nothing in a mine is quite black to a sensor


@dataclass(frozen=True, slots=True)
class CoarseMaps:
    """Points, normals, rays (h, w, 3), depth and transmission (h, w) at a quarter of the size."""

    points: Floats
    normals: Floats
    rays: Floats
    depth: Floats
    passed: Floats


@dataclass(frozen=True)
class Static:
    """Light maps are (H, W, 3) uint16 in units of UNIT, exposed; air maps (h, w, 4) float32, exposed, one per lamp.

    Of the G-buffer only the depth is kept, for what moves in front of it: a camera of 720p takes about 50 MB.
    """

    place: Place
    camera: Camera
    scene: Scene
    depth: Floats
    coarse: CoarseMaps
    gain: float
    base: NDArray[np.uint16]
    varying: dict[int, NDArray[np.uint16]]
    air: list[Floats]
    albedo: NDArray[np.uint8]
    even: NDArray[np.uint16]
    even_gain: float
    belt: Belt | None

    @cached_property
    def steady_air(self) -> Floats:
        """Sum of the air light of all lamps that do not change."""
        steady = [air for index, air in enumerate(self.air) if index not in self.varying]
        return np.sum(steady, axis=0, dtype=np.float32) if steady else np.zeros_like(self.air[0])


def build_static(place: Place, camera: Camera, seed: int, gain: float | None = None) -> Static:
    """Ray-march, light and expose the place: about 1 s of one core at 720p. Its light is metered where no gain is given."""
    geometry = build_geometry(place, camera, seed)
    coarse = _coarse(place, camera, geometry)
    lit = [_lamp_light(place, geometry, index) for index in range(len(place.lamps))]
    lights = [lamps.light_of(lamp) for lamp in place.lamps]
    air = [_air(place, camera, coarse, index, light) for index, light in enumerate(lights)]
    gain = gain or _metered(place, lit, air)
    shading = _lens_shading(camera)
    changing = lamps.varying(place)
    steady = geometry.albedo * np.float32(AMBIENT)
    for index, plane in enumerate(lit):
        if index not in changing:
            steady += plane
    even = np.zeros_like(geometry.albedo)
    kernel("even")(geometry.scene, geometry.surface(0, 0.0), floats(even))
    even_gain = exposure_for_mean(even[::4, ::4], TRUTH_MEAN)
    return Static(
        place=place,
        camera=camera,
        scene=Scene.from_buffer_copy(geometry.scene),  # of the rock's noise it needs nothing more
        depth=geometry.depth,
        coarse=coarse,
        gain=gain,
        base=_packed(steady * shading, gain),
        varying={index: _packed(lit[index] * shading, gain) for index in changing},
        air=[plane * np.float32(gain) for plane in air],
        albedo=np.clip(geometry.albedo * shading * 255, 0, 255).astype(np.uint8),
        even=_packed(even, even_gain),
        even_gain=even_gain,
        belt=build_belt(camera, geometry, seed),
    )


def _metered(place: Place, lit: list[Floats], air: list[Floats]) -> float:
    everything = np.sum([plane[::8, ::8] for plane in lit], axis=0)
    everything += np.sum([a[::2, ::2, :3] for a in air], axis=0)[: everything.shape[0], : everything.shape[1]]
    return exposure_for_mean(everything, place.display_mean)


def _lamp_light(place: Place, geometry: Geometry, index: int) -> Floats:
    radiance = np.zeros_like(geometry.albedo)
    lamp = place.lamps[index]
    surface = geometry.surface(index, place.extinction_per_m)
    kernel("lamp")(geometry.scene, surface, lamps.light_of(lamp), lamps.GLOW * lamp.power, floats(radiance))
    return radiance


def _coarse(place: Place, camera: Camera, geometry: Geometry) -> CoarseMaps:
    rays = camera.rays(COARSE)
    size = (rays.shape[1], rays.shape[0])
    depth = geometry.depth[COARSE // 2 :: COARSE, COARSE // 2 :: COARSE].copy()
    normals = np.asarray(cv2.resize(geometry.normal, size, interpolation=cv2.INTER_AREA), np.float32)
    points = np.asarray(camera.origin + rays * depth[:, :, None], np.float32)
    passed = np.exp(np.float32(-place.extinction_per_m) * depth)
    return CoarseMaps(points, normals, rays, depth, passed)


def _air(place: Place, camera: Camera, coarse: CoarseMaps, index: int, light: Light) -> Floats:
    glow = lamps.scattered(place.lamps[index], camera.origin, coarse.rays, coarse.depth, place.extinction_per_m)
    colour = np.array([*light.colour, 0], np.float32)
    return np.asarray(glow[:, :, None] * colour, np.float32)


def _lens_shading(camera: Camera) -> Floats:
    """The lens's fall-off to the corners: cos^4 of the angle, half of it corrected by the camera."""
    cosine = camera.rays() @ camera.forward
    return np.asarray(cosine**2, np.float32)[:, :, None]


def _packed(light: Floats, gain: float) -> NDArray[np.uint16]:
    return np.asarray(np.clip(light * np.float32(gain / UNIT) + 0.5, 0, 65535), np.uint16)
