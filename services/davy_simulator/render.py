"""Frames of one camera: the static maps, plus everything that moves at one instant."""

import ctypes
import math
import threading
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage
from davy_simulator import lamps
from davy_simulator.air import Haze, Motes
from davy_simulator.camera import MARGIN_PX, camera_at
from davy_simulator.chance import generator, mixed, wander
from davy_simulator.kernels import Body, Canvas, Coarse, Floats, Frame, Light, floats, kernel
from davy_simulator.miners import bodies_of, cap_lamp, miners_at
from davy_simulator.osd import burn_in
from davy_simulator.people import PersonBox, find_people
from davy_simulator.places import Place
from davy_simulator.static import UNIT, CoarseMaps, Static, build_static

FAR_M = 1e4
NOISE_PIXELS = 1 << 18
NOISE_UNIT = 20  # as in compose.c
CHANNEL_GAIN = (1.7, 1.0, 1.5)  # blue, green, red: white balance for warm lamps raises the noise of blue most
SHOT_PER_LIGHT = 0.0009  # variance per white: a small sensor at high gain
READ_NOISE = 0.0011  # deviation, of white
ROW_NOISE = 0.0006
BLACK_BGR = (0.0068, 0.0022, 0.0055)  # black-level error after white balance: the purple of dark frames


class Renderer:
    """One camera of one size. Threads may call it; one frame is made at a time."""

    def __init__(self, place: Place, size: tuple[int, int], seed: int, gain: float | None = None) -> None:
        """Builds the static maps: about half a second on two cores at 720p; gain is another exposure than the metered one.

        Raises:
            InvalidInputError: the size is out of range.
        """
        self.place, self.seed = place, seed
        self._lock = threading.Lock()
        self._static: Static = build_static(place, camera_at(place, size), seed, gain)
        self._haze, self._motes = Haze(place, seed), Motes(place, self._static.camera, seed)
        rows, columns = self._static.coarse.depth.shape
        self._lit = np.zeros((rows + 2, columns, 4), np.float32)  # two spare rows, into which the kernel interpolates
        self._air = np.zeros((rows + 2, columns, 4), np.float32)
        width, height = self._static.camera.padded
        self._nearest = np.full((height, width), FAR_M, np.float32)
        self._radiance = np.zeros((height, width, 3), np.float32)
        self._touched = (0, 0, 0, 0)
        self._planes = _planes(self._static.coarse)
        self._coarse = Coarse(rows * columns, *(plane.ctypes.data for plane in self._planes))

    @property
    def gain(self) -> float:
        """The camera's exposure."""
        return self._static.gain

    def raw(self, t_s: float, unix_ns: int) -> BgrImage:
        """What the camera sees at t_s: dark, uneven, dusty, noisy."""
        tick = round(t_s * 1e6)
        with self._lock:
            factors = [lamps.factor_of(self.place, index, t_s, self.seed) for index in range(len(self.place.lamps))]
            miners = miners_at(self.place, t_s, self.seed)
            caps = [cap_lamp(miner) for miner in miners]
            self._light_up(t_s, factors, caps)
            fixed = [lamps.light_of(lamp, factor) for lamp, factor in zip(self.place.lamps, factors, strict=True)]
            bodies = [body for miner in miners for body in bodies_of(miner, self.place.camera)]
            frame = self._frame(t_s, self._static.base)
            frame.box[:] = self._draw(bodies, [_scaled(light, self._static.gain) for light in (*fixed, *caps)], even=0.0)
            frame.seed = mixed(self.seed, self.place.name, "noise", tick) & 0xFFFFFFFF
            for slot, (index, plane) in enumerate(self._static.varying.items()):
                frame.vary[slot], frame.factor[slot] = plane.ctypes.data, factors[index]
            frame.varying = len(self._static.varying)
            frame.albedo = self._static.albedo.ctypes.data
            frame.lit, frame.air = self._lit.ctypes.data, self._air.ctypes.data
            motes = self._motes.at(t_s, self._static.gain)
            frame.mote, frame.motes = motes.ctypes.data, len(motes)
            frame.shot, frame.read, frame.row_noise = SHOT_PER_LIGHT, READ_NOISE**2, ROW_NOISE
            frame.gain[:], frame.floor[:] = CHANNEL_GAIN, BLACK_BGR
            return self._finish(frame, unix_ns)

    def truth(self, t_s: float, unix_ns: int) -> BgrImage:
        """The same instant evenly lit, through clear air, by a camera without noise."""
        with self._lock:
            miners = miners_at(self.place, t_s, self.seed)
            bodies = [body for miner in miners for body in bodies_of(miner, self.place.camera)]
            frame = self._frame(t_s, self._static.even)
            frame.box[:] = self._draw(bodies, [], even=self._static.even_gain)
            return self._finish(frame, unix_ns)

    def depth(self, t_s: float) -> Floats:
        """Distance along the optical axis at the same instant, in m, shape (H, W); miners stand in it."""
        with self._lock:
            miners = miners_at(self.place, t_s, self.seed)
            self._draw([body for miner in miners for body in bodies_of(miner, self.place.camera)], [], even=0.0)
            camera, frame = self._static.camera, self._frame(t_s, self._static.even)
            along = np.minimum(self._static.depth, self._nearest) * (camera.rays() @ camera.forward)
            (width, height), left, top = camera.size, frame.shift_x, frame.shift_y
            return np.asarray(along[top : top + height, left : left + width], np.float32)

    def people(self, t_s: float) -> list[PersonBox]:
        """Boxes of everybody who is visible at the same instant, hidden parts left out."""
        with self._lock:
            bodies = [bodies_of(miner, self.place.camera) for miner in miners_at(self.place, t_s, self.seed)]
            frame = self._frame(t_s, self._static.even)
            shift = (frame.shift_x, frame.shift_y)
            return find_people(self._static.scene, self._static.depth, bodies, shift, self._static.camera.size)

    def _light_up(self, t_s: float, factors: Sequence[float], caps: Sequence[Light]) -> None:
        """Fill the quarter-size maps: cap lamps on rock, and all light that the dust scatters."""
        static = self._static
        rows, columns = static.coarse.depth.shape
        air = self._air[:rows]
        np.copyto(air, static.steady_air)
        for index in static.varying:
            air += static.air[index] * np.float32(factors[index])
        self._lit.fill(0)
        lights = (Light * max(len(caps), 1))(*(_scaled(light, static.gain / 255) for light in caps))
        scattered = np.zeros_like(self._air)
        kernel("moving_light")(
            static.scene,
            self._coarse,
            lights,
            len(caps),
            255 * self.place.extinction_per_m,  # the lights are scaled for albedo in 255 steps, and the air is not
            floats(self._lit),
            floats(scattered),
        )
        air += scattered[:rows]
        air *= self._haze.at(t_s, (rows, columns))[:, :, None]
        for plane in (self._lit, self._air):
            plane[rows:] = plane[rows - 1]

    def _draw(self, bodies: Sequence[Body], lights: Sequence[Light], even: float) -> tuple[int, int, int, int]:
        """Ray-cast the bodies over a clean canvas; returns the box they are in."""
        left, top, right, bottom = self._touched
        self._nearest[top:bottom, left:right] = FAR_M
        self._radiance[top:bottom, left:right] = 0  # what no body covers would grow with every multiplication below
        scene = self._static.scene
        canvas = Canvas(self._static.depth.ctypes.data, self._nearest.ctypes.data, self._radiance.ctypes.data)
        canvas.box[:] = (scene.width, scene.height, 0, 0)
        ambient = 0.0004 * self._static.gain
        nearest_first = sorted(bodies, key=self._distance_of)  # what is hidden is then never shaded
        kernel("bodies")(
            scene,
            (Body * max(len(bodies), 1))(*nearest_first),
            len(bodies),
            (Light * max(len(lights), 1))(*lights),
            len(lights),
            ambient,
            self.place.extinction_per_m,
            1 if even else 0,
            canvas,
        )
        left, top, right, bottom = canvas.box
        self._touched = (left, top, right, bottom) if left < right else (0, 0, 0, 0)
        if even:
            left, top, right, bottom = self._touched
            self._radiance[top:bottom, left:right] *= np.float32(even)
        return self._touched

    def _distance_of(self, body: Body) -> float:
        return math.dist(body.a, self.place.camera)

    def _frame(self, t_s: float, base: NDArray[np.uint16]) -> Frame:
        """What raw and truth share: geometry, vibration, the belt."""
        static = self._static
        width, height = static.camera.size
        shake = self.place.shake_px * height / 720
        shift = [
            MARGIN_PX + round(max(-MARGIN_PX, min(MARGIN_PX, shake * wander(t_s * 11, self.seed, self.place.name, axis))))
            for axis in "xy"
        ]
        frame = Frame(width=width, height=height, padded=static.camera.padded[0], shift_x=shift[0], shift_y=shift[1])
        frame.base, frame.unit, frame.columns, frame.far = base.ctypes.data, UNIT, static.coarse.depth.shape[1], FAR_M
        frame.nearest, frame.radiance = self._nearest.ctypes.data, self._radiance.ctypes.data
        noise = _noise_tile(self.seed)
        frame.noise, frame.noise_pixels = noise.ctypes.data, NOISE_PIXELS
        if static.belt is not None:
            belt = static.belt
            frame.belt, frame.belt_level = belt.coordinates.ctypes.data, belt.level.ctypes.data
            frame.texture[:] = [texture.ctypes.data for texture in belt.textures]
            frame.belt_offset = math.floor(t_s * self.place.belt_speed_m_s * 100) % 2048
            frame.belt_top = belt.top
        return frame

    def _finish(self, frame: Frame, unix_ns: int) -> BgrImage:
        width, height = self._static.camera.size
        image = np.empty((height, width, 3), np.uint8)
        frame.out = image.ctypes.data
        kernel("compose")(ctypes.byref(frame))
        burn_in(image, self.place.name, unix_ns)
        return image


def _planes(maps: CoarseMaps) -> list[Floats]:
    """The maps as the separate arrays of the kernels' `coarse`."""
    parts = [vector[:, :, axis] for vector in (maps.points, maps.normals, maps.rays) for axis in range(3)]
    return [np.ascontiguousarray(part) for part in (*parts, maps.depth, maps.passed)]


def _scaled(light: Light, factor: float) -> Light:
    return Light(light.position, light.aim, light.colour, light.power * factor, light.spread)


@cache
def _noise_tile(seed: int) -> NDArray[np.int8]:
    """Normal deviates (NOISE_PIXELS, 3), neighbours a little alike, as demosaicing leaves them."""
    white = generator(seed, "sensor").standard_normal((NOISE_PIXELS + 2, 3), dtype=np.float32)
    grain = (0.25 * white[:-2] + 0.9 * white[1:-1] + 0.25 * white[2:]) / math.sqrt(0.25**2 * 2 + 0.9**2)
    scaled = np.rint(grain * np.array(CHANNEL_GAIN, np.float32) * NOISE_UNIT)
    return np.asarray(np.clip(scaled, -127, 127), np.int8)
