"""The four places that have a camera: where it hangs, which lamps burn, who walks there, how dusty it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

Point = tuple[float, float, float]


class Behaviour(Enum):
    """How a lamp's light changes in time."""

    STEADY = "steady"
    FLICKERS = "flickers"  # short dips, a bad contact
    FAILS = "fails"  # goes out for seconds, and comes back with a stutter


@dataclass(frozen=True, slots=True)
class FixedLamp:
    """position in m; aim and spread shape the beam (spread 0 shines to all sides, 2, 4, 8, ... is cos**spread)."""

    position: Point
    power: float
    temperature_k: float = 4000.0
    behaviour: Behaviour = Behaviour.STEADY
    aim: Point = (0.0, -1.0, 0.0)
    spread: float = 0.0


@dataclass(frozen=True, slots=True)
class Walk:
    """A miner's way: to and fro along the points (x, z), in m, at speed_m_s; 0 stands and works at the first point."""

    points: tuple[tuple[float, float], ...]
    speed_m_s: float
    start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """One camera's view. shape is the number of the distance field in scene.c."""

    name: str
    shape: int
    camera: Point
    looks_at: Point
    lamps: tuple[FixedLamp, ...]
    walks: tuple[Walk, ...]
    extinction_per_m: float  # dust
    display_mean: float  # what the camera's metering aims at without miners, of [0, 1]
    shake_px: float  # amplitude of vibration at 720p
    belt_speed_m_s: float = 0.0


_GALLERY = Place(
    name="gallery",
    shape=0,
    camera=(1.55, 2.7, 0.3),
    looks_at=(-0.25, 1.15, 8.0),
    lamps=(
        FixedLamp((1.55, 3.05, 6.8), 8.0, 4200.0, aim=(-0.5, -1.0, -0.35), spread=2.0),
        FixedLamp((2.3, 3.05, 15.5), 9.0, 3600.0, Behaviour.FLICKERS),
        FixedLamp((3.9, 3.0, 26.0), 14.0, 4200.0),
    ),
    walks=(
        Walk(((0.95, 4.2), (1.2, 9.0), (1.9, 15.0), (3.6, 26.0)), 1.25, 4.0),
        Walk(((-1.6, 5.0), (-1.5, 9.0), (-0.6, 16.0), (1.6, 26.0)), 1.05, 19.0),
        Walk(((0.6, 5.5), (1.0, 12.0), (2.4, 21.0)), 1.4, 31.0),
    ),
    extinction_per_m=0.012,
    display_mean=0.13,
    shake_px=0.5,
)
_FACE = Place(
    name="face",
    shape=1,
    camera=(-1.75, 2.65, 0.4),
    looks_at=(0.45, 1.2, 8.5),
    lamps=(
        FixedLamp((-0.05, 2.2, 9.35), 26.0, 5600.0, aim=(0.1, -0.15, 1.0), spread=4.0),
        FixedLamp((-1.2, 2.15, 9.2), 22.0, 5600.0, aim=(-0.15, -0.1, 1.0), spread=4.0),
        FixedLamp((0.75, 1.75, 7.1), 6.0, 5000.0, Behaviour.FLICKERS, aim=(0.0, -0.3, -1.0), spread=2.0),
        FixedLamp((-2.0, 2.9, 4.6), 3.0, 3200.0, aim=(0.6, -1.0, 0.3), spread=2.0),
    ),
    walks=(
        Walk(((2.0, 6.9), (1.75, 5.0), (1.5, 3.9)), 0.7, 3.0),
        Walk(((-1.85, 8.9),), 0.0, 1.0),
    ),
    extinction_per_m=0.025,
    display_mean=0.135,
    shake_px=2.2,
)
_CONVEYOR = Place(
    name="conveyor",
    shape=2,
    camera=(1.0, 2.25, 0.2),
    looks_at=(-0.35, 0.85, 6.5),
    lamps=(
        FixedLamp((0.75, 2.25, 4.7), 5.0, 3000.0, aim=(-0.35, -1.0, -0.2), spread=2.0),
        FixedLamp((0.5, 2.25, 12.8), 6.0, 3000.0, Behaviour.FLICKERS),
        FixedLamp((-0.1, 2.25, 22.3), 9.0, 3400.0),
    ),
    walks=(
        Walk(((0.95, 3.4), (0.95, 8.0), (0.75, 14.0), (0.3, 22.0)), 0.9, 6.0),
        Walk(((0.85, 7.0), (0.6, 18.0)), 1.2, 15.0),
    ),
    extinction_per_m=0.018,
    display_mean=0.13,
    shake_px=1.2,
    belt_speed_m_s=1.6,
)
_JUNCTION = Place(
    name="junction",
    shape=3,
    camera=(-1.8, 2.65, 0.3),
    looks_at=(0.55, 1.2, 8.0),
    lamps=(
        FixedLamp((-1.65, 2.95, 6.2), 7.0, 3400.0, aim=(0.5, -1.0, -0.2), spread=2.0),
        FixedLamp((2.75, 2.75, 8.2), 7.0, 4300.0, Behaviour.FAILS),
        FixedLamp((5.9, 2.7, 13.6), 9.0, 4300.0),
        FixedLamp((-1.2, 3.0, 19.0), 12.0, 3200.0),
    ),
    walks=(
        Walk(((0.6, 4.0), (0.5, 8.0), (0.2, 15.0), (-0.9, 24.0)), 1.2, 9.0),
        Walk(((1.2, 7.5), (2.6, 9.6), (5.5, 12.4), (8.5, 15.0)), 1.1, 2.0),
    ),
    extinction_per_m=0.011,
    display_mean=0.13,
    shake_px=0.4,
)

PLACES: Mapping[str, Place] = MappingProxyType({place.name: place for place in (_GALLERY, _FACE, _CONVEYOR, _JUNCTION)})
